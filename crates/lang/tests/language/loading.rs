//! What loading says about files: everything wrong in one go, merges, JSON, modules.

use stackctl_core::Mode;
use stackctl_lang::config::{Config, IgnoreChanges, Manifest, Repeat};
use stackctl_lang::files::{Entry, Kind, Memory};

use crate::world::{lines, load};

#[track_caller]
fn check(files: &[(&str, &str)], want: &[&str]) {
    let (_, sources, problems) = load(&Memory::of(files.iter().copied()));
    assert_eq!(lines(&problems, &sources), want);
}

#[test]
fn all_errors_of_all_files_are_reported_together() {
    check(
        &[
            ("a.tf", "variable \"x\" {\n  typ = string\n}\nlocals {\n  a = \n}\nresource \"aws_vpc\" {}\n"),
            ("b.tf", "variable \"x\" {}\nresorce \"a\" \"b\" {}\nfoo = 1\noutput \"o\" {}\nvariable \"count\" {}\n"),
        ],
        &[
            "Unsupported argument @ a.tf:2",
            "Missing expression @ a.tf:5",
            "Missing name for resource @ a.tf:7",
            "Duplicate variable declaration @ b.tf:1",
            "Unsupported block type @ b.tf:2",
            "Unsupported argument @ b.tf:3",
            "Missing required argument @ b.tf:4",
            "Invalid variable name @ b.tf:5",
        ],
    );
}

#[test]
fn suggestions_and_second_places() {
    let files = Memory::of([("a.tf", "variable \"x\" {\n  typ = string\n}\n\nvariable \"x\" {}\nmodul \"m\" {}\n")]);
    let (_, sources, problems) = load(&files);
    let hints: Vec<_> = problems.iter().map(|p| p.hint.as_deref().unwrap_or_default().to_owned()).collect();
    assert_eq!(hints, ["Did you mean \"type\"?", "", "Did you mean \"module\"?"]);
    let first = &problems[1].context[0];
    assert_eq!((sources.range(first.0).unwrap().start.line, first.1.as_str()), (1, "first declared here"));
}

#[test]
fn files_that_are_no_text() {
    let mut files = Memory::of([("ok.tf", "locals {}\n")]);
    files.add("latin.tf", [b'#', b'\n', 0xe9, b'\n'].as_slice());
    files.add("binary.tf", [b'a', 0, b'b'].as_slice());
    let (config, _, problems) = load(&files);
    assert!(config.is_some());
    let got: Vec<_> = problems.iter().map(|p| p.detail.as_str()).collect();
    assert_eq!(
        got,
        [
            "The file binary.tf is binary: it contains zero bytes. Configuration is text in UTF-8.",
            "The file latin.tf is not UTF-8 text: line 2 has a byte sequence that is none."
        ]
    );
}

#[test]
fn blocks_that_contradict() {
    check(
        &[
            ("a.tf", "resource \"x\" \"a\" {\n  depends_on = [x.b.id, x.b[0], x.b]\n}\nresource \"x\" \"b\" {}\n"),
            ("b.tf", "removed {\n  from = data.x.a\n}\n"),
            ("c.tf", "terraform {\n  backend \"local\" {}\n  cloud {}\n}\n"),
            ("d.tf", "variable \"v\" {\n  type = \"list\"\n}\nvariable \"w\" {\n  type = list\n}\n"),
        ],
        &[
            "Invalid depends_on reference @ a.tf:2",
            "Data source address not allowed @ b.tf:2",
            "Both a backend and a cloud configuration @ c.tf:3",
            "Invalid type specification @ d.tf:2",
        ],
    );
}

#[test]
fn pipes_and_links_to_nothing_are_not_read() {
    let mut files = Memory::of([("ok.tf", "locals {}\n")]);
    let entry = |name: &str, kind| Entry { name: name.to_owned(), kind };
    files.add_listing(
        "",
        vec![entry("ok.tf", Kind::File), entry("pipe.tf", Kind::Other), entry("dir.tf", Kind::Directory)],
    );
    let (config, _, problems) = load(&files);
    assert!(config.is_some());
    let got: Vec<_> = problems.iter().map(|p| p.detail.as_str()).collect();
    assert_eq!(got, ["pipe.tf is neither a file nor a link to one."]);
}

