//! Configurations with random damage: whatever the text, loading, checking and evaluating end without a panic.
//!
//! The corpus is what the other tests know: expressions of all rules and the stacks of the repository. Each run takes the
//! same damage; `STACKCTL_FUZZ=100000 cargo test -p stackctl-lang fuzz` goes further. A text that failed once goes into
//! [`FAILED`].

use std::collections::BTreeMap;

use stackctl_core::{Mode, Schema};
use stackctl_lang::check::{Schemas, configuration, self_references};
use stackctl_lang::files::Memory;

use crate::world::{Instance, load};

/// Texts that once brought the program down.
const FAILED: &[&str] = &[
    "output \"o\" { value = \"%{if true}\" }",
    "a = \"\0",
    "locals { a = <<-E\n",
    "variable \"v\" { type = object({a=optional(",
    "\u{feff}",
];

const STACKS: &[&str] = &[
    include_str!("../../../../stacks/muejam/main.tf"),
    include_str!("../../../../stacks/muejam/variables.tf"),
    include_str!("blocks.rs"),
];

struct Untyped;
impl Schemas for Untyped {
    fn schema(&self, _: Mode, _: &str) -> Option<&Schema> {
        None
    }
}

fn survives(text: &str) {
    let files = Memory::of([("main.tf", text)]);
    let (config, _, _) = load(&files);
    if let Some(config) = config {
        let broken = configuration(&config, &Untyped);
        let _ = self_references(&config);
        // What is checked before evaluation keeps locals from needing themselves.
        if broken.is_empty() && !text.contains("local.") && !text.contains("module.") {
            let root = Instance::root(&config, BTreeMap::new(), &files);
            for name in config.root.outputs.keys() {
                let _ = root.output(name);
            }
        }
    }
    let json = Memory::of([("main.tf.json", text)]);
    let _ = load(&json);
}

/// Repeatable numbers (SplitMix64).
struct Dice(u64);
impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).unwrap()
    }
    /// A place between characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
    fn damaged(&mut self, text: &str, other: &str) -> String {
        const PIECES: [&str; 24] = [
            "{", "}", "[", "]", "(", ")", "\"", "${", "%{", "~}", "<<E\n", "=", "\n", "*", "...", "?", ":", "for ",
            ".", "\\u", "é", "0", "null", "=>",
        ];
        let (mut a, mut b) = (self.place(text), self.place(text));
        if a > b {
            std::mem::swap(&mut a, &mut b);
        }
        b = b.min(a + 40);
        while !text.is_char_boundary(b) {
            b -= 1;
        }
        let (head, part, tail) = (&text[..a], &text[a..b], &text[b..]);
        match self.below(5) {
            0 => format!("{head}{tail}"),
            1 => format!("{head}{part}{part}{tail}"),
            2 => format!("{head}{}{part}{tail}", PIECES[self.below(PIECES.len())]),
            3 => format!("{head}{}{tail}", PIECES[self.below(PIECES.len())]),
            _ => {
                let at = self.place(other);
                format!("{head}{}", &other[at..])
            }
        }
    }
}

/// The seeds of the fuzzer, each an expression.
#[test]
fn seeds_of_the_fuzzer_survive() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/expression");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        survives(&text);
        survives(&format!("output \"o\" {{\n  value = {text}\n}}\n"));
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} seeds");
}

#[test]
fn no_text_brings_the_program_down() {
    let rows = include_str!("rules.tsv").lines().filter_map(|l| l.split('\t').nth(1));
    let expressions: Vec<String> = rows.map(|e| format!("output \"o\" {{\n  value = {e}\n}}\n")).collect();
    let corpus: Vec<&str> = expressions.iter().map(String::as_str).chain(STACKS.iter().copied()).collect();
    FAILED.iter().chain(&corpus).for_each(|t| survives(t));
    let rounds = std::env::var("STACKCTL_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000usize);
    let mut dice = Dice(1);
    for _ in 0..rounds {
        let mut text = corpus[dice.below(corpus.len())].to_owned();
        // Large texts now and then.
        if text.len() > 2_000 && dice.below(10) > 0 {
            text = expressions[dice.below(expressions.len())].clone();
        }
        for _ in 0..=dice.below(4) {
            let other = corpus[dice.below(expressions.len())];
            text = dice.damaged(&text, other);
        }
        survives(&text);
    }
}
