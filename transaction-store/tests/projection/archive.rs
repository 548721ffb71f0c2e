//! What is in the Parquet files is what is in the views.

use crate::traffic::Traffic;
use crate::{open, stored};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;
use transaction_store::{TransactionStoreError, archive_day, remove_archived_before};

fn parquet_rows(path: &Path, column: &str) -> Vec<Field> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row| row.get_column_iter().find(|(name, _)| *name == column).unwrap().1.clone()).collect()
}

#[test]
fn a_closed_day_is_archived_whole() {
    let records = Traffic::new(21).records(2_000);
    let (folder, file) = stored(&records, 300);
    let archive = folder.path().join("archive");
    let days = open(&file).close_days(card::CivilDay { year: 2026, month: 11, day: 25 }).unwrap();
    let connection = Connection::open(&file).unwrap();
    for day in &days {
        let files = archive_day(&file, &archive, day).unwrap();
        for (view, column) in [
            ("transactions", "amount_minor"),
            ("receipt_steps", "seen"),
            ("postings", "amount_minor"),
            ("events", "posted_change_minor"),
            ("terminal_totals", "amount_minor"),
        ] {
            let path = archive.join(format!("{view}-{day}.parquet"));
            assert!(files.contains(&path), "{view} of {day}");
            let question =
                format!("SELECT count(*), coalesce(sum({column}), 0) FROM {view} WHERE business_day = ?");
            let expected: (usize, i64) = connection
                .query_row(&question, [day], |row| {
                    Ok((row.get::<_, i64>(0)?.unsigned_abs() as usize, row.get(1)?))
                })
                .unwrap();
            let values = parquet_rows(&path, column);
            let number = |field: &Field| match field {
                Field::Long(number) => *number,
                _ => 0,
            };
            assert_eq!((values.len(), values.iter().map(number).sum()), expected, "{view} of {day}");
        }
    }
    let times = parquet_rows(&archive.join("transactions-2026-11-23.parquet"), "time");
    assert!(times.iter().all(|time| matches!(time, Field::TimestampMillis(_))), "{:?}", times.first());

    // For tests/read_archive.py, which reads the same with DuckDB.
    if let Some(keep) = std::env::var_os("TURNOUT_KEEP_ARCHIVE") {
        let keep = Path::new(&keep);
        std::fs::create_dir_all(keep).unwrap();
        for entry in std::fs::read_dir(&archive).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, keep.join(path.file_name().unwrap())).unwrap();
        }
        let copy = keep.join("transactions.db");
        let _ = std::fs::remove_file(&copy);
        connection.execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
    }

    let removed = remove_archived_before(&archive, "2026-11-24").unwrap();
    assert!(removed.len() >= 5, "{removed:?}");
    assert!(!archive.join("transactions-2026-11-23.parquet").exists());
    assert!(archive.join("transactions-2026-11-24.parquet").exists());
}

#[test]
fn rows_that_come_late_make_their_day_due_again() {
    let records = Traffic::new(22).records(1_000);
    let (_folder, file) = stored(&records[..500], 500);
    let tomorrow = card::CivilDay { year: 2026, month: 12, day: 1 };
    let mut store = open(&file);
    for day in store.close_days(tomorrow).unwrap() {
        store.mark_archived(&day).unwrap();
    }
    assert!(store.close_days(tomorrow).unwrap().is_empty());
    for (stream, sequence, record) in crate::streamed(&records) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(None).unwrap();
    assert!(!store.close_days(tomorrow).unwrap().is_empty());
}

#[test]
fn a_day_of_which_the_beginning_is_missing_is_not_archived() {
    // Two hours of the first day and all of the others; the store begins with the twentieth record.
    let records = Traffic::new(23).records(6_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("transactions.db");
    let mut store = open(&file);
    for (stream, sequence, record) in crate::streamed(&records).skip(20) {
        store.apply(stream, sequence, record).unwrap();
    }
    store.commit(Some("end")).unwrap();
    let covers_since = store.progress().covers_since.unwrap();
    let first = records[20..].iter().find_map(auth::Record::time).unwrap();
    assert!(covers_since >= first && covers_since <= first.plus(std::time::Duration::from_mins(11)));
    drop(store);

    let mut store = open(&file);
    assert_eq!(store.progress().covers_since, Some(covers_since), "also when it is opened again");
    let tomorrow = card::CivilDay { year: 2026, month: 12, day: 1 };
    let closed = store.close_days(tomorrow).unwrap();
    assert!(closed.len() > 1 && !closed.contains(&"2026-11-23".to_owned()), "{closed:?}");

    // What was dropped is missing, too: a row that comes late makes no whole day of it.
    for day in &closed {
        store.mark_archived(day).unwrap();
    }
    store.drop_days_beyond(1).unwrap();
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
    let content = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
    let before: Vec<Vec<u8>> = files.iter().map(content).collect();

    // Of a store that has lost some of the day, whatever it believes.
    let (_other_folder, other) = stored(&records[..90], 500);
    let refused = archive_day(&other, &archive, day);
    assert!(matches!(refused, Err(TransactionStoreError::FewerRows { .. })), "{refused:?}");
    assert_eq!(files.iter().map(content).collect::<Vec<_>>(), before);
    assert_eq!(std::fs::read_dir(&archive).unwrap().count(), files.len(), "nothing is left over");

    archive_day(&file, &archive, day).unwrap();
}
