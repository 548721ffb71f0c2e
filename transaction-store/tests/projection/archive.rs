//! What is in the Parquet files is what is in the views, every column of every row.

use crate::money;
use crate::traffic::{Traffic, keys, pan};
use crate::{open, stored, streamed};
use auth::{CardAnswer, CardRemoved, Record};
use card::{CivilDay, Time, UtcOffset};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use store::{Sequence, Stream};
use transaction_store::{
    TransactionStore, TransactionStoreError, archive_day, compare_day, remove_archived_before,
};

const VIEWS: [&str; 6] =
    ["transactions", "receipt_steps", "postings", "events", "card_events", "terminal_totals"];

/// Later than any record here.
const LATER: CivilDay = CivilDay { year: 2026, month: 12, day: 31 };

fn parquet_file(folder: &Path, view: &str, day: &str) -> PathBuf {
    folder.join(format!("{view}-{day}.parquet"))
}

/// Rows of a file, columns as the store names them with their values, in an order of their own.
fn archived_rows(path: &Path) -> (Vec<String>, Vec<Vec<Value>>) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut names = Vec::new();
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).unwrap() {
        let mut values = Vec::new();
        names.clear();
        for (name, field) in row.unwrap().get_column_iter() {
            let moment = ["time", "hold_expires"].contains(&name.as_str());
            names.push(if moment { format!("{name}_ms") } else { name.clone() });
            values.push(match field {
                Field::Null => Value::Null,
                Field::TimestampMillis(number) if moment => Value::Integer(*number),
                Field::Long(number) if !moment => Value::Integer(*number),
                Field::Str(text) => Value::Text(text.clone()),
                Field::Bytes(bytes) => Value::Blob(bytes.data().to_vec()),
                other => panic!("{name}: {other:?}"),
            });
        }
        rows.push(values);
    }
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    (names, rows)
}

fn stored_rows(connection: &Connection, view: &str, day: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let question = format!("SELECT {} FROM {view} WHERE business_day = ?", columns.join(", "));
    let mut select = connection.prepare(&question).unwrap();
    let values = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|place| row.get(place)).collect();
    let mut rows: Vec<Vec<Value>> = select.query_map([day], values).unwrap().map(Result::unwrap).collect();
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

fn count(connection: &Connection, question: &str) -> usize {
    usize::try_from(connection.query_row(question, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap()
}

/// As the running switch does it, one after the other.
pub(crate) fn drop_days_beyond(
    store: &mut TransactionStore,
    file: &Path,
    online_days: usize,
    archive: &Path,
    oldest: &str,
) -> Vec<String> {
    let days = store.days_beyond(online_days, oldest).into_iter();
    let goes = |day: &String| {
        let compared = compare_day(file, archive, day).unwrap();
        store.drop_day(day, compared, oldest).unwrap()
    };
    days.filter(goes).collect()
}

/// Archives every day and holds every value against the store. Gives the columns that had a value somewhere.
fn archive_and_compare(file: &Path, archive: &Path) -> Vec<String> {
    let days = open(file).close_days(LATER).unwrap();
    let connection = Connection::open(file).unwrap();
    let mut seen = Vec::new();
    for view in VIEWS {
        let mut rows_of_view = 0;
        for day in &days {
            let files = archive_day(file, archive, day).unwrap();
            let path = parquet_file(archive, view, day);
            if !files.contains(&path) {
                let question = format!("SELECT count(*) FROM {view} WHERE business_day = '{day}'");
                assert_eq!(count(&connection, &question), 0, "{view} of {day}");
                continue;
            }
            let (names, rows) = archived_rows(&path);
            assert_eq!(rows, stored_rows(&connection, view, day, &names), "{view} of {day}");
            rows_of_view += rows.len();
            for (place, name) in names.iter().enumerate() {
                if rows.iter().any(|row| row[place] != Value::Null) {
                    seen.push(format!("{view}.{name}"));
                }
            }
        }
        assert_eq!(rows_of_view, count(&connection, &format!("SELECT count(*) FROM {view}")), "{view}");
    }
    seen
}

#[test]
fn closed_days_are_archived_whole() {
    let (folder, file) = stored(&Traffic::new(21).records(2_000), 300);
    let archive = folder.path().join("archive");
    let mut seen = archive_and_compare(&file, &archive);

    // For tests/read_archive.py, which reads the same with DuckDB.
    if let Some(keep) = std::env::var_os("TURNOUT_KEEP_ARCHIVE") {
        let keep = Path::new(&keep);
        fs::create_dir_all(keep).unwrap();
        for entry in fs::read_dir(&archive).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, keep.join(path.file_name().unwrap())).unwrap();
        }
        let copy = keep.join("transactions.db");
        let _ = fs::remove_file(&copy);
        Connection::open(&file).unwrap().execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
    }

    let removed = remove_archived_before(&archive, "2026-11-24").unwrap();
    assert!(removed.len() >= 6, "{removed:?}");
    assert!(!parquet_file(&archive, "transactions", "2026-11-23").exists());
    assert!(parquet_file(&archive, "transactions", "2026-11-24").exists());

    let (folder, file) = stored(&money::records(), 10);
    seen.append(&mut archive_and_compare(&file, &folder.path().join("archive")));
    for column in ["posted", "customer", "counted", "billing", "booking", "reward", "token"] {
        assert!(seen.contains(&format!("transactions.{column}")), "{column}");
    }
    for column in ["address_result", "cvv2_result", "traces", "verification", "pan_hash", "rate"] {
        assert!(seen.contains(&format!("transactions.{column}")), "{column}");
    }
}

