//! Routing rules of a website, which users write as JSON in the spelling of the API.

use aws_sdk_s3::types::{Condition, Protocol, Redirect, RoutingRule};
use serde::{Deserialize, Serialize};

use crate::kit::prelude::*;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<When>,
    redirect: To,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct When {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_error_code_returned_equals: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_prefix_equals: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct To {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_redirect_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replace_key_prefix_with: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replace_key_with: Option<String>,
}

/// Reads the user's document.
pub(super) fn from_json(text: &str) -> Result<Vec<RoutingRule>> {
    let rules: Vec<Rule> =
        serde_json::from_str(text).map_err(|e| Error::invalid(format!("`routing_rules` cannot be read: {e}")))?;
    let rule = |r: Rule| {
        let condition = r.condition.map(|c| {
            Condition::builder()
                .set_http_error_code_returned_equals(c.http_error_code_returned_equals)
                .set_key_prefix_equals(c.key_prefix_equals)
                .build()
        });
        let redirect = Redirect::builder()
            .set_host_name(r.redirect.host_name)
            .set_http_redirect_code(r.redirect.http_redirect_code)
            .set_protocol(r.redirect.protocol.as_deref().map(Protocol::from))
            .set_replace_key_prefix_with(r.redirect.replace_key_prefix_with)
            .set_replace_key_with(r.redirect.replace_key_with)
            .build();
        RoutingRule::builder().set_condition(condition).redirect(redirect).build()
    };
    Ok(rules.into_iter().map(rule).collect())
}

/// Writes it as the user would.
pub(super) fn to_json(rules: &[RoutingRule]) -> Json {
    let text = |t: Option<&str>| t.map(str::to_owned);
    let rule = |r: &RoutingRule| {
        let to = r.redirect();
        Rule {
            condition: r.condition().map(|c| When {
                http_error_code_returned_equals: text(c.http_error_code_returned_equals()),
                key_prefix_equals: text(c.key_prefix_equals()),
            }),
            redirect: To {
                host_name: text(to.and_then(|t| t.host_name())),
                http_redirect_code: text(to.and_then(|t| t.http_redirect_code())),
                protocol: text(to.and_then(|t| t.protocol()).map(|p| p.as_str())),
                replace_key_prefix_with: text(to.and_then(|t| t.replace_key_prefix_with())),
                replace_key_with: text(to.and_then(|t| t.replace_key_with())),
            },
        }
    };
    let rules: Vec<Rule> = rules.iter().map(rule).collect();
    Json(serde_json::to_string(&rules).unwrap_or_default())
}
