//! The local backend from the outside: files, locks, crashes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stackctl_core::Host;

use super::*;
use crate::backend::{Locking, Notice};
use crate::model::State;
use crate::record::{Action, Record};
use crate::testing::*;

fn options(access: Access) -> Options {
    Options::new("default", access, "OperationTypeApply")
}

struct Place {
    dir: tempfile::TempDir,
    runs: std::cell::Cell<u64>,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap(), runs: std::cell::Cell::new(0) }
    }
    fn local(&self) -> Local {
        Local::new(self.dir.path(), None, None)
    }
    fn host(&self) -> Host {
        self.runs.set(self.runs.get() + 1);
        host(self.dir.path(), self.runs.get())
    }
    async fn open(&self, access: Access) -> Session {
        self.local().open(options(access), &self.host()).await.unwrap()
    }
    async fn writer(&self) -> Session {
        let mut s = self.open(Access::Write).await;
        s.resolve(Vec::new()).await.unwrap();
        s
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn kept(&self) -> State {
        State::parse(&std::fs::read(self.path("terraform.tfstate")).unwrap(), "kept").unwrap()
    }
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

async fn create(s: &mut Session, to: &str, id: &str) {
    let t = s.token(&addr(to));
    s.append(vec![intent(Action::Create, to, &t, None)]).await.unwrap();
    s.append(vec![created(to, &t, id)]).await.unwrap();
}

#[tokio::test]
async fn a_run_from_nothing_to_a_state() {
    let p = Place::new();
    let mut s = p.writer().await;
    assert!(!s.existed());
    create(&mut s, "t.a", "1").await;
    assert_eq!(p.kept().serial, 1, "the lineage is in a state before the first intent");
    assert_eq!(p.kept().lineage, s.state().lineage);
    let kept = s.close().await.unwrap();
    assert_eq!(kept, p.kept());
    assert_eq!((kept.serial, kept.len()), (2, 1));
    assert_eq!(p.files(), ["terraform.tfstate", "terraform.tfstate.journal"]);
    let journal = std::fs::read_to_string(p.path("terraform.tfstate.journal")).unwrap();
    assert_eq!(journal.lines().count(), 1, "one closing checkpoint stays");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(p.path("terraform.tfstate.journal")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_to_do_writes_nothing() {
    let p = Place::new();
    p.writer().await.close().await.unwrap();
    assert_eq!(p.files(), Vec::<String>::new());
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    s.close().await.unwrap();
    let read = || {
        (
            std::fs::read(p.path("terraform.tfstate")).unwrap(),
            std::fs::read(p.path("terraform.tfstate.journal")).unwrap(),
        )
    };
    let before = read();
    p.writer().await.close().await.unwrap();
    p.open(Access::Plan).await.close().await.unwrap();
    assert_eq!(read(), before);
    assert_eq!(p.files().len(), 2);
}

#[tokio::test]
async fn only_what_changes_the_state_raises_the_serial() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    s.close().await.unwrap();
    let mut s = p.writer().await;
    let t = s.token(&addr("t.b"));
    s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap();
    s.append(vec![Record::Failed { token: t }]).await.unwrap();
    s.close().await.unwrap();
    assert_eq!(p.kept().serial, 2);
    let s = p.open(Access::Write).await;
    assert!(s.pending().is_empty());
}

#[tokio::test]
async fn the_backup_holds_what_was_there_before_the_run() {
    let p = Place::new();
    for id in ["1", "2", "3"] {
        let mut s = p.writer().await;
        create(&mut s, &format!("t.x{id}"), id).await;
        s.close().await.unwrap();
    }
    let backup = State::parse(&std::fs::read(p.path("terraform.tfstate.backup")).unwrap(), "b").unwrap();
    assert_eq!((backup.len(), p.kept().len()), (2, 3));
}

#[tokio::test]
async fn tokens_never_repeat() {
    let p = Place::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut s = p.writer().await;
        for _ in 0..3 {
            let t = s.token(&addr("t.a"));
            assert_eq!(t.len(), 32);
            assert!(seen.insert(t));
        }
        drop(s);
        tokio::task::yield_now().await;
    }
}

/// A crash: the session is dropped, and the task behind it ends.
async fn crash(s: Session) {
    drop(s);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_killed_run_is_found() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    let t = s.token(&addr("t.b"));
    s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap();
    crash(s).await;
    assert_eq!(p.kept().len(), 0, "only the journal knows");

    // Readers see it without a lock, and write nothing.
    let mut r = p.open(Access::Read).await;
    assert_eq!(r.state().len(), 1);
    assert_eq!(r.pending().open.len(), 1);
    r.resolve(Vec::new()).await.unwrap();
    assert!(matches!(r.append(vec![]).await, Err(Error::ReadOnly)));
    assert_eq!(p.kept().len(), 0);

    // A writer may not go on before it has looked.
    let mut w = p.open(Access::Write).await;
    assert!(matches!(w.append(vec![]).await, Err(Error::Unresolved)));
    assert_eq!(w.pending().open[0].token, t);
    w.resolve(Vec::new()).await.unwrap();
    assert_eq!(p.kept().len(), 1, "folded before anything else");
    assert_eq!(w.token(&addr("t.b")), t, "the create in doubt is repeated with its token");
    crash(w).await;

    // Still in doubt for the next run, which finds the object.
    let mut w = p.open(Access::Write).await;
    assert_eq!((w.pending().open.len(), w.pending().doubts.len()), (0, 1));
    w.resolve(vec![Record::Adopt { token: Some(t.clone()), addr: addr("t.b"), object: object("2") }]).await.unwrap();
    assert_ne!(w.token(&addr("t.b")), t);
    assert_eq!(w.close().await.unwrap().len(), 2);
    let s = p.open(Access::Write).await;
    assert!(s.pending().doubts[0].seen.contains("2"), "accounted for, even after it leaves the state");
}

#[tokio::test]
async fn doubts_end() {
    let p = Place::new();
    let mut s = p.writer().await;
    let t = s.token(&addr("t.b"));
    s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap();
    crash(s).await;
    p.writer().await.close().await.unwrap();
    let h = p.host();
    h.clock.sleep(Duration::from_secs(21 * 60)).await;
    let mut w = p.local().open(options(Access::Write), &h).await.unwrap();
    assert_eq!(w.pending().doubts.len(), 1, "the first run after it looks once more");
    w.resolve(Vec::new()).await.unwrap();
    w.close().await.unwrap();
    assert!(p.open(Access::Write).await.pending().is_empty());
}

#[tokio::test]
async fn another_tool_wrote_after_the_crash() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    s.close().await.unwrap();
    let mut s = p.writer().await;
    create(&mut s, "t.b", "2").await;
    create(&mut s, "t.c", "3").await;
    crash(s).await;
    // Terraform reads the state without our journal, drops our mark, and makes another t.b.
    let mut theirs = p.kept();
    theirs.mark = None;
    theirs.serial += 1;
    theirs.put(&at("t.b"), object("22"));
    std::fs::write(p.path("terraform.tfstate"), theirs.to_bytes()).unwrap();
    let mut w = p.open(Access::Write).await;
    assert_eq!(w.state().len(), 2, "nothing is applied over it");
    assert_eq!(w.pending().claims.len(), 2);
    let adopt = w.pending().claims.iter().map(|c| Record::Adopt {
        token: None,
        addr: c.addr.clone(),
        object: c.object.clone(),
    });
    let adopt = adopt.collect();
    w.resolve(adopt).await.unwrap();
    let kept = w.close().await.unwrap();
    assert_eq!(kept.current(&addr("t.b")).unwrap().id(), Some("22"));
    assert!(kept.instance(&addr("t.b")).unwrap().by_id("2").is_some(), "ours is deposed beside it");
    assert_eq!(kept.current(&addr("t.c")).unwrap().id(), Some("3"));
}

