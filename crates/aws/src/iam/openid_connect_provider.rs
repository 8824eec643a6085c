//! `aws_iam_openid_connect_provider`.

use super::{from_tags, tags};
use crate::kit::prelude::*;

/// An identity provider whose tokens roles can be assumed with.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_openid_connect_provider", identity(name("url").dated()))]
pub(crate) struct OpenIdConnectProvider {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Audiences of tokens.
    #[attr(length(1, 255))]
    client_id_list: BTreeSet<String>,
    /// Tags.
    tags: Tags,
    /// SHA-1 digests of the certificates of the provider's CA; IAM finds them itself where they are not set.
    #[attr(length(40, 40))]
    thumbprint_list: OptComputed<Vec<String>>,
    /// URL of the provider, with `https://`.
    #[attr(force_new, pattern(r"(https://)?[^/:?#]+(/[^?#]*)?", "an https:// URL without query and fragment"))]
    url: String,
}

impl Resource for OpenIdConnectProvider {
    const ACTIONS: &'static [&'static str] = &[
        "iam:AddClientIDToOpenIDConnectProvider",
        "iam:CreateOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider",
        "iam:GetOpenIDConnectProvider",
        "iam:ListOpenIDConnectProviders",
        "iam:RemoveClientIDFromOpenIDConnectProvider",
        "iam:TagOpenIDConnectProvider",
        "iam:UntagOpenIDConnectProvider",
        "iam:UpdateOpenIDConnectProviderThumbprint",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.iam().get_open_id_connect_provider().open_id_connect_provider_arn(&at.id).send().await?;
        let url = found.url().unwrap_or_default();
        let written = Some(&at.known.url).filter(|w| bare(w) == bare(url));
        let value = OpenIdConnectProvider {
            arn: Some(at.id.clone()),
            client_id_list: found.client_id_list().iter().cloned().collect(),
            tags: from_tags(found.tags()),
            thumbprint_list: Some(found.thumbprint_list().to_vec()),
            url: written.cloned().unwrap_or_else(|| url.to_owned()),
        };
        let created = found.create_date().map(|d| d.secs());
        Ok(vec![at.live(&at.id, value).created(created)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let thumbprints = new.thumbprint_list.clone().filter(|l| !l.is_empty());
        let made = cx
            .iam()
            .create_open_id_connect_provider()
            .url(format!("https://{}", bare(&new.url)))
            .set_client_id_list(Some(new.client_id_list.iter().cloned().collect()))
            .set_thumbprint_list(thumbprints)
            .set_tags(tags(&new.tags)?)
            .send()
            .await?;
        made.open_id_connect_provider_arn.ok_or_else(|| Error::incomplete("the provider's ARN"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.iam().delete_open_id_connect_provider().open_id_connect_provider_arn(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                let call = cx.iam().untag_open_id_connect_provider().open_id_connect_provider_arn(&r.id);
                call.set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                let call = cx.iam().tag_open_id_connect_provider().open_id_connect_provider_arn(&r.id);
                call.set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let url = bare(&intent.keys.url);
        let found = cx.iam().list_open_id_connect_providers().send().await?;
        let mut arns = found.open_id_connect_provider_list().iter().filter_map(|p| p.arn());
        match arns.find(|a| a.split_once(":oidc-provider/").is_some_and(|(_, name)| name == url)) {
            Some(arn) => intent.read(cx, arn).await,
            None => Ok(Vec::new()),
        }
    }

    fn plan(draft: &mut Draft<'_>) {
        let (old, new) = (draft.prior("url").as_str(), draft.planned("url").as_str());
        if let (Some(old), Some(new)) = (old, new)
            && bare(old) == bare(new)
        {
            draft.keep("url");
        }
    }
}

impl Update for OpenIdConnectProvider {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (iam, arn, old, new) = (cx.iam(), &ch.at.id, ch.old, ch.new);
        if changed!(ch, thumbprint_list)
            && let Some(list) = new.thumbprint_list.clone().filter(|l| !l.is_empty())
        {
            let call = iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(arn);
            call.set_thumbprint_list(Some(list)).send().await?;
        }
        if changed!(ch, client_id_list) {
            for id in new.client_id_list.difference(&old.client_id_list) {
                let call = iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(arn);
                call.client_id(id).send().await?;
            }
            for id in old.client_id_list.difference(&new.client_id_list) {
                let call = iam.remove_client_id_from_open_id_connect_provider().open_id_connect_provider_arn(arn);
                call.client_id(id).send().await.absent()?;
            }
        }
        Ok(())
    }
}

/// The URL as IAM keeps it.
fn bare(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}
