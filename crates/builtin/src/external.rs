//! `data.external`: a program of the user's answers a query.
//!
//! The program gets the query as a JSON object of texts on standard input and prints such an object. It is run without
//! a shell.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use stackctl_core::{Attr, Block, Check, Error, ErrorKind, Known, Path, Result, Schema, Ty};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::table::{Setup, Source};

/// The data source.
pub(crate) fn source() -> Source {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        (
            "program",
            Attr::required(Ty::list(Ty::String))
                .check(Check::Items(1, usize::MAX))
                .doc("The program, found through `PATH`, and its arguments."),
        ),
        ("query", Attr::optional(Ty::map(Ty::String)).doc("What the program gets on standard input.")),
        ("result", Attr::computed(Ty::map(Ty::String)).doc("What the program printed.")),
        ("working_dir", Attr::optional(Ty::String).doc("Directory in which the program runs.")),
    ]);
    let schema = Schema {
        doc: "The answer of a program on the machine that runs stackctl.",
        ..Schema::new("external", Block { attrs, blocks: BTreeMap::new() })
    };
    Source::new(schema, |config, setup| {
        Box::pin(async move {
            let words: Vec<&str> = texts(config.get("program")).into_iter().filter(|w| !w.is_empty()).collect();
            let [program, args @ ..] = &words[..] else {
                return Err(at_program("No program is given: all elements are empty."));
            };
            let query: BTreeMap<&str, &str> = config
                .get("query")
                .as_map()
                .map(|m| m.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect())
                .unwrap_or_default();
            let input = serde_json::to_vec(&query).unwrap_or_else(|_| b"{}".to_vec());
            let dir = config.get("working_dir").as_str().unwrap_or_default();
            let result = answer(program, run(program, args, dir, input, setup).await?)?;
            let mut v = config;
            v.set("result", result);
            v.set("id", "-".into());
            Ok(v)
        })
    })
}

fn texts(v: &Known) -> Vec<&str> {
    v.as_list().unwrap_or_default().iter().filter_map(Known::as_str).collect()
}

fn at_program(message: impl Into<String>) -> Error {
    Error { kind: ErrorKind::Other, ..Error::at(Path::attr("program"), message) }
}

async fn run(program: &str, args: &[&str], dir: &str, input: Vec<u8>, setup: &Setup) -> Result<Output> {
    let host = &setup.host;
    let failed = |what: &str, e: std::io::Error| {
        let error = at_program(format!("The program {program:?} cannot be {what}: {e}."));
        match e.kind() {
            std::io::ErrorKind::NotFound => error.hinted(
                "It is looked for in the directories of PATH. Write \"${path.module}/NAME\" for one beside the \
                 configuration.",
            ),
            std::io::ErrorKind::PermissionDenied => error.hinted("Is it executable?"),
            _ => error,
        }
    };
    let mut child = Command::new(program)
        .args(args)
        .current_dir(host.cwd.join(dir))
        .env_clear()
        .envs(host.env_for_programs())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed("started", e))?;
    let stdin = child.stdin.take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A program may end without reading its query.
            let _ = stdin.write_all(&input).await;
        }
    };
    let (_, output) = tokio::join!(write, child.wait_with_output());
    output.map_err(|e| failed("run", e))
}

fn answer(program: &str, output: Output) -> Result<Known> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let said = if said.is_empty() { "It printed no reason.".to_owned() } else { format!("It printed:\n{said}") };
        return Err(at_program(format!("The program {program:?} failed: {}. {said}", output.status)));
    }
    // Its output may be secret: no part of it is repeated.
    let wrong = |why: String| {
        at_program(format!("The program {program:?} has to print a JSON object whose values are texts, but {why}."))
    };
    let json: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| wrong(format!("its output has a mistake in line {}, column {}", e.line(), e.column())))?;
    let object = json.as_object().ok_or_else(|| wrong("it printed something else".to_owned()))?;
    let mut result = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            serde_json::Value::String(s) => s.as_str(),
            // A null reads as an empty text, as Terraform's provider reads it.
            serde_json::Value::Null => "",
            _ => return Err(wrong(format!("the value of {name:?} is none"))),
        };
        result.insert(name.clone(), Known::from(text));
    }
    Ok(Known::Map(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn check(program: &[&str], query: &[(&str, &str)], want: Result<&[(&str, &str)], &str>) {
        let (_dir, setup) = testing::setup(Known::object());
        let map = |m: &[(&str, &str)]| Known::Map(m.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect());
        let mut config = Known::from([("program", program.to_vec())]);
        config.set("query", map(query));
        match (testing::run((source().read)(config, &setup)), want) {
            (Ok(v), Ok(want)) => assert_eq!(v.get("result"), &map(want)),
            (Err(e), Err(want)) => {
                let all = format!("{} {}", e.message, e.hint.unwrap_or_default());
                assert!(all.contains(want), "{all}");
            }
            (got, want) => panic!("{:?}, not {want:?}", got.map(|v| v.get("result").to_json())),
        }
    }

    #[test]
    fn answers_and_failures() {
        check(&["cat"], &[("a", "1"), ("b", "x\"y")], Ok(&[("a", "1"), ("b", "x\"y")]));
        check(&["", "sh", "-c", "echo '{\"n\": null}'"], &[], Ok(&[("n", "")]));
        check(&["sh", "-c", "echo '{\"n\": 1}'"], &[], Err("value of \"n\""));
        check(&["sh", "-c", "echo '[]'"], &[], Err("something else"));
        check(&["sh", "-c", "echo secret"], &[], Err("line 1, column 1"));
        check(&["sh", "-c", "echo no luck >&2; exit 3"], &[], Err("exit status: 3. It printed:\nno luck"));
        check(&["no-such-program"], &[], Err("PATH"));
        check(&[""], &[], Err("all elements are empty"));
    }
}
