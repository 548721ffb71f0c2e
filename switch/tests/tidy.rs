//! Rules about the tree that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Sockets belong to the edge: everything else must be testable without a runtime.
#[test]
fn tokio_is_named_only_at_the_edge() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named_at_the_edge = 0;
    for file in rust_files(&source) {
        let place = file.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let names_tokio = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("tokio")
        });
        let edge = place.starts_with("edge") || place == "main.rs";
        named_at_the_edge += usize::from(names_tokio && edge);
        assert!(!names_tokio || edge, "{place} names tokio; move that part to edge/");
    }
    assert!(named_at_the_edge > 0, "the search finds nothing where there is something");
}

/// A crate that is pure says so to clippy.
#[test]
fn pure_crates_forbid_clocks_and_files() {
    for name in ["card", "iso8583", "ndc", "hsm", "rules", "auth", "terminal"] {
        let file = workspace().join(name).join("clippy.toml");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for call in ["std::time::SystemTime::now", "std::fs::read", "std::thread::spawn"] {
            assert!(text.contains(call), "{} does not forbid {call}", file.display());
        }
    }
}

/// Every dependency is justified in one line.
#[test]
fn dependencies_say_why_they_are_here() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("# Each outside crate with the reason it is here.").unwrap();
    let (dependencies, _) = dependencies.split_once("\n[").unwrap();
    let lines: Vec<&str> = dependencies.lines().filter(|line| line.contains(" = ")).collect();
    assert!(lines.len() > 10);
    for line in lines {
        assert!(line.contains(" # "), "no reason given: {line}");
    }
}

/// Nothing of what others recorded enters the repository, and no unfinished code does.
#[test]
fn nothing_is_left_unfinished() {
    for file in rust_files(&workspace()) {
        let text = fs::read_to_string(&file).unwrap();
        for word in [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("FIX", "ME")] {
            assert!(!text.contains(word), "{} holds {word}", file.display());
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files
}
