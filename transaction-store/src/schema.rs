//! Tables and views. Rows lie in parts, one table each; the views put them together for people.

use crate::part::{Kind, Part};
use auth::{Step, Unit};
use rusqlite::Connection;
use std::fmt::Write;

/// Version of the schema, in `PRAGMA user_version`. A file of another version is made anew.
pub(crate) const SCHEMA_VERSION: i32 = 6;

/// `TOTX` in `PRAGMA application_id`: that a file is one of ours.
pub(crate) const APPLICATION_ID: i32 = 0x544F_5458;

/// Terms of a view: SQLite takes 500 in a compound SELECT, unless it was built to take fewer.
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

/// Views of what follows from the rows of others, with their SELECTs.
const DERIVED: [(&str, &str); 3] = [
    (
        "receipt_steps",
        "SELECT t.id AS transaction_id, j.key + 1 AS line, s.number, s.name AS step, s.title,
                CASE j.value ->> 1 WHEN 1 THEN 'failed' WHEN 2 THEN 'skipped' WHEN 3 THEN 'noted' ELSE 'passed' END
                    AS verdict,
                coalesce(j.value ->> 2, 0) AS seen, coalesce(j.value ->> 3, 0) AS held_against, s.unit,
                j.value ->> 4 AS code, t.business_day
         FROM transactions AS t, json_each(t.receipt) AS j JOIN steps AS s ON s.step = (j.value ->> 0)",
    ),
    (
        "posted",
        "SELECT id AS transaction_id, time, time_ms, business_day, link, account,
                coalesce(billing_currency, currency) AS currency, funds_minor AS minor, fee_minor,
                CASE WHEN funds_minor < 0 THEN -settlement_minor ELSE settlement_minor END AS settlement_minor,
                settlement_currency
         FROM transactions WHERE funds = 'posted'
         UNION ALL
         SELECT transaction_id, time, time_ms, business_day, link, account, currency, posted_change_minor,
                posted_fee_change_minor, posted_settlement_change_minor, settlement_currency
         FROM events WHERE currency IS NOT NULL
                AND (posted_change_minor <> 0 OR coalesce(posted_settlement_change_minor, 0) <> 0)",
    ),
    (
        "postings",
        "SELECT transaction_id, time, time_ms, business_day, 'account' AS side, account, currency,
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
         FROM posted WHERE settlement_currency IS NOT NULL",
    ),
];

/// Makes the views over these parts, in place of what they were.
pub(crate) fn create_views(connection: &Connection, parts: &[Part]) -> rusqlite::Result<()> {
    create_views_of(connection, parts, VIEW_TERMS)
}

/// The same with so many terms in a view.
fn create_views_of(connection: &Connection, parts: &[Part], terms: usize) -> rusqlite::Result<()> {
    let mut sql = String::new();
    let mut old = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?;
    for name in old.query_map([], |row| row.get::<_, String>(0))? {
        let _ = writeln!(sql, "DROP VIEW {};", name?);
    }
    drop(old);
    for kind in Kind::ALL {
        let mut of_kind: Vec<&Part> = parts.iter().filter(|part| part.kind == kind).collect();
        of_kind.sort_by_key(|part| std::cmp::Reverse(part.last_ms));
        let mut selects: Vec<String> = of_kind.iter().map(|part| select(part)).collect();
        // More parts than a view has terms: views of so many each, and views of those.
        for level in 1.. {
            if selects.len() <= terms {
                break;
            }
            let mut views = Vec::new();
            for (place, some) in selects.chunks(terms).enumerate() {
                let name = format!("{}_{level}_{}", kind.view(), place + 1);
                let _ = writeln!(sql, "CREATE VIEW {name} AS\n{};", some.join("\nUNION ALL "));
                views.push(format!("SELECT {} FROM {name}", shown(kind)));
            }
            selects = views;
        }
        let _ = writeln!(sql, "CREATE VIEW {} AS\n{};", kind.view(), union(kind, &selects));
    }
    for (name, select) in DERIVED {
        let _ = writeln!(sql, "CREATE VIEW {name} AS\n{select};");
    }
    connection.execute_batch(&sql)
}

