//! The core's answers as messages. A response is the request's own elements, copied as they came, and
//! what was decided.

use super::{Conventions, Extras, Refusal, amounts, conventions, icc};
use auth::{Balance, Response};
use card::ResponseCode;
use iso8583::emv::{self, tag};
use iso8583::{EncodeError, Message, MessageWriter, field};

/// Appends the message that answers `request`: its type with the response digit, its TPDU (where the
/// dialect has one) with the addresses swapped, the elements that the dialect's rules repeat, and what
/// was decided: DE 38, 39, 54 and 55; DE 4 of an approval in part; of what was converted DE 5, 6, 9, 10, 50 and 51; the
/// lines of a mini statement.
///
/// # Errors
/// When a value of the core does not fit the dialect; nothing is appended then.
pub fn response(request: &Message<'_>, response: &Response, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    response_with(&Conventions::default(), request, response, &Extras::default(), out)
}

/// The same on a link that has these conventions, with what the listener's answers carry beside that.
///
/// # Errors
/// As [`response()`].
pub fn response_with(
    conventions: &Conventions,
    request: &Message<'_>,
    response: &Response,
    extras: &Extras,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::respond(out, request)?;
    if let Some(minor) = response.approved_minor {
        writer.number(field::AMOUNT, minor.unsigned_abs())?;
    }
    // Data elements are written in ascending order, and these have their places by configuration.
    let lines = response.statement.as_ref().map(|lines| conventions::statement(lines));
    let mut extras: Vec<(u8, String)> = extras
        .answers(&response.told)
        .filter(|(field, _)| lines.is_none() || *field != conventions.statement_field)
        .collect();
    extras.extend(lines.map(|lines| (conventions.statement_field, lines)));
    extras.sort_by_key(|(field, _)| *field);
    let mut extras = extras.into_iter().peekable();
    let mut extras_below = |field: u8, writer: &mut MessageWriter<'_>| {
        while let Some((extra, value)) = extras.next_if(|(extra, _)| *extra < field) {
            writer.field(extra, value.as_bytes())?;
        }
        Ok(())
    };
    let billing = response.billing.as_deref();
    writer.fields(amounts::of_response(request, billing))?;
    extras_below(field::AUTHORIZATION_ID, &mut writer)?;
    if let Some(id) = &response.authorization_id {
        writer.field(field::AUTHORIZATION_ID, id)?;
    }
    writer.field(field::RESPONSE_CODE, response.code.as_bytes())?;
    extras_below(field::CURRENCY_SETTLEMENT, &mut writer)?;
    writer.fields(amounts::currencies_of_response(request, billing))?;
    extras_below(field::ADDITIONAL_AMOUNTS, &mut writer)?;
    let asked = response.approved_minor.and(conventions.original_amount_type);
    let asked = asked.and_then(|amount_type| original_amount(request, amount_type));
    let amounts = response.balance.and_then(|balance| additional_amounts(&balance)).or(asked);
    if let Some(amounts) = amounts {
        writer.field(field::ADDITIONAL_AMOUNTS, amounts.as_bytes())?;
    }
    let script = response.script.as_deref().map_or(&[][..], |script| script);
    let authentication = response.issuer_authentication.as_deref().unwrap_or_default();
    if !authentication.is_empty() || !script.is_empty() {
        let objects = chip(authentication, script);
        writer.field(field::ICC, &icc::value(request.dialect(), &objects))?;
    }
    extras_below(u8::MAX, &mut writer)?;
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

/// What was asked for, where less is approved: `None` where the message's currency has no number.
fn original_amount(request: &Message<'_>, amount_type: [u8; 2]) -> Option<String> {
    let (minor, currency) = (request.number(field::AMOUNT)?, request.number(field::CURRENCY)?);
    Some(format!("00{}{currency:03}C{minor:012}", amount_type.escape_ascii()))
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
        // A credit account of 1000.00 with 300.00 spent: the ledger is against the cardholder, the rest for them.
        check(-30_000, 70_000, Some("0001840D0000000300000002840C000000070000"));
        // Overdrawn beyond its line, as an offline approval may leave it.
        check(-110_000, -10_000, Some("0001840D0000001100000002840D000000010000"));
        check(1_000_000_000_000, 0, None);
        check(0, i64::MIN, None);
    }
}
