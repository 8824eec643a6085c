//! `data.http`: the answer of a web server.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stackctl_core::{Attr, Block, BlockType, Check, Error, Known, Nesting, Path, Result, Rule, Schema, Ty};

use crate::table::{Setup, Source};
use crate::tls::pem;
use crate::web::connect::{Trust, Via};
use crate::web::{Answer, Call, pause, send, url};

/// The data source.
pub(crate) fn source() -> Source {
    let text = |doc| Attr::optional(Ty::String).doc(doc);
    let made = |doc| Attr::computed(Ty::String).doc(doc);
    let number = |doc| Attr::optional(Ty::Number).check(Check::Range(0, i64::MAX)).doc(doc);
    let attrs = BTreeMap::from([
        ("body", Attr { deprecated: Some("Use response_body instead"), ..made("The same as `response_body`.") }),
        ("ca_cert_pem", text("Certificates to trust instead of the system's, in PEM.")),
        ("client_cert_pem", text("Our own certificate in PEM.")),
        ("client_key_pem", text("Its private key in PEM.").sensitive()),
        ("id", Attr::id()),
        ("insecure", Attr::optional(Ty::Bool).doc("Trust every certificate.")),
        ("method", text("GET, HEAD or POST; GET where nothing is set.").check(Check::OneOf(&["GET", "POST", "HEAD"]))),
        ("request_body", text("What to send.")),
        ("request_headers", Attr::optional(Ty::map(Ty::String)).doc("Headers to send.")),
        (
            "request_timeout_ms",
            Attr::optional(Ty::Number)
                .check(Check::Range(1, i64::MAX))
                .doc("Longest wait for an answer, in milliseconds."),
        ),
        ("response_body", made("The answer as text.")),
        ("response_body_base64", made("The answer in base64.")),
        ("response_headers", Attr::computed(Ty::map(Ty::String)).doc("Headers of the answer.")),
        ("status_code", Attr::computed(Ty::Number).doc("Status of the answer.")),
        ("url", Attr::required(Ty::String).doc("What to ask: an `http` or `https` URL.")),
    ]);
    let retry = Block {
        attrs: BTreeMap::from([
            ("attempts", number("How often to try again.")),
            ("max_delay_ms", number("Longest pause, in milliseconds; 30,000 where nothing is set.")),
            ("min_delay_ms", number("First pause, in milliseconds; 1,000 where nothing is set.")),
        ]),
        blocks: BTreeMap::new(),
    };
    let retry = BlockType { doc: "Trying again after failures.", ..BlockType::new(Nesting::Single, retry) };
    let schema = Schema {
        doc: "The answer of a web server.",
        rules: vec![
            Rule::Conflicts("ca_cert_pem", &["insecure"]),
            Rule::RequiredWith("client_cert_pem", &["client_key_pem"]),
            Rule::RequiredWith("client_key_pem", &["client_cert_pem"]),
        ],
        ..Schema::new("http", Block { attrs, blocks: [("retry", retry)].into() })
    };
    Source::new(schema, |config, setup| {
        Box::pin(async move {
            let answer = ask(&config, setup).await?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let mut v = config;
            v.set("id", v.get("url").clone());
            v.set("status_code", i64::from(answer.status.as_u16()).into());
            v.set("response_headers", Known::Map(answer.headers.into_iter().map(|(k, v)| (k, v.into())).collect()));
            v.set("response_body_base64", BASE64_STANDARD.encode(&answer.body).into());
            v.set("response_body", text.as_str().into());
            v.set("body", text.into());
            Ok(v)
        })
    })
}

