//! Changes of the card base: what may be put on file and taken off, given what is there.
//!
//! One set of rules for the import, which plans against a state it has read, and for a running core.

use crate::limits::FURTHER_ACCOUNTS;
use crate::names::{AccountId, CustomerId};
use crate::record::{
    Account, AccountKind, AccountRemoved, Card, CardRemoved, CardStatus, PinReference, Record,
};
use crate::state::State;
use card::{Currency, Expiry, Pan, Time};
use std::fmt;

/// One change of the card base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardChange {
    /// Put a card on file, with its account where that is new, or change both.
    Put(Box<CardPut>),
    /// Open an account, or change its terms.
    PutAccount(AccountPut),
    /// Take a card off the file.
    RemoveCard {
        /// Its number.
        pan: Pan,
        /// Close its account, too, if this is its last card.
        with_account: bool,
    },
    /// Close an account that no card draws on.
    RemoveAccount(AccountId),
}

/// What a line says of a card. What it leaves out stays as it is on file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPut {
    /// Its number.
    pub pan: Pan,
    /// Last month of validity; a new card needs it.
    pub expiry: Option<Expiry>,
    /// First month of validity.
    pub start: Option<Expiry>,
    /// Status; a new card is active.
    pub status: Option<CardStatus>,
    /// PAN sequence number.
    pub card_sequence: Option<u8>,
    /// Reference value of the PIN.
    pub pin: Option<PinReference>,
    /// The account it draws on; a new card needs it.
    pub account: Option<AccountId>,
    /// What is said of that account.
    pub terms: AccountTerms,
    /// Its further accounts. One that is not on file is opened with nothing on it.
    pub further: Option<Vec<FurtherAccount>>,
    /// Whether what is on file may be changed.
    pub update: bool,
}

/// A further account of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FurtherAccount {
    /// Its number.
    pub id: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// Where a line before this one opens it: beside which account, or as one of its own.
    pub opened_beside: Option<AccountId>,
}

/// What a line says of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPut {
    /// Its number.
    pub account: AccountId,
    /// Its terms.
    pub terms: AccountTerms,
    /// Whether what is on file may be changed.
    pub update: bool,
}

/// Terms of an account. What is left out stays as it is on file, or takes its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountTerms {
    /// Currency; a new account needs it.
    pub currency: Option<Currency>,
    /// Kind.
    pub kind: Option<AccountKind>,
    /// Balance that the account opens with, minor units; a new account needs it. Of an account on file it may
    /// only repeat the opening or the present balance.
    pub balance_minor: Option<i64>,
    /// How far below zero the account may go, minor units.
    pub credit_line_minor: Option<i64>,
    /// Whose the account is.
    pub customer: Option<CustomerId>,
    /// The account in whose shard a new one is to live.
    pub home: Option<AccountId>,
}

/// What a change did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// To the card.
    pub card: Did,
    /// To the account.
    pub account: Did,
    /// How many further accounts were opened.
    pub further_opened: u8,
}

/// What became of a card or an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Did {
    /// The change is not about it.
    #[default]
    Nothing,
    /// It is new on file.
    Added,
    /// It was on file, and is changed.
    Updated,
    /// It was on file like this already.
    Same,
    /// It is off the file.
    Removed,
    /// It was not on file.
    Absent,
}

/// Why a change may not be made. Holds no card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The card is on file, and not like this.
    CardDiffers,
    /// A new card needs this field.
    Missing(&'static str),
    /// The card would begin after it ends.
    StartAfterExpiry,
    /// A card on file stays with its account.
    OtherAccount,
    /// The account is on file in this currency.
    OtherCurrency(Currency),
    /// The account is on file with another balance.
    OtherBalance,
    /// The account is on file, and not like this.
    AccountDiffers,
    /// A new account needs a balance.
    NoBalance,
    /// A new account needs a currency.
    NoCurrency,
    /// An account on file stays in the shard that it was opened in.
    OtherHome,
    /// This account is none that others may live beside: it lives beside this one.
    NoHome(AccountId),
    /// A further account lives in another shard than the card's account.
    FurtherElsewhere(AccountId),
    /// A further account is on file and of another kind, or in another currency.
    FurtherDiffers(AccountId),
    /// The card names an account twice, or too many.
    FurtherAccounts,
    /// The account has a balance or holds.
    HasMoney,
    /// Money of a transfer is on its way from or to the account.
    MoneyUnderWay,
    /// So many tokens stand for the card.
    HasTokens(u8),
    /// So many cards draw on the account.
    HasCards(usize),
}

