//! `turnout key import`: one key, read from standard input, verified, added to `keys.toml`.

use super::change::{Change, Refusal};
use super::clear::{self, ClearKeyError, is_single_des};
use crate::command::DataFormat;
use crate::config::{KeyKind, NamedKey};
use hsm::{KeyAlgorithm, KeyField, KeyScheme};
use hsm_sim::WorkingKey;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use zeroize::Zeroizing;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout key import --name zpk-visa --type ZPK --kcv 1A2B3C < zpk.txt     a cryptogram under the LMK
  turnout key import --name zpk-visa --type ZPK --zmk zmk-visa < zpk.txt   a cryptogram or TR-31 block under a ZMK
  turnout key import --name zpk-lab --type ZPK --clear < zpk.hex           a clear test key
  turnout key import --name zpk-aes --type ZPK --clear --key-block aes < zpk.hex   a clear AES test key

The key is read from standard input, never from the command line, which others can see. The HSM of the
configuration verifies it. The result goes to keys.toml in the data folder; `turnout serve` reads it at its
next start.")]
pub(super) struct ImportArgs {
    /// Name by which the configuration will know the key
    #[arg(long)]
    name: String,
    /// ZPK, TPK, PVK, CVK, MK-AC, ZMK, TAK, ZAK, BDK or MK-SMI
    #[arg(long = "type", value_parser = parse_kind)]
    kind: KeyKind,
    #[command(flatten)]
    source: SourceArgs,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// In what form a key is read from standard input.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// Check value that the key must have, 6 or 16 hexadecimal digits
    #[arg(long, value_parser = parse_kcv)]
    pub(super) kcv: Option<String>,
    /// The key is under this ZMK, named in the configuration, and not under the LMK
    #[arg(long, conflicts_with = "clear")]
    zmk: Option<String>,
    /// The key is in clear: test keys only, and only under the public test LMK
    #[arg(long)]
    clear: bool,
    /// The clear key goes into a key block under the public AES test LMK, as a key of this algorithm: aes or tdes
    #[arg(long, requires = "clear", value_parser = parse_algorithm)]
    key_block: Option<KeyAlgorithm>,
    /// Scheme letter of a key written without one: U, T, X, Y or Z; by its length unless stated. Of a key block
    /// the scheme that the key gets under the LMK: U unless stated
    #[arg(long, value_parser = parse_scheme)]
    scheme: Option<KeyScheme>,
}

pub(super) fn run(args: &ImportArgs) -> Result<(), ExitCode> {
    Change::of("import", &args.config)?.finish(|change| {
        change.check_name(&args.name)?;
        let key = args.source.read(change, args.kind)?;
        let (kcv, detail) = (args.source.kcv.as_deref(), args.source.detail());
        change.add("import", &args.name, args.kind, &key, kcv, &detail, args.format)
    })
}

impl SourceArgs {
    /// Reads the key from standard input and brings it under the LMK.
    pub(super) fn read(&self, change: &mut Change, kind: KeyKind) -> Result<KeyField<'static>, Refusal> {
        if self.clear && !change.configuration.public_test_lmk {
            let reason = "a clear key can only be imported under the public test LMK: state `lmk = \"public-test\"` in \
                          [hsm] if the HSM has it, or bring the key in under a ZMK (--zmk)";
            return Err(Refusal::data(reason));
        }
        let written = read_key()?;
        match (&self.zmk, self.clear) {
            (Some(zmk), _) => self.out_of_zmk(change, kind, zmk, &written),
            (None, true) => from_clear(kind, self.key_block, &written),
            (None, false) => key_field(&written, self.scheme),
        }
    }

    /// How the key came, for the audit trail.
    pub(super) fn detail(&self) -> String {
        match (&self.zmk, self.clear) {
            (Some(zmk), _) => format!("under {zmk}"),
            (None, true) => "in clear".to_owned(),
            (None, false) => "under the LMK".to_owned(),
        }
    }

    fn out_of_zmk(
        &self,
        change: &mut Change,
        kind: KeyKind,
        zmk: &str,
        written: &str,
    ) -> Result<KeyField<'static>, Refusal> {
        let zmk = zone_master_key(change, zmk)?;
        let key = key_field(written, self.scheme)?;
        let scheme = match key.scheme() {
            // Under a key block LMK there is nothing else.
            _ if zmk.scheme() == KeyScheme::S => KeyScheme::S,
            KeyScheme::X => KeyScheme::U,
            KeyScheme::Y => KeyScheme::T,
            // A key block does not show how long its key is.
            KeyScheme::R | KeyScheme::S => self.scheme.unwrap_or(KeyScheme::U),
            other => other,
        };
        let (cryptogram, _, parity_was_mended) = change.unit()?.import(kind, &zmk, &key, scheme)?;
        if parity_was_mended {
            return Err(Refusal::data(
                "the key under the ZMK has not odd parity: it is under another ZMK, or damaged; nothing was imported",
            ));
        }
        key_field(&cryptogram, None)
    }
}

