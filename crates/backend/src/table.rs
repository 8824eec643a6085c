//! Locks and digests in a DynamoDB table.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use stackctl_aws::kit::connect::Connection;
use stackctl_core::BoxFuture;
use stackctl_state::store::{Answer, Item, ItemCond, Lease, LockTable, StoreErrorKind};

use crate::errors::{About, convert};

type Attributes = HashMap<String, AttributeValue>;

/// A table whose hash key is `LockID`.
pub(crate) struct Table {
    client: Client,
    /// Never repeats a request.
    once: Client,
    name: String,
    region: String,
    arn: String,
}

impl Table {
    pub(crate) fn new(name: &str, connection: &Connection) -> Table {
        let sdk = connection.sdk_for("dynamodb");
        let once = Builder::from(&sdk).retry_config(RetryConfig::disabled()).build();
        let account = if connection.account.is_empty() { "*" } else { &connection.account };
        let plain = name.rsplit('/').next().unwrap_or(name);
        Table {
            client: Client::new(&sdk),
            once: Client::from_conf(once),
            arn: format!("arn:{}:dynamodb:{}:{account}:table/{plain}", connection.partition, connection.region),
            name: name.to_owned(),
            region: connection.region.clone(),
        }
    }
    fn about(&self, operation: &'static str, action: &'static str) -> About<'_> {
        let resource = self.arn.clone();
        About { service: "dynamodb", operation, action, resource, name: &self.name, region: &self.region }
    }
}

/// A condition as DynamoDB wants it: expression, names, values.
#[derive(Default)]
struct Expression {
    text: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Attributes>,
}

impl Expression {
    fn new(text: &str, names: &[(&str, &str)], values: Vec<(&str, AttributeValue)>) -> Expression {
        let some = |m: HashMap<_, _>| (!m.is_empty()).then_some(m);
        Expression {
            text: Some(text.to_owned()),
            names: (!names.is_empty()).then(|| names.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()),
            values: some(values.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        }
    }
    fn of(cond: ItemCond) -> Expression {
        let s = AttributeValue::S;
        let info = ("#i", "Info");
        match cond {
            ItemCond::Always => Expression::default(),
            ItemCond::Absent => Expression::new("attribute_not_exists(LockID)", &[], Vec::new()),
            ItemCond::Info(i) => Expression::new("#i = :i", &[info], vec![(":i", s(i))]),
            ItemCond::Beat(i, beat) => {
                let beat = AttributeValue::N(beat.to_string());
                let names = [info, ("#b", "StackctlBeat")];
                Expression::new("#i = :i AND #b = :b", &names, vec![(":i", s(i)), (":b", beat)])
            }
            ItemCond::DigestIsOrAbsent(d) => {
                let text = "attribute_not_exists(#d) OR #d = :d";
                Expression::new(text, &[("#d", "Digest")], vec![(":d", s(d))])
            }
            ItemCond::NoDigest => Expression::new("attribute_not_exists(#d)", &[("#d", "Digest")], Vec::new()),
        }
    }
}

impl LockTable for Table {
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Answer<Option<Item>>> {
        Box::pin(async move {
            let about = self.about("GetItem", "dynamodb:GetItem");
            let key = AttributeValue::S(id.to_owned());
            let sent =
                self.client.get_item().table_name(&self.name).key("LockID", key).consistent_read(true).send().await;
            Ok(sent.map_err(|e| convert(&about, e))?.item.map(read))
        })
    }
    fn put<'a>(&'a self, item: Item, cond: ItemCond) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let about = self.about("PutItem", "dynamodb:PutItem");
            let e = Expression::of(cond);
            let sent = self
                .once
                .put_item()
                .table_name(&self.name)
                .set_item(Some(write(item)))
                .set_condition_expression(e.text)
                .set_expression_attribute_names(e.names)
                .set_expression_attribute_values(e.values)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(e) = sent else { return Ok(()) };
            let there = match e.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(c)) => c.item().cloned(),
                _ => None,
            };
            Err(with_item(convert(&about, e), there))
        })
    }
    fn delete<'a>(&'a self, id: &'a str, cond: ItemCond) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let about = self.about("DeleteItem", "dynamodb:DeleteItem");
            let e = Expression::of(cond);
            let sent = self
                .once
                .delete_item()
                .table_name(&self.name)
                .key("LockID", AttributeValue::S(id.to_owned()))
                .set_condition_expression(e.text)
                .set_expression_attribute_names(e.names)
                .set_expression_attribute_values(e.values)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(e) = sent else { return Ok(()) };
            let there = match e.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(c)) => c.item().cloned(),
                _ => None,
            };
            Err(with_item(convert(&about, e), there))
        })
    }
    fn place(&self) -> String {
        self.name.clone()
    }
}

fn with_item(mut e: stackctl_state::store::StoreError, there: Option<Attributes>) -> stackctl_state::store::StoreError {
    if e.is_condition() {
        e.kind = StoreErrorKind::Condition(there.filter(|m| !m.is_empty()).map(|m| Box::new(read(m))));
    }
    e
}

fn write(item: Item) -> Attributes {
    let mut out = Attributes::from([("LockID".to_owned(), AttributeValue::S(item.id))]);
    let mut set = |name: &str, v: Option<AttributeValue>| {
        if let Some(v) = v {
            out.insert(name.to_owned(), v);
        }
    };
    set("Info", item.info.map(AttributeValue::S));
    set("Digest", item.digest.map(AttributeValue::S));
    if let Some(l) = item.lease {
        set("StackctlLeaseMs", Some(AttributeValue::N(l.lease_ms.to_string())));
        set("StackctlBeat", Some(AttributeValue::N(l.beat.to_string())));
        set("StackctlBeatAt", Some(AttributeValue::S(l.beat_at)));
        set("StackctlProc", Some(AttributeValue::S(l.process)));
    }
    out
}

fn read(mut item: Attributes) -> Item {
    let mut text = |name: &str| match item.remove(name) {
        Some(AttributeValue::S(s) | AttributeValue::N(s)) => Some(s),
        _ => None,
    };
    let lease = match (text("StackctlLeaseMs"), text("StackctlBeat")) {
        (Some(ms), Some(beat)) => ms.parse().ok().zip(beat.parse().ok()),
        _ => None,
    };
    let lease = lease.map(|(lease_ms, beat)| Lease {
        lease_ms,
        beat,
        beat_at: text("StackctlBeatAt").unwrap_or_default(),
        process: text("StackctlProc").unwrap_or_default(),
    });
    Item { id: text("LockID").unwrap_or_default(), info: text("Info"), digest: text("Digest"), lease }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_trip() {
        let lease = Lease { lease_ms: 90_000, beat: 17, beat_at: "t".into(), process: "p".into() };
        for item in [
            Item { id: "b/k".into(), info: Some("{}".into()), digest: None, lease: Some(lease) },
            Item { id: "b/k-md5".into(), digest: Some("00".into()), ..Item::default() },
        ] {
            assert_eq!(read(write(item.clone())), item);
        }
    }
}
