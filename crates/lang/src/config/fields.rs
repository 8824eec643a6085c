//! Taking a body apart by what its kind of block may hold, with an error for everything else.
//!
//! JSON has no blocks. Those of the language itself are told apart when a file is read ([`super::json`]); those of a
//! provider's schema stay properties until a schema is at hand, and [`json_body`] makes bodies of them then.

use std::collections::BTreeSet;

use stackctl_core::Mode;
use stackctl_hcl::ast::{Block, Label, Literal, ObjectItem, ObjectKey, TemplatePart};
use stackctl_hcl::{Attribute, Body, Expr, ExprKind, FileId, Ident, Item, Span};

use crate::diag::Problem;
use crate::value::Value;

/// What the loader carries along.
#[derive(Default)]
pub(crate) struct Cx {
    /// Everything wrong so far.
    pub(crate) problems: Vec<Problem>,
    /// Files in JSON syntax.
    pub(crate) json: BTreeSet<FileId>,
}

impl Cx {
    pub(crate) fn report(&mut self, p: Problem) {
        self.problems.push(p);
    }
    pub(crate) fn is_json(&self, span: Span) -> bool {
        self.json.contains(&span.file)
    }
}

/// What a kind of block may hold.
pub(crate) struct Shape {
    /// The kind, for messages.
    pub(crate) what: &'static str,
    /// Arguments.
    pub(crate) attrs: &'static [&'static str],
    /// Nested blocks, with their number of labels.
    pub(crate) blocks: &'static [(&'static str, usize)],
    /// Anything else is kept for a schema to judge.
    pub(crate) open: bool,
}

/// A body taken apart.
pub(crate) struct Fields {
    attrs: Vec<Attribute>,
    blocks: Vec<Block>,
    rest: Vec<Item>,
    span: Span,
    end_span: Span,
    /// Where the block begins: for "missing" errors.
    pub(crate) header: Span,
}

/// Takes a body apart. `header` is the place of the block as a whole.
pub(crate) fn split(body: Body, header: Span, shape: &Shape, cx: &mut Cx) -> Fields {
    let (span, end_span) = (body.span, body.end_span);
    let mut f = Fields { attrs: Vec::new(), blocks: Vec::new(), rest: Vec::new(), span, end_span, header };
    for item in body.items {
        match item {
            Item::Attribute(a) => {
                let name = a.name.as_str();
                if shape.attrs.contains(&name) {
                    f.attrs.push(a);
                } else if shape.open && !shape.blocks.iter().any(|(kind, _)| *kind == name) {
                    f.rest.push(Item::Attribute(a));
                } else {
                    cx.report(unsupported_argument(&a, shape));
                }
            }
            Item::Block(b) => {
                let kind = b.kind.as_str();
                if let Some((_, labels)) = shape.blocks.iter().find(|(k, _)| *k == kind) {
                    if check_labels(&b, *labels, cx) {
                        f.blocks.push(b);
                    }
                } else if shape.open && !shape.attrs.contains(&kind) {
                    f.rest.push(Item::Block(b));
                } else {
                    cx.report(unsupported_block(&b, shape));
                }
            }
        }
    }
    f
}

fn unsupported_argument(a: &Attribute, shape: &Shape) -> Problem {
    let name = a.name.as_str();
    let p = Problem::error(
        "Unsupported argument",
        format!("An argument named \"{name}\" is not expected in a {} block.", shape.what),
    )
    .at(a.name.span);
    if shape.blocks.iter().any(|(k, _)| *k == name) {
        return p.hinted(format!("Did you mean to define a block? Then leave out the equals sign: {name} {{ … }}."));
    }
    p.suggest(name, shape.attrs.iter().copied())
}

fn unsupported_block(b: &Block, shape: &Shape) -> Problem {
    let kind = b.kind.as_str();
    let p = Problem::error(
        "Unsupported block type",
        format!("Blocks of type \"{kind}\" are not expected in a {} block.", shape.what),
    )
    .at(b.kind.span);
    if shape.attrs.contains(&kind) {
        return p.hinted(format!("Did you mean to define an argument? Then write an equals sign: {kind} = …."));
    }
    p.suggest(kind, shape.blocks.iter().map(|(k, _)| *k))
}

/// Reports a wrong number of labels.
pub(crate) fn check_labels(b: &Block, want: usize, cx: &mut Cx) -> bool {
    let kind = b.kind.as_str();
    let names: &[&str] = match (kind, want) {
        ("resource" | "data" | "ephemeral", 2) => &["type", "name"],
        ("backend" | "provisioner", 1) => &["type"],
        _ => &["name"],
    };
    if b.labels.len() < want {
        let missing = names.get(b.labels.len()).unwrap_or(&"name");
        let all = if want == 2 { "two labels (type and name)" } else { "one label" };
        cx.report(
            Problem::error(
                format!("Missing {missing} for {kind}"),
                format!("A {kind} block has {all} before its opening brace."),
            )
            .at(b.header_span),
        );
        return false;
    }
    if let Some(extra) = b.labels.get(want) {
        let all = match want {
            0 => "no labels".to_owned(),
            1 => format!("only one label ({})", names[0]),
            _ => format!("only two labels ({})", names.join(" and ")),
        };
        cx.report(
            Problem::error(format!("Extraneous label for {kind}"), format!("A {kind} block has {all}.")).at(extra.span),
        );
        return false;
    }
    true
}

