//! Terraform's configuration language as text: syntax trees with spans, every error of a file at once, and the
//! formatter. Pure: it reads no file, knows no provider and evaluates nothing.
//!
//! - [`span`]: byte spans and the [`SourceMap`] that turns them into lines and columns.
//! - [`diag`]: the one type of errors, [`SyntaxError`].
//! - [`ast`]: the tree; questions about its shape are methods of [`Expr`], such as [`Expr::references`].
//! - [`fmt`]: the formatter.
//! - [`json`]: the JSON variant, decoded into the same tree with the help of a schema.
//! - [`parse_body`], [`parse_expr`], [`parse_template`], [`parse_traversal`]: text → tree and errors.

pub mod ast;
pub mod diag;
pub mod fmt;
pub mod json;
mod lexer;
mod parser;
mod shape;
pub mod span;
mod token;

pub use ast::{Attribute, Block, Body, Expr, ExprKind, Ident, Item};
pub use diag::SyntaxError;
pub use parser::{parse_body, parse_expr, parse_template, parse_traversal};
pub use span::{FileId, Position, Range, Source, SourceMap, Span};
pub use token::is_identifier;
