//! What the older plugin SDK takes for not configured: an empty text of an optional and computed attribute, and, where the
//! object is yet to be made, an empty list or set of one. Modules write both for "as the service likes".

use stackctl_core::{Attr, Block, Partial, Schema, Ty};

/// The configuration with null in such places. With `create` there is no prior object.
pub(super) fn unset(schema: &Schema, mut config: Partial, create: bool) -> Partial {
    if schema.zero_is_null {
        block(&schema.block, &mut config, create);
    }
    config
}

fn block(b: &Block, config: &mut Partial, create: bool) {
    let Partial::Map(m) = config else { return };
    for (name, attr) in &b.attrs {
        if let Some(v) = m.get_mut(*name).filter(|v| is_unset(attr, v, create)) {
            *v = Partial::Null;
        }
    }
    for (name, of) in &b.blocks {
        match m.get_mut(*name) {
            Some(Partial::List(l)) => l.iter_mut().for_each(|e| block(&of.block, e, create)),
            Some(v) => block(&of.block, v, create),
            None => {}
        }
    }
}

fn is_unset(attr: &Attr, v: &Partial, create: bool) -> bool {
    let empty = match (v, &attr.ty) {
        (Partial::String(s), Ty::String) => s.is_empty(),
        // What is exclusive where it is configured says by an empty value that there shall be nothing.
        (Partial::List(l), Ty::List(_) | Ty::Set(_)) => create && l.is_empty() && !attr.if_configured,
        _ => false,
    };
    empty && attr.is_computed() && attr.configurable()
}