/// A change that may be made: its records, the account's first, and what they do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Of the account.
    pub account: Option<Record>,
    /// Of further accounts that are new.
    pub further: Vec<Record>,
    /// Of the card.
    pub card: Option<Record>,
    /// What they do.
    pub done: Done,
}

impl CardChange {
    /// The records of this change, given what is on file.
    ///
    /// # Errors
    /// Everything that speaks against it.
    pub fn plan(&self, state: &State, now: Time) -> Result<Planned, Vec<Refusal>> {
        match self {
            CardChange::Put(put) => put.plan(state),
            CardChange::PutAccount(put) => {
                let (account, did) = put.terms.plan(state, put.account, put.update).map_err(|no| vec![no])?;
                let done = Done { account: did, ..Done::default() };
                Ok(Planned { account, done, ..Planned::default() })
            }
            CardChange::RemoveCard { pan, with_account } => remove_card(state, *pan, *with_account, now),
            CardChange::RemoveAccount(id) => remove_account(state, *id, now),
        }
    }
}

impl CardPut {
    fn plan(&self, state: &State) -> Result<Planned, Vec<Refusal>> {
        let on_file = state.card_on_file(&self.pan);
        let mut refusals = Vec::new();
        let expiry = self.expiry.or(on_file.map(|card| card.expiry));
        let start = self.start.or(on_file.and_then(|card| card.start));
        let account = self.account.or(on_file.map(|card| card.account));
        if expiry.is_none() {
            refusals.push(Refusal::Missing("expiry"));
        }
        if account.is_none() {
            refusals.push(Refusal::Missing("account"));
        }
        if start.is_some() && expiry.is_some() && start > expiry {
            refusals.push(Refusal::StartAfterExpiry);
        }
        let (Some(expiry), Some(account)) = (expiry, account) else { return Err(refusals) };
        let card = Card {
            pan: self.pan,
            expiry,
            start,
            status: self.status.or(on_file.map(|card| card.status)).unwrap_or(CardStatus::Active),
            card_sequence: self.card_sequence.or(on_file.and_then(|card| card.card_sequence)),
            account,
            pin: self.pin.or(on_file.and_then(|card| card.pin)),
            further: match &self.further {
                Some(further) => further.iter().map(|further| further.id).collect(),
                None => on_file.map(|card| card.further.clone()).unwrap_or_default(),
            },
        };
        let did = match on_file {
            None => Did::Added,
            Some(on_file) if *on_file == card => Did::Same,
            Some(_) => Did::Updated,
        };
        if did == Did::Updated && !self.update {
            refusals.push(Refusal::CardDiffers);
        }
        // Records of a card go to the shard of its account, and those already written stay where they
        // are; so a card cannot move.
        if on_file.is_some_and(|on_file| on_file.account != account) {
            refusals.push(Refusal::OtherAccount);
            return Err(refusals);
        }
        let (mut record, account_did) = match self.terms.plan(state, account, self.update) {
            Ok(planned) => planned,
            Err(refusal) => {
                refusals.push(refusal);
                return Err(refusals);
            }
        };
        // What was opened beside it before it was on file lives where its own line said.
        let mut named =
            self.further.iter().flatten().filter_map(|further| state.account_on_file(&further.id));
        if let Some(Record::AccountStored(first)) = &mut record
            && account_did == Did::Added
            && let Some(beside) = named.find(|further| further.home() == account)
        {
            first.customer_home = beside.customer_home;
        }
        let first = match &record {
            Some(Record::AccountStored(account)) => Some(account),
            _ => state.account_on_file(&account),
        };
        let further = first.map_or_else(Vec::new, |first| self.open_further(state, first, &mut refusals));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let done = Done { card: did, account: account_did, further_opened: further.len() as u8 };
        let card = (did != Did::Same).then_some(Record::CardStored(card));
        Ok(Planned { account: record, further, card, done })
    }

