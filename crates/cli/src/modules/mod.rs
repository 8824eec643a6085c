//! Modules from elsewhere: fetched from git, archives and registries into `.terraform/modules`, pinned in
//! `stackctl.lock.json`.
//!
//! Finding what was fetched is `lang`'s ([`stackctl_lang::config::modules`]); everything that uses a network or starts `git`
//! is here, and only `init` and `get` call it: a plan downloads nothing. `modules.json` is Terraform's list, so that either
//! tool finds what the other fetched.
//!
//! - [`install`]: which modules a configuration wants, round by round. Start there.
//! - [`lock`]: what is pinned. [`hash`]: content hashes.
//! - [`fetch`]: a package into a directory; by [`git`], as [`archive`], or where a [`registry`] says.
//! - [`installed`]: what other commands see of it.

mod archive;
mod fetch;
mod git;
mod hash;
mod install;
mod installed;
mod lock;
mod registry;

pub(crate) use install::{Options, install};
pub(crate) use installed::Installed;
pub(crate) use lock::FILE as LOCK_FILE;
