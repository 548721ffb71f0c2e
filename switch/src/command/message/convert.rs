use super::choice;
use super::input::{InputArgs, written};
use super::report::Report;
use iso8583::composite::{self, Content};
use iso8583::dump::{self, Show};
use iso8583::{Class, Dialect, Encoding, Message, parse};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout message convert --from iso87_ascii --to iso87_bcd < messages.hex
  turnout message convert --from iso87_bcd --to mybank.toml --drop --framed --file trace.bin

Values are carried over by the number of their data element, type and lengths by the target. The header
stays where the target allows it, else its default is written. What the target lacks or cannot hold is
an error that names the field and the exit code is 65; with --drop it is told and left out.")]
pub(super) struct ConvertArgs {
    /// Layout of what is read.
    #[arg(long)]
    from: String,
    /// Layout of what is written, in hexadecimal.
    #[arg(long)]
    to: String,
    /// Leave out what the target cannot hold.
    #[arg(long)]
    drop: bool,
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &ConvertArgs) -> ExitCode {
    let (from, to) = match (choice::dialect(&args.from), choice::dialect(&args.to)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    if from.edition() != to.edition() {
        let [from, to] = [&from, &to].map(|dialect| dialect.edition().year());
        eprintln!(
            "from the edition of {from} to that of {to}: data elements keep their numbers, their meanings differ"
        );
    }
    let mut report = Report::new();
    args.input.each(from.framing(), from.max_frame(), &mut report, |frame, report| {
        let converted =
            choice::read(frame, &from).and_then(|message| convert(&message, &to, args.drop, report));
        let text = converted.and_then(|frame| {
            written(&frame, to.framing(), args.input.framed).map_err(|error| error.to_string())
        });
        match text {
            Ok(text) => report.data(text),
            Err(reason) => report.bad(reason),
        }
    });
    report.finish()
}

fn convert(message: &Message<'_>, to: &Dialect, drop: bool, report: &mut Report) -> Result<Vec<u8>, String> {
    let mut fields: Vec<(u8, Content)> = dump::fields_as_text(message, Show::Unmasked)
        .into_iter()
        .map(|(field, text)| (field, Content::Text(carried(message, to, field, text))))
        .collect();
    let mut header = message.header();
    let mut refused: Vec<String> = Vec::new();
    let frame = loop {
        match dump::encode_contents(to, header, message.mti(), &fields) {
            Ok(frame) => break frame,
            Err(error) if error.field == 0 && !header.is_empty() => header = &[],
            // Longer than the dialect allows, for example.
            Err(error) if error.field == 0 => return Err(error.to_string()),
            Err(error) => {
                fields.retain(|(field, _)| *field != error.field);
                refused.push(error.to_string());
            }
        }
    };
    if !drop && !refused.is_empty() {
        return Err(refused.join("; "));
    }
    for reason in refused {
        report.talk(format_args!("left out {reason}"));
    }
    // What the source does not look into may have a structure in the target.
    if let Ok(converted) = parse(&frame, to) {
        for error in composite::check(&converted) {
            report.talk(error);
        }
    }
    Ok(frame)
}

/// A value for the target. Packed digits cannot say which separator a track had; in characters it is
/// `=`, unless the target has one of its own.
fn carried(message: &Message<'_>, to: &Dialect, field: u8, text: String) -> String {
    let packed = message.dialect().field(field).is_some_and(|spec| spec.encoding == Encoding::Bcd);
    let track = to.field(field).is_some_and(|spec| spec.class == Class::Z && spec.encoding != Encoding::Bcd);
    if packed && track { text.replace('D', "=") } else { text }
}
