//! What a line of a card file means, given the products and what is on file.

use super::ACCOUNT_TYPES;
use super::source::{Column, Line};
use crate::config::{Configuration, LARGEST_MINOR};
use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, PinMethod, PinReference, Product, Record, State,
};
use card::{Amount, Currency, Expiry, Pan};
use std::collections::HashMap;

/// Shortest card number in use (ISO/IEC 7812-1 numbers of networks have 12 digits or more).
const SHORTEST_PAN: usize = 12;

/// Decides line by line what an import would do.
pub(super) struct Plan<'a> {
    configuration: &'a Configuration,
    state: &'a State,
    update: bool,
    /// Cards of the file, with their line.
    cards: HashMap<Pan, u64>,
    /// Accounts of the file as its lines want them, with the first line that names each.
    accounts: HashMap<AccountId, (Account, u64)>,
    pub(super) counts: Counts,
}

/// What an import does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cards_added: u64,
    pub(crate) cards_updated: u64,
    pub(crate) accounts_opened: u64,
    pub(crate) accounts_updated: u64,
}

/// Everything that is wrong with a line. Never repeats a cell: in a file with shifted columns any cell
/// may be a card number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(pub(super) Vec<String>);

/// Reads cells, and notes what is wrong with them.
struct Reader<'a> {
    line: &'a Line,
    faults: Faults,
}

impl<'a> Plan<'a> {
    pub(super) fn new(configuration: &'a Configuration, state: &'a State, update: bool) -> Plan<'a> {
        let (cards, accounts) = (HashMap::new(), HashMap::new());
        Plan { configuration, state, update, cards, accounts, counts: Counts::default() }
    }

    /// The records of one line: the account where it is new or changed, then the card.
    ///
    /// # Errors
    /// Everything that is wrong with the line.
    pub(super) fn line(&mut self, line: &Line) -> Result<(Option<Record>, Record), Faults> {
        let mut reader = Reader { line, faults: Faults::default() };
        let records = self.records(&mut reader);
        match records {
            Some(records) if reader.faults.0.is_empty() => Ok(records),
            _ => Err(reader.faults),
        }
    }

    fn records(&mut self, reader: &mut Reader<'_>) -> Option<(Option<Record>, Record)> {
        let pan = reader.pan()?;
        let first = *self.cards.entry(pan).or_insert(reader.line.number);
        if first != reader.line.number {
            // The rest of the line is looked at all the same, so that one run tells everything.
            reader.fault(format!("is the same card as line {first}"));
        }
        let tables = &self.configuration.settings.tables;
        let Some(product) = tables.product(&pan) else {
            reader.fault("pan: its BIN belongs to no product of the configuration");
            return None;
        };
        let on_file = self.state.card_on_file(&pan);
        if on_file.is_some() && !self.update {
            reader.fault("is on file already; --update changes cards on file");
        }
        let card = reader.card(pan, product, on_file);
        let account = self.account(reader, product, on_file);
        let (card, account) = (card?, account?);
        if on_file.is_some() {
            self.counts.cards_updated += 1;
        } else {
            self.counts.cards_added += 1;
        }
        Some((account.1, Record::CardStored(Card { account: account.0, ..card })))
    }

    /// The card's account, and the record that opens or changes it.
    fn account(
        &mut self,
        reader: &mut Reader<'_>,
        product: &Product,
        card: Option<&Card>,
    ) -> Option<(AccountId, Option<Record>)> {
        let id = reader.account_id(card.map(|card| card.account))?;
        // Records of a card go to the shard of its account, and those already written stay where they
        // are; so a card cannot move.
        if card.is_some_and(|card| card.account != id) {
            reader.fault("account: a card on file stays with its account");
            return None;
        }
        let currency = *self.configuration.currencies.get(&product.name)?;
        let terms = reader.terms(currency)?;
        if let Some((earlier, first)) = self.accounts.get(&id) {
            if terms.disagrees_with(earlier) {
                reader.fault(format!("account: disagrees with line {first} about the same account"));
            }
            return Some((id, None));
        }
        let on_file = self.state.account_on_file(&id);
        let account = match on_file {
            Some(account) => self.changed_account(reader, account, &terms)?,
            None => terms.open(id, reader)?,
        };
        self.accounts.insert(id, (account.clone(), reader.line.number));
        if on_file == Some(&account) {
            return Some((id, None));
        }
        match on_file {
            Some(_) => self.counts.accounts_updated += 1,
            None => self.counts.accounts_opened += 1,
        }
        Some((id, Some(Record::AccountStored(account))))
    }

    /// An account on file may get other terms. Its balance changes by transactions alone.
    fn changed_account(&self, reader: &mut Reader<'_>, account: &Account, terms: &Terms) -> Option<Account> {
        if terms.currency != account.currency {
            reader.fault(format!("currency: the account is on file in {}", account.currency));
            return None;
        }
        if terms.balance_minor.is_some_and(|minor| minor != account.opening_minor) {
            reader.fault("balance: the account is on file; leave the balance empty, transactions change it");
            return None;
        }
        let changed = Account {
            kind: terms.kind.unwrap_or(account.kind),
            credit_line_minor: terms.credit_line_minor.unwrap_or(account.credit_line_minor),
            ..account.clone()
        };
        if changed != *account && !self.update {
            reader.fault("account: is on file with other terms; --update changes them");
            return None;
        }
        Some(changed)
    }
}

/// What a line says of its account. What it leaves out stays, or takes its default.
struct Terms {
    currency: Currency,
    kind: Option<AccountKind>,
    balance_minor: Option<i64>,
    credit_line_minor: Option<i64>,
}

