//! A world of the sandbox, by its port: its control endpoints, without waiting asynchronously.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::Result;

/// A world that some sandbox process serves. Owns nothing: end a fork with [`World::exit`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    /// Port on this machine.
    pub(crate) port: u16,
}

/// A signature for S3 that nobody checks.
const UNSIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/s3/aws4_request, \
                        SignedHeaders=host, Signature=0\r\n";

/// Type → number of objects.
pub(crate) type Census = BTreeMap<String, usize>;

impl World {
    /// Address for AWS_ENDPOINT_URL.
    pub(crate) fn endpoint(self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A control request: method, name below `/_sandbox/`, document.
    pub(crate) fn control(self, method: &str, name: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = "Content-Type: application/json\r\n";
        let (status, text) = exchange(self.port, method, &format!("/_sandbox/{name}"), head, body.as_bytes())?;
        match status {
            200 => serde_json::from_str(&text).map_err(|e| format!("{method} {name}: {e}")),
            _ => Err(format!("the sandbox refused {method} {name}: {text}")),
        }
    }

    /// A copy of this world in a process of its own.
    pub(crate) fn fork(self) -> Result<World> {
        let answer = self.control("POST", "fork", &Value::Null)?;
        let port = answer["port"].as_u64().and_then(|p| u16::try_from(p).ok());
        port.map(|port| World { port }).ok_or_else(|| format!("a fork without a port: {answer}"))
    }

    /// Ends the process that serves it. A world that is gone already is no error.
    pub(crate) fn exit(self) {
        let _ = self.control("POST", "exit", &Value::Null);
    }

    /// Empties it.
    pub(crate) fn reset(self) -> Result<()> {
        self.control("POST", "reset", &Value::Null).map(drop)
    }

    /// Forgets the requests so far.
    pub(crate) fn clear_log(self) -> Result<()> {
        self.control("DELETE", "log", &Value::Null).map(drop)
    }

    /// Every AWS request since the log was cleared.
    pub(crate) fn log(self) -> Result<Vec<Value>> {
        let mut answer = self.control("GET", "log", &Value::Null)?;
        match answer["requests"].take() {
            Value::Array(requests) => Ok(requests),
            other => Err(format!("no list of requests: {other}")),
        }
    }

    /// Holds request `k` from now on, or the `k`th of those that change something, before or after it is executed, and
    /// everything after it.
    pub(crate) fn stop_at(self, k: u64, when: &str, changes: bool) -> Result<()> {
        let only = if changes { "changes" } else { "all" };
        self.control("POST", "stop", &json!({"at": k, "when": when, "only": only})).map(drop)
    }

    /// Was the request reached where [`World::stop_at`] holds? Waits up to `wait` for it; the request's name if so.
    pub(crate) fn stopped(self, wait: Duration) -> Result<Option<String>> {
        let report = self.control("GET", &format!("stop?wait={}", wait.as_secs_f64()), &Value::Null)?;
        let name = |v: &Value| format!("{}:{}", text(&v["service"]), text(&v["action"]));
        Ok((report["reached"] == true).then(|| name(&report["request"])))
    }

    /// Ends the stop; held requests are cut.
    pub(crate) fn clear_stop(self) -> Result<()> {
        self.control("DELETE", "stop", &Value::Null).map(drop)
    }

    /// Disturbs one request from now on: what the rule says, skipping the first `k` - 1 that it matches.
    pub(crate) fn fault(self, mut rule: Value, k: u64) -> Result<()> {
        rule["skip"] = k.saturating_sub(1).into();
        rule["times"] = 1.into();
        self.control("POST", "faults", &json!([rule])).map(drop)
    }

    /// Forgets the faults.
    pub(crate) fn clear_faults(self) -> Result<()> {
        self.control("DELETE", "faults", &Value::Null).map(drop)
    }

    /// Keys of a bucket; none where there is no such bucket.
    pub(crate) fn keys(self, bucket: &str) -> Result<Vec<String>> {
        let (status, xml) = exchange(self.port, "GET", &format!("/{bucket}?list-type=2"), UNSIGNED, b"")?;
        let parts = xml.split("<Key>").skip(1);
        let keys = parts.filter_map(|p| p.split_once("</Key>").map(|(k, _)| k.to_owned())).collect();
        if status == 200 { Ok(keys) } else { Ok(Vec::new()) }
    }

    /// Bytes of an object, as text.
    pub(crate) fn object(self, bucket: &str, key: &str) -> Result<String> {
        Ok(exchange(self.port, "GET", &format!("/{bucket}/{key}"), UNSIGNED, b"")?.1)
    }

    /// What exists: type → id → attributes. What AWS makes by itself is left out.
    pub(crate) fn inventory(self) -> Result<BTreeMap<String, BTreeMap<String, Value>>> {
        let answer = self.control("GET", "world", &Value::Null)?;
        serde_json::from_value(answer).map_err(|e| format!("the world's inventory: {e}"))
    }

    /// How much exists of each type.
    pub(crate) fn census(self) -> Result<Census> {
        Ok(self.inventory()?.into_iter().map(|(k, v)| (k, v.len())).filter(|(_, n)| *n > 0).collect())
    }

    /// Variables for a program that works in this world. The product takes the world's clock too.
    pub(crate) fn env(self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("STACKCTL_SANDBOX", self.port.to_string()),
            ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ]
    }
}

/// A text of a document, empty where it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One HTTP request on a connection of its own: status and body.
pub(crate) fn exchange(port: u16, method: &str, path: &str, head: &str, body: &[u8]) -> Result<(u16, String)> {
    let failed = |e: std::io::Error| format!("the sandbox at port {port} does not answer {method} {path}: {e}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).map_err(failed)?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).map_err(failed)?;
    let raw = String::from_utf8_lossy(&raw);
    let (head, body) = raw.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: the answer was cut"))?;
    let status =
        head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| format!("{method} {path}: {head}"))?;
    Ok((status, body.to_owned()))
}
