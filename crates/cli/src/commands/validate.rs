//! `validate`: the configuration without asking AWS.

use serde_json::json;
use stackctl_core::{Diagnostic, Severity};
use stackctl_engine::plan::validate;

use super::Context;
use crate::cli::Validate;
use crate::json::diag::diagnostic;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Checks the configuration.
pub(crate) async fn run(mut cx: Context, args: Validate) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let diags: Vec<Diagnostic> = match Stack::offline(&cx, Loading::default()) {
        Ok(stack) => {
            let mut diags = stack.warnings.clone();
            diags.extend(validate(&stack.settings(&cx), &stack.providers));
            diags
        }
        Err(diags) => diags,
    };
    let count = |s: Severity| diags.iter().filter(|d| d.severity == s).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if args.json {
        let all: Vec<serde_json::Value> = diags.iter().map(|d| diagnostic(d, &super::source)).collect();
        let out = json!({
            "format_version": "1.0",
            "valid": errors == 0,
            "error_count": errors,
            "warning_count": warnings,
            "diagnostics": all,
        });
        cx.term.line(&serde_json::to_string_pretty(&out).unwrap_or_default());
    } else {
        cx.show(&diags, &super::source);
        if errors == 0 {
            let with = if warnings > 0 { ", but there were some warnings" } else { "" };
            cx.term.line(&format!("Success! The configuration is valid{with}."));
        }
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Code(1) })
}
