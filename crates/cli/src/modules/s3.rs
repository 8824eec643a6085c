//! Packages in S3: which bucket and key an address means, and getting what is there. Credentials are those of every other
//! request to AWS; none stand in the address.

use std::path::{Component, Path};

use percent_encoding::percent_decode_str;
use stackctl_backend::package::{self, Place};
use stackctl_core::Host;
use stackctl_lang::config::source::RemoteSource;

use super::archive::{self, Kind};

/// A failure: the end of a sentence, and the way out where one is known.
type Failure = (String, Option<String>);

/// Gets an archive and unpacks it, or all objects below a prefix.
///
/// # Errors
/// Why that is not possible.
pub(super) async fn fetch(source: &RemoteSource, most: usize, host: &Host, into: &Path) -> Result<(), Failure> {
    let (place, kind) = place(source).map_err(|reason| (reason, Some(FORM.to_owned())))?;
    let said = |e: stackctl_core::Error| {
        let hint = match e.call.as_ref().and_then(|c| c.code.as_deref()) {
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => Some(
                "The bucket is in another region: name it, s3::https://s3-REGION.amazonaws.com/BUCKET/KEY.".to_owned(),
            ),
            _ => e.hint.clone(),
        };
        let reason = stackctl_core::Error { hint: None, ..e }.to_string();
        (reason.trim_end_matches('.').to_owned(), hint)
    };
    if let Some(kind) = kind {
        let content = package::object(&place, most, host).await.map_err(said)?;
        return archive::unpack(kind, &content, into).map_err(|reason| (reason, None));
    }
    let files = package::objects(&place, most, host).await.map_err(said)?;
    if files.is_empty() {
        let reason = format!("the bucket {:?} has no objects below {:?}", place.bucket, place.key);
        return Err((
            reason,
            Some("An archive needs an ending (.zip, .tar.gz …) or the argument ?archive=zip.".to_owned()),
        ));
    }
    for (name, content) in &files {
        write(into, name, content)?;
    }
    Ok(())
}

fn write(into: &Path, name: &str, content: &[u8]) -> Result<(), Failure> {
    let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
    if !inside {
        return Err((format!("its object {name:?} leads out of the directory that it is written to"), None));
    }
    let path = into.join(name);
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
    made.map_err(|e| (format!("{}: {e}", path.display()), None))
}

const FORM: &str = "Write s3::https://s3-REGION.amazonaws.com/BUCKET/KEY.zip, or s3::https://HOST/BUCKET/KEY.zip?region=REGION for \
                    another store.";

