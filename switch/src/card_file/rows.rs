//! Lines of a file whose columns are given by name: CSV with a header, one JSON object a line, or bare card
//! numbers, one a line. For what is on file beside cards.

use super::source::{READ_BYTES, SourceError, csv_fault, first_character, read_line};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};

/// The columns of one kind of file; the first holds the card number.
pub(crate) type Columns = &'static [&'static str];

/// The cells of one line; an empty one is absent. Reused from line to line.
pub(crate) struct Row {
    /// Line of the file, from 1.
    pub(crate) number: u64,
    /// Bytes of the file up to its end.
    pub(crate) bytes: u64,
    columns: Columns,
    cells: Vec<String>,
}

impl Row {
    fn new(columns: Columns) -> Row {
        Row { number: 0, bytes: 0, columns, cells: vec![String::new(); columns.len()] }
    }

    /// The cell of a column, unless it is empty.
    pub(crate) fn cell(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|known| *known == column)?;
        Some(self.cells[place].as_str()).filter(|cell| !cell.is_empty())
    }

    fn clear(&mut self) {
        self.cells.iter_mut().for_each(String::clear);
    }

    fn set(&mut self, place: usize, text: &str) {
        self.cells[place].push_str(text.trim());
    }
}

/// Hands each line to `visit`, and what is no line as an error. Where the form is not given, the first character
/// decides: JSON lines begin with a brace, bare numbers with a digit, and a header with neither.
pub(crate) fn read_rows(
    input: impl Read,
    columns: Columns,
    is_json: Option<bool>,
    visit: &mut dyn FnMut(Result<&Row, SourceError>),
) {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    match (is_json, first_character(&mut input)) {
        (_, Err(error)) => visit(Err(SourceError::File(error.to_string()))),
        (Some(true), _) | (None, Ok(Some(b'{'))) => read_lines(input, columns, visit, json_cells),
        (_, Ok(Some(digit))) if digit.is_ascii_digit() => {
            read_lines(input, columns, visit, |text, row| {
                let text = std::str::from_utf8(text).map_err(|_| "holds what is not UTF-8".to_owned())?;
                row.set(0, text);
                Ok(())
            });
        }
        _ => read_csv(input, columns, visit),
    }
}

fn read_lines(
    mut input: impl BufRead,
    columns: Columns,
    visit: &mut dyn FnMut(Result<&Row, SourceError>),
    cells: impl Fn(&[u8], &mut Row) -> Result<(), String>,
) {
    let mut row = Row::new(columns);
    let mut text = Vec::new();
    loop {
        text.clear();
        row.clear();
        row.number += 1;
        match read_line(&mut input, &mut text) {
            Err(error) => return visit(Err(SourceError::File(error.to_string()))),
            Ok(0) => return,
            Ok(count) => row.bytes += count as u64,
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match cells(&text, &mut row) {
            Ok(()) => visit(Ok(&row)),
            Err(reason) => visit(Err(SourceError::Line(row.number, reason))),
        }
    }
}

fn json_cells(text: &[u8], row: &mut Row) -> Result<(), String> {
    let value: Value = serde_json::from_slice(text).map_err(|_| "is not JSON".to_owned())?;
    let object = value.as_object().ok_or("is not a JSON object")?;
    for (name, value) in object {
        let place = row.columns.iter().position(|known| known == name);
        let place = place.ok_or("has a name that is no known column")?;
        match value {
            Value::Null => {}
            Value::String(text) => row.set(place, text),
            Value::Number(number) if number.is_u64() => row.set(place, &number.to_string()),
            _ => return Err(format!("{name}: write it in quotes")),
        }
    }
    Ok(())
}

fn read_csv(input: impl Read, columns: Columns, visit: &mut dyn FnMut(Result<&Row, SourceError>)) {
    // As in `source.rs`: lines are counted from the end of a record, so each ends with the same one character.
    let input = input.chain(&b"\n"[..]);
    let mut builder = csv::ReaderBuilder::new();
    builder.trim(csv::Trim::Headers).flexible(true).terminator(csv::Terminator::Any(b'\n'));
    let mut reader = builder.from_reader(input);
    let places = match reader.headers().map_err(csv_fault).and_then(|names| header(names, columns)) {
        Ok(places) => places,
        Err(reason) => return visit(Err(SourceError::File(reason))),
    };
    let mut record = csv::StringRecord::new();
    let mut row = Row::new(columns);
    loop {
        let read = reader.read_record(&mut record);
        let inner = record.as_slice().bytes().filter(|byte| *byte == b'\n').count();
        row.number = reader.position().line().saturating_sub(1 + inner as u64);
        row.bytes = reader.position().byte();
        match read {
            Ok(false) => return,
            Ok(true) if record.as_slice().trim().is_empty() => continue,
            Ok(true) if record.len() != places.len() => {
                let reason = format!("has {} cells where the header has {}", record.len(), places.len());
                visit(Err(SourceError::Line(row.number, reason)));
                continue;
            }
            Ok(true) => {}
            Err(error) if error.is_io_error() => return visit(Err(SourceError::File(csv_fault(error)))),
            Err(error) => {
                visit(Err(SourceError::Line(row.number, csv_fault(error))));
                continue;
            }
        }
        row.clear();
        places.iter().zip(&record).for_each(|(place, cell)| row.set(*place, cell));
        visit(Ok(&row));
    }
}

/// An unknown name is repeated only if it holds no digit: a file without a header shows its first card there.
fn header(names: &csv::StringRecord, columns: Columns) -> Result<Vec<usize>, String> {
    let mut places = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(place) = columns.iter().position(|known| *known == name) else {
            let shown = if name.bytes().any(|byte| byte.is_ascii_digit()) { "" } else { name };
            let known = columns.join(", ");
            return Err(format!("the header's column {} {shown:?} is not known; known: {known}", index + 1));
        };
        if places.contains(&place) {
            return Err(format!("the header names {name:?} twice"));
        }
        places.push(place);
    }
    if places.contains(&0) {
        Ok(places)
    } else {
        Err(format!("the header lacks the column {:?}", columns[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        read_rows(text.as_bytes(), &["pan", "reason"], None, &mut |row| {
            seen.push(match row {
                Ok(row) => {
                    let cell = |name| row.cell(name).unwrap_or("-").to_owned();
                    format!("{}:{}/{}", row.number, cell("pan"), cell("reason"))
                }
                Err(SourceError::Line(number, reason)) => format!("{number}!{reason}"),
                Err(SourceError::File(reason)) => format!("!{reason}"),
            });
        });
        seen
    }

    #[test]
    fn every_form() {
        assert_eq!(rows("reason,pan\nlost, 42 \n,43\n"), ["2:42/lost", "3:43/-"]);
        assert_eq!(
            rows("pan,reason\r\n42\r\n43,lost"),
            ["2!has 1 cells where the header has 2", "3:43/lost"]
        );
        assert_eq!(rows("{\"pan\":\"42\",\"reason\":null}\nx\n"), ["1:42/-", "2!is not JSON"]);
        assert_eq!(rows("42\n\n43"), ["1:42/-", "3:43/-"]);
        assert_eq!(rows("reason\nlost\n"), ["!the header lacks the column \"pan\""]);
        assert_eq!(
            rows("pan,4000000000000002\n"),
            ["!the header's column 2 \"\" is not known; known: pan, reason"]
        );
        assert_eq!(rows("{\"number\":1}"), ["1!has a name that is no known column"]);
        assert_eq!(rows(""), ["!the header lacks the column \"pan\""]);
    }
}
