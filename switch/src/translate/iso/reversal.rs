//! 04xx to [`auth::Reversal`].

use super::{Origin, Refusal, elements, icc};
use crate::translate::chip::Objects;
use auth::{Reversal, TransmissionTime};
use card::Stan;
use iso8583::{Message, field};

/// Reads a reversal; the first thing missing or illegal refuses it.
pub(super) fn read(message: &Message<'_>, origin: Origin<'_>) -> Result<Reversal, Refusal> {
    let icc = message.value(field::ICC);
    let icc = icc.as_deref().map_or(Ok(None), |value| icc::objects(message, value))?;
    let objects = icc.map(Objects::read).transpose()?;
    let track2 = elements::track2(message, objects.as_ref())?;
    let own_stan = elements::stan(message)?;
    let (stan, transmission) = original(message)?;
    Ok(Reversal {
        reply_to: origin.reply_to,
        link: origin.link,
        terminal: elements::terminal(message)?,
        pan: elements::pan(message, track2.as_ref(), objects.as_ref())?,
        original_stan: stan.unwrap_or(own_stan),
        original_transmission: transmission,
        replacement_minor: replacement_minor(message)?,
    })
}

/// DE 90: MTI (4), STAN (6), `MMDDhhmmss` (10), acquirer (11), forwarder (11). The MTI is not looked
/// at, since a STAN is unique whatever the message, and the two institutions are not, since the
/// original came over the same link. Zeros stand for "not known" in each part.
pub(super) fn original(message: &Message<'_>) -> Result<(Option<Stan>, TransmissionTime), Refusal> {
    let Some(digits) = message.value(field::ORIGINAL_DATA) else { return Ok(Default::default()) };
    let illegal = |reason| Refusal::illegal(field::ORIGINAL_DATA, reason);
    let (Some(stan), Some(time)) = (digits.get(4..10), digits.get(10..20)) else {
        return Err(illegal("not 42 digits"));
    };
    let stan = match stan {
        b"000000" => None,
        digits => Some(Stan::parse(digits).map_err(|_| illegal("not a STAN in positions 5 to 10"))?),
    };
    let transmission = match time {
        b"0000000000" => TransmissionTime::default(),
        digits => elements::month_day_time(digits).ok_or(illegal("no such date and time"))?,
    };
    Ok((stan, transmission))
}

/// The first amount of DE 95 (12 digits): what stands after all. Without it all is given back.
fn replacement_minor(message: &Message<'_>) -> Result<Option<i64>, Refusal> {
    let Some(amounts) = message.value(field::REPLACEMENT_AMOUNTS) else { return Ok(None) };
    let illegal = Refusal::illegal(field::REPLACEMENT_AMOUNTS, "does not begin with 12 digits");
    let digits = amounts.get(..12).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let digits = digits.ok_or(illegal)?;
    Ok(Some(digits.iter().fold(0, |minor, digit| minor * 10 + i64::from(digit - b'0'))))
}
