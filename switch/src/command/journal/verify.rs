//! Reading everything, and going on behind damage so that all of it is found at once.

use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use store::{DataKeys, JournalError, JournalReader, TornTail, Until};

/// What a verification has found.
#[derive(Default)]
pub(super) struct Findings {
    segments: u64,
    frames: u64,
    records: u64,
    bytes: u64,
    torn: Option<TornTail>,
    pub(super) damage: Vec<Finding>,
}

/// One place that is damaged.
pub(super) struct Finding {
    file: PathBuf,
    offset: u64,
    /// Number of the frame in its segment; `None` where the segment itself cannot be read.
    frame: Option<u32>,
    /// What the frame's header says, which may be damaged.
    stream: Option<u16>,
    sequence: Option<u64>,
    what: String,
}

/// Reads every segment. Behind damage it goes on with the next segment.
///
/// # Errors
/// When a file cannot be read, or is sealed under another key: then nothing is known of it.
pub(super) fn verify(folder: &Path, keys: &DataKeys) -> Result<Findings, JournalError> {
    let mut findings = Findings::default();
    let numbers = store::segments(folder)?;
    let Some((&oldest, &newest)) = numbers.first().zip(numbers.last()) else { return Ok(findings) };
    let mut number = oldest;
    while number <= newest {
        findings.segments += 1;
        number = match JournalReader::open_segment(folder, keys, number, Until::WholeFrames) {
            Ok(mut reader) => findings.read(&mut reader, newest)? + 1,
            Err(error) => {
                findings.note(Finding::of_segment(error)?);
                number + 1
            }
        };
    }
    Ok(findings)
}

impl Findings {
    /// Reads on until there is damage or nothing more. Returns the segment where it ended.
    fn read(&mut self, reader: &mut JournalReader, newest: u64) -> Result<u64, JournalError> {
        let mut segment = reader.place().segment;
        loop {
            let frame = match reader.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    // The reader may have gone on to a segment of which no frame is whole.
                    self.segments += reader.place().segment - segment;
                    // What it could not enter is found again by whoever opens it next.
                    self.damage.extend(Finding::of_frame(error, reader)?);
                    return Ok(reader.place().segment);
                }
            };
            self.segments += frame.place.segment - segment;
            segment = frame.place.segment;
            self.frames += 1;
            self.bytes += frame.bytes;
            let (stream, offset) = (frame.stream.0, frame.place.offset - frame.bytes);
            let mut unreadable = Vec::new();
            for (bytes, sequence) in frame.records.zip(frame.first.0..) {
                self.records += 1;
                if let Err(rejected) = store::decode_record(bytes) {
                    unreadable.push((sequence, rejected.0));
                }
            }
            for (sequence, what) in unreadable {
                self.note(Finding {
                    file: reader.file().to_owned(),
                    offset,
                    frame: Some(reader.frame_number() - 1),
                    stream: Some(stream),
                    sequence: Some(sequence),
                    what: what.to_owned(),
                });
            }
        }
        let end = reader.place().segment;
        self.segments += end - segment;
        if end >= newest {
            self.torn = reader.torn()?;
        }
        Ok(end)
    }

    fn note(&mut self, finding: Finding) {
        self.damage.push(finding);
    }

    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} segments, {} frames, {} records, {} bytes read",
            self.segments, self.frames, self.records, self.bytes
        )?;
        if let Some(torn) = &self.torn {
            writeln!(
                out,
                "{} at byte {}: {} bytes of a write that was interrupted, or is just going on; nothing in them was acknowledged",
                torn.file.display(),
                torn.offset,
                torn.bytes
            )?;
        }
        for finding in &self.damage {
            finding.write_text(out)?;
        }
        match self.damage.len() {
            0 => writeln!(out, "sound"),
            1 => writeln!(out, "DAMAGED in one place; restore the file from a backup"),
            count => writeln!(out, "DAMAGED in {count} places; restore the files from a backup"),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "sound": self.damage.is_empty(),
            "segments": self.segments,
            "frames": self.frames,
            "records": self.records,
            "bytes": self.bytes,
            "torn": self.torn.as_ref().map(|torn| json!({
                "file": torn.file,
                "offset": torn.offset,
                "bytes": torn.bytes,
            })),
            "damage": self.damage.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Finding {
    fn of_segment(error: JournalError) -> Result<Finding, JournalError> {
        match error {
            JournalError::Damaged { file, offset, damage } => {
                let what = damage.to_string();
                Ok(Finding { file, offset, frame: None, stream: None, sequence: None, what })
            }
            other => Err(other),
        }
    }

    /// `None` when the damage is that of the segment behind.
    fn of_frame(error: JournalError, reader: &JournalReader) -> Result<Option<Finding>, JournalError> {
        let finding = Finding::of_segment(error)?;
        if finding.file != reader.file() {
            return Ok(None);
        }
        let (stream, sequence) = reader.announced().unzip();
        Ok(Some(Finding {
            frame: Some(reader.frame_number()),
            stream: stream.map(|stream| stream.0),
            sequence: sequence.map(|sequence| sequence.0),
            ..finding
        }))
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{} at byte {}", self.file.display(), self.offset)?;
        if let Some(frame) = self.frame {
            write!(out, ", frame {frame}")?;
        }
        if let Some((stream, sequence)) = self.stream.zip(self.sequence) {
            write!(out, ", by its header stream {stream} sequence {sequence}")?;
        }
        writeln!(out, ": {}", self.what)
    }

    fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "offset": self.offset,
            "frame": self.frame,
            "stream": self.stream,
            "sequence": self.sequence,
            "what": self.what,
        })
    }
}
