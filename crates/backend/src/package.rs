//! Packages of modules in S3: an archive, or all objects below a prefix. Where an address means a bucket is the caller's to
//! know; this reads.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use stackctl_aws::kit::connect::{Settings, connect};
use stackctl_aws::kit::errors::sdk;
use stackctl_core::{Error, ErrorKind, Host, Result};

/// More objects than this are no module.
const MOST_OBJECTS: usize = 20_000;

/// Where a package is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Region of the bucket.
    pub region: String,
    /// `https://HOST` of a store that is not AWS's.
    pub endpoint: Option<String>,
    /// Profile of the shared files; else the environment decides.
    pub profile: Option<String>,
    /// Bucket.
    pub bucket: String,
    /// Key of an object, or what the keys of all objects begin with.
    pub key: String,
    /// Version of the object.
    pub version: Option<String>,
}

/// The content of an object of at most `most` bytes.
///
/// # Errors
/// If there are no credentials, the store cannot be reached, refuses, or has no such object, or it is larger.
pub async fn object(place: &Place, most: usize, host: &Host) -> Result<Vec<u8>> {
    let client = client(place, host).await?;
    get(&client, place, &place.key, place.version.clone(), most).await
}

/// All objects whose keys begin with `KEY/`, by what follows. None is an answer, too.
///
/// # Errors
/// As for [`object`]; `most` is for all together.
pub async fn objects(place: &Place, most: usize, host: &Host) -> Result<BTreeMap<String, Vec<u8>>> {
    let client = client(place, host).await?;
    let prefix = match place.key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let mut keys = Vec::new();
    let mut next = None;
    loop {
        let sent = client.list_objects_v2().bucket(&place.bucket).prefix(&prefix).set_continuation_token(next).send();
        let page = sent.await.map_err(|e| sdk("s3", "ListObjectsV2", e))?;
        // Consoles make objects that end in a slash, to show a directory.
        keys.extend(page.contents().iter().filter_map(|o| o.key()).filter(|k| !k.ends_with('/')).map(str::to_owned));
        if keys.len() > MOST_OBJECTS {
            let message = format!("There are more than {MOST_OBJECTS} objects below {prefix:?}.");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        next = page.next_continuation_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    let (mut found, mut left) = (BTreeMap::new(), most);
    for key in keys {
        let content = get(&client, place, &key, None, left).await?;
        left -= content.len();
        found.insert(key[prefix.len()..].to_owned(), content);
    }
    Ok(found)
}

async fn get(client: &Client, place: &Place, key: &str, version: Option<String>, most: usize) -> Result<Vec<u8>> {
    let sent = client.get_object().bucket(&place.bucket).key(key).set_version_id(version).send();
    let mut body = sent.await.map_err(|e| sdk("s3", "GetObject", e))?.body;
    let mut content = Vec::new();
    let cut = |e| Error::new(ErrorKind::Lost, format!("The answer to GetObject ended early: {e}."));
    while let Some(chunk) = body.try_next().await.map_err(cut)? {
        if content.len() + chunk.len() > most {
            return Err(Error::new(ErrorKind::Invalid, "It is too large for a module."));
        }
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

async fn client(place: &Place, host: &Host) -> Result<Client> {
    let settings = Settings {
        region: Some(place.region.clone()),
        profile: place.profile.clone(),
        endpoints: place.endpoint.iter().map(|url| ("s3".to_owned(), url.clone())).collect(),
        // It is about one bucket, whoever asks.
        skip_credentials_validation: true,
        skip_requesting_account_id: true,
        skip_region_validation: true,
        ..Settings::default()
    };
    let connection = connect(&settings, host).await?;
    let given =
        ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|n| host.env.get(*n).is_some_and(|v| !v.is_empty()));
    // Names of hosts are AWS's; a certificate for `*.HOST` has no name with dots in the bucket's place.
    let by_path = given || place.endpoint.is_some() || place.bucket.contains('.');
    let config = aws_sdk_s3::config::Builder::from(&connection.sdk_for("s3")).force_path_style(by_path);
    Ok(Client::from_conf(config.build()))
}
