//! The rules of the language, by number: each has a case here, or names the test that has it.
//!
//! `rules.tsv` holds rule, expression and the value as the console prints it (`⏎` for a line break, `error` for any
//! error), in a fixture with unknown, sensitive and repeated things. Rules about files, variables and blocks are in
//! [`FILES`]; [`ELSEWHERE`] says which tests of this crate and of the planner have the rest.

use std::collections::{BTreeMap, BTreeSet};

use stackctl_core::{Mode, Schema};
use stackctl_lang::check::{Schemas, configuration};
use stackctl_lang::config::inputs;
use stackctl_lang::files::Memory;

use crate::world::{Instance, lines, load, show};

const EXPRESSIONS: &str = include_str!("rules.tsv");

const FIXTURE: &str = r#"
resource "terraform_data" "u" {}
resource "terraform_data" "none" { count = 0 }
resource "terraform_data" "two" {
  count = 2
  input = "v${count.index}"
}
resource "terraform_data" "fe" {
  for_each = { b = 1, a = 2 }
  input    = each.value
}
resource "terraform_data" "fe0" { for_each = {} }
locals {
  us = terraform_data.u.id
  ub = terraform_data.u.id == "x"
  un = length(terraform_data.u.id)
  ul = split(",", terraform_data.u.id)
  um = { for x in split(",", terraform_data.u.id) : x => 1 }
  ud = jsondecode(terraform_data.u.id)
  s  = sensitive("sec")
  sl = sensitive(["a", "b"])
  sb = sensitive(true)
}
"#;

/// No type has a schema.
struct Untyped;

impl Schemas for Untyped {
    fn schema(&self, _: Mode, _: &str) -> Option<&Schema> {
        None
    }
}

