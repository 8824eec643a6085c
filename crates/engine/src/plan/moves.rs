//! Changes of addresses: `moved` blocks of all modules, and the moves that adding or removing `count` implies.
//!
//! Moves are applied to the state before anything is planned. An object whose new address is taken stays where it is,
//! with a warning. Start at [`apply`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stackctl_core::{Diagnostic, Diagnostics, InstanceAddr, InstanceKey, Mode, ModuleAddr, ResourceAddr, SourceRange};
use stackctl_lang::config::{Endpoint, Repeat, ResourceKey};
use stackctl_state::State;

use super::model::Move;
use crate::eval::Graph;

/// A `moved` block.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Module of the configuration that the block stands in; it holds for each of its instances.
    pub module: ModuleAddr,
    /// Old place.
    pub from: Endpoint,
    /// New place.
    pub to: Endpoint,
    /// The block.
    pub range: Option<SourceRange>,
}

/// What became of the state.
#[derive(Debug)]
pub struct Moved {
    /// The state under its new addresses.
    pub state: State,
    /// What moved, in an order in which each new address is free.
    pub moves: Vec<Move>,
    /// Addresses that a block moved objects to.
    pub targets: BTreeSet<InstanceAddr>,
    /// The blocks.
    pub statements: Vec<Statement>,
}

/// Applies `statements`, then implied moves.
pub fn apply(statements: &[Statement], graph: &Graph, state: &State) -> (Moved, Diagnostics) {
    let mut diags = Vec::new();
    check(statements, &mut diags);
    let mut final_of: BTreeMap<InstanceAddr, (InstanceAddr, usize)> = BTreeMap::new();
    if !statements.is_empty() {
        for (resource, key, _) in state.instances() {
            let addr = resource.instance(key.clone());
            let (to, steps) = follow(statements, &addr);
            if steps > 0 && to != addr {
                if to.resource.ty != addr.resource.ty {
                    let (from_ty, to_ty) = (&addr.resource.ty, &to.resource.ty);
                    let detail = format!(
                        "{addr} cannot move to {to}: an object of type {from_ty} cannot become one of type {to_ty}."
                    );
                    let hint = "Use a \"removed\" block for the old address and an \"import\" block for the new one.";
                    diags.push(Diagnostic::error("Resource type mismatch", detail).of(&addr).hinted(hint));
                    continue;
                }
                final_of.insert(addr, (to, steps));
            }
        }
    }
    // The shorter the way, the more recent the address: it keeps its place where two arrive at the same.
    let mut wanted: Vec<(InstanceAddr, InstanceAddr, usize)> =
        final_of.into_iter().map(|(from, (to, steps))| (from, to, steps)).collect();
    wanted.sort_by_key(|(_, _, steps)| *steps);
    let mut out =
        Moved { state: state.clone(), moves: Vec::new(), targets: BTreeSet::new(), statements: statements.to_vec() };
    loop {
        let before = wanted.len();
        wanted.retain(|(from, to, _)| {
            if out.state.instance(to).is_some() {
                return true;
            }
            out.state.rename(from, to);
            out.targets.insert(to.clone());
            out.moves.push(Move { from: from.clone(), to: to.clone() });
            false
        });
        if wanted.len() == before {
            break;
        }
    }
    for (from, to, _) in &wanted {
        diags.push(
            Diagnostic::warning(
                "Unresolved resource instance address changes",
                format!("{from} cannot move to {to}, because another object is there. It stays where it is."),
            )
            .of(from),
        );
    }
    implied(statements, graph, &mut out);
    (out, diags)
}

fn check(statements: &[Statement], diags: &mut Diagnostics) {
    let mut seen: HashMap<String, &Statement> = HashMap::new();
    let mut arrived: HashMap<String, &Statement> = HashMap::new();
    let leads: HashMap<_, _> = statements.iter().map(|s| ((&s.module, shown(&s.from)), &s.to)).collect();
    for s in statements {
        let from = format!("{}:{}", s.module, shown(&s.from));
        let mut error = |summary: &str, detail: String| {
            let mut d = Diagnostic::error(summary, detail);
            d.range.clone_from(&s.range);
            diags.push(d);
        };
        match (&s.from.resource, &s.to.resource) {
            (Some(a), Some(b)) if a.mode != b.mode => {
                error("Invalid \"moved\" endpoints", "Both must be managed resources, or both data sources.".into());
            }
            (None, Some(_)) | (Some(_), None) => {
                error("Invalid \"moved\" addresses", "Both must be resources, or both modules.".into());
            }
            _ if shown(&s.from) == shown(&s.to) => {
                error("Redundant move statement", "Old and new address are the same.".into())
            }
            _ => {}
        }
        let to = format!("{}:{}", s.module, shown(&s.to));
        if let Some(other) = arrived.insert(to, s)
            && shown(&other.from) != shown(&s.from)
        {
            error(
                "Ambiguous move statements",
                format!("Two objects move to {}: {} and {}.", shown(&s.to), shown(&other.from), shown(&s.from)),
            );
        }
        if shown(&s.from) != shown(&s.to) && circle(&leads, s) {
            error(
                "Cyclic dependency in move statements",
                format!("The moves that begin at {} come back to it: there is no final address.", shown(&s.from)),
            );
        }
        if let Some(other) = seen.insert(from, s)
            && shown(&other.to) != shown(&s.to)
        {
            error(
                "Ambiguous move statements",
                format!("{} moves to two places: {} and {}.", shown(&s.from), shown(&other.to), shown(&s.to)),
            );
        }
    }
}

