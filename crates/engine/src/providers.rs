//! Providers: the table of all of them, and those that are configured.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use stackctl_core::{Error, ErrorKind, Host, Instance, Known, Partial, Provider, Result};
use stackctl_state::ProviderAddr;

/// All providers that this program has, by source address, and the configured instances of this run.
pub struct Providers {
    tables: BTreeMap<&'static str, Arc<dyn Provider>>,
    host: Host,
    configured: Mutex<HashMap<ProviderAddr, Configured>>,
    /// Whoever configures a provider holds its turn: several reads begin at the same time and need it once.
    turns: Mutex<HashMap<ProviderAddr, Arc<tokio::sync::Mutex<()>>>>,
}

/// A configured provider.
#[derive(Clone)]
pub struct Configured {
    /// Its types.
    pub table: Arc<dyn Provider>,
    /// Carries out operations.
    pub instance: Arc<dyn Instance>,
    /// Its arguments.
    pub config: Arc<Partial>,
}

impl Providers {
    /// A table of providers; nothing is configured yet.
    pub fn new(tables: Vec<Arc<dyn Provider>>, host: Host) -> Providers {
        let tables = tables.into_iter().map(|p| (p.source(), p)).collect();
        Providers { tables, host, configured: Mutex::default(), turns: Mutex::default() }
    }
    /// What the surroundings give.
    pub fn host(&self) -> &Host {
        &self.host
    }
    /// The provider of a source address.
    pub fn table(&self, source: &str) -> Option<&Arc<dyn Provider>> {
        self.tables.get(source)
    }
    /// The provider of a local name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.tables.values().find(|p| p.name() == name)
    }
    /// All providers, by source address.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.tables.values()
    }
    /// The provider that has a resource type, a data source or an ephemeral resource type.
    pub fn of_type(&self, ty: &str) -> Option<&Arc<dyn Provider>> {
        self.tables.values().find(|p| p.resource(ty).is_some() || p.data(ty).is_some() || p.ephemeral(ty).is_some())
    }
    /// The configured instance at an address.
    pub fn get(&self, addr: &ProviderAddr) -> Option<Configured> {
        self.configured.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(addr).cloned()
    }
    /// Forgets a configured provider: what it was configured with is not valid any more.
    pub fn forget(&self, addr: &ProviderAddr) {
        self.configured.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(addr);
    }
    /// Configures the provider at an address, once; later calls return the same instance.
    ///
    /// # Errors
    /// If there is no such provider, or it refuses its configuration.
    pub async fn configure(&self, addr: &ProviderAddr, config: Known) -> Result<Configured> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(turns.entry(addr.clone()).or_default())
        };
        let _mine = turn.lock().await;
        if let Some(c) = self.get(addr) {
            return Ok(c);
        }
        let table = self.tables.get(addr.source.as_str()).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("There is no provider {}.", addr.source))
                .hinted("`stackctl providers` lists those that are built in.")
        })?;
        let instance = Arc::clone(table).configure(config.clone(), self.host.clone()).await?;
        let made = Configured { table: Arc::clone(table), instance, config: Arc::new(config.into()) };
        let mut all = self.configured.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(all.entry(addr.clone()).or_insert(made).clone())
    }
}
