//! The sandbox's clock for the product: `now` and a sleep that costs no real time.
//!
//! The server keeps the sleepers of all processes. A sleep by [`SandboxClock::sleep`] drives: while one exists, no AWS
//! request is under way and none was for ten milliseconds, the clock jumps to the earliest deadline of all sleepers,
//! and those that are due wake. Several tasks that sleep at once therefore wake in the order of their deadlines.
//! A task that merely keeps something alive beside real work (a lease) uses [`SandboxClock::sleep_passively`]: it is
//! woken on time, but never makes the clock jump on its own account.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Control, Error, http};

/// How long an offset is believed without asking again.
const FRESH: Duration = Duration::from_millis(20);

/// A client of the clock. Share one per process.
#[derive(Debug)]
pub struct SandboxClock {
    port: u16,
    known: Mutex<Option<(Instant, f64)>>,
}

#[derive(Deserialize)]
struct Reading {
    offset: f64,
}

impl SandboxClock {
    /// The clock of the sandbox at `control`.
    pub fn new(control: Control) -> Self {
        Self { port: control.port, known: Mutex::new(None) }
    }

    /// Seconds that the sandbox is ahead of real time; add it to any real clock. Asks the server at most every twenty
    /// milliseconds, blocking for well under one; keeps the last answer where the server is gone.
    pub fn offset(&self) -> Duration {
        let last = self.known.lock().ok().and_then(|k| *k);
        if let Some((at, offset)) = last
            && at.elapsed() < FRESH
        {
            return Duration::from_secs_f64(offset);
        }
        match http::call_blocking(self.port, "GET", "/_sandbox/clock", None) {
            Ok(answer) => self.learn(answer),
            Err(_) => Duration::from_secs_f64(last.map_or(0.0, |(_, offset)| offset)),
        }
    }

    /// Unix seconds.
    pub fn now(&self) -> f64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (real + self.offset()).as_secs_f64()
    }

    /// Ends when `d` of the sandbox's clock has passed, and makes it pass.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the server is gone.
    pub async fn sleep(&self, d: Duration) -> Result<(), Error> {
        self.wait(d, false).await
    }

    /// Ends when `d` of the sandbox's clock has passed, however it passes.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the server is gone.
    pub async fn sleep_passively(&self, d: Duration) -> Result<(), Error> {
        self.wait(d, true).await
    }

    async fn wait(&self, d: Duration, passive: bool) -> Result<(), Error> {
        let body = json!({"seconds": d.as_secs_f64(), "passive": passive});
        self.learn(http::call(self.port, "POST", "/_sandbox/sleep", Some(&body)).await?);
        Ok(())
    }

    fn learn(&self, answer: Value) -> Duration {
        let offset = Reading::deserialize(&answer).map_or(0.0, |r| r.offset).max(0.0);
        if let Ok(mut known) = self.known.lock() {
            *known = Some((Instant::now(), offset));
        }
        Duration::from_secs_f64(offset)
    }
}
