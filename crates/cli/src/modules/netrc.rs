//! `~/.netrc`, or the file that `NETRC` names: credentials by host, for archives over HTTPS whose address has none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;

/// The header `Authorization` for a URL; none where the URL has credentials of its own, is not HTTPS, or nobody knows any.
///
/// # Errors
/// If there is a file that cannot be read, as a sentence without its end.
pub(super) fn authorization(url: &str, env: &BTreeMap<String, String>) -> Result<Option<String>, String> {
    let Some(rest) = url.strip_prefix("https://") else { return Ok(None) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Ok(None);
    }
    let given = |name: &str| env.get(name).filter(|v| !v.is_empty());
    let path = match (given("NETRC"), given("HOME")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(home)) => PathBuf::from(home).join(".netrc"),
        (None, None) => return Ok(None),
    };
    match std::fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(m) if m.is_dir() => return Ok(None),
        _ => {}
    }
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    Ok(find(&text, &[host, name]).map(|(login, password)| {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}")))
    }))
}

/// Login and password of the first of several names that the text has; else those of its `default`.
fn find(text: &str, names: &[&str]) -> Option<(String, String)> {
    let entries = entries(text);
    let named = names.iter().find_map(|n| entries.iter().find(|e| e.machine.as_deref() == Some(*n)));
    let entry = named.or_else(|| entries.iter().find(|e| e.machine.is_none()))?;
    Some((entry.login.clone(), entry.password.clone()))
}

#[derive(Default)]
struct Entry {
    /// None for `default`.
    machine: Option<String>,
    login: String,
    password: String,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut lines = text.lines();
    // A value may stand on another line than its name.
    let mut waiting: Option<String> = None;
    while let Some(line) = lines.next() {
        let mut macro_begins = false;
        for word in line.split_whitespace() {
            if let Some(name) = waiting.take() {
                match (name.as_str(), out.last_mut()) {
                    ("machine", _) => out.push(Entry { machine: Some(word.to_owned()), ..Entry::default() }),
                    ("login", Some(entry)) => entry.login = word.to_owned(),
                    ("password", Some(entry)) => entry.password = word.to_owned(),
                    ("macdef", _) => macro_begins = true,
                    _ => {}
                }
                continue;
            }
            match word {
                "default" => out.push(Entry::default()),
                w if w.starts_with('#') => break,
                w => waiting = Some(w.to_owned()),
            }
        }
        if macro_begins {
            // It ends with an empty line.
            lines.by_ref().find(|l| l.trim().is_empty());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\nmachine a login one password #p1 # not this\nmachine b:8443\n  login two\n  password\n p2\nmacdef init\n\
                        machine c login no\n\nmachine a login other password other\nmachine d account x login three\n";

    #[test]
    fn entries_by_host() {
        let pair = |l: &str, p: &str| Some((l.to_owned(), p.to_owned()));
        for (names, want) in [
            (["a:1", "a"], pair("one", "#p1")),
            (["b:8443", "b"], pair("two", "p2")),
            (["b:1", "b"], None),
            (["c", "c"], None),
            (["d", "d"], pair("three", "")),
        ] {
            assert_eq!(find(FILE, &names), want, "{names:?}");
        }
        let with_default = format!("{FILE}default login any password pd\n");
        assert_eq!(find(&with_default, &["z"]), pair("any", "pd"));
        assert_eq!(find(&with_default, &["a"]), pair("one", "#p1"));
    }

    #[test]
    fn who_is_given_credentials() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".netrc");
        std::fs::write(&path, "machine h login u password p\n").unwrap();
        let home = BTreeMap::from([("HOME".to_owned(), dir.path().display().to_string())]);
        let named = BTreeMap::from([("NETRC".to_owned(), path.display().to_string())]);
        let nowhere =
            BTreeMap::from([("NETRC".to_owned(), "/nowhere/netrc".to_owned()), home.clone().pop_first().unwrap()]);
        let basic = Ok(Some("Basic dTpw".to_owned()));
        for (url, env, want) in [
            ("https://h/x.zip", &home, basic.clone()),
            ("https://h:8443/x.zip", &named, basic),
            ("https://h/x.zip", &nowhere, Ok(None)),
            ("http://h/x.zip", &home, Ok(None)),
            ("https://v@h/x.zip", &home, Ok(None)),
            ("https://g/x.zip", &home, Ok(None)),
            ("https://h/x.zip", &BTreeMap::new(), Ok(None)),
        ] {
            assert_eq!(authorization(url, env), want, "{url} {env:?}");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(authorization("https://h/x", &home).is_err_and(|e| e.contains(".netrc")));
    }
}
