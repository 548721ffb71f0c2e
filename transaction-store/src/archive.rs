//! Closed days as Parquet files: one for each day and kind of row, made from the views.

use crate::error::{TransactionStoreError, while_doing};
use crate::file;
use crate::sheet_file::{self, Fewer};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a row group: what is in memory at a time.
const GROUP_ROWS: usize = 100_000;

/// What is archived of a day: the name of view and files, and its columns.
struct Sheet {
    view: &'static str,
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
        ],
    },
    Sheet {
        view: "receipt_steps",
        columns: &[
            ("transaction_id", Number),
            ("line", Number),
            ("number", Number),
            ("step", Text),
            ("verdict", Text),
            ("seen", Number),
            ("held_against", Number),
            ("unit", Text),
            ("code", Text),
        ],
    },
    Sheet {
        view: "postings",
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
        columns: &[
            ("id", Number),
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
/// When the store or the folder fails, or an earlier file has more rows, which it keeps.
pub fn archive_day(store: &Path, folder: &Path, day: &str) -> Result<Vec<PathBuf>, TransactionStoreError> {
    let Some(connection) = file::open_reader(store)? else { return Ok(Vec::new()) };
    file::make_folder(folder)?;
    let mut files = Vec::new();
    for sheet in &SHEETS {
        files.extend(write_sheet(&connection, sheet, folder, day)?);
    }
    // The names too must be there after a crash, before the day may be dropped from the store.
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| TransactionStoreError::Io(folder.to_owned(), error))?;
    Ok(files)
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

fn write_sheet(
    connection: &Connection,
    sheet: &Sheet,
    folder: &Path,
    day: &str,
) -> Result<Option<PathBuf>, TransactionStoreError> {
    let doing = while_doing("reading a day to archive");
    let path = folder.join(format!("{}-{day}.parquet", sheet.view));
    let names: Vec<&str> = sheet.columns.iter().map(|(name, _)| *name).collect();
    let sql = format!("SELECT {} FROM {} WHERE business_day = ?", names.join(", "), sheet.view);
    let mut select = connection.prepare(&sql).map_err(&doing)?;
    let mut rows = select.query([day]).map_err(&doing)?;
    let mut columns = Column::of(sheet);
    let mut count = fill(&mut columns, &mut rows).map_err(&doing)?;
    if count == 0 {
        return Ok(None);
    }
    let new = file::beside(&path, ".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let io_failed = |error| TransactionStoreError::Io(new.clone(), error);
    let file = options.open(&new).map_err(io_failed)?;
    let parquet_failed = |error| TransactionStoreError::Parquet(path.clone(), error);
    let mut writer = open_writer(sheet, file.try_clone().map_err(io_failed)?).map_err(parquet_failed)?;
    while count > 0 {
        let written = writer.next_row_group().and_then(|group| write_group(group, &columns));
        written.map_err(parquet_failed)?;
        columns.iter_mut().for_each(Column::clear);
        count = fill(&mut columns, &mut rows).map_err(&doing)?;
    }
    writer.close().map_err(parquet_failed)?;
    file.sync_all().map_err(io_failed)?;
    sheet_file::put(&new, &path, sheet.fewer())?;
    Ok(Some(path))
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

/// Values of one column of a row group, with what says which rows have one.
struct Column {
    form: Form,
    present: Vec<i16>,
    numbers: Vec<i64>,
    texts: Vec<ByteArray>,
}

impl Column {
    fn of(sheet: &Sheet) -> Vec<Column> {
        let column = |(_, form): &(&str, Form)| Column {
            form: *form,
            present: Vec::new(),
            numbers: Vec::new(),
            texts: Vec::new(),
        };
        sheet.columns.iter().map(column).collect()
    }

    fn clear(&mut self) {
        self.present.clear();
        self.numbers.clear();
        self.texts.clear();
    }

    fn push(&mut self, value: ValueRef<'_>) {
        let present = match (self.form, value) {
            (Number | Moment, ValueRef::Integer(number)) => {
                self.numbers.push(number);
                true
            }
            (Text | Bytes, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
                self.texts.push(ByteArray::from(bytes.to_vec()));
                true
            }
            _ => false,
        };
        self.present.push(i16::from(present));
    }
}

/// Takes rows until the group is full or there are no more. Gives how many.
fn fill(columns: &mut [Column], rows: &mut Rows<'_>) -> rusqlite::Result<usize> {
    let mut count = 0;
    while count < GROUP_ROWS {
        let Some(row) = rows.next()? else { break };
        for (place, column) in columns.iter_mut().enumerate() {
            column.push(row.get_ref(place)?);
        }
        count += 1;
    }
    Ok(count)
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
