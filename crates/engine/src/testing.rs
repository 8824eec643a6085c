//! An in-memory provider and a driver without I/O, for tests of planning and apply.
//!
//! [`World`] is what exists: it makes objects, remembers every call, lets them be pending for some reads, and fails where
//! it is told to. Types: `test_thing` (every kind of attribute), `test_part` (refers to things, no frills), `test_named`
//! (unique name, slow, may stay when it is deleted), `test_value` (lives in state alone, like `terraform_data`), and the
//! data source `test_lookup`. Start at [`Bench`].
//!
//! It is long because the provider, its world and the bench know each other's insides.

use std::collections::{BTreeMap, HashMap};
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use stackctl_core::schema::{OnUpdate, Timeouts};
use stackctl_core::{
    Attr, Block, BlockType, BoxFuture, Change, Clock, Diagnostics, Draft, Error, ErrorKind, Evidence, Found, Host,
    Identity, Ids, Instance, Intent, Known, Live, Made, Nesting, New, Opened, Partial, Provider, Ref, Renewed, Result,
    Schema, Scope, Status, Ty, canonical,
};
use stackctl_hcl::SourceMap;
use stackctl_lang::config::inputs::{Argument, collect};
use stackctl_lang::config::{Config, Manifest};
use stackctl_lang::files::{self, Files};
use stackctl_state::memory::Memory;
use stackctl_state::{Access, Backend as _, Remote, State};

use crate::apply::{Applied, apply};
use crate::eval::{ApplyValues, Settings};
use crate::events::{Events, Stop};
use crate::leases::Leases;
use crate::plan::{Options, Plan, PlanMode, Planner, Step};
use crate::providers::Providers;
use crate::refresh::{Answer, Read, ReadAnswer};

/// Source address of the test provider.
pub const SOURCE: &str = "registry.terraform.io/hashicorp/test";

/// What exists, and what is to go wrong.
#[derive(Default)]
pub struct World {
    /// Objects by type and id.
    pub objects: BTreeMap<(String, String), Known>,
    /// Every call, in order: `create test_thing`, `read test_thing 3`, `data test_lookup a`, …
    pub calls: Vec<String>,
    /// Tokens of creates, by type and id.
    pub tokens: BTreeMap<(String, String), String>,
    /// Reads for which new objects stay pending.
    pub pending: u32,
    /// Errors to answer with, by the beginning of the call; each serves once. `Lost` errors happen after the fact, and so do
    /// `Exists` errors: an earlier copy of the request had arrived.
    pub faults: Vec<(String, ErrorKind)>,
    /// The service's clock; also when its objects were created.
    pub time: Option<Timestamp>,
    waiting: HashMap<String, u32>,
    next: u64,
}

impl World {
    fn call(&mut self, text: String) -> Result<(), Error> {
        let fault = self.fault(&text, false);
        self.calls.push(text);
        match fault {
            Some(i) => Err(Error::new(self.faults.remove(i).1, "The test wants this call to fail.")),
            None => Ok(()),
        }
    }
    fn fault(&self, text: &str, afterwards: bool) -> Option<usize> {
        let late = |kind: &ErrorKind| matches!(kind, ErrorKind::Lost | ErrorKind::Exists);
        self.faults.iter().position(|(at, kind)| text.starts_with(at.as_str()) && late(kind) == afterwards)
    }
    fn lost(&mut self, text: &str) -> Result<(), Error> {
        match self.fault(text, true) {
            Some(i) => Err(Error::new(self.faults.remove(i).1, "The answer of this call was lost.")),
            None => Ok(()),
        }
    }
}

/// The test provider.
#[derive(Clone, Default)]
pub struct TestProvider {
    /// Its world.
    pub world: Arc<Mutex<World>>,
}

