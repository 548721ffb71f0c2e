use std::fmt;

/// Everything that is wrong with a dialect file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// In the order of the file where that is known; never empty.
    pub faults: Vec<DialectFault>,
}

/// One thing that is wrong with a dialect file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectFault {
    /// Line of the file, from 1; `None` of what is missing and of what stands in a base.
    pub line: Option<usize>,
    /// Key at fault: `field.48.type`. Empty when the text is no TOML.
    pub place: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it; empty when the reason says it.
    pub mend: String,
}

/// A line for each fault: `line 12: field.2.type: "m..19" is no type; write class and length: n..19`.
impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for DialectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.reason)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for DialectError {}