impl Terms {
    fn open(&self, id: AccountId, reader: &mut Reader<'_>) -> Option<Account> {
        let Some(opening_minor) = self.balance_minor else {
            reader.fault("balance: is missing; a new account opens with one, \"0\" for none");
            return None;
        };
        Some(Account {
            id,
            currency: self.currency,
            kind: self.kind.unwrap_or_default(),
            opening_minor,
            credit_line_minor: self.credit_line_minor.unwrap_or(0),
        })
    }

    fn disagrees_with(&self, account: &Account) -> bool {
        self.currency != account.currency
            || self.kind.is_some_and(|kind| kind != account.kind)
            || self.balance_minor.is_some_and(|minor| minor != account.opening_minor)
            || self.credit_line_minor.is_some_and(|minor| minor != account.credit_line_minor)
    }
}

impl Reader<'_> {
    fn fault(&mut self, reason: impl Into<String>) {
        self.faults.0.push(reason.into());
    }

    /// Reads a cell. `None` when it is empty or wrong, which is noted with what was expected.
    fn read<T>(&mut self, column: Column, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(self.line.cell(column)?);
        if value.is_none() {
            self.fault(format!("{}: {expected}", column.name()));
        }
        value
    }

    /// Reads a cell that must be there, unless `on_file` has its value.
    fn need<T>(
        &mut self,
        column: Column,
        expected: &str,
        on_file: Option<T>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.line.cell(column).is_some() {
            return self.read(column, expected, read);
        }
        if on_file.is_none() {
            self.fault(format!("{}: is missing", column.name()));
        }
        on_file
    }

    fn pan(&mut self) -> Option<Pan> {
        let pan = self.need(Column::Pan, "must be 12 to 19 digits", None, |text| {
            Pan::parse(text.as_bytes()).ok().filter(|pan| pan.len() >= SHORTEST_PAN)
        })?;
        if !pan.has_valid_check_digit() {
            self.fault("pan: its check digit is wrong");
        }
        Some(pan)
    }

    /// The card; its account comes later. A cell that is empty leaves what is on file.
    fn card(&mut self, pan: Pan, product: &Product, on_file: Option<&Card>) -> Option<Card> {
        let month = |text: &str| Expiry::parse_yymm(text.as_bytes()).ok();
        let expected = "must be YYMM";
        let expiry = self.need(Column::Expiry, expected, on_file.map(|card| card.expiry), month);
        let start = self.read(Column::Start, expected, month).or(on_file.and_then(|card| card.start));
        if let (Some(start), Some(expiry)) = (start, expiry)
            && start > expiry
        {
            self.fault("start: is after the expiry");
        }
        let words = CardStatus::ALL.map(CardStatus::as_str).join(", ");
        let status = self.read(Column::Status, &format!("must be one of {words}"), CardStatus::parse);
        let sequence = self.read(Column::CardSequence, "must be 0 to 99", |text| {
            text.parse().ok().filter(|number: &u8| *number <= 99)
        });
        let pin = self.pin(product).or(on_file.and_then(|card| card.pin));
        let placeholder = AccountId::new("?")?;
        Some(Card {
            pan,
            expiry: expiry?,
            start,
            status: status.or(on_file.map(|card| card.status)).unwrap_or(CardStatus::Active),
            card_sequence: sequence.or(on_file.and_then(|card| card.card_sequence)),
            account: on_file.map_or(placeholder, |card| card.account),
            pin,
        })
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
            let expected = format!("must be {shortest} to 12 digits");
            return self.read(Column::PinOffset, &expected, |text| offset(text, shortest));
        }
        self.no_pin_cells("the product verifies PINs by PVV: give `pvki` and `pvv`", &[Column::PinOffset]);
        let digit = |text: &str| text.parse().ok().filter(|index: &u8| *index <= 9);
        let pvki = self.read(Column::Pvki, "must be 0 to 9", digit);
        let pvv = self.read(Column::Pvv, "must be four digits", |text| {
            text.as_bytes().try_into().ok().filter(|pvv: &[u8; 4]| pvv.iter().all(u8::is_ascii_digit))
        });
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

    fn account_id(&mut self, on_file: Option<AccountId>) -> Option<AccountId> {
        let expected = format!("must be 1 to {} characters without spaces", AccountId::CAPACITY);
        self.need(Column::Account, &expected, on_file, AccountId::new)
    }

    /// The product's limits are amounts of its currency, so its accounts have that currency.
    fn terms(&mut self, currency: Currency) -> Option<Terms> {
        let faults = self.faults.0.len();
        self.read(Column::Currency, &format!("must be {currency}, the product's currency"), |text| {
            Currency::parse(text).ok().filter(|stated| *stated == currency)
        });
        let amount = |text: &str| {
            let minor = Amount::parse_major(text, currency).ok()?.minor;
            (-LARGEST_MINOR..=LARGEST_MINOR).contains(&minor).then_some(minor)
        };
        let largest = super::major(LARGEST_MINOR, currency);
        let expected = format!("must be an amount of {currency} in major units, at most {largest}");
        let balance_minor = self.read(Column::Balance, &expected, amount);
        let expected = format!("{expected}, not negative");
        let credit_line_minor =
            self.read(Column::CreditLine, &expected, |text| amount(text).filter(|minor| *minor >= 0));
        let words = ACCOUNT_TYPES.map(|(word, _)| word).join(", ");
        let kind = self.read(Column::AccountType, &format!("must be one of {words}"), |text| {
            ACCOUNT_TYPES.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind)
        });
        let terms = Terms { currency, kind, balance_minor, credit_line_minor };
        (self.faults.0.len() == faults).then_some(terms)
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
