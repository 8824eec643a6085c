//! A run that dies at any call of a provider or of the store: the next one loses nothing and makes nothing twice.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stackctl_core::diag::has_errors;
use stackctl_core::{
    BoxFuture, Change, Draft, Error, Found, Host, Instance, Intent, Known, Live, Made, New, Partial, Provider, Ref,
    Result, Schema, Scope,
};
use stackctl_state::memory::Fault;
use stackctl_state::{Access, Backend as _, Locking, Remote};
use tokio::sync::{Notify, watch};

use super::{Bench, shown, split};
use crate::apply::{Applied, apply};
use crate::eval::ApplyValues;
use crate::events::{Events, Stop};
use crate::plan::{Options, Plan, PlanMode};
use crate::providers::Providers;
use crate::testing::TestProvider;

/// When a run dies: at which of its calls, before it arrives or after it was carried out.
#[derive(Clone, Copy)]
struct At {
    call: u64,
    after: bool,
}

/// Counts the calls of a run, and ends it.
struct Death {
    at: Option<At>,
    calls: AtomicU64,
    died: Notify,
}

impl Death {
    fn next(&self) -> Fault {
        let n = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.at {
            // Nothing of a dead process is sent any more.
            Some(at) if n > at.call => Fault::StopBefore,
            Some(at) if n == at.call => {
                self.died.notify_one();
                if at.after { Fault::StopAfter } else { Fault::StopBefore }
            }
            _ => Fault::None,
        }
    }
    async fn guard<T>(&self, call: impl Future<Output = T>) -> T {
        let fate = self.next();
        if fate == Fault::StopBefore {
            return std::future::pending().await;
        }
        let answer = call.await;
        if fate == Fault::StopAfter { std::future::pending().await } else { answer }
    }
}

/// The test provider in a process that dies.
struct Mortal(TestProvider, Arc<Death>);

impl Provider for Mortal {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn source(&self) -> &'static str {
        self.0.source()
    }
    fn version(&self) -> &'static str {
        self.0.version()
    }
    fn config(&self) -> &Schema {
        self.0.config()
    }
    fn resource(&self, ty: &str) -> Option<&Schema> {
        self.0.resource(ty)
    }
    fn data(&self, ty: &str) -> Option<&Schema> {
        self.0.data(ty)
    }
    fn resources(&self) -> Vec<&'static str> {
        self.0.resources()
    }
    fn data_sources(&self) -> Vec<&'static str> {
        self.0.data_sources()
    }
    fn plan(&self, ty: &str, config: &Partial, draft: &mut Draft<'_>) {
        self.0.plan(ty, config, draft);
    }
    fn import(&self, ty: &str, spec: &str) -> Result<Known> {
        self.0.import(ty, spec)
    }
    fn upgrade(&self, ty: &str, version: u64, attributes: Known) -> Result<Known> {
        self.0.upgrade(ty, version, attributes)
    }
    fn configure(&self, config: Known, host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>> {
        let (inner, death) = (self.0.configure(config, host), Arc::clone(&self.1));
        Box::pin(async move { Ok(Arc::new(MortalInstance(inner.await?, death)) as Arc<dyn Instance>) })
    }
}

struct MortalInstance(Arc<dyn Instance>, Arc<Death>);

impl Instance for MortalInstance {
    fn scope(&self) -> Scope {
        self.0.scope()
    }
    fn service_time(&self) -> Option<jiff::Timestamp> {
        self.0.service_time()
    }
    fn read<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(self.1.guard(self.0.read(ty, at)))
    }
    fn data<'a>(&'a self, ty: &'a str, config: Known) -> BoxFuture<'a, Result<Known>> {
        Box::pin(self.1.guard(self.0.data(ty, config)))
    }
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>> {
        Box::pin(self.1.guard(self.0.create(ty, new)))
    }
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>> {
        Box::pin(self.1.guard(self.0.update(ty, change)))
    }
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.1.guard(self.0.delete(ty, at)))
    }
    fn find<'a>(&'a self, ty: &'a str, intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(self.1.guard(self.0.find(ty, intent)))
    }
    fn release<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.1.guard(self.0.release(ty, at)))
    }
}

/// A run of its own process. `None` if it died.
fn live(bench: &mut Bench, text: &str, mode: PlanMode, at: Option<At>) -> Option<(Plan, Applied)> {
    let death = Arc::new(Death { at, calls: AtomicU64::new(0), died: Notify::new() });
    let of_store = Arc::clone(&death);
    bench.store.faults(move |_| of_store.next());
    let mortal = Arc::new(Mortal(bench.provider.clone(), Arc::clone(&death)));
    let providers = Arc::new(Providers::new(vec![mortal], bench.providers.host().clone()));
    // Whatever the process left running ends with its runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            () = death.died.notified() => None,
            done = run(bench, &providers, text, mode) => Some(done),
        }
    });
    drop(runtime);
    bench.store.heal();
    done.map(|(plan, applied)| {
        bench.state = Arc::new(applied.state.clone());
        (plan, applied)
    })
}

