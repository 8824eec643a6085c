//! Errors that are found before anything is evaluated.

use stackctl_core::{Attr, Block, Mode, Schema, Ty};
use stackctl_lang::check::{Schemas, configuration, self_references};
use stackctl_lang::files::Memory;

use crate::world::load;

struct One(Schema);

impl Schemas for One {
    fn schema(&self, _: Mode, ty: &str) -> Option<&Schema> {
        (ty == "typed").then_some(&self.0)
    }
}

/// `line: summary (hint)` of what is wrong with one file.
#[track_caller]
fn check(text: &str, want: &[&str]) {
    let child = "variable \"in\" {}\nvariable \"opt\" {\n  default = 1\n}\noutput \"out\" {\n  value = 1\n}\n";
    let (config, sources, problems) = load(&Memory::of([("main.tf", text), ("child/c.tf", child)]));
    assert!(problems.is_empty(), "{problems:?}");
    let block = Block { attrs: [("attr", Attr::optional(Ty::String)), ("id", Attr::id())].into(), ..Block::default() };
    let found = configuration(&config.unwrap(), &One(Schema::new("typed", block)));
    let line = |p: &stackctl_lang::diag::Problem| sources.range(p.span.unwrap()).unwrap().start.line;
    let hint = |p: &stackctl_lang::diag::Problem| p.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    let got: Vec<_> = found.iter().map(|p| format!("{}: {}{}", line(p), p.summary, hint(p))).collect();
    assert_eq!(got, want);
}

#[test]
fn undeclared_objects() {
    check(
        r#"variable "name" {}
locals {
  a = var.nam
  b = local.c
  c = data.typed.x.id
  d = typed.y.id
  e = module.nope.out
  f = try(var.zz, 1)
  g = foo
  h = [for v in [1] : v.x if var.name == v]
  i = false ? local.bad : 1
}
resource "typed" "x" {}
"#,
        &[
            "3: Reference to undeclared input variable (Did you mean \"name\"?)",
            "5: Reference to undeclared resource (Did you mean typed.x?)",
            "6: Reference to undeclared resource (Did you mean typed.x?)",
            "7: Reference to undeclared module",
            "8: Reference to undeclared input variable (Declare it with: variable \"zz\" {})",
            "9: Invalid reference",
            "11: Reference to undeclared local value",
        ],
    );
}

#[test]
fn names_out_of_their_context() {
    check(
        r#"resource "typed" "a" {
  attr = count.index
  b    = each.key
  c    = self.id
}
resource "typed" "b" {
  count    = 2
  attr     = count.index
  c        = each.value
  lifecycle {
    postcondition {
      condition     = self.id != "" && count.index >= 0
      error_message = "x"
    }
  }
}
output "o" { value = each.key }
locals { path = path.modul }
"#,
        &[
            "2: Reference to \"count\" in non-counted context",
            "3: Reference to \"each\" in context without for_each",
            "4: Invalid \"self\" reference",
            "9: Reference to \"each\" in context without for_each",
            "17: Reference to \"each\" in context without for_each",
            "18: Invalid reference",
        ],
    );
}

#[test]
fn instance_keys_and_attributes() {
    check(
        r#"resource "typed" "n" { count = 2 }
resource "typed" "e" { for_each = {} }
resource "typed" "s" {}
locals {
  a = typed.n.id
  b = typed.e.id
  c = typed.s[0].id
  d = typed.n[0].id
  e = typed.n[*].id
  f = typed.s.attrr
  g = try(typed.s.zz, 1)
  h = typed.n[0].zz
}
"#,
        &[
            "5: Missing resource instance key",
            "6: Missing resource instance key",
            "7: Unexpected resource instance key",
            "10: Unsupported attribute (Did you mean \"attr\"?)",
            "11: Unsupported attribute",
            "12: Unsupported attribute",
        ],
    );
}

#[test]
fn calls_of_modules_and_functions() {
    check(
        r#"module "m" {
  source = "./child"
  inn    = 1
}
module "n" {
  source = "./child"
  count  = 1
  in     = 1
}
locals {
  a = module.m.outt
  b = try(module.m.nope, 1)
  c = module.n.out
  d = module.n[0].out
  e = uper("x")
  f = try(nope(), 1)
}
"#,
        &[
            "1: Missing required argument",
            "3: Unsupported argument (Did you mean \"in\"?)",
            "11: Unsupported attribute (Did you mean \"out\"?)",
            "13: Missing module instance key",
            "15: Call to unknown function (Did you mean \"upper\"?)",
            "16: Call to unknown function",
        ],
    );
}

