//! A key service in memory, for tests of everything above [`DataKeys`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use stackctl_core::BoxFuture;

use super::{DataKey, DataKeys, Generated, Home};
use crate::store::{Answer, StoreError, StoreErrorKind};

/// Wraps a data key by turning its bytes around.
#[derive(Clone, Default)]
pub struct FakeKeys {
    home: Option<Home>,
    denied: Arc<AtomicBool>,
    made: Arc<AtomicU8>,
}

impl FakeKeys {
    /// A service whose place has a key.
    pub fn with(key: &str, prepared: bool) -> FakeKeys {
        FakeKeys { home: Some(Home { key: key.to_owned(), prepared }), ..FakeKeys::default() }
    }
    /// Answers with "no permission" from now on, or no longer.
    pub fn deny(&self, denied: bool) {
        self.denied.store(denied, Ordering::SeqCst);
    }
    fn allowed(&self) -> Answer<()> {
        match self.denied.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Denied, "not authorized to perform kms:Decrypt")),
            false => Ok(()),
        }
    }
    fn key(bytes: &[u8]) -> Answer<Arc<DataKey>> {
        let key = DataKey::new(bytes).map(Arc::new);
        key.ok_or_else(|| StoreError::new(StoreErrorKind::Other, "not a data key of this service"))
    }
}

impl DataKeys for FakeKeys {
    fn home<'a>(&'a self) -> BoxFuture<'a, Answer<Option<Home>>> {
        Box::pin(async { Ok(self.home.clone()) })
    }
    fn generate<'a>(&'a self, by: &'a str) -> BoxFuture<'a, Answer<Generated>> {
        Box::pin(async move {
            self.allowed()?;
            let first = self.made.fetch_add(1, Ordering::SeqCst);
            let bytes: Vec<u8> = (0..32).map(|i: u8| first.wrapping_mul(37).wrapping_add(i)).collect();
            let wrapped = bytes.iter().rev().copied().collect();
            Ok(Generated { key: FakeKeys::key(&bytes)?, wrapped, by: by.to_owned() })
        })
    }
    fn unwrap<'a>(&'a self, _: &'a str, wrapped: &'a [u8]) -> BoxFuture<'a, Answer<Arc<DataKey>>> {
        Box::pin(async {
            self.allowed()?;
            FakeKeys::key(&wrapped.iter().rev().copied().collect::<Vec<u8>>())
        })
    }
}
