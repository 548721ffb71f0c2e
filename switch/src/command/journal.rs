//! `turnout journal`: is it sound, what is in it, how much.

mod record;
mod stat;
mod verify;

use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::recovery;
use crate::settings::Settings;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{DataKeys, JournalError, JournalReader, Until};

/// The journal: verify it, count what is in it, write out its records.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout journal verify --config run/turnout.toml
  turnout journal stat --format json
  turnout journal dump --stream 0 --from 1200 --limit 10
  turnout journal dump --segment 3 | jq 'select(.kind == \"decided\" and .record.code == \"51\")'
  turnout journal verify --folder /backup/journal

Reads the segments beside a running `serve`, from the oldest that is kept, and changes nothing.
`verify` exits with 65 when something is damaged.")]
pub struct JournalArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Read everything: checksums, chain, seals, sequences, records. Says where damage is.
    Verify(ReportArgs),
    /// Count segments, frames and records, with bytes, times and streams.
    Stat(ReportArgs),
    /// Write records as JSON, one a line, with receipts; card numbers masked.
    Dump(DumpArgs),
}

#[derive(clap::Args)]
struct ReportArgs {
    #[command(flatten)]
    common: Common,
    /// Form of the output.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(clap::Args)]
struct DumpArgs {
    #[command(flatten)]
    common: Common,
    /// Only this segment.
    #[arg(long)]
    segment: Option<u64>,
    /// Only this stream: the number of a shard, or 64 for what was imported.
    #[arg(long)]
    stream: Option<u16>,
    /// Not before this sequence of its stream.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Not after this sequence of its stream.
    #[arg(long, default_value_t = u64::MAX)]
    to: u64,
    /// At most this many records.
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
}

#[derive(clap::Args)]
struct Common {
    /// Configuration file.
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Segments in another folder than the data folder's: an archive, a backup.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Exit code of bad data (`EX_DATAERR`).
const BAD_DATA: u8 = 65;

/// Runs the command.
#[must_use]
pub fn run(args: &JournalArgs) -> ExitCode {
    let common = match &args.action {
        Action::Verify(report) | Action::Stat(report) => &report.common,
        Action::Dump(dump) => &dump.common,
    };
    let settings = match good_configuration(&common.config) {
        Ok(configuration) => configuration.settings,
        Err(code) => return code,
    };
    let keys = match recovery::data_keys(&settings) {
        Ok(keys) => keys,
        Err(error) => return failed(&error),
    };
    let folder = folder(&settings, common);
    match &args.action {
        Action::Verify(report) => match verify::verify(&folder, &keys) {
            Ok(found) => {
                let is_sound = found.damage.is_empty();
                let printed = print(|out| match report.format {
                    DataFormat::Text => found.write_text(out),
                    DataFormat::Json => writeln!(out, "{}", found.to_json()),
                });
                if is_sound || printed != ExitCode::SUCCESS { printed } else { ExitCode::from(BAD_DATA) }
            }
            Err(error) => failed(&error),
        },
        Action::Stat(report) => match stat::count(&folder, &keys) {
            Ok(counts) => print(|out| match report.format {
                DataFormat::Text => counts.write_text(out),
                DataFormat::Json => writeln!(out, "{}", counts.to_json()),
            }),
            Err(error) => unreadable(&error),
        },
        Action::Dump(dump) => {
            let mut failure = None;
            let printed = print(|out| {
                let dumped = write_records(dump, &folder, &keys, out);
                dumped.map(|error| failure = error)
            });
            failure.map_or(printed, |error| unreadable(&error))
        }
    }
}

fn folder(settings: &Settings, common: &Common) -> PathBuf {
    common.folder.clone().unwrap_or_else(|| recovery::journal_folder(settings))
}

/// Writes what the arguments ask for. What stops the reading comes back beside the records that
/// were written before it.
fn write_records(
    dump: &DumpArgs,
    folder: &Path,
    keys: &DataKeys,
    out: &mut dyn Write,
) -> io::Result<Option<JournalError>> {
    let oldest = match store::oldest_segment(folder) {
        Ok(Some(oldest)) => oldest,
        Ok(None) => return Ok(None),
        Err(error) => return Ok(Some(error)),
    };
    let first = dump.segment.unwrap_or(oldest);
    let mut reader = match JournalReader::open_segment(folder, keys, first, Until::WholeFrames) {
        Ok(reader) => reader,
        Err(error) => return Ok(Some(error)),
    };
    let mut left = dump.limit;
    loop {
        let frame = match reader.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        };
        if dump.segment.is_some_and(|segment| frame.place.segment != segment) || left == 0 {
            return Ok(None);
        }
        if dump.stream.is_some_and(|stream| frame.stream.0 != stream) {
            continue;
        }
        let begins = frame.place.offset - frame.bytes;
        for (bytes, sequence) in frame.records.zip(frame.first.0..) {
            if !(dump.from..=dump.to).contains(&sequence) || left == 0 {
                continue;
            }
            left -= 1;
            let mut line = json!({
                "segment": frame.place.segment,
                "offset": begins,
                "stream": frame.stream.0,
                "sequence": sequence,
            });
            match store::decode_record(bytes) {
                Ok(record) => {
                    line["kind"] = json!(record::kind(&record));
                    line["record"] = record::to_json(&record);
                }
                Err(rejected) => line["unreadable"] = json!(rejected.0),
            }
            writeln!(out, "{line}")?;
        }
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Damage is bad data; everything else is a failure.
fn unreadable(error: &JournalError) -> ExitCode {
    eprintln!("{error}");
    match error {
        JournalError::Damaged { .. } => {
            eprintln!("`turnout journal verify` lists all damage");
            ExitCode::from(BAD_DATA)
        }
        _ => ExitCode::FAILURE,
    }
}
