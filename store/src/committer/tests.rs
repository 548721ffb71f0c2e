//! The committer with a journal whose syncs end when the test says so.

use super::*;
use crate::{BatchVisitor, JournalError, MemoryJournal, Rejected};
use std::sync::{Mutex, mpsc};

const A: Stream = Stream(0);
const B: Stream = Stream(1);

/// What the journal was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    Append(Stream, Sequence, u32),
    Sync,
}

/// Records the calls; a sync tells that it has begun and ends as the test decides.
struct GatedJournal {
    inner: MemoryJournal,
    calls: Arc<Mutex<Vec<Call>>>,
    syncing: mpsc::Sender<()>,
    outcome: mpsc::Receiver<Result<(), JournalError>>,
}

impl Journal for GatedJournal {
    fn append(&mut self, stream: Stream, expected: Sequence, batch: &Batch) -> Result<(), AppendError> {
        self.calls.lock().unwrap().push(Call::Append(stream, expected, batch.count()));
        self.inner.append(stream, expected, batch)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.calls.lock().unwrap().push(Call::Sync);
        self.syncing.send(()).unwrap();
        self.outcome.recv().unwrap()?;
        self.inner.sync()
    }

    fn position(&self, stream: Stream) -> Sequence {
        self.inner.position(stream)
    }

    fn read(
        &self,
        stream: Stream,
        from: Sequence,
        visitor: &mut BatchVisitor<'_>,
    ) -> Result<(), JournalError> {
        self.inner.read(stream, from, visitor)
    }

    fn segment(&self) -> u64 {
        self.inner.segment()
    }
}

struct Bench {
    committer: Committer,
    handle: CommitHandle,
    calls: Arc<Mutex<Vec<Call>>>,
    syncing: mpsc::Receiver<()>,
    outcome: mpsc::Sender<Result<(), JournalError>>,
    durable: mpsc::Receiver<(Stream, Sequence)>,
    failure: mpsc::Receiver<AppendError>,
}

impl Bench {
    fn new(capacity: usize) -> Bench {
        let calls = Arc::default();
        let (began, syncing) = mpsc::channel();
        let (outcome, outcomes) = mpsc::channel();
        let journal = GatedJournal {
            inner: MemoryJournal::new(),
            calls: Arc::clone(&calls),
            syncing: began,
            outcome: outcomes,
        };
        let (moved, durable) = mpsc::channel();
        let (broke, failure) = mpsc::channel();
        let on_durable = Arc::new(move |stream, position| moved.send((stream, position)).unwrap());
        let on_failure = move |error| broke.send(error).unwrap();
        let committer = Committer::start(Box::new(journal), 2, capacity, on_durable, on_failure).unwrap();
        let handle = committer.handle();
        Bench { committer, handle, calls, syncing, outcome, durable, failure }
    }

    fn submit(&self, stream: Stream, expected: u64, records: u32) -> Result<(), Refused> {
        self.handle.submit(stream, Sequence(expected), batch(records))
    }

    /// Submits a first batch and waits until its sync has begun, so that what follows must wait.
    fn occupy(&self) {
        self.submit(A, 0, 1).unwrap();
        self.syncing.recv().unwrap();
    }

    fn positions(&self) -> [u64; 2] {
        [A, B].map(|stream| self.handle.durable().position(stream).0)
    }
}

fn batch(records: u32) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..records {
        batch.push(b"record");
    }
    batch
}

#[test]
fn all_that_waits_shares_one_sync_and_is_durable_only_after_it() {
    let bench = Bench::new(8);
    bench.occupy();
    bench.submit(B, 0, 2).unwrap();
    bench.submit(A, 1, 3).unwrap();
    bench.submit(B, 2, 1).unwrap();
    assert_eq!(bench.positions(), [0, 0]);
    assert!(bench.durable.try_recv().is_err());

    bench.outcome.send(Ok(())).unwrap();
    bench.syncing.recv().unwrap();
    assert_eq!(bench.positions(), [1, 0], "the second group is written and not synced");
    assert_eq!(bench.durable.try_iter().collect::<Vec<_>>(), [(A, Sequence(1))]);

    bench.outcome.send(Ok(())).unwrap();
    let [first, second] = [bench.durable.recv().unwrap(), bench.durable.recv().unwrap()];
    assert_eq!([first, second], [(B, Sequence(3)), (A, Sequence(4))]);
    assert_eq!(bench.positions(), [4, 3]);
    let append = |stream, expected, count| Call::Append(stream, Sequence(expected), count);
    assert_eq!(
        *bench.calls.lock().unwrap(),
        [append(A, 0, 1), Call::Sync, append(B, 0, 2), append(A, 1, 3), append(B, 2, 1), Call::Sync]
    );
    bench.committer.shutdown().unwrap();
    assert!(bench.durable.try_recv().is_err(), "a stream is published once in a group");
}

#[test]
fn a_failed_sync_is_final() {
    let bench = Bench::new(8);
    bench.occupy();
    bench.submit(B, 0, 1).unwrap();
    bench.outcome.send(Err(JournalError::Failed)).unwrap();
    let failure = bench.failure.recv().unwrap();
    assert!(matches!(failure, AppendError::Journal(JournalError::Failed)));
    assert_eq!(bench.committer.shutdown(), Err(CommitterFailed));
    let refused = bench.handle.submit(B, Sequence(0), batch(5));
    assert!(matches!(refused, Err(Refused::Stopped(batch)) if batch.count() == 5));
    assert_eq!(
        *bench.calls.lock().unwrap(),
        [Call::Append(A, Sequence(0), 1), Call::Sync],
        "what waited is not appended, and the sync is not tried again"
    );
    assert!(bench.durable.try_recv().is_err());
    assert_eq!(bench.handle.durable().position(A), Sequence(0));
    assert!(bench.failure.try_recv().is_err(), "told once");
}

