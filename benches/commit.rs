//! What does it cost to make a decision durable?
//!
//! Records of real authorizations are encoded, sealed and appended to a journal, with a sync behind every
//! batch; beside it, by turns in the same run, the same number of bytes is written and synced bare, into a
//! file of zeros prepared before. Prints a table, since the ratio is the question:
//!
//! ```text
//! cargo bench -p benches --bench commit                     about 40 s
//! cargo bench -p benches --bench commit -- --seconds 10     longer turns, calmer figures
//! ```
//!
//! The files lie in the target folder: name a disk with `CARGO_TARGET_DIR`, since a folder in memory syncs
//! for nothing.

use auth::Record;
use benches::Bank;
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{
    Batch, DataKeys, FileJournal, Journal, JournalReader, Place, Settings, Stream, Until, encode_record,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is_smoke = arguments.iter().any(|argument| argument == "--test");
    let seconds = arguments.iter().skip_while(|argument| *argument != "--seconds").nth(1);
    let seconds: f64 = seconds.map_or(3.0, |text| text.parse().expect("--seconds takes a number"));
    let turn = Duration::from_secs_f64(if is_smoke { 0.001 } else { seconds / f64::from(TURNS) });

    let records = records();
    encoding(&records, turn);
    println!();
    println!(
        "batch   records/s        bare   ratio   CPU a record   of it append   bytes a record   syncs ms: p50   p99    max"
    );
    for size in [1, 16, 64, 256, 1024] {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
        append(folder.path(), &records[..size], turn);
    }
    println!();
    reading(&records, if is_smoke { 1 } else { 4_000 });
}

/// Encoding alone, which is part of every row below.
fn encoding(records: &[Record], turn: Duration) {
    let mut encoded = Vec::with_capacity(1 << 20);
    let (begin, mut count) = (Instant::now(), 0u64);
    while begin.elapsed() < turn * TURNS {
        encoded.clear();
        for record in records {
            encode_record(black_box(record), &mut encoded);
        }
        black_box(&encoded);
        count += records.len() as u64;
    }
    let nanos = begin.elapsed().as_nanos() as f64 / count as f64;
    println!("encode one record: {nanos:.0} ns, {} bytes", encoded.len() / records.len());
}

/// One row: by turns the journal and the bare file.
fn append(folder: &Path, records: &[Record], turn: Duration) {
    let mut journal = open(&folder.join("journal"), &keys());
    let mut batch = Batch::new();
    fill(&mut batch, records);
    // What the batch is on disk: header, payload, tag, padding (docs/journal.md).
    let frame_bytes = (48 + batch.size() + 16).next_multiple_of(8);
    let mut bare = Bare::new(&folder.join("bare"), frame_bytes);
    let (mut ours, mut theirs, mut appending) = (Cost::default(), Cost::default(), Duration::ZERO);
    for _ in 0..TURNS {
        ours.measure(turn, || {
            let begin = cpu(ClockId::ThreadCPUTime);
            batch.clear();
            fill(&mut batch, records);
            journal.append(SHARD, journal.position(SHARD), &batch).expect("a journal takes its next batch");
            appending += cpu(ClockId::ThreadCPUTime) - begin;
            journal.sync().expect("the disk takes it");
        });
        theirs.measure(turn, || bare.write());
    }
    let size = records.len() as f64;
    ours.turns.sort_unstable();
    let micros = |duration: Duration| duration.as_nanos() as f64 / 1000.0 / (ours.batches() as f64 * size);
    let percentile = |share: usize| ours.turns[(ours.turns.len() - 1) * share / 1000].as_nanos() as f64 / 1e6;
    println!(
        "{:>5} {:>11.0} {:>11.0} {:>6.0}% {:>11.2} µs {:>11.2} µs {:>16.0} {:>15.2} {:>6.2} {:>6.1}",
        records.len(),
        ours.rate() * size,
        theirs.rate() * size,
        100.0 * ours.rate() / theirs.rate(),
        micros(ours.cpu),
        micros(appending),
        frame_bytes as f64 / size,
        percentile(500),
        percentile(990),
        percentile(1000),
    );
}

