//! PEM (RFC 7468): base64 between two lines that say what it is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A block.
pub(crate) struct Pem {
    /// What it is: `CERTIFICATE`.
    pub(crate) label: String,
    /// A header `Proc-Type: 4,ENCRYPTED` stands before the content.
    pub(crate) encrypted: bool,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Writes a block, 64 characters in a line.
pub(crate) fn write(label: &str, bytes: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    // base64 is ASCII: every chunk is text.
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// All blocks of a text, those that are malformed left out.
pub(crate) fn read(text: &str) -> Vec<Pem> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else { break };
        let Some((body, tail)) = body.split_once(&format!("-----END {label}-----")) else {
            rest = body;
            continue;
        };
        let mut encrypted = false;
        let lines = body.lines().map(str::trim).filter(|l| match l.split_once(':') {
            Some((name, value)) => {
                encrypted |= name == "Proc-Type" && value.contains("ENCRYPTED");
                false
            }
            None => true,
        });
        let base64: String = lines.collect();
        if let Ok(bytes) = BASE64_STANDARD.decode(base64) {
            out.push(Pem { label: label.to_owned(), encrypted, bytes });
        }
        rest = tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_among_other_text() {
        let text = format!("junk\n{}between\n{}", write("A", b"one"), write("B C", &[0; 100]));
        let got: Vec<_> = read(&text).into_iter().map(|p| (p.label, p.bytes.len())).collect();
        assert_eq!(got, [("A".to_owned(), 3), ("B C".to_owned(), 100)]);
        assert!(read("-----BEGIN A-----\n*\n-----END A-----").is_empty());
        assert!(read("-----BEGIN A-----\nAAAA\n").is_empty());
        let old = "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END K-----";
        assert!(read(old)[0].encrypted && read(old)[0].bytes.len() == 3);
        assert!(write("X", &[1; 60]).lines().all(|l| l.len() <= 64));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), noise in ".{0,80}") {
            let back = read(&format!("{}{noise}", write("X", &bytes)));
            prop_assert_eq!(&back[0].bytes, &bytes);
            read(&noise);
        }
    }
}