#[test]
fn directories_without_configuration() {
    check(&[("x/main.tf", "")], &["No configuration files @ "]);
    // As in Terraform, a module without files is no error.
    let files = Memory::of([("main.tf", "module \"a\" {\n  source = \"./a\"\n}\n"), ("a/x.txt", "")]);
    let (config, sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), ["No configuration files @ main.tf:2"]);
    assert!(config.is_some() && !problems[0].is_error());
    check(
        &[("main.tf", "module \"a\" {\n  source = \"./gone\"\n}\n")],
        &["Failed to read module directory @ main.tf:2"],
    );
    check(&[("main.tf", "module \"a\" {\n  source = \"a/b/c\"\n}\n")], &["Module not installed @ main.tf:2"]);
}

/// A list of fetched modules is found by call, by equal source, and only where source and version agree.
#[test]
fn fetched_modules() {
    let list = r#"{"Modules": [
        {"Key": "", "Source": "", "Dir": "."},
        {"Key": "net", "Source": "registry.terraform.io/a/net/aws", "Version": "2.1.0", "Dir": ".terraform/modules/net"},
        {"Key": "git", "Source": "git::https://github.com/a/b.git//sub?ref=v1", "Dir": ".terraform/modules/git/sub"}
    ]}"#;
    let check = |call: &str, sub: &str, want: &[&str]| {
        let mut files = Memory::of([(".terraform/modules/modules.json", list)]);
        files.add("main.tf", format!("module \"{call}\n}}\n").as_bytes());
        files.add(".terraform/modules/net/net.tf", b"locals {}".as_slice());
        files.add(".terraform/modules/git/sub/git.tf", sub.as_bytes());
        files.add(".terraform/modules/git/other/git.tf", b"locals {}".as_slice());
        files.add(".terraform/modules/git-2/git.tf", b"locals {}".as_slice());
        let mut sources = stackctl_hcl::SourceMap::new();
        let manifest = Manifest::read(&files, std::path::Path::new(".terraform"));
        let (config, problems) = Config::load_problems(".".as_ref(), &files, &mut sources, &manifest);
        let mut got: Vec<_> = config.unwrap().modules()[1..].iter().map(|m| m.dir.display().to_string()).collect();
        got.extend(lines(&problems, &sources));
        assert_eq!(got, want, "{call} {sub}");
    };
    let missing = ["Module not installed @ main.tf:2"];
    check("net\" {\n  source = \"a/net/aws\"", "", &[".terraform/modules/net"]);
    check("new\" {\n  source = \"a/net/aws\"\n  version = \"~> 2.0\"", "", &[".terraform/modules/net"]);
    check("net\" {\n  source = \"a/net/aws\"\n  version = \"~> 3.0\"", "", &missing);
    check("net\" {\n  source = \"b/net/aws\"", "", &missing);
    check("git\" {\n  source = \"github.com/a/b//sub?ref=v2\"", "", &missing);
    let git = "git\" {\n  source = \"github.com/a/b//sub?ref=v1\"";
    check(git, "", &[".terraform/modules/git/sub"]);
    let dirs = [".terraform/modules/git/sub", ".terraform/modules/git/other"];
    check(git, "module \"o\" {\n  source = \"../other\"\n}\n", &dirs);
    let out = "Local module path escapes module package @ .terraform/modules/git/sub/git.tf:2";
    check(git, "module \"o\" {\n  source = \"../../git-2\"\n}\n", &[dirs[0], out]);
    check("x\" {\n  source = \"a/b\"", "", &["Invalid module source address @ main.tf:2"]);
    let versions = "x\" {\n  source = \"a/b/c\"\n  version = \">> 1\"";
    check(versions, "", &["Invalid version constraint @ main.tf:2"]);
}

#[test]
fn modules_that_include_themselves() {
    check(&[("main.tf", "module \"a\" {\n  source = \"./\"\n}\n")], &["Module includes itself @ main.tf:2"]);
    check(
        &[
            ("main.tf", "module \"a\" {\n  source = \"./a\"\n}\n"),
            ("a/a.tf", "module \"b\" {\n  source = \"../b\"\n}\n"),
            ("b/b.tf", "module \"a\" {\n  source = \"../a\"\n}\n"),
        ],
        &["Module includes itself @ b/b.tf:2"],
    );
}

