//! The trees of generated expressions against those of another parser of the language.
//!
//! The comparison is of infix text, as the other tree keeps what follows a term as a flat list and leaves strip markers
//! and precedence to a later step; both are tested beside the parser by examples.

use hcl_edit::expr::{Expression, ObjectKey as TheirKey, TraversalOperator};
use hcl_edit::template::{Directive, Element, Template as TheirTemplate};
use proptest::prelude::*;
use stackctl_hcl::ast::*;
use stackctl_hcl::{FileId, parse_expr};

fn ours(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => "null".into(),
        ExprKind::Literal(Literal::Bool(value)) => value.to_string(),
        ExprKind::Literal(Literal::Number(text)) => text.to_string(),
        ExprKind::Template(template) => format!("\"{}\"", parts(&template.parts)),
        ExprKind::TemplateWrap(inner) => format!("\"${{{}}}\"", ours(inner)),
        ExprKind::ScopeTraversal(traversal) => format!("{}{}", traversal.root.name, steps(&traversal.steps)),
        ExprKind::RelativeTraversal { source, steps } => ours(source) + &self::steps(steps),
        ExprKind::Index { source, key } => format!("{}[{}]", ours(source), ours(key)),
        ExprKind::Splat(splat) => {
            let marker = if splat.kind == SplatKind::Full { "[*]" } else { ".*" };
            format!("{}{marker}{}", ours(&splat.source), ours(&splat.each))
        }
        ExprKind::SplatItem => String::new(),
        ExprKind::FunctionCall(call) => {
            let dots = if call.expand_final { "..." } else { "" };
            format!("{}({}{dots})", call.name.name, list(call.args.iter().map(ours)))
        }
        ExprKind::Conditional(c) => format!("{} ? {} : {}", ours(&c.condition), ours(&c.if_true), ours(&c.if_false)),
        ExprKind::Unary { op, operand, .. } => format!("{}{}", op.symbol(), ours(operand)),
        ExprKind::Binary(b) => format!("{} {} {}", ours(&b.lhs), b.op.symbol(), ours(&b.rhs)),
        ExprKind::Parens(inner) => format!("({})", ours(inner)),
        ExprKind::Tuple(items) => format!("[{}]", list(items.iter().map(ours))),
        ExprKind::Object(items) => {
            let item = |item: &ObjectItem| match &item.key {
                ObjectKey::Name(name) => format!("{}={}", name.name, ours(&item.value)),
                ObjectKey::Expr(key) => format!("{}={}", ours(key), ours(&item.value)),
            };
            format!("{{{}}}", list(items.iter().map(item)))
        }
        ExprKind::For(f) => {
            let key_var = f.key_var.as_ref().map_or(String::new(), |name| format!("{}, ", name.name));
            let key = f.key.as_ref().map_or(String::new(), |key| format!("{} => ", ours(key)));
            let dots = if f.grouping { "..." } else { "" };
            let condition = f.condition.as_ref().map_or(String::new(), |c| format!(" if {}", ours(c)));
            let collection = ours(&f.collection);
            format!("<for {key_var}{} in {collection} : {key}{}{dots}{condition}>", f.value_var.name, ours(&f.value))
        }
        ExprKind::Invalid => "<invalid>".into(),
    }
}

fn steps(steps: &[TraversalStep]) -> String {
    let step = |step: &TraversalStep| match &step.kind {
        StepKind::Attr(name) => format!(".{name}"),
        StepKind::LegacyIndex(text) => format!(".{text}"),
        StepKind::Index(IndexKey::Number(text)) => format!("[{text}]"),
        StepKind::Index(IndexKey::String(text)) => format!("[\"{text}\"]"),
        StepKind::Index(IndexKey::Bool(value)) => format!("[{value}]"),
        StepKind::Index(IndexKey::Null) => "[null]".into(),
    };
    steps.iter().map(step).collect()
}

