//! Snapshots of all shards: taken in the background while the switch serves, read at start.
//!
//! A shard freezes its state between two inputs, which costs it a reference for every 512 entries. The thread here
//! then writes what was frozen, once the journal is durable up to it. A new snapshot is due when the journal has
//! grown by half of what the last one took, so that snapshots at most treble what is written, and by
//! [`SnapshotSettings::journal_bytes`] at least.

use crate::directory::Directory;
use crate::filling::{self, Fill, Filler};
use crate::followers::Followers;
use crate::inbox::Message;
use crate::metrics::Metrics;
use crate::recovery::{self, PROVISIONING, RecoveryError};
use crate::settings::{RetentionSettings, Settings, SnapshotSettings};
use crate::shards::Shards;
use auth::{Core, Element, Frozen, Route, ShardIndex, State};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};
use store::{
    DataKeys, Durable, Replay, Sequence, SnapshotError, SnapshotInfo, SnapshotWriter, Start, Stream,
};

/// How often it is looked whether a snapshot is due.
const LOOK: Duration = Duration::from_millis(250);

/// How long shards may take to freeze, and the journal to become durable up to there.
const DEADLINE: Duration = Duration::from_secs(30);

/// A shard's state as it was between two inputs.
pub struct FrozenShard {
    /// The shard.
    pub shard: u16,
    /// Its state.
    pub state: Frozen,
    /// How many records of its stream are in it.
    pub position: Sequence,
    /// How long the shard stood still for it.
    pub pause: Duration,
}

/// The folder of the snapshots.
#[must_use]
pub fn folder(settings: &Settings) -> PathBuf {
    settings.data_folder.join("snapshots")
}

/// One core per shard as the newest usable snapshot has them, and where the journal goes on; new cores and
/// the beginning of the journal without one.
///
/// # Errors
/// When there are snapshots, none of them can be read, and the beginning of the journal is missing.
pub fn restore_cores(
    settings: &Settings,
    keys: &DataKeys,
    directory: &Directory,
) -> Result<(Vec<Core>, Start), RecoveryError> {
    let shards = settings.shards;
    let fresh = || {
        let core = |shard| {
            let tables = Arc::clone(&settings.tables);
            let mut core = Core::with_memory(ShardIndex(shard as u8), tables, settings.memory);
            core.reserve();
            core
        };
        (0..shards).map(core).collect::<Vec<_>>()
    };
    let (dir, journal) = (folder(settings), recovery::journal_folder(settings));
    restore(&dir, &journal, keys, fresh, |filler, info, shard, element| match element.route() {
        Route::Account(account) => {
            // Its card may be off the file by now, and its reversal still come.
            if let Element::Transaction(stored) = &element {
                directory.settle_if_unknown(&stored.pan, &account);
            }
            let home = match element.account() {
                Some(account) => directory.settle_account(account),
                None => directory.home_of_account(&account),
            };
            filler.restore(home, element);
        }
        Route::Card(pan, Some(account)) => filler.restore(directory.settle(&pan, &account), element),
        Route::Card(pan, None) => filler.restore(directory.home(&pan), element),
        Route::Token(token, card) => filler.restore(directory.settle_token(&token, &card), element),
        // Where an account got its customer later, what the customer counts there stays there.
        Route::Customer(_) if usize::from(info.shards) == shards => {
            filler.restore(usize::from(shard), element);
        }
        Route::Customer(customer) => filler.restore(directory.home_of_number(customer), element),
        Route::Own if usize::from(info.shards) == shards => filler.restore(usize::from(shard), element),
        Route::Own | Route::Any => filler.restore(0, element),
        Route::Unknown if usize::from(info.shards) == shards => filler.restore(usize::from(shard), element),
        Route::Unknown => (0..shards).for_each(|shard| filler.restore(shard, element.clone())),
    })
}

/// All shards in one state, for tools.
///
/// # Errors
/// As [`restore_cores`].
pub fn restore_state(settings: &Settings, keys: &DataKeys) -> Result<(State, Start), RecoveryError> {
    restore_state_from(&folder(settings), &recovery::journal_folder(settings), keys)
}

/// The same from folders of snapshots and journal that are not the data folder's: a backup's.
///
/// # Errors
/// As [`restore_cores`].
pub fn restore_state_from(
    dir: &Path,
    journal: &Path,
    keys: &DataKeys,
) -> Result<(State, Start), RecoveryError> {
    let fresh = || vec![State::default()];
    let put = |filler: &mut Filler, _: &SnapshotInfo, _, element| filler.restore(0, element);
    let (states, start) = restore(dir, journal, keys, fresh, put)?;
    Ok((states.into_iter().next().expect("one went in"), start))
}

