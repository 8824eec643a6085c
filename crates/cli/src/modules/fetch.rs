//! A package into a directory, whatever its address: a repository, an archive, S3, a page that names another address, a local
//! directory.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use sha2::Digest as _;
use stackctl_aws::web::{Answer, Web, join};
use stackctl_core::Host;
use stackctl_lang::config::source::{Getter, RemoteSource};
use stackctl_lang::diag::Problem;

use super::{archive, git, hash, hg, netrc, s3};

/// An archive that is larger is not fetched.
const MOST: usize = 1 << 30;
/// More addresses that name other addresses are taken for a loop.
const MOST_HOPS: usize = 5;

/// A fetched package.
#[derive(Clone, Debug, Default)]
pub(super) struct Package {
    /// Commit, where it is from a repository.
    pub(super) commit: Option<String>,
    /// Hash of its content; none for a directory of this machine, which is used in place.
    pub(super) hash: Option<String>,
    /// Directory in it that its address names.
    pub(super) subdir: String,
}

/// Fetches a package into a directory that does not exist yet. `pin` is the commit that a repository has to give.
///
/// # Errors
/// Why that is not possible, and the way out.
pub(super) async fn package(
    web: &Web,
    host: &Host,
    source: &RemoteSource,
    pin: Option<&str>,
    into: &Path,
    interactive: bool,
) -> Result<Package, Box<Problem>> {
    let mut at = source.clone();
    for _ in 0..MOST_HOPS {
        let commit = match &at.getter {
            Getter::Git => Some(git::fetch(&at, pin, into, interactive).await?),
            Getter::Http => match http(web, host, &at, into).await? {
                None => None,
                Some(next) => {
                    let parts = [next.subdir.as_str(), at.subdir.as_str()];
                    let subdir = parts.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("/");
                    at = RemoteSource { subdir, ..next };
                    continue;
                }
            },
            Getter::File => {
                link(&at, into)?;
                return Ok(Package { subdir: at.subdir, ..Package::default() });
            }
            Getter::Other(name) if name == "hg" => Some(hg::fetch(&at, pin, into).await?),
            Getter::Other(name) if name == "s3" => {
                s3::fetch(&at, MOST, host, into).await.map_err(|(reason, hint)| {
                    // Its query may hold credentials.
                    let bare = RemoteSource { url: at.base().to_owned(), ..at.clone() };
                    Box::new(Problem { hint: hint.map(Into::into), ..*failed(&bare, &reason) })
                })?;
                None
            }
            Getter::Other(name) => return Err(unavailable(&at, name)),
        };
        let hash = hash::directory(into).map_err(|e| failed(&at, &e.to_string()))?;
        return Ok(Package { commit, hash: Some(hash), subdir: at.subdir });
    }
    Err(failed(source, "its addresses name each other without end"))
}

/// The one directory of a package that a path names; `*` stands for any name in it.
///
/// # Errors
/// If there is none, or more than one.
pub(super) fn subdirectory(package: &Path, subdir: &str, shown: &str) -> Result<PathBuf, Box<Problem>> {
    let mut found = vec![PathBuf::new()];
    for part in subdir.split('/').filter(|p| !p.is_empty()) {
        let mut next = Vec::new();
        for dir in &found {
            match part.contains('*') {
                false => next.push(dir.join(part)),
                true => {
                    let entries = std::fs::read_dir(package.join(dir)).into_iter().flatten().flatten();
                    let names =
                        entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().to_string_lossy().into_owned());
                    next.extend(names.filter(|n| matches(part, n)).map(|n| dir.join(n)));
                }
            }
        }
        found = next;
    }
    found.retain(|d| package.join(d).is_dir());
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let detail = format!("The package of {shown} has no directory \"{subdir}\".");
            let hint = "Correct what stands behind // in the source.";
            Err(Box::new(Problem::error("Module directory not found", detail).hinted(hint)))
        }
        _ => {
            let detail = format!("The package of {shown} has several directories that match \"{subdir}\".");
            Err(Box::new(Problem::error("Ambiguous module directory", detail)))
        }
    }
}

