//! What a line of a card file says, read by the rules of its product. What is on file is no matter here.

use super::source::{Column, Line};
use super::view::{ACCOUNT_TYPES, major};
use crate::config::LARGEST_MINOR;
use crate::settings::Settings;
use auth::{
    AccountId, AccountPut, AccountTerms, CardChange, CardPut, CardStatus, CustomerId, FurtherAccount,
    PinMethod, PinReference, Product, Tables,
};
use card::{Amount, Currency, Expiry, Pan};
use std::collections::BTreeMap;

/// Shortest card number in use (ISO/IEC 7812-1 numbers of networks have 12 digits or more).
const SHORTEST_PAN: usize = 12;

/// What the configuration says about cards.
#[derive(Clone, Copy)]
pub(crate) struct CardRules<'a> {
    tables: &'a Tables,
    currencies: &'a BTreeMap<String, Currency>,
}

/// Everything that is wrong with a line. Never repeats a cell: in a file with shifted columns any cell
/// may be a card number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<String>);

/// Reads cells, and notes what is wrong with them.
struct Reader<'a> {
    line: &'a Line,
    faults: Faults,
}

impl<'a> CardRules<'a> {
    pub(crate) fn of(settings: &'a Settings) -> CardRules<'a> {
        CardRules { tables: &settings.tables, currencies: &settings.currencies }
    }

    /// The card of a line, as far as it can be read, and what the line asks for. A line without a card number
    /// is about an account.
    pub(crate) fn read(&self, line: &Line, update: bool) -> (Option<Pan>, Result<CardChange, Faults>) {
        let mut reader = Reader { line, faults: Faults::default() };
        if line.cell(Column::Pan).is_none() && line.has_only(&ACCOUNT_COLUMNS) {
            let put = self.account(&mut reader, update);
            return (None, reader.finish(put.map(CardChange::PutAccount)));
        }
        let pan = reader.pan();
        let put = pan.and_then(|pan| self.card(&mut reader, pan, update));
        (pan, reader.finish(put.map(|put| CardChange::Put(Box::new(put)))))
    }

    fn card(&self, reader: &mut Reader<'_>, pan: Pan, update: bool) -> Option<CardPut> {
        let Some(product) = self.tables.product(&pan) else {
            reader.fault("pan: its BIN belongs to no product of the configuration");
            return None;
        };
        // What is on file already may be blocked and changed, however long its number.
        let puts = !update || reader.line.cell(Column::Account).is_some();
        if puts && !product.pan_lengths.iter().any(|length| usize::from(*length) == pan.len()) {
            let lengths: Vec<String> = product.pan_lengths.iter().map(u8::to_string).collect();
            reader.fault(format!("pan: numbers of its product have {} digits", lengths.join(", ")));
        }
        let month = |text: &str| Expiry::parse_yymm(text.as_bytes()).ok();
        let expiry = reader.read(Column::Expiry, || "must be YYMM".into(), month);
        let start = reader.read(Column::Start, || "must be YYMM".into(), month);
        if let (Some(start), Some(expiry)) = (start, expiry)
            && start > expiry
        {
            reader.fault("start: is after the expiry");
        }
        let words = || format!("must be one of {}", CardStatus::ALL.map(CardStatus::as_str).join(", "));
        let status = reader.read(Column::Status, words, CardStatus::parse);
        let card_sequence = reader.read(
            Column::CardSequence,
            || "must be 0 to 99".into(),
            |text| text.parse().ok().filter(|number: &u8| *number <= 99),
        );
        let pin = reader.pin(product);
        let account = reader.account_id();
        // The product's limits are amounts of its currency, so its accounts have that currency.
        let currency = *self.currencies.get(&product.name)?;
        let expected = || format!("must be {currency}, the product's currency");
        reader.read(Column::Currency, expected, |text| {
            Currency::parse(text).ok().filter(|stated| *stated == currency)
        });
        let terms = reader.terms(Some(currency));
        let further = reader.further();
        Some(CardPut { pan, expiry, start, status, card_sequence, pin, account, terms, further, update })
    }

    /// Cards decide the currencies that there are: an account in another one could have none.
    fn account(&self, reader: &mut Reader<'_>, update: bool) -> Option<AccountPut> {
        if reader.line.cell(Column::Account).is_none() {
            reader.fault("pan: is missing");
            return None;
        }
        let known = || {
            let codes: Vec<&str> = self.currencies.values().map(|currency| currency.code()).collect();
            format!("must be that of a product: {}", codes.join(", "))
        };
        let currency = reader.read(Column::Currency, known, |text| {
            Currency::parse(text).ok().filter(|stated| self.currencies.values().any(|known| known == stated))
        });
        let account = reader.account_id()?;
        let needs_currency = [Column::Balance, Column::CreditLine];
        if currency.is_none() && needs_currency.iter().any(|column| reader.line.cell(*column).is_some()) {
            reader.fault("currency: is missing; amounts are read by it");
            return None;
        }
        let terms = reader.terms(currency);
        Some(AccountPut { account, terms, update })
    }
}

/// Which card, or which account, a line wants off the file.
///
/// # Errors
/// Everything that is wrong with the line.
pub(crate) fn removal(line: &Line, accounts: bool) -> Result<CardChange, Faults> {
    let mut reader = Reader { line, faults: Faults::default() };
    if accounts && line.cell(Column::Pan).is_none() && line.cell(Column::Account).is_some() {
        let account = reader.account_id();
        return reader.finish(account.map(CardChange::RemoveAccount));
    }
    let pan = reader.pan();
    reader.finish(pan.map(|pan| CardChange::RemoveCard { pan, with_account: accounts }))
}

const ACCOUNT_COLUMNS: [Column; 7] = [
    Column::Account,
    Column::Currency,
    Column::AccountType,
    Column::Balance,
    Column::CreditLine,
    Column::Customer,
    Column::HomeAccount,
];

impl Reader<'_> {
    fn fault(&mut self, reason: impl Into<String>) {
        self.faults.0.push(reason.into());
    }

