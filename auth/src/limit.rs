//! Limits as configuration: what each adds up, over which time, for which transactions, and how much it lets pass.

use crate::counters::{Scope, Window};
use crate::names::LimitId;
use crate::product_rules;
use crate::request::{EntryMode, Request, TransactionType};
use crate::tables::Tables;
use std::ops::RangeInclusive;

/// A limit of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Name in the configuration.
    pub name: String,
    /// Made from the name: what own values and overrides call it.
    pub id: LimitId,
    /// Under which its counters stand. The name's, except that each product has its own of [`Scope::Product`].
    pub counter: LimitId,
    /// Place in the configuration, from 1; 0 for the short form within a product.
    pub number: u16,
    /// Whose transactions it adds up.
    pub scope: Scope,
    /// Over which time.
    pub window: Window,
    /// How much, and how often.
    pub bound: Bound,
    /// Of which transactions.
    pub filter: Filter,
}

/// How much, and how often. `None` is without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Bound {
    /// Minor units of the account currency, the transaction included.
    pub amount_minor: Option<i64>,
    /// Transactions, this one included.
    pub count: Option<u32>,
}

impl Bound {
    /// The lower of both, amount and count each by itself.
    #[must_use]
    pub fn strictest(self, other: Bound) -> Bound {
        fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Bound {
            amount_minor: lower(self.amount_minor, other.amount_minor),
            count: lower(self.count, other.count),
        }
    }

    /// The part of one of so many shards, rounded up: each of them sees its own cards alone.
    pub(crate) fn share(self, shards: u32) -> Bound {
        if shards <= 1 {
            return self;
        }
        Bound {
            amount_minor: self.amount_minor.map(|minor| {
                let shards = i64::from(shards);
                minor / shards + i64::from(minor % shards != 0)
            }),
            count: self.count.map(|count| count.div_ceil(shards)),
        }
    }
}

/// Of which transactions. What is empty or `None` is not asked about.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of these types; empty means those that take money.
    pub types: Vec<TransactionType>,
    /// Through these channels.
    pub channels: Vec<Channel>,
    /// With a merchant category in one of these ranges.
    pub mcc: Vec<RangeInclusive<u16>>,
    /// Where.
    pub place: Option<Place>,
    /// In these currencies (ISO 4217 numbers).
    pub currencies: Vec<u16>,
    /// Read like this.
    pub entry_modes: Vec<EntryMode>,
    /// Whether the card was there.
    pub card_present: Option<bool>,
}

/// Where a transaction comes from, by the acquirer's country (DE 19). An acquirer that names none is abroad, unless it is
/// our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Our country.
    Domestic,
    /// Any other.
    Foreign,
    /// One of these (ISO 3166 numbers).
    Countries(Vec<u16>),
}

/// Through what the card was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A cash machine.
    Atm,
    /// A terminal that read the card, or does not say how it got the number.
    Pos,
    /// Without the card: keyed in, or ordered from afar.
    Remote,
}

/// Merchant category of automated cash disbursement: the machine of another acquirer says no more.
const CASH_MACHINE: u16 = 6011;

impl Channel {
    /// The channel of a request.
    #[must_use]
    pub fn of(request: &Request) -> Channel {
        match request.entry {
            _ if request.cash.is_some() || request.mcc == CASH_MACHINE => Channel::Atm,
            EntryMode::Manual | EntryMode::Ecommerce | EntryMode::CredentialOnFile | EntryMode::Recurring => {
                Channel::Remote
            }
            _ => Channel::Pos,
        }
    }
}

impl Filter {
    /// Whether the limit is about this request.
    #[inline]
    pub(crate) fn matches(&self, request: &Request, tables: &Tables) -> bool {
        let of_type = match &self.types[..] {
            [] => request.transaction.takes_money(),
            types => types.contains(&request.transaction),
        };
        // Most limits ask for nothing else.
        of_type && (self.is_of_type_alone() || self.matches_further(request, tables))
    }

    fn is_of_type_alone(&self) -> bool {
        let Filter { types: _, channels, mcc, place, currencies, entry_modes, card_present } = self;
        channels.len() | mcc.len() | currencies.len() | entry_modes.len() == 0
            && place.is_none()
            && card_present.is_none()
    }

    fn matches_further(&self, request: &Request, tables: &Tables) -> bool {
        fn among<T: PartialEq>(list: &[T], value: &T) -> bool {
            list.is_empty() || list.contains(value)
        }
        let at_place = self.place.as_ref().is_none_or(|place| {
            let seen = product_rules::country(tables, request);
            match place {
                Place::Domestic => seen != 0 && seen == tables.country,
                Place::Foreign => seen == 0 || seen != tables.country,
                Place::Countries(countries) => countries.contains(&seen),
            }
        });
        at_place
            && among(&self.entry_modes, &request.entry)
            && among(&self.currencies, &request.currency)
            && (self.channels.is_empty() || self.channels.contains(&Channel::of(request)))
            && (self.mcc.is_empty() || self.mcc.iter().any(|range| range.contains(&request.mcc)))
            && self.card_present.is_none_or(|present| present == is_present(request.entry))
    }
}

/// Whether the card was there, as far as the way of reading tells; where nothing is stated it was.
fn is_present(entry: EntryMode) -> bool {
    !matches!(
        entry,
        EntryMode::Manual | EntryMode::Ecommerce | EntryMode::CredentialOnFile | EntryMode::Recurring
    )
}

/// The short form: limits of one type of transaction by card, minor units of the account currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of one transaction.
    pub per_transaction_minor: Option<i64>,
    /// Of a business day, by amount.
    pub daily_minor: Option<i64>,
    /// Of a business day, by number.
    pub daily_count: Option<u32>,
}

impl Limits {
    /// Names that a limit of the configuration may not have: those of the short form.
    pub const NAMES: [&str; 4] =
        ["purchase", "purchase_per_transaction", "withdrawal", "withdrawal_per_transaction"];

    /// The limits that this is short for: `purchase_per_transaction` and `purchase`, which is of the day, or the same of
    /// `withdrawal`.
    pub fn of(self, transaction: TransactionType) -> impl Iterator<Item = Limit> {
        let (day, one, types) = match transaction {
            TransactionType::Withdrawal => {
                let types = vec![TransactionType::Withdrawal, TransactionType::CashAdvance];
                (Limits::NAMES[2], Limits::NAMES[3], types)
            }
            _ => {
                let types = [TransactionType::Purchase, TransactionType::Cashback, TransactionType::Payment];
                (Limits::NAMES[0], Limits::NAMES[1], types.to_vec())
            }
        };
        let limit = move |name: &str, window, amount_minor, count| Limit {
            name: name.to_owned(),
            id: LimitId::of(name),
            counter: LimitId::of(name),
            number: 0,
            scope: Scope::Card,
            window,
            bound: Bound { amount_minor, count },
            filter: Filter { types: types.clone(), ..Filter::default() },
        };
        let one = limit(one, Window::TRANSACTION, self.per_transaction_minor, None);
        let day = limit(day, Window::DAY, self.daily_minor, self.daily_count);
        [one, day].into_iter().filter(|limit| limit.bound != Bound::default())
    }
}
