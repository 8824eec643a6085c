//! What workers do: create, update, delete and read one object, each announced in the journal before it is sent.
//!
//! A worker never touches the state and never plans; it reports what really exists. Every await is a place where the
//! process may die: what must be durable by then was committed before.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use sha2::{Digest as _, Sha256};
use stackctl_core::{
    Change, Diagnostic, Error, ErrorKind, ForceNew, Identity, Known, New, Partial, Ref, Result, Schema,
};
use stackctl_state::{Action as Doing, Done, Intent, Object, ObjectStatus, Record};

use super::job::{Job, Outcome};
use super::keys::keys;
use super::lost;
use super::names::settle_names;
use super::provision;
use super::send::send_update;
use super::settle::{Settled, Ticker, is_passing, until_gone, until_ready};
use super::tools::{Appended, Tools};
use super::wait::Ended;
use crate::refresh::absorb;

/// Why an operation stopped, and what exists all the same.
pub(crate) struct Trouble {
    pub(crate) diag: Box<Diagnostic>,
    pub(crate) object: Option<Arc<Object>>,
}

impl Trouble {
    fn new(job: &Job, doing: &str, e: Error, object: Option<Arc<Object>>) -> Trouble {
        let what = format!("Error {doing} {}", job.at.addr);
        let diag = Diagnostic::from_provider(what, e).of(&job.at.addr);
        Trouble { diag: Box::new(diag), object }
    }
    /// The journal could not be written: nothing may be sent any more.
    fn journal(diag: Diagnostic, object: Option<Arc<Object>>) -> Trouble {
        Trouble { diag: Box::new(diag), object }
    }
}

/// What an operation leaves in state.
type Made = Result<Option<Arc<Object>>, Trouble>;

/// Carries out a job.
pub(crate) async fn run(tools: &Tools, job: &Job) -> Outcome {
    let mut ticker = Ticker::new(tools);
    let done = match job.action {
        crate::plan::Action::Create => provisioned(tools, job, create(tools, job, &mut ticker).await).await,
        // What an earlier run left unfinished is made now.
        crate::plan::Action::Update => provisioned(tools, job, update(tools, job, &mut ticker).await).await,
        crate::plan::Action::Delete => match provision::before_delete(tools, job).await {
            Ok(()) => delete(tools, job, &mut ticker).await,
            Err(t) => Err(t),
        },
        crate::plan::Action::Read => read(tools, job).await,
        crate::plan::Action::NoOp | crate::plan::Action::Forget => Ok(job.object.clone()),
    };
    match done {
        Ok(object) => Outcome { object, trouble: None },
        Err(t) => Outcome { object: t.object, trouble: Some(t.diag) },
    }
}

/// Runs the provisioners of what was made.
async fn provisioned(tools: &Tools, job: &Job, made: Made) -> Made {
    match made {
        Ok(Some(object)) if job.provisioned && !object.unfinished => {
            provision::after_create(tools, job, object).await.map(Some)
        }
        made => made,
    }
}

