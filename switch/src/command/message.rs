//! `turnout message`: messages decoded, encoded, carried from one dialect to another, compared,
//! checked and freed of card data; dialects listed, shown and checked.

mod choice;
mod convert;
mod decode;
mod dialect;
mod diff;
mod encode;
mod input;
mod json_message;
mod lint;
mod redact;
mod report;

use std::process::ExitCode;

/// Exit code for wrong arguments.
const USAGE: u8 = 2;

/// Exit code for messages that differ, and for those with errors that `lint` found.
const NOT_MET: u8 = 3;

/// Exit code for messages that cannot be read.
const BAD_DATA: u8 = 65;

/// Exit code for a dialect file with a fault.
const BAD_CONFIGURATION: u8 = 78;

/// Decode, encode, convert, compare and check messages.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message decode --dialect iso87_ascii \\
    3038303030303230303030303030303030303030303030313233
  turnout message decode --dialect iso87_bcd --format json < messages.hex     one message a line
  turnout message decode --dialect mybank.toml --view annotated --framed --file trace.bin
  echo '{\"mti\":\"0800\",\"fields\":{\"7\":\"1123155959\",\"11\":\"000123\",\"70\":\"301\"}}' |
    turnout message encode --dialect iso87_ascii
  turnout message lint --dialect iso87_ascii --file messages.hex
  turnout message dialect show iso87_ascii > mybank.toml

A dialect is one of `turnout message dialects`, or a file: what ends in .toml or has a / in it.
Card data is masked unless --unmask is given. A message that cannot be read is told on standard error
with field and offset, the others are still shown, and the exit code is 65.")]
pub struct MessageArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// From bytes to fields.
    Decode(decode::DecodeArgs),
    /// From JSON, as `decode --unmask --format json` prints it, to hexadecimal.
    Encode(encode::EncodeArgs),
    /// From one dialect to another.
    Convert(convert::ConvertArgs),
    /// What differs between two messages.
    Diff(diff::DiffArgs),
    /// What is odd about messages: broken rules, impossible dates, values that contradict each other.
    Lint(lint::LintArgs),
    /// The same messages without card data, in hexadecimal.
    Redact(redact::RedactArgs),
    /// List the dialects.
    Dialects(dialect::DialectsArgs),
    /// Show or check a dialect file, or print its schema.
    Dialect(dialect::DialectArgs),
}

/// Runs the command.
#[must_use]
pub fn run(args: &MessageArgs) -> ExitCode {
    match &args.action {
        Action::Decode(args) => decode::run(args),
        Action::Encode(args) => encode::run(args),
        Action::Convert(args) => convert::run(args),
        Action::Diff(args) => diff::run(args),
        Action::Lint(args) => lint::run(args),
        Action::Redact(args) => redact::run(args),
        Action::Dialects(args) => dialect::list(args),
        Action::Dialect(args) => dialect::run(args),
    }
}
