//! What a card, an account or a customer has of its own: values that are stricter than those of its product, and overrides
//! that hold for a while.

use crate::limit::Bound;
use crate::names::{AccountId, CustomerId, LimitId};
use card::{Pan, Time};
use serde::{Deserialize, Serialize};

/// Own values, and overrides, that one card, account or customer can have; one for each limit.
pub const OWN_LIMITS: usize = 16;

/// Own values and overrides of a card, an account or a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLimits {
    bounds: Vec<(LimitId, Bound)>,
    overrides: Vec<(LimitId, Override)>,
}

/// What stands in the place of a limit for a while. Afterwards the limit holds as before, and what was counted
/// meanwhile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// How much, and how often; `None` is without bound.
    pub bound: Bound,
    /// The first moment at which it holds no longer.
    pub until: Time,
    /// Whether the first approval that needed it ends it.
    pub once: bool,
}

/// A change of what a card, an account or a customer has of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitChanged {
    /// Whose.
    pub holder: LimitHolder,
    /// Of which limit.
    pub limit: LimitId,
    /// How.
    pub change: LimitChange,
    /// When.
    pub time: Time,
}

/// Who has limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitHolder {
    /// A card.
    Card(#[serde(with = "card::sealed_pan")] Pan),
    /// An account, which passes them to all of its cards.
    Account(AccountId),
    /// A customer, who passes them to all of their accounts.
    Customer(CustomerId),
}

/// How a limit of one's own changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitChange {
    /// This holds from now on, where it is stricter than what holds anyway. Without bounds it ends.
    Own(Bound),
    /// This stands in the place of everything else for a while; `None` ends it.
    Override(Option<Override>),
}

impl OwnLimits {
    /// The own value of a limit.
    #[must_use]
    pub fn bound(&self, limit: LimitId) -> Option<Bound> {
        self.bounds.iter().find(|(of, _)| *of == limit).map(|(_, bound)| *bound)
    }

    /// The override of a limit, as long as it holds.
    #[must_use]
    pub fn replaced(&self, limit: LimitId, now: Time) -> Option<Override> {
        let found = self.overrides.iter().find(|(of, _)| *of == limit).map(|(_, replaced)| *replaced);
        found.filter(|replaced| now < replaced.until)
    }

    /// Own values by limit.
    #[must_use]
    pub fn bounds(&self) -> &[(LimitId, Bound)] {
        &self.bounds
    }

    /// Overrides by limit, those that have ended included until another takes their place.
    #[must_use]
    pub fn overrides(&self) -> &[(LimitId, Override)] {
        &self.overrides
    }

    /// Whether there is room for this change.
    pub(crate) fn has_room(&self, limit: LimitId, change: &LimitChange, now: Time) -> bool {
        match change {
            LimitChange::Own(_) => {
                self.bounds.len() < OWN_LIMITS || self.bounds.iter().any(|(of, _)| *of == limit)
            }
            LimitChange::Override(_) => {
                let going = |(of, replaced): &(LimitId, Override)| *of == limit || replaced.until <= now;
                self.overrides.len() < OWN_LIMITS || self.overrides.iter().any(going)
            }
        }
    }

    pub(crate) fn change(&mut self, limit: LimitId, change: &LimitChange, now: Time) {
        match change {
            LimitChange::Own(bound) => {
                self.bounds.retain(|(of, _)| *of != limit);
                if *bound != Bound::default() {
                    self.bounds.push((limit, *bound));
                }
            }
            LimitChange::Override(replaced) => {
                self.overrides.retain(|(of, replaced)| *of != limit && now < replaced.until);
                self.overrides.extend(replaced.map(|replaced| (limit, replaced)));
            }
        }
    }

    /// An override for one transaction has had it.
    pub(crate) fn used_up(&mut self, limit: LimitId) {
        self.overrides.retain(|(of, replaced)| *of != limit || !replaced.once);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bounds.is_empty() && self.overrides.is_empty()
    }
}
