//! A whole file under the key of a state: a saved plan.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{DataKey, Keys, Seal};
use crate::error::{Error, Result};

/// A sealed file: the wrapped key, and the content that it seals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// The key.
    pub seal: Seal,
    /// Nonce and ciphertext, base64.
    content: String,
}

impl Document {
    pub(super) fn seal(seal: &Seal, key: &DataKey, nonce: [u8; 12], bytes: &[u8]) -> Document {
        let content = STANDARD.encode(key.encrypt(nonce, bytes, about(seal).as_bytes()));
        Document { seal: seal.clone(), content }
    }
    /// The content. `place` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Sealed`] if the key is not there, or the content was changed.
    pub async fn open(&self, keys: &Keys, place: &str) -> Result<Vec<u8>> {
        let key = keys.unwrap(&self.seal, place).await?;
        let bytes = STANDARD.decode(&self.content).ok();
        bytes.and_then(|b| key.decrypt(&b, about(&self.seal).as_bytes())).ok_or_else(|| Error::Sealed {
            place: place.to_owned(),
            problem: "its content was changed or cut".to_owned(),
            hint: "Make a new one.".to_owned(),
        })
    }
}

fn about(seal: &Seal) -> String {
    format!("stackctl document v1 {}", seal.key)
}
