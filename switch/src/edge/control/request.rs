//! One request of the control socket: its body becomes changes, what the shards say becomes JSON.

use super::{Control, Trouble, holders, hot_list, limits, modes, scripts, tokens};
use crate::card_file::{
    self, CardRules, Column, Counts, Faults, Line, Sheet, SourceError, TokenLines, masked, removal, view_json,
};
use auth::{CardChange, Done, LimitRefusal, ModeRefusal, Refusal, ScriptRefusal};
use card::Pan;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Longest body: some 40,000 lines.
const BODY_BYTES: usize = 8 << 20;

/// How long a body may take to come.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// What there is, for whoever asks for something else.
const PATHS: &str = "there is POST /v1/cards, /v1/cards/status, /v1/cards/show, /v1/cards/remove, /v1/limits, /v1/modes, \
     /v1/confirmations, /v1/hot-list, /v1/hot-list/remove, /v1/tokens, /v1/tokens/status, /v1/tokens/remove, /v1/holders, \
     /v1/holders/remove, /v1/scripts and /v1/pin-tries; see docs/cards.md";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Put { update: bool },
    Status,
    Remove { accounts: bool },
    Show,
    Limit,
    HotList { remove: bool },
    Tokens(TokenLines),
    Holders { remove: bool },
    Mode,
    Confirmation,
    Script,
    PinTries,
}

/// What the lines of a body ask for.
struct Asked {
    changes: Vec<CardChange>,
    /// For each change: line, masked number, and whether it is the first to name its account.
    lines: Vec<(u64, String, bool)>,
    /// Lines that cannot be read.
    refused: Vec<Value>,
}

pub(super) async fn answer(
    control: Arc<Control>,
    user: Option<u32>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match carry_out(&control, user, request).await {
        Ok(answer) => answer,
        Err((status, reason)) => (status, json!({ "error": reason })),
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = status;
    let form = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, form);
    Ok(response)
}

pub(super) type Answer = Result<(StatusCode, Value), (StatusCode, &'static str)>;

async fn carry_out(control: &Arc<Control>, user: Option<u32>, request: Request<Incoming>) -> Answer {
    let (action, check) = action(request.uri().path(), request.uri().query())?;
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, PATHS));
    }
    let too_long = (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 8 MiB: send it in parts");
    if request.body().size_hint().lower() > BODY_BYTES as u64 {
        return Err(too_long);
    }
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    let body = match tokio::time::timeout(BODY_DEADLINE, body).await {
        Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
        Ok(Err(_)) => return Err(too_long),
        Ok(Ok(body)) => body.to_bytes(),
    };
    if action == Action::Show {
        return show(control, &body).await;
    }
    if action == Action::Limit {
        return limit(control, user, &body).await;
    }
    if let Action::HotList { remove } = action {
        return hot_list::carry_out(control, user, body, remove, check).await;
    }
    if let Action::Holders { remove } = action {
        return holders::carry_out(control, user, body, remove, check).await;
    }
    if let Action::Tokens(asked) = action {
        return tokens::carry_out(control, user, body, asked, check).await;
    }
    if matches!(action, Action::Mode | Action::Confirmation) {
        return mode(control, user, action, &body).await;
    }
    if action == Action::Script {
        return script(control, user, &body).await;
    }
    if action == Action::PinTries {
        return pin_tries(control, user, &body).await;
    }
    // Some 50 ms for the longest body, which must not keep sockets waiting.
    let rules = Arc::clone(&control.settings);
    let read = tokio::task::spawn_blocking(move || read(&body, action, &CardRules::of(&rules)));
    let asked = read.await.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the body could not be read"))?;
    if !asked.refused.is_empty() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, summary(Counts::default(), asked.refused)));
    }
    // What speaks against a line is found before the first one is carried out.
    let checked = control.change(&asked.changes, true).await.map_err(trouble)?;
    let (counts, refused) = tally(&asked, checked);
    if check || !refused.is_empty() {
        let good = refused.is_empty();
        let status = if good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok((status, summary(if good { counts } else { Counts::default() }, refused)));
    }
    let done = control.change(&asked.changes, false).await.map_err(trouble)?;
    let (counts, refused) = tally(&asked, done);
    tracing::info!(
        user,
        cards_added = counts.cards_added,
        cards_updated = counts.cards_updated,
        cards_removed = counts.cards_removed,
        accounts_opened = counts.accounts_opened,
        accounts_updated = counts.accounts_updated,
        accounts_removed = counts.accounts_removed,
        "card base changed"
    );
    // Between check and change an authorization may have moved money on an account that was to be closed.
    let status = if refused.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, summary(counts, refused)))
}

