use super::counting::CountersOf;
use super::fingerprints::Fingerprints;
use super::hot_list::{FrozenHotList, HotEntry};
use super::{AccountFile, CardFile, InternalAccount, Kept, NewestOfTerminal, State, TokenFile};
use crate::names::{AccountId, CustomerId, ReversalKey, SettlementKey};
use crate::own_limits::OwnLimits;
use crate::record::Account;
use crate::remittance::{RemittanceOutcome, SentRemittance};
use crate::slab::FrozenSlab;
use crate::stored::StoredTransaction;
use crate::token::TokenRemoved;
use card::{Currency, Pan, Time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A state as it was at one moment. Taking it costs a reference for every 512 entries, so the shard goes on
/// at once; reading it out is for another thread.
#[derive(Debug)]
pub struct Frozen {
    accounts: FrozenSlab<AccountFile>,
    cards: FrozenSlab<CardFile>,
    transactions: FrozenSlab<Kept>,
    terminals: FrozenSlab<NewestOfTerminal>,
    fingerprints: Vec<(Time, Arc<[u64]>)>,
    reversals: Vec<(Time, ReversalKey)>,
    books: Vec<Element>,
    counters: Vec<Element>,
    hot_list: FrozenHotList,
    tokens: FrozenSlab<TokenFile>,
    customers: Vec<Element>,
    remittances: Vec<Element>,
    gone_tokens: Vec<Element>,
}

/// One piece of a state in a snapshot. The variant order is part of the stored form: new variants go to
/// the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Element {
    /// An account with its balance.
    Account(AccountFile),
    /// A card with its counters.
    Card(CardFile),
    /// A transaction in memory.
    Transaction(Box<StoredTransaction>),
    /// Fingerprints of transactions that have left memory, none of them newer than the time.
    Fingerprints(Time, Vec<u64>),
    /// A reversal that came before its original, and when.
    Reversal(Time, RememberedKey),
    /// What a link is owed, minor units.
    Settlement(OwedTo, i128),
    /// The other side of opening balances of a currency (ISO 4217 number), minor units.
    Opening(u16, i128),
    /// Counter of the newest transaction.
    LastCounter(u64),
    /// The newest transaction of a terminal, as far as its cards are in the shard.
    Terminal(NewestOfTerminal),
    /// Counters of a terminal, merchant, customer or product, as far as its cards are in the shard.
    Counters(Box<CountersOf>),
    /// Balance of an account of our own in a currency, minor units.
    Internal(InternalAccount, Currency, i128),
    /// Numbers on the hot list, of which each shard has all.
    Hot(HotEntry),
    /// A token with its counter.
    Token(TokenFile),
    /// Limits that a customer has of their own.
    Customer(CustomerId, Box<OwnLimits>),
    /// Up to when some transactions have left memory of which no fingerprint is known.
    Forgotten(Time),
    /// What another shard was asked for and has not answered.
    Remittance(Box<SentRemittance>),
    /// What was done for another shard, or refused, which may ask again.
    RemittanceTaken(Box<RemittanceOutcome>),
    /// A token that is off the file.
    TokenGone(TokenRemoved),
}

/// Opaque: under which key a reversal is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RememberedKey(pub(crate) ReversalKey);

/// Opaque: which link is owed, in which currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwedTo(pub(crate) SettlementKey);

/// Which shard an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// That of this account.
    Account(AccountId),
    /// That of this card, whose account is the other one if it is on file.
    Card(Pan, Option<AccountId>),
    /// That of the card of a token, which is the first number.
    Token(Pan, Pan),
    /// That of the customer with this [number](CustomerId::spread).
    Customer(u64),
    /// Nobody can tell: the one it was in, or every one if their number has changed.
    Unknown,
    /// Any one.
    Any,
    /// The one it was in, or any one if their number has changed.
    Own,
}