#[test]
fn a_sequence_that_does_not_fit_is_final() {
    let bench = Bench::new(8);
    bench.submit(A, 7, 1).unwrap();
    let failure = bench.failure.recv().unwrap();
    assert!(matches!(failure, AppendError::Sequence { stream: A, next: Sequence(0), .. }));
    assert_eq!(bench.committer.shutdown(), Err(CommitterFailed));
    assert!(bench.syncing.try_recv().is_err(), "never synced");
}

#[test]
fn a_full_queue_gives_the_batch_back() {
    let bench = Bench::new(1);
    bench.occupy();
    bench.submit(A, 1, 1).unwrap();
    let refused = bench.submit(A, 2, 4);
    assert!(matches!(refused, Err(Refused::Full(batch)) if batch.count() == 4));
    bench.outcome.send(Ok(())).unwrap();
    bench.outcome.send(Ok(())).unwrap();
    bench.committer.shutdown().unwrap();
    assert_eq!(bench.handle.durable().position(A), Sequence(2));
}

#[test]
fn an_unknown_stream_is_refused() {
    let bench = Bench::new(1);
    let refused = bench.submit(Stream(2), 0, 1);
    assert!(matches!(refused, Err(Refused::UnknownStream(batch)) if batch.count() == 1));
    bench.committer.shutdown().unwrap();
}

#[test]
fn shutdown_makes_durable_what_was_submitted() {
    let bench = Bench::new(16);
    bench.occupy();
    for expected in 1..11 {
        bench.submit(A, expected, 1).unwrap();
    }
    for _ in 0..2 {
        bench.outcome.send(Ok(())).unwrap();
    }
    bench.committer.shutdown().unwrap();
    assert_eq!(bench.handle.durable().position(A), Sequence(11));
    assert!(matches!(bench.handle.submit(A, Sequence(11), batch(1)), Err(Refused::Stopped(_))));
}

#[test]
fn a_committed_buffer_comes_back_empty() {
    let bench = Bench::new(2);
    bench.submit(A, 0, 3).unwrap();
    bench.outcome.send(Ok(())).unwrap();
    bench.committer.shutdown().unwrap();
    assert_eq!(bench.handle.empty.len(), 1);
    assert!(bench.handle.batch().is_empty());
    assert_eq!(bench.handle.empty.len(), 0);
}

#[test]
fn durable_positions_begin_where_the_journal_stands() {
    let mut journal = MemoryJournal::new();
    journal.append(B, Sequence(0), &batch(9)).unwrap();
    let quiet = Arc::new(|_, _| {});
    let committer = Committer::start(Box::new(journal), 2, 1, quiet, |error| panic!("{error}")).unwrap();
    assert_eq!(committer.handle().durable().position(B), Sequence(9));
    committer.shutdown().unwrap();
}

/// Keeps a memory journal within reach of the test.
struct Shared(Arc<Mutex<MemoryJournal>>);

impl Journal for Shared {
    fn append(&mut self, stream: Stream, expected: Sequence, batch: &Batch) -> Result<(), AppendError> {
        self.0.lock().unwrap().append(stream, expected, batch)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.0.lock().unwrap().sync()
    }

    fn position(&self, stream: Stream) -> Sequence {
        self.0.lock().unwrap().position(stream)
    }

    fn read(
        &self,
        stream: Stream,
        from: Sequence,
        visitor: &mut BatchVisitor<'_>,
    ) -> Result<(), JournalError> {
        self.0.lock().unwrap().read(stream, from, visitor)
    }

    fn segment(&self) -> u64 {
        self.0.lock().unwrap().segment()
    }
}

#[test]
fn shards_that_submit_at_once_keep_their_order() {
    let journal = Arc::new(Mutex::new(MemoryJournal::new()));
    let shared = Box::new(Shared(Arc::clone(&journal)));
    let quiet = Arc::new(|_, _| {});
    let committer = Committer::start(shared, 4, 8, quiet, |error| panic!("{error}")).unwrap();
    thread::scope(|scope| {
        for stream in (0..4).map(Stream) {
            let handle = committer.handle();
            scope.spawn(move || {
                for number in 0u64..500 {
                    let mut batch = handle.batch();
                    batch.push(&number.to_le_bytes());
                    while let Err(refused) = handle.submit(stream, Sequence(number), batch) {
                        let Refused::Full(back) = refused else { panic!("{refused}") };
                        batch = back;
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let handle = committer.handle();
    committer.shutdown().unwrap();
    let mut seen = 0;
    let visited = journal.lock().unwrap().replay(&mut |_, sequence, record| {
        seen += 1;
        if record == sequence.0.to_le_bytes() { Ok(()) } else { Err(Rejected("out of order")) }
    });
    assert_eq!((visited, seen), (Ok(()), 2000));
    assert!((0..4).all(|stream| handle.durable().position(Stream(stream)) == Sequence(500)));
}
