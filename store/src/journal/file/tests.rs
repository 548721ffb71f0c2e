//! The engine on a disk that fails, and that loses what was not synced.

use super::*;
use std::sync::{Arc, LazyLock, Mutex};

/// A disk that ends at its operation number `fails_at`: by then it holds all that was synced and
/// an arbitrary part of the rest, in sectors, as after a loss of power.
struct FailingDisk {
    inner: Folder,
    fails_at: u32,
    /// Chooses the sectors that survive.
    seed: u64,
    error: io::ErrorKind,
    unsynced: Vec<(u64, Vec<u8>)>,
    operations: Arc<Mutex<u32>>,
}

impl FailingDisk {
    /// Counts an operation, and fails it when it is the one.
    fn operation(&mut self) -> io::Result<()> {
        let mut operations = self.operations.lock().unwrap();
        *operations += 1;
        if *operations == self.fails_at {
            drop(operations);
            self.lose_power();
            return Err(self.error.into());
        }
        Ok(())
    }

    fn lose_power(&mut self) {
        for (offset, bytes) in std::mem::take(&mut self.unsynced) {
            let mut place = offset;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let in_sector = (SECTOR - place % SECTOR).min(rest.len() as u64) as usize;
                if splitmix(&mut self.seed).is_multiple_of(2) {
                    self.inner.write_at(&rest[..in_sector], place).unwrap();
                }
                rest = &rest[in_sector..];
                place += in_sector as u64;
            }
        }
    }

    fn is_alive(&self) {
        let operations = *self.operations.lock().unwrap();
        assert!(operations < self.fails_at, "the disk was used after it had failed");
    }
}

impl Disk for FailingDisk {
    fn create(&mut self, number: u64, bytes: u64, header: &[u8]) -> io::Result<()> {
        self.is_alive();
        assert!(self.unsynced.is_empty(), "a segment is left behind before it is synced");
        // The segment may be there although we are told that it is not.
        let made_anyway = self.seed.is_multiple_of(2);
        let failed = self.operation();
        if failed.is_ok() || made_anyway {
            self.inner.create(number, bytes, header)?;
        }
        failed
    }

    fn open(&mut self, number: u64) -> io::Result<()> {
        self.is_alive();
        self.operation()?;
        self.inner.open(number)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.is_alive();
        self.unsynced.push((offset, bytes.to_vec()));
        self.operation()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.is_alive();
        self.operation()?;
        for (offset, bytes) in self.unsynced.drain(..) {
            self.inner.write_at(&bytes, offset)?;
        }
        self.inner.sync()
    }
}

/// What a run on a failing disk has come to.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Records that were durable, and thus acknowledged.
    acknowledged: u64,
    /// Records that were handed to the journal.
    submitted: u64,
    /// Whether the disk failed before the run was through.
    failed: bool,
    operations: u32,
}

/// Opens the journal and appends groups of batches of various sizes, over several segments.
fn run(dir: &Path, fails_at: u32, seed: u64, error: io::ErrorKind) -> Run {
    let operations = Arc::new(Mutex::new(0));
    let inner = Folder::new(dir, SEGMENT_BYTES);
    let disk =
        FailingDisk { inner, fails_at, seed, error, unsynced: Vec::new(), operations: operations.clone() };
    let opened = FileJournal::open_on(Box::new(disk), dir, &keys(), SEGMENT_BYTES, &mut |_, _, _| Ok(()));
    let mut run = match opened {
        Ok((mut journal, replay)) => append_groups(&mut journal, replay.records, seed),
        Err(JournalError::Io { error: told, .. }) => {
            assert_eq!(told.kind(), error);
            let records = records(dir);
            Run { acknowledged: records, submitted: records, failed: true, operations: 0 }
        }
        Err(other) => panic!("{other}"),
    };
    run.operations = *operations.lock().unwrap();
    run
}

fn append_groups(journal: &mut FileJournal, already: u64, mut seed: u64) -> Run {
    let mut run = Run { acknowledged: already, submitted: already, ..Run::default() };
    for group in 0..7 {
        for _ in 0..=group % 3 {
            let mut batch = Batch::new();
            let first = Sequence(run.submitted);
            for _ in 0..3 {
                let mut record = vec![0; 8 + (splitmix(&mut seed) % 400) as usize];
                record[..8].copy_from_slice(&run.submitted.to_le_bytes());
                batch.push(&record);
                run.submitted += 1;
            }
            if let Err(error) = journal.append(Stream(0), first, &batch) {
                assert!(matches!(error, AppendError::Journal(JournalError::Io { .. })), "{error}");
                return failed(journal, run);
            }
        }
        if let Err(error) = journal.sync() {
            assert!(matches!(error, JournalError::Io { .. }), "{error}");
            return failed(journal, run);
        }
        run.acknowledged = run.submitted;
    }
    run
}

/// A failure is final: the disk, which panics when it is used again, is left alone.
fn failed(journal: &mut FileJournal, run: Run) -> Run {
    let mut batch = Batch::new();
    batch.push(b"after the failure");
    let next = journal.position(Stream(0));
    for _ in 0..2 {
        assert!(matches!(journal.sync(), Err(JournalError::Failed)));
        let appended = journal.append(Stream(0), next, &batch);
        assert!(matches!(appended, Err(AppendError::Journal(JournalError::Failed))));
    }
    Run { failed: true, ..run }
}

