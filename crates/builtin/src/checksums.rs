//! Checksums of content in the spellings that `local_file` and `archive_file` show.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use stackctl_core::Known;

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The SHA-1 sum in hexadecimal digits, the id of files.
pub(crate) fn sha1_hex(content: &[u8]) -> String {
    hex(&Sha1::digest(content))
}

/// The MD5 sum.
pub(crate) fn md5(content: &[u8]) -> Vec<u8> {
    Md5::digest(content).to_vec()
}

/// Sets `PREFIX_md5` … `PREFIX_base64sha512`, and the SHA-1 sum as `PREFIX_{sha1}`.
pub(crate) fn set(v: &mut Known, prefix: &str, sha1: &str, content: &[u8]) {
    let (long, longer) = (Sha256::digest(content), Sha512::digest(content));
    for (name, text) in [
        ("md5", hex(&md5(content))),
        (sha1, sha1_hex(content)),
        ("sha256", hex(&long)),
        ("base64sha256", BASE64_STANDARD.encode(long)),
        ("sha512", hex(&longer)),
        ("base64sha512", BASE64_STANDARD.encode(longer)),
    ] {
        v.set(format!("{prefix}_{name}"), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_a_known_text() {
        let mut v = Known::object();
        set(&mut v, "content", "sha1", b"abc");
        let text = |k: &str| v.get(k).as_str().unwrap_or_default().to_owned();
        assert_eq!(text("content_md5"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(text("content_sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(text("content_base64sha256"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert!(text("content_sha512").starts_with("ddaf35a193617abacc417349ae204131"));
        assert!(text("content_base64sha512").starts_with("3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05oh"));
    }
}
