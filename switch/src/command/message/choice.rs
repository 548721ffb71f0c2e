use super::{BAD_CONFIGURATION, USAGE};
use crate::dialects::{self, DialectsError};
use iso8583::dump::Show;
use iso8583::{Dialect, Message, parse};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The dialect that an argument names; what is wrong with it is told.
pub(super) fn dialect(named: &str) -> Result<Arc<Dialect>, ExitCode> {
    dialects::find(named, Path::new("")).map_err(|error| {
        eprintln!("{error}");
        match error {
            DialectsError::Unknown { .. } => ExitCode::from(USAGE),
            DialectsError::File { .. } | DialectsError::Faults { .. } => ExitCode::from(BAD_CONFIGURATION),
        }
    })
}

pub(super) fn show(unmask: bool) -> Show {
    if unmask { Show::Unmasked } else { Show::Masked }
}

/// Reads a message, or says why it cannot be read: `MTI 0200, DE 4 at offset 38: …`.
pub(super) fn read<'a>(frame: &'a [u8], dialect: &'a Dialect) -> Result<Message<'a>, String> {
    parse(frame, dialect).map_err(|error| match error.mti {
        Some(mti) => format!("MTI {mti}, {error}"),
        None => error.to_string(),
    })
}
