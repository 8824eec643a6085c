//! The sandbox against raw requests. One server is started for all tests; each test works in a fork of it, which is
//! also what makes a fork's isolation a matter of every test.

mod aws;
mod control;
mod repairs;

use stackctl_sandbox::{Control, Options, Sandbox};
use tokio::sync::OnceCell;

use aws::Aws;

/// A world of its own for one test; it ends with the test's process.
async fn world() -> (Control, Aws) {
    static PARENT: OnceCell<Sandbox> = OnceCell::const_new();
    let parent = PARENT
        .get_or_init(|| async {
            let sandbox = Sandbox::start(Options { verbose: true, ..Options::default() }).await.unwrap();
            let aws = Aws(sandbox.control());
            // What was imported here need not be imported in every fork.
            aws.query("ec2", "DescribeVpcs", &[]).ok();
            aws.query("rds", "DescribeDBInstances", &[]).ok();
            aws.s3("GET", "/", &[], "").ok();
            sandbox
        })
        .await;
    let fork = parent.fork().await.unwrap();
    (*fork, Aws(*fork))
}
