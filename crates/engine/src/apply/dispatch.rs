//! The dispatcher: one task that owns the order, the session and the values; workers do I/O and send it messages.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use stackctl_core::{Diagnostic, Error, InstanceAddr, Known, Severity, Timeouts};
use stackctl_state::{DeposedKey, Durable, Object, Record, Session, State, Target};
use tokio::sync::{mpsc, oneshot, watch};

use super::job::{Job, Needs, Open, Outcome, Prepared, Ready, Values};
use super::order::Order;
use super::tools::{Ledger, Recent, Tools};
use super::work;
use crate::eval::Provision;
use crate::events::{Event, Events, Stop, Subject};
use crate::leases::Leases;
use crate::plan::{Action, OpId, Operation, Plan, ReplaceOrder};
use crate::providers::Providers;

/// From workers to the dispatcher.
pub(crate) enum Message {
    /// Append these records.
    Commit { records: Vec<Record>, reply: oneshot::Sender<Durable> },
    /// Evaluate the provisioners of an object that was just made.
    Provision { op: OpId, object: Arc<Object>, reply: oneshot::Sender<Result<Vec<Provision>, Box<Diagnostic>>> },
    /// An ephemeral object is open, or could not be opened.
    Opened { addr: Arc<InstanceAddr>, result: Result<Known, Error> },
    /// An ephemeral object was closed.
    Closed { trouble: Option<Box<Diagnostic>> },
    /// The object of an operation is as it shall be: what depends on it may begin.
    Ready { op: OpId, object: Arc<Object> },
    /// A worker has ended.
    Ended { node: NodeIndex, op: OpId, outcome: Outcome },
}

/// How an apply ended.
pub struct Applied {
    /// The state as it is kept now.
    pub state: State,
    /// Errors and warnings, in the order in which they came up.
    pub diags: Vec<Diagnostic>,
    /// What was done.
    pub done: Tally,
    /// Operations that did not start.
    pub skipped: usize,
    /// The user ended the run early.
    pub interrupted: bool,
}

/// What was done, for the summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Imported.
    pub imported: usize,
    /// Created.
    pub added: usize,
    /// Changed in place.
    pub changed: usize,
    /// Destroyed.
    pub destroyed: usize,
}

/// Operations that run at the same time. Requests are limited where they are sent; this bounds memory only.
const WORKERS: usize = 512;

/// Carries out a plan. The session is open for writing and has nothing unresolved.
pub async fn apply(
    plan: Arc<Plan>,
    session: Session,
    values: &mut dyn Values,
    providers: Arc<Providers>,
    events: Events,
    stop: watch::Receiver<Stop>,
    parallelism: Option<usize>,
) -> Applied {
    let (tx, rx) = mpsc::unbounded_channel();
    let host = providers.host().clone();
    let tools = Arc::new(Tools {
        env: Arc::new(host.env_for_programs()),
        cwd: host.cwd.clone(),
        clock: Arc::clone(&host.clock),
        ledger: Ledger { tx: tx.clone(), gate: session.gate() },
        events: events.clone(),
        stop: stop.clone(),
        names: AtomicU32::new(0),
        recent: Recent::default(),
        keep_ownership_tags: host.keep_ownership_tags,
    });
    let order = Order::new(plan.graph.clone(), |id| weight(plan.op(id), &providers));
    let leases = Arc::new(Leases::new(Arc::clone(&host.clock), events));
    let mut d = Dispatcher {
        leases,
        parked: Vec::new(),
        again: Vec::new(),
        plan,
        session,
        order,
        providers,
        tools,
        tx,
        diags: Vec::new(),
        tally: Tally::default(),
        failed: HashSet::new(),
        skipped: HashSet::new(),
        started: HashMap::new(),
        limit: parallelism.unwrap_or(WORKERS).max(1),
        fenced: false,
        made: Vec::new(),
    };
    d.opening(values).await;
    d.run(values, rx, stop).await;
    d.close(values).await
}

/// How long an operation is expected to take, in no unit in particular: slow types start first. Nothing knows better than
/// the timeouts, which grow with what is usual; those of the instance go before those of its type.
fn weight(op: &Operation, providers: &Providers) -> u32 {
    let ty = providers.table(&op.provider.source).and_then(|p| p.resource(&op.addr.resource.ty));
    let types = ty.map(|s| s.timeouts).unwrap_or_default();
    let slow = timeout(op, types).unwrap_or_default();
    1 + u32::try_from(slow.as_secs() / 60).unwrap_or(u32::MAX - 1)
}

