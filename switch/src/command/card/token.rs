//! `turnout card token`: numbers that stand for a card on a device or with a merchant.

use super::lines::{self, LineKind, Lines};
use super::load_state;
use crate::card_file::{TOKEN_COLUMNS, TokenLines, token_change, token_change_json};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use auth::TokenChange;
use serde_json::json;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum TokenCommand {
    /// Put the tokens of a file on file, or change them
    Add(FileArgs),
    /// Take tokens off the file
    Remove(FileArgs),
    /// Let tokens be refused for the time being
    Suspend(FileArgs),
    /// Let suspended tokens be used again
    Resume(FileArgs),
    /// Show the tokens on file
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card token add tokens.csv              with the columns token, pan and expiry (YYMM), and status
  turnout card token suspend - < token.txt       bare token numbers, one a line
  turnout card token remove gone.csv             with the column token

The card has to be on file, and the token in one of the `token_bins` of its product. All lines are carried out, or
none where one is bad (exit code 65). While `turnout serve` runs, they go to it over its control socket, and count
from the next request on.")]
pub(super) struct FileArgs {
    /// File of tokens, `-` for standard input
    file: PathBuf,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Works while `turnout serve` runs. Numbers are masked.")]
pub(super) struct ListArgs {
    /// Show at most this many
    #[arg(long)]
    limit: Option<usize>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

const PUT: LineKind<TokenChange> = LineKind {
    command: "token",
    what: "tokens",
    columns: TOKEN_COLUMNS,
    target: "/v1/tokens",
    read: |row, settings| token_change(row, TokenLines::Put, &settings.tables),
    among: || {
        let mut cards = HashMap::new();
        Box::new(move |change: &TokenChange| match change.task {
            auth::TokenTask::Put { card, .. } if *cards.entry(change.number).or_insert(card) != card => {
                Err("token: stands for another card in a line before".to_owned())
            }
            _ => Ok(()),
        })
    },
    line: token_change_json,
    plan: |change, state, now| state.plan_token(change, now).map_err(|refusal| refusal.to_string()),
};

const STATUS: LineKind<TokenChange> = LineKind { target: "/v1/tokens/status", ..PUT };

const REMOVE: LineKind<TokenChange> = LineKind {
    target: "/v1/tokens/remove",
    read: |row, settings| token_change(row, TokenLines::Remove, &settings.tables),
    ..PUT
};

/// Runs the command.
pub(super) fn run(command: &TokenCommand) -> Result<(), ExitCode> {
    let (kind, args) = match command {
        TokenCommand::Add(args) => (PUT, args),
        TokenCommand::Remove(args) => (REMOVE, args),
        TokenCommand::Suspend(args) => {
            let read = |row: &_, _: &_| set(row, auth::TokenStatus::Suspended);
            (LineKind { read, ..STATUS }, args)
        }
        TokenCommand::Resume(args) => {
            let read = |row: &_, _: &_| set(row, auth::TokenStatus::Active);
            (LineKind { read, ..STATUS }, args)
        }
        TokenCommand::List(args) => return list(args),
    };
    lines::run(&kind, &args.config, &Lines::File(args.file.clone()), args.format)
}

/// The number is all that counts in the line.
fn set(
    row: &crate::card_file::Row,
    status: auth::TokenStatus,
) -> Result<TokenChange, crate::card_file::Faults> {
    let change = token_change(row, TokenLines::Remove, &auth::Tables::default())?;
    Ok(TokenChange { task: auth::TokenTask::Set(status), ..change })
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let state = load_state(&good_configuration(&args.config)?.settings)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for token in state.tokens_in_order().into_iter().take(args.limit.unwrap_or(usize::MAX)) {
        let atc = state.token_atc(&token.number.0);
        let printed = match args.format {
            DataFormat::Json => writeln!(
                out,
                "{}",
                json!({
                    "token": token.number.0.to_string(),
                    "pan": token.card.to_string(),
                    "expiry": token.expiry.to_string(),
                    "status": token.status.as_str(),
                    "highest_atc": atc,
                })
            ),
            DataFormat::Text => writeln!(
                out,
                "{:<19} for {:<19} {} {:<9} {}",
                token.number.0.to_string(),
                token.card.to_string(),
                token.expiry,
                token.status.as_str(),
                atc.map_or_else(|| "-".to_owned(), |atc| atc.to_string()),
            ),
        };
        // Whoever reads our output has had enough (`| head`).
        if printed.is_err() {
            return Ok(());
        }
    }
    let _ = out.flush();
    Ok(())
}
