//! Backends: where states are kept, configured as in a `backend` block.
//!
//! - [`block`], [`configure`]: the block. **Start here.**
//! - [`bootstrap`]: making what a block needs. `keys`: data keys from KMS.
//! - [`package`]: modules that are kept in S3.
//! - `objects`: object storage on S3. `table`: locks and digests on DynamoDB. `errors`: what their answers mean.
//!
//! This crate carries out single requests. What is sent when, and what an answer means for the state, is decided in
//! `stackctl_state::remote`.

mod bootstrap;
mod config;
mod ensure;
mod errors;
mod keys;
mod objects;
pub mod package;
mod table;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use stackctl_aws::kit::connect::{Connection, connect};
use stackctl_core::{Error, Host, Known, Result};
use stackctl_state::{Backend, Local, Remote};

pub use bootstrap::{Outcome, Step, bootstrap};
pub use config::{S3, schema as block};

/// The backend that a block configures. `kind` is its label; without a block it is `local` with null attributes. An `s3`
/// backend keeps a journal beside the state if `journal` says so; a local one always does.
///
/// # Errors
/// For a kind that we do not have, for wrong settings, and if AWS cannot be reached with them. `path` is the argument at
/// fault, where one is.
pub async fn configure(kind: &str, config: &Known, journal: bool, host: &Host) -> Result<Arc<dyn Backend>> {
    match kind {
        "local" => {
            let text = |k: &str| config.get(k).as_str();
            Ok(Arc::new(Local::new(&host.cwd, text("path"), text("workspace_dir"))))
        }
        "s3" => s3(config, host, journal).await,
        other => Err(Error::invalid(format!("The backend {other:?} is not available.")).hinted(
            "States are kept in local files or in S3: use `backend \"s3\"`, or `backend \"local\"`. A state of another \
             backend can be moved with `terraform init -migrate-state` first.",
        )),
    }
}

/// The `s3` backend. With `journal`, each run keeps a journal beside the state, so that a killed one loses nothing; it
/// needs `s3:ListBucket`, and to get, put and delete `KEY.journal/*`.
///
/// # Errors
/// As for [`configure`].
pub async fn s3(config: &Known, host: &Host, journal: bool) -> Result<Arc<dyn Backend>> {
    let settings = S3::decode(config, &host.env)?;
    let connection = connect(&settings.connection, host).await?;
    let mut remote = Remote::new(
        Arc::new(objects::Bucket::new(
            &settings,
            clients(&settings, &connection),
            &connection,
            known(&connection, host),
        )),
        settings.key.clone(),
        settings.prefix.clone(),
    );
    let (client, _) = clients(&settings, &connection);
    remote = remote.keys(Arc::new(keys::Kms::new(&settings, client, &connection)));
    if let Some(name) = &settings.table {
        remote = remote.table(Arc::new(table::Table::new(name, &connection)));
    }
    if settings.use_lockfile {
        remote = remote.lockfile();
    }
    if journal {
        remote = remote.journal();
    }
    Ok(Arc::new(remote))
}

/// True if the bucket is AWS's own, which honours conditional writes. Others have to show it.
fn known(connection: &Connection, host: &Host) -> bool {
    let of_env = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().find_map(|n| host.env.get(*n)).map(String::as_str);
    let sdk = connection.sdk_for("s3");
    let Some(url) = sdk.endpoint_url().or(of_env.filter(|u| !u.is_empty())) else { return true };
    let name = url.split("://").last().and_then(|u| u.split(['/', ':']).next()).unwrap_or_default();
    name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn")
}

/// Creates the bucket (with versions) and the lock table that an `s3` block names, where they are missing.
///
/// # Errors
/// If one of them can be neither found nor made.
pub async fn ensure(config: &Known, host: &Host) -> Result<()> {
    let settings = S3::decode(config, &host.env)?;
    let connection = connect(&settings.connection, host).await?;
    ensure::ensure(&settings, &connection).await
}

/// How long one attempt to move a whole state may take. Conditions protect it, and not the lease: it may be longer than that
/// of a request that changes the cloud.
const TRANSFER: Duration = Duration::from_secs(300);

/// Two clients of one bucket: the second never repeats a request by itself, because whether a conditional write may be
/// repeated is the protocol's decision.
fn clients(settings: &S3, connection: &Connection) -> (aws_sdk_s3::Client, aws_sdk_s3::Client) {
    let base = aws_sdk_s3::config::Builder::from(&connection.sdk_for("s3")).force_path_style(settings.path_style());
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).operation_attempt_timeout(TRANSFER).build();
    let base = base.timeout_config(timeouts);
    let base = if settings.checksums {
        base
    } else {
        base.request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
    };
    let once = base.clone().retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
    (aws_sdk_s3::Client::from_conf(base.build()), aws_sdk_s3::Client::from_conf(once.build()))
}
