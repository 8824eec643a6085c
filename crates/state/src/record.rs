//! Records of the journal: what a run announces before it acts, and what came of it.
//!
//! An [`Intent`] is durable before its request is sent; [`Done`] is durable before anything depends on it. Everything
//! else changes the state alone. What each record does to a state is in [`crate::fold`], its line in the file in
//! [`crate::segment`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use stackctl_core::{InstanceAddr, Known, Scope};

use crate::format::{read, write};
use crate::model::{CheckResult, DeposedKey, Object, Output, ProviderAddr, Target};

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// A new object.
    Create,
    /// A change in place, the completion of a new object included.
    Update,
    /// Its end.
    Delete,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A request is about to be sent.
    Intent(Arc<Intent>),
    /// A request was carried out.
    Done(Done),
    /// The service refused for certain: nothing was made, changed or deleted.
    Failed {
        /// Token of the intent.
        token: String,
    },
    /// An object as it is now: read back, refreshed, completed, tainted, or what a data source returned.
    Set {
        /// Where it stands.
        at: Target,
        /// All of it.
        object: Arc<Object>,
    },
    /// An object found in the cloud that belongs to an address: current if the address is free, else deposed there.
    /// Recovery writes it for what an open intent, a doubt or a claim made.
    Adopt {
        /// Token of the intent or doubt; `None` for a claim.
        token: Option<String>,
        /// Where it belongs.
        addr: InstanceAddr,
        /// All of it.
        object: Arc<Object>,
    },
    /// An instance moves to another address.
    Mv {
        /// Old address.
        from: InstanceAddr,
        /// New address.
        to: InstanceAddr,
    },
    /// An object leaves the state; nothing happens to it.
    Rm {
        /// Where it stands.
        at: Target,
    },
    /// An object enters the state that existed before.
    Import {
        /// Where it is to stand.
        addr: InstanceAddr,
        /// All of it.
        object: Arc<Object>,
    },
    /// All outputs, replacing those that were.
    Outputs(BTreeMap<String, Output>),
    /// All check results, replacing those that were.
    Checks(Option<Vec<CheckResult>>),
}

/// A request that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Names this intent for good; for a create also the client token and the ownership tag. See `Session::token`.
    pub token: String,
    /// What is to be done.
    pub action: Action,
    /// To which object.
    pub at: Target,
    /// Who does it.
    pub provider: Arc<ProviderAddr>,
    /// In which account and region.
    pub scope: Scope,
    /// Id of the object. Create: of the one that stands at the address and is replaced, if any.
    pub id: Option<String>,
    /// Create: planned key, name and force-new attributes, which recovery compares with what it finds. Else null.
    pub keys: Known,
    /// Create: the service's clock before the request.
    pub aws_at: Option<Timestamp>,
    /// Our clock when the intent was written.
    pub written: Timestamp,
    /// Update: digest of the wanted values.
    pub want: Option<String>,
    /// Create: configuration addresses that the object will depend on.
    pub dependencies: Vec<String>,
    /// Create: the object's `create_before_destroy`. What stands at the address then is deposed by the outcome.
    pub create_before_destroy: bool,
}

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Token of the intent.
    pub token: String,
    /// What was done.
    pub action: Action,
    /// To which object. A created one takes its address, and what stands there is deposed.
    pub at: Target,
    /// Id of the object.
    pub id: Option<String>,
    /// The object after a create or update: for a create the planned values and the id, `unfinished`.
    pub object: Option<Arc<Object>>,
}

/// A create whose sender is gone but whose request may still arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The create.
    pub intent: Arc<Intent>,
    /// Ids at its address that are accounted for: it is about other objects only.
    pub seen: BTreeSet<String>,
    /// After this time nothing of it can arrive. It is looked for once more then.
    pub until: Timestamp,
    /// An object that it made is known, so that its token must not be used again.
    pub spent: bool,
}

/// An object that the journal knows and the state does not, because another tool wrote the state meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it stood.
    pub addr: InstanceAddr,
    /// What was known of it.
    pub object: Arc<Object>,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
    fn parse(text: &str) -> Option<Action> {
        Some(match text {
            "create" => Action::Create,
            "update" => Action::Update,
            "delete" => Action::Delete,
            _ => return None,
        })
    }
}

