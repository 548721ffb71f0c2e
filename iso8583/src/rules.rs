//! What each message type must, may and may not carry, and what its response repeats.

use crate::dialect::file::{RuleFile, WhenFile};
use crate::dialect::load::{Faults, Patterns};
use crate::{Bitmap, Message, Mti};
use std::fmt;

/// The rules of a dialect. All that fit a message type hold.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    types: Vec<MtiPattern>,
    mandatory: Bitmap,
    forbidden: Bitmap,
    echo: Bitmap,
    values: Vec<(u8, Vec<ValuePattern>)>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    present: Bitmap,
    absent: Bitmap,
    values: Vec<(u8, Vec<ValuePattern>)>,
    mandatory: Bitmap,
    forbidden: Bitmap,
}

/// Four digits, some of them any.
#[derive(Clone, Copy, Debug)]
struct MtiPattern {
    /// The digits, a nibble each, zero for any.
    digits: u16,
    /// The nibbles that are looked at.
    mask: u16,
}

/// Characters, `?` for any one, `*` at the end for any rest.
#[derive(Clone, Debug)]
struct ValuePattern {
    characters: Vec<u8>,
    open: bool,
}

/// How a message breaks a rule of its dialect. Holds nothing of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleViolation {
    /// The data element at fault.
    pub field: u8,
    /// What is wrong with it.
    pub kind: RuleViolationKind,
}

/// What is wrong with a data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleViolationKind {
    /// It must be there and is not.
    Missing,
    /// It must be there because of the others, and is not.
    MissingHere,
    /// It must not be there.
    Forbidden,
    /// It must not be there because of the others.
    ForbiddenHere,
    /// Its value is none of those allowed.
    Value,
}

impl Rules {
    /// The first rule that a message breaks, by number of the data element.
    #[must_use]
    pub fn check(&self, message: &Message<'_>) -> Option<RuleViolation> {
        let mut first: Option<RuleViolation> = None;
        self.violations(message, |violation| {
            if first.is_none_or(|first| violation.field < first.field) {
                first = Some(violation);
            }
        });
        first
    }

    /// Every rule that a message breaks, by number of the data element.
    #[must_use]
    pub fn check_all(&self, message: &Message<'_>) -> Vec<RuleViolation> {
        let mut all = Vec::new();
        self.violations(message, |violation| {
            if !all.contains(&violation) {
                all.push(violation);
            }
        });
        all.sort_by_key(|violation| violation.field);
        all
    }

    /// What a response to a message of this type repeats.
    #[must_use]
    pub fn echo(&self, mti: Mti) -> Bitmap {
        self.of(mti).fold(Bitmap::EMPTY, |all, rule| all.or(rule.echo))
    }

    fn violations(&self, message: &Message<'_>, mut tell: impl FnMut(RuleViolation)) {
        use RuleViolationKind::{Forbidden, ForbiddenHere, Missing, MissingHere, Value};
        let present = message.bitmap();
        let mut tell_all = |fields: Bitmap, kind| {
            for field in fields.fields() {
                tell(RuleViolation { field, kind });
            }
        };
        for rule in self.of(message.mti()) {
            tell_all(rule.mandatory.without(present), Missing);
            tell_all(rule.forbidden.and(present), Forbidden);
            for (field, allowed) in &rule.values {
                if message.has(*field) && !is_one_of(message, *field, allowed) {
                    tell_all(Bitmap::of(&[*field]), Value);
                }
            }
            for condition in rule.conditions.iter().filter(|condition| condition.holds(message)) {
                tell_all(condition.mandatory.without(present), MissingHere);
                tell_all(condition.forbidden.and(present), ForbiddenHere);
            }
        }
    }

    fn of(&self, mti: Mti) -> impl Iterator<Item = &Rule> {
        let digits = u16::from_be_bytes(mti.to_bcd());
        self.rules.iter().filter(move |rule| rule.types.iter().any(|pattern| pattern.matches(digits)))
    }

    pub(crate) fn compile(files: &[RuleFile], known: Bitmap, faults: &mut Faults<'_>) -> Rules {
        // Those of the base come first, and are not counted among the rules of this file.
        let inherited = files.iter().filter(|file| file.inherited).count();
        let rules = files.iter().enumerate().map(|(index, file)| {
            let index = index.checked_sub(inherited).map_or("of the base".to_owned(), |own| own.to_string());
            let compiler = Compiler { known, path: vec!["rule", &index] };
            Rule {
                types: file.mti.iter().filter_map(|text| compiler.mti(text, faults)).collect(),
                mandatory: compiler.set("mandatory", &file.mandatory, faults),
                forbidden: compiler.set("forbidden", &file.forbidden, faults),
                echo: compiler.set("echo", &file.echo, faults),
                values: compiler.values("values", &file.values, faults),
                conditions: compiler.conditions(&file.when, faults),
            }
        });
        Rules { rules: rules.collect() }
    }
}

