//! JSON values → bodies, blocks, attributes and expressions of the common tree.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{JsonKind, JsonMember, JsonString, JsonValue, parse};
use crate::ast::{Attribute, Block, Body, Expr, ExprKind, Ident, Item, Label, Literal, ObjectItem, ObjectKey};
use crate::ast::{Template, TemplatePart, TemplateStyle};
use crate::diag::SyntaxError;
use crate::parser::{self, Place};
use crate::span::{FileId, Span};

/// What a property of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// An argument whose strings are read in this way.
    Attribute(StringMode),
    /// Blocks of this kind, with so many labels: nested objects give the labels, an array gives several blocks.
    Block { labels: usize },
}

/// How the strings of a JSON value are read as expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringMode {
    /// As templates, keys of objects included: the usual way.
    Template,
    /// As plain text: defaults of variables, and other places where nothing is evaluated.
    Literal,
    /// As expressions in native syntax: types, references to providers, `depends_on`, `ignore_changes`.
    Native,
}

/// A block around the property that a schema is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    pub kind: &'a str,
    pub labels: &'a [Label],
}

/// Says what the property with this name is, in the body within these blocks (outermost first).
pub type Schema<'s> = dyn FnMut(&[Parent<'_>], &str) -> Field + 's;

/// A file: reads the JSON and decodes it as the body of a module.
pub fn parse_body(text: &str, file: FileId, schema: &mut Schema<'_>) -> (Body, Vec<SyntaxError>) {
    let (value, mut errors) = parse(text, file);
    let end_span = Span::new(file, text.len(), text.len());
    let whole = Span::new(file, 0, text.len());
    let Some(value) = value else { return (Body { items: Vec::new(), span: whole, end_span }, errors) };
    let (body, more) = body(&value, &[], schema);
    errors.extend(more);
    (body, errors)
}

