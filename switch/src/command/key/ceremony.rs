//! `turnout key component` and `turnout key form`: a key from parts that different people bring, so that
//! nobody ever knows it whole.

use super::audit::Deed;
use super::change::{Change, Refusal};
use super::clear;
use super::import::{key_field, parse_kcv, parse_kind, read_key};
use super::key_file::write_new;
use crate::command::DataFormat;
use crate::config::{Configuration, KeyKind};
use hsm::{KeyField, KeyScheme};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples, three people who each know one part:
  turnout key component --name zmk-visa --type ZMK --of 3 --custodian anna --kcv 1A2B3C --clear
  turnout key component --name zmk-visa --type ZMK --of 3 --custodian bo --kcv 4D5E6F --clear
  turnout key component --name zmk-visa --type ZMK --of 3 --custodian chen --kcv 7A8B9C --clear
  turnout key form --name zmk-visa --kcv 0F1E2D

  turnout key component --name zmk-lab --type ZMK --of 2 --custodian anna --generate    makes a part and shows it once

The part is read from standard input and not shown. It is kept as a cryptogram under the LMK until the key is
formed. Without --clear it is one already, as the console of the HSM gives it.")]
pub(super) struct ComponentArgs {
    /// Name by which the configuration will know the key
    #[arg(long)]
    name: String,
    /// ZPK, TPK, PVK, CVK, MK-AC, ZMK, TAK or ZAK
    #[arg(long = "type", value_parser = parse_kind)]
    kind: KeyKind,
    /// How many parts the key has
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=9))]
    of: u8,
    /// Who brings this part; each person one
    #[arg(long)]
    custodian: String,
    /// Check value that the part must have, 6 or 16 hexadecimal digits
    #[arg(long, value_parser = parse_kcv)]
    kcv: Option<String>,
    /// The part is in clear: only under the public test LMK
    #[arg(long)]
    clear: bool,
    /// Make a random part of double length and show it: only under the public test LMK
    #[arg(long, conflicts_with_all = ["clear", "kcv"])]
    generate: bool,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  turnout key form --name zmk-visa --kcv 0F1E2D")]
