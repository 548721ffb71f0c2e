//! What does the state of one shard cost: memory for each card and transaction, the pause of a snapshot, writing
//! and reading one, and a replay?
//!
//! `cargo bench -p benches --bench state -- [CARDS [TRANSACTIONS]]`, a million of each by default. One table, no
//! statistics: each line is measured once, and says what was measured.

use auth::{Memory, Record, State};
use benches::Bank;
use std::fs;
use std::hint::black_box;
use std::time::Instant;
use store::{
    DataKeys, SnapshotInfo, SnapshotWriter, decode_record, decode_without_receipt, encode_record,
    read_snapshot, snapshots,
};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let cards = numbers.next().unwrap_or(1_000_000);
    let transactions = numbers.next().unwrap_or(1_000_000);

    let records = on_file(cards);
    let mut state = State::new(Memory { transactions, ..Memory::default() });
    let begun = Instant::now();
    let allocated = allocation_counter::measure(|| {
        for bytes in &records {
            state.apply(&decode_record(bytes).expect("our own record"));
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let each = allocated.bytes_current as f64 / cards as f64;
    line("memory", &format!("{each:.0} bytes for a card with its account ({cards} of them)"));
    line("replay of cards", &format!("{:.0}/s", cards as f64 / seconds));
    drop(records);

    let decided = decided(transactions.min(1_000_000));
    let bytes: usize = decided.iter().map(Vec::len).sum();
    line(
        "record",
        &format!("{:.0} bytes, an approved purchase by chip and PIN", bytes as f64 / decided.len() as f64),
    );
    let begun = Instant::now();
    let allocated = allocation_counter::measure(|| {
        for bytes in &decided {
            state.apply(&decode_without_receipt(bytes).expect("our own record"));
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let each = allocated.bytes_current as f64 / decided.len() as f64;
    line("memory", &format!("{each:.0} bytes for a transaction ({} of them)", decided.len()));
    line("replay of decisions", &format!("{:.0}/s", decided.len() as f64 / seconds));

    // The first clone of a chunk list costs what every later one costs.
    let begun = Instant::now();
    let frozen = state.freeze();
    line("pause of a snapshot", &format!("{:?}", begun.elapsed()));
    let begun = Instant::now();
    for bytes in decided.iter().take(10_000) {
        state.apply(&decode_record(bytes).expect("our own record"));
    }
    let while_frozen = begun.elapsed() / 10_000;
    line("a record while frozen", &format!("{while_frozen:?}, copies of what it changes included"));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    let keys = DataKeys::in_memory().expect("the system has random bytes");
    let info = SnapshotInfo { number: 1, shards: 1, segment: 1, positions: vec![0] };
    let begun = Instant::now();
    let mut writer = SnapshotWriter::create(folder.path(), &keys, &info).expect("the disk takes it");
    frozen.into_each(|element| writer.push(0, element).expect("the disk takes it"));
    let bytes = writer.finish().expect("the disk takes it");
    let megabytes = bytes as f64 / 1e6;
    line("snapshot written", &format!("{megabytes:.0} MB in {:?}, durable", begun.elapsed()));

    let (_, path) = snapshots(folder.path()).expect("a folder").remove(0);
    let begun = Instant::now();
    let mut restored = State::new(Memory { transactions, ..Memory::default() });
    let mut elements = 0u64;
    read_snapshot(&path, &keys, &mut |_, element| {
        restored.restore(element);
        elements += 1;
    })
    .expect("our own snapshot");
    line("snapshot read", &format!("{elements} elements in {:?}", begun.elapsed()));
    black_box(restored);
    fs::remove_file(path).expect("our own file");
}

fn line(what: &str, found: &str) {
    println!("{what:<24} {found}");
}

/// Stored forms, so that they do not count as state.
fn on_file(cards: usize) -> Vec<Vec<u8>> {
    Bank::on_file(cards as u32).map(|record| encoded(&record)).collect()
}

/// Of 1,000 cards, whose STANs come again after a million.
fn decided(transactions: usize) -> Vec<Vec<u8>> {
    let mut bank = Bank::new(1000);
    let mut decided = Vec::with_capacity(transactions);
    for round in 1.. {
        let purchases = bank.purchases(round);
        decided.extend(bank.authorize(purchases).iter().map(encoded));
        if decided.len() >= transactions {
            break;
        }
    }
    decided.truncate(transactions);
    decided
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    bytes.shrink_to_fit();
    bytes
}
