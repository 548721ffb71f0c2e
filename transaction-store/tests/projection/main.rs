//! What the store says is what the records say.

mod archive;
#[path = "../../../store/tests/support/card_number_scan.rs"]
mod card_number_scan;
mod documented;
mod money;
mod oracle;
mod traffic;

use auth::{Record, TransactionId};
use card::{CivilDay, Time, UtcOffset};
use card_number_scan::CardNumberScan;
use oracle::Oracle;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::{Sequence, Stream};
use tempfile::TempDir;
use traffic::{Traffic, hash, keys, pan};
use transaction_store::{Entry, Filter, Reader, Tail, TransactionStore, TransactionStoreError, archive_day};

fn open(file: &Path) -> TransactionStore {
    TransactionStore::open(file, UtcOffset::default(), keys()).unwrap()
}

/// Which stream a record is of: two take turns.
fn streamed(records: &[Record]) -> impl Iterator<Item = (Stream, Sequence, &Record)> {
    let place = |place: usize| (Stream((place % 2) as u16), Sequence((place / 2) as u64));
    records.iter().enumerate().map(move |(index, record)| (place(index).0, place(index).1, record))
}

/// A store of these records, committed after every so many.
fn stored(records: &[Record], batch: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("transactions.db");
    let mut store = open(&file);
    store.begins_with_the_journal();
    for (index, (stream, sequence, record)) in streamed(records).enumerate() {
        assert!(store.apply(stream, sequence, record).unwrap());
        if index % batch == batch - 1 {
            store.commit(Some(&index.to_string())).unwrap();
        }
    }
    store.commit(Some("end")).unwrap();
    (folder, file)
}

fn all(file: &Path) -> Vec<Entry> {
    Reader::open(file).unwrap().unwrap().search(&Filter::default()).unwrap()
}

/// Every row of the views and of the totals, as text.
fn dump(file: &Path) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    let mut lines = Vec::new();
    for view in ["transactions", "events", "card_events", "postings", "receipt_steps", "terminal_totals"] {
        let mut select = connection.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        let mut of_view = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> =
                (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap())).collect();
            of_view.push(format!("{view}: {}", values.join(" ")));
        }
        of_view.sort();
        lines.append(&mut of_view);
    }
    lines
}

#[test]
fn the_store_says_what_the_records_say() {
    for seed in 1..=5 {
        let records = Traffic::new(seed).records(1_500);
        let oracle = Oracle::of(&records);
        let (_folder, file) = stored(&records, 97);

        let mut expected: Vec<Entry> = oracle.entries.values().cloned().collect();
        expected.sort_by_key(|entry| (entry.time, entry.id));
        assert_eq!(all(&file), expected, "seed {seed}");

        let connection = Connection::open(&file).unwrap();
        let mut select = connection
            .prepare("SELECT side, account, sum(amount_minor) FROM postings GROUP BY 1, 2")
            .unwrap();
        let rows = select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
        let ledger: BTreeMap<(String, String), i64> = rows.map(Result::unwrap).collect();
        assert_eq!(ledger, oracle.ledger, "seed {seed}");
        let balance: i64 =
            connection.query_row("SELECT sum(amount_minor) FROM postings", [], |row| row.get(0)).unwrap();
        assert_eq!(balance, 0, "double entry, seed {seed}");

        let mut select = connection
            .prepare("SELECT business_day, link, terminal, type, result, number, amount_minor FROM terminal_totals")
            .unwrap();
        let rows = select.query_map([], |row| {
            let key = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((key, (row.get(5)?, row.get(6)?)))
        });
        let totals: BTreeMap<[String; 5], (i64, i64)> = rows.unwrap().map(Result::unwrap).collect();
        assert_eq!(totals, oracle.totals, "seed {seed}");

        let mut select = connection.prepare("SELECT event, count(*) FROM card_events GROUP BY 1").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        let card_events: BTreeMap<String, u64> = rows.unwrap().map(Result::unwrap).collect();
        assert_eq!(card_events, oracle.card_events, "seed {seed}");
    }
}

