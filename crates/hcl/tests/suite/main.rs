//! The crate as others see it: trees, errors, properties of the parser, the formatter.

mod corpus;
mod differential;
mod dump;
mod errors;
mod formats;
mod json;
mod properties;
mod trees;
