//! `turnout card mode`: what the holder of a card wants of it.

use super::{GivenPan, parse_pan};
use crate::command::card::control;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card mode locked < pan.txt                    declines everything
  turnout card mode unlock --for 30m < pan.txt          but for one transaction in half an hour
  turnout card mode empty --source ACC-2 < pan.txt      holds nothing
  turnout card mode top-up --amount 50.00 --for 2h < pan.txt
  turnout card mode kept --source ACC-2 --minimum 20.00 --maximum 200.00 --automatic < pan.txt
  turnout card mode single-limit --amount 100.00 < pan.txt
  turnout card mode lift --amount 900.00 --for 1h < pan.txt
  turnout card mode one-time-code < pan.txt
  printf '%s\\n' \"$pan\" 472913 | turnout card mode code --for 10m
  turnout card mode confirm < pan.txt                   asks about each transaction; see `turnout card confirm`
  turnout card mode standard < pan.txt

Standard input has the card number unless it is an argument, and behind it, on a line of its own, the code of `code`
or the password of `confirm`. Needs a running `turnout serve`, over its control socket. See docs/modes.md.")]
pub(super) struct ModeArgs {
    /// A mode, or what is to be done about it
    #[arg(value_parser = [
        "standard", "locked", "empty", "kept", "single-limit", "one-time-code", "confirm", "unlock", "top-up", "lift",
        "code", "end",
    ])]
    order: String,
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// The account that money comes from and goes back to: of `empty` and `kept`
    #[arg(long)]
    source: Option<String>,
    /// Amount in major units of the account's currency: of `single-limit`, `lift` and `top-up`
    #[arg(long)]
    amount: Option<String>,
    /// Below this the account is topped up: of `kept`
    #[arg(long)]
    minimum: Option<String>,
    /// What is above this goes back: of `kept`
    #[arg(long)]
    maximum: Option<String>,
    /// Top up by itself: of `kept`
    #[arg(long)]
    automatic: bool,
    /// How long: of `unlock`, `top-up`, `lift` and `code`: 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME")]
    length: Option<String>,
    /// Read a password from standard input, without which nothing is confirmed: of `confirm`
    #[arg(long)]
    password: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card confirm 1472 confirm        1: the transaction goes on
  turnout card confirm 1472 block          2: the card is blocked
  turnout card confirm 1472 cancel         3: the transaction is declined
  turnout card confirm 1472 confirm --password < password.txt

The ticket is in the event `confirm_requested` of a webhook. Needs a running `turnout serve`, over its control
socket. See docs/modes.md.")]
pub(super) struct ConfirmArgs {
    /// Which transaction
    ticket: u64,
    /// What its cardholder says
    #[arg(value_parser = ["confirm", "block", "cancel", "1", "2", "3"])]
    answer: String,
    /// Read the password of the mode from standard input
    #[arg(long)]
    password: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &ModeArgs) -> Result<(), ExitCode> {
    let mut lines = control::Lines;
    let mut body = json!({ "do": args.order });
    body["pan"] = match args.pan {
        Some(GivenPan(Some(pan))) => json!(pan.reveal().as_str()),
        _ => json!(lines.next("turnout card mode", "a card number")?),
    };
    let texts = [
        ("source", &args.source),
        ("amount", &args.amount),
        ("minimum", &args.minimum),
        ("maximum", &args.maximum),
        ("for", &args.length),
    ];
    for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?))) {
        body[key] = json!(text);
    }
    if args.automatic {
        body["automatic"] = json!(true);
    }
    if args.order == "code" {
        body["code"] = json!(lines.next("turnout card mode", "a code")?);
    }
    if args.password {
        body["password"] = json!(lines.next("turnout card mode", "a password")?);
    }
    control::post("turnout card mode", &args.config, "/v1/modes", &body)
}

pub(super) fn confirm(args: &ConfirmArgs) -> Result<(), ExitCode> {
    let mut body = json!({ "ticket": args.ticket, "answer": args.answer });
    if args.password {
        body["password"] = json!(control::Lines.next("turnout card confirm", "a password")?);
    }
    control::post("turnout card confirm", &args.config, "/v1/confirmations", &body)
}
