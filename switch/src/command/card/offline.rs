//! A job while no switch runs: the records are kept until all lines are checked, then written to the journal
//! in batches.

use super::job::{Job, JobError, Kind, Note};
use crate::card_file::Counts;
use crate::clock;
use crate::recovery::{self, PROVISIONING, RecoveryError};
use crate::settings::Settings;
use auth::{Planned, Record, State};
use store::{Batch, FileJournal, Journal, JournalError};

/// Most bytes of records that are kept until all lines are checked.
pub(super) const KEPT_BYTES: usize = 2 << 30;

/// A batch is full from here on. It is one frame of the journal; its buffer grows in powers of two, which
/// this just fills.
const BATCH_BYTES: usize = (1 << 20) - (1 << 10);

/// Batches for one sync.
const SYNC_BATCHES: usize = 16;

/// Makes all changes, or none where a line is bad.
pub(super) fn run(job: &Job<'_>, note: &mut dyn FnMut(Note)) -> Result<Counts, JobError> {
    let input = job.open()?;
    let (mut journal, mut state) = open_journal(job.settings)?;
    let mut kept = Kept::default();
    let mut counts = Counts::default();
    let now = clock::now();
    job.read(input, note, &mut |wanted| {
        let planned = wanted
            .change
            .plan(&state, now)
            .map_err(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        counts.count(planned.done, wanted.names_account_first);
        match job.kind {
            // The state is as it was before the first line; the sheet knows what the lines since then have said.
            Kind::Import { .. } => {
                let Planned { account, card, .. } = planned;
                let account = account.filter(|_| wanted.names_account_first);
                account.iter().chain(&card).for_each(|record| kept.push(record));
            }
            // An account goes with the last of its cards, so each removal has to see those before it.
            Kind::Remove { .. } => planned.records().for_each(|record| {
                state.apply(&record);
                kept.push(&record);
            }),
        }
        kept.end_line();
        Ok(())
    })?;
    if kept.too_large {
        return Err(JobError::TooLarge);
    }
    drop(state);
    kept.write(&mut journal, note)?;
    Ok(counts)
}

pub(super) fn open_journal(settings: &Settings) -> Result<(FileJournal, State), JobError> {
    recovery::open_state(settings).map_err(|error| match error {
        RecoveryError::Journal(JournalError::InUse { pid, .. }) => JobError::InUse(pid),
        error => JobError::Recovery(error),
    })
}

/// Records that wait until all lines are checked, some 80 bytes for a card with an account of its own.
#[derive(Default)]
pub(super) struct Kept {
    full: Vec<(Batch, u64)>,
    batch: Batch,
    /// Lines of the batch in the making, and of all.
    lines: u64,
    all_lines: u64,
    bytes: usize,
    pub(super) too_large: bool,
}

impl Kept {
    pub(super) fn push(&mut self, record: &Record) {
        if !self.too_large {
            self.batch.push_with(|out| store::encode_record(record, out));
        }
    }

    /// A batch ends with a line: what a line says is durable together.
    pub(super) fn end_line(&mut self) {
        self.lines += 1;
        self.all_lines += 1;
        if self.batch.size() >= BATCH_BYTES {
            self.end_batch();
        }
    }

    fn end_batch(&mut self) {
        self.bytes += self.batch.size();
        self.full.push((std::mem::take(&mut self.batch), std::mem::take(&mut self.lines)));
        if self.bytes > KEPT_BYTES {
            // The other lines are still checked, but nothing will be written.
            self.too_large = true;
            self.full = Vec::new();
        }
    }

    /// One batch after another, so whoever is interrupted here finds a beginning of the file done, and the
    /// same command does the rest.
    pub(super) fn write(
        mut self,
        journal: &mut FileJournal,
        note: &mut dyn FnMut(Note),
    ) -> Result<(), JobError> {
        self.end_batch();
        let mut done = 0;
        let count = self.full.len();
        for (index, (batch, lines)) in self.full.into_iter().enumerate() {
            let position = journal.position(PROVISIONING);
            journal.append(PROVISIONING, position, &batch).map_err(JobError::Append)?;
            if (index + 1).is_multiple_of(SYNC_BATCHES) || index + 1 == count {
                journal.sync().map_err(|error| JobError::Append(error.into()))?;
            }
            done += lines;
            note(Note::Done(done, self.all_lines));
        }
        Ok(())
    }
}
