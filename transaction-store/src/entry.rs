use auth::{
    Billing, Check, EntryMode, Funds, MessageClass, Receipt, Record, Shares, Step, Transaction,
    TransactionId, TransactionStatus, TransactionType, Verdict,
};
use card::{Amount, CivilDay, Currency, ResponseCode, Stan, Time};
use serde_json::{Value, json};
use std::fmt::Write;

/// One transaction with what came after it, as people see it: no clear card number.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number.
    pub id: TransactionId,
    /// When it was decided.
    pub time: Time,
    /// Business day it counts for, `YYYY-MM-DD`.
    pub business_day: String,
    /// Acquiring link.
    pub link: String,
    /// Terminal or ATM.
    pub terminal: String,
    /// Merchant.
    pub merchant: Option<String>,
    /// Merchant category code, 0 when not sent.
    pub mcc: u16,
    /// Message class.
    pub class: MessageClass,
    /// What was asked.
    pub transaction: TransactionType,
    /// Masked card number.
    pub pan: String,
    /// STAN.
    pub stan: Stan,
    /// RRN without spaces around it.
    pub rrn: Option<String>,
    /// Amount, minor units of `currency`.
    pub amount_minor: i64,
    /// ISO 4217 numeric code as sent.
    pub currency: u16,
    /// How the card was read.
    pub entry_mode: EntryMode,
    /// The answer.
    pub code: ResponseCode,
    /// DE 38.
    pub authorization_id: Option<String>,
    /// The account, once the card was found.
    pub account: Option<String>,
    /// Masked number of the token that came in the place of the card.
    pub token: Option<String>,
    /// What came of comparing the address.
    pub address_result: Option<String>,
    /// What came of the printed value.
    pub cvv2_result: Option<String>,
    /// What whoever kept the card is to get.
    pub reward: Option<String>,
    /// By what the cardholder was verified, once that was judged.
    pub verification: Option<String>,
    /// Notes to dispense, by cassette type 1 to 4.
    pub notes: Option<[u8; 4]>,
    /// Version of the tables it was decided under.
    pub tables_version: u32,
    /// Why.
    pub receipt: Receipt,
    /// Where it stands now.
    pub status: TransactionStatus,
    /// What of it stands now, minor units of the account: held or posted.
    pub standing_minor: i64,
    /// Conversion, fee and settlement, where the account does not pay the amount and nothing else.
    pub billing: Option<Billing>,
    /// What came after, oldest first.
    pub events: Vec<Event>,
}

/// Something that happened to a decided transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: Time,
    /// What.
    pub kind: EventKind,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Given back, down to this many minor units.
    Reversed(i64),
    /// The ATM dispensed this many minor units.
    Dispensed(i64),
    /// The ATM could not say what it dispensed.
    Suspect,
    /// The hold ran out.
    HoldExpired,
    /// A completion has posted what was held; so much of it stays counted against limits, minor units.
    Released(i64),
    /// The account that it gives to got this many minor units; negative where they were taken back.
    Credited(i64),
    /// This many minor units are on their way to the account that it gives to, in another shard; negative where they are
    /// asked back.
    Sent(i64),
    /// The account of another shard did not take them, or did not give them back.
    NotTaken(i64),
}

