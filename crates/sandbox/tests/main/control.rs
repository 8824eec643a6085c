//! What the control endpoints promise.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use stackctl_sandbox::{Fault, Kind, Options, Sandbox, SandboxClock, When};

use crate::world;

#[tokio::test]
async fn starts_answers_and_dies_with_its_owner() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let control = sandbox.control();
    assert!(control.health().await.unwrap() > 0);
    sandbox.stop().await;
    assert!(control.health().await.is_err());
}

#[tokio::test]
async fn a_kept_sandbox_outlives_its_starter_with_its_world() {
    let dir = tempfile::tempdir().unwrap();
    let first = Sandbox::attach_or_start(dir.path()).await.unwrap();
    crate::Aws(first.control()).s3("PUT", "/kept-bucket", &[], "").ok();
    let port = first.port();
    drop(first);
    let second = Sandbox::attach_or_start(dir.path()).await.unwrap();
    assert_eq!(second.port(), port);
    assert!(crate::Aws(second.control()).s3("GET", "/", &[], "").body.contains("kept-bucket"));
    assert!(Sandbox::stop_kept(dir.path()).await.unwrap());
    assert!(!Sandbox::stop_kept(dir.path()).await.unwrap());
    assert!(Sandbox::kept(dir.path()).await.is_none());
}

#[tokio::test]
async fn a_kept_sandbox_of_another_version_is_replaced_while_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let first = Sandbox::attach_or_start(dir.path()).await.unwrap();
    let file = dir.path().join("sandbox.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(Sandbox::kept_version(dir.path()).await, Some(Sandbox::version()));
    std::fs::write(&file, text.replace(&Sandbox::version(), "0123456789abcdef")).unwrap();
    crate::Aws(first.control()).s3("PUT", "/kept-bucket", &[], "").ok();
    let refused = Sandbox::attach_or_start(dir.path()).await.unwrap_err().to_string();
    assert!(refused.contains("0123456789abcdef") && refused.contains("stackctl sandbox stop"), "{refused}");
    crate::Aws(first.control()).s3("DELETE", "/kept-bucket", &[], "").ok();
    let fork = first.fork().await.unwrap();
    let second = Sandbox::attach_or_start(dir.path()).await.unwrap();
    assert_ne!(second.port(), first.port());
    // The one that nobody can find any more waits for its fork, then ends by itself.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(first.health().await.is_ok() && fork.health().await.is_ok());
    fork.exit().await.unwrap();
    let start = Instant::now();
    while first.health().await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(30), "it goes on");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(Sandbox::stop_kept(dir.path()).await.unwrap());
}

#[tokio::test]
async fn a_fault_hits_one_path_and_has_headers() {
    let (control, aws) = world().await;
    aws.s3("PUT", "/fault-bucket", &[], "").ok();
    let elsewhere = Fault {
        path: Some("/one".to_owned()),
        code: Some("PermanentRedirect".to_owned()),
        status: Some(301),
        headers: [("x-amz-bucket-region".to_owned(), "eu-west-1".to_owned())].into(),
        ..Fault::new(Kind::Error, "s3", "PutObject")
    };
    control.faults(&[elsewhere]).await.unwrap();
    aws.s3("PUT", "/fault-bucket/two", &[], "x").ok();
    let hit = aws.s3("PUT", "/fault-bucket/one", &[], "x");
    assert!(hit.status == 301 && hit.body.contains("PermanentRedirect"), "{}", hit.body);
    assert!(hit.head.to_lowercase().contains("x-amz-bucket-region: eu-west-1"), "{}", hit.head);
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let (_, aws) = world().await;
    let mut stream = TcpStream::connect(("127.0.0.1", aws.0.port())).unwrap();
    for _ in 0..3 {
        stream.write_all(&aws.bytes("s3", "GET", "/", &[], b"", false)).unwrap();
        let mut source = BufReader::new(&stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(source.read_line(&mut line).unwrap() > 0, "the connection ended");
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        source.read_exact(&mut body).unwrap();
        assert!(String::from_utf8(body).unwrap().contains("ListAllMyBucketsResult"));
    }
    let log = aws.0.log().await.unwrap();
    assert_eq!(log.iter().map(|r| r.connection).collect::<Vec<_>>(), [log[0].connection; 3]);
}

#[tokio::test]
async fn a_conditional_write_has_one_winner() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/race-bucket", &[], "").ok();
    for round in 0..5 {
        let key = format!("/race-bucket/key{round}");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|i| {
                    let key = &key;
                    scope.spawn(move || aws.s3("PUT", key, &[("If-None-Match", "*")], &format!("writer {i}")).status)
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|s| **s == 412).count(), 15, "{statuses:?}");
    }
}

