use std::fmt;

/// A mistake in a rule, found at load. `Display` shows the place in the source with carets:
///
/// ```text
/// rule "night": no fact is called `hours`
///   1 | hours < 6
///     | ^^^^^
///   hint: did you mean `hour`?
/// ```
///
/// It quotes the rule, which is configuration and holds no card data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Which rule, counted from 0 in the order given.
    pub index: usize,
    /// Its name.
    pub rule: String,
    /// Which of its texts is wrong.
    pub part: RulePart,
    /// That text in full.
    pub source: String,
    /// Where in `source`.
    pub span: Span,
    /// What is wrong, in a few words.
    pub message: String,
    /// How to mend it, where that is known.
    pub hint: Option<String>,
}

/// One of the texts that make a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePart {
    /// The name.
    Name,
    /// The condition.
    When,
    /// The action.
    Action,
    /// The response code.
    Code,
    /// The points of a score.
    Score,
    /// The amount of a limit.
    Limit,
    /// The mode.
    Mode,
}

impl RulePart {
    /// The key that holds it in the configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            RulePart::Name => "name",
            RulePart::When => "when",
            RulePart::Action => "action",
            RulePart::Code => "code",
            RulePart::Score => "score",
            RulePart::Limit => "limit",
            RulePart::Mode => "mode",
        }
    }
}

/// A place in a text, in bytes from its beginning. Both ends lie between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    pub(crate) fn whole(text: &str) -> Span {
        Span { start: 0, end: text.len() }
    }

    pub(crate) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// A mistake at a place of one text, before it is known which rule the text belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), hint: None }
    }

    pub(crate) fn hinted(span: Span, message: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = Line::around(&self.source, self.span);
        let number = line.number.to_string();
        let margin = number.len();
        writeln!(f, "rule {:?}{}: {}", self.rule, self.part, self.message)?;
        writeln!(f, "  {number} | {}", line.shown)?;
        write!(
            f,
            "  {:margin$} | {:indent$}{:^<carets$}",
            "",
            "",
            "",
            indent = line.indent,
            carets = line.carets
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleError {}

/// Empty for the condition, where most mistakes are.
impl fmt::Display for RulePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RulePart::When => Ok(()),
            part => write!(f, ", {}", part.key()),
        }
    }
}

/// The line of a text in which a span begins, as it is shown.
struct Line {
    number: usize,
    shown: String,
    indent: usize,
    carets: usize,
}

impl Line {
    /// Columns are counted in characters. A span that runs on is marked to the end of the line.
    fn around(source: &str, span: Span) -> Line {
        let (before, after) = source.split_at_checked(span.start).unwrap_or((source, ""));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        let marked = source.get(span.start..span.end.min(end)).unwrap_or("");
        // A tab or an escape sequence would put the carets elsewhere.
        let shown = source[start..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Line {
            number: before.matches('\n').count() + 1,
            shown,
            indent: source[start..before.len()].chars().count(),
            carets: marked.chars().count().max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, span: std::ops::Range<usize>, expect: &str) {
        let error = RuleError {
            index: 0,
            rule: "r".into(),
            part: RulePart::When,
            source: source.into(),
            span: Span { start: span.start, end: span.end },
            message: "wrong".into(),
            hint: None,
        };
        assert_eq!(error.to_string(), format!("rule \"r\": wrong\n{expect}"), "{source:?}");
    }

    #[test]
    fn carets_stand_under_the_mistake() {
        check("hours < 6", 0..5, "  1 | hours < 6\n    | ^^^^^");
        check("true\n && 1", 9..10, "  2 |  && 1\n    |     ^");
        check("'é' == 1", 8..9, "  1 | 'é' == 1\n    |        ^");
        check("\thour", 1..5, "  1 |  hour\n    |  ^^^^");
    }

    #[test]
    fn carets_stay_on_the_line() {
        check("(1 +\n 2) && true", 0..8, "  1 | (1 +\n    | ^^^^");
        check("hour <", 6..6, "  1 | hour <\n    |       ^");
        check("", 0..0, "  1 | \n    | ^");
    }

    #[test]
    fn the_part_and_the_hint_are_named() {
        let error = RuleError {
            index: 3,
            rule: "r".into(),
            part: RulePart::Action,
            source: "deny".into(),
            span: Span::whole("deny"),
            message: "no such action".into(),
            hint: Some("use another".into()),
        };
        let expect = "rule \"r\", action: no such action\n  1 | deny\n    | ^^^^\n  hint: use another";
        assert_eq!(error.to_string(), expect);
    }
}
