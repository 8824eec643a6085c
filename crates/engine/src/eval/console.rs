//! Evaluates single expressions over a state or a plan: `console`, and what commands ask of a configuration.
//!
//! Start at [`Console::of_state`].

use std::collections::HashMap;
use std::sync::Arc;

use stackctl_core::diag::has_errors;
use stackctl_core::{Diagnostics, InstanceAddr, Known};
use stackctl_hcl::Expr;
use stackctl_lang::diag::Problem;
use stackctl_lang::refs::references;
use stackctl_lang::value::Value;
use stackctl_state::{ProviderAddr, State};

use super::evaluator::{Evaluator, Settings};
use super::graph::{Graph, ModId};
use super::scope::{Place, Rep};
use super::types::AllSchemas;
use super::values::{Given, given};
use crate::plan::Plan;
use crate::providers::Providers;

/// Evaluates expressions over a state or a plan, in the root module.
pub struct Console<'p> {
    ev: Evaluator<'p>,
    schemas: AllSchemas<'p>,
}

impl<'p> Console<'p> {
    /// Over a state. What it does not have is unknown.
    pub fn of_state(state: Arc<State>, settings: Settings, providers: &'p Providers) -> Console<'p> {
        let objects = state.objects().filter(|(at, _)| at.deposed.is_none());
        let given = objects.map(|(at, o)| (at.addr, Given::Object(Arc::clone(o)))).collect();
        Console::over(given, settings, providers, &[])
    }
    /// The same where providers are needed that nothing in the configuration uses, by source address.
    pub fn of_state_with(
        state: Arc<State>,
        settings: Settings,
        providers: &'p Providers,
        sources: &[String],
    ) -> Console<'p> {
        let objects = state.objects().filter(|(at, _)| at.deposed.is_none());
        let given = objects.map(|(at, o)| (at.addr, Given::Object(Arc::clone(o)))).collect();
        Console::over(given, settings, providers, sources)
    }
    /// Over what a plan promises.
    pub fn of_plan(plan: Plan, settings: Settings, providers: &'p Providers) -> Console<'p> {
        Console::over(given(&Arc::new(plan)), settings, providers, &[])
    }
    fn over(
        given: HashMap<InstanceAddr, Given>,
        settings: Settings,
        providers: &'p Providers,
        sources: &[String],
    ) -> Console<'p> {
        let (graph, diags) = Graph::new(&settings.config.root, &settings.sources, sources);
        let mut ev = Evaluator::new(settings, Arc::new(graph), providers);
        ev.diags = diags;
        ev.given = given;
        Console { ev, schemas: AllSchemas(providers) }
    }
    /// Evaluates what an expression refers to.
    fn prepare(&mut self, expr: &Expr) {
        let graph = Arc::clone(&self.ev.graph);
        for r in references(expr) {
            if let Some(id) = graph.lookup(ModId(0), &r.subject) {
                // An output of a called module is there once the call is expanded.
                for i in self.ev.related_made(ModId(0), 0, graph.node(id).module) {
                    self.ev.ensure(id, i);
                }
            }
        }
    }
    /// The value of an expression of the root module.
    ///
    /// # Errors
    /// What is wrong with it, or with what it refers to.
    pub fn value(&mut self, expr: &Expr) -> Result<Value, Diagnostics> {
        self.prepare(expr);
        let found = self.ev.root_expression(expr);
        let diags = std::mem::take(&mut self.ev.diags);
        found.filter(|_| !has_errors(&diags)).ok_or(diags)
    }
    /// Address and complete arguments of a provider configuration of the root module.
    ///
    /// # Errors
    /// What is wrong with it; nothing where it is not known yet, or does not exist.
    pub fn provider(&mut self, name: &str, alias: Option<&str>) -> Result<(ProviderAddr, Known), Diagnostics> {
        let graph = Arc::clone(&self.ev.graph);
        let id = graph.provider(ModId(0), name, alias).ok_or_else(Vec::new)?;
        self.ev.ensure(id, 0);
        let diags = std::mem::take(&mut self.ev.diags);
        if has_errors(&diags) {
            return Err(diags);
        }
        let known = self.ev.provider_config(id).and_then(|c| c.value.to_known().ok());
        graph.provider_addr(id).zip(known).ok_or_else(Vec::new)
    }
    /// The value of an expression as the console prints it.
    ///
    /// # Errors
    /// What is wrong with it, or with what it refers to.
    pub fn evaluate(&mut self, text: &str) -> Result<String, Diagnostics> {
        let sources = Arc::make_mut(&mut self.ev.settings.sources);
        let file = sources.add("<console-input>", text);
        let (expr, errors) = stackctl_hcl::parse_expr(text, file, 0);
        let mut problems: Vec<Problem> = errors.into_iter().map(Problem::from).collect();
        let graph = Arc::clone(&self.ev.graph);
        if problems.is_empty() {
            problems = stackctl_lang::check::expression(&expr, &graph.modules[0].module, &self.schemas);
        }
        if !self.ev.report(problems, None) {
            return Err(std::mem::take(&mut self.ev.diags));
        }
        self.prepare(&expr);
        let place = Place { ev: &self.ev, module: ModId(0), instance: 0, rep: Rep::Single, this: None };
        let printed = stackctl_lang::eval::console(&expr, &place);
        let printed = printed.map_err(|problems| self.ev.report(problems, None)).ok();
        let diags = std::mem::take(&mut self.ev.diags);
        match printed {
            Some(text) if !has_errors(&diags) => Ok(text),
            _ => Err(diags),
        }
    }
}
