//! `turnout card export`: cards and accounts as a file that `turnout card import` takes.

use super::load_state;
use crate::card_file::{Column, account_type_word, further_cell, major, pin_cells, yymm};
use crate::command::check::good_configuration;
use auth::{Account, AccountId, Card, State};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card export                                     card numbers masked, no PIN reference values
  turnout card export --unmask --output cards.csv         everything, for `turnout card import`
  turnout card export --unmask --format json --output cards.jsonl

`balance` is the posted balance. Accounts that no card draws on by default have lines without a card number: those of cards
come first, as `further_accounts` needs, the others last. Works while
`turnout serve` runs. A file is made with mode 0600, and never overwritten.")]
pub(super) struct ExportArgs {
    /// File to write; standard output when absent
    #[arg(long)]
    output: Option<PathBuf>,
    /// Write card numbers and PIN reference values in clear
    #[arg(long)]
    unmask: bool,
    /// Form of the file
    #[arg(long, value_enum, default_value = "csv")]
    format: FileFormat,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

/// Form of a card file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FileFormat {
    /// With a header
    Csv,
    /// One JSON object a line
    Json,
}

/// Columns that only an unmasked export has.
const CLEAR_COLUMNS: [Column; 3] = [Column::Pvki, Column::Pvv, Column::PinOffset];

pub(super) fn run(args: &ExportArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    // The file comes first: one that cannot be made is known before the journal is read.
    let output = args.output.as_deref().map(create).transpose().map_err(|error| {
        let path = args.output.as_deref().unwrap_or(Path::new("-")).display();
        eprintln!("turnout card export: {path}: {error}; existing files are not overwritten");
        ExitCode::FAILURE
    })?;
    let state = load_state(&settings)?;
    let written = match output {
        Some(file) => {
            let mut out = BufWriter::new(file);
            write(&mut out, &state, args).and_then(|()| out.into_inner()?.sync_all())
        }
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out, &state, args).and_then(|()| out.flush())
        }
    };
    match written {
        // Whoever reads our output has had enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            eprintln!("turnout card export: {error}");
            Err(ExitCode::FAILURE)
        }
        Ok(()) => Ok(()),
    }
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn write(out: &mut dyn Write, state: &State, args: &ExportArgs) -> io::Result<()> {
    let columns: Vec<Column> =
        Column::all().filter(|column| args.unmask || !CLEAR_COLUMNS.contains(column)).collect();
    if args.format == FileFormat::Csv {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        writeln!(out, "{}", names.join(","))?;
    }
    let mut line = |card: Option<&Card>, account: Option<&Account>| -> io::Result<()> {
        let cells = columns.iter().map(|column| (*column, cell(*column, card, account, state, args.unmask)));
        match args.format {
            FileFormat::Csv => {
                let cells: Vec<String> = cells.map(|(_, cell)| csv_cell(cell.unwrap_or_default())).collect();
                writeln!(out, "{}", cells.join(","))
            }
            FileFormat::Json => {
                let cells = cells.filter_map(|(column, cell)| Some((column.name().to_owned(), cell?.into())));
                writeln!(out, "{}", serde_json::Value::Object(cells.collect()))
            }
        }
    };
    let cards = state.cards_in_order();
    let mut used: Vec<AccountId> = cards.iter().map(|card| card.account).collect();
    used.sort_unstable();
    // A card's line would open its further accounts with nothing on them, so theirs come first.
    let beside = |account: &&Account| account.home.is_some() && used.binary_search(&account.id).is_err();
    for account in state.accounts_in_order().into_iter().filter(beside) {
        line(None, Some(account))?;
    }
    for card in cards {
        line(Some(card), state.account_on_file(&card.account))?;
    }
    for account in state.accounts_in_order() {
        if account.home.is_none() && used.binary_search(&account.id).is_err() {
            line(None, Some(account))?;
        }
    }
    Ok(())
}

fn cell(
    column: Column,
    card: Option<&Card>,
    account: Option<&Account>,
    state: &State,
    unmask: bool,
) -> Option<String> {
    let pin = |index: usize| pin_cells(card?.pin)[index].take();
    let account_id = card.map(|card| card.account).or(account.map(|account| account.id));
    match column {
        Column::Pan if unmask => Some(card?.pan.reveal().as_str().to_owned()),
        Column::Pan => Some(card?.pan.to_string()),
        Column::Expiry => Some(yymm(card?.expiry)),
        Column::Start => card?.start.map(yymm),
        Column::Status => Some(card?.status.as_str().to_owned()),
        Column::CardSequence => card?.card_sequence.map(|number| number.to_string()),
        Column::Account => account_id.map(|id| id.as_str().to_owned()),
        Column::Currency => Some(account?.currency.code().to_owned()),
        Column::AccountType => Some(account_type_word(account?.kind).to_owned()),
        Column::Balance => {
            let account = account?;
            Some(major(state.balance(&account.id)?.ledger_minor, account.currency))
        }
        Column::Customer => account.and_then(|account| account.customer).map(|id| id.as_str().to_owned()),
        Column::CreditLine => account.map(|account| major(account.credit_line_minor, account.currency)),
        Column::FurtherAccounts => {
            let further = card?.further.iter().filter_map(|id| state.account_on_file(id));
            further_cell(further.map(|account| (account.kind, account.id)))
        }
        Column::HomeAccount => account?.home.as_ref().map(|home| home.as_str().to_owned()),
        Column::Pvki => pin(0),
        Column::Pvv => pin(1),
        Column::PinOffset => pin(2),
    }
}

/// An account may have any printable character in its name.
fn csv_cell(cell: String) -> String {
    if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