fn action(path: &str, query: Option<&str>) -> Result<(Action, bool), (StatusCode, &'static str)> {
    let (mut update, mut check, mut accounts) = (false, false, false);
    for option in query.unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
        match option {
            "update=true" => update = true,
            "check=true" => check = true,
            "accounts=true" => accounts = true,
            "update=false" | "check=false" | "accounts=false" => {}
            _ => {
                return Err((
                    StatusCode::BAD_REQUEST,
                    "options are update, check and accounts, true or false",
                ));
            }
        }
    }
    let action = match path {
        "/v1/cards" => Action::Put { update },
        "/v1/cards/status" => Action::Status,
        "/v1/cards/remove" => Action::Remove { accounts },
        "/v1/cards/show" => Action::Show,
        "/v1/limits" => Action::Limit,
        "/v1/holders" => Action::Holders { remove: false },
        "/v1/holders/remove" => Action::Holders { remove: true },
        "/v1/tokens" => Action::Tokens(TokenLines::Put),
        "/v1/tokens/status" => Action::Tokens(TokenLines::Status),
        "/v1/tokens/remove" => Action::Tokens(TokenLines::Remove),
        "/v1/hot-list" => Action::HotList { remove: false },
        "/v1/hot-list/remove" => Action::HotList { remove: true },
        "/v1/modes" => Action::Mode,
        "/v1/confirmations" => Action::Confirmation,
        "/v1/scripts" => Action::Script,
        "/v1/pin-tries" => Action::PinTries,
        _ => return Err((StatusCode::NOT_FOUND, PATHS)),
    };
    Ok((action, check))
}

async fn show(control: &Control, body: &[u8]) -> Answer {
    let mut pan = None;
    card_file::read_numbers(body, None, &mut |line| {
        pan = pan.or_else(|| Pan::parse(line.ok()?.cell(Column::Pan)?.as_bytes()).ok());
    });
    let pan = pan.ok_or((StatusCode::UNPROCESSABLE_ENTITY, "the body must be {\"pan\":\"…\"}"))?;
    match control.show(pan).await.map_err(trouble)? {
        Some(view) => Ok((StatusCode::OK, view_json(&view, &control.settings.tables))),
        None => Err((StatusCode::NOT_FOUND, "the card is not on file")),
    }
}

async fn limit(control: &Control, user: Option<u32>, body: &[u8]) -> Answer {
    let refused = |reason: String| Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": reason })));
    let change = match limits::read(body, &control.settings) {
        Ok(change) => change,
        Err(reason) => return refused(reason),
    };
    let name = change.1.clone();
    match control.change_limit(change).await.map_err(trouble)? {
        Ok(()) => {
            tracing::info!(user, limit = name, "limit of a card, an account or a customer changed");
            Ok((StatusCode::OK, json!({ "changed": true })))
        }
        Err(LimitRefusal::NotOnFile) => {
            Err((StatusCode::NOT_FOUND, "the card or the account is not on file"))
        }
        Err(refusal) => refused(refusal.to_string()),
    }
}

async fn mode(control: &Control, user: Option<u32>, action: Action, body: &[u8]) -> Answer {
    let refused = |reason: String| Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": reason })));
    let told = if action == Action::Mode {
        match modes::order(body, &control.codes, &|pan| control.currency(pan)) {
            Ok(order) => control.change_mode(order).await,
            Err(reason) => return refused(reason),
        }
    } else {
        match modes::answer(body) {
            Ok(answer) => control.answer_for_holder(answer).await,
            Err(reason) => return refused(reason),
        }
    };
    match told.map_err(trouble)? {
        Ok(()) => {
            let what =
                if action == Action::Mode { "mode of a card changed" } else { "a cardholder answered" };
            tracing::info!(user, "{what}");
            Ok((StatusCode::OK, json!({ "done": true })))
        }
        Err(refusal @ (ModeRefusal::NotOnFile | ModeRefusal::NoSuchTicket)) => {
            Ok((StatusCode::NOT_FOUND, json!({ "error": refusal.to_string() })))
        }
        Err(refusal) => refused(refusal.to_string()),
    }
}