#[test]
fn instances_of_modules_by_key() {
    check(
        r#"module "m" {
  source   = "./child"
  for_each = { k = 1 }
  in       = 1
}
module "n" {
  source = "./child"
  count  = 1
  in     = 1
}
locals {
  a = module.m.k.out
  b = module.m.k
  c = module.m.k.outt
  d = module.m[0].out
  e = module.n["0"].out
  f = module.n["k"].out
}
"#,
        &["14: Unsupported attribute (Did you mean \"out\"?)", "17: Invalid index"],
    );
}

#[test]
fn validations_test_their_own_variable() {
    check(
        r#"variable "a" {
  validation {
    condition     = var.b == 1
    error_message = "x"
  }
}
variable "b" {
  validation {
    condition     = var.b == var.a
    error_message = "x"
  }
}
"#,
        &["3: Invalid variable validation condition"],
    );
}

#[test]
fn removed_blocks_for_what_is_still_there() {
    check(
        "resource \"x\" \"a\" {}\nmodule \"m\" {\n  source = \"./child\"\n  in     = 1\n}\nremoved {\n  from = x.a\n}\n\
         removed {\n  from = module.m\n}\nremoved {\n  from = x.gone\n}\nremoved {\n  from = module.m.x.gone\n}\n",
        &[
            "7: Removed object still exists (Remove what is still declared, or this block.)",
            "10: Removed object still exists (Remove what is still declared, or this block.)",
        ],
    );
}

#[test]
fn imports_are_the_roots_and_providers_are_what_modules_expect() {
    let call = "provider \"aws\" {}\nmodule \"m\" {\n  source = \"./m\"\n  providers = { aws.x = aws }\n}\n";
    let module = "terraform {\n  required_providers {\n    aws = {\n      source = \"other/aws\"\n      \
                  configuration_aliases = [aws.x]\n    }\n  }\n}\nresource \"aws_x\" \"y\" {\n  provider = aws.x\n}\n\
                  import {\n  to = aws_x.y\n  id = \"1\"\n}\n";
    let (config, sources, problems) = load(&Memory::of([("main.tf", call), ("m/m.tf", module)]));
    assert!(problems.is_empty(), "{problems:?}");
    let found = configuration(&config.unwrap(), &());
    let want = ["Provider type mismatch @ main.tf:4", "Invalid import configuration @ m/m.tf:12"];
    assert_eq!(crate::world::lines(&found, &sources), want);
}

#[test]
fn resources_that_refer_to_themselves() {
    let text = "resource \"x\" \"a\" {\n  count = 2\n  v     = x.a[0].id\n}\nresource \"x\" \"b\" {\n  v = x.a[0].id\n  lifecycle {\n    postcondition {\n      condition     = x.b.id != self.id\n      error_message = \"m\"\n    }\n  }\n}\n";
    let (config, sources, problems) = load(&Memory::of([("main.tf", text)]));
    assert!(problems.is_empty(), "{problems:?}");
    let config = config.unwrap();
    assert!(configuration(&config, &()).is_empty());
    let found = self_references(&config);
    assert_eq!(crate::world::lines(&found, &sources), ["Self-referential block @ main.tf:3"]);
}

#[test]
fn conditions_and_provider_functions() {
    check(
        r#"resource "typed" "a" {
  lifecycle {
    precondition {
      condition     = 1 > 2
      error_message = "x"
    }
  }
}
output "o" { value = provider::terraform::encode_tfvars({ a = 1 }) }
"#,
        &["4: Invalid condition expression", "9: Unknown provider function"],
    );
}

#[test]
fn places_that_see_less() {
    check(
        r#"check "c" {
  data "typed" "scoped" {}
  assert {
    condition     = data.typed.scoped.id != ""
    error_message = "x"
  }
}
output "o" { value = data.typed.scoped.id }
locals { x = 1 }
resource "typed" "r" {
  provisioner "local-exec" {
    when    = destroy
    command = "echo ${self.id} ${local.x}"
  }
  lifecycle {
    replace_triggered_by = [local.x, typed.s.attr]
  }
}
resource "typed" "s" {}
"#,
        &[
            "8: Reference to scoped resource",
            "13: Invalid reference from destroy provisioner",
            "16: Invalid replace_triggered_by expression",
        ],
    );
}
