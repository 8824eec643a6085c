//! Provisioners with their values: what is run beside an object that was made, or is about to go, with the object as
//! `self`.
//!
//! Only `local-exec` is carried out; the command line refuses the others by name. Nothing is run here: see
//! [`crate::apply`]. Start at [`Evaluator::provisions`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use stackctl_core::{Attr, Block, Known, SourceRange, Ty};
use stackctl_lang::config::Provisioner;
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::Spec;
use stackctl_lang::value::Value;

use super::evaluator::Evaluator;
use super::graph::ModId;
use super::scope::{Place, Rep};
use super::types::Config;

/// The provisioner that this program has.
pub const LOCAL_EXEC: &str = "local-exec";

static ARGUMENTS: LazyLock<Block> = LazyLock::new(|| {
    let attrs = [
        ("command", Attr::required(Ty::String)),
        ("environment", Attr::optional(Ty::map(Ty::String))),
        ("interpreter", Attr::optional(Ty::list(Ty::String))),
        ("quiet", Attr::optional(Ty::Bool)),
        ("working_dir", Attr::optional(Ty::String)),
    ];
    Block { attrs: attrs.into(), blocks: BTreeMap::new() }
});

/// A `local-exec` provisioner with everything known. It may hold secrets and has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Provision {
    /// What is run: the last argument of the interpreter.
    pub command: String,
    /// Program and its arguments before the command; empty for the system's shell.
    pub interpreter: Vec<String>,
    /// Where it runs; `None` for the directory of the stack.
    pub working_dir: Option<String>,
    /// Variables besides those of the process.
    pub environment: BTreeMap<String, String>,
    /// The command is not shown.
    pub quiet: bool,
    /// Something in it is sensitive: neither command nor output may be shown.
    pub hidden: bool,
    /// A failure is told and passed over.
    pub ignore_failure: bool,
    /// The block.
    pub range: Option<SourceRange>,
}

/// Whose provisioners are evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) module: ModId,
    pub(crate) instance: u32,
    pub(crate) rep: Rep<'a>,
    /// `self`
    pub(crate) this: &'a Value,
    /// Address for messages.
    pub(crate) name: &'a str,
}

impl<'p> Evaluator<'p> {
    /// Evaluates provisioners. `None` if one of them cannot be: what is wrong was reported.
    pub(crate) fn provisions(&mut self, list: &[&Provisioner], whose: Whose<'_>) -> Option<Vec<Provision>> {
        list.iter().map(|p| self.provision(p, whose)).collect()
    }

    /// Reports what is wrong with provisioners whatever their values are.
    pub(crate) fn check_provisioners(&mut self, list: &[Provisioner], whose: Whose<'_>) -> bool {
        let spec = Spec::new(&ARGUMENTS, &[]).not_stored();
        let mut good = true;
        for p in list.iter().filter(|p| p.ty == LOCAL_EXEC) {
            let problems = spec.decode(&p.body, p.span, &self.provisioner_place(whose)).problems;
            good &= self.report(problems, Some(whose.name));
        }
        good
    }

    fn provision(&mut self, p: &Provisioner, whose: Whose<'_>) -> Option<Provision> {
        let spec = Spec::new(&ARGUMENTS, &[]).not_stored();
        let decoded = spec.decode(&p.body, p.span, &self.provisioner_place(whose));
        if !self.report(decoded.problems, Some(whose.name)) {
            return None;
        }
        let config = Config::of(&decoded.value, &ARGUMENTS.ty());
        let mut wrong = |what: String| {
            let problem = Problem::error("Invalid provisioner", what).at(p.span);
            self.report(vec![problem], Some(whose.name));
            None
        };
        let v = match config.value.to_known() {
            Ok(v) => v,
            Err(path) => {
                return wrong(format!("The value of {path} is not known although everything before it is done."));
            }
        };
        let text = |v: &Known| v.as_str().map(str::to_owned);
        let command = text(v.get("command")).unwrap_or_default();
        if command.is_empty() {
            return wrong("The command of a local-exec provisioner must not be empty.".to_owned());
        }
        let environment = v.get("environment").as_map().into_iter().flatten();
        Some(Provision {
            command,
            interpreter: v.get("interpreter").as_list().unwrap_or_default().iter().filter_map(text).collect(),
            working_dir: text(v.get("working_dir")).filter(|d| !d.is_empty()),
            environment: environment.filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect(),
            quiet: v.get("quiet").as_bool() == Some(true),
            hidden: !config.sensitive.is_empty() || !config.ephemeral.is_empty(),
            ignore_failure: p.ignore_failure,
            range: self.range(p.span),
        })
    }

    fn provisioner_place<'e>(&'e self, w: Whose<'e>) -> Place<'e, 'p> {
        Place { ev: self, module: w.module, instance: w.instance, rep: w.rep, this: Some(w.this) }
    }
}
