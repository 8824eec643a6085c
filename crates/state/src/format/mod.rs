//! The version-4 state file: bytes to [`State`] and back.
//!
//! Writing gives exactly the bytes that Terraform writes for the same state, plus our own keys, which Terraform ignores
//! and drops: `stackctl` at the top (the journal's mark, a sealed state's key), `stackctl_unfinished`,
//! `stackctl_tagged` and `stackctl_provider` in an instance.
//! Reading is tolerant: older schema versions, absent optional fields, unknown keys (dropped, as Terraform does),
//! attributes and types that nobody knows (kept), OpenTofu's provider addresses. Both are linear in the size of the
//! file and never panic.

pub mod json;
pub mod read;
pub mod write;

use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::model::State;

impl State {
    /// Reads a state file. `place` names it in errors.
    ///
    /// # Errors
    /// If it is not a state of version 4, with what to do about it.
    pub fn parse(bytes: &[u8], place: &str) -> Result<State> {
        read::state(bytes, place)
    }
    /// The file, with a final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::state(self)
    }
    /// Digest of what a plan is made from: resources and outputs, whatever serial they have. A saved plan pins it
    /// together with the lineage.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(write::content(self)))
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        let _ = write!(out, "{b:02x}");
    }
    out
}

#[cfg(test)]
mod tests;