async fn ask(config: &Known, setup: &Setup) -> Result<Answer> {
    let (call, via) = (call(config)?, via(config)?);
    let (host, retry) = (&setup.host, config.get("retry"));
    let number = |k: &str, otherwise: i64| retry.get(k).as_i64().unwrap_or(otherwise).unsigned_abs();
    let (min, max) = (number("min_delay_ms", 1_000), number("max_delay_ms", 30_000));
    if min > max {
        return Err(Error::at(Path::attr("retry").with_attr("max_delay_ms"), "It must not be below `min_delay_ms`."));
    }
    let timeout = config.get("request_timeout_ms").as_i64().map(|ms| Duration::from_millis(ms.unsigned_abs()));
    let attempts = u32::try_from(number("attempts", 0)).unwrap_or(u32::MAX);
    for attempt in 0.. {
        let sent = send(call.clone(), &via, &host.env);
        let result = match timeout {
            None => sent.await,
            Some(t) => tokio::time::timeout(t, sent).await.unwrap_or_else(|_| {
                let text = format!("No answer came within {} ms.", t.as_millis());
                Err(crate::web::Failure { error: Error::new(stackctl_core::ErrorKind::Other, text), passing: true })
            }),
        };
        let (error, after) = match result {
            // Overload and failures of the server, "not implemented" aside.
            Ok(a) if a.status.as_u16() == 429 || (a.status.is_server_error() && a.status.as_u16() != 501) => {
                let text = format!("The server answered {} to {} {}.", a.status, call.method, call.url);
                (Error::new(stackctl_core::ErrorKind::Other, text), a.headers.get("Retry-After").cloned())
            }
            Ok(a) => return Ok(a),
            Err(f) if f.passing => (f.error, None),
            Err(f) => return Err(at_url(f.error)),
        };
        if attempt >= attempts {
            let tries = attempt + 1;
            let message =
                format!("{} Gave up after {tries} attempt{}.", error.message, if tries > 1 { "s" } else { "" });
            return Err(at_url(Error { message, ..error }));
        }
        let wait = pause(attempt, Duration::from_millis(min), Duration::from_millis(max), after.as_deref());
        host.clock.sleep(wait).await;
    }
    Err(Error::invalid("No attempt was made."))
}

fn at_url(e: Error) -> Error {
    Error { path: Some(Path::attr("url")), ..e }
}

fn call(config: &Known) -> Result<Call> {
    let text = |k: &str| config.get(k).as_str();
    let mut headers = HeaderMap::new();
    for (name, value) in config.get("request_headers").as_map().into_iter().flatten() {
        let wrong = |what| {
            let path = Path::attr("request_headers").with(stackctl_core::Step::Key(name.clone()));
            Error::at(path, format!("The {what} of the header {name:?} has characters that no header has."))
        };
        let key: HeaderName = name.parse().map_err(|_| wrong("name"))?;
        let value = value.as_str().unwrap_or_default();
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| wrong("value"))?);
    }
    Ok(Call {
        method: text("method").and_then(|m| m.parse().ok()).unwrap_or(Method::GET),
        url: url(text("url").unwrap_or_default()).map_err(at_url)?,
        headers,
        body: text("request_body").unwrap_or_default().as_bytes().to_vec(),
    })
}

