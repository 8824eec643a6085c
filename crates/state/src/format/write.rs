//! Writing the version-4 file.
//!
//! A small writer of our own, because the bytes are to be those of Go's indenting encoder: two spaces, `{}` and `[]`
//! for what is empty, its string escapes, fields in the order of Terraform's structs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use stackctl_core::{InstanceKey, Known, Mode, ResourceAddr, Ty};

use super::json::go_string;
use crate::model::{CheckResult, DeposedKey, Object, ObjectStatus, Output, ProviderAddr, Resource, State};
use crate::seal::SEALED_VERSION;

/// The whole file.
pub fn state(s: &State) -> Vec<u8> {
    let mut out = Out::pretty();
    out.open('{');
    out.key("version");
    out.raw("4");
    out.field("terraform_version", if s.seal.is_some() { SEALED_VERSION } else { &s.terraform_version });
    out.key("serial");
    out.raw(&s.serial.to_string());
    out.field("lineage", &s.lineage);
    out.key("outputs");
    out.outputs(&s.outputs);
    out.key("resources");
    out.resources(s);
    out.key("check_results");
    out.checks(s.checks.as_deref());
    if s.mark.is_some() || s.by.is_some() || s.seal.is_some() {
        out.key("stackctl");
        out.open('{');
        if let Some(m) = &s.mark {
            out.key("journal");
            out.open('{');
            out.key("epoch");
            out.raw(&m.epoch.to_string());
            out.key("through");
            out.raw(&m.through.to_string());
            out.field("writer", &m.writer);
            out.close('}');
        }
        if let Some(by) = &s.by {
            out.key("by");
            out.open('{');
            out.field("who", &by.who);
            out.field("operation", &by.operation);
            out.close('}');
        }
        if let Some(seal) = &s.seal {
            out.key("seal");
            out.json(&serde_json::to_value(&**seal).unwrap_or_default());
        }
        out.close('}');
    }
    out.close('}');
    out.buf.push(b'\n');
    out.buf
}

/// Outputs and resources alone, for the digest.
pub(super) fn content(s: &State) -> Vec<u8> {
    let mut out = Out::compact();
    out.open('{');
    out.key("outputs");
    out.outputs(&s.outputs);
    out.key("resources");
    out.resources(s);
    out.close('}');
    out.buf
}

/// A writer of JSON.
pub(crate) struct Out {
    pub(crate) buf: Vec<u8>,
    depth: usize,
    pretty: bool,
    /// Nothing was written yet at the current depth.
    first: bool,
}

