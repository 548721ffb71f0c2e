//! `turnout key import`: one key, read from standard input, verified, added to `keys.toml`.

use super::clear::{self, is_single_des};
use super::unit::{Unit, UnitError};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::config::{Configuration, KeyKind, NamedKey, is_key_name};
use hsm::{KeyField, KeyScheme};
use serde_json::json;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key import --name zpk-visa --type ZPK --kcv 1A2B3C < zpk.txt     a cryptogram under the LMK
  turnout key import --name zpk-visa --type ZPK --zmk zmk-visa < zpk.txt   a cryptogram under a ZMK
  turnout key import --name zpk-lab --type ZPK --clear < zpk.hex           a clear test key

The key is read from standard input, never from the command line, which others can see. The HSM of the
configuration verifies it. The result goes to keys.toml in the data folder; `turnout serve` reads it at its
next start.")]
pub(super) struct ImportArgs {
    /// Name by which the configuration will know the key
    #[arg(long)]
    name: String,
    /// ZPK, TPK, PVK, CVK, MK-AC, ZMK, TAK or ZAK
    #[arg(long = "type", value_parser = parse_kind)]
    kind: KeyKind,
    /// Check value that the key must have, 6 or 16 hexadecimal digits
    #[arg(long, value_parser = parse_kcv)]
    kcv: Option<String>,
    /// The key is under this ZMK, named in the configuration, and not under the LMK
    #[arg(long, conflicts_with = "clear")]
    zmk: Option<String>,
    /// The key is in clear: test keys only, and only under the public test LMK
    #[arg(long)]
    clear: bool,
    /// Scheme letter of a key written without one: U, T, X, Y or Z; by its length unless stated
    #[arg(long, value_parser = parse_scheme)]
    scheme: Option<KeyScheme>,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Why a key was not imported: what to say, and the exit code.
struct Refusal(String, u8);

const BAD_DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;

pub(super) fn run(args: &ImportArgs) -> Result<(), ExitCode> {
    let configuration = good_configuration(&args.config)?;
    let kcv = import(args, &configuration).map_err(|Refusal(reason, code)| {
        eprintln!("turnout key import: {reason}");
        ExitCode::from(code)
    })?;
    match args.format {
        DataFormat::Text => println!("{} {} {kcv}", args.name, args.kind),
        DataFormat::Json => {
            println!("{}", json!({ "name": args.name, "type": args.kind.as_str(), "kcv": kcv }));
        }
    }
    eprintln!(
        "added to {}; `turnout serve` reads it at its next start",
        configuration.imported_keys_file().display()
    );
    Ok(())
}

/// Verifies the key and writes it down. Gives its check value of six digits.
fn import(args: &ImportArgs, configuration: &Configuration) -> Result<String, Refusal> {
    check_name(&args.name, configuration)?;
    if args.clear && !configuration.public_test_lmk {
        let reason = "a clear key can only be imported under the public test LMK: state `lmk = \"public-test\"` in \
                      [hsm] if the HSM has it, or bring the key in under a ZMK (--zmk)";
        return Err(Refusal::data(reason));
    }
    let written = read_key()?;
    let mut unit = Unit::connect(&configuration.settings.hsm)?;
    let key = match (&args.zmk, args.clear) {
        (Some(zmk), _) => from_zmk(args, configuration, &mut unit, zmk, &written)?,
        (None, true) => from_clear(args, &written)?,
        (None, false) => key_field(&written, args.scheme)?,
    };
    // Whatever way it came, what will be used is asked for its check value.
    let kcv = unit.check_value(args.kind, &key)?;
    if let Some(wanted) = args.kcv.as_ref().filter(|wanted| !kcv.starts_with(wanted.as_str())) {
        let found = &kcv[..wanted.len().min(kcv.len())];
        return Err(Refusal::data(format!(
            "the key's check value is {found} and not {wanted}; nothing was imported"
        )));
    }
    let short = kcv.get(..6).unwrap_or(&kcv).to_owned();
    let failed =
        |error: io::Error| Refusal(format!("{}: {error}", configuration.imported_keys_file().display()), 1);
    add(&configuration.imported_keys_file(), &args.name, args.kind, &key, &short).map_err(failed)?;
    Ok(short)
}

fn check_name(name: &str, configuration: &Configuration) -> Result<(), Refusal> {
    if !is_key_name(name) {
        return Err(Refusal::data("a name has 1 to 64 letters, digits, `-`, `_` or `.`"));
    }
    if configuration.keys.iter().any(|key| key.key.name == name) {
        return Err(Refusal::data(format!("there is a key {name:?} already; `turnout key list` shows it")));
    }
    Ok(())
}

/// Reads the key's text. Bounded, and wiped afterwards: it may be a clear key.
fn read_key() -> Result<Zeroizing<String>, Refusal> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_TEXT));
    let read = io::stdin().lock().take(MAX_TEXT as u64).read_to_string(&mut text);
    read.map_err(|error| Refusal::data(format!("standard input: {error}")))?;
    let mut key = Zeroizing::new(String::with_capacity(MAX_TEXT));
    key.extend(text.chars().filter(|character| !character.is_ascii_whitespace()));
    if key.is_empty() {
        return Err(Refusal::data("standard input is empty; the key is expected there"));
    }
    Ok(key)
}

/// Longest text of a key, key blocks and white space included.
const MAX_TEXT: usize = 4096;

