//! Closed days as Parquet files: one for each day and view, made from the parts of the day.

use crate::error::{TransactionStoreError, while_doing};
use crate::file;
use crate::part::{Kind, Part};
use crate::schema;
use crate::sheet_file::{self, Fewer};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a row group: what is in memory at a time.
const GROUP_ROWS: usize = 100_000;

/// What is archived of a day: the name of view and files, of which parts its rows come, and its columns.
struct Sheet {
    view: &'static str,
    /// None for what is a table of its own.
    of: &'static [Kind],
    columns: &'static [(&'static str, Form)],
}

impl Sheet {
    /// What becomes of an archived day that has more rows.
    fn fewer(&self) -> Fewer {
        match self.view {
            "transactions" | "events" | "card_events" => Fewer::Refused,
            _ => Fewer::Kept,
        }
    }
}

/// Form of a column in Parquet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Bytes,
    Number,
    /// Milliseconds since 1970, UTC.
    Moment,
}

use Form::{Bytes, Moment, Number, Text};

const SHEETS: [Sheet; 6] = [
    Sheet {
        view: "transactions",
        of: &[Kind::Transactions],
        columns: &[
            ("id", Number),
            ("business_day", Text),
            ("time_ms", Moment),
            ("link", Text),
            ("terminal", Text),
            ("merchant", Text),
            ("mcc", Number),
            ("class", Text),
            ("type", Text),
            ("pan", Text),
            ("pan_hash", Bytes),
            ("stan", Number),
            ("rrn", Text),
            ("transmission", Number),
            ("amount_minor", Number),
            ("currency", Number),
            ("entry_mode", Text),
            ("code", Text),
            ("approved", Number),
            ("authorization_id", Text),
            ("issuer_authentication", Bytes),
            ("ledger_minor", Number),
            ("available_minor", Number),
            ("account", Text),
            ("funds", Text),
            ("funds_minor", Number),
            ("hold_expires_ms", Moment),
            ("pin_tries_used", Number),
            ("atc", Number),
            ("tsn", Number),
            ("notes", Text),
            ("flags", Number),
            ("tables_version", Number),
            ("status", Text),
            ("standing_minor", Number),
            ("posted", Number),
            ("customer", Text),
            ("counted", Bytes),
            ("billing_minor", Number),
            ("billing_currency", Number),
            ("rate", Text),
            ("fee_minor", Number),
            ("fee", Text),
            ("surcharge_minor", Number),
            ("settlement_minor", Number),
            ("settlement_currency", Number),
            ("settlement_rate", Text),
            ("standing_amount_minor", Number),
            ("standing_fee_minor", Number),
            ("standing_settlement_minor", Number),
            ("billing", Bytes),
            ("booking", Text),
            ("reward", Text),
            ("token", Text),
            ("address_result", Text),
            ("cvv2_result", Text),
            ("traces", Bytes),
            ("verification", Text),
        ],
    },
    Sheet {
        view: "receipt_steps",
        of: &[Kind::Transactions],
        columns: &[
            ("transaction_id", Number),
            ("business_day", Text),
            ("line", Number),
            ("number", Number),
            ("step", Text),
            ("title", Text),
            ("verdict", Text),
            ("seen", Number),
            ("held_against", Number),
            ("unit", Text),
            ("code", Text),
        ],
    },
    Sheet {
        view: "postings",
        of: &[Kind::Transactions, Kind::Events],
        columns: &[
            ("transaction_id", Number),
            ("business_day", Text),
            ("time_ms", Moment),
            ("side", Text),
            ("account", Text),
            ("currency", Number),
            ("amount_minor", Number),
        ],
    },
    Sheet {
        view: "events",
        of: &[Kind::Events],
        columns: &[
            ("id", Number),
            ("transaction_id", Number),
            ("business_day", Text),
            ("time_ms", Moment),
            ("event", Text),
            ("minor", Number),
            ("held_change_minor", Number),
            ("posted_change_minor", Number),
            ("link", Text),
            ("account", Text),
            ("currency", Number),
            ("posted_fee_change_minor", Number),
            ("posted_settlement_change_minor", Number),
            ("settlement_currency", Number),
        ],
    },
    Sheet {
        view: "card_events",
        of: &[Kind::CardEvents],
        columns: &[
            ("id", Number),
            ("business_day", Text),
            ("time_ms", Moment),
            ("event", Text),
            ("pan", Text),
            ("pan_hash", Bytes),
            ("status", Text),
            ("expiry", Text),
            ("account", Text),
            ("has_pin", Number),
            ("pin_tries_used", Number),
            ("transaction_id", Number),
        ],
    },
    Sheet {
        view: "terminal_totals",
        of: &[],
        columns: &[
            ("business_day", Text),
            ("link", Text),
            ("terminal", Text),
            ("type", Text),
            ("result", Text),
            ("currency", Number),
            ("number", Number),
            ("amount_minor", Number),
        ],
    },
];

