//! The table `[transactions]`: the transaction store and its archive.

use super::days;
use super::section::Section;
use super::value::{duration_up_to, number, text};
use crate::settings::TransactionSettings;
use std::path::Path;

/// Days in the SQLite file, which shows at most 480 parts in a view.
const ONLINE_DAYS: u64 = 100;

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
    settings.online_days = section.or("online_days", ONLINE_DAYS, number(2..=400)) as usize;
    settings.retention = section.or("retention", settings.retention, duration_up_to(days(36_525)));
    section.finish();
    settings
}