/// What an address means: the place, and the kind of archive where it is one.
fn place(source: &RemoteSource) -> Result<(Place, Option<Kind>), String> {
    let mut place = Place::default();
    let mut named = None;
    for (name, value) in source.arguments() {
        let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match name {
            "archive" => named = Some(decoded),
            "version" => place.version = Some(decoded).filter(|v| !v.is_empty()),
            "region" => place.region = decoded,
            "aws_profile" => place.profile = Some(decoded).filter(|v| !v.is_empty()),
            "aws_access_key_id" | "aws_access_key_secret" | "aws_access_token" => {
                return Err("credentials in an address end up in every copy of the configuration; give them in \
                            AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with aws_profile="
                    .to_owned());
            }
            other => return Err(format!("there is no argument \"{other}\" for S3")),
        }
    }
    let (scheme, rest) = source.base().split_once("://").ok_or("it is no URL")?;
    let (host, path) = rest.split_once('/').ok_or("it names no bucket and key")?;
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let of_path =
        || path.split_once('/').map(|(b, k)| (b.to_owned(), k.to_owned())).ok_or("it names no bucket and key");
    let aws = host
        .strip_suffix(".amazonaws.com")
        .map(|h| (h, ""))
        .or(host.strip_suffix(".amazonaws.com.cn").map(|h| (h, ".cn")));
    match aws {
        Some((name, _)) => {
            // BUCKET.s3.REGION, BUCKET.s3-REGION, BUCKET.s3, and the same without a bucket. A bucket may have dots.
            let labels: Vec<&str> = name.split('.').collect();
            let at = labels.iter().rposition(|l| *l == "s3" || l.starts_with("s3-")).ok_or("its host is none of S3")?;
            let region = match &labels[at + 1..] {
                [] => labels[at].strip_prefix("s3-").unwrap_or("us-east-1"),
                [region] => region,
                _ => return Err("its host is none of S3".to_owned()),
            };
            if place.region.is_empty() {
                region.clone_into(&mut place.region);
            }
            (place.bucket, place.key) = match labels[..at].join(".") {
                bucket if bucket.is_empty() => of_path()?,
                bucket => (bucket, path.clone()),
            };
        }
        None => {
            if host.contains('@') {
                return Err("it has a user in it, which S3 has not".to_owned());
            }
            place.endpoint = Some(format!("{scheme}://{host}"));
            (place.bucket, place.key) = of_path()?;
            if place.region.is_empty() {
                "us-east-1".clone_into(&mut place.region);
            }
        }
    }
    if place.bucket.is_empty() || place.key.trim_matches('/').is_empty() {
        return Err("it names no bucket and key".to_owned());
    }
    let kind = match named.as_deref() {
        Some("false") => None,
        Some(name) => Some(Kind::named(name).ok_or_else(|| format!("there is no kind of archive \"{name}\""))?),
        None => Kind::of_path(&place.key),
    };
    Ok((place, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, want) in [
            ("s3.amazonaws.com/b/k/m.zip", "us-east-1 b k/m.zip"),
            ("s3-eu-west-1.amazonaws.com/b/m.zip", "eu-west-1 b m.zip"),
            ("s3.eu-west-1.amazonaws.com/b/m.zip", "eu-west-1 b m.zip"),
            ("b.s3.amazonaws.com/k/m.zip", "us-east-1 b k/m.zip"),
            ("b.s3-eu-west-1.amazonaws.com/m.zip", "eu-west-1 b m.zip"),
            ("b.c.s3.eu-west-1.amazonaws.com/m.zip?version=v1", "eu-west-1 b.c m.zip v1"),
            ("s3.cn-north-1.amazonaws.com.cn/b/m.zip", "cn-north-1 b m.zip"),
            ("s3.amazonaws.com/b/a%20b.zip?region=eu-west-2&aws_profile=p", "eu-west-2 b a b.zip profile p"),
            ("h:9000/b/k/m.tgz", "us-east-1 b k/m.tgz at https://h:9000"),
            ("h/b/k?region=r&archive=zip", "r b k at https://h"),
            ("s3.amazonaws.com/b", "it names no bucket and key"),
            ("s3.amazonaws.com/b/", "it names no bucket and key"),
            ("ec2.amazonaws.com/b/k", "its host is none of S3"),
            ("s3.a.b.amazonaws.com/b/k", "its host is none of S3"),
            ("h/b/k.zip?archive=rar", "there is no kind of archive \"rar\""),
            ("h/b/k.zip?x=1", "there is no argument \"x\" for S3"),
        ] {
            let source = RemoteSource::parse(&format!("s3::https://{text}")).unwrap();
            let got = match place(&source) {
                Err(e) => e,
                Ok((p, _)) => {
                    let more =
                        [p.version, p.profile.map(|p| format!("profile {p}")), p.endpoint.map(|e| format!("at {e}"))];
                    let more: String = more.into_iter().flatten().map(|m| format!(" {m}")).collect();
                    format!("{} {} {}{more}", p.region, p.bucket, p.key)
                }
            };
            assert_eq!(got, want, "{text}");
        }
        let kind = |text: &str| place(&RemoteSource::parse(text).unwrap()).unwrap().1;
        assert_eq!(kind("s3::https://h/b/k"), None);
        assert_eq!(kind("s3::https://h/b/k.zip?archive=false"), None);
        assert_eq!(kind("s3::https://h/b/k?archive=tgz"), Some(Kind::Gzip));
    }

    #[test]
    fn no_credentials_in_addresses() {
        let text = "s3::https://s3.amazonaws.com/b/m.zip?aws_access_key_id=AKID&aws_access_key_secret=TOPSECRET";
        let e = place(&RemoteSource::parse(text).unwrap()).unwrap_err();
        assert!(e.contains("aws_profile") && !e.contains("TOPSECRET"), "{e}");
    }

    #[test]
    fn objects_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "sub/main.tf", b"x").unwrap();
        assert_eq!(std::fs::read(dir.path().join("sub/main.tf")).unwrap(), b"x");
        for name in ["../evil", "/evil", "a/../../evil", "./x"] {
            let refused = write(dir.path(), name, b"x");
            assert!(refused.is_err_and(|(e, _)| e.contains("leads out")) || name == "./x", "{name}");
        }
    }
}
