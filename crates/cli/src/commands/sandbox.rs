//! `sandbox start|stop|status|reset`

use stackctl_core::Diagnostic;
use stackctl_sandbox::Sandbox;

use super::Context;
use crate::cli::SandboxSub;
use crate::{Exit, Outcome};

/// The emulators that `--sandbox` uses.
pub(crate) async fn run(cx: Context, command: SandboxSub) -> Outcome {
    let failed = |e: stackctl_sandbox::Error| vec![Diagnostic::error("The sandbox failed", e.to_string())];
    let dir = Sandbox::run_dir().map_err(failed)?;
    match command {
        SandboxSub::Start => {
            let sandbox = Sandbox::attach_or_start(&dir).await.map_err(failed)?;
            cx.term.line(&format!("The sandbox runs at {}.", sandbox.control().endpoint()));
        }
        SandboxSub::Stop => match Sandbox::stop_kept(&dir).await.map_err(failed)? {
            true => cx.term.line("The sandbox is stopped; its world is gone."),
            false => cx.term.line("The sandbox was not running."),
        },
        SandboxSub::Status => match Sandbox::kept(&dir).await {
            None => {
                cx.term.line("The sandbox is not running.");
                return Ok(Exit::Code(1));
            }
            Some(control) => {
                cx.term.line(&format!("The sandbox runs at {}. To use it with other programs:", control.endpoint()));
                for (k, v) in control.env() {
                    cx.term.line(&format!("  export {k}={v}"));
                }
                let (ours, theirs) = (Sandbox::version(), Sandbox::kept_version(&dir).await.unwrap_or_default());
                cx.term.line(&match theirs == ours {
                    true => format!("Its server has version {ours}, as this program's."),
                    false => format!(
                        "Its server has version {}, this program brings {ours}: `sandbox start` replaces it while its world \
                         is empty, `sandbox stop` ends it with its world.",
                        if theirs.is_empty() { "(unknown)" } else { &theirs }
                    ),
                });
            }
        },
        SandboxSub::Reset => match Sandbox::kept(&dir).await {
            None => cx.term.line("The sandbox is not running."),
            Some(control) => {
                control.reset().await.map_err(failed)?;
                cx.term.line("The sandbox's world is empty.");
            }
        },
    }
    Ok(Exit::Done)
}
