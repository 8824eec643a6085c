//! Evaluates a configuration: which instances exist, and what names stand for in each module instance.
//!
//! - [`graph`]: the objects of the configuration and what they refer to. Static.
//! - [`evaluator`]: values of objects in each module instance. **Start here.**
//! - [`scope`]: what names stand for in one place.
//! - [`conditions`]: pre- and postconditions, validations, check blocks.
//! - [`console`]: single expressions over a state or a plan.
//! - [`ephemerals`]: objects that are opened for a run and stored nowhere.
//! - [`provisioners`]: what is run beside objects.
//! - [`types`]: schemas prepared for decoding, and values of objects with marks.
//! - [`values`]: evaluation during an apply.
//!
//! Invariant: the value of an object is computed after everything that it refers to has its value, and is kept; nothing
//! is ever computed from something that may still change. The planner goes through the graph in order; an apply and a
//! console ask for what they need with [`Evaluator::ensure`].

pub mod address;
mod build;
pub mod conditions;
pub mod console;
pub mod ephemerals;
pub mod evaluator;
pub mod graph;
mod objects;
mod opened;
pub mod provisioners;
pub mod scope;
pub mod types;
pub mod values;

pub(crate) use build::{NO_PROVIDER, SELF_REFERENCE};
pub use console::Console;
pub use evaluator::{Evaluator, Settings};
pub use graph::{Graph, Kind, ModId, NodeId};
pub use provisioners::{LOCAL_EXEC, Provision};
pub use scope::{Place, Rep};
pub use types::TypeInfo;
pub use values::ApplyValues;