async fn create(tools: &Tools, job: &Job, ticker: &mut Ticker) -> Result<Option<Arc<Object>>, Trouble> {
    let fail = |e| Trouble::new(job, "creating", e, None);
    let schema = job.schema().map_err(fail)?;
    let mut planned = job.planned.clone();
    settle_names(schema, &mut planned, &*tools.clock, &tools.names);
    let wanted = job.wanted_of(&planned);
    let intent = Arc::new(Intent {
        token: job.token.clone(),
        action: Doing::Create,
        at: job.at.clone(),
        provider: Arc::clone(&job.provider),
        scope: job.instance.scope(),
        id: job.id(),
        keys: keys(schema, &planned),
        aws_at: job.instance.service_time(),
        written: tools.clock.now(),
        want: None,
        dependencies: job.dependencies.clone(),
        create_before_destroy: job.create_before_destroy,
    });
    let new = New { value: wanted, token: intent.token.clone() };
    let done = |id: &str, object: &Arc<Object>| {
        Record::Done(Done {
            token: intent.token.clone(),
            action: Doing::Create,
            at: job.at.clone(),
            id: Some(id.to_owned()),
            object: Some(Arc::clone(object)),
        })
    };

    if schema.local_only {
        // There is nothing outside that could be lost: one record, with everything.
        let made = job.instance.create(job.ty(), new).await.map_err(fail)?;
        let object = job.object_of(schema, made.value.unwrap_or(Known::Null), false);
        return last(tools, job, done(&made.id, &object), Some(object)).await;
    }

    announce(tools, job, schema, &intent).await?;
    let id = match lost::create(tools, job, schema, &intent, new, ticker).await {
        Ok(id) => id,
        Err(lost::Refused { error, certain }) => {
            // An intent that stays open is resolved by the next run.
            if certain {
                let record = Record::Failed { token: intent.token.clone() };
                tools.ledger.commit(vec![record]).await.map_err(|d| Trouble::journal(d, None))?;
            }
            return Err(fail(error));
        }
    };
    tools.recent.note(&*tools.clock);
    let mut planned_known = planned.or_null();
    planned_known.set("id", id.as_str().into());
    let unfinished = job.object_of(schema, planned_known.clone(), true);
    let made = done(&id, &unfinished);
    let at = Ref { id, known: planned_known, wanted: job.wanted_lazy(schema) };
    finish(tools, job, schema, &planned, at, unfinished, Some(made), ticker).await
}

/// Makes the intent of a create durable. Where the create would not fail on an existing object, its name must be free.
async fn announce(tools: &Tools, job: &Job, schema: &Schema, intent: &Arc<Intent>) -> Result<(), Trouble> {
    let fail = |e| Trouble::new(job, "creating", e, None);
    let journal = |d| Trouble::journal(d, None);
    let Identity::Name { silent: true, dated, tagged, .. } = schema.identity else {
        return tools.ledger.commit(vec![Record::Intent(Arc::clone(intent))]).await.map_err(journal);
    };
    if !dated && !tagged {
        // That the name was free before the intent is part of what proves whose the object is.
        lost::name_is_free(job, intent).await.map_err(fail)?;
        return tools.ledger.commit(vec![Record::Intent(Arc::clone(intent))]).await.map_err(journal);
    }
    let announced = tools.ledger.commit(vec![Record::Intent(Arc::clone(intent))]);
    let (announced, free) = join(announced, lost::name_is_free(job, intent)).await;
    announced.map_err(journal)?;
    if let Err(e) = free {
        let failed = Record::Failed { token: intent.token.clone() };
        tools.ledger.commit(vec![failed]).await.map_err(journal)?;
        return Err(fail(e));
    }
    Ok(())
}

/// The second phase of a creation: ready, as planned, without its ownership tag. Also what an unfinished object of an
/// earlier run gets.
#[expect(clippy::too_many_arguments, reason = "what a creation knows when its id is there")]
async fn finish(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    planned: &Partial,
    at: Ref,
    unfinished: Arc<Object>,
    made: Option<Record>,
    ticker: &mut Ticker,
) -> Result<Option<Arc<Object>>, Trouble> {
    let mut made = Announced { record: made, under_way: None };
    let finished = second_phase(tools, job, schema, planned, at, &unfinished, &mut made, ticker).await;
    // Whatever went wrong, what exists is recorded.
    made.append(tools).map_err(|d| Trouble::journal(d, Some(unfinished)))?;
    finished
}

