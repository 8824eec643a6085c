//! The state in memory: which objects exist, under which address, and what was read of them.
//!
//! Objects stand behind [`Arc`], so that a clone of the whole state costs its addresses and not its attributes, and
//! changing one object copies that object's resource at most. A provider belongs to each object, because a deposed
//! object may still belong to another one than its successor.
//!
//! Nothing here does I/O or knows the file's format: see [`crate::format`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stackctl_core::{InstanceAddr, InstanceKey, Known, Mode, ModuleAddr, ModuleStep, Path, ResourceAddr, Ty};

use crate::seal::Seal;

/// Version that plain state files carry: that of the language we speak.
pub const TERRAFORM_VERSION: &str = "1.11.4";

/// Everything a state file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Version of the tool that wrote it, a version number.
    pub terraform_version: String,
    /// Raised by each write.
    pub serial: u64,
    /// Identity of the state over its whole life, a UUID.
    pub lineage: String,
    /// Outputs of the root module.
    pub outputs: BTreeMap<String, Output>,
    /// Resources, none of them empty. Change them through the methods.
    pub resources: BTreeMap<ResourceAddr, Arc<Resource>>,
    /// Results of checks at the last plan; `None` where the file says `null`.
    pub checks: Option<Vec<CheckResult>>,
    /// How much of the journal this state contains; `None` when another tool wrote it last.
    pub mark: Option<Mark>,
    /// Who wrote it last; `None` when another tool did.
    pub by: Option<Author>,
    /// The key that sealed the secrets in it; `None` if they are in the open.
    pub seal: Option<Arc<Seal>>,
}

/// Who wrote a state, and with what. For people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Author {
    /// `user@host`
    pub who: String,
    /// The operation, as lock records name it.
    pub operation: String,
}

/// Names the journal segments whose records a state contains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    /// Epoch of the writer.
    pub epoch: u64,
    /// Records of segments up to this number are in the state.
    pub through: u64,
    /// Who wrote it: the writer's random id.
    pub writer: String,
}

/// An output value of the root module.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// The value.
    pub value: Known,
    /// Its type, without `Dynamic`.
    pub ty: Ty,
    /// Hidden in every display.
    pub sensitive: bool,
}

/// All instances of one resource in one module instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// By key. None of them is empty.
    pub instances: BTreeMap<Option<InstanceKey>, Instance>,
}

/// The objects of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// The object that the configuration means.
    pub current: Option<Arc<Object>>,
    /// Objects that were replaced and not destroyed yet.
    pub deposed: BTreeMap<DeposedKey, Arc<Object>>,
}

/// Name of a deposed object: eight hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DeposedKey(String);

/// Which object of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The instance.
    pub addr: InstanceAddr,
    /// `None` for the current object.
    pub deposed: Option<DeposedKey>,
}

/// Whether an object is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ObjectStatus {
    /// Usable.
    #[default]
    Ready,
    /// To be replaced by the next apply.
    Tainted,
}

/// One object: a thing in the cloud, or what a data source returned.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// Version of the schema that the attributes follow.
    pub schema_version: u64,
    /// All attributes, a map; shared with the planner. Attributes that the schema does not know are kept.
    pub attributes: Arc<Known>,
    /// Attributes in the form that Terraform 0.11 wrote; then `attributes` is null. Kept until the object is written.
    pub flat: Option<BTreeMap<String, String>>,
    /// Paths of sensitive values, from configuration and schema.
    pub sensitive: BTreeSet<Path>,
    /// The provider's own bytes in base64, as the file has them.
    pub private: Option<String>,
    /// Whole or tainted.
    pub status: ObjectStatus,
    /// Created, and not completed yet: resumed like an update, never tainted. A key of ours that Terraform ignores.
    pub unfinished: bool,
    /// Created and complete, and still with its ownership tag. A key of ours that Terraform ignores.
    pub tagged: bool,
    /// Addresses of configuration (without keys) that were created before it, in file order.
    pub dependencies: Vec<String>,
    /// Replaced by creating the new one first; needed where the configuration is gone.
    pub create_before_destroy: bool,
    /// Who manages it.
    pub provider: Arc<ProviderAddr>,
}

/// A provider configuration: `module.net.provider["registry.terraform.io/hashicorp/aws"].east`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderAddr {
    /// Module of the `provider` block, without keys.
    pub module: ModuleAddr,
    /// Full source address.
    pub source: String,
    /// Alias, if any.
    pub alias: Option<String>,
}

/// Result of all checks of one configuration object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CheckResult {
    /// `resource`, `output`, `check` or `var`.
    pub object_kind: String,
    /// Address without keys.
    pub config_addr: String,
    /// `pass`, `fail`, `error` or `unknown`.
    pub status: String,
    /// Per instance; `None` where the file says `null`.
    #[serde(default)]
    pub objects: Option<Vec<CheckObject>>,
}

