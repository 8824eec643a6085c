//! stackctl-lang
