//! Counting what is in the journal.

use super::record::{self, KINDS};
use card::Time;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use store::{DataKeys, JournalError, JournalReader, Until};

/// What there is.
#[derive(Default)]
pub(super) struct Counts {
    segments: BTreeMap<u64, Segment>,
    kinds: [u64; KINDS.len()],
    unreadable: u64,
    streams: BTreeMap<u16, Stream>,
}

#[derive(Default)]
struct Segment {
    frames: u64,
    records: u64,
    /// Of the frames.
    bytes: u64,
    /// Of the file.
    file_bytes: u64,
    times: Times,
    /// Version of the data key it is sealed under; `None` of a segment without frames.
    data_key: Option<u32>,
}

struct Stream {
    records: u64,
    /// Sequence of the first record that is kept.
    first: u64,
    next: u64,
}

/// Of the records that have a time.
#[derive(Clone, Copy, Default)]
struct Times(Option<(Time, Time)>);

/// Reads every segment.
///
/// # Errors
/// When a file cannot be read or is damaged.
pub(super) fn count(folder: &Path, keys: &DataKeys) -> Result<Counts, JournalError> {
    let mut counts = Counts::default();
    let Some(oldest) = store::oldest_segment(folder)? else { return Ok(counts) };
    for number in store::segments(folder)? {
        let file_bytes = std::fs::metadata(store::segment_file(folder, number)).map_or(0, |file| file.len());
        counts.segments.insert(number, Segment { file_bytes, ..Segment::default() });
    }
    let mut reader = JournalReader::open_segment(folder, keys, oldest, Until::WholeFrames)?;
    while let Some(frame) = reader.next_frame()? {
        let segment = counts.segments.entry(frame.place.segment).or_default();
        let count = frame.records.len() as u64;
        segment.frames += 1;
        segment.data_key = Some(frame.data_key);
        segment.records += count;
        segment.bytes += frame.bytes;
        let first = frame.first.0;
        let new = Stream { records: 0, first, next: first };
        let stream = counts.streams.entry(frame.stream.0).or_insert(new);
        stream.records += count;
        stream.next = first + count;
        for bytes in frame.records {
            let Ok(record) = store::decode_record(bytes) else {
                counts.unreadable += 1;
                continue;
            };
            counts.kinds[record::kind_index(&record)] += 1;
            segment.times.include(record.time());
        }
    }
    Ok(counts)
}

impl Times {
    fn include(&mut self, time: Option<Time>) {
        if let Some(time) = time {
            let (first, last) = self.0.unwrap_or((time, time));
            self.0 = Some((first.min(time), last.max(time)));
        }
    }

    fn with(mut self, other: Times) -> Times {
        if let Some((first, last)) = other.0 {
            self.include(Some(first));
            self.include(Some(last));
        }
        self
    }

    fn texts(self) -> Option<(String, String)> {
        self.0.map(|(first, last)| (first.to_string(), last.to_string()))
    }
}

impl Counts {
    fn total(&self, of: impl Fn(&Segment) -> u64) -> u64 {
        self.segments.values().map(of).sum()
    }

    fn times(&self) -> Times {
        self.segments.values().fold(Times::default(), |times, segment| times.with(segment.times))
    }

    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let (frames, records) = (self.total(|of| of.frames), self.total(|of| of.records));
        writeln!(out, "segments   {}", self.segments.len())?;
        writeln!(out, "frames     {frames}")?;
        writeln!(out, "records    {records}")?;
        writeln!(
            out,
            "bytes      {} in files, {} used",
            self.total(|of| of.file_bytes),
            self.total(|of| of.bytes)
        )?;
        if let Some((first, last)) = self.times().texts() {
            writeln!(out, "times      {first} to {last}")?;
        }
        writeln!(out, "\nrecords by kind")?;
        for (kind, count) in KINDS.iter().zip(self.kinds).filter(|(_, count)| *count > 0) {
            writeln!(out, "  {kind:<20} {count:>12}")?;
        }
        if self.unreadable > 0 {
            writeln!(out, "  {:<20} {:>12}", "unreadable", self.unreadable)?;
        }
        writeln!(out, "\nstream      records        first         next")?;
        for (number, stream) in &self.streams {
            writeln!(out, "{number:>6} {:>12} {:>12} {:>12}", stream.records, stream.first, stream.next)?;
        }
        writeln!(out, "\nsegment     frames      records         used  data key  times")?;
        for (number, segment) in &self.segments {
            let times = segment.times.texts().map(|(first, last)| format!("{first} to {last}"));
            writeln!(
                out,
                "{number:>7} {:>10} {:>12} {:>12} {:>9}  {}",
                segment.frames,
                segment.records,
                segment.bytes,
                segment.data_key.map_or("-".to_owned(), |version| version.to_string()),
                times.unwrap_or_default()
            )?;
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let kinds: Map<String, Value> =
            KINDS.iter().zip(self.kinds).map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
        let (from, to) = self.times().texts().unzip();
        let streams = self.streams.iter().map(|(number, stream)| {
            json!({ "stream": number, "records": stream.records, "first": stream.first, "next": stream.next })
        });
        let segments = self.segments.iter().map(|(number, segment)| {
            let (from, to) = segment.times.texts().unzip();
            json!({
                "segment": number,
                "frames": segment.frames,
                "records": segment.records,
                "bytes": segment.bytes,
                "file_bytes": segment.file_bytes,
                "data_key": segment.data_key,
                "from": from,
                "to": to,
            })
        });
        json!({
            "segments": self.segments.len(),
            "frames": self.total(|of| of.frames),
            "records": self.total(|of| of.records),
            "bytes": self.total(|of| of.bytes),
            "file_bytes": self.total(|of| of.file_bytes),
            "from": from,
            "to": to,
            "kinds": kinds,
            "unreadable": self.unreadable,
            "streams": streams.collect::<Vec<_>>(),
            "by_segment": segments.collect::<Vec<_>>(),
        })
    }
}
