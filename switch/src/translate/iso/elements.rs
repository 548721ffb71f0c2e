//! Single data elements as typed values, each with its own refusal.

use super::Refusal;
use crate::translate::chip::Objects;
use auth::TransmissionTime;
use card::{Pan, Stan, TerminalId, Track2};
use iso8583::{Message, field};

/// DE 11.
pub(super) fn stan(message: &Message<'_>) -> Result<Stan, Refusal> {
    let digits = message.value(field::STAN).ok_or(Refusal::missing(field::STAN))?;
    Stan::parse(&digits).map_err(|_| Refusal::illegal(field::STAN, "not six digits"))
}

/// DE 41.
pub(super) fn terminal(message: &Message<'_>) -> Result<TerminalId, Refusal> {
    let text = message.value(field::TERMINAL_ID).ok_or(Refusal::missing(field::TERMINAL_ID))?;
    TerminalId::new(&text).ok_or(Refusal::illegal(field::TERMINAL_ID, "not printable"))
}

/// DE 7, else DE 13 and 12 together, else 0. Terminals of either habit are common, and what counts is
/// that a repeat and a reversal say the same as the original did.
pub(super) fn transmission(message: &Message<'_>) -> Result<TransmissionTime, Refusal> {
    if let Some(digits) = message.value(field::TRANSMISSION_TIME) {
        let illegal = Refusal::illegal(field::TRANSMISSION_TIME, "no such date and time");
        return month_day_time(&digits).ok_or(illegal);
    }
    let (Some(date), Some(time)) = (message.value(field::LOCAL_DATE), message.value(field::LOCAL_TIME))
    else {
        return Ok(TransmissionTime::default());
    };
    let digits = [&*date, &*time].concat();
    month_day_time(&digits).ok_or(Refusal::illegal(field::LOCAL_DATE, "no such date and time with DE 12"))
}

/// `MMDDhhmmss`. February 30th passes: without a year no calendar can say more.
pub(super) fn month_day_time(digits: &[u8]) -> Option<TransmissionTime> {
    if digits.len() != 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let pair = |at: usize| u32::from(digits[at] - b'0') * 10 + u32::from(digits[at + 1] - b'0');
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(pair);
    let exists = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    // A clock that follows UTC may show a leap second.
    let exists = exists && second <= 60;
    let number = || [month, day, hour, minute, second].iter().fold(0, |number, part| number * 100 + part);
    exists.then(|| TransmissionTime(number()))
}

/// Track 2 of DE 35, else its equivalent in tag 57.
pub(super) fn track2(
    message: &Message<'_>,
    objects: Option<&Objects<'_>>,
) -> Result<Option<Track2>, Refusal> {
    if let Some(text) = message.value(field::TRACK_2) {
        let track = Track2::parse(&text);
        return track.map(Some).map_err(|_| Refusal::illegal(field::TRACK_2, "not in the layout of track 2"));
    }
    objects.map_or(Ok(None), |objects| Ok(objects.track2()?))
}

/// The PAN of DE 2, else of track 2, else of tag 5A.
pub(super) fn pan(
    message: &Message<'_>,
    track2: Option<&Track2>,
    objects: Option<&Objects<'_>>,
) -> Result<Pan, Refusal> {
    if let Some(digits) = message.value(field::PAN) {
        return Pan::parse(&digits).map_err(|_| Refusal::illegal(field::PAN, "not 1 to 19 digits"));
    }
    if let Some(track) = track2 {
        return Ok(track.pan());
    }
    objects.map_or(Ok(None), Objects::pan)?.ok_or(Refusal::missing(field::PAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_exist() {
        let check = |digits: &str, expect: Option<u32>| {
            assert_eq!(month_day_time(digits.as_bytes()), expect.map(TransmissionTime), "{digits}");
        };
        check("1123155959", Some(1_123_155_959));
        check("0101000000", Some(101_000_000));
        check("1231235960", Some(1_231_235_960));
        check("0000000000", None);
        check("1301000000", None);
        check("0132000000", None);
        check("0100000000", None);
        check("0101240000", None);
        check("0101006000", None);
        check("0101000061", None);
        check("9999999999", None);
        check("112315595", None);
        check("11231559 9", None);
    }
}
