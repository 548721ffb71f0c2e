//! `turnout card script`: commands for a card's chip, sent with the answer to its next transaction.

use super::{GivenPan, load_state, pan_from_stdin, parse_pan};
use crate::card_file::script_json;
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::edge::control::ControlClient;
use crate::recovery;
use card::Pan;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card script queue block-application < pan.txt
  turnout card script queue put-data --tag 9F58 --value 05 < pan.txt
  turnout card script queue command --header 84DC010C --data 5F2403311231 < pan.txt
  turnout card script list < pan.txt
  turnout card script cancel 3 < pan.txt

A script goes out with the answer to the card's next online transaction, and again until the card's own results
tell that it was carried out. See docs/verification.md.")]
pub(super) struct ScriptArgs {
    #[command(subcommand)]
    command: ScriptCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ScriptCommand {
    /// Queue a command for the chip
    Queue(QueueArgs),
    /// List the commands that are not done
    List(ListArgs),
    /// Take a command off the list
    Cancel(CancelArgs),
}

#[derive(Debug, clap::Args)]
struct QueueArgs {
    /// What the chip is to do
    #[arg(value_parser = [
        "block-application", "unblock-application", "block-card", "unblock-pin", "put-data", "command",
    ])]
    command: String,
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// Tag of put-data, four hexadecimal digits
    #[arg(long)]
    tag: Option<String>,
    /// Value of put-data, hexadecimal
    #[arg(long)]
    value: Option<String>,
    /// CLA, INS, P1 and P2 of command, eight hexadecimal digits
    #[arg(long)]
    header: Option<String>,
    /// Data of command without the MAC, hexadecimal
    #[arg(long)]
    data: Option<String>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
struct CancelArgs {
    /// Number of the script, as `list` shows it
    number: u32,
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

const UNAVAILABLE: u8 = 69;

pub(super) fn run(args: &ScriptArgs) -> Result<(), ExitCode> {
    match &args.command {
        ScriptCommand::Queue(args) => queue(args),
        ScriptCommand::List(args) => list(args),
        ScriptCommand::Cancel(args) => cancel(args),
    }
}

fn queue(args: &QueueArgs) -> Result<(), ExitCode> {
    let mut body = json!({ "pan": given(args.pan)?.reveal().as_str(), "command": args.command });
    let texts = [("tag", &args.tag), ("value", &args.value), ("header", &args.header), ("data", &args.data)];
    for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?))) {
        body[key] = json!(text);
    }
    let answer = post(&args.config, "/v1/scripts", "script queue", &body)?;
    eprintln!("turnout card script queue: number {}", answer["number"]);
    Ok(())
}

fn cancel(args: &CancelArgs) -> Result<(), ExitCode> {
    let body = json!({ "pan": given(args.pan)?.reveal().as_str(), "cancel": args.number });
    post(&args.config, "/v1/scripts", "script cancel", &body)?;
    eprintln!("turnout card script cancel: done");
    Ok(())
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let pan = given(args.pan)?;
    let state = load_state(&settings)?;
    for script in state.card_scripts(&pan) {
        let line = script_json(script);
        match args.format {
            DataFormat::Json => println!("{line}"),
            DataFormat::Text => println!(
                "{:>4} {:<20} queued {} sent {} {}",
                script.number,
                script.command.as_str(),
                script.queued,
                script.sent.map_or(0, |sent| sent.times),
                line["state"].as_str().unwrap_or("-"),
            ),
        }
    }
    Ok(())
}

fn given(pan: Option<GivenPan>) -> Result<Pan, ExitCode> {
    match pan {
        Some(GivenPan(Some(pan))) => Ok(pan),
        _ => pan_from_stdin(),
    }
}

/// Asks the running switch, and says what it says against it.
pub(super) fn post(config: &Path, target: &str, command: &str, body: &Value) -> Result<Value, ExitCode> {
    let settings = good_configuration(config)?.settings;
    let told = ControlClient::new(&recovery::control_socket(&settings))
        .and_then(|client| client.post(target, body.to_string().into_bytes()));
    let (status, answer) = told.map_err(|error| {
        eprintln!("turnout card {command}: {error}; is `turnout serve` running?");
        ExitCode::from(UNAVAILABLE)
    })?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if status == 200 {
        return Ok(answer);
    }
    eprintln!("turnout card {command}: {}", answer["error"].as_str().unwrap_or("the switch refused"));
    Err(ExitCode::FAILURE)
}
