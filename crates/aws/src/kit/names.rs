//! Rules for names that several services share.

use stackctl_core::{Draft, Partial};

/// Checks a new name that ends in `.fifo` exactly where the flag `fifo` is set: letters, digits, `-` and `_` before that,
/// `most` characters in all.
pub fn plan_fifo(draft: &mut Draft<'_>, fifo: &str, most: usize) {
    let (Some(name), Partial::Bool(fifo)) = (draft.planned("name").as_str(), draft.planned(fifo)) else { return };
    if !draft.is_create() {
        return;
    }
    let stem = if *fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let valid = stem.is_some_and(|s| !s.is_empty() && name.len() <= most && s.chars().all(plain));
    if !valid {
        let end = if *fifo { ", and ends in \".fifo\"" } else { "" };
        let message = format!("{name:?} is not a name: it has letters, digits, - and _, at most {most} of them{end}.");
        draft.error("name", message);
    }
}
