//! Addresses: where an object stands in the configuration (`module.net["a"].aws_subnet.public[0]`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Key of one instance of a resource or module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InstanceKey {
    /// From `count`.
    Int(u64),
    /// From `for_each`.
    Str(String),
}

/// Managed resource, data source or ephemeral resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// `data` block. Sorts first, as in the state file.
    Data,
    /// `resource` block.
    Managed,
    /// `ephemeral` block; never in state.
    Ephemeral,
}

/// One module call on the way from the root, with the key of its instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModuleStep {
    /// Name of the `module` block.
    pub name: String,
    /// Key of the instance; `None` for a single one, and in addresses of configuration.
    pub key: Option<InstanceKey>,
}

/// A module instance. Empty is the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModuleAddr(pub Vec<ModuleStep>);

/// A resource (all its instances) in a module instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceAddr {
    /// Module instance it stands in.
    pub module: ModuleAddr,
    /// Kind of block.
    pub mode: Mode,
    /// Resource type, `aws_subnet`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Name of the block.
    pub name: String,
}

/// One instance of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceAddr {
    /// The resource.
    pub resource: ResourceAddr,
    /// Its key, `None` without count and for_each.
    pub key: Option<InstanceKey>,
}

impl ModuleAddr {
    /// The root module.
    pub fn root() -> ModuleAddr {
        ModuleAddr::default()
    }
    /// True for the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
    /// The instance `key` of the module call `name` in this module.
    #[must_use]
    pub fn child(&self, name: impl Into<String>, key: Option<InstanceKey>) -> ModuleAddr {
        let mut steps = self.0.clone();
        steps.push(ModuleStep { name: name.into(), key });
        ModuleAddr(steps)
    }
    /// The address of the configuration that this is an instance of: the same without keys.
    #[must_use]
    pub fn config(&self) -> ModuleAddr {
        ModuleAddr(self.0.iter().map(|s| ModuleStep { name: s.name.clone(), key: None }).collect())
    }
    /// The module that calls this one; `None` for the root.
    pub fn parent(&self) -> Option<ModuleAddr> {
        let (_, rest) = self.0.split_last()?;
        Some(ModuleAddr(rest.to_vec()))
    }
    /// True if `other` is this module or inside it.
    pub fn contains(&self, other: &ModuleAddr) -> bool {
        other.0.starts_with(&self.0)
    }
    /// Reads `module.a["k"].module.b[0]`; the empty text is the root.
    pub fn parse(text: &str) -> Option<ModuleAddr> {
        let (module, rest) = parse_modules(text)?;
        rest.is_empty().then_some(module)
    }
}

impl ResourceAddr {
    /// A managed resource of the root module.
    pub fn managed(ty: impl Into<String>, name: impl Into<String>) -> ResourceAddr {
        ResourceAddr { module: ModuleAddr::root(), mode: Mode::Managed, ty: ty.into(), name: name.into() }
    }
    /// One instance of the resource.
    pub fn instance(&self, key: Option<InstanceKey>) -> InstanceAddr {
        InstanceAddr { resource: self.clone(), key }
    }
    /// The same without module instance keys.
    #[must_use]
    pub fn config(&self) -> ResourceAddr {
        ResourceAddr { module: self.module.config(), ..self.clone() }
    }
    /// The address without its module: `aws_subnet.a`, `data.aws_ami.b`.
    pub fn local(&self) -> String {
        let prefix = match self.mode {
            Mode::Data => "data.",
            Mode::Managed => "",
            Mode::Ephemeral => "ephemeral.",
        };
        format!("{prefix}{}.{}", self.ty, self.name)
    }
    /// Reads an address without instance key.
    pub fn parse(text: &str) -> Option<ResourceAddr> {
        let a = InstanceAddr::parse(text)?;
        a.key.is_none().then_some(a.resource)
    }
}