async fn pin_tries(control: &Control, user: Option<u32>, body: &[u8]) -> Answer {
    let pan = match scripts::read_pan(body) {
        Ok(pan) => pan,
        Err(reason) => return Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": reason }))),
    };
    if control.clear_pin_tries(pan).await.map_err(trouble)? {
        tracing::info!(user, card = %pan, "wrong PINs of a card forgotten");
        return Ok((StatusCode::OK, json!({ "cleared": true })));
    }
    Err((StatusCode::NOT_FOUND, "the card is not on file"))
}

async fn script(control: &Control, user: Option<u32>, body: &[u8]) -> Answer {
    let refused = |reason: String| Ok((StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": reason })));
    let (pan, task) = match scripts::read(body) {
        Ok(read) => read,
        Err(reason) => return refused(reason),
    };
    match control.script(pan, task).await.map_err(trouble)? {
        Ok(number) => {
            tracing::info!(user, card = %pan, number, "script of a card queued or cancelled");
            Ok((StatusCode::OK, json!({ "number": number })))
        }
        Err(ScriptRefusal::NotOnFile) => Err((StatusCode::NOT_FOUND, "the card is not on file")),
        Err(refusal) => refused(refusal.to_string()),
    }
}

/// Reads a body of card lines.
fn read(body: &[u8], action: Action, rules: &CardRules<'_>) -> Asked {
    let mut sheet = Sheet::default();
    let mut asked = Asked { changes: Vec::new(), lines: Vec::new(), refused: Vec::new() };
    let mut one = |line: &Line| -> Result<(CardChange, bool), Faults> {
        match action {
            Action::Remove { accounts } => removal(line, accounts).map(|change| (change, true)),
            Action::Status if !line.has_only(&[Column::Pan, Column::Status]) => Err(Faults(vec![
                "has more than pan and status; /v1/cards?update=true changes the rest".into(),
            ])),
            Action::Status if line.cell(Column::Status).is_none() => {
                Err(Faults(vec!["status: is missing".into()]))
            }
            _ => {
                let update = matches!(action, Action::Status | Action::Put { update: true });
                sheet.read(line, rules, update).map(|read| (read.change, read.names_account_first))
            }
        }
    };
    card_file::read_numbers(body, None, &mut |line| match line {
        Ok(line) => {
            let shown = masked(line.cell(Column::Pan));
            match one(line) {
                Ok((change, first)) => {
                    asked.changes.push(change);
                    asked.lines.push((line.number, shown, first));
                }
                Err(faults) => asked.refused.push(refused(line.number, &shown, &faults.0)),
            }
        }
        Err(SourceError::Line(number, reason)) => asked.refused.push(refused(number, "", &[reason])),
        Err(SourceError::File(reason)) => asked.refused.push(refused(1, "", &[reason])),
    });
    asked
}

fn tally(asked: &Asked, told: Vec<Result<Done, Vec<Refusal>>>) -> (Counts, Vec<Value>) {
    let mut counts = Counts::default();
    let mut all_refused = Vec::new();
    for ((line, shown, first), told) in asked.lines.iter().zip(told) {
        match told {
            Ok(done) => counts.count(done, *first),
            Err(refusals) => {
                let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                all_refused.push(refused(*line, shown, &reasons));
            }
        }
    }
    (counts, all_refused)
}

pub(super) fn refused(line: u64, card: &str, reasons: &[String]) -> Value {
    json!({ "line": line, "card": card, "reasons": reasons })
}

fn summary(counts: Counts, refused: Vec<Value>) -> Value {
    let mut summary = counts.to_json();
    summary["refused"] = Value::Array(refused);
    summary
}

pub(super) fn trouble(trouble: Trouble) -> (StatusCode, &'static str) {
    match trouble {
        Trouble::Busy => (StatusCode::SERVICE_UNAVAILABLE, "the switch is overloaded; ask again later"),
        Trouble::NoAnswer => (
            StatusCode::GATEWAY_TIMEOUT,
            "a shard did not answer in time; ask again: what is done already is skipped",
        ),
    }
}
