//! Which message is meant: original data elements (DE 90 of 1987, DE 56 of 1993).

use super::date::{Clock, Day};
use super::digits::{cut, number, pairs};
use crate::Mti;
use std::fmt::Write;

/// DE 90 of 1987, n42: message type 4, STAN 6, transmission time 10, acquirer 11, forwarder 11.
/// What is all zeros was not known to the sender and is left out.
pub(super) fn of_element_90(value: &str) -> Option<String> {
    let [mti, stan, sent, acquirer, forwarder] = cut(value, [4, 6, 10, 11, 11])?;
    let mut text = message(mti, stan)?;
    if number(sent)? != 0 {
        let [month, day, hour, minute, second] = pairs(sent)?;
        let (day, time) = (Day::of_year([month, day])?, Clock::new([hour, minute, second])?);
        write!(text, ", sent {day}, {time} UTC").ok()?;
    }
    for (party, id) in [("acquirer", number(acquirer)?), ("forwarder", number(forwarder)?)] {
        if id != 0 {
            write!(text, ", {party} {id}").ok()?;
        }
    }
    Some(text)
}

/// DE 56 of 1993, n..35: message type 4, STAN 6, local time 12, acquirer with its length 2 + ..11.
pub(super) fn of_element_56(value: &str) -> Option<String> {
    let acquirer_length = value.len().checked_sub(24)?;
    let [mti, stan, local, length, acquirer] = cut(value, [4, 6, 12, 2, acquirer_length])?;
    let [year, month, day, hour, minute, second] = pairs(local)?;
    let (day, time) = (Day::short([year, month, day])?, Clock::new([hour, minute, second])?);
    if acquirer_length > 11 || number(length)? != acquirer_length as u64 {
        return None;
    }
    let mut text = message(mti, stan)?;
    write!(text, ", local time {day}, {time}").ok()?;
    if !acquirer.is_empty() {
        write!(text, ", acquirer {}", number(acquirer)?).ok()?;
    }
    Some(text)
}

fn message(mti: &str, stan: &str) -> Option<String> {
    let mti = Mti::parse(mti.as_bytes()).ok()?;
    number(stan)?;
    Some(format!("{mti} ({}), STAN {stan}", super::of_mti(mti)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_90() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_element_90(value).as_deref(), expect);
        check(
            "020000012311231559590000012345600000000042",
            Some(
                "0200 (1987 financial request, acquirer), STAN 000123, sent 23 November, 15:59:59 UTC, \
                 acquirer 123456, forwarder 42",
            ),
        );
        check(
            "010000000100000000000000000000000000000000",
            Some("0100 (1987 authorization request, acquirer), STAN 000001"),
        );
        check("02000001231123155959000001234560000000004", None);
        check("020000012311331559590000012345600000000042", None);
        check("02A000012311231559590000012345600000000042", None);
        check("0200000123112315595900000123456         42", None);
        check("", None);
    }

    #[test]
    fn element_56() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_element_56(value).as_deref(), expect);
        check(
            "120000012326112315595906123456",
            Some(
                "1200 (1993 financial request, acquirer), STAN 000123, local time 23 November 2026, \
                 15:59:59, acquirer 123456",
            ),
        );
        check(
            "120000012326112315595900",
            Some(
                "1200 (1993 financial request, acquirer), STAN 000123, local time 23 November 2026, 15:59:59",
            ),
        );
        check("120000012326112315595905123456", None);
        check("120000012326112315595912123456789012", None);
        check("1200000123261123155959", None);
        check("", None);
    }
}
