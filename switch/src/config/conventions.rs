//! `[listener.conventions]`: what a link does in its own way.

use super::error::Complaint;
use super::listener::OF_ACCOUNTS;
use super::product::ENTRY_MODES;
use super::section::Section;
use super::value::{list, number, one_of, switch, text};
use crate::translate::iso::{Conventions, EntryCode, FieldPath, Flag, ReferredBy};
use auth::AccountType;
use toml::de::DeValue;

/// Elements that may hold a mini statement: those of free text that an answer has no other use for.
const STATEMENT_FIELDS: [u64; 12] = [44, 46, 47, 48, 60, 61, 62, 63, 120, 121, 122, 123];

/// Reads the table.
pub(super) fn read(mut section: Section<'_>) -> Conventions {
    let usual = Conventions::default();
    let transaction_types = codes(&mut section, "transaction_types", &OF_ACCOUNTS);
    let account_types = codes(&mut section, "account_types", &ACCOUNT_TYPES);
    let flag = section.table("partial_flag").map(flag);
    let partial = section.or("partial_approval", true, switch);
    let conventions = Conventions {
        transaction_types,
        account_types,
        entry_modes: entry_modes(&mut section),
        refers_by: section.or("refers_by", usual.refers_by, |value| list(value, one_of(&REFERRED_BY))),
        partial_flag: flag.or(usual.partial_flag).filter(|_| partial),
        original_amount_type: section.optional("original_amount_type", two_digits),
        statement_field: section.or("statement_field", usual.statement_field.into(), statement_field) as u8,
        zero_amount_verifies: section.or("zero_amount_verifies", usual.zero_amount_verifies, switch),
    };
    section.finish();
    conventions
}

const ACCOUNT_TYPES: [(&str, AccountType); 4] = [
    ("default", AccountType::Default),
    ("savings", AccountType::Savings),
    ("cheque", AccountType::Cheque),
    ("credit", AccountType::Credit),
];

const REFERRED_BY: [(&str, ReferredBy); 3] =
    [("de90", ReferredBy::OriginalData), ("de38", ReferredBy::AuthorizationId), ("de37", ReferredBy::Rrn)];

/// `[{ code = "52", means = "payment" }]`.
fn codes<T: Copy>(
    section: &mut Section<'_>,
    key: &'static str,
    meanings: &'static [(&'static str, T)],
) -> Vec<([u8; 2], T)> {
    let mut known: Vec<([u8; 2], T)> = Vec::new();
    for mut entry in section.tables(key) {
        let code = entry.required("code", two_digits);
        let means = entry.required("means", one_of(meanings));
        if let (Some(code), Some(means)) = (code, means) {
            if known.iter().any(|(other, _)| *other == code) {
                entry.complain("code", Complaint::bare("stands here twice".to_owned()));
            }
            known.push((code, means));
        }
        entry.finish();
    }
    known
}

/// `[{ at = "61:10", code = "6", means = "ecommerce" }]`.
fn entry_modes(section: &mut Section<'_>) -> Vec<EntryCode> {
    let mut known = Vec::new();
    for mut entry in section.tables("entry_modes") {
        let place = entry.required("at", |value| {
            let mend = "a data element, a part of it, some characters: \"22.7\", \"61:10\", \"60:1-2\"";
            FieldPath::parse(text(value)?).ok_or_else(|| Complaint::new("is no place in a message", mend))
        });
        let code = entry.required("code", text).map(str::to_owned);
        if code.as_ref().is_some_and(String::is_empty) {
            entry.complain("code", Complaint::new("is empty", "the characters that say so: \"6\""));
        }
        let mode = entry.required("means", one_of(&ENTRY_MODES));
        if let (Some(place), Some(code), Some(mode)) = (place, code, mode) {
            known.push(EntryCode { place, code, mode });
        }
        entry.finish();
    }
    known
}

fn two_digits(value: &DeValue<'_>) -> Result<[u8; 2], Complaint> {
    let code: Option<[u8; 2]> = text(value)?.as_bytes().try_into().ok();
    let code = code.filter(|code| code.iter().all(u8::is_ascii_digit));
    code.ok_or_else(|| Complaint::new("is no code", "two digits in quotes: \"52\""))
}

fn statement_field(value: &DeValue<'_>) -> Result<u64, Complaint> {
    let field = number(2..=128)(value)?;
    if STATEMENT_FIELDS.contains(&field) {
        return Ok(field);
    }
    let known = STATEMENT_FIELDS.map(|field| field.to_string()).join(", ");
    Err(Complaint::new("cannot hold a statement", format!("one of {known}")))
}

/// `partial_flag = { field = 60, position = 1, value = "PA1" }`.
fn flag(mut section: Section<'_>) -> Flag {
    let flag = Flag {
        field: section.required("field", number(2..=127)).unwrap_or(60) as u8,
        position: section.or("position", 1, number(1..=999)) as usize,
        value: section.required("value", text).unwrap_or_default().to_owned(),
    };
    if section.has("value") && flag.value.is_empty() {
        section.complain("value", Complaint::new("is empty", "the characters that say so: \"PA1\""));
    }
    section.finish();
    flag
}
