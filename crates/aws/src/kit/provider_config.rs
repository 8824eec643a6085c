//! The `provider "aws"` block: its schema, and what its values mean for a connection and for tags.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stackctl_core::{Attr, Block, BlockType, Check, Error, Known, Nesting, Path, Result, Schema, Ty};

use super::connect::{Metadata, Secret, Settings};
use super::role::{AssumeRole, WebIdentity};

/// Tags of a provider block that apply to every object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagRules {
    /// Tags that every object gets unless it sets the key itself.
    pub defaults: BTreeMap<String, String>,
    /// Keys that are invisible: neither read nor removed.
    pub ignored_keys: BTreeSet<String>,
    /// Prefixes of keys that are invisible.
    pub ignored_prefixes: BTreeSet<String>,
}

impl TagRules {
    /// True for a key that the provider block makes invisible.
    pub fn ignores(&self, key: &str) -> bool {
        self.ignored_keys.contains(key) || self.ignored_prefixes.iter().any(|p| key.starts_with(p.as_str()))
    }
}

/// Schema of the block: every argument of the AWS provider 5.100.
pub fn schema() -> Schema {
    let text = || Attr::optional(Ty::String);
    let flag = || Attr::optional(Ty::Bool);
    let texts = || Attr::optional(Ty::set(Ty::String));
    let list = || Attr::optional(Ty::list(Ty::String));
    let tags = || Attr::optional(Ty::map(Ty::String));
    let attrs = BTreeMap::from([
        ("access_key", text().doc("Access key id.")),
        ("allowed_account_ids", texts().doc("Accounts that may be used.")),
        ("custom_ca_bundle", text().doc("File with the certificates of a private CA.")),
        ("ec2_metadata_service_endpoint", text().doc("Address of the instance metadata service.")),
        (
            "ec2_metadata_service_endpoint_mode",
            text().check(Check::OneOfIgnoreCase(&["IPv4", "IPv6"])).doc("Protocol of the instance metadata service."),
        ),
        ("forbidden_account_ids", texts().doc("Accounts that must not be used.")),
        ("http_proxy", text().doc("Proxy for `http://` URLs.")),
        ("https_proxy", text().doc("Proxy for `https://` URLs.")),
        ("insecure", flag().doc("Accept any TLS certificate.")),
        ("max_retries", Attr::optional(Ty::Number).check(Check::Integer).doc("Retries of a request.")),
        ("no_proxy", text().doc("Hosts that are reached without a proxy.")),
        ("profile", text().doc("Profile of the shared files.")),
        ("region", text().doc("Region.")),
        ("retry_mode", text().check(Check::OneOf(&["standard", "adaptive"])).doc("How requests are retried.")),
        (
            "s3_us_east_1_regional_endpoint",
            text().check(Check::OneOfIgnoreCase(&["legacy", "regional"])).doc("Endpoint of S3 in us-east-1."),
        ),
        ("s3_use_path_style", flag().doc("Address buckets by path instead of host name.")),
        ("secret_key", Attr { sensitive: true, ..text() }.doc("Secret access key.")),
        ("shared_config_files", list().doc("Files that take the place of `~/.aws/config`.")),
        ("shared_credentials_files", list().doc("Files that take the place of `~/.aws/credentials`.")),
        ("skip_credentials_validation", flag().doc("Do not validate the credentials.")),
        ("skip_metadata_api_check", text().doc("Never ask the instance metadata service.")),
        ("skip_region_validation", flag().doc("Accept regions that are not known.")),
        ("skip_requesting_account_id", flag().doc("Do not ask for the account id.")),
        ("sts_region", text().doc("Region of STS, where it is another one.")),
        ("token", Attr { sensitive: true, ..text() }.doc("Session token.")),
        (
            "token_bucket_rate_limiter_capacity",
            Attr::optional(Ty::Number).doc("Capacity of the bucket that limits retries."),
        ),
        ("use_dualstack_endpoint", flag().doc("Use dual-stack endpoints.")),
        ("use_fips_endpoint", flag().doc("Use FIPS endpoints.")),
    ]);
    let session = |more: Vec<(&'static str, Attr)>| Block {
        attrs: [
            ("duration", text()),
            ("policy", text().check(Check::Json)),
            ("policy_arns", texts().check(Check::Each(Box::new(Check::Arn)))),
            ("role_arn", text().check(Check::Arn)),
            ("session_name", text()),
        ]
        .into_iter()
        .chain(more)
        .collect(),
        blocks: BTreeMap::new(),
    };
    let plain =
        |attrs: Vec<(&'static str, Attr)>| Block { attrs: attrs.into_iter().collect(), blocks: BTreeMap::new() };
    let role = session(vec![
        ("external_id", text()),
        ("source_identity", text()),
        ("tags", tags()),
        ("transitive_tag_keys", texts()),
    ]);
    let web =
        session(vec![("web_identity_token", Attr { sensitive: true, ..text() }), ("web_identity_token_file", text())]);
    let one = |block: Block| BlockType { max: 1, ..BlockType::new(Nesting::List, block) };
    let blocks = BTreeMap::from([
        ("assume_role", BlockType::new(Nesting::List, role)),
        ("assume_role_with_web_identity", one(web)),
        ("default_tags", one(plain(vec![("tags", tags())]))),
        (
            "endpoints",
            BlockType::new(Nesting::Set, plain(super::endpoints::NAMES.iter().map(|n| (*n, text())).collect())),
        ),
        ("ignore_tags", one(plain(vec![("key_prefixes", texts()), ("keys", texts())]))),
    ]);
    Schema { refused: REFUSED, ..Schema::new("aws", Block { attrs, blocks }) }
}

/// Arguments that cannot be honoured, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("insecure", "certificates are always verified; name the private CA in `custom_ca_bundle`"),
    (
        "token_bucket_rate_limiter_capacity",
        "the capacity of the retry bucket is fixed; use `retry_mode = \"adaptive\"`",
    ),
    ("s3_us_east_1_regional_endpoint", "S3 in us-east-1 is always reached at its regional endpoint"),
];

