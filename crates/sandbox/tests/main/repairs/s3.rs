//! Repairs of S3.

use crate::world;

#[tokio::test]
async fn s3_root_elements() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/root-bucket", &[], "").ok();
    for (sub, root) in [
        ("versioning", "VersioningConfiguration"),
        ("accelerate", "AccelerateConfiguration"),
        ("notification", "NotificationConfiguration"),
        ("requestPayment", "RequestPaymentConfiguration"),
    ] {
        let body = aws.s3("GET", &format!("/root-bucket?{sub}"), &[], "").ok().body;
        assert!(body.contains(&format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")), "{body}");
        assert!(body.ends_with(&format!("</{root}>")), "{body}");
    }
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    aws.s3("PUT", "/root-bucket?versioning", &[], on).ok();
    let got = aws.s3("GET", "/root-bucket?versioning", &[], "");
    assert_eq!(got.tag("Status"), "Enabled");
    assert!(got.body.contains("<VersioningConfiguration xmlns"));
    assert!(!got.body.contains("MfaDelete"), "nothing was said about it");
    let both = on.replace("</Status>", "</Status><MfaDelete>Disabled</MfaDelete>");
    aws.s3("PUT", "/root-bucket?versioning", &[], &both).ok();
    let got = aws.s3("GET", "/root-bucket?versioning", &[], "");
    assert_eq!((got.tag("Status"), got.tag("MfaDelete")), ("Enabled".into(), "Disabled".into()));
}

#[tokio::test]
async fn s3_stored_documents() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/stored-bucket", &[], "").ok();
    let payer = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    assert_eq!(aws.s3("GET", "/stored-bucket?requestPayment", &[], "").tag("Payer"), "BucketOwner");
    aws.s3("PUT", "/stored-bucket?requestPayment", &[], payer).ok();
    assert_eq!(aws.s3("GET", "/stored-bucket?requestPayment", &[], "").tag("Payer"), "Requester");
    let metrics = "<MetricsConfiguration><Id>all</Id></MetricsConfiguration>";
    aws.s3("GET", "/stored-bucket?metrics&id=all", &[], "").refused("NoSuchConfiguration");
    aws.s3("PUT", "/stored-bucket?metrics&id=all", &[], metrics).ok();
    assert_eq!(aws.s3("GET", "/stored-bucket?metrics&id=all", &[], "").tag("Id"), "all");
    aws.s3("DELETE", "/stored-bucket?metrics&id=all", &[], "").ok();
    aws.s3("GET", "/stored-bucket?metrics&id=all", &[], "").refused("NoSuchConfiguration");
    aws.s3("GET", "/no-such-bucket?requestPayment", &[], "").refused("NoSuchBucket");
}

#[tokio::test]
async fn s3_default_encryption() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/crypt-bucket", &[], "").ok();
    assert_eq!(aws.s3("GET", "/crypt-bucket?encryption", &[], "").ok().tag("SSEAlgorithm"), "AES256");
    let kms = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms\
               </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    aws.s3("PUT", "/crypt-bucket?encryption", &[], kms).ok();
    assert_eq!(aws.s3("GET", "/crypt-bucket?encryption", &[], "").ok().tag("SSEAlgorithm"), "aws:kms");
    aws.s3("DELETE", "/crypt-bucket?encryption", &[], "").ok();
    assert_eq!(aws.s3("GET", "/crypt-bucket?encryption", &[], "").ok().tag("SSEAlgorithm"), "AES256");
}

#[tokio::test]
async fn s3_secure_transport() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/tls-bucket", &[], "").ok();
    let deny = |action: &str, condition: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"{action}\",\
             \"Resource\":\"arn:aws:s3:::tls-bucket/*\"{condition}}}]}}"
        )
    };
    let without_tls = ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}";
    aws.s3("PUT", "/tls-bucket?policy", &[], &deny("s3:*", without_tls)).ok();
    aws.s3("PUT", "/tls-bucket/k", &[], "text").ok();
    assert_eq!(aws.s3("GET", "/tls-bucket/k", &[], "").ok().body, "text");
    aws.s3("PUT", "/tls-bucket?policy", &[], &deny("s3:GetObject", "")).ok();
    assert_eq!(aws.s3("GET", "/tls-bucket/k", &[], "").status, 403, "other statements count");
}

#[tokio::test]
async fn s3_lifecycle_details() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/life-bucket", &[], "").ok();
    let size = "<Filter><And><Prefix>a</Prefix><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></And></Filter>";
    let newer = "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays>\
                 <NewerNoncurrentVersions>4</NewerNoncurrentVersions></NoncurrentVersionExpiration>";
    let rules = format!(
        "<Rule><ID>a</ID>{size}<Status>Enabled</Status>{newer}</Rule>\
         <Rule><Filter><Prefix>b</Prefix></Filter><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule>"
    );
    let header = "x-amz-transition-default-minimum-object-size";
    let put = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    aws.s3("PUT", "/life-bucket?lifecycle", &[(header, "varies_by_storage_class")], &put).ok();
    let got = aws.s3("GET", "/life-bucket?lifecycle", &[], "").ok();
    assert!(got.body.contains(size) && got.body.contains(newer), "{}", got.body);
    let ids = got.tags("ID");
    assert!(ids.len() == 2 && ids[0] == "a" && ids[1].len() > 20, "{ids:?}");
    assert!(got.head.contains(&format!("{header}: varies_by_storage_class")), "{}", got.head);
    aws.s3("DELETE", "/life-bucket?lifecycle", &[], "").ok();
    aws.s3("GET", "/life-bucket?lifecycle", &[], "").refused("NoSuchLifecycleConfiguration");
}

#[tokio::test]
async fn s3_created_tags() {
    let (_, aws) = world().await;
    let tags = "<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag><Tag><Key>b</Key><Value/></Tag>\
                </Tags></CreateBucketConfiguration>";
    aws.s3("PUT", "/tagged-bucket", &[], tags).ok();
    let got = aws.s3("GET", "/tagged-bucket?tagging", &[], "").ok();
    assert_eq!(got.tags("Key"), ["a", "b"], "{}", got.body);
    assert!(got.body.contains("<Value>1 &amp; 2</Value>"), "{}", got.body);
    aws.s3("PUT", "/bare-bucket", &[], "").ok();
    aws.s3("GET", "/bare-bucket?tagging", &[], "").refused("NoSuchTagSet");
}

#[tokio::test]
async fn s3_lacking_documents_and_request_id() {
    let (_, aws) = world().await;
    aws.s3("PUT", "/lack-bucket", &[], "").ok();
    aws.s3("GET", "/lack-bucket?abac", &[], "").refused("NotSupportedBySandbox");
    assert!(aws.s3("GET", "/lack-bucket?acl", &[], "").ok().head.contains("x-amz-request-id: "));
}
