//! The stored form of a record: one byte of format version, then the record in postcard encoding
//! (variable-length integers, fields in order of declaration, no names), but for the receipt of a decision
//! (`record/receipt.rs`).

mod head;
mod receipt;
mod v1;
mod v2;

use crate::{Rejected, stored_form};
use auth::{Details, Receipt, Record};
use serde::Deserialize;

/// Version of the stored form. A change of [`Record`] that is more than a new variant at the end
/// needs a new number and a reader for this one.
const RECORD_VERSION: u8 = 3;

/// Appends the stored form of a record. It holds a clear PAN, so it may only go where a journal
/// seals it.
///
/// # Panics
/// Never for a [`Record`]: every type in it has a stored form, and `out` grows as needed.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    match record {
        Record::Decided(transaction) => {
            out.extend_from_slice(&[RECORD_VERSION, DECIDED]);
            head::append(transaction, out);
            receipt::append(&transaction.receipt, out);
        }
        other => {
            out.push(RECORD_VERSION);
            stored_form::append(other, out);
        }
    }
}

/// Reads what [`encode_record`] wrote, in this version and those before it.
///
/// # Errors
/// When the version is unknown or the bytes are no record.
pub fn decode_record(bytes: &[u8]) -> Result<Record, Rejected> {
    match bytes.split_first() {
        Some((&RECORD_VERSION, [DECIDED, body @ ..])) => {
            let (without_receipt, rest) = decision(body)?;
            let receipt = receipt::read(rest).ok_or(Rejected("a record's receipt cannot be read"))?;
            Ok(without_receipt(receipt))
        }
        Some((&RECORD_VERSION, body)) => whole(body),
        Some((2, body)) => whole::<v2::RecordV2>(body).map(Record::from),
        Some((1, body)) => whole::<v1::RecordV1>(body).map(Record::from),
        Some(_) => Err(Rejected("a record has a version that this program does not know; use a newer one")),
        None => Err(Rejected("a record is empty")),
    }
}

/// As [`decode_record`], without the receipt of a decision, which takes a third of the time and which no state
/// asks for.
///
/// # Errors
/// As [`decode_record`], but what is wrong with a receipt is not found.
pub fn decode_without_receipt(bytes: &[u8]) -> Result<Record, Rejected> {
    let [RECORD_VERSION, DECIDED, body @ ..] = bytes else { return decode_record(bytes) };
    decision(body).map(|(without_receipt, _)| without_receipt(Receipt::default()))
}

/// A decision that waits for its receipt, and where that lies.
fn decision(body: &[u8]) -> Result<(impl FnOnce(Receipt) -> Record, &[u8]), Rejected> {
    let ((head, details, tables_version), rest) =
        postcard::take_from_bytes::<(head::Head, Details, u32)>(body)
            .map_err(|_| Rejected("a record cannot be read"))?;
    let record = move |receipt| Record::Decided(Box::new(head.with(details, tables_version, receipt)));
    Ok((record, rest))
}

