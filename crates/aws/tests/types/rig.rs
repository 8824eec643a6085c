//! An engine of a hundred lines: it knows schemas and the provider, and no type.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value as Json;
use stackctl_core::equal::{is_zero, same};
use stackctl_core::{
    Block, BoxFuture, Change, Clock, Draft, ErrorKind, Host, Identity, Ids, Instance, Intent, Known, Live, New,
    Partial, Presence, Provider, Ref, Schema, Status, canonical::canonical,
};
use stackctl_sandbox::{Control, Options, Sandbox};

/// A provider instance on the emulator.
pub(crate) struct Rig {
    pub provider: Arc<dyn Provider>,
    pub instance: Arc<dyn Instance>,
    pub sandbox: Control,
    config: Partial,
}

/// An object under test.
pub(crate) struct Object {
    pub ty: &'static str,
    pub id: String,
    pub state: Known,
}

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
    fn boot(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(d))
    }
}

struct Random;

impl Ids for Random {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(16) {
            chunk.copy_from_slice(&uuid::Uuid::new_v4().into_bytes()[..chunk.len()]);
        }
    }
}

/// One emulator for all tests of the process; it ends with it.
fn sandbox() -> Control {
    static ONE: OnceLock<(Sandbox, tokio::runtime::Runtime)> = OnceLock::new();
    let (sandbox, _) = ONE.get_or_init(|| {
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
            (sandbox, runtime)
        })
        .join()
        .unwrap()
    });
    sandbox.control()
}

/// A name that no other test has.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &uuid::Uuid::new_v4().simple().to_string()[..8])
}

/// Surroundings with short waits.
pub(crate) fn host() -> Host {
    Host {
        env: Arc::new([("STACKCTL_SANDBOX".to_owned(), "1".to_owned())].into()),
        clock: Arc::new(RealClock),
        ids: Arc::new(Random),
        keep_ownership_tags: false,
        cwd: ".".into(),
    }
}

pub(crate) fn known(v: Json) -> Known {
    Known::from_json(&v)
}

