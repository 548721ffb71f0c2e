//! A line of a hot list file.

use super::rows::{Columns, Row};
use super::statement::Faults;
use auth::{HotChange, HotEntry, HotNotice, HotReason, HotSpan, RewardCode};
use card::{CivilDay, Pan, ResponseCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Columns of a hot list file.
pub(crate) const HOT_COLUMNS: Columns = &["pan", "last", "reason", "action", "code", "reward", "until"];

/// What a line puts on the list.
pub(crate) fn hot_entry(row: &Row) -> Result<HotChange, Faults> {
    let mut faults: Vec<String> = Vec::new();
    let span = span(row).map_err(|fault| faults.push(fault)).ok();
    let reason = match row.cell("reason").map(HotReason::parse) {
        None => Ok(HotReason::Other),
        Some(reason) => reason.ok_or_else(|| format!("reason: is none of {}", words())),
    };
    let reason = reason.map_err(|fault| faults.push(fault)).ok();
    let captures = match row.cell("action") {
        None => Ok(None),
        Some("capture") => Ok(Some(true)),
        Some("decline") => Ok(Some(false)),
        Some(_) => Err("action: is one of capture, decline"),
    };
    let captures = captures.map_err(|fault| faults.push(fault.into())).ok().flatten();
    let code = match row.cell("code").map(|text| ResponseCode::parse(text.as_bytes())) {
        None => None,
        Some(Some(code)) if code.is_approval() => {
            faults.push("code: approves; the list declines".into());
            None
        }
        Some(Some(code)) if captures.is_some_and(|captures| captures != code.is_capture()) => {
            faults.push("code: says otherwise than the action".into());
            None
        }
        Some(Some(code)) => Some(code),
        Some(None) => {
            faults.push("code: is not two letters or digits".into());
            None
        }
    };
    let reward = row
        .cell("reward")
        .map(|text| RewardCode::parse(text).ok_or("reward: is not 1 to 4 capital letters and digits"));
    let reward = reward.transpose().map_err(|fault| faults.push(fault.into())).ok().flatten();
    let until =
        row.cell("until").map(|text| day(text).ok_or("until: is no day from 2000-01-01 to 2127-12-31"));
    let until = until.transpose().map_err(|fault| faults.push(fault.into())).ok().flatten();
    let (Some(span), Some(reason), true) = (span, reason, faults.is_empty()) else {
        return Err(Faults(faults));
    };
    let code = code.unwrap_or_else(|| reason.code(captures.unwrap_or(reason.captures())));
    Ok(HotChange { span, notice: Some(HotNotice { reason, code, reward, until }) })
}

/// The ranges of one file, which may not overlap each other either.
#[derive(Default)]
pub(crate) struct HotRanges(BTreeMap<(usize, Pan), HotSpan>);

impl HotRanges {
    /// Takes the range of a line.
    ///
    /// # Errors
    /// When a range before it has some of its numbers, and not the same ones.
    pub(crate) fn take(&mut self, change: &HotChange) -> Result<(), String> {
        let span = change.span;
        if span.is_one() || change.notice.is_none() {
            return Ok(());
        }
        let (first, last) = span.ends();
        // Those before it do not overlap, so only the last of them that begins within it or before it can.
        let before = self.0.range(..=(last.len(), last)).next_back().map(|(_, other)| *other);
        if before.is_some_and(|other| other != span && other.overlaps(&span)) {
            return Err("last: the range overlaps another one of the file".to_owned());
        }
        self.0.insert((first.len(), first), span);
        Ok(())
    }
}

/// What a line takes off the list: only its numbers count, so an export will do.
pub(crate) fn hot_removal(row: &Row) -> Result<HotChange, Faults> {
    span(row).map(|span| HotChange { span, notice: None }).map_err(|fault| Faults(vec![fault]))
}

fn span(row: &Row) -> Result<HotSpan, String> {
    let pan = |column: &str| match row.cell(column) {
        None => Ok(None),
        Some(digits) => match Pan::parse(digits.as_bytes()) {
            Ok(pan) if (12..=19).contains(&pan.len()) => Ok(Some(pan)),
            _ => Err(format!("{column}: is not 12 to 19 digits")),
        },
    };
    let first = pan("pan")?.ok_or_else(|| "pan: is missing".to_owned())?;
    match pan("last")? {
        None => Ok(HotSpan::one(first)),
        Some(last) => HotSpan::range(first, last)
            .ok_or_else(|| "last: is not of the same length as pan, or before it".to_owned()),
    }
}

fn words() -> String {
    HotReason::ALL.map(HotReason::as_str).join(", ")
}

fn day(text: &str) -> Option<CivilDay> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let part = |from: usize, to: usize| -> Option<u16> {
        text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let legal = (2000..=2127).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    legal.then_some(CivilDay { year, month: month as u8, day: day as u8 })
}

/// A change as a line of JSON, as the control socket takes it.
pub(crate) fn hot_change_json(change: &HotChange) -> Value {
    let (first, last) = change.span.ends();
    let mut line = json!({ "pan": first.reveal().as_str() });
    if !change.span.is_one() {
        line["last"] = json!(last.reveal().as_str());
    }
    if let Some(notice) = change.notice {
        notice_json(&mut line, notice);
    }
    line
}

/// An entry for people, masked, or for a file that `load` takes.
pub(crate) fn hot_entry_json(entry: &HotEntry, unmask: bool) -> Value {
    let (first, last) = entry.span.ends();
    let shown = |pan: Pan| if unmask { pan.reveal().as_str().to_owned() } else { pan.to_string() };
    let mut line = json!({ "pan": shown(first) });
    if !entry.span.is_one() {
        line["last"] = json!(shown(last));
    }
    notice_json(&mut line, entry.notice);
    line
}

fn notice_json(line: &mut Value, notice: HotNotice) {
    line["reason"] = json!(notice.reason.as_str());
    line["code"] = json!(notice.code.as_str());
    if let Some(reward) = notice.reward {
        line["reward"] = json!(reward.as_str());
    }
    if let Some(until) = notice.until {
        line["until"] = json!(until.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card_file::rows::read_rows;

    fn told(line: &str) -> String {
        let mut told = String::new();
        read_rows(line.as_bytes(), HOT_COLUMNS, None, &mut |row| {
            let Ok(row) = row else { panic!("no line") };
            told = match hot_entry(row) {
                Ok(change) => hot_change_json(&change).to_string(),
                Err(faults) => faults.0.join("; "),
            };
        });
        told
    }

    #[test]
    fn a_line_says_what_to_answer_or_leaves_it_to_its_reason() {
        let check = |rest: &str, expect: &str| {
            let line = format!("{{\"pan\":\"4000001234567899\"{rest}}}");
            assert_eq!(told(&line), expect.replace('\'', "\""), "{rest}");
        };
        check("", "{'pan':'4000001234567899','reason':'other','code':'05'}");
        check(",\"reason\":\"lost\"", "{'pan':'4000001234567899','reason':'lost','code':'41'}");
        check(
            ",\"reason\":\"lost\",\"action\":\"decline\"",
            "{'pan':'4000001234567899','reason':'lost','code':'62'}",
        );
        check(
            ",\"reason\":\"fraud\",\"action\":\"capture\",\"reward\":\"50\",\"until\":\"2027-01-31\"",
            "{'pan':'4000001234567899','reason':'fraud','code':'07','reward':'50','until':'2027-01-31'}",
        );
        check(
            ",\"last\":\"4000001234567999\",\"code\":\"59\"",
            "{'pan':'4000001234567899','last':'4000001234567999','reason':'other','code':'59'}",
        );
        check(",\"action\":\"capture\",\"code\":\"05\"", "code: says otherwise than the action");
        check(",\"code\":\"00\"", "code: approves; the list declines");
        check(",\"reward\":\"r\"", "reward: is not 1 to 4 capital letters and digits");
        check(",\"until\":\"2027-13-01\"", "until: is no day from 2000-01-01 to 2127-12-31");
        check(",\"last\":\"4000\"", "last: is not 12 to 19 digits");
        check(",\"last\":\"4000001234567898\"", "last: is not of the same length as pan, or before it");
        check(
            ",\"reason\":\"x\"",
            "reason: is none of lost, stolen, not_received, counterfeit, fraud, restricted, other",
        );
    }
}
