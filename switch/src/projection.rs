//! The transaction store behind the running switch: follows the journal, never in the way of an authorization,
//! and archives the days that are over.

use crate::archiving::{Archived, ClosedDays};
use crate::clock;
use crate::followers::{Follower, Followers};
use crate::metrics::Metrics;
use crate::recovery::{self, RecoveryError};
use crate::settings::Settings;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
use store::{DataKeys, Durable, JournalReader, Place, Rejected, Replay, Sequence, Stream, Until};
use transaction_store::{TransactionStore, TransactionStoreError};

/// Records of one transaction of SQLite.
const BATCH: usize = 20_000;

/// How long to wait for records when there are none. What is not projected yet is found in the journal.
const PAUSE: Duration = Duration::from_millis(250);

/// How long to wait after a failure before trying again, as when the disk is full.
const RETRY: Duration = Duration::from_secs(30);

/// How often to look for days to close.
const CLOSE_EVERY: Duration = Duration::from_mins(1);

/// How long to wait after closed days could not be archived, which takes a person most likely.
const ARCHIVE_RETRY: Duration = Duration::from_mins(10);

/// How long the end of the process waits for the end of a batch.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Why the store could not follow the journal.
#[derive(Debug)]
pub enum ProjectionError {
    /// The master key or the journal.
    Recovery(RecoveryError),
    /// The store.
    Store(TransactionStoreError),
    /// A record of the journal.
    Record(Rejected),
}

/// The thread that follows the journal.
pub struct Projection {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Projection {
    /// Starts to follow what the committer makes durable. From now on no segment goes that the store has not read.
    /// `keys` are those of the whole process, so that a rotation reaches the store, too; `replay` says where each
    /// stream was at the start.
    ///
    /// # Errors
    /// When there is no thread to be had. What fails later is logged and tried again.
    pub fn start(
        settings: &Settings,
        keys: DataKeys,
        replay: &Replay,
        durable: Arc<Durable>,
        followers: &Followers,
        metrics: Arc<Metrics>,
    ) -> io::Result<Projection> {
        let stop = Arc::new(AtomicBool::new(false));
        let follower = followers.join("the transaction store");
        let streams = (0..=recovery::PROVISIONING.0).map(Stream);
        let worker = Worker {
            settings: settings.clone(),
            keys,
            ends: streams.map(|stream| (stream, replay.position(stream))).collect(),
            durable,
            follower,
            metrics,
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new().name("projection".to_owned());
        Ok(Projection { stop, thread: thread.spawn(move || worker.run())? })
    }

    /// To wake it when somebody waits for what it has not projected yet.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        Nudge(self.thread.thread().clone())
    }