impl State {
    /// The state as it is now, for a snapshot.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        let settlement = self.settlement.iter().map(|(key, minor)| Element::Settlement(OwedTo(*key), *minor));
        let opening = self.opening.iter().map(|(currency, minor)| Element::Opening(*currency, *minor));
        let internal = self.internal.iter();
        let internal =
            internal.map(|((account, currency), minor)| Element::Internal(*account, *currency, *minor));
        let counter = [Element::LastCounter(self.last_counter)];
        let forgotten = self.left.forgotten().map(Element::Forgotten);
        Frozen {
            accounts: self.accounts.freeze(),
            cards: self.cards.freeze(),
            transactions: self.transactions.freeze(),
            terminals: self.terminals.freeze(),
            fingerprints: self.left.freeze(),
            counters: self.frozen_counters(),
            hot_list: self.hot_list.freeze(),
            tokens: self.tokens.freeze(),
            customers: self.frozen_customers(),
            remittances: self.frozen_remittances(),
            gone_tokens: self.gone_tokens.freeze(),
            reversals: self.reversals_by_time.iter().copied().collect(),
            books: settlement.chain(opening).chain(internal).chain(counter).chain(forgotten).collect(),
        }
    }

    /// Puts back one element of a snapshot. All of them, into a new state, give back what was frozen;
    /// sums of several shards add up.
    pub fn restore(&mut self, element: Element) {
        match element {
            // What follows it links its transactions anew.
            Element::Account(file) => self.accounts.insert(AccountFile { newest: None, ..file }),
            // Its account knows of it.
            Element::Card(file) => {
                let (pan, has_mode) = (file.card.pan, file.mode().is_some());
                self.cards.insert(file);
                if has_mode {
                    self.watch(&pan);
                }
            }
            Element::Transaction(mut stored) => {
                stored.counted = self.shared(stored.counted.counts());
                let id = stored.id;
                self.keep(*stored);
                self.list_restored(id);
            }
            Element::Fingerprints(newest, prints) => self.restore_fingerprints(newest, &prints),
            Element::Forgotten(until) => self.left.forget_some(until),
            Element::Reversal(time, key) => self.insert_reversal(time, key.0),
            Element::Settlement(key, minor) => *self.settlement.entry(key.0).or_default() += minor,
            Element::Opening(currency, minor) => *self.opening.entry(currency).or_default() += minor,
            Element::Internal(account, currency, minor) => {
                *self.internal.entry((account, currency)).or_default() += minor;
            }
            Element::Terminal(newest) => self.note_terminal(newest),
            Element::Counters(of) => self.restore_counters(*of),
            Element::Hot(entry) => self.restore_hot(entry),
            Element::Token(file) => self.insert_token(file),
            Element::TokenGone(removed) => self.restore_gone(removed),
            Element::Customer(customer, own) => self.restore_customer(customer, *own),
            Element::Remittance(open) => self.restore_remittance(*open),
            Element::RemittanceTaken(taken) => self.restore_taken_remittance(*taken),
            Element::LastCounter(counter) => self.last_counter = self.last_counter.max(counter),
        }
    }

    fn restore_fingerprints(&mut self, newest: Time, prints: &[u64]) {
        let left: &mut Fingerprints = &mut self.left;
        left.look_ahead(prints);
        prints.iter().for_each(|print| left.insert(newest, *print));
    }
}

impl Frozen {
    /// Visits every element: accounts before the cards that draw on them, cards before their tokens and transactions, and those
    /// in the order of their time.
    pub fn into_each(self, mut visit: impl FnMut(&Element)) {
        self.accounts.into_each(|file| visit(&Element::Account(file.clone())));
        self.cards.into_each(|file| visit(&Element::Card(file.clone())));
        self.tokens.into_each(|file| visit(&Element::Token(file.clone())));
        self.gone_tokens.iter().for_each(&mut visit);
        let mut transactions: Vec<&StoredTransaction> =
            self.transactions.iter().map(|kept| &kept.stored).collect();
        transactions.sort_unstable_by_key(|stored| (stored.time, stored.id));
        for stored in transactions {
            visit(&Element::Transaction(Box::new(stored.clone())));
        }
        drop(self.transactions);
        self.terminals.into_each(|newest| visit(&Element::Terminal(*newest)));
        for (newest, prints) in self.fingerprints {
            visit(&Element::Fingerprints(newest, prints.to_vec()));
        }
        for (time, key) in self.reversals {
            visit(&Element::Reversal(time, RememberedKey(key)));
        }
        self.books
            .iter()
            .chain(&self.counters)
            .chain(&self.customers)
            .chain(&self.remittances)
            .for_each(&mut visit);
        self.hot_list.into_each(|entry| visit(&Element::Hot(entry)));
    }
}

impl Element {
    /// The account, where it is one.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        match self {
            Element::Account(file) => Some(&file.account),
            _ => None,
        }
    }

    /// Which shard it belongs to.
    #[must_use]
    pub fn route(&self) -> Route {
        match self {
            Element::Account(file) => Route::Account(file.account.home()),
            Element::Card(file) => Route::Card(file.card.pan, Some(file.card.account)),
            Element::Transaction(stored) => match stored.account {
                Some(account) => Route::Account(account),
                None => Route::Card(stored.pan, None),
            },
            Element::Remittance(open) => Route::Account(open.remittance.payer),
            Element::RemittanceTaken(taken) => Route::Account(taken.remittance.account),
            Element::Token(file) => Route::Token(file.token.number.0, file.token.card),
            Element::TokenGone(removed) => Route::Token(removed.number.0, removed.card),
            Element::Reversal(_, key) => Route::Card(key.0.pan, None),
            // Cards of any shard have been there, and their repeats are known by the terminal's clock.
            Element::Terminal(_) => Route::Unknown,
            Element::Fingerprints(..) | Element::Forgotten(_) | Element::Hot(_) => Route::Unknown,
            Element::Counters(of) => of.customer().map_or(Route::Own, Route::Customer),
            Element::Customer(customer, _) => Route::Customer(customer.spread().get()),
            Element::Settlement(..)
            | Element::Opening(..)
            | Element::LastCounter(_)
            | Element::Internal(..) => Route::Any,
        }
    }
}
