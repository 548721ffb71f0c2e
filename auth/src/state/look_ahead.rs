//! Memory far from the processor answers in some 300 ns, and eight questions at once in hardly more. With millions of
//! cards and transactions nearly all that a step looks for is far, so before the first of many steps all that
//! they are about to look for is asked for together. Nothing depends on it but the time.

use super::{Element, State};
use crate::indexed::{Entry, LOOK_AHEAD};
use crate::names::{AccountId, OriginalKey, TransmissionTime};
use crate::record::Record;
use crate::request::Request;
use arrayvec::ArrayVec;
use card::Pan;
use std::hint::black_box;

/// What one step is going to look for.
#[derive(Default)]
pub(crate) struct Sought {
    pan: Option<Pan>,
    /// That of the card where it is not known.
    account: Option<AccountId>,
    key: Option<(OriginalKey, TransmissionTime)>,
    decides: bool,
}

impl Sought {
    /// By a request that has just come.
    pub(crate) fn by_request(request: &Request) -> Sought {
        let key = Some((request.key(), request.transmission));
        Sought { pan: Some(request.pan), key, ..Sought::default() }
    }

    /// By the decision on a request.
    pub(crate) fn by_decision(request: &Request) -> Sought {
        Sought { decides: true, ..Sought::by_request(request) }
    }

    /// By a record.
    pub(crate) fn by_record(record: &Record) -> Sought {
        match record {
            Record::Decided(decided) => {
                let key = OriginalKey { link: decided.link, terminal: decided.terminal, stan: decided.stan };
                let key = Some((key, decided.transmission));
                Sought { pan: Some(decided.pan), account: decided.account, key, decides: true }
            }
            Record::AccountStored(account) => Sought { account: Some(account.id), ..Sought::default() },
            Record::CardStored(card) => {
                Sought { pan: Some(card.pan), account: Some(card.account), ..Sought::default() }
            }
            other => Sought { pan: other.pan(), ..Sought::default() },
        }
    }
}

impl State {
    /// Asks for what these records will look for. Best for [`LOOK_AHEAD`] of them at a time.
    pub fn look_ahead<'a>(&self, records: impl Iterator<Item = &'a Record>) {
        let sought: ArrayVec<Sought, LOOK_AHEAD> = records.take(LOOK_AHEAD).map(Sought::by_record).collect();
        self.seek(&sought);
    }

    /// The same for elements of a snapshot.
    pub fn look_ahead_elements<'a>(&self, elements: impl Iterator<Item = &'a Element> + Clone) {
        let accounts = elements.clone().filter_map(|element| match element {
            Element::Account(file) => Some(file.key()),
            _ => None,
        });
        self.accounts.look_ahead(accounts);
        let cards = elements.clone().filter_map(|element| match element {
            Element::Card(file) => Some(file.key()),
            _ => None,
        });
        self.cards.look_ahead(cards);
        let prints = elements.filter_map(|element| match element {
            Element::Transaction(stored) => Some(stored.key().fingerprint()),
            _ => None,
        });
        black_box(prints.filter(|print| self.newest.contains_key(print)).count());
    }

    pub(crate) fn seek(&self, sought: &[Sought]) {
        self.cards.look_ahead(sought.iter().filter_map(|sought| sought.pan));
        self.accounts.look_ahead(sought.iter().filter_map(|sought| {
            sought.account.or_else(|| Some(self.cards.get(&sought.pan?)?.card.account))
        }));
        self.seek_prints(sought.iter().filter_map(|sought| sought.key));
        // For each that comes into a full memory the oldest goes.
        let decisions = sought.iter().filter(|sought| sought.decides).count();
        let leaving = (self.transactions.len() + decisions).saturating_sub(self.memory.transactions);
        let oldest = self.by_time.iter().take(leaving.min(decisions)).map(|(_, id)| *id);
        self.transactions.look_ahead(oldest.clone());
        let oldest = oldest.filter_map(|id| self.transaction(id));
        self.seek_prints(oldest.map(|stored| (stored.key(), stored.transmission)));
    }

    fn seek_prints(&self, keys: impl Iterator<Item = (OriginalKey, TransmissionTime)>) {
        let prints: ArrayVec<[u64; 2], LOOK_AHEAD> =
            keys.map(|(key, time)| [key.fingerprint(), key.fingerprint_at(time)]).take(LOOK_AHEAD).collect();
        black_box(prints.iter().filter(|[print, _]| self.newest.contains_key(print)).count());
        black_box(prints.iter().filter(|[_, print]| self.left.contains(*print)).count());
    }
}
