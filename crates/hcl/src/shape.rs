//! Questions about the shape of an expression, answered without evaluating it: walking, references, keywords, static
//! strings, lists, maps and calls.

use crate::ast::{
    Expr, ExprKind, FunctionCall, Ident, Literal, ObjectItem, ObjectKey, ScopeTraversal, Template, TemplatePart,
};
use crate::span::Span;

impl Expr {
    /// An expression that stands for one that could not be read.
    pub fn invalid(span: Span) -> Expr {
        Expr { kind: ExprKind::Invalid, span }
    }

    /// This expression without parentheses around it.
    pub fn without_parens(&self) -> &Expr {
        match &self.kind {
            ExprKind::Parens(inner) => inner.without_parens(),
            _ => self,
        }
    }

    /// The word, if the expression is a bare one: `string`, `all`, `true`, `null`.
    pub fn as_keyword(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::ScopeTraversal(traversal) if traversal.steps.is_empty() => Some(&traversal.root.name),
            ExprKind::Literal(Literal::Bool(true)) => Some("true"),
            ExprKind::Literal(Literal::Bool(false)) => Some("false"),
            ExprKind::Literal(Literal::Null) => Some("null"),
            _ => None,
        }
    }

    /// The text, if the expression is a string without interpolations and directives.
    pub fn as_static_string(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Template(template) => template.as_static(),
            _ => None,
        }
    }

    /// The reference, if the expression is nothing else.
    pub fn as_traversal(&self) -> Option<&ScopeTraversal> {
        match &self.kind {
            ExprKind::ScopeTraversal(traversal) => Some(traversal),
            _ => None,
        }
    }

    /// The elements, if the expression is a list in brackets.
    pub fn as_tuple(&self) -> Option<&[Expr]> {
        match &self.kind {
            ExprKind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if the expression is an object in braces.
    pub fn as_object(&self) -> Option<&[ObjectItem]> {
        match &self.kind {
            ExprKind::Object(items) => Some(items),
            _ => None,
        }
    }

    /// The call, if the expression is one.
    pub fn as_call(&self) -> Option<&FunctionCall> {
        match &self.kind {
            ExprKind::FunctionCall(call) => Some(call),
            _ => None,
        }
    }

    /// The expressions directly inside of this one, in source order.
    pub fn children<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::ScopeTraversal(_) | ExprKind::SplatItem | ExprKind::Invalid => {}
            ExprKind::Template(template) => parts(&template.parts, visit),
            ExprKind::TemplateWrap(inner) | ExprKind::Parens(inner) => visit(inner),
            ExprKind::RelativeTraversal { source, .. } => visit(source),
            ExprKind::Index { source, key } => {
                visit(source);
                visit(key);
            }
            ExprKind::Splat(splat) => {
                visit(&splat.source);
                visit(&splat.each);
            }
            ExprKind::FunctionCall(call) => call.args.iter().for_each(visit),
            ExprKind::Conditional(conditional) => {
                visit(&conditional.condition);
                visit(&conditional.if_true);
                visit(&conditional.if_false);
            }
            ExprKind::Unary { operand, .. } => visit(operand),
            ExprKind::Binary(binary) => {
                visit(&binary.lhs);
                visit(&binary.rhs);
            }
            ExprKind::Tuple(items) => items.iter().for_each(visit),
            ExprKind::Object(items) => {
                for item in items {
                    if let ObjectKey::Expr(key) = &item.key {
                        visit(key);
                    }
                    visit(&item.value);
                }
            }
            ExprKind::For(parts) => {
                visit(&parts.collection);
                parts.key.iter().for_each(&mut *visit);
                visit(&parts.value);
                parts.condition.iter().for_each(visit);
            }
        }
    }

    /// Visits this expression and everything inside of it, outer before inner, in source order.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        self.children(&mut |child| child.walk(visit));
    }

    /// The references to the scope outside of this expression, in source order: those to variables of `for` expressions
    /// and `for` directives within it are left out.
    pub fn references(&self) -> Vec<&ScopeTraversal> {
        let mut found = Vec::new();
        references(self, &mut Vec::new(), &mut found);
        found
    }
}

impl Template {
    /// The text, if there are no interpolations and directives.
    pub fn as_static(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TemplatePart::Literal { value, .. }] => Some(value),
            _ => None,
        }
    }
}

impl ObjectKey {
    /// The key, if it is known without evaluation.
    pub fn as_static(&self) -> Option<&str> {
        match self {
            ObjectKey::Name(name) => Some(name.as_str()),
            ObjectKey::Expr(expr) => expr.as_static_string(),
        }
    }
}

