//! Source addresses of modules: what `source = "…"` means.
//!
//! A text is read as Terraform reads it: a local path, an address in a module registry, or a package somewhere else, named
//! by a URL with a method in front (`git::https://…`), by a short form (`github.com/…`, `git@host:path`) or by an absolute
//! path. The printed form of a [`Source`] is the complete one that lists of fetched modules carry.
//!
//! Nothing here looks at disks or networks. Start at [`Source::parse`].

use std::fmt;

/// The registry of addresses that name no host.
pub const DEFAULT_HOST: &str = "registry.terraform.io";

/// Where a module comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A path that starts at the calling module's directory: `./x`, `../x`.
    Local(String),
    /// A module of a registry, chosen by version.
    Registry(RegistrySource),
    /// A package at an address.
    Remote(RemoteSource),
}

/// `[HOST/]NAMESPACE/NAME/SYSTEM[//SUBDIR]`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistrySource {
    /// Host in lower case, with its port where one is given.
    pub host: String,
    /// Who publishes it.
    pub namespace: String,
    /// What it is.
    pub name: String,
    /// What it is for: `aws`.
    pub system: String,
    /// The module's directory in the package; empty for the package itself.
    pub subdir: String,
}

/// A package at an address, and a directory in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteSource {
    /// How to fetch it.
    pub getter: Getter,
    /// A method is written in front of the URL, so that it is printed too.
    pub forced: bool,
    /// URL of the package, with its query, without the directory.
    pub url: String,
    /// The module's directory in the package; empty for the package itself. May hold `*` where a registry says so.
    pub subdir: String,
}

/// A way to fetch a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Getter {
    /// The `git` command.
    Git,
    /// An archive, or a page that names the package, over HTTP or HTTPS.
    Http,
    /// A directory of this machine.
    File,
    /// Something that is understood and not available: `s3`, `hg` …
    Other(String),
}

impl Getter {
    fn of(name: &str) -> Getter {
        match name.to_ascii_lowercase().as_str() {
            "git" => Getter::Git,
            "http" | "https" => Getter::Http,
            "file" => Getter::File,
            other => Getter::Other(other.to_owned()),
        }
    }
}

/// Why a text is no source address, and the way out where one is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// A sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Malformed {
    fn new(message: impl Into<String>) -> Malformed {
        Malformed { message: message.into(), hint: None }
    }
    fn hinted(self, hint: impl Into<String>) -> Malformed {
        Malformed { hint: Some(hint.into()), ..self }
    }
}

impl Source {
    /// Reads a source address. With `versioned` (the call has a version constraint) it can only be a registry's.
    ///
    /// # Errors
    /// If it is none; the error says what it would have to look like.
    pub fn parse(text: &str, versioned: bool) -> Result<Source, Malformed> {
        if text.is_empty() {
            return Err(Malformed::new("The source of the module is empty.")
                .hinted("Write a path that starts with ./, an address in a registry, or a URL."));
        }
        if is_local(text) {
            if versioned {
                return Err(Malformed::new("A module at a local path has no versions, but a version is asked for.")
                    .hinted("Remove the argument \"version\"."));
            }
            return Ok(Source::Local(local(text)));
        }
        if let Some(registry) = RegistrySource::parse(text) {
            return Ok(Source::Registry(registry));
        }
        if versioned {
            let message = format!(
                "\"{text}\" is no address in a module registry (NAMESPACE/NAME/SYSTEM or HOST/NAMESPACE/NAME/SYSTEM), \
                 and only those have versions."
            );
            return Err(
                Malformed::new(message).hinted("Remove the argument \"version\"; choose a git tag with ?ref=TAG.")
            );
        }
        RemoteSource::parse(text).map(Source::Remote)
    }
    /// The module's directory in its package; empty for the package itself and for local paths.
    pub fn subdir(&self) -> &str {
        match self {
            Source::Local(_) => "",
            Source::Registry(r) => &r.subdir,
            Source::Remote(r) => &r.subdir,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Local(path) => f.write_str(path),
            Source::Registry(r) => r.fmt(f),
            Source::Remote(r) => r.fmt(f),
        }
    }
}

