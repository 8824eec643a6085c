//! JSON → values, bodies and expressions.

use stackctl_hcl::json::{self, Field, Parent, StringMode};
use stackctl_hcl::{ExprKind, FileId, SourceMap};

use crate::dump;

/// A small schema: `resource` has two labels and nested `rule` blocks, `variable` has literal values.
fn schema(path: &[Parent<'_>], name: &str) -> Field {
    match (path, name) {
        ([], "resource") => Field::Block { labels: 2 },
        ([], "variable") => Field::Block { labels: 1 },
        ([], "locals") => Field::Block { labels: 0 },
        ([parent], "rule") if parent.kind == "resource" && parent.labels[0].value.starts_with("aws_") => {
            Field::Block { labels: 0 }
        }
        ([parent], "default") if parent.kind == "variable" => Field::Attribute(StringMode::Literal),
        ([parent], "type") if parent.kind == "variable" => Field::Attribute(StringMode::Native),
        (_, "depends_on") => Field::Attribute(StringMode::Native),
        _ => Field::Attribute(StringMode::Template),
    }
}

fn shown(text: &str) -> String {
    let (body, errors) = json::parse_body(text, FileId(0), &mut schema);
    let errors = errors.iter().map(|e| format!("{}@{}..{}\n", e.summary, e.span.start, e.span.end));
    errors.collect::<String>() + &dump::body(&body)
}

#[test]
fn bodies() {
    for (text, expected) in [
        ("{}", ""),
        ("{\"//\": 1, \"a\": [1.5e3, -2, true, null, \"x${y}\"]}", "a=[1.5e3 -2 true null (tpl \"x\" y)]"),
        (
            r#"{"resource": {"aws_a": {"x": {"b": "${c}"}, "y": [{"b": 1}, {"b": 2}]}}}"#,
            r#"resource "aws_a" "x"{b=(wrap c)}; resource "aws_a" "y"{b=1}; resource "aws_a" "y"{b=2}"#,
        ),
        (
            r#"{"resource": [{"aws_a": {"x": {"rule": [{"p": 1}, {"p": 2}], "rule": {"p": 3}}}}, {"b": {"y": {"rule": {}}}}]}"#,
            r#"resource "aws_a" "x"{rule{p=1}; rule{p=2}; rule{p=3}}; resource "b" "y"{rule={}}"#,
        ),
        (
            r#"{"variable": {"v": {"type": "list(string)", "default": {"${a}": ["%{b"]}}}}"#,
            r#"variable "v"{type=(list string); default={"${a}"=["%{b"]}}"#,
        ),
        (r#"{"a": {"${k}-1": "$${x}", "b": "é\u00e9\n"}}"#, r#"a={(tpl k "-1")="${x}" "b"="éé\n"}"#),
        (r#"{"depends_on": ["a.b[\"c\"]"]}"#, r#"depends_on=[a.b["c"]]"#),
        (r#"[{"a": 1}, {"locals": {"b": 2}}]"#, "a=1; locals{b=2}"),
        (r#"{"locals": null}"#, ""),
        (r#"{"a": ""}"#, r#"a="""#),
        (r#"{"a": "\ud83d\ude00\/"}"#, r#"a="😀/""#),
        (r#"{"resource": {}}"#, "Missing block label@13..15\n"),
        (r#"{"resource": null}"#, "Missing block label@13..17\n"),
        (r#"{"resource": {"a": []}}"#, "Missing block label@19..21\n"),
        (r#"{"locals": [null, {"a": 1}]}"#, "locals{}; locals{a=1}"),
        (r#"{"resource": {"a": {"b": 1}}}"#, "Incorrect JSON value type@25..26\n"),
        (r#"{"a": 1, "a": 2}"#, "Attribute redefined@9..12\na=1; a=2"),
        ("3", "Incorrect JSON value type@0..1\n"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn syntax_errors() {
    for (text, expected) in [
        ("", "Unexpected end of JSON@0..0\n"),
        ("{\"a\": 1", "Unexpected end of JSON@7..7\n"),
        ("{\"a\": 1 \"b\": 2}", "Missing comma@7..7\na=1; b=2"),
        ("{\"a\": [1, 2,],}", "Superfluous comma@11..12\nSuperfluous comma@13..14\na=[1 2]"),
        ("{a: 1}", "Invalid JSON@1..2\n"),
        ("{\"a\" 1}", "Invalid JSON@5..6\n"),
        ("{\"a\": yes}", "Invalid JSON@6..9\n"),
        ("{\"a\": 01}", "Invalid JSON number@6..8\n"),
        ("{\"a\": 1.}", "Invalid JSON number@6..8\n"),
        ("{\"a\": \"x\n\"}", "Unclosed string@6..8\n"),
        ("{\"a\": \"\\x\"}", "Invalid escape sequence@7..9\n"),
        ("{} x", "Invalid JSON@3..4\n"),
        ("{\"a\": \"\\\"${b c}\"}", "Extra characters in template interpolation@13..14\na=<invalid>"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    let deep = "[".repeat(5000);
    assert!(shown(&deep).starts_with("Nesting too deep"));
}

#[test]
fn spans_are_those_of_the_file() {
    let text = r#"{"a": "\"\u00e9 ${b.c} \n${ d }"}"#;
    let mut files = SourceMap::new();
    let file = files.add("t", text);
    let (value, errors) = json::parse(text, file);
    assert!(errors.is_empty());
    let json::JsonKind::Object(members) = value.expect("a value").kind else { panic!("an object") };
    let (expr, errors) = json::expression(&members[0].value, StringMode::Template);
    assert!(errors.is_empty());
    assert!(matches!(expr.kind, ExprKind::Template(_)));
    let slices: Vec<_> = expr.references().iter().map(|reference| files.slice(reference.span)).collect();
    assert_eq!(slices, ["b.c", "d"]);
    assert_eq!(files.slice(expr.span), r#""\"\u00e9 ${b.c} \n${ d }""#);
}
