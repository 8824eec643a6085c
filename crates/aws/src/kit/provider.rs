//! The provider as the engine sees it: the table of types, and instances that batch reads.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use stackctl_core::{
    BoxFuture, Change, Draft, Error, ErrorKind, Found, Host, Instance, Intent, Known, Live, Made, New, Opened, Partial,
    Provider, Ref, Result, Schema, Scope,
};
use tokio::sync::oneshot;

use super::cx::GATHER;
use super::erase::{AnyData, AnyResource};
use super::{Cx, connect, provider_config};

/// One service's lines.
pub struct Service {
    /// Resource types.
    pub resources: Vec<Box<dyn AnyResource>>,
    /// Data sources.
    pub data: Vec<Box<dyn AnyData>>,
}

/// The AWS provider: a table, without clients.
pub struct Aws {
    config: Schema,
    table: Arc<Table>,
}

#[derive(Default)]
struct Table {
    resources: BTreeMap<&'static str, Box<dyn AnyResource>>,
    data: BTreeMap<&'static str, Box<dyn AnyData>>,
    ephemerals: BTreeMap<&'static str, Box<dyn AnyData>>,
}

impl Table {
    fn resource(&self, ty: &str) -> Result<&dyn AnyResource> {
        self.resources.get(ty).map(|r| &**r).ok_or_else(|| unknown(ty))
    }
}

fn unknown(ty: &str) -> Error {
    Error::invalid(format!("The AWS provider of this build has no type {ty:?}."))
}

impl Aws {
    /// A provider of these services.
    pub fn new(services: Vec<Service>) -> Aws {
        let mut table = Table::default();
        for s in services {
            table.resources.extend(s.resources.into_iter().map(|r| (r.schema().name, r)));
            table.data.extend(s.data.into_iter().map(|d| (d.schema().name, d)));
        }
        Aws { config: provider_config::schema(), table: Arc::new(table) }
    }
    /// With ephemeral types of services: read like data sources, but nothing of them is ever stored.
    #[must_use]
    pub fn opening(mut self, services: Vec<Vec<Box<dyn AnyData>>>) -> Aws {
        if let Some(table) = Arc::get_mut(&mut self.table) {
            table.ephemerals = services.into_iter().flatten().map(|e| (e.schema().name, e)).collect();
        }
        self
    }
    /// API actions that a type calls, `ec2:DescribeVpcs`.
    pub fn actions(&self, ty: &str) -> Option<&'static [&'static str]> {
        self.table.resources.get(ty).map(|r| r.actions())
    }
    /// API actions that a data source calls.
    pub fn data_actions(&self, ty: &str) -> Option<&'static [&'static str]> {
        self.table.data.get(ty).map(|r| r.actions())
    }
    /// API actions that opening an ephemeral object calls.
    pub fn ephemeral_actions(&self, ty: &str) -> Option<&'static [&'static str]> {
        self.table.ephemerals.get(ty).map(|e| e.actions())
    }
    /// An instance on a connection that is made already.
    pub fn on(
        &self,
        connection: Arc<connect::Connection>,
        rules: provider_config::TagRules,
        host: Host,
    ) -> Arc<dyn Instance> {
        Arc::new(AwsInstance(Arc::new(Inner {
            cx: Cx::new(connection, rules),
            table: self.table.clone(),
            keep_tags: host.keep_ownership_tags,
            waiting: Mutex::default(),
        })))
    }
}

