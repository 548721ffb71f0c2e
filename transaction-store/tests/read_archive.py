"""Reads archived days with DuckDB and holds them against the SQLite file they were made from.

    TURNOUT_KEEP_ARCHIVE=FOLDER cargo test -p transaction-store archived_whole
    python transaction-store/tests/read_archive.py FOLDER
"""

import datetime
import pathlib
import sqlite3
import sys

import duckdb

VIEWS = {
    "transactions": "amount_minor",
    "receipt_steps": "seen",
    "postings": "amount_minor",
    "events": "posted_change_minor",
    "card_events": "pin_tries_used",
    "terminal_totals": "amount_minor",
}

folder = pathlib.Path(sys.argv[1])
store = sqlite3.connect(folder / "transactions.db")
days = [day for (day,) in store.execute("SELECT business_day FROM days")]
assert len(days) >= 2, days
compared = 0
for view, column in VIEWS.items():
    for day in days:
        file = folder / f"{view}-{day}.parquet"
        rows = store.execute(
            f"SELECT count(*), coalesce(sum({column}), 0) FROM {view} WHERE business_day = ?", [day]
        ).fetchone()
        if not file.exists():
            assert rows[0] == 0, f"{file} is missing"
            continue
        read = duckdb.sql(f"SELECT count(*), coalesce(sum({column}), 0) FROM '{file}'").fetchall()[0]
        assert tuple(map(int, read)) == rows, (file, read, rows)
        compared += rows[0]
assert compared > 1000, compared

everything = f"'{folder}/transactions-*.parquet'"
first = duckdb.sql(f"SELECT id, time, pan, pan_hash, rrn, receipt_steps FROM {everything} AS t, "
                   f"(SELECT count(*) AS receipt_steps FROM '{folder}/receipt_steps-*.parquet') ORDER BY id LIMIT 1").fetchall()[0]
stored = store.execute("SELECT id, time, pan, pan_hash, rrn FROM transactions ORDER BY id LIMIT 1").fetchone()
moment = first[1].astimezone(datetime.timezone.utc)
assert (first[0], moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z") == stored[:2], (first, stored)
assert first[2:5] == stored[2:5], (first, stored)
assert "******" in first[2], "card numbers are masked"
print(f"{compared} rows of {len(days)} days, the same in SQLite and in Parquet")