#[test]
fn expressions() {
    let mut wrong = Vec::new();
    for row in EXPRESSIONS.lines().filter(|l| !l.starts_with('#')) {
        let mut parts = row.split('\t');
        let (Some(rule), Some(text), Some(want)) = (parts.next(), parts.next(), parts.next()) else {
            panic!("{row:?} has not three parts");
        };
        let main = format!("{FIXTURE}\noutput \"o\" {{\n  value = {text}\n}}\n");
        let files = Memory::of([("main.tf", main.as_str()), ("t.tpl", "Hi ${name}!\n")]);
        let (config, _, problems) = load(&files);
        let got = match config {
            Some(config) if problems.is_empty() && configuration(&config, &Untyped).is_empty() => {
                Instance::root(&config, BTreeMap::new(), &files).console("o").unwrap_or_default().replace('\n', "⏎")
            }
            _ => "error".to_owned(),
        };
        if got != want {
            wrong.push(format!("rule {rule}: {text}\n     gives {got}\n  and not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rule, `main.tf` (`m/main.tf` behind a line `---`), and what comes of it: outputs, then problems with their lines.
const FILES: &[(u8, &str, &[&str])] = &[
    (27, "output \"o\" { value = false && null }", &["o = false"]),
    (
        29,
        r#"variable "v" {
  type    = object({ a = optional(string, "x"), b = optional(string), c = optional(object({ d = optional(string, "y") })) })
  default = { a = null }
}
output "o" { value = var.v }"#,
        &[r#"o = {a = "x", b = null, c = null}"#],
    ),
    (
        30,
        r#"module "m" {
  source = "./m"
  a = null
  b = null
}
output "o" { value = module.m.o }
---
variable "a" {
  default  = "d"
  nullable = false
}
variable "b" { default = "d" }
output "o" { value = [var.a, var.b] }"#,
        &[r#"o = ["d", null]"#],
    ),
    (
        31,
        r#"variable "v" {
  type    = object({ a = string })
  default = { a = "1", extra = 2 }
}
output "o" { value = var.v }"#,
        &[r#"o = {a = "1"}"#],
    ),
    (
        31,
        "variable \"v\" {\n  type = object({ a = string })\n  default = {}\n}",
        &["Invalid default value for variable @ main.tf:3"],
    ),
    (
        32,
        r#"variable "l" {
  type    = list(object({ a = optional(number, "5") }))
  default = [{}, { a = 1 }]
}
variable "m" {
  type    = map(object({ p = number }))
  default = { x = { p = "80" } }
}
output "l" { value = var.l }
output "m" { value = var.m }"#,
        &["l = list[{a = 5}, {a = 1}]", "m = map{x = {p = 80}}"],
    ),
    (
        33,
        r#"variable "m" {
  type    = map(any)
  default = { a = 1, b = "x" }
}
variable "n" {
  type    = map(any)
  default = { a = { x = 1 }, b = { y = 2 } }
}
variable "l" {
  type    = list(any)
  default = ["a", 1, true]
}
variable "a" {
  type    = any
  default = ["a", 1]
}
output "m" { value = var.m }
output "n" { value = var.n }
output "l" { value = var.l }
output "a" { value = var.a }"#,
        &[
            r#"m = map{a = "1", b = "x"}"#,
            "n = map{a = map{x = 1}, b = map{y = 2}}",
            r#"l = list["a", "1", "true"]"#,
            r#"a = ["a", 1]"#,
        ],
    ),
    (
        34,
        r#"variable "v" {
  type    = set(object({ a = optional(string, "x") }))
  default = [{}, { a = "x" }]
}
output "o" { value = var.v }"#,
        &[r#"o = set[{a = "x"}]"#],
    ),
    (35, "variable \"v\" {\n  type = bool\n  default = \"1\"\n}\noutput \"o\" { value = var.v }", &["o = true"]),
    (35, "variable \"v\" {\n  type = bool\n  default = 1\n}", &["Invalid default value for variable @ main.tf:3"]),
    (
        35,
        "variable \"v\" {\n  type = list(string)\n  default = \"a\"\n}",
        &["Invalid default value for variable @ main.tf:3"],
    ),
    (38, "variable \"v\" { default = 1 + 1 }\noutput \"o\" { value = var.v }", &["o = 2"]),
    (38, "variable \"v\" { default = upper(\"a\") }", &["Function calls not allowed @ main.tf:1"]),
    (38, "variable \"v\" { default = local.x }", &["Variables not allowed @ main.tf:1"]),
    (48, "output \"o\" {\n  value = <<-EOT\n      a ${\"\\n  b\"}\n\n    c\n  EOT\n}", &[r#"o = "  a \n  b\n\nc\n""#]),
    (48, "output \"o\" {\n  value = <<-EOT\n\t\ta\n    b\n  EOT\n}", &[r#"o = "a\n  b\n""#]),
    (49, "output \"o\" {\n  value = <<EOT\na\\n$${x}\nEOT\n}", &[r#"o = "a\\n${x}\n""#]),
    (
        50,
        "output \"o\" {\n  value = <<-EOT\n  %{ for x in [\"a\", \"b\"] ~}\n  - ${x}\n  %{ endfor ~}\n  end\n  EOT\n}",
        &[r#"o = "  - a\n  - b\n  end\n""#],
    ),
    (
        56,
        r#"resource "x" "u" {}
output "a" { value = false && [][0] }
output "b" { value = [][0] && false }
output "c" { value = true || [][0] }
output "d" { value = x.u.id == "q" && [][0] }
output "e" { value = false && local.nope }"#,
        &["a = false", "b = false", "c = true", "d = unknown bool", "e = false"],
    ),
    (57, "resource \"x\" \"u\" {}\noutput \"o\" { value = false && x.u.id == \"q\" }", &["o = false"]),
    (69, "resource \"x\" \"c\" { count = \"2\" }\noutput \"o\" { value = length(x.c) }", &["o = 2"]),
    (
        69,
        "resource \"x\" \"c\" { count = null }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid count argument @ main.tf:1"],
    ),
    (
        69,
        "resource \"x\" \"c\" { count = -1 }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid count argument @ main.tf:1"],
    ),
    (
        69,
        "resource \"x\" \"c\" { count = 1.5 }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid count argument @ main.tf:1"],
    ),
    (
        69,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { count = x.u.id != null ? 1 : 0 }\noutput \"o\" { value = length(x.c) }",
        &["o = 1"],
    ),
    (
        69,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { count = length(compact([x.u.id])) }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid count argument @ main.tf:2"],
    ),
    (70, "resource \"x\" \"c\" { for_each = toset([]) }\noutput \"o\" { value = x.c }", &["o = {}"]),
    (
        70,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { for_each = { a = x.u.id, b = sensitive(1) } }\noutput \"o\" { value = keys(x.c) }",
        &[r#"o = ["a", "b"]"#],
    ),
    (
        70,
        "resource \"x\" \"c\" { for_each = [\"a\"] }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:1"],
    ),
    (
        70,
        "resource \"x\" \"c\" { for_each = toset([1]) }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:1"],
    ),
    (
        70,
        "resource \"x\" \"c\" { for_each = null }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:1"],
    ),
    (
        70,
        "resource \"x\" \"c\" { for_each = sensitive({ a = 1 }) }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:1"],
    ),
    (
        70,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { for_each = toset([x.u.id]) }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:2"],
    ),
    (
        71,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { for_each = { for k, v in { a = x.u.id } : k => v if v != null } }\noutput \"o\" { value = keys(x.c) }",
        &[r#"o = ["a"]"#],
    ),
    (
        71,
        "resource \"x\" \"u\" {}\nresource \"x\" \"c\" { for_each = { for k, v in { a = x.u.id } : k => v if v != \"\" } }\noutput \"o\" { value = x.c }",
        &["o = unknown any", "Invalid for_each argument @ main.tf:2"],
    ),
];

#[test]
fn files() {
    let mut wrong = Vec::new();
    for (rule, text, want) in FILES {
        let (main, child) = text.split_once("\n---\n").unwrap_or((text, ""));
        let files: Vec<_> = [("main.tf", main), ("m/main.tf", child)].into_iter().filter(|f| !f.1.is_empty()).collect();
        let files = Memory::of(files);
        let (config, mut sources, mut problems) = load(&files);
        let mut got = Vec::new();
        if let Some(config) = &config {
            let (given, more) = inputs::collect(&config.root, &BTreeMap::new(), &[], &files, &mut sources);
            problems.extend(more);
            let root = Instance::root(config, given.values, &files);
            got.extend(config.root.outputs.keys().map(|n| format!("{n} = {}", show(&root.output(n).unwrap()))));
            problems.extend(root.problems.take());
        }
        got.extend(lines(&problems, &sources));
        if got != *want {
            wrong.push(format!("rule {rule}: {text}\n     gives {got:?}\n  and not {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules whose cases are in other tests: of this crate by file, of the planner (`crates/engine/src/plan/tests`) by module.
const ELSEWHERE: &[(u8, &str, &str)] = &[
    (36, include_str!("inputs.rs"), "texts_are_expressions_where_the_type_is_not_primitive"),
    (37, include_str!("inputs.rs"), "later_sources_win"),
    (39, include_str!("loading.rs"), "overrides_change_arguments_and_replace_blocks"),
    (74, include_str!("checking.rs"), "calls_of_modules_and_functions"),
    (75, include_str!("checking.rs"), "resources_that_refer_to_themselves"),
    (76, include_str!("loading.rs"), "meta_arguments_are_not_left_in_bodies"),
    (77, include_str!("../../../engine/src/plan/tests/modules.rs"), "depends_on_a_module_defers_reads_in_it"),
    (78, include_str!("../../../engine/src/plan/tests/modules.rs"), "conditions"),
    (79, include_str!("../../../engine/src/plan/tests/lifecycle.rs"), "counts_and_keys"),
    (80, include_str!("../../../engine/src/plan/tests/modules.rs"), "secrets_stay_hidden"),
    (103, include_str!("blocks.rs"), "dynamic_blocks_over_something_unknown"),
    (104, include_str!("blocks.rs"), "attributes_as_blocks"),
    (105, include_str!("blocks.rs"), "nested_blocks"),
];

#[test]
fn every_rule_has_a_case() {
    let mut seen: BTreeSet<u8> = FILES.iter().map(|f| f.0).collect();
    seen.extend(EXPRESSIONS.lines().filter_map(|l| l.split('\t').next()?.parse::<u8>().ok()));
    for (rule, text, test) in ELSEWHERE {
        assert!(text.contains(&format!("fn {test}()")), "rule {rule}: there is no test {test}");
        seen.insert(*rule);
    }
    let missing: Vec<u8> = (1..=105).filter(|r| !seen.contains(r)).collect();
    assert!(missing.is_empty(), "rules without a case: {missing:?}");
}
