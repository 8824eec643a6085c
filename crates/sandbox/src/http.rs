//! The least HTTP/1.1 that the control endpoints need: one request per connection, whole bodies.
//!
//! Never for AWS requests: those go through the SDK.

use std::io::{Read, Write};
use std::net::TcpStream as Blocking;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;

/// Sends a control request and reads its JSON answer.
pub(crate) async fn call(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(&request(port, method, path, body)).await?;
        let mut answer = Vec::new();
        while !whole(&answer) && stream.read_buf(&mut answer).await? > 0 {}
        Ok(answer)
    };
    let answer = exchange.await.map_err(|e| unreachable(port, e))?;
    parse(port, &format!("{method} {path}"), &answer)
}

/// The same, blocking, for code that cannot wait asynchronously; gives up after two seconds.
pub(crate) fn call_blocking(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
    let exchange = || {
        let mut stream = Blocking::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(&request(port, method, path, body))?;
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !whole(&answer) {
            match stream.read(&mut piece)? {
                0 => break,
                n => answer.extend_from_slice(&piece[..n]),
            }
        }
        Ok(answer)
    };
    let answer = exchange().map_err(|e| unreachable(port, e))?;
    parse(port, &format!("{method} {path}"), &answer)
}

fn unreachable(port: u16, source: std::io::Error) -> Error {
    Error::Unreachable { endpoint: format!("http://127.0.0.1:{port}"), source }
}

fn request(port: u16, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Has everything arrived that the head announces?
fn whole(answer: &[u8]) -> bool {
    let Some(split) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..split]);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= split + 4 + length)
}

/// The document of a whole answer, or the server's reason for refusing.
fn parse(port: u16, request: &str, answer: &[u8]) -> Result<Value, Error> {
    let broken = || unreachable(port, std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer was cut off"));
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(broken)?;
    let status = std::str::from_utf8(&answer[..split]).ok().and_then(|head| head.split(' ').nth(1)).unwrap_or_default();
    let document: Value = serde_json::from_slice(&answer[split + 4..]).map_err(|_| broken())?;
    if status == "200" {
        return Ok(document);
    }
    let message = document["error"].as_str().unwrap_or("no reason given").to_owned();
    Err(Error::Refused { request: request.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn check(answer: &str, expect: &str) {
        let got = match parse(1, "GET /x", answer.as_bytes()) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn answers() {
        check("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"a\":1}", "{\"a\":1}");
        check("HTTP/1.1 400 Bad Request\r\n\r\n{\"error\":\"no\"}", "the sandbox refused GET /x: no");
        check("HTTP/1.1 200 OK\r\n", "the sandbox at http://127.0.0.1:1 does not answer: the answer was cut off");
    }
}
