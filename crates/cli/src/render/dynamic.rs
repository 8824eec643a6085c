//! Attributes of dynamic type hold their type beside their value; people and other tools see the value alone.

use stackctl_core::{Partial, Path, Schema, Step, Ty};

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

/// Sensitive places, with those of attributes that repeat others: a copy of a secret is hidden wherever it is shown.
pub(crate) fn secrets(schema: Option<&Schema>, paths: &[Path]) -> Vec<Path> {
    let mut out = paths.to_vec();
    for (name, attr) in schema.into_iter().flat_map(|s| &s.block.attrs) {
        let Some(source) = attr.mirrors else { continue };
        for p in paths.iter().filter(|p| p.root() == Some(source)) {
            let mut copy = p.clone();
            copy.0[0] = Step::Attr((*name).to_owned());
            out.push(copy);
        }
    }
    out
}