/// Writes a day to Parquet files in `folder`, over those of an earlier time. Gives the files that were written:
/// none for what the day has no rows of.
///
/// # Errors
/// When the store or the folder fails, the store has a value that its column has no room for, or an earlier file has
/// more rows, which it keeps.
pub fn archive_day(store: &Path, folder: &Path, day: &str) -> Result<Vec<PathBuf>, TransactionStoreError> {
    let doing = while_doing("reading a day to archive");
    let Some(connection) = file::open_reader(store)? else { return Ok(Vec::new()) };
    file::make_folder(folder)?;
    // All of it as it is at one moment.
    connection.execute_batch("BEGIN").map_err(&doing)?;
    let parts = Part::load_all(&connection).map_err(&doing)?;
    let day = ArchivedDay::new(&connection, &parts, folder, day);
    let mut files = Vec::new();
    for sheet in &SHEETS {
        files.extend(day.write(sheet)?);
    }
    // The names too must be there after a crash, before the day may be dropped from the store.
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| TransactionStoreError::Io(folder.to_owned(), error))?;
    Ok(files)
}

/// How the archive of a day compares with the store, by the number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The archive has every row of the store.
    Same,
    /// Files are missing, damaged, or have fewer rows.
    HasLess,
    /// Files have more rows, which nothing can be held against.
    HasMore,
}

/// Compares the rows of a day in the archive with those in the store, by counting both.
///
/// # Errors
/// When the store or the folder cannot be read.
pub fn compare_day(store: &Path, folder: &Path, day: &str) -> Result<Compared, TransactionStoreError> {
    let doing = while_doing("comparing a day with its archive");
    let Some(connection) = file::open_reader(store)? else { return Ok(Compared::HasLess) };
    connection.execute_batch("BEGIN").map_err(&doing)?;
    let parts = Part::load_all(&connection).map_err(&doing)?;
    compare(&connection, &parts, folder, day)
}

fn compare(
    connection: &Connection,
    parts: &[Part],
    folder: &Path,
    day: &str,
) -> Result<Compared, TransactionStoreError> {
    let day = ArchivedDay::new(connection, parts, folder, day);
    for sheet in &SHEETS {
        let archived = sheet_file::whole_rows(&day.path(sheet))?;
        match archived.unwrap_or(0).cmp(&day.stored_rows(sheet)?) {
            Ordering::Less => return Ok(Compared::HasLess),
            Ordering::Greater if sheet.fewer() == Fewer::Refused => return Ok(Compared::HasMore),
            Ordering::Greater | Ordering::Equal => {}
        }
    }
    Ok(Compared::Same)
}

/// Removes archive files of days before `oldest` (`YYYY-MM-DD`). Gives those that went.
///
/// # Errors
/// When the folder cannot be read or a file not be removed.
pub fn remove_archived_before(folder: &Path, oldest: &str) -> Result<Vec<PathBuf>, TransactionStoreError> {
    let failed = |path: &Path, error| TransactionStoreError::Io(path.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(folder, error))?,
    };
    let mut removed = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if day_of_file(name).is_some_and(|day| day < oldest) {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

/// The day in the name of one of our files.
fn day_of_file(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".parquet")?;
    SHEETS.iter().find_map(|sheet| {
        let day = stem.strip_prefix(sheet.view)?.strip_prefix('-')?;
        (day.len() == "YYYY-MM-DD".len()).then_some(day)
    })
}

