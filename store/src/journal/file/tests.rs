//! The engine on a disk that fails, that loses what was not synced, and that damages what it was
//! just writing.

use super::*;
use crate::SimulatedDisk;
use proptest::prelude::*;
use std::sync::LazyLock;

/// What a run on a failing disk has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// Records that were durable, and thus acknowledged.
    acknowledged: u64,
    /// Records that were handed to the journal.
    submitted: u64,
    /// Whether the disk failed before the run was through.
    failed: bool,
    operations: u64,
}

/// Opens the journal and appends groups of batches of various sizes, over several segments.
fn run(disk: &SimulatedDisk, seed: u64) -> Run {
    let mut run = match open(disk) {
        Ok((mut journal, replay)) => append_groups(&mut journal, replay.records, seed),
        Err(JournalError::Io { .. }) => {
            // Nothing was submitted; what was there stays to be counted by the caller.
            Run { failed: true, ..Run::default() }
        }
        Err(other) => panic!("{other}"),
    };
    run.operations = disk.operations();
    assert!(!disk.touched_after_failure(), "the disk was used after it had failed");
    run
}

fn open(disk: &SimulatedDisk) -> Result<(FileJournal, Replay), JournalError> {
    let settings = Settings { segment_bytes: SEGMENT_BYTES };
    FileJournal::open_simulated(disk, &keys(), settings, Start::default(), &mut |_, _, _| Ok(()))
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
fn records(disk: &SimulatedDisk) -> u64 {
    let mut count = 0u64;
    let start = Start::default();
    let visited = walk(disk, &keys(), start, Writer::MayBeAnother, &mut |_, sequence, record| {
        assert_eq!((sequence.0, &record[..8]), (count, &count.to_le_bytes()[..]));
        count += 1;
        Ok(())
    });
    visited.map(|_| count).unwrap_or_else(|error| panic!("{error}"))
}

/// Fails every operation of a run in turn, then runs again on what is left with a disk that fails
/// every operation of the recovery in turn, and at last on a good disk.
fn check_every_failure(seed: u64, error: io::ErrorKind, crash: fn(&SimulatedDisk)) {
    for fails_at in 1.. {
        let disk = SimulatedDisk::new(seed << 32 | fails_at);
        disk.fail_at(fails_at, error);
        let first = run(&disk, seed);
        crash(&disk);
        if !first.failed {
            assert!(fails_at > 20, "the run is long enough to mean something");
            return;
        }
        let mut acknowledged = first.acknowledged;
        let survived = records(&disk);
        assert!((acknowledged..=first.submitted).contains(&survived), "{first:?}, {survived} survived");

        // Recovery: what it shows is durable, whichever of its operations fails next.
        for again in 1..=12 {
            crash(&disk);
            disk.fail_at(again, error);
            let second = run(&disk, seed ^ again);
            crash(&disk);
            acknowledged = acknowledged.max(second.acknowledged);
            assert!(records(&disk) >= acknowledged);
        }
        let last = run(&disk, seed);
        assert!(!last.failed && last.operations > 0);
        crash(&disk);
        assert_eq!(records(&disk), last.acknowledged);
    }
}

#[test]
fn a_loss_of_power_at_any_operation_loses_nothing_acknowledged() {
    for seed in 0..3 {
        check_every_failure(seed, io::ErrorKind::Other, SimulatedDisk::lose_power);
    }
}

#[test]
fn a_process_that_ends_at_any_failed_operation_has_lost_nothing_acknowledged() {
    check_every_failure(7, io::ErrorKind::Other, SimulatedDisk::kill);
}

#[test]
fn a_full_disk_at_any_operation_loses_nothing_acknowledged() {
    check_every_failure(42, io::ErrorKind::StorageFull, SimulatedDisk::lose_power);
    check_every_failure(43, io::ErrorKind::StorageFull, SimulatedDisk::kill);
}

/// Something that happens to a journal.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Records of this many bytes to one of three streams.
    Append(u16, usize),
    Sync,
    LosePower,
    Kill,
    /// The operation so many from now fails, and the process ends over it.
    Fail(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u16..3, prop_oneof![9 => 8usize..700, 1 => 6_000usize..20_000])
            .prop_map(|(stream, bytes)| Step::Append(stream, bytes)),
        6 => Just(Step::Sync),
        1 => Just(Step::LosePower),
        1 => Just(Step::Kill),
        1 => (1u64..30).prop_map(Step::Fail),
    ]
}

