//! The stored form of a record: one byte of format version, then the record in postcard encoding
//! (variable-length integers, fields in order of declaration, no names).

mod v1;

use crate::Rejected;
use auth::Record;
use serde::Deserialize;

/// Version of the stored form. A change of [`Record`] that is more than a new variant at the end
/// needs a new number and a reader for this one.
const RECORD_VERSION: u8 = 2;

/// Appends the stored form of a record. It holds a clear PAN, so it may only go where a journal
/// seals it.
///
/// # Panics
/// Never for a [`Record`]: every type in it has a stored form, and `out` grows as needed.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    out.push(RECORD_VERSION);
    postcard::to_io(record, out).expect("a record has a stored form and memory takes it");
}

/// Reads what [`encode_record`] wrote, in this version and those before it.
///
/// # Errors
/// When the version is unknown or the bytes are no record.
pub fn decode_record(bytes: &[u8]) -> Result<Record, Rejected> {
    match bytes.split_first() {
        Some((&RECORD_VERSION, body)) => whole(body),
        Some((1, body)) => whole::<v1::RecordV1>(body).map(Record::from),
        Some(_) => Err(Rejected("a record has a version that this program does not know; use a newer one")),
        None => Err(Rejected("a record is empty")),
    }
}

fn whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Rejected> {
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        Ok(_) => Err(Rejected("a record has bytes left over")),
        Err(_) => Err(Rejected("a record cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{Account, AccountId, AccountKind, Card, CardStatus, PinReference};
    use card::{Currency, Expiry, Pan};

    #[test]
    fn records_come_back() {
        let account = AccountId::new("ACC-1").unwrap();
        let usd = Currency::parse("USD").unwrap();
        let records = [
            Record::AccountStored(Account {
                id: account,
                currency: usd,
                kind: AccountKind::Cheque,
                opening_minor: -5,
                credit_line_minor: 10_000,
            }),
            Record::CardStored(Card {
                pan: Pan::parse(b"4000001234567899").unwrap(),
                expiry: Expiry::parse_yymm(b"2812").unwrap(),
                start: None,
                status: CardStatus::Active,
                card_sequence: Some(1),
                account,
                pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
            }),
        ];
        for record in &records {
            let mut bytes = Vec::new();
            encode_record(record, &mut bytes);
            assert_eq!(&decode_record(&bytes).unwrap(), record);
            for length in 0..bytes.len() {
                assert!(decode_record(&bytes[..length]).is_err());
            }
            bytes.push(0);
            assert!(decode_record(&bytes).is_err());
        }
        assert!(decode_record(&[9]).is_err());
    }
}
