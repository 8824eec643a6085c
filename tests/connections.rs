//! What the arguments of an S3 backend block about connections do to the requests that leave: where they go, through
//! which proxy, and as whom they are signed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::lab::run::Done;
use crate::lab::{Bench, World};
use crate::{contains, stackctl, world};

/// Serves connections to a free port, each in a thread of its own, until the process ends. The port.
pub(crate) fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (port, serve) = (listener.local_addr().unwrap().port(), Arc::new(serve));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            // A client that hangs up is no failure of the server.
            std::thread::spawn(move || serve(client));
        }
    });
    port
}

/// A server that takes down what it is asked, and refuses all of it.
struct Ear {
    port: u16,
    heard: Arc<Mutex<Vec<Request>>>,
}

/// A request: its first line and headers, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The next one on a connection; none where it is closed.
    pub(crate) fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                l => head.push(l.to_owned()),
            }
        }
        let mut request = Request { head, body: Vec::new() };
        let length = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        Ok(Some(request))
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of = self.head.iter().skip(1).filter_map(|l| l.split_once(':'));
        of.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).next()
    }
    /// Method and target, without the version.
    fn target(&self) -> &str {
        self.head[0].rsplit_once(' ').map_or("", |(t, _)| t)
    }
    /// Access key id, region and service of the signature.
    fn signed_by(&self) -> Option<(String, String, String)> {
        let scope = self.header("authorization")?.split_once("Credential=")?.1.split(',').next()?.to_owned();
        let parts: Vec<&str> = scope.split('/').collect();
        Some((parts[0].to_owned(), (*parts.get(2)?).to_owned(), (*parts.get(3)?).to_owned()))
    }
}

impl Ear {
    fn answering(status: u16) -> Ear {
        let heard = Arc::default();
        let all = Arc::clone(&heard);
        Ear { port: listen(move |client| hear(client, status, &all)), heard }
    }
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
    fn all(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }
    /// Methods and targets, each once.
    fn targets(&self) -> BTreeSet<String> {
        self.all().iter().map(|h| h.target().to_owned()).collect()
    }
}

fn hear(client: TcpStream, status: u16, heard: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(client.try_clone()?))? else { return Ok(()) };
    heard.lock().unwrap().push(request);
    let code = if status >= 500 { "InternalError" } else { "AccessDenied" };
    let xml = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    write!(
        &client,
        "HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{xml}",
        xml.len()
    )
}

/// Asks for the state with these lines in the block, away from any sandbox.
fn ask(lines: &str, env: &[(&str, &str)], code: i32) -> (Bench, Done) {
    ask_in(None, lines, env, code)
}

fn ask_in(world: Option<World>, lines: &str, env: &[(&str, &str)], code: i32) -> (Bench, Done) {
    let text = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key    = \"app.tfstate\"\n{lines}\n  }}\n}}\n"
    );
    let bench = Bench::of(&text, world).unwrap();
    let done = again(&bench, env, code);
    (bench, done)
}

fn again(bench: &Bench, env: &[(&str, &str)], code: i32) -> Done {
    let mut command = bench.command(&stackctl(), &["state", "list"]);
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(env.iter().copied());
    let done = crate::lab::run::finish(crate::journal::spawn(command)).unwrap();
    assert_eq!(done.code, Some(code), "{}", done.text());
    done
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "secret")];
const ALONE: &str = "skip_credentials_validation = true\n skip_requesting_account_id = true\n max_retries = 0";