/// The timeout of an operation: its own, else that of its type.
fn timeout(op: &Operation, types: Timeouts) -> Option<Duration> {
    let own = op.timeouts;
    match op.action {
        Action::Create => own.create.or(types.create),
        Action::Update => own.update.or(types.update),
        Action::Delete => own.delete.or(types.delete),
        Action::Read | Action::NoOp | Action::Forget => own.read.or(types.read),
    }
}

/// An operation under way.
struct Started {
    node: NodeIndex,
    /// On the boot clock.
    at: Duration,
    /// Its object is as it shall be, and what depends on it may have begun.
    ready: bool,
}

struct Dispatcher {
    leases: Arc<Leases>,
    /// Operations that wait for ephemeral objects to be open.
    parked: Vec<(NodeIndex, OpId)>,
    /// Those that are tried again.
    again: Vec<(NodeIndex, OpId)>,
    plan: Arc<Plan>,
    session: Session,
    order: Order,
    providers: Arc<Providers>,
    tools: Arc<Tools>,
    tx: mpsc::UnboundedSender<Message>,
    diags: Vec<Diagnostic>,
    tally: Tally,
    failed: HashSet<OpId>,
    skipped: HashSet<OpId>,
    started: HashMap<OpId, Started>,
    limit: usize,
    fenced: bool,
    /// Addresses and ids of what was made, for users whose state could not be saved.
    made: Vec<String>,
}

impl Dispatcher {
    /// Moves, imports, forgets and refreshed values: durable before the first intent that depends on them.
    async fn opening(&mut self, values: &mut dyn Values) {
        let mut records = Vec::new();
        for m in &self.plan.moves {
            records.push(Record::Mv { from: m.from.clone(), to: m.to.clone() });
        }
        records.extend(refreshed(self.session.state(), &self.plan));
        let mut forgotten = Vec::new();
        for (id, op) in self.plan.operations() {
            let at = target(op);
            if op.importing.is_some() {
                self.tally.imported += 1;
                if let Some(object) = self.plan.prior.object(&at) {
                    records.push(Record::Import { addr: (*op.addr).clone(), object: Arc::clone(object) });
                }
            }
            if op.action == Action::Forget {
                records.push(Record::Rm { at });
                forgotten.push(id);
            }
        }
        if !records.is_empty() {
            let durable = self.session.append(records);
            if let Err(e) = durable.await {
                self.broken(e.diagnostic(), None);
            }
        }
        for id in forgotten {
            self.diags.extend(values.done(id, None));
        }
    }

    async fn run(
        &mut self,
        values: &mut dyn Values,
        mut rx: mpsc::UnboundedReceiver<Message>,
        mut stop: watch::Receiver<Stop>,
    ) {
        let mut running = 0usize;
        let mut told = Stop::No;
        loop {
            let wanted = *stop.borrow_and_update();
            if wanted > told {
                told = wanted;
                self.tools.events.send(Event::Interrupted(wanted));
            }
            while running < self.limit && wanted == Stop::No && !self.fenced {
                let Some((node, id)) = self.again.pop().or_else(|| self.order.next()) else { break };
                running += self.start(values, node, id);
            }
            if running == 0 {
                return;
            }
            let message = tokio::select! {
                m = rx.recv() => m,
                Ok(()) = stop.changed() => continue,
            };
            match message {
                None => return,
                Some(Message::Commit { records, reply }) => {
                    // A worker that is gone no longer waits; its records count all the same.
                    let _ = reply.send(self.session.append(records));
                }
                Some(Message::Provision { op, object, reply }) => {
                    let mut answer = values.provisions(op, &object);
                    if let Err(diags) = &mut answer
                        && diags.len() > 1
                    {
                        self.diags.extend(diags.drain(1..));
                    }
                    let missing = || Diagnostic::error("Invalid provisioner", "It could not be evaluated.");
                    let _ = reply.send(answer.map_err(|d| Box::new(d.into_iter().next().unwrap_or_else(missing))));
                }
                Some(Message::Opened { addr, result }) => {
                    running -= 1;
                    self.diags.extend(values.opened(&addr, result));
                    self.again.append(&mut self.parked);
                }
                Some(Message::Closed { trouble }) => {
                    running -= 1;
                    self.diags.extend(trouble.map(|d| *d));
                }
                Some(Message::Ready { op, object }) => {
                    if let Some(started) = self.started.get_mut(&op) {
                        started.ready = true;
                        let (node, at) = (started.node, started.at);
                        self.done(values, node, op, at, Some(&object));
                    }
                }
                Some(Message::Ended { node, op, outcome }) => {
                    running -= 1;
                    self.ended(values, node, op, outcome);
                    running += self.release(values, op);
                }
            }
        }
    }

