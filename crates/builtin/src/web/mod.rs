//! HTTP over TLS for data sources: one request at a time, with redirections and proxies, and nothing else.
//!
//! Start at [`send`]. `connect` makes the connections, for servers' certificates as well.

pub(crate) mod connect;

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use stackctl_core::{Error, ErrorKind, Result};

use connect::{Proxy, Target, Via, proxy_for, stream};

/// Largest answer that is taken.
const LARGEST: usize = 100 << 20;
/// Redirections that are followed.
const REDIRECTS: usize = 10;

/// What to send.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// By canonical name: `Content-Type`. Several values of a name are joined with commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Why no answer came.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Trying again may help: the network failed, and not the request.
    pub(crate) passing: bool,
}

fn failure(passing: bool, message: String) -> Failure {
    Failure { error: Error::new(ErrorKind::Other, message), passing }
}

/// Reads an absolute `http` or `https` URL.
///
/// # Errors
/// If it is none.
pub(crate) fn url(text: &str) -> Result<Uri> {
    let wrong = |why: &str| {
        Error::invalid(format!("{text:?} is not a URL: {why}.")).hinted("It begins with \"http://\" or \"https://\".")
    };
    let url: Uri = text.trim().parse().map_err(|e: http::uri::InvalidUri| wrong(&e.to_string()))?;
    match url.scheme_str() {
        Some("http" | "https") if url.host().is_some_and(|h| !h.is_empty()) => Ok(url),
        Some("http" | "https") => Err(wrong("it has no host")),
        _ => Err(wrong("its scheme is neither http nor https")),
    }
}

/// Sends a request and follows redirections. `env` names the proxies.
pub(crate) async fn send(
    call: Call,
    via: &Via,
    env: &BTreeMap<String, String>,
) -> std::result::Result<Answer, Failure> {
    let mut call = call;
    for _ in 0..=REDIRECTS {
        let answer = once(&call, via, env).await?;
        let to = match answer.status.as_u16() {
            301 | 302 | 303 | 307 | 308 => answer.headers.get("Location").cloned(),
            _ => None,
        };
        let Some(to) = to else { return Ok(answer) };
        let next = resolve(&call.url, &to)
            .ok_or_else(|| failure(false, format!("The server redirects to {to:?}, which is no HTTP URL.")))?;
        // As browsers do: other methods become GET, unless the status says to keep them.
        if !matches!(answer.status.as_u16(), 307 | 308) && call.method != Method::HEAD {
            call.method = Method::GET;
            call.body.clear();
        }
        if next.host() != call.url.host() {
            call.headers.remove(AUTHORIZATION);
            call.headers.remove(COOKIE);
            call.headers.remove(HOST);
        }
        call.url = next;
    }
    Err(failure(false, format!("The server redirects more than {REDIRECTS} times.")))
}

fn resolve(base: &Uri, to: &str) -> Option<Uri> {
    if to.contains("://") {
        return url(to).ok();
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let to = to.split('#').next().unwrap_or_default();
    let full = match to {
        t if t.starts_with("//") => format!("{scheme}:{t}"),
        t if t.starts_with('/') => format!("{scheme}://{authority}{t}"),
        t => {
            let dir = base.path().rsplit_once('/').map_or("", |(d, _)| d);
            format!("{scheme}://{authority}{dir}/{t}")
        }
    };
    url(&full).ok()
}

async fn once(call: &Call, via: &Via, env: &BTreeMap<String, String>) -> std::result::Result<Answer, Failure> {
    let target = Target::of(&call.url).map_err(|error| Failure { error, passing: false })?;
    let proxy = proxy_for(&target, env).map_err(|error| Failure { error, passing: false })?;
    // Plain requests are given to the proxy; TLS goes through it.
    let plain_proxy = proxy.as_ref().filter(|_| !target.tls);
    let stream = match plain_proxy {
        Some(p) => stream(&p.target, None, via).await?,
        None => stream(&target, proxy.as_ref(), via).await?,
    };
    let lost = |e: hyper::Error| failure(true, format!("The exchange with {target} failed: {}.", reasons(&e)));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let driver = tokio::spawn(connection);
    let sent = sender.send_request(request(call, &target, plain_proxy));
    let result = async {
        let response = sent.await.map_err(lost)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|e| failure(true, format!("The answer of {target} cannot be read: {e}.")))?;
        Ok(Answer { status: head.status, headers: canonical(&head.headers), body: body.to_bytes().to_vec() })
    };
    let answer = result.await;
    driver.abort();
    answer
}

