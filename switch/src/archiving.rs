//! Days that are over: their way from the transaction store into the archive, and out of the store.
//!
//! Files are written and counted beside the store, which goes on following the journal: late repeats wait for it.

use crate::clock;
use crate::settings::{Settings, TransactionSettings};
use card::{CivilDay, Time, UtcOffset};
use std::time::Duration;
use transaction_store::{
    Compared, TransactionStore, TransactionStoreError, archive_day, compare_day, remove_archived_before,
};

/// How long after its end a business day is closed: the shards' last records have come by then.
const GRACE: Duration = Duration::from_mins(10);

/// What is to be done for closed days now.
#[derive(Debug)]
pub struct ClosedDays {
    settings: TransactionSettings,
    /// To be written.
    due: Vec<String>,
    /// To be compared with the archive, and then to leave the store.
    beyond: Vec<String>,
    /// The oldest day that an archive keeps.
    oldest: String,
}

/// What was done, to be told to the store.
#[derive(Debug)]
pub struct Archived {
    written: Vec<String>,
    compared: Vec<(String, Compared)>,
    oldest: String,
    /// The first error; what it is about is tried again the next time.
    failed: Option<TransactionStoreError>,
}

impl ClosedDays {
    /// Days that are over by now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of(
        settings: &Settings,
        store: &mut TransactionStore,
    ) -> Result<ClosedDays, TransactionStoreError> {
        let (transactions, offset) = (&settings.transactions, settings.tables.business_offset);
        let due = store.close_days(day_before(clock::now(), GRACE, offset))?;
        let CivilDay { year, month, day } = day_before(clock::now(), transactions.retention, offset);
        let oldest = format!("{year:04}-{month:02}-{day:02}");
        let beyond = store.days_beyond(transactions.online_days, &oldest);
        Ok(ClosedDays { settings: transactions.clone(), due, beyond, oldest })
    }

    /// Writes and compares files, and removes those that are past their retention. Reads the store by a connection of its
    /// own.
    #[must_use]
    pub fn archive(self) -> Archived {
        let ClosedDays { settings, due, beyond, oldest } = self;
        let (file, folder) = (&settings.file, &settings.archive_folder);
        let (mut written, mut compared, mut failed) = (Vec::new(), Vec::new(), None);
        for day in due {
            match archive_day(file, folder, &day) {
                Ok(files) => {
                    tracing::info!(day, files = files.len(), folder = %folder.display(), "archived");
                    written.push(day);
                }
                Err(error) => {
                    tracing::warn!(day, %error, "not archived");
                    failed = failed.or(Some(error));
                }
            }
        }
        for day in beyond {
            match compare_day(file, folder, &day) {
                Ok(found) => {
                    compared.push((day, found));
                    // Days go oldest first: behind one that has gone, nothing is archived any more.
                    if found == Compared::HasLess {
                        break;
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match remove_archived_before(folder, &oldest) {
            Ok(removed) => {
                for gone in removed {
                    tracing::info!(file = %gone.display(), "removed: past its retention");
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
        Archived { written, compared, oldest, failed }
    }
}

impl Archived {
    /// Tells the store what was archived, and drops what need not be online. Gives the days that are archived now.
    ///
    /// # Errors
    /// When the store fails, or the files of a day could not be written or read. The other days are done all the same.
    pub fn settle(self, store: &mut TransactionStore) -> Result<Vec<String>, TransactionStoreError> {
        let mut archived = Vec::new();
        for day in self.written {
            if store.mark_archived(&day)? {
                archived.push(day);
            } else {
                tracing::info!(day, "something was added meanwhile: it will be archived again");
            }
        }
        for (day, compared) in self.compared {
            if store.drop_day(&day, compared, &self.oldest)? {
                tracing::info!(day, "no longer online; the archive has it");
            }
        }
        self.failed.map_or(Ok(archived), Err)
    }
}

fn day_before(now: Time, period: Duration, offset: UtcOffset) -> CivilDay {
    let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
    Time::from_unix_ms(now.unix_ms.saturating_sub(period_ms)).day(offset)
}
