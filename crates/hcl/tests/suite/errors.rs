//! Text → errors with their places, and what is left of the tree.

use stackctl_hcl::{FileId, SourceMap, parse_body};

use crate::dump;

/// Errors as `Summary@line:col-line:col <context line:col>`, then the tree.
fn shown(text: &str) -> String {
    let mut files = SourceMap::new();
    let file = files.add("t", text);
    assert_eq!(file, FileId(0));
    let (body, errors) = parse_body(text, file);
    let place = |span| {
        let range = files.range(span).expect("a span of the file");
        format!("{}:{}-{}:{}", range.start.line, range.start.column, range.end.line, range.end.column)
    };
    let errors = errors.iter().map(|error| {
        let context = error.context.as_ref().map_or(String::new(), |(span, _)| format!(" ({})", place(*span)));
        format!("{}@{}{context}\n", error.summary, place(error.span))
    });
    errors.collect::<String>() + &dump::body(&body)
}

#[test]
fn errors_and_recovery() {
    for (text, expected) in CASES {
        assert_eq!(shown(text), *expected, "{text}");
    }
}

/// Repeated names are found in bodies of every size, also when the first one is far away.
#[test]
fn repeated_names_in_large_bodies() {
    let text = (0..40).map(|n| format!("a{n} = 1\n")).collect::<String>() + "a3 = 2\na30 = 2\nb {}\nb {}\n";
    let (_, errors) = parse_body(&text, FileId(0));
    assert_eq!(errors.iter().map(|error| error.summary.as_str()).collect::<Vec<_>>(), ["Attribute redefined"; 2]);
}

