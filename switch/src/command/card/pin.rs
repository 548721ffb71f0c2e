//! `turnout card pin`: the count of wrong PINs.

use super::script::post;
use super::{GivenPan, pan_from_stdin, parse_pan};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card pin reset < pan.txt

Needs a running `turnout serve`, over its control socket. It lets the holder try a PIN online again; the card's own
count is told by `turnout card script queue unblock-pin`. See docs/verification.md.")]
pub(super) struct PinArgs {
    #[command(subcommand)]
    command: PinCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PinCommand {
    /// Forget the wrong PINs of a card
    Reset(ResetArgs),
}

#[derive(Debug, clap::Args)]
struct ResetArgs {
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &PinArgs) -> Result<(), ExitCode> {
    let PinCommand::Reset(args) = &args.command;
    let pan = match args.pan {
        Some(GivenPan(Some(pan))) => pan,
        _ => pan_from_stdin()?,
    };
    post(&args.config, "/v1/pin-tries", "pin reset", &json!({ "pan": pan.reveal().as_str() }))?;
    eprintln!("turnout card pin reset: done");
    Ok(())
}
