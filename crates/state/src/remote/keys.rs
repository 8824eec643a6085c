//! Keys of state objects, as Terraform composes them.

use crate::workspace::DEFAULT;

/// Key of a workspace's state.
pub(super) fn of(key: &str, prefix: &str, workspace: &str) -> String {
    if workspace == DEFAULT {
        return key.to_owned();
    }
    let parts = [prefix, workspace, key].map(|p| p.trim_matches('/'));
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/")
}

/// What keys of workspaces begin with.
pub(super) fn prefix(prefix: &str) -> String {
    let trimmed = prefix.trim_matches('/');
    if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") }
}

/// Names of the workspaces that have a state among these keys.
pub(super) fn workspaces(keys: &[String], key: &str, under: &str) -> Vec<String> {
    let under = prefix(under);
    let mut names: Vec<String> = keys
        .iter()
        .filter_map(|k| k.strip_prefix(&under)?.split_once('/'))
        .filter(|(name, rest)| *rest == key.trim_matches('/') && *name != DEFAULT && !name.is_empty())
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names.insert(0, DEFAULT.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names() {
        assert_eq!(of("app/x.tfstate", "env:", "default"), "app/x.tfstate");
        assert_eq!(of("app/x.tfstate", "env:", "staging"), "env:/staging/app/x.tfstate");
        assert_eq!(of("x", "", "staging"), "staging/x");
        let keys = [
            "env:/b/app/x.tfstate",
            "env:/a/app/x.tfstate",
            "env:/a/app/x.tfstate.tflock",
            "env:/a/app/x.tfstate.journal/000000000001",
            "env:/c/other",
            "app/x.tfstate",
        ]
        .map(str::to_owned);
        assert_eq!(workspaces(&keys, "app/x.tfstate", "env:"), ["default", "a", "b"]);
        assert_eq!(workspaces(&["s/x".to_owned(), "x".to_owned()], "x", ""), ["default", "s"]);
    }
}
