//! `turnout card limit`: a limit of its own for a card, an account or a customer, or an override for a while.

use super::{GivenPan, pan_from_stdin, parse_pan};
use crate::command::check::good_configuration;
use crate::edge::control::ControlClient;
use crate::recovery;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card limit daily --amount 200.00 < pan.txt               the card's own, if it is stricter
  turnout card limit daily --amount 5000.00 --for 2h 4000000000000002    for two hours
  turnout card limit daily --amount 5000.00 --for 1d --once < pan.txt    for one transaction, today
  turnout card limit daily --end override < pan.txt                before it ends by itself
  turnout card limit monthly --account ACC-1 --count 50            for all cards of an account
  turnout card limit monthly --customer C-1 --count 80             for all accounts of a customer

Needs a running `turnout serve`, over its control socket. `turnout card show` lists the limits of a card, with what
they have counted. See docs/limits.md.")]
pub(super) struct LimitArgs {
    /// Name of the limit in the configuration
    limit: String,
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan, conflicts_with_all = ["account", "customer"])]
    pan: Option<GivenPan>,
    /// The account whose limit it is, instead of a card
    #[arg(long, conflicts_with = "customer")]
    account: Option<String>,
    /// The customer whose limit it is
    #[arg(long)]
    customer: Option<String>,
    /// Amount in major units of the account's currency
    #[arg(long)]
    amount: Option<String>,
    /// Number of transactions
    #[arg(long)]
    count: Option<u32>,
    /// Hold for so long, in the place of every other value: 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME")]
    length: Option<String>,
    /// End with the first approval that needs it
    #[arg(long, requires = "length")]
    once: bool,
    /// End what is there
    #[arg(long, value_parser = ["own", "override"], conflicts_with_all = ["amount", "count", "length", "once"])]
    end: Option<String>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

const UNAVAILABLE: u8 = 69;

pub(super) fn run(args: &LimitArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let mut body = json!({ "limit": args.limit });
    match (&args.account, &args.customer, args.pan) {
        (Some(account), ..) => body["account"] = json!(account),
        (None, Some(customer), _) => body["customer"] = json!(customer),
        (None, None, Some(GivenPan(Some(pan)))) => body["pan"] = json!(pan.reveal().as_str()),
        (None, None, _) => body["pan"] = json!(pan_from_stdin()?.reveal().as_str()),
    }
    let texts = [("amount", &args.amount), ("for", &args.length), ("end", &args.end)];
    for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?))) {
        body[key] = json!(text);
    }
    if let Some(count) = args.count {
        body["count"] = json!(count);
    }
    if args.once {
        body["once"] = json!(true);
    }
    let told = ControlClient::new(&recovery::control_socket(&settings))
        .and_then(|client| client.post("/v1/limits", body.to_string().into_bytes()));
    let (status, answer) = told.map_err(|error| {
        eprintln!("turnout card limit: {error}; is `turnout serve` running?");
        ExitCode::from(UNAVAILABLE)
    })?;
    if status == 200 {
        eprintln!("turnout card limit: done");
        return Ok(());
    }
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    eprintln!("turnout card limit: {}", answer["error"].as_str().unwrap_or("the switch refused"));
    Err(ExitCode::FAILURE)
}