/// True if statements of the same module lead from the new address of `first` back to its old one.
fn circle(leads: &HashMap<(&ModuleAddr, String), &Endpoint>, first: &Statement) -> bool {
    let (start, mut at) = (shown(&first.from), shown(&first.to));
    // A circle is no longer than there are statements; one that `first` is not in never comes back.
    for _ in leads {
        if at == start {
            return true;
        }
        let Some(to) = leads.get(&(&first.module, at)) else { return false };
        at = shown(to);
    }
    false
}

fn shown(e: &Endpoint) -> String {
    let mut out = e.module.to_string();
    if let Some(ResourceKey { mode, ty, name }) = &e.resource {
        let r = ResourceAddr { module: e.module.clone(), mode: *mode, ty: ty.clone(), name: name.clone() };
        out = r.instance(e.key.clone()).to_string();
    }
    out
}

/// Follows blocks from an address until none applies; returns where it ends and after how many steps.
fn follow(statements: &[Statement], addr: &InstanceAddr) -> (InstanceAddr, usize) {
    let (mut at, mut steps) = (addr.clone(), 0);
    let mut seen = BTreeSet::from([addr.clone()]);
    while let Some(next) = statements.iter().find_map(|s| step(s, &at)) {
        if !seen.insert(next.clone()) {
            // A circle of blocks moves nothing.
            return (addr.clone(), 0);
        }
        at = next;
        steps += 1;
    }
    (at, steps)
}

/// Errors for blocks whose old address is still wanted: the object there would be made anew by each plan. `wanted` are the
/// instances that the configuration has now.
pub fn still_there<'a>(
    statements: &[Statement],
    wanted: impl Iterator<Item = &'a InstanceAddr> + Clone,
) -> Vec<Diagnostic> {
    let mut diags = Vec::new();
    for s in statements.iter().filter(|s| shown(&s.from) != shown(&s.to)) {
        let Some((addr, to)) = wanted.clone().find_map(|a| Some((a, step(s, a)?))) else { continue };
        let mut d = Diagnostic::error(
            "Moved object still exists",
            format!("A \"moved\" block says that {addr} is now {to}, but the configuration still has {addr}."),
        )
        .hinted(format!("Rename the block to {}, or remove the \"moved\" block.", shown(&s.to)));
        d.range.clone_from(&s.range);
        diags.push(d);
    }
    diags
}

/// Where a block moves an address; `None` if it does not concern it.
fn step(s: &Statement, addr: &InstanceAddr) -> Option<InstanceAddr> {
    let module = &addr.resource.module.0;
    let depth = s.module.0.len();
    let (outer, inner) = module.split_at_checked(depth)?;
    if !outer.iter().zip(&s.module.0).all(|(a, b)| a.name == b.name) {
        return None;
    }
    let mut new = addr.clone();
    let mut place = outer.to_vec();
    match (&s.from.resource, &s.to.resource) {
        (Some(from), Some(to)) => {
            let r = &addr.resource;
            if inner != s.from.module.0 || (r.mode, &r.ty, &r.name) != (from.mode, &from.ty, &from.name) {
                return None;
            }
            // Without keys on either side the whole resource moves.
            if s.from.key.is_some() || s.to.key.is_some() {
                if addr.key != s.from.key {
                    return None;
                }
                new.key.clone_from(&s.to.key);
            }
            place.extend(s.to.module.0.iter().cloned());
            (new.resource.ty, new.resource.name) = (to.ty.clone(), to.name.clone());
        }
        (None, None) => {
            let from = &s.from.module.0;
            let (head, rest) = inner.split_at_checked(from.len())?;
            let (last, before) = (head.last()?, &head[..head.len() - 1]);
            let from_last = from.last()?;
            let mut to = s.to.module.0.clone();
            let to_last = to.last_mut()?;
            if before != &from[..from.len() - 1] || last.name != from_last.name {
                return None;
            }
            if from_last.key.is_some() || to_last.key.is_some() {
                if last.key != from_last.key {
                    return None;
                }
            } else {
                to_last.key.clone_from(&last.key);
            }
            place.extend(to);
            place.extend(rest.iter().cloned());
        }
        _ => return None,
    }
    new.resource.module = ModuleAddr(place);
    Some(new)
}

/// `r` becomes `r[0]` where `count` was added, and back where it went away.
fn implied(statements: &[Statement], graph: &Graph, out: &mut Moved) {
    let zero = || Some(InstanceKey::Int(0));
    let mut moves = Vec::new();
    for (addr, r) in &out.state.resources {
        if addr.mode != Mode::Managed {
            continue;
        }
        let Some(config) = graph.find_resource(&addr.config()).and_then(|id| graph.resource(id)) else { continue };
        let (from, to) = match &config.repeat {
            Repeat::Count(_) => (None, zero()),
            Repeat::Single => (zero(), None),
            Repeat::ForEach(_) => continue,
        };
        let from_addr = addr.instance(from.clone());
        // Where blocks say something about the address, they decide.
        if r.instances.contains_key(&from)
            && !r.instances.contains_key(&to)
            && !statements.iter().any(|s| step(s, &from_addr).is_some())
        {
            moves.push(Move { from: from_addr, to: addr.instance(to) });
        }
    }
    for m in moves {
        out.state.rename(&m.from, &m.to);
        out.moves.push(m);
    }
}