    /// Records of further accounts that are not on file. Those that are have to live where the first one does.
    fn open_further(&self, state: &State, first: &Account, refusals: &mut Vec<Refusal>) -> Vec<Record> {
        let named = self.further.as_deref().unwrap_or_default();
        let twice = |(place, one): (usize, &FurtherAccount)| {
            one.id == first.id || named[..place].iter().any(|other| other.id == one.id)
        };
        if named.len() > FURTHER_ACCOUNTS || named.iter().enumerate().any(twice) {
            refusals.push(Refusal::FurtherAccounts);
            return Vec::new();
        }
        let mut opened = Vec::new();
        for FurtherAccount { id, kind, opened_beside } in named.iter().copied() {
            let on_file = state.account_on_file(&id);
            let beside = |account| state.account_on_file(&account).map_or(account, Account::home);
            let home = on_file.map(Account::home).or(opened_beside.map(beside));
            let elsewhere = on_file.is_some_and(|it| it.customer_home != first.customer_home);
            if elsewhere || home.is_some_and(|home| home != first.home()) {
                refusals.push(Refusal::FurtherElsewhere(id));
            } else if on_file.is_some_and(|it| (it.kind, it.currency) != (kind, first.currency)) {
                refusals.push(Refusal::FurtherDiffers(id));
            } else if home.is_none() {
                opened.push(Record::AccountStored(Account {
                    id,
                    currency: first.currency,
                    kind,
                    opening_minor: 0,
                    credit_line_minor: 0,
                    customer: first.customer,
                    home: Some(Box::new(first.home())),
                    customer_home: first.customer_home,
                }));
            }
        }
        opened
    }
}

impl AccountTerms {
    /// An account on file may get other terms. Its balance changes by transactions alone.
    fn plan(&self, state: &State, id: AccountId, update: bool) -> Result<(Option<Record>, Did), Refusal> {
        let home = self.home.filter(|home| *home != id);
        if let Some(beside) =
            home.and_then(|home| state.account_on_file(&home)).filter(|it| it.home.is_some())
        {
            return Err(Refusal::NoHome(beside.home()));
        }
        let Some(account) = state.account_on_file(&id) else {
            return Ok((Some(Record::AccountStored(self.open(state, id, home)?)), Did::Added));
        };
        if self.home.is_some_and(|home| home != account.home()) {
            return Err(Refusal::OtherHome);
        }
        if self.currency.is_some_and(|currency| currency != account.currency) {
            return Err(Refusal::OtherCurrency(account.currency));
        }
        let present = state.balance(&id).map(|balance| balance.ledger_minor);
        if self.balance_minor.is_some_and(|minor| minor != account.opening_minor && present != Some(minor)) {
            return Err(Refusal::OtherBalance);
        }
        let changed = Account {
            kind: self.kind.unwrap_or(account.kind),
            credit_line_minor: self.credit_line_minor.unwrap_or(account.credit_line_minor),
            customer: self.customer.or(account.customer),
            ..account.clone()
        };
        match changed == *account {
            true => Ok((None, Did::Same)),
            false if update => Ok((Some(Record::AccountStored(changed)), Did::Updated)),
            false => Err(Refusal::AccountDiffers),
        }
    }

    /// The new account of these terms.
    fn open(&self, state: &State, id: AccountId, home: Option<AccountId>) -> Result<Account, Refusal> {
        let customer_home = match home.as_ref().map(|home| state.account_on_file(home)) {
            Some(Some(beside)) => beside.customer_home,
            // One that is not on file yet will follow this one.
            Some(None) | None => self.customer.as_ref().map(CustomerId::spread),
        };
        Ok(Account {
            id,
            currency: self.currency.ok_or(Refusal::NoCurrency)?,
            kind: self.kind.unwrap_or_default(),
            opening_minor: self.balance_minor.ok_or(Refusal::NoBalance)?,
            credit_line_minor: self.credit_line_minor.unwrap_or(0),
            customer: self.customer,
            home: home.map(Box::new),
            customer_home,
        })
    }
}

fn remove_card(state: &State, pan: Pan, with_account: bool, now: Time) -> Result<Planned, Vec<Refusal>> {
    let Some(id) = state.card_on_file(&pan).map(|card| card.account) else {
        let done = Done { card: Did::Absent, ..Done::default() };
        return Ok(Planned { done, ..Planned::default() });
    };
    match state.card(&pan).map_or(0, |file| file.tokens) {
        0 => {}
        tokens => return Err(vec![Refusal::HasTokens(tokens)]),
    }
    let mut planned = Planned {
        card: Some(Record::CardRemoved(CardRemoved { pan, time: now })),
        done: Done { card: Did::Removed, ..Done::default() },
        ..Planned::default()
    };
    // One that lives beside another is closed by its own number: its cards may be several kinds of holders.
    if with_account && state.account_on_file(&id).is_some_and(|account| account.home.is_none()) {
        if let Some(refusal) = money(state, &id) {
            return Err(vec![refusal]);
        }
        if state.cards_drawing_on(&id) == 1 {
            planned.account = Some(Record::AccountRemoved(AccountRemoved { account: id, time: now }));
            planned.done.account = Did::Removed;
        }
    }
    Ok(planned)
}