#[test]
fn overrides_change_arguments_and_replace_blocks() {
    let files = Memory::of([
        (
            "main.tf",
            r#"
            resource "x" "y" {
              a     = 1
              b     = 2
              count = 3
              ebs { n = 1 }
              ebs { n = 2 }
              lifecycle {
                prevent_destroy = true
                ignore_changes  = [a]
              }
            }
            locals { l = 1 }
            variable "v" { default = "a" }
            "#,
        ),
        (
            "x_override.tf",
            r#"
            resource "x" "y" {
              b = 5
              ebs { n = 3 }
              lifecycle { ignore_changes = all }
            }
            locals { l = 2 }
            variable "v" { default = "b" }
            "#,
        ),
    ]);
    let (config, sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), [""; 0]);
    let root = &config.unwrap().root;
    let r = root.resource(Mode::Managed, "x", "y").unwrap();
    let text = |name: &str| sources.slice(r.body.attribute(name).unwrap().expr.span).to_owned();
    assert_eq!((text("a"), text("b"), r.body.blocks_of("ebs").count()), ("1".into(), "5".into(), 1));
    assert!(matches!(r.repeat, Repeat::Count(_)) && r.lifecycle.prevent_destroy);
    assert_eq!(r.lifecycle.ignore_changes, IgnoreChanges::All);
    assert_eq!(sources.slice(root.locals["l"].value.span), "2");
    assert_eq!(root.variables["v"].default.as_ref().unwrap().as_str(), Some("b"));
    check(
        &[("main.tf", "locals {}\n"), ("override.tf", "resource \"x\" \"y\" {}\n")],
        &["Missing resource to override @ override.tf:1"],
    );
}

#[test]
fn json_files_say_the_same() {
    let files = Memory::of([
        (
            "main.tf.json",
            r#"{
            "//": "a comment",
            "variable": { "v": { "type": "list(string)", "default": ["${not a template}"] } },
            "terraform": { "required_providers": { "aws": { "source": "hashicorp/aws", "version": ">= 5" } } },
            "resource": { "aws_x": { "y": [{
                "count": "${length(var.v)}",
                "depends_on": ["data.aws_z.q"],
                "provider": "aws.west",
                "lifecycle": { "ignore_changes": ["tags[\"k\"]"], "create_before_destroy": true },
                "provisioner": [{ "local-exec": { "command": "true", "when": "destroy" } }],
                "dynamic": { "ebs": { "for_each": "${var.v}", "content": { "n": "${ebs.value}" } } }
            }] } },
            "data": { "aws_z": { "q": {} } },
            "module": { "m": { "source": "./m", "providers": { "aws.x": "aws.west" } } },
            "output": { "o": { "value": "${var.v[0]}" } }
        }"#,
        ),
        ("m/m.tf", ""),
    ]);
    let (config, sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), [""; 0]);
    let root = &config.unwrap().root;
    let default = root.variables["v"].default.as_ref().unwrap();
    assert_eq!(default.elements().unwrap()[0].as_str(), Some("${not a template}"));
    let r = root.resource(Mode::Managed, "aws_x", "y").unwrap();
    assert_eq!((r.depends_on.len(), r.provisioners[0].on_destroy), (1, true));
    assert_eq!(r.provider.as_ref().unwrap().alias.as_deref(), Some("west"));
    assert_eq!(r.lifecycle.create_before_destroy, Some(true));
    assert!(matches!(&r.lifecycle.ignore_changes, IgnoreChanges::Paths(p) if p[0].0.to_string() == "tags[\"k\"]"));
    let refs = stackctl_lang::refs::body_references(&r.body);
    assert_eq!(refs.iter().map(|r| r.subject.to_string()).collect::<Vec<_>>(), ["var.v"]);
    let (child, parent) = &root.module_calls["m"].providers[0];
    assert_eq!((child.alias.as_deref(), parent.alias.as_deref()), (Some("x"), Some("west")));
    assert_eq!(root.required_providers["aws"].source, "registry.terraform.io/hashicorp/aws");
}

#[test]
fn meta_arguments_are_not_left_in_bodies() {
    let files = Memory::of([(
        "main.tf",
        r#"
        resource "x" "y" {
          for_each   = {}
          depends_on = [x.z, data.a.b[0], module.m]
          provider   = aws.west
          arg        = 1
          lifecycle {
            replace_triggered_by = [x.z[each.key].id]
            precondition {
              condition     = true
              error_message = "no"
            }
          }
          timeouts {}
        }
        resource "x" "z" {}
        data "a" "b" {
          lifecycle { prevent_destroy = true }
        }
        moved {
          from = x.old["k"]
          to   = module.m[0].x.new
        }
        removed {
          from = x.gone
          lifecycle { destroy = false }
        }
        removed { from = x.gone[0] }
        import {
          to = x.z
          id = "i"
        }
        check "c" {
          data "a" "scoped" {}
          assert {
            condition     = data.a.scoped.id != ""
            error_message = "no"
          }
        }
        "#,
    )]);
    let (config, sources, problems) = load(&files);
    assert_eq!(
        lines(&problems, &sources),
        [
            "Invalid data resource lifecycle argument @ main.tf:18",
            "Invalid address @ main.tf:28",
            "Invalid depends_on reference @ main.tf:4"
        ][..2]
            .to_vec()
    );
    let root = &config.unwrap().root;
    let r = root.resource(Mode::Managed, "x", "y").unwrap();
    assert_eq!(r.body.items.len(), 2);
    assert_eq!(
        (r.depends_on.len(), r.lifecycle.preconditions.len(), r.lifecycle.replace_triggered_by.len()),
        (3, 1, 1)
    );
    assert_eq!(root.moved[0].from.key.as_ref().unwrap().to_string(), "[\"k\"]");
    assert_eq!(root.moved[0].to.module.to_string(), "module.m[0]");
    assert!(!root.removed[0].destroy);
    assert_eq!(root.resource(Mode::Data, "a", "scoped").unwrap().check.as_deref(), Some("c"));
}

