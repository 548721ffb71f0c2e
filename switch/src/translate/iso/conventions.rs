//! What links do in their own way where the standard leaves it open, or where its documents are not public.
//!
//! | What | Usual here | Where it is from |
//! | --- | --- | --- |
//! | DE 3, positions 1 and 2 | 00, 01, 09, 17, 20, 21, 30, 31, 38, 39, 40, 50 | the standard and common use; 33 for account verification, 38 and 39 for mini statements are our choice |
//! | which earlier message is meant | DE 90, else DE 38 | DE 37 only where configured, since every message has one |
//! | that the terminal takes a part | DE 60 begins with `PA1` | our choice; each network has a place of its own |
//! | lines of a mini statement | DE 48, 20 characters each | our choice |
//! | where a transfer goes | DE 103: a card number, or an account number | |

use super::{FieldPath, Refusal};
use auth::{
    AccountType, Destination, EntryMode, Reference, StatementLine, TransactionType, TransmissionTime,
};
use card::{Pan, Rrn, Stan};
use iso8583::{Message, field};

/// The conventions of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// Transaction types whose code (DE 3, positions 1 and 2) is not the usual one; the first that matches counts.
    pub transaction_types: Vec<([u8; 2], TransactionType)>,
    /// Account types likewise.
    pub account_types: Vec<([u8; 2], AccountType)>,
    /// Ways of reading a card that the standard's codes of DE 22 do not tell; the first that matches counts, before
    /// DE 22.
    pub entry_modes: Vec<EntryCode>,
    /// What names the earlier transaction that a message is about.
    pub refers_by: Vec<ReferredBy>,
    /// By what a terminal says that it takes less than it asks for; `None` where none does.
    pub partial_flag: Option<Flag>,
    /// Amount type in DE 54 under which an approval in part repeats what was asked for; `None` leaves it out.
    pub original_amount_type: Option<[u8; 2]>,
    /// The element of a mini statement's lines.
    pub statement_field: u8,
    /// Whether an authorization of a purchase for nothing (DE 4 zero) asks whether the account is in order.
    pub zero_amount_verifies: bool,
}

/// What names an earlier transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferredBy {
    /// DE 90: its STAN and transmission time.
    OriginalData,
    /// DE 38: its approval code.
    AuthorizationId,
    /// DE 37: its reference number.
    Rrn,
}

/// A way of reading a card by what a network has somewhere: in DE 22, 60 or 61.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCode {
    /// Where it stands.
    pub place: FieldPath,
    /// What stands there.
    pub code: String,
    /// What that means.
    pub mode: EntryMode,
}

/// A mark in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The element.
    pub field: u8,
    /// From which character on, from 1.
    pub position: usize,
    /// What stands there.
    pub value: String,
}

impl Default for Conventions {
    fn default() -> Conventions {
        Conventions {
            transaction_types: Vec::new(),
            account_types: Vec::new(),
            entry_modes: Vec::new(),
            refers_by: vec![ReferredBy::OriginalData, ReferredBy::AuthorizationId],
            partial_flag: Some(Flag { field: field::PRIVATE_60, position: 1, value: "PA1".to_owned() }),
            original_amount_type: None,
            statement_field: field::ADDITIONAL_PRIVATE,
            zero_amount_verifies: false,
        }
    }
}

/// Usual codes of DE 3.
const TYPES: [([u8; 2], TransactionType); 13] = [
    (*b"00", TransactionType::Purchase),
    (*b"01", TransactionType::Withdrawal),
    (*b"09", TransactionType::Cashback),
    (*b"17", TransactionType::CashAdvance),
    (*b"20", TransactionType::Refund),
    (*b"21", TransactionType::Deposit),
    (*b"30", TransactionType::BalanceInquiry),
    (*b"31", TransactionType::BalanceInquiry),
    (*b"33", TransactionType::Verification),
    (*b"38", TransactionType::MiniStatement),
    (*b"39", TransactionType::MiniStatement),
    (*b"40", TransactionType::Transfer),
    (*b"50", TransactionType::Payment),
];

impl Conventions {
    /// How the card was read, where this link has a code of its own for it.
    pub(super) fn entry_mode(&self, message: &Message<'_>) -> Option<EntryMode> {
        let stands = |known: &&EntryCode| {
            known.place.find(message).is_some_and(|found| found == known.code.as_bytes())
        };
        self.entry_modes.iter().find(stands).map(|known| known.mode)
    }

    /// DE 3, positions 1 and 2.
    pub(super) fn transaction_type(&self, code: [u8; 2]) -> TransactionType {
        let mut known = self.transaction_types.iter().chain(&TYPES);
        known.find(|(known, _)| *known == code).map_or(TransactionType::Unsupported, |(_, of)| *of)
    }

    /// DE 3, positions 3 and 4, or 5 and 6.
    pub(super) fn account_type(&self, code: [u8; 2]) -> AccountType {
        if let Some((_, own)) = self.account_types.iter().find(|(known, _)| *known == code) {
            return *own;
        }
        match &code {
            b"00" => AccountType::Default,
            b"10" => AccountType::Savings,
            b"20" => AccountType::Cheque,
            b"30" => AccountType::Credit,
            _ => AccountType::Unknown,
        }
    }

