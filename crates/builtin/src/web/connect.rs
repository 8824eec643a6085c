//! Connections: directly or through a proxy, plain or with TLS.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use stackctl_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Failure, reasons};

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl Target {
    /// The server of a URL. Schemes other than `http` speak TLS.
    ///
    /// # Errors
    /// If the URL has no host, or no port where its scheme implies none.
    pub(crate) fn of(url: &Uri) -> Result<Target> {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = match (url.port_u16(), url.scheme_str()) {
            (Some(p), _) => p,
            (None, Some("http")) => 80,
            (None, Some("https")) => 443,
            _ => return Err(Error::invalid(format!("{url} has no port.")).hinted("Write HOST:PORT.")),
        };
        if host.is_empty() {
            return Err(Error::invalid(format!("{url} has no host.")));
        }
        Ok(Target { host, port, tls: url.scheme_str() != Some("http") })
    }
    /// Host and port, the port left out where the scheme implies it.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.port, self.tls) {
            (80, false) | (443, true) => host,
            (p, _) => format!("{host}:{p}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A proxy.
pub(crate) struct Proxy {
    pub(super) target: Target,
    /// Value of the header `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
}

/// `Basic …` for `USER:PASSWORD` as URLs spell it.
pub(super) fn basic(login: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(login).collect();
    format!("Basic {}", BASE64_STANDARD.encode(bytes))
}

impl Proxy {
    /// Reads a proxy's URL; without a scheme it is `http`.
    ///
    /// # Errors
    /// If it is none. The message leaves out user name and password.
    pub(crate) fn parse(text: &str) -> Result<Proxy> {
        let wrong = || Error::invalid("The URL of the proxy is none.").hinted("Write http://HOST:PORT.");
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url: Uri = full.parse().map_err(|_| wrong())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(wrong());
        }
        let login = url.authority().and_then(|a| a.as_str().rsplit_once('@')).map(|(l, _)| basic(l));
        Ok(Proxy { target: Target::of(&url).map_err(|_| wrong())?, authorization: login })
    }
    /// With a user name and password of its own.
    pub(crate) fn with_login(mut self, user: &str, password: &str) -> Proxy {
        self.authorization = Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))));
        self
    }
}

/// The proxy that the environment names for a server, in curl's terms: `HTTPS_PROXY` is for TLS; lower case wins.
///
/// # Errors
/// If its URL is malformed.
pub(crate) fn proxy_for(target: &Target, env: &BTreeMap<String, String>) -> Result<Option<Proxy>> {
    let var = |name: &str| {
        env.get(&name.to_ascii_lowercase()).or_else(|| env.get(name)).map(String::as_str).filter(|v| !v.is_empty())
    };
    let name = if target.tls { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some(url) = var(name).filter(|_| !is_direct(target, var("NO_PROXY").unwrap_or_default())) else {
        return Ok(None);
    };
    Proxy::parse(url).map(Some)
}

/// True for this machine and for what `NO_PROXY` lists: hosts and their subdomains, addresses, networks, `*`.
fn is_direct(target: &Target, list: &str) -> bool {
    let host = target.host.to_ascii_lowercase();
    let ip = host.parse::<IpAddr>().ok();
    if host == "localhost" || ip.is_some_and(|i| i.is_loopback()) {
        return true;
    }
    list.split(',').map(|e| e.trim().to_ascii_lowercase()).filter(|e| !e.is_empty()).any(|entry| {
        let (name, port) = match entry.rsplit_once(':') {
            Some((n, p)) if !n.contains(':') => (n.to_owned(), p.parse::<u16>().ok()),
            _ => (entry.clone(), None),
        };
        if port.is_some_and(|p| p != target.port) {
            return false;
        }
        match (ip, name.split_once('/')) {
            _ if name == "*" => true,
            (Some(ip), Some((net, len))) => within(ip, net, len),
            (Some(ip), None) => name.parse() == Ok(ip),
            (None, _) => {
                let name = name.trim_start_matches("*.").trim_start_matches('.');
                host == name || host.strip_suffix(name).is_some_and(|h| h.ends_with('.'))
            }
        }
    })
}

fn within(ip: IpAddr, net: &str, len: &str) -> bool {
    let (Ok(net), Ok(len)) = (net.parse::<IpAddr>(), len.parse::<u32>()) else { return false };
    let (a, b, bits) = match (ip, net) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    len <= bits && (len == 0 || a >> (bits - len) == b >> (bits - len))
}

/// How a server proves who it is, and how we do.
pub(crate) struct Via {
    config: Arc<ClientConfig>,
}

/// Whose certificates are good.
pub(crate) enum Trust {
    /// Those that this machine trusts.
    System,
    /// Those below these certificates.
    Roots(Vec<CertificateDer<'static>>),
    /// All of them.
    Anyone,
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}

impl Via {
    /// TLS with this trust, and perhaps a certificate and key of ours.
    ///
    /// # Errors
    /// If a certificate or key is none, or this machine trusts no certificates at all.
    pub(crate) fn new(
        trust: Trust,
        ours: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<Via> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(format!("TLS cannot be set up: {e}.")))?;
        let mut roots = RootCertStore::empty();
        let builder = match trust {
            Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
            Trust::System => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                builder.with_root_certificates(roots)
            }
            Trust::Roots(list) => {
                for c in list {
                    roots.add(c).map_err(|e| wrong(format!("A certificate to trust is none: {e}.")))?;
                }
                builder.with_root_certificates(roots)
            }
        };
        let config = match ours {
            None => builder.with_no_client_auth(),
            Some((certs, key)) => builder
                .with_client_auth_cert(certs, key)
                .map_err(|e| wrong(format!("The client certificate and its key do not work: {e}.")))?,
        };
        Ok(Via { config: Arc::new(config) })
    }
}

