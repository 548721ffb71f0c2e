//! What few of a million cards have: kept apart, so that the others have room for a pointer to it and no more.

use super::CardFile;
use crate::card_mode::ModeFile;
use crate::holder::HolderFacts;
use crate::own_limits::OwnLimits;
use crate::script::Scripts;
use card::{CivilDay, Time};
use serde::{Deserialize, Serialize};

/// The part of a card's file that is empty as a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seldom {
    /// When the last wrong PIN came; `None` where nobody knows.
    pub(crate) last_wrong_pin: Option<Time>,
    pub(crate) own_limits: Option<Box<OwnLimits>>,
    /// Wrong printed values (CVV2), and on which business day.
    pub(super) wrong_cvv2s: Option<(u8, CivilDay)>,
    /// What is known of its holder.
    pub(crate) holder: Option<Box<HolderFacts>>,
    /// What its holder has chosen, where that is not the standard.
    pub(crate) mode: Option<Box<ModeFile>>,
    /// Commands for its chip.
    pub(crate) scripts: Option<Box<Scripts>>,
}

static NOTHING: Seldom = Seldom {
    last_wrong_pin: None,
    own_limits: None,
    wrong_cvv2s: None,
    holder: None,
    mode: None,
    scripts: None,
};

impl CardFile {
    pub(crate) fn seldom(&self) -> &Seldom {
        self.seldom.as_deref().unwrap_or(&NOTHING)
    }

    /// Changes it. What is empty afterwards takes no room.
    pub(super) fn change_seldom(&mut self, change: impl FnOnce(&mut Seldom)) {
        let seldom = self.seldom.get_or_insert_default();
        change(seldom);
        if **seldom == NOTHING {
            self.seldom = None;
        }
    }

    /// Wrong printed values on this business day; a new day begins anew.
    pub(crate) fn wrong_cvv2s(&self, today: CivilDay) -> u8 {
        self.seldom().wrong_cvv2s.filter(|(_, day)| *day == today).map_or(0, |(wrong, _)| wrong)
    }

    /// The last wrong PIN came then, or there is none that counts.
    pub(super) fn note_wrong_pin(&mut self, time: Option<Time>) {
        // Nearly every PIN is right, and nothing to be noted.
        if self.seldom().last_wrong_pin != time {
            self.change_seldom(|seldom| seldom.last_wrong_pin = time);
        }
    }
}
