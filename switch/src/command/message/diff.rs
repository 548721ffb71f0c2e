use super::input::{self, Cut, bytes_of, looks_like_hex};
use super::{BAD_DATA, NOT_MET, choice};
use crate::command::DataFormat;
use iso8583::difference::{Difference, differences};
use iso8583::{Dialect, Message};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message diff --dialect iso87_ascii request.hex repeat.hex
  turnout message diff --dialect iso87_ascii --dialect-right iso87_bcd sent.hex received.hex

A message is hexadecimal, or a file that holds one, in hexadecimal or as bytes. Decoded values are
compared, inner structures part by part. Of hidden values that differ only this is said.
Exits 0 when nothing differs, 3 when something does, 65 when a message cannot be read.")]
pub(super) struct DiffArgs {
    /// Layout of both messages: one of `turnout message dialects`, or a file.
    #[arg(long)]
    dialect: String,
    /// Layout of the right one, when it is another.
    #[arg(long)]
    dialect_right: Option<String>,
    /// Each message stands in a frame as on the wire, by the framing of its dialect.
    #[arg(long)]
    framed: bool,
    /// Show card data in clear. For test messages only.
    #[arg(long)]
    unmask: bool,
    /// Form of the output; JSON is one object a line for each difference.
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
    /// One message.
    left: String,
    /// The other.
    right: String,
}

pub(super) fn run(args: &DiffArgs) -> ExitCode {
    let right = args.dialect_right.as_deref().unwrap_or(&args.dialect);
    let (left, right) = match (choice::dialect(&args.dialect), choice::dialect(right)) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let frames = [(&args.left, &left), (&args.right, &right)]
        .map(|(named, dialect)| frame(named, dialect, args.framed));
    let read = match &frames {
        [Ok(one), Ok(other)] => {
            choice::read(one, &left).map_err(|reason| format!("left: {reason}")).and_then(|one| {
                Ok((one, choice::read(other, &right).map_err(|reason| format!("right: {reason}"))?))
            })
        }
        [Err(reason), _] => Err(format!("left: {reason}")),
        [_, Err(reason)] => Err(format!("right: {reason}")),
    };
    match read {
        Ok((one, other)) => tell(&one, &other, args),
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(BAD_DATA)
        }
    }
}

fn tell(left: &Message<'_>, right: &Message<'_>, args: &DiffArgs) -> ExitCode {
    let found = differences(left, right, choice::show(args.unmask));
    for difference in &found {
        match args.format {
            DataFormat::Text => println!("{difference}"),
            DataFormat::Json => println!("{}", object(difference)),
        }
    }
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_MET) }
}

fn object(difference: &Difference) -> serde_json::Value {
    json!({
        "place": difference.place.to_string(),
        "name": difference.name,
        "left": difference.left,
        "right": difference.right,
        "hidden": difference.is_hidden(),
    })
}

/// The one message that an argument is or names.
fn frame(named: &str, dialect: &Dialect, framed: bool) -> Result<Vec<u8>, String> {
    let bytes = match bytes_of(named) {
        Ok(bytes) => bytes,
        Err(_) => file(Path::new(named))?,
    };
    let cut = Cut { framing: dialect.framing(), max_frame: dialect.max_frame(), framed };
    cut.one(bytes)?.ok_or("the frame holds no message".to_owned())
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error| format!("neither hexadecimal nor a file that can be read: {error}");
    let bytes = input::open(path).and_then(input::whole).map_err(failed)?;
    if !looks_like_hex(&bytes) {
        return Ok(bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => bytes_of(line),
        (None, _) => Err("the file holds no message".to_owned()),
        (Some(_), Some(_)) => Err("the file holds more than one message".to_owned()),
    }
}