/// What must be there after a crash, stream by stream.
#[derive(Default)]
struct Model {
    appended: [Vec<Vec<u8>>; 3],
    acknowledged: [usize; 3],
}

impl Model {
    /// Opens what a crash has left: everything acknowledged exactly once and in order, behind it
    /// a beginning of what was appended, and nothing else. What an opening has shown is durable.
    fn reopen(&mut self, disk: &SimulatedDisk) -> FileJournal {
        let mut seen: [Vec<Vec<u8>>; 3] = Default::default();
        let settings = Settings { segment_bytes: SEGMENT_BYTES };
        let visitor = &mut |stream: Stream, sequence: Sequence, record: &[u8]| {
            let seen = &mut seen[usize::from(stream.0)];
            assert_eq!(sequence.0, seen.len() as u64, "each once, in order");
            seen.push(record.to_vec());
            Ok(())
        };
        let opened = FileJournal::open_simulated(disk, &keys(), settings, Start::default(), visitor);
        let (journal, _) = opened.unwrap_or_else(|error| panic!("{error}"));
        for ((appended, acknowledged), seen) in self.appended.iter_mut().zip(&mut self.acknowledged).zip(seen)
        {
            assert!(seen.len() >= *acknowledged, "{} of {acknowledged} are left", seen.len());
            assert!(appended.starts_with(&seen), "a record is not what was appended");
            *acknowledged = seen.len();
            *appended = seen;
        }
        journal
    }
}

fn crashes() -> u32 {
    let cases = std::env::var("TURNOUT_TEST_CRASHES").ok();
    cases.map_or(300, |cases| cases.parse().expect("TURNOUT_TEST_CRASHES is a number"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(crashes()) })]

    #[test]
    fn after_any_crash_everything_acknowledged_is_there_once_and_in_order(
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let disk = SimulatedDisk::new(seed);
        let mut model = Model::default();
        let mut journal = model.reopen(&disk);
        for (step, number) in steps.into_iter().chain([Step::LosePower]).zip(0u64..) {
            let mut is_down = false;
            match step {
                Step::Append(stream, bytes) => {
                    let mut record = vec![stream as u8; bytes];
                    record[..8].copy_from_slice(&number.to_le_bytes());
                    let mut batch = Batch::new();
                    batch.push(&record);
                    let next = journal.position(Stream(stream));
                    // An append that fails may yet have reached the disk.
                    model.appended[usize::from(stream)].push(record);
                    is_down = journal.append(Stream(stream), next, &batch).is_err();
                }
                Step::Sync => match journal.sync() {
                    Ok(()) => {
                        for (acknowledged, appended) in model.acknowledged.iter_mut().zip(&model.appended) {
                            *acknowledged = appended.len();
                        }
                    }
                    Err(_) => is_down = true,
                },
                Step::Fail(operations) => disk.fail_at(disk.operations() + operations, io::ErrorKind::Other),
                Step::LosePower | Step::Kill => is_down = true,
            }
            if is_down {
                prop_assert!(!disk.touched_after_failure());
                // Over a failed operation the process ends, and now and then the machine.
                let stays_up = !matches!(step, Step::LosePower) && (matches!(step, Step::Kill) || number % 2 == 0);
                if stays_up { disk.kill() } else { disk.lose_power() }
                drop(journal);
                journal = model.reopen(&disk);
            }
        }
    }
}