fn via(config: &Known) -> Result<Via> {
    let blocks = |attr: &str, label: &str| -> Result<Vec<Vec<u8>>> {
        let all = pem::read(config.get(attr).as_str().unwrap_or_default());
        let found: Vec<_> = all.into_iter().filter(|b| b.label.ends_with(label)).map(|b| b.bytes).collect();
        match found.is_empty() {
            true => Err(Error::at(Path::attr(attr), format!("The text holds no {} in PEM.", label.to_lowercase()))),
            false => Ok(found),
        }
    };
    let certificates = |attr: &str| -> Result<Vec<CertificateDer<'static>>> {
        Ok(blocks(attr, "CERTIFICATE")?.into_iter().map(CertificateDer::from).collect())
    };
    let trust = match () {
        () if config.get("insecure").as_bool() == Some(true) => Trust::Anyone,
        () if !config.get("ca_cert_pem").is_null() => Trust::Roots(certificates("ca_cert_pem")?),
        () => Trust::System,
    };
    let ours = match config.get("client_cert_pem").is_null() {
        true => None,
        false => {
            let key = blocks("client_key_pem", "PRIVATE KEY")?.swap_remove(0);
            let damaged = |_| Error::at(Path::attr("client_key_pem"), "The private key is damaged.");
            Some((certificates("client_cert_pem")?, PrivateKeyDer::try_from(key).map_err(damaged)?))
        }
    };
    Via::new(trust, ours)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testing::{run, setup};

    /// A server on this machine that gives these answers in turn; returns its address and what it was asked.
    fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for answer in answers {
                let (mut s, _) = listener.accept().unwrap();
                let (mut head, mut b) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && s.read(&mut b).unwrap() > 0 {
                    head.push(b[0]);
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                let mut body = vec![0; length];
                s.read_exact(&mut body).unwrap();
                log.lock().unwrap().push(text + &String::from_utf8_lossy(&body));
                s.write_all(answer.as_bytes()).unwrap();
            }
        });
        (at, asked)
    }

    fn ok(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nx-a: 1\r\nX-A: 2\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn read(args: &[(&str, Known)]) -> Result<Known> {
        let (_dir, setup) = setup(Known::object());
        let mut config = Known::object();
        args.iter().for_each(|(k, v)| config.set(*k, v.clone()));
        run((source().read)(config, &setup))
    }

    #[test]
    fn an_answer_with_all_its_parts() {
        let (at, asked) = server(vec![ok("hällo")]);
        let v = read(&[
            ("url", format!("http://u:p@{at}/x?y=1").into()),
            ("method", "POST".into()),
            ("request_body", "body".into()),
            ("request_headers", Known::from([("Accept", "a/b")])),
        ])
        .unwrap();
        assert_eq!(v.get("status_code").as_i64(), Some(200));
        assert_eq!(v.get("response_body").as_str(), Some("hällo"));
        assert_eq!(v.get("response_body_base64").as_str(), Some("aMOkbGxv"));
        let headers = v.get("response_headers");
        assert_eq!(
            (headers.get("Content-Type").as_str(), headers.get("X-A").as_str()),
            (Some("text/plain"), Some("1, 2"))
        );
        let asked = asked.lock().unwrap().join("");
        assert!(asked.starts_with("POST /x?y=1 HTTP/1.1\r\n") && asked.ends_with("\r\n\r\nbody"), "{asked}");
        for part in
            [&*format!("host: {at}\r\n"), "accept: a/b\r\n", "authorization: Basic dTpw\r\n", "user-agent: stackctl/"]
        {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
    }

    #[test]
    fn redirections_and_other_statuses() {
        let moved =
            "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
        let (at, asked) = server(vec![moved, missing]);
        let v = read(&[("url", format!("http://{at}/here").into()), ("method", "POST".into())]).unwrap();
        assert_eq!(v.get("status_code").as_i64(), Some(404));
        assert!(asked.lock().unwrap()[1].starts_with("GET /there "));
    }

    #[test]
    fn failures_and_trying_again() {
        let busy = || "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
        let (at, _) = server(vec![busy(), busy(), ok("at last")]);
        let retry = Known::from([("attempts", 2i64), ("min_delay_ms", 1), ("max_delay_ms", 2)]);
        let v = read(&[("url", format!("http://{at}").into()), ("retry", retry)]).unwrap();
        assert_eq!(v.get("response_body").as_str(), Some("at last"));

        let (at, _) = server(vec![busy()]);
        let e = read(&[("url", format!("http://{at}").into())]).unwrap_err();
        assert!(
            e.message.contains("503 Service Unavailable") && e.message.ends_with("after 1 attempt."),
            "{}",
            e.message
        );

        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let e = read(&[("url", format!("http://{free}").into())]).unwrap_err();
        assert!(e.message.contains("cannot be reached"), "{}", e.message);
        assert_eq!(e.path, Some(Path::attr("url")));

        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = silent.local_addr().unwrap();
        let e = read(&[("url", format!("http://{at}").into()), ("request_timeout_ms", 50i64.into())]).unwrap_err();
        assert!(e.message.contains("within 50 ms"), "{}", e.message);
        let e = read(&[("url", "ftp://a.example/".into())]).unwrap_err();
        assert!(e.message.contains("neither http nor https"), "{}", e.message);
    }
}
