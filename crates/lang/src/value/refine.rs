//! Refinements: what is known of an unknown value nevertheless.
//!
//! A refinement never lies: whatever the value turns out to be satisfies it. A refined value that can be only one value
//! becomes that value.

use std::fmt;
use std::sync::Arc;

use stackctl_core::{Number, Ty};
use unicode_segmentation::UnicodeSegmentation;

use super::{Data, Kind, Value};

/// What is known of an unknown value.
#[derive(Clone, Default, PartialEq)]
pub struct Refine {
    /// It will not be null.
    pub not_null: bool,
    /// Text that a string will start with.
    pub prefix: String,
    /// Lower bound of a number, and whether it is included.
    pub lo: Option<(Number, bool)>,
    /// Upper bound of a number, and whether it is included.
    pub hi: Option<(Number, bool)>,
    /// Fewest elements of a list, set or map.
    pub min_len: usize,
    /// Most elements of a list, set or map.
    pub max_len: Option<usize>,
}

impl Refine {
    /// Nothing is known.
    pub const NOTHING: Refine =
        Refine { not_null: false, prefix: String::new(), lo: None, hi: None, min_len: 0, max_len: None };

    /// What holds of a value that is one of the two.
    #[must_use]
    pub fn either(&self, other: &Refine) -> Refine {
        let common = self.prefix.char_indices().zip(other.prefix.chars()).take_while(|((_, a), b)| a == b);
        let end = common.last().map_or(0, |((i, c), _)| i + c.len_utf8());
        let pick = |a: &Option<(Number, bool)>, b: &Option<(Number, bool)>, lower: bool| {
            let (a, b) = (a.clone()?, b.clone()?);
            Some(match a.0.cmp(&b.0) {
                std::cmp::Ordering::Equal => (a.0, a.1 || b.1),
                std::cmp::Ordering::Less => {
                    if lower {
                        a
                    } else {
                        b
                    }
                }
                std::cmp::Ordering::Greater => {
                    if lower {
                        b
                    } else {
                        a
                    }
                }
            })
        };
        Refine {
            not_null: self.not_null && other.not_null,
            prefix: self.prefix[..end].to_owned(),
            lo: pick(&self.lo, &other.lo, true),
            hi: pick(&self.hi, &other.hi, false),
            min_len: self.min_len.min(other.min_len),
            max_len: self.max_len.zip(other.max_len).map(|(a, b)| a.max(b)),
        }
    }
}

/// # Refinement
impl Value {
    /// What is known of the value, known or not: exact bounds for a known one.
    pub fn range(&self) -> Refine {
        match self.kind() {
            Kind::Unknown(r) => r.clone(),
            Kind::Null => Refine::NOTHING,
            kind => {
                let mut r = Refine { not_null: true, ..Refine::NOTHING };
                match kind {
                    Kind::String(s) => s.clone_into(&mut r.prefix),
                    Kind::Number(n) => {
                        r.lo = Some((n.clone(), true));
                        r.hi = Some((n.clone(), true));
                    }
                    _ => {
                        let (lo, hi) = self.length_bounds();
                        r.min_len = lo;
                        r.max_len = hi;
                    }
                }
                r
            }
        }
    }
    /// True if the value is, or will be, something else than null.
    pub fn is_not_null(&self) -> bool {
        match self.kind() {
            Kind::Null => false,
            Kind::Unknown(r) => r.not_null,
            _ => true,
        }
    }
    /// Fewest and most elements that a list, set, map, tuple or object has or will have. A set with unknown elements may
    /// shrink to one.
    pub fn length_bounds(&self) -> (usize, Option<usize>) {
        match self.kind() {
            Kind::Set(l) if !self.is_wholly_known() => {
                let known = l.iter().filter(|v| v.is_wholly_known()).count();
                (known.max(1), Some(l.len()))
            }
            Kind::Unknown(r) => match self.bare_ty() {
                Some(Ty::Tuple(ts)) => (ts.len(), Some(ts.len())),
                Some(Ty::Object(o)) => (o.attrs.len(), Some(o.attrs.len())),
                _ => (r.min_len, r.max_len),
            },
            _ => self.len().map_or((0, None), |n| (n, Some(n))),
        }
    }
    /// An unknown value refined by `f`; anything else as it is. Values of unknown type cannot be refined.
    #[must_use]
    pub fn refine(self, f: impl FnOnce(&mut Refine)) -> Value {
        let Data::Unknown(ty, old) = &self.data else { return self };
        if **ty == Ty::Dynamic {
            return self;
        }
        let mut r = old.as_deref().cloned().unwrap_or_default();
        f(&mut r);
        let data = match settle(ty, &r) {
            Some(known) => return known.with_marks(self.marks),
            None if r == Refine::NOTHING => Data::Unknown(ty.clone(), None),
            None => Data::Unknown(ty.clone(), Some(Arc::new(r))),
        };
        Value { data, ..self }
    }
    /// An unknown value that will not be null.
    #[must_use]
    pub fn not_null(self) -> Value {
        self.refine(|r| r.not_null = true)
    }
    /// An unknown string that will start with `prefix` and not be null. What follows may change the last character, so
    /// that not all of the prefix is kept: see [`lasting`].
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Value {
        let prefix = lasting(prefix);
        self.refine(|r| {
            r.not_null = true;
            if prefix.len() > r.prefix.len() {
                prefix.clone_into(&mut r.prefix);
            }
        })
    }
    /// An unknown number between bounds, both included, that will not be null.
    #[must_use]
    pub fn with_bounds(self, lo: Option<Number>, hi: Option<Number>) -> Value {
        self.refine(|r| {
            r.not_null = true;
            r.lo = lo.map(|n| (n, true)).or_else(|| r.lo.take());
            r.hi = hi.map(|n| (n, true)).or_else(|| r.hi.take());
        })
    }
    /// An unknown list, set or map with so many elements, which will not be null.
    #[must_use]
    pub fn with_length(self, min: usize, max: Option<usize>) -> Value {
        self.refine(|r| {
            r.not_null = true;
            r.min_len = r.min_len.max(min);
            r.max_len = match (r.max_len, max) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        })
    }
}