pub(super) struct FormArgs {
    /// The key whose parts were brought
    #[arg(long)]
    name: String,
    /// Check value that the key must have, 6 or 16 hexadecimal digits
    #[arg(long, value_parser = parse_kcv)]
    kcv: Option<String>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Parts brought so far, in a file of the data folder.
#[derive(Serialize, Deserialize)]
struct Ceremony {
    name: String,
    r#type: String,
    of: u8,
    #[serde(default)]
    component: Vec<Component>,
}

#[derive(Serialize, Deserialize)]
struct Component {
    custodian: String,
    cryptogram: String,
    kcv: String,
}

pub(super) fn component(args: &ComponentArgs) -> Result<(), ExitCode> {
    Change::of("component", &args.config)?.finish(|change| {
        let custodian = args.custodian.trim();
        if custodian.is_empty() || custodian.len() > 64 || custodian.chars().any(char::is_control) {
            return Err(Refusal::data("a custodian has 1 to 64 characters"));
        }
        change.check_name(&args.name)?;
        let file = ceremony_file(&change.configuration, &args.name);
        let mut ceremony = read_ceremony(&file)?.unwrap_or_else(|| Ceremony {
            name: args.name.clone(),
            r#type: args.kind.as_str().to_owned(),
            of: args.of,
            component: Vec::new(),
        });
        if ceremony.r#type != args.kind.as_str() || ceremony.of != args.of {
            let (kind, of) = (&ceremony.r#type, ceremony.of);
            return Err(Refusal::data(format!("the parts brought so far are of a {kind} of {of} parts")));
        }
        if ceremony.component.iter().any(|component| component.custodian == custodian) {
            return Err(Refusal::data(format!("{custodian:?} has brought a part already: each person one")));
        }
        if ceremony.component.len() >= usize::from(ceremony.of) {
            return Err(Refusal::data("all parts are there; `turnout key form` makes the key of them"));
        }
        let test_lmk = change.configuration.public_test_lmk;
        if (args.clear || args.generate) && !test_lmk {
            return Err(Refusal::data(
                "a clear part can only be handled under the public test LMK: bring it to the console of the HSM, \
                 and what that gives to this command",
            ));
        }
        let part = if args.generate {
            generated(args.kind)?
        } else if args.clear {
            let clear = clear::read(&read_key()?).map_err(|error| Refusal::data(error.to_string()))?;
            clear::under_test_lmk(args.kind, &clear)
        } else {
            key_field(&read_key()?, None)?
        };
        let kcv = change.verified_kcv(args.kind, &part, args.kcv.as_deref())?;
        let component =
            Component { custodian: custodian.to_owned(), cryptogram: part.to_text(), kcv: kcv.clone() };
        ceremony.component.push(component);
        let brought = ceremony.component.len();
        let detail = format!("part {brought} of {} by {custodian}", ceremony.of);
        change.record(&Deed {
            action: "component",
            name: &args.name,
            kind: args.kind.as_str(),
            kcv: Some(&kcv),
            detail: &detail,
        })?;
        write_ceremony(&file, &ceremony)?;
        match args.format {
            DataFormat::Text => println!("{} {detail}: {kcv}", args.name),
            DataFormat::Json => println!(
                "{}",
                json!({ "name": args.name, "part": brought, "of": ceremony.of, "custodian": custodian, "kcv": kcv })
            ),
        }
        if brought == usize::from(ceremony.of) {
            eprintln!("all parts are there; `turnout key form --name {}` makes the key of them", args.name);
        }
        Ok(())
    })
}

pub(super) fn form(args: &FormArgs) -> Result<(), ExitCode> {
    Change::of("form", &args.config)?.finish(|change| {
        let file = ceremony_file(&change.configuration, &args.name);
        let Some(ceremony) = read_ceremony(&file)? else {
            return Err(Refusal::data(format!(
                "no part of {:?} was brought; `turnout key component` takes them",
                args.name
            )));
        };
        change.check_name(&args.name)?;
        let (of, brought) = (usize::from(ceremony.of), ceremony.component.len());
        if brought < of {
            return Err(Refusal::data(format!("{brought} of {of} parts are there")));
        }
        let kind = KeyKind::parse(&ceremony.r#type)
            .ok_or_else(|| Refusal::data(format!("{} names no key type", file.display())))?;
        let parts: Result<Vec<KeyField<'static>>, Refusal> =
            ceremony.component.iter().map(|part| key_field(&part.cryptogram, None)).collect();
        let parts = parts?;
        let scheme = parts.first().map_or(KeyScheme::U, KeyField::scheme);
        let key = change.unit()?.form(kind, scheme, &parts)?;
        let custodians: Vec<&str> = ceremony.component.iter().map(|part| part.custodian.as_str()).collect();
        let detail = format!("formed of {of} parts by {}", custodians.join(", "));
        change.add("form", &args.name, kind, &key, args.kcv.as_deref(), &detail, args.format)?;
        // The parts are of no use any more, and should not lie about.
        fs::remove_file(&file).map_err(|error| Refusal::failed(&file, &error))
    })
}

/// Makes a part and shows it, on standard error: standard output may go to a file.
fn generated(kind: KeyKind) -> Result<KeyField<'static>, Refusal> {
    let clear = clear::random().map_err(|error| Refusal::data(error.to_string()))?;
    eprintln!("WARNING: a part made outside an HSM. It is shown once; put it into its envelope.");
    eprintln!("part {}", clear::groups(&clear).as_str());
    Ok(clear::under_test_lmk(kind, &clear))
}

fn ceremony_file(configuration: &Configuration, name: &str) -> PathBuf {
    configuration.data_folder().join("key-ceremonies").join(format!("{name}.toml"))
}

fn read_ceremony(file: &PathBuf) -> Result<Option<Ceremony>, Refusal> {
    match fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text)
            .map(Some)
            .map_err(|_| Refusal::data(format!("{} cannot be read; bring all parts anew", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refusal::failed(file, &error)),
    }
}

fn write_ceremony(file: &PathBuf, ceremony: &Ceremony) -> Result<(), Refusal> {
    let write = || -> io::Result<()> {
        if let Some(folder) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let text = toml::to_string(ceremony).map_err(io::Error::other)?;
        let new = file.with_extension("toml.new");
        write_new(&new, &text)?;
        fs::rename(new, file)
    };
    write().map_err(|error| Refusal::failed(file, &error))
}
