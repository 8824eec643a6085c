//! stackctl-engine
