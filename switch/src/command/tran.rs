//! `turnout tran`: what happened, and why.

use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::history::{self, Entry, EventKind};
use crate::settings::Settings;
use auth::{Check, Transaction, Verdict};
use card::{Pan, Time};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Transactions: search them, show one, say why it was answered so.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout tran search --config run/turnout.toml --terminal TERM0001 --result declined
  turnout tran search --rrn 632712000001 --format json
  turnout tran why 632712000001
  turnout tran why 128 --format json

Reads the journal beside a running `serve`; what was answered is there.")]
pub struct TranArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List transactions, oldest first.
    Search(SearchArgs),
    /// Show one transaction and what came after it.
    Show(OneArgs),
    /// Explain the answer: every check in order, with the value seen and the limit.
    Why(OneArgs),
}

#[derive(clap::Args)]
struct SearchArgs {
    #[command(flatten)]
    common: Common,
    /// Retrieval reference number (DE 37).
    #[arg(long)]
    rrn: Option<String>,
    /// System trace audit number (DE 11).
    #[arg(long)]
    stan: Option<u32>,
    /// Card number; `-` reads it from standard input, which keeps it out of the shell's history.
    #[arg(long)]
    pan: Option<String>,
    /// Terminal (DE 41) or LUNO.
    #[arg(long)]
    terminal: Option<String>,
    /// Listener.
    #[arg(long)]
    link: Option<String>,
    /// Response code (DE 39).
    #[arg(long)]
    code: Option<String>,
    /// Approved or declined ones only.
    #[arg(long, value_enum)]
    result: Option<ResultFilter>,
    /// Amount in minor units.
    #[arg(long)]
    amount: Option<i64>,
    /// Not before this moment: RFC 3339 in UTC, any beginning of it, such as 2026-11-23T14.
    #[arg(long, value_parser = beginning_of_time)]
    from: Option<String>,
    /// Not after this moment, likewise.
    #[arg(long, value_parser = beginning_of_time)]
    to: Option<String>,
    /// At most this many, the newest.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

#[derive(clap::Args)]
struct OneArgs {
    #[command(flatten)]
    common: Common,
    /// Transaction number, or RRN.
    id: String,
}

#[derive(clap::Args)]
struct Common {
    /// Configuration file.
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ResultFilter {
    Approved,
    Declined,
}

/// Runs the command.
#[must_use]
pub fn run(args: &TranArgs) -> ExitCode {
    let common = match &args.action {
        Action::Search(search) => &search.common,
        Action::Show(one) | Action::Why(one) => &one.common,
    };
    let settings = match good_configuration(&common.config) {
        Ok(configuration) => configuration.settings,
        Err(code) => return code,
    };
    match &args.action {
        Action::Search(search) => run_search(&settings, search),
        Action::Show(one) => run_one(&settings, one, show_text, Entry::to_json_with_events),
        Action::Why(one) => run_one(&settings, one, why_text, Entry::to_json_with_receipt),
    }
}

fn run_search(settings: &Settings, search: &SearchArgs) -> ExitCode {
    let pan = match search.pan.as_deref().map(read_pan).transpose() {
        Ok(pan) => pan,
        Err(reason) => {
            eprintln!("--pan: {reason}");
            return ExitCode::from(2);
        }
    };
    let entries = match history::read(settings, |transaction| search.accepts(transaction, pan.as_ref())) {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let skipped = entries.len().saturating_sub(search.limit);
    if skipped > 0 {
        eprintln!("{skipped} older ones are left out; raise --limit to see them");
    }
    print(
        &entries[skipped..],
        search.common.format,
        |entry, out| writeln!(out, "{}", line(entry)),
        Entry::to_json,
    )
}

fn run_one(
    settings: &Settings,
    one: &OneArgs,
    text: fn(&Entry, &mut dyn Write) -> io::Result<()>,
    json: fn(&Entry) -> Value,
) -> ExitCode {
    let number: Option<u64> = one.id.parse().ok();
    let is_wanted = |transaction: &Transaction| {
        Some(transaction.id.0) == number || transaction.rrn.is_some_and(|rrn| rrn.as_str().trim() == one.id)
    };
    match history::read(settings, is_wanted) {
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Ok(entries) if entries.is_empty() => {
            eprintln!(
                "no transaction has the number or RRN {}; `turnout tran search` lists what there is",
                one.id
            );
            ExitCode::FAILURE
        }
        Ok(entries) => print(&entries, one.common.format, text, json),
    }
}

fn read_pan(text: &str) -> Result<Pan, String> {
    let mut digits = text.to_owned();
    if text == "-" {
        digits.clear();
        io::stdin().read_line(&mut digits).map_err(|error| error.to_string())?;
    }
    Pan::parse(digits.trim().as_bytes()).map_err(|error| error.to_string())
}

fn print(
    entries: &[Entry],
    format: DataFormat,
    text: impl Fn(&Entry, &mut dyn Write) -> io::Result<()>,
    json: impl Fn(&Entry) -> Value,
) -> ExitCode {
    let mut out = io::stdout().lock();
    let write_all = |out: &mut io::StdoutLock<'_>| {
        for entry in entries {
            match format {
                DataFormat::Text => text(entry, out)?,
                DataFormat::Json => writeln!(out, "{}", json(entry))?,
            }
        }
        out.flush()
    };
    // A reader that has seen enough, such as `head`, is no failure.
    match write_all(&mut out) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// A beginning of `YYYY-MM-DDThh:mm:ss.mmmZ` that a clock can show.
fn beginning_of_time(text: &str) -> Result<String, String> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let shaped = text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        separator => byte == *separator,
    });
    let within = |place: std::ops::Range<usize>, least: u8, most: u8| {
        text.get(place)
            .is_none_or(|digits| digits.parse().is_ok_and(|number| (least..=most).contains(&number)))
    };
    let exists = within(5..7, 1, 12)
        && within(8..10, 1, 31)
        && within(11..13, 0, 23)
        && within(14..16, 0, 59)
        && within(17..19, 0, 59);
    if text.is_empty() || text.len() > SHAPE.len() || !shaped || !exists {
        return Err("not a beginning of YYYY-MM-DDThh:mm:ss.mmmZ".to_owned());
    }
    Ok(text.to_owned())
}