#[test]
fn holds_and_postings_of_events_add_up_to_what_stands() {
    // But for the other side of a transfer, which is on another account.
    let (_folder, file) = stored(&Traffic::new(11).records(2_000), 500);
    let connection = Connection::open(&file).unwrap();
    let wrong: i64 = connection
        .query_row(
            "SELECT count(*) FROM transactions AS t WHERE standing_minor <> funds_minor + coalesce((SELECT
                 sum(held_change_minor + posted_change_minor) FROM events
                 WHERE transaction_id = t.id AND event <> 'credited'), 0)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0);
}

#[test]
fn what_was_not_committed_comes_again() {
    let records = Traffic::new(3).records(1_000);
    let (_complete_folder, complete) = stored(&records, 1_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("transactions.db");
    let mut applied = 0;
    // Each store dies 130 records after its last commit; the next one is given everything from the beginning.
    for life in 0.. {
        let mut store = open(&file);
        let mut since_commit = 0;
        for (stream, sequence, record) in streamed(&records) {
            if !store.apply(stream, sequence, record).unwrap() {
                continue;
            }
            since_commit += 1;
            applied += 1;
            match since_commit {
                70 => store.commit(Some(&life.to_string())).unwrap(),
                200 => break,
                _ => {}
            }
        }
        if since_commit < 200 {
            store.commit(Some("0")).unwrap();
            break;
        }
    }
    assert!(applied > records.len(), "nothing was ever lost: {applied}");
    assert_eq!(dump(&file), dump(&complete));
}

#[test]
fn a_rebuilt_store_is_the_same() {
    let records = Traffic::new(4).records(1_000);
    let (_folder, file) = stored(&records, 10);
    let before = dump(&file);
    TransactionStore::remove(&file).unwrap();
    assert!(Reader::open(&file).unwrap().is_none());
    let mut store = open(&file);
    for (stream, sequence, record) in streamed(&records) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(None).unwrap();
    assert_eq!(dump(&file), before);
}

#[test]
fn closed_days_are_the_same_when_merged() {
    let records = Traffic::new(8).records(2_000);
    let (_folder, file) = stored(&records, 100);
    let before = dump(&file);
    let mut store = open(&file);
    let closed = store.close_days(CivilDay { year: 2026, month: 11, day: 25 }).unwrap();
    assert_eq!(closed, ["2026-11-23", "2026-11-24"]);
    assert_eq!(dump(&file), before);
}

#[test]
fn only_archived_days_beyond_the_limit_go() {
    let records = Traffic::new(9).records(2_000);
    let (folder, file) = stored(&records, 100);
    let archive = folder.path().join("archive");
    let mut store = open(&file);
    let mut drop_beyond =
        |online_days| archive::drop_days_beyond(&mut store, &file, online_days, &archive, "2026-11-01");
    assert!(drop_beyond(1).is_empty(), "nothing is archived");
    archive_day(&file, &archive, "2026-11-23").unwrap();
    assert!(drop_beyond(1).is_empty(), "nothing is known to be archived");
    assert!(!store.mark_archived("2026-11-23").unwrap(), "it was not begun");
    store.close_days(CivilDay { year: 2026, month: 11, day: 24 }).unwrap();
    assert!(store.mark_archived("2026-11-23").unwrap());
    let mut drop_beyond =
        |online_days| archive::drop_days_beyond(&mut store, &file, online_days, &archive, "2026-11-01");
    assert!(drop_beyond(2).is_empty(), "two days may stay");
    assert_eq!(drop_beyond(1), ["2026-11-23"]);
    drop(store);
    assert!(all(&file).iter().all(|entry| entry.business_day == "2026-11-24"));
    let of_the_day = |line: &String| line.contains("\"2026-11-23\"");
    assert_eq!(dump(&file).into_iter().filter(of_the_day).collect::<Vec<_>>(), Vec::<String>::new());
    // The other day goes on, also after the loss of what its events are about.
    let mut store = open(&file);
    let origin = None;
    let gone = TransactionId::new(64).unwrap();
    let time = Time::from_unix_ms(traffic::START + 90_000_000);
    let reversed =
        auth::Reversed { transaction: gone, pan: pan(1), time, remaining_minor: 0, origin, shares: None };
    assert!(store.apply(Stream(0), Sequence(1_000), &Record::Reversed(reversed)).unwrap());
    store.commit(None).unwrap();
}

#[test]
fn events_of_what_is_not_here_say_what_their_records_know() {
    let records = Traffic::new(12).records(2_000);
    let whole = stored(&records, 500);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("transactions.db");
    let mut store = open(&file);
    for (stream, sequence, record) in streamed(&records).skip(1_000) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(None).unwrap();
    let connection = Connection::open(&file).unwrap();
    connection.execute("ATTACH ? AS whole", [whole.1.to_str().unwrap()]).unwrap();
    let count = |question: &str| connection.query_row(question, [], |row| row.get::<_, i64>(0)).unwrap();
    let unknown = "FROM events AS e WHERE transaction_id NOT IN (SELECT id FROM transactions)";
    assert!(
        count(&format!("SELECT count(*) {unknown} AND posted_change_minor <> 0 AND link IS NOT NULL")) > 0
    );
    let other = "SELECT 1 FROM whole.events AS w WHERE w.transaction_id = e.transaction_id
                     AND w.link = e.link AND w.account = e.account";
    let told = format!("SELECT count(*) {unknown} AND link IS NOT NULL AND NOT EXISTS ({other})");
    assert_eq!(count(&told), 0, "what the records know is right");
    assert_eq!(count("SELECT count(*) FROM terminal_totals WHERE terminal = '' OR currency = 0"), 0);
    assert_eq!(count("SELECT count(*) FROM postings WHERE currency IS NULL"), 0);
    assert_eq!(count("SELECT coalesce(sum(amount_minor), 0) FROM postings"), 0);
}

#[test]
fn a_search_finds_by_every_key() {
    let records = Traffic::new(5).records(1_500);
    let oracle = Oracle::of(&records);
    let (_folder, file) = stored(&records, 100);
    let reader = Reader::open(&file).unwrap().unwrap();
    let sample =
        oracle.transactions.values().find(|one| one.rrn.is_some() && !one.code.is_approval()).unwrap();
    let rrn = sample.rrn.unwrap().as_str().trim().to_owned();
    let filters = [
        Filter { rrn: Some(rrn.clone()), ..Filter::default() },
        Filter { stan: Some(sample.stan.number()), ..Filter::default() },
        Filter { card: Some((sample.pan, hash(&sample.pan))), ..Filter::default() },
        Filter { terminal: Some(sample.terminal.as_str().to_owned()), ..Filter::default() },
        Filter { link: Some("atm".to_owned()), ..Filter::default() },
        Filter { code: Some("51".to_owned()), ..Filter::default() },
        Filter { approved: Some(false), ..Filter::default() },
        Filter { approved: Some(true), ..Filter::default() },
        Filter { amount_min: Some(sample.amount_minor), ..Filter::default() },
        Filter { amount_max: Some(sample.amount_minor), ..Filter::default() },
        Filter {
            amount_min: Some(sample.amount_minor),
            amount_max: Some(sample.amount_minor),
            ..Filter::default()
        },
        Filter { from: Some(sample.time), ..Filter::default() },
        Filter { to: Some(sample.time), ..Filter::default() },
        Filter { number_or_rrn: Some((Some(sample.id), sample.id.to_string())), ..Filter::default() },
        Filter { number_or_rrn: Some((None, rrn.clone())), ..Filter::default() },
        Filter {
            rrn: Some(rrn),
            stan: Some(sample.stan.number()),
            card: Some((sample.pan, hash(&sample.pan))),
            terminal: Some(sample.terminal.as_str().to_owned()),
            link: Some(sample.link.as_str().to_owned()),
            code: Some(sample.code.as_str().to_owned()),
            approved: Some(false),
            amount_min: Some(1),
            amount_max: Some(i64::MAX),
            from: Some(sample.time),
            to: Some(sample.time),
            ..Filter::default()
        },
        Filter { rrn: Some("NONE".to_owned()), ..Filter::default() },
        Filter { terminal: Some("' OR 1 --".to_owned()), ..Filter::default() },
    ];
    for filter in filters {
        let mut expected: Vec<&Entry> = oracle
            .transactions
            .values()
            .filter(|transaction| filter.accepts(transaction))
            .map(|transaction| &oracle.entries[&transaction.id.number()])
            .collect();
        expected.sort_by_key(|entry| (entry.time, entry.id));
        let found = reader.search(&filter).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        for limit in [1, 3] {
            let limited = reader.search(&Filter { limit: Some(limit), ..filter.clone() }).unwrap();
            let newest = &expected[expected.len().saturating_sub(limit)..];
            assert_eq!(limited.iter().collect::<Vec<_>>(), newest, "{limit} of {filter:?}");
        }
    }
    assert_eq!(reader.by_id(sample.id).unwrap().as_ref(), oracle.entries.get(&sample.id.number()));
    assert_eq!(reader.by_id(TransactionId::new(1).unwrap()).unwrap(), None);
}

#[test]
fn the_newest_is_found_before_it_is_projected() {
    let records = Traffic::new(6).records(1_500);
    let oracle = Oracle::of(&records);
    for projected in [0, 1, 700, 1_499, 1_500] {
        let (_folder, file) = stored(&records[..projected], 100);
        let reader = Reader::open(&file).unwrap().unwrap();
        for limit in [None, Some(10)] {
            let filter = Filter { link: Some("pos".to_owned()), limit, ..Filter::default() };
            let mut tail = Tail::new(filter.clone());
            records[projected..].iter().for_each(|record| tail.apply(record));
            let found = tail.after(reader.search(&filter).unwrap());
            let mut expected: Vec<&Entry> =
                oracle.entries.values().filter(|entry| entry.link == "pos").collect();
            expected.sort_by_key(|entry| (entry.time, entry.id));
            let expected = &expected[expected.len().saturating_sub(limit.unwrap_or(usize::MAX))..];
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{projected} projected");
        }
    }
}

#[test]
fn a_gap_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("transactions.db"));
    let records = Traffic::new(7).records(3);
    assert!(store.apply(Stream(0), Sequence(41), &records[0]).unwrap(), "old segments may be gone");
    assert!(!store.apply(Stream(0), Sequence(41), &records[0]).unwrap());
    let gap = store.apply(Stream(0), Sequence(43), &records[1]);
    assert!(matches!(gap, Err(TransactionStoreError::Gap { expected: Sequence(42), .. })), "{gap:?}");
}

