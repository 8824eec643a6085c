//! stackctl-backend