#[tokio::test]
async fn a_token_is_remembered_with_its_parameters() {
    let (control, aws) = world().await;
    let vpc = aws.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).tag("vpcId");
    let create = |token, tag| {
        let tags = [("TagSpecification.1.ResourceType", "route-table"), ("TagSpecification.1.Tag.1.Key", "k")];
        let params = [
            ("VpcId", vpc.as_str()),
            ("ClientToken", token),
            tags[0],
            tags[1],
            ("TagSpecification.1.Tag.1.Value", tag),
        ];
        aws.query("ec2", "CreateRouteTable", &params)
    };
    let first = create("one", "a").ok();
    let again = create("one", "a").ok();
    assert_eq!(first.tag("routeTableId"), again.tag("routeTableId"));
    assert_ne!(first.tag("routeTableId"), create("two", "a").ok().tag("routeTableId"));
    create("one", "b").refused("<Code>IdempotentParameterMismatch</Code>");
    let log = control.log().await.unwrap();
    let replayed: Vec<bool> = log.iter().filter(|r| r.action == "CreateRouteTable").map(|r| r.replayed).collect();
    assert_eq!(replayed, [false, true, false, true]);
}

#[tokio::test]
async fn faults_hit_the_requests_that_they_name() {
    let (control, aws) = world().await;
    control
        .faults(&[
            Fault::new(Kind::Throttle, "ec2", "DescribeVpcs"),
            Fault { skip: 1, ..Fault::new(Kind::Error500, "s3", "ListBuckets") },
            Fault::new(Kind::LostAnswer, "ec2", "CreateVpc"),
            Fault::new(Kind::ResetBefore, "ec2", "CreateVpc"),
            Fault { code: Some("Teapot".into()), ..Fault::new(Kind::Error, "rds", "DescribeDBInstances") },
        ])
        .await
        .unwrap();
    aws.query("ec2", "DescribeVpcs", &[]).refused("<Code>RequestLimitExceeded</Code>");
    let vpcs = || aws.query("ec2", "DescribeVpcs", &[]).tags("vpcId").len();
    let before = vpcs();
    assert_eq!(aws.s3("GET", "/", &[], "").status, 200);
    assert_eq!(aws.s3("GET", "/", &[], "").status, 500);
    assert!(aws.try_query("ec2", "CreateVpc", &[("CidrBlock", "10.1.0.0/16")]).is_none());
    assert_eq!(vpcs(), before + 1, "the lost answer was executed");
    assert!(aws.try_query("ec2", "CreateVpc", &[("CidrBlock", "10.2.0.0/16")]).is_none());
    assert_eq!(vpcs(), before + 1, "the reset request was not executed");
    aws.query("rds", "DescribeDBInstances", &[]).refused("<Code>Teapot</Code>");
    aws.query("rds", "DescribeDBInstances", &[]).ok();
    assert!(control.faults(&[]).await.is_ok());
}