#[test]
fn no_card_number_is_in_the_archive() {
    let (folder, file) = stored(&Traffic::new(24).records(1_000), 300);
    let archive = folder.path().join("archive");
    archive_and_compare(&file, &archive);
    for entry in fs::read_dir(&archive).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        for number in 0..40 {
            let digits = pan(number).reveal();
            assert!(!content.windows(16).any(|window| window == &*digits), "{}", path.display());
            let sealed = keys().seal_pan(&pan(number));
            let sealed = sealed.as_bytes();
            assert!(!content.windows(sealed.len()).any(|window| window == sealed), "{}", path.display());
        }
    }
}

#[test]
fn rows_that_come_late_make_their_day_due_again() {
    let records = Traffic::new(22).records(1_000);
    let (_folder, file) = stored(&records[..500], 500);
    let mut store = open(&file);
    for day in store.close_days(LATER).unwrap() {
        assert!(store.mark_archived(&day).unwrap());
    }
    assert!(store.close_days(LATER).unwrap().is_empty());
    for (stream, sequence, record) in streamed(&records) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(None).unwrap();
    assert!(!store.close_days(LATER).unwrap().is_empty());
}

#[test]
fn rows_that_come_while_an_archive_is_written_make_their_day_due_again() {
    let records = Traffic::new(22).records(1_000);
    let (_folder, file) = stored(&records[..500], 500);
    let mut store = open(&file);
    let closed = store.close_days(LATER).unwrap();
    for (stream, sequence, record) in streamed(&records) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(None).unwrap();
    let marked: Vec<bool> = closed.iter().map(|day| store.mark_archived(day).unwrap()).collect();
    assert!(marked.contains(&false), "something was added to one of them: {marked:?}");
    let due = store.close_days(LATER).unwrap();
    assert!(closed.iter().zip(&marked).all(|(day, archived)| due.contains(day) != *archived));
    assert!(store.days_beyond(0, "2026-11-01").iter().all(|day| !due.contains(day)));
}

#[test]
fn what_a_repeat_was_told_later_makes_its_day_due_again() {
    let records = Traffic::new(22).records(500);
    let (_folder, file) = stored(&records, 500);
    let mut store = open(&file);
    for day in store.close_days(LATER).unwrap() {
        assert!(store.mark_archived(&day).unwrap());
    }
    let decided = records.iter().rev().find_map(|record| match record {
        Record::Decided(transaction) => Some(transaction),
        _ => None,
    });
    let decided = decided.unwrap();
    let day = decided.business_day;
    let answer = CardAnswer {
        transaction: decided.id,
        pan: decided.pan,
        time: decided.time,
        issuer_authentication: Some([0xA1; 8].into_iter().collect()),
    };
    store.apply(Stream(2), Sequence(0), &Record::CardAnswered(answer)).unwrap();
    store.commit(None).unwrap();
    assert_eq!(
        store.close_days(LATER).unwrap(),
        [format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)]
    );
}

