//! Text → tree.

use stackctl_hcl::{FileId, parse_body, parse_expr, parse_template, parse_traversal};

use crate::dump;

#[track_caller]
fn check_expr(text: &str, expected: &str) {
    let (expr, errors) = parse_expr(text, FileId(0), 0);
    assert!(errors.is_empty(), "{text:?}: {errors:#?}");
    assert_eq!(dump::expr(&expr), expected, "{text:?}");
}

#[track_caller]
fn check_body(text: &str, expected: &str) {
    let (body, errors) = parse_body(text, FileId(0));
    assert!(errors.is_empty(), "{text:?}: {errors:#?}");
    assert_eq!(dump::body(&body), expected, "{text:?}");
}

#[test]
fn operators() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4", "(- (+ 1 (* 2 3)) 4)"),
        ("a || b && c == d < e + f % g", "(|| a (&& b (== c (< d (+ e (% f g))))))"),
        ("-1 + 2", "(+ (- 1) 2)"),
        ("--1", "(- (- 1))"),
        ("!a.b == c", "(== (! a.b) c)"),
        ("-a[0].b", "(- a[0].b)"),
        ("a ? b : c ? d : e", "(? a b (? c d e))"),
        ("a == b ? 1 : 2", "(? (== a b) 1 2)"),
        ("(a\n+ b)", "(((+ a b)))"),
        ("a - b", "(- a b)"),
        ("a-b", "a-b"),
        ("a -1", "(- a 1)"),
        ("1 >= 2 != true", "(!= (>= 1 2) true)"),
    ] {
        check_expr(text, expected);
    }
}

#[test]
fn terms() {
    for (text, expected) in [
        ("9007199254740993.10", "9007199254740993.10"),
        ("1e3", "1e3"),
        ("null", "null"),
        ("nullable", "nullable"),
        ("[]", "[]"),
        ("[1, [2],\n]", "[1 [2]]"),
        ("f()", "(f)"),
        ("f(1, g(2)...)", "(f 1 (g 2)...)"),
        ("f(\n1,\n)", "(f 1)"),
        ("provider::aws::arn_parse(x)", "(provider::aws::arn_parse x)"),
        ("{}", "{}"),
        (
            "{ true = 1, null = 2\n 3 = 4, (s) = 1 \n \"${s}2\" : 2, \"k\" = 1 }",
            "{true=1 null=2 3=4 ((s))=1 (tpl s \"2\")=2 \"k\"=1}",
        ),
        ("{ a = 1, a = 2 }", "{a=1 a=2}"),
        ("{ f(x) = 1 }", "{(f x)=1}"),
        ("[for x in y : x]", "(for x in y : x)"),
        ("[for i, x in y : x if i > 0]", "(for i,x in y : x if (> i 0))"),
        ("{for k, v in y :\n k\n =>\n v...\n if v }", "(for k,v in y : k => v... if v)"),
        ("{\n for k in y : k => k }", "(for k in y : k => k)"),
        ("[for\n x in y : {\n a = x\n b = 1 } ]", "(for x in y : {a=x b=1})"),
        ("[for x in [for y in z : y] : x]", "(for x in (for y in z : y) : x)"),
    ] {
        check_expr(text, expected);
    }
}