/// A cryptogram, which may come without its scheme letter and in small letters.
fn key_field(written: &str, scheme: Option<KeyScheme>) -> Result<KeyField<'static>, Refusal> {
    let bare = written.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = match (bare, scheme.or_else(|| usual_scheme(written.len()))) {
        (true, Some(scheme)) => {
            scheme.prefix().map(String::from).unwrap_or_default() + &written.to_ascii_uppercase()
        }
        (true, None) => written.to_ascii_uppercase(),
        (false, _) if written.starts_with(['S', 'R']) => written.to_owned(),
        (false, _) => written.to_ascii_uppercase(),
    };
    KeyField::from_text(&text).map_err(|error| Refusal::data(format!("not a key: {error}")))
}

fn usual_scheme(digits: usize) -> Option<KeyScheme> {
    match digits {
        16 => Some(KeyScheme::Z),
        32 => Some(KeyScheme::U),
        48 => Some(KeyScheme::T),
        _ => None,
    }
}

fn from_zmk(
    args: &ImportArgs,
    configuration: &Configuration,
    unit: &mut Unit,
    zmk: &str,
    written: &str,
) -> Result<KeyField<'static>, Refusal> {
    let named = |key: &&NamedKey| key.key.name == zmk && key.kind == KeyKind::Zmk;
    let zmk = configuration.keys.iter().find(named);
    let zmk =
        zmk.ok_or_else(|| Refusal::data("there is no ZMK of that name; `turnout key list` shows the keys"))?;
    let zmk =
        KeyField::parse(&zmk.key.cryptogram).map_err(|error| Refusal::data(format!("the ZMK: {error}")))?;
    let key = key_field(written, args.scheme)?;
    let scheme = match key.scheme() {
        KeyScheme::X => KeyScheme::U,
        KeyScheme::Y => KeyScheme::T,
        other => other,
    };
    let (cryptogram, _, parity_was_mended) = unit.import(args.kind, &zmk, &key, scheme)?;
    if parity_was_mended {
        return Err(Refusal::data(
            "the key under the ZMK has not odd parity: it is under another ZMK, or damaged; nothing was imported",
        ));
    }
    key_field(&cryptogram, None)
}

fn from_clear(args: &ImportArgs, written: &str) -> Result<KeyField<'static>, Refusal> {
    let key = clear::read(written).map_err(|error| Refusal::data(error.to_string()))?;
    eprintln!(
        "WARNING: a clear key was handled outside an HSM. From now on it is a test key, whatever it was before."
    );
    if is_single_des(&key) {
        eprintln!("WARNING: this key is worth no more than single DES, which is broken in hours.");
    }
    Ok(clear::under_test_lmk(args.kind, &key))
}

/// Adds the key to the file, whole or not at all, whenever the power fails. A lock on the folder, which
/// ends with the process, keeps out a second import at the same time.
fn add(file: &Path, name: &str, kind: KeyKind, key: &KeyField<'_>, kcv: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let folder = File::open(folder)?;
    folder.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another import is at work; import again"),
        TryLockError::Error(error) => error,
    })?;
    let mut content = match fs::read_to_string(file) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FILE_HEAD.to_owned(),
        Err(error) => return Err(error),
    };
    let cryptogram = key.to_text();
    content += &format!(
        "\n[[key]]\nname = {name:?}\ntype = \"{kind}\"\ncryptogram = {cryptogram:?}\nkcv = {kcv:?}\n"
    );
    write_new(&file.with_extension("toml.new"), &content)?;
    fs::rename(file.with_extension("toml.new"), file)?;
    // The name is on disk only when its folder is.
    folder.sync_all()
}

/// Writes a file that only its owner can read. One that is there was left behind by a crash.
fn write_new(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    out.write_all(content.as_bytes())?;
    out.sync_all()
}

const FILE_HEAD: &str = "# Keys added by `turnout key import`, as cryptograms under the LMK.\n";

impl Refusal {
    fn data(reason: impl Into<String>) -> Refusal {
        Refusal(reason.into(), BAD_DATA)
    }
}

impl From<UnitError> for Refusal {
    fn from(error: UnitError) -> Refusal {
        let code = if matches!(error, UnitError::Refused(_)) { BAD_DATA } else { UNAVAILABLE };
        let mend = if code == BAD_DATA { "; check key, type and LMK or ZMK" } else { "" };
        Refusal(format!("{error}{mend}; nothing was imported"), code)
    }
}

fn parse_kind(word: &str) -> Result<KeyKind, String> {
    let words = || KeyKind::ALL.map(KeyKind::as_str).join(", ");
    KeyKind::parse(&word.to_ascii_uppercase()).ok_or_else(|| format!("one of {}", words()))
}

fn parse_kcv(digits: &str) -> Result<String, &'static str> {
    let right = matches!(digits.len(), 6 | 16) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if right { Ok(digits.to_ascii_uppercase()) } else { Err("6 or 16 hexadecimal digits") }
}

fn parse_scheme(letter: &str) -> Result<KeyScheme, &'static str> {
    match letter.as_bytes() {
        [letter @ (b'U' | b'T' | b'X' | b'Y' | b'Z')] => {
            Ok(KeyScheme::from_letter(*letter).unwrap_or(KeyScheme::U))
        }
        _ => Err("one of U, T, X, Y, Z"),
    }
}