impl EventKind {
    /// The word in column `event`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            EventKind::Reversed(_) => "reversed",
            EventKind::Dispensed(_) => "dispensed",
            EventKind::Suspect => "suspect",
            EventKind::HoldExpired => "expired",
            EventKind::Released(_) => "released",
            EventKind::Credited(_) => "credited",
            EventKind::Sent(_) => "sent",
            EventKind::NotTaken(_) => "not_taken",
        }
    }

    /// Whether it is about the account that a transfer gives to, and not about where the transfer stands.
    pub(crate) fn is_of_other_side(self) -> bool {
        matches!(self, EventKind::Credited(_) | EventKind::Sent(_) | EventKind::NotTaken(_))
    }

    /// The value in column `minor`.
    #[must_use]
    pub fn minor(self) -> Option<i64> {
        match self {
            EventKind::Reversed(minor)
            | EventKind::Dispensed(minor)
            | EventKind::Released(minor)
            | EventKind::Credited(minor)
            | EventKind::Sent(minor)
            | EventKind::NotTaken(minor) => Some(minor),
            EventKind::Suspect | EventKind::HoldExpired => None,
        }
    }

    pub(crate) fn parse(word: &str, minor: Option<i64>) -> Option<EventKind> {
        match (word, minor) {
            ("reversed", Some(minor)) => Some(EventKind::Reversed(minor)),
            ("dispensed", Some(minor)) => Some(EventKind::Dispensed(minor)),
            ("suspect", None) => Some(EventKind::Suspect),
            ("expired", None) => Some(EventKind::HoldExpired),
            ("released", Some(minor)) => Some(EventKind::Released(minor)),
            ("credited", Some(minor)) => Some(EventKind::Credited(minor)),
            ("sent", Some(minor)) => Some(EventKind::Sent(minor)),
            ("not_taken", Some(minor)) => Some(EventKind::NotTaken(minor)),
            _ => None,
        }
    }

    /// Where a transaction stands after this, of which `standing_minor` stood before.
    #[must_use]
    pub fn leads_to(self, standing_minor: i64) -> (TransactionStatus, i64) {
        match self {
            EventKind::Reversed(0) | EventKind::Dispensed(0) => (TransactionStatus::Reversed, 0),
            EventKind::Reversed(remaining) => (TransactionStatus::PartlyReversed, remaining),
            EventKind::Dispensed(minor) => (TransactionStatus::Completed, minor),
            EventKind::Suspect => (TransactionStatus::Suspect, standing_minor),
            EventKind::HoldExpired => (TransactionStatus::Expired, 0),
            EventKind::Released(_) => (TransactionStatus::Completed, 0),
            // Say nothing of where the transaction stands, so nobody asks.
            EventKind::Credited(_) | EventKind::Sent(_) | EventKind::NotTaken(_) => {
                (TransactionStatus::Approved, standing_minor)
            }
        }
    }
}

impl Event {
    /// The event that a record tells, and of which transaction; `None` for records of other kinds.
    #[must_use]
    pub fn of(record: &Record) -> Option<(TransactionId, Event)> {
        let (id, time, kind) = match record {
            Record::Reversed(reversed) => {
                (reversed.transaction, reversed.time, EventKind::Reversed(reversed.remaining_minor))
            }
            Record::Completed(completed) => {
                let kind = completed.dispensed_minor.map_or(EventKind::Suspect, EventKind::Dispensed);
                (completed.transaction, completed.time, kind)
            }
            Record::HoldExpired(expired) => (expired.transaction, expired.time, EventKind::HoldExpired),
            Record::HoldReleased(released) => {
                (released.transaction, released.time, EventKind::Released(released.kept_minor))
            }
            Record::Credited(credited) => {
                (credited.transaction, credited.time, EventKind::Credited(credited.minor))
            }
            Record::RemittanceSent(sent) => {
                let sent = &sent.remittance;
                (sent.transaction, sent.time, EventKind::Sent(sent.minor))
            }
            Record::RemittanceTaken(outcome) => {
                let minor = outcome.remittance.minor;
                let kind = match outcome.code.is_approval() {
                    true => EventKind::Credited(minor),
                    false => EventKind::NotTaken(minor),
                };
                (outcome.remittance.transaction, outcome.time, kind)
            }
            _ => return None,
        };
        Some((id, Event { time, kind }))
    }

    /// What stands after it, beside the sum, where the record says.
    pub(crate) fn shares(record: &Record) -> Option<Shares> {
        match record {
            Record::Reversed(reversed) => reversed.shares,
            Record::Completed(completed) => completed.shares,
            _ => None,
        }
    }
}

impl Entry {
    /// A decision, with nothing after it yet.
    #[must_use]
    pub fn new(transaction: &Transaction) -> Entry {
        let (status, standing_minor) = standing(transaction);
        let authorization_id = transaction.authorization_id;
        Entry {
            id: transaction.id,
            time: transaction.time,
            business_day: day_text(transaction.business_day),
            link: transaction.link.as_str().to_owned(),
            terminal: transaction.terminal.as_str().to_owned(),
            merchant: transaction.merchant.as_ref().map(|merchant| merchant.as_str().to_owned()),
            mcc: transaction.mcc,
            class: transaction.class,
            transaction: transaction.transaction,
            pan: transaction.pan.to_string(),
            stan: transaction.stan,
            rrn: transaction.rrn.as_ref().map(|rrn| rrn.as_str().trim().to_owned()),
            amount_minor: transaction.amount_minor,
            currency: transaction.currency,
            entry_mode: transaction.entry,
            code: transaction.code,
            authorization_id: authorization_id.map(|id| String::from_utf8_lossy(&id).into_owned()),
            account: transaction.account.map(|account| account.as_str().to_owned()),
            address_result: transaction.details.told.address.map(|result| result.as_str().to_owned()),
            cvv2_result: transaction.details.told.cvv2.map(|result| result.as_str().to_owned()),
            token: transaction.details.token.map(|token| token.0.to_string()),
            reward: transaction.details.told.reward.map(|reward| reward.to_string()),
            verification: transaction.details.verification.map(|found| found.as_str().to_owned()),
            notes: transaction.cash.and_then(|cash| cash.notes),
            tables_version: transaction.tables_version,
            receipt: transaction.receipt.clone(),
            status,
            standing_minor,
            billing: transaction.details.billing.as_deref().cloned(),
            events: Vec::new(),
        }
    }

