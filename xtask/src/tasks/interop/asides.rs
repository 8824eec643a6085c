//! Where the requests of both programs differ on purpose, each case with its reason.
//!
//! First, requests that carry several things are compared thing by thing ([`parts`]): it does not matter in which request a
//! parameter of a parameter group or a certificate travels. Then [`ASIDES`] says which of the rest only one side sends.
//! What nothing here explains is a difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::Side::{Both, Ours, Theirs};

/// Who sends the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// stackctl alone.
    Ours,
    /// Terraform alone.
    Theirs,
    /// Each its own form.
    Both,
}

/// One kind of meant difference.
pub(super) struct Aside {
    /// Who sends it.
    pub(super) side: Side,
    /// `service:Action`.
    pub(super) action: &'static str,
    /// Texts that the normal form has, all of them.
    pub(super) with: &'static [&'static str],
    /// Why.
    pub(super) reason: &'static str,
}

const fn aside(side: Side, action: &'static str, with: &'static [&'static str], reason: &'static str) -> Aside {
    Aside { side, action, with, reason }
}

const ONE_REVOKE: &str = "All rules of a group are revoked in one request; Terraform revokes each rule by its id.";
const ENTRIES: &str = "Terraform deletes and makes anew entries of the network ACL that are as configured already.";
const ASSOCIATIONS: &str = "Terraform gives subnets the network ACL that they have already.";
const INLINE: &str = "Terraform deletes an inline policy and puts it again; here the new text replaces the old one, so \
                      that the role is never without it.";
const RATES: &str = "Terraform sets the sample rates of delivery logs to zero, which is what a new topic has.";
const KEY: &str = "Every new value of a SecureString names its key: without it, the service takes the account's default \
                   key. Terraform names it only when it changes.";
const REPLICA: &str = "A replica gets its parameter group and certificate when it is made; Terraform modifies it afterwards \
                       where it did not inherit them from its source.";
const ENDPOINT: &str = "The database's identifier changes in this step. Terraform writes the endpoint of the old one into the \
                        parameter and corrects it in the next apply.";

/// All of them.
pub(super) const ASIDES: &[Aside] = &[
    aside(Both, "ec2:RevokeSecurityGroupEgress", &[], ONE_REVOKE),
    aside(Both, "ec2:RevokeSecurityGroupIngress", &[], ONE_REVOKE),
    aside(Theirs, "ec2:DeleteNetworkAclEntry", &["\"RuleNumber\":\"100\""], ENTRIES),
    aside(Theirs, "ec2:CreateNetworkAclEntry", &["\"RuleNumber\":\"100\""], ENTRIES),
    aside(Theirs, "ec2:ReplaceNetworkAclAssociation", &[], ASSOCIATIONS),
    aside(Theirs, "iam:DeleteRolePolicy", &[], INLINE),
    aside(Theirs, "sns:SetTopicAttributes", &["FeedbackSampleRate", "\"AttributeValue\":\"0\""], RATES),
    aside(Ours, "ssm:PutParameter.KeyId", &[], KEY),
    aside(Ours, "rds:CreateDBInstanceReadReplica.CACertificateIdentifier", &[], REPLICA),
    aside(Ours, "rds:CreateDBInstanceReadReplica.DBParameterGroupName", &[], REPLICA),
    aside(Both, "ssm:PutParameter", &["primary_endpoint"], ENDPOINT),
];

/// The differences of a step, sorted.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Reason → requests of ours and of Terraform's.
    pub(super) explained: BTreeMap<&'static str, (i64, i64)>,
    /// What nothing explains; positive numbers are ours.
    pub(super) others: Vec<(String, i64)>,
}

/// Sorts what only one side sends.
pub(super) fn judge(ours: &[String], theirs: &[String]) -> Judged {
    let mut count: BTreeMap<String, i64> = BTreeMap::new();
    ours.iter().flat_map(|l| parts(l)).for_each(|l| *count.entry(l).or_default() += 1);
    theirs.iter().flat_map(|l| parts(l)).for_each(|l| *count.entry(l).or_default() -= 1);
    let mut judged = Judged::default();
    for (line, n) in count.into_iter().filter(|(_, n)| *n != 0) {
        let side = if n > 0 { Ours } else { Theirs };
        let fits = |a: &&Aside| {
            (a.side == side || a.side == Both)
                && line.split(' ').next() == Some(a.action)
                && a.with.iter().all(|w| line.contains(w))
        };
        match ASIDES.iter().find(fits) {
            Some(a) => {
                let (o, t) = judged.explained.entry(a.reason).or_default();
                *if n > 0 { o } else { t } += n.abs();
            }
            None => judged.others.push((line, n)),
        }
    }
    judged
}

