//! Every type that a file defines is in its service's table.

use std::path::Path;

#[test]
fn no_type_is_forgotten() {
    let provider = stackctl_aws::provider();
    let mut defined = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut defined);
    assert!(!defined.is_empty());
    for (kind, name) in defined {
        let listed = match kind {
            "resource" => provider.resource(&name).is_some(),
            "ephemeral" => provider.ephemeral(&name).is_some(),
            _ => provider.data(&name).is_some(),
        };
        assert!(listed, "{kind} {name} is defined in a file but missing from the table of its service");
    }
}

/// `type = "…"` behind `#[resource(` or `#[data(`.
fn walk(dir: &Path, out: &mut Vec<(&'static str, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, out);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for kind in ["resource", "data"] {
            for found in text.split(&format!("#[{kind}(")).skip(1) {
                let name = found.split_once("type = \"").and_then(|(_, rest)| rest.split_once('"'));
                // Ephemeral types are written as data sources are, in files that say so.
                let ephemeral = path.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("_ephemeral"));
                let kind = if ephemeral { "ephemeral" } else { kind };
                out.extend(name.map(|(n, _)| (kind, n.to_owned())));
            }
        }
    }
}