impl Record {
    /// True if the record must be durable before a request is sent, and changes nothing by itself.
    pub fn is_intent(&self) -> bool {
        matches!(self, Record::Intent(_))
    }
    /// Writes the record as one JSON object.
    pub(crate) fn write(&self, out: &mut write::Out) {
        out.open('{');
        match self {
            Record::Intent(i) => i.fields(out),
            Record::Done(d) => {
                out.field("done", d.action.name());
                target(out, &d.at);
                out.field("tok", &d.token);
                optional(out, "id", d.id.as_deref());
                if let Some(o) = &d.object {
                    object(out, o);
                }
            }
            Record::Failed { token } => out.field("failed", token),
            Record::Set { at, object: o } => {
                out.key("set");
                out.raw("true");
                target(out, at);
                object(out, o);
            }
            Record::Adopt { token, addr, object: o } => {
                out.field("adopt", &addr.to_string());
                optional(out, "tok", token.as_deref());
                object(out, o);
            }
            Record::Mv { from, to } => {
                out.field("mv", &from.to_string());
                out.field("to", &to.to_string());
            }
            Record::Rm { at } => {
                out.key("rm");
                out.raw("true");
                target(out, at);
            }
            Record::Import { addr, object: o } => {
                out.field("import", &addr.to_string());
                object(out, o);
            }
            Record::Outputs(o) => {
                out.key("outputs");
                out.outputs(o);
            }
            Record::Checks(c) => {
                out.key("checks");
                out.checks(c.as_deref());
            }
        }
        out.close('}');
    }
    /// Reads what [`Record::write`] wrote; the error says what is missing.
    pub(crate) fn parse(v: &Json) -> Result<Record, String> {
        let m = v.as_object().ok_or("not an object")?;
        let kind = m.keys().next().map_or("", String::as_str);
        Ok(match kind {
            "intent" => Record::Intent(Arc::new(Intent::parse(v)?)),
            "done" => Record::Done(Done {
                token: text(m, "tok")?,
                action: action(m, "done")?,
                at: parse_target(m)?,
                id: m.get("id").and_then(Json::as_str).map(str::to_owned),
                object: m.contains_key("object").then(|| parse_object(m)).transpose()?,
            }),
            "failed" => Record::Failed { token: text(m, "failed")? },
            "set" => Record::Set { at: parse_target(m)?, object: parse_object(m)? },
            "adopt" => Record::Adopt {
                token: m.get("tok").and_then(Json::as_str).map(str::to_owned),
                addr: addr(m, "adopt")?,
                object: parse_object(m)?,
            },
            "mv" => Record::Mv { from: addr(m, "mv")?, to: addr(m, "to")? },
            "rm" => Record::Rm { at: parse_target(m)? },
            "import" => Record::Import { addr: addr(m, "import")?, object: parse_object(m)? },
            "outputs" => Record::Outputs(read::outputs(&m["outputs"])?),
            "checks" => {
                Record::Checks(serde_json::from_value(m["checks"].clone()).map_err(|e| format!("checks: {e}"))?)
            }
            other => return Err(format!("unknown record {other:?}")),
        })
    }
}