/// The body that an object is, or that several objects in an array are together. `path` holds the blocks around it.
/// Properties named `//` are comments.
pub fn body(value: &JsonValue, path: &[Parent<'_>], schema: &mut Schema<'_>) -> (Body, Vec<SyntaxError>) {
    let mut decoder = Decoder { schema, errors: Vec::new() };
    let body = decoder.body(value, path);
    (body, decoder.errors)
}

/// The expression that a value is.
pub fn expression(value: &JsonValue, mode: StringMode) -> (Expr, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let expr = read(value, mode, &mut errors);
    (expr, errors)
}

struct Decoder<'s, 'c> {
    schema: &'s mut Schema<'c>,
    errors: Vec<SyntaxError>,
}

impl Decoder<'_, '_> {
    fn body(&mut self, value: &JsonValue, path: &[Parent<'_>]) -> Body {
        let mut items = Vec::new();
        let mut seen = HashMap::new();
        for member in self.members(value, "the content of a body") {
            let name = &*member.key.value;
            if name == "//" {
                continue;
            }
            match (self.schema)(path, name) {
                Field::Attribute(mode) => {
                    let repeated = seen.insert(name, member.key.span);
                    let attribute = self.attribute(member, mode);
                    if let Some(earlier) = repeated {
                        let detail = format!("The argument `{name}` is set twice; each argument may be set only once.");
                        let error = SyntaxError::new("Attribute redefined", detail, member.key.span);
                        self.errors.push(error.with_context(earlier, "first set here"));
                    }
                    items.push(Item::Attribute(attribute));
                }
                Field::Block { labels } => self.blocks(member, labels, path, &mut items),
            }
        }
        Body { items, span: value.span, end_span: last_byte(value.span) }
    }

    /// The properties of an object, or of all objects in an array; none of null.
    fn members<'v>(&mut self, value: &'v JsonValue, what: &str) -> Vec<&'v JsonMember> {
        match &value.kind {
            JsonKind::Null => Vec::new(),
            JsonKind::Object(members) => members.iter().collect(),
            JsonKind::Array(values) => {
                let mut all = Vec::new();
                for value in values {
                    match &value.kind {
                        JsonKind::Object(members) => all.extend(members),
                        _ => self.wrong_kind(value, "An object", what),
                    }
                }
                all
            }
            _ => {
                self.wrong_kind(value, "An object or an array of objects", what);
                Vec::new()
            }
        }
    }

    fn wrong_kind(&mut self, value: &JsonValue, expected: &str, what: &str) {
        let detail = format!("{expected} is required as {what}, but this is {}.", value.describe());
        self.errors.push(SyntaxError::new("Incorrect JSON value type", detail, value.span));
    }

    fn attribute(&mut self, member: &JsonMember, mode: StringMode) -> Attribute {
        let expr = read(&member.value, mode, &mut self.errors);
        let name = Ident { name: member.key.value.clone(), span: member.key.span };
        Attribute { span: name.span.to(expr.span), name, expr, equals_span: member.colon_span }
    }

    fn blocks(&mut self, member: &JsonMember, labels: usize, path: &[Parent<'_>], items: &mut Vec<Item>) {
        let mut header = Vec::with_capacity(labels);
        self.labelled(&member.key, &member.value, labels, &mut header, path, items);
    }

    /// Blocks below the labels read so far.
    fn labelled(
        &mut self,
        kind: &JsonString,
        value: &JsonValue,
        missing: usize,
        header: &mut Vec<Label>,
        path: &[Parent<'_>],
        items: &mut Vec<Item>,
    ) {
        if missing == 0 {
            return self.contents(kind, value, header, path, items);
        }
        let members = self.members(value, &format!("the labels of `{}` blocks", kind.value));
        let is_empty = match &value.kind {
            JsonKind::Object(members) => members.is_empty(),
            JsonKind::Array(values) => values.is_empty(),
            JsonKind::Null => true,
            _ => false,
        };
        if is_empty {
            let detail = format!("A property is required here, whose name is a label of the `{}` block.", kind.value);
            self.errors.push(SyntaxError::new("Missing block label", detail, value.span));
        }
        for member in members {
            header.push(Label { value: member.key.value.clone(), span: member.key.span, quoted: true });
            self.labelled(kind, &member.value, missing - 1, header, path, items);
            header.pop();
        }
    }

    fn contents(
        &mut self,
        kind: &JsonString,
        value: &JsonValue,
        labels: &[Label],
        path: &[Parent<'_>],
        items: &mut Vec<Item>,
    ) {
        let bodies = match &value.kind {
            JsonKind::Null => return,
            JsonKind::Object(_) => std::slice::from_ref(value),
            JsonKind::Array(values) => values.as_slice(),
            _ => {
                let what = format!("the content of one or more `{}` blocks", kind.value);
                return self.wrong_kind(value, "An object or an array of objects", &what);
            }
        };
        let mut inner = path.to_vec();
        inner.push(Parent { kind: &kind.value, labels });
        for value in bodies {
            let body = self.body(value, &inner);
            let kind = Ident { name: kind.value.clone(), span: kind.span };
            let header_span = labels.last().map_or(kind.span, |label| kind.span.to(label.span));
            let span = kind.span.to(value.span);
            items.push(Item::Block(Block { kind, labels: labels.to_vec(), body, span, header_span }));
        }
    }
}

fn last_byte(span: Span) -> Span {
    Span { start: span.end.saturating_sub(1).max(span.start), ..span }
}

fn read(value: &JsonValue, mode: StringMode, errors: &mut Vec<SyntaxError>) -> Expr {
    let kind = match &value.kind {
        JsonKind::Null => ExprKind::Literal(Literal::Null),
        JsonKind::Bool(value) => ExprKind::Literal(Literal::Bool(*value)),
        JsonKind::Number(text) => ExprKind::Literal(Literal::Number(text.clone())),
        JsonKind::String(string) => return read_string(string, mode, errors),
        JsonKind::Array(values) => ExprKind::Tuple(values.iter().map(|value| read(value, mode, errors)).collect()),
        JsonKind::Object(members) => ExprKind::Object({
            let mut seen = HashMap::new();
            for key in members.iter().map(|member| &member.key) {
                if let Some(earlier) = seen.insert(&*key.value, key.span) {
                    let detail = format!("The attribute `{}` is set twice; each may be set only once.", key.value);
                    let error = SyntaxError::new("Duplicate object attribute", detail, key.span);
                    errors.push(error.with_context(earlier, "first set here"));
                }
            }
            members
                .iter()
                .map(|member| {
                    // Keys of native values are names, never references.
                    let key_mode = if mode == StringMode::Native { StringMode::Literal } else { mode };
                    let key = ObjectKey::Expr(read_string(&member.key, key_mode, errors));
                    ObjectItem { key, value: read(&member.value, mode, errors) }
                })
                .collect()
        }),
    };
    Expr { kind, span: value.span }
}

fn read_string(string: &JsonString, mode: StringMode, errors: &mut Vec<SyntaxError>) -> Expr {
    let place = Place {
        file: string.span.file,
        base: string.span.start.saturating_add(1),
        jumps: Cow::Borrowed(&string.jumps),
    };
    let (mut expr, more) = match mode {
        StringMode::Template if !string.value.contains(['$', '%']) => (plain(string), Vec::new()),
        StringMode::Template => parser::parse_template_at(&string.value, place),
        StringMode::Literal => (plain(string), Vec::new()),
        StringMode::Native => parser::parse_expr_at(&string.value, place),
    };
    errors.extend(more);
    if mode != StringMode::Native {
        expr.span = string.span;
    }
    expr
}

fn plain(string: &JsonString) -> Expr {
    let inner = Span { start: string.span.start + 1, end: string.span.end.saturating_sub(1), ..string.span };
    let literal = TemplatePart::Literal { value: parser::normalize(string.value.to_string()), span: inner };
    let parts = if string.value.is_empty() { Vec::new() } else { vec![literal] };
    Expr { kind: ExprKind::Template(Template { parts, style: TemplateStyle::Bare }), span: string.span }
}
