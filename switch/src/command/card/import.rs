//! `turnout card import`: a file of cards, all of it or nothing.

use super::BAD_DATA;
use super::plan::{Counts, Plan};
use super::source::{self, Column, SourceError};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::config::Configuration;
use crate::recovery::{self, PROVISIONING};
use auth::{Record, State};
use card::Pan;
use serde_json::json;
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

pub(super) fn run(args: &ImportArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    let input = open(&args.file).map_err(|error| {
        eprintln!("turnout card import: {}: {error}", args.file.display());
        ExitCode::from(BAD_DATA)
    })?;
    let (mut journal, state) = open_journal(&configuration)?;
    let is_json = is_json(&args.file);
    let (batch, counts) = plan(&args.file, input, is_json, Plan::new(&configuration, &state, args.update))?;
    let position = journal.position(PROVISIONING);
    let written = journal.append(PROVISIONING, position, &batch).and_then(|()| Ok(journal.sync()?));
    written.map_err(|error| {
        eprintln!("turnout card import: {error}");
        // One batch is one frame of the journal: there whole or not at all.
        ExitCode::from(if matches!(error, AppendError::TooLarge(_)) { BAD_DATA } else { 1 })
    })?;
    report(args.format, counts);
    Ok(())
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

fn open_journal(configuration: &Configuration) -> Result<(FileJournal, State), ExitCode> {
    let settings = &configuration.settings;
    let failed = |error: &dyn std::fmt::Display| {
        eprintln!("turnout card import: {error}");
        ExitCode::FAILURE
    };
    let master = recovery::master_key(settings).map_err(|error| failed(&error))?;
    let sizes = store::Settings { segment_bytes: settings.segment_bytes };
    let mut state = State::default();
    let opened =
        FileJournal::open(&recovery::journal_folder(settings), &master, sizes, &mut |_, _, bytes| {
            state.apply(&store::decode_record(bytes)?);
            Ok(())
        });
    match opened {
        Ok((journal, _)) => Ok((journal, state)),
        Err(JournalError::InUse { pid, .. }) => {
            in_use(pid);
            Err(ExitCode::from(UNAVAILABLE))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn in_use(pid: Option<u32>) {
    let (owner, stop) = match pid {
        Some(pid) => (format!("process {pid}"), format!("stop it (`kill -TERM {pid}`)")),
        None => ("another process".to_owned(), "stop it".to_owned()),
    };
    eprintln!(
        "turnout card import: {owner} has the journal open, `turnout serve` most likely: {stop}, import, and \
         start it again"
    );
}

/// Reads the whole file and checks every line. The records are complete only if all lines are good.
fn plan(
    file: &Path,
    input: Box<dyn Read>,
    is_json: Option<bool>,
    mut plan: Plan<'_>,
) -> Result<(Batch, Counts), ExitCode> {
    let mut batch = Batch::new();
    let (mut lines, mut bad) = (0u64, 0u64);
    let file = file.display();
    source::read(input, is_json, &mut |line| {
        lines += 1;
        show_progress(lines);
        match line {
            Ok(line) => match plan.line(line) {
                // After the first bad line nothing will be imported, so nothing need be kept.
                Ok(_) if bad > 0 || batch.size() > Batch::MAX_BYTES => {}
                Ok((account, card)) => {
                    account.iter().chain([&card]).for_each(|record| push(&mut batch, record));
                }
                Err(faults) => {
                    bad += 1;
                    eprintln!(
                        "{file}:{}: {}: {}",
                        line.number,
                        masked(line.cell(Column::Pan)),
                        faults.0.join("; ")
                    );
                }
            },
            Err(SourceError::Line(number, reason)) => {
                bad += 1;
                eprintln!("{file}:{number}: {reason}");
            }
            Err(SourceError::File(reason)) => {
                bad += 1;
                eprintln!("{file}: {reason}");
            }
        }
    });
    if bad > 0 {
        eprintln!("nothing was imported: {bad} {} bad", if bad == 1 { "line is" } else { "lines are" });
        return Err(ExitCode::from(BAD_DATA));
    }
    if batch.size() > Batch::MAX_BYTES {
        eprintln!("nothing was imported: the file holds more than the journal takes at once; split it");
        return Err(ExitCode::from(BAD_DATA));
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

fn show_progress(lines: u64) {
    if lines.is_multiple_of(PROGRESS_LINES) && io::stderr().is_terminal() {
        eprint!("\r{lines} lines ");
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