/// A proxy sees the names of the hosts that are asked.
#[test]
fn hosts_follow_the_block() {
    let east = "region = \"us-east-1\"";
    let cases: &[(&str, &str)] = &[
        (east, "CONNECT states.s3.us-east-1.amazonaws.com:443"),
        ("region = \"eu-west-1\"", "CONNECT states.s3.eu-west-1.amazonaws.com:443"),
        ("region = \"us-east-1\"\n use_path_style = true", "CONNECT s3.us-east-1.amazonaws.com:443"),
        ("region = \"us-east-1\"\n force_path_style = true", "CONNECT s3.us-east-1.amazonaws.com:443"),
        ("region = \"us-east-1\"\n use_fips_endpoint = true", "CONNECT states.s3-fips.us-east-1.amazonaws.com:443"),
        (
            "region = \"us-east-1\"\n use_dualstack_endpoint = true",
            "CONNECT states.s3.dualstack.us-east-1.amazonaws.com:443",
        ),
        (
            "region = \"mars-north-1\"\n skip_region_validation = true",
            "CONNECT states.s3.mars-north-1.amazonaws.com:443",
        ),
    ];
    for (lines, wanted) in cases {
        let ear = Ear::answering(403);
        ask(&format!("{lines}\n {ALONE}\n https_proxy = {:?}", ear.url()), &KEYS, 1);
        assert_eq!(ear.targets(), BTreeSet::from([(*wanted).to_owned()]), "{lines}");
    }
    // Who the caller is is asked first, unless the block says otherwise.
    for (lines, wanted) in [("", "us-east-1"), ("sts_region = \"eu-west-1\"", "eu-west-1")] {
        let ear = Ear::answering(403);
        ask(&format!("{east}\n{lines}\n max_retries = 0\n https_proxy = {:?}", ear.url()), &KEYS, 1);
        assert_eq!(ear.targets(), BTreeSet::from([format!("CONNECT sts.{wanted}.amazonaws.com:443")]), "{lines}");
    }
    let (_, done) = ask("region = \"mars-north-1\"", &KEYS, 1);
    contains(&done.text(), &["mars-north-1", "skip_region_validation"]);
}

#[test]
fn proxies_are_for_their_protocol() {
    let endpoint = "region = \"us-east-1\"\n use_path_style = true\n endpoints = { s3 = \"http://127.0.0.2:9\" }";
    let through = Ear::answering(403);
    ask(&format!("{endpoint}\n {ALONE}\n http_proxy = {:?}", through.url()), &KEYS, 1);
    let targets = through.targets();
    assert!(!targets.is_empty() && targets.iter().all(|t| t.contains(" http://127.0.0.2:9/states")), "{targets:?}");
    for lines in ["https_proxy = \"URL\"", "http_proxy = \"URL\"\n no_proxy = \"127.0.0.2\""] {
        let ear = Ear::answering(403);
        ask(&format!("{endpoint}\n {ALONE}\n {}", lines.replace("URL", &ear.url())), &KEYS, 1);
        assert!(ear.targets().is_empty(), "{lines}: {:?}", ear.targets());
    }
}

#[test]
fn endpoints_have_old_and_new_names() {
    let cases = [
        ("endpoint = \"URL\"", "GET /states"),
        ("endpoints = { s3 = \"URL\" }", "GET /states"),
        ("endpoints = { sts = \"URL\" }", "POST /"),
        ("sts_endpoint = \"URL\"", "POST /"),
    ];
    for (lines, wanted) in cases {
        let ear = Ear::answering(403);
        let more = if lines.contains("sts") { "max_retries = 0" } else { ALONE };
        let lines = lines.replace("URL", &ear.url());
        ask(&format!("region = \"us-east-1\"\n use_path_style = true\n{more}\n{lines}"), &KEYS, 1);
        let targets = ear.targets();
        assert!(!targets.is_empty() && targets.iter().all(|t| t.starts_with(wanted)), "{lines}: {targets:?}");
    }
    // The table is asked when something is written.
    for argument in ["dynamodb_endpoint = \"URL\"", "endpoints = { dynamodb = \"URL\", s3 = \"STORE\" }"] {
        let ear = Ear::answering(403);
        let store = world();
        store.s3("PUT", "/states", "").unwrap();
        let s3 = if argument.contains("STORE") { String::new() } else { format!("endpoint = {:?}", store.endpoint()) };
        let lines = argument.replace("URL", &ear.url()).replace("STORE", &store.endpoint());
        let lines = format!("{lines}\n{s3}\n dynamodb_table = \"locks\"\n use_path_style = true\n {ALONE}");
        ask(&format!("region = \"us-east-1\"\n{lines}"), &KEYS, 1);
        let first = ear.all().into_iter().next().unwrap_or_else(|| panic!("{argument}: nobody asked"));
        assert!(first.header("x-amz-target").is_some_and(|t| t.starts_with("DynamoDB_20120810.")), "{first:?}");
        store.exit();
    }
}

