//! `turnout card import`: a file of cards, all of it or nothing.

use super::job::{self, Job, JobError, Kind, Note};
use super::offline;
use crate::card_file::Counts;
use crate::command::DataFormat;
use crate::config::Configuration;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card import cards.csv
  turnout card import --update blocked.csv       with the columns pan and status, to block cards
  produce-cards | turnout card import -

CSV with a header, or one JSON object a line. Columns: pan, expiry (YYMM), start (YYMM), status, card_sequence,
account, currency, account_type, balance and credit_line (major units), pvki, pvv, pin_offset. A new card needs
pan, expiry and account, and a new account a balance; with --update an empty cell leaves what is on file. A line
without a card number is about an account.

Every bad line is reported, and nothing is imported if there is one (exit code 65). What is on file like this
already is skipped, so an import that was interrupted is simply run again. While `turnout serve` runs, the lines
go to it over its control socket, and count from the next request on.")]
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

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card update blocked.csv                with the columns pan and status, to block cards
  echo '{\"pan\":\"4000000000000002\",\"status\":\"lost\"}' | turnout card update -

As `turnout card import --update`: an empty or missing cell leaves what is on file. Cards that are not on file
yet are added.")]
pub(super) struct UpdateArgs {
    /// File of changes, `-` for standard input
    file: PathBuf,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

pub(super) fn run(args: &ImportArgs) -> Result<(), ExitCode> {
    job::run("import", &args.config, &args.file, Kind::Import { update: args.update }, args.format)
}

pub(super) fn run_update(args: UpdateArgs) -> Result<(), ExitCode> {
    let UpdateArgs { file, config, format } = args;
    run(&ImportArgs { file, update: true, config, format })
}

/// Puts the cards of a file on file, all of them or none. Prints nothing: `note` hears of every bad line.
pub(crate) fn import(
    configuration: &Configuration,
    file: &Path,
    update: bool,
    note: &mut dyn FnMut(Note),
) -> Result<Counts, JobError> {
    let job = Job { file, settings: &configuration.settings, kind: Kind::Import { update } };
    offline::run(&job, note)
}