/// Result of the checks of one instance.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CheckObject {
    /// Address with keys.
    pub object_addr: String,
    /// `pass`, `fail`, `error` or `unknown`.
    pub status: String,
    /// Error messages of failed conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failure_messages: Vec<String>,
}

impl State {
    /// An empty state with a new lineage, not written yet (serial 0).
    pub fn new(lineage: impl Into<String>) -> State {
        State {
            terraform_version: TERRAFORM_VERSION.to_owned(),
            serial: 0,
            lineage: lineage.into(),
            outputs: BTreeMap::new(),
            resources: BTreeMap::new(),
            checks: None,
            mark: None,
            by: None,
            seal: None,
        }
    }
    /// True without resources and outputs.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.outputs.is_empty()
    }
    /// True if the two differ in serial, mark and writer at most.
    pub fn same_content(&self, other: &State) -> bool {
        self.lineage == other.lineage
            && self.resources == other.resources
            && self.outputs == other.outputs
            && self.checks == other.checks
            && self.seal == other.seal
    }
    /// The instance at an address.
    pub fn instance(&self, addr: &InstanceAddr) -> Option<&Instance> {
        self.resources.get(&addr.resource)?.instances.get(&addr.key)
    }
    /// The current object at an address.
    pub fn current(&self, addr: &InstanceAddr) -> Option<&Arc<Object>> {
        self.instance(addr)?.current.as_ref()
    }
    /// The object that a target names.
    pub fn object(&self, at: &Target) -> Option<&Arc<Object>> {
        let i = self.instance(&at.addr)?;
        match &at.deposed {
            None => i.current.as_ref(),
            Some(k) => i.deposed.get(k),
        }
    }
    /// All instances, in order of address.
    pub fn instances(&self) -> impl Iterator<Item = (&ResourceAddr, &Option<InstanceKey>, &Instance)> {
        self.resources.iter().flat_map(|(a, r)| r.instances.iter().map(move |(k, i)| (a, k, i)))
    }
    /// All objects, current and deposed, in order of address.
    pub fn objects(&self) -> impl Iterator<Item = (Target, &Arc<Object>)> {
        self.instances().flat_map(|(a, k, i)| {
            let addr = a.instance(k.clone());
            let current = i.current.iter().map({
                let addr = addr.clone();
                move |o| (Target { addr: addr.clone(), deposed: None }, o)
            });
            let deposed =
                i.deposed.iter().map(move |(d, o)| (Target { addr: addr.clone(), deposed: Some(d.clone()) }, o));
            current.chain(deposed)
        })
    }
    /// Number of objects, deposed ones and data sources included.
    pub fn len(&self) -> usize {
        self.instances().map(|(_, _, i)| usize::from(i.current.is_some()) + i.deposed.len()).sum()
    }
    /// Puts an object where a target says, replacing what is there.
    pub fn put(&mut self, at: &Target, object: Arc<Object>) {
        let i = self.entry(&at.addr);
        match &at.deposed {
            None => i.current = Some(object),
            Some(k) => {
                i.deposed.insert(k.clone(), object);
            }
        }
    }
    /// Takes an object out.
    pub fn remove(&mut self, at: &Target) -> Option<Arc<Object>> {
        self.object(at)?;
        let i = self.entry(&at.addr);
        let gone = match &at.deposed {
            None => i.current.take(),
            Some(k) => i.deposed.remove(k),
        };
        self.tidy(&at.addr);
        gone
    }
    /// Takes out the whole instance, deposed objects included.
    pub fn remove_instance(&mut self, addr: &InstanceAddr) -> Option<Instance> {
        self.instance(addr)?;
        let gone = std::mem::take(self.entry(addr));
        self.tidy(addr);
        Some(gone)
    }
    /// Makes the current object a deposed one and returns its new name. The name follows from `seed` alone, so that
    /// every replay of the same records gives it the same one.
    pub fn depose(&mut self, addr: &InstanceAddr, seed: &str) -> Option<DeposedKey> {
        self.current(addr)?;
        let i = self.entry(addr);
        let object = i.current.take()?;
        let key = i.free_key(seed);
        i.deposed.insert(key.clone(), object);
        Some(key)
    }
    /// Moves an instance with its deposed objects. What stands at the new address keeps it, and the moved object is
    /// deposed there: nothing is ever lost.
    pub fn rename(&mut self, from: &InstanceAddr, to: &InstanceAddr) {
        if from == to {
            return;
        }
        let Some(moved) = self.remove_instance(from) else { return };
        let i = self.entry(to);
        match (moved.current, i.current.is_some()) {
            (Some(o), false) => i.current = Some(o),
            (Some(o), true) => {
                let key = i.free_key(&from.to_string());
                i.deposed.insert(key, o);
            }
            (None, _) => {}
        }
        for (k, o) in moved.deposed {
            let key = if i.deposed.contains_key(&k) { i.free_key(&k.0) } else { k };
            i.deposed.insert(key, o);
        }
    }

    fn entry(&mut self, addr: &InstanceAddr) -> &mut Instance {
        let resource = self.resources.entry(addr.resource.clone()).or_default();
        Arc::make_mut(resource).instances.entry(addr.key.clone()).or_default()
    }

    fn tidy(&mut self, addr: &InstanceAddr) {
        let Some(r) = self.resources.get_mut(&addr.resource) else { return };
        if r.instances.get(&addr.key).is_some_and(Instance::is_empty) {
            Arc::make_mut(r).instances.remove(&addr.key);
        }
        if r.instances.is_empty() {
            self.resources.remove(&addr.resource);
        }
    }
}

