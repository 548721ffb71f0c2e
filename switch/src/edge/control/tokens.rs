//! `POST /v1/tokens`, `/v1/tokens/status` and `/v1/tokens/remove`: lines of a token file as a body.

use super::Control;
use super::hot_list::{AskedLines, read_lines, tally};
use super::request::{Answer, trouble};
use crate::card_file::{TOKEN_COLUMNS, TokenLines, token_change};
use auth::TokenChange;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use std::sync::Arc;

pub(super) async fn carry_out(
    control: &Arc<Control>,
    user: Option<u32>,
    body: Bytes,
    lines: TokenLines,
    check: bool,
) -> Answer {
    let settings = Arc::clone(&control.settings);
    let read = move || read_lines(&body, TOKEN_COLUMNS, |row| token_change(row, lines, &settings.tables));
    let asked: AskedLines<TokenChange> = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the body could not be read"))?;
    if !asked.refused.is_empty() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "refused": asked.refused })));
    }
    let told = control.change_tokens(&asked.changes, check).await.map_err(trouble)?;
    let told = told.into_iter().map(|told| told.map_err(|refusal| refusal.to_string()));
    let answer = tally(&asked.lines, told);
    if !check {
        tracing::info!(user, lines = asked.lines.len(), "tokens changed");
    }
    Ok(answer)
}
