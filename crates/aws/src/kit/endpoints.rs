//! Names of services in the `endpoints` block of `provider "aws"`: every name that the language knows, and which of them mean the
//! same service.

/// All names, in byte order.
pub const NAMES: &[&str] = &[
    "accessanalyzer", "account", "acm", "acmpca", "amg", "amp", "amplify", "apigateway", "apigatewayv2",
    "appautoscaling", "appconfig", "appfabric", "appflow", "appintegrations", "appintegrationsservice",
    "applicationautoscaling", "applicationinsights", "applicationsignals", "appmesh", "appregistry", "apprunner",
    "appstream", "appsync", "athena", "auditmanager", "autoscaling", "autoscalingplans", "backup", "batch",
    "bcmdataexports", "beanstalk", "bedrock", "bedrockagent", "billing", "budgets", "ce", "chatbot", "chime",
    "chimesdkmediapipelines", "chimesdkvoice", "cleanrooms", "cloud9", "cloudcontrol", "cloudcontrolapi",
    "cloudformation", "cloudfront", "cloudfrontkeyvaluestore", "cloudhsm", "cloudhsmv2", "cloudsearch", "cloudtrail",
    "cloudwatch", "cloudwatchevents", "cloudwatchevidently", "cloudwatchlog", "cloudwatchlogs",
    "cloudwatchobservabilityaccessmanager", "cloudwatchrum", "codeartifact", "codebuild", "codecatalyst",
    "codecommit", "codeconnections", "codedeploy", "codeguruprofiler", "codegurureviewer", "codepipeline",
    "codestarconnections", "codestarnotifications", "cognitoidentity", "cognitoidentityprovider", "cognitoidp",
    "comprehend", "computeoptimizer", "config", "configservice", "connect", "connectcases", "controltower",
    "costandusagereportservice", "costexplorer", "costoptimizationhub", "cur", "customerprofiles",
    "databasemigration", "databasemigrationservice", "databrew", "dataexchange", "datapipeline", "datasync",
    "datazone", "dax", "deploy", "detective", "devicefarm", "devopsguru", "directconnect", "directoryservice", "dlm",
    "dms", "docdb", "docdbelastic", "drs", "ds", "dsql", "dynamodb", "ec2", "ecr", "ecrpublic", "ecs", "efs", "eks",
    "elasticache", "elasticbeanstalk", "elasticloadbalancing", "elasticloadbalancingv2", "elasticsearch",
    "elasticsearchservice", "elastictranscoder", "elb", "elbv2", "emr", "emrcontainers", "emrserverless", "es",
    "eventbridge", "events", "evidently", "evs", "finspace", "firehose", "fis", "fms", "fsx", "gamelift", "glacier",
    "globalaccelerator", "glue", "gluedatabrew", "grafana", "greengrass", "groundstation", "guardduty", "healthlake",
    "iam", "identitystore", "imagebuilder", "inspector", "inspector2", "inspectorv2", "internetmonitor", "invoicing",
    "iot", "iotanalytics", "iotevents", "ivs", "ivschat", "kafka", "kafkaconnect", "kendra", "keyspaces", "kinesis",
    "kinesisanalytics", "kinesisanalyticsv2", "kinesisvideo", "kms", "lakeformation", "lambda", "launchwizard",
    "lex", "lexmodelbuilding", "lexmodelbuildingservice", "lexmodels", "lexmodelsv2", "lexv2models",
    "licensemanager", "lightsail", "location", "locationservice", "logs", "lookoutmetrics", "m2", "macie2",
    "managedgrafana", "mediaconnect", "mediaconvert", "medialive", "mediapackage", "mediapackagev2",
    "mediapackagevod", "mediastore", "memorydb", "mgn", "mq", "msk", "mwaa", "neptune", "neptunegraph",
    "networkfirewall", "networkmanager", "networkmonitor", "notifications", "notificationscontacts", "oam",
    "opensearch", "opensearchingestion", "opensearchserverless", "opensearchservice", "opsworks", "organizations",
    "osis", "outposts", "paymentcryptography", "pcaconnectorad", "pcs", "pinpoint", "pinpointsmsvoicev2", "pipes",
    "polly", "pricing", "prometheus", "prometheusservice", "qbusiness", "qldb", "quicksight", "ram", "rbin", "rds",
    "recyclebin", "redshift", "redshiftdata", "redshiftdataapiservice", "redshiftserverless", "rekognition",
    "resiliencehub", "resourceexplorer2", "resourcegroups", "resourcegroupstagging", "resourcegroupstaggingapi",
    "rolesanywhere", "route53", "route53domains", "route53profiles", "route53recoverycontrolconfig",
    "route53recoveryreadiness", "route53resolver", "rum", "s3", "s3api", "s3control", "s3outposts", "s3tables",
    "sagemaker", "scheduler", "schemas", "sdb", "secretsmanager", "securityhub", "securitylake",
    "serverlessapplicationrepository", "serverlessapprepo", "serverlessrepo", "servicecatalog",
    "servicecatalogappregistry", "servicediscovery", "servicequotas", "ses", "sesv2", "sfn", "shield", "signer",
    "simpledb", "sns", "sqs", "ssm", "ssmcontacts", "ssmincidents", "ssmquicksetup", "ssmsap", "sso", "ssoadmin",
    "stepfunctions", "storagegateway", "sts", "swf", "synthetics", "taxsettings", "timestreaminfluxdb",
    "timestreamquery", "timestreamwrite", "transcribe", "transcribeservice", "transfer", "verifiedpermissions",
    "vpclattice", "waf", "wafregional", "wafv2", "wellarchitected", "worklink", "workspaces", "workspacesweb",
    "xray",
];

/// Services with several names, the SDK's own first.
const ALIASES: &[&[&str]] = &[
    &["apigatewayv2"],
    &["appautoscaling", "applicationautoscaling"],
    &["cloudwatchlogs", "cloudwatchlog", "logs"],
    &["deploy", "codedeploy"],
    &["dms", "databasemigration", "databasemigrationservice"],
    &["ds", "directoryservice"],
    &["elasticbeanstalk", "beanstalk"],
    &["elb", "elasticloadbalancing"],
    &["elbv2", "elasticloadbalancingv2"],
    &["elasticsearch", "es", "elasticsearchservice"],
    &["events", "eventbridge", "cloudwatchevents"],
    &["kafka", "msk"],
    &["opensearch", "opensearchservice"],
    &["resourcegroupstaggingapi", "resourcegroupstagging"],
    &["s3", "s3api"],
    &["sfn", "stepfunctions"],
];

/// All names under which the endpoint of a service may be set.
pub fn aliases(service: &str) -> Vec<&str> {
    match ALIASES.iter().find(|names| names.contains(&service)) {
        Some(names) => names.to_vec(),
        None => vec![service],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_aliases_exist() {
        assert!(NAMES.is_sorted());
        for name in ALIASES.iter().flat_map(|a| a.iter()) {
            assert!(NAMES.contains(name), "{name}");
        }
        assert_eq!(aliases("logs")[0], "cloudwatchlogs");
        assert_eq!(aliases("ec2"), ["ec2"]);
    }
}
