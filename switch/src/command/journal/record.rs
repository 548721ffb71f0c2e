//! Records for people and scripts. Card numbers are masked, and reference values of PINs left out.

use auth::{
    Account, Bound, Card, Check, Completed, Count, Counted, Funds, HoldExpired, LimitChange, LimitChanged,
    LimitHolder, ModeChange, ModeChanged, Origin, PinReference, Record, Remittance, Reversed, Transaction,
    Verdict,
};
use serde_json::{Value, json};

/// The words of all kinds, in the order of the stored form.
pub(super) const KINDS: [&str; 32] = [
    "card_stored",
    "account_stored",
    "decided",
    "reversed",
    "reversal_remembered",
    "completed",
    "hold_expired",
    "card_removed",
    "account_removed",
    "recalled",
    "limit_changed",
    "hold_released",
    "credited",
    "hot_list_changed",
    "token_stored",
    "token_removed",
    "holder_stored",
    "mode_changed",
    "mode_used",
    "own_transfer",
    "confirmation_asked",
    "alarm",
    "card_blocked",
    "card_answered",
    "script_queued",
    "script_sent",
    "script_confirmed",
    "pin_tries_cleared",
    "remittance_sent",
    "remittance_taken",
    "remittance_settled",
    "remittance_forgotten",
];

/// The kind of a record, in words of scripts.
pub(super) fn kind(record: &Record) -> &'static str {
    KINDS[kind_index(record)]
}

/// Its place in [`KINDS`].
pub(super) fn kind_index(record: &Record) -> usize {
    match record {
        Record::CardStored(_) => 0,
        Record::AccountStored(_) => 1,
        Record::Decided(_) => 2,
        Record::Reversed(_) => 3,
        Record::ReversalRemembered(_) => 4,
        Record::Completed(_) => 5,
        Record::HoldExpired(_) => 6,
        Record::CardRemoved(_) => 7,
        Record::AccountRemoved(_) => 8,
        Record::Recalled(_) => 9,
        Record::LimitChanged(_) => 10,
        Record::HoldReleased(_) => 11,
        Record::Credited(_) => 12,
        Record::HotListChanged(_) => 13,
        Record::TokenStored(_) => 14,
        Record::TokenRemoved(_) => 15,
        Record::HolderStored(_) => 16,
        Record::ModeChanged(_) => 17,
        Record::ModeUsed(_) => 18,
        Record::OwnTransfer(_) => 19,
        Record::ConfirmationAsked(_) => 20,
        Record::Alarm(_) => 21,
        Record::CardBlocked(_) => 22,
        Record::CardAnswered(_) => 23,
        Record::ScriptQueued(_) => 24,
        Record::ScriptSent(_) => 25,
        Record::ScriptConfirmed(_) => 26,
        Record::PinTriesCleared(_) => 27,
        Record::RemittanceSent(_) => 28,
        Record::RemittanceTaken(_) => 29,
        Record::RemittanceSettled(_) => 30,
        Record::RemittanceForgotten(_) => 31,
    }
}

