//! The JSON variant of the language (`.tf.json`, `.tfvars.json`): JSON with spans, and its reading as bodies and
//! expressions.
//!
//! JSON says nothing about what is a block, so bodies are read with a schema: [`body`] asks a callback what each
//! property is and yields the same tree as native syntax does. Names that nothing is known about are best answered as
//! [`Field::Attribute`], so that whoever checks the tree reports them as in native syntax.
//!
//! Start at [`parse_body`]; [`parse`] is the JSON reader below it.

mod decode;
mod reader;

use crate::span::Span;

pub use decode::{Field, Parent, Schema, StringMode, body, expression, parse_body};
pub use reader::parse;

/// How deep JSON values may be nested.
pub const MAX_JSON_DEPTH: u32 = 100;

/// A JSON value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonValue {
    pub kind: JsonKind,
    pub span: Span,
}

/// What a JSON value is.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonKind {
    Null,
    Bool(bool),
    /// As written, sign included.
    Number(Box<str>),
    String(JsonString),
    Array(Vec<JsonValue>),
    /// In source order; duplicate keys are kept.
    Object(Vec<JsonMember>),
}

/// One property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonMember {
    pub key: JsonString,
    pub colon_span: Span,
    pub value: JsonValue,
}

/// A string with its escapes resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonString {
    pub value: Box<str>,
    /// Includes the quotes.
    pub span: Span,
    /// Where value and file diverge: offsets in the value with the offsets in the file that they are at.
    pub(crate) jumps: Vec<(u32, u32)>,
}

impl JsonValue {
    /// How messages call a value of this kind.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            JsonKind::Null => "null",
            JsonKind::Bool(_) => "a boolean",
            JsonKind::Number(_) => "a number",
            JsonKind::String(_) => "a string",
            JsonKind::Array(_) => "an array",
            JsonKind::Object(_) => "an object",
        }
    }
}
