//! Where messages come from: arguments, files, standard input; as hexadecimal text or as bytes.

use super::report::Report;
use iso8583::framing::{FrameError, Framing};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line of text. The longest message in hexadecimal with spaces between the bytes is a fifth.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Most bytes of a source that is not text.
const LONGEST_FILE: u64 = 64 * 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct InputArgs {
    /// Each message stands in a frame as on the wire, by the framing of the dialect. What is written in
    /// hexadecimal is framed too.
    #[arg(long)]
    pub(super) framed: bool,
    /// Form of files and standard input: text in hexadecimal, one message a line, or bytes.
    #[arg(long, value_enum, default_value = "auto")]
    input: InputForm,
    /// File with messages, `-` for standard input; may be given several times.
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Messages in hexadecimal; none, and no --file, reads standard input.
    hex: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum InputForm {
    /// Hexadecimal text; blank lines and those that begin with # are passed over.
    Hex,
    /// Bytes: one message, or with --framed one frame after the other.
    Raw,
    /// Whichever it looks like.
    Auto,
}

/// How messages are cut out of what is read.
pub(super) struct Cut<'a> {
    pub(super) framing: &'a Framing,
    pub(super) max_frame: usize,
    pub(super) framed: bool,
}

impl InputArgs {
    /// Treats every message. Those that cannot be cut out are told and counted; the rest goes on.
    pub(super) fn each(
        &self,
        framing: &Framing,
        max_frame: usize,
        report: &mut Report,
        mut treat: impl FnMut(&[u8], &mut Report),
    ) {
        let cut = Cut { framing, max_frame, framed: self.framed };
        for (index, argument) in self.hex.iter().enumerate() {
            report.begin(None, index + 1);
            cut.text(argument, report, &mut treat);
        }
        let files = &self.file;
        if files.is_empty() && self.hex.is_empty() {
            self.source(None, io::stdin().lock(), &cut, report, &mut treat);
        }
        for path in files {
            let name = path.display().to_string();
            match open(path) {
                Ok(reader) => self.source(Some(&name), reader, &cut, report, &mut treat),
                Err(error) => report.fail(&name, error),
            }
        }
    }

    fn source(
        &self,
        name: Option<&str>,
        mut reader: impl BufRead,
        cut: &Cut<'_>,
        report: &mut Report,
        treat: &mut impl FnMut(&[u8], &mut Report),
    ) {
        let text = match self.input {
            InputForm::Hex => Ok(true),
            InputForm::Raw => Ok(false),
            InputForm::Auto => reader.fill_buf().map(looks_like_hex),
        };
        let read = match text {
            Ok(true) => each_line(name, &mut reader, report, |line, report| cut.text(line, report, treat)),
            Ok(false) => whole(reader).map(|bytes| cut.bytes(name, &bytes, report, treat)),
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            report.fail(name.unwrap_or("standard input"), error);
        }
    }
}