pub(super) fn to_json(record: &Record) -> Value {
    match record {
        Record::CardStored(card) => card_json(card),
        Record::AccountStored(account) => account_json(account),
        Record::Decided(transaction) => transaction_json(transaction),
        Record::Reversed(Reversed { transaction, pan, time, remaining_minor, origin, shares }) => json!({
            "transaction": transaction.number(),
            "pan": pan.to_string(),
            "time": time.to_string(),
            "remaining_minor": remaining_minor,
            "origin": origin.as_ref().map(origin_json),
            "shares": shares,
        }),
        Record::LimitChanged(changed) => limit_changed_json(changed),
        Record::HolderStored(holder) => json!({
            "pan": holder.pan.to_string(),
            "name": holder.facts.name.is_some(),
            "address": holder.facts.address.is_some(),
            "postal_code": holder.facts.postal_code.is_some(),
            "order_key": holder.facts.order_key.is_some(),
        }),
        Record::TokenStored(token) => json!({
            "token": token.number.0.to_string(),
            "pan": token.card.to_string(),
            "expiry": token.expiry.to_string(),
            "status": token.status.as_str(),
        }),
        Record::TokenRemoved(removed) => json!({
            "token": removed.number.0.to_string(),
            "pan": removed.card.to_string(),
            "time": removed.time.to_string(),
        }),
        Record::HotListChanged(changed) => json!({
            "span": changed.span.to_string(),
            "time": changed.time.to_string(),
            "reason": changed.notice.map(|notice| notice.reason.as_str()),
            "code": changed.notice.map(|notice| notice.code.as_str().to_owned()),
            "reward": changed.notice.and_then(|notice| notice.reward).map(|reward| reward.to_string()),
            "until": changed.notice.and_then(|notice| notice.until).map(|day| day.to_string()),
        }),
        Record::ModeChanged(changed) => mode_changed_json(changed),
        Record::ModeUsed(used) => json!({
            "transaction": used.transaction.number(),
            "pan": used.pan.to_string(),
            "time": used.time.to_string(),
            "used": used.used.as_str(),
        }),
        Record::OwnTransfer(transfer) => json!({
            "pan": transfer.pan.to_string(),
            "time": transfer.time.to_string(),
            "from": transfer.from.as_str(),
            "to": transfer.to.as_str(),
            "minor": transfer.minor,
            "cause": transfer.cause.as_str(),
        }),
        Record::ConfirmationAsked(asked) => json!({
            "ticket": asked.ticket.0,
            "pan": asked.pan.to_string(),
            "time": asked.time.to_string(),
            "deadline": asked.deadline.to_string(),
            "link": asked.link.as_str(),
            "terminal": asked.terminal.as_str(),
            "stan": asked.stan.to_string(),
            "amount_minor": asked.amount_minor,
            "currency": format!("{:03}", asked.currency),
        }),
        Record::Alarm(alarm) => json!({
            "pan": alarm.pan.to_string(),
            "time": alarm.time.to_string(),
            "mode": if alarm.empty { "empty" } else { "locked" },
            "tries": alarm.tries.count,
            "since": alarm.tries.since.to_string(),
        }),
        Record::CardBlocked(blocked) => json!({
            "pan": blocked.pan.to_string(),
            "time": blocked.time.to_string(),
            "status": blocked.status.as_str(),
            "cause": blocked.cause.as_str(),
            "reissue": blocked.reissue,
        }),
        Record::CardAnswered(answer) => json!({
            "transaction": answer.transaction.number(),
            "pan": answer.pan.to_string(),
            "time": answer.time.to_string(),
            "issuer_authentication": answer.issuer_authentication.is_some(),
        }),
        Record::ScriptQueued(queued) => json!({
            "pan": queued.pan.to_string(),
            "time": queued.time.to_string(),
            "number": queued.number,
            "command": queued.command.as_str(),
        }),
        Record::ScriptSent(sent) => json!({
            "pan": sent.pan.to_string(),
            "time": sent.time.to_string(),
            "number": sent.number,
            "transaction": sent.transaction.number(),
            "atc": sent.atc,
        }),
        Record::ScriptConfirmed(confirmed) => json!({
            "pan": confirmed.pan.to_string(),
            "time": confirmed.time.to_string(),
            "number": confirmed.number,
            "outcome": confirmed.outcome,
        }),
        Record::PinTriesCleared(cleared) => {
            json!({ "pan": cleared.pan.to_string(), "time": cleared.time.to_string() })
        }
        Record::Recalled(stored) => json!({
            "transaction": stored.id.number(),
            "time": stored.time.to_string(),
            "pan": stored.pan.to_string(),
            "status": stored.status.as_str(),
            "standing_minor": stored.standing_minor,
        }),
        Record::ReversalRemembered(remembered) => json!({
            "link": remembered.link.as_str(),
            "terminal": remembered.terminal.as_str(),
            "stan": remembered.stan.to_string(),
            "transmission": remembered.transmission,
            "pan": remembered.pan.to_string(),
            "time": remembered.time.to_string(),
        }),
        Record::Completed(Completed { transaction, pan, time, dispensed_minor, origin, shares }) => json!({
            "transaction": transaction.number(),
            "pan": pan.to_string(),
            "time": time.to_string(),
            "dispensed_minor": dispensed_minor,
            "origin": origin.as_ref().map(origin_json),
            "shares": shares,
        }),
        Record::HoldExpired(HoldExpired { transaction, pan, time, origin }) => json!({
            "transaction": transaction.number(),
            "pan": pan.to_string(),
            "time": time.to_string(),
            "origin": origin.as_ref().map(origin_json),
        }),
        Record::HoldReleased(released) => json!({
            "transaction": released.transaction.number(),
            "pan": released.pan.to_string(),
            "time": released.time.to_string(),
            "by": released.by.number(),
            "kept_minor": released.kept_minor,
            "origin": released.origin.as_ref().map(origin_json),
        }),
        Record::Credited(credited) => json!({
            "transaction": credited.transaction.number(),
            "pan": credited.pan.to_string(),
            "time": credited.time.to_string(),
            "link": credited.link.as_str(),
            "account": credited.account.as_str(),
            "minor": credited.minor,
        }),
        Record::RemittanceSent(sent) => json!({
            "remittance": remittance_json(&sent.remittance),
            "remaining_minor": sent.reversal.remaining_minor,
            "origin": sent.reversal.origin.as_ref().map(origin_json),
            "shares": sent.reversal.shares,
        }),
        Record::RemittanceTaken(outcome) | Record::RemittanceSettled(outcome) => json!({
            "remittance": remittance_json(&outcome.remittance),
            "time": outcome.time.to_string(),
            "code": outcome.code.as_str(),
        }),
        Record::RemittanceForgotten(forgotten) => json!({
            "number": forgotten.number.0,
            "transaction": forgotten.transaction.number(),
            "pan": forgotten.pan.to_string(),
            "time": forgotten.time.to_string(),
            "account": forgotten.account.as_str(),
        }),
        Record::CardRemoved(removed) => {
            json!({ "pan": removed.pan.to_string(), "time": removed.time.to_string() })
        }
        Record::AccountRemoved(removed) => {
            json!({ "account": removed.account.as_str(), "time": removed.time.to_string() })
        }
    }
}

