//! What records mean: the fold of a journal into a state.
//!
//! Pure and deterministic: the same records give the same ledger wherever segments are cut, and applying a prefix first
//! changes nothing. Everything that must survive a crash follows from these rules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stackctl_core::InstanceAddr;

use crate::model::{Object, State, Target};
use crate::record::{Action, Claim, Done, Doubt, Intent, Record};

/// How long a request may still arrive after its sender was displaced: services accept signatures for 15 minutes.
pub const DOUBT: Duration = Duration::from_secs(20 * 60);

/// A state, and what is not settled about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The state with all records applied.
    pub state: State,
    /// Intents without outcome, by token.
    pub open: BTreeMap<String, Arc<Intent>>,
    /// Creates that may still arrive, by token.
    pub doubts: BTreeMap<String, Doubt>,
    /// Objects that the journal knows and the state does not.
    pub claims: Vec<Claim>,
}

/// How a record counts when it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The state does not contain it yet.
    New,
    /// The state contains it: it only opens and closes intents.
    Contained,
    /// Another tool wrote the state: outcomes become claims, nothing is applied.
    Foreign,
}

impl Ledger {
    /// A state about which nothing is open.
    pub fn new(state: State) -> Ledger {
        Ledger { state, open: BTreeMap::new(), doubts: BTreeMap::new(), claims: Vec::new() }
    }
    /// True if nothing has to be looked up in the cloud.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && self.doubts.is_empty() && self.claims.is_empty()
    }
    /// Applies one record.
    pub fn apply(&mut self, r: &Record, reading: Reading) {
        match r {
            Record::Intent(i) => {
                self.open.insert(i.token.clone(), i.clone());
            }
            Record::Failed { token } => {
                self.open.remove(token);
            }
            Record::Done(d) => {
                let intent = self.open.remove(&d.token);
                self.spend(&d.token);
                if let (Action::Delete, Some(id)) = (d.action, &d.id) {
                    self.unsee(&d.at.addr, id);
                }
                match reading {
                    Reading::New => self.done(d),
                    Reading::Contained => {}
                    Reading::Foreign => self.claim_done(d, intent.as_deref()),
                }
            }
            Record::Adopt { token, addr, object } => {
                if let Some(t) = token {
                    self.open.remove(t);
                    self.spend(t);
                }
                match reading {
                    Reading::New => self.adopt(addr, object, token.as_deref()),
                    Reading::Contained => {}
                    Reading::Foreign => self.claim(addr, object),
                }
            }
            Record::Set { at, object } => match reading {
                Reading::New => self.set(at, object),
                Reading::Contained => {}
                Reading::Foreign => {
                    let same = |c: &&mut Claim| c.addr == at.addr && c.object.id() == object.id();
                    if let Some(c) = self.claims.iter_mut().find(same) {
                        c.object = object.clone();
                    }
                }
            },
            Record::Import { addr, object } => match reading {
                Reading::New => self.take(&Target::current(addr.clone()), object, object.id().unwrap_or_default()),
                Reading::Contained => {}
                Reading::Foreign => self.claim(addr, object),
            },
            Record::Mv { from, to } => match reading {
                Reading::New => self.state.rename(from, to),
                Reading::Contained => {}
                Reading::Foreign => {
                    for c in self.claims.iter_mut().filter(|c| c.addr == *from) {
                        c.addr = to.clone();
                    }
                }
            },
            Record::Rm { at } => match reading {
                Reading::New => {
                    self.state.remove(at);
                }
                Reading::Contained => {}
                Reading::Foreign => self.claims.retain(|c| c.addr != at.addr),
            },
            Record::Outputs(o) if reading == Reading::New => self.state.outputs = o.clone(),
            Record::Checks(c) if reading == Reading::New => self.state.checks = c.clone(),
            Record::Outputs(_) | Record::Checks(_) => {}
        }
    }

    /// Ends a recovery: what the cloud was asked about is settled, and each create stays in doubt as long as its request
    /// can still arrive, whether or not something was found. Doubts that are over are dropped.
    pub fn settle(&mut self, now: Timestamp) {
        let until = now.checked_add(SignedDuration::try_from(DOUBT).unwrap_or_default()).unwrap_or(now);
        self.claims.clear();
        self.unsee_deleted();
        for (token, intent) in std::mem::take(&mut self.open) {
            if intent.action == Action::Create {
                let doubt = Doubt { intent, seen: Default::default(), until, spent: false };
                self.doubts.entry(token).or_insert(doubt);
            }
        }
        self.doubts.retain(|_, d| d.until > now);
        self.account();
    }
    /// Makes a doubt of a create that recovery has looked up and found: it stays one, because its request may be sent
    /// twice.
    pub(crate) fn doubt_found(&mut self, intent: Arc<Intent>, now: Timestamp) {
        let until = now.checked_add(SignedDuration::try_from(DOUBT).unwrap_or_default()).unwrap_or(now);
        let doubt = Doubt { intent: intent.clone(), seen: Default::default(), until, spent: true };
        self.doubts.entry(intent.token.clone()).or_insert(doubt);
    }
    /// Writes down, for each doubt, the ids at its address that are in state: it looks for others only.
    pub fn account(&mut self) {
        for d in self.doubts.values_mut() {
            let Some(i) = self.state.instance(&d.intent.at.addr) else { continue };
            let objects = i.current.iter().chain(i.deposed.values());
            d.seen.extend(objects.filter_map(|o| o.id().map(str::to_owned)));
        }
    }
    /// Open deletes of what is neither in state nor claimed were carried out: the state, or the cloud, says so.
    pub(crate) fn unsee_deleted(&mut self) {
        for intent in self.open.values().filter(|i| i.action == Action::Delete).cloned().collect::<Vec<_>>() {
            let (addr, Some(id)) = (&intent.at.addr, &intent.id) else { continue };
            let in_state = self.state.instance(addr).is_some_and(|i| i.by_id(id).is_some());
            if !in_state && !self.claims.iter().any(|c| c.addr == *addr && c.object.id() == Some(id)) {
                self.unsee(addr, id);
            }
        }
    }
    /// The token that a create at an address must use again, if one is in doubt.
    pub fn doubted(&self, addr: &InstanceAddr) -> Option<&str> {
        self.doubts.values().find(|d| d.intent.at.addr == *addr && !d.spent).map(|d| d.intent.token.as_str())
    }

    fn spend(&mut self, token: &str) {
        if let Some(d) = self.doubts.get_mut(token) {
            d.spent = true;
        }
    }
    /// An object was deleted: where ids are names, a late create makes another one of the same id.
    fn unsee(&mut self, addr: &InstanceAddr, id: &str) {
        for d in self.doubts.values_mut().filter(|d| d.intent.at.addr == *addr) {
            d.seen.remove(id);
        }
    }
    fn done(&mut self, d: &Done) {
        match (d.action, &d.object) {
            (Action::Create, Some(o)) => self.take(&d.at, o, &d.token),
            (Action::Update, Some(o)) => self.set(&d.at, o),
            (Action::Delete, _) => self.gone(&d.at, d.id.as_deref()),
            (Action::Create | Action::Update, None) => {}
        }
    }
    /// A new object takes its address; what stands there is deposed.
    fn take(&mut self, at: &Target, o: &Arc<Object>, seed: &str) {
        let there = self.state.object(at);
        if at.deposed.is_none() && there.is_some_and(|t| o.id().is_none() || t.id() != o.id()) {
            self.state.depose(&at.addr, seed);
        }
        self.state.put(at, o.clone());
    }
    fn set(&mut self, at: &Target, o: &Arc<Object>) {
        let there = self.state.object(at).and_then(|t| t.id());
        if there != o.id()
            && let (Some(i), Some(id)) = (self.state.instance(&at.addr), o.id())
            && let Some((deposed, _)) = i.by_id(id)
        {
            let at = Target { addr: at.addr.clone(), deposed: deposed.cloned() };
            return self.state.put(&at, o.clone());
        }
        self.state.put(at, o.clone());
    }
    fn gone(&mut self, at: &Target, id: Option<&str>) {
        let Some(id) = id else {
            self.state.remove(at);
            return;
        };
        let deposed = match self.state.instance(&at.addr).and_then(|i| i.by_id(id)) {
            Some((d, _)) => d.cloned(),
            None => return,
        };
        self.state.remove(&Target { addr: at.addr.clone(), deposed });
    }
    /// What was found is current if nothing is, else it is deposed and the next plan destroys it.
    fn adopt(&mut self, addr: &InstanceAddr, o: &Arc<Object>, token: Option<&str>) {
        let known = self.state.instance(addr).and_then(|i| i.by_id(o.id()?)).map(|(d, _)| d.cloned());
        if let Some(deposed) = known {
            return self.state.put(&Target { addr: addr.clone(), deposed }, o.clone());
        }
        match self.state.current(addr).cloned() {
            None => self.state.put(&Target::current(addr.clone()), o.clone()),
            Some(stays) => {
                let seed = token.or(o.id()).unwrap_or_default().to_owned();
                self.state.put(&Target::current(addr.clone()), o.clone());
                self.state.depose(addr, &seed);
                self.state.put(&Target::current(addr.clone()), stays);
            }
        }
    }
    fn claim(&mut self, addr: &InstanceAddr, o: &Arc<Object>) {
        let known = self.state.instance(addr).is_some_and(|i| o.id().is_some_and(|id| i.by_id(id).is_some()));
        if !known {
            self.claims.push(Claim { addr: addr.clone(), object: o.clone() });
        }
    }
    fn claim_done(&mut self, d: &Done, intent: Option<&Intent>) {
        match (d.action, &d.object) {
            (Action::Create, Some(o)) => self.claim(&d.at.addr, o),
            (Action::Delete, _) => {
                let id = d.id.as_deref().or(intent.and_then(|i| i.id.as_deref()));
                self.claims.retain(|c| c.addr != d.at.addr || c.object.id() != id);
                if id.is_some() {
                    self.gone(&d.at, id);
                }
            }
            (Action::Create | Action::Update, _) => {}
        }
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
