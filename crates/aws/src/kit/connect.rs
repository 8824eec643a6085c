//! From settings to clients: credentials, region, HTTP, endpoints, roles, and who we are.
//!
//! The SDK does profiles, SSO, IMDS, web identity and `AWS_ENDPOINT_URL*` by itself. What it leaves to us is here: proxies
//! and CA bundles, the roles of a `provider "aws"` block, the check of the account, and AWS's clock (the `Date` of its
//! answers). Both the provider and the state backend connect through [`connect`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds::client::EndpointMode;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::{RetryConfig, RetryMode};
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use stackctl_core::{Error, ErrorKind, Host, Path, Result};

use super::http::{Http, ServerClock};
use super::role;

/// How to connect. Empty settings mean the environment and the shared files, as every AWS tool reads them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Region; else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, IMDS.
    pub region: Option<String>,
    /// Profile of the shared files.
    pub profile: Option<String>,
    /// Access key id, with [`Settings::secret_key`].
    pub access_key: Option<String>,
    /// Secret access key.
    pub secret_key: Option<Secret>,
    /// Session token that belongs to the keys.
    pub token: Option<Secret>,
    /// Files that take the place of `~/.aws/config`.
    pub shared_config_files: Vec<String>,
    /// Files that take the place of `~/.aws/credentials`.
    pub shared_credentials_files: Vec<String>,
    /// Roles to assume, each with the credentials of the one before.
    pub assume_role: Vec<role::AssumeRole>,
    /// Role to assume with a web identity token, before the others.
    pub web_identity: Option<role::WebIdentity>,
    /// Endpoint URLs by service, keyed as Terraform spells the services.
    pub endpoints: BTreeMap<String, String>,
    /// Retries of a request, the first attempt not counted.
    pub max_retries: Option<u32>,
    /// `standard` or `adaptive`.
    pub retry_mode: Option<String>,
    /// Proxy for `http://` URLs.
    pub http_proxy: Option<String>,
    /// Proxy for `https://` URLs.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy.
    pub no_proxy: Option<String>,
    /// File with the certificates of a private CA.
    pub custom_ca_bundle: Option<String>,
    /// Use FIPS endpoints.
    pub use_fips: Option<bool>,
    /// Use dual-stack endpoints.
    pub use_dualstack: Option<bool>,
    /// Address buckets by path instead of host name.
    pub s3_use_path_style: bool,
    /// Region of STS, where it is another one.
    pub sts_region: Option<String>,
    /// Do not validate the credentials.
    pub skip_credentials_validation: bool,
    /// Do not ask for the account id.
    pub skip_requesting_account_id: bool,
    /// Accept regions that we do not know.
    pub skip_region_validation: bool,
    /// How to reach the instance metadata service.
    pub metadata: Metadata,
    /// Accounts that may be used; empty for any.
    pub allowed_account_ids: BTreeSet<String>,
    /// Accounts that must not be used.
    pub forbidden_account_ids: BTreeSet<String>,
}

/// The instance metadata service, as the settings want it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Never ask it for credentials.
    pub skip: bool,
    /// Its address.
    pub endpoint: Option<String>,
    /// `IPv4` or `IPv6`.
    pub mode: Option<String>,
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// A connection to one account and region.
pub struct Connection {
    sdk: SdkConfig,
    endpoints: BTreeMap<String, String>,
    /// Account id; empty where it was not asked for.
    pub account: String,
    /// Region.
    pub region: String,
    /// Partition of the region: `aws`, `aws-cn`, `aws-us-gov`, ….
    pub partition: &'static str,
    /// ARN of the caller; empty where it was not asked for.
    pub caller_arn: String,
    /// Unique id of the caller; empty where it was not asked for.
    pub caller_id: String,
    /// Address buckets by path.
    pub s3_use_path_style: bool,
    /// AWS's clock.
    pub clock: ServerClock,
}

impl Connection {
    /// SDK settings for the service that Terraform calls `service` (`ec2`, `cloudwatchlogs` …), its endpoint included.
    pub fn sdk_for(&self, service: &str) -> SdkConfig {
        match self.endpoint(service) {
            Some(url) => {
                let mut sdk = self.sdk.to_builder().endpoint_url(url);
                // Without an origin it would give way to AWS_ENDPOINT_URL.
                sdk.insert_origin("endpoint_url", aws_types::origin::Origin::shared_config());
                sdk.build()
            }
            None => self.sdk.clone(),
        }
    }
    /// The same in another region.
    pub fn sdk_in(&self, service: &str, region: &str) -> SdkConfig {
        self.sdk_for(service).to_builder().region(Region::new(region.to_owned())).build()
    }
    /// The endpoint that the `endpoints` block sets for a service, under any of its names.
    fn endpoint(&self, service: &str) -> Option<&str> {
        let names = super::endpoints::aliases(service);
        names.iter().find_map(|n| self.endpoints.get(*n)).map(String::as_str)
    }
}

