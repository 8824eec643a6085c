//! The implementations that the derives write.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Result};

use crate::field::Field;
use crate::flags::{Args, Flag, doc, flags, take};

/// A resource type or data source; `kind` is the name of its attribute, `resource` or `data`.
pub(crate) fn table(input: &DeriveInput, kind: &str) -> Result<TokenStream> {
    let ident = &input.ident;
    let fields = fields(input)?;
    let mut flags = flags(&input.attrs, kind)?;
    let Some(Flag { args: Args::Value(name), .. }) = take(&mut flags, "type_") else {
        return Err(syn::Error::new_spanned(ident, format!("#[{kind}(type = \"…\")] is missing")));
    };
    let doc = doc(&input.attrs);
    let calls = flags.iter().map(Flag::call);
    let slots = fields.iter().map(Field::slot);
    let decodes = fields.iter().map(Field::decode);
    let encodes = fields.iter().map(Field::encode);

    let names = format_ident!("{ident}Names");
    let idents: Vec<_> = fields.iter().map(|f| &f.ident).collect();
    let texts = fields.iter().map(|f| &f.name);
    let vis = &input.vis;
    let names_doc = format!("Attribute names of [`{ident}`], for `changed!`.");

    let dispatch = (kind == "resource").then(|| {
        let body = if fields.iter().any(Field::mutable) {
            quote!(<Self as crate::kit::Update>::update(cx, ch))
        } else {
            quote!(async move {
                let _ = (cx, ch);
                Ok(())
            })
        };
        quote! {
            impl crate::kit::Dispatch for #ident {
                fn dispatch_update(
                    cx: &crate::kit::Cx,
                    ch: &crate::kit::Change<'_, Self>,
                ) -> impl ::std::future::Future<Output = crate::kit::Result<()>> + Send {
                    #body
                }
            }
        }
    });

    Ok(quote! {
        #[doc = #names_doc]
        #[derive(Debug)]
        #vis struct #names { #(#[doc(hidden)] #vis #idents: &'static str),* }

        impl crate::kit::HasSchema for #ident {
            type Names = #names;
            const NAMES: &'static #names = &#names { #(#idents: #texts),* };
            fn schema() -> ::stackctl_core::Schema {
                crate::kit::table::Sheet::new(#name, #doc, vec![#(#slots),*]) #(#calls)* .build()
            }
            fn decode(v: &::stackctl_core::Known) -> Self {
                Self { #(#decodes),* }
            }
            fn encode(&self) -> ::stackctl_core::Known {
                ::stackctl_core::Known::from([#(#encodes),*])
            }
        }
        #dispatch
    })
}

/// A nested block.
pub(crate) fn block(input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let fields = fields(input)?;
    let slots: Vec<_> = fields.iter().map(Field::slot).collect();
    let decodes = fields.iter().map(Field::decode);
    let encodes = fields.iter().map(Field::encode);
    Ok(quote! {
        impl crate::kit::value::Element for #ident {
            fn attr() -> ::stackctl_core::Attr {
                crate::kit::table::object_attr(&crate::kit::table::block(vec![#(#slots),*]))
            }
            fn block() -> Option<::stackctl_core::Block> {
                Some(crate::kit::table::block(vec![#(#slots),*]))
            }
            fn decode(v: &::stackctl_core::Known) -> Self {
                Self { #(#decodes),* }
            }
            fn encode(&self) -> ::stackctl_core::Known {
                ::stackctl_core::Known::from([#(#encodes),*])
            }
        }
        impl crate::kit::value::Value for #ident {
            fn shape() -> crate::kit::value::Shape {
                crate::kit::value::one::<Self>()
            }
            fn absent(v: &::stackctl_core::Known) -> bool {
                crate::kit::value::no_block(v)
            }
            fn decode(v: &::stackctl_core::Known) -> Self {
                crate::kit::value::decode_one(v)
            }
            fn encode(&self) -> ::stackctl_core::Known {
                ::stackctl_core::Known::List(vec![crate::kit::value::Element::encode(self)])
            }
        }
    })
}

fn fields(input: &DeriveInput) -> Result<Vec<Field>> {
    match &input.data {
        Data::Struct(s) => match &s.fields {
            Fields::Named(f) => f.named.iter().map(Field::new).collect(),
            _ => Err(syn::Error::new_spanned(&input.ident, "fields need names")),
        },
        _ => Err(syn::Error::new_spanned(&input.ident, "only structs describe a type")),
    }
}
