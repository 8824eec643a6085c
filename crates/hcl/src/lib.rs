//! Terraform's configuration language as text: syntax trees with spans, every error of a file at once, and the
//! formatter. Pure: it reads no file, knows no provider and evaluates nothing.
//!
//! - [`span`]: byte spans and the [`SourceMap`] that turns them into lines and columns.
//! - [`diag`]: [`SyntaxError`].
//! - [`ast`]: the tree.

pub mod ast;
pub mod diag;
pub mod span;

pub use ast::{Attribute, Block, Body, Expr, ExprKind, Ident, Item};
pub use diag::SyntaxError;
pub use span::{FileId, Position, Range, Source, SourceMap, Span};