    /// Adds what came after.
    pub fn add(&mut self, event: Event) {
        self.events.push(event);
        if event.kind.is_of_other_side() {
            return;
        }
        (self.status, self.standing_minor) = event.kind.leads_to(self.standing_minor);
    }

    /// An amount of this transaction for people; the bare number when the currency does not exist.
    #[must_use]
    pub fn amount(&self, minor: i64) -> String {
        amount_in(self.currency, minor)
    }

    /// An amount in the currency of the account for people.
    #[must_use]
    pub fn account_amount(&self, minor: i64) -> String {
        amount_in(self.account_currency(), minor)
    }

    /// ISO 4217 number of the account's currency, as far as it was found: the receipt of what was converted, or could
    /// not be, says it.
    fn account_currency(&self) -> u16 {
        let stated = |check: &&Check| check.step == Step::Currency && check.limit != 0;
        let converted = self.receipt.checks.iter().find(stated);
        let converted = converted.and_then(|check| u16::try_from(check.limit).ok());
        let billed = self.billing.as_ref().map(|billing| billing.currency.numeric());
        billed.or(converted).unwrap_or(self.currency)
    }

    /// The entry without its receipt, PAN masked.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id.number(),
            "time": self.time.to_string(),
            "link": self.link,
            "terminal": self.terminal,
            "merchant": self.merchant,
            "pan": self.pan,
            "stan": self.stan.to_string(),
            "rrn": self.rrn,
            "transaction": self.transaction.as_str(),
            "class": self.class,
            "entry_mode": self.entry_mode.as_str(),
            "amount_minor": self.amount_minor,
            "currency": format!("{:03}", self.currency),
            "approved": self.code.is_approval(),
            "code": self.code.as_str(),
            "meaning": self.code.meaning(),
            "capture": self.code.is_capture(),
            "reward": self.reward,
            "verification": self.verification,
            "token": self.token,
            "address_result": self.address_result,
            "cvv2_result": self.cvv2_result,
            "authorization_id": self.authorization_id,
            "status": self.status.as_str(),
            "standing_minor": self.standing_minor,
            "notes": self.notes,
            "account": self.account,
            "billing": self.billing.as_ref().map(billing_json),
        })
    }
}

/// Where a transaction stands when it is decided, and what of it, minor units.
pub(crate) fn standing(transaction: &Transaction) -> (TransactionStatus, i64) {
    let minor = match transaction.funds {
        Funds::None => 0,
        Funds::Held { minor, .. } | Funds::Posted { minor } => minor,
    };
    let approved = transaction.code.is_approval();
    (if approved { TransactionStatus::Approved } else { TransactionStatus::Declined }, minor)
}

/// What the account pays and what the link is owed.
fn billing_json(billing: &Billing) -> Value {
    let settlement = &billing.settlement;
    json!({
        "amount_minor": billing.amount_minor,
        "currency": format!("{:03}", billing.currency.numeric()),
        "rate": billing.rate.map(|rate| rate.to_string()),
        "by_network": billing.by_network,
        "surcharge_minor": billing.surcharge_minor,
        "fee": billing.charge.as_ref().map(|charge| charge.fee.as_str()),
        "fee_minor": billing.charge.as_ref().map_or(0, |charge| charge.minor),
        "settlement_minor": settlement.minor,
        "settlement_currency": format!("{:03}", settlement.currency.numeric()),
        "settlement_rate": settlement.rate.map(|rate| rate.to_string()),
    })
}

fn amount_in(currency: u16, minor: i64) -> String {
    match Currency::from_numeric(currency) {
        Ok(currency) => Amount::new(minor, currency).to_string(),
        Err(_) => format!("{minor} (minor units of {currency:03})"),
    }
}

