//! Files of the hot list and of tokens: each line is a change of its own, and either all are made or none. As with
//! card files, they go to the journal while no switch runs, and over the control socket while one does.

use super::job::{JobError, Note};
use super::offline::{KEPT_BYTES, Kept, open_journal};
use super::online::{PART_BYTES, SendError, post};
use super::progress::Progress;
use crate::card_file::{Columns, Faults, Row, SourceError, is_json, masked, read_rows};
use crate::clock;
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::edge::control::{ControlClient, ControlError};
use crate::recovery;
use crate::settings::Settings;
use auth::{Did, Record, State};
use card::Time;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A kind of file: its columns, what a line means, and where it goes.
pub(super) struct LineKind<C> {
    /// The command, for messages: `hot-list load`.
    pub(super) command: &'static str,
    /// What the counts are of: `numbers`.
    pub(super) what: &'static str,
    pub(super) columns: Columns,
    /// Path on the control socket.
    pub(super) target: &'static str,
    pub(super) read: fn(&Row, &Settings) -> Result<C, Faults>,
    /// What lines of one file say of each other: a running switch is asked about each by itself.
    pub(super) among: fn() -> Among<C>,
    /// The change as a line for the control socket.
    pub(super) line: fn(&C) -> Value,
    /// The record of a change, if there is anything to do, and what it does.
    pub(super) plan: fn(&C, &State, Time) -> Result<Plan, String>,
}

/// Takes one line after another, and says what speaks against one behind those before it.
pub(super) type Among<C> = Box<dyn FnMut(&C) -> Result<(), String>>;

/// The record of a change, if there is anything to do, and what it does.
pub(super) type Plan = (Option<Record>, Did);

/// Where the lines come from.
pub(super) enum Lines {
    /// A file, or standard input for `-`.
    File(PathBuf),
    /// Lines made on the way, and how many.
    Text(Vec<u8>),
}

/// How many lines did what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    added: u64,
    updated: u64,
    unchanged: u64,
    removed: u64,
    absent: u64,
}

impl Tally {
    fn count(&mut self, did: Did) {
        match did {
            Did::Nothing => {}
            Did::Added => self.added += 1,
            Did::Updated => self.updated += 1,
            Did::Same => self.unchanged += 1,
            Did::Removed => self.removed += 1,
            Did::Absent => self.absent += 1,
        }
    }

    fn to_json(self) -> Value {
        let Tally { added, updated, unchanged, removed, absent } = self;
        json!({
            "added": added, "updated": updated, "unchanged": unchanged, "removed": removed, "absent": absent,
        })
    }

    fn add_json(&mut self, told: &Value) {
        let count = |name: &str| told[name].as_u64().unwrap_or(0);
        self.added += count("added");
        self.updated += count("updated");
        self.unchanged += count("unchanged");
        self.removed += count("removed");
        self.absent += count("absent");
    }
}

/// Makes the changes of all lines, or none where one is bad, and reports to the terminal.
pub(super) fn run<C>(
    kind: &LineKind<C>,
    config: &Path,
    lines: &Lines,
    format: DataFormat,
) -> Result<(), ExitCode> {
    let settings = good_configuration(config)?.settings;
    let mut progress = Progress::new(lines.path());
    let mut note = |note| progress.tell(note);
    let done = match offline(kind, &settings, lines, &mut note) {
        Err(JobError::InUse(pid)) => online(kind, &settings, lines, pid, &mut note),
        other => other,
    };
    progress.end();
    let tally = done.map_err(|error| {
        eprintln!("turnout card {}: {error}", kind.command);
        ExitCode::from(error.exit_code())
    })?;
    match format {
        DataFormat::Json => println!("{}", tally.to_json()),
        DataFormat::Text => {
            let Tally { added, updated, unchanged, removed, absent } = tally;
            let what = kind.what;
            println!(
                "{what}: {added} added, {updated} updated, {unchanged} unchanged, {removed} removed, {absent} absent"
            );
        }
    }
    Ok(())
}

impl Lines {
    fn path(&self) -> &Path {
        match self {
            Lines::File(path) => path,
            Lines::Text(_) => Path::new("-"),
        }
    }

    fn open(&self) -> Result<Box<dyn Read + '_>, JobError> {
        match self {
            Lines::File(path) if path == Path::new("-") => Ok(Box::new(io::stdin().lock())),
            Lines::File(path) => {
                let file = File::open(path).map_err(|error| JobError::File(path.clone(), error))?;
                Ok(Box::new(file))
            }
            Lines::Text(text) => Ok(Box::new(text.as_slice())),
        }
    }
}

