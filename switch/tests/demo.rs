//! The demo as a newcomer runs it, and a search of everything it leaves behind for what must not be
//! there.

use card::{Pan, Track2};
use iso8583::{Dialect, field, parse};
use ndc::{FromTerminal, Options, parse_from_terminal};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use terminal::TestIssuer;

/// What the first release promises to show.
const REQUIRED: [&str; 20] = [
    "network-echo",
    "chip-and-pin-purchase",
    "wrong-pin",
    "pin-tries-exceeded",
    "expired-card",
    "lost-card",
    "stolen-card",
    "wrong-arqc",
    "replayed-atc",
    "over-limit",
    "insufficient-funds",
    "duplicate-request",
    "reversal",
    "reversal-doubled",
    "atm-withdrawal",
    "atm-failed-dispense",
    "atm-lost-card",
    "malformed-message",
    "unknown-client-certificate",
    "restart",
];

/// Runs the program with the most talkative log there is: what is logged at no level cannot leak.
fn turnout(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnout"));
    command.args(arguments).env("RUST_LOG", "trace").output().expect("the program starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

#[test]
fn every_story_goes_as_expected_and_leaves_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (data, wire_log) = (folder.path().join("data"), folder.path().join("wire.log"));
    let arguments =
        ["demo", "--once", "--format", "json", "--data", text(&data), "--wire-log", text(&wire_log)];
    let output = turnout(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    check_stories(&stdout);

    let wire_log = fs::read_to_string(wire_log).unwrap();
    let issuer: TestIssuer =
        serde_json::from_str(&fs::read_to_string(data.join("test-cards.json")).unwrap()).unwrap();
    let search = Search::new(&issuer, &wire_log);
    search.must_miss("standard output", &output.stdout);
    search.must_miss("standard error", &output.stderr);
    let mut searched = Vec::new();
    for file in files_below(&data) {
        let name = text(file.strip_prefix(&data).unwrap()).to_owned();
        let content = fs::read(&file).unwrap();
        match name.as_str() {
            // The clear keys of the test cards, which is what a load generator needs of it; no live key
            // is ever in such a file.
            "test-cards.json" => assert!(search.finds_key(&content), "{name}"),
            // The card numbers that `card import` reads; an issuer removes it afterwards.
            "cards.csv" => assert!(search.finds_pan(&content), "{name}"),
            _ => search.must_miss(&name, &content),
        }
        searched.push(name);
    }
    for expected in ["turnout.toml", "turnout.log"] {
        assert!(searched.iter().any(|name| name == expected), "{searched:?}");
    }
    assert!(searched.iter().any(|name| name.starts_with("turnout-data/journal/")), "{searched:?}");
    let log = fs::read_to_string(data.join("turnout.log")).unwrap();
    assert!(log.contains(" INFO ") && log.contains(" TRACE "), "the log says what happened");
}

fn check_stories(stdout: &str) {
    let stories: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(stories.len() >= 15, "{} stories", stories.len());
    let mut names = Vec::new();
    for story in &stories {
        let keys: Vec<&String> = story.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["story", "expected", "actual", "ok", "ms"]);
        assert_eq!(story["ok"], true, "{story}");
        assert_eq!(story["expected"], story["actual"], "{story}");
        assert!(story["ms"].is_u64(), "{story}");
        names.push(story["story"].as_str().unwrap());
    }
    for required in REQUIRED {
        assert!(names.contains(&required), "{required} is missing");
    }
}

#[test]
fn one_story_in_text() {
    let output = turnout(&["demo", "--once", "--story", "wrong-pin"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.starts_with("ok   wrong-pin "), "{stdout}");
    assert!(stdout.contains("1 of 1 stories as expected"), "{stdout}");
    assert!(!stdout.contains('\x1b'), "no colour outside a terminal");
}

#[test]
fn stories_are_listed_and_unknown_ones_refused() {
    let listed = String::from_utf8(turnout(&["demo", "--list"]).stdout).unwrap();
    for required in REQUIRED {
        assert!(listed.lines().any(|line| line.split(' ').next() == Some(required)), "{required}");
    }
    let output = turnout(&["demo", "--once", "--story", "no-such-story"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--list"));
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("turnout.toml");
    fs::write(&config, "# mine").unwrap();
    let output = turnout(&["demo", "--once", "--data", text(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("turnout.toml is there already"));
    assert_eq!(fs::read_to_string(&config).unwrap(), "# mine");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// What must not be found, in every form in which it could leak.
#[derive(Default)]
struct Search {
    /// Needles by their first four bytes.
    needles: HashMap<[u8; 4], Vec<Needle>>,
    count: usize,
}

struct Needle {
    bytes: Vec<u8>,
    what: &'static str,
}

impl Search {
    fn new(issuer: &TestIssuer, wire_log: &str) -> Search {
        let mut search = Search::default();
        for serial in 0..=issuer.count {
            search.pan(&issuer.pan(serial));
        }
        let keys = &issuer.keys;
        for key in [&keys.zpk, &keys.tpk, &keys.pvk, &keys.cvk, &keys.mk_ac] {
            search.binary("key", key.reveal());
        }
        let mut pin_blocks = 0;
        for line in wire_log.lines() {
            let (listener, frame) = line.split_once(' ').unwrap();
            pin_blocks += search.frame(listener, &hex::decode(frame).unwrap());
        }
        assert!(pin_blocks > 50, "{pin_blocks} PIN blocks went over the wire");
        assert!(search.count > 500, "{} needles", search.count);
        search
    }

    /// Takes up what a terminal sent; gives the number of PIN blocks.
    fn frame(&mut self, listener: &str, frame: &[u8]) -> usize {
        match listener {
            "atm" => self.ndc_frame(frame),
            "pos-bcd" => self.iso_frame(frame.to_vec(), Dialect::by_name("iso87_bcd").unwrap()),
            "pos-aes" => {
                let dialect = Dialect::from_toml(include_str!("../src/demo/pos-aes.toml")).unwrap();
                self.iso_frame(frame.to_vec(), &dialect)
            }
            _ => self.iso_frame(frame.to_vec(), Dialect::by_name("iso87_ascii").unwrap()),
        }
    }

    fn iso_frame(&mut self, mut frame: Vec<u8>, dialect: &Dialect) -> usize {
        // The malformed message holds a card all the same.
        if let Err(error) = parse(&frame, dialect) {
            frame[error.offset] = b'0';
        }
        let message = parse(&frame, dialect).expect("one character of one message is wrong");
        if let Some(pan) = message.value(field::PAN) {
            self.pan(&Pan::parse(&pan).unwrap());
        }
        if let Some(track) = message.value(field::TRACK_2) {
            self.track(&Track2::parse(&track).unwrap());
        }
        let Some(block) = message.value(field::PIN_BLOCK) else { return 0 };
        self.binary("PIN block", &block);
        1
    }

    fn ndc_frame(&mut self, body: &[u8]) -> usize {
        let Ok(FromTerminal::TransactionRequest(request)) = parse_from_terminal(body, &Options::default())
        else {
            return 0;
        };
        self.track(&request.read_track2().unwrap().unwrap());
        let block = request.pin_block.unwrap();
        self.binary("PIN block", block.reveal());
        let nibbles = block.reveal().iter().flat_map(|byte| [b'0' + (byte >> 4), b'0' + (byte & 15)]);
        self.add("PIN block as NDC writes it", nibbles.collect());
        1
    }

    /// In clear, packed, and as the number that records hold, fixed and variable in length.
    fn pan(&mut self, pan: &Pan) {
        self.digits("PAN", &pan.reveal());
        let number: u64 = pan.reveal().as_str().parse().unwrap();
        self.add("PAN as a number", number.to_le_bytes().to_vec());
        self.add("PAN as a number", number.to_be_bytes()[1..].to_vec());
        let (mut varint, mut rest) = (Vec::new(), number);
        while rest > 0x7F {
            varint.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        varint.push(rest as u8);
        self.add("PAN as a number", varint);
    }

    /// Its PAN, and what follows, which is secret without the PAN too: PVV and CVV are in it.
    fn track(&mut self, track: &Track2) {
        self.pan(&track.pan());
        let rest = track.reveal().iter().position(|byte| *byte == b'=').unwrap() + 1;
        self.digits("track 2", &track.reveal()[rest..]);
    }

    fn digits(&mut self, what: &'static str, digits: &[u8]) {
        self.add(what, digits.to_vec());
        self.add(what, hex::encode(digits).into_bytes());
        let pairs = digits.chunks_exact(2);
        self.add(what, pairs.map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect());
    }

    fn binary(&mut self, what: &'static str, bytes: &[u8]) {
        self.add(what, bytes.to_vec());
        self.add(what, hex::encode(bytes).into_bytes());
        self.add(what, hex::encode_upper(bytes).into_bytes());
    }

    fn add(&mut self, what: &'static str, bytes: Vec<u8>) {
        let known = self.needles.entry(*bytes.first_chunk().unwrap()).or_default();
        if known.iter().all(|needle| needle.bytes != bytes) {
            known.push(Needle { bytes, what });
            self.count += 1;
        }
    }

    /// The first needle in `content`, and where.
    fn find(&self, content: &[u8], wanted: impl Fn(&Needle) -> bool) -> Option<(usize, &'static str)> {
        for (at, window) in content.windows(4).enumerate() {
            // Most of a preallocated journal, and how no needle begins.
            if window == [0; 4] {
                continue;
            }
            let candidates = self.needles.get(window).into_iter().flatten();
            let found = candidates
                .filter(|needle| wanted(needle))
                .find(|needle| content[at..].starts_with(&needle.bytes));
            if let Some(needle) = found {
                return Some((at, needle.what));
            }
        }
        None
    }

    fn must_miss(&self, name: &str, content: &[u8]) {
        if let Some((at, what)) = self.find(content, |_| true) {
            panic!("{name} holds a {what} at byte {at}");
        }
    }

    /// That it finds what is there shows that it would find what must not be.
    fn finds_key(&self, content: &[u8]) -> bool {
        self.find(content, |needle| needle.what == "key").is_some()
    }

    fn finds_pan(&self, content: &[u8]) -> bool {
        self.find(content, |needle| needle.what == "PAN").is_some()
    }
}