#[test]
fn a_day_stays_until_the_archive_has_every_row_of_it() {
    let (folder, file) = stored(&Traffic::new(23).records(1_000), 300);
    let archive = folder.path().join("archive");
    let day = "2026-11-23";
    let mut store = open(&file);
    let mut dropped = |oldest| {
        store.close_days(LATER).unwrap();
        assert!(store.mark_archived(day).unwrap());
        let dropped = drop_days_beyond(&mut store, &file, 1, &archive, oldest);
        (dropped, store.close_days(LATER).unwrap().contains(&day.to_owned()))
    };
    assert_eq!(dropped("2026-11-01"), (vec![], true), "there are no files: the day is due again");

    for view in VIEWS {
        archive_day(&file, &archive, day).unwrap();
        let path = parquet_file(&archive, view, day);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(dropped("2026-11-01"), (vec![], true), "{view} is cut short");
        fs::remove_file(&path).unwrap();
        assert_eq!(dropped("2026-11-01"), (vec![], true), "{view} is gone");
    }

    // A file of the same day with fewer rows, as an earlier archive of it would have.
    let (fewer, fewer_file) = stored(&Traffic::new(23).records(60), 300);
    let fewer_archive = fewer.path().join("archive");
    archive_day(&fewer_file, &fewer_archive, day).unwrap();
    for view in VIEWS {
        archive_day(&file, &archive, day).unwrap();
        fs::copy(parquet_file(&fewer_archive, view, day), parquet_file(&archive, view, day)).unwrap();
        assert_eq!(dropped("2026-11-01"), (vec![], true), "{view} has fewer rows");
    }

    archive_day(&file, &archive, day).unwrap();
    assert_eq!(dropped("2026-11-01"), (vec![day.to_owned()], false));
}

#[test]
fn what_no_archive_keeps_any_more_goes() {
    let (folder, file) = stored(&Traffic::new(23).records(1_000), 300);
    let mut store = open(&file);
    store.close_days(LATER).unwrap();
    assert!(store.mark_archived("2026-11-23").unwrap());
    let dropped = drop_days_beyond(&mut store, &file, 1, &folder.path().join("archive"), "2026-11-24");
    assert_eq!(dropped, ["2026-11-23"]);
}

/// Days end at 14:00 UTC. Cards are put on file before any record tells a time; a day has events of cards only.
#[test]
fn events_of_cards_are_archived_with_their_business_day() {
    let folder = tempfile::tempdir().unwrap();
    let (file, archive) = (folder.path().join("transactions.db"), folder.path().join("archive"));
    let offset = UtcOffset::parse("+10:00").unwrap();
    let mut store = TransactionStore::open(&file, offset, keys()).unwrap();
    store.begins_with_the_journal();
    let card_stored = money::records().into_iter().find(|record| matches!(record, Record::CardStored(_)));
    let card_stored = card_stored.unwrap();
    let removed = |day: i64, hour: i64| {
        // 2026-11-23 00:00 UTC.
        let midnight = 1_795_392_000_000 + (day - 23) * 86_400_000;
        let time = Time::from_unix_ms(midnight + hour * 3_600_000);
        Record::CardRemoved(CardRemoved { pan: pan(1), time })
    };
    let commit = |store: &mut TransactionStore, first: u64, records: &[Record]| {
        for (sequence, record) in (first..).zip(records) {
            store.apply(Stream(0), Sequence(sequence), record).unwrap();
        }
        store.commit(None).unwrap();
    };
    commit(&mut store, 0, &[card_stored.clone(), card_stored.clone()]);
    assert!(store.close_days(LATER).unwrap().is_empty(), "no day is known");
    drop(store);

    let mut store = TransactionStore::open(&file, offset, keys()).unwrap();
    let later = [removed(23, 13), removed(23, 15), removed(25, 13), card_stored];
    commit(&mut store, 2, &later);
    let days = store.close_days(CivilDay { year: 2026, month: 11, day: 26 }).unwrap();
    assert_eq!(days, ["2026-11-23", "2026-11-24", "2026-11-25"]);
    let connection = Connection::open(&file).unwrap();
    for (day, expected) in days.iter().zip([3, 1, 2]) {
        archive_day(&file, &archive, day).unwrap();
        let (names, rows) = archived_rows(&parquet_file(&archive, "card_events", day));
        assert_eq!(rows.len(), expected, "{day}");
        assert_eq!(rows, stored_rows(&connection, "card_events", day, &names), "{day}");
        store.mark_archived(day).unwrap();
    }
    assert_eq!(count(&connection, "SELECT count(*) FROM card_events"), 6);
    assert_eq!(drop_days_beyond(&mut store, &file, 1, &archive, "2026-11-01"), days[..2]);
    assert_eq!(count(&connection, "SELECT count(*) FROM card_events"), 2);
}

