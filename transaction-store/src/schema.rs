//! Tables and views. Rows lie in parts, one table each; the views put them together for people.

use crate::part::{Kind, Part};
use auth::{Step, Unit};
use rusqlite::Connection;
use std::fmt::Write;

/// Version of the schema, in `PRAGMA user_version`. A file of another version is made anew.
pub(crate) const SCHEMA_VERSION: i32 = 5;

/// `TOTX` in `PRAGMA application_id`: that a file is one of ours.
pub(crate) const APPLICATION_ID: i32 = 0x544F_5458;

/// Parts that a view can show: SQLite takes 500 terms in a compound SELECT.
const VIEW_TERMS: usize = 480;

/// Columns of a transaction, with their declarations.
pub(crate) const TRANSACTION_COLUMNS: &[(&str, &str)] = &[
    ("id", "INTEGER PRIMARY KEY"),
    ("time_ms", "INTEGER NOT NULL"),
    ("link", "TEXT NOT NULL"),
    ("terminal", "TEXT NOT NULL"),
    ("merchant", "TEXT"),
    ("mcc", "INTEGER NOT NULL"),
    ("class", "TEXT NOT NULL"),
    ("type", "TEXT NOT NULL"),
    ("pan", "TEXT NOT NULL"),
    ("pan_hash", "BLOB NOT NULL"),
    ("pan_sealed", "BLOB NOT NULL"),
    ("stan", "INTEGER NOT NULL"),
    ("rrn", "TEXT"),
    ("transmission", "INTEGER NOT NULL"),
    ("amount_minor", "INTEGER NOT NULL"),
    ("currency", "INTEGER NOT NULL"),
    ("entry_mode", "TEXT NOT NULL"),
    ("code", "TEXT NOT NULL"),
    ("approved", "INTEGER NOT NULL"),
    ("authorization_id", "TEXT"),
    ("issuer_authentication", "BLOB"),
    ("ledger_minor", "INTEGER"),
    ("available_minor", "INTEGER"),
    ("account", "TEXT"),
    ("funds", "TEXT NOT NULL"),
    ("funds_minor", "INTEGER NOT NULL"),
    ("hold_expires_ms", "INTEGER"),
    ("pin_tries_used", "INTEGER"),
    ("atc", "INTEGER"),
    ("tsn", "INTEGER"),
    ("notes", "TEXT"),
    ("flags", "INTEGER NOT NULL"),
    ("tables_version", "INTEGER NOT NULL"),
    ("receipt", "TEXT NOT NULL"),
    ("status", "TEXT NOT NULL"),
    ("standing_minor", "INTEGER NOT NULL"),
    ("posted", "INTEGER NOT NULL"),
    ("customer", "TEXT"),
    ("counted", "BLOB"),
    ("billing_minor", "INTEGER"),
    ("billing_currency", "INTEGER"),
    ("rate", "TEXT"),
    ("fee_minor", "INTEGER"),
    ("fee", "TEXT"),
    ("surcharge_minor", "INTEGER"),
    ("settlement_minor", "INTEGER"),
    ("settlement_currency", "INTEGER"),
    ("settlement_rate", "TEXT"),
    ("standing_amount_minor", "INTEGER"),
    ("standing_fee_minor", "INTEGER"),
    ("standing_settlement_minor", "INTEGER"),
    ("billing", "BLOB"),
    ("booking", "TEXT"),
    ("reward", "TEXT"),
    ("token", "TEXT"),
    ("address_result", "TEXT"),
    ("cvv2_result", "TEXT"),
    ("traces", "BLOB"),
    ("verification", "TEXT"),
];

/// Columns of an event of a transaction.
pub(crate) const EVENT_COLUMNS: &[(&str, &str)] = &[
    ("id", "INTEGER PRIMARY KEY"),
    ("transaction_id", "INTEGER NOT NULL"),
    ("time_ms", "INTEGER NOT NULL"),
    ("event", "TEXT NOT NULL"),
    ("minor", "INTEGER"),
    ("held_change_minor", "INTEGER NOT NULL"),
    ("posted_change_minor", "INTEGER NOT NULL"),
    ("link", "TEXT"),
    ("account", "TEXT"),
    ("currency", "INTEGER"),
    ("posted_fee_change_minor", "INTEGER"),
    ("posted_settlement_change_minor", "INTEGER"),
    ("settlement_currency", "INTEGER"),
];

/// Columns of an event of a card.
pub(crate) const CARD_EVENT_COLUMNS: &[(&str, &str)] = &[
    ("id", "INTEGER PRIMARY KEY"),
    ("time_ms", "INTEGER"),
    ("event", "TEXT NOT NULL"),
    ("pan", "TEXT NOT NULL"),
    ("pan_hash", "BLOB NOT NULL"),
    ("status", "TEXT"),
    ("expiry", "TEXT"),
    ("account", "TEXT"),
    ("has_pin", "INTEGER"),
    ("pin_tries_used", "INTEGER"),
    ("transaction_id", "INTEGER"),
];