fn remittance_json(remittance: &Remittance) -> Value {
    json!({
        "number": remittance.number.0,
        "transaction": remittance.transaction.number(),
        "pan": remittance.pan.to_string(),
        "time": remittance.time.to_string(),
        "link": remittance.link.as_str(),
        "payer": remittance.payer.as_str(),
        "account": remittance.account.as_str(),
        "currency": remittance.currency.code(),
        "minor": remittance.minor,
        "forced": remittance.forced,
    })
}

fn card_json(card: &Card) -> Value {
    json!({
        "pan": card.pan.to_string(),
        "expiry": card.expiry.to_string(),
        "start": card.start.map(|start| start.to_string()),
        "status": card.status.as_str(),
        "card_sequence": card.card_sequence,
        "account": card.account.as_str(),
        "further_accounts": card.further.iter().map(auth::AccountId::as_str).collect::<Vec<_>>(),
        "pin": card.pin.map(|pin| match pin {
            PinReference::Pvv { .. } => "pvv",
            PinReference::IbmOffset { .. } => "ibm_offset",
        }),
    })
}

fn account_json(account: &Account) -> Value {
    json!({
        "account": account.id.as_str(),
        "currency": account.currency.to_string(),
        "kind": account.kind,
        "opening_minor": account.opening_minor,
        "credit_line_minor": account.credit_line_minor,
        "customer": account.customer.as_ref().map(auth::CustomerId::as_str),
        "home": account.home.as_ref().map(|home| home.as_str()),
    })
}

