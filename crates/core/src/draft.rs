//! A diff in the making, as the plan hook of a type sees it.

use std::collections::BTreeSet;

use crate::{Error, Known, Partial, Path};

/// One instance's diff after the table-driven passes. Hooks refine it.
pub struct Draft<'a> {
    /// Configuration; null where unset, unknown where not known yet.
    pub config: &'a Partial,
    /// State after refresh; `None` for a create.
    pub prior: Option<&'a Known>,
    /// What is planned so far.
    pub planned: &'a mut Partial,
    /// Attributes that force a replacement.
    pub replace: &'a mut BTreeSet<Path>,
    /// What is wrong with the configuration.
    pub errors: &'a mut Vec<Error>,
}

impl Draft<'_> {
    /// The configured value of a top-level attribute: unknown, null or known.
    pub fn config(&self, attr: &str) -> &Partial {
        self.config.get(attr)
    }
    /// The value in state, null for a create.
    pub fn prior(&self, attr: &str) -> &Known {
        static NULL: Known = Known::Null;
        self.prior.map_or(&NULL, |p| p.get(attr))
    }
    /// The value planned so far.
    pub fn planned(&self, attr: &str) -> &Partial {
        self.planned.get(attr)
    }
    /// True for a create.
    pub fn is_create(&self) -> bool {
        self.prior.is_none()
    }
    /// True if the planned value differs from the prior one (by plain comparison).
    pub fn changes(&self, attr: &str) -> bool {
        self.prior.is_none_or(|p| Partial::from(p.get(attr).clone()) != *self.planned.get(attr))
    }
    /// Plans the prior value again.
    pub fn keep(&mut self, attr: &str) {
        let v = self.prior(attr).clone();
        self.planned.set(attr, v.into());
    }
    /// Plans a value.
    pub fn set(&mut self, attr: &str, value: impl Into<Partial>) {
        self.planned.set(attr, value.into());
    }
    /// Plans "known after apply".
    pub fn unknown(&mut self, attr: &str) {
        self.planned.set(attr, Partial::Unknown);
    }
    /// Makes the change of an attribute replace the object.
    pub fn replace(&mut self, attr: &str) {
        self.replace.insert(Path::attr(attr));
    }
    /// Reports an error at an attribute.
    pub fn error(&mut self, attr: &str, message: impl Into<String>) {
        self.errors.push(Error::at(Path::attr(attr), message));
    }
}
