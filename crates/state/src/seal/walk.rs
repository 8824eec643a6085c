//! Which places are sealed: what an object's sensitive paths name, sensitive outputs, and what an intent says about the
//! object to come.
//!
//! Where a path cannot be followed to its end, what could be reached is sealed, and so is every text that repeats a secret
//! (`terraform_data` mirrors its input, and others refer to the mirror): too much is better than too little. Ids are
//! never sealed, because the fold goes by them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use stackctl_core::path::Step;
use stackctl_core::{InstanceAddr, Known, Path};

use super::cipher::key_of;
use crate::fold::Ledger;
use crate::model::{Object, Output, State, Target};
use crate::record::{Claim, Done, Doubt, Intent, Record};

/// What is done at a place that may hold a secret: `place` names it. The error stops everything.
pub(super) trait Work {
    type Error;
    /// What the work looks at.
    const LOOK: Look;
    fn at(&mut self, place: &str, value: &mut Known) -> Result<(), Self::Error>;
    /// These texts are secrets, wherever they stand.
    fn learn(&mut self, _secrets: &[String]) {}
    /// True for a text that was learnt.
    fn knows(&self, _text: &str) -> bool {
        false
    }
}

/// Which values of an object a work visits.
#[derive(PartialEq, Eq)]
pub(super) enum Look {
    /// Those that its paths name.
    Paths,
    /// Those, and texts that repeat a secret.
    Mirrors,
    /// All texts.
    All,
}

pub(super) fn ledger<W: Work>(l: &mut Ledger, w: &mut W) -> Result<(), W::Error> {
    state(&mut l.state, w)?;
    for i in l.open.values_mut() {
        *i = intent(i, w)?;
    }
    for d in l.doubts.values_mut() {
        *d = Doubt { intent: intent(&d.intent, w)?, ..d.clone() };
    }
    for c in &mut l.claims {
        *c = Claim { object: object(&target(&c.addr), &c.object, w)?, addr: c.addr.clone() };
    }
    Ok(())
}

pub(super) fn state<W: Work>(s: &mut State, w: &mut W) -> Result<(), W::Error> {
    outputs(&mut s.outputs, w)?;
    if W::LOOK == Look::Mirrors {
        // A text may repeat the secret of an object that comes later.
        s.objects().for_each(|(at, o)| w.learn(&secrets(&at, o)));
    }
    let all: Vec<(Target, Arc<Object>)> = s.objects().map(|(t, o)| (t, o.clone())).collect();
    for (at, o) in all {
        let done = object(&at, &o, w)?;
        if !Arc::ptr_eq(&done, &o) {
            s.put(&at, done);
        }
    }
    Ok(())
}

pub(super) fn record<W: Work>(r: &mut Record, w: &mut W) -> Result<(), W::Error> {
    match r {
        Record::Intent(i) => *i = intent(i, w)?,
        Record::Done(Done { at, object: Some(o), .. }) | Record::Set { at, object: o } => {
            *o = object(at, o, w)?;
        }
        Record::Adopt { addr, object: o, .. } | Record::Import { addr, object: o } => *o = object(&target(addr), o, w)?,
        Record::Outputs(o) => outputs(o, w)?,
        Record::Done(_) | Record::Failed { .. } | Record::Mv { .. } | Record::Rm { .. } | Record::Checks(_) => {}
    }
    Ok(())
}

fn target(addr: &InstanceAddr) -> Target {
    Target::current(addr.clone())
}

fn outputs<W: Work>(all: &mut BTreeMap<String, Output>, w: &mut W) -> Result<(), W::Error> {
    for (name, o) in all.iter_mut().filter(|(_, o)| o.sensitive) {
        let mut secrets = Vec::new();
        texts(&o.value, &mut secrets);
        w.learn(&secrets);
        w.at(&format!("output.{name}"), &mut o.value)?;
    }
    Ok(())
}

/// Keys and wanted values may be secrets; nobody but recovery reads them, so they are sealed whole.
fn intent<W: Work>(i: &Arc<Intent>, w: &mut W) -> Result<Arc<Intent>, W::Error> {
    let mut out = Intent::clone(i);
    w.at(&format!("intent.{}.keys", i.token), &mut out.keys)?;
    if let Some(want) = out.want.take() {
        let mut value = Known::String(want);
        w.at(&format!("intent.{}.want", i.token), &mut value)?;
        out.want = value.as_str().map(str::to_owned);
    }
    Ok(Arc::new(out))
}

/// The paths of an object that are sealed, ancestors before what lies in them. What another stack gave has lost its marks
/// on the way.
fn paths<'a>(at: &Target, o: &'a Object) -> impl Iterator<Item = Cow<'a, Path>> {
    let foreign = at.addr.resource.ty == "terraform_remote_state";
    let more = foreign.then(|| ["config", "defaults", "outputs"].map(Path::attr).map(Cow::Owned));
    more.into_iter().flatten().chain(o.sensitive.iter().map(Cow::Borrowed))
}

