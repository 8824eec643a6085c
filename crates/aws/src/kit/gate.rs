//! What stands between an SDK client and its HTTP client: limits on requests, and which failures are sent again.
//!
//! Limits are on requests, per (account, region, service), shared by every provider instance of the process that resolves
//! to the same three. They adapt: a throttled answer halves the limit, good answers raise it again. What waits for its
//! turn here holds nothing else.
//!
//! Right before a request leaves, after it was signed and got its turn, [`stackctl_core::sending`] is asked whether it may.
//!
//! A create or an update is never sent blindly a second time: inside [`unrepeatable`] the SDK's retries are limited to
//! what did not reach the service, and to answers that say that nothing was done.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use tokio::sync::Notify;

/// How the error of a request begins that was held back.
pub(super) const NOT_SENT: &str = "the request was not sent";

tokio::task_local! {
    static UNREPEATABLE: ();
}

/// Runs an update, or a create without token: after a lost answer it is not sent again.
pub async fn unrepeatable<F: Future>(f: F) -> F::Output {
    UNREPEATABLE.scope((), f).await
}

/// How many requests may be under way.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<Limits>,
    turn: Notify,
}

#[derive(Debug)]
struct Limits {
    limit: f64,
    active: usize,
    halved: Option<Instant>,
}

const START: f64 = 16.0;
const MOST: f64 = 64.0;

impl Limiter {
    /// The limiter of an account, region and service.
    pub fn of(account: &str, region: &str, service: &str) -> Arc<Limiter> {
        type Table = HashMap<(String, String, String), Arc<Limiter>>;
        static ALL: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);
        let key = (account.to_owned(), region.to_owned(), service.to_owned());
        ALL.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
            .or_insert_with(|| Arc::new(Limiter::new()))
            .clone()
    }
    fn new() -> Limiter {
        let state = Mutex::new(Limits { limit: START, active: 0, halved: None });
        Limiter { state, turn: Notify::new() }
    }
    fn state(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Waits for a slot.
    pub async fn slot(self: &Arc<Self>) -> Slot {
        loop {
            let turn = self.turn.notified();
            {
                let mut s = self.state();
                if (s.active as f64) < s.limit.max(1.0) {
                    s.active += 1;
                    return Slot(self.clone());
                }
            }
            turn.await;
        }
    }
    /// Takes note of an answer. Halves at most once a second: one burst is one event.
    pub fn answered(&self, throttled: bool) {
        let mut s = self.state();
        if !throttled {
            s.limit = (s.limit + 1.0 / s.limit.max(1.0)).min(MOST);
        } else if s.halved.is_none_or(|t| t.elapsed() > Duration::from_secs(1)) {
            s.limit = (s.limit / 2.0).max(1.0);
            s.halved = Some(Instant::now());
        }
    }
}

/// A request under way.
pub struct Slot(Arc<Limiter>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().active -= 1;
        self.0.turn.notify_one();
    }
}

/// An HTTP client whose requests take their turn.
#[derive(Clone, Debug)]
pub struct Gated {
    inner: SharedHttpClient,
    limiter: Arc<Limiter>,
}

impl Gated {
    /// Wraps a client.
    pub fn new(inner: SharedHttpClient, limiter: Arc<Limiter>) -> Gated {
        Gated { inner, limiter }
    }
}

impl HttpClient for Gated {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(GatedConnector { inner, limiter: self.limiter.clone() })
    }
}

#[derive(Debug)]
struct GatedConnector {
    inner: SharedHttpConnector,
    limiter: Arc<Limiter>,
}

impl HttpConnector for GatedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, limiter) = (self.inner.clone(), self.limiter.clone());
        HttpConnectorFuture::new(async move {
            let _slot = limiter.slot().await;
            // Signed and about to leave: the last moment to ask.
            if let Err(why) = stackctl_core::sending::check() {
                return Err(ConnectorError::user(format!("{NOT_SENT}: {why}").into()));
            }
            inner.call(request).await
        })
    }
}

/// Decides about retries after the SDK's own classifiers.
#[derive(Debug)]
pub struct Retries(pub Arc<Limiter>);

impl ClassifyRetry for Retries {
    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        RetryAction::NoActionIndicated
    }
    fn classify_retry_v2(&self, ctx: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let throttled = match previous {
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind, .. }) => {
                *kind == ErrorKind::ThrottlingError
            }
            _ => false,
        };
        if throttled {
            self.0.answered(true);
        }
        let page = ctx.response().is_some_and(super::errors::is_page);
        let certain = || throttled || refused(ctx) || unsent(ctx);
        let blind = UNREPEATABLE.try_with(|()| ()).is_ok() && previous.should_retry() && !certain();
        if page || blind { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }
    fn name(&self) -> &'static str {
        "stackctl"
    }
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// True if the service says that it did nothing: a refusal, or its throttling 503.
fn refused(ctx: &InterceptorContext) -> bool {
    ctx.response().is_some_and(|r| {
        let says = |t: &[u8]| r.body().bytes().is_some_and(|b| b.windows(t.len()).any(|w| w == t));
        super::errors::is_refusal(r.status().as_u16())
            || says(b"RequestLimitExceeded")
            || says(b"SlowDown")
            || says(b"Throttl")
    })
}

/// True if there was no connection to send it on.
fn unsent(ctx: &InterceptorContext) -> bool {
    let failed = ctx.output_or_error().and_then(Result::err).and_then(|e| e.as_connector_error());
    failed.is_some_and(|e| super::errors::never_left(e))
}

/// Traces calls: service, operation, status. Never bodies, which hold secrets. Good answers raise the limit.
#[derive(Debug)]
pub struct Trace(pub Arc<Limiter>);

#[dyn_dispatch_hint]
impl Intercept for Trace {
    fn name(&self) -> &'static str {
        "stackctl trace"
    }
    fn read_after_transmit(
        &self,
        ctx: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        // Classifiers see failures only.
        if ctx.response().status().is_success() {
            self.0.answered(false);
        }
        let (service, operation) = cfg.load::<Metadata>().map_or(("", ""), |m| (m.service(), m.name()));
        tracing::debug!(target: "stackctl_aws::calls", service, operation, status = ctx.response().status().as_u16());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn throttling_halves_once_and_recovers() {
        let l = Arc::new(Limiter::new());
        l.answered(true);
        l.answered(true);
        assert!((l.state().limit - START / 2.0).abs() < 0.01);
        for _ in 0..200 {
            l.answered(false);
        }
        assert!(l.state().limit > START);
    }

    #[tokio::test]
    async fn slots_are_bounded_and_given_back() {
        let l = Arc::new(Limiter::new());
        let held: Vec<_> = futures::future::join_all((0..START as usize).map(|_| l.slot())).await;
        assert!(tokio::time::timeout(Duration::from_millis(20), l.slot()).await.is_err());
        drop(held);
        assert!(tokio::time::timeout(Duration::from_millis(200), l.slot()).await.is_ok());
    }
}
