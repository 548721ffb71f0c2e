//! The books: double entry, each currency by itself. Where an account and a link are in different currencies, or the
//! rates differ, a posting goes through the position of each currency, so that every currency still sums to zero.

use super::{AccountFile, State};
use crate::billing::Shares;
use crate::names::{LinkName, SettlementKey};
use crate::record::Origin;
use card::Currency;
use serde::{Deserialize, Serialize};

/// Accounts of our own in each currency, beside settlement with the links. The order is part of the stored form: new
/// ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InternalAccount {
    /// What conversions have left us of the currency, or what we owe in it.
    Position,
    /// Fees that accounts have paid.
    FeeIncome,
    /// Money on its way to accounts of other shards, less what has come from there. Over all shards, what nobody has
    /// yet.
    InTransit,
}

impl State {
    /// Double entry: the account is debited, and credited are the link, by its share and in its currency, our income
    /// of fees, and with the rest our position. Amounts below zero go the other way.
    pub(super) fn post(&mut self, origin: &Origin, minor: i64, shares: Option<Shares>) {
        let file = self.account_mut(&origin.account);
        file.ledger_minor -= minor;
        let own = file.account.currency;
        let Some(shares) = shares else { return self.settle_with(origin.link, own, minor) };
        self.book(InternalAccount::FeeIncome, own, shares.fee_minor);
        self.book(InternalAccount::Position, own, minor - shares.fee_minor);
        self.book(InternalAccount::Position, shares.settlement_currency, -shares.settlement_minor);
        self.settle_with(origin.link, shares.settlement_currency, shares.settlement_minor);
    }

    pub(super) fn settle_with(&mut self, link: LinkName, currency: Currency, minor: i64) {
        *self.settlement.entry(SettlementKey { link, currency }).or_default() += i128::from(minor);
    }

    pub(super) fn book(&mut self, account: InternalAccount, currency: Currency, minor: i64) {
        if minor != 0 {
            *self.internal.entry((account, currency)).or_default() += i128::from(minor);
        }
    }

    /// What a link is owed in a currency, minor units; below zero what it owes.
    #[must_use]
    pub fn owed_to(&self, link: LinkName, currency: Currency) -> i128 {
        self.settlement.get(&SettlementKey { link, currency }).copied().unwrap_or(0)
    }

    /// Balance of an account of our own, minor units.
    #[must_use]
    pub fn internal_balance(&self, account: InternalAccount, currency: Currency) -> i128 {
        self.internal.get(&(account, currency)).copied().unwrap_or(0)
    }

    /// Currencies in which a link is or was owed something, or we have an account of our own.
    #[must_use]
    pub fn currencies_of_the_books(&self) -> Vec<Currency> {
        let links = self.settlement.keys().map(|key| key.currency);
        let mut currencies: Vec<Currency> =
            links.chain(self.internal.keys().map(|(_, currency)| *currency)).collect();
        currencies.sort_unstable();
        currencies.dedup();
        currencies
    }

    /// Sum of all ledger accounts of a currency, internal ones included. Double entry makes it zero.
    #[must_use]
    pub fn trial_balance(&self, currency: Currency) -> i128 {
        let of_currency = |file: &&AccountFile| file.account.currency == currency;
        let files = self.accounts.iter();
        let cardholders: i128 = files.filter(of_currency).map(|file| i128::from(file.ledger_minor)).sum();
        let links: i128 =
            self.settlement.iter().filter(|(key, _)| key.currency == currency).map(|(_, minor)| minor).sum();
        let own: i128 =
            self.internal.iter().filter(|((_, of), _)| *of == currency).map(|(_, minor)| minor).sum();
        cardholders + links + own + self.opening.get(&currency.numeric()).copied().unwrap_or(0)
    }
}
