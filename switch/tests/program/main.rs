//! The tools of `turnout`, run as the program: exit codes, what goes to standard output and to standard
//! error, and what is left on the disk.

mod card_base;
mod card_import;
mod check;
mod data_keys;
mod journal;
mod key_ceremony;
mod key_import;
mod message;
mod projection;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use switch::command::init::{self, InitOptions, Ports};
use tempfile::TempDir;

/// A folder made by `init`, for the program to work in.
struct Site {
    folder: TempDir,
    config: PathBuf,
}

impl Site {
    fn new(cards: u32) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let made = init::create(folder.path(), &InitOptions { cards, ports: Ports::EPHEMERAL }).unwrap();
        Site { config: made.config, folder }
    }

    /// Replaces the first occurrence of a text in the configuration.
    fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "the configuration has no {from:?}");
        fs::write(&self.config, text.replacen(from, to, 1)).unwrap();
    }

    /// Runs a command of `turnout` with this input: exit code, standard output, standard error.
    fn turnout(&self, command: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_turnout"));
        program.arg(command).args(arguments).arg("--config").arg(&self.config);
        run(&mut program, input)
    }
}

fn run(program: &mut Command, input: &str) -> (i32, String, String) {
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A program that refuses before it reads closes the pipe; that is no failure here.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}