#[test]
fn failures_are_retried_as_often_as_the_block_says() {
    // As in Terraform, the argument counts attempts.
    for (retries, attempts) in [(1, 1), (3, 3)] {
        let ear = Ear::answering(500);
        let sts = format!("max_retries = {retries}\n endpoints = {{ sts = {:?} }}", ear.url());
        ask(&format!("region = \"us-east-1\"\n{sts}"), &KEYS, 1);
        assert_eq!(ear.all().len(), attempts, "{:?}", ear.targets());
    }
}

/// Lines of the block, the environment, and the access key id, region and session token of what leaves.
type Signed<'a> = (String, &'a [(&'a str, &'a str)], (&'a str, &'a str, Option<&'a str>));

/// Who signs what leaves.
#[test]
fn credentials_follow_the_block() {
    let files = Bench::empty(None).unwrap();
    let credentials = "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n\
                       [work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\naws_session_token = TOKEN\n";
    files.write("credentials", credentials).unwrap();
    files
        .write("config", "[profile far]\nregion = eu-west-1\naws_access_key_id = AKIDFAR\naws_secret_access_key = s\n")
        .unwrap();
    let at = |name: &str| format!("{:?}", files.path().join(name).display().to_string());
    let region = "region = \"us-east-1\"";
    let cases: Vec<Signed<'_>> = vec![
        (region.to_owned(), &KEYS, ("AKIDENV", "us-east-1", None)),
        (
            format!("{region}\n access_key = \"AKIDBLOCK\"\n secret_key = \"s\"\n token = \"T2\""),
            &KEYS,
            ("AKIDBLOCK", "us-east-1", Some("T2")),
        ),
        (
            format!("{region}\n shared_credentials_files = [{}]", at("credentials")),
            &[],
            ("AKIDDEFAULT", "us-east-1", None),
        ),
        (
            format!("{region}\n shared_credentials_file = {}\n profile = \"work\"", at("credentials")),
            &[],
            ("AKIDWORK", "us-east-1", Some("TOKEN")),
        ),
        (format!("shared_config_files = [{}]\n profile = \"far\"", at("config")), &[], ("AKIDFAR", "eu-west-1", None)),
        (String::new(), &[KEYS[0], KEYS[1], ("AWS_REGION", "eu-west-2")], ("AKIDENV", "eu-west-2", None)),
    ];
    for (lines, env, (key, region, token)) in cases {
        let ear = Ear::answering(403);
        let endpoint = format!("use_path_style = true\n endpoints = {{ s3 = {:?} }}\n {ALONE}", ear.url());
        let (_, done) = ask(&format!("{lines}\n{endpoint}"), env, 1);
        let all = ear.all();
        assert!(!all.is_empty(), "{lines}: {}", done.text());
        for heard in all {
            assert_eq!(heard.signed_by(), Some((key.into(), region.into(), "s3".into())), "{lines}");
            assert_eq!(heard.header("x-amz-security-token"), token, "{lines}");
        }
    }
    // A profile that is not there stops everything.
    let lines = format!("{region}\n shared_credentials_files = [{}]\n profile = \"none\"", at("credentials"));
    contains(&ask(&lines, &[], 1).1.text(), &["none"]);
}

/// The instance metadata service is asked where nothing else has credentials, unless the block forbids it.
#[test]
fn the_metadata_service_is_asked_last() {
    for (lines, asked) in [("", true), ("skip_metadata_api_check = true", false)] {
        let ear = Ear::answering(403);
        let lines =
            format!("region = \"us-east-1\"\n ec2_metadata_service_endpoint = {:?}\n {lines}\n {ALONE}", ear.url());
        let (_, done) = ask(&lines, &[("AWS_EC2_METADATA_DISABLED", "false")], 1);
        assert_eq!(ear.targets().contains("PUT /latest/api/token"), asked, "{lines}: {:?}", ear.targets());
        contains(&done.text(), &["credentials"]);
    }
}

