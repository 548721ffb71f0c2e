//! Which counters a transaction moves, and where they are.

use super::State;
use super::counters::Counters;
use super::snapshot::Element;
use crate::counters::{Counted, Moment, Scope, Window};
use crate::limits::{COUNTED_PLACES, COUNTED_SETS};
use crate::names::{CustomerId, LinkName, fingerprint};
use crate::own_limits::{LimitChanged, LimitHolder, OwnLimits};
use crate::particulars::Traces;
use crate::record::Origin;
use crate::stored::StoredTransaction;
use card::{MerchantId, Pan, TerminalId};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counters that belong to no card and no account of the shard, and the combinations that occur.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Few are different, so all transactions of a kind share one.
    sets: HashSet<Counted>,
    /// The newest of them: as a rule the next transaction is of the same kind.
    last: Counted,
    places: HashMap<Place, Counters>,
    /// What customers have of their own; few have.
    own_limits: BTreeMap<CustomerId, OwnLimits>,
    /// How many places there may be before those that count nothing any more are taken out.
    sweep_at: usize,
}

/// What has counters beside cards and accounts: its scope and 64 bits of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place(Scope, u64);

/// Opaque: counters in a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountersOf(Place, Counters);

/// Fewest places that a sweep is worth.
const SWEEP: usize = 1_024;

impl State {
    /// These counters, as one that all who have the same share.
    pub(crate) fn shared(&mut self, counts: &[crate::Count]) -> Counted {
        if counts.is_empty() {
            return Counted::default();
        }
        let Counting { sets, last, .. } = &mut self.counting;
        // The one that a step has just asked for comes again with its record.
        if std::ptr::eq(last.counts(), counts) || last.counts() == counts {
            return last.clone();
        }
        if let Some(known) = sets.get(counts) {
            last.clone_from(known);
            return known.clone();
        }
        let new = Counted::new(counts);
        if sets.len() < COUNTED_SETS {
            sets.insert(new.clone());
        }
        new
    }

    /// Moves the counters that a transaction says it moved.
    pub(super) fn count(&mut self, stored: &StoredTransaction) {
        // What it posts was counted before.
        if stored.booking.as_ref().is_some_and(|booking| booking.counted_at.is_some()) {
            return;
        }
        let (moment, minor) = (Moment::new(stored.business_day, stored.time), stored.counted_minor());
        let mut card = self.cards.get_mut(&stored.pan);
        let mut account = stored.account.and_then(|id| self.accounts.get_mut(&id));
        for count in stored.counted.counts() {
            if count.window == Window::TRANSACTION {
                let used_up = |own: &mut OwnLimits| own.used_up(count.limit);
                match (count.scope, &mut card, &mut account) {
                    (Scope::Customer, ..) => {
                        if let Some(customer) = stored.customer {
                            self.counting.change_of_customer(customer, used_up);
                        }
                    }
                    (Scope::Account, _, Some(account)) => change_own(&mut account.own_limits, used_up),
                    (Scope::Card, Some(card), _) => {
                        card.change_seldom(|seldom| change_own(&mut seldom.own_limits, used_up));
                    }
                    _ => {}
                }
                continue;
            }
            let counters = match count.scope {
                Scope::Card => card.as_deref_mut().map(|file| &mut file.counters),
                Scope::Account => {
                    account.as_deref_mut().map(|file| &mut **file.counters.get_or_insert_default())
                }
                scope => {
                    let traces = stored.traces.as_deref().copied().unwrap_or_default();
                    let place = Place::of(
                        scope,
                        stored.link,
                        stored.terminal,
                        stored.merchant,
                        stored.customer,
                        traces,
                    );
                    place.and_then(|place| self.counting.place(place, moment))
                }
            };
            if let Some(counters) = counters {
                counters.add(count.limit, count.window, moment, minor);
            }
        }
    }

    /// Takes back what a transaction counted, in the windows that counted it and as long as they last.
    pub(super) fn take_back(&mut self, pan: Pan, origin: &Origin, minor: i64, number: u32) {
        for count in origin.counted.counts() {
            let counters = match count.scope {
                Scope::Card => self.card_mut(&pan).map(|file| &mut file.counters),
                Scope::Account => {
                    self.accounts.get_mut(&origin.account).and_then(|file| file.counters.as_deref_mut())
                }
                scope => {
                    let place = Place::of(
                        scope,
                        origin.link,
                        origin.terminal,
                        origin.merchant,
                        origin.customer,
                        origin.traces,
                    );
                    place.and_then(|place| self.counting.places.get_mut(&place))
                }
            };
            if let Some(counters) = counters {
                let when = Moment::new(origin.business_day, origin.time);
                counters.take_back(count.limit, count.window, when, minor, number);
            }
        }
    }

    pub(super) fn limit_changed(&mut self, changed: &LimitChanged) {
        let change = |own: &mut OwnLimits| own.change(changed.limit, &changed.change, changed.time);
        match changed.holder {
            LimitHolder::Card(pan) => {
                if let Some(file) = self.card_mut(&pan) {
                    file.change_seldom(|seldom| change_own(&mut seldom.own_limits, change));
                }
            }
            LimitHolder::Account(id) => {
                if let Some(file) = self.accounts.get_mut(&id) {
                    change_own(&mut file.own_limits, change);
                }
            }
            LimitHolder::Customer(customer) => self.counting.change_of_customer(customer, change),
        }
    }

