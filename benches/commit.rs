//! What does it cost to make a decision durable?
//!
//! Records of real authorizations are encoded, sealed and appended to a journal; with a sync behind every
//! batch of 1, 16 or 256, and without any sync. The journal lies in the target folder: name a disk with
//! `CARGO_TARGET_DIR`, since a folder in memory syncs for nothing.

use auth::Record;
use benches::Bank;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use store::{Batch, DataKeys, FileJournal, Journal, Settings, Stream, encode_record};
use tempfile::TempDir;

fn commit(criterion: &mut Criterion) {
    let records = records();
    let mut group = criterion.benchmark_group("commit");
    // A journal grows while it is measured, so it is not measured for long.
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));

    let mut encoded = Vec::with_capacity(1024);
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode one record", |bencher| {
        let mut next = records.iter().cycle();
        bencher.iter(|| {
            encoded.clear();
            encode_record(black_box(next.next().expect("a cycle has no end")), &mut encoded);
            black_box(&encoded);
        });
    });

    for size in [1, 16, 256] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("append and sync {size}"), |bencher| {
            let (_folder, mut journal) = open();
            let mut batch = Batch::new();
            bencher.iter(|| {
                append(&mut journal, &mut batch, &records[..size]);
                journal.sync().expect("the disk takes it");
            });
        });
    }

    group.throughput(Throughput::Elements(256));
    group.bench_function("append 256, no sync", |bencher| {
        bencher.iter_batched_ref(
            || (open(), Batch::new()),
            |((_folder, journal), batch)| append(journal, batch, &records[..256]),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// What a shard does with the records of one turn.
fn append(journal: &mut FileJournal, batch: &mut Batch, records: &[Record]) {
    batch.clear();
    for record in records {
        batch.push_with(|out| encode_record(record, out));
    }
    journal.append(SHARD, journal.position(SHARD), batch).expect("a journal takes its next batch");
}

fn open() -> (TempDir, FileJournal) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    let keys = DataKeys::in_memory().expect("the system has random bytes");
    let settings = Settings::default();
    let (journal, _) =
        FileJournal::open(&folder.path().join("journal"), &keys, settings, &mut |_, _, _| Ok(()))
            .expect("a new journal opens");
    (folder, journal)
}

fn records() -> Vec<Record> {
    let mut bank = Bank::new(256);
    bank.authorize(bank.purchases(1))
}

const SHARD: Stream = Stream(0);

criterion_group!(benches, commit);
criterion_main!(benches);
