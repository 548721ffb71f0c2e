//! `docs/hsm.md` says of every command what is built of it and what checks it. That it is complete, and names
//! nothing that is not there, is checked here.

use hsm_sim::{Engine, Lmk, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Commands that are known to exist and answer 68 by decision: too little is known of them, or they have no
/// place in a simulator. To the engine they are as unknown as any others, so they stand here.
const REFUSED: [&str; 15] =
    ["CE", "NG", "BG", "KY", "K2", "RY", "MK", "MM", "MO", "LO", "NK", "RA", "LG", "PE", "TA"];

#[test]
fn every_command_has_a_row() {
    let (built, refused) = codes();
    assert!(built.len() >= 60, "the engine knows only {}", built.len());
    let documented: BTreeSet<_> = rows("## Commands").into_keys().collect();
    assert_eq!(documented, built, "documented, built");
    let documented: BTreeSet<_> = rows("## What answers 68").into_keys().collect();
    assert_eq!(documented, REFUSED.map(String::from).into(), "documented, refused by decision");
    assert!(documented.is_subset(&refused), "{documented:?} answer something else than 68");
}

#[test]
fn every_file_that_is_named_exists() {
    let files = frames();
    let mut named = 0;
    for (code, row) in rows("## Commands").into_iter().chain(rows("## What answers 68")) {
        for pattern in row.iter().filter(|word| word.starts_with("hsm/") || word.starts_with("hsm_keys/")) {
            assert!(files.keys().any(|file| matches(pattern, file)), "{code}: no {pattern}");
            named += 1;
        }
    }
    assert!(named >= 90, "only {named}");
    let mut named = 0;
    for word in words(&page()) {
        let folders: &[&str] = match Path::new(word).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => &["hsm-sim/tests", "hsm/tests", "hsm-sim/src", ""],
            Some("json") => &["fixtures/crypto"],
            _ => continue,
        };
        assert!(folders.iter().any(|folder| root().join(folder).join(word).is_file()), "no {word}");
        named += 1;
    }
    assert!(named >= 100, "only {named}");
}

#[test]
fn every_frame_is_named_in_the_row_of_its_command() {
    let mut rows = rows("## Commands");
    rows.append(&mut self::rows("## What answers 68"));
    for (file, code) in frames() {
        // This one is about having no code.
        if file == "hsm/no-command-code" {
            continue;
        }
        let row = rows.get(&code).unwrap_or_else(|| panic!("{file}: no row for {code}"));
        assert!(row.iter().any(|pattern| matches(pattern, &file)), "{file} is not in the row of {code}");
    }
    let without: Vec<_> = rows
        .iter()
        .filter(|(code, row)| {
            !REFUSED.contains(&code.as_str()) && !row.iter().any(|word| word.starts_with("hsm"))
        })
        .map(|(code, _)| code.as_str())
        .collect();
    assert_eq!(without, ["N0"], "only random bytes have no frame");
}

/// The parts of commands under "What answers 68" that no frame of `fixtures/hsm` shows, and the formats there.
#[test]
fn parts_that_are_refused() {
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    let error = |request: &str| {
        let mut reply = Vec::new();
        engine.execute(request.as_bytes(), &mut reply);
        String::from_utf8(reply[2..].to_vec()).unwrap()
    };
    let (key, ksn) = (format!("U{}", "1".repeat(32)), format!("A05{}", "E".repeat(20)));
    for number in ['4', '5'] {
        assert_eq!(error(&format!("A0A302U0{number}{key}FFFF9876543210E")), "68", "BDK-{number}");
    }
    let aes_bdk = format!("S10096B0AX00E0002{}", "0".repeat(80));
    for (key_type, bdk, end) in [("809", &key, ""), ("FFF", &aes_bdk, "%02")] {
        let data_key = format!("{key_type}{bdk}{ksn}");
        let message = format!("0010{}{end}", "0".repeat(16));
        for code in ["M0", "M2"] {
            assert_eq!(error(&format!("{code}0011{data_key}{message}")), "68");
        }
        assert_eq!(error(&format!("M4000011{data_key}{data_key}{message}")), "68");
    }
    for code in ["GO1", "GO9", "GQ1", "GW21", "GW31", "GW42", "GWA1", "PM02", "PM11", "PM22"] {
        assert_eq!(error(code), "68", "{code}");
    }
    for code in ["KU02", "KU03", "KU04", "KU06", "KU10", "KU40", "JU11", "JU41"] {
        assert_eq!(error(code), "68", "{code}");
    }
    let plain = "1".repeat(16);
    for code in ["FA", "GC", "FC", "FE", "FK0", "FM0", "MI", "MG", "AW", "AU", "DW", "DY"] {
        assert_eq!(error(&format!("{code}{key}{key}%01")), "68", "{code}");
    }
    for code in ["HC", "HA", "IA", "FI0"] {
        assert_eq!(error(&format!("{code}{plain}%01")), "68", "{code}");
    }
    for format in ["02", "04", "35", "41", "42"] {
        assert_eq!(error(&format!("CC{key}{key}12{plain}{format}01000123456789")), "69");
        assert_eq!(error(&format!("CC{key}{key}12{plain}01{format}000123456789")), "69");
    }
    // What no source knows is a mistake.
    assert_eq!(error(&format!("CC{key}{key}12{plain}9901000123456789")), "23");
    for (request, expect) in [
        ("KQ50", "04"),
        ("KQ03", "05"),
        ("KW50", "04"),
        ("KW04", "05"),
        ("JS31", "04"),
        ("JS02", "05"),
        ("KU50", "04"),
        ("KU07", "05"),
        ("JU51", "04"),
        ("JU02", "05"),
        ("A04", "15"),
        ("NO01", "15"),
        ("GM09", "05"),
    ] {
        assert_eq!(error(request), expect, "{request}");
    }
}

/// The two-character codes that the engine knows, and the others: those that answer 68 to an empty body.
fn codes() -> (BTreeSet<String>, BTreeSet<String>) {
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    let characters = || ('A'..='Z').chain('0'..='9');
    characters().flat_map(|first| characters().map(move |second| format!("{first}{second}"))).partition(
        |code| {
            let mut reply = Vec::new();
            engine.execute(code.as_bytes(), &mut reply);
            reply.get(2..4).expect("every request is answered") != b"68"
        },
    )
}

/// The rows of the tables under a heading, by their codes: all that stands between backticks in them.
fn rows(heading: &str) -> BTreeMap<String, Vec<String>> {
    let page = page();
    let from = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = from.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let words: Vec<_> = words(line).map(String::from).collect();
        let code = words[0].clone();
        assert_eq!(code.len(), 2, "{line}");
        assert!(rows.insert(code, words).is_none(), "twice: {line}");
    }
    rows
}

/// What stands between backticks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every frame of `fixtures`, as `folder/name`, with the code of its command.
fn frames() -> BTreeMap<String, String> {
    let mut frames = BTreeMap::new();
    for folder in ["hsm", "hsm_keys"] {
        for entry in root().join("fixtures").join(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let request = text.lines().find_map(|line| line.strip_prefix("request")).unwrap();
            let request = hex::decode(request.trim()).unwrap();
            // Two bytes of length and four of header stand in front.
            let code: String = request[6..].iter().take(2).copied().map(char::from).collect();
            frames.insert(format!("{folder}/{}", path.file_stem().unwrap().display()), code);
        }
    }
    frames
}

/// Whether a file has this name, in which `*` stands for any end.
fn matches(pattern: &str, file: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == file, |start| file.starts_with(start))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/hsm.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