impl Intent {
    fn fields(&self, out: &mut write::Out) {
        out.field("intent", self.action.name());
        target(out, &self.at);
        out.field("tok", &self.token);
        out.field("provider", &self.provider.to_string());
        out.field("account", &self.scope.account);
        out.field("region", &self.scope.region);
        optional(out, "id", self.id.as_deref());
        if !self.keys.is_null() {
            out.key("keys");
            out.known(&self.keys);
        }
        optional(out, "aws_at", self.aws_at.map(|t| t.to_string()).as_deref());
        out.field("at", &self.written.to_string());
        optional(out, "want", self.want.as_deref());
        if !self.dependencies.is_empty() {
            out.key("dependencies");
            out.strings(&self.dependencies);
        }
        if self.create_before_destroy {
            out.key("create_before_destroy");
            out.raw("true");
        }
    }
    pub(crate) fn write(&self, out: &mut write::Out) {
        out.open('{');
        self.fields(out);
        out.close('}');
    }
    pub(crate) fn parse(v: &Json) -> Result<Intent, String> {
        let m = v.as_object().ok_or("not an object")?;
        let provider = text(m, "provider")?;
        let time = |name: &str| match m.get(name).and_then(Json::as_str) {
            None => Ok(None),
            Some(t) => t.parse::<Timestamp>().map(Some).map_err(|e| format!("{name}: {e}")),
        };
        Ok(Intent {
            token: text(m, "tok")?,
            action: action(m, "intent")?,
            at: parse_target(m)?,
            provider: Arc::new(ProviderAddr::parse(&provider).ok_or_else(|| format!("bad provider {provider:?}"))?),
            scope: Scope { account: text(m, "account")?, region: text(m, "region")? },
            id: m.get("id").and_then(Json::as_str).map(str::to_owned),
            keys: m.get("keys").map_or(Known::Null, Known::from_json),
            aws_at: time("aws_at")?,
            written: time("at")?.ok_or("no \"at\"")?,
            want: m.get("want").and_then(Json::as_str).map(str::to_owned),
            dependencies: match m.get("dependencies").and_then(Json::as_array) {
                None => Vec::new(),
                Some(l) => l.iter().filter_map(|d| d.as_str().map(str::to_owned)).collect(),
            },
            create_before_destroy: m.get("create_before_destroy").and_then(Json::as_bool) == Some(true),
        })
    }
}

impl Doubt {
    pub(crate) fn write(&self, out: &mut write::Out) {
        out.open('{');
        out.key("create");
        self.intent.write(out);
        out.key("seen");
        out.strings(&self.seen.iter().cloned().collect::<Vec<_>>());
        out.field("until", &self.until.to_string());
        if self.spent {
            out.key("spent");
            out.raw("true");
        }
        out.close('}');
    }
    pub(crate) fn parse(v: &Json) -> Result<Doubt, String> {
        let m = v.as_object().ok_or("not an object")?;
        Ok(Doubt {
            intent: Arc::new(Intent::parse(m.get("create").ok_or("no \"create\"")?)?),
            seen: m
                .get("seen")
                .and_then(Json::as_array)
                .map(|l| l.iter().filter_map(|d| d.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
            until: text(m, "until")?.parse().map_err(|e| format!("until: {e}"))?,
            spent: m.get("spent").and_then(Json::as_bool) == Some(true),
        })
    }
}

fn target(out: &mut write::Out, at: &Target) {
    out.field("addr", &at.addr.to_string());
    optional(out, "deposed", at.deposed.as_ref().map(DeposedKey::as_str));
}

fn optional(out: &mut write::Out, name: &str, value: Option<&str>) {
    if let Some(v) = value {
        out.field(name, v);
    }
}

fn object(out: &mut write::Out, o: &Object) {
    out.field("provider", &o.provider.to_string());
    out.key("object");
    out.object(None, None, o, None);
}

fn text(m: &Map<String, Json>, name: &str) -> Result<String, String> {
    m.get(name).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| format!("no text {name:?}"))
}

fn action(m: &Map<String, Json>, name: &str) -> Result<Action, String> {
    let t = text(m, name)?;
    Action::parse(&t).ok_or_else(|| format!("unknown action {t:?}"))
}

fn addr(m: &Map<String, Json>, name: &str) -> Result<InstanceAddr, String> {
    let t = text(m, name)?;
    InstanceAddr::parse(&t).ok_or_else(|| format!("bad address {t:?}"))
}

fn parse_target(m: &Map<String, Json>) -> Result<Target, String> {
    let deposed = m.get("deposed").and_then(Json::as_str).and_then(DeposedKey::parse);
    Ok(Target { addr: addr(m, "addr")?, deposed })
}

fn parse_object(m: &Map<String, Json>) -> Result<Arc<Object>, String> {
    let provider = text(m, "provider")?;
    let provider = ProviderAddr::parse(&provider).ok_or_else(|| format!("bad provider {provider:?}"))?;
    let raw = m.get("object").ok_or("no \"object\"")?;
    Ok(Arc::new(read::object(&raw.to_string(), &Arc::new(provider))?))
}
