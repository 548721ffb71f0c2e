//! Where the program takes the passphrase of an LMK file from. Never from the command line, which every
//! user of the machine can read.

use clap::Args;
use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// The variable that may hold the passphrase.
const VARIABLE: &str = "HSM_SIM_PASSPHRASE";

/// The variable by which systemd tells where its credentials are.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The file in there.
const CREDENTIAL: &str = "hsm-sim.passphrase";

/// No passphrase is longer; a file given by mistake is not read to its end.
const LONGEST: usize = 1024;

/// Options of whoever opens an LMK file.
#[derive(Args)]
pub(crate) struct PassphraseSource {
    /// Read the passphrase from the first line of a file that only its owner can read; otherwise it is taken
    /// from $HSM_SIM_PASSPHRASE, or from the systemd credential `hsm-sim.passphrase`
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseSource {
    /// The passphrase: the file if one is named, then the variable, then the credential.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        if let Some(path) = &self.passphrase_file {
            return read(path, Rights::OwnerOnly);
        }
        if let Some(value) = env::var_os(VARIABLE) {
            return checked(Zeroizing::new(value.into_vec()))
                .map_err(|error| format!("${VARIABLE}: {error}"));
        }
        if let Some(folder) = env::var_os(CREDENTIALS) {
            return read(&Path::new(&folder).join(CREDENTIAL), Rights::Systemd);
        }
        Err(format!(
            "no passphrase: name a file with --passphrase-file, set ${VARIABLE}, or give the systemd credential {CREDENTIAL}"
        ))
    }
}

/// Who answers for the rights of a passphrase file.
#[derive(Clone, Copy)]
enum Rights {
    OwnerOnly,
    Systemd,
}

fn read(path: &Path, rights: Rights) -> Result<Zeroizing<Vec<u8>>, String> {
    let say = |error: io::Error| format!("passphrase file {}: {error}", path.display());
    let file = File::open(path).map_err(say)?;
    let mode = file.metadata().map_err(say)?.permissions().mode() & 0o777;
    if matches!(rights, Rights::OwnerOnly) && mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!("passphrase file {path}: others may use it (mode {mode:03o}); chmod 600 {path}"));
    }
    // One byte more than allowed shows that there is more. Room for all at once leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 2));
    file.take(LONGEST as u64 + 2).read_to_end(&mut bytes).map_err(say)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes[end..].zeroize();
        bytes.truncate(end);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    checked(bytes).map_err(|error| format!("passphrase file {}: {error}", path.display()))
}

fn checked(passphrase: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, String> {
    match passphrase.len() {
        0 => Err(String::from("the passphrase is empty")),
        1..=LONGEST => Ok(passphrase),
        _ => Err(format!("the passphrase is longer than {LONGEST} bytes")),
    }
}
