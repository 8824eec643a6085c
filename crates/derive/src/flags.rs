//! Flags: `force_new, default = 1, one_of("a", "b"), timeouts(create = 600)` and doc comments.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Result, Token};

/// One flag.
pub(crate) struct Flag {
    pub(crate) name: Ident,
    pub(crate) args: Args,
}

/// What stands behind a flag's name.
pub(crate) enum Args {
    None,
    Value(Box<Expr>),
    List(Vec<Expr>),
}

impl Parse for Flag {
    fn parse(input: ParseStream<'_>) -> Result<Flag> {
        // `type` is a keyword and a natural flag.
        let name = if input.peek(Token![type]) {
            let t: Token![type] = input.parse()?;
            Ident::new("type_", t.span)
        } else {
            input.parse()?
        };
        let args = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Args::Value(Box::new(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in input);
            Args::List(Punctuated::<Expr, Token![,]>::parse_terminated(&inner)?.into_iter().collect())
        } else {
            Args::None
        };
        Ok(Flag { name, args })
    }
}

impl Flag {
    /// The flag as a method call: `.name()`, `.name(value)` or `.name(&[…])`. `a = b` in a list becomes `("a", b)`; what
    /// stands in `identity(…)` is an expression of `kit::table::identity`.
    pub(crate) fn call(&self) -> TokenStream {
        let name = &self.name;
        match &self.args {
            Args::None => quote!(.#name()),
            Args::Value(e) => quote!(.#name(#e)),
            Args::List(l) if name == "identity" => quote!(.#name({
                use crate::kit::table::identity::*;
                #(#l),*
            })),
            Args::List(l) => {
                let items = l.iter().map(|e| match e {
                    Expr::Assign(a) => {
                        let key = a.left.to_token_stream().to_string();
                        let value = &a.right;
                        quote!((#key, #value))
                    }
                    e => quote!(#e),
                });
                quote!(.#name(&[#(#items),*]))
            }
        }
    }
}

/// All flags in attributes of that name.
pub(crate) fn flags(attrs: &[Attribute], name: &str) -> Result<Vec<Flag>> {
    let mut out = Vec::new();
    for a in attrs.iter().filter(|a| a.path().is_ident(name)) {
        out.extend(a.parse_args_with(Punctuated::<Flag, Token![,]>::parse_terminated)?);
    }
    Ok(out)
}

/// Takes the flag of that name out.
pub(crate) fn take(flags: &mut Vec<Flag>, name: &str) -> Option<Flag> {
    let i = flags.iter().position(|f| f.name == name)?;
    Some(flags.remove(i))
}

/// The doc comment as text, lines joined as written.
pub(crate) fn doc(attrs: &[Attribute]) -> String {
    let lines: Vec<String> = attrs
        .iter()
        .filter_map(|a| match &a.meta {
            Meta::NameValue(nv) if nv.path.is_ident("doc") => match &nv.value {
                Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => {
                    let s = s.value();
                    Some(s.strip_prefix(' ').unwrap_or(&s).to_owned())
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    lines.join("\n").trim().to_owned()
}