/// A day between store and archive. Its rows come from its own parts, every one of them, and never from the views.
struct ArchivedDay<'a> {
    connection: &'a Connection,
    parts: Vec<&'a Part>,
    folder: &'a Path,
    day: &'a str,
}

impl<'a> ArchivedDay<'a> {
    fn new(connection: &'a Connection, parts: &'a [Part], folder: &'a Path, day: &'a str) -> ArchivedDay<'a> {
        let parts = parts.iter().filter(|part| part.day == day).collect();
        ArchivedDay { connection, parts, folder, day }
    }

    fn path(&self, sheet: &Sheet) -> PathBuf {
        self.folder.join(format!("{}-{}.parquet", sheet.view, self.day))
    }

    /// Counts the rows of the store.
    fn stored_rows(&self, sheet: &Sheet) -> Result<i64, TransactionStoreError> {
        let doing = while_doing("counting a day that is archived");
        let mut count: i64 = 0;
        for select in self.selects(sheet, "count(*)") {
            let rows = self.connection.query_row(&select, [self.day], |row| row.get::<_, i64>(0));
            count += rows.map_err(&doing)?;
        }
        Ok(count)
    }

    /// SELECTs of these columns which together give the rows of the day: one for each part, so that no number of parts
    /// is too large for one. Each asks for the day.
    fn selects(&self, sheet: &Sheet, columns: &str) -> Vec<String> {
        let question = format!("SELECT {columns} FROM {} WHERE business_day = ?", sheet.view);
        if sheet.of.is_empty() {
            return vec![question];
        }
        let parts = self.parts.iter().filter(|part| sheet.of.contains(&part.kind));
        parts.map(|part| schema::with_part(part) + &question).collect()
    }

    fn write(&self, sheet: &Sheet) -> Result<Option<PathBuf>, TransactionStoreError> {
        let doing = while_doing("reading a day to archive");
        let names: Vec<&str> = sheet.columns.iter().map(|(name, _)| *name).collect();
        let mut group = Group::of(sheet);
        let mut file: Option<SheetFile> = None;
        for select in self.selects(sheet, &names.join(", ")) {
            let mut select = self.connection.prepare(&select).map_err(&doing)?;
            let mut rows = select.query([self.day]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                group.push(row)?;
                if group.count == GROUP_ROWS {
                    SheetFile::of(&mut file, sheet, self.path(sheet))?.write(&mut group)?;
                }
            }
        }
        if group.count > 0 {
            SheetFile::of(&mut file, sheet, self.path(sheet))?.write(&mut group)?;
        }
        file.map(|file| file.finish(sheet.fewer())).transpose()
    }
}

/// A file that takes its name once it is whole.
struct SheetFile {
    path: PathBuf,
    new: PathBuf,
    file: File,
    writer: SerializedFileWriter<File>,
}

impl SheetFile {
    /// The file, which is made for the first rows.
    fn of<'s>(
        made: &'s mut Option<SheetFile>,
        sheet: &Sheet,
        path: PathBuf,
    ) -> Result<&'s mut SheetFile, TransactionStoreError> {
        let made = match made.take() {
            Some(file) => made.insert(file),
            None => made.insert(SheetFile::create(sheet, path)?),
        };
        Ok(made)
    }

    fn create(sheet: &Sheet, path: PathBuf) -> Result<SheetFile, TransactionStoreError> {
        let new = file::beside(&path, ".new");
        let io_failed = |error| TransactionStoreError::Io(new.clone(), error);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&new).map_err(io_failed)?;
        let writer = open_writer(sheet, file.try_clone().map_err(io_failed)?);
        let writer = writer.map_err(|error| TransactionStoreError::Parquet(path.clone(), error))?;
        Ok(SheetFile { path, new, file, writer })
    }

    fn write(&mut self, group: &mut Group) -> Result<(), TransactionStoreError> {
        let written = self.writer.next_row_group().and_then(|writer| write_group(writer, &group.columns));
        group.clear();
        written.map_err(|error| TransactionStoreError::Parquet(self.path.clone(), error))
    }

    fn finish(self, fewer: Fewer) -> Result<PathBuf, TransactionStoreError> {
        let SheetFile { path, new, file, writer } = self;
        writer.close().map_err(|error| TransactionStoreError::Parquet(path.clone(), error))?;
        file.sync_all().map_err(|error| TransactionStoreError::Io(new.clone(), error))?;
        sheet_file::put(&new, &path, fewer)?;
        Ok(path)
    }
}