fn request(call: &Call, target: &Target, proxy: Option<&Proxy>) -> Request<Full<Bytes>> {
    let path = call.url.path_and_query().map_or("/", |p| p.as_str());
    let mut r = Request::new(Full::new(Bytes::from(call.body.clone())));
    *r.method_mut() = call.method.clone();
    // A plain request to a proxy names the whole URL.
    let whole = format!("http://{}{path}", target.authority());
    let line = if proxy.is_some() { &whole } else { path };
    *r.uri_mut() = line.parse().unwrap_or_default();
    let headers = r.headers_mut();
    *headers = call.headers.clone();
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(v) = HeaderValue::from_str(value)
            && !headers.contains_key(&name)
        {
            headers.insert(name, v);
        }
    };
    put(HOST, &target.authority());
    put(USER_AGENT, concat!("stackctl/", env!("CARGO_PKG_VERSION")));
    if let Some((login, _)) = call.url.authority().and_then(|a| a.as_str().rsplit_once('@')) {
        put(AUTHORIZATION, &connect::basic(login));
    }
    if let Some(login) = proxy.and_then(|p| p.authorization.as_deref()) {
        put(PROXY_AUTHORIZATION, login);
    }
    if call.body.is_empty() && call.method == Method::POST {
        put(CONTENT_LENGTH, "0");
    }
    r
}

fn canonical(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let words = name.as_str().split('-').map(|w| match w.split_at_checked(1) {
            Some((first, rest)) => format!("{}{rest}", first.to_ascii_uppercase()),
            None => String::new(),
        });
        let value = String::from_utf8_lossy(value.as_bytes());
        out.entry(words.collect::<Vec<_>>().join("-"))
            .and_modify(|v| *v = format!("{v}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    out
}

/// An error and what is behind it.
pub(crate) fn reasons(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        let text = e.to_string();
        if !out.contains(&text) {
            out = format!("{out}: {text}");
        }
        next = e.source();
    }
    out
}

/// How long to wait before trying again: twice as long each time, or what the server asks for.
pub(crate) fn pause(attempt: u32, min: Duration, max: Duration, retry_after: Option<&str>) -> Duration {
    if let Some(seconds) = retry_after.and_then(|t| t.trim().parse().ok()) {
        return Duration::from_secs(seconds);
    }
    2u32.checked_pow(attempt).and_then(|f| min.checked_mul(f)).unwrap_or(max).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_redirections() {
        for (text, good) in [
            ("http://a", true),
            ("https://u:p@a:8443/x?y=1", true),
            ("ftp://a", false),
            ("/x", false),
            ("http:///x", false),
            ("http://a b/", false),
        ] {
            assert_eq!(url(text).is_ok(), good, "{text}");
        }
        let base = url("https://a.example/b/c?d").unwrap();
        for (to, want) in [
            ("http://z/", Some("http://z/")),
            ("//z/y", Some("https://z/y")),
            ("/y?q", Some("https://a.example/y?q")),
            ("y#f", Some("https://a.example/b/y")),
            ("ftp://z", None),
        ] {
            assert_eq!(resolve(&base, to).map(|u| u.to_string()).as_deref(), want, "{to}");
        }
    }

    #[test]
    fn pauses() {
        let (min, max) = (Duration::from_millis(100), Duration::from_millis(500));
        let all: Vec<_> = (0..4).map(|i| pause(i, min, max, None).as_millis()).collect();
        assert_eq!(all, [100, 200, 400, 500]);
        assert_eq!(pause(99, min, max, None), max);
        assert_eq!(pause(0, min, max, Some("7")), Duration::from_secs(7));
    }
}
