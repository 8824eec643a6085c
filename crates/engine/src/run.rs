//! A run: from an opened state to a plan, with recovery before it and rounds of reads in it.
//!
//! Planner and state are synchronous and pure; this is where their questions meet the providers. Start at [`plan`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt as _};
use stackctl_core::{Diagnostic, Diagnostics, Known, Severity, Status};
use stackctl_state::session::Pending;
use stackctl_state::{Claim, ProviderAddr, Record, Session, State};

use crate::eval::ephemerals::Opening;
use crate::eval::{Evaluator, Graph, Kind, Settings};
use crate::events::{Event, Events, Subject};
use crate::leases::Leases;
use crate::plan::{Options, Plan, Planner, Step};
use crate::providers::Providers;
use crate::recover::look_up;
use crate::refresh::{Answer, Read, ReadAnswer, ReadRequest};

/// Looks up what an earlier run left open, and folds the result. Does nothing to a state that is clean.
///
/// # Errors
/// If a service cannot be asked, or the state cannot be written: then nothing was changed.
pub async fn settle(
    session: &mut Session,
    settings: &Settings,
    providers: &Providers,
    events: &Events,
) -> Result<(), Diagnostics> {
    let records = looked_up(session.pending(), session, settings, providers, events).await?;
    session.resolve(records).await.map_err(|e| vec![e.diagnostic()])
}

/// Looks up objects that only a journal kept aside knows: a record for each that exists.
///
/// # Errors
/// If a service cannot be asked.
pub async fn claims(
    claims: Vec<Claim>,
    session: &Session,
    settings: &Settings,
    providers: &Providers,
    events: &Events,
) -> Result<Vec<Record>, Diagnostics> {
    let pending = Pending { claims, ..Pending::default() };
    looked_up(&pending, session, settings, providers, events).await
}

async fn looked_up(
    pending: &Pending,
    session: &Session,
    settings: &Settings,
    providers: &Providers,
    events: &Events,
) -> Result<Vec<Record>, Diagnostics> {
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let leases = Leases::new(Arc::clone(&providers.host().clock), events.clone());
    let open = opened(settings, providers, &leases).await;
    let config = |addr: &ProviderAddr| match open.get(addr) {
        Some(config) => Ok(config.clone()),
        None => provider_config(settings, providers, addr),
    };
    let found = look_up(pending, session.state(), providers, &config, events).await.map_err(|d| vec![d]);
    open.keys().for_each(|addr| providers.forget(addr));
    // That something could not be closed is no reason to lose what was found.
    for d in unclosed(&leases).await {
        events.send(Event::Note(Box::new(Diagnostic { severity: Severity::Warning, ..d })));
    }
    found
}

/// The configurations of providers that use ephemeral objects, which are opened for it. What cannot be is left out.
async fn opened(settings: &Settings, providers: &Providers, leases: &Leases) -> HashMap<ProviderAddr, Known> {
    let (graph, _) = Graph::new(&settings.config.root, &settings.sources, &[]);
    let graph = Arc::new(graph);
    let needs = graph.ephemerals();
    let mut ev = Evaluator::new(settings.clone(), Arc::clone(&graph), providers);
    let (mut out, mut tried) = (HashMap::new(), HashSet::new());
    for (id, needs) in needs.iter().filter(|(id, _)| matches!(graph.node(**id).kind, Kind::Provider(_))) {
        for e in needs.iter() {
            for instance in ev.related_made(graph.node(*id).module, 0, graph.node(*e).module) {
                if !tried.insert((*e, instance)) {
                    continue;
                }
                let all = if ev.ensure(*e, instance) { ev.openings(*e, instance) } else { None };
                for o in all.unwrap_or_default() {
                    let found = open_one(&mut ev, &o, providers, leases).await;
                    ev.set_opened(&o, found.as_ref());
                }
            }
        }
        ev.ensure(*id, 0);
        let config = ev.provider_config(*id).and_then(|c| c.value.to_known().ok());
        out.extend(graph.provider_addr(*id).zip(config));
    }
    out
}

async fn open_one(ev: &mut Evaluator<'_>, o: &Opening, providers: &Providers, leases: &Leases) -> Option<Known> {
    let provider = ev.graph.node(o.id).provider?;
    ev.ensure(provider, 0);
    let config = ev.provider_config(provider)?.value.to_known().ok()?;
    let configured = providers.configure(&ev.graph.provider_addr(provider)?, config).await.ok()?;
    leases.open(&o.addr, configured.instance, o.config.to_known().ok()?).await.ok()
}