impl Provider for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }
    fn source(&self) -> &'static str {
        "registry.terraform.io/hashicorp/aws"
    }
    fn version(&self) -> &'static str {
        "5.100.0"
    }
    fn config(&self) -> &Schema {
        &self.config
    }
    fn resource(&self, ty: &str) -> Option<&Schema> {
        self.table.resources.get(ty).map(|r| r.schema())
    }
    fn data(&self, ty: &str) -> Option<&Schema> {
        self.table.data.get(ty).map(|d| d.schema())
    }
    fn resources(&self) -> Vec<&'static str> {
        self.table.resources.keys().copied().collect()
    }
    fn data_sources(&self) -> Vec<&'static str> {
        self.table.data.keys().copied().collect()
    }
    fn plan(&self, ty: &str, config: &Partial, draft: &mut Draft<'_>) {
        if let Some(r) = self.table.resources.get(ty) {
            let known = config.get("default_tags").is_known() && config.get("ignore_tags").is_known();
            r.plan(&provider_config::tag_rules(&config.or_null()), known && *config != Partial::Unknown, draft);
        }
    }
    fn validate(&self, ty: &str, config: &Partial) -> Vec<Error> {
        self.table.resources.get(ty).map_or_else(Vec::new, |r| r.validate(config))
    }
    fn validate_data(&self, ty: &str, config: &Partial) -> Vec<Error> {
        self.table.data.get(ty).map_or_else(Vec::new, |d| d.validate(config))
    }
    fn ephemeral(&self, ty: &str) -> Option<&Schema> {
        self.table.ephemerals.get(ty).map(|e| e.schema())
    }
    fn ephemerals(&self) -> Vec<&'static str> {
        self.table.ephemerals.keys().copied().collect()
    }
    fn validate_ephemeral(&self, ty: &str, config: &Partial) -> Vec<Error> {
        self.table.ephemerals.get(ty).map_or_else(Vec::new, |e| e.validate(config))
    }
    fn import(&self, ty: &str, spec: &str) -> Result<Known> {
        self.table.resource(ty)?.import(spec)
    }
    fn upgrade(&self, ty: &str, version: u64, attributes: Known) -> Result<Known> {
        self.table.resource(ty)?.upgrade(version, attributes)
    }
    fn configure(&self, config: Known, host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>> {
        let aws = Aws { config: self.config.clone(), table: self.table.clone() };
        Box::pin(async move {
            let (settings, rules) = provider_config::decode(&config)?;
            let connection = connect::connect(&settings, &host).await?;
            Ok(aws.on(Arc::new(connection), rules, host))
        })
    }
}

struct AwsInstance(Arc<Inner>);

struct Inner {
    cx: Cx,
    table: Arc<Table>,
    keep_tags: bool,
    waiting: Mutex<HashMap<String, Vec<Question>>>,
}

type Answer = Result<Option<Live>>;

/// A read that waits for others of its type.
struct Question {
    at: Ref,
    answer: oneshot::Sender<Answer>,
}

impl Inner {
    /// Puts questions to those that wait; the first of a moment takes them all to the service.
    fn ask(self: &Arc<Self>, ty: &str, at: Vec<Ref>) -> Vec<oneshot::Receiver<Answer>> {
        let (questions, answers): (Vec<_>, Vec<_>) = at
            .into_iter()
            .map(|at| {
                let (answer, receiver) = oneshot::channel();
                (Question { at, answer }, receiver)
            })
            .unzip();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = waiting.entry(ty.to_owned()).or_default();
        let first = queue.is_empty();
        queue.extend(questions);
        if first {
            let (inner, ty) = (self.clone(), ty.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                if inner.table.resource(&ty).is_ok_and(|of| of.batch() > 1) {
                    // What is being made or deleted now is asked for in a moment.
                    inner.cx.calm(Some(&ty)).await;
                }
                let taken =
                    inner.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ty).unwrap_or_default();
                inner.flush(&ty, taken).await;
            });
        }
        answers
    }

    async fn flush(&self, ty: &str, mut questions: Vec<Question>) {
        let Ok(of) = self.table.resource(ty) else { return };
        let mut chunks = Vec::new();
        while !questions.is_empty() {
            let mut chunk: Vec<Question> = Vec::new();
            let mut rest = Vec::new();
            for q in questions {
                // Two questions for one id go into different chunks, because answers are told apart by id.
                if chunk.len() < of.batch().max(1) && chunk.iter().all(|c| c.at.id != q.at.id) {
                    chunk.push(q);
                } else {
                    rest.push(q);
                }
            }
            chunks.push(chunk);
            questions = rest;
        }
        futures::future::join_all(chunks.into_iter().map(|c| self.answer(of, c))).await;
    }

    async fn answer(&self, of: &dyn AnyResource, chunk: Vec<Question>) {
        let (at, senders): (Vec<_>, Vec<_>) = chunk.into_iter().map(|q| (q.at, q.answer)).unzip();
        let answers: Vec<Answer> = match of.read(&self.cx, &at).await {
            Ok(live) => pair(&at, live).into_iter().map(Ok).collect(),
            // One bad id spoils the whole request of some APIs: ask one by one.
            Err(e) if at.len() > 1 && matches!(e.kind, ErrorKind::NotFound | ErrorKind::Invalid) => {
                let each = at
                    .iter()
                    .map(|r| async move { Ok(of.read(&self.cx, std::slice::from_ref(r)).await?.into_iter().next()) });
                futures::future::join_all(each).await
            }
            Err(e) => at.iter().map(|_| Err(e.clone())).collect(),
        };
        for (sender, answer) in senders.into_iter().zip(answers) {
            // Nobody waits for the answer of a cancelled read.
            let _ = sender.send(answer);
        }
    }
}

