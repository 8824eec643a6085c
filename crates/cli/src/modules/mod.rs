//! Modules from elsewhere: fetched from repositories, archives, S3 and registries into `.terraform/modules`, pinned in
//! `stackctl.lock.json`.
//!
//! Finding what was fetched is `lang`'s ([`stackctl_lang::config::modules`]); everything that uses a network or starts a program
//! is here, and only `init` and `get` call it: a plan downloads nothing. `modules.json` is Terraform's list, so that either
//! tool finds what the other fetched.
//!
//! - [`install`]: which modules a configuration wants, round by round. Start there.
//! - [`lock`]: what is pinned. [`hash`]: content hashes.
//! - [`fetch`]: a package into a directory; by [`git`] or [`hg`], as [`archive`] (credentials: [`netrc`]), from [`s3`], or where a
//!   [`registry`] says.
//! - [`installed`]: what other commands see of it.

mod archive;
mod fetch;
mod git;
mod hash;
mod hg;
mod install;
mod installed;
mod lock;
mod netrc;
mod program;
mod registry;
mod s3;

pub(crate) use install::{Options, install};
pub(crate) use installed::Installed;
pub(crate) use lock::FILE as LOCK_FILE;