#[expect(clippy::too_many_arguments, reason = "see `finish`")]
async fn second_phase(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    planned: &Partial,
    at: Ref,
    unfinished: &Arc<Object>,
    made: &mut Announced,
    ticker: &mut Ticker,
) -> Result<Option<Arc<Object>>, Trouble> {
    let keep = |e: Error| Trouble::new(job, "creating", e, Some(Arc::clone(unfinished)));
    let lost = |d| Trouble::journal(d, Some(Arc::clone(unfinished)));
    let complete = |live: &Known| job.differing(schema, live).is_empty();
    // Looking needs no durable id; changing does. An object that is ready at once becomes durable as it is then, together
    // with the intents of what depends on it.
    let settled = {
        let looking = until_ready(tools, job, schema, &at, ticker, |_| true);
        tokio::pin!(looking);
        tokio::select! {
            biased;
            settled = &mut looking => settled,
            () = tools.clock.sleep_passively(MOMENT) => {
                made.append(tools).map_err(lost)?;
                looking.await
            }
        }
    };
    let live = match settled.map_err(keep)? {
        Settled::Ready(live) => live,
        Settled::Stopped(_) => {
            made.durable(tools).await.map_err(lost)?;
            return Ok(Some(Arc::clone(unfinished)));
        }
        Settled::Failed(live, why) => {
            made.append(tools).map_err(lost)?;
            let e = Error::new(ErrorKind::Other, why)
                .hinted("The object is marked as tainted: the next apply replaces it.");
            let value = job.absorbed(schema, planned, live.value);
            let mut object = Arc::unwrap_or_clone(job.object_of(schema, value, false));
            object.status = ObjectStatus::Tainted;
            let object = record(tools, job, Arc::new(object)).await?;
            return Err(Trouble::new(job, "creating", e, Some(object)));
        }
    };
    guard(job, schema, &live.value).map_err(keep)?;
    let mut value = live.value;
    // The provider sees what is planned: the live values are the change's `old`.
    let mut known = planned.or_null();
    known.set("id", live.id.as_str().into());
    let at = Ref { id: live.id, known, wanted: at.wanted };
    let fields = job.differing(schema, &value);
    let as_planned = fields.is_empty();
    let new = merged(schema, &job.wanted_of(planned), &value);
    let change = Change { at: at.clone(), old: value.clone(), new, fresh: true, fields };
    let nothing_to_send =
        as_planned && tools.ledger.silently(job.instance.update(job.ty(), change.clone())).await.is_some();
    if !nothing_to_send {
        made.durable(tools).await.map_err(lost)?;
        let sent = send_update(tools, job, schema, change, ticker).await.map_err(keep)?;
        // What is as planned, and was not touched since it was read, is not read again.
        if sent || !as_planned {
            value = match until_ready(tools, job, schema, &at, ticker, complete).await.map_err(keep)? {
                Settled::Ready(live) | Settled::Failed(live, _) => live.value,
                Settled::Stopped(_) => return Ok(Some(Arc::clone(unfinished))),
            };
        }
    }
    let object = job.object_of(schema, job.absorbed(schema, planned, value), false);
    if !schema.tagged() || tools.keep_ownership_tags {
        made.become_whole(tools, job, &object).map_err(lost)?;
        if job.provisioned {
            made.durable(tools).await.map_err(lost)?;
        }
        return Ok(Some(object));
    }
    let mut tagged = Object::clone(&object);
    if !job.provisioned {
        // What depends on it need not wait for the tag. From here on the object may have been changed by what depends on
        // it: whoever finds it in state takes the tag off, and repeats nothing else.
        tagged.tagged = true;
        let tagged = Arc::new(tagged.clone());
        made.become_whole(tools, job, &tagged).map_err(lost)?;
        tools.ledger.ready(job.op, tagged);
    }
    made.durable(tools).await.map_err(lost)?;
    let exists = match job.provisioned {
        true => Arc::clone(unfinished),
        false => Arc::new(tagged),
    };
    release(tools, job, at).await.map_err(|e| Trouble::new(job, "creating", e, Some(exists)))?;
    let set = Record::Set { at: job.at.clone(), object: Arc::clone(&object) };
    last(tools, job, set, Some(object)).await
}