impl Cut<'_> {
    /// One message in hexadecimal.
    fn text(&self, text: &str, report: &mut Report, treat: &mut impl FnMut(&[u8], &mut Report)) {
        match bytes_of(text).and_then(|bytes| self.one(bytes)) {
            Ok(Some(message)) => treat(&message, report),
            Ok(None) => {}
            Err(reason) => report.bad(reason),
        }
    }

    /// The one message that bytes are, or `None` of a keep-alive.
    pub(super) fn one(&self, bytes: Vec<u8>) -> Result<Option<Vec<u8>>, String> {
        if !self.framed {
            return Ok(Some(bytes));
        }
        match self.framing.next_frame(&bytes, self.max_frame) {
            Ok(Some(frame)) if frame.consumed == bytes.len() => {
                Ok(Some(bytes[frame.body].to_vec()).filter(|body| !body.is_empty()))
            }
            Ok(Some(frame)) => {
                Err(format!("{} bytes are left over after the frame", bytes.len() - frame.consumed))
            }
            Ok(None) => Err("the frame is shorter than its length says".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// All messages of a file of bytes.
    fn bytes(
        &self,
        name: Option<&str>,
        bytes: &[u8],
        report: &mut Report,
        treat: &mut impl FnMut(&[u8], &mut Report),
    ) {
        if !self.framed {
            report.begin(name, 1);
            if !bytes.is_empty() {
                treat(bytes, report);
            }
            return;
        }
        let (mut at, mut number) = (0, 0);
        while at < bytes.len() && !report.is_closed() {
            report.begin(name, number + 1);
            let rest = &bytes[at..];
            match self.next(rest) {
                Ok((body, consumed)) => {
                    // What is of no length only keeps a connection alive.
                    if !body.is_empty() {
                        number += 1;
                        treat(&rest[body], report);
                    }
                    at += consumed;
                }
                // Where the next frame begins is unknown from here on.
                Err(reason) => return report.bad(format!("at byte {at} of all: {reason}")),
            }
        }
    }

    fn next(&self, rest: &[u8]) -> Result<(std::ops::Range<usize>, usize), String> {
        match self.framing.next_frame(rest, self.max_frame) {
            Ok(Some(frame)) if frame.consumed > 0 => Ok((frame.body, frame.consumed)),
            Ok(_) => Err(format!("the frame is shorter than its length says, {} bytes are left", rest.len())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Treats every line of text that is neither blank nor a comment, under its number.
pub(super) fn each_line(
    name: Option<&str>,
    reader: &mut impl BufRead,
    report: &mut Report,
    mut treat: impl FnMut(&str, &mut Report),
) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line)?;
        if read == 0 || report.is_closed() {
            break;
        }
        report.begin(name, number);
        if read as u64 > LONGEST_LINE {
            report.bad("a line of more than 1 MiB is no message");
            reader.skip_until(b'\n')?;
            continue;
        }
        match std::str::from_utf8(&line).map(str::trim) {
            Ok(text) if text.is_empty() || text.starts_with('#') => {}
            Ok(text) => treat(text, report),
            Err(_) => report.bad("not text: --input raw takes bytes"),
        }
    }
    Ok(())
}

pub(super) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

/// All of a source that is not text.
pub(super) fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other(
            "more than 64 MiB of bytes; cut it, or give hexadecimal text, one message a line",
        ));
    }
    Ok(bytes)
}

/// The bytes of hexadecimal text; spaces between the digits do not matter.
pub(super) fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    hex::decode(&digits).map_err(|error| match error {
        hex::FromHexError::OddLength => "not hexadecimal: an odd number of digits".to_owned(),
        // The character is not told: it may be of a card number in another form.
        hex::FromHexError::InvalidHexCharacter { index, .. } => {
            format!("not hexadecimal: character {} is no digit", index + 1)
        }
        error => format!("not hexadecimal: {error}"),
    })
}

/// Whether the beginning of a source is text, and at least one of its lines hexadecimal.
pub(super) fn looks_like_hex(beginning: &[u8]) -> bool {
    let mut lines = beginning
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .peekable();
    if lines.peek().is_none() {
        return true;
    }
    let (mut text, mut hexadecimal) = (true, false);
    for line in lines {
        text &= line.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
        hexadecimal |= line.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'\t'));
    }
    text && hexadecimal
}

/// A message as it is written: in hexadecimal, framed if asked.
pub(super) fn written(message: &[u8], framing: &Framing, framed: bool) -> Result<String, FrameError> {
    if !framed {
        return Ok(hex::encode_upper(message));
    }
    let mut out = Vec::with_capacity(message.len() + 16);
    let start = framing.begin(&mut out);
    out.extend_from_slice(message);
    framing.finish(&mut out, start)?;
    Ok(hex::encode_upper(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_hexadecimal() {
        let check = |beginning: &[u8], expect| assert_eq!(looks_like_hex(beginning), expect, "{beginning:?}");
        check(b"", true);
        check(b"0800 8220\n", true);
        check(b"# \xC3\xA9cho\n\n08008220", true);
        check(b"no message\n0800\n", true);
        check(b"0200B220 TERM0001", false);
        check(b"\x02\x00\xB2\x20", false);
        check(b"0800\n\x00\x01", false);
    }

    #[test]
    fn bytes_of_text() {
        let check = |text: &str, expect: Result<&[u8], &str>| {
            assert_eq!(bytes_of(text), expect.map(<[u8]>::to_vec).map_err(str::to_owned));
        };
        check("08 00\t82", Ok(&[0x08, 0x00, 0x82]));
        check("080", Err("not hexadecimal: an odd number of digits"));
        check("08zz", Err("not hexadecimal: character 3 is no digit"));
    }
}