#[tokio::test]
async fn the_journal_cut_anywhere() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    create(&mut s, "t.b", "2").await;
    crash(s).await;
    let (state, journal) = (p.path("terraform.tfstate"), p.path("terraform.tfstate.journal"));
    let (first, whole) = (std::fs::read(&state).unwrap(), std::fs::read(&journal).unwrap());
    let mut last = 0;
    let near_a_line = |i: usize| {
        i == whole.len() || i.is_multiple_of(97) || whole[i.saturating_sub(1)..].iter().take(3).any(|b| *b == b'\n')
    };
    for end in 0..=whole.len() {
        std::fs::write(&state, &first).unwrap();
        std::fs::write(&journal, &whole[..end]).unwrap();
        let n = p.open(Access::Read).await.state().len();
        assert!(n >= last && n <= 2, "cut at {end}: {n} objects after {last}");
        last = n;
        // Going on from there costs a few syncs.
        if !near_a_line(end) {
            continue;
        }
        let mut s = p.writer().await;
        assert_eq!(s.state().len(), n, "cut at {end}");
        create(&mut s, "t.z", "9").await;
        assert_eq!(s.close().await.unwrap().len(), n + 1, "cut at {end}");
        assert_eq!(p.open(Access::Read).await.state().len(), n + 1);
    }
    assert_eq!(last, 2);
}

