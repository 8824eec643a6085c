//! From files to output values.

use std::collections::BTreeMap;

use stackctl_hcl::SourceMap;
use stackctl_lang::config::inputs;
use stackctl_lang::files::Memory;

use crate::world::{Instance, lines, load, show};

/// Loads the files, evaluates the outputs of the root and compares them, `name = value` each; problems come after them.
#[track_caller]
fn check(files: &[(&str, &str)], want: &[&str]) {
    let files = Memory::of(files.iter().copied());
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
    assert_eq!(got, want);
}

/// The value of one expression in a fixture with unknown, sensitive and repeated things.
#[track_caller]
fn expression(text: &str, want: &str) {
    let fixture = r#"
        resource "x" "u" {}
        resource "x" "none" { count = 0 }
        resource "x" "two" {
          count = 2
          v     = "v${count.index}"
        }
        resource "x" "fe" {
          for_each = { a = 1, b = 2 }
          v        = each.value
        }
        locals {
          us = x.u.id
          ub = x.u.id == "q"
          s  = sensitive("sec")
          sl = sensitive(["a", "b"])
        }
    "#;
    let main = format!("{fixture}\noutput \"o\" {{\n  value = {text}\n}}\n");
    let files = Memory::of([("main.tf", main.as_str())]);
    let (config, sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), [""; 0], "{text}");
    let config = config.unwrap();
    let root = Instance::root(&config, BTreeMap::new(), &files);
    let v = root.output("o").unwrap();
    let problems = root.problems.take();
    let got = if problems.is_empty() { show(&v) } else { format!("error: {}", problems[0].summary) };
    assert_eq!(got, want, "{text}: {:?}", lines(&problems, &SourceMap::new()));
}

#[test]
fn modules_with_count_and_for_each() {
    check(
        &[
            (
                "main.tf",
                r#"
                variable "names" {
                  type    = list(string)
                  default = ["a", "b"]
                }
                locals {
                  tags = { for n in var.names : n => upper(n) }
                }
                module "each" {
                  source   = "./child"
                  for_each = local.tags
                  name     = each.key
                  text     = each.value
                }
                module "n" {
                  source = "./child"
                  count  = 2
                  name   = "n${count.index}"
                }
                output "each" { value = module.each["a"].text }
                output "all" { value = { for k, m in module.each : k => m.text } }
                output "n" { value = module.n[*].text }
                output "two" { value = module.n[1].text }
                output "dir" { value = module.n[0].dir }
                "#,
            ),
            (
                "child/main.tf",
                r#"
                variable "name" { type = string }
                variable "text" {
                  type     = string
                  default  = "none"
                  nullable = false
                }
                resource "x" "y" {
                  count = 2
                  v     = "${var.name}-${count.index}"
                }
                output "text" { value = "${var.text}:${join("+", x.y[*].v)}" }
                output "dir" { value = path.module }
                "#,
            ),
        ],
        &[
            r#"each = "A:a-0+a-1""#,
            r#"all = {a = "A:a-0+a-1", b = "B:b-0+b-1"}"#,
            r#"n = ["none:n0-0+n0-1", "none:n1-0+n1-1"]"#,
            r#"two = "none:n1-0+n1-1""#,
            r#"dir = "child""#,
        ],
    );
}

