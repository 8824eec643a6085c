//! One table from AWS error codes to [`ErrorKind`], and from the SDK's errors to ours.
//!
//! No resource handles "not found", "in use", "not yet visible" or throttling: it uses `?`, and the engine acts on the kind.
//! A resource may look at [`Error::code`] where one service means something else by a code.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use stackctl_core::{self as core, ErrorKind, error::Call};

/// Result of resource code.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of resource code: [`core::Error`] with the conversions that `?` needs.
#[derive(Clone, Debug)]
pub struct Error(pub core::Error);

impl Error {
    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
    /// The service's error code, empty where there is none.
    pub fn code(&self) -> &str {
        self.0.call.as_ref().and_then(|c| c.code.as_deref()).unwrap_or_default()
    }
    /// True if the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }
    /// An error about arguments.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error(core::Error::invalid(message))
    }
    /// An answer that lacks what the API promises.
    pub fn incomplete(what: &str) -> Error {
        Error(core::Error::new(ErrorKind::Other, format!("The service's answer lacks {what}.")))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<core::Error> for Error {
    fn from(e: core::Error) -> Error {
        Error(e)
    }
}
impl From<Error> for core::Error {
    fn from(e: Error) -> core::Error {
        e.0
    }
}
impl From<aws_smithy_types::error::operation::BuildError> for Error {
    fn from(e: aws_smithy_types::error::operation::BuildError) -> Error {
        Error::invalid(format!("A part of the request is missing: {e}"))
    }
}
impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(e: SdkError<E, HttpResponse>) -> Error {
        let (service, operation) = names(std::any::type_name::<E>());
        Error(convert(service, operation, e.raw_response(), e.meta(), &e))
    }
}

/// The same where service and operation are known.
pub fn sdk<E>(service: &'static str, operation: &'static str, e: SdkError<E, HttpResponse>) -> core::Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    convert(service, operation.to_owned(), e.raw_response(), e.meta(), &e)
}

/// Extension of results whose "not found" is an answer.
pub trait Absent<T> {
    /// `None` if the object does not exist.
    ///
    /// # Errors
    /// Every other error.
    fn absent(self) -> Result<Option<T>>;
}

