//! The small providers that real modules use beside `aws`: `terraform_data`, `null`, `random`, `time`.
//!
//! Their objects live in state alone, so nothing here reads anything back: a create answers with all attributes. A type
//! is one file with one function that returns its [`table::Type`]; [`providers`] is the visible list.

mod generate;
mod null;
mod random;
mod table;
mod terraform;
mod time;

use std::sync::Arc;

use stackctl_core::Provider;

/// All built-in providers.
pub fn providers() -> Vec<Arc<dyn Provider>> {
    vec![
        table::provider("terraform", "terraform.io/builtin/terraform", "1.11.4", vec![terraform::data()]),
        table::provider("null", "registry.terraform.io/hashicorp/null", "3.2.4", vec![null::resource()]),
        table::provider(
            "random",
            "registry.terraform.io/hashicorp/random",
            "3.7.2",
            vec![
                random::id::resource(),
                random::integer::resource(),
                random::password::resource(),
                random::pet::resource(),
                random::string::resource(),
                random::uuid::resource(),
            ],
        ),
        table::provider(
            "time",
            "registry.terraform.io/hashicorp/time",
            "0.13.1",
            vec![time::fixed::resource(), time::sleep::resource()],
        ),
    ]
}
