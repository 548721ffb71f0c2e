//! How scenarios speak of the hot list.

use crate::institution::Institution;
use crate::script::Words;
use auth::{HotChange, HotNotice, HotReason, HotSpan, ProvisionTask, RewardCode};
use card::{CivilDay, Pan, ResponseCode};

/// `hot-list [CARD] [pan=] [last=] lost|stolen|… [capture|decline] [code=] [reward=] [until=YYYY-MM-DD] | off, [check]`
pub(crate) fn change(words: &mut Words<'_>, institution: &Institution) -> Result<ProvisionTask, String> {
    let number = |text: &str| Pan::parse(text.as_bytes()).ok();
    let reasons = HotReason::ALL.map(|reason| (reason.as_str(), reason));
    let (off, check) = (words.has("off"), words.has("check"));
    let captures = words.one_of(&[("capture", true), ("decline", false)]);
    let reason = words.one_of(&reasons);
    let first = match words.value("pan", number)? {
        Some(pan) => pan,
        None => institution.pan(words.next("a card, or pan=")?)?,
    };
    let last = words.value("last", number)?;
    let span = HotSpan::range(first, last.unwrap_or(first)).ok_or("no such range")?;
    let reason = reason.unwrap_or(HotReason::Other);
    let code = words.value("code", |text| ResponseCode::parse(text.as_bytes()))?;
    let notice = HotNotice {
        reason,
        code: code.unwrap_or_else(|| reason.code(captures.unwrap_or(reason.captures()))),
        reward: words.value("reward", RewardCode::parse)?,
        until: words.value("until", day)?,
    };
    let change = HotChange { span, notice: (!off).then_some(notice) };
    Ok(ProvisionTask::ChangeHotList { changes: vec![change], check })
}

fn day(text: &str) -> Option<CivilDay> {
    let parts: Vec<u16> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = parts[..] else { return None };
    Some(CivilDay { year, month: month as u8, day: day as u8 })
}
