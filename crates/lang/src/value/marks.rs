//! Marks: what clings to a value and to everything computed from it. They join by union.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use stackctl_core::{Path, Step};

use super::{Data, Value};

/// A set of marks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Marks(u8);

impl Marks {
    /// No mark.
    pub const NONE: Marks = Marks(0);
    /// Must not be shown.
    pub const SENSITIVE: Marks = Marks(1);
    /// Must not be stored.
    pub const EPHEMERAL: Marks = Marks(2);
    /// Says of what type something is: an answer of the console that no expression can go on with.
    pub(crate) const TYPE: Marks = Marks(4);
    const ALL: Marks = Marks(7);

    /// True without marks.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// True if all marks of `other` are among these.
    pub fn contains(self, other: Marks) -> bool {
        self.0 & other.0 == other.0
    }
    /// These without those of `other`.
    #[must_use]
    pub fn without(self, other: Marks) -> Marks {
        Marks(self.0 & !other.0)
    }
    /// The marks in words, with an article: `a sensitive`.
    pub fn adjective(self) -> &'static str {
        match (self.is_sensitive(), self.is_ephemeral()) {
            (true, true) => "a sensitive and ephemeral",
            (true, false) => "a sensitive",
            (false, true) => "an ephemeral",
            (false, false) => "a plain",
        }
    }
    /// True with the sensitive mark.
    pub fn is_sensitive(self) -> bool {
        self.contains(Marks::SENSITIVE)
    }
    /// True with the ephemeral mark.
    pub fn is_ephemeral(self) -> bool {
        self.contains(Marks::EPHEMERAL)
    }
}

impl BitOr for Marks {
    type Output = Marks;
    fn bitor(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }
}
impl BitOrAssign for Marks {
    fn bitor_assign(&mut self, other: Marks) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "plain",
            1 => "sensitive",
            2 => "ephemeral",
            3 => "sensitive ephemeral",
            _ => "type",
        })
    }
}

