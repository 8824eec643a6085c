//! One field: its name, who sets it, and its flags.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Field as Input, GenericArgument, Ident, Lit, PathArguments, Result, Type};

use crate::flags::{Args, Flag, doc, flags, take};

/// A field of a struct that derives a table.
pub(crate) struct Field {
    /// Rust's name.
    pub(crate) ident: Ident,
    /// Terraform's name.
    pub(crate) name: String,
    ty: Type,
    doc: String,
    presence: &'static str,
    local: bool,
    special: Special,
    default: Option<Expr>,
    flags: Vec<Flag>,
}

#[derive(PartialEq)]
enum Special {
    None,
    Name,
    Tags,
    WriteOnly,
}

impl Field {
    pub(crate) fn new(input: &Input) -> Result<Field> {
        let ident = input.ident.clone().ok_or_else(|| syn::Error::new_spanned(input, "fields need names"))?;
        let mut flags = flags(&input.attrs, "attr")?;
        let name = match take(&mut flags, "name") {
            Some(Flag { args: Args::Value(e), .. }) => match *e {
                Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => s.value(),
                e => return Err(syn::Error::new_spanned(e, "`name` is a string")),
            },
            Some(f) => return Err(syn::Error::new_spanned(f.name, "`name` is a string")),
            None => ident.unraw().to_string(),
        };
        let default = flags.iter().find(|f| f.name == "default").and_then(|f| match &f.args {
            Args::Value(e) => Some((**e).clone()),
            _ => None,
        });
        let (local, core) = match outer(&input.ty) {
            (o, Some(inner)) if o == "Local" => (true, inner),
            _ => (false, &input.ty),
        };
        let (special, presence) = match outer(core).0.as_str() {
            "Name" => (Special::Name, "OptComputed"),
            "Tags" => (Special::Tags, "Optional"),
            "WriteOnly" => (Special::WriteOnly, "Optional"),
            "Computed" => (Special::None, "Computed"),
            "OptComputed" => (Special::None, "OptComputed"),
            "Option" | "Defaulted" => (Special::None, "Optional"),
            _ if default.is_some() => (Special::None, "Optional"),
            _ => (Special::None, "Required"),
        };
        Ok(Field {
            ident,
            name,
            ty: input.ty.clone(),
            doc: doc(&input.attrs),
            presence,
            local,
            special,
            default,
            flags,
        })
    }

    /// True if a change of this field reaches `Update`.
    pub(crate) fn mutable(&self) -> bool {
        let fixed = self.flags.iter().any(|f| f.name == "force_new");
        self.presence != "Computed" && !self.local && !fixed && matches!(self.special, Special::None | Special::Name)
    }

    /// The expression that makes its `Slot`.
    pub(crate) fn slot(&self) -> TokenStream {
        let (ty, name, doc) = (&self.ty, &self.name, &self.doc);
        let presence = format_ident!("{}", self.presence);
        let local = self.local.then(|| quote!(.local()));
        let special = match self.special {
            Special::None => None,
            Special::Name => {
                let prefix = format!("{name}_prefix");
                Some(quote!(.named(#prefix)))
            }
            Special::Tags => Some(quote!(.tags())),
            Special::WriteOnly => Some(quote!(.write_only())),
        };
        let calls = self.flags.iter().map(Flag::call);
        quote!(crate::kit::table::slot::<#ty>(#name, ::stackctl_core::Presence::#presence, #doc) #local #special #(#calls)*)
    }

    /// `ident: decode(…)`
    pub(crate) fn decode(&self) -> TokenStream {
        let (ident, name) = (&self.ident, &self.name);
        match &self.default {
            Some(d) => quote!(#ident: crate::kit::value::decode_or(v.get(#name), #d)),
            None => quote!(#ident: crate::kit::value::Value::decode(v.get(#name))),
        }
    }

    /// `("name", encode(…))`
    pub(crate) fn encode(&self) -> TokenStream {
        let (ident, name) = (&self.ident, &self.name);
        quote!((#name, crate::kit::value::Value::encode(&self.#ident)))
    }
}

/// The last identifier of a type's path, and its first type argument.
fn outer(ty: &Type) -> (String, Option<&Type>) {
    let Type::Path(p) = ty else { return (String::new(), None) };
    let Some(last) = p.path.segments.last() else { return (String::new(), None) };
    let arg = match &last.arguments {
        PathArguments::AngleBracketed(a) => a.args.iter().find_map(|a| match a {
            GenericArgument::Type(t) => Some(t),
            _ => None,
        }),
        _ => None,
    };
    (last.ident.to_string(), arg)
}
