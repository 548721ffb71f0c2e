//! From the file to the table: merges what it is based on, and tells everything that is wrong.

mod field;
mod frame;

use super::error::{DialectError, DialectFault};
use super::file::{
    Bit1File, BitmapEncodingFile, BitmapFile, DialectFile, DigitsFile, EncodingFile, SecondaryFile,
    TertiaryFile,
};
use super::{
    BitmapEncoding, BitmapSpec, Dialect, Edition, FIELDS, FieldSpec, NumberEncoding, Secondary, Tertiary,
};
use crate::Bitmap;
use crate::plan::Plan;
use crate::rules::Rules;
use field::Defaults;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Files based on files based on files.
const DEEPEST_BASE: usize = 8;

/// Longest frame: a message keeps its offsets in 16 bits.
const LONGEST_FRAME: u32 = 65_535;

pub(super) fn load(text: &str, other: &dyn Fn(&str) -> Option<String>) -> Result<Dialect, DialectError> {
    let file = merged(text, other, &mut Vec::new())?;
    let mut faults = Faults::of(text);
    let dialect = compile(&file, &mut faults);
    match dialect {
        Some(dialect) if faults.found.is_empty() => Ok(dialect),
        _ => Err(DialectError { faults: faults.sorted() }),
    }
}

/// The file with everything it stands on. `above` names the files that stand on it.
fn merged(
    text: &str,
    other: &dyn Fn(&str) -> Option<String>,
    above: &mut Vec<String>,
) -> Result<DialectFile, DialectError> {
    let file: DialectFile = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
    let Some(name) = &file.based_on else { return Ok(file) };
    let fail = |reason: String, mend: String| {
        let fault = DialectFault {
            line: Faults::of(text).line(&["based_on"]),
            place: "based_on".to_owned(),
            reason,
            mend,
        };
        Err(DialectError { faults: vec![fault] })
    };
    if above.is_empty() {
        above.extend(file.name.clone());
    }
    let source = Dialect::source(name);
    // What is compiled in stands on nothing else, so a file may have the name of its base there.
    if source.is_none() && above.contains(name) {
        return fail(format!("the files go in circles: {}, {name}", above.join(", ")), String::new());
    }
    if above.len() > DEEPEST_BASE {
        return fail("the files stand too deep on one another".to_owned(), "eight at most".to_owned());
    }
    let base = source.map(str::to_owned).or_else(|| other(name));
    let Some(base) = base else {
        let known: Vec<&str> = Dialect::names().collect();
        return fail(format!("no dialect is named {name:?}"), format!("there are {}", known.join(", ")));
    };
    above.push(name.clone());
    match merged(&base, other, above) {
        Ok(base) => Ok(file.over(base)),
        Err(error) => fail(format!("{name:?} has a fault itself: {error}"), String::new()),
    }
}

fn not_toml(text: &str, error: &toml::de::Error) -> DialectError {
    let line = error.span().map(|span| line_at(text, span.start));
    let reason = error.message().replace('\n', ", ");
    DialectError { faults: vec![DialectFault { line, place: String::new(), reason, mend: String::new() }] }
}

fn compile(file: &DialectFile, faults: &mut Faults<'_>) -> Option<Dialect> {
    let name = name(file, faults);
    let edition = match file.edition {
        Some(1987) => Edition::Iso1987,
        Some(1993) => Edition::Iso1993,
        Some(2003) => Edition::Iso2003,
        Some(_) => {
            faults.tell(&["edition"], "there is no such edition", "1987, 1993 or 2003");
            Edition::Iso1987
        }
        None => {
            faults.tell(&["edition"], "is missing", "1987, 1993 or 2003");
            Edition::Iso1987
        }
    };
    for (key, given) in [("remove", !file.remove.is_empty()), ("inherit_rules", file.inherit_rules.is_some())]
    {
        if given && file.based_on.is_none() {
            faults.tell(&[key], "has no meaning without `based_on`", "");
        }
    }
    let max_frame = file.max_frame.unwrap_or(LONGEST_FRAME);
    if !(32..=LONGEST_FRAME).contains(&max_frame) {
        faults.tell(&["max_frame"], "is out of range", "32 to 65535 bytes");
    }
    let header = file.header.as_ref().map(|header| frame::header(header, faults)).unwrap_or_default();
    let framing = frame::framing(&file.framing, &header, &["framing"], faults);
    let bitmap = bitmap(&file.encoding, &file.bitmap);
    let fields = fields(file, bitmap, faults);
    // An element with a fault of its own is known all the same.
    let known: Vec<u8> = file.field.keys().filter_map(|key| key.parse().ok()).collect();
    let rules = Rules::compile(&file.rule, Bitmap::of(&known), faults);
    let mti = mti(file.encoding.mti);
    let plan = Plan::of(&fields, bitmap);
    Some(Dialect {
        name: name?,
        title: file.title.clone().unwrap_or_default(),
        edition,
        header,
        framing,
        mti,
        bitmap,
        max_frame: max_frame as usize,
        fields,
        plan,
        rules,
    })
}

fn name(file: &DialectFile, faults: &mut Faults<'_>) -> Option<String> {
    let mend = "letters, digits, _ and -";
    let Some(name) = &file.name else {
        faults.tell(&["name"], "is missing", mend);
        return None;
    };
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if name.is_empty() || !name.chars().all(allowed) {
        faults.tell(&["name"], "is no name", mend);
    }
    Some(name.clone())
}

