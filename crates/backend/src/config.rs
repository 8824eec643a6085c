//! The `backend "s3"` and `backend "local"` blocks: schemas, and what their values mean.

use std::collections::BTreeMap;

use stackctl_aws::kit::connect::Settings;
use stackctl_aws::kit::provider_config;
use stackctl_core::schema::{Block, Check};
use stackctl_core::ty::ObjectTy;
use stackctl_core::{Attr, Error, Known, Path, Result, Schema, Ty};
use stackctl_state::remote::CustomerKey;

/// Schema of a kind's block.
pub fn schema(kind: &str) -> Option<Schema> {
    let attrs = match kind {
        "local" => BTreeMap::from([
            ("path", text("State file.")),
            ("workspace_dir", text("Directory of the states of other workspaces.")),
        ]),
        "s3" => s3_attrs(),
        _ => return None,
    };
    let name = if kind == "local" { "local" } else { "s3" };
    Some(Schema { refused: REFUSED, ..Schema::new(name, Block { attrs, blocks: BTreeMap::new() }) })
}

/// Arguments that cannot be honoured, with the reason.
const REFUSED: &[(&str, &str)] =
    &[("insecure", "certificates are always verified; name the private CA in `custom_ca_bundle`")];

fn text(doc: &'static str) -> Attr {
    Attr::optional(Ty::String).doc(doc)
}

fn s3_attrs() -> BTreeMap<&'static str, Attr> {
    let flag = |doc| Attr::optional(Ty::Bool).doc(doc);
    let texts = |doc| Attr::optional(Ty::set(Ty::String)).doc(doc);
    let list = |doc| Attr::optional(Ty::list(Ty::String)).doc(doc);
    let secret = |doc| Attr { sensitive: true, ..text(doc) };
    let old = |a: Attr, instead: &'static str| Attr { deprecated: Some(instead), ..a };
    let role = |more: &[(&'static str, Ty)]| {
        let common = [
            ("duration", Ty::String),
            ("policy", Ty::String),
            ("policy_arns", Ty::set(Ty::String)),
            ("role_arn", Ty::String),
            ("session_name", Ty::String),
        ];
        Attr::optional(all_optional(common.into_iter().chain(more.iter().cloned())))
    };
    BTreeMap::from([
        ("access_key", text("Access key id.")),
        ("acl", text("Canned ACL of the objects.").check(Check::OneOf(ACLS))),
        ("allowed_account_ids", texts("Accounts that may be used.")),
        (
            "assume_role",
            role(&[
                ("external_id", Ty::String),
                ("source_identity", Ty::String),
                ("tags", Ty::map(Ty::String)),
                ("transitive_tag_keys", Ty::set(Ty::String)),
            ])
            .doc("Role to assume."),
        ),
        (
            "assume_role_with_web_identity",
            role(&[("web_identity_token", Ty::String), ("web_identity_token_file", Ty::String)])
                .doc("Role to assume with a web identity token."),
        ),
        ("bucket", Attr::required(Ty::String).doc("Bucket that holds the states.")),
        ("custom_ca_bundle", text("File with the certificates of a private CA.")),
        ("dynamodb_endpoint", old(text("Endpoint of DynamoDB."), "Use `endpoints = { dynamodb = … }`.")),
        ("dynamodb_table", text("Table for locks and digests; its hash key is `LockID`, a string.")),
        ("ec2_metadata_service_endpoint", text("Address of the instance metadata service.")),
        (
            "ec2_metadata_service_endpoint_mode",
            text("Protocol of the instance metadata service.").check(Check::OneOfIgnoreCase(&["IPv4", "IPv6"])),
        ),
        ("encrypt", flag("Ask for encryption at rest.")),
        ("endpoint", old(text("Endpoint of S3."), "Use `endpoints = { s3 = … }`.")),
        (
            "endpoints",
            Attr::optional(all_optional(ENDPOINTS.iter().map(|n| (*n, Ty::String)))).doc("Endpoints by service."),
        ),
        ("forbidden_account_ids", texts("Accounts that must not be used.")),
        ("force_path_style", old(flag("Address the bucket by path."), "Use `use_path_style`.")),
        ("http_proxy", text("Proxy for `http://` URLs.")),
        ("https_proxy", text("Proxy for `https://` URLs.")),
        ("iam_endpoint", old(text("Endpoint of IAM."), "Use `endpoints = { iam = … }`.")),
        ("insecure", flag("Accept any TLS certificate.")),
        ("key", Attr::required(Ty::String).doc("Key of the state object.")),
        ("kms_key_id", text("KMS key that encrypts the objects.")),
        ("max_retries", Attr::optional(Ty::Number).check(Check::Integer).doc("Attempts of a request.")),
        ("no_proxy", text("Hosts that are reached without a proxy.")),
        ("profile", text("Profile of the shared files.")),
        ("region", text("Region of bucket and table.")),
        ("retry_mode", text("How requests are retried.").check(Check::OneOf(&["standard", "adaptive"]))),
        ("secret_key", secret("Secret access key.")),
        ("shared_config_files", list("Files that take the place of `~/.aws/config`.")),
        (
            "shared_credentials_file",
            old(text("File that takes the place of `~/.aws/credentials`."), "Use `shared_credentials_files`."),
        ),
        ("shared_credentials_files", list("Files that take the place of `~/.aws/credentials`.")),
        ("skip_credentials_validation", flag("Do not validate the credentials.")),
        ("skip_metadata_api_check", flag("Never ask the instance metadata service.")),
        ("skip_region_validation", flag("Accept regions that are not known.")),
        ("skip_requesting_account_id", flag("Do not ask for the account id.")),
        ("skip_s3_checksum", flag("Do not send or check checksums of objects.")),
        ("sse_customer_key", secret("Key that encrypts the objects, 256 bits in base64.")),
        ("sts_endpoint", old(text("Endpoint of STS."), "Use `endpoints = { sts = … }`.")),
        ("sts_region", text("Region of STS, where it is another one.")),
        ("token", secret("Session token.")),
        ("use_dualstack_endpoint", flag("Use dual-stack endpoints.")),
        ("use_fips_endpoint", flag("Use FIPS endpoints.")),
        ("use_lockfile", flag("Lock with an object beside the state.")),
        ("use_path_style", flag("Address the bucket by path instead of host name.")),
        ("workspace_key_prefix", text("What keys of other workspaces begin with.")),
    ])
}

const ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];
const ENDPOINTS: &[&str] = &["dynamodb", "iam", "s3", "sso", "sts"];

fn all_optional(attrs: impl IntoIterator<Item = (&'static str, Ty)>) -> Ty {
    let attrs: BTreeMap<String, Ty> = attrs.into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
    Ty::Object(ObjectTy { optional: attrs.keys().cloned().collect(), attrs })
}

/// What an `s3` block says.
#[derive(Clone)]
pub struct S3 {
    /// Bucket.
    pub bucket: String,
    /// Key of the default workspace's state.
    pub key: String,
    /// What keys of other workspaces begin with.
    pub prefix: String,
    /// Lock table.
    pub table: Option<String>,
    /// Lock with an object.
    pub use_lockfile: bool,
    /// Encryption of the objects.
    pub encryption: Encryption,
    /// Canned ACL of the objects.
    pub acl: Option<String>,
    /// Send and check checksums.
    pub checksums: bool,
    /// How to connect.
    pub connection: Settings,
}

/// How objects are encrypted at rest.
#[derive(Clone)]
pub enum Encryption {
    /// As the bucket is set up.
    Bucket,
    /// `AES256`.
    Aes,
    /// `aws:kms` with this key.
    Kms(String),
    /// With a key of ours in each request.
    Customer(CustomerKey),
}

impl S3 {
    /// Reads the block's values. `AWS_SSE_CUSTOMER_KEY` counts as `sse_customer_key`.
    ///
    /// # Errors
    /// Names the argument that is wrong.
    pub fn decode(config: &Known, env: &BTreeMap<String, String>) -> Result<S3> {
        let text = |k: &str| config.get(k).as_str().filter(|s| !s.is_empty()).map(str::to_owned);
        let flag = |k: &str| config.get(k).as_bool() == Some(true);
        let wrong = |attr: &str, message: String| Err(Error::at(Path::attr(attr), message));
        for (name, reason) in REFUSED {
            if flag(name) {
                return wrong(name, format!("`{name}` is not available: {reason}."));
            }
        }
        for role in ["assume_role", "assume_role_with_web_identity"] {
            let given = config.get(role);
            if !given.is_null() && given.get("role_arn").as_str().is_none_or(str::is_empty) {
                return wrong(role, format!("`{role}` needs `role_arn`."));
            }
        }
        let need = |k: &str| match text(k) {
            Some(v) => Ok(v),
            None => Err(Error::at(Path::attr(k), format!("The backend needs `{k}`."))
                .hinted(format!("Set it in the block, or with -backend-config=\"{k}=…\"."))),
        };
        let (bucket, key) = (need("bucket")?, need("key")?);
        if key.starts_with('/') || key.ends_with('/') {
            return wrong("key", format!("The key {key:?} must neither begin nor end with a slash."));
        }
        let prefix = config.get("workspace_key_prefix").as_str().unwrap_or("env:").to_owned();
        if prefix.starts_with('/') || prefix.ends_with('/') {
            return wrong("workspace_key_prefix", format!("{prefix:?} must neither begin nor end with a slash."));
        }
        let customer = text("sse_customer_key").or_else(|| env.get("AWS_SSE_CUSTOMER_KEY").cloned());
        let encryption = match (customer, text("kms_key_id")) {
            (Some(_), Some(_)) if text("sse_customer_key").is_some() => {
                return wrong("kms_key_id", "`kms_key_id` and `sse_customer_key` exclude each other.".to_owned());
            }
            (_, Some(id)) if flag("encrypt") => Encryption::Kms(id),
            (Some(k), None) => match CustomerKey::parse(&k) {
                Ok(k) => Encryption::Customer(k),
                Err(e) => return wrong("sse_customer_key", format!("The key is not usable: {e}.")),
            },
            _ if flag("encrypt") => Encryption::Aes,
            _ => Encryption::Bucket,
        };
        Ok(S3 {
            bucket,
            key,
            prefix,
            table: text("dynamodb_table"),
            use_lockfile: flag("use_lockfile"),
            encryption,
            acl: text("acl"),
            checksums: !flag("skip_s3_checksum"),
            connection: connection(config)?,
        })
    }
    pub(crate) fn path_style(&self) -> bool {
        self.connection.s3_use_path_style
    }
}

/// The connection's part of the block, in the words of `provider "aws"`.
fn connection(config: &Known) -> Result<Settings> {
    let mut as_provider = Known::object();
    for name in [
        "access_key",
        "allowed_account_ids",
        "custom_ca_bundle",
        "ec2_metadata_service_endpoint",
        "ec2_metadata_service_endpoint_mode",
        "forbidden_account_ids",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "profile",
        "region",
        "retry_mode",
        "secret_key",
        "shared_config_files",
        "shared_credentials_files",
        "skip_credentials_validation",
        "skip_region_validation",
        "skip_requesting_account_id",
        "sts_region",
        "token",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    ] {
        as_provider.set(name, config.get(name).clone());
    }
    // The block counts attempts, the provider's counts repetitions.
    let attempts = config.get("max_retries").as_i64().unwrap_or(5).max(1);
    as_provider.set("max_retries", Known::from(attempts - 1));
    if config.get("skip_metadata_api_check").as_bool() == Some(true) {
        as_provider.set("skip_metadata_api_check", Known::from("true"));
    }
    let path_style = ["use_path_style", "force_path_style"].iter().any(|n| config.get(n).as_bool() == Some(true));
    as_provider.set("s3_use_path_style", Known::from(path_style));
    if config.get("shared_credentials_files").is_null()
        && let Some(f) = config.get("shared_credentials_file").as_str()
    {
        as_provider.set("shared_credentials_files", Known::from(vec![f]));
    }
    let mut endpoints = config.get("endpoints").as_map().cloned().unwrap_or_default();
    for (service, old) in
        [("s3", "endpoint"), ("dynamodb", "dynamodb_endpoint"), ("iam", "iam_endpoint"), ("sts", "sts_endpoint")]
    {
        let there = endpoints.get(service).is_some_and(|v| !v.is_null());
        if !there && let Some(url) = config.get(old).as_str() {
            endpoints.insert(service.to_owned(), Known::from(url));
        }
    }
    as_provider.set("endpoints", Known::List(vec![Known::Map(endpoints)]));
    for name in ["assume_role", "assume_role_with_web_identity"] {
        if !config.get(name).is_null() {
            as_provider.set(name, Known::List(vec![config.get(name).clone()]));
        }
    }
    provider_config::decode(&as_provider).map(|(settings, _)| settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(more: &[(&str, Known)]) -> Result<S3> {
        let mut config = Known::from([("bucket", "b"), ("key", "app/x.tfstate"), ("region", "eu-west-1")]);
        for (k, v) in more {
            config.set(*k, v.clone());
        }
        S3::decode(&config, &BTreeMap::new())
    }

    #[test]
    fn every_argument_has_an_effect_or_is_refused() {
        let plain = describe(&decode(&[]).unwrap());
        let key = "A".repeat(43) + "=";
        for (name, attr) in schema("s3").unwrap().block.attrs {
            let value = match name {
                "bucket" | "key" | "region" => Known::from("other"),
                "max_retries" => Known::from(9),
                "assume_role" | "assume_role_with_web_identity" => Known::from([("role_arn", "arn:aws:iam::1:role/a")]),
                "endpoints" => Known::from([("s3", "http://localhost:1")]),
                "sse_customer_key" => Known::from(key.as_str()),
                "kms_key_id" => Known::from("k"),
                _ => match attr.ty {
                    Ty::Bool => Known::from(true),
                    Ty::Set(_) | Ty::List(_) => Known::from(vec!["x"]),
                    _ => Known::from("x"),
                },
            };
            let mut with = vec![(name, value)];
            match name {
                "kms_key_id" => with.push(("encrypt", Known::from(true))),
                "access_key" => with.push(("secret_key", Known::from("s"))),
                "secret_key" => with.push(("access_key", Known::from("s"))),
                _ => {}
            }
            match decode(&with) {
                Ok(s) => assert_ne!(describe(&s), plain, "{name} is ignored"),
                Err(e) => assert!(REFUSED.iter().any(|(n, _)| *n == name), "{name}: {e}"),
            }
        }
    }

    /// Everything that a block can change, secrets as lengths.
    fn describe(s: &S3) -> String {
        let c = &s.connection;
        let encryption = match &s.encryption {
            Encryption::Bucket => "bucket".to_owned(),
            Encryption::Aes => "aes".to_owned(),
            Encryption::Kms(k) => format!("kms {k}"),
            Encryption::Customer(k) => format!("customer {}", k.md5),
        };
        let roles: Vec<_> = c.assume_role.iter().map(|r| &r.role_arn).collect();
        format!(
            "{} {} {} {:?} {} {encryption} {:?} {} | {:?} {:?} {:?} {:?} {:?} {:?} {:?} {roles:?} {:?} {:?} {:?} {:?} \
             {:?} {:?} {:?} {:?} {:?} {:?} {} {:?} {} {} {} {:?} {:?} {:?}",
            s.bucket,
            s.key,
            s.prefix,
            s.table,
            s.use_lockfile,
            s.acl,
            s.checksums,
            c.region,
            c.profile,
            c.access_key,
            c.secret_key.as_ref().map(|s| s.0.len()),
            c.token.as_ref().map(|s| s.0.len()),
            c.shared_config_files,
            c.shared_credentials_files,
            c.web_identity.is_some(),
            c.endpoints,
            c.max_retries,
            c.retry_mode,
            c.http_proxy,
            c.https_proxy,
            c.no_proxy,
            c.custom_ca_bundle,
            c.use_fips,
            c.use_dualstack,
            c.s3_use_path_style,
            c.sts_region,
            c.skip_credentials_validation,
            c.skip_requesting_account_id,
            c.skip_region_validation,
            c.metadata,
            c.allowed_account_ids,
            c.forbidden_account_ids,
        )
    }

    #[test]
    fn wrong_values_are_named() {
        let at = |more: &[(&str, Known)]| decode(more).err().and_then(|e| e.path).map(|p| p.to_string());
        assert_eq!(at(&[("bucket", Known::Null)]).as_deref(), Some("bucket"));
        assert_eq!(at(&[("key", Known::from("/x"))]).as_deref(), Some("key"));
        assert_eq!(at(&[("workspace_key_prefix", Known::from("/x"))]).as_deref(), Some("workspace_key_prefix"));
        assert_eq!(at(&[("sse_customer_key", Known::from("short"))]).as_deref(), Some("sse_customer_key"));
        let nameless = Known::from([("session_name", "s")]);
        assert_eq!(at(&[("assume_role", nameless)]).as_deref(), Some("assume_role"));
        assert_eq!(at(&[("insecure", Known::from(true))]).as_deref(), Some("insecure"));
        assert!(schema("gcs").is_none());
    }
}