#[tokio::test]
async fn throttling_looks_like_the_service() {
    let (control, aws) = world().await;
    control.faults(&[Fault { times: -1, ..Fault::any(Kind::Throttle) }]).await.unwrap();
    let check = |answer: crate::aws::Answer, status, text: &str| {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(text), "{}", answer.body);
    };
    check(aws.s3("GET", "/", &[], ""), 503, "<Error><Code>SlowDown</Code>");
    check(aws.query("ec2", "DescribeVpcs", &[]), 503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code>");
    check(aws.query("iam", "ListRoles", &[]), 400, "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>");
    check(aws.json("dynamodb", "DynamoDB_20120810.ListTables", json!({})), 400, r#""__type": "ThrottlingException""#);
}

#[tokio::test]
async fn a_stop_holds_request_k_and_all_after_it() {
    for (when, made) in [(When::Before, 0), (When::After, 1)] {
        let (control, aws) = world().await;
        let count = || aws.query("ec2", "DescribeVpcs", &[]).tags("vpcId").len();
        let before = count();
        control.stop_at(2, when).await.unwrap();
        aws.query("ec2", "DescribeVpcs", &[]).ok();
        let held =
            std::thread::spawn(move || aws.try_query("ec2", "CreateVpc", &[("CidrBlock", "10.1.0.0/16")]).is_none());
        let stopped = control.stopped(Duration::from_secs(20)).await.unwrap();
        assert!(stopped.reached);
        assert_eq!(stopped.request.unwrap().action, "CreateVpc");
        let late =
            std::thread::spawn(move || aws.try_query("ec2", "CreateVpc", &[("CidrBlock", "10.2.0.0/16")]).is_none());
        while control.log().await.unwrap().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        control.clear_stop().await.unwrap();
        assert!(held.join().unwrap() && late.join().unwrap(), "held requests get no answer");
        assert_eq!(count(), before + made, "{when:?}");
    }
}

#[tokio::test]
async fn a_fork_is_a_world_of_its_own() {
    let (control, aws) = world().await;
    aws.s3("PUT", "/parent-bucket", &[], "").ok();
    let fork = control.fork().await.unwrap();
    let child = crate::Aws(*fork);
    assert!(child.s3("GET", "/", &[], "").body.contains("parent-bucket"));
    child.s3("PUT", "/child-bucket", &[], "").ok();
    fork.clock_advance(Duration::from_secs(1000)).await.unwrap();
    assert!(!aws.s3("GET", "/", &[], "").body.contains("child-bucket"));
    assert!(fork.now().await.unwrap() - control.now().await.unwrap() > 900.0);
    assert_eq!(
        fork.log().await.unwrap().iter().map(|r| r.name()).collect::<Vec<_>>(),
        ["s3:ListBuckets", "s3:CreateBucket"]
    );
    let grandchild = fork.fork().await.unwrap();
    assert!(grandchild.health().await.is_ok());
    fork.exit().await.unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while grandchild.health().await.is_ok() {
        assert!(Instant::now() < end, "a fork outlived its parent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(control.health().await.is_ok());
}

#[tokio::test]
async fn the_clock_is_in_dates_and_creation_times() {
    let (control, aws) = world().await;
    control.clock_advance(Duration::from_secs(400 * 86400)).await.unwrap();
    let now = control.now().await.unwrap();
    let created = aws.query("iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)]).ok();
    let year = 1970 + (now / 31_556_952.0) as i64;
    assert!(created.tag("CreateDate").starts_with(&year.to_string()), "{} in {year}", created.tag("CreateDate"));
    assert!(created.head.contains(&format!(" {year} ")), "{}", created.head);
}

pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

#[tokio::test]
async fn sleeping_costs_no_time_and_wakes_in_order() {
    let (control, _) = world().await;
    // All three have to lie down before the clock jumps.
    control.quiet(Duration::from_secs(1)).await.unwrap();
    let clock = std::sync::Arc::new(SandboxClock::new(control));
    let start = (clock.now(), Instant::now());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for (seconds, passive) in [(600, false), (20, true), (90, false)] {
        let (clock, tell) = (clock.clone(), tell.clone());
        tokio::spawn(async move {
            let d = Duration::from_secs(seconds);
            if passive {
                clock.sleep_passively(d).await.unwrap()
            } else {
                clock.sleep(d).await.unwrap()
            }
            tell.send(seconds).unwrap();
        });
    }
    assert_eq!([told.recv().await, told.recv().await, told.recv().await], [Some(20), Some(90), Some(600)]);
    assert!(clock.now() - start.0 >= 600.0);
    assert!(start.1.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_passive_sleeper_alone_does_not_move_the_clock() {
    let (control, _) = world().await;
    let clock = SandboxClock::new(control);
    let before = clock.offset();
    let passive = clock.sleep_passively(Duration::from_secs(1000));
    assert!(tokio::time::timeout(Duration::from_millis(300), passive).await.is_err());
    assert_eq!(clock.offset(), before);
}

#[tokio::test]
async fn the_log_names_every_protocol() {
    let (control, aws) = world().await;
    aws.s3("PUT", "/log-bucket", &[], "").ok();
    aws.s3("GET", "/log-bucket?tagging=", &[], "").refused("NoSuchTagSet");
    aws.s3("PUT", "/log-bucket/a/b", &[("Content-Type", "text/plain")], "text").ok();
    aws.query("sns", "CreateTopic", &[("Name", "t")]).ok();
    aws.json("ssm", "AmazonSSM.PutParameter", json!({"Name": "/p", "Value": "v", "Type": "String"})).ok();
    aws.send("lambda", "GET", "/2015-03-31/functions/", &[], b"").unwrap().ok();
    let log = control.log().await.unwrap();
    let names: Vec<_> = log.iter().map(|r| format!("{} {:?} {}", r.name(), r.status, r.changes)).collect();
    assert_eq!(
        names,
        [
            "s3:CreateBucket Some(200) true",
            "s3:GetBucketTagging Some(404) false",
            "s3:PutObject Some(200) true",
            "sns:CreateTopic Some(200) true",
            "ssm:PutParameter Some(200) true",
            "lambda:ListFunctions Some(200) false",
        ]
    );
    assert_eq!(log[2].params["body"], "text");
    assert_eq!(log[3].params, json!({"Name": "t"}));
    assert_eq!(log[4].params["Value"], "v");
    control.clear_log().await.unwrap();
    assert!(control.log().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_emulator_lacks_is_not_an_aws_error() {
    let (_, aws) = world().await;
    let answer = aws.query("ec2", "ProvisionByoipCidr", &[("Cidr", "10.0.0.0/8")]);
    assert_eq!(answer.status, 501);
    assert!(answer.body.contains("ec2 ProvisionByoipCidr is not supported by the sandbox"), "{}", answer.body);
    assert!(answer.head.contains("x-sandbox-unsupported: ProvisionByoipCidr"));
}

#[tokio::test]
async fn reset_empties_the_world() {
    let (control, aws) = world().await;
    aws.s3("PUT", "/reset-bucket", &[], "").ok();
    control.reset().await.unwrap();
    assert!(!aws.s3("GET", "/", &[], "").body.contains("reset-bucket"));
}

#[tokio::test]
async fn cloudwatch_speaks_cbor() {
    let (control, aws) = world().await;
    let text = |t: &str| [&[0x60 | t.len() as u8][..], t.as_bytes()].concat();
    let pair = |k: &str, v: Vec<u8>| [text(k), v].concat();
    let send = |action: &str, body: &[u8]| {
        let headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
        let path = format!("/service/GraniteServiceVersion20100801/operation/{action}");
        aws.send("monitoring", "POST", &path, &headers, body).unwrap()
    };
    let alarm = [
        vec![0xa8],
        pair("AlarmName", text("a")),
        pair("ComparisonOperator", text("GreaterThanThreshold")),
        pair("EvaluationPeriods", vec![1]),
        pair("Threshold", [&[0xfb][..], &1.5f64.to_be_bytes()].concat()),
        pair("MetricName", text("m")),
        pair("Namespace", text("n")),
        pair("Period", vec![0x18, 60]),
        pair("Statistic", text("Sum")),
    ];
    send("PutMetricAlarm", &alarm.concat()).ok();
    let got = send("DescribeAlarms", &[vec![0xa1], pair("AlarmNames", [vec![0x81], text("a")].concat())].concat()).ok();
    assert!(got.head.contains("smithy-protocol: rpc-v2-cbor"), "{}", got.head);
    assert!(got.body.contains("MetricAlarms") && got.body.contains("GreaterThanThreshold"), "{}", got.body);
    let log = control.log().await.unwrap();
    assert_eq!((log[0].name(), &log[0].params["Threshold"]), ("cloudwatch:PutMetricAlarm".to_owned(), &json!(1.5)));
    control.faults(&[Fault::new(Kind::Throttle, "cloudwatch", "DescribeAlarms")]).await.unwrap();
    let refused = send("DescribeAlarms", &[0xa0]);
    assert!(refused.status == 400 && refused.body.contains("ThrottlingException"), "{}", refused.body);
}
