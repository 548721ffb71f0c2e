//! The queries of `docs/transactions.md` work.

use crate::stored;
use crate::traffic::Traffic;
use rusqlite::Connection;

#[test]
fn the_documented_queries_work_and_find_something() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/transactions.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_folder, file) = stored(&Traffic::new(31).records(3_000), 500);
    let connection = Connection::open(&file).unwrap();
    let queries: Vec<&str> =
        page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 8, "{} queries", queries.len());
    for query in queries {
        let mut select = connection.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut rows = select.query([]).unwrap();
        assert!(rows.next().unwrap().is_some(), "finds nothing: {query}");
    }
}