/// What the values of the block mean.
///
/// # Errors
/// If a duration cannot be read, or a role has no ARN.
pub fn decode(config: &Known) -> Result<(Settings, TagRules)> {
    let text = |k: &str| config.get(k).as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    let flag = |k: &str| config.get(k).as_bool();
    let settings = Settings {
        region: text("region"),
        profile: text("profile"),
        access_key: text("access_key"),
        secret_key: text("secret_key").map(Secret),
        token: text("token").map(Secret),
        shared_config_files: strings(config.get("shared_config_files")),
        shared_credentials_files: strings(config.get("shared_credentials_files")),
        assume_role: blocks(config, "assume_role").iter().enumerate().map(assume_role).collect::<Result<_>>()?,
        web_identity: blocks(config, "assume_role_with_web_identity").first().map(web_identity).transpose()?,
        endpoints: blocks(config, "endpoints")
            .iter()
            .filter_map(Known::as_map)
            .flatten()
            .filter_map(|(k, v)| Some((k.clone(), v.as_str().filter(|s| !s.is_empty())?.to_owned())))
            .collect(),
        max_retries: config.get("max_retries").as_i64().and_then(|n| u32::try_from(n).ok()),
        retry_mode: text("retry_mode"),
        http_proxy: text("http_proxy"),
        https_proxy: text("https_proxy"),
        no_proxy: text("no_proxy"),
        custom_ca_bundle: text("custom_ca_bundle"),
        use_fips: flag("use_fips_endpoint"),
        use_dualstack: flag("use_dualstack_endpoint"),
        s3_use_path_style: flag("s3_use_path_style").unwrap_or(false),
        sts_region: text("sts_region"),
        skip_credentials_validation: flag("skip_credentials_validation").unwrap_or(false),
        skip_requesting_account_id: flag("skip_requesting_account_id").unwrap_or(false),
        skip_region_validation: flag("skip_region_validation").unwrap_or(false),
        metadata: Metadata {
            skip: text("skip_metadata_api_check").is_some_and(|s| s == "true"),
            endpoint: text("ec2_metadata_service_endpoint"),
            mode: text("ec2_metadata_service_endpoint_mode"),
        },
        allowed_account_ids: strings(config.get("allowed_account_ids")).into_iter().collect(),
        forbidden_account_ids: strings(config.get("forbidden_account_ids")).into_iter().collect(),
    };
    if settings.access_key.is_some() != settings.secret_key.is_some() {
        let attr = if settings.access_key.is_some() { "access_key" } else { "secret_key" };
        return Err(Error::at(
            Path::attr(attr),
            "`access_key` and `secret_key` belong together; one of them is missing.",
        ));
    }
    Ok((settings, tag_rules(config)))
}