/// Makes everything in a new file but the parts.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE progress (stream INTEGER PRIMARY KEY, next INTEGER NOT NULL);
         CREATE TABLE marks (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE parts (
             number INTEGER PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, merged INTEGER NOT NULL,
             row_count INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
             first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);
         CREATE TABLE days (business_day TEXT PRIMARY KEY, archived INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE terminal_totals (
             business_day TEXT NOT NULL, link TEXT NOT NULL, terminal TEXT NOT NULL, type TEXT NOT NULL,
             result TEXT NOT NULL, currency INTEGER NOT NULL,
             number INTEGER NOT NULL, amount_minor INTEGER NOT NULL,
             PRIMARY KEY (business_day, link, terminal, type, result, currency)) WITHOUT ROWID;
         CREATE TABLE steps (
             step INTEGER PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,
             unit TEXT NOT NULL);",
    )?;
    let mut insert = connection.prepare("INSERT INTO steps VALUES (?, ?, ?, ?, ?)")?;
    for (place, step) in Step::ALL.iter().enumerate() {
        let name = serde_json::to_value(step).unwrap_or_default();
        let unit = match step.unit() {
            Unit::None => "none",
            Unit::Minor => "minor",
            Unit::Number => "number",
            Unit::YearMonth => "year_month",
            Unit::Nanoseconds => "nanoseconds",
            Unit::Billing => "billing_minor",
            Unit::Settlement => "settlement_minor",
            Unit::Rate => "rate",
        };
        let name = name.as_str().unwrap_or_default();
        insert.execute((place as i64, step.number(), name, step.title(), unit))?;
    }
    drop(insert);
    create_views(connection, &[])?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// Makes the views over these parts, in place of what they were.
pub(crate) fn create_views(connection: &Connection, parts: &[Part]) -> rusqlite::Result<()> {
    let mut sql = String::new();
    for view in ["transactions", "receipt_steps", "events", "card_events", "postings", "posted"] {
        let _ = writeln!(sql, "DROP VIEW IF EXISTS {view};");
    }
    for kind in Kind::ALL {
        let mut of_kind: Vec<&Part> = parts.iter().filter(|part| part.kind == kind).collect();
        of_kind.sort_by_key(|part| std::cmp::Reverse(part.last_ms));
        of_kind.truncate(VIEW_TERMS);
        // One view that `postings` can take apart without the text of the time.
        let name = kind.view();
        let _ = write!(sql, "CREATE VIEW {name} AS\n{};\n", union(kind, &of_kind));
    }
    sql.push_str(
        "CREATE VIEW receipt_steps AS
         SELECT t.id AS transaction_id, j.key + 1 AS line, s.number, s.name AS step, s.title,
                CASE j.value ->> 1 WHEN 1 THEN 'failed' WHEN 2 THEN 'skipped' WHEN 3 THEN 'noted' ELSE 'passed' END
                    AS verdict,
                coalesce(j.value ->> 2, 0) AS seen, coalesce(j.value ->> 3, 0) AS held_against, s.unit,
                j.value ->> 4 AS code, t.business_day
         FROM transactions AS t, json_each(t.receipt) AS j JOIN steps AS s ON s.step = (j.value ->> 0);
         CREATE VIEW posted AS
         SELECT id AS transaction_id, time, time_ms, business_day, link, account,
                coalesce(billing_currency, currency) AS currency, funds_minor AS minor, fee_minor,
                CASE WHEN funds_minor < 0 THEN -settlement_minor ELSE settlement_minor END AS settlement_minor,
                settlement_currency
         FROM transactions WHERE funds = 'posted'
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, link, account, currency, posted_change_minor,
                posted_fee_change_minor, posted_settlement_change_minor, settlement_currency
         FROM events WHERE currency IS NOT NULL
                AND (posted_change_minor <> 0 OR coalesce(posted_settlement_change_minor, 0) <> 0);
         CREATE VIEW postings AS
         SELECT transaction_id, time, time_ms, business_day, 'account' AS side, account, currency,
                -minor AS amount_minor
         FROM posted
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, 'settlement', link,
                coalesce(settlement_currency, currency), coalesce(settlement_minor, minor)
         FROM posted
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, 'fee_income', 'fee_income', currency, fee_minor
         FROM posted WHERE fee_minor <> 0
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, 'position', 'position', currency,
                minor - coalesce(fee_minor, 0)
         FROM posted WHERE settlement_currency IS NOT NULL
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, 'position', 'position', settlement_currency,
                -settlement_minor
         FROM posted WHERE settlement_currency IS NOT NULL;",
    );
    connection.execute_batch(&sql)
}

/// All parts of a kind as one SELECT. The business day is a constant of each part, so that a day that is asked
/// for leaves all others unread.
fn union(kind: Kind, parts: &[&Part]) -> String {
    let columns: Vec<&str> = kind.columns().iter().map(|(name, _)| *name).collect();
    let listed = columns.join(", ");
    let term = |part: &&Part| {
        let day = match kind {
            Kind::CardEvents => "strftime('%Y-%m-%d', time_ms / 1000, 'unixepoch')".to_owned(),
            Kind::Transactions | Kind::Events => format!("'{}'", part.day),
        };
        let time = "strftime('%Y-%m-%dT%H:%M:%fZ', time_ms / 1000.0, 'unixepoch')";
        format!("SELECT {listed}, {time} AS time, {day} AS business_day FROM {}", part.table())
    };
    if parts.is_empty() {
        let nothing: Vec<String> = columns.iter().map(|name| format!("NULL AS {name}")).collect();
        return format!("SELECT {}, NULL AS time, NULL AS business_day WHERE 0", nothing.join(", "));
    }
    parts.iter().map(term).collect::<Vec<_>>().join("\nUNION ALL ")
}
