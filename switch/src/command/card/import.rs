//! `turnout card import`: a file of cards, all of it or nothing.

use super::BAD_DATA;
use super::plan::{Counts, Plan};
use super::source::{self, Column, SourceError};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::config::Configuration;
use crate::recovery::{self, PROVISIONING, RecoveryError};
use auth::{Record, State};
use card::Pan;
use serde_json::json;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{AppendError, Batch, FileJournal, Journal, JournalError};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card import cards.csv
  turnout card import --update blocked.csv       with the columns pan and status, to block cards
  produce-cards | turnout card import -

CSV with a header, or one JSON object a line. Columns: pan, expiry (YYMM), start (YYMM), status, card_sequence,
account, currency, account_type, balance and credit_line (major units), pvki, pvv, pin_offset. A new card needs
pan, expiry and account, and a new account a balance; with --update an empty cell leaves what is on file.

Every bad line is reported, and nothing is imported if there is one (exit code 65). `turnout serve` must
not run (exit code 69).")]
pub(super) struct ImportArgs {
    /// File to import, `-` for standard input
    file: PathBuf,
    /// Change cards and accounts that are on file already
    #[arg(long)]
    update: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Exit code when the journal is not to be had (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

/// Lines between two signs of progress.
const PROGRESS_LINES: u64 = 100_000;

/// What there is to say while a file is read.
pub(crate) enum Note {
    /// So many lines have been read.
    Lines(u64),
    /// A line is bad: file, number, masked card number, and everything that is wrong with it.
    Bad(String),
}

/// Why nothing was imported.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// The file cannot be opened.
    File(PathBuf, io::Error),
    /// The keys or the journal cannot be read.
    Recovery(RecoveryError),
    /// A process, of this number if it is known, has the journal open.
    InUse(Option<u32>),
    /// So many lines are bad; each has been told as a [`Note`].
    BadLines(u64),
    /// The records are more than one batch of the journal.
    TooLarge,
    /// The journal took them not.
    Append(AppendError),
}

pub(super) fn run(args: &ImportArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    let imported = import(&configuration, &args.file, args.update, &mut tell);
    let counts = imported.map_err(|error| {
        eprintln!("turnout card import: {error}");
        ExitCode::from(error.exit_code())
    })?;
    report(args.format, counts);
    Ok(())
}

/// Puts the cards of a file on file, all of them or none. Prints nothing: `note` hears of every bad line.
pub(crate) fn import(
    configuration: &Configuration,
    file: &Path,
    update: bool,
    note: &mut dyn FnMut(Note),
) -> Result<Counts, ImportError> {
    let input = open(file).map_err(|error| ImportError::File(file.to_owned(), error))?;
    let (mut journal, state) = open_journal(configuration)?;
    let (batch, counts) = plan(file, input, Plan::new(configuration, &state, update), note)?;
    let position = journal.position(PROVISIONING);
    // One batch is one frame of the journal: there whole or not at all.
    let written = journal.append(PROVISIONING, position, &batch).and_then(|()| Ok(journal.sync()?));
    written.map_err(ImportError::Append)?;
    Ok(counts)
}

fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(file)?))
}

/// What the file's name says about its form; otherwise its first character decides.
fn is_json(file: &Path) -> Option<bool> {
    match file.extension()?.to_str()? {
        "json" | "jsonl" | "ndjson" => Some(true),
        "csv" => Some(false),
        _ => None,
    }
}

fn open_journal(configuration: &Configuration) -> Result<(FileJournal, State), ImportError> {
    let settings = &configuration.settings;
    let keys = recovery::data_keys(settings).map_err(ImportError::Recovery)?;
    let sizes = store::Settings { segment_bytes: settings.segment_bytes };
    let mut state = State::default();
    let opened = FileJournal::open(&recovery::journal_folder(settings), &keys, sizes, &mut |_, _, bytes| {
        state.apply(&store::decode_record(bytes)?);
        Ok(())
    });
    match opened {
        Ok((journal, _)) => Ok((journal, state)),
        Err(JournalError::InUse { pid, .. }) => Err(ImportError::InUse(pid)),
        Err(error) => Err(ImportError::Recovery(RecoveryError::Journal(error))),
    }
}

