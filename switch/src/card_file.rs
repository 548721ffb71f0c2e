//! Card files: lines that say which cards and accounts are to be on file. The import reads them from a
//! file, the control socket from the body of a request.

mod counts;
mod sheet;
mod source;
mod statement;
mod view;

pub(crate) use counts::Counts;
pub(crate) use sheet::Sheet;
pub(crate) use source::{Column, Line, SourceError, is_json, read, read_numbers};
pub(crate) use statement::{CardRules, Faults, removal};
pub(crate) use view::{
    account_type_word, card_json, change_json, major, pin_cells, script_json, view_json, yymm,
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
