//! What holds for every text: nothing panics, spans lie within the text, trees are of limited height, and another parser
//! agrees where it can.

use proptest::prelude::*;
use stackctl_hcl::ast::MAX_DEPTH;
use stackctl_hcl::json::{self, Field, StringMode};
use stackctl_hcl::{Expr, FileId, Span, SyntaxError, fmt, parse_body, parse_expr, parse_template};

use crate::dump;

/// A text with most of the syntax, to be mutated.
const SAMPLE: &str = r#"
resource "aws_subnet" "main" {
  for_each = { for i, az in var.zones : az => i... if az != "x" }
  cidr     = cidrsubnet(aws_vpc.main[0].cidr_block, 8, each.value + 1) # comment
  tags = merge(local.tags, {
    Name = "${var.name}-${each.key}%{ if var.long ~} long %{ else }%{ endif }"
    "k"  : [1, -2.5e3, !true, null][*].id
  })
  user_data = <<-EOT
    #!/bin/sh
    echo $${HOME} ${join(",", aws_x.y.*.z.0[1])}
  EOT
  lifecycle { ignore_changes = [tags["a"], all] }
}
"#;

fn within(span: Span, text: &str) -> bool {
    let (start, end) = (span.start as usize, span.end as usize);
    start <= end && text.get(start..end).is_some()
}

fn height(expr: &Expr) -> u32 {
    let mut below = 0;
    expr.children(&mut |child| below = below.max(height(child)));
    below + 1
}

fn check_errors(errors: &[SyntaxError], text: &str) {
    for error in errors {
        assert!(within(error.span, text), "{error:?} in {text:?}");
        assert!(error.context.as_ref().is_none_or(|(span, _)| within(*span, text)), "{error:?} in {text:?}");
        assert!(!error.summary.is_empty() && !error.detail.is_empty());
    }
}

fn check_expr(expr: &Expr, text: &str) {
    expr.walk(&mut |inner| assert!(within(inner.span, text), "{inner:?} in {text:?}"));
    assert!(height(expr) <= MAX_DEPTH + 1);
}

fn check_all(text: &str) {
    let (body, errors) = parse_body(text, FileId(0));
    check_errors(&errors, text);
    for attribute in body.attributes() {
        check_expr(&attribute.expr, text);
    }
    assert_eq!(fmt::format(text).is_ok(), errors.is_empty());
    for (expr, errors) in [parse_expr(text, FileId(0), 0), parse_template(text, FileId(0))] {
        check_expr(&expr, text);
        check_errors(&errors, text);
    }
    let (_, errors) = json::parse_body(text, FileId(0), &mut |_, _| Field::Attribute(StringMode::Template));
    check_errors(&errors, text);
}

/// Formatting changes neither the tree nor, once the layout is canonical, the text.
fn check_format(text: &str) {
    if let Ok(formatted) = fmt::format(text) {
        let (body, errors) = parse_body(&formatted, FileId(0));
        assert!(errors.is_empty(), "{text:?} became {formatted:?}: {errors:?}");
        if !text.contains("\"${") && !text.contains("type") {
            // Labels without quotes get some, which is no difference of the tree's values.
            let plain = |text: &str| dump::body(&parse_body(text, FileId(0)).0).replace(['"', ' '], "");
            assert_eq!(plain(text), plain(&formatted), "{text:?}");
        }
        drop(body);
    }
}

/// Separated by blanks; `_` stands for a blank and `|` for a line break.
const TOKENS: &str = "a b1 for in if else endif endfor true null 1 2.5 \" ${ %{ } ~} ${~ { ( ) [ ] = == => ... . * , : :: ? - ! \
                      && || < <<E| <<-E| |E| | | _ __ #c| /*_d_*/ /* \\ \\n $${ $ % é \u{301} \r| \u{a0} ' ; \u{feff} \u{0} x_=_ \
                      y_\"z\"_{|";

