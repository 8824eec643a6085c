//! Attributes of dynamic type hold their type beside their value; people and other tools see the value alone.

use stackctl_core::{Partial, Schema, Ty};

/// The object with the plain values of its dynamic attributes.
pub(crate) fn plain(schema: Option<&Schema>, mut object: Partial) -> Partial {
    let Some(schema) = schema else { return object };
    for (name, _) in schema.block.attrs.iter().filter(|(_, a)| a.ty == Ty::Dynamic) {
        if let Partial::Map(m) = object.get(name)
            && let (2, Some(Partial::Map(_) | Partial::String(_) | Partial::List(_)), Some(value)) =
                (m.len(), m.get("type"), m.get("value"))
        {
            let value = value.clone();
            object.set(*name, value);
        }
    }
    object
}
