//! The text form of a scenario.
//!
//! A line is a set-up line (a word at the margin), the start of a scenario, an event (a time, then a
//! word), an expected effect (`>`), a comment (`#`) or blank.

/// What a line of a scenario file is.
pub(crate) enum Line<'a> {
    /// Blank or comment.
    Remark,
    /// `scenario` and its title.
    Scenario(&'a str),
    /// `link`, `terminal`, `product`, `rule`, `account`, `card`, `tables`.
    SetUp(Words<'a>),
    /// What happens at this many milliseconds after the start.
    Event { at_ms: i64, words: Words<'a> },
    /// An effect, as it is printed.
    Expected,
}

/// The words of a line; whoever reads them takes them out, so that what is left over is a mistake.
#[derive(Clone)]
pub(crate) struct Words<'a> {
    pub(crate) verb: &'a str,
    bare: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
    /// What stands after `when`, to the end of the line.
    pub(crate) condition: Option<&'a str>,
}

pub(crate) fn read(line: &str) -> Result<Line<'_>, String> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Remark);
    }
    if let Some(title) = text.strip_prefix("scenario ") {
        return Ok(Line::Scenario(title.trim()));
    }
    if text.starts_with('>') {
        return Ok(Line::Expected);
    }
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Words::split(text).map(Line::SetUp);
    }
    let (time, rest) = text.split_once(' ').ok_or("a time, and nothing that happens")?;
    Ok(Line::Event { at_ms: milliseconds(time)?, words: Words::split(rest)? })
}

impl<'a> Words<'a> {
    fn split(text: &'a str) -> Result<Words<'a>, String> {
        let (text, condition) = match text.split_once(" when ") {
            Some((text, condition)) => (text, Some(condition.trim())),
            None => (text, None),
        };
        let mut words = text.split_whitespace();
        let verb = words.next().ok_or("an empty line")?;
        let (mut bare, mut options) = (Vec::new(), Vec::new());
        for word in words {
            match word.split_once('=') {
                Some(option) => options.push(option),
                None => bare.push(word),
            }
        }
        Ok(Words { verb, bare, options, condition })
    }

    /// The next bare word.
    pub(crate) fn next(&mut self, meaning: &str) -> Result<&'a str, String> {
        if self.bare.is_empty() {
            return Err(format!("`{}` lacks {meaning}", self.verb));
        }
        Ok(self.bare.remove(0))
    }

    /// Whether this bare word is there.
    pub(crate) fn has(&mut self, word: &str) -> bool {
        let place = self.bare.iter().position(|bare| *bare == word);
        place.map(|place| self.bare.remove(place)).is_some()
    }

    /// The one of these bare words that is there.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[(&str, T)]) -> Option<T> {
        choices.iter().find(|(word, _)| self.has(word)).map(|(_, choice)| *choice)
    }

    /// The value of `key=value`.
    pub(crate) fn option(&mut self, key: &str) -> Option<&'a str> {
        let place = self.options.iter().position(|(name, _)| *name == key)?;
        Some(self.options.remove(place).1)
    }

    /// The value of `key=value`, read by `read`.
    pub(crate) fn value<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.option(key) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| format!("`{key}={text}` cannot be read"))
    }

    /// As [`value`](Words::value), and it has to be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, String> {
        self.value(key, read)?.ok_or_else(|| format!("`{}` lacks `{key}=`", self.verb))
    }

    /// Nothing may be left over.
    pub(crate) fn end(self) -> Result<(), String> {
        if let Some(word) = self.bare.first() {
            return Err(format!("`{}` does not know `{word}`", self.verb));
        }
        match self.options.first() {
            Some((key, _)) => Err(format!("`{}` does not know `{key}=`", self.verb)),
            None => Ok(()),
        }
    }
}

/// `2.500s`, `12h`, `7d1.000s`.
pub(crate) fn milliseconds(text: &str) -> Result<i64, String> {
    let mistake = || format!("`{text}` is no time such as 2.500s, 12h or 7d1.000s");
    let mut total_ms = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|each: char| each.is_ascii_lowercase()).ok_or_else(mistake)?;
        let (number, unit) = (&rest[..end], &rest[end..=end]);
        rest = &rest[end + 1..];
        let unit_ms = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            _ => return Err(mistake()),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let thousandths: i64 = format!("{fraction:0<3}").parse().map_err(|_| mistake())?;
        let whole: i64 = whole.parse().map_err(|_| mistake())?;
        if fraction.len() > 3 {
            return Err(mistake());
        }
        total_ms += whole * unit_ms + thousandths * unit_ms / 1_000;
    }
    Ok(total_ms)
}