/// A role is assumed as the block says, and what the role's session signs is what leaves.
#[test]
fn roles_are_assumed() {
    let role = "arn:aws:iam::210987654321:role/states";
    let policy = "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[]}";
    let assumed = format!(
        "assume_role = {{\n role_arn = {role:?}\n session_name = \"night\"\n external_id = \"outside\"\n \
         duration = \"30m\"\n source_identity = \"me\"\n policy = \"{policy}\"\n \
         policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n tags = {{ team = \"a\" }}\n \
         transitive_tag_keys = [\"team\"]\n }}"
    );
    let web = format!(
        "assume_role_with_web_identity = {{\n role_arn = {role:?}\n session_name = \"night\"\n duration = \"20m\"\n \
         web_identity_token = \"a.web.token\"\n }}"
    );
    let cases = [
        (
            assumed.as_str(),
            "AssumeRole",
            json!({
                "RoleArn": role, "RoleSessionName": "night", "ExternalId": "outside", "DurationSeconds": "1800",
                "SourceIdentity": "me", "Policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
                "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "Tags.member.1.Key": "team",
                "Tags.member.1.Value": "a", "TransitiveTagKeys.member.1": "team",
            }),
        ),
        (
            web.as_str(),
            "AssumeRoleWithWebIdentity",
            json!({
                "RoleArn": role, "RoleSessionName": "night", "DurationSeconds": "1200",
                "WebIdentityToken": "a.web.token",
            }),
        ),
    ];
    for (lines, action, wanted) in cases {
        let (ear, sts) = (Ear::answering(403), world());
        let endpoints = format!(
            "use_path_style = true\n endpoints = {{ s3 = {:?}, sts = {:?} }}\n {ALONE}",
            ear.url(),
            sts.endpoint()
        );
        let env: &[_] = if action == "AssumeRole" { &KEYS } else { &[] };
        let (_, done) = ask(&format!("region = \"us-east-1\"\n{lines}\n{endpoints}"), env, 1);
        let log = sts.log().unwrap();
        let request = log.iter().find(|r| r["action"] == action).unwrap_or_else(|| panic!("{}{log:?}", done.text()));
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&request["params"][name], value, "{name} in {}", request["params"]);
        }
        let all = ear.all();
        assert!(!all.is_empty(), "{}", done.text());
        for heard in all {
            let (key, ..) = heard.signed_by().unwrap();
            assert!(key.starts_with("ASIA") && heard.header("x-amz-security-token").is_some(), "{lines}: {key}");
        }
        sts.exit();
    }
}

/// The account is looked at before the state is.
#[test]
fn accounts_of_the_block() {
    let world = world();
    world.s3("PUT", "/states", "").unwrap();
    for (lines, code, wanted) in [
        ("allowed_account_ids = [\"210987654321\"]", 1, "123456789012"),
        ("forbidden_account_ids = [\"123456789012\"]", 1, "123456789012"),
        ("allowed_account_ids = [\"123456789012\"]", 0, ""),
        ("forbidden_account_ids = [\"210987654321\"]", 0, ""),
    ] {
        let (_, done) = ask_in(Some(world), &format!("region = \"us-east-1\"\n{lines}"), &[], code);
        contains(&done.text(), &[wanted]);
    }
    world.exit();
}

/// A file that is no bundle of certificates is an error before anything is sent.
#[test]
fn a_bundle_of_certificates_has_to_be_one() {
    let ear = Ear::answering(403);
    for (file, text) in [("missing.pem", None), ("empty.pem", Some("no certificate\n"))] {
        let files = Bench::empty(None).unwrap();
        if let Some(text) = text {
            files.write(file, text).unwrap();
        }
        let path = files.path().join(file).display().to_string();
        let lines = format!(
            "region = \"us-east-1\"\n use_path_style = true\n endpoints = {{ s3 = {:?} }}\n custom_ca_bundle = {path:?}\n {ALONE}",
            ear.url()
        );
        contains(&ask(&lines, &KEYS, 1).1.text(), &[file]);
    }
    assert!(ear.targets().is_empty());
}