/// The last group: three batches of two streams under one sync. Whichever of its bytes is flipped, or
/// the last that is there, the batches before the damaged one stay, it and those behind it are cut,
/// and the cut is reported with its place.
#[test]
fn every_byte_of_the_last_group_flipped_or_missing_is_cut_at_the_exact_batch_and_reported() {
    let disk = SimulatedDisk::new(1);
    let (mut journal, _) = open(&disk).unwrap();
    append_texts(&mut journal, 0, &["acknowledged before"]);
    journal.sync().unwrap();
    for (stream, texts) in [(0, &["one", "two", "three"][..]), (1, &["four", "five"]), (0, &["six"])] {
        append_texts(&mut journal, stream, texts);
    }
    journal.sync().unwrap();
    drop(journal);
    let mut whole = Vec::new();
    disk.change(1, |content| whole.clone_from(content));
    let starts = frame_starts(&whole);
    let &[_, group, _, _, end] = &starts[..] else { panic!("four frames and their end: {starts:?}") };
    for place in group..end {
        let damaged = *starts.iter().rfind(|start| **start <= place).unwrap();
        let kept = starts.iter().filter(|start| **start < damaged).count();
        for flip in [None, Some(0x01), Some(0xff)] {
            disk.change(1, |content| {
                content.clone_from(&whole);
                match flip {
                    None => content.truncate(place),
                    Some(flip) => content[place] ^= flip,
                }
            });
            let (mut journal, replay) = open(&disk).unwrap();
            assert_eq!(replay.frames, kept as u64);
            // A file that ends between two batches shows nothing of the second.
            let torn = (flip.is_some() || place > damaged).then_some(damaged as u64);
            assert_eq!(replay.torn.map(|torn| torn.offset), torn, "byte {place}, {flip:?}");
            append_texts(&mut journal, 0, &["instead"]);
            journal.sync().unwrap();
            drop(journal);
            let (_, replay) = open(&disk).unwrap();
            assert_eq!((replay.frames, replay.torn), (kept as u64 + 1, None));
            // A file without room for the batch has a successor.
            disk.remove(2);
        }
    }
}

fn append_texts(journal: &mut FileJournal, stream: u16, texts: &[&str]) {
    let mut batch = Batch::new();
    for text in texts {
        batch.push(text.as_bytes());
    }
    journal.append(Stream(stream), journal.position(Stream(stream)), &batch).unwrap();
}

/// Where the frames of a segment begin, and where the last one ends.
fn frame_starts(content: &[u8]) -> Vec<usize> {
    let mut starts = vec![HEADER_BYTES];
    while let Some(frame) = crate::journal::frame::Frame::at_front(&content[*starts.last().unwrap()..]) {
        starts.push(starts.last().unwrap() + frame.size);
    }
    starts
}

/// What is read at the opening may be in the cache of the system only.
#[test]
fn an_opening_makes_durable_what_it_has_read() {
    for seed in 0..20 {
        let disk = SimulatedDisk::new(seed);
        let (mut journal, _) = open(&disk).unwrap();
        let acknowledged = append_groups(&mut journal, 0, seed).acknowledged;
        let mut batch = Batch::new();
        batch.push(&acknowledged.to_le_bytes());
        journal.append(Stream(0), Sequence(acknowledged), &batch).unwrap();
        journal.write_pending().unwrap();
        disk.kill();
        drop(journal);
        assert_eq!(open(&disk).unwrap().1.records, acknowledged + 1, "it was in the cache");
        disk.lose_power();
        assert_eq!(records(&disk), acknowledged + 1);
    }
}

#[test]
fn an_error_of_the_disk_names_the_file() {
    let disk = SimulatedDisk::new(1);
    let (mut journal, _) = open(&disk).unwrap();
    disk.fail_at(disk.operations() + 2, io::ErrorKind::StorageFull);
    let mut batch = Batch::new();
    batch.push(b"4000000000000002");
    journal.append(Stream(0), Sequence(0), &batch).unwrap();
    let error = journal.sync().unwrap_err().to_string();
    assert!(error.starts_with("syncing ") && error.contains("00000000000000000001.journal"), "{error}");
    assert!(!error.contains("4000000000000002"));
}

#[test]
fn a_sync_with_nothing_appended_leaves_the_disk_alone() {
    let disk = SimulatedDisk::new(1);
    let (mut journal, _) = open(&disk).unwrap();
    let before = disk.operations();
    journal.sync().unwrap();
    assert_eq!(disk.operations(), before);
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
