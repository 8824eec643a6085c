//! stackctl-aws
