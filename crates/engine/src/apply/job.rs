//! One operation, complete: everything that a worker needs and nothing that it has to decide.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Diagnostic, Draft, Error, Instance, InstanceAddr, Known, Partial, Path, Provider, Schema};
use stackctl_state::{Object, ObjectStatus, ProviderAddr, Target};

use crate::eval::Provision;
use crate::events::Subject;
use crate::plan::{Action, Ignore, OpId, diff};
use crate::refresh::absorb;

/// What a worker gets.
pub(crate) struct Job {
    /// The operation of the plan.
    pub(crate) op: OpId,
    /// Which object.
    pub(crate) at: Target,
    /// What is done.
    pub(crate) action: Action,
    /// The table of types.
    pub(crate) table: Arc<dyn Provider>,
    /// The configured provider.
    pub(crate) instance: Arc<dyn Instance>,
    /// Address of its configuration.
    pub(crate) provider: Arc<ProviderAddr>,
    /// The object in state, if any.
    pub(crate) object: Option<Arc<Object>>,
    /// Names the intent; for a create also the client token and the ownership tag.
    pub(crate) token: String,
    /// Configuration of the instance, ignored changes aside; null for a delete.
    pub(crate) config: Partial,
    /// Configuration of the provider, for its plan hook.
    pub(crate) provider_config: Partial,
    /// What is wanted, unknown where the provider decides. Null for a delete.
    pub(crate) planned: Partial,
    /// Values of write-only arguments: sent, never stored.
    pub(crate) write_only: Vec<(Path, Known)>,
    /// Top-level attributes and blocks that change.
    pub(crate) fields: BTreeSet<String>,
    /// Sensitive places.
    pub(crate) sensitive: BTreeSet<Path>,
    /// Attributes that the configuration refers to; `None` where it refers to the whole object.
    pub(crate) referred: Option<BTreeSet<String>>,
    /// Provisioners that run before the object is destroyed.
    pub(crate) before: Vec<Provision>,
    /// Provisioners run once the object is made.
    pub(crate) provisioned: bool,
    /// What state records about the order of destruction.
    pub(crate) dependencies: Vec<String>,
    /// What state records about the order of replacement.
    pub(crate) create_before_destroy: bool,
    /// How long the operation may take.
    pub(crate) timeout: Duration,
}

