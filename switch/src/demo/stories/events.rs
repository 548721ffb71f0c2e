//! What a receiver is told of what happens.

use crate::demo::stage::{Played, Stage};
use crate::notifications::{SecretSource, signature};
use card::Time;
use iso8583::Mti;
use serde_json::Value;
use std::error::Error;
use std::time::{Duration, Instant};
use terminal::{Intent, PosResponse};

/// How long events may take to come.
const DEADLINE: Duration = Duration::from_secs(10);

/// A purchase and its reversal, as the receiver of the webhook hears of them.
pub(super) fn webhook(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let presentment = stage.chip_and_pin(&mut card, 25_00);
    let trace = stage.trace();
    let message = line.pos.purchase(Intent::Post, 25_00, &presentment, &trace)?;
    PosResponse::parse(&line.connection.ask(&message)?, line.pos.dialect)?;
    let reversal = line.pos.reversal(Mti::REVERSAL_REQUEST, &message, None, &stage.trace())?;
    line.ask(&reversal)?;
    let asked = Instant::now();
    loop {
        let told = told(stage, &trace.rrn.to_string())?;
        if told.len() >= 2 || asked.elapsed() > DEADLINE {
            return Ok(told.join(", "));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// In words, the events of the transaction with this RRN.
fn told(stage: &mut Stage, rrn: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let secret = SecretSource::File(stage.site().webhook_secret()).read()?;
    let mut id = None;
    let mut told = Vec::new();
    for delivery in stage.site().deliveries() {
        let seconds = delivery.signature.split(',').find_map(|part| part.strip_prefix("t="));
        let time = Time::from_unix_ms(seconds.unwrap_or("0").parse::<i64>()? * 1000);
        let signed = signature(std::slice::from_ref(&secret), time, &delivery.body) == delivery.signature;
        let body: Value = serde_json::from_slice(&delivery.body)?;
        for event in body["events"].as_array().into_iter().flatten() {
            let transaction = &event["transaction"];
            if transaction["rrn"] == rrn {
                id = Some(transaction["id"].clone());
            }
            if id.is_none() || id.as_ref() != Some(&transaction["id"]) {
                continue;
            }
            let kind = event["event"].as_str().unwrap_or("?");
            let amount = if kind == "reversed" { &transaction["reversed"] } else { &transaction["amount"] };
            let signed = if signed { "signed" } else { "signature wrong" };
            told.push(format!(
                "{kind} {} {} {signed}",
                amount["minor"],
                amount["currency"].as_str().unwrap_or("?")
            ));
        }
    }
    Ok(told)
}