impl TestProvider {
    /// The world, locked.
    pub fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Types {
    config: Schema,
    resources: BTreeMap<&'static str, Schema>,
    data: BTreeMap<&'static str, Schema>,
    secret: Schema,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let text = || Attr::optional(Ty::String);
    let rule = Block {
        attrs: [
            ("port", Attr::required(Ty::Number)),
            ("note", text()),
            ("rule_id", Attr::computed(Ty::String)),
            ("kind", text().force_new()),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let timeouts = Block { attrs: ["create", "update", "delete"].map(|n| (n, text())).into(), blocks: BTreeMap::new() };
    let thing = Block {
        attrs: [
            ("id", Attr::id()),
            ("arn", Attr { not_null: true, starts_with: Some("arn:"), ..Attr::computed(Ty::String) }),
            ("name", Attr::required(Ty::String)),
            ("size", Attr::optional(Ty::Number).default(1i64)),
            ("zone", text().force_new()),
            ("color", Attr::opt_computed(Ty::String)),
            ("secret", text().sensitive()),
            ("secret_wo", Attr { write_only: true, ..text() }),
            ("force", Attr { local: true, ..Attr::optional(Ty::Bool).default(false) }),
            ("list", Attr::optional(Ty::list(Ty::String))),
            ("tags", Attr::optional(Ty::map(Ty::String))),
            ("version", Attr { on_update: OnUpdate::Unknown, ..Attr::computed(Ty::Number) }),
        ]
        .into(),
        blocks: [
            ("rule", BlockType::new(Nesting::Set, rule.clone())),
            ("step", BlockType::new(Nesting::List, rule)),
            ("timeouts", BlockType::new(Nesting::Single, timeouts)),
        ]
        .into(),
    };
    let part = Block {
        attrs: [
            ("id", Attr::id()),
            ("thing", Attr::required(Ty::String)),
            ("pin", text().force_new()),
            ("note", text()),
            // It carries the ownership tag.
            ("tags_all", Attr::computed(Ty::map(Ty::String))),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let value = Block {
        attrs: [
            ("id", Attr::id()),
            ("input", Attr::optional(Ty::Dynamic)),
            ("output", Attr { on_update: OnUpdate::UnknownWhen(&["input"]), ..Attr::computed(Ty::Dynamic) }),
            ("triggers_replace", Attr::optional(Ty::Dynamic).force_new()),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let lookup = Block {
        attrs: [("id", Attr::id()), ("name", Attr::required(Ty::String)), ("value", Attr::computed(Ty::String))].into(),
        blocks: BTreeMap::new(),
    };
    let secret = Block {
        attrs: [
            ("name", Attr::required(Ty::String)),
            ("value", Attr { sensitive: true, ..Attr::computed(Ty::String) }),
            ("lasts", Attr::optional(Ty::Number)),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let config = Block { attrs: [("region", text()), ("token", text().sensitive())].into(), blocks: BTreeMap::new() };
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    let thing = Schema {
        version: 1,
        identity: Identity::Token,
        timeouts: Timeouts { create: minutes(10), read: None, update: minutes(5), delete: minutes(10) },
        ..Schema::new("test_thing", thing)
    };
    let part = Schema { identity: Identity::Tag, ..Schema::new("test_part", part) };
    let named = Block {
        attrs: [
            ("id", Attr::id()),
            ("name", Attr::required(Ty::String).force_new()),
            ("zone", text().force_new()),
            ("title", Attr { deprecated: Some("Use name."), ..text() }),
            ("detail", Attr { lazy: true, ..Attr::computed(Ty::String) }),
            ("stay", Attr { local: true, stays: true, ..Attr::optional(Ty::Bool) }),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let named = Schema {
        identity: Identity::Name { attr: "name", within: &[], silent: false, dated: true, tagged: false },
        timeouts: Timeouts { create: minutes(60), read: None, update: minutes(60), delete: minutes(60) },
        ..Schema::new("test_named", named)
    };
    let value = Schema { local_only: true, zero_is_null: false, ..Schema::new("test_value", value) };
    Types {
        config: Schema::new("test", config),
        resources: [("test_thing", thing), ("test_part", part), ("test_named", named), ("test_value", value)].into(),
        data: [("test_lookup", Schema::new("test_lookup", lookup))].into(),
        secret: Schema::new("test_secret", secret),
    }
});

impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }
    fn source(&self) -> &'static str {
        SOURCE
    }
    fn version(&self) -> &'static str {
        "1.0.0"
    }
    fn config(&self) -> &Schema {
        &TYPES.config
    }
    fn resource(&self, ty: &str) -> Option<&Schema> {
        TYPES.resources.get(ty)
    }
    fn data(&self, ty: &str) -> Option<&Schema> {
        TYPES.data.get(ty)
    }
    fn resources(&self) -> Vec<&'static str> {
        TYPES.resources.keys().copied().collect()
    }
    fn data_sources(&self) -> Vec<&'static str> {
        TYPES.data.keys().copied().collect()
    }
    fn ephemeral(&self, ty: &str) -> Option<&Schema> {
        (ty == "test_secret").then_some(&TYPES.secret)
    }
    fn ephemerals(&self) -> Vec<&'static str> {
        vec!["test_secret"]
    }
    fn plan(&self, ty: &str, _config: &Partial, draft: &mut Draft<'_>) {
        if ty == "test_thing" && draft.config("name").as_str() == Some("forbidden") {
            draft.error("name", "This name is forbidden.");
        }
        if ty == "test_value" && draft.config("input").is_null() {
            draft.set("output", Partial::Null);
        }
    }
    fn import(&self, _ty: &str, spec: &str) -> Result<Known> {
        Ok(Known::from([("id", spec)]))
    }
    fn upgrade(&self, _ty: &str, version: u64, mut attributes: Known) -> Result<Known> {
        if version > 1 {
            return Err(Error::invalid("The object was written by a newer version."));
        }
        // Version 0 called the name a title.
        let title = attributes.get("title").clone();
        if !title.is_null()
            && let Some(m) = attributes.as_map_mut()
        {
            m.remove("title");
            m.insert("name".to_owned(), title);
        }
        Ok(attributes)
    }
    fn configure(&self, config: Known, _host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>> {
        let world = Arc::clone(&self.world);
        let region = config.get("region").as_str().unwrap_or("here").to_owned();
        let token = config.get("token").as_str().filter(|t| t.starts_with("secret-")).map(str::to_owned);
        async move { Ok(Arc::new(TestInstance { world, region, token }) as Arc<dyn Instance>) }.boxed()
    }
}

/// The configured test provider.
pub struct TestInstance {
    world: Arc<Mutex<World>>,
    region: String,
    token: Option<String>,
}

impl TestInstance {
    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn completed(ty: &str, id: &str, mut v: Known, version: i64) -> Known {
    v.set("id", Known::from(id));
    match ty {
        "test_thing" => {
            v.set("arn", Known::from(format!("arn:test:{id}")));
            v.set("version", Known::from(version));
            if v.get("color").is_null() {
                v.set("color", Known::from("grey"));
            }
            for block in ["rule", "step"] {
                let Some(rules) = v.get(block).as_list().map(<[Known]>::to_vec) else { continue };
                let rules = rules.into_iter().map(|mut r| {
                    let port = r.get("port").as_i64().unwrap_or(0);
                    r.set("rule_id", Known::from(format!("r{port}")));
                    r
                });
                v.set(block, Known::List(rules.collect()));
            }
        }
        "test_value" => {
            let input = v.get("input").clone();
            v.set("output", input);
        }
        "test_named" => v.set("detail", Known::from(format!("detail of {id}"))),
        "test_part" => v.set("tags_all", Known::object()),
        _ => {}
    }
    if let Some(s) = TYPES.resources.get(ty) {
        canonical(&s.block, &mut v);
    }
    v
}

impl Instance for TestInstance {
    fn scope(&self) -> Scope {
        Scope { account: "test".into(), region: self.region.clone() }
    }
    fn service_time(&self) -> Option<Timestamp> {
        self.world().time
    }
    fn read<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>> {
        async move {
            let mut w = self.world();
            w.call(format!("read {ty} {}", at.len()))?;
            let mut out = Vec::new();
            for r in at {
                let Some(mut value) = w.objects.get(&(ty.to_owned(), r.id.clone())).cloned() else { continue };
                let left = w.waiting.get_mut(&r.id);
                let status = match left {
                    Some(n) if *n > 0 => {
                        *n -= 1;
                        Status::Pending
                    }
                    _ => Status::Ready,
                };
                // No API returns what is local.
                if ty == "test_thing" {
                    value.set("force", Known::Null);
                    value.set("secret_wo", Known::Null);
                }
                if ty == "test_named" {
                    value.set("stay", Known::Null);
                    if r.wanted.is_some_and(|w| !w.contains("detail")) {
                        value.set("detail", Known::Null);
                    }
                }
                out.push(Live { asked: r.id.clone(), id: r.id, value, status });
            }
            Ok(out)
        }
        .boxed()
    }
    fn data<'a>(&'a self, ty: &'a str, mut config: Known) -> BoxFuture<'a, Result<Known>> {
        async move {
            let name = config.get("name").as_str().unwrap_or_default().to_owned();
            self.world().call(format!("data {ty} {name}"))?;
            config.set("id", Known::from(name.as_str()));
            config.set("value", Known::from(format!("value of {name}")));
            Ok(config)
        }
        .boxed()
    }
    fn open<'a>(&'a self, ty: &'a str, mut config: Known) -> BoxFuture<'a, Result<Opened>> {
        async move {
            let name = config.get("name").as_str().unwrap_or_default().to_owned();
            let mut w = self.world();
            w.call(format!("open {ty} {name}"))?;
            w.next += 1;
            config.set("value", Known::from(format!("secret-{name}-{}", w.next)));
            let lasts = config.get("lasts").as_i64();
            let renew_at = lasts.map(|s| Timestamp::from_second(1_700_000_000 + s).unwrap_or(Timestamp::UNIX_EPOCH));
            Ok(Opened { value: config, private: Known::from(name), renew_at })
        }
        .boxed()
    }
    fn renew<'a>(&'a self, ty: &'a str, private: Known) -> BoxFuture<'a, Result<Renewed>> {
        async move {
            let name = private.as_str().unwrap_or_default().to_owned();
            self.world().call(format!("renew {ty} {name}"))?;
            Ok(Renewed { private: Known::from(format!("{name}, renewed")), renew_at: None })
        }
        .boxed()
    }
    fn close<'a>(&'a self, ty: &'a str, private: Known) -> BoxFuture<'a, Result<()>> {
        async move { self.world().call(format!("close {ty} {}", private.as_str().unwrap_or_default())) }.boxed()
    }
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>> {
        async move {
            let mut w = self.world();
            let mut text = format!("create {ty} {}", new.value.get("name").as_str().unwrap_or_default());
            if let Some(secret) = new.value.get("secret_wo").as_str().filter(|s| s.starts_with("secret-")) {
                text = format!("{text} with {secret}");
            }
            if let Some(token) = &self.token {
                text = format!("{text} by {token}");
            }
            w.call(text.clone())?;
            w.next += 1;
            let id = format!("{ty}-{}", w.next);
            let value = completed(ty, &id, new.value, 1);
            let local = TYPES.resources.get(ty).is_some_and(|s| s.local_only);
            if local {
                return Ok(Made { id, value: Some(value) });
            }
            let key = (ty.to_owned(), id.clone());
            w.objects.insert(key.clone(), value);
            w.tokens.insert(key, new.token);
            let pending = w.pending;
            w.waiting.insert(id.clone(), pending);
            w.lost(&text)?;
            Ok(Made { id, value: None })
        }
        .boxed()
    }
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>> {
        async move {
            let mut w = self.world();
            let fields: Vec<&str> = change.fields.iter().map(String::as_str).collect();
            let text = format!("update {ty} {} {}", change.at.id, fields.join(","));
            if !change.fields.is_empty() {
                w.call(text.clone())?;
            }
            if TYPES.resources.get(ty).is_some_and(|s| s.local_only) {
                return Ok(Some(completed(ty, &change.at.id, change.new, 1)));
            }
            let key = (ty.to_owned(), change.at.id.clone());
            let Some(old) = w.objects.get(&key).cloned() else {
                return Err(Error::new(ErrorKind::NotFound, "There is no such object."));
            };
            if !change.fields.is_empty() {
                let mut new = old.clone();
                for f in &change.fields {
                    new.set(f.clone(), change.new.get(f).clone());
                }
                let version = old.get("version").as_i64().unwrap_or(0) + 1;
                w.objects.insert(key, completed(ty, &change.at.id, new, version));
            }
            w.lost(&text)?;
            Ok(None)
        }
        .boxed()
    }
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut w = self.world();
            let text = format!("delete {ty} {}", at.id);
            w.call(text.clone())?;
            if at.known.get("stay").as_bool() != Some(true) {
                w.objects.remove(&(ty.to_owned(), at.id.clone()));
            }
            w.lost(&text)
        }
        .boxed()
    }
    fn find<'a>(&'a self, ty: &'a str, intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        async move {
            let w = self.world();
            if let ("test_named", Some(time)) = (ty, w.time) {
                let same = |o: &Known| o.get("name") == intent.keys.get("name");
                let found = w.objects.iter().find(|((t, _), o)| t == ty && same(o));
                let found = found.map(|((_, id), _)| Found { id: id.clone(), evidence: Evidence::Created(time) });
                return Ok(found.into_iter().collect());
            }
            let mine = w.tokens.iter().filter(|((t, _), token)| t == ty && **token == intent.token);
            Ok(mine
                .filter(|(key, _)| w.objects.contains_key(*key))
                .map(|((_, id), _)| Found { id: id.clone(), evidence: Evidence::Token })
                .collect())
        }
        .boxed()
    }
    fn release<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<()>> {
        async move { self.world().call(format!("release {ty} {}", at.len())) }.boxed()
    }
}

/// A clock that stands still unless somebody sleeps on it.
#[derive(Default)]
pub struct TestClock {
    millis: AtomicU64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.millis.load(Ordering::SeqCst)).unwrap_or(i64::MAX / 2);
        Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }
    fn boot(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        self.millis.fetch_add(u64::try_from(d.as_millis()).unwrap_or(0), Ordering::SeqCst);
        // Others get their turn.
        async { tokio::task::yield_now().await }.boxed()
    }
}

