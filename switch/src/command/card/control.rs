//! One order to a running switch, and what is read for it.

use crate::command::check::good_configuration;
use crate::edge::control::ControlClient;
use crate::recovery;
use serde_json::Value;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::process::ExitCode;

const UNAVAILABLE: u8 = 69;
const BAD_DATA: u8 = 65;

/// Longest line that is read: a card number, a code or a password.
const LINE_BYTES: u64 = 64;

/// Lines of standard input: what must not stand in the process list.
pub(super) struct Lines;

impl Lines {
    /// The next line without what surrounds it. The error does not repeat it.
    pub(super) fn next(&mut self, command: &str, meaning: &str) -> Result<String, ExitCode> {
        let mut line = String::new();
        // The lock's buffer is the process's, so nothing behind the line is lost.
        let read = io::stdin().lock().take(LINE_BYTES).read_line(&mut line);
        let line = line.trim().to_owned();
        if read.is_ok() && !line.is_empty() {
            return Ok(line);
        }
        eprintln!("{command}: {meaning} is expected on standard input");
        Err(ExitCode::from(BAD_DATA))
    }
}

/// Posts an order, and says what came of it.
pub(super) fn post(command: &str, config: &Path, target: &str, body: &Value) -> Result<(), ExitCode> {
    let settings = good_configuration(config)?.settings;
    let told = ControlClient::new(&recovery::control_socket(&settings))
        .and_then(|client| client.post(target, body.to_string().into_bytes()));
    let (status, answer) = told.map_err(|error| {
        eprintln!("{command}: {error}; is `turnout serve` running?");
        ExitCode::from(UNAVAILABLE)
    })?;
    if status == 200 {
        eprintln!("{command}: done");
        return Ok(());
    }
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    eprintln!("{command}: {}", answer["error"].as_str().unwrap_or("the switch refused"));
    Err(ExitCode::FAILURE)
}
