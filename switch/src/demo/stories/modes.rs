//! What the holders of cards choose, ordered over the control socket as their bank would.

use crate::demo::site::{CODE_FIELD, FAMILY, linked_account, serial};
use crate::demo::stage::{Played, PosLine, Stage, money};
use iso8583::{MessageWriter, parse};
use serde_json::{Value, json};
use std::error::Error;
use std::time::{Duration, Instant};
use terminal::{CardSimulator, Intent, PosResponse, Trace};

/// How long events, and what a mode moves by itself, may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Locked, unlocked for one purchase, and locked again.
pub(super) fn locked(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    order(stage, &card, json!({ "do": "locked" }))?;
    let before = stage.buy(&mut line, &mut card, 10_00)?.code;
    order(stage, &card, json!({ "do": "unlock", "for": "10m" }))?;
    let open = stage.buy(&mut line, &mut card, 10_00)?.code;
    let after = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(format!("{before}, unlocked {open}, then {after}"))
}

/// Emptied, topped up from another account, and swept.
pub(super) fn empty(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card_of(serial::EMPTIED));
    let source = linked_account(serial::EMPTIED);
    order(stage, &card, json!({ "do": "empty", "source": source }))?;
    let empty = stage.buy(&mut line, &mut card, 30_00)?.code;
    order(stage, &card, json!({ "do": "top-up", "amount": "50.00", "for": "10m" }))?;
    let filled = stage.buy(&mut line, &mut card, 30_00)?.code;
    order(stage, &card, json!({ "do": "end" }))?;
    let left = stage.balance(&mut line, &mut card)?.ledger_minor;
    Ok(format!("{empty}, topped up {filled}, {} left", money(left)))
}

/// Kept between 20.00 and 60.00 by itself.
pub(super) fn kept(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card_of(serial::KEPT));
    let source = linked_account(serial::KEPT);
    let levels =
        json!({ "do": "kept", "source": source, "minimum": "20.00", "maximum": "60.00", "automatic": true });
    order(stage, &card, levels)?;
    let begins = stage.balance(&mut line, &mut card)?.ledger_minor;
    let (first, second) =
        (stage.buy(&mut line, &mut card, 50_00)?.code, stage.buy(&mut line, &mut card, 50_00)?.code);
    let more = stage.buy(&mut line, &mut card, 60_01)?.code;
    let asked = Instant::now();
    let mut ends = stage.balance(&mut line, &mut card)?.ledger_minor;
    while ends != begins && asked.elapsed() < DEADLINE {
        ends = stage.balance(&mut line, &mut card)?.ledger_minor;
    }
    Ok(format!("{}, 50.00: {first} {second}, 60.01: {more}, {} again", money(begins), money(ends)))
}

/// 100.00 at once, more for a while.
pub(super) fn single_limit(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    order(stage, &card, json!({ "do": "single-limit", "amount": "100.00" }))?;
    let over = stage.buy(&mut line, &mut card, 10_001)?.code;
    order(stage, &card, json!({ "do": "lift", "amount": "150.00", "for": "10m" }))?;
    let lifted = stage.buy(&mut line, &mut card, 10_001)?.code;
    let over_lift = stage.buy(&mut line, &mut card, 15_001)?.code;
    Ok(format!("100.01: {over}, lifted {lifted}, 150.01: {over_lift}"))
}

/// A code beside the PIN, good for one purchase.
pub(super) fn one_time_code(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    order(stage, &card, json!({ "do": "one-time-code" }))?;
    order(stage, &card, json!({ "do": "code", "code": "472913", "for": "10m" }))?;
    let without = stage.buy(&mut line, &mut card, 10_00)?.code;
    let wrong = buy_with_code(stage, &mut line, &mut card, b"000000")?;
    let right = buy_with_code(stage, &mut line, &mut card, b"472913")?;
    let again = buy_with_code(stage, &mut line, &mut card, b"472913")?;
    Ok(format!("without {without}, wrong {wrong}, right {right}, again {again}"))
}

/// The holder is asked by webhook, and confirms, cancels, and blocks the card.
pub(super) fn confirm(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    order(stage, &card, json!({ "do": "confirm" }))?;
    let mut told = Vec::new();
    for answer in ["confirm", "cancel", "block"] {
        let presentment = stage.chip_and_pin(&mut card, 10_00);
        let trace = stage.trace();
        let message = line.pos.purchase(Intent::Post, 10_00, &presentment, &trace)?;
        line.connection.send(&message)?;
        let ticket = ticket(stage, &trace)?;
        let (status, body) =
            stage.site().order("/v1/confirmations", &json!({ "ticket": ticket, "answer": answer }))?;
        carried_out(status, &body)?;
        let response = PosResponse::parse(&line.connection.receive()?, line.pos.dialect)?;
        told.push(format!("{answer} {}", response.code));
    }
    let blocked = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(format!("{}, then {blocked}", told.join(", ")))
}

