//! The small providers that real modules use beside `aws`: `terraform_data`, `null`, `random`, `time`, `local`, `archive`,
//! `tls`, `http`, `external`, `cloudinit`.
//!
//! Their objects live in state alone (and on this machine's disk), so a create answers with all attributes. A type is one
//! file with a function that returns its [`table::Type`], [`table::Source`] or [`table::Ephemeral`]; [`providers`] is the visible list.

mod archive;
mod checksums;
mod cloudinit;
mod external;
mod generate;
mod http_data;
mod local;
mod null;
mod random;
mod table;
mod terraform;
#[cfg(test)]
mod testing;
mod time;
mod tls;
mod web;

use std::sync::Arc;

use stackctl_core::Provider;
use table::Table;
pub use terraform::remote_state::{Outputs, RemoteStates};

/// All built-in providers. `states` reads states of other stacks.
pub fn providers(states: Arc<dyn RemoteStates>) -> Vec<Arc<dyn Provider>> {
    let all = [
        Table::new(
            "terraform",
            "terraform.io/builtin/terraform",
            "1.11.4",
            vec![terraform::data::data()],
            vec![terraform::remote_state::source(states)],
        ),
        Table::new("null", "registry.terraform.io/hashicorp/null", "3.2.4", vec![null::resource()], vec![]),
        Table::new(
            "random",
            "registry.terraform.io/hashicorp/random",
            "3.7.2",
            vec![
                random::bytes::resource(),
                random::id::resource(),
                random::integer::resource(),
                random::password::resource(),
                random::pet::resource(),
                random::shuffle::resource(),
                random::string::resource(),
                random::uuid::resource(),
            ],
            vec![],
        )
        .opening(vec![random::password::ephemeral()]),
        Table::new(
            "time",
            "registry.terraform.io/hashicorp/time",
            "0.13.1",
            vec![
                time::fixed::resource(),
                time::offset::resource(),
                time::rotating::resource(),
                time::sleep::resource(),
            ],
            vec![],
        ),
        Table::new(
            "local",
            "registry.terraform.io/hashicorp/local",
            "2.5.3",
            vec![local::file::plain(), local::file::sensitive()],
            vec![local::data::plain(), local::data::sensitive()],
        ),
        Table::new(
            "archive",
            "registry.terraform.io/hashicorp/archive",
            "2.7.1",
            vec![archive::file::resource()],
            vec![archive::file::source()],
        ),
        Table::new(
            "tls",
            "registry.terraform.io/hashicorp/tls",
            "4.2.1",
            vec![
                tls::cert_request::resource(),
                tls::locally_signed_cert::resource(),
                tls::private_key::resource(),
                tls::self_signed_cert::resource(),
            ],
            vec![tls::certificate::source(), tls::public_key::source()],
        )
        .opening(vec![tls::private_key::ephemeral()])
        .configured_by(tls::config()),
        Table::new("http", "registry.terraform.io/hashicorp/http", "3.5.0", vec![], vec![http_data::source()]),
        Table::new("external", "registry.terraform.io/hashicorp/external", "2.3.5", vec![], vec![external::source()]),
        Table::new(
            "cloudinit",
            "registry.terraform.io/hashicorp/cloudinit",
            "2.3.7",
            vec![],
            vec![cloudinit::source()],
        ),
    ];
    all.into_iter().map(|t| Arc::new(t) as Arc<dyn Provider>).collect()
}