/// Bytes that count up.
#[derive(Default)]
pub struct TestIds(AtomicU64);

impl Ids for TestIds {
    fn fill(&self, out: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        for (i, b) in out.iter_mut().enumerate() {
            *b = n.to_le_bytes()[i % 8];
        }
    }
}

/// A stack in memory: provider, files, state.
pub struct Bench {
    /// The provider; its world can be looked at and changed.
    pub provider: TestProvider,
    /// The table with it.
    pub providers: Arc<Providers>,
    /// Where applies keep their state.
    pub store: Memory,
    /// The state that plans start from.
    pub state: Arc<State>,
    /// `-var` arguments.
    pub vars: Vec<String>,
    /// Number of rounds of reads of the last plan.
    pub rounds: usize,
}

impl Default for Bench {
    fn default() -> Bench {
        let provider = TestProvider::default();
        let host = Host {
            env: Arc::default(),
            clock: Arc::new(TestClock::default()),
            ids: Arc::new(TestIds::default()),
            keep_ownership_tags: false,
            cwd: "/".into(),
        };
        let providers = Arc::new(Providers::new(vec![Arc::new(provider.clone())], host));
        let store = Memory::new();
        Bench { provider, providers, store, state: Arc::new(State::new("lineage")), vars: Vec::new(), rounds: 0 }
    }
}

