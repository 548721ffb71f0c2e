use super::choice;
use super::input::{self, written};
use super::json_message::JsonMessage;
use super::report::Report;
use iso8583::Dialect;
use iso8583::dump;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message encode --dialect iso87_ascii \\
    '{\"mti\":\"0800\",\"fields\":{\"7\":\"1123155959\",\"11\":\"000123\",\"70\":\"301\"}}'
  turnout message encode --dialect iso87_bcd \\
    '{\"mti\":\"0200\",\"fields\":{\"3\":{\"1\":\"00\",\"2\":\"20\",\"3\":\"00\"},\"55\":{\"9F36\":\"0001\",\"95\":\"0000008000\"}}}'
  turnout message decode --dialect iso87_ascii --unmask --format json < messages.hex |
    turnout message encode --dialect iso87_ascii --framed

A value is text, binary in hexadecimal, or an object of its parts. Without a header the default of the
dialect is written.")]
pub(super) struct EncodeArgs {
    /// Layout: one of `turnout message dialects`, or a file.
    #[arg(long)]
    dialect: String,
    /// Frame each message as on the wire, by the framing of the dialect.
    #[arg(long)]
    framed: bool,
    /// File with messages in JSON, one a line, `-` for standard input; may be given several times.
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Messages in JSON; none, and no --file, reads them from standard input, one a line.
    json: Vec<String>,
}

pub(super) fn run(args: &EncodeArgs) -> ExitCode {
    let dialect = match choice::dialect(&args.dialect) {
        Ok(dialect) => dialect,
        Err(code) => return code,
    };
    let mut report = Report::new();
    let mut one = |line: &str, report: &mut Report| match encoded(line, &dialect, args.framed) {
        Ok(text) => report.data(text),
        Err(reason) => report.bad(reason),
    };
    for (index, json) in args.json.iter().enumerate() {
        report.begin(None, index + 1);
        one(json, &mut report);
    }
    if args.json.is_empty() && args.file.is_empty() {
        let read = input::each_line(None, &mut io::stdin().lock(), &mut report, &mut one);
        read.unwrap_or_else(|error| report.fail("standard input", error));
    }
    for path in &args.file {
        let name = path.display().to_string();
        let read = input::open(path)
            .and_then(|mut reader| input::each_line(Some(&name), &mut reader, &mut report, &mut one));
        read.unwrap_or_else(|error| report.fail(&name, error));
    }
    report.finish()
}

fn encoded(line: &str, dialect: &Dialect, framed: bool) -> Result<String, String> {
    let message = JsonMessage::parse(line)?;
    let frame = dump::encode_contents(dialect, &message.header, message.mti, &message.fields)
        .map_err(|error| error.to_string())?;
    written(&frame, dialect.framing(), framed).map_err(|error| error.to_string())
}
