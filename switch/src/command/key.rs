//! `turnout key`: the keys of the configuration, and bringing others in.

mod clear;
mod import;
mod unit;

pub use unit::{Unit, UnitError};

use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::config::{ConfigError, Configuration, NamedKey};
use hsm::KeyField;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keys as cryptograms under the LMK.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Bring a key in; it is read from standard input
    Import(import::ImportArgs),
    /// List the keys: name, type, check value
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key list
  turnout key list --format json | jq -r .name")]
struct ListArgs {
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Runs the command.
#[must_use]
pub fn run(args: KeyArgs) -> ExitCode {
    let done = match args.command {
        KeyCommand::Import(args) => import::run(&args),
        KeyCommand::List(args) => list(&args),
    };
    done.err().unwrap_or(ExitCode::SUCCESS)
}

/// Asks the HSM for the check value of each key, and compares it with the one stated.
///
/// # Errors
/// When the HSM cannot be reached. What it says of a key is a mistake, not an error.
pub fn verify_keys(configuration: &Configuration) -> Result<Vec<ConfigError>, UnitError> {
    let mut unit = Unit::connect(&configuration.settings.hsm)?;
    let mut mistakes = Vec::new();
    for key in &configuration.keys {
        if let Err(reason) = verify_key(&mut unit, key)? {
            let mend = "check the cryptogram, its key type and its check value with whoever made the key";
            mistakes.push(configuration.key_mistake(key, reason, mend));
        }
    }
    Ok(mistakes)
}

fn verify_key(unit: &mut Unit, key: &NamedKey) -> Result<Result<(), String>, UnitError> {
    let Ok(field) = KeyField::parse(&key.key.cryptogram) else {
        return Ok(Err("is not a key under an LMK".to_owned()));
    };
    match unit.check_value(key.kind, &field) {
        Ok(kcv) => match &key.kcv {
            Some(stated) if !kcv.starts_with(stated.as_str()) => Ok(Err(format!(
                "its check value is {} and not {stated}",
                &kcv[..stated.len().min(kcv.len())]
            ))),
            _ => Ok(Ok(())),
        },
        Err(UnitError::Refused(code)) => Ok(Err(format!("is not a {} under this LMK: {code}", key.kind))),
        Err(error) => Err(error),
    }
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    for NamedKey { key, kind, kcv, imported, .. } in &configuration.keys {
        let origin = if *imported { "imported" } else { "configuration" };
        match args.format {
            DataFormat::Text => {
                println!(
                    "{:<24} {:<6} {:<16} {origin}",
                    key.name,
                    kind.as_str(),
                    kcv.as_deref().unwrap_or("-")
                );
            }
            DataFormat::Json => println!(
                "{}",
                json!({ "name": key.name, "type": kind.as_str(), "kcv": kcv, "origin": origin })
            ),
        }
    }
    Ok(())
}