    /// The earlier transaction that a message names, if it names one.
    pub(super) fn reference(&self, message: &Message<'_>) -> Result<Option<Reference>, Refusal> {
        let mut reference = Reference::default();
        if self.refers_by.contains(&ReferredBy::OriginalData) {
            let (stan, transmission) = super::reversal::original(message)?;
            (reference.stan, reference.transmission) = (stan, transmission);
        }
        if self.refers_by.contains(&ReferredBy::AuthorizationId)
            && let Some(text) = message.value(field::AUTHORIZATION_ID)
        {
            reference.authorization_id = <[u8; 6]>::try_from(&*text).ok().filter(|id| *id != *b"      ");
        }
        if self.refers_by.contains(&ReferredBy::Rrn)
            && let Some(text) = message.value(field::RRN)
        {
            let rrn = Rrn::parse(&text);
            reference.rrn = Some(rrn.map_err(|_| Refusal::illegal(field::RRN, "not 12 letters or digits"))?);
        }
        let named: Option<Stan> = reference.stan;
        let any = named.is_some() || reference.authorization_id.is_some() || reference.rrn.is_some();
        // A time alone names nothing.
        reference.transmission =
            if named.is_some() { reference.transmission } else { TransmissionTime::default() };
        Ok(any.then_some(reference))
    }

    /// Whether the terminal says that it takes less than it asks for.
    pub(super) fn takes_partial(&self, message: &Message<'_>) -> bool {
        let Some(flag) = &self.partial_flag else { return false };
        let Some(text) = message.value(flag.field) else { return false };
        let from = flag.position.saturating_sub(1);
        text.get(from..from + flag.value.len()).is_some_and(|found| found == flag.value.as_bytes())
    }
}

/// Where a transfer goes: DE 103 as a card number where it is one, else as an account number.
pub(super) fn destination(message: &Message<'_>) -> Result<Option<Destination>, Refusal> {
    let Some(text) = message.value(field::ACCOUNT_TO) else { return Ok(None) };
    let pan = Pan::parse(text.trim_ascii()).ok();
    let pan = pan.filter(|pan| (12..=19).contains(&pan.len()) && pan.has_valid_check_digit());
    if let Some(pan) = pan {
        return Ok(Some(Destination::Card(pan)));
    }
    let account = text.as_str().and_then(|text| auth::AccountId::new(text.trim()));
    account
        .map(|account| Some(Destination::Account(account)))
        .ok_or(Refusal::illegal(field::ACCOUNT_TO, "neither a card number nor an account number"))
}

/// The amount of type 40 in DE 54: cash with a purchase, in the currency of the purchase. 0 without one.
pub(super) fn cash_minor(message: &Message<'_>, currency: u16) -> Result<i64, Refusal> {
    let Some(text) = message.value(field::ADDITIONAL_AMOUNTS) else { return Ok(0) };
    let illegal = Refusal::illegal(field::ADDITIONAL_AMOUNTS, "not amounts of 20 characters each");
    let (amounts, []) = text.as_chunks::<20>() else { return Err(illegal) };
    for amount in amounts {
        let [_, _, b'4', b'0', c1, c2, c3, _, digits @ ..] = amount else { continue };
        let stated = [c1, c2, c3].iter().fold(0, |number, digit| number * 10 + u16::from(**digit & 0x0F));
        if stated != currency || ![c1, c2, c3].iter().all(|digit| digit.is_ascii_digit()) {
            let reason = "cash in another currency than DE 49";
            return Err(Refusal::illegal(field::ADDITIONAL_AMOUNTS, reason));
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(illegal);
        }
        return Ok(digits.iter().fold(0, |minor, digit| minor * 10 + i64::from(digit - b'0')));
    }
    Ok(0)
}

/// The lines of a mini statement, newest first, 20 characters each: `MMDD`, transaction type of DE 3 (2), `C` or `D`,
/// minor units of the account (12), `P` posted or `H` held.
pub(super) fn statement(lines: &[StatementLine]) -> String {
    let mut text = String::with_capacity(20 * lines.len());
    for line in lines {
        let code = TYPES.iter().find(|(_, of)| *of == line.transaction).map_or(*b"00", |(code, _)| *code);
        let sign = if line.change_minor < 0 { 'D' } else { 'C' };
        let state = if line.held { 'H' } else { 'P' };
        text += &format!(
            "{:02}{:02}{}{sign}{:012}{state}",
            line.day.month,
            line.day.day,
            code.escape_ascii(),
            line.change_minor.unsigned_abs().min(999_999_999_999),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::CivilDay;

    #[test]
    fn lines_of_a_statement() {
        let line = |transaction, change_minor, held| StatementLine {
            day: CivilDay { year: 2026, month: 11, day: 3 },
            transaction,
            change_minor,
            held,
        };
        let lines =
            [line(TransactionType::Purchase, -1250, true), line(TransactionType::Deposit, 100_000, false)];
        assert_eq!(statement(&lines), "110300D000000001250H110321C000000100000P");
    }

    #[test]
    fn own_codes_come_first() {
        use TransactionType::{Payment, Unsupported};
        let own = Conventions {
            transaction_types: vec![(*b"09", Unsupported), (*b"52", Payment)],
            account_types: vec![(*b"40", AccountType::Default)],
            ..Conventions::default()
        };
        let types = [*b"09", *b"52", *b"50", *b"99"].map(|code| own.transaction_type(code));
        assert_eq!(types, [Unsupported, Payment, Payment, Unsupported]);
        assert_eq!(
            [*b"40", *b"10", *b"41"].map(|code| own.account_type(code)),
            [AccountType::Default, AccountType::Savings, AccountType::Unknown]
        );
    }
}
