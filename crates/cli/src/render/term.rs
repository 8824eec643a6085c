//! The terminal: where output goes, whether it has colours, how wide it is.

use std::io::{IsTerminal as _, Write as _};

/// Where output goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// Use colours.
    pub(crate) color: bool,
    /// Standard output is a terminal.
    pub(crate) live: bool,
    /// Standard input is a terminal.
    pub(crate) interactive: bool,
    /// Columns.
    pub(crate) width: usize,
}

/// Colours and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Faint,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Term {
    /// The terminal of this process.
    pub(crate) fn of_process(no_color: bool) -> Term {
        let live = std::io::stdout().is_terminal();
        let env = |k| std::env::var_os(k).is_some_and(|v| !v.is_empty());
        let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        let width = width.or_else(|| {
            let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
            (size.ws_col > 0).then_some(usize::from(size.ws_col))
        });
        Term {
            color: live && !no_color && !env("NO_COLOR") && !env("TF_IN_AUTOMATION_NO_COLOR"),
            live,
            interactive: std::io::stdin().is_terminal(),
            width: width.unwrap_or(120).clamp(40, 240),
        }
    }
    /// The text in a style, where there are colours.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Faint => "2",
            Style::Red => "31",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Cyan => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
    /// Writes a line to standard output. A reader that is gone ends nothing: the state has still to be saved.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.write_all(b"\n");
        let _ = out.flush();
    }
    /// Writes text to standard output as it is.
    pub(crate) fn raw(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
    /// Writes a line to standard error.
    pub(crate) fn error_line(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.write_all(b"\n");
    }
}