/// Time and processor time of batches.
#[derive(Default)]
struct Cost {
    /// Of each batch.
    turns: Vec<Duration>,
    time: Duration,
    /// Of the whole process, so that the thread which prepares segments counts.
    cpu: Duration,
}

impl Cost {
    fn measure(&mut self, turn: Duration, mut batch: impl FnMut()) {
        let (begin, before) = (Instant::now(), cpu(ClockId::ProcessCPUTime));
        let mut last = Duration::ZERO;
        while last < turn {
            batch();
            let now = begin.elapsed();
            self.turns.push(now - last);
            last = now;
        }
        self.time += last;
        self.cpu += cpu(ClockId::ProcessCPUTime) - before;
    }

    fn batches(&self) -> usize {
        self.turns.len()
    }

    fn rate(&self) -> f64 {
        self.batches() as f64 / self.time.as_secs_f64()
    }
}

/// The least that could be done: the bytes, written and synced.
struct Bare {
    file: File,
    bytes: Vec<u8>,
    offset: u64,
}

impl Bare {
    fn new(path: &Path, frame_bytes: usize) -> Bare {
        let file = File::create(path).expect("the folder can be written");
        file.write_all_at(&vec![0; SEGMENT_BYTES as usize], 0).expect("the disk takes zeros");
        file.sync_all().expect("the disk takes zeros");
        // Not to be had smaller by a disk that looks.
        let bytes =
            (0..frame_bytes as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        Bare { file, bytes, offset: 0 }
    }

    fn write(&mut self) {
        if self.offset + self.bytes.len() as u64 > SEGMENT_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.bytes, self.offset).expect("the disk takes it");
        self.file.sync_data().expect("the disk takes it");
        self.offset += self.bytes.len() as u64;
    }
}

/// A journal of batches of 256 is read: replayed, and followed.
fn reading(records: &[Record], batches: u32) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    let dir = folder.path().join("journal");
    let keys = keys();
    let mut journal = open(&dir, &keys);
    let mut batch = Batch::new();
    fill(&mut batch, &records[..256]);
    for _ in 0..batches {
        journal.append(SHARD, journal.position(SHARD), &batch).expect("a journal takes its next batch");
    }
    journal.sync().expect("the disk takes it");
    drop(journal);
    let report = |what: &str, begin: Instant, count: u64| {
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        println!("{what}: {rate:.0} records/s, {:.2} µs a record", 1e6 / rate);
    };

    let begin = Instant::now();
    let mut bytes = 0;
    let replay = store::read_all(&dir, &keys, &mut |_, _, record| {
        bytes += record.len();
        Ok(())
    });
    report("replay, records as bytes", begin, replay.expect("the journal is sound").records);
    black_box(bytes);

    let begin = Instant::now();
    let replay = store::read_all(&dir, &keys, &mut |_, _, record| {
        black_box(store::decode_record(record)?);
        Ok(())
    });
    report("replay, records decoded", begin, replay.expect("the journal is sound").records);

    let begin = Instant::now();
    let mut reader =
        JournalReader::open(&dir, &keys, &Place::default(), Until::WholeFrames).expect("it opens");
    let mut count = 0;
    while let Some(frame) = reader.next_frame().expect("the journal is sound") {
        for record in frame.records {
            black_box(record);
            count += 1;
        }
    }
    report("followed, records as bytes", begin, count);
    drop(fs::remove_dir_all(&dir));
}

/// What a shard does with the records of one turn.
fn fill(batch: &mut Batch, records: &[Record]) {
    for record in records {
        batch.push_with(|out| encode_record(record, out));
    }
}

fn open(dir: &Path, keys: &DataKeys) -> FileJournal {
    let settings = Settings { segment_bytes: SEGMENT_BYTES };
    FileJournal::open(dir, keys, settings, &mut |_, _, _| Ok(())).expect("a new journal opens").0
}

fn keys() -> DataKeys {
    DataKeys::in_memory().expect("the system has random bytes")
}

fn records() -> Vec<Record> {
    let mut bank = Bank::new(1024);
    bank.authorize(bank.purchases(1))
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

const SHARD: Stream = Stream(0);
const SEGMENT_BYTES: u64 = 64 << 20;

/// Journal and bare file take turns, so that a slow moment of the machine meets both.
const TURNS: u32 = 12;