    /// Ends at the next batch. What is not projected is not lost: it is in the journal. A day that is just
    /// being archived is left as it is, and archived at the next start.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let asked = Instant::now();
        while !self.thread.is_finished() && asked.elapsed() < STOP_WITHIN {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Wakes the projection from its pause.
#[derive(Clone, Debug)]
pub struct Nudge(Thread);

impl Nudge {
    /// Makes it look for records at once.
    pub fn nudge(&self) {
        self.0.unpark();
    }
}

struct Worker {
    settings: Settings,
    keys: DataKeys,
    /// Where each stream was at the start.
    ends: Vec<(Stream, Sequence)>,
    durable: Arc<Durable>,
    follower: Follower,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self) {
        // Last in line for the processor; on Linux this is the thread's own.
        let _ = rustix::process::nice(10);
        let mut archiving = Archiving { next: Instant::now(), running: None };
        while !self.stopped() {
            if let Err(error) = self.follow(&mut archiving) {
                tracing::error!(%error, "the transaction store does not follow the journal; trying again");
                self.wait(RETRY);
            }
        }
    }

    /// Follows until it is stopped, or the store must be opened anew.
    fn follow(&self, archiving: &mut Archiving) -> Result<(), ProjectionError> {
        let mut store = open_store(&self.settings, &self.keys)?;
        let until = Until::Durable(Arc::clone(&self.durable));
        let mut reader = open_reader(&self.settings, &self.keys, &mut store, until)?;
        while !self.stopped() {
            let records = project_batch(&mut reader, &mut store)?;
            // What was read is committed with its place, so nothing before it is asked for again.
            self.follower.needs_from(reader.place().segment);
            self.report(&store);
            if records > 0 {
                continue;
            }
            store.note_ends(self.ends.iter().copied()).map_err(ProjectionError::Store)?;
            // Days are closed only when nothing waits: what is missing of one would else come late.
            if let Err(TransactionStoreError::Sqlite(..)) = self.archive(&mut store, archiving) {
                // A transaction of it may stand open. Nothing is lost, and nobody waits for long.
                return Ok(());
            }
            self.wait(PAUSE);
        }
        Ok(())
    }

    /// What fails here is no reason not to project: searches and late repeats need what is recorded now.
    fn archive(
        &self,
        store: &mut TransactionStore,
        archiving: &mut Archiving,
    ) -> Result<(), TransactionStoreError> {
        let done = match archiving.running.take() {
            // A panic was reported, and the days are due again.
            Some(running) if running.is_finished() => match running.join() {
                Ok(archived) => archived.settle(store).map(drop),
                Err(_) => Ok(()),
            },
            None if Instant::now() >= archiving.next => {
                ClosedDays::of(&self.settings, store).map(|days| archiving.running = begin(days))
            }
            running => {
                archiving.running = running;
                return Ok(());
            }
        };
        archiving.next = Instant::now() + if done.is_ok() { CLOSE_EVERY } else { ARCHIVE_RETRY };
        if let Err(error) = &done {
            tracing::error!(%error, "closed days are not archived; trying again in ten minutes");
            self.metrics.archive_failed();
        }
        done
    }

    /// How far behind the journal the store is.
    fn report(&self, store: &TransactionStore) {
        let progress = store.progress();
        let behind = |stream: u16| {
            let durable = self.durable.position(Stream(stream)).0;
            durable.saturating_sub(progress.next.get(&stream).copied().unwrap_or(0))
        };
        let records = (0..self.settings.shards as u16).map(behind).sum();
        let seconds = match progress.clock {
            Some(clock) if records > 0 => clock::now().unix_ms.saturating_sub(clock.unix_ms).max(0) / 1000,
            _ => 0,
        };
        self.metrics.projection_behind(records, seconds.unsigned_abs());
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn wait(&self, time: Duration) {
        if !self.stopped() {
            std::thread::park_timeout(time);
        }
    }
}

/// The files of closed days, written on a thread of their own.
struct Archiving {
    /// When to look for closed days again.
    next: Instant,
    running: Option<JoinHandle<Archived>>,
}

/// Without a thread the days are due the next time.
fn begin(days: ClosedDays) -> Option<JoinHandle<Archived>> {
    let archive = move || {
        let _ = rustix::process::nice(10);
        days.archive()
    };
    let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(archive);
    thread.inspect_err(|error| tracing::warn!(%error, "no thread to archive closed days")).ok()
}

/// Opens the store for writing.
///
/// # Errors
/// When another process writes to it, or the disk fails.
pub fn open_store(settings: &Settings, keys: &DataKeys) -> Result<TransactionStore, ProjectionError> {
    let offset = settings.tables.business_offset;
    TransactionStore::open(&settings.transactions.file, offset, keys.clone()).map_err(ProjectionError::Store)
}

/// Opens the journal where the store stands; for a new store, with the oldest segment that the journal still has,
/// and tells it whether that is the first.
///
/// # Errors
/// When the journal cannot be read, or does not have the place where the store stands.
pub fn open_reader(
    settings: &Settings,
    keys: &DataKeys,
    store: &mut TransactionStore,
    until: Until,
) -> Result<JournalReader, ProjectionError> {
    let folder = recovery::journal_folder(settings);
    let failed = |error| ProjectionError::Recovery(RecoveryError::Journal(error));
    if let Some(place) = store.progress().place.as_deref().and_then(read_place) {
        return JournalReader::open_part(&folder, keys, &place, until).map_err(failed);
    }
    match store::oldest_segment(&folder).map_err(failed)? {
        Some(segment) if segment > 1 => {
            tracing::warn!(
                segment,
                "the journal's first segments are gone: the transaction store covers what came after them. The day \
                 that it begins in is not archived, and repeats of what is older are answered 96"
            );
            JournalReader::open_segment(&folder, keys, segment, until).map_err(failed)
        }
        _ => {
            store.begins_with_the_journal();
            JournalReader::open(&folder, keys, &Place::default(), until).map_err(failed)
        }
    }
}

/// Applies the records of some frames and commits them with the place behind. Gives how many there were.
///
/// # Errors
/// When the journal or the store fails.
pub fn project_batch(
    reader: &mut JournalReader,
    store: &mut TransactionStore,
) -> Result<usize, ProjectionError> {
    let failed = |error| ProjectionError::Recovery(RecoveryError::Journal(error));
    let mut count = 0;
    while count < BATCH {
        let Some(frame) = reader.next_frame().map_err(failed)? else { break };
        let (stream, mut sequence) = (frame.stream, frame.first);
        for bytes in frame.records {
            let record = store::decode_record(bytes).map_err(ProjectionError::Record)?;
            store.apply(stream, sequence, &record).map_err(ProjectionError::Store)?;
            sequence = sequence.after(1);
            count += 1;
        }
    }
    // Also where nothing was read but the beginning of a segment: the one before may go now.
    let place = write_place(reader.place());
    store.commit(Some(&place)).map_err(ProjectionError::Store)?;
    Ok(count)
}

/// A place of the journal as the store keeps it: `segment:offset:position,position,…`.
pub(crate) fn write_place(place: &Place) -> String {
    let positions: Vec<String> = place.positions.iter().map(|position| position.0.to_string()).collect();
    format!("{}:{}:{}", place.segment, place.offset, positions.join(","))
}

/// Reads what [`write_place`] wrote.
pub(crate) fn read_place(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, ':');
    let (segment, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let positions = parts.next()?.split(',').filter(|position| !position.is_empty());
    let positions: Result<Vec<Sequence>, _> =
        positions.map(|position| position.parse().map(Sequence)).collect();
    Some(Place { segment, offset, positions: positions.ok()? })
}

impl fmt::Display for ProjectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProjectionError::Recovery(error) => write!(f, "{error}"),
            ProjectionError::Store(error) => write!(f, "transaction store: {error}"),
            ProjectionError::Record(Rejected(reason)) => write!(f, "journal: {reason}"),
        }
    }
}

impl std::error::Error for ProjectionError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        for positions in [vec![], vec![Sequence(0)], vec![Sequence(7), Sequence(u64::MAX)]] {
            let place = Place { segment: 3, offset: 4096, positions };
            assert_eq!(read_place(&write_place(&place)), Some(place));
        }
        for bad in ["", "1", "1:2", "1:x:", "1:2:3,x"] {
            assert_eq!(read_place(bad), None, "{bad}");
        }
    }
}