    /// Opens an ephemeral object.
    fn open(&self, open: Open) {
        let (leases, providers, tx) = (Arc::clone(&self.leases), Arc::clone(&self.providers), self.tx.clone());
        tokio::spawn(async move {
            let addr = Arc::clone(&open.addr);
            let result = open_now(&leases, &providers, open).await;
            // The dispatcher outlives its workers unless the process is ending.
            let _ = tx.send(Message::Opened { addr, result });
        });
    }

    /// Closes what only this operation still needed. Returns how much that is.
    fn release(&mut self, values: &mut dyn Values, id: OpId) -> usize {
        let idle = values.unneeded(id);
        for addr in &idle {
            let (leases, tx, addr) = (Arc::clone(&self.leases), self.tx.clone(), Arc::clone(addr));
            tokio::spawn(async move {
                let failed = leases.close(&addr).await.err();
                let trouble =
                    failed.map(|e| Box::new(Diagnostic::from_provider(format!("Closing {addr}"), e).of(&addr)));
                let _ = tx.send(Message::Closed { trouble });
            });
        }
        idle.len()
    }

    /// Starts an operation, or opens what it needs first. Returns how many tasks were started.
    fn start(&mut self, values: &mut dyn Values, node: NodeIndex, id: OpId) -> usize {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(id);
        if op.action == Action::Forget || op.action == Action::NoOp {
            self.order.done(node);
            return 0;
        }
        match values.needs(Some(id)) {
            Needs::Nothing => {}
            Needs::Open(list) => {
                self.parked.push((node, id));
                let started = list.len();
                list.into_iter().for_each(|o| self.open(o));
                return started;
            }
            Needs::Failed(diags) => {
                self.diags.extend(diags);
                self.fail(node, id);
                return self.release(values, id);
            }
        }
        // The old half of a create-first replacement is deposed by then, under a name that the journal chose.
        let mut at = target(op);
        if let Some(r) = op.replacement
            && r.order == ReplaceOrder::CreateFirst
            && op.action == Action::Delete
        {
            match self.deposed_by(op) {
                Some(key) => at.deposed = Some(key),
                None => {
                    self.order.done(node);
                    return self.release(values, id);
                }
            }
        }
        let object = self.session.state().object(&at).cloned();
        let ready = match values.prepare(id, object.as_deref()) {
            Ok(Prepared::Go(ready)) => *ready,
            Ok(Prepared::Nothing) => {
                self.diags.extend(values.done(id, object.as_deref()));
                self.order.done(node);
                return self.release(values, id);
            }
            Err(diags) => {
                self.diags.extend(diags);
                self.fail(node, id);
                return self.release(values, id);
            }
        };
        let token = self.session.token(&op.addr);
        let job = JobParts { id, at, op: op.clone(), object, token, ready };
        let subject = subject(op);
        let before = job.object.as_ref().and_then(|o| o.attributes.get("id").as_str()).map(str::to_owned);
        self.tools.events.send(Event::OpStart { subject, action: op.action, id: before });
        self.started.insert(id, Started { node, at: self.tools.clock.boot(), ready: false });
        let (tools, providers, tx) = (Arc::clone(&self.tools), Arc::clone(&self.providers), self.tx.clone());
        tokio::spawn(async move {
            let outcome = match job.configure(&providers).await {
                Ok(job) => work::run(&tools, &job).await,
                Err(diag) => Outcome { object: diag.1, trouble: Some(diag.0) },
            };
            // The dispatcher outlives its workers unless the process is ending.
            let _ = tx.send(Message::Ended { node, op: id, outcome });
        });
        1
    }

