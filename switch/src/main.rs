//! `turnout`: the payment authorization switch and its tools.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use switch::{command, demo};

/// Payment authorization switch: acquirer host, issuer host, ATM host.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  turnout demo --once                     play terminals against a switch of their own
  turnout init --folder run               make a configuration, keys, certificates and test cards
  turnout card import --config run/turnout.toml run/cards.csv
  turnout serve --config run/turnout.toml
  turnout tran why --config run/turnout.toml 64

Exit codes: 0 done, 1 failed, 2 usage, 3 a case not met, 65 bad data, 69 peer unavailable, 78 bad configuration."
)]
struct Turnout {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the switch.
    Serve(command::serve::ServeArgs),
    /// Play real terminals over real sockets against a switch of their own.
    Demo(demo::DemoArgs),
    /// Check a configuration and print every mistake.
    Check(command::check::CheckArgs),
    /// Make a folder with configuration, keys, certificates and test cards.
    Init(command::init::InitArgs),
    /// Cards and accounts on file.
    Card(command::card::CardArgs),
    /// Keys as cryptograms under the LMK.
    Key(command::key::KeyArgs),
    /// Decode, encode, convert, compare and check messages.
    Message(command::message::MessageArgs),
    /// Make backups, verify and restore them.
    Backup(command::backup::BackupArgs),
    /// Verify, count and write out the journal.
    Journal(command::journal::JournalArgs),
    /// Search transactions, show them, and say why they were answered so.
    Tran(command::tran::TranArgs),
}

fn main() -> ExitCode {
    match Turnout::parse().command {
        Command::Serve(args) => command::serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => command::check::run(args),
        Command::Init(args) => command::init::run(args),
        Command::Card(args) => command::card::run(args),
        Command::Key(args) => command::key::run(args),
        Command::Message(args) => command::message::run(&args),
        Command::Backup(args) => command::backup::run(&args),
        Command::Journal(args) => command::journal::run(&args),
        Command::Tran(args) => command::tran::run(&args),
    }
}
