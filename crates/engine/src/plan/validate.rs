//! Validation: everything that can be said of a configuration without state and without asking anybody.
//!
//! Variables and resources are unknown, repeated objects are looked at once. Start at [`validate`].

use std::collections::BTreeMap;
use std::sync::Arc;

use stackctl_core::check::schema_checks;
use stackctl_core::diag::has_errors;
use stackctl_core::{Diagnostic, Diagnostics, Mode};
use stackctl_lang::config::Repeat;
use stackctl_lang::diag::{Problem, closest, diagnostics};
use stackctl_lang::value::{Marks, Value};

use super::import::import_id;
use crate::eval::provisioners::Whose;
use crate::eval::types::{AllSchemas, Config, kind_of_type, types_of};
use crate::eval::{Evaluator, Graph, Kind, ModId, NO_PROVIDER, NodeId, Place, Rep, SELF_REFERENCE, Settings};
use crate::providers::Providers;

/// Everything that is wrong with a configuration, whatever the values of its variables.
pub fn validate(settings: &Settings, providers: &Providers) -> Diagnostics {
    let problems = stackctl_lang::check::configuration(&settings.config, &AllSchemas(providers));
    let mut diags = diagnostics(problems, &settings.sources);
    let (graph, mut cycles) = Graph::new(&settings.config.root, &settings.sources, &[]);
    let no_provider = |d: &Diagnostic| d.summary == NO_PROVIDER;
    let told = diags.iter().any(no_provider);
    cycles.retain(|d| d.summary != SELF_REFERENCE && !(told && no_provider(d)));
    let stuck = has_errors(&cycles);
    diags.append(&mut cycles);
    let first = diags.len();
    if stuck {
        return diags;
    }
    let mut settings = settings.clone();
    settings.planning = true;
    settings.plan_time = None;
    settings.variables = settings
        .config
        .root
        .variables
        .values()
        .map(|v| (v.name.clone(), Value::unknown(&v.constraint.ty)))
        .collect::<BTreeMap<_, _>>();
    let graph = Arc::new(graph);
    let mut ev = Evaluator::new(settings, Arc::clone(&graph), providers).validating();
    for id in &graph.order {
        let node = graph.node(*id);
        if node.deps.iter().any(|d| ev.failed(*d)) {
            ev.fail(*id);
            continue;
        }
        // Conditions need values.
        if matches!(node.kind, Kind::Validation(_) | Kind::Check(_)) {
            continue;
        }
        // Instances of one module are alike here.
        for i in 0..ev.instances_of(node.module).min(1) {
            let good = ev.evaluate(*id, i);
            match node.kind {
                Kind::Resource(_) if good => resource(&mut ev, *id, i, &mut diags),
                Kind::Provider(_) if good => provider(&mut ev, *id, &mut diags),
                _ => {}
            }
        }
    }
    imports(&mut ev);
    diags.append(&mut ev.diags);
    // What was found without values is found again with them, in other words.
    let mut later = diags.split_off(first);
    later.retain(|d| !diags.iter().any(|said| follows(d, said)));
    diags.append(&mut later);
    super::finish::in_order(&mut diags);
    diags
}

/// True if an error of evaluation is what a static check has said already: the same, or an access that fails where the
/// reference was found to be wrong.
fn follows(later: &Diagnostic, said: &Diagnostic) -> bool {
    let (Some(a), Some(b)) = (&later.range, &said.range) else {
        return later.range == said.range && later.summary == said.summary;
    };
    let overlap = a.filename == b.filename && a.start.byte < b.end.byte && b.start.byte < a.end.byte;
    let same = later.summary == said.summary && (a == b || overlap);
    same || overlap && matches!(&*later.summary, "Invalid index" | "Unsupported attribute")
}