/// Three tries on a locked card raise an alarm, which blocks it here.
pub(super) fn alarm(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    order(stage, &card, json!({ "do": "locked" }))?;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(stage.buy(&mut line, &mut card, 10_00)?.code.to_string());
    }
    let masked = card.pan().to_string();
    let of_card = |event: &Value| event["card"]["pan"] == masked.as_str();
    let blocked = event(stage, |event| event["event"] == "card_blocked" && of_card(event))?;
    let alarm = event(stage, |event| event["event"] == "alarm" && of_card(event))?;
    Ok(format!(
        "{}, alarm after {}, {} by {}",
        codes.join(" "),
        alarm["alarm"]["tries"],
        blocked["card"]["status"].as_str().unwrap_or("?"),
        blocked["blocked"]["by"].as_str().unwrap_or("?"),
    ))
}

/// A customer's own limit counts both of their cards; it is lifted once, and ends.
pub(super) fn customer_limit(stage: &mut Stage) -> Played {
    let [mut one, mut other] = serial::FAMILY.map(|serial| stage.card_of(serial));
    let mut line = stage.pos()?;
    let limit = |stage: &mut Stage, mut order: Value| {
        (order["customer"], order["limit"]) = (json!(FAMILY), json!("family"));
        let (status, body) = stage.site().order("/v1/limits", &order)?;
        carried_out(status, &body)
    };
    limit(stage, json!({ "amount": "100.00" }))?;
    let first = stage.buy(&mut line, &mut one, 60_00)?.code;
    let over = stage.buy(&mut line, &mut other, 60_00)?.code;
    limit(stage, json!({ "amount": "200.00", "for": "1h", "once": true }))?;
    let lifted = stage.buy(&mut line, &mut other, 60_00)?.code;
    let again = stage.buy(&mut line, &mut one, 60_00)?.code;
    limit(stage, json!({ "end": "own" }))?;
    let ended = stage.buy(&mut line, &mut one, 60_00)?.code;
    Ok(format!(
        "60.00 {first}, with the other card {over}, lifted once {lifted}, then {again}, ended {ended}"
    ))
}

/// Orders something about the mode of a card.
fn order(stage: &mut Stage, card: &CardSimulator, mut order: Value) -> Result<(), Box<dyn Error>> {
    order["pan"] = json!(card.pan().reveal().as_str());
    let (status, body) = stage.site().order("/v1/modes", &order)?;
    carried_out(status, &body)
}

fn carried_out(status: u16, body: &Value) -> Result<(), Box<dyn Error>> {
    if status == 200 { Ok(()) } else { Err(format!("the switch refused the order: {body}").into()) }
}

/// A purchase with a code in the field that the listener names.
fn buy_with_code(
    stage: &mut Stage,
    line: &mut PosLine,
    card: &mut CardSimulator,
    code: &[u8],
) -> Result<String, Box<dyn Error>> {
    let presentment = stage.chip_and_pin(card, 10_00);
    let plain = line.pos.purchase(Intent::Post, 10_00, &presentment, &stage.trace())?;
    let plain = parse(&plain, line.pos.dialect)?;
    let mut message = Vec::new();
    let mut writer = MessageWriter::begin(&mut message, line.pos.dialect, plain.header(), plain.mti())?;
    for (field, _) in plain.fields() {
        writer.copy(field, &plain)?;
    }
    writer.field(CODE_FIELD, code)?;
    writer.finish()?;
    Ok(line.ask(&message)?.code.to_string())
}

/// The ticket under which the transaction waits, as the webhook tells it.
fn ticket(stage: &mut Stage, trace: &Trace) -> Result<u64, Box<dyn Error>> {
    let rrn = trace.rrn.to_string();
    let asked = event(stage, |event| {
        event["event"] == "confirm_requested" && event["transaction"]["rrn"] == rrn.as_str()
    })?;
    asked["confirmation"]["ticket"].as_u64().ok_or_else(|| "an event without a ticket".into())
}

/// The newest event that the receiver of the webhook has got of this kind.
fn event(stage: &mut Stage, is_it: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
    let asked = Instant::now();
    while asked.elapsed() < DEADLINE {
        for delivery in stage.site().deliveries().iter().rev() {
            let body: Value = serde_json::from_slice(&delivery.body)?;
            if let Some(event) = body["events"].as_array().into_iter().flatten().find(|event| is_it(event)) {
                return Ok(event.clone());
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err("the webhook has told nothing of it".into())
}