async fn run(bench: &Bench, providers: &Arc<Providers>, text: &str, mode: PlanMode) -> (Plan, Applied) {
    let backend = Remote::new(Arc::new(bench.store.handle(1)), "state", "env:").journal();
    let mut options = stackctl_state::Options::new("default", Access::Write, "OperationTypeApply");
    options.locking = Locking::Off;
    let mut session = backend.open(options, providers.host()).await.unwrap_or_else(|e| panic!("{e}"));
    let settings = bench.settings(&split(text)).unwrap();
    let events = Events::none();
    crate::run::settle(&mut session, &settings, providers, &events).await.unwrap_or_else(|d| panic!("{d:?}"));
    let state = Arc::new(session.state().clone());
    let (targets, replace, refresh) = (Vec::new(), Vec::new(), true);
    let options = Options { mode, targets, replace, refresh, settings: settings.clone() };
    let (plan, diags) = crate::run::plan(options, state, providers, &events).await;
    assert!(!has_errors(&diags), "{diags:?}");
    let plan = Arc::new(plan);
    let mut values = ApplyValues::new(Arc::clone(&plan), settings, providers);
    let (_stop, stop) = watch::channel(Stop::No);
    let applied = apply(Arc::clone(&plan), session, &mut values, Arc::clone(providers), events, stop, None).await;
    assert!(!has_errors(&applied.diags), "{:?}\n{}", applied.diags, shown(&plan));
    drop(values);
    (Arc::unwrap_or_clone(plan), applied)
}

/// Ids in world and state; they must be the same.
fn ids(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let world: Vec<String> = bench.provider.world().objects.keys().map(|(_, id)| id.clone()).collect();
    let id = |o: &stackctl_state::Object| o.attributes.get("id").as_str().unwrap_or_default().to_owned();
    let objects = bench.state.objects().filter(|(at, _)| at.addr.resource.mode == stackctl_core::Mode::Managed);
    let mut state: Vec<String> =
        objects.filter(|(at, _)| at.addr.resource.ty != "test_value").map(|(_, o)| id(o)).collect();
    state.sort();
    let mut world = world;
    world.sort();
    (world, state)
}

/// Carries out `text` over what `before` made, dying at each call in turn (every `step`-th), and inside the recovery at
/// each of `again`; then once more without dying.
fn check(before: Option<&str>, text: &str, mode: PlanMode, step: usize, again: &[u64]) {
    let fresh = || {
        let mut bench = Bench::default();
        bench.provider.world().time = Some("2026-01-02T03:04:05Z".parse().unwrap());
        if let Some(before) = before {
            live(&mut bench, before, PlanMode::Normal, None).unwrap();
        }
        bench
    };
    let mut undisturbed = fresh();
    live(&mut undisturbed, text, mode, None).unwrap();
    let wanted = ids(&undisturbed).0.len();
    let mut deaths = 0;
    // STACKCTL_EVERY_CALL=1 dies at every single one.
    let step = if std::env::var_os("STACKCTL_EVERY_CALL").is_some() { 1 } else { step };
    for call in (1..).step_by(step) {
        let mut over = true;
        for after in [false, true] {
            for second in std::iter::once(None).chain(again.iter().copied().map(Some)) {
                let mut bench = fresh();
                over &= live(&mut bench, text, mode, Some(At { call, after })).is_some();
                if let Some(second) = second {
                    live(&mut bench, text, mode, Some(At { call: second, after }));
                }
                live(&mut bench, text, mode, None).unwrap();
                let what = format!("died at call {call} (after: {after}), then at {second:?}");
                let (world, state) = ids(&bench);
                assert_eq!(world, state, "{what}");
                assert_eq!(world.len(), wanted, "{what}: {:#?}", bench.provider.world().calls);
                let (plan, _) = live(&mut bench, text, mode, None).unwrap();
                assert!(!plan.has_changes(), "{what}: {}", shown(&plan));
                deaths += 1;
            }
        }
        if over {
            break;
        }
    }
    assert!(deaths > 5, "{deaths} trials are no test");
}

const STACK: &str = r#"
    variable "zone" { default = "1" }
    resource "test_thing" "a" {
      name = "a"
      zone = "ZONE"
      tags = { k = "v" }
    }
    resource "test_part" "b" {
      count = 2
      thing = test_thing.a.id
      note  = "NOTE"
    }
    resource "test_named" "c" {
      name = "c-ZONE"
      zone = test_part.b[0].id != "" ? "z" : null
    }
    resource "test_value" "d" { input = test_named.c.detail }
    resource "test_thing" "e" {
      name = "e"
      zone = "ZONE"
      lifecycle { create_before_destroy = true }
    }
"#;

fn stack(zone: &str, note: &str) -> String {
    STACK.replace("ZONE", zone).replace("NOTE", note)
}

#[test]
fn while_it_creates() {
    check(None, &stack("1", "n"), PlanMode::Normal, 2, &[]);
}

#[test]
fn while_it_updates_and_replaces() {
    check(Some(&stack("1", "n")), &stack("2", "m"), PlanMode::Normal, 5, &[]);
}

#[test]
fn while_it_destroys() {
    check(Some(&stack("1", "n")), &stack("1", "n"), PlanMode::Destroy, 3, &[]);
}

#[test]
fn inside_the_recovery() {
    check(None, &stack("1", "n"), PlanMode::Normal, 19, &[5, 8, 14]);
    check(Some(&stack("1", "n")), &stack("2", "m"), PlanMode::Normal, 37, &[6, 15]);
}

#[test]
fn errors_are_no_deaths() {
    // The wrapper passes errors on.
    let bench = Bench::default();
    bench.provider.world().faults.push(("data test_lookup".into(), stackctl_core::ErrorKind::Denied));
    let death = Arc::new(Death { at: None, calls: AtomicU64::new(0), died: Notify::new() });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mortal = Mortal(bench.provider.clone(), death);
    let instance = runtime.block_on(mortal.configure(Known::object(), bench.providers.host().clone())).unwrap();
    let answer: Result<Known, Error> = runtime.block_on(instance.data("test_lookup", Known::from([("name", "x")])));
    assert!(answer.is_err());
}
