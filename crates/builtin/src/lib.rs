//! stackctl-builtin
