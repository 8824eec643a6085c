//! Which process holds a lock, so that whoever meets it on the same machine can tell whether that process still lives.
//!
//! Never guesses: a process counts as gone only if it would have to be visible here. Another boot of the machine is no
//! proof, because clones of one image share their machine id; such a lock is waited for like any other.

use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};
use sha2::{Digest as _, Sha256};

use crate::format::hex;

/// This process as `machine/boot/pid/start`; empty where the system does not tell enough.
pub(crate) fn current() -> String {
    let pid = getpid().as_raw_nonzero().get();
    match (here(), started(pid)) {
        (Some(here), Some((_, start))) => format!("{here}/{pid}/{start}"),
        _ => String::new(),
    }
}

/// True if the text names a process of this machine and boot that has ended.
pub(crate) fn is_gone(text: &str) -> bool {
    let mut parts = text.rsplitn(3, '/');
    let (start, pid, place) = (parts.next(), parts.next(), parts.next());
    let pid = pid.and_then(|p| p.parse().ok()).filter(|p| *p > 0).and_then(Pid::from_raw);
    let (Some(start), Some(pid), Some(place)) = (start, pid, place) else { return false };
    if here().as_deref() != Some(place) {
        return false;
    }
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return true;
    }
    // A number is used again; a process that nobody has waited for is still listed.
    started(pid.as_raw_nonzero().get()).is_some_and(|(state, at)| at != start || matches!(state, 'Z' | 'X'))
}

/// The machine, as far as processes see each other there, and its boot.
fn here() -> Option<String> {
    let boot = read("/proc/sys/kernel/random/boot_id")?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let mut hash = Sha256::new();
    for part in [
        read("/etc/machine-id").unwrap_or_default().as_str(),
        &gethostname::gethostname().to_string_lossy(),
        &space.to_string_lossy(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    Some(format!("{}/{boot}", &hex(&hash.finalize())[..16]))
}

/// State letter and start time of a process, as the kernel writes them.
fn started(pid: i32) -> Option<(char, String)> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.to_owned()))
}

fn read(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_be_visible_is_gone() {
        let me = current();
        assert!(!me.is_empty());
        assert!(!is_gone(&me), "{me}");
        let (place, _) = me.rsplit_once('/').unwrap();
        assert!(is_gone(&format!("{place}/1")), "its number belongs to another process by now");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (rest, _) = place.rsplit_once('/').unwrap();
        let pid = child.id();
        let start = started(i32::try_from(pid).unwrap()).unwrap().1;
        child.wait().unwrap();
        assert!(is_gone(&format!("{rest}/{pid}/{start}")));
        for elsewhere in ["", "x", "a/b/c/d", "other/boot/1/1", &me.replacen(&rest[..4], "0000", 1), "a/b/-1/2"] {
            assert!(!is_gone(elsewhere), "{elsewhere}");
        }
    }
}
