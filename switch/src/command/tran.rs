//! `turnout tran`: what happened, and why.

mod hint;

use crate::archiving::ClosedDays;
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::history;
use crate::projection::{self, ProjectionError};
use crate::recovery;
use crate::settings::Settings;
use auth::{Billing, Check, Rate, Step, TransactionId, Unit, Verdict};
use card::{Amount, Pan, Time};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use store::Until;
use transaction_store::{Entry, EventKind, Filter, Progress, TransactionStore};

/// How often a rebuild says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Transactions: search them, show one, say why it was answered so.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout tran search --config run/turnout.toml --terminal TERM0001 --result declined
  turnout tran search --rrn 632712000001 --format json
  turnout tran why 632712000001
  turnout tran search --from 2026-11-23T14 --to 2026-11-23T15 --amount-min 10000
  turnout tran why 128 --format json
  turnout tran rebuild --config run/turnout.toml

Reads the transaction store and, behind it, the journal, beside a running `serve`; what was answered is there.")]
pub struct TranArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List transactions, oldest first.
    Search(Box<SearchArgs>),
    /// Show one transaction and what came after it.
    Show(OneArgs),
    /// Explain the answer: every check in order, with the value seen and the limit.
    Why(OneArgs),
    /// Make the transaction store anew from the journal; `serve` must not be running.
    Rebuild(StoreArgs),
    /// Bring the transaction store up to date and write closed days to Parquet; `serve` does it by itself.
    Archive(StoreArgs),
}

#[derive(clap::Args)]
struct StoreArgs {
    /// Configuration file.
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
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
    /// At least this amount in minor units.
    #[arg(long)]
    amount_min: Option<i64>,
    /// At most this amount in minor units.
    #[arg(long)]
    amount_max: Option<i64>,
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
    let config = match &args.action {
        Action::Search(search) => &search.common.config,
        Action::Show(one) | Action::Why(one) => &one.common.config,
        Action::Rebuild(store) | Action::Archive(store) => &store.config,
    };
    let settings = match good_configuration(config) {
        Ok(configuration) => configuration.settings,
        Err(code) => return code,
    };
    match &args.action {
        Action::Search(search) => run_search(&settings, search),
        Action::Show(one) => run_one(&settings, one, show_text, to_json_with_events),
        Action::Why(one) => run_one(&settings, one, why_text, to_json_with_receipt),
        Action::Rebuild(_) => told(rebuild(&settings)),
        Action::Archive(_) => told(archive(&settings)),
    }
}