impl Fields {
    /// Takes an argument.
    pub(crate) fn attr(&mut self, name: &str) -> Option<Attribute> {
        let i = self.attrs.iter().position(|a| a.name.as_str() == name)?;
        Some(self.attrs.remove(i))
    }
    /// Takes an argument's expression.
    pub(crate) fn expr(&mut self, name: &str) -> Option<Expr> {
        self.attr(name).map(|a| a.expr)
    }
    /// Takes an argument that must be there.
    pub(crate) fn required(&mut self, name: &str, cx: &mut Cx) -> Option<Expr> {
        let e = self.expr(name);
        if e.is_none() {
            let detail = format!("The argument \"{name}\" is required, but no definition was found.");
            cx.report(Problem::error("Missing required argument", detail).at(self.header));
        }
        e
    }
    /// Takes a literal text.
    pub(crate) fn string(&mut self, name: &str, cx: &mut Cx) -> Option<String> {
        let e = self.expr(name)?;
        let v = constant(&e, cx)?;
        match v.as_str() {
            Some(s) => Some(s.to_owned()),
            None => match crate::convert::convert(&v, &stackctl_core::Ty::String) {
                Ok(v) if v.as_str().is_some() => v.as_str().map(str::to_owned),
                _ => {
                    cx.report(Problem::error("Unsuitable value type", "A text is required here.").at(e.span));
                    None
                }
            },
        }
    }
    /// Takes a literal truth value.
    pub(crate) fn bool(&mut self, name: &str, cx: &mut Cx) -> Option<bool> {
        let e = self.expr(name)?;
        let v = constant(&e, cx)?;
        let b = crate::convert::convert(&v, &stackctl_core::Ty::Bool).ok().and_then(|v| v.as_bool());
        if b.is_none() {
            cx.report(Problem::error("Unsuitable value type", "true or false is required here.").at(e.span));
        }
        b
    }
    /// Takes all nested blocks of a kind.
    pub(crate) fn blocks(&mut self, kind: &str) -> Vec<Block> {
        let (taken, left) = std::mem::take(&mut self.blocks).into_iter().partition(|b| b.kind.as_str() == kind);
        self.blocks = left;
        taken
    }
    /// Takes the nested block of a kind that may stand once.
    pub(crate) fn block(&mut self, kind: &str, cx: &mut Cx) -> Option<Block> {
        let mut all = self.blocks(kind).into_iter();
        let first = all.next()?;
        for b in all {
            cx.report(
                Problem::error(format!("Duplicate {kind} block"), format!("Only one {kind} block is allowed here."))
                    .at(b.header_span)
                    .with(first.header_span, "the first one is here"),
            );
        }
        Some(first)
    }
    /// What is left for a schema to judge.
    pub(crate) fn rest(self) -> Body {
        Body { items: self.rest, span: self.span, end_span: self.end_span }
    }
}

/// The value of an expression that may refer to nothing and call nothing; reports what is wrong.
pub(crate) fn constant(e: &Expr, cx: &mut Cx) -> Option<Value> {
    let (v, problems) = crate::eval::constant(e);
    let failed = problems.iter().any(Problem::is_error);
    cx.problems.extend(problems);
    (!failed).then_some(v)
}

/// The blocks that a JSON property stands for: `labels` levels of objects, then one object, or several in an array.
fn json_blocks(a: Attribute, labels: usize, cx: &mut Cx) -> Vec<Block> {
    let mut out = Vec::new();
    json_level(&a.name, a.expr, labels, &mut Vec::new(), &mut out, cx);
    out
}

fn json_level(kind: &Ident, e: Expr, labels: usize, path: &mut Vec<Label>, out: &mut Vec<Block>, cx: &mut Cx) {
    let span = e.span;
    match e.kind {
        ExprKind::Tuple(items) => {
            for item in items {
                json_level(kind, item, labels, path, out, cx);
            }
        }
        ExprKind::Object(items) if labels > 0 => {
            for item in items {
                let Some((name, at)) = key_text(&item.key) else { continue };
                path.push(Label { value: name.into(), span: at, quoted: true });
                json_level(kind, item.value, labels - 1, path, out, cx);
                path.pop();
            }
        }
        ExprKind::Object(items) => out.push(Block {
            kind: kind.clone(),
            labels: path.clone(),
            body: json_body(items, span),
            span,
            header_span: path.last().map_or(kind.span, |l| l.span),
        }),
        ExprKind::Literal(Literal::Null) | ExprKind::Invalid => {}
        _ => {
            let detail = format!("An object is required here, to stand for a \"{}\" block.", kind.as_str());
            cx.report(Problem::error("Incorrect JSON value type", detail).at(span));
        }
    }
}

