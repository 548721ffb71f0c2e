//! `turnout key generate`, `export`, `rotate` and `revoke`.

use super::audit::Deed;
use super::change::{Change, Refusal};
use super::import::{SourceArgs, key_field, parse_kind, parse_scheme, zone_master_key};
use crate::clock;
use crate::command::DataFormat;
use crate::config::{self, KeyKind, NamedKey};
use clap::ValueEnum;
use hsm::KeyScheme;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key generate --name zpk-visa --type ZPK
  turnout key generate --name mk-1 --type MK-AC --length triple

The HSM makes the key, and nobody sees it. `turnout key export` gives it to others.")]
pub(super) struct GenerateArgs {
    /// Name by which the configuration will know the key
    #[arg(long)]
    name: String,
    /// ZPK, TPK, PVK, CVK, MK-AC, ZMK, TAK or ZAK
    #[arg(long = "type", value_parser = parse_kind)]
    kind: KeyKind,
    /// How many parts of eight bytes it has
    #[arg(long, value_enum, default_value = "double")]
    length: Length,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Length {
    Double,
    Triple,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key export --name zpk-visa --zmk zmk-visa
  turnout key export --name zpk-visa --zmk zmk-visa --scheme U")]
pub(super) struct ExportArgs {
    /// The key
    #[arg(long)]
    name: String,
    /// The ZMK to put it under
    #[arg(long)]
    zmk: String,
    /// Scheme under the ZMK: U, T, X, Y or Z; X or Y by its length unless stated
    #[arg(long, value_parser = parse_scheme)]
    scheme: Option<KeyScheme>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key rotate --name zpk-visa --zmk zmk-visa --kcv 1A2B3C < zpk.txt   by one that the partner sent
  turnout key rotate --name zpk-atm --generate                               by one that the HSM makes

The new key takes the name. The one before stays in the list under the name with a number, revoked.")]
pub(super) struct RotateArgs {
    /// The key
    #[arg(long)]
    name: String,
    /// The HSM makes the new key, of double length; otherwise it is read from standard input
    #[arg(long, conflicts_with_all = ["zmk", "clear", "scheme", "kcv"])]
    generate: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  turnout key revoke --name zpk-old --reason 'contract ended'

The key stays in the list, and can be used by nothing from then on.")]
pub(super) struct RevokeArgs {
    /// The key
    #[arg(long)]
    name: String,
    /// Why, for those who look later
    #[arg(long)]
    reason: String,
    /// Even when the configuration uses it, which `serve` refuses to start with then
    #[arg(long)]
    force: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
}

pub(super) fn generate(args: &GenerateArgs) -> Result<(), ExitCode> {
    Change::of("generate", &args.config)?.finish(|change| {
        change.check_name(&args.name)?;
        let scheme = match args.length {
            Length::Double => KeyScheme::U,
            Length::Triple => KeyScheme::T,
        };
        let key = change.unit()?.generate(args.kind, scheme)?;
        change.add("generate", &args.name, args.kind, &key, None, "by the HSM", args.format)
    })
}

pub(super) fn export(args: &ExportArgs) -> Result<(), ExitCode> {
    Change::of("export", &args.config)?.finish(|change| {
        let NamedKey { key, kind, .. } = find(change, &args.name)?;
        let zmk = zone_master_key(change, &args.zmk)?;
        let key = key_field(&key.cryptogram, None)?;
        let scheme = args.scheme.unwrap_or(match key.scheme() {
            KeyScheme::U => KeyScheme::X,
            KeyScheme::T => KeyScheme::Y,
            other => other,
        });
        let (cryptogram, kcv) = change.unit()?.export(kind, &zmk, &key, scheme)?;
        let detail = format!("under {}", args.zmk);
        change.record(&Deed {
            action: "export",
            name: &args.name,
            kind: kind.as_str(),
            kcv: Some(&kcv),
            detail: &detail,
        })?;
        match args.format {
            DataFormat::Text => println!("{cryptogram} {kcv}"),
            DataFormat::Json => println!(
                "{}",
                json!({ "name": args.name, "type": kind.as_str(), "cryptogram": cryptogram, "kcv": kcv })
            ),
        }
        Ok(())
    })
}

pub(super) fn rotate(args: &RotateArgs) -> Result<(), ExitCode> {
    Change::of("rotate", &args.config)?.finish(|change| {
        let NamedKey { kind, .. } = find(change, &args.name)?;
        in_key_file(change, &args.name)?;
        let key = if args.generate {
            change.unit()?.generate(kind, KeyScheme::U)?
        } else {
            args.source.read(change, kind)?
        };
        let aside = change.file.set_aside(&args.name);
        let aside = aside.ok_or_else(|| Refusal::data("no number is left for the key before"))?;
        change.file.revoke(&aside, Some(format!("{} rotated", clock::now())));
        let how = if args.generate { "by the HSM".to_owned() } else { args.source.detail() };
        let detail = format!("{how}; the one before is {aside} now");
        change.add("rotate", &args.name, kind, &key, args.source.kcv.as_deref(), &detail, args.format)
    })
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<(), ExitCode> {
    Change::of("revoke", &args.config)?.finish(|change| {
        let NamedKey { kind, kcv, .. } = find(change, &args.name)?;
        in_key_file(change, &args.name)?;
        let reason = args.reason.trim();
        if reason.is_empty() || reason.len() > 200 || reason.chars().any(char::is_control) {
            return Err(Refusal::data("a reason has 1 to 200 characters"));
        }
        let deed = |action, detail| Deed { action, name: &args.name, kind: kind.as_str(), kcv: kcv.as_deref(), detail };
        change.record(&deed("revoke", reason))?;
        change.file.revoke(&args.name, Some(format!("{} {reason}", clock::now())));
        change.save()?;
        let mistakes = config::load(&args.config).err().unwrap_or_default();
        if mistakes.is_empty() || args.force {
            eprintln!("{} is revoked; a running `turnout serve` uses it until it is started anew", args.name);
            for mistake in mistakes {
                eprintln!("{mistake}");
            }
            return Ok(());
        }
        change.record(&deed("revoke taken back", "the configuration uses the key"))?;
        change.file.revoke(&args.name, None);
        change.save()?;
        let places: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Err(Refusal::data(format!(
            "the configuration uses the key, so it was not revoked: `turnout key rotate` replaces it, --force revokes \
             it all the same\n{}",
            places.join("\n")
        )))
    })
}

/// A key that may be used.
fn find(change: &Change, name: &str) -> Result<NamedKey, Refusal> {
    let key = change.configuration.keys.iter().find(|key| key.key.name == name);
    let key = key.ok_or_else(|| {
        Refusal::data(format!("there is no key {name:?}; `turnout key list` shows the keys"))
    })?;
    if key.revoked.is_some() {
        return Err(Refusal::data(format!("the key {name:?} is revoked")));
    }
    Ok(key.clone())
}

/// A key of the configuration file is changed by whoever writes that file.
fn in_key_file(change: &Change, name: &str) -> Result<(), Refusal> {
    if change.file.has(name) {
        return Ok(());
    }
    let file = change.configuration.file.display();
    Err(Refusal::data(format!(
        "the key {name:?} stands in {file}: change it there, or take it out and import it"
    )))
}
