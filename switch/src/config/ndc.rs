//! `[listener.ndc]`: site parameters of NDC, and the cassettes of its ATMs.

use super::error::Complaint;
use super::section::Section;
use super::value::{amount, currency, duration_up_to, list, number, one_of, switch, text};
use crate::settings::{AtmBuffer, AtmSettings, AtmTransaction, NdcSettings};
use card::{Currency, ResponseCode, TerminalId};
use std::collections::HashMap;
use std::time::Duration;
use toml::de::DeValue;

/// Longest LUNO that fits a terminal identification.
const LUNO_LENGTH: usize = 8;

/// Most notes that a presenter stacks.
const PRESENTER_NOTES: u64 = 60;

/// The section of an ATM whose cassettes are still to be read: amounts need the currency, which
/// stands in `[listener.ndc]`.
pub(super) struct Cassettes<'f> {
    pub(super) luno: Option<&'f str>,
    pub(super) section: Section<'f>,
}

/// Buffers that may have a one-time code.
const BUFFERS: [(&str, AtmBuffer); 2] = [("B", AtmBuffer::B), ("C", AtmBuffer::C)];

/// Whether a terminal may be called so in NDC messages.
pub(super) fn is_luno(id: &str) -> bool {
    (1..=LUNO_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Reads the section, and the cassettes of the listener's ATMs.
pub(super) fn settings(mut section: Section<'_>, cassettes: &mut Vec<Cassettes<'_>>) -> Option<NdcSettings> {
    let currency = section.required("currency", currency);
    let operation_codes = operation_codes(&mut section);
    let approved_state = section.required("approved_state", three_digits);
    let approved_screen = section.required("approved_screen", three_digits);
    let information_state = section.required("information_state", three_digits);
    let information_screen = section.required("information_screen", three_digits);
    let declined_state = section.required("declined_state", three_digits);
    let declined_screen = section.required("declined_screen", three_digits);
    let declined_screens = declined_screens(&mut section);
    let max_notes = section.or("max_notes", 40, number(1..=PRESENTER_NOTES)) as u8;
    let longest = Duration::from_hours(1);
    let completion_deadline =
        section.or("completion_deadline", Duration::from_mins(2), duration_up_to(longest));
    let mac_enabled = section.or("mac_enabled", false, switch);
    let one_time_code = section.optional("one_time_code", one_of(&BUFFERS));
    section.finish();
    let currency = currency?;
    let atms = cassettes.drain(..).filter_map(|cassettes| atm(cassettes, currency)).collect();
    Some(NdcSettings {
        operation_codes,
        currency,
        approved_state: approved_state?,
        approved_screen: approved_screen?,
        information_state: information_state?,
        information_screen: information_screen?,
        declined_state: declined_state?,
        declined_screens,
        declined_screen: declined_screen?,
        atms,
        max_notes,
        completion_deadline,
        mac_enabled,
        one_time_code,
    })
}

fn atm(cassettes: Cassettes<'_>, currency: Currency) -> Option<(String, AtmSettings)> {
    let Cassettes { luno, mut section } = cassettes;
    let denominations = section.required("cassettes", |value| denominations(value, currency));
    section.finish();
    let luno = luno?;
    let terminal = TerminalId::new(luno.as_bytes())?;
    Some((luno.to_owned(), AtmSettings { terminal, denominations_minor: denominations? }))
}

/// Value of a note by cassette type 1 to 4; fewer mean that the rest is not there.
fn denominations(value: &DeValue<'_>, currency: Currency) -> Result<[i64; 4], Complaint> {
    let values = list(value, amount(currency))?;
    let mend = "note values by cassette type 1 to 4, \"0\" for none: [\"10.00\", \"20.00\", \"0\", \"0\"]";
    if values.len() > 4 || values.iter().all(|minor| *minor == 0) {
        return Err(Complaint::new("is not what an ATM holds", mend));
    }
    let mut denominations = [0; 4];
    denominations[..values.len()].copy_from_slice(&values);
    Ok(denominations)
}

fn operation_codes(section: &mut Section<'_>) -> HashMap<[u8; 8], AtmTransaction> {
    let Some(mut table) = section.table("operation_codes") else {
        let mend =
            "add `operation_codes = { \"A      A\" = \"withdrawal\" }`, as the ATM's states build them";
        section.complain("operation_codes", Complaint::new("is missing", mend));
        return HashMap::new();
    };
    let mut codes = HashMap::new();
    for (buffer, value) in table.entries() {
        match operation_code(buffer, value) {
            Ok((buffer, transaction)) => {
                codes.insert(buffer, transaction);
            }
            Err(complaint) => table.complain(buffer, complaint),
        }
    }
    codes
}

fn operation_code(buffer: &str, value: &DeValue<'_>) -> Result<([u8; 8], AtmTransaction), Complaint> {
    let mend = "8 characters, each A, B, C, D, F, G, H, I or a space";
    let fail = || Complaint::new("is not an operation code buffer", mend);
    let code: [u8; 8] = buffer.as_bytes().try_into().map_err(|_| fail())?;
    if !code.iter().all(|character| b"ABCDFGHI ".contains(character)) {
        return Err(fail());
    }
    match text(value)? {
        "withdrawal" => Ok((code, AtmTransaction::Withdrawal)),
        "balance_inquiry" => Ok((code, AtmTransaction::BalanceInquiry)),
        "pin_change" => Ok((code, AtmTransaction::PinChange)),
        "pin_unblock" => Ok((code, AtmTransaction::PinUnblock)),
        other => {
            let known = ["withdrawal", "balance_inquiry", "pin_change", "pin_unblock"];
            Err(Complaint::not_known("ATM transaction", other, known))
        }
    }
}

fn declined_screens(section: &mut Section<'_>) -> HashMap<String, u16> {
    let Some(mut table) = section.table("declined_screens") else { return HashMap::new() };
    let mut screens = HashMap::new();
    for (code, value) in table.entries() {
        let known = ResponseCode::parse(code.as_bytes());
        let mend = "a response code and its screen: \"51\" = 101";
        let read = known.ok_or_else(|| Complaint::new("is not a response code", mend));
        match read.and_then(|_| three_digits(value)) {
            Ok(screen) => {
                screens.insert(code.to_owned(), screen);
            }
            Err(complaint) => table.complain(code, complaint),
        }
    }
    screens
}

/// Number of a state or screen: a number, or three digits as NCR writes them.
fn three_digits(value: &DeValue<'_>) -> Result<u16, Complaint> {
    let written = match value.as_str() {
        Some(text) => Some(text).filter(|text| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())),
        None => value.as_integer().map(toml::de::DeInteger::as_str),
    };
    let number = written.and_then(|digits| digits.parse().ok()).filter(|number| *number <= 999u16);
    let mend = "0 to 999, or three digits in quotes: 25, \"025\"";
    number.ok_or_else(|| Complaint::new("is no number of a state or screen", mend))
}
