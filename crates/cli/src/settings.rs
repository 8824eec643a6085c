//! `stackctl.toml` beside a stack: our own settings, all optional, so that the `.tf` files stay readable by other tools.

use std::path::Path;

use serde::Deserialize;
use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_state::seal::{Policy, Sealing};

/// The settings of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "snake_case")]
pub(crate) struct Settings {
    /// Whether changes of an S3 state are announced in a journal. A local state always has one.
    pub(crate) journal: Journal,
    /// Whether `stackctl:id` stays on objects.
    pub(crate) ownership_tags: OwnershipTags,
    /// Whether new states are sealed.
    pub(crate) seal: Seal,
    /// File with a key that seals states.
    pub(crate) key_file: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Journal {
    #[default]
    On,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OwnershipTags {
    #[default]
    Remove,
    Keep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Seal {
    #[default]
    Auto,
    Always,
    Never,
}

const KEYS: &[&str] = &["journal", "key_file", "ownership_tags", "seal"];

/// Reads the settings of a stack; none if there is no file.
///
/// # Errors
/// If the file is not readable, is no TOML, or has an unknown key or value.
pub(crate) fn load(dir: &Path) -> Result<Settings, Box<Diagnostic>> {
    let path = dir.join("stackctl.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(t) => t,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(e) => {
            let detail = format!("{} cannot be read: {e}.", path.display());
            return Err(Box::new(Diagnostic::error("Unreadable settings", detail)));
        }
    };
    parse(&text).map_err(|(detail, hint)| {
        let mut d = Diagnostic::error("Invalid settings", format!("{}: {detail}", path.display()));
        d.hint = hint;
        Box::new(d)
    })
}

/// How the states of the working directory are sealed. `without_key`: the command does its work even if the secrets of a
/// sealed state cannot be read.
///
/// # Errors
/// As for [`load`].
pub(crate) fn sealing(cwd: &Path, without_key: bool) -> Result<Sealing, Diagnostics> {
    let settings = load(cwd).map_err(|d| vec![*d])?;
    let policy = match settings.seal {
        Seal::Auto => Policy::Auto,
        Seal::Always => Policy::Always,
        Seal::Never => Policy::Never,
    };
    Ok(Sealing { policy, key_file: settings.key_file, without_key })
}

fn parse(text: &str) -> Result<Settings, (String, Option<String>)> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| (e.message().to_owned(), None))?;
    if let Some(unknown) = table.keys().find(|k| !KEYS.contains(&k.as_str())) {
        let near = KEYS.iter().max_by_key(|k| (strsim::jaro_winkler(k, unknown) * 1000.0) as u32).copied();
        return Err((format!("there is no setting {unknown:?}."), near.map(|n| format!("Did you mean {n:?}?"))));
    }
    let settings: Settings = table.try_into().map_err(|e: toml::de::Error| (e.message().to_owned(), None))?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        assert_eq!(parse("").unwrap(), Settings::default());
        assert_eq!(parse("ownership_tags = \"keep\"").unwrap().ownership_tags, OwnershipTags::Keep);
        assert_eq!(parse("ownership_tag = \"keep\"").unwrap_err().1.unwrap(), "Did you mean \"ownership_tags\"?");
        assert_eq!(parse("seal = \"always\"\nkey_file = \"k\"").unwrap().seal, Seal::Always);
        assert_eq!(parse("journal = \"off\"").unwrap().journal, Journal::Off);
        assert!(parse("journal = \"maybe\"").is_err());
        assert!(parse("journal = ").is_err());
    }
}
