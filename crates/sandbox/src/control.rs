//! A typed client for a running sandbox's control endpoints.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, http};

/// A running sandbox, or a fork of one, by its port. Cheap to copy; owns no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    pub(crate) port: u16,
}

/// One AWS request as the server saw it.
#[derive(Clone, Debug, Deserialize)]
pub struct Logged {
    /// Counts from 1 since the log was cleared.
    pub n: u64,
    /// Unix seconds of the sandbox's clock.
    pub time: f64,
    /// `ec2`, `rds`, `s3`, `cloudwatch` …
    pub service: String,
    /// The API action: `CreateVpc`, `PutBucketVersioning` …
    pub action: String,
    /// HTTP status; none while it runs or where it was cut before it ran.
    pub status: Option<u16>,
    /// HTTP method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query string as sent.
    pub query: String,
    /// Region of the signature.
    pub region: String,
    /// Does the action change something?
    pub changes: bool,
    /// Query protocols: `Name.member.1` → value. JSON and CBOR: the document. REST: `path`, `query`, `headers`, `body`.
    pub params: Value,
    /// Which connection it came on.
    pub connection: u64,
    /// The fault that was applied.
    #[serde(default)]
    pub fault: Option<String>,
    /// Answered from the memory of client tokens.
    #[serde(default)]
    pub replayed: bool,
    /// Why the emulator could not execute it.
    #[serde(default)]
    pub crash: Option<String>,
}

impl Logged {
    /// `service:Action`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The service's answer to too many requests; nothing is executed.
    Throttle,
    /// The service's internal error; nothing is executed.
    Error500,
    /// Another error: give `code`, `status` and `message`; nothing is executed.
    Error,
    /// The connection is cut before the request is executed.
    ResetBefore,
    /// The request is executed, then the connection is cut.
    LostAnswer,
    /// The request is executed, then the connection is cut in the middle of the answer.
    CutAnswer,
    /// Executed after `delay_s` real seconds.
    Slow,
}

/// A rule for faults. The first that matches and is not used up applies.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// Only this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only requests whose path ends so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Matching requests to let pass first.
    pub skip: u32,
    /// How often it applies; -1 for ever.
    pub times: i32,
    /// Seconds, for [`Kind::Slow`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// Another error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Another HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Another message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Further headers of the answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Fault {
    /// A fault that hits the next request of that service and action once.
    pub fn new(kind: Kind, service: &str, action: &str) -> Self {
        let (service, action) = (Some(service.to_owned()), Some(action.to_owned()));
        Self {
            kind,
            service,
            action,
            path: None,
            skip: 0,
            times: 1,
            delay_s: None,
            code: None,
            status: None,
            message: None,
            headers: BTreeMap::new(),
        }
    }

    /// A fault that hits the next request, whatever it is.
    pub fn any(kind: Kind) -> Self {
        Self { service: None, action: None, ..Self::new(kind, "", "") }
    }
}

/// Is request k held before it is executed, or after it was executed and before it is answered?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Not executed.
    Before,
    /// Executed, not answered.
    After,
}

/// How far a stop has come.
#[derive(Clone, Debug, Deserialize)]
pub struct Stopped {
    /// A stop is set.
    pub armed: bool,
    /// Requests counted since it was set, the held one included.
    pub seen: u64,
    /// Request k was reached and is held.
    pub reached: bool,
    /// Request k.
    pub request: Option<Logged>,
}

/// What exists: type → id → attributes.
pub type World = BTreeMap<String, BTreeMap<String, Value>>;

impl Control {
    /// The sandbox that listens on a port of this machine.
    pub fn at(port: u16) -> Self {
        Self { port }
    }

    /// The sandbox at an address that [`Control::endpoint`] gave; none where it is not one.
    pub fn from_endpoint(endpoint: &str) -> Option<Self> {
        let port = endpoint.trim_end_matches('/').strip_prefix("http://127.0.0.1:")?.parse().ok()?;
        Some(Self { port })
    }

