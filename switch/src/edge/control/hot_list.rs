//! `POST /v1/hot-list` and `/v1/hot-list/remove`: lines of a hot list file as a body.

use super::Control;
use super::request::{Answer, refused, trouble};
use crate::card_file::{
    Faults, HOT_COLUMNS, HotRanges, Row, SourceError, hot_entry, hot_removal, masked, read_rows,
};
use auth::{Did, HotChange};
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::sync::Arc;

/// What the lines of a body ask for.
pub(super) struct AskedLines<C> {
    pub(super) changes: Vec<C>,
    /// For each change: line and masked number.
    pub(super) lines: Vec<(u64, String)>,
    /// Lines that cannot be read.
    pub(super) refused: Vec<Value>,
}

pub(super) async fn carry_out(
    control: &Arc<Control>,
    user: Option<u32>,
    body: Bytes,
    remove: bool,
    check: bool,
) -> Answer {
    let asked = tokio::task::spawn_blocking(move || {
        let ranges = RefCell::new(HotRanges::default());
        let read = if remove { hot_removal } else { hot_entry };
        read_lines(&body, HOT_COLUMNS, |row| {
            let change = read(row)?;
            let clash = ranges.borrow_mut().take(&change);
            clash.map(|()| change).map_err(|reason| Faults(vec![reason]))
        })
    })
    .await;
    let asked: AskedLines<HotChange> =
        asked.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the body could not be read"))?;
    if !asked.refused.is_empty() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "refused": asked.refused })));
    }
    // Only ranges can be refused, and then nothing of the body is done.
    if !check && asked.changes.iter().any(|change| !change.span.is_one()) {
        let told = control.change_hot_list(&asked.changes, true).await.map_err(trouble)?;
        if told.iter().any(Result::is_err) {
            let told = told.into_iter().map(|told| told.map_err(|refusal| refusal.to_string()));
            let (status, summary) = tally(&asked.lines, told);
            return Ok((status, json!({ "refused": summary["refused"] })));
        }
    }
    let told = control.change_hot_list(&asked.changes, check).await.map_err(trouble)?;
    let told = told.into_iter().map(|told| told.map_err(|refusal| refusal.to_string()));
    let (status, summary) = tally(&asked.lines, told);
    if !check {
        tracing::info!(user, lines = asked.lines.len(), "hot list changed");
    }
    Ok((status, summary))
}

/// Reads lines of these columns.
pub(super) fn read_lines<C>(
    body: &[u8],
    columns: crate::card_file::Columns,
    read: impl Fn(&Row) -> Result<C, Faults>,
) -> AskedLines<C> {
    let mut asked = AskedLines { changes: Vec::new(), lines: Vec::new(), refused: Vec::new() };
    if body.is_empty() {
        return asked;
    }
    read_rows(body, columns, None, &mut |row| match row {
        Ok(row) => {
            let shown = masked(row.cell(columns[0]));
            match read(row) {
                Ok(change) => {
                    asked.changes.push(change);
                    asked.lines.push((row.number, shown));
                }
                Err(faults) => asked.refused.push(refused(row.number, &shown, &faults.0)),
            }
        }
        Err(SourceError::Line(number, reason)) => asked.refused.push(refused(number, "", &[reason])),
        Err(SourceError::File(reason)) => asked.refused.push(refused(1, "", &[reason])),
    });
    asked
}

/// What became of the lines.
pub(super) fn tally(
    lines: &[(u64, String)],
    told: impl Iterator<Item = Result<Did, String>>,
) -> (StatusCode, Value) {
    let mut summary = json!({ "added": 0, "updated": 0, "unchanged": 0, "removed": 0, "absent": 0 });
    let mut all_refused = Vec::new();
    for ((line, shown), told) in lines.iter().zip(told) {
        let name = match told {
            Ok(Did::Added) => "added",
            Ok(Did::Updated) => "updated",
            Ok(Did::Same | Did::Nothing) => "unchanged",
            Ok(Did::Removed) => "removed",
            Ok(Did::Absent) => "absent",
            Err(reason) => {
                all_refused.push(refused(*line, shown, &[reason]));
                continue;
            }
        };
        summary[name] = json!(summary[name].as_u64().unwrap_or(0) + 1);
    }
    let status = if all_refused.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    summary["refused"] = Value::Array(all_refused);
    (status, summary)
}
