use super::{BAD_CONFIGURATION, USAGE, choice};
use crate::command::DataFormat;
use crate::dialects::{self, DialectsError};
use iso8583::{Dialect, DialectFault};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What stands in the list of dialects beside those of ISO 8583.
const NDC: (&str, &str) = ("ndc", "NDC of ATMs, for decode only");

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message dialects
  turnout message dialects --format json")]
pub(super) struct DialectsArgs {
    /// Form of the output; JSON is one object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message dialect show iso87_ascii > mybank.toml
  turnout message dialect check mybank.toml
  turnout message dialect schema > dialect.schema.json")]
pub(super) struct DialectArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// The text of a dialect: where one of your own begins.
    #[command(after_help = "Examples:
  turnout message dialect show iso87_ascii
  turnout message dialect show iso87_ascii > mybank.toml")]
    Show {
        /// One of `turnout message dialects`.
        name: String,
    },
    /// Everything that is wrong with a dialect file, each with its line and what to do about it.
    #[command(after_help = "Examples:
  turnout message dialect check mybank.toml
  turnout message dialect check mybank.toml --format json

Exits 0 when the file is good and 78 when it is not.")]
    Check {
        /// Form of the output.
        #[arg(long, value_enum, default_value = "text")]
        format: DataFormat,
        /// The file, or the name of a dialect.
        file: PathBuf,
    },
    /// The JSON Schema of dialect files, for editors and for checks in a build.
    #[command(after_help = "Example:
  turnout message dialect schema > dialect.schema.json")]
    Schema,
}

pub(super) fn list(args: &DialectsArgs) -> ExitCode {
    let titles = Dialect::names().filter_map(|name| Some((name, Dialect::by_name(name)?.title())));
    for (name, title) in titles.chain([NDC]) {
        match args.format {
            DataFormat::Text => println!("{name:<22}{title}"),
            DataFormat::Json => println!("{}", json!({ "name": name, "title": title })),
        }
    }
    ExitCode::SUCCESS
}

pub(super) fn run(args: &DialectArgs) -> ExitCode {
    match &args.action {
        Action::Show { name } => show(name),
        Action::Check { format, file } => check(file, *format),
        Action::Schema => {
            println!("{:#}", iso8583::schema());
            ExitCode::SUCCESS
        }
    }
}

fn show(name: &str) -> ExitCode {
    match Dialect::source(name) {
        Some(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        None if name == NDC.0 => {
            eprintln!("ndc has no dialect file");
            ExitCode::from(USAGE)
        }
        // Says which there are.
        None => choice::dialect(name).map_or_else(|code| code, |_| ExitCode::from(USAGE)),
    }
}

fn check(file: &Path, format: DataFormat) -> ExitCode {
    let named = file.to_string_lossy();
    // A file without the ending is a file here, unless it is the name of a dialect.
    let path = Path::new(".").join(file);
    let named = if Dialect::source(&named).is_none() { path.to_string_lossy() } else { named };
    match (dialects::find(&named, Path::new("")), format) {
        (Ok(dialect), DataFormat::Text) => println!("dialect is good: {}", summary(&dialect)),
        (Ok(dialect), DataFormat::Json) => println!("{}", good(&dialect)),
        (Err(DialectsError::Faults { error, .. }), _) => {
            tell(file, &error.faults, format);
            return ExitCode::from(BAD_CONFIGURATION);
        }
        (Err(error), _) => {
            eprintln!("{error}");
            return ExitCode::from(BAD_CONFIGURATION);
        }
    }
    ExitCode::SUCCESS
}

fn tell(file: &Path, faults: &[DialectFault], format: DataFormat) {
    if format == DataFormat::Json {
        println!("{}", json!({ "ok": false, "faults": faults.iter().map(object).collect::<Vec<_>>() }));
        return;
    }
    for fault in faults {
        println!("{}{}", file.display(), placed(fault));
    }
    let plural = if faults.len() == 1 { "" } else { "s" };
    eprintln!("{} fault{plural}", faults.len());
}

/// `:12: field.2.type: …` and what to do about it, as `turnout check` writes its mistakes.
fn placed(fault: &DialectFault) -> String {
    let line = fault.line.map_or(String::new(), |line| format!(":{line}"));
    let place = if fault.place.is_empty() { String::new() } else { format!("{}: ", fault.place) };
    let mend = if fault.mend.is_empty() { String::new() } else { format!("\n    mend: {}", fault.mend) };
    format!("{line}: {place}{}{mend}", fault.reason)
}

fn object(fault: &DialectFault) -> serde_json::Value {
    json!({ "line": fault.line, "place": fault.place, "reason": fault.reason, "mend": fault.mend })
}

fn summary(dialect: &Dialect) -> String {
    let (name, title) = (dialect.name(), dialect.title());
    let title = if title.is_empty() { String::new() } else { format!(" ({title})") };
    let (year, count) = (dialect.edition().year(), dialect.fields().count());
    format!("{name}{title}, edition of {year}, {count} data elements")
}

fn good(dialect: &Dialect) -> serde_json::Value {
    json!({
        "ok": true,
        "faults": [],
        "name": dialect.name(),
        "title": dialect.title(),
        "edition": dialect.edition().year(),
        "fields": dialect.fields().count(),
    })
}
