//! A line of a token file.

use super::rows::{Columns, Row};
use super::statement::Faults;
use auth::{Tables, TokenChange, TokenStatus, TokenTask};
use card::{Expiry, Pan};
use serde_json::{Value, json};

/// Columns of a token file.
pub(crate) const TOKEN_COLUMNS: Columns = &["token", "pan", "expiry", "status"];

/// What the lines of a token file ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenLines {
    /// Put on file, or change.
    Put,
    /// Change the status.
    Status,
    /// Take off the file.
    Remove,
}

/// The change that a line asks for. A token has to be in a range of the product of its card.
pub(crate) fn token_change(row: &Row, asked: TokenLines, tables: &Tables) -> Result<TokenChange, Faults> {
    let mut faults: Vec<String> = Vec::new();
    let number = match row.cell("token").map(|digits| Pan::parse(digits.as_bytes())) {
        Some(Ok(pan)) if (12..=19).contains(&pan.len()) => Some(pan),
        Some(_) => {
            faults.push("token: is not 12 to 19 digits".to_owned());
            None
        }
        None => {
            faults.push("token: is missing".to_owned());
            None
        }
    };
    let status = row.cell("status").map(TokenStatus::parse);
    if status == Some(None) {
        faults.push("status: is one of active, suspended".to_owned());
    }
    let status = status.flatten();
    let task = match asked {
        TokenLines::Remove => Some(TokenTask::Remove),
        TokenLines::Status => {
            if row.cell("status").is_none() {
                faults.push("status: is missing".to_owned());
            }
            status.map(TokenTask::Set)
        }
        TokenLines::Put => {
            let card = row.cell("pan").map(|digits| Pan::parse(digits.as_bytes()));
            let expiry = row.cell("expiry").map(|digits| Expiry::parse_yymm(digits.as_bytes()));
            match (&card, &expiry) {
                (Some(Ok(card)), _) if number.is_some_and(|token| !in_range(tables, card, &token)) => {
                    faults.push("token: is in none of the token_bins of the card's product".to_owned());
                }
                (Some(Ok(_)), Some(Ok(_))) => {}
                (Some(Err(_)), _) => faults.push("pan: is not a card number".to_owned()),
                (None, _) => faults.push("pan: is missing".to_owned()),
                (_, Some(Err(_))) => faults.push("expiry: is not a month as YYMM".to_owned()),
                (_, None) => faults.push("expiry: is missing".to_owned()),
            }
            match (card, expiry) {
                (Some(Ok(card)), Some(Ok(expiry))) => Some(TokenTask::Put { card, expiry, status }),
                _ => None,
            }
        }
    };
    match (number, task) {
        (Some(number), Some(task)) if faults.is_empty() => Ok(TokenChange { number, task }),
        _ => Err(Faults(faults)),
    }
}

fn in_range(tables: &Tables, card: &Pan, token: &Pan) -> bool {
    let prefixes = tables.product(card).map(|product| &product.token_prefixes);
    prefixes.is_some_and(|prefixes| prefixes.iter().any(|prefix| token.starts_with(prefix)))
}

/// A change as a line of JSON, as the control socket takes it.
pub(crate) fn token_change_json(change: &TokenChange) -> Value {
    let mut line = json!({ "token": change.number.reveal().as_str() });
    match change.task {
        TokenTask::Put { card, expiry, status } => {
            line["pan"] = json!(card.reveal().as_str());
            line["expiry"] = json!(String::from_utf8_lossy(&expiry.to_yymm()));
            if let Some(status) = status {
                line["status"] = json!(status.as_str());
            }
        }
        TokenTask::Set(status) => line["status"] = json!(status.as_str()),
        TokenTask::Remove => {}
    }
    line
}
