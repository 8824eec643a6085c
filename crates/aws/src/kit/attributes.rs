//! Attributes that a service keeps as a map of texts: topics, subscriptions, queues.
//!
//! A [`Table`] says once how each is called on both sides; both directions follow from it. What the table lacks is caught
//! by [`missing`], which the tests of each such type ask.

use std::collections::HashMap;

use stackctl_core::equal::is_zero;
use stackctl_core::{Known, Number};

use super::resource::{Change, HasSchema};

/// How a text of the service is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number,
}

/// Attributes by our name, the service's name, and kind.
pub type Table = &'static [(&'static str, &'static str, Kind)];

/// An object from the service's map; `more` holds what the map does not tell.
pub fn read<'a, T: HasSchema>(table: Table, map: impl Fn(&str) -> Option<&'a str>, mut more: Known) -> T {
    for (ours, theirs, kind) in table {
        let value = match (map(theirs).filter(|t| !t.is_empty()), kind) {
            (None, _) => Known::Null,
            (Some(t), Kind::Text) => t.into(),
            (Some(t), Kind::Bool) => t.eq_ignore_ascii_case("true").into(),
            (Some(t), Kind::Number) => Number::parse(t).map_or(Known::Null, Known::Number),
        };
        more.set(*ours, value);
    }
    T::decode(&more)
}

/// What a create sends: every attribute that says something, zero included where it is a number.
pub fn set<T: HasSchema>(table: Table, new: &T) -> HashMap<&'static str, String> {
    let new = new.encode();
    let says = |v: &Known| !is_zero(v) || matches!(v, Known::Number(_));
    let said = table.iter().filter(|(ours, ..)| says(new.get(ours)));
    said.map(|(ours, theirs, kind)| (*theirs, text(*kind, new.get(ours)))).collect()
}

/// What an update sends: every changed attribute, its empty value where it was removed.
pub fn changed<T: HasSchema>(table: Table, ch: &Change<'_, T>) -> Vec<(&'static str, String)> {
    let new = ch.new.encode();
    let changed = table.iter().filter(|(ours, ..)| ch.fields.any(&[*ours]));
    changed.map(|(ours, theirs, kind)| (*theirs, text(*kind, new.get(ours)))).collect()
}

fn text(kind: Kind, v: &Known) -> String {
    match (v, kind) {
        (Known::String(s), _) => s.clone(),
        (Known::Bool(b), _) => b.to_string(),
        (Known::Number(n), _) => n.to_string(),
        (_, Kind::Text) => String::new(),
        (_, Kind::Bool) => "false".to_owned(),
        (_, Kind::Number) => "0".to_owned(),
    }
}

/// Attributes of the type that neither the table nor `besides` names.
#[cfg(test)]
pub(crate) fn missing<T: HasSchema>(table: Table, besides: &[&str]) -> Vec<&'static str> {
    let known = |n: &str| besides.contains(&n) || table.iter().any(|(ours, ..)| *ours == n);
    T::schema().block.attrs.keys().copied().filter(|n| !known(n)).collect()
}
