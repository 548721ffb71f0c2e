//! `turnout card`: cards and accounts on file.

mod control;
mod export;
mod holder;
mod hot_list;
mod import;
mod job;
mod limit;
mod lines;
mod mode;
mod offline;
mod online;
mod pin;
mod progress;
mod remove;
mod script;
mod token;

pub(crate) use import::import;
pub(crate) use job::Note;

use crate::card_file::{card_json, view_json};
use crate::clock;
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::recovery;
use crate::settings::Settings;
use auth::{CardView, State};
use card::Pan;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Cards and accounts on file.
#[derive(Debug, clap::Args)]
pub struct CardArgs {
    #[command(subcommand)]
    command: CardCommand,
}

#[derive(Debug, clap::Subcommand)]
enum CardCommand {
    /// Put cards and accounts on file, all of a file or nothing
    Import(import::ImportArgs),
    /// Change cards and accounts that are on file: `import --update`
    Update(import::UpdateArgs),
    /// Take cards off the file, and with --accounts their accounts
    Remove(remove::RemoveArgs),
    /// Write cards and accounts as a file that `import` takes
    Export(export::ExportArgs),
    /// List the cards on file
    List(ListArgs),
    /// Show one card: its counters, today's usage, its account
    Show(ShowArgs),
    /// Give a card, an account or a customer a limit of its own, or lift one for a while
    Limit(limit::LimitArgs),
    /// The hot list: numbers that are refused, on file or not
    #[command(subcommand)]
    HotList(hot_list::HotListCommand),
    /// What is known of cardholders, to compare with what messages tell
    #[command(subcommand)]
    Holder(holder::HolderCommand),
    /// Tokens: numbers that stand for a card on a device or with a merchant
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Lock a card, empty it, keep its balance between levels, and other modes of its holder
    Mode(mode::ModeArgs),
    /// Answer for a cardholder who was asked about a transaction
    Confirm(mode::ConfirmArgs),
    /// Forget the wrong PINs of a card
    Pin(pin::PinArgs),
    /// Commands for a card's chip: queue, list, cancel
    Script(script::ScriptArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card list --limit 10
  turnout card list --format json | jq -r .account

Works while `turnout serve` runs. Card numbers are masked.")]
struct ListArgs {
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

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card show 4000000000000002
  turnout card show < pan.txt          keeps the number out of the process list

Works while `turnout serve` runs. The card number is shown masked.")]
struct ShowArgs {
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

/// A card number on the command line; `None` stands for `-`.
#[derive(Clone, Copy, Debug)]
struct GivenPan(Option<Pan>);

const BAD_DATA: u8 = 65;

/// Runs the command.
#[must_use]
pub fn run(args: CardArgs) -> ExitCode {
    let done = match args.command {
        CardCommand::Import(args) => import::run(&args),
        CardCommand::Update(args) => import::run_update(args),
        CardCommand::Remove(args) => remove::run(&args),
        CardCommand::Export(args) => export::run(&args),
        CardCommand::List(args) => list(&args),
        CardCommand::Show(args) => show(&args),
        CardCommand::Limit(args) => limit::run(&args),
        CardCommand::HotList(command) => hot_list::run(&command),
        CardCommand::Holder(command) => holder::run(&command),
        CardCommand::Token(command) => token::run(&command),
        CardCommand::Mode(args) => mode::run(&args),
        CardCommand::Confirm(args) => mode::confirm(&args),
        CardCommand::Pin(args) => pin::run(&args),
        CardCommand::Script(args) => script::run(&args),
    };
    done.err().unwrap_or(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let state = load_state(&settings)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for card in state.cards_in_order().into_iter().take(args.limit.unwrap_or(usize::MAX)) {
        let product = settings.tables.product(&card.pan).map(|product| product.name.as_str());
        let printed = match args.format {
            DataFormat::Text => writeln!(
                out,
                "{:<19} {} {:<15} {:<28} {}",
                card.pan.to_string(),
                card.expiry,
                card.status.as_str(),
                card.account.as_str(),
                product.unwrap_or("-")
            ),
            DataFormat::Json => {
                let mut line = card_json(card);
                line["product"] = json!(product);
                writeln!(out, "{line}")
            }
        };
        // Whoever reads our output has had enough (`| head`).
        if printed.is_err() {
            return Ok(());
        }
    }
    let _ = out.flush();
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let pan = match args.pan {
        Some(GivenPan(Some(pan))) => pan,
        _ => pan_from_stdin()?,
    };
    let state = load_state(&settings)?;
    let Some(view) = CardView::of(&state, &settings.tables, &pan, clock::now()) else {
        eprintln!("turnout card show: the card {pan} is not on file");
        return Err(ExitCode::FAILURE);
    };
    let shown = view_json(&view, &settings.tables);
    match args.format {
        DataFormat::Json => println!("{shown}"),
        DataFormat::Text => print_text("", &shown),
    }
    Ok(())
}

/// One name and value a line; what belongs together is written with a dot.
fn print_text(prefix: &str, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(_) => print_text(&format!("{name}."), value),
            Value::Null => println!("{name:<26} -"),
            Value::String(text) => println!("{name:<26} {text}"),
            other => println!("{name:<26} {other}"),
        }
    }
}

fn load_state(settings: &Settings) -> Result<State, ExitCode> {
    recovery::load_state(settings).map_err(|error| {
        eprintln!("turnout card: {error}");
        ExitCode::FAILURE
    })
}

fn pan_from_stdin() -> Result<Pan, ExitCode> {
    let mut text = String::new();
    let read = io::stdin().lock().take(64).read_to_string(&mut text);
    let pan = read.ok().and_then(|_| Pan::parse(text.trim().as_bytes()).ok());
    pan.ok_or_else(|| {
        eprintln!("turnout card show: a card number is expected on standard input");
        ExitCode::from(BAD_DATA)
    })
}

/// The error does not repeat what was written, which may be most of a card number.
fn parse_pan(text: &str) -> Result<GivenPan, String> {
    if text == "-" {
        return Ok(GivenPan(None));
    }
    Pan::parse(text.as_bytes()).map(|pan| GivenPan(Some(pan))).map_err(|error| error.to_string())
}
