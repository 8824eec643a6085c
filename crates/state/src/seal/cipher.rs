//! A data key, and the texts that it seals: `stackctl:sealed:v1:KEY:BASE64`.
//!
//! AES-256-GCM with a random nonce of 96 bits per text; the part before the base64 is authenticated with it. Texts are
//! padded, so that their length says little about a password's.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stackctl_core::Known;

use crate::format::json;
use crate::format::write::Out;

const HEAD: &str = "stackctl:sealed:v1:";
const NONCE: usize = 12;
/// Texts are filled up to a multiple of this.
const PAD: usize = 32;

/// 256 secret bits.
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A key of these bytes; `None` if they are not 32.
    pub fn new(bytes: &[u8]) -> Option<DataKey> {
        bytes.try_into().ok().map(DataKey)
    }
    /// The bytes, for wrapping alone.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// Encrypts; the nonce stands before the result.
    pub(super) fn encrypt(&self, nonce: [u8; NONCE], plain: &[u8], about: &[u8]) -> Vec<u8> {
        let cipher = Aes256Gcm::new(&self.0.into());
        // The only error is a text of more than 64 GiB; it then becomes one that nobody can open.
        let sealed = cipher.encrypt(&nonce.into(), Payload { msg: plain, aad: about }).unwrap_or_default();
        [&nonce[..], &sealed].concat()
    }
    /// Decrypts what [`DataKey::encrypt`] made; `None` for anything else.
    pub(super) fn decrypt(&self, sealed: &[u8], about: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let cipher = Aes256Gcm::new(&self.0.into());
        cipher.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: about }).ok()
    }
    /// A value as a sealed text.
    pub(super) fn seal(&self, id: &str, nonce: [u8; NONCE], value: &Known) -> String {
        let head = format!("{HEAD}{id}");
        let sealed = self.encrypt(nonce, &padded(plain(value)), head.as_bytes());
        format!("{head}:{}", URL_SAFE_NO_PAD.encode(sealed))
    }
    /// The value of a sealed text; `None` if another key sealed it or it was changed.
    pub(super) fn open(&self, text: &str) -> Option<Known> {
        let (head, body) = text.rsplit_once(':')?;
        let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        let plain = self.decrypt(&bytes, head.as_bytes())?;
        json::parse(std::str::from_utf8(&plain).ok()?).ok()
    }
}

/// JSON of a value.
pub(super) fn plain(value: &Known) -> Vec<u8> {
    let mut out = Out::compact();
    out.known(value);
    out.buf
}

/// Blanks at the end of JSON mean nothing.
fn padded(mut text: Vec<u8>) -> Vec<u8> {
    text.resize(text.len().next_multiple_of(PAD), b' ');
    text
}

/// The id of the key that sealed a text; `None` if it is no sealed text.
pub(super) fn key_of(text: &str) -> Option<&str> {
    let (id, body) = text.strip_prefix(HEAD)?.split_once(':')?;
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!id.is_empty() && body.len() > 2 * NONCE && body.bytes().all(base64)).then_some(id)
}

/// The id of the key that sealed the first sealed text in JSON.
pub(crate) fn key_in(json: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(json).ok()?;
    text.match_indices(HEAD).find_map(|(at, _)| key_of(text[at..].split('"').next()?))
}

/// True if a value, or anything in it, is a sealed text.
pub fn is_sealed(value: &Known) -> bool {
    match value {
        Known::String(s) => key_of(s).is_some(),
        Known::List(l) => l.iter().any(is_sealed),
        Known::Map(m) => m.values().any(is_sealed),
        Known::Null | Known::Bool(_) | Known::Number(_) => false,
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<data key>")
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0 = [0; 32];
        // Keeps the compiler from leaving the write out.
        std::hint::black_box(&self.0);
    }
}
