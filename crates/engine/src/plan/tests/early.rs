//! What depends on an object begins once the object is as it shall be, and not only when its ownership tag is off.

use stackctl_core::ErrorKind;

use super::{Bench, split};

#[test]
fn nobody_waits_for_the_ownership_tag() {
    let mut bench = Bench::default();
    let text = r#"
        resource "test_part" "a" { thing = "x" }
        resource "test_part" "b" { thing = test_part.a.id }
    "#;
    bench.provider.world().faults = vec![("release test_part".to_owned(), ErrorKind::Denied)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, applied) = runtime.block_on(bench.apply(&split(text), |_| {})).unwrap();
    assert_eq!(applied.diags.len(), 1, "{:?}", applied.diags);
    assert_eq!(applied.diags[0].summary, "Error creating test_part.a");
    assert_eq!((applied.done.added, applied.skipped), (2, 0));
    let open: Vec<(bool, bool)> = applied.state.objects().map(|(_, o)| (o.unfinished, o.tagged)).collect();
    assert_eq!(open, [(false, true), (false, false)], "the next run takes the tag of the first one off");

    let (_, applied) = runtime.block_on(bench.apply(&split(text), |_| {})).unwrap();
    assert!(applied.diags.is_empty(), "{:?}", applied.diags);
    assert_eq!(applied.state.objects().filter(|(_, o)| o.unfinished || o.tagged).count(), 0);
    let calls = bench.provider.world().calls.clone();
    let count = |what: &str| calls.iter().filter(|c| c.starts_with(what)).count();
    assert_eq!((count("create"), count("release")), (2, 3), "{calls:?}");
    assert_eq!(count("read"), 3, "what depends on the first one may have changed it: nothing is repeated: {calls:?}");
}