impl SearchArgs {
    fn accepts(&self, transaction: &Transaction, pan: Option<&Pan>) -> bool {
        let same =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let approved = transaction.code.is_approval();
        same(&self.terminal, transaction.terminal.as_str())
            && same(&self.link, transaction.link.as_str())
            && same(&self.code, transaction.code.as_str())
            && same(&self.rrn, transaction.rrn.as_ref().map_or("", |rrn| rrn.as_str().trim()))
            && self.stan.is_none_or(|stan| transaction.stan.number() == stan)
            && self.amount.is_none_or(|amount| transaction.amount_minor == amount)
            && pan.is_none_or(|pan| transaction.pan == *pan)
            && self.result.is_none_or(|result| approved == (result == ResultFilter::Approved))
            && self.within(transaction.time)
    }

    /// RFC 3339 sorts as text, and so does any beginning of it.
    fn within(&self, time: Time) -> bool {
        let time = time.to_string();
        let until = |to: &String| time.get(..to.len()).unwrap_or(&time) <= to.as_str();
        self.from.as_ref().is_none_or(|from| time.as_str() >= from.as_str())
            && self.to.as_ref().is_none_or(until)
    }
}

fn line(entry: &Entry) -> String {
    let transaction = &entry.transaction;
    format!(
        "{:>10}  {}  {:<10} {:<8} {:<19} {:<16} {:>18}  {} {:<28} {}",
        transaction.id,
        transaction.time,
        transaction.link,
        transaction.terminal,
        transaction.pan.to_string(),
        transaction.transaction.as_str(),
        entry.amount(transaction.amount_minor),
        transaction.code,
        transaction.code.meaning(),
        entry.status.as_str(),
    )
}

fn show_text(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let transaction = &entry.transaction;
    writeln!(out, "transaction     {}", transaction.id)?;
    writeln!(out, "time            {}", transaction.time)?;
    writeln!(out, "link, terminal  {}, {}", transaction.link, transaction.terminal)?;
    writeln!(out, "card            {}", transaction.pan)?;
    writeln!(
        out,
        "stan, rrn       {}, {}",
        transaction.stan,
        transaction.rrn.as_ref().map_or("-", card::Rrn::as_str)
    )?;
    let kind = transaction.transaction.as_str();
    writeln!(out, "asked           {kind} of {}", entry.amount(transaction.amount_minor))?;
    writeln!(out, "entry mode      {}", transaction.entry.as_str())?;
    writeln!(out, "answer          {} {}", transaction.code, transaction.code.meaning())?;
    if let Some(id) = &transaction.authorization_id {
        writeln!(out, "authorization   {}", String::from_utf8_lossy(id))?;
    }
    if let Some(notes) = transaction.cash.and_then(|cash| cash.notes) {
        writeln!(out, "notes           {notes:?} by cassette type")?;
    }
    writeln!(out, "stands          {}, {}", entry.status.as_str(), entry.amount(entry.standing_minor))?;
    for event in &entry.events {
        writeln!(out, "then            {}  {}", event.time, event_text(entry, event.kind))?;
    }
    Ok(())
}

