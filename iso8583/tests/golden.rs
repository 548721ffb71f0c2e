//! Frames in `fixtures/<dialect>/*.hex` and what is shown of them in the `.txt` beside: the masked
//! dump, or the error. `UPDATE_GOLDEN=1 cargo test -p iso8583 --test golden` rewrites the texts.

#![allow(clippy::disallowed_methods, reason = "the crate does no I/O, its golden files need some")]

use iso8583::{Dialect, parse};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn frames_of_every_dialect_are_shown_as_their_texts_say() {
    for name in Dialect::names() {
        let dialect = Dialect::by_name(name).unwrap();
        for path in frames_of(name) {
            check_frame(&path, dialect);
        }
    }
}

fn frames_of(dialect: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(dialect);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut frames: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .collect();
    frames.sort();
    assert!(!frames.is_empty(), "no frames in {}", folder.display());
    frames
}

fn check_frame(path: &Path, dialect: &Dialect) {
    let text: String = fs::read_to_string(path).unwrap().split_whitespace().collect();
    let frame = hex::decode(text).unwrap();
    let shown = match parse(&frame, dialect) {
        Ok(message) => message.to_string(),
        Err(error) => format!("error: {error}\n"),
    };
    let golden = path.with_extension("txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, shown).unwrap();
        return;
    }
    let expect = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(shown, expect, "{} differs; UPDATE_GOLDEN=1 rewrites it", golden.display());
}
