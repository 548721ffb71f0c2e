//! What import, update and removal have in common: lines become changes, and either all are made or none.
//! Where they are made depends on who has the journal: `offline.rs` writes it, `online.rs` hands them to
//! the switch that runs.

use super::progress::Progress;
use super::{BAD_DATA, offline, online};
use crate::card_file::{self, CardRules, Column, Counts, Sheet, SourceError, masked, removal};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::edge::control::ControlError;
use crate::recovery::RecoveryError;
use crate::settings::Settings;
use auth::CardChange;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::AppendError;

/// A card file, and what to do with it.
pub(super) struct Job<'a> {
    pub(super) file: &'a Path,
    pub(super) settings: &'a Settings,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Import { update: bool },
    Remove { accounts: bool },
}

/// One good line.
pub(super) struct Wanted {
    /// Line of the file, from 1.
    pub(super) line: u64,
    pub(super) change: CardChange,
    /// Whether no earlier line named the account.
    pub(super) names_account_first: bool,
}

/// What there is to say meanwhile.
pub(crate) enum Note {
    /// So many lines, in so many bytes of the file, have been checked.
    Checked(u64, u64),
    /// So many lines of so many have been written, or carried out.
    Done(u64, u64),
    /// A line is bad: file, number, masked card number, and everything that is wrong with it.
    Bad(String),
}

/// Why nothing was done; or, where it says so, not all.
#[derive(Debug)]
pub(crate) enum JobError {
    /// The file cannot be opened.
    File(PathBuf, io::Error),
    /// The master key or the journal cannot be read.
    Recovery(RecoveryError),
    /// A process, of this number if it is known, has the journal open.
    InUse(Option<u32>),
    /// So many lines are bad; each has been told as a [`Note`].
    BadLines(u64),
    /// What is kept until all lines are checked has become too much.
    TooLarge,
    /// The journal took them not, or not all.
    Append(AppendError),
    /// The process of this number has the journal open, and its control socket does not answer.
    Control(Option<u32>, ControlError),
    /// The switch refused, for this reason.
    Refused(String),
    /// The switch refused so many lines while it carried them out, after it had found them good.
    Partly(u64),
}

/// Exit code when neither the journal nor a switch is to be had (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

/// Runs a job of the command `turnout card NAME` and reports to the terminal.
pub(super) fn run(
    name: &str,
    config: &Path,
    file: &Path,
    kind: Kind,
    format: DataFormat,
) -> Result<(), ExitCode> {
    let configuration = good_configuration(config)?;
    let job = Job { file, settings: &configuration.settings, kind };
    let mut progress = Progress::new(file);
    let mut note = |note| progress.tell(note);
    let done = match offline::run(&job, &mut note) {
        Err(JobError::InUse(pid)) => online::run(&job, pid, &mut note),
        other => other,
    };
    progress.end();
    let counts = done.map_err(|error| {
        eprintln!("turnout card {name}: {error}");
        ExitCode::from(error.exit_code())
    })?;
    report(kind, format, counts);
    Ok(())
}

impl Job<'_> {
    /// Opens the file before anything else is touched.
    pub(super) fn open(&self) -> Result<Box<dyn Read>, JobError> {
        if self.file == Path::new("-") {
            return Ok(Box::new(io::stdin().lock()));
        }
        let opened = File::open(self.file).map_err(|error| JobError::File(self.file.to_owned(), error))?;
        Ok(Box::new(opened))
    }

    /// Reads the whole file. `visit` takes every good line, or says everything that is wrong with it.
    pub(super) fn read(
        &self,
        input: Box<dyn Read>,
        note: &mut dyn FnMut(Note),
        visit: &mut dyn FnMut(Wanted) -> Result<(), Vec<String>>,
    ) -> Result<(), JobError> {
        let rules = CardRules::of(self.settings);
        let mut sheet = Sheet::default();
        let file = self.file.display();
        let (mut lines, mut bad) = (0u64, 0u64);
        let mut each = |line: Result<&card_file::Line, SourceError>| {
            lines += 1;
            let reason = match line {
                Ok(line) => {
                    note(Note::Checked(lines, line.bytes));
                    let wanted = match self.kind {
                        Kind::Import { update } => sheet.read(line, &rules, update).map(|read| Wanted {
                            line: line.number,
                            change: read.change,
                            names_account_first: read.names_account_first,
                        }),
                        Kind::Remove { accounts } => removal(line, accounts).map(|change| Wanted {
                            line: line.number,
                            change,
                            names_account_first: true,
                        }),
                    };
                    let done = wanted.map_err(|faults| faults.0).and_then(&mut *visit);
                    let Err(reasons) = done else { return };
                    format!(
                        "{file}:{}: {}: {}",
                        line.number,
                        masked(line.cell(Column::Pan)),
                        reasons.join("; ")
                    )
                }
                Err(SourceError::Line(number, reason)) => format!("{file}:{number}: {reason}"),
                Err(SourceError::File(reason)) => format!("{file}: {reason}"),
            };
            bad += 1;
            note(Note::Bad(reason));
        };
        let is_json = card_file::is_json(self.file);
        match self.kind {
            Kind::Import { .. } => card_file::read(input, is_json, &mut each),
            Kind::Remove { .. } => card_file::read_numbers(input, is_json, &mut each),
        }
        if bad > 0 { Err(JobError::BadLines(bad)) } else { Ok(()) }
    }
}

