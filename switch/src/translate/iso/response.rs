//! The core's answers as messages. A response is the request's own elements, copied as they came, and
//! what was decided.

use super::Refusal;
use auth::{Balance, Response};
use card::ResponseCode;
use iso8583::emv::{self, tag};
use iso8583::{EncodeError, Message, MessageWriter, field};

/// Appends the message that answers `request`: its type with the response digit, its TPDU (where the
/// dialect has one) with the addresses swapped, the elements that the dialect's rules repeat, and what
/// was decided: DE 38, 39, 54 and 55.
///
/// # Errors
/// When a value of the core does not fit the dialect; nothing is appended then.
pub fn response(request: &Message<'_>, response: &Response, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::respond(out, request)?;
    if let Some(id) = &response.authorization_id {
        writer.field(field::AUTHORIZATION_ID, id)?;
    }
    writer.field(field::RESPONSE_CODE, response.code.as_bytes())?;
    if let Some(amounts) = response.balance.and_then(|balance| additional_amounts(&balance)) {
        writer.field(field::ADDITIONAL_AMOUNTS, amounts.as_bytes())?;
    }
    let script = response.script.as_deref().map_or(&[][..], |script| script);
    let authentication = response.issuer_authentication.as_deref().unwrap_or_default();
    if !authentication.is_empty() || !script.is_empty() {
        writer.field(field::ICC, &chip(authentication, script))?;
    }
    writer.finish()
}

/// Appends the answer to a message that [`incoming`](super::incoming) refused.
///
/// # Errors
/// As [`response()`].
pub fn refusal_response(
    request: &Message<'_>,
    refusal: &Refusal,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    response(request, &Response::bare(refusal.code), out)
}

/// Appends the 0810 that accepts a sign-on, sign-off or echo; DE 70 says which.
///
/// # Errors
/// As [`response()`].
pub fn network_response(request: &Message<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    response(request, &Response::bare(ResponseCode::APPROVED), out)
}

/// DE 54: ledger (01) and available (02) balance of the default account (00), 20 characters each.
/// `None` when a balance has more than 12 digits, since a shortened one would be a lie.
fn additional_amounts(balance: &Balance) -> Option<String> {
    let amounts = [("01", balance.ledger_minor), ("02", balance.available_minor)];
    let fits = amounts.iter().all(|(_, minor)| minor.unsigned_abs() < 1_000_000_000_000);
    let written = amounts.map(|(amount_type, minor)| {
        let sign = if minor < 0 { 'D' } else { 'C' };
        format!("00{amount_type}{:03}{sign}{:012}", balance.currency.numeric(), minor.unsigned_abs())
    });
    fits.then(|| written.concat())
}

/// DE 55 of a response: tag 91, then the script as it is. Tag 8A is left to the terminal, which makes it of DE 39: some
/// networks forbid it here, and none needs it.
fn chip(issuer_authentication: &[u8], script: &[u8]) -> Vec<u8> {
    let mut objects = Vec::with_capacity(2 + issuer_authentication.len() + script.len());
    if !issuer_authentication.is_empty() {
        emv::write_tlv(tag::ISSUER_AUTHENTICATION, issuer_authentication, &mut objects);
    }
    objects.extend_from_slice(script);
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::Currency;

    #[test]
    fn balances() {
        let check = |ledger_minor, available_minor, expect: Option<&str>| {
            let currency = Currency::parse("USD").unwrap();
            let balance = Balance { ledger_minor, available_minor, currency };
            assert_eq!(additional_amounts(&balance).as_deref(), expect);
        };
        check(12_345, 0, Some("0001840C0000000123450002840C000000000000"));
        check(-1, 999_999_999_999, Some("0001840D0000000000010002840C999999999999"));
        check(1_000_000_000_000, 0, None);
        check(0, i64::MIN, None);
    }
}
