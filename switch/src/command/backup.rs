//! `turnout backup`: make backups beside a running switch, look whether they are good, restore them.

use crate::backup::{self, Archives, BackupError, Contents, Manifest, Progress, Restored, Until};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::recovery;
use card::Time;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use store::{MasterKey, Sequence, Stream};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Backups: make one, look whether it is good, restore it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout backup create --config run/turnout.toml /backup/2026-11-26
  turnout backup verify --config run/turnout.toml /backup/2026-11-26
  turnout backup restore --master-key master.key /backup/2026-11-26 --to run/turnout-data

A backup does not hold the master key: keep that elsewhere, or the backup is worth nothing.
docs/backup.md has the drill.

Exit codes: 0 done, 1 failed, 3 the books do not balance, 65 the backup is damaged, 78 bad configuration.")]
pub struct BackupArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Copy everything that a data folder can be made from again; `serve` may be running
    Create(CreateArgs),
    /// Read everything in a backup, and say what it restores to
    Verify(VerifyArgs),
    /// Make a data folder from a backup, as it was at its end or at a moment before
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout backup create /backup/$(date +%F)
  turnout backup create --format json /backup/now | jq -r .ended
  turnout backup create --without-archive /backup/now     when archive/ and journal-archive/ are copied by other means

Everything acknowledged before the beginning is in the backup. The folder must not be there, or be empty.
The master key is not copied.")]
struct CreateArgs {
    /// Folder to make
    folder: PathBuf,
    /// Configuration file
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// Leave out the Parquet files of past days and the archived segments, which never change: for those who back
    /// them up by other means
    #[arg(long)]
    without_archive: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout backup verify /backup/2026-11-26
  turnout backup verify --master-key /safe/master.key --format json /backup/2026-11-26

Every file must be what was written, every frame of the journal must open, and every trial balance must be
zero (else exit code 3). A damaged backup is exit code 65.")]
struct VerifyArgs {
    /// The backup
    folder: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout backup restore /backup/2026-11-26 --to run/turnout-data
  turnout backup restore /backup/2026-11-26 --to run/turnout-data --until 2026-11-26T14:30:00Z
  turnout backup restore /backup/2026-11-26 --to elsewhere --until-sequence 0:12345 --master-key /safe/master.key

The folder must not be there, or hold the file master.key and nothing else. The whole backup is read first.
A moment leaves out everything from the first frame of the journal on that holds a record of after it; a
sequence, everything from the frame on that holds that record of the stream. What came after is lost to the
switch: acquirers and ATMs that had answers to it will differ from the books.")]
struct RestoreArgs {
    /// The backup
    folder: PathBuf,
    /// Data folder to make
    #[arg(long)]
    to: PathBuf,
    /// Restore to this moment, RFC 3339
    #[arg(long, value_parser = moment, conflicts_with = "until_sequence")]
    until: Option<Time>,
    /// Restore to before this record: number of the stream, colon, number of the record in it
    #[arg(long, value_name = "STREAM:RECORD", value_parser = place)]
    until_sequence: Option<(Stream, Sequence)>,
    #[command(flatten)]
    key: KeyArgs,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// Where the master key is.
#[derive(Debug, clap::Args)]
struct KeyArgs {
    /// Configuration file, which says where the master key is
    #[arg(long, default_value = "turnout.toml")]
    config: PathBuf,
    /// File of the master key, on a machine that has no good configuration yet
    #[arg(long)]
    master_key: Option<PathBuf>,
}

/// Exit code of a damaged backup (`EX_DATAERR`).
const BAD_DATA: u8 = 65;

/// Exit code when a trial balance is not zero.
const NOT_MET: u8 = 3;

/// Runs the command.
#[must_use]
pub fn run(args: &BackupArgs) -> ExitCode {
    let done = match &args.action {
        Action::Create(args) => create(args),
        Action::Verify(args) => verify(args),
        Action::Restore(args) => restore(args),
    };
    done.err().unwrap_or(ExitCode::SUCCESS)
}

fn create(args: &CreateArgs) -> Result<(), ExitCode> {
    let settings = good_configuration(&args.config)?.settings;
    let archives = if args.without_archive { Archives::LeftOut } else { Archives::Copied };
    let made = backup::create(&settings, &args.folder, archives, &mut tell);
    let manifest = made.map_err(|error| failed("create", &error))?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    report(
        args.format,
        || list_json(&manifest, bytes),
        |out| {
            writeln!(out, "backup        {}", args.folder.display())?;
            list_text(out, &manifest, bytes)
        },
    );
    if args.format == DataFormat::Text {
        if args.without_archive {
            eprintln!("\nThe archives are not in it: without them, what is older than the journal is lost.");
        }
        eprintln!("\nThe master key is not in it: without that key the backup is worth nothing.");
        eprintln!(
            "Next:\n  turnout backup verify --config {} {}",
            args.config.display(),
            args.folder.display()
        );
    }
    Ok(())
}

fn verify(args: &VerifyArgs) -> Result<(), ExitCode> {
    let master = args.key.read()?;
    let contents =
        backup::verify(&args.folder, &master, &mut tell).map_err(|error| failed("verify", &error))?;
    report(args.format, || contents_json(&contents), |out| contents_text(out, &contents));
    balanced(&contents)
}

fn restore(args: &RestoreArgs) -> Result<(), ExitCode> {
    let master = args.key.read()?;
    let until = match (args.until, args.until_sequence) {
        (Some(time), _) => Until::Time(time),
        (None, Some((stream, sequence))) => Until::Record(stream, sequence),
        (None, None) => Until::End,
    };
    let restored = backup::restore(&args.folder, &args.to, until, &master, &mut tell);
    let restored = restored.map_err(|error| failed("restore", &error))?;
    let Restored { contents, records, left_out, files_left_out, kept } = &restored;
    let elsewhere = &contents.manifest.elsewhere;
    report(
        args.format,
        || {
            json!({
                "to": args.to.display().to_string(),
                "records": records,
                "left_out": left_out,
                "files_left_out": files_left_out,
                "kept": kept,
                "elsewhere": elsewhere,
                "backup": contents_json(contents),
            })
        },
        |out| {
            writeln!(out, "restored      {}", args.to.display())?;
            writeln!(out, "records       {records} ({left_out} after the moment left out)")?;
            files_left_out.iter().try_for_each(|file| writeln!(out, "left out      {file}"))?;
            kept.iter().try_for_each(|file| writeln!(out, "kept as       {file}"))?;
            elsewhere.iter().try_for_each(|(place, path)| writeln!(out, "to be moved   {place} to {path}"))
        },
    );
    if args.format == DataFormat::Text {
        restored_hints(&restored);
    }
    balanced(contents)
}

/// What whoever restored has to know or to do before `serve`.
fn restored_hints(restored: &Restored) {
    if !restored.files_left_out.is_empty() {
        eprintln!(
            "\nWhat was left out knows of what came after the moment. The transaction store is built anew from"
        );
        eprintln!("the journal; what is older is in the archives.");
    }
    if !restored.kept.is_empty() {
        eprintln!(
            "\nThe journal has only a part of a day, which will be archived anew: the files of before were kept."
        );
    }
    if !restored.contents.manifest.elsewhere.is_empty() {
        eprintln!("\nWhat did not lie in the data folder has to be moved to where the configuration says.");
    }
}

impl KeyArgs {
    fn read(&self) -> Result<MasterKey, ExitCode> {
        if let Some(file) = &self.master_key {
            return MasterKey::read_file(file).map_err(|error| {
                eprintln!("turnout backup: --master-key {}: {error}", file.display());
                ExitCode::FAILURE
            });
        }
        let settings = good_configuration(&self.config)?.settings;
        recovery::master_key(&settings).map_err(|error| failed("", &BackupError::Recovery(error)))
    }
}

fn failed(action: &str, error: &BackupError) -> ExitCode {
    eprintln!("turnout backup {action}: {error}");
    if error.is_damage() { ExitCode::from(BAD_DATA) } else { ExitCode::FAILURE }
}

fn balanced(contents: &Contents) -> Result<(), ExitCode> {
    if contents.is_balanced() {
        return Ok(());
    }
    eprintln!("turnout backup: a trial balance is not zero; the books were wrong when the backup was made");
    Err(ExitCode::from(NOT_MET))
}

/// For whoever waits at a terminal.
fn tell(progress: Progress<'_>) {
    if io::stderr().is_terminal() {
        eprintln!("{} ({} bytes)", progress.path, progress.bytes);
    }
}

/// Whoever reads our output may have had enough.
fn report(
    format: DataFormat,
    json: impl FnOnce() -> Value,
    text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) {
    let mut out = io::stdout().lock();
    let _ = match format {
        DataFormat::Json => writeln!(out, "{}", json()),
        DataFormat::Text => text(&mut out),
    };
}

fn list_text(out: &mut dyn Write, manifest: &Manifest, bytes: u64) -> io::Result<()> {
    writeln!(out, "begun         {}", manifest.begun)?;
    writeln!(out, "ended         {}", manifest.ended)?;
    writeln!(out, "files         {} ({bytes} bytes)", manifest.files.len())?;
    writeln!(out, "frames        {}", manifest.frames)?;
    let store = manifest.transaction_store.as_deref().unwrap_or("built anew from the journal");
    writeln!(out, "store         {store}")?;
    writeln!(out, "archive       {}", manifest.archive.as_deref().unwrap_or("left out"))
}

fn list_json(manifest: &Manifest, bytes: u64) -> Value {
    json!({
        "begun": manifest.begun,
        "ended": manifest.ended,
        "files": manifest.files.len(),
        "bytes": bytes,
        "frames": manifest.frames,
        "transaction_store": manifest.transaction_store,
        "archive": manifest.archive,
    })
}

fn contents_text(out: &mut dyn Write, contents: &Contents) -> io::Result<()> {
    list_text(out, &contents.manifest, bytes(contents))?;
    writeln!(out, "records       {}", contents.records)?;
    writeln!(out, "transactions  {}", contents.transactions)?;
    if let Some((first, last)) = contents.times {
        writeln!(out, "from          {first}")?;
        writeln!(out, "to            {last}")?;
    }
    writeln!(out, "cards         {}", contents.cards)?;
    writeln!(out, "accounts      {}", contents.accounts)?;
    for trial in &contents.trials {
        let code = trial.currency.code();
        writeln!(out, "trial balance {} {code}", trial.sum_minor)?;
    }
    Ok(())
}

fn contents_json(contents: &Contents) -> Value {
    let trials: Vec<Value> = contents
        .trials
        .iter()
        .map(|trial| json!({ "currency": trial.currency.code(), "sum_minor": trial.sum_minor.to_string() }))
        .collect();
    let mut value = list_json(&contents.manifest, bytes(contents));
    value["records"] = json!(contents.records);
    value["transactions"] = json!(contents.transactions);
    value["from"] = json!(contents.times.map(|(first, _)| first.to_string()));
    value["to"] = json!(contents.times.map(|(_, last)| last.to_string()));
    value["cards"] = json!(contents.cards);
    value["accounts"] = json!(contents.accounts);
    value["trial_balances"] = json!(trials);
    value
}

fn bytes(contents: &Contents) -> u64 {
    contents.manifest.files.iter().map(|file| file.bytes).sum()
}

fn moment(text: &str) -> Result<Time, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "not a moment such as 2026-11-26T14:30:00Z or 2026-11-26T14:30:00.250+01:00".to_owned()
    })?;
    let unix_ms = time.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(unix_ms).map(Time::from_unix_ms).map_err(|_| "too far away".to_owned())
}

fn place(text: &str) -> Result<(Stream, Sequence), String> {
    let read = || {
        let (stream, record) = text.split_once(':')?;
        Some((Stream(stream.parse().ok()?), Sequence(record.parse().ok()?)))
    };
    read().ok_or_else(|| "not a stream and a record such as 0:12345".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_to_the_millisecond() {
        let check = |text: &str, unix_ms: i64| assert_eq!(moment(text), Ok(Time::from_unix_ms(unix_ms)));
        check("1970-01-01T00:00:01Z", 1000);
        check("1970-01-01T01:00:00.250+01:00", 250);
        check("1969-12-31T23:59:59.999999Z", -1);
        assert!(moment("2026-11-26").is_err());
    }

    #[test]
    fn places_are_a_stream_and_a_record() {
        assert_eq!(place("64:7"), Ok((Stream(64), Sequence(7))));
        for text in ["7", "a:7", "1:", "70000:1", "1:-2"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