/// The things that a request carries, a line each; most requests are one thing.
fn parts(line: &str) -> Vec<String> {
    let whole = || vec![line.to_owned()];
    let Some((action, params)) = line.split_once(' ') else { return whole() };
    let Ok(Value::Object(mut o)) = serde_json::from_str::<Value>(params) else { return whole() };
    match action {
        "rds:ModifyDBParameterGroup" => {
            let list = o.get("Parameters").map(|p| &p["Parameter"]).and_then(Value::as_array).cloned();
            let of = |p: Value| format!("{action} {}", json!([o["DBParameterGroupName"], p]));
            list.unwrap_or_default().into_iter().map(of).collect()
        }
        "rds:CreateDBInstance" => {
            let mut all = taken("rds:DBInstance", "DBInstanceIdentifier", &mut o, &["CACertificateIdentifier"]);
            all.push(format!("{action} {}", Value::Object(o)));
            all
        }
        "rds:CreateDBInstanceReadReplica" => {
            let inherited = ["CACertificateIdentifier", "DBParameterGroupName"];
            let mut all = taken(action, "DBInstanceIdentifier", &mut o, &inherited);
            all.push(format!("{action} {}", Value::Object(o)));
            all
        }
        "rds:ModifyDBInstance" => {
            let mut all = taken("rds:DBInstance", "DBInstanceIdentifier", &mut o, &["CACertificateIdentifier"]);
            if o.keys().any(|k| k != "ApplyImmediately" && k != "DBInstanceIdentifier") {
                all.push(format!("{action} {}", Value::Object(o)));
            }
            all
        }
        "ssm:PutParameter" if o.get("Overwrite").is_some_and(|v| v == "true") => {
            let mut all = taken(action, "Name", &mut o, &["KeyId"]);
            all.push(format!("{action} {}", Value::Object(o)));
            all
        }
        _ => whole(),
    }
}

/// Takes parameters out of a request, as lines of their own.
fn taken(action: &str, name: &str, o: &mut Map<String, Value>, params: &[&str]) -> Vec<String> {
    let at = o.get(name).cloned().unwrap_or_default();
    params.iter().filter_map(|p| o.shift_remove(*p).map(|v| format!("{action}.{p} {}", json!([at, v])))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: &[&str], theirs: &[&str], explained: usize, others: usize) {
        let owned = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let judged = judge(&owned(ours), &owned(theirs));
        assert_eq!((judged.explained.len(), judged.others.len()), (explained, others), "{judged:?}");
    }

    #[test]
    fn what_travels_together_is_compared_apart() {
        check(
            &[r#"rds:CreateDBInstance {"CACertificateIdentifier":"c","DBInstanceIdentifier":"d","Port":"1"}"#],
            &[
                r#"rds:CreateDBInstance {"DBInstanceIdentifier":"d","Port":"1"}"#,
                r#"rds:ModifyDBInstance {"ApplyImmediately":"true","CACertificateIdentifier":"c","DBInstanceIdentifier":"d"}"#,
            ],
            0,
            0,
        );
        check(
            &[r#"rds:CreateDBInstance {"CACertificateIdentifier":"c","DBInstanceIdentifier":"d"}"#],
            &[r#"rds:CreateDBInstance {"CACertificateIdentifier":"x","DBInstanceIdentifier":"d"}"#],
            0,
            2,
        );
        check(
            &[
                r#"rds:ModifyDBParameterGroup {"DBParameterGroupName":"g","Parameters":{"Parameter":[{"a":"1"},{"b":"2"}]}}"#,
            ],
            &[
                r#"rds:ModifyDBParameterGroup {"DBParameterGroupName":"g","Parameters":{"Parameter":[{"b":"2"}]}}"#,
                r#"rds:ModifyDBParameterGroup {"DBParameterGroupName":"g","Parameters":{"Parameter":[{"a":"1"}]}}"#,
            ],
            0,
            0,
        );
    }

    #[test]
    fn only_what_is_meant_is_explained() {
        let rate = r#"sns:SetTopicAttributes {"AttributeName":"HTTPSuccessFeedbackSampleRate","AttributeValue":"0"}"#;
        check(&[], &[rate], 1, 0);
        check(&[rate], &[], 0, 1);
        check(&["x:Y {}"], &["x:Y {}", "x:Y {}"], 0, 1);
    }
}
