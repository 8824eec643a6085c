//! How every function is called: conversion of arguments, nulls, unknowns and marks, in one place.
//!
//! Families describe functions as constants of [`Function`]; [`call`] is the only caller.

use stackctl_core::Ty;

use super::FnContext;
use crate::convert::convert;
use crate::value::{Marks, Value};

/// A function failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FnError {
    /// The argument to blame, counted from 0.
    pub arg: Option<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
}

impl FnError {
    /// An error of the call as a whole.
    pub fn new(message: impl Into<String>) -> FnError {
        FnError { arg: None, message: message.into() }
    }
    /// An error of one argument.
    pub fn arg(i: usize, message: impl Into<String>) -> FnError {
        FnError { arg: Some(i), message: message.into() }
    }
}

/// What functions return.
pub type FnResult = Result<Value, FnError>;

/// Type of a parameter, in a form that constants can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything, as it is.
    Any,
    /// `string`
    Str,
    /// `number`
    Num,
    /// `bool`
    Bool,
    /// `list(any)`
    List,
    /// `list(string)`
    Strs,
    /// `list(bool)`
    Bools,
    /// `list(number)`
    Nums,
    /// `list(list(any))`
    Lists,
    /// `set(any)`
    Set,
    /// `set(string)`
    StrSet,
    /// `map(any)`
    Map,
    /// `map(list(string))`
    StrsMap,
}

impl Kind {
    /// The type.
    pub fn ty(self) -> Ty {
        match self {
            Kind::Any => Ty::Dynamic,
            Kind::Str => Ty::String,
            Kind::Num => Ty::Number,
            Kind::Bool => Ty::Bool,
            Kind::List => Ty::list(Ty::Dynamic),
            Kind::Strs => Ty::list(Ty::String),
            Kind::Bools => Ty::list(Ty::Bool),
            Kind::Nums => Ty::list(Ty::Number),
            Kind::Lists => Ty::list(Ty::list(Ty::Dynamic)),
            Kind::Set => Ty::set(Ty::Dynamic),
            Kind::StrSet => Ty::set(Ty::String),
            Kind::Map => Ty::map(Ty::Dynamic),
            Kind::StrsMap => Ty::map(Ty::list(Ty::String)),
        }
    }
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name, for messages.
    pub name: &'static str,
    /// Type that arguments are converted to.
    pub kind: Kind,
    /// The function takes null; otherwise null is an error.
    pub null: bool,
    /// The function takes unknown values; otherwise its result is unknown.
    pub unknown: bool,
    /// The function takes values of unknown type; otherwise its result is of unknown type.
    pub dynamic: bool,
    /// The function takes marked values and cares for the marks; otherwise all marks in the argument join the result.
    pub marked: bool,
}

impl Param {
    /// A parameter that refuses null and leaves unknowns and marks to the protocol.
    pub const fn new(name: &'static str, kind: Kind) -> Param {
        Param { name, kind, null: false, unknown: false, dynamic: false, marked: false }
    }
    /// A parameter of any type.
    pub const fn any(name: &'static str) -> Param {
        Param::new(name, Kind::Any)
    }
    /// A string.
    pub const fn str(name: &'static str) -> Param {
        Param::new(name, Kind::Str)
    }
    /// A number.
    pub const fn num(name: &'static str) -> Param {
        Param::new(name, Kind::Num)
    }
    /// Takes null.
    pub const fn null(self) -> Param {
        Param { null: true, ..self }
    }
    /// Takes unknown values.
    pub const fn unknown(self) -> Param {
        Param { unknown: true, ..self }
    }
    /// Takes values of unknown type.
    pub const fn dynamic(self) -> Param {
        Param { unknown: true, dynamic: true, ..self }
    }
    /// Takes marks.
    pub const fn marked(self) -> Param {
        Param { marked: true, ..self }
    }
}

/// Type of the result.
#[derive(Clone, Copy)]
pub enum Returns {
    /// Always this one.
    Is(Kind),
    /// Depends on the arguments, which are converted, and unmarked unless the parameter takes marks. What it says of
    /// unknown arguments must hold whatever they turn out to be.
    Of(fn(&[Value]) -> Result<Ty, FnError>),
}

