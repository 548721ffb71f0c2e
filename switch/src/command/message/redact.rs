use super::choice;
use super::input::{InputArgs, written};
use super::report::Report;
use iso8583::redact::redact;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message redact --dialect iso87_ascii < messages.hex > for-the-vendor.hex
  turnout message redact --dialect mybank.toml --framed --file trace.bin

Of a card number the first six and last four digits stay, those between become 0, so its check digit no
longer fits. In everything else that `decode` shows as stars digits become 0, letters X, bytes 00. All
lengths stay, and so does what is not hidden, byte by byte; check what free text holds.")]
pub(super) struct RedactArgs {
    /// Layout: one of `turnout message dialects`, or a file.
    #[arg(long)]
    dialect: String,
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &RedactArgs) -> ExitCode {
    let dialect = match choice::dialect(&args.dialect) {
        Ok(dialect) => dialect,
        Err(code) => return code,
    };
    let mut report = Report::new();
    args.input.each(dialect.framing(), dialect.max_frame(), &mut report, |frame, report| {
        let redacted = choice::read(frame, &dialect).map(|message| redact(&message));
        let text = redacted.and_then(|frame| {
            written(&frame, dialect.framing(), args.input.framed).map_err(|error| error.to_string())
        });
        match text {
            Ok(text) => report.data(text),
            Err(reason) => report.bad(reason),
        }
    });
    report.finish()
}
