//! What failed requests to S3 and DynamoDB mean for the protocol, and what the user can do.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use stackctl_aws::kit::errors::sdk;
use stackctl_core::{Error, ErrorKind};
use stackctl_state::store::{StoreError, StoreErrorKind};

/// What a request was about, for messages and permission hints.
pub(crate) struct About<'a> {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    /// IAM action and resource.
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// Bucket or table.
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
}

/// Translates the SDK's error.
pub(crate) fn convert<E>(about: &About<'_>, e: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let elsewhere = e.raw_response().and_then(|r| r.headers().get("x-amz-bucket-region")).map(str::to_owned);
    // An answer that cannot be read has arrived, and whatever was asked may have been done.
    let garbled = matches!(e, SdkError::ResponseError(_));
    let e = sdk(about.service, about.operation, e);
    let code = e.call.as_ref().and_then(|c| c.code.clone()).unwrap_or_default();
    let status = e.call.as_ref().and_then(|c| c.status);
    let kind = match (code.as_str(), status) {
        ("PreconditionFailed" | "ConditionalCheckFailedException", _) | (_, Some(412)) => {
            StoreErrorKind::Condition(None)
        }
        ("ConditionalRequestConflict" | "OperationAborted", _) => StoreErrorKind::Busy,
        ("TransactionConflictException", _) => StoreErrorKind::Busy,
        ("NotImplemented", _) | (_, Some(501)) => StoreErrorKind::Unsupported,
        ("NoSuchBucket" | "ResourceNotFoundException", _) => StoreErrorKind::Other,
        (_, Some(404)) => StoreErrorKind::NotFound,
        (_, Some(409)) => StoreErrorKind::Busy,
        ("SlowDown" | "ServiceUnavailable", _) | (_, Some(429 | 503)) => StoreErrorKind::Throttled,
        (_, Some(500..)) => StoreErrorKind::Lost,
        _ if garbled => StoreErrorKind::Lost,
        _ => match e.kind {
            ErrorKind::Throttled => StoreErrorKind::Throttled,
            ErrorKind::Denied => StoreErrorKind::Denied,
            ErrorKind::Lost => StoreErrorKind::Lost,
            ErrorKind::Unreachable => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Other,
        },
    };
    let hint = hint(about, &kind, &code, status, elsewhere.as_deref()).or(e.hint.clone());
    let message = Error { hint: None, ..e.clone() }.to_string();
    StoreError { kind, message, call: e.call, hint }
}

fn hint(
    about: &About<'_>,
    kind: &StoreErrorKind,
    code: &str,
    status: Option<u16>,
    elsewhere: Option<&str>,
) -> Option<String> {
    let name = about.name;
    if let Some(region) = elsewhere.filter(|r| *r != about.region) {
        return Some(format!("The bucket {name:?} is in {region}: set `region = \"{region}\"` in the backend block."));
    }
    match (code, status) {
        ("NoSuchBucket", _) => {
            return Some(format!("The bucket {name:?} does not exist. Create it with: stackctl bootstrap"));
        }
        ("ResourceNotFoundException", _) => {
            return Some(format!(
                "The lock table {name:?} does not exist in {}. Create it with: stackctl bootstrap",
                about.region
            ));
        }
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, Some(301)) => {
            return Some(format!(
                "The bucket {name:?} is in another region than {}: correct `region` in the backend block.",
                about.region
            ));
        }
        ("ValidationException", _) if about.service == "dynamodb" => {
            return Some(format!(
                "The lock table {name:?} needs the hash key `LockID` of type string and no sort key; a table's key \
                 cannot be changed, so make a new one."
            ));
        }
        _ => {}
    }
    (*kind == StoreErrorKind::Denied).then(|| {
        format!(
            "If the credentials are the right ones, their policy needs: \
             {{\"Effect\": \"Allow\", \"Action\": \"{}\", \"Resource\": \"{}\"}}",
            about.action, about.resource
        )
    })
}