fn token() -> impl Strategy<Value = String> {
    let tokens: Vec<String> = TOKENS.split(' ').map(|token| token.replace('_', " ").replace('|', "\n")).collect();
    prop::sample::select(tokens)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_tokens(tokens in prop::collection::vec(token(), 0..60)) {
        let text = tokens.concat();
        check_all(&text);
        check_format(&text);
    }

    #[test]
    fn mutations(cuts in prop::collection::vec((0_usize..SAMPLE.len(), 0_usize..12, token()), 1..4)) {
        let mut text = SAMPLE.to_owned();
        for (at, length, insert) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, &insert);
            }
        }
        check_all(&text);
        check_format(&text);
    }

    #[test]
    fn another_parser_agrees(tokens in prop::collection::vec(token(), 0..12)) {
        let text = tokens.concat();
        if let Ok(theirs) = hcl_edit::parser::parse_body(&text) {
            let (_, errors) = parse_body(&text, FileId(0));
            prop_assert!(errors.is_empty(), "{:?} {:?} {:?}", text, errors, theirs);
        }
    }
}

#[test]
fn the_sample_is_valid_for_both() {
    let (body, errors) = parse_body(SAMPLE, FileId(0));
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(body.blocks().count(), 1);
    assert!(hcl_edit::parser::parse_body(SAMPLE).is_ok());
    check_format(SAMPLE);
}

#[test]
fn deep_nesting_is_an_error() {
    let many = 100_000;
    let texts = [
        "(".repeat(many),
        "[".repeat(many),
        "{a=".repeat(many),
        "-".repeat(many),
        "!".repeat(many) + "a",
        "\"${".repeat(many),
        "f(".repeat(many),
        "a[".repeat(many),
        "a?".repeat(many),
        "[for x in ".repeat(many),
        "1+".repeat(many) + "1",
        "a".to_owned() + &"[b]".repeat(many),
        "a".to_owned() + &"[*]".repeat(many),
        "a".to_owned() + &".*[b]".repeat(many),
        "\"".to_owned() + &"%{ if a }".repeat(many),
        "a".to_owned() + &"? b : c ".repeat(many),
    ];
    for text in &texts {
        let (expr, errors) = parse_expr(text, FileId(0), 0);
        assert!(!errors.is_empty(), "{}", &text[..20]);
        drop(expr.clone());
    }
    let blocks = "a {\n".repeat(many) + &"}\n".repeat(many);
    let (body, errors) = parse_body(&blocks, FileId(0));
    assert!(errors.iter().any(|error| error.summary == "Nesting too deep"), "{errors:?}");
    drop(body);
}

/// The deepest tree that is allowed can be parsed, cloned, walked and dropped on the stack of a test thread.
#[test]
fn the_greatest_depth_is_allowed() {
    let depth = MAX_DEPTH as usize - 1;
    let wrap = |open: &str, close: &str| open.repeat(depth) + "x" + &close.repeat(depth);
    for text in [
        wrap("(", ")"),
        wrap("[", "]"),
        wrap("{a=", "}"),
        wrap("f(", ")"),
        wrap("\"${", "}\""),
        wrap("-", ""),
        wrap("a[", "]"),
        wrap("1+", ""),
        wrap("[for x in y : ", "]"),
    ] {
        let (expr, errors) = parse_expr(&text, FileId(0), 0);
        assert!(errors.is_empty(), "{} {:?}", &text[..8], errors);
        assert_eq!(height(&expr), MAX_DEPTH, "{}", &text[..8]);
        assert_eq!(expr.clone(), expr);
    }
}

#[test]
fn many_errors_take_little_time() {
    let start = std::time::Instant::now();
    for text in ["a = [\n", "\"${\n", "a = \"${b\n", "a {\n", "}\n", "a = <<E\n", "a = 1 2\n", "a b\n", "((\n"] {
        let text = text.repeat(20_000);
        let (_, errors) = parse_body(&text, FileId(0));
        assert!(!errors.is_empty());
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}
