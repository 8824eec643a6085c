//! Requests as an AWS client sends them, over plain sockets with a signature that nobody checks.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use stackctl_sandbox::Control;

/// Status and body of an answer, with its head.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Text of the first XML element of that name; empty where there is none.
    pub(crate) fn tag(&self, name: &str) -> String {
        self.tags(name).into_iter().next().unwrap_or_default()
    }

    /// Texts of all XML elements of that name.
    pub(crate) fn tags(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        self.body.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
    }

    /// The answer where it is a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status < 300, "{} {}", self.status, self.body);
        self
    }

    /// Checks that it is this error.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) {
        assert!(self.status >= 400 && self.body.contains(code), "wanted {code}, got {} {}", self.status, self.body);
    }
}

/// A client of one sandbox.
#[derive(Clone, Copy)]
pub(crate) struct Aws(pub(crate) Control);

impl Aws {
    /// An action of a query service: `ec2`, `rds`, `iam`, `sns`.
    pub(crate) fn query(&self, service: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        self.try_query(service, action, params).expect("an answer")
    }

    /// The same; `None` where the connection was cut.
    pub(crate) fn try_query(&self, service: &str, action: &str, params: &[(&str, &str)]) -> Option<Answer> {
        let version = match service {
            "ec2" => "2016-11-15",
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            "sns" => "2010-03-31",
            _ => "2011-06-15",
        };
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in params {
            body += &format!("&{name}={}", encode(value));
        }
        let kind = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")];
        self.send(service, "POST", "/", &kind, body.as_bytes())
    }

    /// An action of a JSON service, by its X-Amz-Target.
    pub(crate) fn json(&self, service: &str, target: &str, document: Value) -> Answer {
        let headers = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", target)];
        self.send(service, "POST", "/", &headers, document.to_string().as_bytes()).expect("an answer")
    }

    /// A request to S3.
    pub(crate) fn s3(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send("s3", method, path, headers, body.as_bytes()).expect("an answer")
    }

    /// One request on a connection of its own.
    pub(crate) fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.port())).ok()?;
        stream.write_all(&self.bytes(service, method, path, headers, body, true)).ok()?;
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).ok()?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    /// The bytes of a request.
    pub(crate) fn bytes(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        close: bool,
    ) -> Vec<u8> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=sandbox/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n",
            self.0.port(),
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if close {
            head += "Connection: close\r\n";
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (b as char).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
