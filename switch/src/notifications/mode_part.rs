//! What an event tells of the mode of a card.

use auth::{
    Alarm, CardBlocked, CardMode, ConfirmationAsked, Kept, ModeChange, ModeChanged, ModeUse, ModeUsed,
    OwnTransfer, Record,
};
use card::Currency;
use serde_json::{Map, Value, json};

/// The parts of the event's JSON that are about the mode; none for a record that is not. Amounts of the account are
/// in its currency, as far as that is known.
pub(super) fn of(record: &Record, currency: Option<Currency>) -> Map<String, Value> {
    let parts: Vec<(&str, Value)> = match record {
        Record::ModeChanged(changed) => vec![("mode", changed_json(changed, currency))],
        Record::ModeUsed(used) => {
            vec![
                ("mode", used_json(used, currency)),
                ("transaction", json!({ "id": used.transaction.number() })),
            ]
        }
        Record::OwnTransfer(transfer) => vec![("transfer", transfer_json(transfer, currency))],
        Record::ConfirmationAsked(asked) => vec![
            ("confirmation", json!({ "ticket": asked.ticket.0, "deadline": asked.deadline.to_string() })),
            ("transaction", asked_json(asked)),
        ],
        Record::Alarm(Alarm { tries, empty, .. }) => vec![(
            "alarm",
            json!({
                "mode": if *empty { "empty" } else { "locked" },
                "tries": tries.count,
                "since": tries.since.to_string(),
            }),
        )],
        Record::CardBlocked(CardBlocked { cause, reissue, .. }) => {
            vec![("blocked", json!({ "by": cause.as_str(), "reissue": reissue }))]
        }
        _ => Vec::new(),
    };
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

fn changed_json(changed: &ModeChanged, currency: Option<Currency>) -> Value {
    match &changed.change {
        ModeChange::Set(mode) => mode_json(mode, currency),
        ModeChange::Open { until } => json!({ "open_until": until.to_string() }),
        ModeChange::Lift(lift) => json!({
            "lift": { "amount": lift.most_minor.map(|minor| amount(minor, currency)), "until": lift.until.to_string() }
        }),
        ModeChange::Code { until, .. } => json!({ "code_until": until.to_string() }),
        ModeChange::End => json!({ "ended": true }),
    }
}

fn mode_json(mode: &CardMode, currency: Option<Currency>) -> Value {
    let mut told = json!({ "name": mode.as_str() });
    if let Some(source) = mode.source() {
        told["source"] = json!(source.as_str());
    }
    match mode {
        CardMode::Kept(Kept { minimum_minor, maximum_minor, automatic, .. }) => {
            told["minimum"] = amount(*minimum_minor, currency);
            told["maximum"] = amount(*maximum_minor, currency);
            told["automatic"] = json!(automatic);
        }
        CardMode::SingleLimit { most_minor, .. } => told["amount"] = amount(*most_minor, currency),
        _ => {}
    }
    told
}

fn used_json(used: &ModeUsed, currency: Option<Currency>) -> Value {
    let mut told = json!({ "used": used.used.as_str() });
    match used.used {
        ModeUse::ToppedUp(minor) => told["amount"] = amount(minor, currency),
        ModeUse::Refused(tries) => told["tries"] = json!(tries.count),
        ModeUse::CodeWrong { wrong, void } => {
            told["wrong_codes"] = json!(wrong);
            told["void"] = json!(void);
        }
        _ => {}
    }
    told
}

fn transfer_json(transfer: &OwnTransfer, currency: Option<Currency>) -> Value {
    json!({
        "from": transfer.from.as_str(),
        "to": transfer.to.as_str(),
        "amount": amount(transfer.minor, currency),
        "cause": transfer.cause.as_str(),
    })
}

/// What the holder is to be shown.
fn asked_json(asked: &ConfirmationAsked) -> Value {
    let currency = Currency::from_numeric(asked.currency).ok();
    let mut told = json!({
        "link": asked.link.as_str(),
        "type": asked.transaction.as_str(),
        "terminal": asked.terminal.as_str(),
        "merchant": asked.merchant.as_ref().map(card::MerchantId::as_str),
        "mcc": (asked.mcc != 0).then(|| format!("{:04}", asked.mcc)),
        "stan": asked.stan.to_string(),
        "rrn": asked.rrn.map(|rrn| rrn.to_string()),
        "amount": amount(asked.amount_minor, currency),
    });
    if currency.is_none() {
        told["amount"]["currency"] = json!(format!("{:03}", asked.currency));
    }
    told
}

fn amount(minor: i64, currency: Option<Currency>) -> Value {
    json!({
        "minor": minor,
        "currency": currency.map(Currency::code),
        "exponent": currency.map(Currency::exponent),
    })
}
