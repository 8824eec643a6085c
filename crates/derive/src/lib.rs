//! `#[derive(Resource)]`, `#[derive(Data)]`, `#[derive(Block)]`: from a struct to its schema and its conversions.
//!
//! The derive knows nothing about AWS and almost nothing about schemas. It reads three things: the outermost name of each
//! field's type (`Option`, `Computed`, `Local` …), which says who sets the attribute; the doc comments; and the flags, of
//! which each becomes a call of the method of that name in `kit::table`:
//!
//! ```text
//! #[attr(force_new, default = "public", one_of("public", "private"))]      on a field
//!      → .force_new().default("public").one_of(&["public", "private"])     on its kit::table::Slot
//! ```
//!
//! A flag that `kit::table` does not have is therefore an ordinary compile error, and a new one needs no change here.
//! The macro must never grow logic about a type: irregular types have helper functions instead.
//!
//! Start at [`resource`], then `expand`.

mod expand;
mod field;
mod flags;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A managed resource type. `#[resource(type = "aws_vpc", …)]` on the struct, `#[attr(…)]` on its fields.
///
/// An implementation of `Update` is demanded if any field that is sent to the service can change in place.
#[proc_macro_derive(Resource, attributes(resource, attr))]
pub fn resource(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::table(&input, "resource").unwrap_or_else(|e| e.into_compile_error()).into()
}

/// A data source. `#[data(type = "aws_vpc")]` on the struct; its fields are arguments and results.
#[proc_macro_derive(Data, attributes(data, attr))]
pub fn data(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::table(&input, "data").unwrap_or_else(|e| e.into_compile_error()).into()
}

/// A nested block, or an object inside an attribute.
#[proc_macro_derive(Block, attributes(attr))]
pub fn block(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::block(&input).unwrap_or_else(|e| e.into_compile_error()).into()
}