#[test]
fn expressions() {
    for (text, want) in [
        ("1 + 2 * 3", "7"),
        (r#"["a", "b"][1]"#, r#""b""#),
        (r#"{ a = 1, (local.s) = 2 }"#, r#"sensitive({a = 1, sec = 2})"#),
        (r#"{ a = 1, a = 2 }"#, "{a = 2}"),
        (r#"{ (local.us) = 1 }"#, "unknown any"),
        (r#"[for i, x in ["a", "b"] : "${i}${x}"]"#, r#"["0a", "1b"]"#),
        (r#"{ for k, v in { a = 1, b = 2 } : v => k }"#, r#"{1 = "a", 2 = "b"}"#),
        (r#"{ for x in ["a", "b", "a"] : x => 1 }"#, "error: Duplicate object key"),
        (r#"{ for x in ["a", "b", "a"] : x => 1... }"#, "{a = [1, 1], b = [1]}"),
        (r#"[for x in [1, 2, 3] : x if x > 1]"#, "[2, 3]"),
        (r#"[for x in [1] : x if null]"#, "error: Condition is null"),
        (r#"[for x in ["a"] : x if local.ub]"#, "unknown any"),
        ("[for x in null : x]", "error: Iteration over null value"),
        (r#"[for x in local.sl : "k"]"#, r#"sensitive(["k", "k"])"#),
        ("{ for k, v in { a = local.s } : k => v }", r#"{a = sensitive("sec")}"#),
        ("[{ a = [1] }, { a = [2] }].*.a[0]", "[1]"),
        ("[{ a = [1] }, { a = [2] }][*].a[0]", "[1, 2]"),
        ("[[{ b = 1 }], [{ b = 2 }]][*][*].b", "[[1], [2]]"),
        ("null[*]", "[]"),
        (r#""a"[*]"#, r#"["a"]"#),
        ("x.two[*].v", r#"["v0", "v1"]"#),
        ("x.none[*].v", "[]"),
        ("[for k, r in x.fe : r.v]", "[1, 2]"),
        (r#"x.fe["a"].v"#, "1"),
        (r#"x.fe["zz"].v"#, "error: Invalid index"),
        (r#"try(x.fe["zz"].v, "d")"#, r#""d""#),
        ("try(x.none[0].v, x.none[1].v)", "error: Error in function call"),
        ("try({ a = local.us, b = 1 }.b, 0)", "1"),
        ("try({ a = local.us }, {})", "unknown any"),
        ("try(null, 1)", "null"),
        ("can({}.a)", "false"),
        ("can(local.us)", "unknown bool"),
        ("can(local.s)", "true"),
        ("true ? 1 : [][0]", "1"),
        ("local.ub ? 1 : 1", "1"),
        ("local.ub ? [][0] : 1", "unknown any"),
        ("false ? { a = [][0] } : { a = 1 }", "{a = 1}"),
        ("(false ? { a = [][0] } : { a = 1 }).a", "1"),
        ("true ? [1] : { b = tomap(1) }", "error: Inconsistent conditional result types"),
        ("null ? 1 : 2", "error: Null condition"),
        ("false && [][0]", "false"),
        ("[][0] && false", "false"),
        ("[][0] || true", "true"),
        ("[][0] && true", "error: Invalid index"),
        ("local.ub && [][0]", "unknown bool"),
        ("local.ub && false", "false"),
        (r#""a ${~ "b" ~} c""#, r#""abc""#),
        (r#""${[1]}""#, "[1]"),
        (r#""x${[1]}""#, "error: Invalid template interpolation value"),
        (r#""x${null}""#, "error: Invalid template interpolation value"),
        (r#""%{ for x in ["a", "b"] }${x},%{ endfor }""#, r#""a,b,""#),
        (r#""%{ if 1 > 2 }x${[][0]}%{ else }y%{ endif }""#, r#""y""#),
        (r#""x-${local.us}" == "y-""#, "false"),
        (r#""x${local.s}""#, r#"sensitive("xsec")"#),
        (r#"max([1, 5, 3]...)"#, "5"),
        ("max(5...)", "error: Invalid expanding argument value"),
        ("nope(1)", "error: Call to unknown function"),
        (r#"length(x.none) > 0 ? x.none[0].v : "z""#, r#""z""#),
        ("1 / 0 == 1 / 0", "true"),
        ("!local.ub", "unknown bool"),
        ("-local.s", "error: Invalid operand"),
    ] {
        expression(text, want);
    }
}

#[test]
fn every_error_of_an_expression_is_reported() {
    check(
        &[("main.tf", "output \"o\" {\n  value = [\n    local.a,\n    1 + true,\n    [][2],\n  ]\n}\n")],
        &[
            "o = [unknown any, unknown any, unknown any]",
            "Reference to undeclared object @ main.tf:3",
            "Invalid operand @ main.tf:4",
            "Invalid index @ main.tf:5",
        ],
    );
}

/// The problems of one expression in a root module with a plain, a sensitive and an unknown value.
fn problems(text: &str) -> Vec<stackctl_lang::diag::Problem> {
    let main = format!(
        "locals {{\n  plain = \"p\"\n  secret = sensitive(\"hunter2\")\n  obj = {{ name = \"x\", l = [1] }}\n}}\nresource \"x\" \"u\" {{}}\noutput \"o\" {{\n  value = {text}\n}}\n"
    );
    let files = Memory::of([("main.tf", main.as_str())]);
    let (config, _, problems) = load(&files);
    assert!(problems.is_empty(), "{problems:?}");
    let config = config.unwrap();
    let root = Instance::root(&config, BTreeMap::new(), &files);
    root.output("o");
    root.problems.take()
}

#[test]
fn messages_show_values_and_never_secrets() {
    let shown = |text: &str| {
        let p = problems(text).remove(0);
        let values = p.values.iter().map(|(n, v)| format!("; {n} {v}")).collect::<String>();
        format!("{}: {}{}{values}", p.summary, p.detail, p.hint.map(|h| format!(" {h}")).unwrap_or_default())
    };
    for (text, want) in [
        ("local.plain + 1", "local.plain is \"p\""),
        ("local.secret + 1", "local.secret has a sensitive value"),
        ("local.obj.l[5]", "local.obj.l is a tuple with 1 element"),
        ("local.obj.nme", "Did you mean \"name\"?; local.obj is an object with 2 attributes"),
        ("[for v in [\"q\"] : v + 1]", "v is \"q\""),
        ("x.u.id + true", "Unsuitable value"),
        ("file(local.secret)", "local.secret has a sensitive value"),
        ("parseint(local.secret, 10)", "local.secret has a sensitive value"),
        ("upper([local.plain])", "Invalid value for \"str\" parameter"),
        ("try(local.obj.a, local.obj.b)", "no expression succeeded"),
    ] {
        let got = shown(text);
        assert!(got.contains(want), "{text}: {got}");
        assert!(!got.contains("hunter2"), "{text}: {got}");
    }
}

#[test]
fn deep_expressions_do_not_exhaust_the_stack() {
    let nest = |open: &str, inner: &str, close: &str, n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    for (open, inner, close) in [
        ("[", "1", "]"),
        ("{ a = ", "1", " }"),
        ("(", "1", ")"),
        ("-", "1", ""),
        ("upper(", "\"x\"", ")"),
        ("true ? ", "1", " : 1"),
        ("[for x in [1] : ", "x", "]"),
        ("try(", "[][0]", ")"),
        ("1 + (", "1", ")"),
        ("\"${", "1", "}\""),
        ("\"a${", "1", "}\""),
    ] {
        for n in [50, 90, 190] {
            let text = nest(open, inner, close, n);
            let main = format!("output \"o\" {{\n  value = {text}\n}}\n");
            let files = Memory::of([("main.tf", main.as_str())]);
            let (config, ..) = load(&files);
            let config = config.unwrap();
            let root = Instance::root(&config, BTreeMap::new(), &files);
            assert!(root.output("o").is_some(), "{open}");
        }
    }
}

#[test]
fn templates_that_functions_render() {
    let main = "output \"a\" {\n  value = templatefile(\"t.tpl\", { n = [1, 2], s = sensitive(\"q\") })\n}\noutput \"b\" {\n  value = templatefile(\"bad.tpl\", {})\n}\n";
    let files = [
        ("main.tf", main),
        ("t.tpl", "%{ for x in n ~}\n<${x}>\n%{ endfor ~}\n"),
        ("bad.tpl", "${missing} ${templatefile(\"t.tpl\", {})}"),
    ];
    check(&files, &[r#"a = sensitive("<1>\n<2>\n")"#, "b = unknown any", "Error in function call @ main.tf:5"]);
}
