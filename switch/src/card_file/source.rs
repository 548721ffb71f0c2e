//! Lines of a card file, whatever its form: CSV with a header, one JSON object a line, or bare card numbers.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// What a line can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Pan,
    Expiry,
    Start,
    Status,
    CardSequence,
    Account,
    Currency,
    AccountType,
    Balance,
    CreditLine,
    Pvki,
    Pvv,
    PinOffset,
    Customer,
    FurtherAccounts,
    HomeAccount,
}

impl Column {
    const COUNT: usize = 16;

    /// Names in the file, in the order of the columns above.
    const NAMES: [(&str, Column); Column::COUNT] = [
        ("pan", Column::Pan),
        ("expiry", Column::Expiry),
        ("start", Column::Start),
        ("status", Column::Status),
        ("card_sequence", Column::CardSequence),
        ("account", Column::Account),
        ("currency", Column::Currency),
        ("account_type", Column::AccountType),
        ("balance", Column::Balance),
        ("credit_line", Column::CreditLine),
        ("pvki", Column::Pvki),
        ("pvv", Column::Pvv),
        ("pin_offset", Column::PinOffset),
        ("customer", Column::Customer),
        ("further_accounts", Column::FurtherAccounts),
        ("home_account", Column::HomeAccount),
    ];

    pub(crate) fn name(self) -> &'static str {
        Column::NAMES[self as usize].0
    }

    /// In the order in which an export writes them.
    pub(crate) fn all() -> impl Iterator<Item = Column> {
        Column::NAMES.into_iter().map(|(_, column)| column)
    }

    fn named(name: &str) -> Option<Column> {
        Column::NAMES.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
    }
}

/// The cells of one line; an empty one is absent. Reused from line to line.
#[derive(Default)]
pub(crate) struct Line {
    /// Line of the file, from 1.
    pub(crate) number: u64,
    /// Bytes of the file up to its end.
    pub(crate) bytes: u64,
    cells: [String; Column::COUNT],
}

impl Line {
    /// The cell, unless it is empty.
    pub(crate) fn cell(&self, column: Column) -> Option<&str> {
        Some(self.cells[column as usize].as_str()).filter(|cell| !cell.is_empty())
    }

    /// Whether nothing but these columns has a cell.
    pub(crate) fn has_only(&self, columns: &[Column]) -> bool {
        Column::all().all(|column| columns.contains(&column) || self.cell(column).is_none())
    }

    fn clear(&mut self) {
        self.cells.iter_mut().for_each(String::clear);
    }

    fn set(&mut self, column: Column, text: &str) {
        self.cells[column as usize].push_str(text.trim());
    }
}

/// Why a line, or the whole file, cannot be read. Holds nothing of it.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// This line is wrong; reading can go on.
    Line(u64, String),
    /// Nothing more can be read.
    File(String),
}

/// What a file's name says about its form.
pub(crate) fn is_json(file: &Path) -> Option<bool> {
    match file.extension()?.to_str()? {
        "json" | "jsonl" | "ndjson" => Some(true),
        "csv" => Some(false),
        _ => None,
    }
}

/// Hands each line to `visit`, and what is no line as an error. Where the form is not given, the first
/// character decides.
pub(crate) fn read(
    input: impl Read,
    is_json: Option<bool>,
    visit: &mut dyn FnMut(Result<&Line, SourceError>),
) {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    // JSON lines begin with a brace, a header never does.
    match (is_json, first_character(&mut input)) {
        (_, Err(error)) => visit(Err(SourceError::File(error.to_string()))),
        (Some(true), _) | (None, Ok(Some(b'{'))) => read_json(input, visit),
        _ => read_csv(input, visit),
    }
}

