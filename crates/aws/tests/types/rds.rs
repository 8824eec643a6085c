//! RDS types.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, unique};

fn instance(name: &str, more: Json) -> Json {
    let mut c = json!({
        "identifier": name, "engine": "postgres", "engine_version": "16", "instance_class": "db.t3.micro",
        "allocated_storage": 20, "username": "app", "password": "hunter2hunter2", "skip_final_snapshot": true,
        "apply_immediately": true,
    });
    c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    c
}

async fn actions(rig: &Rig, name: &str) -> Vec<(String, Json)> {
    let log = rig.sandbox.log().await.unwrap();
    let about = |l: &stackctl_sandbox::Logged| l.changes && l.params.to_string().contains(name);
    log.into_iter().filter(about).map(|l| (l.action, l.params)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn db_instance() {
    let rig = Rig::new().await;
    let name = unique("db");
    let first = json!({
        "db_name": "main", "storage_type": "gp3", "storage_encrypted": true, "max_allocated_storage": 100,
        "backup_retention_period": 7, "backup_window": "03:00-04:00", "maintenance_window": "Mon:05:00-Mon:06:00",
        "enabled_cloudwatch_logs_exports": ["postgresql"], "deletion_protection": true, "tags": {"a": "1"},
        "copy_tags_to_snapshot": true, "multi_az": true,
    });
    let db = rig.create("aws_db_instance", instance(&name, first.clone())).await;
    assert_eq!(db.state.get("engine_version").to_json(), json!("16"));
    assert_eq!(db.id, db.state.get("resource_id").as_str().unwrap());
    let mut second = first;
    second["deletion_protection"] = json!(false);
    second["backup_retention_period"] = json!(14);
    second["allocated_storage"] = json!(40);
    second["enabled_cloudwatch_logs_exports"] = json!(["postgresql", "upgrade"]);
    second["tags"] = json!({"a": "2"});
    second["multi_az"] = json!(false);
    let changed = [
        "allocated_storage",
        "backup_retention_period",
        "deletion_protection",
        "enabled_cloudwatch_logs_exports",
        "multi_az",
        "tags",
        "tags_all",
    ];
    let db = rig.update(db, instance(&name, second.clone()), &changed).await;
    let (_, sent) = actions(&rig, &name).await.into_iter().rfind(|(a, _)| a == "ModifyDBInstance").unwrap();
    let mut names: Vec<&String> = sent.as_object().unwrap().keys().collect();
    names.sort();
    let expected = [
        "AllocatedStorage",
        "ApplyImmediately",
        "BackupRetentionPeriod",
        // Both lists travel together, empty or not.
        "CloudwatchLogsExportConfiguration.DisableLogTypes",
        "CloudwatchLogsExportConfiguration.EnableLogTypes.member.1",
        "DBInstanceIdentifier",
        "DeletionProtection",
        "MultiAZ",
    ];
    assert_eq!(names, expected);
    let mut third = second;
    third["password"] = json!("correct horse");
    let db = rig.update(db, instance(&name, third.clone()), &["password"]).await;
    let (_, sent) = actions(&rig, &name).await.into_iter().rfind(|(a, _)| a == "ModifyDBInstance").unwrap();
    assert_eq!(sent["MasterUserPassword"], json!("correct horse"));
    // What only steers a later deletion is no modification.
    let before = actions(&rig, &name).await.len();
    third["delete_automated_backups"] = json!(false);
    let db = rig.update(db, instance(&name, third), &["delete_automated_backups"]).await;
    assert_eq!(actions(&rig, &name).await.len(), before);
    rig.import(&db, &name, &["engine_version", "latest_restorable_time"]).await;
    rig.delete(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_instance_replica() {
    let rig = Rig::new().await;
    let (source, name) = (unique("source"), unique("replica"));
    let db = rig.create("aws_db_instance", instance(&source, json!({"backup_retention_period": 1}))).await;
    let replica = |more: Json| {
        let mut c = json!({
            "identifier": name, "instance_class": "db.t3.small", "skip_final_snapshot": true, "apply_immediately": true,
        });
        c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        c
    };
    let of = json!({"replicate_source_db": source, "backup_window": "01:00-02:00", "max_allocated_storage": 90});
    let r = rig.create("aws_db_instance", replica(of)).await;
    assert_eq!(r.state.get("replicate_source_db").to_json(), json!(source));
    let alone = json!({"backup_window": "01:00-02:00", "max_allocated_storage": 90});
    let r = rig.update(r, replica(alone), &["replicate_source_db"]).await;
    rig.delete(r).await;
    rig.delete(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_instance_restored() {
    let rig = Rig::new().await;
    let (source, name) = (unique("source"), unique("restored"));
    let db = rig.create("aws_db_instance", instance(&source, json!({"backup_retention_period": 1}))).await;
    let raw = aws_sdk_rds::Client::new(&rig.raw().await);
    let snapshot = unique("snap");
    raw.create_db_snapshot().db_instance_identifier(&source).db_snapshot_identifier(&snapshot).send().await.unwrap();
    let config = json!({
        "identifier": name, "instance_class": "db.t3.small", "skip_final_snapshot": true, "snapshot_identifier": snapshot,
        "password": "another one", "backup_retention_period": 3, "allocated_storage": 30,
    });
    let restored = rig.create("aws_db_instance", config).await;
    let sent = actions(&rig, &name).await;
    let (_, modify) = sent.iter().find(|(a, _)| a == "ModifyDBInstance").unwrap();
    assert_eq!(modify["MasterUserPassword"], json!("another one"));
    assert_eq!(modify["ApplyImmediately"], json!("true"));
    rig.delete(restored).await;
    let name = unique("point");
    let config = json!({
        "identifier": name, "instance_class": "db.t3.small", "skip_final_snapshot": true,
        "restore_to_point_in_time": [{"source_db_instance_identifier": source, "use_latest_restorable_time": true}],
    });
    let point = rig.create("aws_db_instance", config).await;
    rig.delete(point).await;
    rig.delete(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_instance_with_managed_or_unstored_password() {
    let rig = Rig::new().await;
    let name = unique("managed");
    let mut config = instance(&name, json!({"manage_master_user_password": true}));
    config.as_object_mut().unwrap().remove("password");
    let db = rig.create("aws_db_instance", config).await;
    rig.delete(db).await;
    let name = unique("unstored");
    let mut config = instance(&name, json!({"password_wo": "never stored", "password_wo_version": 1}));
    config.as_object_mut().unwrap().remove("password");
    let db = rig.create("aws_db_instance", config.clone()).await;
    assert!(db.state.get("password_wo").is_null());
    config["password_wo"] = json!("nor this");
    config["password_wo_version"] = json!(2);
    let db = rig.update(db, config, &["password_wo_version"]).await;
    let (_, sent) = actions(&rig, &name).await.into_iter().rfind(|(a, _)| a == "ModifyDBInstance").unwrap();
    assert_eq!(sent["MasterUserPassword"], json!("nor this"));
    rig.delete(db).await;
}
