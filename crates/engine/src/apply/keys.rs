//! What an intent says about the object to come.

use std::collections::BTreeSet;

use stackctl_core::{Attr, ForceNew, Identity, Known, Partial, Schema};

/// The planned values by which recovery recognises the object: name, keys, and what cannot be changed.
pub fn keys(schema: &Schema, planned: &Partial) -> Known {
    let mut names: BTreeSet<&str> = schema
        .block
        .attrs
        .iter()
        .filter(|(_, a)| a.force_new == ForceNew::Yes && !a.write_only && !a.sensitive)
        .map(|(n, _)| *n)
        .collect();
    match &schema.identity {
        Identity::Name { attr, within, .. } => {
            names.insert(attr);
            names.extend(within.iter());
        }
        Identity::Key(attrs) => names.extend(attrs.iter()),
        Identity::Token | Identity::Tag | Identity::None => {}
    }
    if matches!(schema.identity, Identity::Name { silent: true, dated: false, tagged: false, .. }) {
        // Nothing on the object tells whose it is: it has to be as planned in everything.
        let plain = |(_, a): &(&&str, &Attr)| !a.write_only && !a.sensitive;
        names.extend(schema.block.attrs.iter().filter(plain).map(|(n, _)| *n));
        names.extend(schema.block.blocks.keys());
    }
    let mut out = Known::object();
    for name in names {
        if let Ok(v) = planned.get(name).to_known()
            && !v.is_null()
        {
            out.set(name, v);
        }
    }
    out
}
