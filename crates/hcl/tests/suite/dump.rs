//! Compact s-expressions of the tree, for comparing.

use stackctl_hcl::ast::*;

pub(crate) fn body(body: &Body) -> String {
    let items = body.items.iter().map(|item| match item {
        Item::Attribute(attribute) => format!("{}={}", attribute.name.name, expr(&attribute.expr)),
        Item::Block(block) => {
            let labels = block
                .labels
                .iter()
                .map(|label| if label.quoted { format!(" {:?}", label.value) } else { format!(" {}", label.value) });
            format!("{}{}{{{}}}", block.kind.name, labels.collect::<String>(), self::body(&block.body))
        }
    });
    items.collect::<Vec<_>>().join("; ")
}

pub(crate) fn expr(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => "null".into(),
        ExprKind::Literal(Literal::Bool(value)) => value.to_string(),
        ExprKind::Literal(Literal::Number(text)) => text.to_string(),
        ExprKind::Template(template) => parts(&template.parts),
        ExprKind::TemplateWrap(inner) => format!("(wrap {})", self::expr(inner)),
        ExprKind::ScopeTraversal(traversal) => format!("{}{}", traversal.root.name, steps(&traversal.steps)),
        ExprKind::RelativeTraversal { source, steps } => format!("(get {} {})", self::expr(source), self::steps(steps)),
        ExprKind::Index { source, key } => format!("(index {} {})", self::expr(source), self::expr(key)),
        ExprKind::Splat(splat) => {
            let kind = if splat.kind == SplatKind::Full { "[*]" } else { ".*" };
            format!("(splat{kind} {} {})", self::expr(&splat.source), self::expr(&splat.each))
        }
        ExprKind::SplatItem => "@".into(),
        ExprKind::FunctionCall(call) => {
            let dots = if call.expand_final { "..." } else { "" };
            format!("({}{}{dots})", call.name.name, list(&call.args))
        }
        ExprKind::Conditional(c) => {
            format!("(? {} {} {})", self::expr(&c.condition), self::expr(&c.if_true), self::expr(&c.if_false))
        }
        ExprKind::Unary { op, operand, .. } => format!("({} {})", op.symbol(), self::expr(operand)),
        ExprKind::Binary(b) => format!("({} {} {})", b.op.symbol(), self::expr(&b.lhs), self::expr(&b.rhs)),
        ExprKind::Parens(inner) => format!("(({}))", self::expr(inner)),
        ExprKind::Tuple(items) => format!("[{}]", list(items).trim_start()),
        ExprKind::Object(items) => {
            let items = items.iter().map(|item| format!("{}={}", key(&item.key), self::expr(&item.value)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(" "))
        }
        ExprKind::For(f) => {
            let key = f.key.as_ref().map_or(String::new(), |key| format!("{} => ", self::expr(key)));
            let dots = if f.grouping { "..." } else { "" };
            let condition = f.condition.as_ref().map_or(String::new(), |c| format!(" if {}", self::expr(c)));
            let names = names(f.key_var.as_ref(), &f.value_var);
            format!("(for {names} in {} : {key}{}{dots}{condition})", self::expr(&f.collection), self::expr(&f.value))
        }
        ExprKind::Invalid => "<invalid>".into(),
    }
}

fn names(key: Option<&Ident>, value: &Ident) -> String {
    key.map_or(String::new(), |key| format!("{},", key.name)) + &value.name
}

fn key(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Name(name) => name.name.to_string(),
        ObjectKey::Expr(key) => expr(key),
    }
}

fn list(items: &[Expr]) -> String {
    items.iter().map(|item| format!(" {}", expr(item))).collect()
}

fn steps(steps: &[TraversalStep]) -> String {
    let step = |step: &TraversalStep| match &step.kind {
        StepKind::Attr(name) => format!(".{name}"),
        StepKind::LegacyIndex(text) => format!(".{text}"),
        StepKind::Index(IndexKey::Number(text)) => format!("[{text}]"),
        StepKind::Index(IndexKey::String(text)) => format!("[{text:?}]"),
        StepKind::Index(IndexKey::Bool(value)) => format!("[{value}]"),
        StepKind::Index(IndexKey::Null) => "[null]".into(),
    };
    steps.iter().map(step).collect()
}

fn parts(parts: &[TemplatePart]) -> String {
    match parts {
        [] => "\"\"".into(),
        [TemplatePart::Literal { value, .. }] => format!("{value:?}"),
        _ => format!("(tpl {})", sequence(parts)),
    }
}

fn sequence(parts: &[TemplatePart]) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Literal { value, .. } => format!("{value:?}"),
        TemplatePart::Interpolation { expr: inner, .. } => expr(inner),
        TemplatePart::If(d) => {
            let otherwise = d.otherwise.as_ref().map_or(String::new(), |parts| format!(" else {}", sequence(parts)));
            format!("(if {} {}{otherwise})", expr(&d.condition), sequence(&d.then))
        }
        TemplatePart::For(d) => {
            format!("(for {} in {} {})", names(d.key.as_ref(), &d.value), expr(&d.collection), sequence(&d.body))
        }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}
