//! stackctl-state
