//! Somebody at a terminal: questions are asked there, and only `yes` is yes.

use crate::lab::run::Done;
use crate::lab::{Bench, Tool};
use crate::{contains, run, stackctl};

/// Runs the program behind a terminal of its own, and types one answer at each question.
const TYPE: &str = r#"
import os, pty, sys
answers, program = sys.argv[1].split("|"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown, asked = b"", 0
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        part = b""
    if not part:
        break
    shown += part
    while shown.count(b"Enter a value:") > asked:
        answer = answers[asked] if asked < len(answers) else "no"
        os.write(terminal, (answer + "\n").encode())
        asked += 1
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[track_caller]
fn typed(bench: &Bench, answers: &str, args: &[&str], code: i32) -> Done {
    let program = stackctl().program;
    let args: Vec<&str> =
        ["-c", TYPE, answers, program.to_str().unwrap()].into_iter().chain(args.iter().copied()).collect();
    let done = bench.run(&Tool::new("python3"), &args).unwrap();
    assert_eq!(done.code, Some(code), "{}", done.text());
    done
}

const STACK: &str = "variable \"size\" { type = number }\nresource \"terraform_data\" \"a\" { input = var.size }\n";

#[test]
fn only_yes_is_yes() {
    let bench = Bench::of(STACK, None).unwrap();
    // The missing variable is asked for, and what is planned is shown before the question.
    for answer in ["no", "y", "YES", ""] {
        let done = typed(&bench, &format!("7|{answer}"), &["apply"], 1);
        contains(&done.out, &["var.size", "terraform_data.a will be created", "Nothing was changed"]);
        assert!(bench.read("terraform.tfstate").is_none(), "{answer:?} made something");
    }
    typed(&bench, "7|yes", &["apply"], 0);
    assert_eq!(bench.state().unwrap()["resources"][0]["instances"][0]["attributes"]["input"]["value"], 7);
    typed(&bench, "no", &["apply", "-var=size=8"], 1);
    typed(&bench, "yes", &["apply", "-var=size=8"], 0);

    // An earlier version comes back after its difference was shown and agreed to.
    let history = run(&bench, &["state", "history", "-json"], 0).json().unwrap();
    let version = history[1]["version"].as_str().unwrap();
    let before = bench.read("terraform.tfstate");
    contains(&typed(&bench, "no", &["state", "restore", version], 1).out, &["terraform_data.a"]);
    assert_eq!(bench.read("terraform.tfstate"), before);
    typed(&bench, "yes", &["state", "restore", version], 0);
    assert_eq!(bench.state().unwrap()["resources"][0]["instances"][0]["attributes"]["input"]["value"], 7);

    typed(&bench, "no", &["destroy", "-var=size=7"], 1);
    assert_eq!(bench.state().unwrap()["resources"].as_array().unwrap().len(), 1);
    typed(&bench, "yes", &["destroy", "-var=size=7"], 0);
    assert!(bench.state().unwrap()["resources"].as_array().unwrap().is_empty());
}