impl Bench {
    /// The settings for a configuration: files by name, or one text as `main.tf`.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn settings(&self, texts: &[(&str, &str)]) -> Result<Settings, Diagnostics> {
        let memory = files::Memory::of(texts.iter().copied());
        let mut sources = SourceMap::new();
        let (config, diags) = Config::load(FilePath::new("."), &memory, &mut sources, &Manifest::default());
        let Some(config) = config.filter(|_| !diags.iter().any(stackctl_core::Diagnostic::is_error)) else {
            return Err(diags);
        };
        let arguments: Vec<Argument> = self.vars.iter().cloned().map(Argument::Var).collect();
        let (inputs, problems) = collect(&config.root, &BTreeMap::new(), &arguments, &memory, &mut sources);
        if !problems.is_empty() {
            return Err(stackctl_lang::diag::diagnostics(problems, &sources));
        }
        let files: Arc<dyn Files> = Arc::new(memory);
        Ok(Settings {
            config,
            sources: Arc::new(sources),
            files,
            ids: Arc::new(TestIds::default()),
            now: self.providers.host().clock.now(),
            plan_time: Some(self.providers.host().clock.now()),
            planning: true,
            workspace: "default".to_owned(),
            variables: inputs.values,
        })
    }

    /// Plans with options changed by `with`.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn plan(
        &mut self,
        files: &[(&str, &str)],
        with: impl FnOnce(&mut Options),
    ) -> Result<(Plan, Diagnostics), Diagnostics> {
        let mut options = Options {
            mode: PlanMode::Normal,
            targets: Vec::new(),
            replace: Vec::new(),
            refresh: true,
            settings: self.settings(files)?,
        };
        with(&mut options);
        let mut planner = Planner::new(options, Arc::clone(&self.state), &self.providers);
        let (mut answers, mut rounds) = (Vec::new(), 0);
        let leases = Leases::new(Arc::clone(&self.providers.host().clock), Events::none());
        let done = loop {
            match planner.step(answers) {
                Step::Done(plan, diags) => break (*plan, diags),
                Step::Need(requests) => {
                    rounds += 1;
                    answers = Vec::new();
                    for r in requests {
                        let config = (*r.config).clone();
                        let answer = async {
                            let p = self.providers.configure(&r.provider, config).await?;
                            match r.read {
                                Read::Objects(at) => p.instance.read(&r.ty, at).await.map(Answer::Objects),
                                Read::Data(config) => p.instance.data(&r.ty, config).await.map(Answer::Data),
                                Read::Open(config) => {
                                    leases.open(&r.addrs[0], p.instance, config).await.map(Answer::Data)
                                }
                                Read::Close => leases.close(&r.addrs[0]).await.map(|()| Answer::Closed),
                            }
                        };
                        answers.push(ReadAnswer { id: r.id, result: futures::executor::block_on(answer) });
                    }
                }
            }
        };
        self.rounds = rounds;
        Ok(done)
    }

    /// Plans and applies, with the state in [`Bench::store`]; afterwards [`Bench::state`] is what was kept.
    ///
    /// # Errors
    /// What is wrong with the files, with the plan, or with the state.
    pub async fn apply(
        &mut self,
        texts: &[(&str, &str)],
        with: impl FnOnce(&mut Options),
    ) -> Result<(Arc<Plan>, Applied), Diagnostics> {
        let backend = Remote::new(Arc::new(self.store.handle(1)), "state", "env:");
        let options = stackctl_state::Options::new("default", Access::Write, "OperationTypeApply");
        let session = backend.open(options, self.providers.host()).await.map_err(|e| vec![e.diagnostic()])?;
        self.state = Arc::new(session.state().clone());
        let (plan, diags) = self.plan(texts, with)?;
        if stackctl_core::diag::has_errors(&diags) {
            return Err(diags);
        }
        let plan = Arc::new(plan);
        let settings = self.settings(texts)?;
        let mut values = ApplyValues::new(Arc::clone(&plan), settings, &self.providers);
        let (_stop, stop) = tokio::sync::watch::channel(Stop::No);
        let providers = Arc::clone(&self.providers);
        let applied = apply(Arc::clone(&plan), session, &mut values, providers, Events::none(), stop, None).await;
        self.state = Arc::new(applied.state.clone());
        Ok((plan, applied))
    }

    /// Puts an object into world and state. `attributes` is what is configured; the provider completes it.
    pub fn exists(&mut self, addr: &str, attributes: serde_json::Value) -> String {
        let Some(addr) = stackctl_core::InstanceAddr::parse(addr) else { return String::new() };
        let ty = addr.resource.ty.clone();
        let mut w = self.provider.world();
        w.next += 1;
        let id =
            attributes.get("id").and_then(|i| i.as_str()).map_or_else(|| format!("{ty}-{}", w.next), str::to_owned);
        let mut value = Known::from_json(&attributes);
        let schema = TYPES.resources.get(ty.as_str());
        for (name, attr) in schema.iter().flat_map(|s| &s.block.attrs) {
            if let (true, Some(d)) = (value.get(name).is_null(), &attr.default) {
                value.set(*name, d.clone());
            }
        }
        let value = completed(&ty, &id, value, 1);
        let local = schema.is_some_and(|s| s.local_only);
        if !local {
            w.objects.insert((ty.clone(), id.clone()), value.clone());
        }
        drop(w);
        let provider = Arc::new(stackctl_state::ProviderAddr::root(SOURCE));
        let mut object = stackctl_state::Object::new(provider, value);
        object.schema_version = schema.map_or(0, |s| s.version);
        self.change_state(|s| s.put(&stackctl_state::Target::current(addr), Arc::new(object)));
        id
    }

    /// Changes an object in state.
    pub fn change_object(&mut self, addr: &str, f: impl FnOnce(&mut stackctl_state::Object)) {
        let Some(addr) = stackctl_core::InstanceAddr::parse(addr) else { return };
        let at = stackctl_state::Target::current(addr);
        let Some(mut object) = self.state.object(&at).map(|o| (**o).clone()) else { return };
        f(&mut object);
        self.change_state(|s| s.put(&at, Arc::new(object)));
    }

    /// Changes the state.
    pub fn change_state(&mut self, f: impl FnOnce(&mut State)) {
        let mut s = (*self.state).clone();
        f(&mut s);
        self.state = Arc::new(s);
    }
}
