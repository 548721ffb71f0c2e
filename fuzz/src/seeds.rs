//! Inputs to begin with, made anew at each run by our own encoder. Nothing binary is committed.

use crate::dialects;
use crate::samples::{self, Size};
use iso8583::{Dialect, Mti, emv};
use std::path::Path;

/// Variable that names the folder to fill; `fuzz/run` sets it.
const FOLDER: &str = "TURNOUT_FUZZ_SEEDS";

/// Writes the seeds of a target when it is asked to, before the engine reads the folder.
pub fn write(seeds: impl FnOnce() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    for (index, seed) in seeds().into_iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{index:04}"));
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// A byte for the dialect, then a frame: short, usual and long, with many data elements and with few.
pub fn parse() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, dialect) in dialects::all().iter().enumerate() {
        for frame in frames(dialect) {
            seeds.push([&[index as u8], &frame[..]].concat());
        }
    }
    seeds
}

/// Frames of a dialect.
pub fn frames(dialect: &Dialect) -> Vec<Vec<u8>> {
    let usual = |field: u8| matches!(field, 2 | 3 | 4 | 7 | 11 | 22 | 35 | 37 | 41 | 42 | 49 | 52 | 55);
    let mut frames = vec![
        samples::message(dialect, Mti::NETWORK_REQUEST, Size::Empty, |_| true),
        samples::message(dialect, Mti::FINANCIAL_REQUEST, Size::Usual, usual),
        samples::message(dialect, Mti::REVERSAL_RESPONSE, Size::Usual, |_| true),
        samples::message(dialect, Mti::AUTHORIZATION_ADVICE, Size::Long, |field| field <= 64),
    ];
    for step in 0..6 {
        let mti = if step % 2 == 0 { Mti::AUTHORIZATION_REQUEST } else { Mti::NETWORK_REQUEST };
        frames.push(samples::message(dialect, mti, Size::Usual, |field| field % 6 == step));
    }
    // Each data element alone: in a short frame it is soon seen from all sides.
    for (number, _) in dialect.fields() {
        frames.push(samples::message(dialect, Mti::FINANCIAL_ADVICE, Size::Usual, |field| field == number));
    }
    frames.into_iter().flatten().filter(|frame| frame.len() < 4096).collect()
}

/// Thirteen bytes of parameters as the target `framing` takes them, then a stream of frames.
pub fn framing() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for kind in 0..5u8 {
        for flags in 0..8u8 {
            let parameters = [kind, 1, flags, flags & 1, 0, 1, 3, 10, 13, 0, 200, 7, 0];
            let stream: &[u8] = match kind {
                0 => b"\x00\x040800\x03\x00\x00\x00\x050800x\x03\x00\x06080000",
                1 => b"\x00\x040800\x03\x00\x00\x00\x12080000000000000000\x03",
                2 => b"00040800\x030000\x030012080000000000\x03",
                3 => b"\xF0\xF0\xF0\xF40800\x03\xF0\xF0\xF0\xF0",
                _ => b"0800\x03\x030810000000\x030800",
            };
            seeds.push([&parameters, stream].concat());
        }
    }
    seeds
}

/// Dialect files: those compiled in, our own, and short ones with one feature each.
pub fn dialect() -> Vec<Vec<u8>> {
    let builtin = Dialect::names().filter_map(Dialect::source);
    let own = dialects::OWN.iter().map(|(_, text)| *text);
    let short = [
        "name = \"a\"\nedition = 1987\nfield.2.type = \"n..19\"\n",
        "name = \"a\"\nbased_on = \"iso87_bcd\"\nremove = [2, 64]\n",
        "name = \"a\"\nbased_on = \"postilion\"\ninherit_rules = false\n[field.127.part.25]\nformat = \"none\"\n",
        "name = \"a\"\nedition = 2003\n[framing]\nprefix = \"none\"\ntrailer = \"03\"\n[field]\n2 = { type = \"b8\" }\n",
    ];
    builtin.chain(own).chain(short).map(|text| text.as_bytes().to_vec()).collect()
}

/// Chip data.
pub fn emv() -> Vec<Vec<u8>> {
    let object = |tag, length: usize| {
        let mut out = Vec::new();
        emv::write_tlv(tag, &vec![0x40; length], &mut out);
        out
    };
    let mut seeds: Vec<Vec<u8>> = [(0x95, 0), (0x9F26, 8), (0xDF_8101, 127), (0x71, 128), (0xBF0C, 300)]
        .map(|(tag, length)| object(tag, length))
        .to_vec();
    let card = b"\x5A\x08\x40\x00\x00\x12\x34\x56\x78\x99\x00\x00\x9F\x36\x02\x00\x2A\x71\x06\x86\x04\x84\x24\x00\x00";
    seeds.push(card.to_vec());
    seeds.push(seeds.concat());
    seeds
}

/// Host commands and replies of the fixtures, without length and message header.
pub fn hsm() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hsm");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    // The same order each time, so that a run by number is the same.
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "hex")) {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for word in ["request", "response"] {
            let lines = text.lines().filter_map(|line| line.strip_prefix(word));
            let frames = lines.filter_map(|line| hex::decode(line.trim()).ok());
            // Two bytes of length and four of header.
            seeds.extend(frames.filter_map(|frame| frame.get(6..).map(<[u8]>::to_vec)));
        }
    }
    assert!(!seeds.is_empty(), "no frames in {}", folder.display());
    seeds
}