/// Tries snapshots until one can be read. Without one, all of the journal must be there.
fn restore<T: Fill>(
    dir: &Path,
    journal: &Path,
    keys: &DataKeys,
    fresh: impl Fn() -> Vec<T>,
    put: impl Fn(&mut Filler, &SnapshotInfo, u16, Element),
) -> Result<(Vec<T>, Start), RecoveryError> {
    let mut newest_failed = None;
    let found = store::snapshots(dir).unwrap_or_else(|error| {
        tracing::warn!(%error, "snapshots cannot be listed");
        newest_failed = Some(error);
        Vec::new()
    });
    for (number, path) in found {
        let mut into = fresh();
        let read = store::snapshot_info(&path, keys).and_then(|info| {
            filling::fill(&mut into, |filler| {
                store::read_snapshot(&path, keys, &mut |shard, element| put(filler, &info, shard, element))
            })
        });
        match read {
            Ok(info) => {
                tracing::info!(snapshot = number, segment = info.segment, "snapshot read");
                return Ok((into, Start { segment: info.segment, positions: info.positions() }));
            }
            Err(error) => {
                tracing::warn!(%error, "snapshot passed over");
                newest_failed.get_or_insert(error);
            }
        }
    }
    if let Some(error) = newest_failed {
        let segments = store::segments(journal).map_err(RecoveryError::Journal)?;
        let missing = (1..).zip(&segments).find(|(expected, number)| expected != *number);
        let missing = missing.map(|(expected, _)| expected).or(segments.is_empty().then_some(1));
        if let Some(missing) = missing {
            return Err(RecoveryError::NoSnapshot { error, journal: journal.to_owned(), missing });
        }
    }
    Ok((fresh(), Start::default()))
}

/// The thread that takes snapshots.
pub struct Snapshots {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Snapshots {
    /// Starts the thread. `replay` is what the start has found: streams that are no shard's stay as they are there.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: &Settings,
        keys: DataKeys,
        replay: &Replay,
        shards: Arc<Shards>,
        durable: Arc<Durable>,
        followers: Arc<Followers>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Snapshots> {
        let dir = folder(settings);
        let newest = store::snapshots(&dir).ok().and_then(|found| found.into_iter().next());
        let info = newest.as_ref().and_then(|(_, path)| store::snapshot_info(path, &keys).ok());
        let bytes = newest.as_ref().and_then(|(_, path)| std::fs::metadata(path).ok());
        let mut worker = Worker {
            settings: settings.snapshots,
            retention: settings.retention.clone(),
            journal: recovery::journal_folder(settings),
            segment_bytes: settings.segment_bytes,
            last: Last {
                number: newest.map_or(0, |(number, _)| number),
                segment: info.map_or(1, |info| info.segment),
                bytes: bytes.map_or(0, |metadata| metadata.len()),
            },
            dir,
            keys,
            base: (0..=PROVISIONING.0).map(|stream| replay.position(Stream(stream)).0).collect(),
            shards,
            durable,
            followers,
            metrics,
        };
        let (stop, stopped) = bounded(1);
        let thread = thread::Builder::new().name("snapshot".into()).spawn(move || worker.run(&stopped))?;
        Ok(Snapshots { stop, thread })
    }

    /// Ends the thread; a snapshot in the making is given up.
    pub fn stop(self) {
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the snapshot thread has failed");
        }
    }
}

struct Worker {
    settings: SnapshotSettings,
    retention: RetentionSettings,
    journal: PathBuf,
    segment_bytes: u64,
    last: Last,
    dir: PathBuf,
    keys: DataKeys,
    base: Vec<u64>,
    shards: Arc<Shards>,
    durable: Arc<Durable>,
    followers: Arc<Followers>,
    metrics: Arc<Metrics>,
}

/// The newest snapshot.
struct Last {
    number: u64,
    segment: u64,
    bytes: u64,
}

/// Why a snapshot was not taken. The next one is tried when it is due.
enum Failure {
    Stopped,
    Late(&'static str),
    Snapshot(SnapshotError),
}

impl Worker {
    fn run(&mut self, stopped: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK) {
            if !self.is_due() {
                continue;
            }
            match self.take(stopped) {
                Ok(()) => {}
                Err(Failure::Stopped) => return,
                Err(failure) => {
                    tracing::warn!(%failure, "no snapshot; a restart will take longer");
                    self.metrics.snapshots().failed();
                    // Not at once again: what is wrong, a full disk most likely, takes a person.
                    self.last.segment = self.durable.segment();
                }
            }
        }
    }

