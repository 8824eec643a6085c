//! Parses a file again and again and prints what that costs: `cargo xtask bench language` runs it.
//!
//! `parse FILE [TIMES]`. The time is what the kernel counts for this process, in user and in system mode, so that memory
//! touched for the first time is part of it; reading the file is not.

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;

use stackctl_hcl::{FileId, parse_body};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seconds of CPU that this process has used, from Linux's `/proc/self/schedstat`.
fn cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (file, times) = (args.next(), args.next().map_or(Some(5), |n| n.parse::<u32>().ok()));
    let (Some(text), Some(times)) = (file.and_then(|f| std::fs::read_to_string(f).ok()), times) else {
        let _ = writeln!(std::io::stderr(), "usage: parse FILE [TIMES]");
        return ExitCode::FAILURE;
    };
    let (mut best, mut nodes) = (f64::INFINITY, 0);
    for _ in 0..times {
        let Some(start) = cpu() else { return ExitCode::FAILURE };
        let (body, errors) = black_box(parse_body(black_box(&text), FileId::default()));
        let Some(end) = cpu() else { return ExitCode::FAILURE };
        nodes = body.items.len() + errors.len();
        drop(body);
        best = best.min(end - start);
    }
    let bytes = text.len();
    let _ = writeln!(std::io::stdout(), "{{\"bytes\":{bytes},\"items\":{nodes},\"seconds\":{best}}}");
    ExitCode::SUCCESS
}
