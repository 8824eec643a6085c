//! `graph`: what depends on what, in DOT.

use std::collections::BTreeSet;

use stackctl_engine::eval::{Graph as Objects, Kind};

use super::Context;
use crate::cli::Graph;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Prints resources and their dependencies, looking through everything that is no resource.
pub(crate) async fn run(mut cx: Context, args: Graph) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let stack = Stack::offline(&cx, Loading::default())?;
    let (graph, diags) = Objects::new(&stack.config.root, &stack.sources, &[]);
    if stackctl_core::diag::has_errors(&diags) {
        return Err(diags);
    }
    let name = |i: usize| {
        let node = &graph.nodes[i];
        match node.kind {
            Kind::Resource(_) => graph.resource_addr(stackctl_engine::eval::NodeId(i as u32)).map(|a| a.to_string()),
            _ => None,
        }
    };
    let mut lines = vec!["digraph {".to_owned(), "  rankdir = \"RL\";".to_owned(), "  node [shape = rect];".to_owned()];
    for i in 0..graph.nodes.len() {
        let Some(from) = name(i) else { continue };
        lines.push(format!("  {from:?};"));
        let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
        let mut stack: Vec<usize> = graph.nodes[i].deps.iter().map(|d| d.0 as usize).collect();
        while let Some(j) = stack.pop() {
            if !seen.insert(j) {
                continue;
            }
            match name(j) {
                Some(to) => {
                    found.insert(to);
                }
                None => stack.extend(graph.nodes[j].deps.iter().map(|d| d.0 as usize)),
            }
        }
        lines.extend(found.into_iter().map(|to| format!("  {from:?} -> {to:?};")));
    }
    lines.push("}".to_owned());
    cx.term.line(&lines.join("\n"));
    Ok(Exit::Done)
}
