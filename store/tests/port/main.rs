//! What every engine of the journal's port promises, asked of each of them. An engine to come
//! (a replicated one) is held to the same by one more `Engine` and one more line in `check`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;
use store::{
    AppendError, Batch, DataKeys, FileJournal, Journal, JournalError, MemoryJournal, Sequence, Settings,
    SimulatedDisk, Start, Stream,
};

/// An engine under test.
trait Engine {
    /// The journal of this engine, opened.
    fn journal(&mut self) -> &mut dyn Journal;

    /// The process ends and another one opens what is left.
    fn crash(&mut self);
}

struct File {
    dir: PathBuf,
    journal: Option<FileJournal>,
    _parent: tempfile::TempDir,
}

struct Simulated {
    disk: SimulatedDisk,
    journal: Option<FileJournal>,
}

struct Memory(MemoryJournal);

impl File {
    fn new() -> File {
        let parent = tempfile::tempdir().unwrap();
        let mut engine = File { dir: parent.path().join("journal"), journal: None, _parent: parent };
        engine.crash();
        engine
    }
}

impl Engine for File {
    fn journal(&mut self) -> &mut dyn Journal {
        self.journal.as_mut().unwrap()
    }

    fn crash(&mut self) {
        self.journal = None;
        let opened = FileJournal::open(&self.dir, &keys(), SMALL, &mut |_, _, _| Ok(()));
        self.journal = Some(opened.unwrap().0);
    }
}

impl Simulated {
    fn new(seed: u64) -> Simulated {
        let mut engine = Simulated { disk: SimulatedDisk::new(seed), journal: None };
        engine.crash();
        engine
    }
}

impl Engine for Simulated {
    fn journal(&mut self) -> &mut dyn Journal {
        self.journal.as_mut().unwrap()
    }

    fn crash(&mut self) {
        self.journal = None;
        self.disk.lose_power();
        let start = Start::default();
        let opened = FileJournal::open_simulated(&self.disk, &keys(), SMALL, start, &mut |_, _, _| Ok(()));
        self.journal = Some(opened.unwrap().0);
    }
}

impl Engine for Memory {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.0
    }

    fn crash(&mut self) {
        self.0 = std::mem::take(&mut self.0).crash();
    }
}

/// Asks the same of every engine.
fn check(promise: fn(&mut dyn Engine)) {
    promise(&mut File::new());
    promise(&mut Memory(MemoryJournal::new()));
    for seed in 0..16 {
        promise(&mut Simulated::new(seed));
    }
}

fn batch(records: &[&[u8]]) -> Batch {
    let mut batch = Batch::new();
    for record in records {
        batch.push(record);
    }
    batch
}

/// What a read shows: the sequence of the first, and the records, of each batch.
fn read(journal: &dyn Journal, stream: Stream, from: u64) -> Vec<(u64, Vec<Vec<u8>>)> {
    let mut seen = Vec::new();
    let visitor = &mut |first: Sequence, records: store::Records<'_>| {
        assert_eq!(records.len(), records.clone().count());
        seen.push((first.0, records.map(<[u8]>::to_vec).collect()));
        ControlFlow::Continue(())
    };
    journal.read(stream, Sequence(from), visitor).unwrap();
    seen
}

/// The records alone, however they are batched.
fn records(journal: &dyn Journal, stream: Stream, from: u64) -> Vec<Vec<u8>> {
    let mut next = from;
    let mut all = Vec::new();
    for (first, records) in read(journal, stream, from) {
        assert_eq!(first, next, "batches join");
        next += records.len() as u64;
        all.extend(records);
    }
    all
}

#[test]
fn what_is_synced_can_be_read_from_any_place_and_outlives_a_crash() {
    check(|engine| {
        let journal = engine.journal();
        let mut all: Vec<Vec<u8>> = Vec::new();
        for number in 0..60u64 {
            // Over several segments, two streams by turns, batches of one to three records.
            let count = number % 3 + 1;
            let texts: Vec<Vec<u8>> =
                (0..count).map(|index| vec![number as u8; 300 + index as usize]).collect();
            let slices: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            journal.append(B, Sequence(number), &batch(&[b"other"])).unwrap();
            journal.append(A, Sequence(all.len() as u64), &batch(&slices)).unwrap();
            journal.sync().unwrap();
            all.extend(texts);
        }
        for _ in 0..2 {
            let journal = engine.journal();
            assert_eq!(journal.position(A), Sequence(all.len() as u64));
            for from in [0, 1, 2, 3, 40, 59, 60, all.len() - 1, all.len(), all.len() + 7] {
                let expected = all.get(from..).unwrap_or_default();
                assert_eq!(records(journal, A, from as u64), expected);
            }
            assert_eq!(records(journal, B, 58), [b"other", b"other"]);
            assert_eq!(records(journal, Stream(9), 0), Vec::<Vec<u8>>::new());
            engine.crash();
        }
    });
}

#[test]
fn a_batch_is_read_as_it_was_appended_and_cut_where_reading_begins() {
    check(|engine| {
        let journal = engine.journal();
        journal.append(A, Sequence(0), &batch(&[b"a", b"b"])).unwrap();
        journal.append(A, Sequence(2), &batch(&[b"c", b"d", b"e"])).unwrap();
        journal.sync().unwrap();
        let vecs = |texts: &[&[u8]]| texts.iter().map(|text| text.to_vec()).collect::<Vec<_>>();
        assert_eq!(read(journal, A, 0), [(0, vecs(&[b"a", b"b"])), (2, vecs(&[b"c", b"d", b"e"]))]);
        assert_eq!(read(journal, A, 3), [(3, vecs(&[b"d", b"e"]))]);
        let mut batches = 0;
        let visitor = &mut |_, _: store::Records<'_>| {
            batches += 1;
            ControlFlow::Break(())
        };
        journal.read(A, Sequence(0), visitor).unwrap();
        assert_eq!(batches, 1, "the visitor has broken off");
    });
}

