"""Reads archived days with DuckDB and holds every column of every row against the SQLite file they were made from.

    TURNOUT_KEEP_ARCHIVE=FOLDER cargo test -p transaction-store closed_days_are_archived_whole
    python transaction-store/tests/read_archive.py FOLDER

Then it runs what docs/transactions.md says about the archive, in FOLDER's place.
"""

import pathlib
import re
import sqlite3
import sys

import duckdb

VIEWS = ["transactions", "receipt_steps", "postings", "events", "card_events", "terminal_totals"]

# Columns of the views that no file has: the text of `time_ms`, and what docs/transactions.md says of the other two.
LEFT_OUT = {"time", "receipt", "pan_sealed"}


def parquet_rows(file):
    """Names as the store has them, and rows in an order of their own."""
    names, columns = [], []
    for name, form, *_ in duckdb.sql(f"DESCRIBE SELECT * FROM '{file}'").fetchall():
        moment = form.startswith("TIMESTAMP")
        assert moment or form in ("BIGINT", "VARCHAR", "BLOB"), (file, name, form)
        names.append(f"{name}_ms" if moment else name)
        columns.append(f"epoch_ms({name})" if moment else name)
    rows = duckdb.sql(f"SELECT {', '.join(columns)} FROM '{file}'").fetchall()
    return names, sorted(rows, key=repr)


def documented(folder):
    """The DuckDB query and the pandas lines of the page, as they stand there but for the folder."""
    page = pathlib.Path(__file__).parents[2] / "docs" / "transactions.md"
    page = page.read_text().replace("turnout-data/archive", str(folder))
    queries = re.findall(r'^duckdb -c "(.*)"$', page, re.MULTILINE)
    assert queries, "the page has queries for DuckDB"
    for query in queries:
        assert duckdb.sql(query).fetchall(), query
    try:
        import pandas  # noqa: F401
    except ModuleNotFoundError:
        return f"{len(queries)} queries of the page; there is no pandas for its other lines"
    lines = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert lines, "the page has lines for pandas"
    for each in lines:
        exec(each, {})
    return f"{len(queries)} queries of the page, and its lines for pandas"


folder = pathlib.Path(sys.argv[1]).resolve()
store = sqlite3.connect(folder / "transactions.db")
days = [day for (day,) in store.execute("SELECT business_day FROM days")]
assert len(days) >= 2, days
compared = values = 0
for view in VIEWS:
    shown = {name for (name,) in store.execute("SELECT name FROM pragma_table_info(?)", [view])}
    whole = 0
    for day in days:
        file = folder / f"{view}-{day}.parquet"
        if not file.exists():
            rows = store.execute(f"SELECT count(*) FROM {view} WHERE business_day = ?", [day]).fetchone()
            assert rows == (0,), f"{file} is missing"
            continue
        names, archived = parquet_rows(file)
        assert set(names) == shown - LEFT_OUT, (file, set(names) ^ shown)
        expected = store.execute(f"SELECT {', '.join(names)} FROM {view} WHERE business_day = ?", [day])
        expected = sorted(expected.fetchall(), key=repr)
        assert archived == expected, (file, next(pair for pair in zip(archived, expected) if pair[0] != pair[1]))
        whole += len(archived)
        values += sum(value is not None for row in archived for value in row)
    assert (whole,) == store.execute(f"SELECT count(*) FROM {view}").fetchone(), f"{view}: rows of no day"
    compared += whole
assert compared > 1000, compared
for view in ["transactions", "card_events"]:
    clear = duckdb.sql(f"SELECT pan FROM '{folder}/{view}-*.parquet' WHERE pan NOT LIKE '%******%'").fetchall()
    assert not clear, f"{view}: card numbers are masked"
print(f"{compared} rows of {len(days)} days, {values} values: the same in SQLite and in Parquet")
print(documented(folder))