/// What import blocks say wrongly, whatever there is: ids that no object has, and addresses that two of them name.
fn imports(ev: &mut Evaluator<'_>) {
    let graph = Arc::clone(&ev.graph);
    let mut seen = BTreeMap::new();
    for i in &graph.modules[0].module.content.imports {
        if i.for_each.is_none() {
            let (id, problems) = {
                let place = Place { ev, module: ModId(0), instance: 0, rep: Rep::Single, this: None };
                stackctl_lang::eval::expr(&i.id, &place)
            };
            if !problems.iter().any(Problem::is_error)
                && id.is_known()
                && let Err(p) = import_id(&id)
            {
                ev.report(vec![p.at(i.id.span)], None);
            }
            let mut literal = |_: &stackctl_hcl::Expr| None;
            if let Some(addr) = crate::eval::address::instance_addr(&i.to, &mut literal)
                && let Some(first) = seen.insert(addr.to_string(), i.span)
            {
                let detail = format!("Another import block has {addr} already.");
                let p = Problem::error("Invalid import", detail).at(i.span).with(first, "the first one");
                ev.report(vec![p], None);
            }
        }
    }
}

fn resource(ev: &mut Evaluator<'_>, id: NodeId, instance: u32, diags: &mut Diagnostics) {
    let graph = Arc::clone(&ev.graph);
    let Some(r) = graph.resource(id) else { return };
    let name = ev.name(id, instance);
    let Some(info) = ev.load_type(id) else {
        if graph.node(id).provider.is_none() {
            // Said already.
            return;
        }
        // Only an instance of a type that nobody has is an error, and here is none yet.
        let source = graph.node(id).provider.and_then(|p| graph.provider_addr(p)).map(|a| a.source).unwrap_or_default();
        let never = matches!(&r.repeat, Repeat::Count(_) | Repeat::ForEach(_));
        if !never {
            let d = Diagnostic::error(
                format!("Invalid {}", kind_of_type(r.key.mode)),
                format!("The provider {source} has no \"{}\" here.", r.key.ty),
            );
            let known = ev.providers.table(&source).map(|p| types_of(p, r.key.mode));
            let d = match closest(&r.key.ty, known.unwrap_or_default()) {
                Some(c) => d.hinted(format!("Did you mean \"{c}\"?")),
                None => d,
            };
            diags.push(ev.place_path(id, d.of(&name)));
        }
        return;
    };
    let rep = match &r.repeat {
        Repeat::Single => Rep::Single,
        _ => Rep::Unknown,
    };
    let decoded = {
        let place = ev.place(id, instance, rep, None);
        info.spec.decode(&r.body, r.span, &place)
    };
    ev.report(decoded.problems, Some(&name));
    let config = Config::of(&decoded.value, &info.ty);
    let wrong = schema_checks(info.schema, &config.value);
    let more = match r.key.mode {
        Mode::Data => info.provider.validate_data(&r.key.ty, &config.value),
        Mode::Managed => info.provider.validate(&r.key.ty, &config.value),
        Mode::Ephemeral => info.provider.validate_ephemeral(&r.key.ty, &config.value),
    };
    for e in wrong.into_iter().chain(more) {
        let d = ev.place_path(id, Diagnostic::from_provider("Invalid configuration", e));
        diags.push(d.of(&name));
    }
    let value = info.unknown();
    let value = if r.key.mode == Mode::Ephemeral { value.with_marks(Marks::EPHEMERAL) } else { value };
    ev.set_instance(id, instance, None, value.clone());
    let conditions = r.lifecycle.preconditions.iter().chain(&r.lifecycle.postconditions);
    let problems: Vec<Problem> = conditions
        .flat_map(|c| stackctl_lang::eval::expr(&c.condition, &ev.place(id, instance, rep, Some(&value))).1)
        .collect();
    ev.report(problems, Some(&name));
    let whose = Whose { module: graph.node(id).module, instance, rep, this: &value, name: &name };
    ev.check_provisioners(&r.provisioners, whose);
}

fn provider(ev: &mut Evaluator<'_>, id: NodeId, diags: &mut Diagnostics) {
    let Some(Config { value: config, .. }) = ev.provider_config(id) else { return };
    let Some(addr) = ev.graph.provider_addr(id) else { return };
    let Some(table) = ev.providers.table(&addr.source) else { return };
    let block = ev.graph.provider_block(id);
    for e in schema_checks(table.config(), &config) {
        let mut d = Diagnostic::from_provider("Invalid provider configuration", e);
        let span = block.and_then(|b| d.path.as_ref().and_then(|p| stackctl_lang::eval::locate(&b.body, p)));
        d.range = span.or(block.map(|b| b.span)).and_then(|s| ev.range(s));
        diags.push(d.of(&addr));
    }
}
