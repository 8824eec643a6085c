//! A run whose state cannot be saved names what it made.

use stackctl_state::memory::Fault;

use super::{Bench, split};

#[test]
fn what_was_made_is_named_one_by_one() {
    let mut bench = Bench::default();
    let text = r#"
        resource "test_thing" "a" { name = "a" }
        resource "test_thing" "b" { name = "b" }
    "#;
    bench.store.faults(|r| if r.op == "put" { Fault::Denied } else { Fault::None });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, applied) = runtime.block_on(bench.apply(&split(text), |_| {})).unwrap();
    let ids: Vec<String> = bench.provider.world().objects.keys().map(|(_, id)| id.clone()).collect();
    assert!(!ids.is_empty());
    let told = applied.diags.iter().find(|d| d.summary == "Objects that this run made").unwrap();
    for id in &ids {
        let named = |l: &str| l.starts_with("test_thing.") && l.ends_with(&format!(" {id}"));
        assert!(told.detail.lines().any(named), "{id} is not in {told:?}");
    }
    assert_eq!(told.detail.lines().count(), ids.len());
}
