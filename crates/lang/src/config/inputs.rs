//! Values of the root module's variables: from the environment, from files and from the command line, in that order of
//! precedence; and what every variable's value goes through.
//!
//! Nothing is prompted for here: [`Inputs::missing`] says what the terminal may ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stackctl_core::Ty;
use stackctl_hcl::json::{Field, StringMode};
use stackctl_hcl::{Attribute, Item, SourceMap, Span};

use super::fields::{Cx, constant};
use super::model::{Content, Variable};
use super::read::read_text;
use crate::diag::Problem;
use crate::files::{Files, Kind};
use crate::value::{Marks, Value};

/// What the command line gives, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `-var 'name=value'`
    Var(String),
    /// `-var-file=path`; also the file of an environment.
    File(PathBuf),
}

/// Values of root variables, converted to their types.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Given values and defaults, with the marks of their variables. Variables without either are missing here.
    pub values: BTreeMap<String, Value>,
    /// Names of those that were given, and not by a default.
    pub given: Vec<String>,
    /// Required variables without a value, in the order of their declaration.
    pub missing: Vec<String>,
}

impl Inputs {
    /// Sets a missing variable to what the user typed.
    ///
    /// # Errors
    /// If the text is no value of the variable's type.
    pub fn set(&mut self, v: &Variable, text: &str, sources: &mut SourceMap) -> Result<(), Vec<Problem>> {
        let mut cx = Cx::default();
        let origin = format!("<value for var.{}>", v.name);
        match parse(v, text, &origin, sources, &mut cx).map(|(value, span)| prepare(v, Some(value), span)) {
            Some(Ok(value)) => {
                self.values.insert(v.name.clone(), value);
                self.given.push(v.name.clone());
                self.missing.retain(|n| *n != v.name);
                Ok(())
            }
            Some(Err(p)) => Err(vec![p]),
            None => Err(cx.problems),
        }
    }
    /// The errors about what is still missing.
    pub fn missing_problems(&self, root: &Content) -> Vec<Problem> {
        self.missing
            .iter()
            .map(|name| {
                let mut detail =
                    format!("The root module input variable \"{name}\" is not set, and has no default value.");
                let about = root.variables.get(name).and_then(|v| v.description.as_deref()).map_or("", str::trim);
                if !about.is_empty() {
                    detail.push_str(&format!(" It is described as: {about}"));
                }
                let p = Problem::error("No value for required variable", detail);
                let p = p.hinted(format!("Use -var '{name}=…', -var-file, or the environment variable TF_VAR_{name}."));
                match root.variables.get(name) {
                    Some(v) => p.at(v.span),
                    None => p,
                }
            })
            .collect()
    }
}

/// Collects the values of the root module's variables: `TF_VAR_*`, `terraform.tfvars`, `terraform.tfvars.json`,
/// `*.auto.tfvars` and `*.auto.tfvars.json` by name, then the arguments.
pub fn collect(
    root: &Content,
    env: &BTreeMap<String, String>,
    arguments: &[Argument],
    files: &dyn Files,
    sources: &mut SourceMap,
) -> (Inputs, Vec<Problem>) {
    let mut cx = Cx::default();
    let mut found: BTreeMap<String, (Value, Span)> = BTreeMap::new();
    for (name, text) in env {
        let Some(name) = name.strip_prefix("TF_VAR_") else { continue };
        if let Some(v) = root.variables.get(name) {
            let origin = format!("<value for var.{name}>");
            if let Some(value) = parse(v, text, &origin, sources, &mut cx) {
                found.insert(name.to_owned(), value);
            }
        }
    }
    for path in default_files(&root.dir, files) {
        file(root, &path, files, sources, &mut found, &mut cx);
    }
    for argument in arguments {
        match argument {
            Argument::File(path) => file(root, path, files, sources, &mut found, &mut cx),
            Argument::Var(text) => var(root, text, sources, &mut found, &mut cx),
        }
    }
    let mut inputs = Inputs::default();
    for v in root.variables.values() {
        let given = found.remove(&v.name);
        if given.is_none() && v.default.is_none() {
            inputs.missing.push(v.name.clone());
            continue;
        }
        if given.is_some() {
            inputs.given.push(v.name.clone());
        }
        let span = given.as_ref().map_or(v.span, |(_, s)| *s);
        match prepare(v, given.map(|(value, _)| value), span) {
            Ok(value) => {
                inputs.values.insert(v.name.clone(), value);
            }
            Err(p) => cx.report(p),
        }
    }
    (inputs, cx.problems)
}

/// What the value of a variable goes through, in the root and in called modules alike: defaults, conversion to its type,
/// and its marks. `None` and, for a variable that is not nullable, null mean the default.
///
/// # Errors
/// If the value does not fit, or there is neither value nor default. Validation rules are not looked at: see
/// [`crate::eval::condition`].
pub fn prepare(v: &Variable, given: Option<Value>, span: Span) -> Result<Value, Problem> {
    let given = given.filter(|g| v.nullable || !g.is_null());
    let value = match (given, &v.default) {
        (Some(g), _) => v.constraint.convert(&g).map_err(|err| {
            let detail = format!("The given value is not suitable for var.{}: {err}.", v.name);
            Problem::error("Invalid value for input variable", detail)
                .at(span)
                .with(v.span, "the variable is declared here")
        })?,
        (None, Some(default)) => default.clone(),
        (None, None) => {
            let detail = format!("The variable \"{}\" is required, so its value must not be null.", v.name);
            return Err(Problem::error("Required variable not set", detail).at(span));
        }
    };
    let value = if v.nullable { value } else { value.not_null() };
    let mut marks = Marks::NONE;
    if v.sensitive {
        marks |= Marks::SENSITIVE;
    }
    if v.ephemeral {
        marks |= Marks::EPHEMERAL;
    }
    if value.all_marks().is_ephemeral() && !v.ephemeral {
        let detail =
            format!("var.{} does not accept ephemeral values: it is not declared \"ephemeral = true\".", v.name);
        return Err(Problem::error("Ephemeral value not allowed", detail).at(span));
    }
    Ok(value.with_marks(marks))
}

