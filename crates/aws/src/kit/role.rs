//! Roles of a `provider "aws"` or `backend "s3"` block: assumed one after the other, refreshed before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use stackctl_core::{Error, ErrorKind, Result};

use super::connect::{Secret, Settings, with_credentials};

/// A role to assume with the credentials at hand.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole {
    /// ARN of the role.
    pub role_arn: String,
    /// Lifetime of the session.
    pub duration: Option<Duration>,
    /// External id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// Session policy, a JSON document.
    pub policy: Option<String>,
    /// Managed session policies.
    pub policy_arns: Vec<String>,
    /// Name of the session.
    pub session_name: Option<String>,
    /// Source identity.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Keys of the session tags that are passed on.
    pub transitive_tag_keys: Vec<String>,
}

/// A role to assume with a web identity token.
#[derive(Clone, Debug, Default)]
pub struct WebIdentity {
    /// ARN of the role.
    pub role_arn: String,
    /// Lifetime of the session.
    pub duration: Option<Duration>,
    /// Session policy, a JSON document.
    pub policy: Option<String>,
    /// Managed session policies.
    pub policy_arns: Vec<String>,
    /// Name of the session.
    pub session_name: Option<String>,
    /// The token itself.
    pub token: Option<Secret>,
    /// File that holds the token, read anew for each session.
    pub token_file: Option<String>,
}

/// Assumes the roles of `settings`. Returns the settings for services and for STS itself under the last role.
pub(super) async fn chain(settings: &Settings, sdk: SdkConfig, sts: SdkConfig) -> Result<(SdkConfig, SdkConfig)> {
    let (mut sdk, mut sts) = (sdk, sts);
    let web = settings.web_identity.iter().cloned().map(Step::Web);
    let roles = settings.assume_role.iter().cloned().map(Step::Role);
    for step in web.chain(roles) {
        let arn = step.arn().to_owned();
        let provider = Session { client: aws_sdk_sts::Client::new(&sts), step: Arc::new(step) };
        // Fail here, with the role's name, and not at the first request of some resource.
        provider
            .assume()
            .await
            .map_err(|e| Error { message: format!("The role {arn} cannot be assumed: {}", e.message), ..e })?;
        let shared = SharedCredentialsProvider::new(provider);
        sdk = with_credentials(&sdk, shared.clone());
        sts = with_credentials(&sts, shared);
    }
    Ok((sdk, sts))
}

#[derive(Debug)]
enum Step {
    Role(AssumeRole),
    Web(WebIdentity),
}

impl Step {
    fn arn(&self) -> &str {
        match self {
            Step::Role(r) => &r.role_arn,
            Step::Web(w) => &w.role_arn,
        }
    }
}

#[derive(Debug)]
struct Session {
    client: aws_sdk_sts::Client,
    step: Arc<Step>,
}

impl Session {
    async fn assume(&self) -> Result<Credentials> {
        let answer = match &*self.step {
            Step::Role(r) => assume_role(&self.client, r).await?,
            Step::Web(w) => assume_web(&self.client, w).await?,
        };
        let c = answer.ok_or_else(|| Error::new(ErrorKind::Other, "STS answered without credentials."))?;
        let until = SystemTime::try_from(*c.expiration()).ok();
        Ok(Credentials::new(
            c.access_key_id(),
            c.secret_access_key(),
            Some(c.session_token().to_owned()),
            until,
            "assume_role",
        ))
    }
}

impl ProvideCredentials for Session {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.assume().await.map_err(CredentialsError::provider_error) })
    }
}

fn session_name(name: Option<&String>) -> String {
    name.cloned().unwrap_or_else(|| "stackctl".to_owned())
}

fn policies(arns: &[String]) -> Option<Vec<PolicyDescriptorType>> {
    let list: Vec<_> = arns.iter().map(|a| PolicyDescriptorType::builder().arn(a).build()).collect();
    (!list.is_empty()).then_some(list)
}

fn seconds(d: Option<Duration>) -> Option<i32> {
    d.map(|d| i32::try_from(d.as_secs()).unwrap_or(i32::MAX))
}

async fn assume_role(client: &aws_sdk_sts::Client, r: &AssumeRole) -> Result<Option<aws_sdk_sts::types::Credentials>> {
    let tags = r.tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect::<Result<Vec<_>, _>>();
    let tags = tags.map_err(|e| Error::invalid(e.to_string()))?;
    let answer = client
        .assume_role()
        .role_arn(&r.role_arn)
        .role_session_name(session_name(r.session_name.as_ref()))
        .set_duration_seconds(seconds(r.duration))
        .set_external_id(r.external_id.clone())
        .set_policy(r.policy.clone())
        .set_policy_arns(policies(&r.policy_arns))
        .set_source_identity(r.source_identity.clone())
        .set_tags((!tags.is_empty()).then_some(tags))
        .set_transitive_tag_keys((!r.transitive_tag_keys.is_empty()).then(|| r.transitive_tag_keys.clone()))
        .send()
        .await
        .map_err(|e| super::errors::sdk("sts", "AssumeRole", e))?;
    Ok(answer.credentials)
}

async fn assume_web(client: &aws_sdk_sts::Client, w: &WebIdentity) -> Result<Option<aws_sdk_sts::types::Credentials>> {
    let token = match (&w.token, &w.token_file) {
        (Some(t), _) => t.0.clone(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|e| Error::invalid(format!("The web identity token file {file} cannot be read: {e}")))?,
        (None, None) => return Err(Error::invalid("A web identity needs a token or a token file.")),
    };
    let answer = client
        .assume_role_with_web_identity()
        .role_arn(&w.role_arn)
        .role_session_name(session_name(w.session_name.as_ref()))
        .web_identity_token(token)
        .set_duration_seconds(seconds(w.duration))
        .set_policy(w.policy.clone())
        .set_policy_arns(policies(&w.policy_arns))
        .send()
        .await
        .map_err(|e| super::errors::sdk("sts", "AssumeRoleWithWebIdentity", e))?;
    Ok(answer.credentials)
}
