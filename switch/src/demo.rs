//! `turnout demo`: a switch of its own in a folder of its own, and terminals that speak to it over real
//! TLS sockets. Each story says what it expects, and is checked on what came back, on what the card
//! thinks of it, and on what it did to the money.

mod connection;
pub mod receiver;
mod report;
mod site;
mod stage;
mod stories;
mod wire_log;

use crate::command::DataFormat;
use report::Report;
use site::{Site, SiteError};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use stories::STORIES;
use wire_log::WireLog;

/// Plays terminals against a switch of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout demo                              play, then keep serving and say what to try
  turnout demo --once                       play and end; exit code 3 if a story goes otherwise
  turnout demo --once --format json         one JSON object per story
  turnout demo --once --story wrong-pin     one story; --list names them
  turnout demo --once --data run            keep configuration, keys, cards, journal and log in run/

Test keys and test cards only. The log of the switch is turnout.log in the folder.")]
pub struct DemoArgs {
    /// End after the stories
    #[arg(long)]
    once: bool,
    /// How to report the stories
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
    /// Folder to make and keep; without it a temporary one, removed at the end
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Play this story only
    #[arg(long, value_name = "NAME")]
    story: Option<String>,
    /// Name the stories and end
    #[arg(long)]
    list: bool,
    /// Write every frame that the terminals send to this file, in clear: for searching the folder for
    /// what must not be in it
    #[arg(long, value_name = "FILE")]
    wire_log: Option<PathBuf>,
}

/// Exit code of stories that went otherwise than expected.
const NOT_MET: u8 = 3;

/// Runs the command.
#[must_use]
pub fn run(args: &DemoArgs) -> ExitCode {
    if args.list {
        for story in STORIES {
            println!("{:<30} {}", story.name, story.expected);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(name) = args.story.as_deref().filter(|name| STORIES.iter().all(|story| story.name != *name)) {
        eprintln!("turnout demo: no story is called {name}; --list names them");
        return ExitCode::from(2);
    }
    match play(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_MET),
        Err(error) => {
            eprintln!("turnout demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every story went as expected.
fn play(args: &DemoArgs) -> Result<bool, SiteError> {
    let wire_log = match &args.wire_log {
        Some(file) => WireLog::create(file).map_err(|error| SiteError::File(file.clone(), error))?,
        None => WireLog::none(),
    };
    // Removed when it goes out of scope.
    let temporary = match &args.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| SiteError::File(std::env::temp_dir(), error))?),
    };
    let temporary_path = temporary.as_ref().map(|folder| folder.path().join("demo"));
    let folder = args.data.as_deref().or(temporary_path.as_deref()).unwrap_or(Path::new("."));
    let site = Site::make(folder)?;
    let mut stage = Stage::new(site, wire_log);
    let mut report = Report::new(args.format);
    for story in STORIES.iter().filter(|story| args.story.as_ref().is_none_or(|name| story.name == name)) {
        report.play(story, &mut stage);
    }
    report.summary();
    let site = stage.into_site();
    if !args.once {
        site.say_what_to_try();
        site.wait_for_signal();
    }
    site.stop();
    Ok(report.all_met())
}
