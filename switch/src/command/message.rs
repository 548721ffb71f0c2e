//! `turnout message`: decode and encode messages.

mod json_message;

use crate::command::DataFormat;
use iso8583::Dialect;
use iso8583::dump::{self, Show};
use json_message::JsonMessage;
use serde_json::{Map, Value, json};
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// Exit code for messages that cannot be read.
const BAD_DATA: u8 = 65;

/// Decode and encode messages.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message decode --dialect iso87_ascii 08008220000000000000040000000000000011231559590001233\\
01
  turnout message decode --dialect iso87_bcd --format json < messages.hex     one message a line
  echo '{\"mti\":\"0800\",\"fields\":{\"7\":\"1123155959\",\"11\":\"000123\",\"70\":\"301\"}}' |
    turnout message encode --dialect iso87_ascii

Card data is masked unless --unmask is given. A message that cannot be read is told on standard error
with field and offset, the others are still shown, and the exit code is 65.")]
pub struct MessageArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// From hexadecimal to fields.
    Decode(DecodeArgs),
    /// From JSON, as `decode --unmask --format json` prints it, to hexadecimal.
    Encode(EncodeArgs),
    /// List the dialects.
    Dialects,
}

#[derive(clap::Args)]
struct DecodeArgs {
    /// Layout: one of `turnout message dialects`, or `ndc`.
    #[arg(long)]
    dialect: String,
    /// Show card data in clear. For test messages in ISO 8583 only.
    #[arg(long)]
    unmask: bool,
    /// Each message begins with its two-byte length, as on the wire.
    #[arg(long)]
    framed: bool,
    /// Form of the output; JSON is one object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
    /// Messages in hexadecimal; none reads them from standard input, one a line.
    hex: Vec<String>,
}

#[derive(clap::Args)]
struct EncodeArgs {
    /// Layout: one of `turnout message dialects`.
    #[arg(long)]
    dialect: String,
    /// Put the two-byte length in front, as on the wire.
    #[arg(long)]
    framed: bool,
    /// Messages in JSON; none reads them from standard input, one a line.
    json: Vec<String>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &MessageArgs) -> ExitCode {
    match &args.action {
        Action::Decode(decode) if decode.dialect == "ndc" => {
            if decode.unmask {
                eprintln!("--unmask is for ISO 8583; an NDC message is always shown masked");
                return ExitCode::from(2);
            }
            each(&decode.hex, |line| decode_ndc(&body(line, decode.framed)?, decode.format))
        }
        Action::Decode(decode) => with_dialect(&decode.dialect, |dialect| {
            each(&decode.hex, |line| decode_iso(&body(line, decode.framed)?, dialect, decode))
        }),
        Action::Encode(encode) => with_dialect(&encode.dialect, |dialect| {
            each(&encode.json, |line| encode_iso(line, dialect, encode.framed))
        }),
        Action::Dialects => {
            for name in Dialect::names() {
                println!("{name}");
            }
            println!("ndc");
            ExitCode::SUCCESS
        }
    }
}

fn with_dialect(name: &str, run: impl FnOnce(&'static Dialect) -> ExitCode) -> ExitCode {
    match Dialect::by_name(name) {
        Some(dialect) => run(dialect),
        None => {
            let known: Vec<&str> = Dialect::names().collect();
            let known = known.join(", ");
            eprintln!("no dialect is named {name} here; there are {known}, and ndc for decode only");
            ExitCode::from(2)
        }
    }
}

/// Treats every argument, or every line of standard input, as one message. Bad ones are told and
/// counted; the rest goes on.
fn each(arguments: &[String], mut treat: impl FnMut(&str) -> Result<String, String>) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut bad = 0usize;
    let mut one = |number: usize, line: &str, out: &mut dyn Write| -> io::Result<()> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        match treat(line) {
            Ok(text) => writeln!(out, "{text}"),
            Err(reason) => {
                bad += 1;
                out.flush()?;
                eprintln!("message {number}: {reason}");
                Ok(())
            }
        }
    };
    let written = if arguments.is_empty() {
        let lines = io::stdin().lock().lines().enumerate();
        lines.into_iter().try_for_each(|(index, line)| one(index + 1, &line?, &mut out))
    } else {
        arguments.iter().enumerate().try_for_each(|(index, line)| one(index + 1, line, &mut out))
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            eprintln!("standard input is not text: give messages in hexadecimal, one a line");
            ExitCode::from(BAD_DATA)
        }
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        _ if bad > 0 => ExitCode::from(BAD_DATA),
        _ => ExitCode::SUCCESS,
    }
}