/// Reads all lines. `visit` takes each good one with its number, or says what is wrong with it.
fn each_line<C>(
    kind: &LineKind<C>,
    settings: &Settings,
    lines: &Lines,
    note: &mut dyn FnMut(Note),
    visit: &mut dyn FnMut(u64, C) -> Result<(), Vec<String>>,
) -> Result<u64, JobError> {
    let file = lines.path().display();
    let (mut count, mut bad) = (0u64, 0u64);
    read_rows(lines.open()?, kind.columns, is_json(lines.path()), &mut |row| {
        count += 1;
        let reason = match row {
            Ok(row) => {
                note(Note::Checked(count, row.bytes));
                let done = (kind.read)(row, settings).map_err(|faults| faults.0);
                let Err(reasons) = done.and_then(|change| visit(row.number, change)) else { return };
                format!(
                    "{file}:{}: {}: {}",
                    row.number,
                    masked(row.cell(kind.columns[0])),
                    reasons.join("; ")
                )
            }
            Err(SourceError::Line(number, reason)) => format!("{file}:{number}: {reason}"),
            Err(SourceError::File(reason)) => format!("{file}: {reason}"),
        };
        bad += 1;
        note(Note::Bad(reason));
    });
    if bad > 0 { Err(JobError::BadLines(bad)) } else { Ok(count) }
}

fn offline<C>(
    kind: &LineKind<C>,
    settings: &Settings,
    lines: &Lines,
    note: &mut dyn FnMut(Note),
) -> Result<Tally, JobError> {
    let (mut journal, mut state) = open_journal(settings)?;
    let (mut kept, mut tally, now) = (Kept::default(), Tally::default(), clock::now());
    each_line(kind, settings, lines, note, &mut |_, change| {
        let (record, did) = (kind.plan)(&change, &state, now).map_err(|refusal| vec![refusal])?;
        tally.count(did);
        if let Some(record) = record {
            // Each line sees those before it.
            state.apply(&record);
            kept.push(&record);
        }
        kept.end_line();
        Ok(())
    })?;
    if kept.too_large {
        return Err(JobError::TooLarge);
    }
    drop(state);
    kept.write(&mut journal, note)?;
    Ok(tally)
}

/// Lines on their way, as the body of a request, with the line of the file of each.
#[derive(Default)]
struct Part {
    body: Vec<u8>,
    numbers: Vec<u64>,
}

fn online<C>(
    kind: &LineKind<C>,
    settings: &Settings,
    lines: &Lines,
    pid: Option<u32>,
    note: &mut dyn FnMut(Note),
) -> Result<Tally, JobError> {
    let control = |error: ControlError| JobError::Control(pid, error);
    let client = ControlClient::new(&recovery::control_socket(settings)).map_err(control)?;
    // Whether anybody is there is found out before the file is read.
    post(&client, kind.target, Vec::new()).map_err(|error| error.of(pid))?;

    let (mut parts, mut part, mut bytes) = (Vec::new(), Part::default(), 0);
    let mut among = (kind.among)();
    let all = each_line(kind, settings, lines, note, &mut |number, change| {
        among(&change).map_err(|reason| vec![reason])?;
        if bytes > KEPT_BYTES {
            return Ok(());
        }
        let start = part.body.len();
        writeln!(part.body, "{}", (kind.line)(&change)).expect("memory takes it");
        bytes += part.body.len() - start;
        part.numbers.push(number);
        if part.body.len() >= PART_BYTES {
            parts.push(std::mem::take(&mut part));
        }
        Ok(())
    })?;
    if bytes > KEPT_BYTES {
        return Err(JobError::TooLarge);
    }
    if !part.numbers.is_empty() {
        parts.push(part);
    }
    let mut refused = 0;
    let checking = format!("{}?check=true", kind.target);
    for part in &parts {
        refused += send(&client, &checking, part, lines, note).map_err(|error| error.of(pid))?.1;
    }
    if refused > 0 {
        return Err(JobError::BadLines(refused));
    }
    let (mut tally, mut done) = (Tally::default(), 0);
    for part in &parts {
        let (told, of_part) = send(&client, kind.target, part, lines, note).map_err(|error| error.of(pid))?;
        tally.add_json(&told);
        refused += of_part;
        done += part.numbers.len() as u64;
        note(Note::Done(done, all));
    }
    if refused > 0 { Err(JobError::Partly(refused)) } else { Ok(tally) }
}

/// Sends a part, and tells of the lines that are refused; gives back their number.
fn send(
    client: &ControlClient,
    target: &str,
    part: &Part,
    lines: &Lines,
    note: &mut dyn FnMut(Note),
) -> Result<(Value, u64), SendError> {
    let told = post(client, target, part.body.clone())?;
    let refused = told["refused"].as_array().cloned().unwrap_or_default();
    for line in &refused {
        let index = line["line"].as_u64().and_then(|number| usize::try_from(number.checked_sub(1)?).ok());
        let number = index.and_then(|index| part.numbers.get(index)).copied().unwrap_or(0);
        let reasons: Vec<&str> =
            line["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let card = line["card"].as_str().unwrap_or_default();
        note(Note::Bad(format!("{}:{number}: {card}: {}", lines.path().display(), reasons.join("; "))));
    }
    Ok((told, refused.len() as u64))
}
