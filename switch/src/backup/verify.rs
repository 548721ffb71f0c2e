use super::error::BackupError;
use super::manifest::Manifest;
use super::{JOURNAL, Progress, SNAPSHOTS, data_keys, journal_failed};
use crate::recovery::RecoveryError;
use crate::snapshots;
use auth::{Record, State};
use card::{Currency, Time};
use std::collections::BTreeSet;
use std::path::Path;
use store::{DataKeys, MasterKey, Start};

/// What a backup restores to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its list.
    pub manifest: Manifest,
    /// Number of records.
    pub records: u64,
    /// Number of decided transactions.
    pub transactions: u64,
    /// Time of the oldest and of the newest record that has one.
    pub times: Option<(Time, Time)>,
    /// Cards on file.
    pub cards: usize,
    /// Accounts on file.
    pub accounts: usize,
    /// The sum over the ledger of each currency of an account.
    pub trials: Vec<Trial>,
}

/// The sum of all ledger accounts of a currency, which double entry makes zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub sum_minor: i128,
}

impl Contents {
    /// Whether every trial balance is zero.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.trials.iter().all(|trial| trial.sum_minor == 0)
    }
}

/// Reads everything in a backup and builds the state it restores to.
///
/// # Errors
/// When the backup is not finished or not as it was written, or is sealed under another master key.
pub fn verify(
    backup: &Path,
    master: &MasterKey,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Contents, BackupError> {
    let manifest = Manifest::read(backup)?;
    for file in &manifest.files {
        file.check(backup)?;
        progress(Progress { path: &file.path, bytes: file.bytes });
    }
    let keys = data_keys(backup, master)?;
    let (mut state, start) = beginning(backup, &manifest, &keys)?;
    let mut currencies = BTreeSet::new();
    let (mut transactions, mut times) = (0, None);
    let visit = |record: Record| {
        if let Record::AccountStored(account) = &record {
            currencies.insert(account.currency.numeric());
        }
        transactions += u64::from(matches!(record, Record::Decided(_)));
        if let Some(time) = record.time() {
            let (first, last) = times.unwrap_or((time, time));
            times = Some((first.min(time), last.max(time)));
        }
        state.apply(&record);
    };
    let replay = read_records(backup, &keys, start, visit)?;
    if let Some(torn) = replay.torn {
        let reason = format!("ends in the middle of a frame at byte {}", torn.offset);
        return Err(BackupError::Damaged { file: torn.file, reason });
    }
    let (cards, accounts) = state.size();
    let trial = |numeric: u16| {
        let currency = Currency::from_numeric(numeric).ok()?;
        Some(Trial { currency, sum_minor: state.trial_balance(currency) })
    };
    // Links may be owed in currencies that no account has.
    currencies.extend(state.currencies_of_the_books().into_iter().map(Currency::numeric));
    let trials = currencies.into_iter().filter_map(trial).collect();
    Ok(Contents { records: replay.records, manifest, transactions, times, cards, accounts, trials })
}

/// Where the journal of a backup is read from: its beginning, and only where that is not there any more, the
/// snapshot.
pub(super) fn beginning(
    backup: &Path,
    manifest: &Manifest,
    keys: &DataKeys,
) -> Result<(State, Start), RecoveryError> {
    if manifest.first_segment == 1 {
        return Ok((State::default(), Start::default()));
    }
    snapshots::restore_state_from(&backup.join(SNAPSHOTS), &backup.join(JOURNAL), keys)
}

/// Visits the records of a backup, oldest first.
fn read_records(
    backup: &Path,
    keys: &DataKeys,
    start: Start,
    mut visit: impl FnMut(Record),
) -> Result<store::Replay, BackupError> {
    let read = store::read_from(&backup.join(JOURNAL), keys, start, &mut |_, _, bytes| {
        visit(store::decode_record(bytes)?);
        Ok(())
    });
    read.map_err(journal_failed)
}
