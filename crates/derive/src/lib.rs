//! stackctl-derive