#[test]
fn nothing_is_read_before_it_is_durable() {
    check(|engine| {
        let journal = engine.journal();
        journal.append(A, Sequence(0), &batch(&[b"synced"])).unwrap();
        journal.sync().unwrap();
        journal.append(A, Sequence(1), &batch(&[b"waiting"])).unwrap();
        assert_eq!(records(journal, A, 0), [b"synced"]);
        assert_eq!(journal.position(A), Sequence(2));
        journal.sync().unwrap();
        assert_eq!(records(journal, A, 1), [b"waiting"]);
    });
}

#[test]
fn a_crash_leaves_all_that_was_synced_and_of_the_rest_a_beginning() {
    check(|engine| {
        let journal = engine.journal();
        let texts = [&b"one"[..], b"two", b"three", b"four"];
        for (text, number) in texts.iter().zip(0..) {
            journal.append(A, Sequence(number), &batch(&[text])).unwrap();
            if number == 1 {
                journal.sync().unwrap();
            }
        }
        engine.crash();
        let journal = engine.journal();
        let left = records(journal, A, 0);
        assert!(
            left.len() >= 2 && texts.iter().map(|text| text.to_vec()).collect::<Vec<_>>().starts_with(&left)
        );
        let next = Sequence(left.len() as u64);
        assert_eq!(journal.position(A), next);
        journal.append(A, next, &batch(&[b"instead"])).unwrap();
        journal.sync().unwrap();
        assert_eq!(records(journal, A, next.0), [b"instead"]);
    });
}

/// The fence: an owner that has fallen behind is told so, and has changed nothing.
#[test]
fn an_append_that_expects_another_sequence_is_refused_and_changes_nothing() {
    check(|engine| {
        let journal = engine.journal();
        journal.append(A, Sequence(0), &batch(&[b"first"])).unwrap();
        for stale in [0, 2, u64::MAX] {
            for records in [&[][..], &[&b"stale"[..]]] {
                let refused = journal.append(A, Sequence(stale), &batch(records));
                let Err(AppendError::Sequence { stream, expected, next }) = refused else {
                    panic!("{refused:?}");
                };
                assert_eq!((stream, expected, next), (A, Sequence(stale), Sequence(1)));
            }
        }
        journal.append(A, Sequence(1), &batch(&[b"second"])).unwrap();
        journal.append(A, Sequence(2), &Batch::new()).unwrap();
        journal.sync().unwrap();
        assert_eq!(records(journal, A, 0), [&b"first"[..], b"second"]);
    });
}

#[test]
fn a_batch_over_the_limit_is_refused_and_the_journal_goes_on() {
    let mut large = Batch::new();
    large.push_with(|out| out.resize(out.len() + Batch::MAX_BYTES, 0));
    for mut engine in [Box::new(File::new()) as Box<dyn Engine>, Box::new(Memory(MemoryJournal::new()))] {
        let journal = engine.journal();
        let refused = journal.append(A, Sequence(0), &large);
        assert!(matches!(refused, Err(AppendError::TooLarge(bytes)) if bytes == large.size()));
        journal.append(A, Sequence(0), &batch(&[b"fits"])).unwrap();
        journal.sync().unwrap();
        assert_eq!(records(journal, A, 0), [b"fits"]);
    }
}

#[test]
fn segments_only_grow() {
    check(|engine| {
        let mut newest = engine.journal().segment();
        assert_eq!(newest, 1);
        for number in 0..30 {
            let journal = engine.journal();
            journal.append(A, Sequence(number), &batch(&[&[7; 900]])).unwrap();
            journal.sync().unwrap();
            assert!(journal.segment() >= newest);
            newest = journal.segment();
            engine.crash();
            assert_eq!(engine.journal().segment(), newest);
        }
    });
}

/// The journal of a disk that has failed is at an end: see also `src/journal/file/tests.rs`.
#[test]
fn a_failed_engine_refuses_everything_and_what_was_acknowledged_is_there_afterwards() {
    for fails_at in 1..6 {
        let mut engine = Simulated::new(fails_at);
        engine.journal().append(A, Sequence(0), &batch(&[b"kept"])).unwrap();
        engine.journal().sync().unwrap();
        engine.disk.fail_at(engine.disk.operations() + fails_at, std::io::ErrorKind::Other);
        let journal = engine.journal();
        let mut next = 1;
        let error = loop {
            if let Err(error) = journal.append(A, Sequence(next), &batch(&[b"more"])) {
                break error;
            }
            next += 1;
            if let Err(error) = journal.sync() {
                break error.into();
            }
        };
        assert!(matches!(error, AppendError::Journal(JournalError::Io { .. })), "{error}");
        let position = journal.position(A);
        for _ in 0..2 {
            let again = journal.append(A, position, &batch(&[b"again"]));
            assert!(matches!(again, Err(AppendError::Journal(JournalError::Failed))));
            assert!(matches!(journal.sync(), Err(JournalError::Failed)));
        }
        assert!(!engine.disk.touched_after_failure());
        engine.crash();
        let left = records(engine.journal(), A, 0);
        assert!(left.len() as u64 >= next - 1 && left[0] == b"kept");
    }
}

fn keys() -> DataKeys {
    static KEYS: LazyLock<DataKeys> = LazyLock::new(|| DataKeys::in_memory().unwrap());
    KEYS.clone()
}

const SMALL: Settings = Settings { segment_bytes: 8192 };
const A: Stream = Stream(0);
const B: Stream = Stream(3);
