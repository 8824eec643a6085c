//! Who holds a lock: Terraform's record, with the fields of our lease beside it.
//!
//! Terraform writes one line of JSON without a final newline, fields in this order, and ignores fields that it does not
//! know; so do we.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stackctl_core::Host;

use crate::model::{Author, TERRAFORM_VERSION};

/// A lock's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LockInfo {
    /// What `force-unlock` asks for. We write UUIDs; others may write anything.
    #[serde(rename = "ID")]
    pub id: String,
    /// `OperationTypeApply`, `OperationTypePlan`, `init`, `state-rm` …
    pub operation: String,
    /// A word to whoever meets the lock.
    pub info: String,
    /// `user@host`
    pub who: String,
    /// Version of the tool.
    pub version: String,
    /// RFC 3339.
    pub created: String,
    /// State file, or `bucket/key`.
    pub path: String,
}

impl LockInfo {
    /// A record of this process.
    pub fn new(host: &Host, operation: &str, info: &str, path: &str) -> LockInfo {
        LockInfo {
            id: host.ids.uuid(),
            operation: operation.to_owned(),
            info: info.to_owned(),
            who: who(host),
            version: TERRAFORM_VERSION.to_owned(),
            created: host.clock.now().to_string(),
            path: path.to_owned(),
        }
    }
    /// One line, as Terraform writes it.
    pub fn to_json(&self) -> String {
        crate::format::json::go_escape(serde_json::to_string(self).unwrap_or_default())
    }
    /// Reads a record; the error is the JSON parser's, or says that there is no ID.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn parse(text: &str) -> Result<LockInfo, String> {
        let info: LockInfo = serde_json::from_str(text).map_err(|e| format!("its record is not readable: {e}"))?;
        if info.id.is_empty() { Err("its record has no ID".to_owned()) } else { Ok(info) }
    }
    /// When it was taken, if that can be read.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.created.parse().ok()
    }
    /// The lines that Terraform shows.
    pub fn table(&self) -> String {
        format!(
            "Lock Info:\n  ID:        {}\n  Path:      {}\n  Operation: {}\n  Who:       {}\n  Version:   {}\n  \
             Created:   {}\n  Info:      {}",
            self.id, self.path, self.operation, self.who, self.version, self.created, self.info
        )
    }
}

/// Who runs this process, and for which operation.
pub(crate) fn author(host: &Host, operation: &str) -> Author {
    Author { who: who(host), operation: operation.to_owned() }
}

fn who(host: &Host) -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|n| host.env.get(*n)).map_or_else(
        || if rustix::process::getuid().is_root() { "root".to_owned() } else { "unknown".to_owned() },
        Clone::clone,
    );
    format!("{user}@{}", gethostname::gethostname().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "{\"ID\":\"be003967-845e-9557-4633-6f36b3fcaf66\",\"Operation\":\"OperationTypeApply\",\
                        \"Info\":\"\",\"Who\":\"root@vm\",\"Version\":\"1.11.4\",\
                        \"Created\":\"2026-11-21T03:33:09.357139245Z\",\"Path\":\"bkt/app/lf.tfstate\"}";

    #[test]
    fn record_round_trip() {
        let info = LockInfo::parse(LINE).unwrap();
        assert_eq!(info.to_json(), LINE);
        assert_eq!(info.created_at().unwrap().to_string(), "2026-11-21T03:33:09.357139245Z");
    }

    #[test]
    fn foreign_records() {
        let ours = LINE.replace('}', ",\"StackctlBeat\":17}");
        assert_eq!(LockInfo::parse(&ours).unwrap().who, "root@vm");
        assert_eq!(LockInfo::parse("{\"ID\":\"abc\"}").unwrap().id, "abc");
        assert!(LockInfo::parse("").unwrap_err().contains("not readable"));
        assert!(LockInfo::parse("{}").unwrap_err().contains("no ID"));
    }
}
