//! docs/design/interop.md: what the comparison found, as tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::life::Plans;
use super::{Pair, asides};
use crate::host::root;
use crate::lab::Result;
use crate::tell;

const HEAD: &str = "# Interop\n\n\
    What `cargo xtask interop --write` found; it writes this page. stackctl and Terraform 1.11.4 with AWS provider 5.100 \
    each live a whole life of the same stacks in worlds of the sandbox: apply, two changes of many arguments, destroy. After \
    every step both plan on the state that one of them wrote, from a local file and (after the first apply) from S3; and the \
    creating, updating and deleting requests of every step are compared.\n\n";

/// What one direction found for a type.
#[derive(Default)]
struct Tally {
    plans: usize,
    differ: usize,
    own: usize,
}

impl Tally {
    fn cell(&self) -> String {
        match (self.plans, self.differ, self.own) {
            (0, ..) => "-".to_owned(),
            (n, 0, 0) => format!("{n} of {n} quiet"),
            (n, 0, own) => format!("{} of {n} quiet, {own} Terraform's own", n - own),
            (n, d, own) => format!("**{d} of {n} differ**, {own} Terraform's own"),
        }
    }
}

/// Writes the document.
pub(super) fn write(pairs: &[Pair], small: &str) -> Result<()> {
    let mut out = HEAD.to_owned();
    out.push_str("## Plans on each other's state\n\nOne plan of one object counts one; quiet means no change.\n\n");
    out.push_str("| type | stackctl applies, Terraform plans | Terraform applies, stackctl plans |\n|---|---|---|\n");
    let mut types: BTreeMap<String, [Tally; 2]> = BTreeMap::new();
    let mut owns: BTreeMap<String, String> = BTreeMap::new();
    for pair in pairs {
        for (ours, theirs) in pair.ours.steps.iter().zip(&pair.theirs.steps) {
            let own = theirs.own.as_ref();
            for (i, plans) in [(0, &ours.other), (0, &ours.other_s3), (1, &theirs.other), (1, &theirs.other_s3)] {
                if let Some(plans) = plans {
                    tally(&mut types, i, plans, own);
                }
            }
            for (at, what) in own.iter().flat_map(|p| &p.changes).filter(|(at, _)| !at.starts_with("output.")) {
                owns.insert(format!("{} {} `{at}`", pair.name, ours.name), what.clone());
            }
        }
    }
    for (ty, [a, b]) in &types {
        let _ = writeln!(out, "| `{ty}` | {} | {} |", a.cell(), b.cell());
    }
    let _ = writeln!(out, "\n{small}\n");
    if !owns.is_empty() {
        out.push_str("Terraform itself plans these changes on a state of its own:\n\n");
        owns.iter().for_each(|(at, what)| {
            let _ = writeln!(out, "- {at}: {what}");
        });
        out.push('\n');
    }
    requests(&mut out, pairs);
    let file = root().join("docs/design/interop.md");
    std::fs::write(&file, out).map_err(|e| format!("{}: {e}", file.display()))?;
    tell(&format!("wrote {}", file.display()));
    Ok(())
}

fn tally(types: &mut BTreeMap<String, [Tally; 2]>, side: usize, plans: &Plans, own: Option<&Plans>) {
    for (ty, n) in &plans.types {
        types.entry(ty.clone()).or_default()[side].plans += n;
    }
    for (at, what) in plans.changes.iter().filter(|(at, _)| !at.starts_with("output.")) {
        let known = own.is_some_and(|own| own.changes.get(at) == Some(what));
        let tally = &mut types.entry(type_of(at).to_owned()).or_default()[side];
        *if known { &mut tally.own } else { &mut tally.differ } += 1;
    }
}

/// The type in an address such as `module.a["x.y"].aws_vpc.main[0]`.
fn type_of(address: &str) -> &str {
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let mut quoted = false;
        let end = after.find(|c| {
            quoted ^= c == '"';
            c == '.' && !quoted
        });
        rest = end.map_or("", |i| &after[i + 1..]);
    }
    rest.split('.').next().unwrap_or(rest)
}

fn requests(out: &mut String, pairs: &[Pair]) {
    out.push_str("## Requests that change something\n\n");
    out.push_str("The tag `stackctl:id` and its removal aside. *Explained* are the differences of the list below.\n\n");
    out.push_str(
        "| stack | step | stackctl | Terraform | explained | other differences |\n|---|---|---|---|---|---|\n",
    );
    let mut reasons: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for pair in pairs {
        for (ours, theirs) in pair.ours.steps.iter().zip(&pair.theirs.steps) {
            let (a, b) = (ours.lines(), theirs.lines());
            let judged = asides::judge(&a, &b);
            let explained: i64 = judged.explained.values().map(|(o, t)| o + t).sum();
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {explained} | {} |",
                pair.name,
                ours.name,
                a.len(),
                b.len(),
                judged.others.len()
            );
            for (reason, (o, t)) in judged.explained {
                let sum = reasons.entry(reason).or_default();
                *sum = (sum.0 + o, sum.1 + t);
            }
        }
    }
    out.push_str("\n| only stackctl | only Terraform | why |\n|---|---|---|\n");
    for (reason, (o, t)) in reasons {
        let _ = writeln!(out, "| {o} | {t} | {reason} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_addresses() {
        for (address, want) in [
            ("aws_vpc.main", "aws_vpc"),
            ("module.a.aws_subnet.x[\"a.b\"]", "aws_subnet"),
            ("module.a[\"x.y\"].module.b.aws_eip.nat[0]", "aws_eip"),
        ] {
            assert_eq!(type_of(address), want);
        }
    }
}
