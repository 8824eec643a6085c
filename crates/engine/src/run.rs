//! A run: from an opened state to a plan, with recovery before it and rounds of reads in it.
//!
//! Planner and state are synchronous and pure; this is where their questions meet the providers. Start at [`plan`].

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt as _};
use stackctl_core::{Diagnostic, Diagnostics, Known, Status};
use stackctl_state::session::Pending;
use stackctl_state::{Claim, ProviderAddr, Record, Session, State};

use crate::eval::{Evaluator, Graph, Settings};
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
    let config = |addr: &ProviderAddr| provider_config(settings, providers, addr);
    let records = look_up(session.pending(), session.state(), providers, &config, events).await.map_err(|d| vec![d])?;
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
    let config = |addr: &ProviderAddr| provider_config(settings, providers, addr);
    let pending = Pending { claims, ..Pending::default() };
    look_up(&pending, session.state(), providers, &config, events).await.map_err(|d| vec![d])
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