/// `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| matches(after, &rest[i..]))
        }),
    }
}

/// Unpacks an archive; or answers with the address that the page names.
async fn http(
    web: &Web,
    host: &Host,
    source: &RemoteSource,
    into: &Path,
) -> Result<Option<RemoteSource>, Box<Problem>> {
    let (mut named, mut checksum, mut rest) = (None, None, Vec::new());
    for (name, value) in source.arguments() {
        match name {
            "archive" => named = Some(value),
            "checksum" => checksum = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()),
            "" => {}
            _ => rest.push(if value.is_empty() { name.to_owned() } else { format!("{name}={value}") }),
        }
    }
    let kind = match named {
        Some("false") => None,
        Some(name) => Some(archive::Kind::named(name).ok_or_else(|| {
            let mut p = failed(source, &format!("there is no kind of archive \"{name}\""));
            p.hint = Some(format!("There are: {}.", archive::Kind::names()).into());
            p
        })?),
        None => archive::Kind::of_path(source.base()),
    };
    if kind.is_none() {
        rest.push("terraform-get=1".to_owned());
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    let url = format!("{}{query}", source.base());
    let login = netrc::authorization(&url, &host.env).map_err(|reason| failed(source, &reason))?;
    let answer = web.get(&url, login.as_deref(), MOST).await.map_err(|e| {
        let mut p = failed(source, e.to_string().trim_end_matches('.'));
        p.hint = Some("Check the address, the network, and HTTPS_PROXY.".into());
        p
    })?;
    if answer.status != 200 && answer.status != 204 {
        let mut p = failed(source, &format!("the server answers HTTP {}", answer.status));
        p.hint = Some(
            "Check the address; credentials can stand in ~/.netrc, or in it: https://USER:PASSWORD@HOST/….".into(),
        );
        return Err(p);
    }
    if let Some(kind) = kind {
        if let Some(sum) = checksum {
            check(&sum, &answer.body).map_err(|reason| failed(source, &reason))?;
        }
        archive::unpack(kind, &answer.body, into).map_err(|reason| failed(source, &reason))?;
        return Ok(None);
    }
    let Some(next) = named_by(&answer) else {
        let mut p = failed(source, "it is no archive, and the page names no address of a module (X-Terraform-Get)");
        let hint =
            "For a git repository write git::https://…; for an archive without an ending, add ?archive=tar.gz or zip.";
        p.hint = Some(hint.into());
        return Err(p);
    };
    let relative = ["/", "./", "../"].iter().any(|p| next.starts_with(p));
    let next = if relative { join(&answer.url, &next) } else { next };
    let next = RemoteSource::parse(&next).map_err(|e| failed(source, e.message.trim_end_matches('.')))?;
    match next.getter {
        Getter::File => Err(failed(source, "the page names a local directory")),
        _ => Ok(Some(next)),
    }
}

/// The address that a page names: in its header, or in `<meta name="terraform-get" content="…">`.
fn named_by(answer: &Answer) -> Option<String> {
    if let Some(header) = answer.headers.get("x-terraform-get").filter(|h| !h.is_empty()) {
        return Some(header.clone());
    }
    let page = String::from_utf8_lossy(&answer.body);
    page.split("<meta").skip(1).find_map(|tag| {
        let tag = &tag[..tag.find('>')?];
        let attribute = |name: &str| {
            let rest = tag[tag.find(&format!("{name}="))? + name.len() + 1..].trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            rest[1..].split(quote).next()
        };
        (attribute("name")? == "terraform-get").then(|| attribute("content").map(|c| c.replace("&amp;", "&")))?
    })
}