    fn is_due(&self) -> bool {
        let grown = self.durable.segment().saturating_sub(self.last.segment) * self.segment_bytes;
        grown >= self.settings.journal_bytes.max(self.last.bytes / 2).max(self.segment_bytes)
    }

    fn take(&mut self, stopped: &Receiver<()>) -> Result<(), Failure> {
        let begun = Instant::now();
        // First the segment, then the positions: what is behind the positions lies in it or later.
        let segment = self.durable.segment();
        let frozen = self.freeze(begun)?;
        let mut positions = self.base.clone();
        for shard in &frozen {
            positions[usize::from(shard.shard)] = shard.position.0;
        }
        let number = self.last.number + 1;
        let info = SnapshotInfo { number, shards: frozen.len() as u16, segment, positions };
        let pause = frozen.iter().map(|shard| shard.pause).max().unwrap_or_default();
        self.wait_until_durable(&frozen, begun)?;
        let bytes = self.write(&info, frozen, stopped)?;
        store::remove_old_snapshots(&self.dir, self.settings.keep).map_err(Failure::Snapshot)?;
        self.retire();
        self.last = Last { number, segment, bytes };
        let took = begun.elapsed();
        self.metrics.snapshots().taken(bytes, took, pause);
        tracing::info!(snapshot = number, bytes, ?took, ?pause, "snapshot taken");
        Ok(())
    }

    fn freeze(&self, begun: Instant) -> Result<Vec<FrozenShard>, Failure> {
        let count = self.shards.count();
        let (frozen, thawed) = bounded(count);
        for shard in 0..count {
            let message = Message::Freeze(frozen.clone());
            self.shards.inbox(shard).push(message).map_err(|_| Failure::Late("a shard's inbox is full"))?;
        }
        drop(frozen);
        let mut shards = Vec::with_capacity(count);
        for _ in 0..count {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            shards.push(
                thawed.recv_timeout(left).map_err(|_| Failure::Late("a shard did not freeze in time"))?,
            );
        }
        shards.sort_unstable_by_key(|shard: &FrozenShard| shard.shard);
        Ok(shards)
    }

    /// What is in a snapshot must be in the journal.
    fn wait_until_durable(&self, frozen: &[FrozenShard], begun: Instant) -> Result<(), Failure> {
        for shard in frozen {
            while self.durable.position(Stream(shard.shard)) < shard.position {
                if begun.elapsed() > DEADLINE {
                    return Err(Failure::Late("the journal was not durable in time"));
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    fn write(
        &self,
        info: &SnapshotInfo,
        frozen: Vec<FrozenShard>,
        stopped: &Receiver<()>,
    ) -> Result<u64, Failure> {
        let mut writer = SnapshotWriter::create(&self.dir, &self.keys, info).map_err(Failure::Snapshot)?;
        for FrozenShard { shard, state, .. } in frozen {
            let mut result = Ok(());
            state.into_each(|element| {
                if result.is_ok() {
                    result = match stopped.is_empty() {
                        true => writer.push(shard, element).map_err(Failure::Snapshot),
                        false => Err(Failure::Stopped),
                    };
                }
            });
            result?;
        }
        writer.finish().map_err(Failure::Snapshot)
    }
}

impl Worker {
    /// Takes away the segments that neither a snapshot nor a follower of the journal needs and whose time is over.
    /// The oldest snapshot decides: it must still do where the newer ones cannot be read.
    fn retire(&self) {
        let oldest = store::snapshots(&self.dir).ok().and_then(|found| found.into_iter().last());
        let Some(Ok(info)) = oldest.map(|(_, path)| store::snapshot_info(&path, &self.keys)) else { return };
        let Some(written_before) = SystemTime::now().checked_sub(self.retention.keep) else { return };
        let segment = match self.followers.last() {
            Some((name, needed)) if needed < info.segment => {
                tracing::info!(follower = name, segment = needed, "old segments wait until they are read");
                needed
            }
            _ => info.segment,
        };
        match store::retire_before(&self.journal, segment, written_before, &self.retention.then) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => tracing::info!(segments = gone.len(), newest = gone.last(), "segments retired"),
            Err(error) => tracing::warn!(%error, "old segments stay where they are"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Stopped => f.write_str("the switch is stopping"),
            Failure::Late(reason) => f.write_str(reason),
            Failure::Snapshot(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests;
