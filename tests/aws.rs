//! AWS requests of a stranger: what a colleague changes in the console while stackctl is not looking.
//!
//! A signature that nobody checks, and the few protocols that the tests need.

use crate::lab::world::exchange;
use crate::lab::{Result, World};

impl World {
    /// An action of a query service: `ec2`, `rds`, `iam`, `sns`. The answer's XML.
    pub(crate) fn query(self, service: &str, action: &str, params: &[(&str, &str)]) -> Result<String> {
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
        let kind = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
        self.send(service, "POST", "/", kind, &body)
    }

    /// An action of DynamoDB. The answer's JSON.
    pub(crate) fn dynamodb(self, action: &str, body: &serde_json::Value) -> Result<String> {
        let head = format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.{action}\r\n");
        self.send("dynamodb", "POST", "/", &head, &body.to_string())
    }

    /// A request to S3. The answer's body.
    pub(crate) fn s3(self, method: &str, path: &str, body: &str) -> Result<String> {
        self.send("s3", method, path, "Content-Type: application/xml\r\n", body)
    }

    fn send(self, service: &str, method: &str, path: &str, head: &str, body: &str) -> Result<String> {
        let head = format!(
            "{head}Authorization: AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n"
        );
        match exchange(self.port, method, path, &head, body.as_bytes())? {
            (status, text) if status < 300 => Ok(text),
            (status, text) => Err(format!("{service} {method} {path}: {status} {text}")),
        }
    }
}

/// Text of the first XML element of that name.
pub(crate) fn tag<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    xml.split_once(&format!("<{name}>"))?.1.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (b as char).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