/// Checks `sha256:HEX`, `sha512:HEX`, or bare hexadecimal digits of either.
fn check(sum: &str, content: &[u8]) -> Result<(), String> {
    let (kind, want) = match sum.split_once(':') {
        Some((kind, hex)) => (kind, hex),
        None if sum.len() == 128 => ("sha512", sum),
        None => ("sha256", sum),
    };
    let have = match kind {
        "sha256" => hash::hex(content),
        "sha512" => hash::digits(&sha2::Sha512::digest(content)),
        other => return Err(format!("checksums of kind \"{other}\" are not available; there are sha256 and sha512")),
    };
    match have.eq_ignore_ascii_case(want) {
        true => Ok(()),
        false => Err(format!("its {kind} checksum is {have}, and {want} is asked for")),
    }
}

/// A directory of this machine is used where it is, through a link.
fn link(source: &RemoteSource, into: &Path) -> Result<(), Box<Problem>> {
    let path = percent_decode_str(source.base().trim_start_matches("file://")).decode_utf8_lossy().into_owned();
    if !Path::new(&path).is_dir() {
        let mut p = failed(source, &format!("{path} is no directory"));
        p.hint = Some("A path relative to the calling module starts with ./ or ../.".into());
        return Err(p);
    }
    std::os::unix::fs::symlink(&path, into).map_err(|e| failed(source, &e.to_string()))
}

fn unavailable(source: &RemoteSource, name: &str) -> Box<Problem> {
    let (summary, hint) = match name {
        "ssh" => ("Unknown way to fetch a module", format!("For git over SSH write git::{}", source.url)),
        "gcs" => (
            "This way to fetch modules is not available",
            "Fetch it from git, from S3, from an archive over HTTPS, or from a module registry.".to_owned(),
        ),
        _ => (
            "Unknown way to fetch a module",
            "There are git::URL, hg::URL, s3::URL, archives at https:// addresses, registries, and local paths."
                .to_owned(),
        ),
    };
    let detail = format!("{} would have to be fetched with \"{name}\".", source.shown());
    Box::new(Problem::error(summary, detail).hinted(hint))
}

fn failed(source: &RemoteSource, reason: &str) -> Box<Problem> {
    let detail = format!("{} cannot be fetched: {reason}.", source.shown());
    Box::new(Problem::error("Failed to fetch module", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_addresses() {
        let page = |body: &str, header: Option<&str>| Answer {
            body: body.as_bytes().to_vec(),
            headers: header.map(|h| ("x-terraform-get".to_owned(), h.to_owned())).into_iter().collect(),
            ..Answer::default()
        };
        for (body, header, want) in [
            ("", Some("./x.zip"), Some("./x.zip")),
            ("<meta name=\"terraform-get\" content=\"a?b&amp;c\" />", None, Some("a?b&c")),
            ("<meta charset='x'><meta content='y' name='terraform-get'>", None, Some("y")),
            ("<meta name=\"other\" content=\"y\">", None, None),
            ("<meta name=terraform-get", None, None),
        ] {
            assert_eq!(named_by(&page(body, header)).as_deref(), want, "{body}");
        }
    }

    #[test]
    fn directories_in_packages() {
        let dir = tempfile::tempdir().unwrap();
        for d in ["top-1/sub", "top-1/other", "x"] {
            std::fs::create_dir_all(dir.path().join(d)).unwrap();
        }
        let of = |s: &str| match subdirectory(dir.path(), s, "it") {
            Ok(d) => d.display().to_string(),
            Err(p) => p.summary,
        };
        for (subdir, want) in [
            ("", ""),
            ("x", "x"),
            ("top-*/sub", "top-1/sub"),
            ("*", "Ambiguous module directory"),
            ("*/sub", "top-1/sub"),
            ("nothing", "Module directory not found"),
        ] {
            assert_eq!(of(subdir), want, "{subdir}");
        }
    }

    #[test]
    fn checksums() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(check(&format!("sha256:{empty}"), b"").is_ok() && check(empty, b"").is_ok());
        assert!(check(empty, b"x").unwrap_err().contains("checksum is"));
        assert!(check("md5:00", b"").unwrap_err().contains("not available"));
    }
}