/// The variable files that are read without being named.
fn default_files(dir: &Path, files: &dyn Files) -> Vec<PathBuf> {
    let Ok(entries) = files.list(dir) else { return Vec::new() };
    let names = || entries.iter().filter(|e| e.kind != Kind::Directory).map(|e| e.name.as_str());
    let mut out: Vec<&str> = ["terraform.tfvars", "terraform.tfvars.json"].into();
    out.retain(|n| names().any(|m| m == *n));
    out.extend(names().filter(|n| n.ends_with(".auto.tfvars") || n.ends_with(".auto.tfvars.json")));
    out.into_iter().map(|n| dir.join(n)).collect()
}

fn file(
    root: &Content,
    path: &Path,
    files: &dyn Files,
    sources: &mut SourceMap,
    found: &mut BTreeMap<String, (Value, Span)>,
    cx: &mut Cx,
) {
    let shown = crate::files::normalise(path).display().to_string();
    let Some(text) = read_text(path, &shown, files, cx) else { return };
    let id = sources.add(shown.as_str(), text.as_str());
    let (body, errors) = if shown.ends_with(".json") {
        stackctl_hcl::json::parse_body(&text, id, &mut |_, _| Field::Attribute(StringMode::Literal))
    } else {
        stackctl_hcl::parse_body(&text, id)
    };
    let broken = !errors.is_empty();
    cx.problems.extend(errors.into_iter().map(Problem::from));
    for item in body.items {
        match item {
            Item::Block(b) if root.variables.contains_key(b.kind.as_str()) => {
                let kind = b.kind.as_str();
                let p = Problem::error("Unexpected block", "A file of variable values holds NAME = VALUE only.");
                cx.report(p.at(b.header_span).hinted(format!("For an object write {kind} = {{ … }}.")));
            }
            Item::Block(b) => {
                let p = Problem::error("Unexpected block", "A file of variable values holds NAME = VALUE only.");
                cx.report(p.at(b.header_span).hinted("Blocks belong into .tf files."));
            }
            Item::Attribute(a) => assigned(root, a, &shown, broken, found, cx),
        }
    }
}

fn assigned(
    root: &Content,
    a: Attribute,
    shown: &str,
    broken: bool,
    found: &mut BTreeMap<String, (Value, Span)>,
    cx: &mut Cx,
) {
    let name = a.name.as_str();
    if !root.variables.contains_key(name) {
        if !broken {
            let p = Problem::warning(
                "Value for undeclared variable",
                format!("The root module declares no variable \"{name}\", but {shown} has a value for it."),
            );
            cx.report(p.at(a.name.span).suggest(name, root.variables.keys().map(String::as_str)));
        }
        return;
    }
    if let Some(value) = constant(&a.expr, cx) {
        found.insert(name.to_owned(), (value, a.expr.span));
    }
}

fn var(root: &Content, text: &str, sources: &mut SourceMap, found: &mut BTreeMap<String, (Value, Span)>, cx: &mut Cx) {
    let Some((name, value)) = text.split_once('=') else {
        let detail = format!("The argument -var {text:?} is not of the form NAME=VALUE.");
        cx.report(Problem::error("Invalid -var option", detail));
        return;
    };
    if name.ends_with(' ') || value.starts_with(' ') {
        let detail = format!("The argument -var {text:?} has a space beside the equals sign: write NAME=VALUE.");
        cx.report(Problem::error("Invalid -var option", detail));
        return;
    }
    let Some(v) = root.variables.get(name) else {
        let detail =
            format!("A variable named \"{name}\" was assigned on the command line, but the root module declares none.");
        let p = Problem::error("Value for undeclared variable", detail);
        cx.report(p.suggest(name, root.variables.keys().map(String::as_str)));
        return;
    };
    let origin = format!("<value for var.{name} from -var>");
    if let Some(value) = parse(v, value, &origin, sources, cx) {
        found.insert(name.to_owned(), value);
    }
}

/// A value given as text: an expression where the variable's type is not primitive, else the text itself.
fn parse(v: &Variable, text: &str, origin: &str, sources: &mut SourceMap, cx: &mut Cx) -> Option<(Value, Span)> {
    let id = sources.add(origin, text);
    let whole = Span::new(id, 0, text.len());
    if !v.typed || matches!(v.constraint.ty, Ty::String | Ty::Number | Ty::Bool) {
        return Some((Value::string(text), whole));
    }
    let (e, errors) = stackctl_hcl::parse_expr(text, id, 0);
    if !errors.is_empty() {
        cx.problems.extend(errors.into_iter().map(Problem::from));
        return None;
    }
    let value = constant(&e, cx)?;
    Some((value, whole))
}