fn transaction_json(transaction: &Transaction) -> Value {
    let text = |digits: [u8; 6]| String::from_utf8_lossy(&digits).into_owned();
    json!({
        "transaction": transaction.id.number(),
        "time": transaction.time.to_string(),
        "business_day": transaction.business_day.to_string(),
        "link": transaction.link.as_str(),
        "terminal": transaction.terminal.as_str(),
        "merchant": transaction.merchant.as_ref().map(card::MerchantId::as_str),
        "mcc": transaction.mcc,
        "class": transaction.class,
        "kind": transaction.transaction.as_str(),
        "pan": transaction.pan.to_string(),
        "stan": transaction.stan.to_string(),
        "rrn": transaction.rrn.as_ref().map(card::Rrn::as_str),
        "transmission": transaction.transmission,
        "amount_minor": transaction.amount_minor,
        "currency": format!("{:03}", transaction.currency),
        "entry_mode": transaction.entry.as_str(),
        "code": transaction.code.as_str(),
        "authorization_id": transaction.authorization_id.map(text),
        "balance": transaction.balance.map(|balance| json!({
            "ledger_minor": balance.ledger_minor,
            "available_minor": balance.available_minor,
            "currency": balance.currency.to_string(),
        })),
        "account": transaction.account.map(|account| account.as_str().to_owned()),
        "funds": funds_json(transaction.funds),
        "pin_tries_used": transaction.pin_tries_used,
        "atc": transaction.atc,
        "notes": transaction.cash.and_then(|cash| cash.notes),
        "flags": transaction.flags,
        "counted": counted_json(&transaction.details.counted),
        "customer": transaction.details.customer.as_ref().map(auth::CustomerId::as_str),
        "billing": transaction.details.billing,
        "booking": transaction.details.booking,
        "address_result": transaction.details.told.address.map(auth::AddressResult::as_str),
        "cvv2_result": transaction.details.told.cvv2.map(auth::Cvv2Result::as_str),
        "verification": transaction.details.verification.map(auth::HolderVerification::as_str),
        "wrong_cvv2s": transaction.details.wrong_cvv2s,
        "token": transaction.details.token.map(|token| token.0.to_string()),
        "reward": transaction.details.told.reward.map(|reward| reward.to_string()),
        "tables_version": transaction.tables_version,
        "receipt": transaction.receipt.checks.iter().map(check_json).collect::<Vec<_>>(),
    })
}

fn funds_json(funds: Funds) -> Value {
    match funds {
        Funds::None => Value::Null,
        Funds::Held { minor, expires } => {
            json!({ "held_minor": minor, "expires": expires.map(|time| time.to_string()) })
        }
        Funds::Posted { minor } => json!({ "posted_minor": minor }),
    }
}

fn check_json(check: &Check) -> Value {
    let (verdict, code) = match check.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Failed(code) => ("failed", Some(code.as_str().to_owned())),
        Verdict::Skipped => ("skipped", None),
        Verdict::Noted => ("noted", None),
    };
    json!({
        "number": check.step.number(),
        "step": check.step,
        "verdict": verdict,
        "code": code,
        "seen": check.seen,
        "limit": check.limit,
    })
}

/// Limits have numbers here, made from their names.
fn counted_json(counted: &Counted) -> Value {
    let count = |count: &Count| json!({ "scope": count.scope, "limit": count.limit.0, "window": count.window.to_string() });
    counted.counts().iter().map(count).collect()
}

fn limit_changed_json(changed: &LimitChanged) -> Value {
    let mut line = match &changed.holder {
        LimitHolder::Card(pan) => json!({ "pan": pan.to_string() }),
        LimitHolder::Account(account) => json!({ "account": account.as_str() }),
        LimitHolder::Customer(customer) => json!({ "customer": customer.as_str() }),
    };
    line["time"] = json!(changed.time.to_string());
    line["limit"] = json!(changed.limit.0);
    let bound = |bound: &Bound| json!({ "amount_minor": bound.amount_minor, "count": bound.count });
    match &changed.change {
        LimitChange::Own(own) => line["own"] = bound(own),
        LimitChange::Override(None) => line["override"] = Value::Null,
        LimitChange::Override(Some(replaced)) => {
            line["override"] = bound(&replaced.bound);
            line["until"] = json!(replaced.until.to_string());
            line["once"] = json!(replaced.once);
        }
    }
    line
}

/// Nothing is shown of codes and passwords.
fn mode_changed_json(changed: &ModeChanged) -> Value {
    let mut line = json!({ "pan": changed.pan.to_string(), "time": changed.time.to_string() });
    match &changed.change {
        ModeChange::Set(mode) => {
            line["mode"] = json!(mode.as_str());
            line["source"] = json!(mode.source().map(|source| source.as_str().to_owned()));
        }
        ModeChange::Open { until } => line["open_until"] = json!(until.to_string()),
        ModeChange::Lift(lift) => {
            line["lift_minor"] = json!(lift.most_minor);
            line["until"] = json!(lift.until.to_string());
        }
        ModeChange::Code { until, .. } => line["code_until"] = json!(until.to_string()),
        ModeChange::End => line["end"] = json!(true),
    }
    line
}

fn origin_json(origin: &Origin) -> Value {
    json!({
        "link": origin.link.as_str(),
        "account": origin.account.as_str(),
        "kind": origin.transaction.as_str(),
        "business_day": origin.business_day.to_string(),
        "standing_minor": origin.standing_minor,
        "posted": origin.posted,
        "counted": counted_json(&origin.counted),
    })
}