impl<T, E: Into<Error>> Absent<T> for std::result::Result<T, E> {
    fn absent(self) -> Result<Option<T>> {
        match self.map_err(Into::into) {
            Ok(v) => Ok(Some(v)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Service and operation from `aws_sdk_ec2::operation::create_vpc::CreateVpcError`, which `SdkError` does not tell.
fn names(type_name: &str) -> (&str, String) {
    let service = type_name.strip_prefix("aws_sdk_").and_then(|s| s.split("::").next()).unwrap_or_default();
    let operation = type_name.rsplit("::").next().unwrap_or_default();
    (service, operation.strip_suffix("Error").unwrap_or(operation).to_owned())
}

// Everything that does not depend on the operation's error type, so that it is compiled once.
fn convert(
    service: &str,
    operation: String,
    raw: Option<&HttpResponse>,
    meta: &aws_smithy_types::error::ErrorMetadata,
    e: &(dyn StdError + 'static),
) -> core::Error {
    let mut call = Call { service: service.to_owned(), operation, ..Call::default() };
    if let Some(r) = raw {
        let header = |h: &str| r.headers().get(h).map(str::to_owned);
        call.status = Some(r.status().as_u16());
        call.request_id =
            header("x-amzn-requestid").or_else(|| header("x-amz-request-id")).or_else(|| header("x-amzn-request-id"));
        if is_page(r) {
            let message = format!("This endpoint does not support {}:{}.", call.service, call.operation);
            return core::Error { call: Some(Box::new(call)), ..core::Error::new(ErrorKind::Unsupported, message) };
        }
    }
    if call.request_id.is_none() {
        call.request_id = meta.extra("aws_request_id").map(str::to_owned);
    }
    call.code = meta.code().map(str::to_owned);
    let (kind, message) = match (raw, meta.code()) {
        (None, None) => undelivered(e),
        (_, Some(code)) => {
            let message = meta.message().unwrap_or_default();
            let kind = classify(service, code, message).unwrap_or_else(|| by_status(call.status));
            (kind, if message.is_empty() { format!("The service answered {code}.") } else { message.to_owned() })
        }
        (Some(_), None) => {
            let status = call.status.unwrap_or_default();
            let unsaid = match status {
                400.. => format!("The service answered HTTP {status}."),
                _ => format!("The service's answer (HTTP {status}) cannot be understood, or was cut off."),
            };
            let message = meta.message().map_or(unsaid, str::to_owned);
            (by_status(call.status), message)
        }
    };
    core::Error { call: Some(Box::new(call)), ..core::Error::new(kind, message) }
}

/// True for an answer that is a web page: an emulator or a proxy that lacks the operation.
pub(super) fn is_page(r: &HttpResponse) -> bool {
    let html = |b: &[u8]| {
        let start = String::from_utf8_lossy(&b[..b.len().min(64)]).trim_start().to_ascii_lowercase();
        start.starts_with("<!doctype html") || start.starts_with("<html")
    };
    let status = r.status().as_u16();
    (status >= 500 || status == 404 || status == 405) && r.body().bytes().is_some_and(html)
}

/// True if an answer of this status says that nothing was done. A failure inside the service does not, and of what begins like
/// a success the rest may be missing.
pub(super) fn is_refusal(status: u16) -> bool {
    (300..500).contains(&status)
}

/// True if there was no connection on which the request could have left.
pub(super) fn never_left(e: &(dyn StdError + 'static)) -> bool {
    no_connection(&chain(e))
}

fn no_connection(chain: &[String]) -> bool {
    chain.iter().any(|s| s.contains("client error (Connect)") || s.contains("dns error"))
}

fn chain(e: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(e), |&e| e.source()).map(ToString::to_string).collect()
}

/// No answer: whether the request may have reached the service decides.
fn undelivered(e: &(dyn StdError + 'static)) -> (ErrorKind, String) {
    let chain = chain(e);
    let says = |t: &str| chain.iter().any(|s| s.contains(t));
    let reason = chain.last().cloned().unwrap_or_default();
    if says(super::gate::NOT_SENT) {
        // It was held back here, so that nothing was done; whoever ordered it asks again before it is repeated.
        return (ErrorKind::Throttled, reason);
    }
    if no_connection(&chain) || says("no providers in chain") || says("failed to construct") {
        return (ErrorKind::Unreachable, format!("The service cannot be reached: {reason}"));
    }
    if says("the credential provider was not enabled") || says("failed to load credentials") || says("credentials") {
        return (ErrorKind::Unreachable, format!("No usable AWS credentials were found: {reason}"));
    }
    (ErrorKind::Lost, format!("The answer to the request was lost: {reason}"))
}

fn by_status(status: Option<u16>) -> ErrorKind {
    match status {
        Some(404 | 410) => ErrorKind::NotFound,
        Some(401 | 403) => ErrorKind::Denied,
        Some(409) => ErrorKind::NotReady,
        Some(429) => ErrorKind::Throttled,
        Some(501) => ErrorKind::Unsupported,
        Some(400..=499) => ErrorKind::Invalid,
        _ => ErrorKind::Other,
    }
}

/// The class of an error code. A code that means several things is told apart by its message.
fn classify(service: &str, code: &str, message: &str) -> Option<ErrorKind> {
    let has = |t: &str| message.to_ascii_lowercase().contains(t);
    let kind = match code {
        // The codes that every service shares (AWS API Reference, "Common errors").
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "ProvisionedThroughputExceededException" => ErrorKind::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthFailure"
        | "OptInRequired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "NotAuthorized"
        | "AuthorizationError"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "RequestExpired"
        | "InvalidToken" => ErrorKind::Denied,
        "IdempotentParameterMismatch" | "IdempotencyParameterMismatch" | "IdempotentParameterMismatchException" => {
            ErrorKind::TokenMismatch
        }
        "UnsupportedOperation" | "InvalidAction" | "UnknownOperationException" | "NotImplemented" => {
            ErrorKind::Unsupported
        }

        // IAM. A policy names principals that may be seconds old; the same message comes for a typo.
        "NoSuchEntity" => ErrorKind::NotFound,
        "EntityAlreadyExists" => ErrorKind::Exists,
        "DeleteConflict" => ErrorKind::InUse,
        "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => ErrorKind::NotReady,
        "MalformedPolicyDocument" | "MalformedPolicy" if has("principal") => ErrorKind::NotYetVisible,

        // EC2.
        "DependencyViolation"
        | "InvalidGroup.InUse"
        | "Resource.AlreadyAssociated"
        | "VolumeInUse"
        | "InvalidIPAddress.InUse"
        | "InvalidNetworkInterface.InUse"
        | "NetworkAclInUse" => ErrorKind::InUse,
        "IncorrectState"
        | "IncorrectInstanceState"
        | "InvalidState"
        | "InvalidAttachment.Busy"
        | "OperationInProgress" => ErrorKind::NotReady,
        "InvalidGroup.Duplicate"
        | "RouteAlreadyExists"
        | "InvalidPermission.Duplicate"
        | "InvalidKeyPair.Duplicate"
        | "InvalidSubnet.Conflict.AlreadyExists" => ErrorKind::Exists,
        "Gateway.NotAttached" => ErrorKind::NotFound,

        // RDS.
        "InvalidDBInstanceState" | "InvalidDBClusterStateFault" | "InvalidDBSnapshotState" => {
            if has("is not currently in the available state") || has("not in available") || !has("read replica") {
                ErrorKind::NotReady
            } else {
                ErrorKind::InUse
            }
        }
        "InvalidDBSubnetGroupStateFault"
        | "InvalidDBParameterGroupState"
        | "InvalidOptionGroupStateFault"
        | "InvalidDBSubnetGroupStateFaultException" => ErrorKind::InUse,
        "DBInstanceAlreadyExists"
        | "DBSubnetGroupAlreadyExists"
        | "DBParameterGroupAlreadyExists"
        | "OptionGroupAlreadyExistsFault"
        | "DBSnapshotAlreadyExists" => ErrorKind::Exists,
        // A new role is not yet assumable by the service that shall use it.
        "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "ValidationError"
        | "InvalidParameterException"
        | "InvalidParameterValueException"
        | "InvalidParameter"
            if has("unable to assume")
                || has("cannot be assumed")
                || has("invalid principal")
                || has("not authorized to perform: iam:passrole")
                || has("iam role arn value is invalid or does not include the required permissions") =>
        {
            ErrorKind::NotYetVisible
        }

        // S3.
        "NoSuchBucket"
        | "NotFound"
        | "NoSuchKey"
        | "NoSuchUpload"
        | "NoSuchBucketPolicy"
        | "NoSuchCORSConfiguration"
        | "NoSuchLifecycleConfiguration"
        | "NoSuchWebsiteConfiguration"
        | "NoSuchTagSet"
        | "NoSuchTagSetError"
        | "NoSuchPublicAccessBlockConfiguration"
        | "OwnershipControlsNotFoundError"
        | "ReplicationConfigurationNotFoundError"
        | "ServerSideEncryptionConfigurationNotFoundError"
        | "ObjectLockConfigurationNotFoundError"
        | "NoSuchConfiguration" => ErrorKind::NotFound,
        "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" => ErrorKind::Exists,
        "BucketNotEmpty" => ErrorKind::InUse,
        "OperationAborted" | "RestoreAlreadyInProgress" => ErrorKind::NotReady,

        // KMS. A policy names principals that may be seconds old.
        "MalformedPolicyDocumentException" if has("principal") => ErrorKind::NotYetVisible,
        "KMSInvalidStateException" if has("creating") || has("updating") => ErrorKind::NotReady,

        // DynamoDB calls a name that is taken and a table that is busy by one code.
        "ResourceInUseException" if service == "dynamodb" && has("already exists") => ErrorKind::Exists,
        "ResourceInUseException" | "TableInUseException" | "ReplicaInUseException" if service == "dynamodb" => {
            ErrorKind::NotReady
        }
        "LimitExceededException" if service == "dynamodb" && has("simultaneously") => ErrorKind::NotReady,
        "ContinuousBackupsUnavailableException" => ErrorKind::NotReady,

        // Messaging, parameters, logs.
        "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist"
        | "NotFoundException"
        | "ParameterNotFound"
        | "ResourceNotFoundException"
        | "ResourceNotFound" => ErrorKind::NotFound,
        "AWS.SimpleQueueService.QueueDeletedRecently" | "QueueDeletedRecently" | "OperationAbortedException" => {
            ErrorKind::NotReady
        }
        "QueueAlreadyExists"
        | "QueueNameExists"
        | "ParameterAlreadyExists"
        | "ResourceAlreadyExistsException"
        | "ResourceConflictException"
        | "ResourceExistsException" => ErrorKind::Exists,
        "ResourceInUseException" | "ResourceInUse" => ErrorKind::InUse,

        // The shapes of names that services follow.
        _ if service == "ec2"
            && (code.ends_with(".NotFound") || code.ends_with("NotFound") || code.ends_with(".Malformed")) =>
        {
            ErrorKind::NotFound
        }
        _ if code.ends_with("NotFoundFault") || code.ends_with("NotFound") || code.ends_with("NotFoundException") => {
            ErrorKind::NotFound
        }
        _ if code.ends_with("AlreadyExistsFault")
            || code.ends_with("AlreadyExists")
            || code.ends_with("AlreadyExistsException") =>
        {
            ErrorKind::Exists
        }
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_names() {
        let (s, o) = names("aws_sdk_ec2::operation::create_vpc::CreateVpcError");
        assert_eq!((s, o.as_str()), ("ec2", "CreateVpc"));
    }

    #[test]
    fn codes() {
        use ErrorKind::*;
        for (service, code, message, want) in [
            ("ec2", "InvalidGroup.NotFound", "", Some(NotFound)),
            ("ec2", "InvalidVpcID.NotFound", "", Some(NotFound)),
            ("ec2", "DependencyViolation", "", Some(InUse)),
            ("iam", "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn\"", Some(NotYetVisible)),
            ("iam", "MalformedPolicyDocument", "Syntax errors in policy.", None),
            ("rds", "DBInstanceNotFound", "", Some(NotFound)),
            ("rds", "InvalidDBInstanceState", "Instance x is not in available state.", Some(NotReady)),
            ("s3", "NoSuchBucket", "", Some(NotFound)),
            ("s3", "SlowDown", "", Some(Throttled)),
            ("ec2", "IdempotentParameterMismatch", "", Some(TokenMismatch)),
            ("dynamodb", "ResourceInUseException", "Table already exists: t", Some(Exists)),
            (
                "dynamodb",
                "ResourceInUseException",
                "Attempt to change a resource which is still in use",
                Some(NotReady),
            ),
            ("dynamodb", "LimitExceededException", "only 10 tables can be updated simultaneously", Some(NotReady)),
            ("kms", "MalformedPolicyDocumentException", "contains one or more invalid principals", Some(NotYetVisible)),
            ("kms", "NotFoundException", "", Some(NotFound)),
        ] {
            assert_eq!(classify(service, code, message), want, "{service} {code} {message}");
        }
    }
}
