//! `version`

use serde_json::json;
use stackctl_state::TERRAFORM_VERSION;

use super::Context;
use crate::cli::Version;
use crate::{Exit, Outcome};

/// Shows our version and that of the language that we speak.
pub(crate) fn run(cx: Context, args: Version) -> Outcome {
    let ours = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        a => a,
    };
    if args.json {
        let out = json!({
            "terraform_version": TERRAFORM_VERSION,
            "platform": format!("{os}_{arch}"),
            "provider_selections": {},
            "terraform_outdated": false,
            "stackctl_version": ours,
        });
        cx.term.line(&serde_json::to_string_pretty(&out).unwrap_or_default());
    } else {
        cx.term.line(&format!("stackctl v{ours} (language of Terraform v{TERRAFORM_VERSION})\non {os}_{arch}"));
    }
    Ok(Exit::Done)
}