    /// Its address, for AWS_ENDPOINT_URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    async fn call<T: for<'a> Deserialize<'a>>(
        &self,
        method: &str,
        name: &str,
        body: Option<Value>,
    ) -> Result<T, Error> {
        let path = format!("/_sandbox/{name}");
        let answer = http::call(self.port, method, &path, body.as_ref()).await?;
        serde_json::from_value(answer).map_err(|e| Error::Refused {
            request: format!("{method} {path}"),
            message: format!("unexpected answer: {e}"),
        })
    }

    async fn tell(&self, method: &str, name: &str, body: Option<Value>) -> Result<(), Error> {
        self.call::<Value>(method, name, body).await.map(drop)
    }

    /// Does it answer? Its process id.
    pub async fn health(&self) -> Result<u32, Error> {
        #[derive(Deserialize)]
        struct Health {
            pid: u32,
        }
        Ok(self.call::<Health>("GET", "health", None).await?.pid)
    }

    /// Unix seconds of the sandbox's clock.
    pub async fn now(&self) -> Result<f64, Error> {
        #[derive(Deserialize)]
        struct Now {
            now: f64,
        }
        Ok(self.call::<Now>("GET", "clock", None).await?.now)
    }

    /// Moves the clock forward.
    pub async fn clock_advance(&self, by: Duration) -> Result<(), Error> {
        self.tell("POST", "clock", Some(json!({"advance": by.as_secs_f64()}))).await
    }

    /// Real time without any AWS request after which the clock jumps to the next sleeper's deadline (10 ms at first).
    pub async fn quiet(&self, d: Duration) -> Result<(), Error> {
        self.tell("POST", "clock", Some(json!({"quiet_ms": d.as_secs_f64() * 1000.0}))).await
    }

    /// Every AWS request since the log was cleared.
    pub async fn log(&self) -> Result<Vec<Logged>, Error> {
        self.log_since(0).await
    }

    /// AWS requests with a number above `n`.
    pub async fn log_since(&self, n: u64) -> Result<Vec<Logged>, Error> {
        #[derive(Deserialize)]
        struct Log {
            requests: Vec<Logged>,
        }
        Ok(self.call::<Log>("GET", &format!("log?since={n}"), None).await?.requests)
    }

    /// Forgets the requests so far.
    pub async fn clear_log(&self) -> Result<(), Error> {
        self.tell("DELETE", "log", None).await
    }

    /// Replaces the rules for faults.
    pub async fn faults(&self, rules: &[Fault]) -> Result<(), Error> {
        self.tell("POST", "faults", Some(json!({ "rules": rules }))).await
    }

    /// Holds the `k`-th AWS request from now on (from 1), and everything after it, until [`Control::clear_stop`].
    pub async fn stop_at(&self, k: u64, when: When) -> Result<(), Error> {
        self.tell("POST", "stop", Some(json!({"at": k, "when": when}))).await
    }

    /// The same, counting changing requests only.
    pub async fn stop_at_change(&self, k: u64, when: When) -> Result<(), Error> {
        self.tell("POST", "stop", Some(json!({"at": k, "when": when, "only": "changes"}))).await
    }

    /// How far the stop has come; waits up to `wait` for it to be reached.
    pub async fn stopped(&self, wait: Duration) -> Result<Stopped, Error> {
        self.call("GET", &format!("stop?wait={}", wait.as_secs_f64()), None).await
    }

    /// Ends the stop; held requests are cut.
    pub async fn clear_stop(&self) -> Result<(), Error> {
        self.tell("DELETE", "stop", None).await
    }

    /// How long things stay in transitional states, e.g. `{"nat_gateway": {"create": 60}}`; seconds of the clock.
    pub async fn states(&self, settings: &Value) -> Result<(), Error> {
        self.tell("POST", "states", Some(settings.clone())).await
    }

    /// What exists.
    pub async fn world(&self) -> Result<World, Error> {
        self.call("GET", "world", None).await
    }

    /// An empty world, log, faults, stop and states. The clock goes on.
    pub async fn reset(&self) -> Result<(), Error> {
        self.tell("POST", "reset", None).await
    }

    /// A copy of the world in a process of its own, on another port. It ends with [`Fork::exit`], or with its parent.
    pub async fn fork(&self) -> Result<Fork, Error> {
        #[derive(Deserialize)]
        struct Forked {
            port: u16,
            pid: u32,
        }
        let forked: Forked = self.call("POST", "fork", None).await?;
        Ok(Fork { control: Self { port: forked.port }, pid: forked.pid })
    }

    /// Ends the process.
    pub async fn exit(&self) -> Result<(), Error> {
        self.tell("POST", "exit", None).await
    }

    /// Variables with which an AWS client uses this sandbox.
    pub fn env(&self) -> Vec<(String, String)> {
        env(&self.endpoint())
    }
}

/// Variables that an AWS client must not see beside those of [`Control::env`].
pub const ENV_REMOVE: &[&str] = &[
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

fn env(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "sandbox"),
        ("AWS_SECRET_ACCESS_KEY", "sandbox"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("NO_PROXY", "127.0.0.1,localhost"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// A fork of a sandbox. Not stopped on drop: call [`Fork::exit`]; at the latest it ends with its parent.
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    control: Control,
    /// Its process.
    pub pid: u32,
}

impl std::ops::Deref for Fork {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}