/// Number of records in the journal; asserts that they are the right ones, in order.
fn records(dir: &Path) -> u64 {
    let mut count = 0u64;
    let visited = super::super::read_all(dir, &keys(), &mut |_, sequence, record| {
        assert_eq!((sequence.0, &record[..8]), (count, &count.to_le_bytes()[..]));
        count += 1;
        Ok(())
    });
    visited.map(|_| count).unwrap_or_else(|error| panic!("{error}"))
}

/// Fails every operation of a run in turn, then runs again on the same files with a disk that
/// fails every operation of the recovery in turn, and at last on a good disk.
fn check_every_failure(seed: u64, error: io::ErrorKind) {
    for fails_at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let first = run(dir.path(), fails_at, seed, error);
        if !first.failed {
            assert!(fails_at > 15, "the run is long enough to mean something");
            return;
        }
        let survived = records(dir.path());
        assert!((first.acknowledged..=first.submitted).contains(&survived));

        // Recovery: open, two writes, a sync. Whatever it loses, it is not what was acknowledged.
        for again in 1..=5 {
            let second = run(dir.path(), again, seed ^ u64::from(again), error);
            assert!(second.failed && second.acknowledged >= first.acknowledged);
        }
        let last = run(dir.path(), u32::MAX, seed, error);
        assert!(!last.failed && last.operations > 0);
        assert_eq!(records(dir.path()), last.acknowledged);
    }
}

#[test]
fn a_loss_of_power_at_any_operation_loses_nothing_acknowledged() {
    for seed in 0..3 {
        check_every_failure(seed, io::ErrorKind::Other);
    }
}

#[test]
fn a_full_disk_at_any_operation_loses_nothing_acknowledged() {
    check_every_failure(42, io::ErrorKind::StorageFull);
}

/// What is read at the opening may be in the cache of the system only. Here the cache is one
/// folder and the disk another, which has lost everything behind the header of the segment.
#[test]
fn an_opening_makes_durable_what_it_has_read() {
    let cache = tempfile::tempdir().unwrap();
    let written = run(cache.path(), u32::MAX, 1, io::ErrorKind::Other);
    let newest = segment::newest(cache.path()).unwrap();
    let disk_dir = tempfile::tempdir().unwrap();
    for number in 1..=newest {
        let mut content = std::fs::read(segment::path(cache.path(), number)).unwrap();
        if number == newest {
            content[HEADER_BYTES..].fill(0);
        }
        std::fs::write(segment::path(disk_dir.path(), number), content).unwrap();
    }
    assert!(records(disk_dir.path()) < written.acknowledged);

    let disk = FailingDisk {
        inner: Folder::new(disk_dir.path(), SEGMENT_BYTES),
        fails_at: u32::MAX,
        seed: 1,
        error: io::ErrorKind::Other,
        unsynced: Vec::new(),
        operations: Arc::default(),
    };
    let visitor = &mut |_, _, _: &[u8]| Ok(());
    FileJournal::open_on(Box::new(disk), cache.path(), &keys(), SEGMENT_BYTES, visitor).unwrap();
    assert_eq!(records(disk_dir.path()), written.acknowledged);
}

#[test]
fn an_error_of_the_disk_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let operations = Arc::new(Mutex::new(0));
    let inner = Folder::new(dir.path(), SEGMENT_BYTES);
    let error = io::ErrorKind::StorageFull;
    let disk = FailingDisk { inner, fails_at: 3, seed: 1, error, unsynced: Vec::new(), operations };
    let (mut journal, _) =
        FileJournal::open_on(Box::new(disk), dir.path(), &keys(), SEGMENT_BYTES, &mut |_, _, _| Ok(()))
            .unwrap();
    let mut batch = Batch::new();
    batch.push(b"4000000000000002");
    journal.append(Stream(0), Sequence(0), &batch).unwrap();
    let error = journal.sync().unwrap_err().to_string();
    assert!(error.starts_with("syncing ") && error.contains("00000000000000000001.journal"), "{error}");
    assert!(!error.contains("4000000000000002"));
}

#[test]
fn a_sync_with_nothing_appended_leaves_the_disk_alone() {
    let dir = tempfile::tempdir().unwrap();
    let operations = Arc::new(Mutex::new(0));
    let inner = Folder::new(dir.path(), SEGMENT_BYTES);
    let error = io::ErrorKind::Other;
    let disk = FailingDisk {
        inner,
        fails_at: 2,
        seed: 1,
        error,
        unsynced: Vec::new(),
        operations: operations.clone(),
    };
    let (mut journal, _) =
        FileJournal::open_on(Box::new(disk), dir.path(), &keys(), SEGMENT_BYTES, &mut |_, _, _| Ok(()))
            .unwrap();
    journal.sync().unwrap();
    assert_eq!(*operations.lock().unwrap(), 1, "only the first segment was made");
}

fn keys() -> DataKeys {
    static KEYS: LazyLock<DataKeys> = LazyLock::new(|| DataKeys::in_memory().unwrap());
    KEYS.clone()
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const SEGMENT_BYTES: u64 = 8192;
const SECTOR: u64 = 512;
