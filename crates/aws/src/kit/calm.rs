//! What is under way with a provider instance. A question that many ask one after the other, as workers of an apply do, waits
//! until nobody is about to ask it too, so that one request answers them all: how few requests a run needs must not depend on
//! how evenly a service answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Longest wait for others: short beside any create, long beside the differences between the answers of two.
const PATIENCE: Duration = Duration::from_millis(100);

/// Calls under way, by type.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    calls: Mutex<HashMap<String, usize>>,
    less: Notify,
}

impl Traffic {
    /// Notes that a call of a type begins; it ends when the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>, ty: &str) -> Call {
        *self.calls().entry(ty.to_owned()).or_default() += 1;
        Call { of: self.clone(), ty: ty.to_owned() }
    }

    /// Waits until no call of this type (of any, without one) is under way, for a tenth of a second at most.
    pub(super) async fn calm(&self, ty: Option<&str>) {
        let until = Instant::now() + PATIENCE;
        loop {
            let less = self.less.notified();
            tokio::pin!(less);
            less.as_mut().enable();
            let busy = match ty {
                Some(ty) => self.calls().contains_key(ty),
                None => !self.calls().is_empty(),
            };
            if !busy || timeout_at(until, less).await.is_err() {
                return;
            }
        }
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    of: Arc<Traffic>,
    ty: String,
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = self.of.calls();
        if let Some(n) = calls.get_mut(&self.ty) {
            *n -= 1;
            if *n == 0 {
                calls.remove(&self.ty);
            }
        }
        drop(calls);
        self.of.less.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_for_its_own_kind_and_not_for_ever() {
        let traffic = Arc::new(Traffic::default());
        let start = Instant::now();
        let (first, _other) = (traffic.begin("a"), traffic.begin("b"));
        let ends = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(first);
        };
        tokio::join!(traffic.calm(Some("a")), ends);
        assert_eq!(start.elapsed(), Duration::from_millis(30));
        traffic.calm(Some("c")).await;
        assert_eq!(start.elapsed(), Duration::from_millis(30));
        traffic.calm(None).await;
        assert_eq!(start.elapsed(), Duration::from_millis(130));
    }
}
