//! The fuzzer's corpus, replayed: what was interesting once stays parsed, formatted and without a panic.

use std::fs;
use std::path::Path;

use stackctl_hcl::{FileId, fmt, parse_body, parse_expr, parse_template};

#[test]
fn seeds_are_parsed_and_formatted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/syntax");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (_, errors) = parse_body(&text, FileId::default());
        parse_expr(&text, FileId::default(), 0);
        parse_template(&text, FileId::default());
        match fmt::format(&text) {
            Ok(formatted) => {
                assert!(errors.is_empty(), "{}", path.display());
                assert!(parse_body(&formatted, FileId::default()).1.is_empty(), "{}: {formatted}", path.display());
                let second = fmt::format(&formatted).unwrap();
                assert_eq!(fmt::format(&second).as_ref(), Ok(&second), "{}", path.display());
            }
            Err(_) => assert!(!errors.is_empty(), "{}", path.display()),
        }
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} seeds");
}