fn parts<'a>(list: &'a [TemplatePart], visit: &mut dyn FnMut(&'a Expr)) {
    for part in list {
        match part {
            TemplatePart::Literal { .. } => {}
            TemplatePart::Interpolation { expr, .. } => visit(expr),
            TemplatePart::If(directive) => {
                visit(&directive.condition);
                parts(&directive.then, visit);
                parts(directive.otherwise.as_deref().unwrap_or_default(), visit);
            }
            TemplatePart::For(directive) => {
                visit(&directive.collection);
                parts(&directive.body, visit);
            }
        }
    }
}

/// `bound` holds the names of the variables around the expression; it is left as it was.
fn references<'a>(expr: &'a Expr, bound: &mut Vec<&'a str>, found: &mut Vec<&'a ScopeTraversal>) {
    match &expr.kind {
        ExprKind::ScopeTraversal(traversal) => {
            if !bound.contains(&traversal.root.as_str()) {
                found.push(traversal);
            }
        }
        ExprKind::For(parts) => {
            references(&parts.collection, bound, found);
            let outside = bound.len();
            bind(parts.key_var.as_ref(), &parts.value_var, bound);
            for inner in parts.key.iter().chain([&parts.value]).chain(&parts.condition) {
                references(inner, bound, found);
            }
            bound.truncate(outside);
        }
        ExprKind::Template(template) => template_references(&template.parts, bound, found),
        _ => expr.children(&mut |child| references(child, bound, found)),
    }
}

fn template_references<'a>(list: &'a [TemplatePart], bound: &mut Vec<&'a str>, found: &mut Vec<&'a ScopeTraversal>) {
    for part in list {
        match part {
            TemplatePart::Literal { .. } => {}
            TemplatePart::Interpolation { expr, .. } => references(expr, bound, found),
            TemplatePart::If(directive) => {
                references(&directive.condition, bound, found);
                template_references(&directive.then, bound, found);
                template_references(directive.otherwise.as_deref().unwrap_or_default(), bound, found);
            }
            TemplatePart::For(directive) => {
                references(&directive.collection, bound, found);
                let outside = bound.len();
                bind(directive.key.as_ref(), &directive.value, bound);
                template_references(&directive.body, bound, found);
                bound.truncate(outside);
            }
        }
    }
}

fn bind<'a>(key: Option<&'a Ident>, value: &'a Ident, bound: &mut Vec<&'a str>) {
    bound.extend(key.map(Ident::as_str));
    bound.push(value.as_str());
}

#[cfg(test)]
mod tests {
    use crate::{FileId, parse_expr};

    #[test]
    fn references_leave_out_bound_names() {
        let cases: &[(&str, &[&str])] = &[
            ("a.b + c[d] + f(e)", &["a", "c", "d", "e"]),
            ("[for x in x : x.y + z]", &["x", "z"]),
            ("{for k, v in a : k => [for w in v : w + k + b] if v}", &["a", "b"]),
            ("\"${a}%{ for x in b }${x}${c}%{ endfor }${x}\"", &["a", "b", "c", "x"]),
            ("\"%{ if a }${b}%{ else }${c}%{ endif }\"", &["a", "b", "c"]),
            ("{ a = b, (c) = d, \"${e}\" = 1 }", &["b", "c", "d", "e"]),
            ("a[*].b[c] ? !d : -e", &["a", "c", "d", "e"]),
        ];
        for (text, expected) in cases {
            let (expr, errors) = parse_expr(text, FileId(0), 0);
            assert!(errors.is_empty(), "{text}: {errors:?}");
            let roots: Vec<_> = expr.references().iter().map(|traversal| traversal.root.as_str()).collect();
            assert_eq!(roots, *expected, "{text}");
        }
    }

    #[test]
    fn shapes() {
        let shape = |text: &str| {
            let (expr, _) = parse_expr(text, FileId(0), 0);
            format!("{:?} {:?}", expr.as_keyword(), expr.as_static_string())
        };
        let cases = [
            ("all", "Some(\"all\") None"),
            ("true", "Some(\"true\") None"),
            ("a.b", "None None"),
            ("\"\"", "None Some(\"\")"),
            ("\"x\"", "None Some(\"x\")"),
            ("\"${x}\"", "None None"),
        ];
        for (text, expected) in cases {
            assert_eq!(shape(text), expected, "{text}");
        }
    }
}