#[test]
fn a_file_of_another_version_is_made_anew_by_the_writer_and_refused_by_readers() {
    let (_folder, file) = stored(&Traffic::new(2).records(100), 10);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Reader::open(&file), Err(TransactionStoreError::OtherSchema(_))));
    let store = open(&file);
    assert!(store.progress().next.is_empty());
    drop(store);
    assert!(all(&file).is_empty());
}

#[test]
fn what_is_no_store_of_ours_is_set_aside() {
    let (folder, file) = stored(&Traffic::new(2).records(100), 10);
    let aside = folder.path().join("transactions.db.damaged");
    let text = "no SQLite file, and longer than its header of sixteen bytes";
    std::fs::write(&file, text).unwrap();
    assert_eq!(open(&file).transactions(), 0);
    assert_eq!(std::fs::read_to_string(&aside).unwrap(), text);
    // Of another program.
    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (id)").unwrap();
    assert_eq!(open(&file).transactions(), 0);
    Connection::open(&aside).unwrap().query_row("SELECT count(*) FROM theirs", [], |_| Ok(())).unwrap();
}

#[test]
fn what_hinders_sqlite_for_a_while_leaves_the_file_alone() {
    let (folder, file) = stored(&Traffic::new(2).records(100), 10);
    let before = all(&file);
    // No permission, no descriptor, a full disk: SQLite cannot open the log of writes.
    let log = folder.path().join("transactions.db-wal");
    let _ = std::fs::remove_file(&log);
    std::fs::create_dir(&log).unwrap();
    let hindered = TransactionStore::open(&file, UtcOffset::default(), keys());
    assert!(matches!(hindered, Err(TransactionStoreError::Sqlite(..))), "{:?}", hindered.err());
    std::fs::remove_dir(&log).unwrap();
    assert_eq!(all(&file), before);
    assert_eq!(open(&file).transactions(), before.len() as u64);
}