impl Instance {
    /// True without any object.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.deposed.is_empty()
    }
    /// The object with an id, and where it stands.
    pub fn by_id(&self, id: &str) -> Option<(Option<&DeposedKey>, &Arc<Object>)> {
        let current = self.current.iter().map(|o| (None, o));
        let deposed = self.deposed.iter().map(|(k, o)| (Some(k), o));
        current.chain(deposed).find(|(_, o)| o.id() == Some(id))
    }
    fn free_key(&self, seed: &str) -> DeposedKey {
        let mut key = DeposedKey::from_seed(seed);
        while self.deposed.contains_key(&key) {
            key = DeposedKey::from_seed(&key.0);
        }
        key
    }
}

impl Object {
    /// An object of a provider with attributes, everything else at its plainest.
    pub fn new(provider: Arc<ProviderAddr>, attributes: Known) -> Object {
        Object {
            schema_version: 0,
            attributes: Arc::new(attributes),
            flat: None,
            sensitive: BTreeSet::new(),
            private: None,
            status: ObjectStatus::Ready,
            unfinished: false,
            tagged: false,
            dependencies: Vec::new(),
            create_before_destroy: false,
            provider,
        }
    }
    /// The `id` attribute.
    pub fn id(&self) -> Option<&str> {
        match &self.flat {
            Some(flat) => flat.get("id").map(String::as_str),
            None => self.attributes.get("id").as_str(),
        }
    }
    /// The attributes, to change.
    pub fn attributes_mut(&mut self) -> &mut Known {
        Arc::make_mut(&mut self.attributes)
    }
}

impl DeposedKey {
    /// Reads eight hexadecimal digits; anything else that a file holds is taken as it is, unless it is empty.
    pub fn parse(text: &str) -> Option<DeposedKey> {
        (!text.is_empty()).then(|| DeposedKey(text.to_owned()))
    }
    /// A key that follows from a text.
    pub fn from_seed(seed: &str) -> DeposedKey {
        let hash = Sha256::digest(seed.as_bytes());
        DeposedKey(hash[..4].iter().map(|b| format!("{b:02x}")).collect())
    }
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Target {
    /// The current object of an instance.
    pub fn current(addr: InstanceAddr) -> Target {
        Target { addr, deposed: None }
    }
}

impl ProviderAddr {
    /// A provider configured in the root module without alias.
    pub fn root(source: impl Into<String>) -> ProviderAddr {
        ProviderAddr { module: ModuleAddr::root(), source: source.into(), alias: None }
    }
    /// Last part of the source: `aws`.
    pub fn name(&self) -> &str {
        self.source.rsplit('/').next().unwrap_or_default()
    }
    /// Reads what a state file holds, in today's form, in Terraform 0.12's (`provider.aws.east`), and with OpenTofu's
    /// registry or the namespace that Terraform 0.13 invented for old states, both mapped to the usual source.
    pub fn parse(text: &str) -> Option<ProviderAddr> {
        let mut module = ModuleAddr::root();
        let mut rest = text;
        while let Some(r) = rest.strip_prefix("module.") {
            let (name, r) = r.split_once('.')?;
            module.0.push(ModuleStep { name: name.to_owned(), key: None });
            rest = r;
        }
        if let Some(r) = rest.strip_prefix("provider[\"") {
            let (source, r) = r.split_once("\"]")?;
            let alias = match r.strip_prefix('.') {
                Some(a) if !a.is_empty() => Some(a.to_owned()),
                None if r.is_empty() => None,
                _ => return None,
            };
            let source = match source.strip_prefix("registry.opentofu.org/") {
                Some(s) => format!("registry.terraform.io/{s}"),
                None => source.to_owned(),
            };
            let source = match source.strip_prefix("registry.terraform.io/-/") {
                Some(name) => format!("registry.terraform.io/hashicorp/{name}"),
                None => source,
            };
            return Some(ProviderAddr { module, source, alias });
        }
        let r = rest.strip_prefix("provider.")?;
        let (name, alias) = r.split_once('.').map_or((r, None), |(n, a)| (n, Some(a.to_owned())));
        let source = match name {
            "" => return None,
            "terraform" => "terraform.io/builtin/terraform".to_owned(),
            name => format!("registry.terraform.io/hashicorp/{name}"),
        };
        Some(ProviderAddr { module, source, alias })
    }
}

/// As text, the form of the state file.
impl serde::Serialize for ProviderAddr {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ProviderAddr {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<ProviderAddr, D::Error> {
        let text = String::deserialize(d)?;
        ProviderAddr::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is not a provider address")))
    }
}

impl fmt::Display for ProviderAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "provider[\"{}\"]", self.source)?;
        match &self.alias {
            Some(a) => write!(f, ".{a}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for DeposedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As Terraform names it: `aws_vpc.a` or `aws_vpc.a (deposed object 1a2b3c4d)`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)?;
        match &self.deposed {
            Some(k) => write!(f, " (deposed object {k})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}{}", self.value, self.ty, if self.sensitive { " (sensitive)" } else { "" })
    }
}

/// Shows neither strings nor private bytes.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("attributes", &self.attributes)
            .field("status", &self.status)
            .field("unfinished", &self.unfinished)
            .field("tagged", &self.tagged)
            .field("dependencies", &self.dependencies)
            .field("provider", &self.provider.to_string())
            .finish_non_exhaustive()
    }
}