/// The number of [`Record::Decided`] in the stored form.
const DECIDED: u8 = 2;

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
    use auth::{
        Account, AccountId, AccountKind, Balance, Booking, Card, CardStatus, ContactlessUse, Count, Counted,
        CustomerId, EntryMode, Funds, HolderVerification, IssuerAuthentication, LimitId, LinkName,
        MessageClass, PinReference, RewardCode, Scope, Step, TokenNumber, Told, Transaction, TransactionId,
        TransactionType, TransmissionTime, Window,
    };
    use card::{CivilDay, Currency, Expiry, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};

    #[test]
    fn a_decision_is_stored_as_postcard_would_up_to_its_receipt() {
        for transaction in [decided(), held_and_little_else()] {
            let mut bytes = Vec::new();
            encode_record(&Record::Decided(Box::new(transaction.clone())), &mut bytes);
            let bare = Transaction { receipt: Receipt::default(), ..transaction.clone() };
            let mut expected = postcard::to_stdvec(&Record::Decided(Box::new(bare))).unwrap();
            assert_eq!(expected.pop(), Some(0));
            assert!(bytes[1..].starts_with(&expected));
            assert_eq!(decode_record(&bytes), Ok(Record::Decided(Box::new(transaction))));
        }
    }

    fn held_and_little_else() -> Transaction {
        Transaction {
            merchant: Some(MerchantId::new(b"SHOP").unwrap()),
            rrn: Some(Rrn::parse(b"123456789012").unwrap()),
            authorization_id: None,
            issuer_authentication: Some(IssuerAuthentication::try_from(&b"12345678"[..]).unwrap()),
            balance: Some(Balance {
                ledger_minor: -7,
                available_minor: 1 << 40,
                currency: Currency::parse("USD").unwrap(),
            }),
            account: None,
            funds: Funds::Held { minor: -300, expires: Some(Time::from_unix_ms(1_795_444_215_001)) },
            pin_tries_used: None,
            atc: None,
            flags: u64::MAX,
            details: Details { contactless: Some(ContactlessUse::Resets), ..Details::default() },
            ..decided()
        }
    }

    #[test]
    fn without_its_receipt_a_decision_is_the_same() {
        let mut transaction = decided();
        let mut bytes = Vec::new();
        encode_record(&Record::Decided(Box::new(transaction.clone())), &mut bytes);
        assert_eq!(decode_record(&bytes), Ok(Record::Decided(Box::new(transaction.clone()))));
        transaction.receipt = Receipt::default();
        assert_eq!(decode_without_receipt(&bytes), Ok(Record::Decided(Box::new(transaction))));
        for length in 0..bytes.len() / 2 {
            assert!(decode_without_receipt(&bytes[..length]).is_err());
        }
    }

    fn decided() -> Transaction {
        let mut receipt = Receipt::default();
        receipt.pass(Step::Funds, 12, 34);
        receipt.skip(Step::Cvv);
        Transaction {
            id: TransactionId::new(128).unwrap(),
            time: Time::from_unix_ms(1_795_444_215_000),
            business_day: CivilDay { year: 2026, month: 11, day: 23 },
            link: LinkName::new("pos").unwrap(),
            terminal: TerminalId::new(b"TERM0001").unwrap(),
            merchant: None,
            mcc: 5411,
            class: MessageClass::Financial,
            transaction: TransactionType::Purchase,
            pan: Pan::parse(b"4000001234567899").unwrap(),
            stan: Stan::new(77).unwrap(),
            rrn: None,
            transmission: TransmissionTime(1_123_143_015),
            amount_minor: -1,
            currency: 840,
            entry: EntryMode::Chip,
            code: ResponseCode::APPROVED,
            authorization_id: Some(*b"000002"),
            issuer_authentication: None,
            balance: None,
            account: AccountId::new("ACC-1"),
            funds: Funds::Posted { minor: 12 },
            pin_tries_used: Some(0),
            atc: Some(9),
            cash: None,
            flags: 3,
            details: Details {
                counted: Counted::new(&[Count {
                    scope: Scope::Terminal,
                    limit: LimitId::of("evening"),
                    window: Window::WEEK,
                }]),
                customer: CustomerId::new("C-1"),
                billing: None,
                booking: Some(Box::new(Booking { cash_minor: 500, ..Booking::default() })),
                told: Told {
                    reward: RewardCode::parse("R1"),
                    address: Some(auth::AddressResult::PostalCode),
                    cvv2: None,
                },
                token: Some(TokenNumber(Pan::parse(b"4899001234567892").unwrap())),
                wrong_cvv2s: Some(2),
                traces: auth::Traces { ip: Some(u64::MAX), email: None, address: Some(0) },
                verification: Some(HolderVerification::Device),
                contactless: Some(ContactlessUse::Counts(4_990)),
                new_pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"5678" }),
            },
            tables_version: 5,
            receipt,
        }
    }

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
                customer: None,
                home: None,
                customer_home: None,
            }),
            Record::CardStored(Card {
                pan: Pan::parse(b"4000001234567899").unwrap(),
                expiry: Expiry::parse_yymm(b"2812").unwrap(),
                start: None,
                status: CardStatus::Active,
                card_sequence: Some(1),
                account,
                pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
                further: Box::default(),
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