/// True for paths that start at the calling module: `./x` and `../x`.
pub fn is_local(text: &str) -> bool {
    ["./", "../", ".\\", "..\\"].iter().any(|p| text.starts_with(p))
}

fn local(text: &str) -> String {
    let slashes = text.replace('\\', "/");
    let path = crate::files::normalise(std::path::Path::new(&slashes)).display().to_string();
    match path.as_str() {
        "" => "./".to_owned(),
        ".." => "../".to_owned(),
        p if p.starts_with("../") => path,
        _ => format!("./{path}"),
    }
}

impl RegistrySource {
    fn parse(text: &str) -> Option<RegistrySource> {
        let (package, subdir) = split_subdir(text);
        let subdir = clean_subdir(&subdir).ok()?;
        let parts: Vec<&str> = package.split('/').collect();
        let (host, names) = match parts.as_slice() {
            [_, _, _] => (DEFAULT_HOST.to_owned(), &parts[..]),
            [host, ..] if parts.len() == 4 => (host_name(host)?, &parts[1..]),
            _ => return None,
        };
        let [namespace, name, system] = names else { return None };
        let good = is_name(namespace) && is_name(name) && is_system(system);
        good.then(|| RegistrySource {
            host,
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
            system: (*system).to_owned(),
            subdir,
        })
    }
    /// The package's address in its registry's paths: `NAMESPACE/NAME/SYSTEM`.
    pub fn package(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.name, self.system)
    }
}

impl fmt::Display for RegistrySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.package())?;
        if self.subdir.is_empty() { Ok(()) } else { write!(f, "//{}", self.subdir) }
    }
}

/// Hosts of code, which are never registries.
const CODE_HOSTS: &[&str] = &["github.com", "bitbucket.org", "gitlab.com"];

/// A host with a dot in its name, in lower case. The port stays.
fn host_name(text: &str) -> Option<String> {
    let (name, port) = text.split_once(':').map_or((text, None), |(n, p)| (n, Some(p)));
    let label = |l: &str| {
        !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let good = name.contains('.') && name.split('.').all(label) && port.is_none_or(|p| p.parse::<u16>().is_ok());
    let host = text.to_lowercase();
    (good && !CODE_HOSTS.contains(&host.as_str())).then_some(host)
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 64 && text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().next_back())
}

fn is_system(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

impl RemoteSource {
    /// Reads an address that is neither a local path nor a registry's: what registries and pages answer with, too.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<RemoteSource, Malformed> {
        let (method, rest) = match method(text) {
            Some((m, rest)) => (Some(m), rest),
            None => (None, text),
        };
        let (package, subdir) = split_subdir(rest);
        let subdir = clean_subdir(&subdir)?;
        if let Some(scheme) = scheme(&package) {
            let getter = Getter::of(method.unwrap_or(scheme));
            return Ok(RemoteSource { getter, forced: method.is_some(), url: package, subdir });
        }
        let Some((short, url)) = short_form(&package)? else {
            let message = format!("\"{package}\" is no address that a module can be fetched from.");
            let hint = format!(
                "If this is a path relative to the module that calls it, write \"./{package}\". Else write an address in a \
                 registry (NAMESPACE/NAME/SYSTEM) or a URL such as git::https://HOST/PATH.git."
            );
            return Err(Malformed::new(message).hinted(hint));
        };
        let (url, further) = split_subdir(&url);
        let subdir =
            [clean_subdir(&further)?, subdir].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("/");
        let getter = method.map_or(short.clone(), Getter::of);
        Ok(RemoteSource { forced: getter != Getter::File || method.is_some(), getter, url, subdir })
    }
    /// The package alone, without the directory in it.
    pub fn package(&self) -> RemoteSource {
        RemoteSource { subdir: String::new(), ..self.clone() }
    }
    /// The URL without its query.
    pub fn base(&self) -> &str {
        self.url.split_once('?').map_or(self.url.as_str(), |(base, _)| base)
    }
    /// Arguments of the query, in order: `ref`, `depth`, `archive` … Not decoded.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self.url.split_once('?').map_or("", |(_, q)| q);
        query.split('&').filter(|a| !a.is_empty()).map(|a| a.split_once('=').unwrap_or((a, "")))
    }
    /// The printed form for messages: passwords in the URL are left out.
    pub fn shown(&self) -> String {
        hide_password(&self.to_string())
    }
    fn method(&self) -> &str {
        match &self.getter {
            Getter::Git => "git",
            Getter::Http => {
                if self.url.starts_with("https:") {
                    "https"
                } else {
                    "http"
                }
            }
            Getter::File => "file",
            Getter::Other(name) => name,
        }
    }
}

