//! How fast is the transaction store, and how soon does it find one among millions?
//!
//! `project 1000000 FOLDER` decodes and applies that many transactions of real authorizations, with random cards,
//! terminals and amounts, every twentieth reversed later, and reads some back by RRN. The store stays in FOLDER.
//! Figures are in `docs/performance.md`.

use auth::{Record, Reversed, Transaction, TransactionId};
use benches::Bank;
use card::{Pan, Rrn, Stan, TerminalId, Time, UtcOffset};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Sequence, Stream, decode_record, encode_record};
use transaction_store::{Filter, Reader, TransactionStore};

/// Records of a transaction of SQLite.
const BATCH: u64 = 20_000;

/// 2026-11-23 00:00 UTC.
const START: i64 = 1_795_392_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: project TRANSACTIONS FOLDER [PER_DAY]";
    let count: u64 = arguments.next().ok_or(usage)?.parse()?;
    let folder = arguments.next().ok_or(usage)?;
    let per_day: u64 = arguments.next().map_or(Ok(count), |text| text.parse())?;
    std::fs::create_dir_all(&folder)?;
    let file = Path::new(&folder).join("transactions.db");
    let mut store = TransactionStore::open(&file, UtcOffset::default(), store::DataKeys::in_memory()?)?;
    let mut source = Source::new(per_day);
    let mut encoded = Vec::new();
    let (mut sequence, mut spent, mut longest) = (0, Duration::ZERO, Duration::ZERO);
    let cpu_before = processor_time()?;
    let mut making = Duration::ZERO;
    while source.made < count {
        let began_making = cpu();
        encoded.clear();
        let mut ends = Vec::new();
        for _ in 0..BATCH.min(count - source.made) {
            source.next(|record| {
                encode_record(record, &mut encoded);
                ends.push(encoded.len());
            });
        }
        making += cpu() - began_making;
        let began = Instant::now();
        let mut start = 0;
        for end in ends {
            let record = decode_record(&encoded[start..end]).map_err(|rejected| rejected.0)?;
            store.apply(Stream(0), Sequence(sequence), &record)?;
            (start, sequence) = (end, sequence + 1);
        }
        store.commit(None)?;
        let took = began.elapsed();
        spent += took;
        longest = longest.max(took);
        if source.made.is_multiple_of(50 * BATCH) {
            eprintln!("{} transactions, {:.0}/s so far", source.made, rate(source.made, spent));
        }
    }
    let cpu_spent = processor_time()?.saturating_sub(cpu_before).saturating_sub(making);
    println!(
        "{count} transactions, {sequence} records: {:.0} transactions/s by the clock, {:.1} µs of processor time each, \
         longest batch {:.0} ms, {} MB",
        rate(count, spent),
        cpu_spent.as_secs_f64() * 1e6 / count as f64,
        longest.as_secs_f64() * 1e3,
        std::fs::metadata(&file)?.len() / 1_000_000,
    );
    drop(store);
    for number in [count / 7, count / 2, count - 1] {
        let began = Instant::now();
        let reader = Reader::open(&file)?.ok_or("the store is gone")?;
        let filter = Filter { rrn: Some(rrn(number)), ..Filter::default() };
        let found = reader.search(&filter)?;
        println!(
            "RRN {}: {} found in {:.1} ms",
            rrn(number),
            found.len(),
            began.elapsed().as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// Transactions without end, each from a template of the bank.
struct Source {
    templates: Vec<Transaction>,
    made: u64,
    per_day: u64,
    random: u64,
}

impl Source {
    fn new(per_day: u64) -> Source {
        let mut bank = Bank::new(256);
        let decided = |record| match record {
            Record::Decided(transaction) => Some(*transaction),
            _ => None,
        };
        let templates = bank.authorize(bank.purchases(1)).into_iter().filter_map(decided).collect();
        Source { templates, made: 0, per_day, random: 0x9E37_79B9_7F4A_7C15 }
    }

    /// The next transaction, and at times the reversal of an earlier one.
    fn next(&mut self, mut take: impl FnMut(&Record)) {
        let number = self.made;
        let random = self.random();
        let mut transaction = self.templates[(number % 256) as usize].clone();
        transaction.id = TransactionId::new((number + 1) * 64).unwrap();
        let day = i64::try_from(number / self.per_day).unwrap_or(0);
        let of_day = i128::from(number % self.per_day) * 86_400_000 / i128::from(self.per_day);
        transaction.time = Time::from_unix_ms(START + day * 86_400_000 + of_day as i64);
        transaction.business_day = transaction.time.day(UtcOffset::default());
        let payload = format!("400000{:09}", random % 10_000_000);
        transaction.pan = Pan::with_check_digit(payload.as_bytes()).expect("16 digits");
        transaction.stan = Stan::new((number % 1_000_000) as u32).expect("six digits");
        transaction.rrn = Rrn::parse(rrn(number).as_bytes()).ok();
        let terminal = format!("T{:07}", (random >> 24) % 50_000);
        transaction.terminal = TerminalId::new(terminal.as_bytes()).expect("eight characters");
        transaction.amount_minor = (random >> 40) as i64 % 100_000 + 1;
        let (pan, time) = (transaction.pan, transaction.time);
        take(&Record::Decided(Box::new(transaction)));
        self.made += 1;
        if number % 20 == 19 {
            let id = TransactionId::new((number - number.min(random % 5000) + 1) * 64).unwrap();
            take(&Record::Reversed(Reversed {
                transaction: id,
                pan,
                time,
                remaining_minor: 0,
                origin: None,
                shares: None,
            }));
        }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// RRNs come in no order.
fn rrn(number: u64) -> String {
    format!("{:012}", (number * 7_919_999_993 + 17) % 999_999_999_989)
}

/// A keyed hash as in the switch, HMAC-SHA-256 cut to 16 bytes.
fn rate(count: u64, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}

fn cpu() -> Duration {
    processor_time().unwrap_or_default()
}

/// User and system time of this process, in ticks of 10 ms.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no statistics of this process")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}
