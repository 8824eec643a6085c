//! HTTP for what is not AWS: module registries and archives, through the client that the SDKs use.
//!
//! Proxies come from the environment, certificates from the machine (`SSL_CERT_FILE` names others). It never sends
//! credentials to another host than the one that they were given for. Start at [`Web::get`].

use std::collections::BTreeMap;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use stackctl_core::{Error, ErrorKind, Result};

/// More redirects than this are taken for a loop.
const MOST_REDIRECTS: usize = 10;

/// A client.
#[derive(Clone, Debug)]
pub struct Web {
    plain: SharedHttpConnector,
    secure: SharedHttpConnector,
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The URL that answered, after redirects.
    pub url: String,
    /// Headers by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Web {
    /// A client with the proxies of the environment.
    ///
    /// # Errors
    /// If a proxy's URL is malformed.
    pub fn new(env: &BTreeMap<String, String>) -> Result<Web> {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .build();
        let connector = |secure| crate::kit::http::connector(secure, settings.clone(), env);
        Ok(Web { plain: connector(false)?, secure: connector(true)? })
    }
    /// Gets a URL and follows redirects, never from HTTPS to HTTP. `authorization` (the
    /// whole header) is sent to the first host only; a name and password in the URL make one.
    ///
    /// # Errors
    /// If the host cannot be reached, the body is larger than `most` bytes, or a redirect leads nowhere. A status code of
    /// any kind is no error.
    pub async fn get(&self, url: &str, authorization: Option<&str>, most: usize) -> Result<Answer> {
        let mut at = url.to_owned();
        for _ in 0..MOST_REDIRECTS {
            let authorization = authorization.filter(|_| origin(&at) == origin(url));
            let answer = self.once(&at, authorization, most).await?;
            let next = answer.headers.get("location").filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308));
            let Some(next) = next else { return Ok(answer) };
            let next = join(&at, next);
            if at.starts_with("https:") && !next.starts_with("https:") {
                return Err(failed(&at, "it redirects to an address without TLS"));
            }
            at = next;
        }
        Err(failed(url, "it redirects too often"))
    }
    async fn once(&self, url: &str, authorization: Option<&str>, most: usize) -> Result<Answer> {
        let connector = match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("https") => &self.secure,
            Some("http") => &self.plain,
            _ => return Err(failed(url, "it is no address of HTTP or HTTPS")),
        };
        let mut request = HttpRequest::new(SdkBody::empty());
        let (bare, basic) = credentials(url);
        request.set_uri(bare).map_err(|e| failed(url, &e.to_string()))?;
        let headers = request.headers_mut();
        headers.insert("user-agent", concat!("stackctl/", env!("CARGO_PKG_VERSION")));
        if let Some(value) = authorization.map(str::to_owned).or(basic) {
            headers.try_insert("authorization", value).map_err(|_| failed(url, "its credentials are no text"))?;
        }
        let response = connector.call(request).await.map_err(|e| failed(url, &causes(&e)))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
        let mut stream = ByteStream::new(response.into_body());
        let mut body = Vec::new();
        while let Some(chunk) = stream.try_next().await.map_err(|e| failed(url, &causes(&e)))? {
            if body.len() + chunk.len() > most {
                return Err(failed(url, &format!("the answer is larger than {} MB", most >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, url: url.to_owned(), headers, body })
    }
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |i| i + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |i| start + i);
    &url[..end]
}

/// A URL without `NAME:PASSWORD@`, and the header that they make.
fn credentials(url: &str) -> (String, Option<String>) {
    let origin = origin(url);
    let (Some(start), Some(at)) = (origin.find("://").map(|i| i + 3), origin.rfind('@')) else {
        return (url.to_owned(), None);
    };
    use base64::Engine as _;
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(&url[start..at]).collect();
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(decoded));
    (format!("{}{}", &url[..start], &url[at + 1..]), Some(basic))
}

/// The URL that a reference found at a URL means.
pub fn join(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    if let Some(rest) = reference.strip_prefix("//") {
        let scheme = base.split_once("://").map_or("https", |(s, _)| s);
        return format!("{scheme}://{rest}");
    }
    let origin = origin(base);
    if reference.starts_with('/') {
        return format!("{origin}{reference}");
    }
    let path = base[origin.len()..].split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = path.rsplit_once('/').map_or("", |(dir, _)| dir).split('/').collect();
    let (reference, query) = reference.find('?').map_or((reference, ""), |i| reference.split_at(i));
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => {
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            other => parts.push(other),
        }
    }
    format!("{origin}/{}{query}", parts.join("/").trim_start_matches('/'))
}

fn failed(url: &str, reason: &str) -> Error {
    let shown = url.split('?').next().unwrap_or(url);
    let shown = match (shown.find("://"), origin(shown).rfind('@')) {
        (Some(scheme), Some(at)) => format!("{}://{}", &shown[..scheme], &shown[at + 1..]),
        _ => shown.to_owned(),
    };
    Error::new(ErrorKind::Unreachable, format!("{shown} cannot be fetched: {reason}."))
}

/// A chain of errors in one line.
fn causes(e: &dyn std::error::Error) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut next = Some(e);
    while let Some(e) = next {
        let text = e.to_string();
        if !out.iter().any(|seen| seen.contains(&text)) {
            out.push(text);
        }
        next = e.source();
    }
    out.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (base, reference, want) in [
            ("https://h/a/b?x", "c", "https://h/a/c"),
            ("https://h/a/b", "./c?d=1", "https://h/a/c?d=1"),
            ("https://h/a/b/c", "../d", "https://h/a/d"),
            ("https://h/a/b", "/c", "https://h/c"),
            ("https://h:1", "c", "https://h:1/c"),
            ("https://h/a", "//g/x", "https://g/x"),
            ("https://h/a", "http://g/x", "http://g/x"),
            ("https://h/v1/", "ns/m", "https://h/v1/ns/m"),
        ] {
            assert_eq!(join(base, reference), want, "{base} {reference}");
        }
        assert_eq!(origin("https://h:8/x?y"), "https://h:8");
        assert_eq!(credentials("https://h/x@y"), ("https://h/x@y".to_owned(), None));
        assert_eq!(credentials("https://u:p%40@h/x"), ("https://h/x".to_owned(), Some("Basic dTpwQA==".to_owned())));
        assert!(!failed("https://u:secret@h/x?token=t", "no").to_string().contains("secret"));
    }

    #[tokio::test]
    async fn only_http_and_no_downgrade() {
        let web = Web::new(&BTreeMap::new()).unwrap();
        let e = web.get("ftp://h/x", None, 10).await.unwrap_err();
        assert!(e.to_string().contains("no address of HTTP"), "{e}");
    }
}