impl fmt::Display for RemoteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forced {
            write!(f, "{}::", self.method())?;
        }
        if self.subdir.is_empty() {
            return f.write_str(&self.url);
        }
        match self.url.split_once('?') {
            Some((base, query)) => write!(f, "{base}//{}?{query}", self.subdir),
            None => write!(f, "{}//{}", self.url, self.subdir),
        }
    }
}

/// A text with `user:password@` in a URL, the password and sensitive arguments of the query left out.
pub fn hide_password(text: &str) -> String {
    let mut out = text.to_owned();
    if let Some(start) = out.find("://").map(|i| i + 3) {
        let end = out[start..].find(['/', '?', '#']).map_or(out.len(), |i| start + i);
        if let Some(at) = out[start..end].rfind('@') {
            let user = out[start..start + at].split(':').next().unwrap_or_default().to_owned();
            if user.len() < at {
                out.replace_range(start..start + at, &format!("{user}:***"));
            }
        }
    }
    for secret in ["sshkey=", "token=", "access_token=", "aws_access_key_secret=", "aws_access_token="] {
        if let Some(i) = out.find(secret).map(|i| i + secret.len()) {
            let end = out[i..].find(['&', ' ', '"', '\'']).map_or(out.len(), |n| i + n);
            out.replace_range(i..end, "***");
        }
    }
    out
}

/// `METHOD::REST`
fn method(text: &str) -> Option<(&str, &str)> {
    let (method, rest) = text.split_once("::")?;
    let good = !method.is_empty() && method.chars().all(|c| c.is_ascii_alphanumeric()) && !rest.is_empty();
    good.then_some((method, rest))
}

/// The scheme of a URL.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    good.then_some(scheme)
}

/// Short forms that stand for a URL.
fn short_form(text: &str) -> Result<Option<(Getter, String)>, Malformed> {
    for host in ["github.com", "bitbucket.org"] {
        let Some(rest) = text.strip_prefix(host).and_then(|r| r.strip_prefix('/')) else { continue };
        let (path, query) = rest.split_once('?').map_or((rest, String::new()), |(p, q)| (p, format!("?{q}")));
        let parts: Vec<&str> = path.split('/').collect();
        let [owner, repository, further @ ..] = parts.as_slice() else {
            let message = format!("\"{text}\" names no repository: it has to be {host}/OWNER/REPOSITORY.");
            return Err(Malformed::new(message));
        };
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        let subdir = if further.is_empty() { String::new() } else { format!("//{}", further.join("/")) };
        return Ok(Some((Getter::Git, format!("https://{host}/{owner}/{repository}.git{subdir}{query}"))));
    }
    if text.contains(".amazonaws.com/") {
        return Ok(Some((Getter::Other("s3".to_owned()), format!("https://{text}"))));
    }
    if text.contains("googleapis.com/") {
        return Ok(Some((Getter::Other("gcs".to_owned()), format!("https://{text}"))));
    }
    if text.starts_with('/') {
        return Ok(Some((Getter::File, format!("file://{text}"))));
    }
    // `user@host:path`, as ssh and scp have it.
    if let Some((user_host, path)) = text.split_once(':')
        && let Some((user, host)) = user_host.split_once('@')
        && !user.is_empty()
        && !host.is_empty()
        && !host.contains('/')
        && !path.is_empty()
    {
        return Ok(Some((Getter::Git, format!("ssh://{user}@{host}/{}", path.trim_start_matches('/')))));
    }
    Ok(None)
}

