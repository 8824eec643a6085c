//! Values of root variables: where they come from, who wins, what is wrong with them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stackctl_lang::config::inputs::{Argument, collect};
use stackctl_lang::files::Memory;

use crate::world::{lines, load, show};

/// `name = value` of each variable, `missing name`, and problems.
#[track_caller]
fn check(files: &[(&str, &str)], env: &[(&str, &str)], arguments: &[Argument], want: &[&str]) {
    let files = Memory::of(files.iter().copied());
    let (config, mut sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), [""; 0]);
    let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (inputs, problems) = collect(&config.unwrap().root, &env, arguments, &files, &mut sources);
    let mut got: Vec<_> = inputs.values.iter().map(|(k, v)| format!("{k} = {}", show(v))).collect();
    got.extend(inputs.missing.iter().map(|n| format!("missing {n}")));
    got.extend(lines(&problems, &sources));
    assert_eq!(got, want);
}

fn var(text: &str) -> Argument {
    Argument::Var(text.to_owned())
}

#[test]
fn later_sources_win() {
    let main = "variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\nvariable \"d\" {}\nvariable \"e\" {}\nvariable \"f\" {}\n";
    check(
        &[
            ("main.tf", main),
            ("terraform.tfvars", "b = \"tfvars\"\nc = \"tfvars\"\n"),
            ("1.auto.tfvars", "c = \"auto1\"\nd = \"auto1\"\n"),
            ("2.auto.tfvars.json", "{\"d\": \"auto2\", \"e\": \"auto2 ${x}\"}"),
            ("x.tfvars", "e = \"file\"\nf = \"file\"\n"),
        ],
        &[("TF_VAR_a", "env"), ("TF_VAR_b", "env"), ("TF_VAR_undeclared", "x")],
        &[var("e=arg"), Argument::File(PathBuf::from("x.tfvars")), var("f=arg")],
        &[r#"a = "env""#, r#"b = "tfvars""#, r#"c = "auto1""#, r#"d = "auto2""#, r#"e = "file""#, r#"f = "arg""#],
    );
}

#[test]
fn texts_are_expressions_where_the_type_is_not_primitive() {
    let main = "variable \"n\" { type = number }\nvariable \"l\" { type = list(string) }\nvariable \"any\" { type = any }\nvariable \"none\" {}\n";
    check(
        &[("main.tf", main)],
        &[("TF_VAR_l", "[\"a\", 1]")],
        &[var("n=5"), var("any=[\"a\", 1]"), var("none=[\"a\", 1]")],
        &[r#"any = ["a", 1]"#, r#"l = list["a", "1"]"#, "n = 5", r#"none = "[\"a\", 1]""#],
    );
}

#[test]
fn wrong_and_missing_values() {
    let main = "variable \"n\" {\n  type = number\n}\nvariable \"req\" {}\nvariable \"l\" {\n  type = list(any)\n  default = []\n}\n";
    check(
        &[("main.tf", main), ("terraform.tfvars", "n = \"x\"\nreqq = 1\n")],
        &[("TF_VAR_l", "[")],
        &[var("nope=1"), var("bad")],
        &[
            "l = list[]",
            "missing req",
            "Missing expression @ <value for var.l>:1",
            "Value for undeclared variable @ terraform.tfvars:2",
            "Value for undeclared variable @ ",
            "Invalid -var option @ ",
            "Invalid value for input variable @ terraform.tfvars:1",
        ],
    );
}

#[test]
fn null_means_the_default_unless_it_is_a_value() {
    let main = r#"
        variable "a" {
          default  = "d"
          nullable = false
        }
        variable "b" { default = "d" }
        variable "s" {
          default   = "x"
          sensitive = true
        }
        variable "o" {
          type = list(object({ a = optional(number, "5"), b = optional(object({ c = optional(string, "z") })) }))
        }
    "#;
    check(
        &[("main.tf", main), ("terraform.tfvars", "a = null\nb = null\no = [{}, { a = 1, b = {}, extra = 2 }]\n")],
        &[],
        &[],
        &[r#"a = "d""#, "b = null", r#"o = list[{a = 5, b = null}, {a = 1, b = {c = "z"}}]"#, r#"s = sensitive("x")"#],
    );
}
