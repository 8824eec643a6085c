//! The functions of the language, and the one protocol by which they are called.
//!
//! A function is a [`Function`] in the table of its family: name, parameters, the type of its result for given arguments,
//! and what it does. The protocol ([`call`]) converts arguments, refuses nulls, answers unknown for unknown arguments, and
//! takes marks off and puts them on the result, except where a parameter says that the function does so itself. `try` and
//! `can` take expressions, not values: the evaluator calls them, [`lazy`] holds their rules.
//!
//! Functions never read the environment, the clock or the disk by themselves: [`FnContext`] has all three.

mod args;
mod charset;
mod collection;
mod datetime;
mod descriptions;
mod double;
mod encoding;
mod filesystem;
mod format;
mod hash_crypto;
mod ipnet;
mod json;
pub mod lazy;
mod mapping;
mod numeric;
pub mod protocol;
mod regex;
mod set;
mod string;
mod terraform;
mod type_conversion;
mod yaml_decode;
mod yaml_encode;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use stackctl_core::Ids;

pub use descriptions::description;
pub(crate) use format::general_ten;
pub use protocol::{FnError, Function, Param, Signature};

use crate::files::Files;
use crate::value::Value;

/// What functions may see of the world.
pub struct FnContext<'a> {
    /// Files; relative paths start from its working directory.
    pub files: &'a dyn Files,
    /// True during plan and validate: `timestamp`, `uuid` and `bcrypt` are unknown then.
    pub planning: bool,
    /// When the plan was made, for `plantimestamp`; `None` (validate) makes it unknown.
    pub plan_time: Option<Timestamp>,
    /// The present, for `timestamp`.
    pub now: Timestamp,
    /// Randomness, for `uuid` and `bcrypt`.
    pub ids: &'a dyn Ids,
    /// Evaluates a template: text, name for messages, and an object or map of variables.
    pub render: &'a dyn Fn(&str, &str, &Value) -> Result<Value, String>,
}

impl FnContext<'_> {
    /// The working directory.
    pub fn cwd(&self) -> &Path {
        self.files.cwd()
    }
    /// A path as the user wrote it, made absolute.
    pub fn absolute(&self, path: &str) -> PathBuf {
        self.cwd().join(path)
    }
}

/// Calls a function. `core::NAME` is the same as `NAME`.
///
/// # Errors
/// The argument to blame, counted from 0, or none, and what is wrong.
pub fn call(name: &str, args: &[Value], cx: &FnContext<'_>) -> Result<Value, FnError> {
    match find(name) {
        Some(f) => protocol::call(f, args, cx),
        None => Err(FnError::new(format!("There is no function named {name:?}."))),
    }
}

/// The names of all functions of the language, sorted, `try` and `can` included. Those of providers are left out.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.iter().map(|f| f.name)).collect();
    names.retain(|n| !n.contains("::"));
    names.extend(["can", "try"]);
    names.sort_unstable();
    names
}

/// Parameters and result of a function, `None` if there is no such function. `try` and `can` have one too.
pub fn signature(name: &str) -> Option<Signature> {
    lazy::signature(name).or_else(|| find(name).map(Function::signature))
}

fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&str, &Function>> =
        LazyLock::new(|| FAMILIES.iter().flat_map(|f| f.iter()).map(|f| (f.name, f)).collect());
    BY_NAME.get(name.strip_prefix("core::").unwrap_or(name)).copied()
}

/// The one list of families.
static FAMILIES: &[&[Function]] = &[
    collection::FUNCTIONS,
    datetime::FUNCTIONS,
    encoding::FUNCTIONS,
    filesystem::FUNCTIONS,
    filesystem::HASHES,
    format::FUNCTIONS,
    hash_crypto::FUNCTIONS,
    hash_crypto::HASHES,
    ipnet::FUNCTIONS,
    json::FUNCTIONS,
    mapping::FUNCTIONS,
    numeric::FUNCTIONS,
    regex::FUNCTIONS,
    set::FUNCTIONS,
    string::FUNCTIONS,
    terraform::FUNCTIONS,
    type_conversion::FUNCTIONS,
    yaml_encode::FUNCTIONS,
];

#[cfg(test)]
mod tests;