impl Rig {
    /// Without default tags.
    pub(crate) async fn new() -> Rig {
        Rig::with(serde_json::json!({})).await
    }
    /// With further arguments of the provider block.
    pub(crate) async fn with(more: Json) -> Rig {
        // A world and a log of its own for each test.
        Rig::on(*sandbox().fork().await.unwrap(), more).await
    }
    /// Another provider block in the same world.
    pub(crate) async fn beside(&self, more: Json) -> Rig {
        Rig::on(self.sandbox, more).await
    }
    async fn on(sandbox: Control, more: Json) -> Rig {
        let provider = stackctl_aws::provider();
        let url = sandbox.endpoint();
        let services = "sts ec2 s3 iam rds sns sqs ssm cloudwatch cloudwatchlogs logs kms dynamodb".split(' ');
        let endpoints: serde_json::Map<_, _> = services.map(|s| (s.to_owned(), url.clone().into())).collect();
        let mut config = serde_json::json!({
            "region": "us-east-1", "access_key": "test", "secret_key": "test",
            "s3_use_path_style": true, "max_retries": 2, "endpoints": [endpoints],
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut config = known(config);
        canonical(&provider.config().block, &mut config);
        let instance = provider.configure(config.clone(), host()).await.unwrap();
        Rig { provider, instance, sandbox, config: config.into() }
    }

    /// Settings for clients of the test's own, for changes behind the provider's back.
    pub(crate) async fn raw(&self) -> aws_config::SdkConfig {
        let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "test");
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(self.sandbox.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await
    }

    fn schema(&self, ty: &str) -> &Schema {
        self.provider.resource(ty).unwrap_or_else(|| panic!("no type {ty}"))
    }

    /// What would be planned: defaults, then the type's hook.
    pub(crate) fn planned(&self, ty: &str, config: &Known, prior: Option<&Known>) -> Partial {
        let schema = self.schema(ty);
        let mut config = config.clone();
        canonical(&schema.block, &mut config);
        let mut planned = Partial::object();
        for (name, attr) in &schema.block.attrs {
            let set = config.get(name);
            let value = match (set.is_null(), &attr.default, prior) {
                (false, ..) => set.clone().into(),
                (true, Some(d), _) => d.clone().into(),
                (true, None, Some(p)) if attr.is_computed() => p.get(name).clone().into(),
                (true, None, None) if attr.is_computed() => Partial::Unknown,
                _ => Partial::Null,
            };
            planned.set(*name, if attr.write_only { Partial::Null } else { value });
        }
        for (name, b) in &schema.block.blocks {
            let mut value = config.get(name).clone();
            if let Known::List(l) = &mut value {
                l.iter_mut().for_each(|e| with_defaults(&b.block, e));
            }
            planned.set(*name, value.into());
        }
        let (mut replace, mut errors) = (BTreeSet::new(), Vec::new());
        let config = config.into();
        let mut draft =
            Draft { config: &config, prior, planned: &mut planned, replace: &mut replace, errors: &mut errors };
        self.provider.plan(ty, &self.config, &mut draft);
        assert!(errors.is_empty(), "{ty}: {errors:?}");
        planned
    }

    /// Names of what is planned and differs.
    pub(crate) fn differing(&self, ty: &str, planned: &Partial, live: &Known) -> BTreeSet<String> {
        let schema = self.schema(ty);
        let differs = |p: &Partial, l: &Known, eq, zero: bool| {
            let Ok(p) = p.to_known() else { return false };
            !(same(eq, &p, l) || zero && is_zero(&p) && is_zero(l) || like(&p, l))
        };
        let attrs = schema.block.attrs.iter().filter(|(n, a)| {
            let p = planned.get(n);
            let provider_s = p.is_null() && a.presence != Presence::Optional;
            !provider_s && !a.local && !a.write_only && differs(p, live.get(n), a.equality, schema.zero_is_null)
        });
        let blocks = schema.block.blocks.iter().filter(|(n, b)| {
            let p = planned.get(n);
            let left = is_zero(&p.or_null()) && (b.computed || b.if_configured || b.lazy);
            !left
                && !b.local
                && **n != "timeouts"
                && differs(p, live.get(n), stackctl_core::Equality::Exact, schema.zero_is_null)
        });
        attrs.map(|(n, _)| *n).chain(blocks.map(|(n, _)| *n)).map(str::to_owned).collect()
    }

    pub(crate) async fn read_as(&self, ty: &'static str, id: &str, known: Known) -> Option<Live> {
        let at = Ref { id: id.to_owned(), known, wanted: None };
        self.instance.read(ty, vec![at]).await.unwrap_or_else(|e| panic!("{ty}: {e}")).pop()
    }

    async fn settle(&self, ty: &'static str, id: &str, known: &Known) -> Live {
        for _ in 0..200 {
            if let Some(l) = self.read_as(ty, id, known.clone()).await {
                match l.status {
                    Status::Ready => return l,
                    Status::Failed(e) => panic!("{ty}: {e}"),
                    _ => self.sandbox.clock_advance(Duration::from_secs(60)).await.unwrap(),
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{ty} {id} does not become ready");
    }

    /// Sends a change, again while the object is not ready for it.
    async fn send(&self, ty: &'static str, change: Change) {
        for _ in 0..100 {
            match self.instance.update(ty, change.clone()).await {
                Ok(_) => return,
                Err(e) if e.kind == ErrorKind::NotReady => {
                    self.sandbox.clock_advance(Duration::from_secs(60)).await.unwrap();
                }
                Err(e) => panic!("update {ty}: {e}"),
            }
        }
        panic!("{ty} is never ready for its update");
    }

    /// What a data source answers.
    pub(crate) async fn data(&self, ty: &str, config: Json) -> Result<Json, String> {
        let mut config = known(config);
        let schema = self.provider.data(ty).unwrap_or_else(|| panic!("no data source {ty}"));
        canonical(&schema.block, &mut config);
        let before = self.sandbox.log().await.unwrap().last().map_or(0, |l| l.n);
        let found = self.instance.data(ty, config).await.map(|v| v.to_json()).map_err(|e| e.to_string());
        let sent = self.sandbox.log_since(before).await.unwrap();
        crate::actions::check_data(ty, sent.into_iter().map(|l| (l.service, l.action)));
        found
    }

    /// What opening an ephemeral object gives.
    pub(crate) async fn open(&self, ty: &str, config: Json) -> Result<Json, String> {
        let mut config = known(config);
        let schema = self.provider.ephemeral(ty).unwrap_or_else(|| panic!("no ephemeral type {ty}"));
        canonical(&schema.block, &mut config);
        let before = self.sandbox.log().await.unwrap().last().map_or(0, |l| l.n);
        let opened = self.instance.open(ty, config).await.map(|o| o.value.to_json()).map_err(|e| e.to_string());
        let sent = self.sandbox.log_since(before).await.unwrap();
        crate::actions::check_ephemeral(ty, sent.into_iter().map(|l| (l.service, l.action)));
        opened
    }

    /// Carries out an operation; what it sends must be among the type's declared actions.
    async fn watched<T>(&self, ty: &str, operation: impl Future<Output = T>) -> T {
        let before = self.sandbox.log().await.unwrap().last().map_or(0, |l| l.n);
        let done = operation.await;
        let sent = self.sandbox.log_since(before).await.unwrap();
        crate::actions::check(ty, sent.into_iter().map(|l| (l.service, l.action)));
        done
    }

    /// Creates as the engine does, in two phases, and checks that the result is what was planned.
    pub(crate) async fn create(&self, ty: &'static str, config: Json) -> Object {
        self.watched(ty, self.create_unwatched(ty, config)).await
    }

    async fn create_unwatched(&self, ty: &'static str, config: Json) -> Object {
        let config = known(config);
        let planned = self.planned(ty, &config, None);
        let token = uuid::Uuid::new_v4().simple().to_string();
        let mut value = planned.or_null();
        for (name, a) in &self.schema(ty).block.attrs {
            if a.write_only {
                value.set(*name, config.get(name).clone());
            }
        }
        let new = New { value: value.clone(), token: token.clone() };
        let id = self.instance.create(ty, new).await.unwrap_or_else(|e| panic!("create {ty}: {e}")).id;
        let found = self
            .instance
            .find(ty, Intent { token, keys: value.clone(), since: None })
            .await
            .unwrap_or_else(|e| panic!("find {ty}: {e}"));
        assert!(found.iter().any(|f| f.id == id), "{ty}: {found:?} lacks {id}");
        // Twice, because a crash may come between a completing request and its record.
        let mut live = self.settle(ty, &id, &value).await;
        for _ in 0..2 {
            let at = Ref { id: id.clone(), known: value.clone(), wanted: None };
            let fields = self.differing(ty, &planned, &live.value);
            let mut new = merged(&planned, &live.value);
            for (name, a) in &self.schema(ty).block.attrs {
                if a.write_only || a.local {
                    new.set(*name, value.get(name).clone());
                }
            }
            let change = Change { at, old: live.value.clone(), new, fresh: true, fields };
            self.send(ty, change).await;
            live = self.settle(ty, &id, &value).await;
        }
        let at = Ref { id: live.id.clone(), known: live.value.clone(), wanted: None };
        self.instance.release(ty, vec![at]).await.unwrap_or_else(|e| panic!("release {ty}: {e}"));
        let object = Object { ty, id: live.id.clone(), state: live.value };
        self.converged(&object, &config).await
    }

    /// Reads again: nothing that configuration says differs.
    async fn converged(&self, o: &Object, config: &Known) -> Object {
        let live = self.settle(o.ty, &o.id, &o.state).await;
        let planned = self.planned(o.ty, config, Some(&live.value));
        let left = self.differing(o.ty, &planned, &live.value);
        let show =
            |n: &String| format!("{n}: {} / {}", planned.get(n).or_null().to_json(), live.value.get(n).to_json());
        assert!(left.is_empty(), "{} does not converge: {:?}", o.ty, left.iter().map(show).collect::<Vec<_>>());
        Object { ty: o.ty, id: o.id.clone(), state: live.value }
    }

    /// Updates to another configuration; exactly `fields` must have been found changed.
    pub(crate) async fn update(&self, o: Object, config: Json, fields: &[&str]) -> Object {
        self.watched(o.ty, self.update_unwatched(o, config, fields)).await
    }

    async fn update_unwatched(&self, o: Object, config: Json, fields: &[&str]) -> Object {
        let config = known(config);
        let planned = self.planned(o.ty, &config, Some(&o.state));
        let mut found = self.differing(o.ty, &planned, &o.state);
        for (name, a) in &self.schema(o.ty).block.attrs {
            if a.local && planned.get(name).or_null() != *o.state.get(name) {
                found.insert((*name).to_owned());
            }
        }
        assert_eq!(found, fields.iter().map(|f| (*f).to_owned()).collect(), "{}: fields", o.ty);
        let mut new = merged(&planned, &o.state);
        for (name, a) in &self.schema(o.ty).block.attrs {
            if a.write_only {
                new.set(*name, config.get(name).clone());
            }
        }
        let at = Ref { id: o.id.clone(), known: o.state.clone(), wanted: None };
        let change = Change { at, old: o.state.clone(), new: new.clone(), fresh: false, fields: found };
        self.send(o.ty, change).await;
        let o = Object { state: new, ..o };
        self.converged(&o, &config).await
    }

    /// Imports and compares with state, `except` what no API tells.
    pub(crate) async fn import(&self, o: &Object, spec: &str, except: &[&str]) {
        self.watched(o.ty, self.import_unwatched(o, spec, except)).await
    }

    async fn import_unwatched(&self, o: &Object, spec: &str, except: &[&str]) {
        let known = self.provider.import(o.ty, spec).unwrap_or_else(|e| panic!("{e}"));
        let id = known.get("id").as_str().unwrap().to_owned();
        let live = self.read_as(o.ty, &id, known).await.unwrap_or_else(|| panic!("{} {spec} not found", o.ty));
        assert_eq!(live.id, o.id, "{}: id after import", o.ty);
        let schema = self.schema(o.ty);
        for (name, a) in schema.block.attrs.iter().filter(|(n, a)| !a.local && !except.contains(n)) {
            let (i, s) = (live.value.get(name), o.state.get(name));
            let equal = same(a.equality, i, s) || is_zero(i) && is_zero(s);
            assert!(equal, "{}.{name}: imported {} / state {}", o.ty, i.to_json(), s.to_json());
        }
    }

    /// Deletes, finds it gone, and deletes again.
    pub(crate) async fn delete(&self, o: Object) {
        self.watched(o.ty, self.delete_unwatched(o)).await;
    }

    async fn delete_unwatched(&self, o: Object) {
        let schema = self.schema(o.ty);
        for _ in 0..2 {
            let at = Ref { id: o.id.clone(), known: o.state.clone(), wanted: None };
            self.give_up(o.ty, at).await;
        }
        if !schema.setting {
            for _ in 0..200 {
                match self.read_as(o.ty, &o.id, o.state.clone()).await {
                    None => return self.unfindable(&o).await,
                    Some(l) if l.status == Status::Deleting => {
                        self.sandbox.clock_advance(Duration::from_secs(60)).await.unwrap();
                    }
                    Some(_) => panic!("{} {} is still there", o.ty, o.id),
                }
            }
        }
    }

    /// Asks for deletion, again while the object is not ready for it.
    async fn give_up(&self, ty: &'static str, at: Ref) {
        for _ in 0..100 {
            match self.instance.delete(ty, at.clone()).await {
                Ok(()) => return,
                Err(e) if e.kind == ErrorKind::NotReady => {
                    self.sandbox.clock_advance(Duration::from_secs(60)).await.unwrap();
                }
                Err(e) => panic!("delete {ty}: {e}"),
            }
        }
        panic!("{ty} is never ready for its deletion");
    }

    async fn unfindable(&self, o: &Object) {
        if self.schema(o.ty).identity == Identity::None {
            return;
        }
        let intent = Intent { token: "none".into(), keys: o.state.clone(), since: None };
        let found = self.instance.find(o.ty, intent).await.unwrap_or_else(|e| panic!("find {}: {e}", o.ty));
        assert!(found.is_empty(), "{}: {found:?} after deletion", o.ty);
    }
}

impl Drop for Rig {
    /// Ends the world of the test.
    fn drop(&mut self) {
        let sandbox = self.sandbox;
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // The world may have ended with its parent.
            let _ = runtime.block_on(sandbox.exit());
        });
        let _ = ended.join();
    }
}

/// Planned values, live ones where the provider decides.
fn merged(planned: &Partial, live: &Known) -> Known {
    let mut out = live.clone();
    for (name, p) in planned.as_map().into_iter().flatten() {
        if let Ok(v) = p.to_known() {
            out.set(name.clone(), v);
        }
    }
    out
}

/// Fills in defaults of members of blocks.
fn with_defaults(block: &Block, v: &mut Known) {
    let Some(m) = v.as_map_mut() else { return };
    for (name, attr) in &block.attrs {
        if let (Some(Known::Null), Some(d)) = (m.get(*name), &attr.default) {
            m.insert((*name).to_owned(), d.clone());
        }
    }
    for (name, b) in &block.blocks {
        if let Some(Known::List(l)) = m.get_mut(*name) {
            l.iter_mut().for_each(|e| with_defaults(&b.block, e));
        }
    }
}

/// Equal but for null against zero; what is planned null inside a block is left to the provider.
fn like(p: &Known, l: &Known) -> bool {
    match (p, l) {
        (Known::List(a), Known::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| inner_like(a, b)),
        (Known::Map(a), Known::Map(b)) => {
            let in_a = a.iter().all(|(k, v)| inner_like(v, b.get(k).unwrap_or(&Known::Null)));
            in_a && b.iter().all(|(k, w)| a.contains_key(k) || is_zero(w))
        }
        (a, b) => a == b || is_zero(a) && is_zero(b),
    }
}

fn inner_like(p: &Known, l: &Known) -> bool {
    p.is_null() || like(p, l)
}
