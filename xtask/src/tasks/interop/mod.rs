//! `interop`: whether stackctl and Terraform agree about the same stack. Each lives a whole life of it (apply, two kinds
//! of changes, destroy) in a world of its own; after every step both plan, and the requests of every step are compared.
//!
//! Terraform and its AWS provider are used where they are at hand and nowhere else in this repository. A life is in
//! [`life`], the spelling of a request in [`line`], what is known to differ in [`asides`], the document in [`page`].

mod asides;
mod builtin;
mod life;
mod line;
mod page;

use std::path::{Path, PathBuf};

use self::life::Life;
use super::crash::stack_dir;
use crate::host::{Empty, Where};
use crate::lab::{Result, Tool, World};
use crate::say;

/// The stacks that are compared where none is named.
const STACKS: [&str; 3] = ["six", "wide", "stacks/muejam"];

/// `interop`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// `requests` compares the creating and updating requests alone.
    #[arg(value_parser = ["requests"])]
    what: Option<String>,
    /// Directory of a stack, or its name below tests/stacks. May be repeated.
    #[arg(long, value_name = "DIR")]
    stack: Vec<String>,
    /// Write docs/design/interop.md too.
    #[arg(long)]
    write: bool,
    /// Keep Terraform's half of the comparison in this directory, or take it from there: it takes minutes and changes
    /// only with the stacks.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Both lives of a stack.
struct Pair {
    name: String,
    ours: Life,
    theirs: Life,
}

/// Compares, and fails where a difference is neither Terraform's own nor explained.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let terraform = host.terraform().ok_or("there is no terraform on PATH; name one with --terraform")?;
    let empty = Empty::new(&stackctl)?;
    let names: Vec<String> =
        if args.stack.is_empty() { STACKS.iter().map(|s| (*s).to_owned()).collect() } else { args.stack.clone() };
    let plans = args.what.is_none();
    let mut pairs = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let mut running = Vec::new();
        for name in names {
            let dir = stack_dir(&name)?;
            let short = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (ours, theirs) = ((&stackctl, &terraform, dir.clone()), (&terraform, &stackctl, dir));
            let kept = args.keep.as_ref().map(|k| k.join(format!("{short}.json")));
            running.push((
                short,
                scope.spawn(move || lived(ours.0, ours.1, &ours.2, empty.world, plans, None)),
                scope.spawn(move || lived(theirs.0, theirs.1, &theirs.2, empty.world, plans, kept.as_deref())),
            ));
        }
        for (name, ours, theirs) in running {
            let ended =
                |l: std::thread::ScopedJoinHandle<'_, Result<Life>>| l.join().map_err(|_| "a thread panicked")?;
            pairs.push(Pair { name, ours: ended(ours)?, theirs: ended(theirs)? });
        }
        Ok(())
    })?;
    if args.keep.is_some() {
        // Kept worlds are copies of this one.
        std::mem::forget(empty);
    }
    let mut wrong = 0;
    for pair in &pairs {
        if plans {
            wrong += both_ways(pair);
        }
        wrong += requests(pair);
    }
    if plans {
        let (small, changed) = builtin::read_back(&stackctl)?;
        say(&small);
        wrong += changed;
        if args.write {
            page::write(&pairs, &small)?;
        }
    }
    if wrong == 0 { Ok(()) } else { Err(format!("{wrong} differences")) }
}

/// A life, or the one that was kept.
fn lived(tool: &Tool, other: &Tool, dir: &Path, empty: World, plans: bool, kept: Option<&Path>) -> Result<Life> {
    if let Some(life) = kept.and_then(Life::load) {
        return if plans { life.planned_again(tool, other, dir) } else { Ok(life) };
    }
    Life::live(tool, other, dir, empty, plans, kept)
}

fn both_ways(pair: &Pair) -> usize {
    let mut wrong = 0;
    for (ours, theirs) in pair.ours.steps.iter().zip(&pair.theirs.steps) {
        for (title, found) in [
            ("stackctl applies, terraform plans", &ours.other),
            ("stackctl applies, terraform plans from S3", &ours.other_s3),
            ("terraform applies, stackctl plans", &theirs.other),
            ("terraform applies, stackctl plans from S3", &theirs.other_s3),
            ("stackctl applies and plans", &ours.own),
        ] {
            let Some(found) = found else { continue };
            let own = theirs.own.as_ref();
            say(&format!(
                "{} {}: {title}: {} of {} objects differ",
                pair.name,
                ours.name,
                found.changes.len(),
                found.objects
            ));
            for (at, what) in &found.changes {
                let known = own.is_some_and(|own| own.changes.get(at) == Some(what));
                wrong += usize::from(!known);
                say(&format!("    {at}: {what}{}", if known { " (terraform's own difference)" } else { "" }));
            }
        }
    }
    wrong
}

/// The requests of each step; the number of differences that nothing explains.
fn requests(pair: &Pair) -> usize {
    let mut wrong = 0;
    for (ours, theirs) in pair.ours.steps.iter().zip(&pair.theirs.steps) {
        let (a, b) = (ours.lines(), theirs.lines());
        let judged = asides::judge(&a, &b);
        let explained: i64 = judged.explained.values().map(|(o, t)| o + t).sum();
        say(&format!(
            "{} {}: {} changing requests, terraform's {}; {explained} explained differences, {} others",
            pair.name,
            ours.name,
            a.len(),
            b.len(),
            judged.others.len()
        ));
        for (line, n) in &judged.others {
            wrong += 1;
            say(&format!("    {} {}  {line}", if *n > 0 { "only stackctl" } else { "only terraform" }, n.abs()));
        }
    }
    wrong
}