/// The text, then what is expected of it.
const CASES: &[(&str, &str)] = &[
    (
        "<<<<<<< ours\na = 1\n=======\nb = 2\n>>>>>>> theirs\n",
        "Merge conflict@1:1-1:13\nMerge conflict@3:1-3:8\nMerge conflict@5:1-5:15\na=1; b=2",
    ),
    ("a = \nb = 1\n", "Missing expression@1:5-1:5\na=<invalid>; b=1"),
    ("a = [1, 2\nb = 3\n", "Missing closing bracket@2:1-2:2 (1:5-1:6)\na=<invalid>; b=3"),
    ("a = [1 2]\nb = 3\n", "Missing comma@1:8-1:9 (1:5-1:6)\na=<invalid>; b=3"),
    ("a = f(1\nb = 3\n", "Missing closing bracket@2:1-2:2 (1:6-1:7)\na=<invalid>; b=3"),
    ("a = (1 + 2\nb = 3\n", "Missing closing parenthesis@2:1-2:2 (1:5-1:6)\na=<invalid>; b=3"),
    ("a = { x = 1\nb = 3\n", "Unclosed object@2:1-2:2 (1:5-1:6)\na=<invalid>; b=3"),
    ("a {\n  b = 1\n\nc {\n  d = 1\n}\n", "Unclosed block@4:1-4:2 (1:1-1:4)\na{b=1}; c{d=1}"),
    ("a {\n  b {\n    c = 1\n  d = 2\n}\ne = 1\n", "Unclosed block@4:3-4:4 (2:3-2:6)\na{b{c=1}; d=2}; e=1"),
    ("a {\n  b = {\n    c = 1\n}\nd = 1\n", "Unclosed object@4:1-4:2 (2:7-2:8)\na{b=<invalid>}; d=1"),
    ("a {\n  b = 1\n", "Unclosed block@3:1-3:1 (1:1-1:4)\na{b=1}"),
    ("a {\n  b {\n", "Unclosed block@3:1-3:1 (2:3-2:6)\nUnclosed block@3:1-3:1 (1:1-1:4)\na{b{}}"),
    ("a = 1 b = 2\nc = 3\n", "Missing newline after argument@1:7-1:8\na=1; c=3"),
    ("a { b = 1, c = 2 }\nd = 1\n", "Invalid single-argument block definition@1:10-1:11 (1:3-1:4)\na{b=1}; d=1"),
    ("a { b = 1\n}\nd = 1\n", "Invalid single-argument block definition@1:10-1:10 (1:3-1:4)\na{b=1}; d=1"),
    (
        "a { b {} }\nd = 1\n",
        "Invalid single-argument block definition@1:5-1:6\nMissing newline after block definition@1:10-1:11\na{b{}}; d=1",
    ),
    ("a {\n b = 1 }\nc = 1\n", "Missing newline after argument@2:8-2:9\na{b=1}; c=1"),
    ("a \"b\" = {\n c = 1\n}\nd = 1\n", "Invalid block definition@1:7-1:8\na \"b\"{c=1}; d=1"),
    ("a.b {\n c = 1\n}\nd = 1\n", "Argument or block definition required@1:2-1:3\nd=1"),
    ("a \"b\"\n{\n c = 1\n}\nd = 1\n", "Invalid block definition@1:6-1:6\na \"b\"{c=1}; d=1"),
    ("a \"b\n c = 1\n}\nd = 1\n", "Unclosed string@1:3-1:5\nUnexpected closing bracket@3:1-3:2\nc=1; d=1"),
    ("a \"${b}\" {\n}\nc = 1\n", "Invalid block label@1:4-1:6\na \"\"{}; c=1"),
    ("a: 1\nb = 2\n", "Argument or block definition required@1:2-1:3\nb=2"),
    ("\"a\" = 1\nb = 2\n", "Invalid argument name@1:1-1:2\nb=2"),
    ("= 1\nb = 2\n", "Argument or block definition required@1:1-1:2\nb=2"),
    ("}\nb = 2\n", "Unexpected closing bracket@1:1-1:2\nb=2"),
    ("a = 1)\nb = 2\n", "Unexpected closing bracket@1:6-1:7\na=1; b=2"),
    ("a = 1\na = 2\n", "Attribute redefined@2:1-2:2 (1:1-1:2)\na=1; a=2"),
    ("a = \"x\nb = 2\n", "Unclosed string@1:5-1:7\na=\"x\"; b=2"),
    ("a = \"${b\nc = 2\n", "Unclosed template sequence@1:6-1:9\na=(wrap b); c=2"),
    ("a = \"${f(\"x)}\"\nc = 2\n", "Unclosed template sequence@1:6-1:15\na=<invalid>; c=2"),
    ("a = \"${b c}\"\nd = 1\n", "Extra characters in template interpolation@1:10-1:11 (1:6-1:8)\na=<invalid>; d=1"),
    ("a = \"${b:-x}\"\nd = 1\n", "Extra characters in template interpolation@1:9-1:10 (1:6-1:8)\na=<invalid>; d=1"),
    (
        "a = \"\\q\\u12\\x\"\n",
        "Invalid escape sequence@1:6-1:8\nInvalid escape sequence@1:8-1:12\nInvalid escape sequence@1:12-1:14\na=\"\"",
    ),
    ("a = \"\\ud83d\\U00110000\"\n", "Invalid escape sequence@1:6-1:12\nInvalid escape sequence@1:12-1:22\na=\"\""),
    ("a = <<E\nx\n", "Unclosed heredoc@1:5-1:8\na=\"x\\n\""),
    ("a {\n b = <<E\nx\n}\n", "Unclosed heredoc@2:6-2:9\na{b=\"x\\n}\\n\"}"),
    ("a = <<E\nx\nE", "Unclosed heredoc@3:1-3:2 (1:5-1:8)\na=\"x\\n\""),
    ("a = <<E x\ny\nE\nb = 1\n", "Invalid heredoc@1:8-1:10\na=\"y\\n\"; b=1"),
    ("a = 1 /* x\nb = 2\n", "Unclosed comment@1:7-1:9\na=1"),
    (
        "a = 'x'\nb = 1 & 2\nc = 2;d = 3\ne = 2 ** 3\nf = ^1\n",
        "Invalid character@1:5-1:8\nUnsupported operator@2:7-2:8\nInvalid character@3:6-3:7\nUnsupported operator@4:7-4:9\nUnsupported operator@5:5-5:6\na=<invalid>; b=(&& 1 2); c=2; d=3; e=(* 2 3); f=<invalid>",
    ),
    ("a = b ? 1\nc = 1\n", "Incomplete conditional@1:10-1:10 (1:7-1:8)\na=<invalid>; c=1"),
    ("a = b ? 1 : \nc = 1\n", "Missing expression@1:13-1:13\na=<invalid>; c=1"),
    (
        "a = x.0.1\nb = x.\nc = x.*.*\n",
        "Invalid index@1:7-1:10\nMissing attribute name@2:7-2:7\nNested splat@3:9-3:10\na=<invalid>; b=<invalid>; c=<invalid>",
    ),
    ("a = x[*\nb = 1\n", "Missing closing bracket@1:8-1:8 (1:6-1:7)\na=<invalid>; b=1"),
    ("a = x[1\nb = 1\n", "Missing closing bracket@2:1-2:2 (1:6-1:7)\na=<invalid>; b=1"),
    (
        "a = { x.y = 1 }\nb = { x }\nc = { x = 1 y = 2 }\nd = {x = \n1}\n",
        "Missing value of object entry@2:9-2:10 (2:5-2:6)\nMissing comma@3:13-3:14 (3:5-3:6)\nMissing expression@4:10-4:10\na={x.y=1}; b=<invalid>; c=<invalid>; d=<invalid>",
    ),
    (
        "a = [for x y : z]\nb = [for x in y]\nc = {for x in y : z}\nd = [for x in y : z => 1]\ne = [for x in y : z...]\nf = [for]\n",
        "Invalid 'for' expression@1:12-1:13 (1:5-1:6)\nInvalid 'for' expression@2:16-2:17 (2:5-2:6)\nInvalid 'for' expression@3:20-3:21 (3:5-3:6)\nInvalid 'for' expression@4:21-4:23\nInvalid 'for' expression@5:20-5:23 (5:5-5:6)\nInvalid 'for' expression@6:9-6:10 (6:5-6:6)\na=<invalid>; b=<invalid>; c=<invalid>; d=<invalid>; e=<invalid>; f=<invalid>",
    ),
    (
        "a = [for x in y : x if]\nb = [for x in y : x z]\n",
        "Invalid expression@1:23-1:24\nInvalid 'for' expression@2:21-2:22 (2:5-2:6)\na=<invalid>; b=<invalid>",
    ),
    (
        "a = f(x... , y)\nb = f(,)\nc = f::\nd = f::g\n",
        "Missing closing parenthesis@1:12-1:13 (1:6-1:7)\nInvalid expression@2:7-2:8\nMissing function name@3:8-3:8\nMissing open parenthesis@4:9-4:9\na=<invalid>; b=<invalid>; c=<invalid>; d=<invalid>",
    ),
    (
        "a = \"%{ if x }\"\nb = \"%{ endif }\"\nc = \"%{ for x in y }%{ endif }\"\nd = \"%{ x }\"\n",
        "Unclosed template directive@1:15-1:16 (1:6-1:8)\nUnexpected endif directive@2:6-2:16\nUnclosed template directive@3:21-3:31 (3:6-3:8)\nInvalid template directive@4:9-4:10\na=<invalid>; b=<invalid>; c=<invalid>; d=<invalid>",
    ),
    ("a = \"%{ if x }%{ else }%{ else }%{ endif }\"\n", "Unclosed template directive@1:24-1:33 (1:6-1:8)\na=<invalid>"),
    (
        "a = [\n  1,\n  {\n    b = 1,\n    c = 2 3\n  },\n]\nd = 1\n",
        "Missing comma@5:11-5:12 (3:3-3:4)\na=<invalid>; d=1",
    ),
    (
        "a {\n  b = [\n    1 2\n  ]\n  c = = 2\n}\nd = !\n",
        "Missing comma@3:7-3:8 (2:7-2:8)\nInvalid expression@5:7-5:8\nMissing expression@7:6-7:6\na{b=<invalid>; c=<invalid>}; d=<invalid>",
    ),
    (
        "a {\n  b = f(g(1, 2)\n  c = 1\n}\nd {\n}\n",
        "Missing closing bracket@3:3-3:4 (2:8-2:9)\na{b=<invalid>; c=1}; d{}",
    ),
    ("a {} b {}\n", "Missing newline after block definition@1:6-1:7\na{}; b{}"),
    ("a {\n  b {} }\nc = 1\n", "Missing newline after block definition@2:8-2:9\na{b{}}; c=1"),
    ("a = 1 }\nb = 1\n", "Missing newline after argument@1:7-1:8\na=1; b=1"),
    ("a\nb = 1\n", "Argument or block definition required@1:2-1:2\nb=1"),
    ("a b\nc = 1\n", "Invalid block definition@1:4-1:4\nc=1"),
    (
        "a = “x”\nb\u{a0}= 1\n",
        "Invalid character@1:5-1:6\nInvalid character@1:7-1:8\nInvalid character@2:2-2:3\na=<invalid>; b=1",
    ),
    ("a = 1 = 2\n", "Missing newline after argument@1:7-1:8\na=1"),
    ("a =\n", "Missing expression@1:4-1:4\na=<invalid>"),
    ("a = @\nb = 1\n", "Invalid character@1:5-1:6\na=<invalid>; b=1"),
    ("a \"b {\n  c = 1\n}\nd = 1\n", "Unclosed string@1:3-1:7\na \"b {\"{c=1}; d=1"),
    (
        "a = 1\n  }\nb {\n x = [}\n y = 1\n}\n",
        "Unexpected closing bracket@2:3-2:4\nInvalid expression@4:7-4:8\na=1; b{x=<invalid>; y=1}",
    ),
    (
        "a {\n  b = 1\n  c {\n}\n\nd \"e\" {\n  f = [\n}\n",
        "Unclosed block@4:1-4:2 (3:3-3:6)\nInvalid expression@8:1-8:2\na{b=1; c{}}; d \"e\"{f=<invalid>}",
    ),
    ("a {\n  b = <<-E\n    ${ x\n  E\n}\nc = 1\n", "Unclosed heredoc@2:7-2:11\na{b=<invalid>}"),
];
