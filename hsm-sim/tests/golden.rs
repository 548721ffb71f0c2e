//! Whole frames in and out. Most are recorded from real units (public samples); where the firmware shows,
//! it is ours.

use hsm::framing;
use hsm_sim::{Engine, Lmk, Settings};
use std::path::{Path, PathBuf};

#[test]
fn frames_are_answered_as_recorded() {
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "found only {}", fixtures.len());
    for path in fixtures {
        check(&engine, &path);
    }
}

fn check(engine: &Engine, path: &Path) {
    let (request, response) = read(path);
    let frame = framing::next_frame(&request, framing::MAX_MESSAGE).unwrap().unwrap();
    assert_eq!(frame.consumed, request.len(), "{}: one whole frame", path.display());
    let (header, body) = framing::split_header(&request[frame.body], 4).unwrap();
    let mut answered = Vec::new();
    framing::write_frame(&mut answered, header, |out| engine.execute(body, out)).unwrap();
    assert_eq!(
        answered.escape_ascii().to_string(),
        response.escape_ascii().to_string(),
        "{}",
        path.display()
    );
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hsm");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        hex::decode(line.unwrap_or_else(|| panic!("{}: no {word}", path.display())).trim()).unwrap()
    };
    (line("request"), line("response"))
}