/// As [`read`], for files that only say which cards: these may be bare card numbers, one a line.
pub(crate) fn read_numbers(
    input: impl Read,
    is_json: Option<bool>,
    visit: &mut dyn FnMut(Result<&Line, SourceError>),
) {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    match first_character(&mut input) {
        Ok(Some(digit)) if digit.is_ascii_digit() => {
            read_lines(input, visit, |text, line| {
                let text = std::str::from_utf8(text).map_err(|_| "holds what is not UTF-8".to_owned())?;
                line.set(Column::Pan, text);
                Ok(())
            });
        }
        _ => read(input, is_json, visit),
    }
}

pub(super) const READ_BYTES: usize = 1 << 16;

pub(super) fn first_character(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    Ok(input.fill_buf()?.iter().copied().find(|byte| !byte.is_ascii_whitespace()))
}

fn read_csv(input: impl Read, visit: &mut dyn FnMut(Result<&Line, SourceError>)) {
    // The library's own line of a record is that of the blank lines before it, so lines are counted
    // from its end: for that every record must end with the same one character.
    let input = input.chain(&b"\n"[..]);
    let mut builder = csv::ReaderBuilder::new();
    builder.trim(csv::Trim::Headers).flexible(true).terminator(csv::Terminator::Any(b'\n'));
    let mut reader = builder.from_reader(input);
    let columns = match reader.headers().map_err(csv_fault).and_then(header) {
        Ok(columns) => columns,
        Err(reason) => return visit(Err(SourceError::File(reason))),
    };
    let mut record = csv::StringRecord::new();
    let mut line = Line::default();
    loop {
        let read = reader.read_record(&mut record);
        let inner = record.as_slice().bytes().filter(|byte| *byte == b'\n').count();
        line.number = reader.position().line().saturating_sub(1 + inner as u64);
        line.bytes = reader.position().byte();
        match read {
            Ok(false) => return,
            Ok(true) if record.as_slice().trim().is_empty() => {}
            Ok(true) if record.len() != columns.len() => {
                let reason = format!("has {} cells where the header has {}", record.len(), columns.len());
                visit(Err(SourceError::Line(line.number, reason)));
            }
            Ok(true) => {
                line.clear();
                columns.iter().zip(&record).for_each(|(column, cell)| line.set(*column, cell));
                visit(Ok(&line));
            }
            Err(error) if error.is_io_error() => return visit(Err(SourceError::File(csv_fault(error)))),
            Err(error) => visit(Err(SourceError::Line(line.number, csv_fault(error)))),
        }
    }
}

/// The columns of a header. An unknown name is repeated only if it holds no digit: a file without a
/// header shows its first card there.
fn header(names: &csv::StringRecord) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(column) = Column::named(name) else {
            let shown = if name.bytes().any(|byte| byte.is_ascii_digit()) { "" } else { name };
            let known = Column::NAMES.map(|(name, _)| name).join(", ");
            return Err(format!("the header's column {} {shown:?} is not known; known: {known}", index + 1));
        };
        if columns.contains(&column) {
            return Err(format!("the header names {:?} twice", column.name()));
        }
        columns.push(column);
    }
    if columns.contains(&Column::Pan) || columns.contains(&Column::Account) {
        Ok(columns)
    } else {
        Err("the header lacks the column \"pan\"".into())
    }
}

/// The fault in words of our own: the library's may quote the line.
pub(super) fn csv_fault(error: csv::Error) -> String {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "holds what is not UTF-8".to_owned(),
        _ => "cannot be read as CSV".to_owned(),
    }
}

fn read_json(input: impl BufRead, visit: &mut dyn FnMut(Result<&Line, SourceError>)) {
    read_lines(input, visit, json_cells);
}