    /// What a customer has of their own.
    pub(crate) fn own_limits_of_customer(&self, customer: &CustomerId) -> Option<&OwnLimits> {
        // Most have nothing, and most installations have nobody who has.
        if self.counting.own_limits.is_empty() { None } else { self.counting.own_limits.get(customer) }
    }

    /// How many customers have something of their own.
    pub(crate) fn customers_with_limits(&self) -> usize {
        self.counting.own_limits.len()
    }

    pub(super) fn frozen_customers(&self) -> Vec<Element> {
        let of =
            |(customer, own): (&CustomerId, &OwnLimits)| Element::Customer(*customer, Box::new(own.clone()));
        self.counting.own_limits.iter().map(of).collect()
    }

    pub(super) fn restore_customer(&mut self, customer: CustomerId, own: OwnLimits) {
        self.counting.own_limits.insert(customer, own);
    }

    /// What a card, an account or a customer has of its own.
    #[must_use]
    pub fn own_limits(&self, holder: &LimitHolder) -> Option<&OwnLimits> {
        match holder {
            LimitHolder::Card(pan) => self.card(pan)?.seldom().own_limits.as_deref(),
            LimitHolder::Account(id) => self.account(id)?.own_limits.as_deref(),
            LimitHolder::Customer(customer) => self.own_limits_of_customer(customer),
        }
    }

    pub(crate) fn counters_of_customer(&self, customer: &CustomerId) -> Option<&Counters> {
        self.counting.places.get(&Place::customer(customer))
    }

    pub(crate) fn counters_at_terminal(&self, link: LinkName, terminal: TerminalId) -> Option<&Counters> {
        self.counting.places.get(&Place::terminal(link, terminal))
    }

    pub(crate) fn counters_at_merchant(&self, merchant: &MerchantId) -> Option<&Counters> {
        self.counting.places.get(&Place::merchant(merchant))
    }

    /// Of an IP address, e-mail domain or address, by its keyed hash.
    pub(crate) fn counters_of_trace(&self, scope: Scope, trace: u64) -> Option<&Counters> {
        self.counting.places.get(&Place(scope, trace))
    }

    pub(crate) fn counters_of_product(&self) -> Option<&Counters> {
        self.counting.places.get(&Place(Scope::Product, 0))
    }

    pub(super) fn frozen_counters(&self) -> Vec<Element> {
        let of = |(place, counters): (&Place, &Counters)| {
            Element::Counters(Box::new(CountersOf(*place, counters.clone())))
        };
        self.counting.places.iter().map(of).collect()
    }

    /// Where the snapshot was of several shards, their counters add up.
    pub(super) fn restore_counters(&mut self, CountersOf(place, counters): CountersOf) {
        self.counting.places.entry(place).or_default().merge(&counters);
    }
}

/// Most cards have nothing of their own, and those that had shall not keep the room.
fn change_own(own: &mut Option<Box<OwnLimits>>, change: impl FnOnce(&mut OwnLimits)) {
    change(own.get_or_insert_default());
    if own.as_ref().is_some_and(|own| own.is_empty()) {
        *own = None;
    }
}

impl Counting {
    fn change_of_customer(&mut self, customer: CustomerId, change: impl FnOnce(&mut OwnLimits)) {
        let own = self.own_limits.entry(customer).or_default();
        change(own);
        if own.is_empty() {
            self.own_limits.remove(&customer);
        }
    }

    /// The counters of a place, which may be new. `None` when there are too many.
    fn place(&mut self, place: Place, moment: Moment) -> Option<&mut Counters> {
        if self.places.len() >= self.sweep_at.max(SWEEP) && !self.places.contains_key(&place) {
            self.places.retain(|_, counters| !counters.is_over(moment));
            // Twice as many as are in use, so that a sweep pays for what it looks at.
            self.sweep_at = (2 * self.places.len()).clamp(SWEEP, COUNTED_PLACES);
            if self.places.len() >= COUNTED_PLACES {
                return None;
            }
        }
        Some(self.places.entry(place).or_default())
    }
}

impl CountersOf {
    /// The number of a customer, whose counters these are.
    pub(super) fn customer(&self) -> Option<u64> {
        (self.0.0 == Scope::Customer).then_some(self.0.1)
    }
}

impl Place {
    fn of(
        scope: Scope,
        link: LinkName,
        terminal: TerminalId,
        merchant: Option<MerchantId>,
        customer: Option<CustomerId>,
        traces: Traces,
    ) -> Option<Place> {
        match scope {
            Scope::Card | Scope::Account => None,
            Scope::Customer => customer.as_ref().map(Place::customer),
            Scope::Terminal => Some(Place::terminal(link, terminal)),
            Scope::Merchant => merchant.as_ref().map(Place::merchant),
            Scope::Product => Some(Place(Scope::Product, 0)),
            Scope::Ip | Scope::Email | Scope::Address => traces.of(scope).map(|trace| Place(scope, trace)),
        }
    }

    fn customer(customer: &CustomerId) -> Place {
        Place(Scope::Customer, customer.spread().get())
    }

    fn terminal(link: LinkName, terminal: TerminalId) -> Place {
        Place(Scope::Terminal, fingerprint(&[link.as_str().as_bytes(), terminal.as_bytes()]))
    }

    fn merchant(merchant: &MerchantId) -> Place {
        Place(Scope::Merchant, fingerprint(&[merchant.as_bytes()]))
    }
}