/// As column `billing` keeps it: what a recall needs and no column says.
pub(crate) fn billing_bytes(billing: &Billing) -> Vec<u8> {
    postcard::to_stdvec(billing).unwrap_or_default()
}

/// Reads what [`billing_bytes`] wrote.
pub(crate) fn read_billing(bytes: &[u8]) -> Option<Billing> {
    postcard::from_bytes(bytes).ok()
}

/// `YYYY-MM-DD`.
pub(crate) fn day_text(day: CivilDay) -> String {
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

/// The word in column `class`.
pub(crate) fn class_word(class: MessageClass) -> &'static str {
    match class {
        MessageClass::Authorization => "authorization",
        MessageClass::Financial => "financial",
        MessageClass::Advice => "advice",
        MessageClass::AuthorizationAdvice => "authorization_advice",
    }
}

/// The status of a word in column `status`.
pub(crate) fn parse_status(word: &str) -> Option<TransactionStatus> {
    use TransactionStatus::{Approved, Completed, Declined, Expired, PartlyReversed, Reversed, Suspect};
    let all = [Declined, Approved, PartlyReversed, Reversed, Completed, Suspect, Expired];
    all.into_iter().find(|status| status.as_str() == word)
}

/// Writes a receipt as JSON: for each check `[step, verdict, seen, limit, code]`, zeros at the end left out.
pub(crate) fn write_receipt(receipt: &Receipt, out: &mut String) {
    out.clear();
    out.push('[');
    for (place, check) in receipt.checks.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        let (step, Check { seen, limit, .. }) = (check.step as usize, check);
        let verdict = match check.verdict {
            Verdict::Passed => 0,
            Verdict::Failed(_) => 1,
            Verdict::Skipped => 2,
            Verdict::Noted => 3,
        };
        // Writing into a String cannot fail.
        let _ = match (check.verdict, verdict, *seen, *limit) {
            (Verdict::Failed(code), ..) => {
                write!(out, "[{step},{verdict},{seen},{limit},\"{}\"]", code.as_str())
            }
            (_, 0, 0, 0) => write!(out, "[{step}]"),
            (_, _, 0, 0) => write!(out, "[{step},{verdict}]"),
            (_, _, _, 0) => write!(out, "[{step},{verdict},{seen}]"),
            _ => write!(out, "[{step},{verdict},{seen},{limit}]"),
        };
    }
    out.push(']');
}

/// Reads what [`write_receipt`] wrote.
pub(crate) fn read_receipt(text: &str) -> Option<Receipt> {
    let lines: Vec<Vec<Value>> = serde_json::from_str(text).ok()?;
    let check = |line: &Vec<Value>| {
        let number = |place: usize| line.get(place).map_or(Some(0), Value::as_i64);
        let step = *Step::ALL.get(usize::try_from(number(0)?).ok()?)?;
        let verdict = match number(1)? {
            0 => Verdict::Passed,
            1 => Verdict::Failed(ResponseCode::parse(line.get(4)?.as_str()?.as_bytes())?),
            2 => Verdict::Skipped,
            3 => Verdict::Noted,
            _ => return None,
        };
        Some(Check { step, verdict, seen: number(2)?, limit: number(3)? })
    };
    let checks: Option<Vec<Check>> = lines.iter().map(check).collect();
    Some(Receipt { checks: checks? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_come_back() {
        let mut receipt = Receipt::default();
        receipt.pass(Step::Terminal, 0, 0);
        receipt.pass(Step::Amount, 1999, 0);
        receipt.pass(Step::Funds, 1999, -5);
        receipt.pass(Step::Atc, 0, 7);
        receipt.skip(Step::Cvv);
        receipt.note(Step::Policy, i64::MIN, i64::MAX);
        let code = ResponseCode::parse(b"N7").unwrap();
        receipt.checks.push(Check { step: Step::Cvv, verdict: Verdict::Failed(code), seen: 0, limit: 0 });
        let mut text = String::new();
        write_receipt(&receipt, &mut text);
        assert_eq!(read_receipt(&text).unwrap(), receipt, "{text}");
        for bad in ["", "[[255]]", "[[0,9]]", "[[0,1]]", "[[0,1,0,0,\"\"]]", "{}"] {
            assert!(read_receipt(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_step_stands_at_its_own_place() {
        for (place, step) in Step::ALL.iter().enumerate() {
            assert_eq!(*step as usize, place);
        }
    }
}
