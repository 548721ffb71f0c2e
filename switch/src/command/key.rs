//! `turnout key`: the keys of the configuration, and what is done with them.

mod audit;
mod ceremony;
mod change;
mod clear;
mod data;
mod import;
mod key_file;
mod lifecycle;
mod unit;

pub(crate) use clear::in_test_block;
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
    /// Have the HSM make a key
    Generate(lifecycle::GenerateArgs),
    /// Bring one part of a key; each person knows one
    Component(ceremony::ComponentArgs),
    /// Make the key of all its parts
    Form(ceremony::FormArgs),
    /// Give a key out under a ZMK
    Export(lifecycle::ExportArgs),
    /// Replace a key by a new one
    Rotate(lifecycle::RotateArgs),
    /// Say that a key must not be used any more
    Revoke(lifecycle::RevokeArgs),
    /// List the keys: name, type, check value
    List(ListArgs),
    /// New key for data at rest, from the next segment of the journal on
    RotateData(data::RotateDataArgs),
    /// Put the keys of data at rest under another master key
    Rewrap(data::RewrapArgs),
    /// List the keys of data at rest: version, state, when made
    ListData(data::ListDataArgs),
    /// Show what was done with keys, and verify that nothing was changed in it
    Audit(AuditArgs),
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

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key audit
  turnout key audit --last 1                    the last line: keep its hash elsewhere, it stands for all before

Ends with 65 when a line was changed, taken out or put in. That lines are missing at the end only a hash kept
elsewhere can tell.")]
struct AuditArgs {
    /// Only so many lines of the end
    #[arg(long)]
    last: Option<usize>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

/// Runs the command.
#[must_use]
pub fn run(args: KeyArgs) -> ExitCode {
    let done = match args.command {
        KeyCommand::Import(args) => import::run(&args),
        KeyCommand::Generate(args) => lifecycle::generate(&args),
        KeyCommand::Component(args) => ceremony::component(&args),
        KeyCommand::Form(args) => ceremony::form(&args),
        KeyCommand::Export(args) => lifecycle::export(&args),
        KeyCommand::Rotate(args) => lifecycle::rotate(&args),
        KeyCommand::Revoke(args) => lifecycle::revoke(&args),
        KeyCommand::RotateData(args) => data::rotate(&args),
        KeyCommand::Rewrap(args) => data::rewrap(&args),
        KeyCommand::ListData(args) => data::list(&args),
        KeyCommand::List(args) => list(&args),
        KeyCommand::Audit(args) => audit(&args),
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
    for key in configuration.keys.iter().filter(|key| key.revoked.is_none()) {
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

fn audit(args: &AuditArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    let audit = audit::Audit::of(configuration.data_folder());
    let trail = audit.read().map_err(|error| {
        eprintln!("turnout key audit: {}: {error}", audit.path().display());
        ExitCode::FAILURE
    })?;
    let first = args.last.map_or(0, |last| trail.lines.len().saturating_sub(last));
    for line in &trail.lines[first..] {
        println!("{line}");
    }
    match trail.broken_at {
        None => Ok(()),
        Some(line) => {
            eprintln!(
                "turnout key audit: line {line} does not follow from the one before it: {} was changed",
                audit.path().display()
            );
            Err(ExitCode::from(65))
        }
    }
}

fn list(args: &ListArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    for NamedKey { key, kind, kcv, imported, revoked, .. } in &configuration.keys {
        let origin = if *imported { "imported" } else { "configuration" };
        match args.format {
            DataFormat::Text => {
                println!(
                    "{:<24} {:<6} {:<16} {origin}{}",
                    key.name,
                    kind.as_str(),
                    kcv.as_deref().unwrap_or("-"),
                    revoked.as_ref().map(|revoked| format!(", revoked {revoked}")).unwrap_or_default()
                );
            }
            DataFormat::Json => println!(
                "{}",
                json!({ "name": key.name, "type": kind.as_str(), "kcv": kcv, "origin": origin, "revoked": revoked })
            ),
        }
    }
    Ok(())
}