impl Job {
    /// Schema of the type.
    ///
    /// # Errors
    /// If the provider does not have it: a state of another program.
    pub(crate) fn schema(&self) -> Result<&Schema, Error> {
        let ty = self.ty();
        self.table.resource(ty).ok_or_else(|| Error::invalid(format!("There is no resource type {ty:?}.")))
    }
    /// Type name.
    pub(crate) fn ty(&self) -> &str {
        &self.at.addr.resource.ty
    }
    /// Whom events are about.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            addr: Arc::new(self.at.addr.clone()),
            deposed: self.at.deposed.as_ref().map(|k| k.as_str().to_owned()),
        }
    }
    /// Lazy attributes that are read: those that are configured, in state or referred to; `None` for all.
    pub(crate) fn wanted_lazy(&self, schema: &Schema) -> Option<Arc<BTreeSet<String>>> {
        let referred = self.referred.as_ref()?;
        let set = |v: &Partial| !matches!(v, Partial::Null) && !matches!(v, Partial::List(l) if l.is_empty());
        let held = |v: &Known| !v.is_null() && v.as_list().is_none_or(|l| !l.is_empty());
        let old = self.object.as_ref().map(|o| &o.attributes);
        let attrs = schema.block.attrs.iter().filter(|(_, a)| a.lazy).map(|(n, _)| *n);
        let blocks = schema.block.blocks.iter().filter(|(_, b)| b.lazy).map(|(n, _)| *n);
        let wanted = attrs
            .chain(blocks)
            .filter(|n| set(self.config.get(n)) || old.is_some_and(|o| held(o.get(n))) || referred.contains(*n));
        Some(Arc::new(wanted.map(str::to_owned).collect()))
    }
    /// Id of the object in state.
    pub(crate) fn id(&self) -> Option<String> {
        self.object.as_ref().and_then(|o| o.attributes.get("id").as_str()).map(str::to_owned)
    }
    /// The wanted values with null where the provider decides, write-only arguments included: what is sent.
    pub(crate) fn wanted(&self) -> Known {
        self.wanted_of(&self.planned)
    }
    /// The same for a plan that has been refined.
    pub(crate) fn wanted_of(&self, planned: &Partial) -> Known {
        let mut v = planned.or_null();
        for (path, value) in &self.write_only {
            put(&mut v, &path.0, value);
        }
        v
    }
    /// Names of the top-level attributes and blocks that the live object has otherwise than the configuration wants it.
    pub(crate) fn differing(&self, schema: &Schema, live: &Known) -> BTreeSet<String> {
        let hook = |d: &mut Draft<'_>| self.table.plan(self.ty(), &self.provider_config, d);
        diff(schema, &self.config, Some(live), &Ignore::Nothing, &hook).fields
    }
    /// The plan of an object that is resumed: that of its creation, in which the provider's choices are unknown, with the
    /// names that it was given then.
    pub(crate) fn planned_anew(&self, schema: &Schema, old: &Known) -> Partial {
        let hook = |d: &mut Draft<'_>| self.table.plan(self.ty(), &self.provider_config, d);
        let mut planned = diff(schema, &self.config, None, &Ignore::Nothing, &hook).planned;
        let partners = schema.block.attrs.values().filter_map(|a| a.prefix_of);
        let generated = schema.block.attrs.iter().filter(|(_, a)| a.generated.is_some()).map(|(n, _)| *n);
        for name in partners.chain(generated).chain(["id"]) {
            if matches!(planned.get(name), Partial::Unknown) {
                planned.set(name, old.get(name).clone().into());
            }
        }
        planned
    }
    /// What a read found, as state will hold it: with the wanted spelling where it means the same, and with the wanted value
    /// of what no API returns.
    pub(crate) fn absorbed(&self, schema: &Schema, planned: &Partial, live: Known) -> Known {
        let wanted = planned.or_null();
        let mut out = absorb(schema, &wanted, live.clone());
        // What the provider chose is as the provider says, be it zero.
        for name in schema.block.attrs.keys().filter(|n| matches!(planned.get(n), Partial::Unknown)) {
            if let Some(v) = live.as_map().and_then(|m| m.get(*name)) {
                out.set(*name, v.clone());
            }
        }
        out
    }
    /// The state's object with these attributes.
    pub(crate) fn object_of(&self, schema: &Schema, mut attributes: Known, unfinished: bool) -> Arc<Object> {
        for (path, _) in &self.write_only {
            put(&mut attributes, &path.0, &Known::Null);
        }
        Arc::new(Object {
            schema_version: schema.version,
            attributes: Arc::new(attributes),
            flat: None,
            sensitive: self.sensitive.clone(),
            private: self.object.as_ref().and_then(|o| o.private.clone()),
            status: ObjectStatus::Ready,
            unfinished,
            tagged: false,
            dependencies: self.dependencies.clone(),
            create_before_destroy: self.create_before_destroy,
            provider: Arc::clone(&self.provider),
        })
    }
}

fn put(v: &mut Known, path: &[stackctl_core::Step], value: &Known) {
    use stackctl_core::Step;
    match (path, v) {
        ([], v) => *v = value.clone(),
        ([Step::Attr(n) | Step::Key(n), rest @ ..], Known::Map(m)) => put(m.entry(n.clone()).or_default(), rest, value),
        ([Step::Index(i), rest @ ..], Known::List(l)) => {
            if let Some(v) = l.get_mut(*i) {
                put(v, rest, value);
            }
        }
        _ => {}
    }
}

