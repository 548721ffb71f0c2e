//! Messages of our own making under `fixtures/ndc`: hexadecimal in, what logs and people see out.
//! `UPDATE_GOLDEN=1` rewrites the expected texts.

// Tests read files; only the crate itself may not.
#![allow(clippy::disallowed_methods)]

use ndc::{FromTerminal, Options};
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[test]
fn fixtures_read_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "fixtures are missing");
    for path in fixtures {
        let text = std::fs::read_to_string(&path).unwrap();
        let body = hex::decode(text.split_whitespace().collect::<String>()).unwrap();
        let shown = describe(&path, &body);
        assert!(!shown.contains("4000001234567899"), "{} shows a PAN", path.display());
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &shown).unwrap();
        }
        let expect = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(shown, expect, "{} (UPDATE_GOLDEN=1 rewrites)", path.display());
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/ndc");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "hex")).collect();
    fixtures.sort();
    fixtures
}

/// The dump, then what the message was read as or why not. The name tells sender and, by `-maced`, the
/// site's configuration.
fn describe(path: &Path, body: &[u8]) -> String {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let mut shown = ndc::dump(body);
    let read_as = if name.starts_with("terminal-") {
        let options = Options { macing: name.ends_with("-maced"), ..Options::default() };
        match ndc::parse_from_terminal(body, &options) {
            Ok(FromTerminal::TransactionRequest(_)) => "transaction request".to_string(),
            Ok(FromTerminal::SolicitedStatus(_)) => "solicited status".to_string(),
            Ok(FromTerminal::UnsolicitedStatus(_)) => "unsolicited status".to_string(),
            Ok(FromTerminal::Other { .. }) => "another class".to_string(),
            Err(error) => format!("error: {error}"),
        }
    } else {
        match ndc::parse_from_host(body) {
            Ok(ndc::FromHost::TransactionReply(_)) => "transaction reply".to_string(),
            Ok(ndc::FromHost::TerminalCommand(command)) => format!("terminal command {:?}", command.command),
            Ok(ndc::FromHost::Other { .. }) => "another class".to_string(),
            Err(error) => format!("error: {error}"),
        }
    };
    writeln!(shown, "\n{read_as}").unwrap();
    shown
}
