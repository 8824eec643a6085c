//! Progress of a run: a line per event in a pipe; on a terminal the running operations with their time below the lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stackctl_engine::events::{Event, Events, Lease, Provisioning, Stop, Subject};
use stackctl_engine::plan::Action;

use super::term::{Style, Term};

/// Renders events as text.
#[derive(Clone)]
pub(crate) struct Progress {
    term: Term,
    bars: Arc<Mutex<Bars>>,
    quiet_refresh: bool,
}

struct Bars {
    multi: MultiProgress,
    running: HashMap<Subject, ProgressBar>,
}

impl Progress {
    /// A renderer on this terminal.
    pub(crate) fn new(term: Term, quiet_refresh: bool) -> Progress {
        let bars = Bars { multi: MultiProgress::new(), running: HashMap::new() };
        Progress { term, bars: Arc::new(Mutex::new(bars)), quiet_refresh }
    }
    /// The sink of the engine's events.
    pub(crate) fn events(&self) -> Events {
        let this = self.clone();
        Events::to(move |e| this.show(&e))
    }

    fn show(&self, e: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Event::OpStart { subject, action, id } = e
            && self.term.live
        {
            let bar = bars.multi.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("  {spinner} {msg} [{elapsed}]")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_message(format!("{}: {}{}", label(subject), running(*action), shown(id.as_deref())));
            bar.enable_steady_tick(Duration::from_millis(200));
            bars.running.insert(subject.clone(), bar);
        }
        if let Event::OpDone { subject, .. } | Event::OpFailed { subject, .. } = e
            && let Some(bar) = bars.running.remove(subject)
        {
            bar.finish_and_clear();
        }
        let Some(line) = self.line(e) else { return };
        if self.term.live {
            bars.multi.suspend(|| self.term.line(&line));
        } else {
            self.term.line(&line);
        }
    }

    fn line(&self, e: &Event) -> Option<String> {
        let bold = |s: &Subject| self.term.paint(Style::Bold, &label(s));
        Some(match e {
            Event::LockWaiting { holder } => format!("Waiting for the state lock.\n{holder}"),
            Event::Recovering { open } => {
                format!("An earlier run did not end; looking up what became of {open} request(s)...")
            }
            Event::Recovered { subject, outcome } => format!("{}: {outcome}", bold(subject)),
            Event::RefreshStart { .. } if self.quiet_refresh => return None,
            Event::RefreshStart { subject, id } => {
                format!("{}: Refreshing state...{}", bold(subject), shown(Some(id)))
            }
            Event::RefreshDone { .. } => return None,
            Event::OpStart { subject, action, id } => {
                format!("{}: {}...{}", bold(subject), running(*action), shown(id.as_deref()))
            }
            // On a terminal the time stands in the live part.
            Event::OpProgress { .. } if self.term.live => return None,
            Event::OpProgress { subject, action, id, elapsed } => {
                let id = id.as_deref().map(|i| format!("id={i}, ")).unwrap_or_default();
                format!("{}: Still {}... [{id}{} elapsed]", bold(subject), lower(running(*action)), time(*elapsed))
            }
            Event::OpDone { subject, action, id, elapsed } => {
                format!(
                    "{}: {} complete after {}{}",
                    bold(subject),
                    finished(*action),
                    time(*elapsed),
                    shown(id.as_deref())
                )
            }
            Event::OpFailed { subject, action, elapsed } => {
                let text = format!("{} failed after {}", finished(*action), time(*elapsed));
                format!("{}: {}", bold(subject), self.term.paint(Style::Red, &text))
            }
            Event::Provisioning { subject, provisioner, what } => match what {
                Provisioning::Started => format!("{}: Provisioning with '{provisioner}'...", bold(subject)),
                Provisioning::Output(line) => format!("{} ({provisioner}): {line}", bold(subject)),
                Provisioning::Done | Provisioning::Failed => return None,
            },
            Event::Ephemeral { subject, what } => {
                let doing = match what {
                    Lease::Opening => "Opening...",
                    Lease::Opened => "Opening complete",
                    Lease::Renewing => "Renewing...",
                    Lease::Closing => "Closing...",
                    Lease::Closed => "Closing complete",
                    Lease::Failed => return None,
                };
                format!("{}: {doing}", bold(subject))
            }
            Event::OpSkipped { .. } | Event::Saved { .. } | Event::Note(_) => return None,
            Event::Interrupted(Stop::Drain) => {
                "Interrupt: nothing more is started; what runs is finished and recorded.\n\
                 Press Ctrl-C again to stop waiting; everything stays recorded."
                    .to_owned()
            }
            Event::Interrupted(_) => "Interrupt: not waiting any longer; recording what is known.".to_owned(),
        })
    }
}

pub(crate) fn label(s: &Subject) -> String {
    match &s.deposed {
        Some(key) => format!("{} (deposed object {key})", s.addr),
        None => s.addr.to_string(),
    }
}

fn shown(id: Option<&str>) -> String {
    id.filter(|i| !i.is_empty()).map(|i| format!(" [id={i}]")).unwrap_or_default()
}

pub(crate) fn running(a: Action) -> &'static str {
    match a {
        Action::Create => "Creating",
        Action::Update => "Modifying",
        Action::Delete => "Destroying",
        Action::Read => "Reading",
        Action::Forget => "Forgetting",
        Action::NoOp => "Refreshing",
    }
}

pub(crate) fn finished(a: Action) -> &'static str {
    match a {
        Action::Create => "Creation",
        Action::Update => "Modifications",
        Action::Delete => "Destruction",
        Action::Read => "Read",
        Action::Forget => "Removal from state",
        Action::NoOp => "Refresh",
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// `3s`, `1m5s`, `1h2m3s`
pub(crate) fn time(d: Duration) -> String {
    let s = d.as_secs();
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}
