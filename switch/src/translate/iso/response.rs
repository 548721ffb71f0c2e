//! The core's answers as messages. A response is the request's own elements, copied as they came, and
//! what was decided.

use super::Refusal;
use auth::{Balance, Response};
use card::ResponseCode;
use iso8583::emv::{self, tag};
use iso8583::{EncodeError, Message, MessageWriter, field};

/// What a response carries, ascending. Elements are echoed where the request has them: what the
/// acquirer matches by and what identifies the transaction. Not echoed are expiry, entry mode,
/// merchant category, tracks, PIN block and everything private: the acquirer knows them, and what is
/// not sent cannot leak.
const RESPONSE: [Part; 23] = [
    Part::Echo(field::PAN),
    Part::Echo(field::PROCESSING_CODE),
    Part::Echo(field::AMOUNT),
    Part::Echo(field::TRANSMISSION_TIME),
    Part::Echo(field::STAN),
    Part::Echo(field::LOCAL_TIME),
    Part::Echo(field::LOCAL_DATE),
    Part::Echo(field::SETTLEMENT_DATE),
    Part::Echo(field::CARD_SEQUENCE),
    Part::Echo(field::NETWORK_ID),
    Part::Echo(field::POS_CONDITION),
    Part::Echo(field::ACQUIRER_ID),
    Part::Echo(field::FORWARDING_ID),
    Part::Echo(field::RRN),
    Part::AuthorizationId,
    Part::ResponseCode,
    Part::Echo(field::TERMINAL_ID),
    Part::Echo(field::MERCHANT_ID),
    Part::Echo(field::CURRENCY),
    Part::Balance,
    Part::Chip,
    Part::Echo(field::NETWORK_MANAGEMENT_CODE),
    Part::Echo(field::ORIGINAL_DATA),
];

enum Part {
    /// Copied from the request, byte by byte.
    Echo(u8),
    /// DE 38.
    AuthorizationId,
    /// DE 39.
    ResponseCode,
    /// DE 54.
    Balance,
    /// DE 55.
    Chip,
}

/// Appends the message that answers `request`: its type with the response digit, its TPDU (where the
/// dialect has one) with the addresses swapped, the elements of the table above.
///
/// # Errors
/// When a value of the core does not fit the dialect; nothing is appended then.
pub fn response(request: &Message<'_>, response: &Response, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let header = request.response_header();
    let mut writer = MessageWriter::begin(out, request.dialect(), &header, request.mti().response())?;
    for part in &RESPONSE {
        part.write(&mut writer, request, response)?;
    }
    writer.finish();
    Ok(())
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

impl Part {
    fn write(
        &self,
        writer: &mut MessageWriter<'_>,
        request: &Message<'_>,
        response: &Response,
    ) -> Result<(), EncodeError> {
        match self {
            Part::Echo(field) => writer.copy(*field, request),
            Part::AuthorizationId => match &response.authorization_id {
                Some(id) => writer.field(field::AUTHORIZATION_ID, id),
                None => Ok(()),
            },
            Part::ResponseCode => writer.field(field::RESPONSE_CODE, response.code.as_bytes()),
            Part::Balance => match response.balance.and_then(|balance| additional_amounts(&balance)) {
                Some(amounts) => writer.field(field::ADDITIONAL_AMOUNTS, amounts.as_bytes()),
                None => Ok(()),
            },
            Part::Chip => match &response.issuer_authentication {
                Some(value) => writer.field(field::ICC, &chip(value)),
                None => Ok(()),
            },
        }
    }
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

/// DE 55 of a response: tag 91 alone. Tag 8A is left to the terminal, which makes it of DE 39: some
/// networks forbid it here, and none needs it.
fn chip(issuer_authentication: &[u8]) -> Vec<u8> {
    let mut objects = Vec::with_capacity(2 + issuer_authentication.len());
    emv::write_tlv(tag::ISSUER_AUTHENTICATION, issuer_authentication, &mut objects);
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