/// Reads the whole file and checks every line. The records are complete only if all lines are good.
fn plan(
    file: &Path,
    input: Box<dyn Read>,
    mut plan: Plan<'_>,
    note: &mut dyn FnMut(Note),
) -> Result<(Batch, Counts), ImportError> {
    let mut batch = Batch::new();
    let (mut lines, mut bad) = (0u64, 0u64);
    let (is_json, file) = (is_json(file), file.display());
    source::read(input, is_json, &mut |line| {
        lines += 1;
        note(Note::Lines(lines));
        let reason = match line {
            Ok(line) => match plan.line(line) {
                // After the first bad line nothing will be imported, so nothing need be kept.
                Ok(_) if bad > 0 || batch.size() > Batch::MAX_BYTES => return,
                Ok((account, card)) => {
                    account.iter().chain([&card]).for_each(|record| push(&mut batch, record));
                    return;
                }
                Err(faults) => {
                    let pan = masked(line.cell(Column::Pan));
                    format!("{file}:{}: {pan}: {}", line.number, faults.0.join("; "))
                }
            },
            Err(SourceError::Line(number, reason)) => format!("{file}:{number}: {reason}"),
            Err(SourceError::File(reason)) => format!("{file}: {reason}"),
        };
        bad += 1;
        note(Note::Bad(reason));
    });
    if bad > 0 {
        return Err(ImportError::BadLines(bad));
    }
    if batch.size() > Batch::MAX_BYTES {
        return Err(ImportError::TooLarge);
    }
    Ok((batch, plan.counts))
}

fn push(batch: &mut Batch, record: &Record) {
    batch.push_with(|out| store::encode_record(record, out));
}

/// Enough to find the card, never all of it.
fn masked(pan: Option<&str>) -> String {
    match pan.map(|pan| Pan::parse(pan.as_bytes())) {
        Some(Ok(pan)) => pan.to_string(),
        Some(Err(_)) => "(not a card number)".to_owned(),
        None => "(no card number)".to_owned(),
    }
}

/// For whoever waits at a terminal or reads the errors.
fn tell(note: Note) {
    match note {
        Note::Bad(line) => eprintln!("{line}"),
        Note::Lines(lines) if lines.is_multiple_of(PROGRESS_LINES) && io::stderr().is_terminal() => {
            eprint!("\r{lines} lines ");
        }
        Note::Lines(_) => {}
    }
}

fn report(format: DataFormat, counts: Counts) {
    let Counts { cards_added, cards_updated, accounts_opened, accounts_updated } = counts;
    match format {
        DataFormat::Text => {
            println!("cards: {cards_added} added, {cards_updated} updated");
            println!("accounts: {accounts_opened} opened, {accounts_updated} updated");
        }
        DataFormat::Json => println!(
            "{}",
            json!({
                "cards_added": cards_added,
                "cards_updated": cards_updated,
                "accounts_opened": accounts_opened,
                "accounts_updated": accounts_updated,
            })
        ),
    }
}

impl ImportError {
    fn exit_code(&self) -> u8 {
        match self {
            ImportError::File(..) | ImportError::BadLines(_) | ImportError::TooLarge => BAD_DATA,
            ImportError::Append(AppendError::TooLarge(_)) => BAD_DATA,
            ImportError::InUse(_) => UNAVAILABLE,
            ImportError::Recovery(_) | ImportError::Append(_) => 1,
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::File(path, error) => write!(f, "{}: {error}", path.display()),
            ImportError::Recovery(error) => write!(f, "{error}"),
            ImportError::InUse(pid) => {
                let (owner, stop) = match pid {
                    Some(pid) => (format!("process {pid}"), format!("stop it (`kill -TERM {pid}`)")),
                    None => ("another process".to_owned(), "stop it".to_owned()),
                };
                write!(
                    f,
                    "{owner} has the journal open, `turnout serve` most likely: {stop}, import, and start it again"
                )
            }
            ImportError::BadLines(1) => f.write_str("nothing was imported: 1 line is bad"),
            ImportError::BadLines(bad) => write!(f, "nothing was imported: {bad} lines are bad"),
            ImportError::TooLarge | ImportError::Append(AppendError::TooLarge(_)) => {
                f.write_str("nothing was imported: ")?;
                f.write_str(SPLIT)
            }
            ImportError::Append(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ImportError {}

/// What to do about a file that is too large.
const SPLIT: &str = "the file has more than the journal takes at once, 64 MiB or about a million cards. \
Split it and import one part after another; each part of a CSV begins with the header:
  tail -n +2 cards.csv | split -l 500000 --filter='(head -n 1 cards.csv; cat) > $FILE' - part-
  split -l 500000 cards.jsonl part-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_bad_data_and_told_how_to_split() {
        for error in [ImportError::TooLarge, ImportError::Append(AppendError::TooLarge(1 << 27))] {
            assert_eq!(error.exit_code(), BAD_DATA);
            let text = error.to_string();
            assert!(text.starts_with("nothing was imported: ") && text.contains("split -l 500000"), "{text}");
            assert!(text.contains("64 MiB") && Batch::MAX_BYTES == 64 << 20);
        }
    }
}
