//! `turnout card hot-list`: numbers that are refused, on file or not.

use super::export::create;
use super::lines::{self, LineKind, Lines};
use super::{GivenPan, load_state, pan_from_stdin, parse_pan};
use crate::card_file::{HOT_COLUMNS, HotRanges, hot_change_json, hot_entry, hot_entry_json, hot_removal};
use crate::clock;
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use auth::{HotChange, HotEntry, HotReason, Record};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The hot list.
#[derive(Debug, clap::Subcommand)]
pub(super) enum HotListCommand {
    /// Put the numbers of a file on the list, all of them or none
    Load(LoadArgs),
    /// Put one number on the list
    Add(AddArgs),
    /// Take the numbers of a file off the list
    Remove(RemoveArgs),
    /// Show what is on the list
    List(ListArgs),
    /// Write the list as a file that `load` takes
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card hot-list load stolen.csv
  produce-list | turnout card hot-list load -

CSV with a header, one JSON object a line, or bare card numbers. Columns: pan, last (end of a range), reason (lost,
stolen, not_received, counterfeit, fraud, restricted, other), action (capture, decline), code (the answer, where it
is not the usual one of reason and action), reward (1 to 4 letters and digits), until (last day, YYYY-MM-DD).

Every bad line is reported, and nothing is done if there is one (exit code 65). A number that is on the list already
gets what the file says. While `turnout serve` runs, the lines go to it over its control socket, and count from the
next request on.")]
pub(super) struct LoadArgs {
    /// File to load, `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card hot-list add --reason stolen < pan.txt
  turnout card hot-list add --reason fraud --action capture --reward R50 --until 2027-03-31 4000000000000002")]
pub(super) struct AddArgs {
    /// Card number; read from standard input when absent or `-`
    #[arg(value_parser = parse_pan)]
    pan: Option<GivenPan>,
    /// Why: lost, stolen, not_received, counterfeit, fraud, restricted, other
    #[arg(long, default_value = "other", value_parser = HotReason::ALL.map(HotReason::as_str))]
    reason: String,
    /// Keep the card or only decline; the reason says it otherwise
    #[arg(long, value_parser = ["capture", "decline"])]
    action: Option<String>,
    /// Response code, where it is not the usual one
    #[arg(long)]
    code: Option<String>,
    /// What whoever keeps the card gets
    #[arg(long)]
    reward: Option<String>,
    /// Last day on which the entry holds, YYYY-MM-DD
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card hot-list remove found.csv         with the column pan, and last for a range
  turnout card hot-list remove - < pan.txt       bare card numbers, one a line
  turnout card hot-list remove --expired         everything whose last day is over")]
pub(super) struct RemoveArgs {
    /// File of the numbers, `-` for standard input
    #[arg(required_unless_present = "expired", conflicts_with = "expired")]
    file: Option<PathBuf>,
    /// Everything whose last day is over
    #[arg(long)]
    expired: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Show at most this many
    #[arg(long)]
    limit: Option<usize>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout card hot-list export --unmask --output hot.jsonl     for `turnout card hot-list load`

JSON, one entry a line. A file is made with mode 0600, and never overwritten.")]
pub(super) struct ExportArgs {
    /// File to write; standard output when absent
    #[arg(long)]
    output: Option<PathBuf>,
    /// Write card numbers in clear
    #[arg(long)]
    unmask: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

const PUT: LineKind<HotChange> = LineKind {
    command: "hot-list",
    what: "hot list",
    columns: HOT_COLUMNS,
    target: "/v1/hot-list",
    read: |row, _| hot_entry(row),
    among: || {
        let mut ranges = HotRanges::default();
        Box::new(move |change: &HotChange| ranges.take(change))
    },
    line: hot_change_json,
    plan: |change, state, now| {
        let planned = state.plan_hot_change(change, now).map_err(|refusal| refusal.to_string())?;
        Ok((planned.0.map(Record::HotListChanged), planned.1))
    },
};

const REMOVE: LineKind<HotChange> =
    LineKind { target: "/v1/hot-list/remove", read: |row, _| hot_removal(row), ..PUT };

/// Runs the command.
pub(super) fn run(command: &HotListCommand) -> Result<(), ExitCode> {
    match command {
        HotListCommand::Load(LoadArgs { file, common }) => {
            lines::run(&PUT, &common.config, &Lines::File(file.clone()), common.format)
        }
        HotListCommand::Add(args) => add(args),
        HotListCommand::Remove(args) => remove(args),
        HotListCommand::List(args) => list(args),
        HotListCommand::Export(args) => export(args),
    }
}

fn add(args: &AddArgs) -> Result<(), ExitCode> {
    let pan = match args.pan {
        Some(GivenPan(Some(pan))) => pan,
        _ => pan_from_stdin()?,
    };
    let mut line = json!({ "pan": pan.reveal().as_str(), "reason": args.reason });
    let texts =
        [("action", &args.action), ("code", &args.code), ("reward", &args.reward), ("until", &args.until)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
        line[name] = json!(text);
    }
    let text = line.to_string().into_bytes();
    lines::run(&PUT, &args.common.config, &Lines::Text(text), args.common.format)
}

fn remove(args: &RemoveArgs) -> Result<(), ExitCode> {
    let lines = match &args.file {
        Some(file) => Lines::File(file.clone()),
        None => {
            let settings = good_configuration(&args.common.config)?.settings;
            let today = clock::now().day(settings.tables.business_offset);
            let over = |entry: &HotEntry| entry.notice.until.is_some_and(|last| last < today);
            let mut text = Vec::new();
            for entry in load_state(&settings)?.hot_list_in_order().iter().filter(|entry| over(entry)) {
                let change = HotChange { span: entry.span, notice: None };
                writeln!(text, "{}", hot_change_json(&change)).expect("memory takes it");
            }
            Lines::Text(text)
        }
    };
    lines::run(&REMOVE, &args.common.config, &lines, args.common.format)
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let state = load_state(&good_configuration(&args.common.config)?.settings)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for entry in state.hot_list_in_order().iter().take(args.limit.unwrap_or(usize::MAX)) {
        let notice = &entry.notice;
        let printed = match args.common.format {
            DataFormat::Json => writeln!(out, "{}", hot_entry_json(entry, false)),
            DataFormat::Text => writeln!(
                out,
                "{:<42} {:<12} {} {:<4} {}",
                entry.span.to_string(),
                notice.reason.as_str(),
                notice.code,
                notice.reward.map_or_else(|| "-".to_owned(), |reward| reward.to_string()),
                notice.until.map_or_else(|| "-".to_owned(), |day| day.to_string()),
            ),
        };
        // Whoever reads our output has had enough (`| head`).
        if printed.is_err() {
            return Ok(());
        }
    }
    let _ = out.flush();
    let (numbers, ranges) = state.hot_list_size();
    eprintln!("{numbers} numbers and {ranges} ranges");
    Ok(())
}

fn export(args: &ExportArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let failed = |error: io::Error| {
        eprintln!("turnout card hot-list export: {error}");
        ExitCode::FAILURE
    };
    let output = args.output.as_deref().map(create).transpose().map_err(failed)?;
    let state = load_state(&settings)?;
    let lines = state.hot_list_in_order();
    let lines = lines.iter().map(|entry| hot_entry_json(entry, args.unmask));
    let written = match output {
        Some(file) => {
            let mut out = BufWriter::new(file);
            write_lines(&mut out, lines).and_then(|()| out.into_inner()?.sync_all())
        }
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write_lines(&mut out, lines).and_then(|()| out.flush())
        }
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(failed),
    }
}

fn write_lines(out: &mut dyn Write, lines: impl Iterator<Item = Value>) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
