//! Runs provisioners: after an object was made, and before one is destroyed.
//!
//! An object is tainted in state as long as its provisioners run, so that a run that dies in between leaves one that the
//! next plan replaces. Output is told line by line. Start at [`after_create`] and [`before_delete`].

use std::io::{BufRead as _, BufReader, PipeReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use stackctl_core::Diagnostic;
use stackctl_state::{Object, ObjectStatus};
use tokio::process::Command;
use tokio::sync::oneshot;

use super::job::Job;
use super::tools::Tools;
use super::work::{Trouble, record};
use crate::eval::{LOCAL_EXEC, Provision};
use crate::events::{Event, Provisioning, Stop};

/// How much of a command's output an error shows, from its end, in bytes.
const SHOWN: usize = 8 * 1024;
/// How long output may still come after a command has ended: what it left running may hold the pipe open.
const LINGER: Duration = Duration::from_secs(5);

/// Runs the provisioners of a new object. Returns the object as state holds it.
pub(crate) async fn after_create(tools: &Tools, job: &Job, object: Arc<Object>) -> Result<Arc<Object>, Trouble> {
    let mut tainted = Object::clone(&object);
    tainted.status = ObjectStatus::Tainted;
    let tainted = record(tools, job, Arc::new(tainted)).await?;
    let failed = |diag| Trouble { diag: Box::new(diag), object: Some(Arc::clone(&tainted)) };
    for p in tools.ledger.provisions(job.op, Arc::clone(&object)).await.map_err(failed)? {
        run(tools, job, &p).await.map_err(failed)?;
    }
    record(tools, job, object).await
}

/// Runs the destroy-time provisioners of the object, which stays as it is where one fails.
pub(crate) async fn before_delete(tools: &Tools, job: &Job) -> Result<(), Trouble> {
    for p in &job.before {
        let failed = |diag| Trouble { diag: Box::new(diag), object: job.object.clone() };
        run(tools, job, p).await.map_err(failed)?;
    }
    Ok(())
}

/// Runs one; an error is one that counts.
async fn run(tools: &Tools, job: &Job, p: &Provision) -> Result<(), Diagnostic> {
    let send = |what| {
        let provisioner = LOCAL_EXEC;
        tools.events.send(Event::Provisioning { subject: job.subject(), provisioner, what });
    };
    send(Provisioning::Started);
    let Err(why) = execute(tools, p, &|line| send(Provisioning::Output(line))).await else {
        send(Provisioning::Done);
        return Ok(());
    };
    send(Provisioning::Failed);
    if p.ignore_failure {
        let what = format!("A local-exec provisioner of {} failed, and on_failure lets it pass", job.at.addr);
        tools.events.send(Event::Note(Box::new(Diagnostic::warning(what, why).of(&job.at.addr))));
        return Ok(());
    }
    let mut diag = Diagnostic::error("local-exec provisioner error", why).of(&job.at.addr);
    diag.range.clone_from(&p.range);
    Err(diag)
}

/// Runs the command to its end.
///
/// # Errors
/// Why it failed, a sentence with the end of its output.
async fn execute(tools: &Tools, p: &Provision, tell: &(dyn Fn(String) + Sync)) -> Result<(), String> {
    let shell = || vec!["/bin/sh".to_owned(), "-c".to_owned()];
    let mut words = if p.interpreter.is_empty() { shell() } else { p.interpreter.clone() };
    words.push(p.command.clone());
    tell(match (p.hidden, p.quiet) {
        (true, _) => "(output suppressed due to sensitive value in config)".to_owned(),
        (false, true) => "local-exec: Executing: Suppressed by quiet=true".to_owned(),
        (false, false) => {
            format!("Executing: [{}]", words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(" "))
        }
    });
    let named = if p.hidden { "(sensitive)" } else { p.command.as_str() };
    let failed = |what: String| format!("Error running command '{named}': {what}.");
    let io = |e: std::io::Error| failed(e.to_string());
    let mut stop = tools.stop.clone();
    if *stop.borrow() >= Stop::Now {
        return Err(failed("the run was interrupted before it started".to_owned()));
    }
    let (reader, writer) = std::io::pipe().map_err(io)?;
    let mut child = {
        let mut command = Command::new(&words[0]);
        let dir = p.working_dir.as_ref().map_or_else(|| tools.cwd.clone(), |d| tools.cwd.join(d));
        command.args(&words[1..]).current_dir(dir).env_clear().envs(&*tools.env).envs(&p.environment);
        command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(io)?).stderr(writer);
        // The first Ctrl-C lets what runs end: it must not reach the command through its process group.
        #[cfg(unix)]
        command.process_group(0);
        command.kill_on_drop(true).spawn().map_err(io)?
        // The write end of the pipe is closed here with `command`, so that the reader sees the end.
    };
    let (lines, mut incoming) = tokio::sync::mpsc::unbounded_channel();
    let (ended, end) = oneshot::channel::<()>();
    // A thread and no task: what the command leaves running may keep it waiting for ever.
    std::thread::spawn(move || {
        read(reader, |line| lines.send(line).is_ok());
        drop(ended);
    });
    let mut tail = String::new();
    let mut take = |line: String| {
        tail.push_str(&line);
        tail.push('\n');
        if tail.len() > 2 * SHOWN {
            let mut cut = tail.len() - SHOWN;
            while !tail.is_char_boundary(cut) {
                cut += 1;
            }
            tail.drain(..cut);
        }
        if !p.hidden {
            tell(line);
        }
    };
    let mut interrupted = false;
    let status = loop {
        let stopped = async { stop.wait_for(|s| *s >= Stop::Now).await.is_ok() };
        let kills = tokio::select! {
            status = child.wait() => break status.map_err(io)?,
            Some(line) = incoming.recv() => {
                take(line);
                false
            }
            true = stopped, if !interrupted => true,
        };
        if kills {
            interrupted = true;
            kill(&mut child).await;
        }
    };
    // The reader ends with the pipe.
    let _ = tokio::time::timeout(LINGER, end).await;
    while let Ok(line) = incoming.try_recv() {
        take(line);
    }
    if status.success() && !interrupted {
        return Ok(());
    }
    let what = match (interrupted, status.code()) {
        (true, _) => "it was interrupted".to_owned(),
        (false, Some(code)) => format!("exit status {code}"),
        (false, None) => status.to_string(),
    };
    let mut from = tail.len().saturating_sub(SHOWN);
    while !tail.is_char_boundary(from) {
        from += 1;
    }
    let output = if p.hidden { "(suppressed)" } else { tail[from..].trim_end() };
    Err(format!("{} Output: {output}", failed(what)))
}

/// Ends the command and what it started.
async fn kill(child: &mut tokio::process::Child) {
    if let Some(id) = child.id() {
        let group = format!("-{id}");
        // Where there is no such program, only the command itself is ended, below.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().await;
    }
    let _ = child.start_kill();
}

/// Reads lines until the end, or until nobody wants them.
fn read(pipe: PipeReader, mut take: impl FnMut(String) -> bool) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match pipe.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        if !take(text.trim_end_matches(['\n', '\r']).to_owned()) {
            return;
        }
    }
}
