//! Conditions: validations of variables, pre- and postconditions, check blocks.
//!
//! A condition that is not known yet is no failure: an apply decides it. Start at [`Evaluator::conditions`].

use std::collections::BTreeMap;

use stackctl_core::{Diagnostic, InstanceKey, ModuleAddr, Severity};
use stackctl_lang::config::Condition;
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::{Outcome, condition};
use stackctl_lang::value::Value;

use super::evaluator::Evaluator;
use super::graph::NodeId;
use super::scope::Rep;
use crate::plan::{CheckAddr, CheckInstance, CheckResult, CheckStatus};

/// Status and messages, by module instance and key.
type Instances = BTreeMap<(ModuleAddr, Option<InstanceKey>), (CheckStatus, Vec<String>)>;

/// Results of conditions, by object and instance.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    results: BTreeMap<CheckAddr, Instances>,
}

impl Checks {
    /// Adds the result of one condition.
    pub fn add(&mut self, addr: &CheckAddr, module: &ModuleAddr, key: Option<&InstanceKey>, outcome: &Outcome) {
        let instances = self.results.entry(addr.clone()).or_default();
        let (status, problems) =
            instances.entry((module.clone(), key.cloned())).or_insert((CheckStatus::Pass, Vec::new()));
        *status = (*status).max(match outcome {
            Outcome::Pass => CheckStatus::Pass,
            Outcome::Unknown => CheckStatus::Unknown,
            Outcome::Fail(..) => CheckStatus::Fail,
            Outcome::Error(_) => CheckStatus::Error,
        });
        if let Outcome::Fail(m, _) = outcome {
            problems.push(m.clone());
        }
    }
    /// Forgets the results of one instance, before its conditions are evaluated again.
    pub fn clear(&mut self, addr: &CheckAddr, module: &ModuleAddr, key: Option<&InstanceKey>) {
        if let Some(i) = self.results.get_mut(addr) {
            i.remove(&(module.clone(), key.cloned()));
        }
    }
    /// All results, in order of address.
    pub fn results(&self) -> Vec<CheckResult> {
        let one = |(addr, instances): (&CheckAddr, &Instances)| CheckResult {
            addr: addr.clone(),
            status: instances.values().map(|(s, _)| *s).max().unwrap_or(CheckStatus::Pass),
            instances: instances
                .iter()
                .map(|((module, key), (status, problems)): (&(ModuleAddr, Option<InstanceKey>), _)| CheckInstance {
                    module: module.clone(),
                    key: key.clone(),
                    status: *status,
                    problems: problems.clone(),
                })
                .collect(),
        };
        self.results.iter().map(one).collect()
    }
}