/// What stands before a SELECT, so that it finds the views' names but reads this part alone.
pub(crate) fn with_part(part: &Part) -> String {
    let of_kind = |kind: Kind| {
        let selects = if part.kind == kind { vec![select(part)] } else { Vec::new() };
        format!("{} AS ({})", kind.view(), union(kind, &selects))
    };
    let derived = DERIVED.iter().map(|(name, select)| format!("{name} AS ({select})"));
    let all: Vec<String> = Kind::ALL.into_iter().map(of_kind).chain(derived).collect();
    format!("WITH {}\n", all.join(",\n"))
}

/// The rows of a part as its view shows them. The business day is a constant of each part, so that a day that is
/// asked for leaves all others unread.
fn select(part: &Part) -> String {
    let time = "strftime('%Y-%m-%dT%H:%M:%fZ', time_ms / 1000.0, 'unixepoch')";
    let day = if part.day.is_empty() { "NULL".to_owned() } else { format!("'{}'", part.day) };
    let listed = listed(part.kind).join(", ");
    format!("SELECT {listed}, {time} AS time, {day} AS business_day FROM {}", part.table())
}

fn union(kind: Kind, selects: &[String]) -> String {
    if selects.is_empty() {
        let nothing: Vec<String> = listed(kind).iter().map(|name| format!("NULL AS {name}")).collect();
        return format!("SELECT {}, NULL AS time, NULL AS business_day WHERE 0", nothing.join(", "));
    }
    selects.join("\nUNION ALL ")
}

/// The columns of a view, in a SELECT.
fn shown(kind: Kind) -> String {
    format!("{}, time, business_day", listed(kind).join(", "))
}

fn listed(kind: Kind) -> Vec<&'static str> {
    kind.columns().iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: i64 = 19;

    /// A store of parts of one row each, every one of a day of its own.
    fn parts_of_one_row(connection: &Connection) -> Vec<Part> {
        create(connection).unwrap();
        let part = |number: i64| {
            let mut part = Part::new(number, Kind::Events, format!("2026-11-{number:02}"));
            connection.execute_batch(&part.create_table()).unwrap();
            let insert = format!(
                "INSERT INTO {} (id, transaction_id, time_ms, event, held_change_minor, posted_change_minor, link,
                                 currency)
                 VALUES (?1, 64, ?1 * 1000, 'reversed', 0, -5, 'pos', 840)",
                part.table()
            );
            connection.execute(&insert, [number]).unwrap();
            part.count(number, number * 1000);
            part
        };
        (1..=PARTS).map(part).collect()
    }

    fn number(connection: &Connection, question: &str) -> i64 {
        connection.query_row(question, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn no_row_is_left_out_however_many_parts_there_are() {
        let connection = Connection::open_in_memory().unwrap();
        let parts = parts_of_one_row(&connection);
        // Three levels of views, then two, one, and three again over what is left of the others.
        for terms in [3, 10, 19, 20, 2] {
            create_views_of(&connection, &parts, terms).unwrap();
            assert_eq!(number(&connection, "SELECT count(*) FROM events"), PARTS, "{terms}");
            assert_eq!(number(&connection, "SELECT sum(id) FROM events"), PARTS * (PARTS + 1) / 2, "{terms}");
            assert_eq!(number(&connection, "SELECT count(*) FROM postings"), 2 * PARTS, "{terms}");
            for day in 1..=PARTS {
                let question = format!("SELECT sum(id) FROM events WHERE business_day = '2026-11-{day:02}'");
                assert_eq!(number(&connection, &question), day, "{terms}");
            }
        }
    }

    #[test]
    fn as_many_parts_as_no_single_view_takes() {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection).unwrap();
        let count = 2 * VIEW_TERMS + 1;
        let part = |number: usize| {
            let part = Part::new(number as i64, Kind::CardEvents, "2026-11-23".to_owned());
            connection.execute_batch(&part.create_table()).unwrap();
            let insert =
                format!("INSERT INTO {} (id, event, pan, pan_hash) VALUES (1, '', '', '')", part.table());
            connection.execute_batch(&insert).unwrap();
            part
        };
        let parts: Vec<Part> = (1..=count).map(part).collect();
        create_views(&connection, &parts).unwrap();
        assert_eq!(number(&connection, "SELECT count(*) FROM card_events"), count as i64);
    }
}