#[test]
fn one_process_writes() {
    let (_folder, file) = stored(&Traffic::new(2).records(10), 10);
    let _first = open(&file);
    let second = TransactionStore::open(&file, UtcOffset::default(), keys());
    assert!(matches!(second, Err(TransactionStoreError::InUse(_))));
    assert!(matches!(TransactionStore::remove(&file), Err(TransactionStoreError::InUse(_))));
}

#[test]
fn files_are_private_and_hold_no_clear_card_number() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, file) = stored(&Traffic::new(2).records(500), 500);
    let _reader = Reader::open(&file).unwrap();
    let pans: Vec<card::Pan> = (0..40).map(pan).collect();
    for path in CardNumberScan::new(&pans).finds_none_below(folder.path()) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn what_is_recalled_is_what_memory_had() {
    let traffic = Traffic::new(7).records(3_000);
    let (_folder, file) = stored(&traffic, 100);
    let mut state = auth::State::default();
    let mut asked = Vec::new();
    for record in &traffic {
        let account = match record {
            // Random traffic closes accounts that have cards.
            Record::AccountRemoved(_) => continue,
            Record::Decided(transaction) => transaction.account,
            Record::Credited(credited) => Some(credited.account),
            Record::RemittanceTaken(outcome) => Some(outcome.remittance.account),
            Record::Reversed(auth::Reversed { origin, .. })
            | Record::Completed(auth::Completed { origin, .. })
            | Record::HoldExpired(auth::HoldExpired { origin, .. })
            | Record::HoldReleased(auth::HoldReleased { origin, .. }) => {
                origin.as_ref().map(|origin| origin.account)
            }
            _ => None,
        };
        if let Some(id) = account.filter(|id| state.account_on_file(id).is_none()) {
            state.apply(&Record::AccountStored(auth::Account {
                id,
                currency: card::Currency::parse("EUR").unwrap(),
                kind: auth::AccountKind::Default,
                opening_minor: 0,
                credit_line_minor: 0,
                customer: None,
                home: None,
                customer_home: None,
            }));
        }
        state.apply(record);
        if let Record::Decided(transaction) = record {
            let auth::Transaction { link, terminal, stan, .. } = **transaction;
            asked.push((auth::Recall { link, terminal, stan }, transaction.id));
        }
    }
    let mut kept = std::collections::HashMap::new();
    state.freeze().into_each(|element| {
        if let auth::Element::Transaction(stored) = element {
            kept.insert(stored.id, (**stored).clone());
        }
    });
    let reader = Reader::open(&file).unwrap().unwrap();
    for (recall, id) in asked {
        let found = reader.recall(&recall, &keys()).unwrap();
        let found = found.into_iter().find(|stored| stored.id == id).unwrap();
        let memory = &kept[&id];
        // A hold stays in memory until it has ended, and so does a dispense until it is reported.
        if matches!(memory.funds, auth::Funds::Held { .. }) && memory.standing_minor != 0 {
            continue;
        }
        // What was given back in part, and a transfer whose money is on its way, stay there, too.
        if memory.life.is_some() {
            continue;
        }
        let posted = |stored: &auth::StoredTransaction| match stored.funds {
            auth::Funds::Posted { .. } => stored.standing_minor,
            _ => 0,
        };
        assert_eq!(posted(&found), posted(memory));
        let same = auth::StoredTransaction { funds: memory.funds, reported: memory.reported, ..found };
        assert_eq!(same, *memory);
    }
}