fn told(done: Result<(), ProjectionError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn rebuild(settings: &Settings) -> Result<(), ProjectionError> {
    TransactionStore::remove(&settings.transactions.file).map_err(ProjectionError::Store)?;
    let store = catch_up(settings)?;
    println!("{}: {} transactions", settings.transactions.file.display(), store.transactions());
    if let Some(since) = store.progress().covers_since.filter(|since| *since != Progress::ALWAYS) {
        println!(
            "all there is since {since}: the journal's first segments are gone. The day in which it begins is not \
             archived, and repeats of what is older are answered 96"
        );
    }
    Ok(())
}

fn archive(settings: &Settings) -> Result<(), ProjectionError> {
    let mut store = catch_up(settings)?;
    let folder = settings.transactions.archive_folder.display();
    let days = ClosedDays::of(settings, &mut store).map_err(ProjectionError::Store)?;
    for day in days.archive().settle(&mut store).map_err(ProjectionError::Store)? {
        println!("{day}: in {folder}");
    }
    Ok(())
}

/// The store with all that the journal has, and the word how far it is on the way.
fn catch_up(settings: &Settings) -> Result<TransactionStore, ProjectionError> {
    let keys = recovery::data_keys(settings).map_err(ProjectionError::Recovery)?;
    let mut store = projection::open_store(settings, &keys)?;
    if !recovery::journal_folder(settings).exists() {
        return Ok(store);
    }
    let mut reader = projection::open_reader(settings, &keys, &mut store, Until::WholeFrames)?;
    let (began, mut told, mut records) = (Instant::now(), Instant::now(), 0);
    loop {
        let batch = projection::project_batch(&mut reader, &mut store)?;
        records += batch;
        if batch == 0 || told.elapsed() >= TELL_EVERY {
            let seconds = began.elapsed().as_secs();
            eprintln!("{records} records, {} transactions, {seconds} s", store.transactions());
            told = Instant::now();
        }
        if batch == 0 {
            return Ok(store);
        }
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
    let filter = match search.filter(settings, pan) {
        Ok(filter) => filter,
        Err(error) => return told(Err(error)),
    };
    let entries = match history::read(settings, &filter) {
        Ok(entries) => entries,
        Err(error) => return told(Err(error)),
    };
    let skipped = entries.len().saturating_sub(search.limit);
    if skipped > 0 {
        eprintln!("older ones are left out; raise --limit to see them");
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
    let number = one.id.parse().ok().and_then(TransactionId::new);
    let filter = Filter { number_or_rrn: Some((number, one.id.clone())), ..Filter::default() };
    match history::read(settings, &filter) {
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
    fn filter(&self, settings: &Settings, pan: Option<Pan>) -> Result<Filter, ProjectionError> {
        let card = match pan {
            Some(pan) => {
                let keys = recovery::data_keys(settings).map_err(ProjectionError::Recovery)?;
                Some((pan, keys.pan_lookup(&pan)))
            }
            None => None,
        };
        Ok(Filter {
            number_or_rrn: None,
            rrn: self.rrn.clone(),
            stan: self.stan,
            card,
            terminal: self.terminal.clone(),
            link: self.link.clone(),
            code: self.code.clone(),
            approved: self.result.map(|result| result == ResultFilter::Approved),
            amount_min: self.amount_min.max(self.amount),
            amount_max: self.amount_max.into_iter().chain(self.amount).min(),
            from: self.from.as_deref().map(first_moment),
            to: self.to.as_deref().map(last_moment),
            // One more, to know whether there are more.
            limit: Some(self.limit.saturating_add(1)),
        })
    }
}

/// The first moment that begins so.
fn first_moment(beginning: &str) -> Time {
    moment(beginning, b'0')
}

/// The last moment that begins so.
fn last_moment(beginning: &str) -> Time {
    moment(beginning, b'9')
}

/// Fills a beginning of a time up with this digit, and what no clock shows with the nearest that one does.
fn moment(beginning: &str, digit: u8) -> Time {
    let shape = "0000-00-00T00:00:00.000Z";
    let filled = shape[beginning.len()..].bytes().map(|byte| if byte == b'0' { digit } else { byte });
    let full: Vec<u8> = beginning.bytes().chain(filled).collect();
    let number = |place: std::ops::Range<usize>| {
        full[place].iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (year, month) = (number(0..4), number(5..7).clamp(1, 12));
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last_day = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    let day = number(8..10).clamp(1, last_day);
    let time_of_day = (number(11..13).min(23) * 60 + number(14..16).min(59)) * 60 + number(17..19).min(59);
    Time::from_unix_ms((days_since_1970(year, month, day) * 86_400 + time_of_day) * 1000 + number(20..23))
}

/// Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

fn line(entry: &Entry) -> String {
    let billed = entry.billing.as_ref().map_or(String::new(), |billing| {
        let fee = billing.charge.as_ref().map(|charge| entry.account_amount(charge.minor));
        let fee = fee.map_or(String::new(), |fee| format!(" and {fee}"));
        format!(", billed {}{fee}", entry.account_amount(billing.amount_minor))
    });
    format!(
        "{:>10}  {}  {:<10} {:<8} {:<19} {:<16} {:>18}  {} {:<28} {}{billed}",
        entry.id,
        entry.time,
        entry.link,
        entry.terminal,
        entry.pan,
        entry.transaction.as_str(),
        entry.amount(entry.amount_minor),
        entry.code,
        entry.code.meaning(),
        entry.status.as_str(),
    )
}

fn show_text(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "transaction     {}", entry.id)?;
    writeln!(out, "time            {}", entry.time)?;
    writeln!(out, "link, terminal  {}, {}", entry.link, entry.terminal)?;
    writeln!(out, "card            {}", entry.pan)?;
    writeln!(out, "stan, rrn       {}, {}", entry.stan, entry.rrn.as_deref().unwrap_or("-"))?;
    let kind = entry.transaction.as_str();
    writeln!(out, "asked           {kind} of {}", entry.amount(entry.amount_minor))?;
    writeln!(out, "entry mode      {}", entry.entry_mode.as_str())?;
    writeln!(out, "answer          {} {}", entry.code, entry.code.meaning())?;
    if let Some(id) = &entry.authorization_id {
        writeln!(out, "authorization   {id}")?;
    }
    if let Some(notes) = entry.notes {
        writeln!(out, "notes           {notes:?} by cassette type")?;
    }
    if let Some(billing) = &entry.billing {
        billing_text(entry, billing, out)?;
    }
    writeln!(
        out,
        "stands          {}, {}",
        entry.status.as_str(),
        entry.account_amount(entry.standing_minor)
    )?;
    for event in &entry.events {
        writeln!(out, "then            {}  {}", event.time, event_text(entry, event.kind))?;
    }
    Ok(())
}

/// What the account pays, and what the link is owed, where that is another amount than was asked for.
fn billing_text(entry: &Entry, billing: &Billing, out: &mut dyn Write) -> io::Result<()> {
    let by = if billing.by_network { " as the network stated" } else { "" };
    let at = billing.rate.map_or(String::new(), |rate| format!(" at {rate}"));
    if billing.surcharge_minor != 0 {
        writeln!(out, "surcharge       {} of the acquirer", entry.amount(billing.surcharge_minor))?;
    }
    writeln!(out, "billed          {}{at}{by}", entry.account_amount(billing.amount_minor))?;
    if let Some(charge) = &billing.charge {
        writeln!(out, "fee             {} ({})", entry.account_amount(charge.minor), charge.fee)?;
    }
    let settlement = &billing.settlement;
    let at = settlement.rate.map_or(String::new(), |rate| format!(" at {rate}"));
    writeln!(out, "link is owed    {}{at}", Amount::new(settlement.minor, settlement.currency))
}

fn event_text(entry: &Entry, kind: EventKind) -> String {
    match kind {
        EventKind::Reversed(0) => "reversed in full".to_owned(),
        EventKind::Reversed(remaining) => format!("reversed down to {}", entry.account_amount(remaining)),
        EventKind::Dispensed(0) => "nothing was dispensed; the hold is released".to_owned(),
        EventKind::Dispensed(minor) => format!("dispensed, {} posted", entry.account_amount(minor)),
        EventKind::Suspect => "the ATM could not say what it dispensed; the hold stays for staff".to_owned(),
        EventKind::HoldExpired => "the hold ran out".to_owned(),
        EventKind::Released(kept) => {
            format!("completed by another message, which posted {}", entry.account_amount(kept))
        }
        EventKind::Credited(minor) => format!("{} to the account that it gives to", entry.amount(minor)),
        EventKind::Sent(minor) if minor < 0 => {
            format!("{} asked back of an account in another shard", entry.amount(-minor))
        }
        EventKind::Sent(minor) => {
            format!("{} on the way to an account in another shard", entry.amount(minor))
        }
        EventKind::NotTaken(minor) if minor < 0 => "that account does not give it back".to_owned(),
        EventKind::NotTaken(_) => "that account does not take it; the money returns".to_owned(),
    }
}

fn why_text(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    show_text(entry, out)?;
    writeln!(out)?;
    writeln!(out, "step  verdict     check")?;
    for check in &entry.receipt.checks {
        writeln!(out, "{:>4}  {:<10}  {}", check.step.number(), verdict_word(check), explain(entry, check))?;
    }
    writeln!(out, "\n{}", conclusion(entry))?;
    if let Some(hint) = hint::hint(&entry.receipt) {
        writeln!(out, "To look at or change: {hint}.")?;
    }
    writeln!(out, "Decided under version {} of the tables.", entry.tables_version)
}

/// One sentence: the answer and what decided it.
pub(crate) fn conclusion(entry: &Entry) -> String {
    let answer = format!("{} {}", entry.code, entry.code.meaning());
    let failed = |check: &&Check| matches!(check.verdict, Verdict::Failed(_));
    match entry.receipt.checks.iter().rev().find(failed) {
        Some(check) => format!("Declined {answer}: step {}, {}.", check.step.number(), explain(entry, check)),
        None => format!("Approved {answer}: every check passed."),
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
    let title = check.step.title();
    match values(entry, check) {
        (None, _) => title.to_owned(),
        (Some(seen), None) => format!("{title}: {seen}"),
        (Some(seen), Some(limit)) => format!("{title}: {seen} against {limit}"),
    }
}

/// What was seen and what it was held against, as people write it: amounts in major units with their currency.
fn values(entry: &Entry, check: &Check) -> (Option<String>, Option<String>) {
    if check.verdict == Verdict::Skipped || check.step.unit() == Unit::None {
        return (None, None);
    }
    let value = |number: i64| match check.step.unit() {
        Unit::Minor => entry.amount(number),
        Unit::Billing => entry.account_amount(number),
        Unit::Settlement => format!("{number} minor units"),
        Unit::YearMonth => format!("{number:04}"),
        Unit::Nanoseconds => format!("{:?}", Duration::from_nanos(number.unsigned_abs())),
        Unit::Number | Unit::Rate | Unit::None => number.to_string(),
    };
    if check.step.unit() == Unit::Rate {
        let decimals = u8::try_from(check.limit).unwrap_or(u8::MAX);
        return (Rate::new(check.seen.unsigned_abs(), decimals).map(|rate| rate.to_string()), None);
    }
    (Some(value(check.seen)), has_limit(check).then(|| value(check.limit)))
}

/// Whether the value was held against another. Of amounts that may be nothing at all, as what is available; but some are
/// legal or not by themselves.
fn has_limit(check: &Check) -> bool {
    let alone = matches!(check.step, Step::Amount | Step::Notes | Step::BillingAmount);
    check.limit != 0 || matches!(check.step.unit(), Unit::Minor | Unit::Billing) && !alone
}

fn to_json_with_events(entry: &Entry) -> Value {
    let mut json = entry.to_json();
    let event = |event: &transaction_store::Event| json!({ "time": event.time.to_string(), "event": event_text(entry, event.kind) });
    json["events"] = entry.events.iter().map(event).collect();
    json
}

fn to_json_with_receipt(entry: &Entry) -> Value {
    let mut json = to_json_with_events(entry);
    let checks: Vec<Value> = entry.receipt.checks.iter().map(|check| check_json(entry, check)).collect();
    let declined_by = entry.receipt.decline_step();
    json["declined_by"] =
        declined_by.map_or(Value::Null, |step| json!({ "step": step, "title": step.title() }));
    json["explanation"] = json!(conclusion(entry));
    json["hint"] = json!(hint::hint(&entry.receipt));
    json["tables_version"] = json!(entry.tables_version);
    json["receipt"] = Value::Array(checks);
    json
}

fn check_json(entry: &Entry, check: &Check) -> Value {
    let (seen, limit) = values(entry, check);
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
        "seen_text": seen,
        "limit_text": limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_limit_too() {
        let check = |step, limit, expect| {
            assert_eq!(
                has_limit(&Check { step, verdict: Verdict::Passed, seen: 1, limit }),
                expect,
                "{step:?}"
            );
        };
        check(Step::Funds, 0, true);
        check(Step::RefundAmount, 0, true);
        check(Step::Amount, 0, false);
        check(Step::BillingAmount, 0, false);
        check(Step::BillingAmount, 5, true);
        check(Step::PinTries, 3, true);
        check(Step::PanFormat, 0, false);
    }

    #[test]
    fn a_beginning_of_a_time_is_filled_up() {
        let check = |text: &str, first: &str, last: &str| {
            assert_eq!(first_moment(text).to_string(), first);
            assert_eq!(last_moment(text).to_string(), last);
        };
        check("2026", "2026-01-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z");
        check("2026-1", "2026-10-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z");
        check("2028-02", "2028-02-01T00:00:00.000Z", "2028-02-29T23:59:59.999Z");
        check("2026-02-2", "2026-02-20T00:00:00.000Z", "2026-02-28T23:59:59.999Z");
        check("2026-11-23T14", "2026-11-23T14:00:00.000Z", "2026-11-23T14:59:59.999Z");
        check("2026-11-23T14:05:3", "2026-11-23T14:05:30.000Z", "2026-11-23T14:05:39.999Z");
        check("2026-11-23T14:05:59.123Z", "2026-11-23T14:05:59.123Z", "2026-11-23T14:05:59.123Z");
        check("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z");
    }

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