/// The power fails while a fold writes: what it writes goes to a file beside, which nobody reads however long it is.
#[tokio::test]
async fn the_last_write_cut_anywhere() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    create(&mut s, "t.b", "2").await;
    crash(s).await;
    let (state, journal) = (p.path("terraform.tfstate"), p.path("terraform.tfstate.journal"));
    let before = (std::fs::read(&state).unwrap(), std::fs::read(&journal).unwrap());
    p.writer().await.close().await.unwrap();
    let after = (std::fs::read(&state).unwrap(), std::fs::read(&journal).unwrap());
    let files = |s: &[u8], j: &[u8]| {
        std::fs::write(&state, s).unwrap();
        std::fs::write(&journal, j).unwrap();
    };
    for (written, name) in [(&after.0, "terraform.tfstate.tmp"), (&after.1, "terraform.tfstate.journal.tmp")] {
        for end in 0..=written.len() {
            // The state takes its place before the journal is written.
            let state_there = if name.contains("journal") { &after.0 } else { &before.0 };
            files(state_there, &before.1);
            std::fs::write(p.path(name), &written[..end]).unwrap();
            let read = p.open(Access::Read).await;
            assert_eq!((read.state().len(), &read.state().lineage), (2, &p.kept().lineage), "{name} cut at {end}");
        }
        let s = p.writer().await;
        assert_eq!(s.close().await.unwrap().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_crash_within_a_fold_changes_nothing() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    let before = std::fs::read(p.path("terraform.tfstate.journal")).unwrap();
    s.close().await.unwrap();
    // The state was replaced, the journal was not.
    std::fs::write(p.path("terraform.tfstate.journal"), before).unwrap();
    let s = p.writer().await;
    assert_eq!(s.state().len(), 1);
    assert_eq!(s.close().await.unwrap().serial, 2, "folded again without effect");
}

#[tokio::test]
async fn a_missing_state_is_not_an_empty_one() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    s.close().await.unwrap();
    std::fs::remove_file(p.path("terraform.tfstate")).unwrap();
    let e = p.local().open(options(Access::Write), &p.host()).await.err().unwrap();
    assert!(matches!(e, Error::Missing { resources: 1, .. }), "{e}");
}

#[tokio::test]
async fn a_journal_of_another_lineage_is_kept_aside() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    crash(s).await;
    std::fs::write(p.path("terraform.tfstate"), State::new("other").to_bytes()).unwrap();
    let mut s = p.writer().await;
    assert_eq!(s.state().len(), 0);
    create(&mut s, "t.b", "2").await;
    s.close().await.unwrap();
    assert_eq!(p.kept().lineage, "other");
    assert_eq!(p.files().iter().filter(|f| f.contains(".journal.")).count(), 1, "{:?}", p.files());
}

#[tokio::test]
async fn two_sessions_exclude_each_other() {
    let p = Place::new();
    let mut first = p.writer().await;
    create(&mut first, "t.a", "1").await;
    first.flush().await.unwrap();
    let e = p.local().open(options(Access::Plan), &p.host()).await.err().unwrap();
    let Error::Locked { holder: Some(h), .. } = &e else { panic!("{e}") };
    assert_eq!(h.operation, "OperationTypeApply");
    assert!(h.who.starts_with("ada@"));
    assert!(e.diagnostic().detail.contains(&h.id));
    // Reading neither needs the lock nor takes it away.
    assert_eq!(p.open(Access::Read).await.state().len(), 1);
    assert!(p.local().open(options(Access::Plan), &p.host()).await.is_err());

    let waited = Arc::new(Mutex::new(Vec::new()));
    let w = waited.clone();
    let mut o = options(Access::Plan);
    o.locking = Locking::On { timeout: Duration::from_secs(5) };
    o.watch = Arc::new(move |n| w.lock().unwrap().push(n));
    assert!(p.local().open(o, &p.host()).await.is_err());
    let times: Vec<u64> = waited
        .lock()
        .unwrap()
        .iter()
        .filter_map(|n| if let Notice::Waiting { since, .. } = n { Some(since.as_secs()) } else { None })
        .collect();
    assert_eq!(times, [0, 1, 3], "one second, doubled, and no longer than asked");
    first.close().await.unwrap();
    p.open(Access::Plan).await.close().await.unwrap();
}