fn open_writer(sheet: &Sheet, file: File) -> Result<SerializedFileWriter<File>, ParquetError> {
    let mut message = format!("message {} {{ ", sheet.view);
    for (name, form) in sheet.columns {
        let (declared, meaning) = match form {
            Text => ("BYTE_ARRAY", " (UTF8)"),
            Bytes => ("BYTE_ARRAY", ""),
            Number => ("INT64", ""),
            Moment => ("INT64", " (TIMESTAMP(MILLIS, true))"),
        };
        message.push_str(&format!("OPTIONAL {declared} {}{meaning}; ", shown_name(name)));
    }
    message.push('}');
    let schema = Arc::new(parse_message_type(&message)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    SerializedFileWriter::new(file, schema, Arc::new(properties))
}

/// A moment is a type of its own in Parquet, so its name need not say milliseconds.
fn shown_name(name: &str) -> &str {
    name.strip_suffix("_ms").unwrap_or(name)
}

/// Rows of a row group.
struct Group {
    columns: Vec<Column>,
    count: usize,
}

/// Values of one column of a row group, with what says which rows have one.
struct Column {
    name: &'static str,
    form: Form,
    present: Vec<i16>,
    numbers: Vec<i64>,
    texts: Vec<ByteArray>,
}

impl Group {
    fn of(sheet: &Sheet) -> Group {
        let column = |(name, form): &(&'static str, Form)| Column {
            name,
            form: *form,
            present: Vec::new(),
            numbers: Vec::new(),
            texts: Vec::new(),
        };
        Group { columns: sheet.columns.iter().map(column).collect(), count: 0 }
    }

    fn push(&mut self, row: &Row<'_>) -> Result<(), TransactionStoreError> {
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.push(row.get_ref(place).map_err(|_| TransactionStoreError::Content(column.name))?)?;
        }
        self.count += 1;
        Ok(())
    }

    fn clear(&mut self) {
        for column in &mut self.columns {
            column.present.clear();
            column.numbers.clear();
            column.texts.clear();
        }
        self.count = 0;
    }
}

impl Column {
    fn push(&mut self, value: ValueRef<'_>) -> Result<(), TransactionStoreError> {
        let present = match (self.form, value) {
            (_, ValueRef::Null) => false,
            (Number | Moment, ValueRef::Integer(number)) => {
                self.numbers.push(number);
                true
            }
            (Text, ValueRef::Text(bytes)) | (Bytes, ValueRef::Blob(bytes)) => {
                self.texts.push(ByteArray::from(bytes.to_vec()));
                true
            }
            // Left out of the archive it would be lost with its day.
            _ => return Err(TransactionStoreError::Content(self.name)),
        };
        self.present.push(i16::from(present));
        Ok(())
    }
}