    fn finish<T>(self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.faults.0.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }

    /// Reads a cell. `None` when it is empty or wrong, which is noted with what was expected.
    fn read<T>(
        &mut self,
        column: Column,
        expected: impl FnOnce() -> String,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.line.cell(column)?);
        if value.is_none() {
            self.fault(format!("{}: {}", column.name(), expected()));
        }
        value
    }

    fn pan(&mut self) -> Option<Pan> {
        if self.line.cell(Column::Pan).is_none() {
            self.fault("pan: is missing");
        }
        let pan = self.read(
            Column::Pan,
            || "must be 12 to 19 digits".into(),
            |text| Pan::parse(text.as_bytes()).ok().filter(|pan| pan.len() >= SHORTEST_PAN),
        )?;
        if !pan.has_valid_check_digit() {
            self.fault("pan: its check digit is wrong");
        }
        Some(pan)
    }

    /// The PIN's reference value, which must be of the product's method.
    fn pin(&mut self, product: &Product) -> Option<PinReference> {
        let ibm = match &product.pin {
            None => return self.no_pin_cells("the product has no `pin_method`", &PIN_COLUMNS),
            Some(PinMethod::Pvv(_)) => None,
            Some(PinMethod::Ibm(method)) => Some(method),
        };
        if let Some(method) = ibm {
            let reason = "the product verifies PINs by IBM 3624: give `pin_offset`";
            self.no_pin_cells(reason, &[Column::Pvki, Column::Pvv]);
            let shortest = usize::from(method.check_length);
            let expected = || format!("must be {shortest} to 12 digits");
            return self.read(Column::PinOffset, expected, |text| offset(text, shortest));
        }
        self.no_pin_cells("the product verifies PINs by PVV: give `pvki` and `pvv`", &[Column::PinOffset]);
        let digit = |text: &str| text.parse().ok().filter(|index: &u8| *index <= 9);
        let pvki = self.read(Column::Pvki, || "must be 0 to 9".into(), digit);
        let pvv = self.read(
            Column::Pvv,
            || "must be four digits".into(),
            |text| text.as_bytes().try_into().ok().filter(|pvv: &[u8; 4]| pvv.iter().all(u8::is_ascii_digit)),
        );
        if self.line.cell(Column::Pvki).is_some() != self.line.cell(Column::Pvv).is_some() {
            self.fault("pvki, pvv: give both or none");
        }
        Some(PinReference::Pvv { pvki: pvki?, pvv: pvv? })
    }

    fn no_pin_cells(&mut self, reason: &str, columns: &[Column]) -> Option<PinReference> {
        for column in columns {
            if self.line.cell(*column).is_some() {
                self.fault(format!("{}: {reason}", column.name()));
            }
        }
        None
    }

    fn account_id(&mut self) -> Option<AccountId> {
        let expected = || format!("must be 1 to {} characters without spaces", AccountId::CAPACITY);
        self.read(Column::Account, expected, AccountId::new)
    }

    /// `savings:S-1 credit:C-1`; `-` for none.
    fn further(&mut self) -> Option<Vec<FurtherAccount>> {
        let expected =
            || "must be accounts with their kind, `savings:S-1 credit:C-1`, or `-` for none".to_owned();
        let account = |text: &str| {
            let (kind, id) = text.split_once(':')?;
            let (_, kind) = ACCOUNT_TYPES.iter().find(|(word, _)| *word == kind)?;
            Some(FurtherAccount { id: AccountId::new(id)?, kind: *kind, opened_beside: None })
        };
        self.read(Column::FurtherAccounts, expected, |text| match text {
            "-" => Some(Vec::new()),
            _ => text.split_whitespace().map(account).collect(),
        })
    }

    /// Terms of an account; its amounts are read in this currency.
    fn terms(&mut self, currency: Option<Currency>) -> AccountTerms {
        let words = || format!("must be one of {}", ACCOUNT_TYPES.map(|(word, _)| word).join(", "));
        let kind = self.read(Column::AccountType, words, |text| {
            ACCOUNT_TYPES.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind)
        });
        let expected = || format!("must be 1 to {} characters without spaces", CustomerId::CAPACITY);
        let customer = self.read(Column::Customer, expected, CustomerId::new);
        let expected = || format!("must be 1 to {} characters without spaces", AccountId::CAPACITY);
        let home = self.read(Column::HomeAccount, expected, AccountId::new);
        let Some(currency) = currency else {
            return AccountTerms { kind, customer, home, ..AccountTerms::default() };
        };
        let amount = |text: &str| {
            let minor = Amount::parse_major(text, currency).ok()?.minor;
            (-LARGEST_MINOR..=LARGEST_MINOR).contains(&minor).then_some(minor)
        };
        let expected = || {
            let largest = major(LARGEST_MINOR, currency);
            format!("must be an amount of {currency} in major units, at most {largest}")
        };
        let balance_minor = self.read(Column::Balance, expected, amount);
        let credit_line_minor = self.read(
            Column::CreditLine,
            || format!("{}, not negative", expected()),
            |text| amount(text).filter(|minor| *minor >= 0),
        );
        AccountTerms { currency: Some(currency), kind, balance_minor, credit_line_minor, customer, home }
    }
}

const PIN_COLUMNS: [Column; 3] = [Column::Pvki, Column::Pvv, Column::PinOffset];

/// Left-justified digits, filled with `F`; the filling may be written or not.
fn offset(text: &str, shortest: usize) -> Option<PinReference> {
    let digits = text.trim_end_matches(['F', 'f']).as_bytes();
    let fits = (shortest..=12).contains(&digits.len()) && text.len() <= 12;
    if !fits || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut offset = [b'F'; 12];
    offset[..digits.len()].copy_from_slice(digits);
    Some(PinReference::IbmOffset { offset })
}
