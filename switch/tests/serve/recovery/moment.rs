//! When the blow falls, drawn from a seed.

use crate::town::Rng;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for a moment that depends on what the switch does.
const PATIENCE: Duration = Duration::from_secs(5);

/// A moment of a serving switch, under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Before it listens: while it replays, or while it prepares its files.
    StartUp,
    /// Right after it has begun to listen, while terminals settle what was open.
    JustListening,
    /// After so many answers.
    Answers,
    /// After some time, in the middle of a burst.
    Burst,
    /// Around the change of a file in the journal's folder: a segment rolls, or a spare is made.
    Roll,
    /// While a snapshot is being written.
    Snapshot,
    /// After `SIGTERM`, while it drains.
    Drain,
}

impl Moment {
    /// The moments of a serving switch; the first two come before.
    pub(crate) const SERVING: [Moment; 5] =
        [Moment::Answers, Moment::Burst, Moment::Roll, Moment::Snapshot, Moment::Drain];

    /// Waits until it has come. `answered` counts up while terminals are answered.
    pub(crate) fn wait(self, rng: &mut Rng, data: &Path, answered: &AtomicUsize) {
        match self {
            Moment::StartUp => {}
            Moment::JustListening => thread::sleep(rng.micros(8_000)),
            Moment::Answers => {
                let wanted = answered.load(Ordering::Relaxed) + 1 + rng.below(300) as usize;
                until(|| answered.load(Ordering::Relaxed) >= wanted);
            }
            Moment::Burst | Moment::Drain => thread::sleep(rng.micros(300_000)),
            Moment::Roll => changed(&data.join("journal"), rng),
            Moment::Snapshot => changed(&data.join("snapshots"), rng),
        }
    }
}

/// Waits for another set of names in a folder, and a random bit longer.
fn changed(folder: &Path, rng: &mut Rng) {
    // A switch that does not keep such files is killed all the same.
    if !folder.is_dir() {
        return thread::sleep(rng.micros(300_000));
    }
    let before = names(folder);
    until(|| names(folder) != before);
    thread::sleep(rng.micros(2_000));
}

fn names(folder: &Path) -> BTreeSet<std::ffi::OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.file_name()).collect()
}

/// Not all that is waited for comes: a switch that rolls no segment is killed all the same.
fn until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() && begun.elapsed() < PATIENCE {
        thread::park_timeout(Duration::from_micros(200));
    }
}
