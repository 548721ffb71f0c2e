//! As [`values`](super::values), which comes first: money that goes between the accounts of two shards.

use super::values;
use auth::{
    AccountId, LinkName, Record, Remittance, RemittanceForgotten, RemittanceNumber, RemittanceOutcome,
    Reversed, SentRemittance, TransactionId,
};
use card::{Currency, Pan, ResponseCode, Time};

/// In an order in which a state can apply them; one of each kind stays open.
pub(super) fn records() -> Vec<Record> {
    let sent = |number| {
        let remittance = remittance(number);
        let Remittance { transaction, pan, time, .. } = remittance;
        let (remaining_minor, origin, shares) = (7_000, Some(values::origin()), Some(values::shares()));
        let reversal = Reversed { transaction, pan, time, remaining_minor, origin, shares };
        Record::RemittanceSent(Box::new(SentRemittance { remittance, reversal }))
    };
    let outcome = |number: u32, code| {
        Box::new(RemittanceOutcome { remittance: remittance(number), time: time(8_001), code })
    };
    let forgotten = RemittanceForgotten {
        number: remittance(1).number,
        transaction: remittance(1).transaction,
        pan: remittance(1).pan,
        time: time(8_002),
        account: remittance(1).account,
    };
    vec![
        sent(1),
        sent(2),
        Record::RemittanceTaken(outcome(1, ResponseCode::APPROVED)),
        Record::RemittanceTaken(outcome(2, ResponseCode::INSUFFICIENT_FUNDS)),
        Record::RemittanceSettled(outcome(1, ResponseCode::APPROVED)),
        Record::RemittanceForgotten(Box::new(forgotten)),
    ]
}

/// Odd ones give, even ones take back.
fn remittance(number: u32) -> Remittance {
    let gives = !number.is_multiple_of(2);
    Remittance {
        number: RemittanceNumber(u64::from(number) * 64),
        transaction: TransactionId::new(u64::from(number) * 64).unwrap(),
        pan: Pan::with_check_digit(format!("400000{number:09}").as_bytes()).unwrap(),
        time: time(8_000),
        link: LinkName::new("pos").unwrap(),
        payer: AccountId::new("SAVED").unwrap(),
        account: AccountId::new("CREDIT").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        minor: if gives { 12_345 } else { -345 },
        forced: !gives,
    }
}

fn time(second: i64) -> Time {
    Time::from_unix_ms(1_795_700_000_000 + second * 1_000)
}
