//! Apply: carries out a plan, with as much at once as the order allows.
//!
//! One dispatcher task owns the order, the state and the values; workers do I/O and send it messages. A failure stops
//! only what depends on it. Nothing is planned here: an instance's configuration is evaluated again where it was not known,
//! and an operation that would be another one is an error.
//!
//! Start at [`apply`]; [`dispatch`] is the loop, [`work`] what is done to one object, [`lost`] what happens when an answer
//! is lost.

mod dispatch;
mod job;
mod keys;
pub(crate) mod lost;
mod names;
mod order;
mod provision;
mod send;
mod settle;
pub(crate) mod tools;
pub(crate) mod wait;
mod work;

pub use dispatch::{Applied, apply};
pub use job::{Conclusion, Needs, Open, Prepared, Ready, Values};
pub use keys::keys;
