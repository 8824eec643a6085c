//! Any text as a file, an expression, a template and JSON: nothing panics, and what the formatter writes means the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stackctl_hcl::{FileId, fmt, parse_body, parse_expr, parse_template, parse_traversal};

fuzz_target!(|text: &str| {
    let file = FileId::default();
    let (_, errors) = parse_body(text, file);
    match fmt::format(text) {
        Ok(formatted) => {
            assert!(errors.is_empty());
            let (_, errors) = parse_body(&formatted, file);
            assert!(errors.is_empty(), "the formatter broke it: {formatted:?}: {errors:?}");
            // Unwrapped sequences take a second pass to be indented; after that nothing changes.
            let Ok(second) = fmt::format(&formatted) else { panic!("{formatted:?} cannot be formatted") };
            assert_eq!(fmt::format(&second).as_deref(), Ok(second.as_str()));
        }
        Err(found) => assert!(!found.is_empty() && !errors.is_empty()),
    }
    let _ = parse_expr(text, file, 0);
    let _ = parse_template(text, file);
    let _ = parse_traversal(text, file, 0);
    let _ = stackctl_hcl::json::parse(text, file);
});