/// The other process is Python, because its `fcntl.lockf` is the lock that Terraform takes.
#[tokio::test]
async fn another_process_and_we_exclude_each_other() {
    let p = Place::new();
    let path = p.path("terraform.tfstate");
    let try_lock = |path: &Path| {
        Command::new("python3")
            .args(["-c", "import fcntl,sys\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)"])
            .arg(path)
            .stderr(Stdio::null())
            .status()
            .expect("python3 is needed for this test")
            .success()
    };
    let mut s = p.writer().await;
    assert!(!try_lock(&path));
    create(&mut s, "t.a", "1").await;
    s.flush().await.unwrap();
    assert!(!try_lock(&path), "the lock moves with the file that a fold puts in its place");
    s.close().await.unwrap();
    assert!(try_lock(&path));

    let script = "import fcntl,sys,time\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()";
    let mut other = Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(other.stdout.take().unwrap()), &mut line).unwrap();
    let e = p.local().open(options(Access::Write), &p.host()).await.err().unwrap();
    assert!(matches!(e, Error::Locked { holder: None, .. }), "{e}");
    other.kill().unwrap();
    other.wait().unwrap();
    p.writer().await.close().await.unwrap();
}

#[tokio::test]
async fn a_replaced_file_is_noticed() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    std::fs::rename(p.path("terraform.tfstate"), p.path("moved")).unwrap();
    std::fs::write(p.path("terraform.tfstate"), State::new("x").to_bytes()).unwrap();
    let t = s.token(&addr("t.b"));
    let e = s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap_err();
    assert!(e.is_fence(), "{e}");
    assert!(s.gate().check().is_err(), "nothing more may be sent");
    let e = s.close().await.unwrap_err();
    let Error::NotSaved { errored: Some(path), .. } = e else { panic!("{e}") };
    assert_eq!(State::parse(&std::fs::read(path).unwrap(), "e").unwrap().len(), 1);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_durable() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await;
    // The temporary file of the fold cannot be made.
    std::fs::create_dir(p.path("terraform.tfstate.tmp")).unwrap();
    let e = s.close().await.unwrap_err();
    assert!(matches!(e, Error::NotSaved { errored: Some(_), .. }), "{e}");
    assert!(e.diagnostic().hint.unwrap().contains("state push"));
    std::fs::remove_dir(p.path("terraform.tfstate.tmp")).unwrap();
    assert_eq!(p.writer().await.state().len(), 1);
}

#[tokio::test]
async fn what_is_no_state_is_left_alone() {
    let p = Place::new();
    std::fs::write(p.path("terraform.tfstate"), "hello").unwrap();
    let e = p.local().open(options(Access::Write), &p.host()).await.err().unwrap();
    assert!(e.to_string().contains("not a JSON object"), "{e}");
    assert_eq!(std::fs::read(p.path("terraform.tfstate")).unwrap(), b"hello");
    assert!(!p.path(".terraform.tfstate.lock.info").exists(), "{:?}", p.files());
}

#[tokio::test]
async fn workspaces() {
    let p = Place::new();
    let l = p.local();
    let open = |name: &str| {
        let l = p.local();
        let o = Options::new(name, Access::Write, "init");
        let h = p.host();
        async move { l.open(o, &h).await.unwrap() }
    };
    let mut s = open("dev").await;
    s.create().await.unwrap();
    s.resolve(Vec::new()).await.unwrap();
    create(&mut s, "t.a", "1").await;
    s.close().await.unwrap();
    assert_eq!(l.workspaces().await.unwrap(), ["default", "dev"]);
    assert_eq!(l.place("dev"), "terraform.tfstate.d/dev/terraform.tfstate");
    // A plan in a workspace that does not exist leaves no trace of it.
    let h = p.host();
    l.open(Options::new("ghost", Access::Plan, "p"), &h).await.unwrap().close().await.unwrap();
    assert_eq!(l.workspaces().await.unwrap(), ["default", "dev"]);
    let o = || Options::new("dev", Access::Write, "workspace-delete");
    let e = l.delete(o(), false, &h).await.unwrap_err();
    assert!(e.to_string().contains("still holds 1 objects"), "{e}");
    l.delete(o(), true, &h).await.unwrap();
    assert_eq!(l.workspaces().await.unwrap(), ["default"]);
    assert!(matches!(l.delete(o(), true, &h).await, Err(Error::NoWorkspace { .. })));
}

#[tokio::test]
async fn force_unlock_is_for_the_dead() {
    let p = Place::new();
    let l = p.local();
    let s = p.writer().await;
    let info = LockInfo::parse(&std::fs::read_to_string(p.path(".terraform.tfstate.lock.info")).unwrap()).unwrap();
    assert!(l.force_unlock("default", "nonsense").await.unwrap_err().to_string().contains(&info.id));
    assert!(l.force_unlock("default", &info.id).await.unwrap_err().to_string().contains("running process"));
    crash(s).await;
    assert_eq!(l.force_unlock("default", &info.id).await.unwrap().id, info.id);
    assert!(l.force_unlock("default", &info.id).await.is_err());
}
