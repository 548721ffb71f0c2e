//! Card files: lines that say which cards and accounts are to be on file. The import reads them from a
//! file, the control socket from the body of a request.

mod counts;
mod holder_line;
mod hot_line;
mod rows;
mod sheet;
mod source;
mod statement;
mod token_line;
mod view;

pub(crate) use counts::Counts;
pub(crate) use holder_line::{HOLDER_COLUMNS, holder_change, holder_change_json, holder_removal};
pub(crate) use hot_line::{HOT_COLUMNS, HotRanges, hot_change_json, hot_entry, hot_entry_json, hot_removal};
pub(crate) use rows::{Columns, Row, read_rows};
pub(crate) use sheet::Sheet;
pub(crate) use source::{Column, Line, SourceError, is_json, read, read_numbers};
pub(crate) use statement::{CardRules, Faults, removal};
pub(crate) use token_line::{TOKEN_COLUMNS, TokenLines, token_change, token_change_json};
pub(crate) use view::{
    account_type_word, card_json, change_json, further_cell, major, pin_cells, script_json, view_json, yymm,
};

use card::Pan;

/// Enough to find the card, never all of it.
pub(crate) fn masked(pan: Option<&str>) -> String {
    match pan.map(|pan| Pan::parse(pan.as_bytes())) {
        Some(Ok(pan)) => pan.to_string(),
        Some(Err(_)) => "(not a card number)".to_owned(),
        None => "(no card number)".to_owned(),
    }
}
