//! What is odd about a message that could be read: rules of its dialect that it breaks, parts that
//! cannot be read, and values that no sender means.
//!
//! ```
//! use iso8583::lint::{Severity, lint};
//! use iso8583::{Dialect, parse};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let message = parse(b"0800822000000000000004000000000000001131155959000123301", dialect).unwrap();
//! let findings = lint(&message);
//! assert_eq!(findings[0].to_string(), "error: DE 7: no such date and time");
//! assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
//! ```

mod card_data;
mod chip;
mod form;
mod values;

use crate::composite;
use crate::dialect::PartKey;
use crate::{Message, RuleViolationKind};
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The peer must change it.
    Error,
    /// It contradicts itself or is unusual; there may be a reason.
    Warning,
    /// It does no harm.
    Note,
}

/// Something odd about a message. Holds no card data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Number of the data element; 0 is the message type, a bitmap or the message as a whole.
    pub field: u8,
    /// The steps from the data element to the part.
    pub path: Vec<PartKey>,
    /// What is odd.
    pub text: String,
}

/// Everything odd about a message, by number of the data element.
#[must_use]
pub fn lint(message: &Message<'_>) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    form::check(message, &mut findings);
    rules(message, &mut findings);
    for error in composite::check(message) {
        let text = format!("at byte {}: {}", error.offset, error.kind);
        findings.tell(Severity::Error, error.field, &error.path, text);
    }
    values::check(message, &mut findings);
    let objects = chip::objects(message);
    chip::check(message, &objects, &mut findings);
    card_data::check(message, &objects, &mut findings);
    findings.0.sort_by_key(|finding| finding.field);
    findings.0
}

fn rules(message: &Message<'_>, findings: &mut Findings) {
    for violation in message.dialect().rules().check_all(message) {
        findings.tell(Severity::Error, violation.field, &[], violation.kind.reason().to_owned());
    }
    let missing = [RuleViolationKind::Missing.reason(), RuleViolationKind::MissingHere.reason()];
    let told = |finding: &Finding| finding.field == 39 && missing.contains(&finding.text.as_str());
    let answers = matches!(message.mti().function(), 1 | 3);
    if answers && !message.has(39) && !findings.0.iter().any(told) {
        findings.tell(Severity::Error, 39, &[], "missing in a response");
    }
}

/// What was found so far.
struct Findings(Vec<Finding>);

impl Findings {
    fn tell(&mut self, severity: Severity, field: u8, path: &[PartKey], text: impl Into<String>) {
        self.0.push(Finding { severity, field, path: path.to_vec(), text: text.into() });
    }
}

/// `error: DE 55.9F02: …`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity.name())?;
        if self.field != 0 {
            write!(f, "DE {}", self.field)?;
            for key in &self.path {
                write!(f, ".{key}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

impl Severity {
    /// `error`, `warning`, `note`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

#[cfg(test)]
mod tests;