#[test]
fn a_day_of_which_the_beginning_is_missing_is_not_archived() {
    // Two hours of the first day and all of the others; the store begins with the twentieth record.
    let records = Traffic::new(23).records(6_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("transactions.db");
    let mut store = open(&file);
    for (stream, sequence, record) in streamed(&records).skip(20) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(Some("end")).unwrap();
    let covers_since = store.progress().covers_since.unwrap();
    let first = records[20..].iter().find_map(Record::time).unwrap();
    assert!(covers_since >= first && covers_since <= first.plus(std::time::Duration::from_mins(11)));
    drop(store);

    let mut store = open(&file);
    assert_eq!(store.progress().covers_since, Some(covers_since), "also when it is opened again");
    let tomorrow = CivilDay { year: 2026, month: 12, day: 1 };
    let closed = store.close_days(tomorrow).unwrap();
    assert!(closed.len() > 1 && !closed.contains(&"2026-11-23".to_owned()), "{closed:?}");

    let archive = folder.path().join("archive");
    let gone = drop_days_beyond(&mut store, &file, 1, &archive, &closed[0]);
    assert_eq!(gone, ["2026-11-23"], "what is past its retention");
    // What was dropped is missing, too: a row that comes late makes no whole day of it.
    for day in &closed {
        archive_day(&file, &archive, day).unwrap();
        store.mark_archived(day).unwrap();
    }
    drop_days_beyond(&mut store, &file, 1, &archive, "2026-11-01");
    let reader = transaction_store::Reader::open(&file).unwrap().unwrap();
    let covers_since = reader.progress().covers_since.unwrap();
    assert_eq!(&covers_since.to_string()[..10], closed[closed.len() - 2], "the newest that was dropped");
}

#[test]
fn an_archived_day_is_never_replaced_by_less_of_it() {
    let records = Traffic::new(24).records(1_000);
    let (folder, file) = stored(&records, 500);
    let archive = folder.path().join("archive");
    let day = "2026-11-23";
    let files = archive_day(&file, &archive, day).unwrap();
    let content = |path: &PathBuf| fs::read(path).unwrap();
    let before: Vec<Vec<u8>> = files.iter().map(content).collect();

    // Of a store that has lost some of the day, whatever it believes.
    let (_other_folder, other) = stored(&records[..90], 500);
    let mut other_store = open(&other);
    other_store.close_days(LATER).unwrap();
    assert!(other_store.mark_archived(day).unwrap());
    let dropped = drop_days_beyond(&mut other_store, &other, 0, &archive, "2026-11-01");
    assert!(dropped.is_empty(), "what it has stays");
    let refused = archive_day(&other, &archive, day);
    assert!(matches!(refused, Err(TransactionStoreError::FewerRows { .. })), "{refused:?}");
    assert_eq!(files.iter().map(content).collect::<Vec<_>>(), before);
    assert_eq!(fs::read_dir(&archive).unwrap().count(), files.len(), "nothing is left over");

    archive_day(&file, &archive, day).unwrap();
}