    /// The deposed object that the other half of a replacement left behind: the one with the id that was planned.
    fn deposed_by(&self, op: &Operation) -> Option<DeposedKey> {
        let id = op.before.as_ref()?.get("id").clone();
        let instance = self.session.state().instance(&op.addr)?;
        instance.deposed.iter().find(|(_, o)| *o.attributes.get("id") == id).map(|(k, _)| k.clone())
    }

    fn ended(&mut self, values: &mut dyn Values, node: NodeIndex, id: OpId, outcome: Outcome) {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(id);
        let now = self.tools.clock.boot();
        let Started { at, ready, .. } = self.started.remove(&id).unwrap_or(Started { node, at: now, ready: false });
        let object = outcome.object;
        let made = object.as_ref().filter(|_| op.action == Action::Create).and_then(|o| o.id());
        self.made.extend(made.map(|made| format!("{} {made}", op.addr)));
        match outcome.trouble {
            // What depends on it goes on: the object is there, and is as it shall be.
            Some(diag) if ready => {
                self.diags.push(*diag);
                self.failed.insert(id);
            }
            // The check tells of it, and nothing else depends on it.
            Some(mut diag) if values.is_checks(id) => {
                diag.severity = Severity::Warning;
                self.diags.push(*diag);
                self.done(values, node, id, at, None);
            }
            Some(diag) => {
                let elapsed = now.saturating_sub(at);
                self.tools.events.send(Event::OpFailed { subject: subject(op), action: op.action, elapsed });
                self.diags.push(*diag);
                // What exists is visible to outputs, also if something about it failed.
                let _ = values.done(id, object.as_deref());
                self.fail(node, id);
            }
            None if ready => {}
            None => self.done(values, node, id, at, object.as_deref()),
        }
    }

    /// An operation has done what it was to do: what depends on it may begin.
    fn done(&mut self, values: &mut dyn Values, node: NodeIndex, id: OpId, at: Duration, object: Option<&Object>) {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(id);
        match op.action {
            Action::Create => self.tally.added += 1,
            Action::Update => self.tally.changed += 1,
            Action::Delete => self.tally.destroyed += 1,
            Action::Read | Action::NoOp | Action::Forget => {}
        }
        let elapsed = self.tools.clock.boot().saturating_sub(at);
        let new = object.and_then(|o| o.attributes.get("id").as_str()).map(str::to_owned);
        let id_shown = new.or_else(|| op.before.as_ref()?.get("id").as_str().map(str::to_owned));
        self.tools.events.send(Event::OpDone { subject: subject(op), action: op.action, id: id_shown, elapsed });
        let unfinished = object.is_some_and(|o| o.unfinished);
        let diags = values.done(id, object);
        let wrong = stackctl_core::diag::has_errors(&diags);
        self.diags.extend(diags);
        if wrong || unfinished { self.fail(node, id) } else { self.order.done(node) }
    }

    fn fail(&mut self, node: NodeIndex, id: OpId) {
        self.failed.insert(id);
        for dropped in self.order.drop_behind(node) {
            if self.skipped.insert(dropped) {
                let op = self.plan.op(dropped);
                self.tools.events.send(Event::OpSkipped { subject: subject(op), action: op.action });
            }
        }
    }

    /// The journal can no longer be written: nothing more is started.
    fn broken(&mut self, diag: Diagnostic, _object: Option<Arc<Object>>) {
        self.fenced = true;
        self.diags.push(diag);
    }

