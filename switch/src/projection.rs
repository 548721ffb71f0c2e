//! The transaction store behind the running switch: follows the journal, never in the way of an authorization,
//! and archives the days that are over.

use crate::clock;
use crate::followers::{Follower, Followers};
use crate::metrics::Metrics;
use crate::recovery::{self, RecoveryError};
use crate::settings::{Settings, TransactionSettings};
use card::{CivilDay, Time, UtcOffset};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
use store::{DataKeys, Durable, JournalError, JournalReader, Place, Rejected, Sequence, Stream, Until};
use transaction_store::{
    Archived, TransactionStore, TransactionStoreError, archive_day, remove_archived_before,
};

/// Records of one transaction of SQLite.
const BATCH: usize = 20_000;

/// How long to wait for records when there are none. What is not projected yet is found in the journal.
const PAUSE: Duration = Duration::from_millis(250);

/// How long to wait after a failure before trying again, as when the disk is full.
const RETRY: Duration = Duration::from_secs(30);

/// How long after its end a business day is closed: the shards' last records have come by then.
const GRACE: Duration = Duration::from_mins(10);

/// How often to look for days to close.
const CLOSE_EVERY: Duration = Duration::from_mins(1);

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
    ///
    /// # Errors
    /// When there is no thread to be had. What fails later is logged and tried again.
    pub fn start(
        settings: &Settings,
        durable: Arc<Durable>,
        followers: &Followers,
        metrics: Arc<Metrics>,
    ) -> io::Result<Projection> {
        let stop = Arc::new(AtomicBool::new(false));
        let follower = followers.join("the transaction store");
        let worker =
            Worker { settings: settings.clone(), durable, follower, metrics, stop: Arc::clone(&stop) };
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
    durable: Arc<Durable>,
    follower: Follower,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self) {
        // Last in line for the processor; on Linux this is the thread's own.
        let _ = rustix::process::nice(10);
        while !self.stopped() {
            if let Err(error) = self.follow() {
                tracing::error!(%error, "the transaction store does not follow the journal; trying again");
                self.wait(RETRY);
            }
        }
    }

    fn follow(&self) -> Result<(), ProjectionError> {
        let mut store = open_store(&self.settings)?;
        let until = Until::Durable(Arc::clone(&self.durable));
        let mut reader = open_reader(&self.settings, &store, until)?;
        let mut closed: Option<Instant> = None;
        while !self.stopped() {
            let records = project_batch(&mut reader, &mut store)?;
            // What was read is committed with its place, so nothing before it is asked for again.
            self.follower.needs_from(reader.place().segment);
            self.report(&store);
            if records > 0 {
                continue;
            }
            // Days are closed only when nothing waits: what is missing of one would else come late.
            if closed.is_none_or(|at| at.elapsed() >= CLOSE_EVERY) {
                archive_closed_days(&self.settings, &mut store)?;
                closed = Some(Instant::now());
            }
            self.wait(PAUSE);
        }
        Ok(())
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

/// Opens the store for writing.
///
/// # Errors
/// When there is no master key, another process writes to it, or the disk fails.
pub fn open_store(settings: &Settings) -> Result<TransactionStore, ProjectionError> {
    let keys = recovery::data_keys(settings).map_err(ProjectionError::Recovery)?;
    let offset = settings.tables.business_offset;
    TransactionStore::open(&settings.transactions.file, offset, keys).map_err(ProjectionError::Store)
}

/// Opens the journal where the store stands; for a new store, with the oldest segment that the journal still has.
///
/// # Errors
/// When the journal cannot be read, or does not have the place where the store stands.
pub fn open_reader(
    settings: &Settings,
    store: &TransactionStore,
    until: Until,
) -> Result<JournalReader, ProjectionError> {
    let folder = recovery::journal_folder(settings);
    let keys = recovery::data_keys(settings).map_err(ProjectionError::Recovery)?;
    let place = store.progress().place.as_deref().and_then(read_place);
    let failed = |error| ProjectionError::Recovery(RecoveryError::Journal(error));
    if let Some(place) = place {
        return JournalReader::open(&folder, &keys, &place, until).map_err(failed);
    }
    oldest(&folder, &keys, until).map_err(failed)
}

fn oldest(folder: &std::path::Path, keys: &DataKeys, until: Until) -> Result<JournalReader, JournalError> {
    match store::oldest_segment(folder)? {
        Some(segment) if segment > 1 => JournalReader::open_segment(folder, keys, segment, until),
        _ => JournalReader::open(folder, keys, &Place::default(), until),
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
    if count > 0 {
        let place = write_place(reader.place());
        store.commit(Some(&place)).map_err(ProjectionError::Store)?;
    }
    Ok(count)
}

/// Archives the days that are over, drops what need not be online, and removes what is past its retention.
/// Gives the days that were archived.
///
/// # Errors
/// When the store or the archive's folder fails.
pub fn archive_closed_days(
    settings: &Settings,
    store: &mut TransactionStore,
) -> Result<Vec<String>, ProjectionError> {
    let TransactionSettings { file, archive_folder, online_days, retention } = &settings.transactions;
    let offset = settings.tables.business_offset;
    let today = day_before(clock::now(), GRACE, offset);
    let closed = store.close_days(today).map_err(ProjectionError::Store)?;
    for day in &closed {
        let folder = archive_folder.display();
        match archive_day(file, archive_folder, day).map_err(ProjectionError::Store)? {
            Archived::Written(files) => tracing::info!(day, files = files.len(), %folder, "archived"),
            Archived::HasMore => {
                tracing::warn!(day, %folder, "the archive has more of this day than the store; it stays as it is");
            }
        }
        store.mark_archived(day).map_err(ProjectionError::Store)?;
    }
    let CivilDay { year, month, day } = day_before(clock::now(), *retention, offset);
    let oldest = format!("{year:04}-{month:02}-{day:02}");
    let dropped = store.drop_days_beyond(*online_days, archive_folder, &oldest);
    for day in dropped.map_err(ProjectionError::Store)? {
        tracing::info!(day, "no longer online; the archive has it");
    }
    for gone in remove_archived_before(archive_folder, &oldest).map_err(ProjectionError::Store)? {
        tracing::info!(file = %gone.display(), "removed: past its retention");
    }
    Ok(closed)
}

fn day_before(now: Time, period: Duration, offset: UtcOffset) -> CivilDay {
    let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
    Time::from_unix_ms(now.unix_ms.saturating_sub(period_ms)).day(offset)
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