/// A ZMK of the configuration.
pub(super) fn zone_master_key(change: &Change, name: &str) -> Result<KeyField<'static>, Refusal> {
    let named = |key: &&NamedKey| key.key.name == name && key.kind == KeyKind::Zmk;
    let zmk = change.configuration.keys.iter().find(named).ok_or_else(|| {
        Refusal::data(format!("there is no ZMK {name:?}; `turnout key list` shows the keys"))
    })?;
    if zmk.revoked.is_some() {
        return Err(Refusal::data(format!("the ZMK {name:?} is revoked")));
    }
    key_field(&zmk.key.cryptogram, None)
}

/// Reads the key's text. Bounded, and wiped afterwards: it may be a clear key.
pub(super) fn read_key() -> Result<Zeroizing<String>, Refusal> {
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
pub(super) fn key_field(written: &str, scheme: Option<KeyScheme>) -> Result<KeyField<'static>, Refusal> {
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

fn from_clear(
    kind: KeyKind,
    key_block: Option<KeyAlgorithm>,
    written: &str,
) -> Result<KeyField<'static>, Refusal> {
    let unfit = |error: ClearKeyError| Refusal::data(error.to_string());
    let aes = key_block == Some(KeyAlgorithm::Aes);
    if aes && !matches!(kind, KeyKind::Zpk | KeyKind::Tpk | KeyKind::Bdk | KeyKind::Zmk) {
        let reason = format!(
            "a {kind} is a TDES key here: AES keys are of type ZPK, TPK or BDK, for PIN blocks, or ZMK"
        );
        return Err(Refusal::data(reason));
    }
    let key: WorkingKey = if aes {
        clear::read_aes(written).map_err(unfit)?.into()
    } else {
        clear::read(written).map_err(unfit)?.into()
    };
    eprintln!(
        "WARNING: a clear key was handled outside an HSM. From now on it is a test key, whatever it was before."
    );
    if let WorkingKey::Tdes(key) = &key
        && is_single_des(key)
    {
        eprintln!("WARNING: this key is worth no more than single DES, which is broken in hours.");
    }
    match (&key, key_block) {
        (WorkingKey::Tdes(key), None) => Ok(clear::under_test_lmk(kind, key)),
        _ => clear::in_test_block(kind, &key).map_err(|_| Refusal::data("the system gives no random bytes")),
    }
}

fn parse_algorithm(word: &str) -> Result<KeyAlgorithm, &'static str> {
    match word {
        "aes" => Ok(KeyAlgorithm::Aes),
        "tdes" => Ok(KeyAlgorithm::Tdes),
        _ => Err("one of aes, tdes"),
    }
}

pub(super) fn parse_kind(word: &str) -> Result<KeyKind, String> {
    let words = || KeyKind::ALL.map(KeyKind::as_str).join(", ");
    KeyKind::parse(&word.to_ascii_uppercase()).ok_or_else(|| format!("one of {}", words()))
}

pub(super) fn parse_kcv(digits: &str) -> Result<String, &'static str> {
    let right = matches!(digits.len(), 6 | 16) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if right { Ok(digits.to_ascii_uppercase()) } else { Err("6 or 16 hexadecimal digits") }
}

pub(super) fn parse_scheme(letter: &str) -> Result<KeyScheme, &'static str> {
    match letter.as_bytes() {
        [letter @ (b'U' | b'T' | b'X' | b'Y' | b'Z')] => {
            Ok(KeyScheme::from_letter(*letter).unwrap_or(KeyScheme::U))
        }
        _ => Err("one of U, T, X, Y, Z"),
    }
}