/// A function.
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Parameters.
    pub params: &'static [Param],
    /// Any number of further ones.
    pub variadic: Option<Param>,
    /// Type of the result.
    pub returns: Returns,
    /// Does the work. Gets the arguments and the type that `returns` told.
    pub run: fn(&[Value], &Ty, &FnContext<'_>) -> FnResult,
    /// The result may be null.
    pub nullable: bool,
    /// The result is unknown as long as anything in any argument is.
    pub whole: bool,
    /// What documentation calls the type of the result, where [`Returns::Of`] is more exact.
    pub documented: Option<Kind>,
}

impl Function {
    /// A function whose result is never null.
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        returns: Returns,
        run: fn(&[Value], &Ty, &FnContext<'_>) -> FnResult,
    ) -> Function {
        Function { name, params, variadic: None, returns, run, nullable: false, whole: false, documented: None }
    }
    /// Takes any number of further arguments.
    pub const fn variadic(self, p: Param) -> Function {
        Function { variadic: Some(p), ..self }
    }
    /// Its result may be null.
    pub const fn nullable(self) -> Function {
        Function { nullable: true, ..self }
    }
    /// Its result is unknown as long as anything in any argument is.
    pub const fn whole(self) -> Function {
        Function { whole: true, ..self }
    }
    /// Documentation calls the type of its result so.
    pub const fn documented(self, kind: Kind) -> Function {
        Function { documented: Some(kind), ..self }
    }
    /// Parameters and result.
    pub fn signature(&self) -> Signature {
        let returns = match (self.documented, self.returns) {
            (Some(k), _) | (None, Returns::Is(k)) => k.ty(),
            (None, Returns::Of(_)) => Ty::Dynamic,
        };
        Signature { name: self.name, params: self.params.to_vec(), variadic: self.variadic, returns }
    }
    fn param(&self, i: usize) -> Option<&Param> {
        self.params.get(i).or(self.variadic.as_ref())
    }
}

/// Parameters and result of a function, for messages and `metadata functions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Name.
    pub name: &'static str,
    /// Parameters.
    pub params: Vec<Param>,
    /// Any number of further ones.
    pub variadic: Option<Param>,
    /// Type of the result, `Dynamic` where it depends on the arguments.
    pub returns: Ty,
}

impl Signature {
    /// Name of the parameter that the argument `i`, counted from 0, belongs to.
    pub fn param_name(&self, i: usize) -> &'static str {
        self.params.get(i).or(self.variadic.as_ref()).map_or("", |p| p.name)
    }
}

/// Calls a function with arguments as they were evaluated.
pub fn call(f: &Function, args: &[Value], cx: &FnContext<'_>) -> FnResult {
    if args.len() < f.params.len() {
        let missing = f.params[args.len()].name;
        let (name, n) = (f.name, f.params.len());
        return Err(FnError::new(format!(
            "{name} needs {} {n} argument{}, missing value for {missing:?}",
            if f.variadic.is_some() { "at least" } else { "exactly" },
            if n == 1 { "" } else { "s" }
        )));
    }
    // Of arguments whose marks the function does not see, so that its messages may quote them.
    let mut marks = Marks::NONE;
    let (mut unknown, mut untyped) = (false, false);
    let mut plain = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        let Some(p) = f.param(i) else {
            return Err(FnError::new(format!("{} takes at most {} arguments", f.name, f.params.len())));
        };
        let mut arg = arg.clone();
        if !p.marked {
            let (v, m) = arg.unmark_deep();
            arg = v;
            marks |= m;
        }
        let arg = convert(&arg, &p.kind.ty()).map_err(|e| FnError::arg(i, e.to_string()))?;
        if arg.is_null() && !p.null {
            return Err(FnError::arg(i, "argument must not be null"));
        }
        untyped |= arg.is_dynamic() && !arg.is_known() && !p.dynamic;
        unknown |= (!arg.is_known() && !p.unknown) || (f.whole && !arg.is_wholly_known());
        plain.push(arg);
    }
    if untyped {
        return Ok(Value::dynamic().with_marks(marks));
    }
    let ty = match f.returns {
        Returns::Is(k) => k.ty(),
        Returns::Of(of) => of(&plain).map_err(|e| discreet(e, marks))?,
    };
    let out = if unknown { Value::unknown(&ty) } else { (f.run)(&plain, &ty, cx).map_err(|e| discreet(e, marks))? };
    Ok(if f.nullable { out } else { out.not_null() }.with_marks(marks))
}

/// An error that shows nothing of sensitive arguments.
fn discreet(e: FnError, marks: Marks) -> FnError {
    if !marks.is_sensitive() {
        return e;
    }
    let message = "the reason is not shown, because an argument is sensitive".to_owned();
    FnError { message, ..e }
}