/// The bytes of one message; spaces between the digits do not matter.
fn body(line: &str, framed: bool) -> Result<Vec<u8>, String> {
    let digits: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = hex::decode(&digits).map_err(|error| format!("not hexadecimal: {error}"))?;
    if !framed {
        return Ok(bytes);
    }
    match iso8583::framing::next_frame(&bytes, usize::from(u16::MAX)) {
        Ok(Some(frame)) if frame.consumed == bytes.len() => Ok(bytes[frame.body].to_vec()),
        Ok(Some(frame)) => {
            Err(format!("{} bytes are left over after the frame", bytes.len() - frame.consumed))
        }
        Ok(None) => Err("the frame is shorter than its length says".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn decode_iso(frame: &[u8], dialect: &'static Dialect, args: &DecodeArgs) -> Result<String, String> {
    let message = iso8583::parse(frame, dialect).map_err(|error| match error.mti {
        Some(mti) => format!("MTI {mti}, {error}"),
        None => error.to_string(),
    })?;
    let show = if args.unmask { Show::Unmasked } else { Show::Masked };
    if args.format == DataFormat::Text && !args.unmask {
        return Ok(message.to_string().trim_end().to_owned() + "\n");
    }
    let fields = dump::fields_as_text(&message, show);
    if args.format == DataFormat::Text {
        let name = |field| dialect.field(field).map_or("", |spec| spec.name);
        let lines: Vec<String> =
            fields.iter().map(|(field, text)| format!("DE {field:<3}  {}: {text}", name(*field))).collect();
        return Ok(format!("MTI     {}\n{}\n", message.mti(), lines.join("\n")));
    }
    let fields: Map<String, Value> =
        fields.into_iter().map(|(field, text)| (field.to_string(), Value::String(text))).collect();
    let mut object = json!({ "mti": message.mti().to_string(), "fields": fields });
    if !message.header().is_empty() {
        object["header"] = Value::String(hex::encode_upper(message.header()));
    }
    Ok(object.to_string())
}

/// Shows a message of either direction that can be read, with the separators in words.
fn decode_ndc(body: &[u8], format: DataFormat) -> Result<String, String> {
    // What a terminal sends begins with two digits, what a host sends with one.
    let from_terminal = matches!(body, [b'1'..=b'6', b'1'..=b'3', 0x1C, ..]);
    let read = if from_terminal {
        ndc::parse_from_terminal(body, &ndc::Options::default()).map(|_| ())
    } else {
        ndc::parse_from_host(body).map(|_| ())
    };
    read.map_err(|error| error.to_string())?;
    let text = ndc::dump(body);
    Ok(match format {
        DataFormat::Text => text,
        DataFormat::Json => json!({ "ndc": text }).to_string(),
    })
}

fn encode_iso(line: &str, dialect: &'static Dialect, framed: bool) -> Result<String, String> {
    let message = JsonMessage::parse(line)?;
    let frame = dump::encode_text(dialect, &message.header, message.mti, &message.fields)
        .map_err(|error| error.to_string())?;
    if !framed {
        return Ok(hex::encode_upper(frame));
    }
    let length =
        u16::try_from(frame.len()).map_err(|_| "longer than a two-byte length can say".to_owned())?;
    Ok(hex::encode_upper([&length.to_be_bytes()[..], &frame].concat()))
}
