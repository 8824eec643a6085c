//! `data.aws_caller_identity`.

use crate::kit::prelude::*;

/// Account and identity that the credentials belong to.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_caller_identity")]
pub(crate) struct CallerIdentity {
    /// Account.
    account_id: Computed<String>,
    /// ARN of the user or role session.
    arn: Computed<String>,
    /// Account.
    id: OptComputed<String>,
    /// Unique id of the user or role session.
    user_id: Computed<String>,
}

impl Data for CallerIdentity {
    const ACTIONS: &'static [&'static str] = &["sts:GetCallerIdentity"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let c = cx.connection();
        let (account, arn, user) = if c.caller_arn.is_empty() {
            // The provider block says not to ask while connecting; here it is asked for.
            let who = aws_sdk_sts::Client::new(&c.sdk_for("sts")).get_caller_identity().send().await?;
            (who.account.unwrap_or_default(), who.arn.unwrap_or_default(), who.user_id.unwrap_or_default())
        } else {
            (c.account.clone(), c.caller_arn.clone(), c.caller_id.clone())
        };
        let id = config.id.clone().unwrap_or_else(|| account.clone());
        Ok(CallerIdentity { account_id: Some(account), arn: Some(arn), id: Some(id), user_id: Some(user) })
    }
}