fn read_lines(
    mut input: impl BufRead,
    visit: &mut dyn FnMut(Result<&Line, SourceError>),
    cells: impl Fn(&[u8], &mut Line) -> Result<(), String>,
) {
    let mut line = Line::default();
    let mut text = Vec::new();
    loop {
        text.clear();
        line.clear();
        line.number += 1;
        match read_line(&mut input, &mut text) {
            Err(error) => return visit(Err(SourceError::File(error.to_string()))),
            Ok(0) => return,
            Ok(count) => line.bytes += count as u64,
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match cells(&text, &mut line) {
            Ok(()) => visit(Ok(&line)),
            Err(reason) => visit(Err(SourceError::Line(line.number, reason))),
        }
    }
}

/// One line at most as long as any card could need, so that a file without line ends is refused
/// instead of read into memory.
pub(super) fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<usize> {
    const LONGEST_LINE: u64 = 16 * 1024;
    let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', text)?;
    if read as u64 == LONGEST_LINE && !text.ends_with(b"\n") {
        return Err(io::Error::other("a line is longer than 16 KiB"));
    }
    Ok(read)
}

fn json_cells(text: &[u8], line: &mut Line) -> Result<(), String> {
    let value: Value = serde_json::from_slice(text).map_err(|_| "is not JSON".to_owned())?;
    let object = value.as_object().ok_or("is not a JSON object")?;
    for (name, value) in object {
        let column = Column::named(name).ok_or("has a name that is no known column")?;
        match value {
            Value::Null => {}
            Value::String(text) => line.set(column, text),
            // A number with decimals would have gone through floating point.
            Value::Number(number) if number.is_u64() || number.is_i64() => {
                line.set(column, &number.to_string());
            }
            _ => return Err(format!("{name}: write it in quotes")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        read(text.as_bytes(), None, &mut |line| {
            seen.push(match line {
                Ok(line) => format!(
                    "{}:{}/{}",
                    line.number,
                    line.cell(Column::Pan).unwrap_or("-"),
                    line.cell(Column::Balance).unwrap_or("-")
                ),
                Err(SourceError::Line(number, reason)) => format!("{number}!{reason}"),
                Err(SourceError::File(reason)) => format!("!{reason}"),
            });
        });
        seen
    }

    #[test]
    fn columns_are_known_by_their_place_in_the_enumeration() {
        for (index, (name, column)) in Column::NAMES.into_iter().enumerate() {
            assert_eq!(column as usize, index);
            assert_eq!(Column::named(name), Some(column));
            assert_eq!(column.name(), name);
        }
    }

    #[test]
    fn csv_in_any_order_of_columns() {
        assert_eq!(lines("balance,pan\n1.00,42\n\n ,\"43\"\n"), ["2:42/1.00", "4:43/-"]);
        assert_eq!(lines("pan,balance\n42\n43,2\n"), ["2!has 1 cells where the header has 2", "3:43/2"]);
        // Line ends of Windows, cells with line ends, no line end at the end.
        assert_eq!(lines("pan,balance\r\n42,1\r\n\r\n43,2\r\n44,3"), ["2:42/1", "4:43/2", "5:44/3"]);
        assert_eq!(lines("pan,balance\n42,\"1\n\"\n43,2"), ["2:42/1", "4:43/2"]);
        assert_eq!(lines(""), ["!the header lacks the column \"pan\""]);
    }

    #[test]
    fn json_lines() {
        let text =
            "{\"pan\":\"42\",\"balance\":\"1.50\"}\n\n{\"pan\":43,\"balance\":null}\nx\n{\"balance\":1.5}\n";
        assert_eq!(lines(text), ["1:42/1.50", "3:43/-", "4!is not JSON", "5!balance: write it in quotes"]);
        assert_eq!(lines("{\"pin\":\"1\"}"), ["1!has a name that is no known column"]);
    }

    #[test]
    fn a_file_without_header_shows_no_card() {
        let reason = &lines("4000000000000002,4912\n")[0];
        assert!(reason.starts_with("!the header's column 1 \"\" is not known"), "{reason}");
        assert_eq!(lines("expiry\n4912\n"), ["!the header lacks the column \"pan\""]);
        assert_eq!(lines("pan,pan\n1,1\n"), ["!the header names \"pan\" twice"]);
    }

    #[test]
    fn endless_lines_are_refused() {
        let text = format!("{{\"pan\":\"{}", "4".repeat(20_000));
        assert_eq!(lines(&text), ["!a line is longer than 16 KiB"]);
    }
}
