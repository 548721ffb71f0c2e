//! `POST /v1/holders` and `/v1/holders/remove`: lines of a holder file as a body.

use super::Control;
use super::hot_list::{AskedLines, read_lines, tally};
use super::request::{Answer, trouble};
use crate::card_file::{HOLDER_COLUMNS, holder_change, holder_removal};
use auth::HolderChange;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use std::sync::Arc;

pub(super) async fn carry_out(
    control: &Arc<Control>,
    user: Option<u32>,
    body: Bytes,
    remove: bool,
    check: bool,
) -> Answer {
    let read = if remove { holder_removal } else { holder_change };
    let asked: AskedLines<HolderChange> =
        tokio::task::spawn_blocking(move || read_lines(&body, HOLDER_COLUMNS, read))
            .await
            .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the body could not be read"))?;
    if !asked.refused.is_empty() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "refused": asked.refused })));
    }
    let told = control.change_holders(&asked.changes, check).await.map_err(trouble)?;
    let told = told.into_iter().map(|told| told.map_err(|refusal| refusal.to_string()));
    let answer = tally(&asked.lines, told);
    if !check {
        tracing::info!(user, lines = asked.lines.len(), "what is known of holders changed");
    }
    Ok(answer)
}
