//! Plays `scenarios/*.txt`: what acquirers, ATMs, the HSM and the clock do, and what the core answers.
//! `scenarios/README.md` explains the lines. `UPDATE_SCENARIOS=1` writes what the core does now into
//! the files; read the difference before committing it.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/effects.rs"]
mod effects;
#[path = "support/hot_list.rs"]
mod hot_list;
#[path = "support/institution.rs"]
mod institution;
#[path = "support/limits.rs"]
mod limits;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/money.rs"]
mod money;
#[path = "support/remote.rs"]
mod remote;
#[path = "support/script.rs"]
mod script;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/tokens.rs"]
mod tokens;
#[path = "support/values.rs"]
mod values;

use script::{Line, Words};
use stage::Stage;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[test]
fn every_scenario_plays_as_written() {
    let update = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let mut mistakes = String::new();
    let mut scenarios = 0;
    for path in files() {
        let text = read(&path);
        let name = path.file_name().expect("a file").to_string_lossy();
        let performance = perform(&format!("scenarios/{name}"), &text);
        scenarios += performance.scenarios;
        if update && performance.broken.is_empty() && performance.text != text {
            write(&path, &performance.text);
        }
        mistakes += &performance.broken;
        if !update {
            mistakes += &performance.differences;
        }
    }
    assert!(mistakes.is_empty(), "\n{mistakes}\nUPDATE_SCENARIOS=1 writes what the core does now");
    assert!(scenarios >= 700, "only {scenarios} scenarios were found");
}

#[test]
fn a_wrong_expectation_is_shown_with_its_place() {
    let text = "link pos\n\nscenario one\n 0.000s  tick\n         > respond        code=00\n";
    let performance = perform("some.txt", text);
    let expect = "some.txt:4: one\n     0.000s  tick\n    - > respond        code=00\n    + > nothing\n";
    assert_eq!(performance.differences, expect);
    assert_eq!(performance.text, text.replace("> respond        code=00", "> nothing"));
}

#[test]
fn a_word_that_is_not_understood_is_a_mistake() {
    let check = |line: &str, expect: &str| {
        let performance = perform("some.txt", &format!("link pos\nscenario one\n{line}\n"));
        assert_eq!(performance.broken, format!("some.txt:3: {expect}\n"));
    };
    check("0.000s tick twice", "`tick` does not know `twice`");
    check("0.000s  dance", "nothing is called `dance`");
    check("0.000x tick", "`0.000x` is no time such as 2.500s, 12h or 7d1.000s");
    check("account main 5.00 colour=red", "`account` does not know `colour=`");
    check("> nothing", "an effect without an event");
}

/// What came of a file.
#[derive(Default)]
struct Performance {
    scenarios: usize,
    /// The file as it would have to be.
    text: String,
    /// Events whose effects are others than written.
    differences: String,
    /// Lines that cannot be played.
    broken: String,
}

/// Plays a file. The set-up lines before its first scenario belong to all of them.
fn perform(name: &str, text: &str) -> Performance {
    let mut performance = Performance::default();
    let mut common: Vec<Words<'_>> = Vec::new();
    let mut scene: Option<(&str, Stage)> = None;
    let lines: Vec<&str> = text.lines().collect();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        let number = index + 1;
        index += 1;
        let _ = writeln!(performance.text, "{line}");
        let played = match (script::read(line), &mut scene) {
            (Err(mistake), _) => Err(mistake),
            (Ok(Line::Remark), _) => Ok(()),
            (Ok(Line::Scenario(title)), _) => {
                performance.scenarios += 1;
                let mut stage = Stage::new();
                let set_up = common.iter().try_for_each(|words| stage.set_up(words.clone()));
                scene = Some((title, stage));
                set_up
            }
            (Ok(Line::SetUp(words)), Some((_, stage))) => stage.set_up(words),
            (Ok(Line::SetUp(words)), None) => {
                common.push(words);
                Ok(())
            }
            (Ok(Line::Expected), _) => Err("an effect without an event".to_owned()),
            (Ok(Line::Event { .. }), None) => Err("an event before the first scenario".to_owned()),
            (Ok(Line::Event { at_ms, words }), Some((title, stage))) => {
                let expected: Vec<&str> = lines[index..]
                    .iter()
                    .map(|line| line.trim())
                    .take_while(|line| line.starts_with('>'))
                    .collect();
                index += expected.len();
                let place = format!("{name}:{number}: {title}\n    {line}");
                play(stage, at_ms, words, &expected, &place, &mut performance)
            }
        };
        if let Err(mistake) = played {
            let _ = writeln!(performance.broken, "{name}:{number}: {mistake}");
        }
    }
    performance
}

fn play(
    stage: &mut Stage,
    at_ms: i64,
    words: Words<'_>,
    expected: &[&str],
    place: &str,
    performance: &mut Performance,
) -> Result<(), String> {
    let actual = stage.play(at_ms, words)?;
    stage.check_books()?;
    for line in &actual {
        let _ = writeln!(performance.text, "         {line}");
    }
    if actual == expected {
        return Ok(());
    }
    let _ = writeln!(performance.differences, "{place}");
    for index in 0..expected.len().max(actual.len()) {
        let (expected, actual) = (expected.get(index), actual.get(index).map(String::as_str));
        if expected.copied() == actual {
            let _ = writeln!(performance.differences, "      {}", actual.unwrap_or_default());
            continue;
        }
        for (sign, line) in [('-', expected.copied()), ('+', actual)] {
            if let Some(line) = line {
                let _ = writeln!(performance.differences, "    {sign} {line}");
            }
        }
    }
    Ok(())
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = folder.read_dir().expect("the folder of the scenarios");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

#[expect(clippy::disallowed_methods, reason = "the crate does no I/O; its test reads the scenarios")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a scenario file is text")
}

#[expect(clippy::disallowed_methods, reason = "UPDATE_SCENARIOS rewrites the scenarios")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the scenario files can be written");
}