fn report(kind: Kind, format: DataFormat, counts: Counts) {
    if format == DataFormat::Json {
        println!("{}", counts.to_json());
        return;
    }
    let Counts { cards_added, cards_updated, cards_unchanged, cards_removed, cards_absent, .. } = counts;
    let Counts {
        accounts_opened,
        accounts_updated,
        accounts_unchanged,
        accounts_removed,
        accounts_absent,
        ..
    } = counts;
    match kind {
        Kind::Import { .. } => {
            println!("cards: {cards_added} added, {cards_updated} updated, {cards_unchanged} unchanged");
            println!(
                "accounts: {accounts_opened} opened, {accounts_updated} updated, {accounts_unchanged} unchanged"
            );
        }
        Kind::Remove { .. } => {
            println!("cards: {cards_removed} removed, {cards_absent} not on file");
            println!("accounts: {accounts_removed} closed, {accounts_absent} not on file");
        }
    }
}

impl JobError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            JobError::File(..) | JobError::BadLines(_) | JobError::TooLarge | JobError::Partly(_) => BAD_DATA,
            JobError::InUse(_) | JobError::Control(..) | JobError::Refused(_) => UNAVAILABLE,
            JobError::Recovery(_) | JobError::Append(_) => 1,
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::File(path, error) => write!(f, "{}: {error}", path.display()),
            JobError::Recovery(error) => write!(f, "{error}"),
            JobError::InUse(pid) => {
                in_use(f, *pid)?;
                f.write_str(", do this again, and start it again")
            }
            JobError::Control(pid, error) => {
                in_use(f, *pid)?;
                write!(f, ", do this again, and start it again. Its control socket does not answer: {error}")
            }
            JobError::BadLines(1) => f.write_str("nothing was done: 1 line is bad"),
            JobError::BadLines(bad) => write!(f, "nothing was done: {bad} lines are bad"),
            JobError::TooLarge => write!(f, "nothing was done: {SPLIT}"),
            JobError::Append(error) => {
                write!(
                    f,
                    "{error}; run the command again once that is mended: what is done already is skipped"
                )
            }
            JobError::Refused(reason) => write!(f, "the switch says: {reason}"),
            JobError::Partly(refused) => write!(
                f,
                "{refused} lines were refused while the others were carried out: cards or accounts changed meanwhile"
            ),
        }
    }
}

fn in_use(f: &mut fmt::Formatter<'_>, pid: Option<u32>) -> fmt::Result {
    match pid {
        Some(pid) => write!(
            f,
            "process {pid} has the journal open, `turnout serve` most likely: stop it (`kill -TERM {pid}`)"
        ),
        None => f.write_str("another process has the journal open, `turnout serve` most likely: stop it"),
    }
}

impl std::error::Error for JobError {}

/// What to do about a file that is too large.
const SPLIT: &str =
    "the file has more than is kept until all lines are checked, 2 GiB or some 20 million cards. \
Split it and take one part after another; each part of a CSV begins with the header:
  tail -n +2 cards.csv | split -l 10000000 --filter='(head -n 1 cards.csv; cat) > $FILE' - part-
  split -l 10000000 cards.jsonl part-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_bad_data_and_told_how_to_split() {
        let error = JobError::TooLarge;
        assert_eq!(error.exit_code(), BAD_DATA);
        let text = error.to_string();
        assert!(text.starts_with("nothing was done: ") && text.contains("split -l 10000000"), "{text}");
        assert!(text.contains("2 GiB") && offline::KEPT_BYTES == 2 << 30);
    }
}