fn event_text(entry: &Entry, kind: EventKind) -> String {
    match kind {
        EventKind::Reversed(0) => "reversed in full".to_owned(),
        EventKind::Reversed(remaining) => format!("reversed down to {}", entry.amount(remaining)),
        EventKind::Dispensed(0) => "nothing was dispensed; the hold is released".to_owned(),
        EventKind::Dispensed(minor) => format!("dispensed {}, posted", entry.amount(minor)),
        EventKind::Suspect => "the ATM could not say what it dispensed; the hold stays for staff".to_owned(),
        EventKind::HoldExpired => "the hold ran out".to_owned(),
    }
}

fn why_text(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    show_text(entry, out)?;
    writeln!(out)?;
    writeln!(out, "step  verdict     check")?;
    for check in &entry.transaction.receipt.checks {
        writeln!(out, "{:>4}  {:<10}  {}", check.step.number(), verdict_word(check), explain(entry, check))?;
    }
    let answer = format!("{} {}", entry.transaction.code, entry.transaction.code.meaning());
    match entry.transaction.receipt.decline_step() {
        Some(step) => writeln!(out, "\nDeclined {answer}: step {}, {}.", step.number(), step.title()),
        None => writeln!(out, "\nApproved {answer}: every check passed."),
    }
}

fn verdict_word(check: &Check) -> &'static str {
    match check.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "FAILED",
        Verdict::Skipped => "skipped",
        Verdict::Noted => "noted",
    }
}

fn explain(entry: &Entry, check: &Check) -> String {
    use auth::Unit;
    let title = check.step.title();
    if check.verdict == Verdict::Skipped || check.step.unit() == Unit::None {
        return title.to_owned();
    }
    let value = |number: i64| match check.step.unit() {
        Unit::Minor => entry.amount(number),
        Unit::YearMonth => format!("{number:04}"),
        Unit::Number | Unit::None => number.to_string(),
    };
    if check.limit == 0 {
        return format!("{title}: {}", value(check.seen));
    }
    format!("{title}: {} against {}", value(check.seen), value(check.limit))
}

impl Entry {
    fn to_json_with_events(&self) -> Value {
        let mut entry = self.to_json();
        let events: Vec<Value> = self
            .events
            .iter()
            .map(|event| json!({ "time": event.time.to_string(), "event": event_text(self, event.kind) }))
            .collect();
        entry["events"] = Value::Array(events);
        entry
    }

    fn to_json_with_receipt(&self) -> Value {
        let mut entry = self.to_json_with_events();
        let checks: Vec<Value> = self.transaction.receipt.checks.iter().map(check_json).collect();
        let declined_by = self.transaction.receipt.decline_step();
        entry["declined_by"] =
            declined_by.map_or(Value::Null, |step| json!({ "step": step, "title": step.title() }));
        entry["tables_version"] = json!(self.transaction.tables_version);
        entry["receipt"] = Value::Array(checks);
        entry
    }
}

fn check_json(check: &Check) -> Value {
    let code = match check.verdict {
        Verdict::Failed(code) => Some(code.as_str().to_owned()),
        _ => None,
    };
    json!({
        "number": check.step.number(),
        "step": check.step,
        "title": check.step.title(),
        "verdict": verdict_word(check).to_lowercase(),
        "code": code,
        "seen": check.seen,
        "limit": check.limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_that_no_clock_shows_are_refused() {
        for good in ["2026", "2026-1", "2026-11-23", "2026-11-23T14:05", "2026-11-23T14:05:59.123Z"] {
            assert!(beginning_of_time(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-13",
            "2026-13-99",
            "2026-11-23 14",
            "23.11.2026",
            "2026-11-23T24",
            "2026-11-23T14:05:59.123Z0",
        ] {
            assert!(beginning_of_time(bad).is_err(), "{bad}");
        }
    }
}
