//! Where in a value: attribute names and indexes from the root of an object.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::Known;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An attribute of an object, or a nested block's type name.
    Attr(String),
    /// A key of a map.
    Key(String),
    /// An index of a list or tuple. Elements of sets are addressed by the set itself.
    Index(usize),
}

/// A path from the root of a resource's object. The empty path is the object itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The path of a top-level attribute.
    pub fn attr(name: impl Into<String>) -> Path {
        Path(vec![Step::Attr(name.into())])
    }
    /// This path and one attribute more.
    #[must_use]
    pub fn with_attr(&self, name: impl Into<String>) -> Path {
        self.with(Step::Attr(name.into()))
    }
    /// This path and one index more.
    #[must_use]
    pub fn with_index(&self, i: usize) -> Path {
        self.with(Step::Index(i))
    }
    /// This path and one step more.
    #[must_use]
    pub fn with(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }
    /// Name of the top-level attribute that the path lies in.
    pub fn root(&self) -> Option<&str> {
        match self.0.first()? {
            Step::Attr(n) | Step::Key(n) => Some(n),
            Step::Index(_) => None,
        }
    }
    /// True if `self` is `other` or an ancestor of it.
    pub fn contains(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }
    /// The state file's form: `[{"type":"get_attr","value":"a"},{"type":"index","value":{"value":0,"type":"number"}}]`.
    pub fn to_state_json(&self) -> Json {
        self.0
            .iter()
            .map(|s| match s {
                Step::Attr(n) => json!({"type": "get_attr", "value": n}),
                Step::Key(k) => json!({"type": "index", "value": {"value": k, "type": "string"}}),
                Step::Index(i) => json!({"type": "index", "value": {"value": i, "type": "number"}}),
            })
            .collect()
    }
    /// Reads what [`Path::to_state_json`] writes; `None` for anything else.
    pub fn from_state_json(v: &Json) -> Option<Path> {
        v.as_array()?
            .iter()
            .map(|s| match (s["type"].as_str()?, &s["value"]) {
                ("get_attr", n) => Some(Step::Attr(n.as_str()?.to_owned())),
                ("index", i) => match i.get("type").and_then(Json::as_str)? {
                    "number" => Some(Step::Index(usize::try_from(i["value"].as_u64()?).ok()?)),
                    _ => Some(Step::Key(i["value"].as_str()?.to_owned())),
                },
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Path)
    }
    /// The plan file's form: `["ingress",0,"from_port"]`.
    pub fn to_plan_json(&self) -> Json {
        self.0
            .iter()
            .map(|s| match s {
                Step::Attr(n) | Step::Key(n) => json!(n),
                Step::Index(i) => json!(i),
            })
            .collect()
    }
    /// The value at this path, `None` where the value has no such place.
    pub fn get<'a>(&self, root: &'a Known) -> Option<&'a Known> {
        self.0.iter().try_fold(root, |v, step| match (step, v) {
            (Step::Attr(n) | Step::Key(n), Known::Map(m)) => m.get(n),
            (Step::Index(i), Known::List(l)) => l.get(*i),
            _ => None,
        })
    }
}

/// `a.b[0]["k"]`
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, s) in self.0.iter().enumerate() {
            match s {
                Step::Attr(n) => write!(f, "{}{n}", if i > 0 { "." } else { "" })?,
                Step::Key(k) => write!(f, "[{k:?}]")?,
                Step::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}
