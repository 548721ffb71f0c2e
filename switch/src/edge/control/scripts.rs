//! `POST /v1/scripts`: a command for a card's chip is queued or taken off the list. `POST /v1/pin-tries`: the count of
//! wrong PINs begins anew.

use auth::{ProvisionTask, ScriptCommand};
use card::Pan;
use serde::Deserialize;

/// The body. A command with its parameters, or the number of a script to cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    pan: String,
    command: Option<String>,
    /// Tag of `put-data`, four hexadecimal digits.
    tag: Option<String>,
    /// Value of `put-data`, hexadecimal.
    value: Option<String>,
    /// CLA, INS, P1 and P2 of `command`, eight hexadecimal digits.
    header: Option<String>,
    /// Data of `command` without the MAC, hexadecimal.
    data: Option<String>,
    cancel: Option<u32>,
}

/// Reads a body: the card, and what is to be done.
///
/// # Errors
/// What is wrong with it, without card data.
pub(super) fn read(body: &[u8]) -> Result<(Pan, ProvisionTask), String> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|_| {
        "the body must be {\"pan\":\"…\",\"command\":\"…\"} with tag and value, or header and data; or {\"pan\":\"…\",\"cancel\":1}"
            .to_owned()
    })?;
    let pan = Pan::parse(wanted.pan.as_bytes()).map_err(|error| format!("pan: {error}"))?;
    let task = match (wanted.command.as_deref(), wanted.cancel) {
        (Some(word), None) => ProvisionTask::QueueScript { pan, command: command(word, &wanted)? },
        (None, Some(number)) => ProvisionTask::CancelScript { pan, number },
        _ => return Err("command, cancel: one of them, and not both".to_owned()),
    };
    Ok((pan, task))
}

/// Reads the body `{"pan":"…"}`.
///
/// # Errors
/// As [`read`].
pub(super) fn read_pan(body: &[u8]) -> Result<Pan, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        pan: String,
    }
    let wanted: Wanted =
        serde_json::from_slice(body).map_err(|_| "the body must be {\"pan\":\"…\"}".to_owned())?;
    Pan::parse(wanted.pan.as_bytes()).map_err(|error| format!("pan: {error}"))
}

fn command(word: &str, wanted: &Wanted) -> Result<ScriptCommand, String> {
    let plain = match word {
        "block-application" => Some(ScriptCommand::BlockApplication),
        "unblock-application" => Some(ScriptCommand::UnblockApplication),
        "block-card" => Some(ScriptCommand::BlockCard),
        "unblock-pin" => Some(ScriptCommand::UnblockPin),
        _ => None,
    };
    let (put, own) = (word == "put-data", word == "command");
    if !put && (wanted.tag.is_some() || wanted.value.is_some()) {
        return Err("tag, value: belong to put-data".to_owned());
    }
    if !own && (wanted.header.is_some() || wanted.data.is_some()) {
        return Err("header, data: belong to command".to_owned());
    }
    if let Some(plain) = plain {
        return Ok(plain);
    }
    if put {
        let [high, low] = exactly(wanted.tag.as_deref(), "tag: is four hexadecimal digits: 9F58")?;
        let value = hexadecimal(wanted.value.as_deref()).filter(|value| (1..=16).contains(&value.len()));
        let value = value.ok_or("value: is 1 to 16 bytes in hexadecimal")?;
        let tag = u16::from_be_bytes([high, low]);
        return Ok(ScriptCommand::PutData { tag, value: value.into_iter().collect() });
    }
    if own {
        let header =
            exactly(wanted.header.as_deref(), "header: is CLA, INS, P1 and P2, eight hexadecimal digits")?;
        let data = hexadecimal(Some(wanted.data.as_deref().unwrap_or(""))).filter(|data| data.len() <= 24);
        let data = data.ok_or("data: is at most 24 bytes in hexadecimal")?;
        return Ok(ScriptCommand::Command { header, data: data.into_iter().collect() });
    }
    Err("command: is one of block-application, unblock-application, block-card, unblock-pin, put-data, command"
        .to_owned())
}

fn exactly<const N: usize>(text: Option<&str>, reason: &str) -> Result<[u8; N], String> {
    hexadecimal(text).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| reason.to_owned())
}

fn hexadecimal(text: Option<&str>) -> Option<Vec<u8>> {
    hex::decode(text?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let check = |rest: &str, expect: Result<&str, &str>| {
            let body = format!("{{\"pan\":\"4000001234567899\",{rest}}}");
            let read = read(body.as_bytes()).map(|(_, task)| match task {
                ProvisionTask::QueueScript { command, .. } => format!("{command:?}"),
                other => format!("{other:?}").replace("4000001234567899", ""),
            });
            match expect {
                Ok(expect) => assert!(read.unwrap().starts_with(expect), "{rest}"),
                Err(reason) => assert!(read.unwrap_err().starts_with(reason), "{rest}"),
            }
        };
        check(r#""command":"unblock-pin""#, Ok("UnblockPin"));
        check(r#""command":"put-data","tag":"9F58","value":"05""#, Ok("PutData { tag: 40792, value: [5] }"));
        check(
            r#""command":"command","header":"84DC010C","data":"0102""#,
            Ok("Command { header: [132, 220, 1, 12]"),
        );
        check(r#""cancel":3"#, Ok("CancelScript"));
        check(r#""command":"put-data","tag":"9F58""#, Err("value:"));
        check(r#""command":"put-data","tag":"9F","value":"05""#, Err("tag:"));
        check(r#""command":"unblock-pin","value":"05""#, Err("tag, value:"));
        check(r#""command":"put-data","tag":"9F58","value":"05","data":"""#, Err("header, data:"));
        check(r#""command":"eject""#, Err("command:"));
        check(r#""command":"unblock-pin","cancel":1"#, Err("command, cancel:"));
        check(r#""cancle":1"#, Err("the body must be"));
    }
}
