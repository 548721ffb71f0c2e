//! A part: one table of rows of one kind and business day, small enough that its indexes stay in the cache while
//! they grow at random places.

use crate::schema::{CARD_EVENT_COLUMNS, EVENT_COLUMNS, TRANSACTION_COLUMNS};
use rusqlite::{Connection, Row};
use std::fmt::Write;

/// Rows after which a part is full and a new one is begun.
pub(crate) const PART_ROWS: u64 = 200_000;

/// Card events are few, but for a mass import, and have one index only.
pub(crate) const CARD_PART_ROWS: u64 = 1_000_000;

/// Full parts of one day that are merged into one, whose indexes are built at once.
pub(crate) const MERGED_PARTS: usize = 10;

/// What a part has rows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Transactions,
    Events,
    CardEvents,
}

/// One part. Changes here are written with the rows that caused them.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: i64,
    pub(crate) kind: Kind,
    /// `YYYY-MM-DD`; empty for events of cards before the first record that has a time.
    pub(crate) day: String,
    pub(crate) merged: bool,
    pub(crate) row_count: u64,
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) insert: String,
    pub(crate) changed: bool,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Transactions, Kind::Events, Kind::CardEvents];

    pub(crate) fn view(self) -> &'static str {
        match self {
            Kind::Transactions => "transactions",
            Kind::Events => "events",
            Kind::CardEvents => "card_events",
        }
    }

    pub(crate) fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Transactions => TRANSACTION_COLUMNS,
            Kind::Events => EVENT_COLUMNS,
            Kind::CardEvents => CARD_EVENT_COLUMNS,
        }
    }

    /// Indexes by the end of their name, with their columns.
    fn indexes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Transactions => &[
                ("rrn", "rrn"),
                ("stan", "stan"),
                ("pan_hash", "pan_hash"),
                ("terminal", "terminal, time_ms"),
                ("time", "time_ms"),
            ],
            Kind::Events => &[("transaction", "transaction_id")],
            Kind::CardEvents => &[("pan_hash", "pan_hash")],
        }
    }

    pub(crate) fn part_rows(self) -> u64 {
        match self {
            Kind::Transactions | Kind::Events => PART_ROWS,
            Kind::CardEvents => CARD_PART_ROWS,
        }
    }
}

impl Part {
    pub(crate) fn new(number: i64, kind: Kind, day: String) -> Part {
        let mut part = Part {
            number,
            kind,
            day,
            merged: false,
            row_count: 0,
            first_id: i64::MAX,
            last_id: i64::MIN,
            first_ms: i64::MAX,
            last_ms: i64::MIN,
            insert: String::new(),
            changed: true,
        };
        part.insert = part.insert_statement();
        part
    }

    /// Name of its table. A part of card events may get its day later, so its name has none.
    pub(crate) fn table(&self) -> String {
        let day: String = self.day.chars().filter(char::is_ascii_digit).collect();
        match self.kind {
            Kind::CardEvents => format!("card_events_{}", self.number),
            kind => format!("{}_{day}_{}", kind.view(), self.number),
        }
    }

    /// A part of these rows is full.
    pub(crate) fn is_full(&self) -> bool {
        self.row_count >= self.kind.part_rows() || self.merged
    }

    /// Counts a row in.
    pub(crate) fn count(&mut self, id: i64, time_ms: i64) {
        self.row_count += 1;
        self.first_id = self.first_id.min(id);
        self.last_id = self.last_id.max(id);
        self.first_ms = self.first_ms.min(time_ms);
        self.last_ms = self.last_ms.max(time_ms);
        self.changed = true;
    }

    pub(crate) fn may_hold(&self, id: i64) -> bool {
        (self.first_id..=self.last_id).contains(&id)
    }

    pub(crate) fn create_table(&self) -> String {
        let columns: Vec<String> =
            self.kind.columns().iter().map(|(name, declared)| format!("{name} {declared}")).collect();
        format!("CREATE TABLE {} ({});\n", self.table(), columns.join(", "))
    }

    pub(crate) fn create_indexes(&self) -> String {
        let mut sql = String::new();
        let table = self.table();
        for (name, columns) in self.kind.indexes() {
            let _ = writeln!(sql, "CREATE INDEX {table}_{name} ON {table} ({columns});");
        }
        sql
    }

    pub(crate) fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        let count = i64::try_from(self.row_count).unwrap_or(i64::MAX);
        let bounds = (self.first_id, self.last_id, self.first_ms, self.last_ms);
        statement.execute((
            self.number,
            self.kind.view(),
            &self.day,
            self.merged,
            count,
            bounds.0,
            bounds.1,
            bounds.2,
            bounds.3,
        ))?;
        self.changed = false;
        Ok(())
    }

    /// All parts of the file, oldest first.
    pub(crate) fn load_all(connection: &Connection) -> rusqlite::Result<Vec<Part>> {
        let mut statement = connection.prepare_cached("SELECT * FROM parts ORDER BY number")?;
        let parts = statement.query_map([], Part::load)?;
        parts.collect()
    }

    fn load(row: &Row<'_>) -> rusqlite::Result<Part> {
        let kind: String = row.get("kind")?;
        let kind = Kind::ALL.into_iter().find(|known| known.view() == kind).unwrap_or(Kind::Transactions);
        let mut part = Part::new(row.get("number")?, kind, row.get("day")?);
        part.merged = row.get("merged")?;
        part.row_count = row.get::<_, i64>("row_count")?.unsigned_abs();
        part.first_id = row.get("first_id")?;
        part.last_id = row.get("last_id")?;
        part.first_ms = row.get("first_ms")?;
        part.last_ms = row.get("last_ms")?;
        part.changed = false;
        Ok(part)
    }

    fn insert_statement(&self) -> String {
        let places = vec!["?"; self.kind.columns().len()].join(", ");
        format!("INSERT INTO {} VALUES ({places})", self.table())
    }
}