fn parts(list: &[TemplatePart]) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Literal { value, .. } => value.to_string(),
        TemplatePart::Interpolation { expr, .. } => format!("${{{}}}", ours(expr)),
        TemplatePart::If(d) => {
            let otherwise = d.otherwise.as_ref().map_or(String::new(), |list| format!("<else>{}", parts(list)));
            format!("<if {}>{}{otherwise}<endif>", ours(&d.condition), parts(&d.then))
        }
        TemplatePart::For(d) => {
            let key = d.key.as_ref().map_or(String::new(), |name| format!("{}, ", name.name));
            format!("<for {key}{} in {}>{}<endfor>", d.value.name, ours(&d.collection), parts(&d.body))
        }
    };
    list.iter().map(part).collect()
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn theirs(expr: &Expression) -> String {
    match expr {
        Expression::Null(_) => "null".into(),
        Expression::Bool(value) => value.to_string(),
        Expression::Number(number) => number.value().to_string(),
        Expression::String(text) => format!("\"{}\"", text.value()),
        Expression::Array(items) => format!("[{}]", list(items.iter().map(theirs))),
        Expression::Object(object) => {
            let items = object.iter().map(|(key, value)| match key {
                TheirKey::Ident(name) => format!("{}={}", name.as_str(), theirs(value.expr())),
                TheirKey::Expression(key) => format!("{}={}", theirs(key), theirs(value.expr())),
            });
            format!("{{{}}}", list(items))
        }
        Expression::StringTemplate(template) => format!("\"{}\"", elements(template.iter())),
        Expression::HeredocTemplate(heredoc) => format!("\"{}\"", template(&heredoc.template)),
        Expression::Parenthesis(inner) => format!("({})", theirs(inner.inner())),
        Expression::Variable(name) => name.as_str().to_owned(),
        Expression::Conditional(c) => {
            format!("{} ? {} : {}", theirs(&c.cond_expr), theirs(&c.true_expr), theirs(&c.false_expr))
        }
        Expression::FuncCall(call) => {
            let dots = if call.args.expand_final() { "..." } else { "" };
            let names = call.name.namespace.iter().chain([&call.name.name]).map(|name| name.as_str());
            format!("{}({}{dots})", names.collect::<Vec<_>>().join("::"), list(call.args.iter().map(theirs)))
        }
        Expression::Traversal(traversal) => {
            let operator = |operator: &TraversalOperator| match operator {
                TraversalOperator::AttrSplat(_) => ".*".to_owned(),
                TraversalOperator::FullSplat(_) => "[*]".to_owned(),
                TraversalOperator::GetAttr(name) => format!(".{}", name.as_str()),
                TraversalOperator::Index(key) => format!("[{}]", theirs(key)),
                TraversalOperator::LegacyIndex(number) => format!(".{}", number.value()),
            };
            let steps = traversal.operators.iter().map(|decorated| operator(decorated.value()));
            theirs(&traversal.expr) + &steps.collect::<String>()
        }
        Expression::UnaryOp(op) => format!("{}{}", op.operator.value().as_str(), theirs(&op.expr)),
        Expression::BinaryOp(op) => {
            format!("{} {} {}", theirs(&op.lhs_expr), op.operator.value().as_str(), theirs(&op.rhs_expr))
        }
        Expression::ForExpr(f) => {
            let key_var = f.intro.key_var.as_ref().map_or(String::new(), |name| format!("{}, ", name.as_str()));
            let key = f.key_expr.as_ref().map_or(String::new(), |key| format!("{} => ", theirs(key)));
            let dots = if f.grouping { "..." } else { "" };
            let condition = f.cond.as_ref().map_or(String::new(), |c| format!(" if {}", theirs(&c.expr)));
            let (name, collection) = (f.intro.value_var.as_str(), theirs(&f.intro.collection_expr));
            format!("<for {key_var}{name} in {collection} : {key}{}{dots}{condition}>", theirs(&f.value_expr))
        }
    }
}

fn template(template: &TheirTemplate) -> String {
    elements(template.iter())
}

