use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A mistake in the configuration. Quotes names, numbers and rules; a key's cryptogram is never quoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// The file: the configuration itself, or the one of imported keys.
    #[serde(serialize_with = "as_text")]
    pub file: PathBuf,
    /// Line in the file, from 1; `None` when the mistake is about the whole file.
    pub line: Option<usize>,
    /// The key, as a path from the top: `listener[0].terminal[2].id`. Empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it, where that is known.
    pub mend: Option<String>,
}

/// What is wrong with a value, before it is known where the value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) reason: String,
    pub(super) mend: Option<String>,
}

/// The mistakes found so far in one file. They are collected so that one run shows them all.
pub(super) struct Findings {
    file: PathBuf,
    /// Where each line begins, in bytes.
    line_starts: Vec<usize>,
    found: RefCell<Vec<ConfigError>>,
}

impl Complaint {
    pub(super) fn new(reason: impl Into<String>, mend: impl Into<String>) -> Complaint {
        Complaint { reason: reason.into(), mend: Some(mend.into()) }
    }

    pub(super) fn bare(reason: impl Into<String>) -> Complaint {
        Complaint { reason: reason.into(), mend: None }
    }

    /// `name` is none of `known`: hints at the nearest, or lists them all.
    pub(super) fn not_known<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Complaint {
        let mut known: Vec<&str> = known.into_iter().collect();
        known.sort_unstable();
        let reason = format!("no {what} is called {name:?}");
        match (nearest(name, &known), known.is_empty()) {
            (Some(near), _) => {
                Complaint::new(reason, format!("did you mean {near:?}? Known: {}", known.join(", ")))
            }
            (None, false) => Complaint::new(reason, format!("known: {}", known.join(", "))),
            (None, true) => Complaint::new(reason, format!("there is no {what} at all")),
        }
    }
}

impl Findings {
    pub(super) fn new(file: &Path, text: &str) -> Findings {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Findings { file: file.to_owned(), line_starts, found: RefCell::default() }
    }

    pub(super) fn add(&self, at: Option<Range<usize>>, key: impl Into<String>, complaint: Complaint) {
        let line = at.map(|span| self.line(span.start));
        let Complaint { reason, mend } = complaint;
        let error = ConfigError { file: self.file.clone(), line, key: key.into(), reason, mend };
        self.found.borrow_mut().push(error);
    }

    /// Line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All of them, in the order of the file.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|error| error.line);
        found
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)?;
        match &self.mend {
            Some(mend) => write!(f, "\n    mend: {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A path as text; one that is no UTF-8 must not stop the report.
fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The known word that was most likely meant: at most a third of it mistyped.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|candidate| (distance(word, candidate), *candidate));
    let (edits, candidate) = distances.min()?;
    (edits <= (candidate.len() / 3).max(1)).then_some(candidate)
}

/// Levenshtein distance in bytes: insertions, deletions and exchanges.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let exchange = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchange.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_hinted_at() {
        let check = |word: &str, expect: Option<&str>| {
            assert_eq!(nearest(word, &["address", "protocol", "dialect"]), expect, "{word}");
        };
        check("adress", Some("address"));
        check("protocl", Some("protocol"));
        check("dialekt", Some("dialect"));
        check("max_frame", None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let findings = Findings::new(Path::new("f"), "a\nbc\n\nd");
        for (at, line) in [(0, 1), (1, 1), (2, 2), (4, 2), (5, 3), (6, 4)] {
            findings.add(Some(at..at), "", Complaint::bare(line.to_string()));
        }
        for error in findings.into_errors() {
            assert_eq!(error.line.unwrap().to_string(), error.reason);
        }
    }
}
