//! Random text from classes of characters: what `random_string` and `random_password` share.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Draft, Error, Host, Known, Partial, Path, Result, Ty};

use crate::generate::{below, shuffle, u64_of};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

/// The arguments of both types, and `result` with its sensitivity.
pub(super) fn block(sensitive: bool) -> Block {
    let flag = |doc| Attr::opt_computed(Ty::Bool).default(true).force_new().doc(doc);
    let min = |doc| Attr::opt_computed(Ty::Number).default(0i64).force_new().check(Check::Range(0, i64::MAX)).doc(doc);
    let mut numeric = flag("Use digits.");
    numeric.default = None;
    let mut number = numeric.clone();
    number.deprecated = Some("`number` is the old name of `numeric`.");
    let result = Attr { sensitive, not_null: true, ..Attr::computed(Ty::String) }.doc("The text.");
    let attrs = BTreeMap::from([
        ("id", Attr { sensitive: false, ..Attr::id() }),
        ("keepers", super::keepers()),
        ("length", Attr::required(Ty::Number).force_new().check(Check::Range(1, 100_000)).doc("Number of characters.")),
        ("lower", flag("Use lower-case letters.")),
        ("min_lower", min("Fewest lower-case letters.")),
        ("min_numeric", min("Fewest digits.")),
        ("min_special", min("Fewest special characters.")),
        ("min_upper", min("Fewest upper-case letters.")),
        ("number", number),
        ("numeric", numeric),
        ("override_special", Attr::optional(Ty::String).force_new().doc("Special characters to use.")),
        ("result", result),
        ("special", flag("Use special characters.")),
        ("upper", flag("Use upper-case letters.")),
    ]);
    Block { attrs, blocks: BTreeMap::new() }
}

/// The sum of the minimums where it is more than the length.
pub(super) fn too_long(v: &Partial) -> Vec<Error> {
    let number = |k: &str| match v.get(k) {
        Partial::Number(n) => n.to_i64(),
        _ => None,
    };
    let sum: i64 = ["min_lower", "min_numeric", "min_special", "min_upper"].iter().filter_map(|k| number(k)).sum();
    let short = number("length").is_some_and(|n| n < sum);
    let message = || format!("The length must be at least the sum of the minimums, {sum}.");
    short.then(|| Error::at(Path::attr("length"), message())).into_iter().collect()
}

/// `number` and `numeric` are one argument under two names, true by default.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let value = match (draft.config("numeric"), draft.config("number")) {
        (Partial::Null, Partial::Null) => Partial::Bool(true),
        (Partial::Null, old) => old.clone(),
        (new, _) => new.clone(),
    };
    for name in ["numeric", "number"] {
        draft.set(name, value.clone());
        if !draft.is_create() && draft.changes(name) {
            draft.replace(name);
        }
    }
    let least = |d: &Draft<'_>, k: &str| match d.planned(k) {
        Partial::Number(n) => n.to_i64().unwrap_or(0),
        _ => 0,
    };
    let sum: i64 = ["min_lower", "min_numeric", "min_special", "min_upper"].iter().map(|k| least(draft, k)).sum();
    if let Partial::Number(n) = draft.planned("length")
        && n.to_i64().is_some_and(|n| n < sum)
    {
        draft.error("length", format!("The length must be at least the sum of the minimums, {sum}."));
    }
}

/// A text as the planned arguments want it.
pub(super) fn generate(v: &Known, host: &Host) -> Result<String> {
    let flag = |k: &str| v.get(k).as_bool().unwrap_or(true);
    let special = v.get("override_special").as_str().filter(|s| !s.is_empty()).unwrap_or(SPECIAL);
    let classes = [
        (flag("lower"), v.get("min_lower"), LOWER),
        (flag("numeric"), v.get("min_numeric"), DIGITS),
        (flag("special"), v.get("min_special"), special),
        (flag("upper"), v.get("min_upper"), UPPER),
    ];
    let mut next = || u64_of(host);
    let mut out: Vec<char> = Vec::new();
    let mut all: Vec<char> = Vec::new();
    for (used, min, chars) in classes {
        let chars: Vec<char> = chars.chars().collect();
        for _ in 0..min.as_i64().unwrap_or(0) {
            out.push(chars[below(&mut next, chars.len() as u64) as usize]);
        }
        if used {
            all.extend(chars);
        }
    }
    let length = usize::try_from(v.get("length").as_i64().unwrap_or(0)).unwrap_or(0);
    if all.is_empty() && out.len() < length {
        return Err(Error::at(Path::attr("length"), "Every class of characters is switched off.")
            .hinted("Set at least one of `lower`, `upper`, `numeric` and `special` to true."));
    }
    while out.len() < length {
        out.push(all[below(&mut next, all.len() as u64) as usize]);
    }
    shuffle(&mut next, &mut out);
    Ok(out.into_iter().collect())
}

/// All attributes of an imported text.
pub(super) fn import(result: &str) -> Known {
    let mut v = Known::from([("result", result)]);
    v.set("length", Known::from(i64::try_from(result.chars().count()).unwrap_or(i64::MAX)));
    for k in ["lower", "number", "numeric", "special", "upper"] {
        v.set(k, true.into());
    }
    for k in ["min_lower", "min_numeric", "min_special", "min_upper"] {
        v.set(k, 0i64.into());
    }
    v
}

/// Before `numeric` there was only `number`.
pub(super) fn upgrade(v: Known) -> Known {
    let mut v = v;
    if v.get("numeric").is_null() {
        let old = v.get("number").clone();
        v.set("numeric", old);
    }
    v
}
