//! `aws_cloudwatch_dashboard`.

use crate::kit::prelude::*;

/// A dashboard.
///
/// Putting a dashboard replaces one of its name: one of somebody else is found before the request.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_cloudwatch_dashboard", identity(name("dashboard_name").silent()))]
pub(crate) struct Dashboard {
    /// ARN.
    #[attr(starts_with = "arn:")]
    dashboard_arn: Computed<String>,
    /// What it shows.
    #[attr(json)]
    dashboard_body: Json,
    /// Name, unique in the account.
    #[attr(force_new, length(1, 255), pattern(r"[-_A-Za-z0-9]+", "letters, digits and -_"))]
    dashboard_name: String,
}

impl Resource for Dashboard {
    const ACTIONS: &'static [&'static str] =
        &["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.cloudwatch().get_dashboard().dashboard_name(&at.id).send().await?;
        let value = Dashboard {
            dashboard_arn: found.dashboard_arn,
            dashboard_body: found.dashboard_body.unwrap_or_default().into(),
            dashboard_name: found.dashboard_name.unwrap_or_else(|| at.id.clone()),
        };
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.dashboard_name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.cloudwatch().delete_dashboards().dashboard_names(&at.id).send().await?;
        Ok(())
    }
}

impl Update for Dashboard {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, dashboard_body) { put(cx, ch.new).await } else { Ok(()) }
    }
}

/// The service accepts some mistakes and tells them; then nothing is shown in their place.
async fn put(cx: &Cx, new: &Dashboard) -> Result<()> {
    let call = cx.cloudwatch().put_dashboard().dashboard_name(&new.dashboard_name);
    call.dashboard_body(new.dashboard_body.as_str()).send().await?;
    Ok(())
}
