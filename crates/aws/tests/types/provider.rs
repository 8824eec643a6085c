//! The `provider "aws"` block: every argument of the AWS provider 5.100 is there, each has an effect or is refused by
//! name, and several accounts and regions live in one process.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use stackctl_aws::kit::provider_config;
use stackctl_core::{Block, Known, Ty, canonical::canonical};

use crate::rig::{Rig, known, unique};

/// Arguments of the provider's schema, blocks included; `endpoints` has one for each name of a service.
const ARGUMENTS: &str = "\
    access_key allowed_account_ids assume_role assume_role.duration assume_role.external_id assume_role.policy \
    assume_role.policy_arns assume_role.role_arn assume_role.session_name assume_role.source_identity assume_role.tags \
    assume_role.transitive_tag_keys assume_role_with_web_identity assume_role_with_web_identity.duration \
    assume_role_with_web_identity.policy assume_role_with_web_identity.policy_arns \
    assume_role_with_web_identity.role_arn assume_role_with_web_identity.session_name \
    assume_role_with_web_identity.web_identity_token assume_role_with_web_identity.web_identity_token_file \
    custom_ca_bundle default_tags default_tags.tags ec2_metadata_service_endpoint ec2_metadata_service_endpoint_mode \
    endpoints forbidden_account_ids http_proxy https_proxy ignore_tags ignore_tags.key_prefixes ignore_tags.keys \
    insecure max_retries no_proxy profile region retry_mode s3_us_east_1_regional_endpoint s3_use_path_style secret_key \
    shared_config_files shared_credentials_files skip_credentials_validation skip_metadata_api_check \
    skip_region_validation skip_requesting_account_id sts_region token token_bucket_rate_limiter_capacity \
    use_dualstack_endpoint use_fips_endpoint";
/// How many names of services the provider knows.
const ENDPOINTS: usize = 303;

fn paths(block: &Block, at: &str, out: &mut BTreeSet<String>) {
    out.extend(block.attrs.keys().map(|n| format!("{at}{n}")));
    for (n, b) in &block.blocks {
        out.insert(format!("{at}{n}"));
        if *n != "endpoints" {
            paths(&b.block, &format!("{at}{n}."), out);
        }
    }
}

#[test]
fn every_argument_is_there() {
    let schema = provider_config::schema();
    let mut ours = BTreeSet::new();
    paths(&schema.block, "", &mut ours);
    // `alias` belongs to the language.
    let theirs: BTreeSet<String> = ARGUMENTS.split_whitespace().map(str::to_owned).collect();
    assert_eq!(ours, theirs);
    assert_eq!(schema.block.blocks["endpoints"].block.attrs.len(), ENDPOINTS);
}

/// What a block with these arguments means, without what is secret.
fn meaning(config: Json) -> String {
    let schema = provider_config::schema();
    let mut config = known(config);
    canonical(&schema.block, &mut config);
    match provider_config::decode(&config) {
        Ok((settings, rules)) => format!("{settings:?} {rules:?}"),
        Err(e) => format!("refused: {e}"),
    }
}

fn sample(ty: &Ty, name: &str) -> Json {
    match (ty, name) {
        (Ty::Bool, _) => json!(true),
        (Ty::Number, _) => json!(7),
        (Ty::List(_) | Ty::Set(_), _) => json!(["x"]),
        (Ty::Map(_), _) => json!({"k": "v"}),
        (_, "duration") => json!("2h"),
        (_, "retry_mode") => json!("adaptive"),
        (_, "skip_metadata_api_check") => json!("true"),
        (_, "ec2_metadata_service_endpoint_mode") => json!("IPv6"),
        _ => json!("x"),
    }
}

#[test]
fn every_argument_has_an_effect_or_is_refused() {
    let schema = provider_config::schema();
    let refused: BTreeSet<&str> = schema.refused.iter().map(|r| r.0).collect();
    let mut silent = Vec::new();
    for (name, attr) in schema.block.attrs.iter().filter(|(n, _)| !refused.contains(*n)) {
        if meaning(json!({*name: sample(&attr.ty, name)})) == meaning(json!({})) {
            silent.push((*name).to_owned());
        }
    }
    for (block, b) in &schema.block.blocks {
        for (name, attr) in &b.block.attrs {
            let mut base = serde_json::Map::new();
            if b.block.attrs.contains_key("role_arn") {
                base.insert("role_arn".into(), json!("arn:aws:iam::123456789012:role/r"));
            }
            let mut with = base.clone();
            with.insert((*name).to_owned(), sample(&attr.ty, name));
            if meaning(json!({*block: [with]})) == meaning(json!({*block: [base]})) {
                silent.push(format!("{block}.{name}"));
            }
        }
    }
    assert!(silent.is_empty(), "nothing depends on {silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_accounts_and_regions() {
    let here = Rig::new().await;
    let west = here.beside(json!({"region": "us-west-2"})).await;
    let role = json!([{"role_arn": "arn:aws:iam::210987654321:role/deploy", "session_name": "test"}]);
    let there = here.beside(json!({"region": "eu-west-1", "assume_role": role})).await;
    let places = [
        (&here, "us-east-1", "123456789012"),
        (&west, "us-west-2", "123456789012"),
        (&there, "eu-west-1", "210987654321"),
    ];
    let name = unique("q");
    let mut made = Vec::new();
    for (rig, region, account) in places {
        let scope = rig.instance.scope();
        assert_eq!((scope.region.as_str(), scope.account.as_str()), (region, account));
        let queue = rig.create("aws_sqs_queue", json!({"name": name})).await;
        assert_eq!(queue.state.get("arn").as_str(), Some(format!("arn:aws:sqs:{region}:{account}:{name}").as_str()));
        let found = rig.data("aws_caller_identity", json!({})).await.unwrap();
        assert_eq!(found["account_id"], account);
        made.push((rig, queue));
    }
    // What one of them deletes, the others keep.
    let (rig, queue) = made.remove(0);
    rig.delete(queue).await;
    for (rig, queue) in made {
        assert!(rig.read_as("aws_sqs_queue", &queue.id, Known::Null).await.is_some());
        rig.delete(queue).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_ruled_out() {
    let rig = Rig::new().await;
    for (argument, accounts) in [("allowed_account_ids", "210987654321"), ("forbidden_account_ids", "123456789012")] {
        let mut config = known(json!({
            "region": "us-east-1", "access_key": "test", "secret_key": "test",
            "endpoints": [{"sts": rig.sandbox.endpoint()}], argument: [accounts],
        }));
        canonical(&rig.provider.config().block, &mut config);
        let refused = rig.provider.configure(config, crate::rig::host()).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{argument} rules nothing out"));
        assert!(refused.message.contains("123456789012") && refused.message.contains(argument), "{refused}");
    }
}