/// Connects: loads settings, assumes roles, and asks who we are.
///
/// # Errors
/// If there is no region or no credentials, a role cannot be assumed, the endpoint cannot be reached, or the account is
/// not one that the settings allow.
pub async fn connect(settings: &Settings, host: &Host) -> Result<Connection> {
    let clock = ServerClock::default();
    let http = Http::new(settings, &host.env, clock.clone())?;
    let sdk = base(settings, host, http).await?.load().await;
    let region = sdk.region().map(|r| r.as_ref().to_owned()).ok_or_else(|| {
        Error::at(Path::attr("region"), "No AWS region is set.")
            .hinted("Set `region` in the provider block, AWS_REGION, or a region in your profile.")
    })?;
    if !settings.skip_region_validation && !super::region::is_region(&region) {
        return Err(Error::at(Path::attr("region"), format!("{region:?} is not a known AWS region.")).hinted(
            "Correct the region, or set `skip_region_validation = true` for one that is newer than stackctl.",
        ));
    }
    let sts = {
        let mut b = sdk.to_builder();
        if let Some(r) = &settings.sts_region {
            b = b.region(Region::new(r.clone()));
        }
        if let Some(url) =
            super::endpoints::aliases("sts").iter().find_map(|n| settings.endpoints.get(*n)).map(String::as_str)
        {
            b = b.endpoint_url(url);
        }
        b.build()
    };
    let (sdk, sts) = role::chain(settings, sdk, sts).await?;
    let mut connection = Connection {
        sdk,
        endpoints: settings.endpoints.clone(),
        account: String::new(),
        partition: super::region::partition(&region),
        region,
        caller_arn: String::new(),
        caller_id: String::new(),
        s3_use_path_style: settings.s3_use_path_style,
        clock,
    };
    let restricted = !settings.allowed_account_ids.is_empty() || !settings.forbidden_account_ids.is_empty();
    if restricted || !(settings.skip_requesting_account_id && settings.skip_credentials_validation) {
        identify(&mut connection, &sts).await?;
        check_account(settings, &connection.account)?;
    }
    Ok(connection)
}

async fn identify(connection: &mut Connection, sts: &SdkConfig) -> Result<()> {
    let who = aws_sdk_sts::Client::new(sts).get_caller_identity().send().await.map_err(|e| {
        let e = super::errors::sdk("sts", "GetCallerIdentity", e);
        match e.kind {
            ErrorKind::Denied | ErrorKind::Invalid => Error {
                message: format!("AWS does not accept the credentials: {}", e.message),
                hint: Some("Check AWS_PROFILE, the access keys, or whether a session token has expired.".into()),
                ..e
            },
            ErrorKind::Unreachable => {
                let at = sts.endpoint_url().map(|u| format!("{}: {u}", e.message));
                Error { message: at.unwrap_or_else(|| e.message.clone()), ..e }.hinted(
                    "Check the network, HTTPS_PROXY, the endpoint settings, and that credentials are configured at all.",
                )
            }
            _ => e,
        }
    })?;
    connection.account = who.account().unwrap_or_default().to_owned();
    connection.caller_arn = who.arn().unwrap_or_default().to_owned();
    connection.caller_id = who.user_id().unwrap_or_default().to_owned();
    Ok(())
}

fn check_account(settings: &Settings, account: &str) -> Result<()> {
    let (attr, refused) = match () {
        () if settings.forbidden_account_ids.contains(account) => ("forbidden_account_ids", true),
        () => {
            let allowed = &settings.allowed_account_ids;
            ("allowed_account_ids", !allowed.is_empty() && !allowed.contains(account))
        }
    };
    if refused {
        return Err(Error::at(
            Path::attr(attr),
            format!("The credentials belong to account {account}, which `{attr}` rules out."),
        )
        .hinted("Use the credentials of the right account, or change the provider block."));
    }
    Ok(())
}

async fn base(settings: &Settings, host: &Host, http: Http) -> Result<ConfigLoader> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
    if settings.metadata != Metadata::default() && settings.access_key.is_none() {
        loader = loader.credentials_provider(chain_with_metadata(settings, http).await?);
    }
    if let Some(r) = &settings.region {
        loader = loader.region(Region::new(r.clone()));
    }
    if let Some(p) = &settings.profile {
        loader = loader.profile_name(p.clone());
    }
    if !settings.shared_config_files.is_empty() || !settings.shared_credentials_files.is_empty() {
        loader = loader.profile_files(profile_files(settings, host));
    }
    if let (Some(id), Some(secret)) = (&settings.access_key, &settings.secret_key) {
        let token = settings.token.as_ref().map(|t| t.0.clone());
        loader = loader.credentials_provider(Credentials::new(id.clone(), secret.0.clone(), token, None, "provider"));
    }
    if let Some(on) = settings.use_fips {
        loader = loader.use_fips(on);
    }
    if let Some(on) = settings.use_dualstack {
        loader = loader.use_dual_stack(on);
    }
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    // An attempt has its time; a busy service that thinks before it answers is no stalled one.
    let patient = StalledStreamProtectionConfig::disabled();
    Ok(loader.retry_config(retry(settings, host)).timeout_config(timeouts).stalled_stream_protection(patient))
}