/// Takes every certificate; who shows it must have its key all the same.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Bytes in both directions.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

fn failed(passing: bool, message: String) -> Failure {
    Failure { error: wrong(message), passing }
}

async fn patient<T>(
    target: &Target,
    what: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(r) => r,
        Err(_) => Err(failed(true, format!("{target} did not answer within {} seconds.", PATIENCE.as_secs()))),
    }
}

/// Connects to a server, through TLS where its URL says so.
pub(super) async fn stream(
    target: &Target,
    proxy: Option<&Proxy>,
    via: &Via,
) -> std::result::Result<Box<dyn Wire>, Failure> {
    if target.tls {
        return Ok(Box::new(tls(target, proxy, via).await?));
    }
    plain(target, proxy).await
}

/// Connects to a server that speaks TLS.
pub(crate) async fn tls(
    target: &Target,
    proxy: Option<&Proxy>,
    via: &Via,
) -> std::result::Result<TlsStream<Box<dyn Wire>>, Failure> {
    let name = ServerName::try_from(target.host.clone());
    let name = name.map_err(|_| failed(false, format!("{:?} is not the name of a server.", target.host)))?;
    let inner = plain(target, proxy).await?;
    patient(target, async {
        TlsConnector::from(Arc::clone(&via.config)).connect(name, inner).await.map_err(|e| {
            let passing = e.get_ref().is_none_or(|e| !e.is::<rustls::Error>());
            failed(passing, format!("TLS with {target} failed: {}.", reasons(&e)))
        })
    })
    .await
}

async fn plain(target: &Target, proxy: Option<&Proxy>) -> std::result::Result<Box<dyn Wire>, Failure> {
    let to = proxy.map_or(target, |p| &p.target);
    let stream = patient(to, async {
        let s = TcpStream::connect((to.host.as_str(), to.port)).await;
        s.map_err(|e| failed(true, format!("{to} cannot be reached: {e}.")))
    })
    .await?;
    let Some(proxy) = proxy else { return Ok(Box::new(stream)) };
    let mut stream = stream;
    patient(to, async {
        let login = proxy.authorization.as_ref().map_or(String::new(), |a| format!("Proxy-Authorization: {a}\r\n"));
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        let at = format!("{host}:{}", target.port);
        let lost = |e: std::io::Error| failed(true, format!("The proxy {to} hung up: {e}."));
        stream
            .write_all(format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n{login}\r\n").as_bytes())
            .await
            .map_err(lost)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < 16 << 10 {
            head.push(stream.read_u8().await.map_err(lost)?);
        }
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        match line.split(' ').nth(1) {
            Some("200") => Ok(()),
            _ => Err(failed(false, format!("The proxy {to} refuses to connect to {target}: {line}."))),
        }
    })
    .await?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_the_environment() {
        let env = |no: &str| {
            BTreeMap::from([
                ("https_proxy".to_owned(), "http://u:p%40ss@proxy:3128".to_owned()),
                ("HTTPS_PROXY".to_owned(), "http://other:1".to_owned()),
                ("NO_PROXY".to_owned(), no.to_owned()),
            ])
        };
        let target = |host: &str, port| Target { host: host.to_owned(), port, tls: true };
        let cases = [
            ("", "a.example", 443, true),
            ("example", "a.example", 443, false),
            (".example", "a.example", 443, false),
            ("*.example", "a.example", 443, false),
            ("ample", "a.example", 443, true),
            ("a.example:8443", "a.example", 443, true),
            ("a.example:443", "a.example", 443, false),
            ("*", "a.example", 443, false),
            ("10.0.0.0/8, x", "10.1.2.3", 443, false),
            ("10.0.0.0/16", "10.1.2.3", 443, true),
            ("10.1.2.3", "10.1.2.3", 443, false),
            ("", "localhost", 443, false),
            ("", "127.0.0.1", 443, false),
        ];
        for (no, host, port, proxied) in cases {
            let got = proxy_for(&target(host, port), &env(no)).unwrap();
            assert_eq!(got.is_some(), proxied, "{no} {host}");
            if let Some(p) = got {
                assert_eq!((p.target.host.as_str(), p.target.port), ("proxy", 3128));
                assert_eq!(p.authorization.as_deref(), Some("Basic dTpwQHNz"));
            }
        }
        let plain = Target { tls: false, ..target("a.example", 80) };
        assert!(proxy_for(&plain, &env("")).unwrap().is_none());
        assert!(Proxy::parse("socks5://x:1").is_err());
    }
}
