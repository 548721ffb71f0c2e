//! One line per story, and the sum of them.

use super::stage::Stage;
use super::stories::Story;
use crate::command::DataFormat;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What was played so far.
pub(super) struct Report {
    format: DataFormat,
    colour: bool,
    started: Instant,
    played: usize,
    met: usize,
}

impl Report {
    pub(super) fn new(format: DataFormat) -> Report {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = std::io::stdout().is_terminal() && !refused;
        Report { format, colour, started: Instant::now(), played: 0, met: 0 }
    }

    /// Plays a story and prints its line. A story that breaks off has that as its outcome.
    pub(super) fn play(&mut self, story: &Story, stage: &mut Stage) {
        let started = Instant::now();
        let actual = (story.play)(stage).unwrap_or_else(|error| format!("broke off: {error}"));
        let ok = actual == story.expected;
        self.played += 1;
        self.met += usize::from(ok);
        match self.format {
            DataFormat::Text => self.print_text(story, &actual, ok, started.elapsed()),
            DataFormat::Json => print_json(story, &actual, ok, started.elapsed()),
        }
    }

    pub(super) fn all_met(&self) -> bool {
        self.met == self.played
    }

    /// On standard error where standard output is JSON and nothing else.
    pub(super) fn summary(&self) {
        let (played, met, ms) = (self.played, self.met, self.started.elapsed().as_millis());
        let line = format!("{met} of {played} stories as expected, {ms} ms");
        match self.format {
            DataFormat::Text => println!("\n{line}"),
            DataFormat::Json => eprintln!("{line}"),
        }
    }

    fn print_text(&self, story: &Story, actual: &str, ok: bool, elapsed: Duration) {
        let (mark, colour) = if ok { ("ok  ", "\x1b[32m") } else { ("FAIL", "\x1b[31m") };
        let (on, off) = if self.colour { (colour, "\x1b[0m") } else { ("", "") };
        let (name, expected, ms) = (story.name, story.expected, elapsed.as_millis());
        println!("{on}{mark}{off} {name:<30} {ms:>5} ms  expected: {expected} | actual: {actual}");
    }
}

fn print_json(story: &Story, actual: &str, ok: bool, elapsed: Duration) {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let (name, expected) = (story.name, story.expected);
    let line =
        serde_json::json!({ "story": name, "expected": expected, "actual": actual, "ok": ok, "ms": ms });
    println!("{line}");
}
