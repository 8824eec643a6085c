//! How the data key of a state is kept beside it.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use stackctl_core::Ids;

use super::DataKey;
use crate::format::hex;

/// Memory of a passphrase's derivation, in KiB; passes over it; lanes. Kept with each wrapped key, so that they may grow.
/// Tests do without the effort.
const MEMORY: u32 = if cfg!(test) { 64 } else { 19 * 1024 };
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Largest memory that a header may ask for, in KiB: it is not to be trusted.
const MOST_MEMORY: u32 = 1 << 20;

/// What is bound to every wrapped data key.
const ABOUT: &[u8] = b"stackctl data key v1";

/// The key of a sealed state, as its header has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Version of this form: 1.
    pub v: u32,
    /// Id of the data key; each sealed text names it.
    pub key: String,
    /// The data key itself, wrapped.
    #[serde(flatten)]
    pub wrap: Wrap,
}

/// A wrapped data key; bytes are base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Wrap {
    /// By a key of KMS.
    Kms {
        /// ARN of that key.
        kms_key: String,
        /// What KMS decrypts.
        data: String,
    },
    /// By a key derived from a passphrase with argon2id.
    Passphrase {
        /// Random salt.
        salt: String,
        /// Memory in KiB.
        memory: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
        /// Nonce and ciphertext.
        data: String,
    },
    /// By the key in a file.
    File {
        /// Which key, for people: the beginning of a digest of it.
        file_key: String,
        /// Nonce and ciphertext.
        data: String,
    },
}

impl Seal {
    /// A new id for a data key.
    pub(super) fn new(ids: &dyn Ids, wrap: Wrap) -> Seal {
        let mut b = [0; 6];
        ids.fill(&mut b);
        Seal { v: 1, key: format!("k-{}", hex(&b)), wrap }
    }
}

impl Wrap {
    /// Wraps by a key of KMS, which has done it already.
    pub(super) fn kms(key: &str, wrapped: &[u8]) -> Wrap {
        Wrap::Kms { kms_key: key.to_owned(), data: STANDARD.encode(wrapped) }
    }
    /// Wraps by a passphrase. Slow on purpose.
    pub(super) fn passphrase(key: &DataKey, passphrase: &str, ids: &dyn Ids) -> Result<Wrap, String> {
        let mut salt = [0; 16];
        ids.fill(&mut salt);
        let derived = derive(passphrase, &salt, (MEMORY, PASSES, LANES))?;
        let data = STANDARD.encode(derived.encrypt(nonce(ids), key.bytes(), ABOUT));
        let (memory, passes, lanes) = (MEMORY, PASSES, LANES);
        Ok(Wrap::Passphrase { salt: STANDARD.encode(salt), memory, passes, lanes, data })
    }
    /// Wraps by the key of a file.
    pub(super) fn file(key: &DataKey, by: &DataKey, ids: &dyn Ids) -> Wrap {
        let data = STANDARD.encode(by.encrypt(nonce(ids), key.bytes(), ABOUT));
        Wrap::File { file_key: fingerprint(by), data }
    }
    /// What KMS is asked to decrypt, and with which key.
    pub(super) fn for_kms(&self) -> Option<(&str, Vec<u8>)> {
        match self {
            Wrap::Kms { kms_key, data } => Some((kms_key, STANDARD.decode(data).ok()?)),
            Wrap::Passphrase { .. } | Wrap::File { .. } => None,
        }
    }
    /// The data key, with a passphrase. Slow on purpose.
    pub(super) fn open_with_passphrase(&self, passphrase: &str) -> Result<DataKey, String> {
        let Wrap::Passphrase { salt, memory, passes, lanes, data } = self else {
            return Err("it is not kept under a passphrase".to_owned());
        };
        let damaged = || "its header is damaged".to_owned();
        let salt = STANDARD.decode(salt).map_err(|_| damaged())?;
        let data = STANDARD.decode(data).map_err(|_| damaged())?;
        let derived = derive(passphrase, &salt, (*memory, *passes, *lanes))?;
        let bytes = derived.decrypt(&data, ABOUT).ok_or("the passphrase is not the one that it was sealed with")?;
        DataKey::new(&bytes).ok_or_else(damaged)
    }
    /// The data key, with the key of a file.
    pub(super) fn open_with_file(&self, by: &DataKey) -> Result<DataKey, String> {
        let Wrap::File { file_key, data } = self else {
            return Err("it is not kept under a key file".to_owned());
        };
        let data = STANDARD.decode(data).map_err(|_| "its header is damaged".to_owned())?;
        let bytes = by.decrypt(&data, ABOUT).ok_or_else(|| {
            format!("the key file holds the key {}, and it was sealed with {file_key}", fingerprint(by))
        })?;
        DataKey::new(&bytes).ok_or_else(|| "its header is damaged".to_owned())
    }
    /// What keeps it, for users.
    pub fn describe(&self) -> String {
        match self {
            Wrap::Kms { kms_key, .. } => format!("the KMS key {kms_key}"),
            Wrap::Passphrase { .. } => "a passphrase".to_owned(),
            Wrap::File { file_key, .. } => format!("the key file with the key {file_key}"),
        }
    }
}

