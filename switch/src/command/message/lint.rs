use super::choice;
use super::input::InputArgs;
use super::report::Report;
use crate::command::DataFormat;
use iso8583::lint::{Finding, Severity, lint};
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message lint --dialect iso87_ascii --file messages.hex
  turnout message lint --dialect mybank.toml --framed --format json --file trace.bin

Checked are the rules of the dialect, inner structures, dates, currencies, check digits, and values that
a message says twice. A finding is an error, a warning or a note, and never shows card data.
Exits 0 without errors, 3 with at least one, 65 when a message cannot be read.")]
pub(super) struct LintArgs {
    /// Layout: one of `turnout message dialects`, or a file.
    #[arg(long)]
    dialect: String,
    /// Form of the output; JSON is one object a line for each finding.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &LintArgs) -> ExitCode {
    let dialect = match choice::dialect(&args.dialect) {
        Ok(dialect) => dialect,
        Err(code) => return code,
    };
    let mut report = Report::new();
    args.input.each(dialect.framing(), dialect.max_frame(), &mut report, |frame, report| {
        let findings = match choice::read(frame, &dialect) {
            Ok(message) => lint(&message),
            Err(reason) => return report.bad(reason),
        };
        for finding in findings {
            if finding.severity == Severity::Error {
                report.not_met();
            }
            match args.format {
                DataFormat::Text => report.data(format!("{}: {finding}", report.label())),
                DataFormat::Json => report.data(object(&finding, report)),
            }
        }
    });
    report.finish()
}

fn object(finding: &Finding, report: &Report) -> serde_json::Value {
    let path: Vec<String> = finding.path.iter().map(ToString::to_string).collect();
    json!({
        "source": report.source(),
        "message": report.number(),
        "severity": finding.severity.name(),
        "field": finding.field,
        "path": path,
        "text": finding.text,
    })
}