fn remove_account(state: &State, id: AccountId, now: Time) -> Result<Planned, Vec<Refusal>> {
    if state.account_on_file(&id).is_none() {
        let done = Done { account: Did::Absent, ..Done::default() };
        return Ok(Planned { done, ..Planned::default() });
    }
    let mut refusals = Vec::new();
    refusals.extend(money(state, &id));
    match state.cards_drawing_on(&id) {
        0 => {}
        cards => refusals.push(Refusal::HasCards(cards)),
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let record = Record::AccountRemoved(AccountRemoved { account: id, time: now });
    let done = Done { account: Did::Removed, ..Done::default() };
    Ok(Planned { account: Some(record), done, ..Planned::default() })
}

/// The money that keeps an account from being closed.
fn money(state: &State, id: &AccountId) -> Option<Refusal> {
    if has_money(state, id) {
        return Some(Refusal::HasMoney);
    }
    // It may come back here, or be asked for again: in this shard alone that is known.
    state.is_remitting(id).then_some(Refusal::MoneyUnderWay)
}

/// Available is balance plus credit line less holds, so holds are what is missing.
fn has_money(state: &State, id: &AccountId) -> bool {
    let (Some(account), Some(balance)) = (state.account_on_file(id), state.balance(id)) else { return false };
    balance.ledger_minor != 0 || balance.available_minor != account.credit_line_minor
}

impl Planned {
    /// The records in the order in which they apply: an account is there before its card, and goes after it.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let Planned { account, further, card, .. } = self.clone();
        let card_first = matches!(account, Some(Record::AccountRemoved(_)));
        let (first, second) = if card_first { (card, account) } else { (account, card) };
        first.into_iter().chain(further).chain(second)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::CardDiffers => {
                f.write_str("is on file already with other values; --update changes cards on file")
            }
            Refusal::Missing(field) => write!(f, "{field}: is missing"),
            Refusal::StartAfterExpiry => f.write_str("start: is after the expiry"),
            Refusal::OtherAccount => f.write_str(
                "account: a card on file stays with its account (one that was removed may come back with another \
                 by an import while the switch is stopped)",
            ),
            Refusal::OtherCurrency(currency) => write!(f, "currency: the account is on file in {currency}"),
            Refusal::OtherBalance => f.write_str(
                "balance: the account is on file; leave the balance empty, transactions change it",
            ),
            Refusal::AccountDiffers => {
                f.write_str("account: is on file with other terms; --update changes them")
            }
            Refusal::NoBalance => {
                f.write_str("balance: is missing; a new account opens with one, \"0\" for none")
            }
            Refusal::NoCurrency => f.write_str("currency: is missing; a new account has one"),
            Refusal::OtherHome => f.write_str(
                "home_account: an account on file stays where it was opened; close it, without money and cards, and \
                 open it again",
            ),
            Refusal::NoHome(home) => {
                write!(f, "home_account: lives beside account {home} itself; name that one")
            }
            Refusal::FurtherElsewhere(account) => write!(
                f,
                "further_accounts: account {account} was not opened beside the card's account, so another shard may \
                 have it; open one with `home_account`"
            ),
            Refusal::FurtherDiffers(account) => {
                write!(f, "further_accounts: account {account} is on file with another kind or currency")
            }
            Refusal::FurtherAccounts => {
                write!(f, "further_accounts: at most {FURTHER_ACCOUNTS}, each once and none the card's account")
            }
            Refusal::HasMoney => {
                f.write_str("account: has a balance or holds, so it cannot be closed; bring both to zero first")
            }
            Refusal::MoneyUnderWay => f.write_str(
                "account: money of a transfer is on its way from or to it, so it cannot be closed; try again",
            ),
            Refusal::HasTokens(tokens) => {
                write!(f, "tokens stand for the card ({tokens}); remove them first: `turnout card token list`")
            }
            Refusal::HasCards(1) => f.write_str("account: a card draws on it; remove the card first"),
            Refusal::HasCards(cards) => write!(f, "account: {cards} cards draw on it; remove them first"),
        }
    }
}