/// Takes the ownership tag off.
async fn release(tools: &Tools, job: &Job, at: Ref) -> Result<()> {
    tools.ledger.gate().await.map_err(closed)?;
    job.instance.release(job.ty(), vec![at]).await
}

/// How long an id stays in memory alone for the sake of company.
const MOMENT: Duration = Duration::from_millis(200);

/// The record of a new object, on its way to the journal.
struct Announced {
    /// Still here.
    record: Option<Record>,
    /// The last one that is not here any more.
    under_way: Option<Appended>,
}

impl Announced {
    fn append(&mut self, tools: &Tools) -> Result<(), Diagnostic> {
        if let Some(record) = self.record.take() {
            self.under_way = Some(tools.ledger.append(vec![record])?);
        }
        Ok(())
    }
    /// Appends the object as it is now, in the place of its first record if that is still here.
    fn become_whole(&mut self, tools: &Tools, job: &Job, object: &Arc<Object>) -> Result<(), Diagnostic> {
        let now = Some(Arc::clone(object));
        self.record = Some(match self.record.take() {
            Some(Record::Done(done)) => Record::Done(Done { object: now, ..done }),
            _ => Record::Set { at: job.at.clone(), object: Arc::clone(object) },
        });
        self.append(tools)
    }
    /// Waits until nothing of it could be lost: something is about to depend on it.
    async fn durable(&mut self, tools: &Tools) -> Result<(), Diagnostic> {
        self.append(tools)?;
        match self.under_way.take() {
            Some(appended) => appended.durable().await,
            None => Ok(()),
        }
    }
}

async fn update(tools: &Tools, job: &Job, ticker: &mut Ticker) -> Result<Option<Arc<Object>>, Trouble> {
    let before = job.object.clone();
    let fail = |e| Trouble::new(job, "updating", e, before.clone());
    let schema = job.schema().map_err(fail)?;
    let Some(object) = &job.object else {
        return Err(fail(Error::invalid("There is no object to update.")));
    };
    let old = Known::clone(&object.attributes);
    let id = job.id().unwrap_or_default();
    let at = Ref { id: id.clone(), known: old.clone(), wanted: job.wanted_lazy(schema) };
    if object.unfinished {
        let planned = job.planned_anew(schema, &old);
        let at = Ref { known: planned.or_null(), ..at };
        return finish(tools, job, schema, &planned, at, Arc::clone(object), None, ticker).await;
    }
    if object.tagged {
        release(tools, job, at.clone()).await.map_err(fail)?;
        let mut object = Object::clone(object);
        object.tagged = false;
        let object = Arc::new(object);
        let set = Record::Set { at: job.at.clone(), object: Arc::clone(&object) };
        if job.fields.is_empty() {
            return last(tools, job, set, Some(object)).await;
        }
        tools.ledger.post(vec![set]).map_err(|d| Trouble::journal(d, Some(object)))?;
    }
    let new = merged(schema, &job.wanted(), &old);
    // What is read after the update is spelled as the plan has it, and no longer as state had it.
    let mut planned = merged(schema, &job.planned.or_null(), &old);
    planned.set("id", id.as_str().into());
    let updated = Ref { known: planned, ..at.clone() };
    let change = Change { at: at.clone(), old, new, fresh: false, fields: job.fields.clone() };
    let done = |token: &str, object: &Arc<Object>| {
        Record::Done(Done {
            token: token.to_owned(),
            action: Doing::Update,
            at: job.at.clone(),
            id: Some(id.clone()),
            object: Some(Arc::clone(object)),
        })
    };
    let token = job.token.clone();
    if schema.local_only {
        let value = job.instance.update(job.ty(), change).await.map_err(fail)?.unwrap_or(Known::Null);
        let object = job.object_of(schema, value, false);
        return last(tools, job, done(&token, &object), Some(object)).await;
    }
    let intent = Intent {
        token: token.clone(),
        action: Doing::Update,
        at: job.at.clone(),
        provider: Arc::clone(&job.provider),
        scope: job.instance.scope(),
        id: Some(id.clone()),
        keys: Known::Null,
        aws_at: job.instance.service_time(),
        written: tools.clock.now(),
        want: Some(digest(&job.planned)),
        dependencies: Vec::new(),
        create_before_destroy: false,
    };
    tools
        .ledger
        .commit(vec![Record::Intent(Arc::new(intent))])
        .await
        .map_err(|d| Trouble::journal(d, job.object.clone()))?;
    let sent = send_update(tools, job, schema, change, ticker).await;
    tools.recent.note(&*tools.clock);
    if let Err(e) = sent {
        // Some of it may have happened: state shall say what is, not what was.
        let object = match job.instance.read(job.ty(), vec![at]).await {
            Ok(live) => match live.into_iter().next() {
                Some(live) => job.object_of(schema, absorb(schema, &object.attributes, live.value), false),
                None => Arc::clone(object),
            },
            Err(_) => Arc::clone(object),
        };
        tools
            .ledger
            .commit(vec![done(&token, &object)])
            .await
            .map_err(|d| Trouble::journal(d, Some(object.clone())))?;
        return Err(Trouble::new(job, "updating", e, Some(object)));
    }
    let complete = |live: &Known| job.differing(schema, live).is_disjoint(&job.fields);
    let settled = until_ready(tools, job, schema, &updated, ticker, complete).await.map_err(fail)?;
    let (value, trouble) = match settled {
        Settled::Ready(live) => (live.value, None),
        Settled::Failed(live, why) => (live.value, Some(Error::new(ErrorKind::Other, why))),
        Settled::Stopped(None) => return Ok(job.object.clone()),
        Settled::Stopped(Some(live)) => (live.value, None),
    };
    let object = job.object_of(schema, job.absorbed(schema, &job.planned, value), false);
    last(tools, job, done(&token, &object), Some(object.clone())).await?;
    match trouble {
        None => Ok(Some(object)),
        Some(e) => Err(Trouble::new(job, "updating", e, Some(object))),
    }
}