fn mti(encoding: Option<DigitsFile>) -> NumberEncoding {
    match encoding {
        Some(DigitsFile::Ebcdic) => NumberEncoding::Ebcdic,
        Some(DigitsFile::Bcd) => NumberEncoding::Bcd,
        Some(DigitsFile::Ascii) | None => NumberEncoding::Ascii,
    }
}

fn bitmap(encoding: &EncodingFile, bitmap: &BitmapFile) -> BitmapSpec {
    BitmapSpec {
        encoding: match encoding.bitmap {
            Some(BitmapEncodingFile::Binary) => BitmapEncoding::Binary,
            Some(BitmapEncodingFile::HexEbcdic) => BitmapEncoding::HexEbcdic,
            Some(BitmapEncodingFile::Hex) | None => BitmapEncoding::Hex,
        },
        secondary: match bitmap.secondary {
            Some(SecondaryFile::Always) => {
                Secondary::Always { set_bit_1: bitmap.bit_1 != Some(Bit1File::Clear) }
            }
            Some(SecondaryFile::ByBit1) | None => Secondary::ByBit1,
        },
        tertiary: match bitmap.tertiary {
            Some(TertiaryFile::AfterSecondary) => Tertiary::AfterSecondary,
            Some(TertiaryFile::De65) => Tertiary::De65 { width: 8 },
            Some(TertiaryFile::De65Wide) => Tertiary::De65 { width: 16 },
            Some(TertiaryFile::None) | None => Tertiary::None,
        },
    }
}

fn fields(
    file: &DialectFile,
    bitmap: BitmapSpec,
    faults: &mut Faults<'_>,
) -> Box<[Option<FieldSpec>; FIELDS]> {
    let defaults = Defaults::read(&file.encoding, faults);
    let mut fields = Box::new([const { None }; FIELDS]);
    for (key, field) in &file.field {
        let place = ["field", key.as_str()];
        let number = key.parse::<u8>().ok().filter(|number| number.to_string() == *key);
        let Some(number) = number.filter(|number| (2..=Bitmap::LAST).contains(number)) else {
            faults.tell(&place, "is no data element", "2 to 192; bit 1 stands for the second bitmap");
            continue;
        };
        if number == 65 && bitmap.tertiary != Tertiary::None {
            let mend = "write `remove = [65]`, or `tertiary = \"none\"` in [bitmap]";
            faults.tell(&place, "bit 65 stands for the third bitmap", mend);
        }
        if number > 128 && bitmap.tertiary == Tertiary::None {
            let mend = "say in [bitmap] where the third bitmap stands: `tertiary = \"after_secondary\"`";
            faults.tell(&place, "is beyond the second bitmap", mend);
        }
        fields[usize::from(number)] = field::spec(field, &defaults, &mut field::Place::new(&place), faults);
    }
    if file.field.is_empty() {
        let mend = "write [field.2] and so on, or `based_on` another dialect";
        faults.tell(&["field"], "there is no data element", mend);
    }
    fields
}

/// What was found wrong so far.
pub(crate) struct Faults<'a> {
    text: &'a str,
    /// The keys with their places; `None` never, since the file was read before.
    root: Option<toml::Spanned<DeTable<'a>>>,
    found: Vec<DialectFault>,
}

/// Faults told at once: more than anybody mends before the next try.
const MOST_FAULTS: usize = 200;

impl<'a> Faults<'a> {
    fn of(text: &'a str) -> Faults<'a> {
        Faults { text, root: DeTable::parse(text).ok(), found: Vec::new() }
    }

    fn line(&self, path: &[&str]) -> Option<usize> {
        self.root.as_ref().and_then(|root| line_of(self.text, root.get_ref(), path))
    }

    /// Notes a fault at a path of keys.
    pub(crate) fn tell(&mut self, path: &[&str], reason: impl Into<String>, mend: impl Into<String>) {
        if self.found.len() >= MOST_FAULTS {
            return;
        }
        let line = self.line(path);
        let fault = DialectFault { line, place: path.join("."), reason: reason.into(), mend: mend.into() };
        if !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    /// The faults by line, those without one behind.
    fn sorted(mut self) -> Vec<DialectFault> {
        self.found.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        self.found
    }
}

/// The line of a key, or of the table that lacks it. `None` when even that is not in this file.
fn line_of(text: &str, root: &DeTable<'_>, path: &[&str]) -> Option<usize> {
    let mut table = root;
    let mut line = None;
    let mut elements: Option<&[toml::Spanned<DeValue<'_>>]> = None;
    for (index, step) in path.iter().enumerate() {
        let value = match elements.take() {
            // An index into an array of tables.
            Some(array) => array.get(step.parse::<usize>().ok()?)?,
            None => {
                let Some((key, value)) = table.get_key_value(*step) else {
                    return line.filter(|_| index + 1 == path.len());
                };
                line = Some(line_at(text, key.span().start));
                value
            }
        };
        match value.get_ref() {
            DeValue::Table(inner) => {
                table = inner;
                if line.is_none() || path.first() == Some(&"rule") {
                    line = Some(line_at(text, value.span().start));
                }
            }
            DeValue::Array(array) => elements = Some(array),
            _ => {}
        }
    }
    line
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// Patterns of values by data element, as a rule writes them.
pub(crate) type Patterns = BTreeMap<String, Vec<String>>;

#[cfg(test)]
mod tests;