/// A package's address and the directory in it: `//` that is not of the scheme separates them; a query belongs to the
/// package.
pub fn split_subdir(text: &str) -> (String, String) {
    let stop = text.find('?').unwrap_or(text.len());
    let offset = text[..stop].find("://").map_or(0, |i| i + 3);
    let Some(i) = text[offset..stop].find("//").map(|i| i + offset) else {
        return (text.to_owned(), String::new());
    };
    (format!("{}{}", &text[..i], &text[stop..]), text[i + 2..stop].to_owned())
}

fn clean_subdir(text: &str) -> Result<String, Malformed> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let path = crate::files::normalise(std::path::Path::new(text.trim_start_matches('/'))).display().to_string();
    if path == ".." || path.starts_with("../") {
        return Err(Malformed::new(format!("The directory \"{text}\" leads outside of the module's package.")));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed form of each address; after a `#`, the directory in the package.
    #[track_caller]
    fn check(cases: &[(&str, &str)]) {
        for (text, want) in cases {
            let got = match Source::parse(text, false) {
                Ok(s) => {
                    let kind = match &s {
                        Source::Local(_) => "local".to_owned(),
                        Source::Registry(_) => "registry".to_owned(),
                        Source::Remote(r) => format!("{:?}", r.getter).to_lowercase(),
                    };
                    format!("{kind} {s} #{}", s.subdir())
                }
                Err(e) => format!("error {}", e.message),
            };
            assert_eq!(&got, want, "{text}");
        }
    }

    #[test]
    fn local_paths() {
        check(&[
            ("./x", "local ./x #"),
            ("../x/./y", "local ../x/y #"),
            (".\\x", "local ./x #"),
            ("./", "local ./ #"),
            ("../", "local ../ #"),
            ("./x//y", "local ./x/y #"),
            ("..", "error \"..\" is no address that a module can be fetched from."),
            (" ./x", "error \" ./x\" is no address that a module can be fetched from."),
        ]);
    }

    #[test]
    fn registries() {
        check(&[
            ("foo/bar/baz", "registry registry.terraform.io/foo/bar/baz #"),
            ("foo/bar/baz//sub/x", "registry registry.terraform.io/foo/bar/baz//sub/x #sub/x"),
            ("foo/bar/baz//", "registry registry.terraform.io/foo/bar/baz #"),
            ("Example.com/foo/bar/baz", "registry example.com/foo/bar/baz #"),
            ("example.com:8443/foo/bar/baz//m", "registry example.com:8443/foo/bar/baz//m #m"),
            ("foo/bar/BAZ", "error \"foo/bar/BAZ\" is no address that a module can be fetched from."),
            ("foo_/bar/baz", "error \"foo_/bar/baz\" is no address that a module can be fetched from."),
            ("foo/bar", "error \"foo/bar\" is no address that a module can be fetched from."),
            ("example.com/foo/bar", "error \"example.com/foo/bar\" is no address that a module can be fetched from."),
            (
                "localhost/foo/bar/baz",
                "error \"localhost/foo/bar/baz\" is no address that a module can be fetched from.",
            ),
            ("gitlab.com/foo/bar", "error \"gitlab.com/foo/bar\" is no address that a module can be fetched from."),
        ]);
    }

    #[test]
    fn packages() {
        check(&[
            ("github.com/foo/bar", "git git::https://github.com/foo/bar.git #"),
            ("github.com/foo/bar.git", "git git::https://github.com/foo/bar.git #"),
            ("github.com/foo/bar/baz", "git git::https://github.com/foo/bar.git//baz #baz"),
            ("github.com/foo/bar//sub/dir?ref=v1", "git git::https://github.com/foo/bar.git//sub/dir?ref=v1 #sub/dir"),
            ("github.com/foo/bar/baz/", "git git::https://github.com/foo/bar.git//baz #baz"),
            ("github.com/foo/bar/aws", "git git::https://github.com/foo/bar.git//aws #aws"),
            (
                "github.com/foo",
                "error \"github.com/foo\" names no repository: it has to be github.com/OWNER/REPOSITORY.",
            ),
            ("git::github.com/foo/bar", "git git::https://github.com/foo/bar.git #"),
            ("bitbucket.org/foo/bar", "git git::https://bitbucket.org/foo/bar.git #"),
            ("git@github.com:foo/bar.git//sub?ref=v1", "git git::ssh://git@github.com/foo/bar.git//sub?ref=v1 #sub"),
            ("git::git@github.com:foo/bar.git?ref=x", "git git::ssh://git@github.com/foo/bar.git?ref=x #"),
            (
                "git::ssh://git@host/foo/bar.git//a/b?ref=x&depth=1",
                "git git::ssh://git@host/foo/bar.git//a/b?ref=x&depth=1 #a/b",
            ),
            ("git::https://h/x.git//a/../b", "git git::https://h/x.git//b #b"),
            ("git::https://h/x.git//../up", "error The directory \"../up\" leads outside of the module's package."),
            ("git::foo/bar", "error \"foo/bar\" is no address that a module can be fetched from."),
            ("https://h/m.zip", "http https://h/m.zip #"),
            ("https://h/m//sub?archive=tar.gz", "http https://h/m//sub?archive=tar.gz #sub"),
            ("/abs/path", "file file:///abs/path #"),
            ("file:///abs/path//sub", "file file:///abs/path//sub #sub"),
            ("s3::https://s3.amazonaws.com/b/x.zip", "other(\"s3\") s3::https://s3.amazonaws.com/b/x.zip #"),
            ("s3-eu-west-1.amazonaws.com/b/x.zip", "other(\"s3\") s3::https://s3-eu-west-1.amazonaws.com/b/x.zip #"),
            ("hg::http://h/x", "other(\"hg\") hg::http://h/x #"),
            ("ssh://git@h/x.git", "other(\"ssh\") ssh://git@h/x.git #"),
            ("~/x", "error \"~/x\" is no address that a module can be fetched from."),
            ("", "error The source of the module is empty."),
        ]);
    }

    proptest::proptest! {
        /// No text is too strange, and what a source prints is read as the same source.
        #[test]
        fn any_text(text in "(git::|https?://|[./]{1,3}|[a-z@:]{0,4}|github\\.com/)?([a-zé~]{0,3}[/.:?#&=@*%]{0,2}){0,8}") {
            hide_password(&text);
            if let Ok(source) = Source::parse(&text, false) {
                let printed = source.to_string();
                proptest::prop_assert_eq!(Source::parse(&printed, false), Ok(source), "{}", printed);
            }
        }
    }

    #[test]
    fn versions_belong_to_registries() {
        assert!(Source::parse("foo/bar/baz", true).is_ok());
        for text in ["./x", "github.com/foo/bar", "git::https://h/x.git"] {
            assert!(Source::parse(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for (text, want) in [
            ("git::https://u:secret@h/x.git?ref=a", "git::https://u:***@h/x.git?ref=a"),
            ("https://u@h/x", "https://u@h/x"),
            ("git::ssh://git@h/x?sshkey=abc&ref=1", "git::ssh://git@h/x?sshkey=***&ref=1"),
            ("https://h/a@b:c", "https://h/a@b:c"),
        ] {
            assert_eq!(hide_password(text), want);
        }
    }
}
