//! The HTTP client under every SDK client: proxies, CA bundle, and AWS's clock.
//!
//! Terminology of the environment is curl's: `HTTPS_PROXY` is the proxy for `https://` URLs, `NO_PROXY` the hosts that
//! need none. Lower-case names win, as everywhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use jiff::Timestamp;
use stackctl_core::{Error, ErrorKind, Result};

use super::connect::Settings;

/// AWS's clock as the `Date` of its last answer shows it, in whole seconds.
#[derive(Clone, Debug, Default)]
pub struct ServerClock(Arc<Mutex<Option<Timestamp>>>);

impl ServerClock {
    /// The `Date` of the last answer; `None` before the first.
    pub fn last(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    fn see(&self, date: &str) {
        if let Ok(t) = jiff::fmt::rfc2822::parse(date) {
            *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(t.timestamp());
        }
    }
}

/// An HTTP client for plain and one for TLS URLs, each with its proxy.
#[derive(Clone, Debug)]
pub(super) struct Http {
    plain: SharedHttpClient,
    secure: SharedHttpClient,
    clock: ServerClock,
}

impl Http {
    /// A client with the proxies and certificates of `settings`, else of `env`.
    ///
    /// # Errors
    /// If a proxy's URL is malformed or the CA bundle cannot be read.
    pub(super) fn new(settings: &Settings, env: &BTreeMap<String, String>, clock: ServerClock) -> Result<Http> {
        let var = |name: &str| variable(env, name);
        let https = settings.https_proxy.as_deref().or_else(|| var("HTTPS_PROXY")).or_else(|| var("ALL_PROXY"));
        let http = settings.http_proxy.as_deref().or_else(|| var("HTTP_PROXY")).or_else(|| var("ALL_PROXY"));
        let direct = settings.no_proxy.as_deref().or_else(|| var("NO_PROXY"));
        let bundle = settings.custom_ca_bundle.as_deref().or_else(|| env.get("AWS_CA_BUNDLE").map(String::as_str));
        let tls = tls(bundle)?;
        Ok(Http {
            plain: client(proxy(http, direct, ProxyConfig::http)?, tls.clone()),
            secure: client(proxy(https, direct, ProxyConfig::https)?, tls),
            clock,
        })
    }
}

/// A variable in lower or upper case.
fn variable<'e>(env: &'e BTreeMap<String, String>, name: &str) -> Option<&'e str> {
    env.get(&name.to_ascii_lowercase()).or_else(|| env.get(name)).filter(|v| !v.is_empty()).map(String::as_str)
}

/// A connector for URLs that are not AWS's, with the environment's proxies and the machine's certificates.
///
/// # Errors
/// If a proxy's URL is malformed.
pub(crate) fn connector(
    secure: bool,
    settings: HttpConnectorSettings,
    env: &BTreeMap<String, String>,
) -> Result<SharedHttpConnector> {
    let url = variable(env, if secure { "HTTPS_PROXY" } else { "HTTP_PROXY" }).or_else(|| variable(env, "ALL_PROXY"));
    let direct = variable(env, "NO_PROXY");
    let proxy = if secure { proxy(url, direct, ProxyConfig::https) } else { proxy(url, direct, ProxyConfig::http) }?;
    let b = Connector::builder().proxy_config(proxy).connector_settings(settings);
    let b = b.sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new());
    Ok(SharedHttpConnector::new(b.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls(None)?).build()))
}

fn proxy<E: std::fmt::Display>(
    url: Option<&str>,
    direct: Option<&str>,
    make: impl FnOnce(String) -> std::result::Result<ProxyConfig, E>,
) -> Result<ProxyConfig> {
    let Some(url) = url else { return Ok(ProxyConfig::disabled()) };
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let config = make(url).map_err(|e| {
        Error::new(ErrorKind::Unreachable, format!("The proxy setting is not a URL: {e}"))
            .hinted("Write it as http://HOST:PORT in HTTPS_PROXY, HTTP_PROXY or the provider block.")
    })?;
    Ok(match direct {
        Some(hosts) => config.no_proxy(hosts),
        None => config,
    })
}

/// How a certificate begins in PEM form.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const CORRECT: &str = "Correct AWS_CA_BUNDLE or `custom_ca_bundle`.";

fn tls(bundle: Option<&str>) -> Result<TlsContext> {
    let mut store = TrustStore::default();
    if let Some(file) = bundle.filter(|f| !f.is_empty()) {
        let pem = std::fs::read(file).map_err(|e| {
            Error::new(ErrorKind::Unreachable, format!("The CA bundle {file} cannot be read: {e}")).hinted(CORRECT)
        })?;
        if !pem.windows(CERTIFICATE.len()).any(|w| w == CERTIFICATE) {
            let message = format!("The CA bundle {file} holds no certificate in PEM form.");
            return Err(Error::new(ErrorKind::Unreachable, message).hinted(CORRECT));
        }
        store = TrustStore::empty().with_pem_certificate(pem);
    }
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|e| Error::new(ErrorKind::Unreachable, format!("TLS cannot be set up: {e}")))
}

fn client(proxy: ProxyConfig, tls: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut b = Connector::builder().proxy_config(proxy.clone());
        if let Some(s) = settings {
            b = b.connector_settings(s.clone());
        }
        if let Some(s) = components.and_then(RuntimeComponents::sleep_impl) {
            b = b.sleep_impl(s);
        }
        b.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    })
}

impl HttpClient for Http {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Pair {
            plain: self.plain.http_connector(settings, components),
            secure: self.secure.http_connector(settings, components),
            clock: self.clock.clone(),
        })
    }
}

#[derive(Debug)]
struct Pair {
    plain: SharedHttpConnector,
    secure: SharedHttpConnector,
    clock: ServerClock,
}

impl HttpConnector for Pair {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = if request.uri().starts_with("https:") { &self.secure } else { &self.plain };
        let answer = connector.call(request);
        let clock = self.clock.clone();
        HttpConnectorFuture::new(async move {
            let response = answer.await?;
            if let Some(date) = response.headers().get("date") {
                clock.see(date);
            }
            Ok(response)
        })
    }
}