/// The part of a text that stays the same whatever follows: a letter can become another one with the mark that comes
/// next (`e` and an accent, `=` and a stroke), a separator cannot.
fn lasting(text: &str) -> &str {
    const STEADY: &str = " \t!\"#$%&'()*+,-./:;?@[\\]^_{|}~";
    let Some((last, cluster)) = text.grapheme_indices(true).next_back() else { return text };
    if cluster.len() == 1 && STEADY.contains(cluster) { text } else { &text[..last] }
}

/// The only value that satisfies a refinement, if there is but one (or, for a list, the list of that many unknowns).
fn settle(ty: &Ty, r: &Refine) -> Option<Value> {
    if !r.not_null {
        return None;
    }
    match ty {
        Ty::Number => match (&r.lo, &r.hi) {
            (Some((a, true)), Some((b, true))) if a == b => Some(Value::number(a.clone())),
            _ => None,
        },
        Ty::List(of) if r.max_len == Some(r.min_len) && r.min_len <= 1024 => {
            Some(Value::list(of, vec![Value::unknown(of); r.min_len]))
        }
        Ty::Set(of) if (r.min_len, r.max_len) == (1, Some(1)) => Some(Value::set(of, vec![Value::unknown(of)])),
        Ty::Set(of) if r.max_len == Some(0) => Some(Value::set(of, Vec::new())),
        Ty::Map(of) if r.max_len == Some(0) => Some(Value::map(of, Vec::<(&str, Value)>::new())),
        _ => None,
    }
}

impl fmt::Debug for Refine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not_null {
            f.write_str(", not null")?;
        }
        if !self.prefix.is_empty() {
            write!(f, ", prefix of {} bytes", self.prefix.len())?;
        }
        if let Some((n, incl)) = &self.lo {
            write!(f, ", {} {n}", if *incl { ">=" } else { ">" })?;
        }
        if let Some((n, incl)) = &self.hi {
            write!(f, ", {} {n}", if *incl { "<=" } else { "<" })?;
        }
        if self.min_len > 0 || self.max_len.is_some() {
            write!(f, ", length {}..{:?}", self.min_len, self.max_len)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_only_one_value_is_it() {
        let one = Number::from(1);
        assert_eq!(Value::unknown(&Ty::Number).with_bounds(Some(one.clone()), Some(one)), Value::from(1));
        let l = Value::unknown(&Ty::list(Ty::String)).with_length(2, Some(2));
        assert_eq!(l.len(), Some(2));
        assert!(!l.is_wholly_known());
    }

    #[test]
    fn the_end_of_a_prefix_may_change() {
        for (prefix, kept) in [
            ("ab-", "ab-"),
            ("ab", "a"),
            ("a=", "a"),
            ("a1", "a"),
            ("-", "-"),
            ("aé", "a"),
            ("é", ""),
            ("", ""),
            ("a\n", "a"),
        ] {
            assert_eq!(Value::unknown(&Ty::String).with_prefix(prefix).range().prefix, kept, "{prefix:?}");
        }
    }

    #[test]
    fn either_keeps_what_both_have() {
        let a = Value::from("arn:aws:s3").range();
        let b = Value::unknown(&Ty::String).with_prefix("arn:é").range();
        let r = a.either(&b);
        assert_eq!((r.not_null, r.prefix.as_str()), (true, "arn:"));
        assert_eq!(Value::from(1).range().either(&Value::from(3).range()).lo, Some((Number::from(1), true)));
    }
}
