//! The commands of `turnout`, one file each.

pub mod card;
pub mod check;
pub mod init;
pub mod key;
pub mod message;
pub mod serve;
pub mod tran;

use crate::config;
use crate::settings::Settings;
use std::path::Path;
use std::process::ExitCode;

/// Form of what a tool prints on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DataFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Loads the configuration, or prints every mistake and gives the exit code.
pub(crate) fn load_settings(file: &Path) -> Result<Settings, ExitCode> {
    config::load(file).map_err(|mistakes| {
        for mistake in &mistakes {
            eprintln!("{mistake}");
        }
        eprintln!("{} mistake(s) in {}; `turnout check` shows them too", mistakes.len(), file.display());
        ExitCode::from(78)
    })
}