fn write_group(
    mut group: SerializedRowGroupWriter<'_, File>,
    columns: &[Column],
) -> Result<(), ParquetError> {
    for column in columns {
        let Some(mut writer) = group.next_column()? else { break };
        let present = Some(&column.present[..]);
        match column.form {
            Number | Moment => {
                writer.typed::<Int64Type>().write_batch(&column.numbers, present, None)?;
            }
            Text | Bytes => {
                writer.typed::<ByteArrayType>().write_batch(&column.texts, present, None)?;
            }
        }
        writer.close()?;
    }
    group.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    /// Columns of the views that no file has, and why none is lost by that.
    const LEFT_OUT: [(&str, &str); 6] = [
        // The text of `time_ms`, which is a moment in Parquet.
        ("transactions", "time"),
        ("events", "time"),
        ("card_events", "time"),
        ("postings", "time"),
        // A sheet of its own: `receipt_steps`.
        ("transactions", "receipt"),
        // For recalls, which ask what is online; whoever needs the number after that finds it in the journal.
        ("transactions", "pan_sealed"),
    ];

    #[test]
    fn every_column_of_every_view_is_archived() {
        let connection = Connection::open_in_memory().unwrap();
        schema::create(&connection).unwrap();
        let mut views = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").unwrap();
        let views: Vec<String> = views.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for view in &views {
            // `postings` has each of its rows, by sides.
            assert!(view == "posted" || SHEETS.iter().any(|sheet| sheet.view == view), "{view}");
        }
        for sheet in &SHEETS {
            let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
            let columns = columns.query_map([sheet.view], |row| row.get::<_, String>(0)).unwrap();
            let mut expected: Vec<String> = columns.map(Result::unwrap).collect();
            expected.retain(|name| !LEFT_OUT.contains(&(sheet.view, name)));
            expected.sort();
            let mut archived: Vec<&str> = sheet.columns.iter().map(|(name, _)| *name).collect();
            archived.sort_unstable();
            assert_eq!(archived, expected, "{}", sheet.view);
        }
    }

    #[test]
    fn columns_have_the_form_that_the_store_declares() {
        for kind in Kind::ALL {
            let sheet = SHEETS.iter().find(|sheet| sheet.view == kind.view()).unwrap();
            for (name, form) in sheet.columns.iter().filter(|(name, _)| *name != "business_day") {
                let (_, declared) = kind.columns().iter().find(|(column, _)| column == name).unwrap();
                let expected = match declared.split(' ').next().unwrap() {
                    "INTEGER" if name.ends_with("_ms") => Moment,
                    "INTEGER" => Number,
                    "TEXT" => Text,
                    "BLOB" => Bytes,
                    other => panic!("{other}"),
                };
                assert!(*form == expected, "{name} of {}", sheet.view);
            }
        }
    }

    /// More parts than one SELECT takes, and more than one row group, without any view.
    #[test]
    fn a_day_of_many_parts_is_archived_whole() {
        const PARTS: i64 = 600;
        let folder = tempfile::tempdir().unwrap();
        let (store, archive) = (folder.path().join("transactions.db"), folder.path().join("archive"));
        let connection = file::open_writer(&store).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for number in 1..=PARTS {
            let mut part = Part::new(number, Kind::CardEvents, "2026-11-23".to_owned());
            connection.execute_batch(&part.create_table()).unwrap();
            let insert = format!(
                "INSERT INTO {} (id, event, pan, pan_hash)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                 SELECT i, '', '', x'00' FROM n",
                part.table()
            );
            connection.execute_batch(&insert).unwrap();
            part.row_count = 200;
            part.save(&connection).unwrap();
        }
        let mut views = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").unwrap();
        let views: Vec<String> = views.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for view in views {
            connection.execute_batch(&format!("DROP VIEW {view}")).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();

        let day = "2026-11-23";
        let file = archive.join("card_events-2026-11-23.parquet");
        assert_eq!(archive_day(&store, &archive, day).unwrap(), std::slice::from_ref(&file));
        let read = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        assert_eq!(read.metadata().file_metadata().num_rows(), PARTS * 200);
        assert_eq!(read.metadata().num_row_groups(), 2);
        let parts = Part::load_all(&connection).unwrap();
        assert_eq!(compare(&connection, &parts, &archive, day).unwrap(), Compared::Same);
        let less = &parts[1..];
        assert_eq!(compare(&connection, less, &archive, day).unwrap(), Compared::HasMore);
        connection.execute(&format!("DELETE FROM {} WHERE id = 7", parts[0].table()), []).unwrap();
        assert_eq!(compare(&connection, &parts, &archive, day).unwrap(), Compared::HasMore);
    }

    #[test]
    fn a_value_of_the_wrong_form_is_an_error_and_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("transactions.db");
        let connection = file::open_writer(&store).unwrap();
        let mut part = Part::new(1, Kind::CardEvents, "2026-11-23".to_owned());
        connection.execute_batch(&part.create_table()).unwrap();
        let insert =
            format!("INSERT INTO {} (id, event, pan, pan_hash) VALUES (1, '', '', 'text')", part.table());
        connection.execute_batch(&insert).unwrap();
        part.row_count = 1;
        part.save(&connection).unwrap();
        let archived = archive_day(&store, folder.path(), "2026-11-23");
        assert!(matches!(archived, Err(TransactionStoreError::Content("pan_hash"))), "{archived:?}");
    }
}
