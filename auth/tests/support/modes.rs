//! How scenarios speak of modes of cards.

use crate::effects::{elapsed, money};
use crate::institution::Institution;
use crate::script::Words;
use crate::values::{duration, minor};
use auth::{
    BlockCause, CardMode, CodeKey, Kept, KeyedHash, Lift, ModeChange, ModeOrder, ModeRules, ModeUse,
    ProvisionTask, Record, TransferCause,
};
use card::{HolderSecret, Time};

/// The key of codes and passwords.
pub(crate) fn key() -> CodeKey {
    CodeKey::new(&[0x5A; 32])
}

/// A code or a password.
pub(crate) fn secret(text: &str) -> Option<HolderSecret> {
    HolderSecret::parse(text.as_bytes()).ok()
}

/// `mode CARD standard|locked|one-time-code`, `empty source=`, `kept source= minimum= maximum= [automatic]`,
/// `single-limit amount=`, `confirm [password=]`, or `unlock until=`, `top-up amount= [until=]`,
/// `lift [amount=] until=`, `code=… until=`, `end`
pub(crate) fn order(
    words: &mut Words<'_>,
    institution: &Institution,
    start: Time,
) -> Result<ProvisionTask, String> {
    let pan = institution.pan(words.next("a card")?)?;
    let hash = |secret: HolderSecret| KeyedHash::new(&key(), &pan, [9; 16], &secret);
    if let Some(code) = words.value("code", secret)? {
        let until = start.plus(words.required("until", duration)?);
        return Ok(ProvisionTask::ChangeMode { pan, order: ModeOrder::Code { hash: hash(code), until } });
    }
    let word = words.next("a mode, or what is to be done about it")?;
    let source = |words: &mut Words<'_>| {
        words.option("source").ok_or("`source=`?").map(|name| institution.account(name))?
    };
    let until = |words: &mut Words<'_>| words.required("until", duration).map(|length| start.plus(length));
    let order = match word {
        "standard" => ModeOrder::Set(CardMode::Standard),
        "locked" => ModeOrder::Set(CardMode::Locked { open_until: None }),
        "empty" => ModeOrder::Set(CardMode::Empty { source: source(words)?, open_until: None }),
        "kept" => ModeOrder::Set(CardMode::Kept(Kept {
            source: source(words)?,
            minimum_minor: words.required("minimum", minor)?,
            maximum_minor: words.required("maximum", minor)?,
            automatic: words.has("automatic"),
        })),
        "single-limit" => {
            let most_minor = words.required("amount", minor)?;
            ModeOrder::Set(CardMode::SingleLimit { most_minor, lift: None })
        }
        "one-time-code" => ModeOrder::Set(CardMode::OneTimeCode { code: None }),
        "confirm" => {
            let password = words.value("password", secret)?.map(hash);
            ModeOrder::Set(CardMode::Confirm { password })
        }
        "unlock" => ModeOrder::Unlock { until: until(words)? },
        "top-up" => ModeOrder::TopUp {
            minor: words.required("amount", minor)?,
            until: words.value("until", duration)?.map(|length| start.plus(length)),
        },
        "lift" => ModeOrder::Lift(Lift { most_minor: words.value("amount", minor)?, until: until(words)? }),
        "end" => ModeOrder::End,
        other => return Err(format!("no mode is called `{other}`")),
    };
    Ok(ProvisionTask::ChangeMode { pan, order })
}

/// `modes [deadline=] [code-tries=] [alarm=TRIES] [alarm-window=] [alarm-blocks] [no-reissue]`
pub(crate) fn rules(words: &mut Words<'_>) -> Result<ModeRules, String> {
    let usual = ModeRules::default();
    Ok(ModeRules {
        confirmation_deadline: words.value("deadline", duration)?.unwrap_or(usual.confirmation_deadline),
        code_tries: words.value("code-tries", |text| text.parse().ok())?.unwrap_or(usual.code_tries),
        alarm_tries: words.value("alarm", |text| text.parse().ok())?.unwrap_or(usual.alarm_tries),
        alarm_window: words.value("alarm-window", duration)?.unwrap_or(usual.alarm_window),
        alarm_blocks: words.has("alarm-blocks"),
        block_status: usual.block_status,
        reissue: !words.has("no-reissue"),
    })
}

/// A record about a mode; `None` for any other.
pub(crate) fn shown_record(record: &Record, start: Option<Time>) -> Option<String> {
    let since = |time: Time| elapsed(time.unix_ms - start.map_or(0, |start| start.unix_ms));
    Some(match record {
        Record::ModeChanged(changed) => match &changed.change {
            ModeChange::Set(mode) => format!("mode-changed {}", shown_mode(mode)),
            ModeChange::Open { until } => format!("mode-changed open until={}", since(*until)),
            ModeChange::Lift(lift) => {
                let most = lift.most_minor.map_or("without bound".to_owned(), money);
                format!("mode-changed lift {most} until={}", since(lift.until))
            }
            ModeChange::Code { until, .. } => format!("mode-changed code until={}", since(*until)),
            ModeChange::End => "mode-changed end".to_owned(),
        },
        Record::ModeUsed(used) => match used.used {
            ModeUse::ToppedUp(minor) => format!("mode-used topped_up {}", money(minor)),
            ModeUse::Refused(tries) => format!("mode-used refused tries={}", tries.count),
            ModeUse::CodeWrong { wrong, void } => {
                format!("mode-used code_wrong {wrong}{}", if void { " void" } else { "" })
            }
            other => format!("mode-used {}", other.as_str()),
        },
        Record::OwnTransfer(transfer) => {
            let word = match transfer.cause {
                TransferCause::TopUp => "topped-up",
                TransferCause::Sweep => "swept",
            };
            format!("{word} {} from={} to={}", money(transfer.minor), transfer.from, transfer.to)
        }
        Record::ConfirmationAsked(asked) => {
            let (amount, deadline) = (money(asked.amount_minor), since(asked.deadline));
            format!("confirmation-asked stan={} amount={amount} until={deadline}", asked.stan)
        }
        Record::Alarm(alarm) => {
            let what = if alarm.empty { "empty" } else { "locked" };
            format!("alarm {what} tries={}", alarm.tries.count)
        }
        Record::CardBlocked(blocked) => {
            let cause = match blocked.cause {
                BlockCause::Alarm => "alarm",
                BlockCause::Holder => "holder",
            };
            let reissue = if blocked.reissue { " reissue" } else { "" };
            format!("card-blocked {} by={cause}{reissue}", blocked.status.as_str())
        }
        _ => return None,
    })
}

fn shown_mode(mode: &CardMode) -> String {
    let word = mode.as_str();
    match mode {
        CardMode::Empty { source, .. } => format!("{word} source={source}"),
        CardMode::Kept(kept) => {
            let how = if kept.automatic { " automatic" } else { "" };
            let (minimum, maximum) = (money(kept.minimum_minor), money(kept.maximum_minor));
            format!("{word} source={} minimum={minimum} maximum={maximum}{how}", kept.source)
        }
        CardMode::SingleLimit { most_minor, .. } => format!("{word} {}", money(*most_minor)),
        CardMode::Confirm { password: Some(_) } => format!("{word} by password"),
        _ => word.to_owned(),
    }
}
