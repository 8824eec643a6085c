//! Typical mistakes and exactly what is said about each: place, headline, explanation, second place, hint, values.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, BlockType, Mode, Nesting, Schema, Ty};
use stackctl_hcl::SourceMap;
use stackctl_lang::check::{Schemas, configuration};
use stackctl_lang::config::inputs::collect;
use stackctl_lang::diag::{Problem, diagnostics};
use stackctl_lang::eval::{Constants, Spec};
use stackctl_lang::files::Memory;

use crate::world::{Instance, load};

struct Server(Schema);

impl Schemas for Server {
    fn schema(&self, _: Mode, ty: &str) -> Option<&Schema> {
        (ty == "server").then_some(&self.0)
    }
}

fn server() -> Server {
    let disk = Block { attrs: [("size", Attr::required(Ty::Number))].into(), ..Block::default() };
    let block = Block {
        attrs: [
            ("id", Attr::id()),
            ("image", Attr::required(Ty::String)),
            ("cores", Attr::optional(Ty::Number)),
            ("tags", Attr::optional(Ty::map(Ty::String))),
        ]
        .into(),
        blocks: [("disk", BlockType { max: 1, ..BlockType::new(Nesting::List, disk) })].into(),
    };
    Server(Schema::new("server", block))
}

/// Everything that is said about a file, as a terminal would have it at hand.
fn transcript(text: &str) -> String {
    let child = "variable \"size\" {\n  type = number\n}\noutput \"total\" {\n  value = var.size\n}\n";
    let files = Memory::of([("main.tf", text), ("child/main.tf", child)]);
    let (config, mut sources, mut problems) = load(&files);
    let schemas = server();
    if let Some(config) = &config {
        problems.extend(configuration(config, &schemas));
        let (inputs, more) = collect(&config.root, &BTreeMap::new(), &[], &files, &mut sources);
        problems.extend(more);
        problems.extend(inputs.missing_problems(&config.root));
        if !problems.iter().any(Problem::is_error) {
            let root = Instance::root(config, inputs.values, &files);
            for name in config.root.outputs.keys() {
                root.output(name);
            }
            problems.extend(root.problems.take());
            let spec = Spec::new(&schemas.0.block, &[]);
            for r in config.root.resources.values() {
                problems.extend(spec.decode(&r.body, r.span, &Constants).problems);
            }
        }
    }
    render(problems, &sources)
}

fn render(problems: Vec<Problem>, sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diagnostics(problems, sources) {
        let place = d.range.map(|r| format!("{}:{}:{}", r.filename, r.start.line, r.start.column));
        out.push_str(&format!("{} {}: {}", place.unwrap_or_default(), d.summary, d.detail));
        for (r, note) in d.context {
            out.push_str(&format!(" [{}:{} {note}]", r.filename, r.start.line));
        }
        for (name, value) in d.values {
            out.push_str(&format!(" [{name} {value}]"));
        }
        if let Some(hint) = d.hint {
            out.push_str(&format!(" ({hint})"));
        }
        out.push('\n');
    }
    out
}

/// Cases are separated by lines of `=`; a line of `-` stands between the file and what is said about it.
#[test]
fn what_is_said() {
    let mut differing = String::new();
    for case in include_str!("mistakes.txt").split("\n====\n") {
        let (text, want) = case.split_once("\n----\n").unwrap();
        let got = transcript(&format!("{text}\n"));
        if got.trim() != want.trim() {
            differing.push_str(&format!("\n{text}\n----\n{got}===="));
        }
    }
    assert!(differing.is_empty(), "{differing}");
}
