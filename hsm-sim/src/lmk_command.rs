//! `hsm-sim lmk`: files of local master keys.

use crate::passphrase::PassphraseSource;
use clap::{Args, Subcommand};
use hsm::LmkIdentifier;
use hsm_sim::LmkKind;
use hsm_sim::lmk_file::{self, LmkFileError, StoredLmk};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What to do with LMK files.
#[derive(Subcommand)]
pub(crate) enum LmkCommand {
    /// Make random LMKs and seal them into a new file
    Generate(Generate),
    /// List the LMKs of a file: identifiers, kinds and check values, never keys
    Show(Show),
}

/// Options of `lmk generate`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  hsm-sim lmk generate --out unit.lmk --passphrase-file passphrase
  hsm-sim lmk generate --out unit.lmk --kind variant --id 00 --kind 3des-key-block --id 01")]
pub(crate) struct Generate {
    /// The file to make, readable by its owner only; one that exists is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// variant, 3des-key-block or aes-key-block; once for each LMK [default: each kind once]
    #[arg(long, value_name = "KIND")]
    kind: Vec<LmkKind>,

    /// Identifier of an LMK, 00 to 19, in the order of the kinds [default: counted from 00]
    #[arg(long, value_name = "NN", value_parser = clap::value_parser!(u8).range(0..=19))]
    id: Vec<u8>,

    #[command(flatten)]
    passphrase: PassphraseSource,
}

/// Options of `lmk show`.
#[derive(Args)]
pub(crate) struct Show {
    /// The LMK file
    file: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseSource,
}

impl LmkCommand {
    pub(crate) fn run(&self) -> Result<(), String> {
        match self {
            LmkCommand::Generate(options) => generate(options),
            LmkCommand::Show(options) => {
                let lmks = open(&options.file, &options.passphrase)?;
                list(&lmks)
            }
        }
    }
}

/// Opens a file by the passphrase that its options lead to.
pub(crate) fn open(file: &Path, passphrase: &PassphraseSource) -> Result<Vec<StoredLmk>, String> {
    let passphrase = passphrase.read()?;
    lmk_file::open(file, &passphrase).map_err(|error| format!("{}: {error}", file.display()))
}

fn generate(options: &Generate) -> Result<(), String> {
    let kinds = match &options.kind[..] {
        [] => &LmkKind::ALL,
        kinds => kinds,
    };
    let counted: Vec<u8> = (0..=lmk_file::HIGHEST_IDENTIFIER).collect();
    let identifiers = match &options.id[..] {
        [] => &counted[..],
        given if given.len() == kinds.len() => given,
        given => {
            return Err(format!(
                "{} kinds but {} identifiers: give --id once for each --kind, or never",
                kinds.len(),
                given.len()
            ));
        }
    };
    if kinds.len() > identifiers.len() {
        return Err(format!("a unit has at most {} LMKs", counted.len()));
    }
    let passphrase = options.passphrase.read()?;
    let made: Result<Vec<_>, LmkFileError> = kinds
        .iter()
        .zip(identifiers)
        .map(|(kind, identifier)| StoredLmk::generate(LmkIdentifier(*identifier), *kind))
        .collect();
    let say = |error: LmkFileError| format!("{}: {error}", options.out.display());
    let lmks = made.map_err(say)?;
    lmk_file::create(&options.out, &lmks, &passphrase).map_err(say)?;
    list(&lmks)
}

fn list(lmks: &[StoredLmk]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    for lmk in lmks {
        let check_value = lmk.check_value();
        let shown = String::from_utf8_lossy(&check_value[..6]);
        writeln!(out, "{:02} {:<14} check value {shown}", lmk.identifier.0, lmk.kind.name())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