fn elements<'a>(list: impl Iterator<Item = &'a Element>) -> String {
    let element = |element: &Element| match element {
        Element::Literal(text) => text.value().clone(),
        Element::Interpolation(inner) => format!("${{{}}}", theirs(&inner.expr)),
        Element::Directive(directive) => match &**directive {
            Directive::If(d) => {
                let otherwise =
                    d.else_expr.as_ref().map_or(String::new(), |e| format!("<else>{}", template(&e.template)));
                format!("<if {}>{}{otherwise}<endif>", theirs(&d.if_expr.cond_expr), template(&d.if_expr.template))
            }
            Directive::For(d) => {
                let f = &d.for_expr;
                let key = f.key_var.as_ref().map_or(String::new(), |name| format!("{}, ", name.as_str()));
                let collection = theirs(&f.collection_expr);
                format!("<for {key}{} in {collection}>{}<endfor>", f.value_var.as_str(), template(&f.template))
            }
        },
    };
    list.map(element).collect()
}

/// Texts of valid expressions.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b.c",
        "d[0]",
        "e[\"k\"].f",
        "g.*.h",
        "i[*].j[1]",
        "k.0",
        "1",
        "25",
        "true",
        "null",
        "\"\"",
        "\"x y\"",
        "\"\\n\\\"$${z}\"",
        "\"é\"",
        "f()",
        "n::g(1)",
        "[]",
        "{}",
        "for-each",
        "(<<E\nx ${y}\n\nE\n)",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    leaf.prop_recursive(4, 40, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        let operator =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"]);
        let blank = prop::sample::select(vec!["", " ", "\n", " /* c */ ", " # d\n"]);
        prop_oneof![
            (two.clone(), operator).prop_map(|((a, b), op)| format!("({a} {op} {b})")),
            (inner.clone(), blank.clone()).prop_map(|(a, blank)| format!("({blank}{a}{blank})")),
            inner.clone().prop_map(|a| format!("(-{a})")),
            inner.clone().prop_map(|a| format!("(!{a})")),
            (three.clone(), blank.clone()).prop_map(|((a, b, c), blank)| format!("[{a},{blank}{b}{blank},{c}]")),
            two.clone().prop_map(|(a, b)| format!("{{\n  k = {a}\n  \"l\": {b},\n}}")),
            two.clone().prop_map(|(a, b)| format!("{{ ({a}) = {b}, m = 1 }}")),
            two.clone().prop_map(|(a, b)| format!("f({a}, {b}...)")),
            three.clone().prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            three.clone().prop_map(|(a, b, c)| format!("[for x in {a} : {b} if {c}]")),
            three.prop_map(|(a, b, c)| format!("{{for x, y in {a} : {b} => {c}...}}")),
            two.clone().prop_map(|(a, b)| format!("\"p${{{a}}} q${{{b}}}\"")),
            two.clone().prop_map(|(a, b)| format!("\"%{{ if {a} }}r%{{ else }}${{{b}}}%{{ endif }}\"")),
            two.clone().prop_map(|(a, b)| format!("\"%{{ for x in {a} }}${{{b}}}%{{ endfor }}\"")),
            two.prop_map(|(a, b)| format!("({a})[{b}].z")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_agree(text in expression()) {
        let (expr, errors) = parse_expr(&text, FileId(0), 0);
        prop_assert!(errors.is_empty(), "{:?}: {:?}", text, errors);
        // The other parser refuses some valid texts; what it accepts, it reads in the same way.
        if let Ok(other) = hcl_edit::parser::parse_expr(&text) {
            prop_assert_eq!(ours(&expr), theirs(&other), "{:?}", text);
        }
    }
}

#[test]
fn both_read_these_texts() {
    for text in [
        "a.b[0].*.c",
        "x[*].y[\"k\"]",
        "{ a = [1, -2], \"b\" = !c ? d : e, (f) = null }",
        "[for k, v in m : \"${k}=${v}\" if v != null]",
        "{for k, v in m : k => v...}",
        "f(1 + 2 * 3, g(x)...)",
        "\"%{ if a }b%{ else }c%{ endif }%{ for i in j }${i}%{ endfor }\"",
        "<<E\na ${b}\nE\n",
    ] {
        let other = hcl_edit::parser::parse_expr(text.trim_end()).or_else(|_| hcl_edit::parser::parse_expr(text));
        let (expr, errors) = parse_expr(text, FileId(0), 0);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        assert_eq!(other.map(|other| theirs(&other)).ok(), Some(ours(&expr)), "{text}");
    }
}
