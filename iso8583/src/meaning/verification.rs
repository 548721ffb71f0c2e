//! How the cardholder was or should be verified: tags 9F34 and 8E.

use std::fmt::Write;

/// CVM results, tag 9F34: method, condition, result (EMV 4.4 Book 4, annex A4).
pub(super) fn of_results(value: &[u8]) -> Option<String> {
    let [rule, condition, result] = *value else { return None };
    let result = match result {
        0 => "result unknown",
        1 => "failed",
        2 => "successful",
        _ => return None,
    };
    // The terminal writes 3F when it applied no rule, so the condition is not one of the card's.
    if rule == 0x3F {
        return Some(format!("no verification performed: {result}"));
    }
    Some(format!("{}, {}: {result}", method(rule & 0x3F)?, self::condition(condition)?))
}

/// CVM list, tag 8E: amounts X and Y, then rules in the order of the card's preference
/// (EMV 4.4 Book 3, annex C3).
pub(super) fn of_list(value: &[u8]) -> Option<String> {
    let (x, rest) = value.split_first_chunk::<4>()?;
    let (y, rules) = rest.split_first_chunk::<4>()?;
    let (rules, odd) = rules.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let mut text = format!("X {}, Y {}", u32::from_be_bytes(*x), u32::from_be_bytes(*y));
    for [rule, condition] in rules {
        write!(text, "; {}, {}", method(rule & 0x3F)?, self::condition(*condition)?).ok()?;
        if rule & 0x40 == 0 {
            text.push_str(", or else fail");
        }
    }
    Some(text)
}

fn method(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "fail verification",
        0x01 => "plaintext PIN checked by the card",
        0x02 => "online PIN",
        0x03 => "plaintext PIN checked by the card, and signature",
        0x04 => "enciphered PIN checked by the card",
        0x05 => "enciphered PIN checked by the card, and signature",
        0x06 => "face checked by the card",
        0x07 => "face checked online",
        0x08 => "finger checked by the card",
        0x09 => "finger checked online",
        0x0A => "palm checked by the card",
        0x0B => "palm checked online",
        0x0C => "iris checked by the card",
        0x0D => "iris checked online",
        0x0E => "voice checked by the card",
        0x0F => "voice checked online",
        0x1E => "signature",
        0x1F => "no CVM required",
        _ => return None,
    })
}

fn condition(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "always",
        0x01 => "if unattended cash",
        0x02 => "if neither cash nor cashback",
        0x03 => "if the terminal supports it",
        0x04 => "if manual cash",
        0x05 => "if cashback",
        0x06 => "if under X",
        0x07 => "if over X",
        0x08 => "if under Y",
        0x09 => "if over Y",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results() {
        let check = |value: &[u8], expect: Option<&str>| assert_eq!(of_results(value).as_deref(), expect);
        check(&[0x02, 0x00, 0x00], Some("online PIN, always: result unknown"));
        check(&[0x42, 0x03, 0x00], Some("online PIN, if the terminal supports it: result unknown"));
        check(
            &[0x41, 0x03, 0x02],
            Some("plaintext PIN checked by the card, if the terminal supports it: successful"),
        );
        check(&[0x1F, 0x00, 0x02], Some("no CVM required, always: successful"));
        check(&[0x1E, 0x03, 0x00], Some("signature, if the terminal supports it: result unknown"));
        check(&[0x3F, 0x00, 0x02], Some("no verification performed: successful"));
        check(
            &[0x44, 0x02, 0x01],
            Some("enciphered PIN checked by the card, if neither cash nor cashback: failed"),
        );
        check(&[0x20, 0x00, 0x02], None);
        check(&[0x02, 0x80, 0x02], None);
        check(&[0x02, 0x00, 0x03], None);
        check(&[0x02, 0x00], None);
        check(&[], None);
    }

    #[test]
    fn lists() {
        let check = |value: &[u8], expect: Option<&str>| assert_eq!(of_list(value).as_deref(), expect);
        check(
            &[0, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x01, 0x44, 0x03, 0x1F, 0x00],
            Some(
                "X 0, Y 0; online PIN, if unattended cash; enciphered PIN checked by the card, if the \
                 terminal supports it; no CVM required, always, or else fail",
            ),
        );
        check(&[0, 0, 0x13, 0x88, 0, 0, 0, 0], Some("X 5000, Y 0"));
        check(&[0, 0, 0, 0, 0, 0, 0, 0, 0x42], None);
        check(&[0, 0, 0, 0, 0, 0, 0], None);
    }
}
