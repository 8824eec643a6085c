//! Habits of this repository as code: generated documents, house rules, and the comparisons and crash runs that are too
//! long for a test. It runs the binary and depends on none of our crates.
//!
//! A task is a file in [`tasks`]; stacks, programs and worlds that several of them use are in [`lab`].

mod host;
mod lab;
mod tasks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "xtask")]
struct Xtask {
    #[command(flatten)]
    host: host::Where,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write docs/resources and docs/cli.md from the binary.
    Docs(tasks::docs::Args),
    /// Check the house rules.
    Tidy,
    /// Ask a binary what the language says, and compare with known answers.
    Conformance(tasks::conformance::Args),
    /// Compare with Terraform: apply with one, plan with the other.
    Interop(tasks::interop::Args),
    /// Kill the product at every request and look whether anything is lost.
    Crash(tasks::crash::Args),
    /// Measure.
    Bench(tasks::bench::Args),
}

fn main() -> ExitCode {
    let xtask = Xtask::parse();
    let result = match xtask.task {
        Task::Docs(args) => tasks::docs::run(&xtask.host, &args),
        Task::Tidy => tasks::tidy::run(),
        Task::Conformance(args) => tasks::conformance::run(&args),
        Task::Interop(args) => tasks::interop::run(&xtask.host, &args),
        Task::Crash(args) => tasks::crash::run(&xtask.host, &args),
        Task::Bench(args) => tasks::bench::run(&xtask.host, &args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tell(&format!("xtask: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// A line of progress or of trouble.
#[expect(clippy::print_stderr, reason = "a task talks to whoever started it")]
fn tell(line: &str) {
    eprintln!("{line}");
}

/// A line of a report.
#[expect(clippy::print_stdout, reason = "a task's report is its output")]
fn say(line: &str) {
    println!("{line}");
}