#[test]
fn types_of_variables() {
    for (ty, want) in [
        ("string", "string"),
        ("list", "list(any)"),
        ("list(object({ a = optional(string, \"x\"), b = number }))", "list(object({a=optional(string), b=number}))"),
        ("tuple([string, map(bool)])", "tuple([string, map(bool)])"),
        ("any", "any"),
    ] {
        let text = format!("variable \"v\" {{\n  type = {ty}\n}}\n");
        let (config, sources, problems) = load(&Memory::of([("main.tf", text.as_str())]));
        assert_eq!(lines(&problems, &sources), [""; 0], "{ty}");
        assert_eq!(config.unwrap().root.variables["v"].constraint.ty.to_string(), want);
    }
    for ty in
        ["strin", "list(string, number)", "object(string)", "map(list)", "optional(string)", "{}", "object({ a })"]
    {
        let text = format!("variable \"v\" {{\n  type = {ty}\n}}\n");
        let (_, _, problems) = load(&Memory::of([("main.tf", text.as_str())]));
        assert!(!problems.is_empty(), "{ty}");
    }
}

#[test]
fn defaults_must_fit_and_be_literal() {
    for (body, want) in [
        ("type = number\n default = \"x\"", "Invalid default value for variable"),
        ("default = local.x", "Variables not allowed"),
        ("default = upper(\"x\")", "Function calls not allowed"),
        ("type = string\n nullable = false\n default = null", "Invalid default value for variable"),
        ("type = object({ a = optional(number, \"x\") })", "Invalid default value for optional attribute"),
    ] {
        let text = format!("variable \"v\" {{\n{body}\n}}\n");
        let (_, _, problems) = load(&Memory::of([("main.tf", text.as_str())]));
        assert_eq!(problems.iter().map(|p| p.summary.as_str()).collect::<Vec<_>>(), [want], "{body}");
    }
}

#[test]
fn providers_are_found_through_the_module_tree() {
    let files = Memory::of([
        (
            "main.tf",
            r#"
            terraform {
              required_providers {
                amazon = { source = "hashicorp/aws" }
              }
            }
            provider "amazon" {}
            provider "amazon" { alias = "west" }
            resource "aws_a" "explicit" { provider = amazon.west }
            resource "aws_a" "missing" { provider = amazon.wets }
            module "m" {
              source    = "./m"
              providers = { aws.other = amazon.west }
            }
            "#,
        ),
        (
            "m/m.tf",
            r#"
            terraform {
              required_providers {
                aws = {
                  source                = "hashicorp/aws"
                  configuration_aliases = [aws.other]
                }
              }
            }
            resource "aws_a" "default" {}
            resource "aws_a" "passed" { provider = aws.other }
            resource "null_resource" "implied" {}
            "#,
        ),
    ]);
    let (config, _, problems) = load(&files);
    assert!(problems.is_empty(), "{problems:?}");
    let config = config.unwrap();
    let mut got = Vec::new();
    for m in config.modules() {
        for r in m.resources.values() {
            let addr = m.addr(r);
            got.push(match config.resolve_provider(m, r) {
                Ok(p) => format!("{addr}: {}|{}|{}|{}", p.module, p.source, p.name, p.alias.unwrap_or_default()),
                Err(p) => format!("{addr}: {} {}", p.summary, p.hint.as_deref().unwrap_or_default()),
            });
        }
    }
    assert_eq!(
        got,
        [
            "aws_a.explicit: |registry.terraform.io/hashicorp/aws|amazon|west",
            "aws_a.missing: Provider configuration not present Did you mean \"amazon.west\"?",
            "module.m.aws_a.default: |registry.terraform.io/hashicorp/aws|amazon|",
            "module.m.aws_a.passed: |registry.terraform.io/hashicorp/aws|amazon|west",
            "module.m.null_resource.implied: |registry.terraform.io/hashicorp/null|null|",
        ]
    );
}