/// A `dynamic` block of JSON, its `content` made a block too.
fn json_dynamic(b: Block, cx: &mut Cx) -> Block {
    let mut items = Vec::new();
    for item in b.body.items {
        match item {
            Item::Attribute(a) if a.name.as_str() == "content" => {
                items.extend(json_blocks(a, 0, cx).into_iter().map(|mut c| {
                    c.body = json_dynamics(c.body, cx);
                    Item::Block(c)
                }));
            }
            other => items.push(other),
        }
    }
    Block { body: Body { items, ..b.body }, ..b }
}

fn json_dynamics(body: Body, cx: &mut Cx) -> Body {
    let mut items = Vec::new();
    for item in body.items {
        match item {
            Item::Attribute(a) if a.name.as_str() == "dynamic" => {
                items.extend(json_blocks(a, 1, cx).into_iter().map(|b| Item::Block(json_dynamic(b, cx))));
            }
            other => items.push(other),
        }
    }
    Body { items, ..body }
}

/// The body that a JSON object stands for: every property an attribute.
pub(crate) fn json_body(items: Vec<ObjectItem>, span: Span) -> Body {
    let items = items
        .into_iter()
        .filter_map(|item| {
            let (name, at) = key_text(&item.key)?;
            let (name, expr) = (Ident { name: name.into(), span: at }, item.value);
            if name.as_str() == "//" {
                return None;
            }
            let span = at.to(expr.span);
            Some(Item::Attribute(Attribute { name, span, equals_span: at.at_end(), expr }))
        })
        .collect();
    Body { items, span, end_span: span.at_end() }
}

/// The text of a literal object key.
pub(crate) fn key_text(key: &ObjectKey) -> Option<(String, Span)> {
    match key {
        ObjectKey::Name(n) => Some((n.as_str().to_owned(), n.span)),
        ObjectKey::Expr(e) => literal_text(e).map(|t| (t, e.span)),
    }
}

/// The text of an expression that is a literal text.
pub(crate) fn literal_text(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Template(t) => match t.parts.as_slice() {
            [] => Some(String::new()),
            [TemplatePart::Literal { value, .. }] => Some(value.to_string()),
            _ => None,
        },
        ExprKind::Parens(e) => literal_text(e),
        _ => None,
    }
}

/// In JSON a reference is a text: the expression with the text parsed. In native syntax a quoted reference is accepted
/// with a warning.
pub(crate) fn reference(e: Expr, cx: &mut Cx) -> Expr {
    let Some(text) = literal_text(&e) else { return e };
    if !cx.is_json(e.span) {
        cx.report(
            Problem::warning("Quoted references are deprecated", "References are written without quotes.").at(e.span),
        );
    }
    let (parsed, errors) = stackctl_hcl::parse_expr(&text, e.span.file, e.span.start + 1);
    if errors.is_empty() {
        return parsed;
    }
    cx.problems.extend(errors.into_iter().map(Problem::from));
    Expr { kind: ExprKind::Invalid, span: e.span }
}

/// The same where native syntax takes no quotes.
pub(crate) fn address(e: Expr, cx: &mut Cx) -> Expr {
    if !cx.is_json(e.span) && matches!(e.kind, ExprKind::Template(_)) {
        cx.report(Problem::error("Invalid expression", "An address is written without quotes.").at(e.span));
        return Expr { kind: ExprKind::Invalid, span: e.span };
    }
    reference(e, cx)
}

/// The elements of an expression that must be a literal list, as `depends_on` is.
pub(crate) fn elements(e: Expr, what: &str, cx: &mut Cx) -> Vec<Expr> {
    match e.kind {
        ExprKind::Tuple(items) => items,
        ExprKind::Parens(inner) => elements(*inner, what, cx),
        ExprKind::Invalid => Vec::new(),
        _ => {
            cx.report(Problem::error("Invalid expression", format!("A list of {what} is required here.")).at(e.span));
            Vec::new()
        }
    }
}

/// How messages call a kind of resource block.
pub(crate) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "resource",
        Mode::Data => "data",
        Mode::Ephemeral => "ephemeral",
    }
}

/// As [`json_body`], with `dynamic` properties made blocks.
pub(crate) fn json_body_with_dynamics(items: Vec<ObjectItem>, span: Span, cx: &mut Cx) -> Body {
    json_dynamics(json_body(items, span), cx)
}
