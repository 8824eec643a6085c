//! `count` and `for_each`.

use std::collections::BTreeMap;

use stackctl_core::Ty;

use super::describe::{a_type, values_of};
use super::evaluator::Evaluator;
use super::{Scope, expr};
use crate::config::Repeat;
use crate::convert::convert;
use crate::diag::Problem;
use crate::value::{Kind, Value};

/// A count above this is taken for a mistake: its instances would not fit into memory.
pub const MAX_INSTANCES: u64 = 250_000;

/// The instances that an object has.
#[derive(Clone, Debug, PartialEq)]
pub enum Expansion {
    /// One, without a key.
    Single,
    /// Keys 0 to n − 1.
    Count(u64),
    /// `each.key` and `each.value` of each instance.
    ForEach(BTreeMap<String, Value>),
    /// Not known yet, or wrong: `count.index`, `each.key` and `each.value` are unknown in it.
    Unknown {
        /// The key is a number, not a text.
        count: bool,
    },
}

/// What an unknown `count` or `for_each` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknowns {
    /// An error with the way out: there is no plan without the number of instances.
    Refused,
    /// No error, as for `validate`.
    Allowed,
}

/// Evaluates `count` or `for_each`. With errors the expansion is [`Expansion::Unknown`].
pub fn repeat(r: &Repeat, unknowns: Unknowns, scope: &dyn Scope) -> (Expansion, Vec<Problem>) {
    let (e, is_count) = match r {
        Repeat::Single => return (Expansion::Single, Vec::new()),
        Repeat::Count(e) => (e, true),
        Repeat::ForEach(e) => (e, false),
    };
    let (v, mut problems) = expr(e, scope);
    let found = if problems.iter().any(Problem::is_error) {
        Ok(None)
    } else if is_count {
        count(&v, unknowns).map(|n| n.map(Expansion::Count))
    } else {
        for_each(&v, unknowns).map(|m| m.map(Expansion::ForEach))
    };
    let expansion = found.unwrap_or_else(|p| {
        let values = values_of(&Evaluator::new(scope), e);
        problems.push(Problem { values, ..p.at(e.span) });
        None
    });
    (expansion.unwrap_or(Expansion::Unknown { count: is_count }), problems)
}

fn count(v: &Value, unknowns: Unknowns) -> Result<Option<u64>, Problem> {
    let bad = |detail: String| Err(Problem::error("Invalid count argument", detail));
    if v.all_marks().is_ephemeral() {
        return bad("The given \"count\" value is ephemeral: which instances exist has to be remembered.".into());
    }
    // A number of instances discloses little, and Terraform takes sensitive ones too.
    let v = &v.unmark_deep().0;
    if v.is_null() {
        return bad("The given \"count\" argument value is null. An integer is required.".into());
    }
    let n = match convert(v, &Ty::Number) {
        Ok(n) => n,
        Err(err) => return bad(format!("The given \"count\" argument value is unsuitable: {err}.")),
    };
    let Some(number) = n.as_number() else {
        return match unknowns {
            Unknowns::Allowed => Ok(None),
            Unknowns::Refused => Err(Problem::error(
                "Invalid count argument",
                "The \"count\" value depends on resource attributes that cannot be determined until apply, so it cannot \
                 be predicted how many instances will be created.",
            )
            .hinted(
                "Make the count depend on what is known from the configuration, or use -target to first apply only the \
                 resources that the count depends on.",
            )),
        };
    };
    match number.to_i64() {
        None => bad("The given \"count\" argument value is unsuitable: a whole number is required.".into()),
        Some(n) if n < 0 => {
            bad("The given \"count\" argument value is unsuitable: must be greater than or equal to zero.".into())
        }
        Some(n) if n.unsigned_abs() > MAX_INSTANCES => {
            bad(format!("The given \"count\" argument value is unsuitable: at most {MAX_INSTANCES} instances."))
        }
        Some(n) => Ok(Some(n.unsigned_abs())),
    }
}

fn for_each(v: &Value, unknowns: Unknowns) -> Result<Option<BTreeMap<String, Value>>, Problem> {
    let bad = |detail: String| Err(Problem::error("Invalid for_each argument", detail));
    if v.marks().is_ephemeral() {
        return bad("The given \"for_each\" value is ephemeral: which instances exist has to be remembered.".into());
    }
    if v.marks().is_sensitive() {
        return bad("Sensitive values, or values derived from them, cannot be used as for_each arguments: the keys \
                    would be disclosed in the addresses of instances."
            .into());
    }
    let undetermined = |what: &str| {
        match unknowns {
        Unknowns::Allowed => Ok(None),
        Unknowns::Refused => Err(Problem::error(
            "Invalid for_each argument",
            format!(
                "The \"for_each\" {what} derived from resource attributes that cannot be determined until apply, so the \
                 full set of keys that will identify the instances cannot be predicted."
            ),
        )
        .hinted(
            "Define the map keys statically in the configuration and place apply-time results only in the map values, \
             or use -target to first apply only the resources that for_each depends on.",
        )),
    }
    };
    let unsuitable = |ty: String| {
        let p = Problem::error(
            "Invalid for_each argument",
            format!(
                "The given \"for_each\" argument value is unsuitable: it must be a map, or set of strings, and you have \
                 provided {ty}."
            ),
        );
        Err(p.hinted("toset(…) makes a set of a list of strings."))
    };
    if let Some(n) = v.len().filter(|n| *n as u64 > MAX_INSTANCES) {
        return bad(format!(
            "The given \"for_each\" argument value has {n} elements: at most {MAX_INSTANCES} instances."
        ));
    }
    match v.kind() {
        Kind::Null => {
            bad("The given \"for_each\" argument value is null. A map, or set of strings, is required.".into())
        }
        Kind::Unknown(_) => match v.ty() {
            Ty::Map(_) | Ty::Object(_) | Ty::Dynamic => undetermined("map includes keys"),
            Ty::Set(t) if matches!(*t, Ty::String | Ty::Dynamic) => undetermined("set includes values"),
            ty => unsuitable(a_type(&ty)),
        },
        Kind::Map(m) | Kind::Object(m) => Ok(Some(m.clone())),
        Kind::Set(items) => {
            if !matches!(v.element_ty(), Some(Ty::String)) && !items.is_empty() {
                return unsuitable(a_type(&v.ty()));
            }
            let mut out = BTreeMap::new();
            for i in items {
                match i.as_str() {
                    Some(s) => {
                        out.insert(s.to_owned(), i.clone());
                    }
                    None if i.is_null() => {
                        return bad("The given \"for_each\" set contains a null value, which cannot be a key.".into());
                    }
                    None => return undetermined("set includes values"),
                }
            }
            Ok(Some(out))
        }
        _ => unsuitable(a_type(&v.ty())),
    }
}