/// The SDK's default chain with another metadata service, or with one that answers nothing.
async fn chain_with_metadata(settings: &Settings, http: Http) -> Result<DefaultCredentialsChain> {
    let wrong = |m: String| Error::at(Path::attr("ec2_metadata_service_endpoint"), m);
    if !settings.shared_config_files.is_empty() || !settings.shared_credentials_files.is_empty() {
        return Err(wrong("Settings of the metadata service and shared files cannot be combined.".into())
            .hinted("Set AWS_EC2_METADATA_DISABLED or AWS_EC2_METADATA_SERVICE_ENDPOINT in the environment instead."));
    }
    // Neither the chain nor the metadata client has an HTTP client of its own.
    let config = ProviderConfig::without_region().with_http_client(http);
    let mut imds = aws_config::imds::Client::builder().configure(&config);
    let nowhere = settings.metadata.skip.then_some("http://127.0.0.1:1");
    if let Some(url) = nowhere.or(settings.metadata.endpoint.as_deref()) {
        imds = imds.endpoint(url).map_err(|e| wrong(format!("{url:?} is not an address: {e}")))?;
    }
    if settings.metadata.skip {
        imds = imds.max_attempts(1);
    }
    if settings.metadata.mode.as_deref().is_some_and(|m| m.eq_ignore_ascii_case("ipv6")) {
        imds = imds.endpoint_mode(EndpointMode::IpV6);
    }
    let mut chain = DefaultCredentialsChain::builder().configure(config).imds_client(imds.build());
    if let Some(p) = &settings.profile {
        chain = chain.profile_name(p);
    }
    if let Some(r) = &settings.region {
        chain = chain.region(Region::new(r.clone()));
    }
    Ok(chain.build().await)
}

#[expect(deprecated, reason = "the new names stand in a crate of the SDK's own plumbing")]
fn profile_files(settings: &Settings, host: &Host) -> aws_config::profile::profile_file::ProfileFiles {
    use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
    let (config, credentials) = (&settings.shared_config_files, &settings.shared_credentials_files);
    let mut files = ProfileFiles::builder()
        .include_default_config_file(config.is_empty())
        .include_default_credentials_file(credentials.is_empty());
    for f in config {
        files = files.with_file(ProfileFileKind::Config, expand_home(f, host));
    }
    for f in credentials {
        files = files.with_file(ProfileFileKind::Credentials, expand_home(f, host));
    }
    files.build()
}

fn retry(settings: &Settings, host: &Host) -> RetryConfig {
    let env = |k: &str| host.env.get(k).map(String::as_str);
    let retries = settings
        .max_retries
        .or_else(|| env("AWS_MAX_ATTEMPTS").and_then(|n| n.parse::<u32>().ok()).map(|n| n.saturating_sub(1)))
        .unwrap_or(24);
    let mode = settings.retry_mode.as_deref().or(env("AWS_RETRY_MODE")).unwrap_or("standard");
    let config = match mode {
        "adaptive" => RetryConfig::adaptive(),
        _ => RetryConfig::standard(),
    };
    debug_assert!(config.mode() == if mode == "adaptive" { RetryMode::Adaptive } else { RetryMode::Standard });
    let config = config.with_max_attempts(retries + 1);
    // The sandbox answers at once or on purpose late: waiting whole seconds would only slow tests down.
    if env("STACKCTL_SANDBOX").is_some() {
        config.with_initial_backoff(Duration::from_millis(20)).with_max_backoff(Duration::from_millis(200))
    } else {
        config
    }
}

fn expand_home(file: &str, host: &Host) -> std::path::PathBuf {
    match (file.strip_prefix("~/"), host.env.get("HOME")) {
        (Some(rest), Some(home)) => std::path::Path::new(home).join(rest),
        _ => host.cwd.join(file),
    }
}

/// Credentials of `sdk` replaced, everything else kept.
pub(super) fn with_credentials(sdk: &SdkConfig, credentials: SharedCredentialsProvider) -> SdkConfig {
    sdk.to_builder().credentials_provider(credentials).build()
}

/// Shared, since provider instances of equal settings share one connection.
pub type SharedConnection = Arc<Connection>;
