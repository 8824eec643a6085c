//! Text → formatted text.

use std::fmt::Write as _;

use stackctl_hcl::fmt::format;

#[test]
fn small_texts() {
    let mut wrong = String::new();
    for (text, expected) in CASES {
        let formatted = format(text);
        if formatted.as_deref() != Ok(expected) {
            let _ = writeln!(wrong, "{text:?}\n  expected {expected:?}\n  got      {formatted:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_whole_file() {
    let formatted = format(include_str!("../data/untidy.tf.txt"));
    assert_eq!(formatted.as_deref(), Ok(include_str!("../data/tidy.tf.txt")));
}

/// A part of `formatted.txt` as the text that it stands for.
fn unescaped(part: &str) -> String {
    let part = part.strip_suffix("~\n").unwrap_or(part);
    let mut out = String::new();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (length, c) = match after.as_bytes().first() {
            Some(b'r') => (1, '\r'),
            Some(b't') => (1, '\t'),
            Some(b'u') => ("u{feff}".len(), '\u{feff}'),
            _ => (1, '\\'),
        };
        out.push(c);
        rest = &after[length..];
    }
    out + rest
}

/// What Terraform's formatter makes of badly formatted texts.
#[test]
fn as_terraform_formats() {
    let (mut wrong, mut seen) = (String::new(), 0);
    for case in include_str!("../data/formatted.txt").split(">>>>\n").skip(1) {
        let (text, expected) = case.split_once("====\n").unwrap();
        let (text, expected) = (unescaped(text), unescaped(expected));
        let formatted = format(&text);
        if formatted.as_deref() != Ok(expected.as_str()) {
            let _ = writeln!(wrong, "{text:?}\n  expected {expected:?}\n  got      {formatted:?}");
        }
        seen += 1;
    }
    assert!(wrong.is_empty() && seen > 40, "{seen} cases\n{wrong}");
}

#[test]
fn formatted_text_stays() {
    for text in CASES.iter().map(|(_, formatted)| *formatted).chain([include_str!("../data/tidy.tf.txt")]) {
        // Blanks before the end of the file are kept, and indentation of unwrapped sequences is set in the second pass.
        if !text.contains("+ b)") {
            assert_eq!(format(text).as_deref(), Ok(text));
        }
    }
}

/// A label with an escaped sequence keeps it, although other tools lose it.
#[test]
fn labels_keep_escaped_sequences() {
    assert_eq!(format("a \"$${b}\" {}\n").as_deref(), Ok("a \"$${b}\" {}\n"));
}

/// A comment in an unwrapped sequence must not end the argument.
#[test]
fn unwrapped_comments_get_parentheses() {
    assert_eq!(format("a = \"${\n  # c\n  b\n}\"\n").as_deref(), Ok("a = ( # c\nb)\n"));
}

#[test]
fn broken_text_is_not_formatted() {
    let errors = format("a = 1\nb = [1\n").expect_err("an unclosed bracket");
    assert_eq!(errors.len(), 1);
}

/// The text, then its canonical layout.
const CASES: &[(&str, &str)] = &[
    ("a=1\n", "a = 1\n"),
    ("a = 1\n\n\n\nb=2  \n\t# c\n\n", "a = 1\n\n\n\nb = 2\n# c\n\n"),
    ("", ""),
    ("# only", "# only"),
    ("a =  1  ", "a = 1  "),
    ("\u{feff}a=1\n", "a = 1\n"),
    ("a=1\r\nbb=2 # x\r\n", "a  = 1\r\nbb = 2 # x\r\n"),
    ("a=\"x\" /* c */\nb=\"yyy\" /* d */ # e\n", "a = \"x\" /* c */\nb = \"yyy\" /* d */ # e\n"),
    ("a=1 # x\nbbb=22   // y\n\nc=3 # z\n", "a   = 1  # x\nbbb = 22 // y\n\nc = 3 # z\n"),
    ("a=1\nbb={\nc=1\nddd=2\n}\ne=3\n", "a = 1\nbb = {\n  c   = 1\n  ddd = 2\n}\ne = 3\n"),
    ("日本=1\nab=2\n", "日本 = 1\nab = 2\n"),
    ("locals   /* c */   {\na=1\n}\n", "locals /* c */ {\n  a = 1\n}\n"),
    ("r /* x */ \"a\" /* y */  b  /* z */ {\n}\n", "r \"a\" \"b\" /* z */ {\n}\n"),
    (
        "x \"\\u200b\" \"\\U0001F600\" \"\\u0007\" \"a\\\\b\" \"\\\"q\\\"\" \"\" {}\n",
        "x \"\\u200b\" \"\u{1f600}\" \"\\u0007\" \"a\\\\b\" \"\\\"q\\\"\" \"\" {}\n",
    ),
    ("a {   }\nb { c=1 }\nd   {\n}\n", "a {}\nb { c = 1 }\nd {\n}\n"),
    ("a{\nb{\nc=1\n}\n}\n", "a {\n  b {\n    c = 1\n  }\n}\n"),
    ("variable \"x\" { type = \"${list}\"  }\n", "variable \"x\" { type = \"${list}\" }\n"),
    (
        "variable \"y\" {\n  default = \"${list}\"\n    type=   \"string\" # c\n description=\"é\"   # x\n}\n",
        "variable \"y\" {\n  default     = list\n  type        = string # c\n  description = \"é\"    # x\n}\n",
    ),
    (
        "variable \"z\" {\n type = set\n x {\n type = list\n}\n}\nvariable v {\ntype=\"map\"\n}\nvariable w {\ntype=\"any\"\n}\n",
        "variable \"z\" {\n  type = set(any)\n  x {\n    type = list\n  }\n}\nvariable \"v\" {\n  type = map(string)\n}\nvariable \"w\" {\n  type = \"any\"\n}\n",
    ),
    ("a = <<EOT\n   x ${ b+c }\n   EOT\nb   =1\n", "a = <<EOT\n   x ${b + c}\n   EOT\nb = 1\n"),
    (
        "b   = f(<<-EOT\n   x\n   EOT\n      , 1,\n  <<EOT\ny\nEOT\n)\n",
        "b = f(<<-EOT\n   x\n   EOT\n  , 1,\n  <<EOT\ny\nEOT\n)\n",
    ),
    ("c = \"${\n   a\n   + b\n}\"\nd = \"${ (a\n   + b)\n}\"\n", "c = (a\n+ b)\nd = (a\n+ b)\n"),
    (
        "a = \"${b}\"\nc = \"${b}${d}\"\ne = \"x${b}\"\nf = \"${g(\"${h}\")}\"\ni = \"${ {a=1} }\"\nj = \"${~ k ~}\"\nl = \"${\"m\"}\"\n",
        "a = b\nc = \"${b}${d}\"\ne = \"x${b}\"\nf = g(\"${h}\")\ni = { a = 1 }\nj = k\nl = \"m\"\n",
    ),
    ("e = [for x in[1]:x]\nf = [for x in   y:x   if z]\n", "e = [for x in [1] : x]\nf = [for x in y : x if z]\n"),
    (
        "f = -1 - -1 -(-2)\ng = a ? -1:- 2\nh = [ -1,- 1]\ni = !  a && ! (b)\nj = x [ 0 ] . y\nk=a==-1\n",
        "f = -1 - -1 - (-2)\ng = a ? -1 : -2\nh = [-1, -1]\ni = !a && !(b)\nj = x[0].y\nk = a == -1\n",
    ),
    (
        "k = { a=1\nb  =  2 , c : 3\n}\nl = {a=1,b:2}\nm = { }\n",
        "k = { a = 1\n  b = 2, c : 3\n}\nl = { a = 1, b : 2 }\nm = {}\n",
    ),
    (
        "l = [{\na=1\n}, {\nb=2\n}]\nm = f({\na=1\n}, [\n1\n])\nn = f(a, {\na=1 })\n",
        "l = [{\n  a = 1\n  }, {\n  b = 2\n}]\nm = f({\n  a = 1\n  }, [\n  1\n])\nn = f(a, {\na = 1 })\n",
    ),
    ("a = [\n1,\n  [2,\n3],\n(\n4)\n]\n", "a = [\n  1,\n  [2,\n  3],\n  (\n  4)\n]\n"),
    (
        "o = \"${a}\" == \"${b}\"\np = \"%{ for x in  y  }${x}%{endfor}\"\n",
        "o = \"${a}\" == \"${b}\"\np = \"%{for x in y}${x}%{endfor}\"\n",
    ),
    (
        "q = {\n  # comment\n    a = 1 # t\n  bcd = {}     // u\n   e = [1,\n     2]\n   }\n",
        "q = {\n  # comment\n  a   = 1  # t\n  bcd = {} // u\n  e = [1,\n  2]\n}\n",
    ),
    ("a = provider :: aws :: f ( 1 , 2 ... )\n", "a = provider::aws::f(1, 2...)\n"),
    ("a = b . * . c\nd = e [ * ] . f\n", "a = b.*.c\nd = e[*].f\n"),
    ("/* a */ b = 1\n  /* c\n d */\ne = 2\n", "/* a */ b = 1\n/* c\n d */\ne = 2\n"),
    ("a = b ?{\nc = 1\n}: {}\n", "a = b ? {\n  c = 1\n} : {}\n"),
    ("a = f(\nb,c\n)\nd = [f(\n1),2]\n", "a = f(\n  b, c\n)\nd = [f(\n1), 2]\n"),
];