/// How an operation ended.
pub(crate) struct Outcome {
    /// What state holds now; `None` where there is no object any more.
    pub(crate) object: Option<Arc<Object>>,
    /// What went wrong. The object above is what really exists all the same.
    pub(crate) trouble: Option<Box<Diagnostic>>,
}

/// What the values of the run say about an operation that is about to start.
pub enum Prepared {
    /// Carry it out with this.
    Go(Box<Ready>),
    /// There is nothing left to do.
    Nothing,
}

/// An operation with everything known.
pub struct Ready {
    /// Configuration of the instance, ignored changes aside; null for a delete.
    pub config: Partial,
    /// What is wanted, unknown where the provider decides. Null for a delete.
    pub planned: Partial,
    /// Values of write-only arguments.
    pub write_only: Vec<(Path, Known)>,
    /// Top-level attributes and blocks that change.
    pub fields: BTreeSet<String>,
    /// Sensitive places.
    pub sensitive: BTreeSet<Path>,
    /// Attributes that the configuration refers to; `None` where it refers to the whole object.
    pub referred: Option<BTreeSet<String>>,
    /// Provisioners that run before the object is destroyed.
    pub before: Vec<Provision>,
    /// Provisioners run once the object is made: [`Values::provisions`] has them then.
    pub provisioned: bool,
    /// Configuration of the provider, complete.
    pub provider: Known,
}

/// Outputs and checks at the end of a run.
#[derive(Default)]
pub struct Conclusion {
    /// Root outputs; `None` leaves those of the state.
    pub outputs: Option<std::collections::BTreeMap<String, stackctl_state::Output>>,
    /// Results of checks.
    pub checks: Option<Vec<stackctl_state::CheckResult>>,
    /// Warnings and errors.
    pub diags: Vec<Diagnostic>,
}

/// An ephemeral object that is to be opened, with everything known.
pub struct Open {
    /// Its address.
    pub addr: Arc<InstanceAddr>,
    /// Provider configuration.
    pub provider: Arc<ProviderAddr>,
    /// Its arguments.
    pub provider_config: Known,
    /// Configuration of the object.
    pub config: Known,
}

/// What has to be open before an operation is prepared.
pub enum Needs {
    /// Everything is.
    Nothing,
    /// These, and what was asked for before and is not open yet.
    Open(Vec<Open>),
    /// It cannot be opened. Without diagnostics: that was told before.
    Failed(Vec<Diagnostic>),
}

/// The values of a run: evaluates configuration over what has been applied so far.
pub trait Values: Send {
    /// The ephemeral objects that have to be open before an operation is prepared; without one, before the end of the run.
    fn needs(&mut self, op: Option<OpId>) -> Needs;
    /// Takes what opening one of them brought.
    fn opened(&mut self, addr: &InstanceAddr, result: Result<Known, Error>) -> Vec<Diagnostic>;
    /// What nobody needs any more now that an operation is done, to be closed. Asked once for each.
    fn unneeded(&mut self, op: OpId) -> Vec<Arc<InstanceAddr>>;
    /// Evaluates and completes an operation whose dependencies are done. `prior` is the object as it is now.
    ///
    /// # Errors
    /// If something in the configuration cannot be evaluated, a precondition fails, or the action would be another one.
    fn prepare(&mut self, op: OpId, prior: Option<&Object>) -> Result<Prepared, Vec<Diagnostic>>;
    /// The provisioners to run now that an operation has made `object`.
    ///
    /// # Errors
    /// If one of them cannot be evaluated.
    fn provisions(&mut self, op: OpId, object: &Object) -> Result<Vec<Provision>, Vec<Diagnostic>>;
    /// True for the data source of a check, whose failure is the check's.
    fn is_checks(&self, _op: OpId) -> bool {
        false
    }
    /// Takes over what an operation made, and checks postconditions.
    fn done(&mut self, op: OpId, object: Option<&Object>) -> Vec<Diagnostic>;
    /// Outputs and checks, when everything that could be done is done. `failed` says that something was not.
    fn conclude(&mut self, failed: bool) -> Conclusion;
}
