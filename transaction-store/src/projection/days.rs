//! Days that are over: which of them an archive has, and which need not be in the store any more.

use super::Progress;
use super::TransactionStore;
use crate::archive::Compared;
use crate::entry::day_text;
use crate::error::{TransactionStoreError, while_doing};
use crate::part::{Kind, Part};
use card::{CivilDay, Time};

#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) archived: bool,
    /// Somebody reads it to archive it, and nothing was added since that began.
    pub(super) being_archived: bool,
    pub(super) changed: bool,
}

impl Day {
    /// A day that no archive has, at least not as it is now.
    pub(super) const DUE: Day = Day { archived: false, being_archived: false, changed: true };
}

impl TransactionStore {
    /// Days before `today` that no archive has, oldest first. Their parts are merged on the way. Days of which the
    /// beginning may be missing are passed over: an archive that has them has more of them. What is added to one of them
    /// from now on is noticed, so an archive may be written while records go on coming.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn close_days(&mut self, today: CivilDay) -> Result<Vec<String>, TransactionStoreError> {
        let today = day_text(today);
        let closed =
            self.days.iter().filter(|(day, state)| **day < today && !state.archived && self.has_all_of(day));
        let closed: Vec<String> = closed.map(|(day, _)| day.clone()).collect();
        for day in &closed {
            for kind in [Kind::Transactions, Kind::Events] {
                if self.small_parts(kind, day).len() > 1 {
                    self.merge(kind, day).map_err(while_doing("merging parts"))?;
                }
            }
            if let Some(state) = self.days.get_mut(day) {
                state.being_archived = true;
            }
        }
        // Whoever adds a row looks at the day's state first.
        self.open.clear();
        Ok(closed)
    }

    /// Whether everything of this day is here, or will be.
    fn has_all_of(&self, day: &str) -> bool {
        match self.covers_since {
            None => false,
            Some(Progress::ALWAYS) => true,
            Some(since) => *day > *day_text(since.day(self.business_offset)),
        }
    }

    /// Notes that an archive has this day, which was written after [`close_days`](TransactionStore::close_days) had named
    /// it. Says whether it has all of it: what was added meanwhile makes the day due again.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn mark_archived(&mut self, day: &str) -> Result<bool, TransactionStoreError> {
        let Some(state) = self.days.get_mut(day).filter(|state| state.being_archived) else {
            return Ok(false);
        };
        *state = Day { archived: true, being_archived: false, changed: true };
        let written = self.begin().and_then(|()| self.finish_transaction());
        written.map_err(while_doing("noting an archived day"))?;
        Ok(true)
    }

    /// Something is added to a day, or changed in it: an archive must be written again, or first.
    pub(super) fn touch(&mut self, day: &str) {
        if let Some(state) = self.days.get_mut(day).filter(|state| state.archived || state.being_archived) {
            *state = Day::DUE;
        }
    }

    /// Days that need not be online, oldest first, where at most this many are: those that an archive has, and those before
    /// `oldest` (`YYYY-MM-DD`), which no archive keeps any more. Each may be [dropped](TransactionStore::drop_day) once it
    /// was [compared](crate::compare_day) with the archive.
    #[must_use]
    pub fn days_beyond(&self, online_days: usize, oldest: &str) -> Vec<String> {
        let surplus = self.days.len().saturating_sub(online_days);
        let days = self.days.iter().take(surplus).filter(|(day, state)| self.may_go(day, **state, oldest));
        days.map(|(day, _)| day.clone()).collect()
    }

    /// A day that is here in part is never archived.
    fn may_go(&self, day: &str, state: Day, oldest: &str) -> bool {
        state.archived || (day < oldest && !self.has_all_of(day))
    }

    /// Drops one of the [`days_beyond`](TransactionStore::days_beyond), if nothing was added to it since and the archive has
    /// every row, or it is before `oldest` and no archive keeps it. Says whether it went. A day whose files are gone or
    /// have fewer rows is due to be archived again; what the archive has beyond the store cannot be held against it, so
    /// such a day stays.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn drop_day(
        &mut self,
        day: &str,
        compared: Compared,
        oldest: &str,
    ) -> Result<bool, TransactionStoreError> {
        let Some(state) = self.days.get(day).copied() else { return Ok(false) };
        if !self.may_go(day, state, oldest) {
            return Ok(false);
        }
        let compared = if day < oldest { Compared::Same } else { compared };
        match compared {
            Compared::Same => {
                self.remove_day(day).map_err(while_doing("dropping a day that is archived"))?;
                Ok(true)
            }
            Compared::HasLess => {
                self.days.insert(day.to_owned(), Day::DUE);
                let noted = self.begin().and_then(|()| self.finish_transaction());
                noted.map_err(while_doing("noting a day to archive"))?;
                Ok(false)
            }
            Compared::HasMore => Ok(false),
        }
    }

    fn remove_day(&mut self, day: &str) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection.flush_prepared_statement_cache();
        let gone: Vec<Part> = self.parts.iter().filter(|part| part.day == day).cloned().collect();
        for part in &gone {
            self.connection.execute("DELETE FROM parts WHERE number = ?", [part.number])?;
        }
        // A row that comes late must not have the day archived anew without the others.
        let last = gone.iter().map(|part| Time::from_unix_ms(part.last_ms.saturating_add(1))).max();
        self.covers_since = self.covers_since.max(last);
        self.drop_parts(&gone)?;
        self.connection.execute("DELETE FROM terminal_totals WHERE business_day = ?", [day])?;
        self.connection.execute("DELETE FROM days WHERE business_day = ?", [day])?;
        self.days.remove(day);
        self.parts_changed = true;
        self.finish_transaction()
    }
}
