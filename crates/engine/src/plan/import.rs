//! `import` blocks: which objects they name, and what was found of them.
//!
//! Start at [`Planner::start_imports`].

use std::sync::Arc;

use stackctl_core::{Diagnostic, InstanceAddr, InstanceKey, Known, Ty};
use stackctl_hcl::Expr;
use stackctl_lang::convert::convert;
use stackctl_lang::diag::Problem;
use stackctl_lang::value::Value;

use super::instance::rep;
use super::model::PlanMode;
use super::planner::{Import, Planner};
use crate::eval::{NodeId, Rep};
use crate::refresh::{Answer, absorb};

impl Planner<'_> {
    pub(super) fn collect_imports(&mut self) {
        let graph = Arc::clone(&self.graph);
        for i in &graph.modules[0].module.content.imports {
            let Some(addr) = crate::eval::address::config_addr(&i.to) else { continue };
            match graph.find_resource(&addr) {
                Some(id) => {
                    self.imports.entry(id).or_default();
                }
                None => {
                    let mut d = Diagnostic::error(
                        "Configuration for import target does not exist",
                        format!("{addr} has no resource block, so nothing says how the imported object should be."),
                    );
                    d.range = self.ev.range(i.to.span);
                    if addr.module.is_root() {
                        let hint = "Write one, or have it written: plan -generate-config-out=generated.tf";
                        d = d.hinted(hint);
                    }
                    self.errors.push(d);
                }
            }
        }
    }

    /// Asks for the objects that `import` blocks name for a resource. False while answers are missing.
    pub(super) fn start_imports(&mut self, id: NodeId) -> bool {
        match self.imports.get(&id) {
            None => return true,
            Some(found) if !found.is_empty() => return true,
            Some(_) if self.mode != PlanMode::Normal => return true,
            Some(_) => {}
        }
        let graph = Arc::clone(&self.graph);
        let Some(target) = graph.resource_addr(id) else { return true };
        let Some(info) = self.ev.load_type(id) else { return true };
        let known = self.provider_of(id).is_some_and(|p| p.known.is_some());
        let mut asked = false;
        for i in graph.modules[0].module.content.imports.iter() {
            if crate::eval::address::config_addr(&i.to).as_ref() != Some(&target) {
                continue;
            }
            let instances: Vec<(Option<InstanceKey>, Option<Value>)> = match &i.for_each {
                None => vec![(None, None)],
                Some(e) => match self
                    .root_value(e, Rep::Single)
                    .and_then(|v| v.entries().cloned().or_else(|| elements(&v)))
                {
                    Some(m) => m.into_iter().map(|(k, v)| (Some(InstanceKey::Str(k)), Some(v))).collect(),
                    None => {
                        self.bad_import(i.span, "The for_each of an import block has to be known, and a map or a set.");
                        continue;
                    }
                },
            };
            for (key, each) in instances {
                let r = rep(key.as_ref(), each.as_ref());
                let id_value = self.root_value(&i.id, r);
                let Some(id_value) = id_value else { continue };
                let text = match import_id(&id_value) {
                    Ok(text) => text,
                    Err(p) => {
                        self.ev.report(vec![p.at(i.id.span)], None);
                        continue;
                    }
                };
                let mut keys = |e: &Expr| {
                    let v = self.root_value(e, rep(key.as_ref(), each.as_ref()))?;
                    match (v.as_str(), v.as_number()) {
                        (Some(s), _) => Some(InstanceKey::Str(s.to_owned())),
                        (None, Some(n)) => n.to_i64().and_then(|i| u64::try_from(i).ok()).map(InstanceKey::Int),
                        _ => None,
                    }
                };
                let Some(addr) = crate::eval::address::instance_addr(&i.to, &mut keys) else {
                    self.bad_import(i.span, "The address to import to cannot be read.");
                    continue;
                };
                if self.current_object(&addr).is_some() {
                    // Imported by an earlier run.
                    continue;
                }
                if self.imports.get(&id).is_some_and(|all| all.iter().any(|other| other.addr == addr)) {
                    self.bad_import(i.span, &format!("Another import block has {addr} already."));
                    continue;
                }
                let n = self.imports.get(&id).map_or(0, Vec::len);
                let import = Import { addr: addr.clone(), id: text.clone(), found: None };
                self.imports.entry(id).or_default().push(import);
                if !known {
                    self.bad_import(i.span, "The provider configuration is not known while planning.");
                    continue;
                }
                match info.provider.import(&addr.resource.ty, &text) {
                    Ok(at) => {
                        let mut at = at;
                        if at.get("id").is_null() {
                            at.set("id", Known::from(text.as_str()));
                        }
                        self.ask_import(id, n, &addr, at);
                        asked = true;
                    }
                    Err(e) => {
                        let mut d = Diagnostic::from_provider("Invalid import id", e);
                        d.range = self.ev.range(i.id.span);
                        self.errors.push(d.of(&addr));
                    }
                }
            }
        }
        !asked
    }

    fn root_value(&mut self, e: &Expr, rep: Rep<'_>) -> Option<Value> {
        let (v, problems) = {
            let place =
                crate::eval::Place { ev: &self.ev, module: crate::eval::ModId(0), instance: 0, rep, this: None };
            stackctl_lang::eval::expr(e, &place)
        };
        self.ev.report(problems, None).then_some(v)
    }

    fn bad_import(&mut self, span: stackctl_hcl::Span, detail: &str) {
        self.ev.report(vec![Problem::error("Invalid import", detail).at(span)], None);
    }

    pub(super) fn imported(&mut self, id: NodeId, i: usize, result: Result<Answer, stackctl_core::Error>) {
        let Some(info) = self.ev.load_type(id) else { return };
        let Some(import) = self.imports.get_mut(&id).and_then(|l| l.get_mut(i)) else { return };
        let addr = import.addr.clone();
        match result {
            Ok(Answer::Objects(live)) if !live.is_empty() => {
                let first = live.into_iter().next().map(|l| l.value).unwrap_or_default();
                import.found = Some(absorb(info.schema, &Known::Null, first));
            }
            Ok(_) => {
                let d = Diagnostic::error(
                    "Cannot import non-existent remote object",
                    format!(
                        "No {} with the id \"{}\" exists, so {addr} cannot be imported.",
                        addr.resource.ty, import.id
                    ),
                )
                .hinted(
                    "Import ids differ by type: see the documentation of the resource. Account and region matter too.",
                );
                self.errors.push(d.of(&addr));
                self.ev.fail(id);
            }
            Err(e) => {
                self.errors.push(Diagnostic::from_provider(format!("Importing {addr}"), e).of(&addr));
                self.ev.fail(id);
            }
        }
    }

    pub(super) fn imports_have_instances(&mut self, id: NodeId) -> bool {
        let module = self.graph.node(id).module;
        let lost: Vec<InstanceAddr> = self
            .imports
            .get(&id)
            .into_iter()
            .flatten()
            .filter(|i| {
                let instance = self.ev.find_instance(module, &i.addr.resource.module);
                !instance.is_some_and(|n| self.ev.keys(id, n).contains(&i.addr.key))
            })
            .map(|i| i.addr.clone())
            .collect();
        for addr in &lost {
            let d = Diagnostic::error(
                "Configuration for import target does not exist",
                format!("The configuration has no instance {addr}, so nothing can be imported to it."),
            );
            let d = self.ev.place_path(id, d);
            self.errors.push(d.of(addr));
        }
        lost.is_empty()
    }
}

/// The id that the `id` of an import block stands for.
pub(crate) fn import_id(v: &Value) -> Result<String, Problem> {
    let bad = |detail: &str| Err(Problem::error("Invalid import", detail));
    if v.all_marks().is_ephemeral() {
        return bad("The import id is ephemeral, and ids are remembered.");
    }
    if v.is_null() {
        return bad("The import id is null.");
    }
    // Whoever imports by a secret accepts that ids are shown.
    let text = match convert(&v.unmark_deep().0, &Ty::String) {
        Ok(text) => text,
        Err(e) => return Err(Problem::error("Invalid import", format!("The import id is unsuitable: {e}."))),
    };
    match text.as_str() {
        None => bad("The import id has to be a text that is known while planning."),
        Some("") => bad("The import id is empty."),
        Some(id) => Ok(id.to_owned()),
    }
}

fn elements(v: &Value) -> Option<std::collections::BTreeMap<String, Value>> {
    v.elements()?.iter().map(|e| Some((e.as_str()?.to_owned(), e.clone()))).collect()
}