impl Out {
    /// Indented by two spaces.
    pub(crate) fn pretty() -> Out {
        Out { buf: Vec::new(), depth: 0, pretty: true, first: true }
    }
    /// On one line.
    pub(crate) fn compact() -> Out {
        Out { buf: Vec::new(), depth: 0, pretty: false, first: true }
    }
    /// Begins an object or a list.
    pub(crate) fn open(&mut self, c: char) {
        self.buf.push(c as u8);
        self.depth += 1;
        self.first = true;
    }
    /// Ends it.
    pub(crate) fn close(&mut self, c: char) {
        self.depth -= 1;
        if !self.first {
            self.line();
        }
        self.first = false;
        self.buf.push(c as u8);
    }
    /// Begins an element of a list.
    pub(crate) fn item(&mut self) {
        if !self.first {
            self.buf.push(b',');
        }
        self.first = false;
        self.line();
    }
    /// Begins an entry of an object.
    pub(crate) fn key(&mut self, name: &str) {
        self.item();
        go_string(&mut self.buf, name);
        self.buf.extend_from_slice(if self.pretty { b": " } else { b":" });
    }
    /// A whole entry with a string.
    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.key(name);
        go_string(&mut self.buf, value);
    }
    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.buf.extend_from_slice(json.as_bytes());
    }
    fn line(&mut self) {
        if self.pretty {
            self.buf.push(b'\n');
            for _ in 0..self.depth {
                self.buf.extend_from_slice(b"  ");
            }
        }
    }
    /// A list of strings.
    pub(crate) fn strings(&mut self, list: &[String]) {
        self.open('[');
        for s in list {
            self.item();
            go_string(&mut self.buf, s);
        }
        self.close(']');
    }
    /// A value. What an attribute of dynamic type holds is written value first, as Terraform does.
    pub(crate) fn known(&mut self, v: &Known) {
        match v {
            Known::Null => self.raw("null"),
            Known::Bool(b) => self.raw(if *b { "true" } else { "false" }),
            Known::Number(n) => {
                let text = n.to_string();
                self.raw(&text);
            }
            Known::String(s) => go_string(&mut self.buf, s),
            Known::List(l) => {
                self.open('[');
                for v in l {
                    self.item();
                    self.known(v);
                }
                self.close(']');
            }
            Known::Map(m) => {
                self.open('{');
                if m.len() == 2 && v.as_dynamic().is_some() {
                    for name in ["value", "type"] {
                        self.key(name);
                        self.known(&m[name]);
                    }
                } else {
                    for (k, v) in m {
                        self.key(k);
                        self.known(v);
                    }
                }
                self.close('}');
            }
        }
    }
    fn json(&mut self, v: &Json) {
        match v {
            Json::Null | Json::Bool(_) | Json::Number(_) => self.raw(&v.to_string()),
            Json::String(s) => go_string(&mut self.buf, s),
            Json::Array(l) => {
                self.open('[');
                for v in l {
                    self.item();
                    self.json(v);
                }
                self.close(']');
            }
            Json::Object(m) => {
                self.open('{');
                for (k, v) in m {
                    self.key(k);
                    self.json(v);
                }
                self.close('}');
            }
        }
    }
    fn ty(&mut self, ty: &Ty) {
        self.json(&ty.to_json());
    }
    /// The outputs' object.
    pub(crate) fn outputs(&mut self, outputs: &BTreeMap<String, Output>) {
        self.open('{');
        for (name, o) in outputs {
            self.key(name);
            self.open('{');
            self.key("value");
            self.known(&o.value);
            self.key("type");
            self.ty(&o.ty);
            if o.sensitive {
                self.key("sensitive");
                self.raw("true");
            }
            self.close('}');
        }
        self.close('}');
    }
    /// The check results, null for none.
    pub(crate) fn checks(&mut self, checks: Option<&[CheckResult]>) {
        let Some(checks) = checks else { return self.raw("null") };
        self.open('[');
        for c in checks {
            self.item();
            self.open('{');
            self.field("object_kind", &c.object_kind);
            self.field("config_addr", &c.config_addr);
            self.field("status", &c.status);
            self.key("objects");
            match &c.objects {
                None => self.raw("null"),
                Some(objects) => {
                    self.open('[');
                    for o in objects {
                        self.item();
                        self.open('{');
                        self.field("object_addr", &o.object_addr);
                        self.field("status", &o.status);
                        if !o.failure_messages.is_empty() {
                            self.key("failure_messages");
                            self.strings(&o.failure_messages);
                        }
                        self.close('}');
                    }
                    self.close(']');
                }
            }
            self.close('}');
        }
        self.close(']');
    }
    fn resources(&mut self, s: &State) {
        // Terraform compares modules as text, where `a[10]` stands before `a[2]`.
        let mut sorted: Vec<(String, &ResourceAddr, &Arc<Resource>)> =
            s.resources.iter().map(|(a, r)| (a.module.to_string(), a, r)).collect();
        sorted.sort_by(|(m, a, _), (n, b, _)| {
            m.cmp(n).then_with(|| (a.mode, &a.ty, &a.name).cmp(&(b.mode, &b.ty, &b.name)))
        });
        self.open('[');
        for (module, addr, r) in sorted {
            self.item();
            self.resource(&module, addr, r);
        }
        self.close(']');
    }
    fn resource(&mut self, module: &str, addr: &ResourceAddr, r: &Resource) {
        self.open('{');
        if !module.is_empty() {
            self.field("module", module);
        }
        self.field("mode", if addr.mode == Mode::Data { "data" } else { "managed" });
        self.field("type", &addr.ty);
        self.field("name", &addr.name);
        let current = r.instances.values().find_map(|i| i.current.as_ref());
        let any = current.or_else(|| r.instances.values().find_map(|i| i.deposed.values().next()));
        let provider = any.map(|o| o.provider.clone());
        self.field("provider", &provider.as_ref().map(ToString::to_string).unwrap_or_default());
        self.key("instances");
        self.open('[');
        for (key, i) in &r.instances {
            let current = i.current.iter().map(|o| (None, o));
            for (deposed, o) in current.chain(i.deposed.iter().map(|(k, o)| (Some(k), o))) {
                self.item();
                self.object(key.as_ref(), deposed, o, provider.as_deref());
            }
        }
        self.close(']');
        self.close('}');
    }
    /// One entry of `instances`. `provider` is the resource's; an object of another one says so.
    pub(crate) fn object(
        &mut self,
        key: Option<&InstanceKey>,
        deposed: Option<&DeposedKey>,
        o: &Object,
        provider: Option<&ProviderAddr>,
    ) {
        self.open('{');
        match key {
            None => {}
            Some(InstanceKey::Int(i)) => {
                self.key("index_key");
                self.raw(&i.to_string());
            }
            Some(InstanceKey::Str(s)) => self.field("index_key", s),
        }
        if o.status == ObjectStatus::Tainted {
            self.field("status", "tainted");
        }
        if let Some(d) = deposed {
            self.field("deposed", d.as_str());
        }
        self.key("schema_version");
        self.raw(&o.schema_version.to_string());
        match &o.flat {
            None => {
                self.key("attributes");
                self.known(&o.attributes);
            }
            Some(flat) => {
                self.key("attributes_flat");
                self.open('{');
                for (k, v) in flat {
                    self.field(k, v);
                }
                self.close('}');
            }
        }
        self.key("sensitive_attributes");
        self.open('[');
        for p in &o.sensitive {
            self.item();
            self.json(&p.to_state_json());
        }
        self.close(']');
        if let Some(p) = &o.private {
            self.field("private", p);
        }
        if !o.dependencies.is_empty() {
            self.key("dependencies");
            self.strings(&o.dependencies);
        }
        if o.create_before_destroy {
            self.key("create_before_destroy");
            self.raw("true");
        }
        if o.unfinished {
            self.key("stackctl_unfinished");
            self.raw("true");
        }
        if o.tagged {
            self.key("stackctl_tagged");
            self.raw("true");
        }
        if provider.is_some_and(|p| *p != *o.provider) {
            self.field("stackctl_provider", &o.provider.to_string());
        }
        self.close('}');
    }
}
