//! Money on its way between the accounts of two shards: what this one has asked others for, and what it has done for
//! them. Of each currency, what is on its way from here stands in an account of our own, and so does what has arrived here,
//! with the other sign: each shard's books balance by themselves, and over all shards the account is what nobody has yet.

use super::lives::GIVEN;
use super::{Element, InternalAccount, State};
use crate::booking::Life;
use crate::limits::SHARDS;
use crate::names::{AccountId, TransactionId};
use crate::remittance::{
    Remittance, RemittanceForgotten, RemittanceNumber, RemittanceOutcome, SentRemittance,
};
use std::collections::BTreeMap;

/// What is not over yet.
#[derive(Debug, Default)]
pub(super) struct Remittances {
    /// Asked for and not answered, one for a transfer at a time.
    open: BTreeMap<TransactionId, SentRemittance>,
    /// Done or refused for another shard, which may ask again.
    taken: BTreeMap<RemittanceNumber, RemittanceOutcome>,
}

impl State {
    pub(super) fn remittance_sent(&mut self, sent: &SentRemittance) {
        let remittance = &sent.remittance;
        // No transaction gets its number after a restart.
        self.last_counter = self.last_counter.max(remittance.number.0 / SHARDS as u64);
        if remittance.gives() {
            self.settle_with(remittance.link, remittance.currency, -remittance.minor);
            self.book(InternalAccount::InTransit, remittance.currency, remittance.minor);
        }
        self.keep_in_memory(remittance.transaction);
        self.remittances.open.insert(remittance.transaction, sent.clone());
    }

    /// Reversals wait for a transfer whose money is on its way, so it does not leave memory.
    pub(super) fn keep_in_memory(&mut self, transaction: TransactionId) {
        if let Some(stored) = self.stored_mut(transaction) {
            stored.life.get_or_insert_default();
        }
    }

    pub(super) fn remittance_taken(&mut self, outcome: &RemittanceOutcome) {
        let (minor, remittance) = (outcome.moved_minor(), &outcome.remittance);
        if minor != 0 {
            self.account_mut(&remittance.account).ledger_minor += minor;
            self.book(InternalAccount::InTransit, remittance.currency, -minor);
        }
        if minor > 0 {
            self.list_in(remittance.transaction, remittance.account, GIVEN);
        }
        self.remember_taken(*outcome);
    }

    /// An account may be closed, and opened anew in another shard, while it is asked: the one refuses and the other takes.
    /// Should both be one shard later, it has taken.
    fn remember_taken(&mut self, outcome: RemittanceOutcome) {
        let known = self.remittances.taken.entry(outcome.remittance.number).or_insert(outcome);
        if outcome.code.is_approval() {
            *known = outcome;
        }
    }

    pub(super) fn remittance_settled(&mut self, outcome: &RemittanceOutcome) {
        let (minor, remittance) = (outcome.returned_minor(), &outcome.remittance);
        if minor != 0 {
            self.book(InternalAccount::InTransit, remittance.currency, -minor);
            self.settle_with(remittance.link, remittance.currency, minor);
        }
        if self.remittance_is_open(remittance.transaction, remittance.number) {
            self.remittances.open.remove(&remittance.transaction);
            if let Some(stored) = self.stored_mut(remittance.transaction) {
                stored.life.take_if(|life| **life == Life::default());
            }
        }
    }

    pub(super) fn remittance_forgotten(&mut self, forgotten: &RemittanceForgotten) {
        self.remittances.taken.remove(&forgotten.number);
    }

    pub(super) fn restore_remittance(&mut self, open: SentRemittance) {
        self.remittances.open.insert(open.remittance.transaction, open);
    }

    pub(super) fn restore_taken_remittance(&mut self, taken: RemittanceOutcome) {
        self.remember_taken(taken);
    }

    pub(super) fn frozen_remittances(&self) -> Vec<Element> {
        let open = self.remittances.open.values().map(|open| Element::Remittance(Box::new(open.clone())));
        let taken = self.remittances.taken.values().map(|it| Element::RemittanceTaken(Box::new(*it)));
        open.chain(taken).collect()
    }

    /// How many remittances wait for another shard.
    #[must_use]
    pub fn open_remittances(&self) -> usize {
        self.remittances.open.len()
    }

    /// Remittances that were taken or refused for another shard, which may ask again.
    #[must_use]
    pub fn taken_remittances(&self) -> &BTreeMap<RemittanceNumber, RemittanceOutcome> {
        &self.remittances.taken
    }

    pub(crate) fn each_open_remittance(&self) -> impl Iterator<Item = &Remittance> {
        self.remittances.open.values().map(|open| &open.remittance)
    }

    /// What a transfer waits for.
    pub(crate) fn remittance_of(&self, transaction: TransactionId) -> Option<&SentRemittance> {
        self.remittances.open.get(&transaction)
    }

    pub(crate) fn remittance_is_open(&self, transaction: TransactionId, number: RemittanceNumber) -> bool {
        self.remittance_of(transaction).is_some_and(|open| open.remittance.number == number)
    }

    pub(crate) fn taken_remittance(&self, number: RemittanceNumber) -> Option<&RemittanceOutcome> {
        self.remittances.taken.get(&number)
    }

    /// Whether money is on its way from or to this account, or may be asked for again. It has to stay where it is then.
    pub(crate) fn is_remitting(&self, account: &AccountId) -> bool {
        let Remittances { open, taken } = &self.remittances;
        open.values().any(|open| open.remittance.payer == *account)
            || taken.values().any(|taken| taken.remittance.account == *account)
    }
}