impl Condition {
    fn holds(&self, message: &Message<'_>) -> bool {
        let present = message.bitmap();
        self.present.without(present).is_empty()
            && self.absent.and(present).is_empty()
            && self.values.iter().all(|(field, allowed)| is_one_of(message, *field, allowed))
    }
}

fn is_one_of(message: &Message<'_>, field: u8, allowed: &[ValuePattern]) -> bool {
    message.value(field).is_some_and(|value| allowed.iter().any(|pattern| pattern.matches(&value)))
}

impl MtiPattern {
    fn matches(self, digits: u16) -> bool {
        digits & self.mask == self.digits
    }
}

impl ValuePattern {
    fn matches(&self, value: &[u8]) -> bool {
        let fits = if self.open {
            value.len() >= self.characters.len()
        } else {
            value.len() == self.characters.len()
        };
        fits && self.characters.iter().zip(value).all(|(pattern, byte)| *pattern == b'?' || pattern == byte)
    }
}

struct Compiler<'a> {
    known: Bitmap,
    path: Vec<&'a str>,
}

impl Compiler<'_> {
    fn tell(&self, key: &str, faults: &mut Faults<'_>, reason: String, mend: &str) {
        faults.tell(&[&self.path[..], &[key]].concat(), reason, mend);
    }

    fn mti(&self, text: &str, faults: &mut Faults<'_>) -> Option<MtiPattern> {
        let sound = text.len() == 4 && text.bytes().all(|digit| digit == b'x' || digit.is_ascii_digit());
        if !sound {
            self.tell("mti", faults, format!("{text:?} is no message type"), "four digits, x for any");
            return None;
        }
        Some(text.bytes().fold(MtiPattern { digits: 0, mask: 0 }, |pattern, digit| {
            let (digit, mask) = if digit == b'x' { (0, 0) } else { (u16::from(digit - b'0'), 0xF) };
            MtiPattern { digits: pattern.digits << 4 | digit, mask: pattern.mask << 4 | mask }
        }))
    }

    fn set(&self, key: &str, numbers: &[u8], faults: &mut Faults<'_>) -> Bitmap {
        for number in numbers {
            self.known(key, *number, faults);
        }
        Bitmap::of(numbers)
    }

    fn known(&self, key: &str, number: u8, faults: &mut Faults<'_>) {
        if !self.known.has(number) {
            let reason = format!("the dialect has no data element {number}");
            self.tell(key, faults, reason, "remove it here, or write its [field]");
        }
    }

    fn values(&self, key: &str, values: &Patterns, faults: &mut Faults<'_>) -> Vec<(u8, Vec<ValuePattern>)> {
        let compiled = values.iter().filter_map(|(number, patterns)| {
            let Ok(field) = number.parse::<u8>() else {
                self.tell(key, faults, format!("{number:?} is no data element"), "2 to 192");
                return None;
            };
            self.known(key, field, faults);
            if patterns.iter().any(|text| text.find('*').is_some_and(|star| star + 1 < text.len())) {
                self.tell(key, faults, "`*` stands for a rest, so nothing follows it".to_owned(), "");
            }
            let pattern = |text: &String| match text.strip_suffix('*') {
                Some(start) => ValuePattern { characters: start.as_bytes().to_vec(), open: true },
                None => ValuePattern { characters: text.as_bytes().to_vec(), open: false },
            };
            Some((field, patterns.iter().map(pattern).collect()))
        });
        compiled.collect()
    }

    fn conditions(&self, files: &[WhenFile], faults: &mut Faults<'_>) -> Vec<Condition> {
        let conditions = files.iter().enumerate().map(|(index, file)| {
            let index = index.to_string();
            let within = Compiler { known: self.known, path: [&self.path[..], &["when", &index]].concat() };
            Condition {
                present: within.set("present", &file.present, faults),
                absent: within.set("absent", &file.absent, faults),
                values: within.values("value", &file.value, faults),
                mandatory: within.set("mandatory", &file.mandatory, faults),
                forbidden: within.set("forbidden", &file.forbidden, faults),
            }
        });
        conditions.collect()
    }
}

/// `DE 41: missing`.
impl fmt::Display for RuleViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DE {}: {}", self.field, self.kind.reason())
    }
}

impl RuleViolationKind {
    /// What is wrong, in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            RuleViolationKind::Missing => "missing",
            RuleViolationKind::MissingHere => "missing, which the other data elements ask for",
            RuleViolationKind::Forbidden => "not allowed in this message type",
            RuleViolationKind::ForbiddenHere => "not allowed beside the other data elements",
            RuleViolationKind::Value => "its value is none of those allowed here",
        }
    }
}

#[cfg(test)]
mod tests;