    async fn close(mut self, values: &mut dyn Values) -> Applied {
        while let Some((_, id)) = self.order.next() {
            self.skipped.insert(id);
        }
        self.skipped.extend(self.parked.drain(..).chain(self.again.drain(..)).map(|(_, id)| id));
        let interrupted = *self.tools.stop.borrow() > Stop::No;
        let failed = !self.failed.is_empty() || !self.skipped.is_empty() || self.fenced;
        while let (false, Needs::Open(list)) = (failed, values.needs(None)) {
            if list.is_empty() {
                break;
            }
            for open in list {
                let addr = Arc::clone(&open.addr);
                let result = open_now(&self.leases, &self.providers, open).await;
                self.diags.extend(values.opened(&addr, result));
            }
        }
        let end = values.conclude(failed);
        self.diags.extend(crate::run::unclosed(&self.leases).await);
        self.diags.extend(end.diags);
        let mut records = Vec::new();
        if let Some(outputs) = end.outputs.filter(|o| *o != self.session.state().outputs) {
            records.push(Record::Outputs(outputs));
        }
        if end.checks != self.session.state().checks {
            records.push(Record::Checks(end.checks));
        }
        if !records.is_empty() && !self.fenced {
            // The fold at the end takes them along, and says what is wrong with them.
            drop(self.session.append(records));
        }
        let last = self.session.state().clone();
        let state = match self.session.close().await {
            Ok(state) => {
                self.tools.events.send(Event::Saved { serial: state.serial });
                state
            }
            Err(e) => {
                self.diags.push(e.diagnostic());
                // The state may know nothing of them.
                if !self.made.is_empty() {
                    self.diags.push(Diagnostic::warning("Objects that this run made", self.made.join("\n")));
                }
                last
            }
        };
        Applied { state, diags: self.diags, done: self.tally, skipped: self.skipped.len(), interrupted }
    }
}

/// Opens an ephemeral object with its provider.
async fn open_now(leases: &Leases, providers: &Providers, open: Open) -> Result<Known, Error> {
    let configured = providers.configure(&open.provider, open.provider_config).await?;
    leases.open(&open.addr, configured.instance, open.config).await
}

/// An operation with its evaluated values, before its provider is configured.
struct JobParts {
    id: OpId,
    at: Target,
    op: Operation,
    object: Option<Arc<Object>>,
    token: String,
    ready: Ready,
}

impl JobParts {
    async fn configure(self, providers: &Providers) -> Result<Job, (Box<Diagnostic>, Option<Arc<Object>>)> {
        let Ready { config, planned, write_only, fields, sensitive, referred, before, provisioned, provider } =
            self.ready;
        let configured = providers.configure(&self.op.provider, provider).await.map_err(|e| {
            let diag = Diagnostic::from_provider(format!("Error configuring {}", self.op.provider), e);
            (Box::new(diag.of(&*self.op.addr)), self.object.clone())
        })?;
        let types = configured.table.resource(&self.op.addr.resource.ty).map(|s| s.timeouts).unwrap_or_default();
        let timeout = timeout(&self.op, types);
        Ok(Job {
            op: self.id,
            at: self.at,
            action: self.op.action,
            table: configured.table,
            instance: configured.instance,
            provider: Arc::clone(&self.op.provider),
            object: self.object,
            token: self.token,
            config,
            provider_config: (*configured.config).clone(),
            planned,
            write_only,
            fields,
            sensitive,
            referred,
            before,
            provisioned,
            dependencies: self.op.dependencies.iter().map(ToString::to_string).collect(),
            create_before_destroy: self.op.create_before_destroy,
            timeout: timeout.unwrap_or(Timeouts::DEFAULT),
        })
    }
}

fn target(op: &Operation) -> Target {
    Target { addr: (*op.addr).clone(), deposed: op.deposed.as_deref().and_then(DeposedKey::parse) }
}

fn subject(op: &Operation) -> Subject {
    Subject { addr: Arc::clone(&op.addr), deposed: op.deposed.clone() }
}

/// What the refresh of the plan found that the session's state does not hold yet; moves are appended before it.
fn refreshed(state: &State, plan: &Plan) -> Vec<Record> {
    let mut out = Vec::new();
    let from: HashMap<_, _> = plan.moves.iter().map(|m| (&m.to, &m.from)).collect();
    let leaving: HashSet<_> = plan.moves.iter().map(|m| &m.from).collect();
    let imported: HashSet<_> = plan.ops.iter().filter(|o| o.importing.is_some()).map(|o| &*o.addr).collect();
    for (at, object) in plan.prior.objects() {
        let before = match from.get(&at.addr) {
            Some(old) => state.object(&Target { addr: (*old).clone(), deposed: at.deposed.clone() }),
            None => state.object(&at),
        };
        if before != Some(object) && !imported.contains(&at.addr) {
            out.push(Record::Set { at, object: Arc::clone(object) });
        }
    }
    for (at, _) in state.objects() {
        if plan.prior.object(&at).is_none() && !leaving.contains(&at.addr) {
            out.push(Record::Rm { at });
        }
    }
    out
}
