use super::{BAD_DATA, NOT_MET};
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;

/// What is said about messages one after the other: data on standard output, talk on standard error,
/// in the order in which it comes.
pub(super) struct Report {
    out: BufWriter<StdoutLock<'static>>,
    /// Where the message at hand comes from: `message 3`, `trace.hex: message 3`.
    label: String,
    number: usize,
    source: Option<String>,
    bad: bool,
    not_met: bool,
    failed: bool,
    /// Why standard output takes no more.
    closed: Option<io::Error>,
}

impl Report {
    pub(super) fn new() -> Report {
        Report {
            out: BufWriter::new(io::stdout().lock()),
            label: String::new(),
            number: 0,
            source: None,
            bad: false,
            not_met: false,
            failed: false,
            closed: None,
        }
    }

    /// Begins with the next message.
    pub(super) fn begin(&mut self, source: Option<&str>, number: usize) {
        self.number = number;
        self.source = source.map(str::to_owned);
        self.label = match source {
            Some(source) => format!("{source}: message {number}"),
            None => format!("message {number}"),
        };
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The file it comes from.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// A line, or several, on standard output.
    pub(super) fn data(&mut self, text: impl Display) {
        if let Err(error) = writeln!(self.out, "{text}") {
            self.closed.get_or_insert(error);
        }
    }

    /// Says something about the message at hand.
    pub(super) fn talk(&mut self, text: impl Display) {
        self.flush();
        eprintln!("{}: {text}", self.label);
    }

    /// The message at hand is bad.
    pub(super) fn bad(&mut self, text: impl Display) {
        self.bad = true;
        self.talk(text);
    }

    /// The message at hand can be read and is not as it should be.
    pub(super) fn not_met(&mut self) {
        self.not_met = true;
    }

    /// A source of messages cannot be read.
    pub(super) fn fail(&mut self, source: &str, error: impl Display) {
        self.flush();
        self.failed = true;
        eprintln!("{source}: {error}");
    }

    /// Whether nobody reads what is written.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn finish(mut self) -> ExitCode {
        self.flush();
        match self.closed {
            // Whoever reads has seen enough: `| head`.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("standard output: {error}");
                ExitCode::FAILURE
            }
            _ if self.failed => ExitCode::FAILURE,
            _ if self.bad => ExitCode::from(BAD_DATA),
            _ if self.not_met => ExitCode::from(NOT_MET),
            _ => ExitCode::SUCCESS,
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.out.flush() {
            self.closed.get_or_insert(error);
        }
    }
}
