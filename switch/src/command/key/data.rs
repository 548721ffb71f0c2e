//! `turnout key rotate-data`, `rewrap` and `list-data`: the keys of data at rest.

use super::audit::{DATA_KEY, Deed};
use super::change::{Change, Refusal};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::master_key::{self, MasterKeySource};
use crate::recovery;
use crate::settings::Settings;
use card::Time;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{DataKeyState, DataKeyVersion, DataKeys, MasterKey};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key rotate-data
  turnout key rotate-data --format json

`turnout serve` may run: it seals under the new key from the next segment of the journal on. What was sealed
before stays readable under the keys before, which are kept.")]
pub(super) struct RotateDataArgs {
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key rewrap --file new-master.key       a file with another key; made when it is not there
  turnout key rewrap --hsm master.hsm            a new key that lies on disk as a cryptogram of the HSM only
  turnout key rewrap --credential turnout        one that systemd gives (run in the unit's environment)

The data itself is not touched. `turnout serve` may run, and goes on; it must not be started again before
the configuration names the new master key. Keep the old one as long as backups from before are kept.")]
pub(super) struct RewrapArgs {
    #[command(flatten)]
    source: NewMasterKey,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct NewMasterKey {
    /// File of the new master key; made, with a new key, when it is not there
    #[arg(long)]
    file: Option<PathBuf>,
    /// Variable of the environment that holds the new master key
    #[arg(long)]
    environment: Option<String>,
    /// Name of the systemd credential that is the new master key
    #[arg(long)]
    credential: Option<String>,
    /// New file for a new master key as a cryptogram of the HSM
    #[arg(long)]
    hsm: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key list-data
  turnout key list-data --format json | jq -r 'select(.state == \"current\").version'

Version 0 is the master key of a journal of format 1.")]
pub(super) struct ListDataArgs {
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

pub(super) fn rotate(args: &RotateDataArgs) -> Result<(), ExitCode> {
    Change::of("rotate-data", &args.config)?.finish(|change| {
        let keys = recovery::data_keys(&change.configuration.settings)?;
        let before = keys.current_version();
        let detail = format!("follows version {before}");
        let name = format!("data.{}", before.saturating_add(1));
        let deed = Deed { action: "rotate-data", name: &name, kind: DATA_KEY, kcv: None, detail: &detail };
        change.record(&deed)?;
        let version = keys.rotate()?;
        match args.format {
            DataFormat::Text => println!("data key {version} is current"),
            DataFormat::Json => println!("{}", json!({ "version": version, "before": before })),
        }
        eprintln!("a running `turnout serve` takes it up at the next segment of the journal");
        Ok(())
    })
}

pub(super) fn rewrap(args: &RewrapArgs) -> Result<(), ExitCode> {
    Change::of("rewrap", &args.config)?.finish(|change| {
        let settings = &change.configuration.settings;
        let keys = recovery::data_keys(settings)?;
        let (source, master) = args.source.take(settings)?;
        let detail = format!("from {} to {source}", settings.master_key);
        let deed = Deed { action: "rewrap", name: "data", kind: DATA_KEY, kcv: None, detail: &detail };
        change.record(&deed)?;
        keys.rewrap(&master)?;
        // What the next start will do, before anybody relies on it.
        let file = recovery::data_keys_file(settings);
        DataKeys::open(&file, &source.read(&settings.hsm)?)?;
        println!("{} is wrapped under the new master key", file.display());
        eprintln!("now write master_key = {source} into {}", args.config.display());
        Ok(())
    })
}

impl NewMasterKey {
    /// The source, and the key in it, which is made where it has to be.
    fn take(&self, settings: &Settings) -> Result<(MasterKeySource, MasterKey), Refusal> {
        let absolute =
            |file: &PathBuf| std::path::absolute(file).map_err(|error| Refusal::failed(file, &error));
        if let Some(file) = &self.hsm {
            let file = absolute(file)?;
            let master = master_key::create_with_hsm(&file, &settings.hsm)?;
            return Ok((MasterKeySource::Hsm(file), master));
        }
        let source = match (&self.file, &self.environment, &self.credential) {
            (Some(file), ..) => MasterKeySource::File(absolute(file)?),
            (_, Some(variable), _) => MasterKeySource::Environment(variable.clone()),
            (_, _, Some(name)) => MasterKeySource::Credential(name.clone()),
            _ => return Err(Refusal::data("no new master key is named")),
        };
        match &source {
            MasterKeySource::File(file) if !file.exists() => {
                let master = MasterKey::generate().and_then(|master| {
                    master.create_file(file)?;
                    Ok(master)
                });
                let master =
                    master.map_err(|error| Refusal::data(format!("{error}; nothing was changed")))?;
                Ok((source, master))
            }
            _ => {
                let master = source.read(&settings.hsm)?;
                Ok((source, master))
            }
        }
    }
}

pub(super) fn list(args: &ListDataArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    let keys = recovery::data_keys(&configuration.settings).map_err(|error| {
        eprintln!("turnout key list-data: {error}");
        ExitCode::FAILURE
    })?;
    for DataKeyVersion { version, created_ms, state } in keys.versions() {
        let created = Time::from_unix_ms(i64::try_from(created_ms).unwrap_or(i64::MAX));
        let state = match state {
            DataKeyState::Current => "current",
            DataKeyState::Retired => "retired",
        };
        match args.format {
            DataFormat::Text => println!("{version:<6} {state:<8} {created}"),
            DataFormat::Json => {
                println!("{}", json!({ "version": version, "state": state, "created": created.to_string() }));
            }
        }
    }
    Ok(())
}
