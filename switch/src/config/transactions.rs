//! The table `[transactions]`: the transaction store and its archive.

use super::days;
use super::error::Complaint;
use super::section::Section;
use super::value::{duration_up_to, number, text};
use crate::settings::TransactionSettings;
use auth::limits::TRANSACTION_RETENTION;
use std::path::Path;
use toml::de::DeValue;

/// Days in the SQLite file, which shows at most 480 parts in a view.
const ONLINE_DAYS: u64 = 100;

/// Late repeats and reversals are looked up in the SQLite file, so it has the days that they may reach, and today.
pub(super) const REACHED_DAYS: u64 = TRANSACTION_RETENTION.as_secs() / (24 * 3600) + 1;

/// Five years, leap days included.
const RETENTION_DAYS: u64 = 1827;

pub(super) fn read(top: &mut Section<'_>, folder: &Path, data_folder: &Path) -> TransactionSettings {
    let mut settings = TransactionSettings {
        file: data_folder.join("transactions.db"),
        archive_folder: data_folder.join("archive"),
        online_days: ONLINE_DAYS as usize,
        retention: days(RETENTION_DAYS),
    };
    let Some(mut section) = top.table("transactions") else { return settings };
    let path = |value| text(value).map(|path| folder.join(path));
    settings.file = section.or("file", settings.file, path);
    settings.archive_folder = section.or("archive", settings.archive_folder, path);
    settings.online_days = section.or("online_days", ONLINE_DAYS, online_days) as usize;
    settings.retention = section.or("retention", settings.retention, duration_up_to(days(36_525)));
    section.finish();
    settings
}

fn online_days(value: &DeValue<'_>) -> Result<u64, Complaint> {
    let days = number(0..=400)(value)?;
    if days < REACHED_DAYS {
        let mend = format!("at least {REACHED_DAYS}: late repeats and reversals are looked up in these days");
        return Err(Complaint::new("is too few", mend));
    }
    Ok(days)
}