/// The tag rules of the block, as far as its values are known (unknown ones null).
pub fn tag_rules(config: &Known) -> TagRules {
    let defaults = blocks(config, "default_tags").first().map(|b| pairs(b.get("tags"))).unwrap_or_default();
    let ignored = blocks(config, "ignore_tags").first().cloned().unwrap_or_default();
    TagRules {
        defaults: defaults.into_iter().collect(),
        ignored_keys: strings(ignored.get("keys")).into_iter().collect(),
        ignored_prefixes: strings(ignored.get("key_prefixes")).into_iter().collect(),
    }
}

fn blocks<'a>(config: &'a Known, name: &str) -> &'a [Known] {
    config.get(name).as_list().unwrap_or_default()
}

fn strings(v: &Known) -> Vec<String> {
    v.as_list().unwrap_or_default().iter().filter_map(|s| s.as_str().map(str::to_owned)).collect()
}

fn pairs(v: &Known) -> Vec<(String, String)> {
    let entries = v.as_map().into_iter().flatten();
    entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

fn assume_role((i, b): (usize, &Known)) -> Result<AssumeRole> {
    let at = Path::attr("assume_role").with_index(i);
    let text = |k: &str| b.get(k).as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    Ok(AssumeRole {
        role_arn: text("role_arn")
            .ok_or_else(|| Error::at(at.with_attr("role_arn"), "A role to assume needs its ARN."))?,
        duration: duration(b.get("duration"), &at)?,
        external_id: text("external_id"),
        policy: text("policy"),
        policy_arns: strings(b.get("policy_arns")),
        session_name: text("session_name"),
        source_identity: text("source_identity"),
        tags: pairs(b.get("tags")),
        transitive_tag_keys: strings(b.get("transitive_tag_keys")),
    })
}

fn web_identity(b: &Known) -> Result<WebIdentity> {
    let at = Path::attr("assume_role_with_web_identity").with_index(0);
    let text = |k: &str| b.get(k).as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    Ok(WebIdentity {
        role_arn: text("role_arn")
            .ok_or_else(|| Error::at(at.with_attr("role_arn"), "A role to assume needs its ARN."))?,
        duration: duration(b.get("duration"), &at)?,
        policy: text("policy"),
        policy_arns: strings(b.get("policy_arns")),
        session_name: text("session_name"),
        token: text("web_identity_token").map(Secret),
        token_file: text("web_identity_token_file"),
    })
}

/// Reads a session's lifetime: `1h`, `90m`, `1h30m`, `3600s`; between 15 minutes and 12 hours.
fn duration(v: &Known, at: &Path) -> Result<Option<Duration>> {
    let Some(text) = v.as_str().filter(|s| !s.is_empty()) else { return Ok(None) };
    let wrong = || {
        Error::at(at.with_attr("duration"), format!("{text:?} is not a duration between 15m and 12h."))
            .hinted("Write it as hours, minutes and seconds, such as \"1h30m\".")
    };
    let (mut total, mut digits) = (0u64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let n: u64 = digits.parse().map_err(|_| wrong())?;
        total = n.checked_mul(unit).and_then(|n| total.checked_add(n)).ok_or_else(wrong)?;
        digits.clear();
    }
    if !digits.is_empty() || !(900..=43_200).contains(&total) {
        return Err(wrong());
    }
    Ok(Some(Duration::from_secs(total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let read = |s: &str| duration(&Known::from(s), &Path::default()).ok().flatten().map(|d| d.as_secs());
        for (text, want) in [("1h", Some(3600)), ("1h30m", Some(5400)), ("900s", Some(900)), ("5m", None), ("1", None)]
        {
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn block_becomes_settings_and_tag_rules() {
        let config = Known::from([
            ("region", Known::from("eu-west-1")),
            ("assume_role", Known::List(vec![Known::from([("role_arn", "arn:aws:iam::1:role/a")])])),
            ("default_tags", Known::List(vec![Known::from([("tags", Known::from([("a", "b")]))])])),
            ("ignore_tags", Known::List(vec![Known::from([("key_prefixes", Known::from(vec!["aws:"]))])])),
            ("endpoints", Known::List(vec![Known::from([("ec2", "http://127.0.0.1:1")])])),
        ]);
        let (s, tags) = decode(&config).unwrap();
        assert_eq!(s.region.as_deref(), Some("eu-west-1"));
        assert_eq!(s.assume_role[0].role_arn, "arn:aws:iam::1:role/a");
        assert_eq!(s.endpoints["ec2"], "http://127.0.0.1:1");
        assert_eq!(tags.defaults["a"], "b");
        assert!(tags.ignores("aws:x") && !tags.ignores("a"));
        assert!(decode(&Known::from([("access_key", "x")])).is_err());
    }
}