async fn delete(tools: &Tools, job: &Job, ticker: &mut Ticker) -> Result<Option<Arc<Object>>, Trouble> {
    let fail = |e| Trouble::new(job, "deleting", e, job.object.clone());
    let schema = job.schema().map_err(fail)?;
    let known = job.object.as_ref().map_or(Known::Null, |o| Known::clone(&o.attributes));
    let id = job.id().unwrap_or_default();
    let at = Ref { id: id.clone(), known, wanted: None };
    let token = job.token.clone();
    if !schema.local_only {
        let intent = Intent {
            token: token.clone(),
            action: Doing::Delete,
            at: job.at.clone(),
            provider: Arc::clone(&job.provider),
            scope: job.instance.scope(),
            id: Some(id.clone()),
            keys: Known::Null,
            aws_at: job.instance.service_time(),
            written: tools.clock.now(),
            want: None,
            dependencies: Vec::new(),
            create_before_destroy: false,
        };
        let record = Record::Intent(Arc::new(intent));
        tools.ledger.commit(vec![record]).await.map_err(|d| Trouble::journal(d, job.object.clone()))?;
    }
    let refused = async |e: Error| match tools.ledger.commit(vec![Record::Failed { token: token.clone() }]).await {
        Ok(()) => Trouble::new(job, "deleting", e, job.object.clone()),
        Err(d) => Trouble::journal(d, job.object.clone()),
    };
    let mut wait = tools.wait(job.timeout);
    loop {
        tools.ledger.gate().await.map_err(|d| Trouble::journal(d, job.object.clone()))?;
        match tools.ledger.sending(job.instance.delete(job.ty(), at.clone())).await {
            Ok(()) => break,
            Err(e) if e.kind == ErrorKind::NotFound => break,
            Err(e) if matches!(e.kind, ErrorKind::InUse | ErrorKind::NotReady) || is_passing(&e) => {
                ticker.tick(tools, job, Some(&id));
                match wait.pause().await {
                    Ok(()) => {}
                    Err(Ended::Timeout | Ended::Stopped) => return Err(refused(e).await),
                }
            }
            Err(e) => return Err(refused(e).await),
        }
    }
    let goes = !schema.local_only && !schema.setting && !schema.stays(&at.known);
    if goes && !until_gone(tools, job, &at, ticker).await.map_err(fail)? {
        return Ok(job.object.clone());
    }
    let done = Done { token, action: Doing::Delete, at: job.at.clone(), id: Some(id), object: None };
    last(tools, job, Record::Done(done), None).await
}