/// # Marks
impl Value {
    /// Marks of this node alone.
    pub fn marks(&self) -> Marks {
        self.marks
    }
    /// Marks of this node and everything in it. Constant time.
    pub fn all_marks(&self) -> Marks {
        self.marks | self.below
    }
    /// True if this node or anything in it is marked. Constant time.
    pub fn contains_marked(&self) -> bool {
        !self.all_marks().is_empty()
    }
    /// The value with marks added to this node.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Value {
        self.marks |= marks;
        self
    }
    /// The value with the sensitive mark.
    #[must_use]
    pub fn sensitive(self) -> Value {
        self.with_marks(Marks::SENSITIVE)
    }
    /// This node without its marks, and the marks. What is inside keeps its own.
    pub fn unmark(&self) -> (Value, Marks) {
        (Value { marks: Marks::NONE, ..self.clone() }, self.marks)
    }
    /// The value without any mark in it, and the union of all that were.
    pub fn unmark_deep(&self) -> (Value, Marks) {
        if !self.contains_marked() {
            return (self.clone(), Marks::NONE);
        }
        (self.stripped(Marks::ALL), self.all_marks())
    }
    /// The value without the given marks anywhere in it.
    #[must_use]
    pub fn stripped(&self, marks: Marks) -> Value {
        let mut v = self.clone();
        if Marks(self.below.0 & marks.0) != Marks::NONE {
            v = match v.try_map_children(|c| Ok::<_, std::convert::Infallible>(c.stripped(marks))) {
                Ok(v) => v,
            };
        }
        v.marks = v.marks.without(marks);
        v
    }
    /// The value without any mark in it, and where each mark was: attributes of objects, keys of maps, indexes of lists
    /// and tuples. Elements of sets never have marks of their own.
    pub fn unmark_deep_with_paths(&self) -> (Value, Vec<(Path, Marks)>) {
        fn collect(v: &Value, at: &mut Vec<Step>, out: &mut Vec<(Path, Marks)>) {
            if !v.marks.is_empty() {
                out.push((Path(at.clone()), v.marks));
            }
            if v.below.is_empty() {
                return;
            }
            let entries = |m: &BTreeMap<String, Value>, step: fn(String) -> Step, at: &mut Vec<Step>, out: &mut _| {
                for (k, v) in m {
                    at.push(step(k.clone()));
                    collect(v, at, out);
                    at.pop();
                }
            };
            match &v.data {
                Data::List(_, l) | Data::Tuple(l) => {
                    for (i, v) in l.iter().enumerate() {
                        at.push(Step::Index(i));
                        collect(v, at, out);
                        at.pop();
                    }
                }
                Data::Map(_, m) => entries(m, Step::Key, at, out),
                Data::Object(m) => entries(m, Step::Attr, at, out),
                _ => {}
            }
        }
        let mut out = Vec::new();
        collect(self, &mut Vec::new(), &mut out);
        (self.unmark_deep().0, out)
    }
    /// Puts marks back where [`Value::unmark_deep_with_paths`] found them. A path that leads into a set, or to
    /// something that is null, unknown or absent now, marks the nearest ancestor that is there.
    #[must_use]
    pub fn mark_paths<'a>(&self, marks: impl IntoIterator<Item = (&'a Path, Marks)>) -> Value {
        let mut v = self.clone();
        for (path, m) in marks {
            v = v.mark_at(&path.0, m);
        }
        v
    }
    fn mark_at(&self, at: &[Step], marks: Marks) -> Value {
        let Some((first, rest)) = at.split_first() else { return self.clone().with_marks(marks) };
        let present = match (first, &self.data) {
            (Step::Attr(n) | Step::Key(n), Data::Map(_, m) | Data::Object(m)) => m.contains_key(n),
            (Step::Index(i), Data::List(_, l) | Data::Tuple(l)) => *i < l.len(),
            _ => false,
        };
        if !present {
            return self.clone().with_marks(marks);
        }
        let keyed = |m: &BTreeMap<String, Value>, n: &str| {
            let mut m = m.clone();
            if let Some(v) = m.get_mut(n) {
                *v = v.mark_at(rest, marks);
            }
            m
        };
        let listed = |l: &[Value], i: usize| {
            let mut l = l.to_vec();
            l[i] = l[i].mark_at(rest, marks);
            l
        };
        match (first, &self.data) {
            (Step::Attr(n) | Step::Key(n), Data::Map(t, m)) => Value::map(t, keyed(m, n)),
            (Step::Attr(n) | Step::Key(n), Data::Object(m)) => Value::object(keyed(m, n)),
            (Step::Index(i), Data::List(t, l)) => Value::list(t, listed(l, *i)),
            (Step::Index(i), Data::Tuple(l)) => Value::tuple(listed(l, *i)),
            _ => self.clone(),
        }
        .with_marks(self.marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip() {
        let v = Value::object([
            ("a", Value::tuple(vec![Value::from("x"), Value::from("y").sensitive()])),
            ("b", Value::from(1).with_marks(Marks::EPHEMERAL)),
        ])
        .sensitive();
        let (plain, paths) = v.unmark_deep_with_paths();
        assert!(!plain.contains_marked());
        let shown: Vec<_> = paths.iter().map(|(p, m)| format!("{p}:{m:?}")).collect();
        assert_eq!(shown, [":sensitive", "a[1]:sensitive", "b:ephemeral"]);
        assert_eq!(plain.mark_paths(paths.iter().map(|(p, m)| (p, *m))), v);
    }

    #[test]
    fn a_path_that_leads_nowhere_marks_what_is_there() {
        let v = Value::object([("a", Value::dynamic())]);
        let p = Path::attr("a").with_attr("b");
        let marked = v.mark_paths([(&p, Marks::SENSITIVE)]);
        assert!(marked.attr("a").unwrap().marks().is_sensitive());
    }
}