#[test]
fn traversals() {
    for (text, expected) in [
        ("a.b.c", "a.b.c"),
        ("a[\"k\"][0].b", "a[\"k\"][0].b"),
        ("a.0.b", "a.0.b"),
        ("a[b]", "(index a b)"),
        ("a[b].c[0]", "(get (index a b) .c[0])"),
        ("a[-1]", "(index a (- 1))"),
        ("a[\n0\n]", "a[0]"),
        ("a[true][null]", "a[true][null]"),
        ("a[\"x${y}\"]", "(index a (tpl \"x\" y))"),
        ("a[\"\"]", "a[\"\"]"),
        ("f(x).a[0]", "(get (f x) .a[0])"),
        ("(x).a", "(get ((x)) .a)"),
        ("\"a\"[*]", "(splat[*] \"a\" @)"),
        ("a[*].b[0]", "(splat[*] a (get @ .b[0]))"),
        ("a.*.b[0]", "(get (splat.* a (get @ .b)) [0])"),
        ("a.*.b.0.c", "(splat.* a (get @ .b.0.c))"),
        ("a[*].b[*].c", "(splat[*] a (splat[*] (get @ .b) (get @ .c)))"),
        ("a[*][x].b", "(splat[*] a (get (index @ x) .b))"),
        ("a.*", "(splat.* a @)"),
        ("null.a", "(get null .a)"),
        ("(a\n.b)", "((a.b))"),
    ] {
        check_expr(text, expected);
    }
}