async fn read(tools: &Tools, job: &Job) -> Result<Option<Arc<Object>>, Trouble> {
    let fail = |e| Trouble::new(job, "reading", e, job.object.clone());
    let schema = job
        .table
        .data(job.ty())
        .ok_or_else(|| fail(Error::invalid(format!("There is no data source {:?}.", job.ty()))))?;
    let mut wait = tools.wait(job.timeout);
    let value = loop {
        match job.instance.data(job.ty(), job.wanted()).await {
            Ok(v) => break v,
            Err(e) if is_passing(&e) => match wait.pause().await {
                Ok(()) => {}
                Err(_) => return Err(fail(e)),
            },
            Err(e) => return Err(fail(e)),
        }
    };
    let object = job.object_of(schema, value, false);
    let set = Record::Set { at: job.at.clone(), object: Arc::clone(&object) };
    last(tools, job, set, Some(object)).await
}

/// The last record of an operation. What depends on it may begin at once, because its intents come after this record;
/// only provisioners announce nothing.
async fn last(tools: &Tools, job: &Job, record: Record, object: Option<Arc<Object>>) -> Made {
    let kept = match job.provisioned {
        true => tools.ledger.commit(vec![record]).await,
        false => tools.ledger.post(vec![record]),
    };
    match kept {
        Ok(()) => Ok(object),
        Err(d) => Err(Trouble::journal(d, object)),
    }
}

/// Records the object as it is now.
pub(crate) async fn record(tools: &Tools, job: &Job, object: Arc<Object>) -> Result<Arc<Object>, Trouble> {
    let set = Record::Set { at: job.at.clone(), object: Arc::clone(&object) };
    tools.ledger.commit(vec![set]).await.map_err(|d| Trouble::journal(d, Some(Arc::clone(&object))))?;
    Ok(object)
}

pub(crate) fn closed(d: Diagnostic) -> Error {
    Error::new(ErrorKind::Other, format!("{}: {}", d.summary, d.detail))
}

/// An object just made or adopted that differs in what cannot be changed is not the one that was planned.
fn guard(job: &Job, schema: &Schema, live: &Known) -> Result<()> {
    let fixed = |n: &String| {
        let attr = schema.block.attrs.get(n.as_str());
        attr.is_some_and(|a| a.force_new == ForceNew::Yes && !a.local && !job.config.get(n).is_null())
    };
    let wrong: Vec<String> = job.differing(schema, live).into_iter().filter(fixed).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The object that was made differs from the plan in {}, which cannot be changed afterwards.",
        wrong.join(", ")
    ))
    .hinted("Look at the object; if it is somebody else's, remove it from the state with `state rm`."))
}

/// What is wanted, with the provider's own values where nothing is wanted.
fn merged(schema: &Schema, wanted: &Known, live: &Known) -> Known {
    let mut out = wanted.clone();
    for (name, attr) in &schema.block.attrs {
        if attr.is_computed() && wanted.get(name).is_null() {
            out.set(*name, live.get(name).clone());
        }
    }
    out
}

/// A digest of wanted values, for the journal: it names them without holding secrets.
fn digest(v: &Partial) -> String {
    let text = serde_json::to_string(v).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect()
}
