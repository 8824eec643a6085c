//! Configurations that would hang, overflow the stack or eat the memory of a careless reader: each ends soon and says why.

use std::time::{Duration, Instant};

use stackctl_lang::files::Memory;

use crate::world::{Instance, load};

/// What is said about a file and its output `o`, in one text; the value if nothing is.
fn said(main: &str) -> String {
    let start = Instant::now();
    let files = Memory::of([("main.tf", main)]);
    let (config, _, mut problems) = load(&files);
    let mut value = String::new();
    if let Some(config) = &config {
        let root = Instance::root(config, Default::default(), &files);
        if let Some(v) = root.output("o") {
            value = crate::world::show(&v);
        }
        problems.extend(root.problems.take());
    }
    // Generous: an optimised program takes a hundredth of it.
    assert!(start.elapsed() < Duration::from_secs(240), "{:?} for {}…", start.elapsed(), &main[..main.len().min(60)]);
    match problems.is_empty() {
        true => value,
        false => problems.iter().map(|p| format!("{}: {}", p.summary, p.detail)).collect::<Vec<_>>().join("\n"),
    }
}

#[track_caller]
fn check(main: &str, want: &str) {
    let got = said(main);
    assert!(got.contains(want), "{want:?} is not in {}", &got[..got.len().min(1000)]);
}

fn output(expression: &str) -> String {
    format!("output \"o\" {{\n  value = {expression}\n}}\n")
}

#[test]
fn nesting_has_a_limit_and_never_overflows_the_stack() {
    let n = 20_000;
    for (open, inner, close) in [
        ("[", "", "]"),
        ("(", "1", ")"),
        ("{a=", "1", "}"),
        ("\"${", "1", "}\""),
        ("!", "true", ""),
        ("-", "1", ""),
        ("upper(", "\"a\"", ")"),
        ("[for x in [1] : ", "1", "]"),
        ("true ? 1 : ", "2", ""),
    ] {
        let text = format!("{}{inner}{}", open.repeat(n), close.repeat(n));
        check(&output(&text), "Nesting too deep");
    }
    check(&output(&vec!["1"; n].join(" + ")), "Nesting too deep");
    check(&format!("{}{}", "a {\n".repeat(n), "}\n".repeat(n)), "Nesting too deep");
    check(&format!("variable \"v\" {{\n  type = {}string{}\n}}", "list(".repeat(n), ")".repeat(n)), "Nesting too deep");
}

#[test]
fn long_lists_of_things_that_do_not_nest_are_fine() {
    let n = 20_000;
    check(&output(&format!("length([{}])", vec!["1"; n].join(", "))), "20000");
    check(&output(&format!("length(\"{}\")", "a".repeat(n))), "20000");
    check(&output(&format!("length(\"{}\")", "${1}".repeat(n))), "20000");
    check(
        &output(&format!("length({{{}}})", (0..n).map(|i| format!("k{i} = 1")).collect::<Vec<_>>().join("\n"))),
        "20000",
    );
}

#[test]
fn amplification_ends_with_a_word() {
    // A thousand and a million characters.
    let locals = format!(
        "locals {{\n  k = \"{}\"\n  m = join(\"\", [for i in range(1000) : local.k])\n}}\n",
        "0123456789".repeat(100)
    );
    for expression in [
        "range(100000000)".to_owned(),
        "range(0, 1, 0.0000001)".to_owned(),
        "length(join(\"\", [for i in range(1000) : local.m]))".to_owned(),
        format!("length(\"{}\")", "${local.m}".repeat(200)),
        "length(\"%{for i in range(1000)}${local.m}%{endfor}\")".to_owned(),
        "length(replace(local.k, \"0\", join(\"\", [local.m, local.m])))".to_owned(),
        "length(replace(local.k, \"/[0-9]/\", local.m))".to_owned(),
        "format(\"%1000000000d\", 1)".to_owned(),
        "indent(1000000000, \"a\\nb\")".to_owned(),
        "length(indent(10000, replace(local.m, \"0\", \"\\n\")))".to_owned(),
        "length(setproduct(range(1000), range(1000), range(1000)))".to_owned(),
        "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : a]]]]"
            .to_owned(),
    ] {
        let got = said(&format!("{locals}{}", output(&expression)));
        let error = ["longer than", "more than", "too large", "wider than", "must lie between"];
        assert!(error.iter().any(|e| got.contains(e)), "{expression}: {}", &got[..got.len().min(300)]);
    }
}

#[test]
fn numbers_of_any_size() {
    for expression in [
        "1e1000000000",
        "pow(10, 1000000000)",
        "pow(2, 0.5)",
        "-1e-1000000000",
        "1e300 * 1e300",
        "parseint(\"zz\", 36)",
    ] {
        said(&output(expression));
    }
    check(&output(&format!("{} + 1", "9".repeat(10_000))), "");
}

#[test]
fn patterns_that_explode_elsewhere() {
    let text = "join(\"\", [for i in range(1000) : join(\"\", [for j in range(30) : \"x\"])])";
    for (pattern, want) in [("(x*)*(x*)*(x*)*y", "false"), ("(x+x+)+y", "false"), ("(.*)*$", "true")] {
        check(&output(&format!("can(regex(\"{pattern}\", {text}))")), want);
    }
    check(&output("regex(\"((a{1000}){1000}){1000}\", \"a\")"), "expression too large");
}

#[test]
fn documents_that_explode() {
    let bomb: String = (0..9)
        .map(|i| {
            let part = if i == 0 { "x".to_owned() } else { format!("*a{}", i - 1) };
            format!("a{i}: &a{i} [{}]\\n", vec![part; 9].join(","))
        })
        .collect();
    check(&output(&format!("length(yamldecode(\"{bomb}\").a8)")), "yamldecode");
    let n = 100_000;
    check(&output(&format!("jsondecode(\"{}\")", "[".repeat(n))), "nested more than");
    check(&output(&format!("yamldecode(\"{}\")", "[".repeat(n))), "recursion limit");
}

#[test]
fn files_that_are_no_text() {
    for (text, want) in [("a = \"\0\"", "zero bytes"), ("\u{feff}\u{feff}locals {}", "nvalid")] {
        check(text, want);
    }
    let files = Memory::new();
    let mut files = files;
    files.add("main.tf", [b'a', 0xff, 0xfe]);
    let (_, _, problems) = load(&files);
    assert_eq!(problems[0].summary, "Invalid character encoding");
}

#[test]
fn cycles_name_all_their_members() {
    let files = Memory::of([
        ("main.tf", "module \"a\" {\n  source = \"./x\"\n}\n"),
        ("x/main.tf", "module \"b\" {\n  source = \"../\"\n}\n"),
    ]);
    let (_, _, problems) = load(&files);
    assert_eq!(problems[0].summary, "Module includes itself");
    assert!(problems[0].detail.contains("module.a.module.b"), "{}", problems[0].detail);
}

#[test]
fn long_files_take_time_in_proportion() {
    let file = |n: usize| (0..n).map(|i| format!("locals {{\n  l{i} = \"v${{{i} + 1}}\"\n}}\n")).collect::<String>();
    let time = |n: usize| {
        let text = file(n);
        let start = Instant::now();
        said(&text);
        start.elapsed()
    };
    time(1_000);
    let (short, long) = (time(4_000), time(32_000));
    assert!(long < short * 8 * 4 + Duration::from_millis(200), "4,000 blocks: {short:?}, 32,000: {long:?}");
}
