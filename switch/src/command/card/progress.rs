//! For whoever waits at a terminal or reads the errors: lines, rate, and how long it will take.

use super::job::Note;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two signs of progress on a terminal, where the newer replaces the older.
const ON_TERMINAL: Duration = Duration::from_millis(250);

/// Between two of them in a log.
const IN_LOG: Duration = Duration::from_secs(10);

/// Lines between two looks at the clock.
const LOOK: u64 = 1 << 12;

pub(super) struct Progress {
    /// Size of the file, where it has one.
    bytes: Option<u64>,
    terminal: bool,
    phase: Phase,
    began: Instant,
    told: Instant,
    /// Whether a sign of progress stands in the terminal's last line.
    line_open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Checking,
    Doing,
}

impl Progress {
    pub(super) fn new(file: &Path) -> Progress {
        let bytes = fs::metadata(file).ok().filter(fs::Metadata::is_file).map(|found| found.len());
        let now = Instant::now();
        Progress {
            bytes,
            terminal: io::stderr().is_terminal(),
            phase: Phase::Checking,
            began: now,
            told: now,
            line_open: false,
        }
    }

    pub(super) fn tell(&mut self, note: Note) {
        match note {
            Note::Bad(line) => {
                self.end();
                eprintln!("{line}");
            }
            Note::Checked(lines, bytes) if lines.is_multiple_of(LOOK) => {
                let share = self.bytes.map(|all| (bytes, all));
                self.say(Phase::Checking, lines, share);
            }
            Note::Checked(..) => {}
            Note::Done(lines, all) => self.say(Phase::Doing, lines, Some((lines, all))),
        }
    }

    /// Leaves the terminal's last line to others.
    pub(super) fn end(&mut self) {
        if self.line_open {
            eprintln!();
            self.line_open = false;
        }
    }

    fn say(&mut self, phase: Phase, lines: u64, share: Option<(u64, u64)>) {
        let now = Instant::now();
        if phase != self.phase {
            (self.phase, self.began) = (phase, now);
        }
        let pause = if self.terminal { ON_TERMINAL } else { IN_LOG };
        if now.duration_since(self.told) < pause {
            return;
        }
        self.told = now;
        let text = sentence(phase, lines, share, now.duration_since(self.began));
        if self.terminal {
            eprint!("\r{text:<70}");
            self.line_open = true;
        } else {
            eprintln!("{text}");
        }
    }
}

/// `checked 3200000 lines (32 %), 410000 a second, 17 s left`
fn sentence(phase: Phase, lines: u64, share: Option<(u64, u64)>, elapsed: Duration) -> String {
    let did = match phase {
        Phase::Checking => "checked",
        Phase::Doing => "did",
    };
    let elapsed_ms = u128::max(elapsed.as_millis(), 1);
    let rate = u128::from(lines) * 1000 / elapsed_ms;
    let Some((done, all)) = share.filter(|(done, _)| *done > 0) else {
        return format!("{did} {lines} lines, {rate} a second");
    };
    let percent = u128::from(done) * 100 / u128::from(all.max(1));
    let left_s = u128::from(all.saturating_sub(done)) * elapsed_ms / u128::from(done) / 1000;
    format!("{did} {lines} lines ({percent} %), {rate} a second, {left_s} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_follow_from_what_is_done() {
        let ten = Duration::from_secs(10);
        let text = sentence(Phase::Checking, 2_000_000, Some((200, 1_000)), ten);
        assert_eq!(text, "checked 2000000 lines (20 %), 200000 a second, 40 s left");
        assert_eq!(sentence(Phase::Checking, 50, None, ten), "checked 50 lines, 5 a second");
        // Nothing is known at the first moment, and nothing is divided by it.
        assert_eq!(sentence(Phase::Doing, 0, Some((0, 0)), Duration::ZERO), "did 0 lines, 0 a second");
    }
}
