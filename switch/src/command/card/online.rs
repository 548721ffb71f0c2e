//! A job while a switch runs: the lines go to it over its control socket, in parts. All are checked before the
//! first is carried out.

use super::job::{Job, JobError, Kind, Note};
use super::offline::KEPT_BYTES;
use crate::card_file::{Counts, change_json};
use crate::edge::control::{ControlClient, ControlError};
use crate::recovery;
use serde_json::Value;
use std::io::Write;

/// A part is full from here on. The switch takes 8 MiB.
pub(super) const PART_BYTES: usize = 2 << 20;

/// Lines on their way, as the body of a request.
#[derive(Default)]
struct Part {
    body: Vec<u8>,
    /// Line of the file of each line in the body.
    lines: Vec<u64>,
}

/// What became of a part.
struct Told {
    counts: Value,
    refused: u64,
}

/// Makes all changes, or none where a line is bad. `pid`: who has the journal.
pub(super) fn run(job: &Job<'_>, pid: Option<u32>, note: &mut dyn FnMut(Note)) -> Result<Counts, JobError> {
    let control = |error| JobError::Control(pid, error);
    let client = ControlClient::new(&recovery::control_socket(job.settings)).map_err(control)?;
    // Whether anybody is there is found out before the file is read.
    let target = match job.kind {
        Kind::Import { update } => format!("/v1/cards?update={update}"),
        Kind::Remove { accounts } => format!("/v1/cards/remove?accounts={accounts}"),
    };
    post(&client, &target, Vec::new()).map_err(|error| error.of(pid))?;

    let (parts, lines) = read(job, note)?;
    let mut bad = 0;
    for part in &parts {
        let told =
            send(&client, job, &format!("{target}&check=true"), part, note).map_err(|error| error.of(pid))?;
        bad += told.refused;
    }
    if bad > 0 {
        return Err(JobError::BadLines(bad));
    }
    let (mut counts, mut done, mut refused) = (Counts::default(), 0, 0);
    for part in parts {
        let told = send(&client, job, &target, &part, note).map_err(|error| error.of(pid))?;
        counts.add_json(&told.counts);
        refused += told.refused;
        done += part.lines.len() as u64;
        note(Note::Done(done, lines));
    }
    if refused > 0 { Err(JobError::Partly(refused)) } else { Ok(counts) }
}

/// The good lines of the file in parts, and their number.
fn read(job: &Job<'_>, note: &mut dyn FnMut(Note)) -> Result<(Vec<Part>, u64), JobError> {
    let (mut parts, mut part) = (Vec::new(), Part::default());
    let (mut bytes, mut lines) = (0, 0);
    job.read(job.open()?, note, &mut |wanted| {
        lines += 1;
        if bytes > KEPT_BYTES {
            return Ok(());
        }
        let start = part.body.len();
        writeln!(part.body, "{}", change_json(&wanted.change)).expect("memory takes it");
        bytes += part.body.len() - start;
        part.lines.push(wanted.line);
        if part.body.len() >= PART_BYTES {
            parts.push(std::mem::take(&mut part));
        }
        Ok(())
    })?;
    if bytes > KEPT_BYTES {
        return Err(JobError::TooLarge);
    }
    if !part.lines.is_empty() {
        parts.push(part);
    }
    Ok((parts, lines))
}

/// Why a part got no answer that can be read.
pub(super) enum SendError {
    Control(ControlError),
    Refused(String),
}

impl SendError {
    pub(super) fn of(self, pid: Option<u32>) -> JobError {
        match self {
            SendError::Control(error @ ControlError::Connect(..)) => JobError::Control(pid, error),
            SendError::Control(error) => JobError::Refused(error.to_string()),
            SendError::Refused(reason) => JobError::Refused(reason),
        }
    }
}

/// Sends a part, and tells of the lines that are refused.
fn send(
    client: &ControlClient,
    job: &Job<'_>,
    target: &str,
    part: &Part,
    note: &mut dyn FnMut(Note),
) -> Result<Told, SendError> {
    let counts = post(client, target, part.body.clone())?;
    let refused = counts["refused"].as_array().map(Vec::as_slice).unwrap_or_default();
    for line in refused {
        let number = line["line"].as_u64().and_then(|number| part.lines.get(number.checked_sub(1)? as usize));
        let reasons: Vec<&str> =
            line["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        note(Note::Bad(format!(
            "{}:{}: {}: {}",
            job.file.display(),
            number.copied().unwrap_or(0),
            line["card"].as_str().unwrap_or_default(),
            reasons.join("; ")
        )));
    }
    let refused = refused.len() as u64;
    Ok(Told { counts, refused })
}

pub(super) fn post(client: &ControlClient, target: &str, body: Vec<u8>) -> Result<Value, SendError> {
    let (status, body) = client.post(target, body).map_err(SendError::Control)?;
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|_| SendError::Refused(format!("an answer of status {status} that is not JSON")))?;
    match answer["error"].as_str() {
        Some(reason) => Err(SendError::Refused(reason.to_owned())),
        None => Ok(answer),
    }
}
