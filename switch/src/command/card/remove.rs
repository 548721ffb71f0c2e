//! `turnout card remove`: cards, and with `--accounts` their accounts, off the file.

use super::job::{self, Kind};
use crate::command::DataFormat;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card remove expired.csv                with the column pan
  turnout card remove - < pan.txt                bare card numbers, one a line
  turnout card remove --accounts left.csv        closes the account of each card with its last card

With --accounts, an account that has a balance or holds makes its line bad, and a line without a card number but
with an account closes an account that no card draws on. Every bad line is reported, and nothing is removed if
there is one (exit code 65). Cards that are not on file are counted and skipped. While `turnout serve` runs, the
lines go to it over its control socket.")]
pub(super) struct RemoveArgs {
    /// File of the cards, `-` for standard input
    file: PathBuf,
    /// Close their accounts, too
    #[arg(long)]
    accounts: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

pub(super) fn run(args: &RemoveArgs) -> Result<(), ExitCode> {
    job::run("remove", &args.config, &args.file, Kind::Remove { accounts: args.accounts }, args.format)
}
