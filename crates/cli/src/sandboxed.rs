//! `--sandbox`: the same command once more, against local emulators.
//!
//! The process replaces itself with the emulators' endpoints and keys in its environment, so that every client of it,
//! the state backend included, finds them where it finds AWS otherwise.

use std::convert::Infallible;
use std::os::unix::process::CommandExt as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stackctl_core::{BoxFuture, Clock, Diagnostic};
use stackctl_sandbox::{Control, Sandbox, SandboxClock};

use crate::render::term::Term;

/// Names the control port in the environment of a sandboxed process.
pub(crate) const VARIABLE: &str = "STACKCTL_SANDBOX";

/// Starts the emulators where needed, and this program again.
pub(crate) async fn reexec(argv: &[String], term: &Term) -> Result<Infallible, Box<Diagnostic>> {
    let failed =
        |e: stackctl_sandbox::Error| Box::new(Diagnostic::error("The sandbox cannot be started", e.to_string()));
    let dir = Sandbox::run_dir().map_err(failed)?;
    if Sandbox::kept(&dir).await.is_none() {
        term.error_line("Starting the sandbox (the first time installs the emulators)...");
    }
    let sandbox = Sandbox::attach_or_start(&dir).await.map_err(failed)?;
    let control = sandbox.control();
    let program = std::env::current_exe()
        .map_err(|e| Box::new(Diagnostic::error("The sandbox cannot be used", e.to_string())))?;
    let mut command = std::process::Command::new(program);
    command.args(argv.iter().skip(1).filter(|a| !matches!(a.as_str(), "--sandbox" | "-sandbox")));
    // Settings that would lead out of the sandbox.
    for name in
        ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
    {
        command.env_remove(name);
    }
    command.envs(control.env()).env(VARIABLE, control.port().to_string());
    let e = command.exec();
    Err(Box::new(Diagnostic::error("The sandbox cannot be used", e.to_string())))
}

/// The sandbox's clock, for a process that runs in one.
pub(crate) fn clock(port: &str) -> Option<Arc<dyn Clock>> {
    let control = Control::at(port.parse().ok()?);
    Some(Arc::new(Sandboxed(Arc::new(SandboxClock::new(control)))))
}

struct Sandboxed(Arc<SandboxClock>);

impl Clock for Sandboxed {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond((self.0.now() * 1e6) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
    }
    fn boot(&self) -> Duration {
        Duration::try_from_secs_f64(self.0.now()).unwrap_or_default()
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.0);
        Box::pin(async move {
            // Without the sandbox there is nothing left to wait for; the next request says so.
            if clock.sleep(d).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }
    fn sleep_passively(&self, d: Duration) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.0);
        Box::pin(async move {
            if clock.sleep_passively(d).await.is_err() {
                tokio::time::sleep(d.min(Duration::from_secs(1))).await;
            }
        })
    }
}