#[test]
fn quoted_strings() {
    for (text, expected) in [
        (r#""""#, r#""""#),
        (r#""a\n\t\"\\\u00e9\U0001F600""#, "\"a\\n\\t\\\"\\\\é😀\""),
        (r#""$${a} %%{b} $ % $$ %% $$$${c}""#, r#""${a} %{b} $ % $$ %% $$${c}""#),
        ("\"e\u{301}\"", "\"\u{e9}\""),
        (r#""${a}""#, "(wrap a)"),
        (r#""${"${a}"}""#, "(wrap (wrap a))"),
        (r#"" ${~ a }""#, "(tpl a)"),
        (r#""x${a}${b}y""#, r#"(tpl "x" a b "y")"#),
        (r#""a ${~ "b" ~} c""#, r#"(tpl "a" "b" "c")"#),
        ("\"${\n{ a = 1 }\n}\"", "(wrap {a=1})"),
        (r#""%{ if a }x%{ else }y%{ endif }""#, r#"(tpl (if a "x" else "y"))"#),
        (r#""%{ for i, x in y ~} ${x} %{~ endfor }""#, "(tpl (for i,x in y x))"),
        (r#""%{if a}%{for x in y}${x}%{endfor}%{endif}""#, "(tpl (if a (for x in y x)))"),
        (r#""${a["b"]}-${f("${c}")}""#, r#"(tpl a["b"] "-" (f (wrap c)))"#),
    ] {
        check_expr(text, expected);
    }
}

#[test]
fn heredocs() {
    for (text, expected) in [
        ("<<E\nE\n", r#""""#),
        ("<<E\na\\n \"$${b}\n  E\n", r#""a\\n \"${b}\n""#),
        ("<<E\n${a}\nE\n", r#"(tpl a "\n")"#),
        ("<<-E\n  a\n\n    b\n ${c} x\n  E\n", r#"(tpl " a\n\n   b\n" c " x\n")"#),
        ("<<-E\n    y ${a}\n${b} z\n     z\nE\n", r#"(tpl "    y " a "\n" b " z\n     z\n")"#),
        ("<<-E\n  \n    y \n     \n    z\n  E\n", r#""  \ny \n     \nz\n""#),
        ("<<-E\n\ty\n    z\nE\n", r#""y\n   z\n""#),
        ("<<-E\n    %{ if a ~}\n    y\n    %{~ endif ~}\n    z\nE\n", r#"(tpl "    " (if a "    y\n") "    z\n")"#),
        (
            "<<E\n  %{ for x in y ~}\n  - ${x}\n  %{ endfor ~}\n  end\n  E\n",
            r#"(tpl "  " (for x in y "  - " x "\n  ") "  end\n")"#,
        ),
        ("<<E\na\n\n\n%{~ if true }b%{ endif ~}  \n  c\nE\n", r#"(tpl "a\n\n" (if true "b") "  c\n")"#),
        ("<<E\r\na\r\nE\r\n", r#""a\r\n""#),
        ("f(<<E\nE x\n E\n, 1)", r#"(f "E x\n" 1)"#),
    ] {
        check_expr(text, expected);
    }
}

#[test]
fn bodies() {
    for (text, expected) in [
        ("", ""),
        ("\u{feff}a = 1\r\nb = 2 # c\n", "a=1; b=2"),
        ("a = 1 /* x\n */\n// y\nb {}", "a=1; b{}"),
        ("a \"b\" c {\n d = 1\n e {}\n f = 2\n}\n", "a \"b\" c{d=1; e{}; f=2}"),
        ("a { b = 1 }\nc { d = { x = 1, y = 2 } }", "a{b=1}; c{d={x=1 y=2}}"),
        ("a \"$${b}\\n\" {\n}", "a \"${b}\\n\"{}"),
        ("a = [\n 1, # one\n 2\n]\nb = f(\n 1\n)\n", "a=[1 2]; b=(f 1)"),
        ("a = <<E\nx\nE\nb = 1", "a=\"x\\n\"; b=1"),
        ("for = 1\nin = for", "for=1; in=for"),
    ] {
        check_body(text, expected);
    }
}

#[test]
fn templates() {
    for (text, expected) in [
        ("", r#""""#),
        ("a \"${b}\" \\n $${c}\n", r#"(tpl "a \"" b "\" \\n ${c}\n")"#),
        ("${[a]}", "(wrap [a])"),
        ("%{ for x in y ~}\n- ${x}\n%{ endfor ~}\n", r#"(tpl (for x in y "- " x "\n"))"#),
    ] {
        let (expr, errors) = parse_template(text, FileId(0));
        assert!(errors.is_empty(), "{text:?}: {errors:#?}");
        assert_eq!(dump::expr(&expr), expected, "{text:?}");
    }
}

#[test]
fn references() {
    let steps = parse_traversal("module.a[\"x\"].b[0]", FileId(0), 0).map(|t| t.steps.len());
    assert_eq!(steps, Ok(4));
    for text in ["a[*]", "a[b]", "1", "f()", "a b", ""] {
        assert!(parse_traversal(text, FileId(0), 0).is_err(), "{text:?}");
    }
}

#[test]
fn expressions_may_begin_anywhere_in_a_file() {
    let (expr, _) = parse_expr("a + b.c", FileId(3), 10);
    let spans: Vec<_> = expr.references().iter().map(|reference| (reference.span.start, reference.span.end)).collect();
    assert_eq!(spans, [(10, 11), (14, 17)]);
    let (_, errors) = parse_expr("a +", FileId(3), 10);
    assert_eq!(errors.first().map(|error| (error.span.file, error.span.start)), Some((FileId(3), 13)));
}

#[test]
fn spans_cover_what_they_name() {
    let text = "a \"x\" {\n  b = f(c.d[0], \"p${ e }q\") + 1\n}\n";
    let (body, errors) = parse_body(text, FileId(7));
    assert!(errors.is_empty());
    let at = |span: stackctl_hcl::Span| &text[span.start as usize..span.end as usize];
    let block = body.blocks().next().expect("one block");
    let attribute = block.body.attribute("b").expect("one attribute");
    assert_eq!(at(block.header_span), "a \"x\"");
    assert_eq!(at(block.span), text.trim_end());
    assert_eq!(at(block.body.end_span), "}");
    assert_eq!(at(attribute.span), "b = f(c.d[0], \"p${ e }q\") + 1");
    assert_eq!(at(attribute.equals_span), "=");
    assert_eq!(attribute.span.file, FileId(7));
    let mut seen = Vec::new();
    attribute.expr.walk(&mut |expr| seen.push(at(expr.span).to_owned()));
    let expected = ["f(c.d[0], \"p${ e }q\") + 1", "f(c.d[0], \"p${ e }q\")", "c.d[0]", "\"p${ e }q\"", "e", "1"];
    assert_eq!(seen, expected);
}