fn pair(at: &[Ref], live: Vec<Live>) -> Vec<Option<Live>> {
    let mut by_asked: HashMap<String, Live> = live.into_iter().map(|l| (l.asked.clone(), l)).collect();
    at.iter().map(|r| by_asked.remove(&r.id)).collect()
}

impl Instance for AwsInstance {
    fn scope(&self) -> Scope {
        Scope { account: self.0.cx.account().to_owned(), region: self.0.cx.region().to_owned() }
    }
    fn service_time(&self) -> Option<Timestamp> {
        self.0.cx.connection().clock.last()
    }
    fn read<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            self.0.table.resource(ty)?;
            let _reading = self.0.cx.begin("reads");
            let mut out = Vec::new();
            for answer in self.0.ask(ty, at) {
                let answer = answer.await.map_err(|_| Error::new(ErrorKind::Other, "A read was given up."))?;
                out.extend(answer?);
            }
            Ok(out)
        })
    }
    fn data<'a>(&'a self, ty: &'a str, config: Known) -> BoxFuture<'a, Result<Known>> {
        Box::pin(async move {
            let of = self.0.table.data.get(ty).ok_or_else(|| unknown(ty))?;
            of.read(&self.0.cx, config).await
        })
    }
    fn open<'a>(&'a self, ty: &'a str, config: Known) -> BoxFuture<'a, Result<Opened>> {
        Box::pin(async move {
            let of = self.0.table.ephemerals.get(ty).ok_or_else(|| unknown(ty))?;
            let value = of.read(&self.0.cx, config).await?;
            // What was opened needs no renewal and no closing.
            Ok(Opened { value, private: Known::Null, renew_at: None })
        })
    }
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>> {
        Box::pin(async move {
            let _call = self.0.cx.begin(ty);
            let id = self.0.table.resource(ty)?.create(&self.0.cx, new).await?;
            Ok(Made { id, value: None })
        })
    }
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>> {
        Box::pin(async move {
            let _call = self.0.cx.begin(ty);
            self.0.table.resource(ty)?.update(&self.0.cx, change).await?;
            Ok(None)
        })
    }
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _call = self.0.cx.begin(ty);
            self.0.table.resource(ty)?.delete(&self.0.cx, at).await
        })
    }
    fn find<'a>(&'a self, ty: &'a str, intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move { self.0.table.resource(ty)?.find(&self.0.cx, intent).await })
    }
    fn release<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.0.keep_tags {
                return Ok(());
            }
            self.0.table.resource(ty)?.release(&self.0.cx, &at).await
        })
    }
}
