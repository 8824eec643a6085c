//! Objects and `for` expressions.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use stackctl_core::Ty;
use stackctl_hcl::ast::{ForExpr, ObjectItem, ObjectKey};
use stackctl_hcl::{Expr, ExprKind, Span};

use super::evaluator::Evaluator;
use crate::convert::convert;
use crate::diag::Problem;
use crate::ops;
use crate::value::{Marks, Value};

/// What a key of an object turned out to be.
enum Key {
    Text(String, Marks),
    /// Not known yet: neither is the object then.
    Unknown(Marks),
    /// Reported.
    Failed,
}

impl<'a> Evaluator<'a> {
    /// `{ k = v }`: the last of equal keys wins.
    pub(super) fn object(&mut self, items: &'a [ObjectItem]) -> Value {
        let mut attrs = BTreeMap::new();
        let (mut marks, mut known) = (Marks::NONE, true);
        for item in items {
            let key = match &item.key {
                ObjectKey::Name(n) => Key::Text(n.name.to_string(), Marks::NONE),
                ObjectKey::Expr(e) if matches!(e.kind, ExprKind::ScopeTraversal(_)) => {
                    self.fail(|_| {
                        let detail = "A key with dots or brackets could be a reference or a text.";
                        let p = Problem::error("Ambiguous attribute key", detail).at(e.span);
                        p.hinted("Put a reference in parentheses, a text in quotes.")
                    });
                    Key::Failed
                }
                ObjectKey::Expr(e) => self.key(e),
            };
            let value = self.eval(&item.value);
            match key {
                Key::Text(k, m) => {
                    marks |= m;
                    attrs.insert(k, value);
                }
                Key::Unknown(m) => {
                    marks |= m;
                    known = false;
                }
                Key::Failed => known = false,
            }
        }
        if known { Value::object(attrs).with_marks(marks) } else { Value::dynamic().with_marks(marks) }
    }

    fn key(&mut self, e: &'a Expr) -> Key {
        let errors = self.errors;
        let v = self.eval(e);
        if self.errors > errors {
            return Key::Failed;
        }
        if v.is_null() {
            self.fail_at(e, || Problem::error("Null value as key", "A null value cannot be used as a key."));
            return Key::Failed;
        }
        let (plain, marks) = v.unmark_deep();
        match convert(&plain, &Ty::String) {
            Ok(v) => match v.as_str() {
                Some(s) => Key::Text(s.to_owned(), marks),
                None if v.is_null() => Key::Failed,
                None => Key::Unknown(marks),
            },
            Err(err) => {
                self.fail_at(e, || {
                    Problem::error("Incorrect key type", format!("This value cannot be used as a key: {err}."))
                });
                Key::Failed
            }
        }
    }

    /// `[for …]` is a tuple, `{for …}` an object.
    pub(super) fn for_expr(&mut self, f: &'a ForExpr, whole: &'a Expr) -> Value {
        let collection = self.eval(&f.collection);
        let mut marks = collection.marks();
        let entries = match ops::entries(&collection) {
            Ok(entries) => entries,
            Err(err) => return self.fail_at(&f.collection, || Problem::error(err.summary, err.detail)),
        };
        if collection.is_dynamic() || !self.could_include(f) {
            return Value::dynamic().with_marks(marks);
        }
        let Some(entries) = entries else { return Value::dynamic().with_marks(marks) };
        let mut known = true;
        let mut list = Vec::new();
        let mut groups: IndexMap<String, Vec<Value>> = IndexMap::new();
        for (k, v) in entries {
            if !self.step(whole.span) {
                known = false;
                break;
            }
            let depth = self.names.len();
            if let Some(name) = &f.key_var {
                self.names.push((name.as_str(), k));
            }
            self.names.push((f.value_var.as_str(), v));
            if self.included(f, &mut known, &mut marks) {
                match &f.key {
                    None => list.push(self.eval(&f.value)),
                    Some(key) => {
                        let k = self.key(key);
                        let value = self.eval(&f.value);
                        match k {
                            Key::Text(k, m) => {
                                marks |= m;
                                self.add(f, key.span, k, value, &mut groups);
                            }
                            Key::Unknown(m) => {
                                marks |= m;
                                known = false;
                            }
                            Key::Failed => known = false,
                        }
                    }
                }
            }
            self.names.truncate(depth);
        }
        if !known {
            return Value::dynamic().with_marks(marks);
        }
        let v = match (&f.key, f.grouping) {
            (None, _) => Value::tuple(list),
            (Some(_), true) => Value::object(groups.into_iter().map(|(k, v)| (k, Value::tuple(v)))),
            (Some(_), false) => Value::object(groups.into_iter().filter_map(|(k, mut v)| Some((k, v.pop()?)))),
        };
        v.with_marks(marks)
    }

    /// Whether the `if` clause is fit for any element at all: it is tried with one of which nothing is known, so that it
    /// fails once, and also where there are no elements.
    fn could_include(&mut self, f: &'a ForExpr) -> bool {
        if f.condition.is_none() {
            return true;
        }
        let (depth, errors) = (self.names.len(), self.errors);
        if let Some(name) = &f.key_var {
            self.names.push((name.as_str(), Value::dynamic()));
        }
        self.names.push((f.value_var.as_str(), Value::dynamic()));
        let (mut known, mut marks) = (true, Marks::NONE);
        self.included(f, &mut known, &mut marks);
        self.names.truncate(depth);
        self.errors == errors
    }

    /// Whether the `if` clause lets the current element pass.
    fn included(&mut self, f: &'a ForExpr, known: &mut bool, marks: &mut Marks) -> bool {
        let Some(c) = &f.condition else { return true };
        let errors = self.errors;
        let v = self.eval(c);
        if self.errors > errors {
            *known = false;
            return false;
        }
        let (plain, m) = v.unmark_deep();
        *marks |= m;
        if plain.is_null() {
            self.fail_at(c, || Problem::error("Condition is null", "The value of the 'if' clause must not be null."));
            *known = false;
            return false;
        }
        match convert(&plain, &Ty::Bool) {
            Ok(b) => match b.as_bool() {
                Some(b) => b,
                None => {
                    *known = false;
                    false
                }
            },
            Err(err) => {
                self.fail_at(c, || {
                    Problem::error("Invalid 'for' condition", format!("The 'if' clause value is invalid: {err}."))
                });
                *known = false;
                false
            }
        }
    }

    fn add(&mut self, f: &'a ForExpr, at: Span, k: String, value: Value, groups: &mut IndexMap<String, Vec<Value>>) {
        match groups.entry(k) {
            indexmap::map::Entry::Vacant(e) => {
                e.insert(vec![value]);
            }
            indexmap::map::Entry::Occupied(mut e) if f.grouping => e.get_mut().push(value),
            indexmap::map::Entry::Occupied(e) => {
                let shown = e.key().clone();
                self.fail(|_| {
                    Problem::error(
                        "Duplicate object key",
                        format!(
                            "Two different items produced the key {shown:?} in this 'for' expression. If duplicates are \
                             expected, use the ellipsis (...) after the value expression to enable grouping by key."
                        ),
                    )
                    .at(at)
                });
            }
        }
    }
}