/// 96 random bits.
pub(super) fn nonce(ids: &dyn Ids) -> [u8; 12] {
    let mut b = [0; 12];
    ids.fill(&mut b);
    b
}

/// A random data key.
pub(super) fn random_key(ids: &dyn Ids) -> DataKey {
    let mut b = [0; 32];
    ids.fill(&mut b);
    let key = DataKey::new(&b);
    b = [0; 32];
    std::hint::black_box(&b);
    key.unwrap_or_else(|| unreachable!("32 bytes are a key"))
}

fn derive(passphrase: &str, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Result<DataKey, String> {
    if memory > MOST_MEMORY || passes > 64 || lanes > 64 {
        return Err("its header asks for an implausible effort".to_owned());
    }
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|e| format!("its header is damaged ({e})"))?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut out)
        .map_err(|e| format!("no key can be derived from the passphrase ({e})"))?;
    DataKey::new(&out).ok_or_else(|| "no key can be derived from the passphrase".to_owned())
}

fn fingerprint(key: &DataKey) -> String {
    let mut hash = Sha256::new();
    hash.update(b"stackctl key file\0");
    hash.update(key.bytes());
    hex(&hash.finalize()[..6])
}

/// Reads a key file: 32 bytes in base64, readable by its owner only.
pub(super) fn read_key_file(path: &Path) -> Result<DataKey, String> {
    let meta = std::fs::metadata(path).map_err(|e| format!("the key file {} cannot be read: {e}", path.display()))?;
    if meta.permissions().mode() & 0o077 != 0 {
        let mode = meta.permissions().mode() & 0o777;
        return Err(format!("the key file {} may be read by others (mode {mode:03o}); set it to 600", path.display()));
    }
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("the key file {} cannot be read: {e}", path.display()))?;
    let bytes = STANDARD.decode(text.trim()).ok();
    bytes
        .and_then(|b| DataKey::new(&b))
        .ok_or_else(|| format!("the key file {} does not hold 32 bytes in base64", path.display()))
}

/// Makes a key file; one that exists stays.
pub(super) fn make_key_file(path: &Path, ids: &dyn Ids) -> Result<DataKey, String> {
    let failed = |e: std::io::Error| format!("the key file {} cannot be written: {e}", path.display());
    let key = random_key(ids);
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut f = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    f.write_all(format!("{}\n", STANDARD.encode(key.bytes())).as_bytes()).map_err(failed)?;
    f.sync_all().map_err(failed)?;
    Ok(key)
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({}, {})", self.key, self.wrap.describe())
    }
}

impl std::fmt::Debug for Wrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key is the one that the reference program of argon2 gives for the same effort.
    #[test]
    fn keys_of_passphrases_are_argon2id() {
        let key = derive("password", b"somesalt", (1 << 16, 2, 1)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(hex(key.bytes()), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }
}
