use super::input::InputArgs;
use super::report::Report;
use super::{USAGE, choice, json_message};
use crate::command::DataFormat;
use iso8583::annotate::{annotate, annotate_leading};
use iso8583::composite::{self, Content};
use iso8583::dump::{self, Show};
use iso8583::framing::Framing;
use iso8583::{Dialect, Message, parse_leading};
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message decode --dialect iso87_ascii \\
    3038303030303230303030303030303030303030303030313233
  turnout message decode --dialect iso87_bcd --view annotated --file purchase.hex
  turnout message decode --dialect mybank.toml --framed --file trace.bin --format json --parts
  turnout message decode --dialect ndc < requests.hex

Masked are the data elements that the dialect says are sensitive; free text is shown as it is.
Text as in the examples of `turnout message encode` is written with --unmask --format json.
Exits 65 when a message cannot be read; parts of a data element that cannot be read are told and no
reason for that, unless --strict is given.")]
pub(super) struct DecodeArgs {
    /// Layout: one of `turnout message dialects`, a file, or `ndc`.
    #[arg(long)]
    dialect: String,
    /// What text shows: fields and their parts, or every byte with what it says.
    #[arg(long, value_enum, default_value = "text")]
    view: View,
    /// Form of the output; JSON is one object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
    /// Fields with inner structure as objects of their parts.
    #[arg(long)]
    parts: bool,
    /// Show card data in clear. For test messages in ISO 8583 only.
    #[arg(long)]
    unmask: bool,
    /// Parts that cannot be read are a failure.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    input: InputArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum View {
    /// A line for each field and part.
    Text,
    /// Rows of bytes with their offsets and meanings.
    Annotated,
}

pub(super) fn run(args: &DecodeArgs) -> ExitCode {
    if args.view == View::Annotated && (args.format == DataFormat::Json || args.parts) {
        eprintln!(
            "--view annotated is text and shows all parts; it goes with neither --format json nor --parts"
        );
        return ExitCode::from(USAGE);
    }
    if args.dialect == "ndc" {
        return ndc(args);
    }
    let dialect = match choice::dialect(&args.dialect) {
        Ok(dialect) => dialect,
        Err(code) => return code,
    };
    let mut report = Report::new();
    args.input.each(dialect.framing(), dialect.max_frame(), &mut report, |frame, report| {
        one(frame, &dialect, args, report);
    });
    report.finish()
}

fn one(frame: &[u8], dialect: &Dialect, args: &DecodeArgs, report: &mut Report) {
    let show = choice::show(args.unmask);
    let message = match choice::read(frame, dialect) {
        Ok(message) => message,
        Err(reason) => {
            if args.view == View::Annotated
                && let (message, Some(error)) = parse_leading(frame, dialect)
            {
                report.data(annotate_leading(&message, &error, show));
            }
            return report.bad(reason);
        }
    };
    match (args.view, args.format) {
        (View::Annotated, _) => report.data(annotate(&message, show)),
        (View::Text, DataFormat::Json) => report.data(object(&message, show, args.parts)),
        (View::Text, DataFormat::Text) => report.data(text(&message, show, args.parts)),
    }
    for error in composite::check(&message) {
        match args.strict {
            true => report.bad(error),
            false => report.talk(error),
        }
    }
}

/// Masked, the dump of a message already shows its parts.
fn text(message: &Message<'_>, show: Show, parts: bool) -> String {
    if show == Show::Masked {
        return message.to_string().trim_end().to_owned() + "\n";
    }
    let fields = match parts {
        true => dump::contents(message, show),
        false => flat(message, show),
    };
    let mut text = format!("MTI     {}\n", message.mti());
    for (field, content) in fields {
        let name = message.dialect().field(field).map_or("", |spec| spec.name.as_str());
        match content {
            Content::Text(value) => text.push_str(&format!("DE {field:<3}  {name}: {value}\n")),
            Content::Parts(parts) => {
                text.push_str(&format!("DE {field:<3}  {name}\n"));
                put_parts(&parts, 10, &mut text);
            }
        }
    }
    text
}

fn put_parts(parts: &[(String, Content)], indent: usize, text: &mut String) {
    for (key, content) in parts {
        match content {
            Content::Text(value) => text.push_str(&format!("{:indent$}{key:<6}  {value}\n", "")),
            Content::Parts(parts) => {
                text.push_str(&format!("{:indent$}{key}\n", ""));
                put_parts(parts, indent + 2, text);
            }
        }
    }
}

fn object(message: &Message<'_>, show: Show, parts: bool) -> serde_json::Value {
    let fields = match parts {
        true => dump::contents(message, show),
        false => flat(message, show),
    };
    json_message::object(message, fields)
}

fn flat(message: &Message<'_>, show: Show) -> Vec<(u8, Content)> {
    let fields = dump::fields_as_text(message, show).into_iter();
    fields.map(|(field, text)| (field, Content::Text(text))).collect()
}

fn ndc(args: &DecodeArgs) -> ExitCode {
    if args.unmask {
        eprintln!("--unmask is for ISO 8583; an NDC message is always shown masked");
        return ExitCode::from(USAGE);
    }
    if args.view == View::Annotated || args.parts || args.strict {
        eprintln!("--view annotated, --parts and --strict are for ISO 8583");
        return ExitCode::from(USAGE);
    }
    let mut report = Report::new();
    args.input.each(&Framing::TWO_BYTES, usize::from(u16::MAX), &mut report, |body, report| {
        match ndc_text(body) {
            Ok(text) if args.format == DataFormat::Json => report.data(json!({ "ndc": text })),
            Ok(text) => report.data(text),
            Err(reason) => report.bad(reason),
        }
    });
    report.finish()
}

/// Shows a message of either direction that can be read, with the separators in words.
fn ndc_text(body: &[u8]) -> Result<String, String> {
    // What a terminal sends begins with two digits, what a host sends with one.
    let from_terminal = matches!(body, [b'1'..=b'6', b'1'..=b'3', 0x1C, ..]);
    let read = if from_terminal {
        ndc::parse_from_terminal(body, &ndc::Options::default()).map(|_| ())
    } else {
        ndc::parse_from_host(body).map(|_| ())
    };
    read.map_err(|error| error.to_string())?;
    Ok(ndc::dump(body))
}