/// The texts at these paths.
fn secrets(at: &Target, o: &Object) -> Vec<String> {
    let mut out = Vec::new();
    if !o.sensitive.is_empty() {
        let mut copy = Known::clone(&o.attributes);
        for path in paths(at, o) {
            let Ok(()) = follow(&mut copy, &path.0, &mut |v| {
                texts(v, &mut out);
                Ok::<(), Infallible>(())
            });
        }
    }
    out
}

fn object<W: Work>(at: &Target, o: &Arc<Object>, w: &mut W) -> Result<Arc<Object>, W::Error> {
    let secrets = secrets(at, o);
    w.learn(&secrets);
    let plain = o.flat.is_none() && paths(at, o).next().is_none();
    let untouched = match W::LOOK {
        Look::Paths => plain,
        Look::Mirrors => plain && !any(&o.attributes, &|t| w.knows(t)),
        Look::All => o.flat.is_none() && !any(&o.attributes, &|t| key_of(t).is_some()),
    };
    if untouched {
        return Ok(o.clone());
    }
    let place = &at.to_string();
    let mut out = Object::clone(o);
    if W::LOOK != Look::All {
        for path in paths(at, o) {
            follow(out.attributes_mut(), &path.0, &mut |v| w.at(place, v))?;
        }
    }
    if W::LOOK != Look::Paths {
        for (_, v) in out.attributes_mut().as_map_mut().into_iter().flatten().filter(|(n, _)| *n != "id") {
            leaves(v, &mut |v| {
                let text = v.as_str().unwrap_or_default();
                match W::LOOK == Look::All || repeats(text, &secrets) || w.knows(text) {
                    true => w.at(place, v),
                    false => Ok(()),
                }
            })?;
        }
    }
    // The flat form of old files has no marks: only the id is certain to be none.
    for (_, text) in out.flat.iter_mut().flatten().filter(|(n, _)| *n != "id") {
        let mut value = Known::String(std::mem::take(text));
        w.at(place, &mut value)?;
        *text = value.as_str().unwrap_or_default().to_owned();
    }
    Ok(Arc::new(out))
}

/// Visits what a path leads to, or the last thing on the way that is no container. What is absent is not visited.
fn follow<E>(v: &mut Known, steps: &[Step], visit: &mut dyn FnMut(&mut Known) -> Result<(), E>) -> Result<(), E> {
    let Some((step, rest)) = steps.split_first() else { return visit(v) };
    // What an attribute of dynamic type holds lies one level deeper than its path says.
    if v.as_dynamic().is_some()
        && let Some(inner) = v.as_map_mut().and_then(|m| m.get_mut("value"))
    {
        return follow(inner, steps, visit);
    }
    match (step, v) {
        (_, Known::Null) => Ok(()),
        (Step::Attr(n) | Step::Key(n), Known::Map(m)) => m.get_mut(n).map_or(Ok(()), |v| follow(v, rest, visit)),
        (Step::Index(i), Known::List(l)) => l.get_mut(*i).map_or(Ok(()), |v| follow(v, rest, visit)),
        (_, other) => visit(other),
    }
}

fn leaves<E>(v: &mut Known, visit: &mut dyn FnMut(&mut Known) -> Result<(), E>) -> Result<(), E> {
    match v {
        Known::List(l) => l.iter_mut().try_for_each(|v| leaves(v, visit)),
        Known::Map(m) => m.values_mut().try_for_each(|v| leaves(v, visit)),
        Known::String(_) => visit(v),
        Known::Null | Known::Bool(_) | Known::Number(_) => Ok(()),
    }
}

fn any(v: &Known, is: &dyn Fn(&str) -> bool) -> bool {
    match v {
        Known::List(l) => l.iter().any(|v| any(v, is)),
        Known::Map(m) => m.values().any(|v| any(v, is)),
        Known::String(s) => is(s),
        Known::Null | Known::Bool(_) | Known::Number(_) => false,
    }
}

pub(super) fn texts(v: &Known, out: &mut Vec<String>) {
    match v {
        Known::List(l) => l.iter().for_each(|v| texts(v, out)),
        Known::Map(m) => m.values().for_each(|v| texts(v, out)),
        Known::String(s) if !s.is_empty() && key_of(s).is_none() => out.push(s.clone()),
        Known::String(_) | Known::Null | Known::Bool(_) | Known::Number(_) => {}
    }
}

/// Short secrets stand in other texts by chance; as a whole they are still found.
fn repeats(text: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|s| text == s || (s.len() >= 6 && text.contains(s.as_str())))
}

/// Counts sealed texts, and values that should be one.
#[derive(Default)]
pub(super) struct Count {
    pub(super) sealed: usize,
    pub(super) open: usize,
}

impl Work for Count {
    type Error = Infallible;
    const LOOK: Look = Look::Paths;
    fn at(&mut self, _: &str, v: &mut Known) -> Result<(), Self::Error> {
        match v {
            Known::Null => {}
            Known::String(s) if key_of(s).is_some() => self.sealed += 1,
            _ => self.open += 1,
        }
        Ok(())
    }
}
