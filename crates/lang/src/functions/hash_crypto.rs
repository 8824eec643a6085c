//! Hashes, random and derived identifiers, bcrypt and RSA.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use sha1::Digest as _;
use stackctl_core::Ty;
use uuid::Uuid;

use super::FnContext;
use super::args::{text, whole};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::Value;

const STR: &[Param] = &[Param::str("str")];

/// Which hash.
#[derive(Clone, Copy)]
pub(super) enum Digest {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

macro_rules! hashes {
    ($(($name:literal, $digest:ident, $base64:literal)),*) => {
        &[$(Function::new($name, STR, Returns::Is(P::Str), |a, _, _| {
            Ok(Value::string(hash(Digest::$digest, $base64, text(a, 0).as_bytes())))
        })),*]
    };
}

/// Hashes of strings.
pub(super) const HASHES: &[Function] = hashes![
    ("md5", Md5, false),
    ("sha1", Sha1, false),
    ("sha256", Sha256, false),
    ("sha512", Sha512, false),
    ("base64sha256", Sha256, true),
    ("base64sha512", Sha512, true)
];

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("uuid", &[], Returns::Is(P::Str), |_, ty, cx| {
        Ok(if cx.planning { Value::unknown(ty) } else { Value::string(cx.ids.uuid()) })
    }),
    Function::new("uuidv5", &[Param::str("namespace"), Param::str("name")], Returns::Is(P::Str), uuidv5),
    Function::new("bcrypt", STR, Returns::Is(P::Str), bcrypt).variadic(Param::num("cost")),
    Function::new("rsadecrypt", &[Param::str("ciphertext"), Param::str("privatekey")], Returns::Is(P::Str), rsadecrypt),
];

/// A hash in lower-case hexadecimal or in base64.
pub(super) fn hash(digest: Digest, base64: bool, data: &[u8]) -> String {
    let bytes: Vec<u8> = match digest {
        Digest::Md5 => md5::Md5::digest(data).to_vec(),
        Digest::Sha1 => sha1::Sha1::digest(data).to_vec(),
        Digest::Sha256 => sha2::Sha256::digest(data).to_vec(),
        Digest::Sha512 => sha2::Sha512::digest(data).to_vec(),
    };
    if base64 { STANDARD.encode(bytes) } else { bytes.iter().map(|b| format!("{b:02x}")).collect() }
}

fn uuidv5(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let space = match text(a, 0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other)
            .map_err(|e| FnError::new(format!("uuidv5() doesn't support namespace {other} ({e})")))?,
    };
    Ok(Value::string(Uuid::new_v5(&space, text(a, 1).as_bytes()).to_string()))
}

/// Cost of `bcrypt` where none is given, or one below the least.
const DEFAULT_COST: u32 = 10;
/// Longest password that bcrypt takes into account, in bytes.
const LONGEST_PASSWORD: usize = 72;

fn bcrypt(a: &[Value], ty: &Ty, cx: &FnContext<'_>) -> FnResult {
    if cx.planning {
        return Ok(Value::unknown(ty));
    }
    let cost = match a.len() {
        1 => DEFAULT_COST,
        2 => {
            let cost = u32::try_from(whole(a, 1)?).ok().filter(|c| *c <= 31);
            let cost = cost.ok_or_else(|| FnError::arg(1, "cost must lie between 4 and 31"))?;
            if cost < 4 { DEFAULT_COST } else { cost }
        }
        _ => return Err(FnError::new("bcrypt() takes no more than two arguments")),
    };
    if text(a, 0).len() > LONGEST_PASSWORD {
        return Err(FnError::arg(0, format!("password length exceeds {LONGEST_PASSWORD} bytes")));
    }
    let mut salt = [0u8; 16];
    cx.ids.fill(&mut salt);
    let parts = ::bcrypt::hash_with_salt(text(a, 0), cost, salt);
    let parts = parts.map_err(|e| FnError::new(format!("error occurred generating password {e}")))?;
    Ok(Value::string(parts.format_for_version(::bcrypt::Version::TwoA)))
}

fn rsadecrypt(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let cipher = STANDARD
        .decode(text(a, 0))
        .map_err(|_| FnError::arg(0, "failed to decode input: cipher text must be base64-encoded"))?;
    let pem = text(a, 1).trim();
    let key = rsa::RsaPrivateKey::from_pkcs1_pem(pem)
        .or_else(|_| rsa::RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| ()))
        .map_err(|()| FnError::arg(1, "invalid private key: no RSA key in PEM form found"))?;
    let plain = key
        .decrypt(rsa::Pkcs1v15Encrypt, &cipher)
        .map_err(|_| FnError::arg(0, "failed to decrypt: the cipher text does not belong to this key"))?;
    let text = String::from_utf8(plain).map_err(|_| FnError::arg(0, "the decrypted text is not valid UTF-8"))?;
    Ok(Value::string(text))
}