/// True for objects that a destroy deletes: data sources are only forgotten.
pub fn is_managed(addr: &ResourceAddr) -> bool {
    addr.mode == Mode::Managed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str) -> Arc<Object> {
        let provider = Arc::new(ProviderAddr::root("registry.terraform.io/hashicorp/aws"));
        Arc::new(Object::new(provider, Known::from([("id", id)])))
    }

    fn at(text: &str) -> InstanceAddr {
        InstanceAddr::parse(text).unwrap()
    }

    #[test]
    fn provider_addresses() {
        for (text, want) in [
            ("provider[\"registry.terraform.io/hashicorp/aws\"]", ""),
            ("provider[\"registry.terraform.io/hashicorp/aws\"].east", ""),
            ("module.a.module.b.provider[\"terraform.io/builtin/terraform\"]", ""),
            (
                "provider[\"registry.opentofu.org/hashicorp/aws\"].x",
                "provider[\"registry.terraform.io/hashicorp/aws\"].x",
            ),
            ("provider[\"registry.terraform.io/-/aws\"]", "provider[\"registry.terraform.io/hashicorp/aws\"]"),
            ("module.a.provider.aws.west", "module.a.provider[\"registry.terraform.io/hashicorp/aws\"].west"),
            ("provider.terraform", "provider[\"terraform.io/builtin/terraform\"]"),
        ] {
            let want = if want.is_empty() { text } else { want };
            assert_eq!(ProviderAddr::parse(text).map(|p| p.to_string()).as_deref(), Some(want), "{text}");
        }
        for bad in ["", "aws", "provider.", "provider[\"x\"", "provider[\"x\"]y", "provider[\"x\"]."] {
            assert_eq!(ProviderAddr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_is_lost_when_objects_meet() {
        let mut s = State::new("l");
        s.put(&Target::current(at("t.a")), object("1"));
        s.put(&Target::current(at("t.b[0]")), object("2"));
        let k = s.depose(&at("t.a"), "seed").unwrap();
        assert_eq!(k.as_str().len(), 8);
        s.put(&Target::current(at("t.a")), object("3"));
        assert_ne!(s.depose(&at("t.a"), "seed").unwrap(), k, "two deposed objects never share a name");
        s.put(&Target::current(at("t.a")), object("4"));
        s.rename(&at("t.a"), &at("t.b[0]"));
        assert_eq!(s.len(), 4);
        assert_eq!(s.resources.len(), 1, "the emptied resource is gone");
        assert_eq!(s.current(&at("t.b[0]")).unwrap().id(), Some("2"), "what stands at the address keeps it");
        assert!(s.instance(&at("t.b[0]")).unwrap().by_id("4").is_some());
    }

    #[test]
    fn a_clone_shares_objects() {
        let mut s = State::new("l");
        s.put(&Target::current(at("t.a")), object("1"));
        let t = s.clone();
        assert!(Arc::ptr_eq(s.current(&at("t.a")).unwrap(), t.current(&at("t.a")).unwrap()));
        s.remove(&Target::current(at("t.a")));
        assert_eq!((s.len(), t.len()), (0, 1));
    }
}