impl Evaluator<'_> {
    /// Evaluates the conditions of an instance and records them; false if one fails. `what` names them in messages.
    /// The third value says that something was not known.
    pub fn conditions(
        &mut self,
        conditions: &[Condition],
        what: &str,
        at: (NodeId, u32),
        key: Option<&InstanceKey>,
        rep: Rep<'_>,
        this: Option<&Value>,
    ) -> (bool, bool) {
        let (id, instance) = at;
        let (mut good, mut unknown) = (true, false);
        if conditions.is_empty() {
            return (good, unknown);
        }
        let Some(config) = self.graph.resource_addr(id) else { return (good, unknown) };
        let addr = CheckAddr::Resource(config.clone());
        let module = self.module_instance(self.graph.node(id).module, instance).addr.clone();
        let shown = stackctl_core::ResourceAddr { module: module.clone(), ..config }.instance(key.cloned()).to_string();
        for c in conditions {
            let outcome = condition(c, &format!("Resource {what} failed"), &self.place(id, instance, rep, this));
            self.checks.add(&addr, &module, key, &outcome);
            match outcome {
                Outcome::Pass => {}
                Outcome::Unknown => unknown = true,
                Outcome::Fail(_, problem) => {
                    good = false;
                    self.report(vec![*problem], Some(&shown));
                }
                Outcome::Error(problems) => {
                    good = false;
                    self.report(problems, Some(&shown));
                }
            }
        }
        (good, unknown)
    }

    fn placed(&self, mut d: Diagnostic, c: &Condition) -> Diagnostic {
        d.range = self.range(c.condition.span);
        d
    }

    pub(super) fn output_preconditions(&mut self, id: NodeId, instance: u32) -> bool {
        let graph = std::sync::Arc::clone(&self.graph);
        let Some(o) = graph.output(id) else { return true };
        let m = graph.node(id).module;
        let addr = CheckAddr::Output(graph.module(m).module.path.clone(), o.name.clone());
        let module = self.module_instance(m, instance).addr.clone();
        let mut good = true;
        for c in &o.preconditions {
            let summary = "Module output value precondition failed";
            let outcome = condition(c, summary, &self.place(id, instance, Rep::Single, None));
            self.checks.add(&addr, &module, None, &outcome);
            match outcome {
                Outcome::Pass | Outcome::Unknown => {}
                Outcome::Fail(_, problem) => {
                    good = false;
                    let name = self.name(id, instance);
                    self.report(vec![*problem], Some(&name));
                }
                Outcome::Error(problems) => {
                    good = false;
                    self.report(problems, None);
                }
            }
        }
        good
    }

    pub(super) fn validate_variable(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = std::sync::Arc::clone(&self.graph);
        let v = graph.variable(id)?;
        let m = graph.node(id).module;
        let addr = CheckAddr::Variable(graph.module(m).module.path.clone(), v.name.clone());
        let module = self.module_instance(m, instance).addr.clone();
        let mut good = true;
        for c in &v.validations {
            let summary = "Invalid value for variable";
            let outcome = condition(c, summary, &self.place(id, instance, Rep::Single, None));
            self.checks.add(&addr, &module, None, &outcome);
            match outcome {
                Outcome::Pass | Outcome::Unknown => {}
                Outcome::Fail(message, problem) => {
                    good = false;
                    let place = self.variable_span(id).unwrap_or(v.span);
                    let mut d = Diagnostic::error("Invalid value for variable", message);
                    d.range = self.range(place);
                    d.values = problem.values.into_vec();
                    if let Some(r) = self.range(c.span) {
                        d = d.with(r, "checked by this rule");
                    }
                    let name = self.name(id, instance);
                    self.diags.push(d.of(name.trim_end_matches(" (validation)")));
                }
                Outcome::Error(problems) => {
                    good = false;
                    self.report(problems, None);
                }
            }
        }
        good.then(|| Value::bool(true))
    }

    /// Where a module variable's value is written: in the call.
    fn variable_span(&self, id: NodeId) -> Option<stackctl_hcl::Span> {
        let v = self.graph.variable(id)?;
        let call = self.graph.caller(self.graph.node(id).module)?;
        call.body.attribute(&v.name).map(|a| a.expr.span)
    }

    pub(super) fn run_check(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = std::sync::Arc::clone(&self.graph);
        let check = graph.check(id)?;
        let m = graph.node(id).module;
        let addr = CheckAddr::Check(graph.module(m).module.path.clone(), check.name.clone());
        let module = self.module_instance(m, instance).addr.clone();
        self.checks.clear(&addr, &module, None);
        for c in &check.asserts {
            let summary = "Check block assertion failed";
            let outcome = condition(c, summary, &self.place(id, instance, Rep::Single, None));
            self.checks.add(&addr, &module, None, &outcome);
            match outcome {
                Outcome::Pass => {}
                Outcome::Unknown if self.settings.planning => {}
                Outcome::Unknown => {
                    let d = Diagnostic::warning(
                        "Check block assertion known after apply",
                        "The condition could not be evaluated, because it depends on what is not known.",
                    );
                    let d = self.placed(d, c);
                    self.diags.push(d);
                }
                Outcome::Fail(_, problem) => {
                    let name = self.name(id, instance);
                    self.tell(vec![Problem { severity: Severity::Warning, ..*problem }], Some(&name));
                }
                // What is false is a warning; what is no condition at all is an error, here as everywhere.
                Outcome::Error(problems) => {
                    let name = self.name(id, instance);
                    self.report(problems, Some(&name));
                }
            }
        }
        Some(Value::bool(true))
    }
}
