//! `turnout check`: every mistake of a configuration at once.

use crate::command::DataFormat;
use crate::command::key::verify_keys;
use crate::config::{self, ConfigError, Configuration};
use crate::settings::HsmSettings;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code of a bad configuration (`EX_CONFIG`).
const BAD_CONFIGURATION: u8 = 78;

/// Checks a configuration and prints every mistake.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout check
  turnout check --config run/turnout.toml --format json

Exits 0 when the configuration is good and 78 when it is not. With the embedded HSM the check value of
each key is verified too; other HSMs are asked when `turnout serve` starts.")]
pub struct CheckArgs {
    /// Configuration file.
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Runs the command.
#[must_use]
pub fn run(args: CheckArgs) -> ExitCode {
    let CheckArgs { config, format } = args;
    let checked = config::read(&config).and_then(|configuration| {
        let mistakes = verified_keys(&configuration);
        if mistakes.is_empty() { Ok(configuration) } else { Err(mistakes) }
    });
    match (checked, format) {
        (Ok(configuration), DataFormat::Text) => {
            println!("configuration is good: {}", summary(&configuration));
        }
        (Ok(configuration), DataFormat::Json) => println!("{}", good(&configuration)),
        (Err(mistakes), _) => {
            print_mistakes(&mistakes, format);
            return ExitCode::from(BAD_CONFIGURATION);
        }
    }
    ExitCode::SUCCESS
}

/// Reads a configuration for another command; its mistakes go to standard error.
pub(crate) fn good_configuration(file: &Path) -> Result<Configuration, ExitCode> {
    config::read(file).map_err(|mistakes| {
        tell(&mistakes, file);
        ExitCode::from(BAD_CONFIGURATION)
    })
}

/// As [`good_configuration`], with every key verified by the HSM. An HSM that cannot be reached is
/// told and no reason to refuse: it may come up later.
pub(crate) fn good_configuration_and_keys(file: &Path) -> Result<Configuration, ExitCode> {
    let configuration = good_configuration(file)?;
    match verify_keys(&configuration) {
        Ok(mistakes) if mistakes.is_empty() => {}
        Ok(mistakes) => {
            tell(&mistakes, file);
            return Err(ExitCode::from(BAD_CONFIGURATION));
        }
        Err(error) => tracing::warn!(%error, "the keys' check values are not verified"),
    }
    Ok(configuration)
}

fn tell(mistakes: &[ConfigError], file: &Path) {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    let (count, file) = (mistakes.len(), file.display());
    eprintln!("{count} mistake{} in {file}", if count == 1 { "" } else { "s" });
}

/// Only the embedded HSM is asked: a check must work where no HSM can be reached.
fn verified_keys(configuration: &Configuration) -> Vec<ConfigError> {
    match configuration.settings.hsm {
        HsmSettings::Embedded { .. } => verify_keys(configuration).unwrap_or_default(),
        HsmSettings::PayShield(_) => Vec::new(),
    }
}

fn print_mistakes(mistakes: &[ConfigError], format: DataFormat) {
    if format == DataFormat::Json {
        println!("{}", json!({ "ok": false, "mistakes": mistakes }));
        return;
    }
    for mistake in mistakes {
        println!("{mistake}");
    }
    let plural = if mistakes.len() == 1 { "" } else { "s" };
    eprintln!("{} mistake{plural}", mistakes.len());
}

fn summary(configuration: &Configuration) -> String {
    let settings = &configuration.settings;
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    [
        counted(settings.listeners.len(), "listener"),
        counted(configuration.keys.len(), "key"),
        counted(settings.tables.products.len(), "product"),
        counted(settings.tables.rules.rules().len(), "rule"),
        counted(settings.shards, "shard"),
    ]
    .join(", ")
}

fn good(configuration: &Configuration) -> serde_json::Value {
    let settings = &configuration.settings;
    json!({
        "ok": true,
        "mistakes": [],
        "listeners": settings.listeners.len(),
        "keys": configuration.keys.len(),
        "products": settings.tables.products.len(),
        "rules": settings.tables.rules.rules().len(),
        "shards": settings.shards,
    })
}