/// The complete configuration of a provider, before anything is planned.
fn provider_config(settings: &Settings, providers: &Providers, addr: &ProviderAddr) -> Result<Known, Diagnostic> {
    let (graph, mut diags) = Graph::new(&settings.config.root, &settings.sources, std::slice::from_ref(&addr.source));
    let graph = Arc::new(graph);
    let mut ev = Evaluator::new(settings.clone(), Arc::clone(&graph), providers);
    let missing = || {
        Diagnostic::error(
            "Provider configuration needed",
            format!("An interrupted run used {addr}, which the configuration does not have."),
        )
        .hinted("Bring its provider block back until the next apply has looked up what that run left.")
    };
    let id = graph.find_provider(addr).ok_or_else(missing)?;
    ev.ensure(id, 0);
    diags.append(&mut ev.diags);
    if let Some(d) = diags.into_iter().find(Diagnostic::is_error) {
        return Err(d);
    }
    ev.provider_config(id).ok_or_else(missing)?.value.to_known().map_err(|path| {
        Diagnostic::error(
            "Provider configuration not known",
            format!("The argument {path} of {addr} depends on objects of the interrupted run, which cannot be looked up without it."),
        )
        .hinted("Give the argument a value that does not depend on resources.")
    })
}

/// Plans: performs the rounds of reads that the planner asks for, everything in a round at the same time.
pub async fn plan(options: Options, state: Arc<State>, providers: &Providers, events: &Events) -> (Plan, Diagnostics) {
    let mut planner = Planner::new(options, state, providers);
    let leases = Leases::new(Arc::clone(&providers.host().clock), events.clone());
    let mut answers = Vec::new();
    loop {
        match planner.step(answers) {
            Step::Done(plan, mut diags) => {
                diags.extend(unusable(&plan, providers).await);
                diags.extend(unclosed(&leases).await);
                plan.providers.iter().filter(|p| p.ephemeral).for_each(|p| providers.forget(&p.addr));
                return (*plan, diags);
            }
            Step::Need(requests) => {
                let mut running: FuturesUnordered<_> =
                    requests.into_iter().map(|r| read(r, providers, &leases, events)).collect();
                answers = Vec::new();
                // A wave that is complete is handed over as a whole: fewer, larger batches.
                while let Some(a) = running.next().await {
                    answers.push(a);
                }
            }
        }
    }
}

/// Wrong credentials, accounts and regions show in the plan, and not halfway through an apply: every provider that has
/// something to do is configured, as far as its arguments are known.
async fn unusable(plan: &Plan, providers: &Providers) -> Diagnostics {
    let mut out = Vec::new();
    for used in &plan.providers {
        let has_work = plan.ops.iter().any(|o| o.is_change() && o.provider == used.addr);
        let (true, Ok(config)) = (has_work && !plan.errored, used.config.to_known()) else { continue };
        if let Err(e) = providers.configure(&used.addr, config).await {
            out.push(Diagnostic::from_provider(format!("Error configuring {}", used.addr), e));
        }
    }
    out
}

/// Closes what is still open.
pub(crate) async fn unclosed(leases: &Leases) -> Diagnostics {
    let failed = leases.close_all().await;
    failed.into_iter().map(|(addr, e)| Diagnostic::from_provider(format!("Closing {addr}"), e).of(addr)).collect()
}

async fn read(request: ReadRequest, providers: &Providers, leases: &Leases, events: &Events) -> ReadAnswer {
    let ReadRequest { id, provider, config, ty, read, addrs } = request;
    let result = async {
        let configured = providers.configure(&provider, Known::clone(&config)).await?;
        match read {
            Read::Objects(refs) => {
                let who: Vec<(Subject, String)> = addrs
                    .into_iter()
                    .zip(&refs)
                    .map(|(addr, r)| (Subject { addr, deposed: None }, r.id.clone()))
                    .collect();
                for (subject, id) in &who {
                    events.send(Event::RefreshStart { subject: subject.clone(), id: id.clone() });
                }
                let mut live = configured.instance.read(&ty, refs).await?;
                live.retain(|l| l.status != Status::Deleting);
                for (subject, id) in who {
                    events.send(Event::RefreshDone { subject, id });
                }
                Ok(Answer::Objects(live))
            }
            Read::Data(config) => configured.instance.data(&ty, config).await.map(Answer::Data),
            Read::Open(config) => match addrs.first() {
                Some(addr) => leases.open(addr, configured.instance, config).await.map(Answer::Data),
                None => Ok(Answer::Closed),
            },
            Read::Close => {
                for addr in &addrs {
                    leases.close(addr).await?;
                }
                Ok(Answer::Closed)
            }
        }
    };
    ReadAnswer { id, result: result.await }
}
