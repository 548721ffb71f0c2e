//! `turnout card holder`: what is known of cardholders, to compare with what messages tell.

use super::lines::{self, LineKind, Lines};
use crate::card_file::{HOLDER_COLUMNS, holder_change, holder_change_json, holder_removal};
use crate::command::DataFormat;
use auth::HolderChange;
use std::path::PathBuf;
use std::process::ExitCode;

/// Cardholders.
#[derive(Debug, clap::Subcommand)]
pub(super) enum HolderCommand {
    /// Keep what a file says of holders
    Load(FileArgs),
    /// Forget what is known of holders
    Remove(FileArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card holder load holders.csv           with the column pan, and name, address, postal_code, order_key
  turnout card holder remove - < pan.txt         bare card numbers, one a line

Names, addresses and postal codes are kept in the form in which they are compared (docs/ecommerce.md). An empty
cell leaves what is known. All lines are carried out, or none where one is bad (exit code 65). While `turnout serve`
runs, they go to it over its control socket, and count from the next request on.")]
pub(super) struct FileArgs {
    /// File of holders, `-` for standard input
    file: PathBuf,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

const PUT: LineKind<HolderChange> = LineKind {
    command: "holder",
    what: "holders",
    columns: HOLDER_COLUMNS,
    target: "/v1/holders",
    read: |row, _| holder_change(row),
    among: || Box::new(|_| Ok(())),
    line: holder_change_json,
    plan: |change, state, _| state.plan_holder(change).map_err(|refusal| refusal.to_string()),
};

const REMOVE: LineKind<HolderChange> =
    LineKind { target: "/v1/holders/remove", read: |row, _| holder_removal(row), ..PUT };

/// Runs the command.
pub(super) fn run(command: &HolderCommand) -> Result<(), ExitCode> {
    let (kind, args) = match command {
        HolderCommand::Load(args) => (PUT, args),
        HolderCommand::Remove(args) => (REMOVE, args),
    };
    lines::run(&kind, &args.config, &Lines::File(args.file.clone()), args.format)
}
