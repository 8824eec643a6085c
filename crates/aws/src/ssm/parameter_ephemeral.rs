//! `ephemeral.aws_ssm_parameter`.

use crate::kit::prelude::*;

/// The value of a parameter, without a trace in plan and state.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_ssm_parameter")]
pub(crate) struct OpenParameter {
    /// ARN.
    #[attr(arn)]
    arn: String,
    /// Name.
    name: Computed<String>,
    /// Type.
    #[attr(name = "type")]
    kind: Computed<String>,
    /// The value.
    #[attr(sensitive)]
    value: Computed<Secret>,
    /// Number of the value.
    version: Computed<i64>,
    /// Decrypt a `SecureString`; so it is done where this is not set.
    with_decryption: OptComputed<bool>,
}

impl Data for OpenParameter {
    const ACTIONS: &'static [&'static str] = &["ssm:GetParameter"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let decrypt = config.with_decryption.unwrap_or(true);
        let found = cx.ssm().get_parameter().name(&config.arn).with_decryption(decrypt).send().await?;
        let p = found.parameter.ok_or_else(|| Error::incomplete("the parameter"))?;
        Ok(OpenParameter {
            arn: p.arn.clone().unwrap_or_else(|| config.arn.clone()),
            name: p.name.clone(),
            kind: p.r#type().map(|t| t.as_str().to_owned()),
            version: Some(p.version()),
            value: p.value.map(Secret::from),
            with_decryption: Some(decrypt),
        })
    }
}
