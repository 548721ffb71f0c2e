//! Reading one table of the file: each key is taken once, what is wrong with it is noted, and what
//! nobody took is unknown.

use super::error::{Complaint, Findings, nearest};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the file. The readers take keys from it; [`finish`](Section::finish) complains about
/// those that nobody took.
pub(super) struct Section<'f> {
    findings: &'f Findings,
    path: String,
    span: Range<usize>,
    table: &'f DeTable<'f>,
    known: Vec<&'static str>,
}

/// One item of a list whose items may be tables.
pub(super) enum Item<'f> {
    /// A table.
    Table(Section<'f>),
    /// Anything else.
    Value(Place<'f>),
}

/// A value and where it stands.
pub(super) struct Place<'f> {
    findings: &'f Findings,
    path: String,
    value: &'f Spanned<DeValue<'f>>,
}

impl<'f> Place<'f> {
    /// Reads the value. `None` when it is wrong, which has been noted.
    pub(super) fn read<T>(&self, read: impl FnOnce(&'f DeValue<'f>) -> Result<T, Complaint>) -> Option<T> {
        read(self.value.get_ref()).map_err(|complaint| self.complain(complaint)).ok()
    }

    /// Notes a mistake here.
    pub(super) fn complain(&self, complaint: Complaint) {
        self.findings.add(Some(self.value.span()), self.path.clone(), complaint);
    }
}

impl<'f> Section<'f> {
    /// The whole file.
    pub(super) fn top(findings: &'f Findings, table: &'f DeTable<'f>) -> Section<'f> {
        Section { findings, path: String::new(), span: 0..0, table, known: Vec::new() }
    }

    /// Reads a key that may be absent. `None` when it is absent or wrong.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'f DeValue<'f>) -> Result<T, Complaint>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.get(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.complain(key, complaint);
                None
            }
        }
    }

    /// Reads a key that must be there. `None` when it is absent or wrong, which has been noted.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'f DeValue<'f>) -> Result<T, Complaint>,
    ) -> Option<T> {
        if !self.has(key) {
            self.known.push(key);
            let complaint = Complaint::new("is missing", format!("add `{key} = …`"));
            self.findings.add(Some(self.span.clone()), self.path_of(key), complaint);
            return None;
        }
        self.optional(key, read)
    }

    /// Reads a key that may be absent, in which case it is `default`. A wrong value also gives the
    /// default, so that reading goes on and finds further mistakes.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&'f DeValue<'f>) -> Result<T, Complaint>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// Complains about a key that has no meaning here.
    pub(super) fn refuse(&mut self, key: &'static str, reason: &str) {
        self.known.push(key);
        if self.has(key) {
            self.complain(key, Complaint::new(reason, format!("remove `{key}`")));
        }
    }

    /// The table of this key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Section<'f>> {
        self.known.push(key);
        let value = self.table.get(key)?;
        let path = self.path_of(key);
        self.as_section(value, path, &format!("write `[{key}]`"))
    }

    /// The tables of this key, as `[[key]]` makes them.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Section<'f>> {
        self.known.push(key);
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let path = self.path_of(key);
        let mend = format!("write `[[{key}]]` with two brackets");
        let Some(items) = value.get_ref().as_array() else {
            self.complain(key, Complaint::new("is not a list of tables", mend));
            return Vec::new();
        };
        let numbered = items.iter().enumerate();
        numbered
            .filter_map(|(index, item)| self.as_section(item, format!("{path}[{index}]"), &mend))
            .collect()
    }

    /// The items of a list that must be there and not be empty, each with its own place.
    pub(super) fn items(&mut self, key: &'static str, mend: &str) -> Vec<Item<'f>> {
        self.known.push(key);
        let list = self.table.get(key).map(|value| value.get_ref().as_array());
        let items = match list {
            Some(Some(items)) if !items.is_empty() => items,
            absent_or_wrong => {
                let reason = match absent_or_wrong {
                    None => "is missing",
                    Some(None) => "is not a list",
                    Some(Some(_)) => "is empty",
                };
                self.complain(key, Complaint::new(reason, mend));
                return Vec::new();
            }
        };
        let path = self.path_of(key);
        let item = |(index, item): (usize, &'f Spanned<DeValue<'f>>)| {
            let path = format!("{path}[{index}]");
            match item.get_ref().as_table() {
                Some(table) => Item::Table(Section {
                    findings: self.findings,
                    path,
                    span: item.span(),
                    table,
                    known: Vec::new(),
                }),
                None => Item::Value(Place { findings: self.findings, path, value: item }),
            }
        };
        items.iter().enumerate().map(item).collect()
    }

    fn as_section(&self, value: &'f Spanned<DeValue<'f>>, path: String, mend: &str) -> Option<Section<'f>> {
        let Some(table) = value.get_ref().as_table() else {
            self.findings.add(Some(value.span()), path, Complaint::new("is not a table", mend));
            return None;
        };
        Some(Section { findings: self.findings, path, span: value.span(), table, known: Vec::new() })
    }

    /// All keys and values of a table whose keys are free, in the order of the keys.
    pub(super) fn entries(&mut self) -> Vec<(&'f str, &'f DeValue<'f>)> {
        // Nothing is unknown in such a table.
        self.known.clear();
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect()
    }

    /// Notes a mistake at this key, or at the table's beginning when the key is absent.
    pub(super) fn complain(&self, key: &str, complaint: Complaint) {
        let at = self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span);
        let path = if key.is_empty() { self.path.clone() } else { self.path_of(key) };
        self.findings.add(Some(at), path, complaint);
    }

    /// Line of the file at which the table begins, from 1.
    pub(super) fn line(&self) -> usize {
        self.findings.line(self.span.start)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Complains about every key that nobody took.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let mend = match nearest(name, &self.known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let mut known = self.known.clone();
                    known.sort_unstable();
                    format!("known here: {}", known.join(", "))
                }
            };
            self.findings.add(
                Some(key.span()),
                self.path_of(name),
                Complaint::new("is not a known key", mend),
            );
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