impl InstanceAddr {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<InstanceAddr> {
        let (module, rest) = parse_modules(text)?;
        let (mode, rest) = match rest.strip_prefix("data.") {
            Some(r) => (Mode::Data, r),
            None => match rest.strip_prefix("ephemeral.") {
                Some(r) => (Mode::Ephemeral, r),
                None => (Mode::Managed, rest),
            },
        };
        let (ty, rest) = parse_name(rest)?;
        let (name, rest) = parse_name(rest.strip_prefix('.')?)?;
        let (key, rest) = parse_key(rest)?;
        rest.is_empty().then_some(InstanceAddr { resource: ResourceAddr { module, mode, ty, name }, key })
    }
}

fn parse_modules(mut text: &str) -> Option<(ModuleAddr, &str)> {
    let mut module = ModuleAddr::root();
    while let Some(rest) = text.strip_prefix("module.") {
        let (name, rest) = parse_name(rest)?;
        let (key, rest) = parse_key(rest)?;
        module = module.child(name, key);
        text = match rest.strip_prefix('.') {
            Some(r) => r,
            None if rest.is_empty() => "",
            None => return None,
        };
    }
    Some((module, text))
}

fn parse_name(text: &str) -> Option<(String, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let name = &text[..end];
    let mut chars = name.chars();
    let first = chars.next()?;
    ((first.is_alphabetic() || first == '_') && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-'))
        .then(|| (name.to_owned(), &text[end..]))
}

fn parse_key(text: &str) -> Option<(Option<InstanceKey>, &str)> {
    let Some(rest) = text.strip_prefix('[') else { return Some((None, text)) };
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut escaped = false;
        let end = quoted.char_indices().find_map(|(i, c)| match c {
            _ if escaped => {
                escaped = false;
                None
            }
            '\\' => {
                escaped = true;
                None
            }
            '"' => Some(i),
            _ => None,
        })?;
        let raw = quoted[..end].replace("$${", "${").replace("%%{", "%{");
        let key: String = serde_json::from_str(&format!("\"{raw}\"")).ok()?;
        return Some((Some(InstanceKey::Str(key)), quoted[end + 1..].strip_prefix(']')?));
    }
    let end = rest.find(']')?;
    Some((Some(InstanceKey::Int(rest[..end].parse().ok()?)), &rest[end + 1..]))
}

/// `[0]`, `["k"]`, quoted as the language quotes strings.
impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceKey::Int(i) => write!(f, "[{i}]"),
            InstanceKey::Str(s) => {
                f.write_str("[\"")?;
                let mut chars = s.chars().peekable();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        '$' | '%' if chars.peek() == Some(&'{') => write!(f, "{c}{c}")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// `module.a["k"].module.b`; nothing for the root.
impl fmt::Display for ModuleAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, s) in self.0.iter().enumerate() {
            write!(f, "{}module.{}", if i > 0 { "." } else { "" }, s.name)?;
            if let Some(k) = &s.key {
                write!(f, "{k}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ResourceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        f.write_str(&self.local())
    }
}

impl fmt::Display for InstanceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(f)?;
        match &self.key {
            Some(k) => k.fmt(f),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for a in [
            "aws_subnet.a",
            "aws_subnet.a[3]",
            "data.aws_ami.b[\"x.y]z\"]",
            "module.m[\"a \\\"q\\\" $${x}\"].module.n[0].aws_vpc.main",
        ] {
            assert_eq!(InstanceAddr::parse(a).map(|p| p.to_string()).as_deref(), Some(a));
        }
        for a in ["", "aws_subnet", "aws_subnet.a.b", "module.x", "aws_subnet.a[x]", "aws_subnet.a[0", "1a.b"] {
            assert_eq!(InstanceAddr::parse(a), None, "{a}");
        }
        assert_eq!(ModuleAddr::parse("module.a[0]").map(|m| m.config().to_string()).as_deref(), Some("module.a"));
    }
}
