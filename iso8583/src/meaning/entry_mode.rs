//! Point-of-service entry mode: DE 22 of 1987 (ISO 8583:1987, 4.3.14) and tag 9F39, with the values
//! which the card networks have added since.

use super::digits::cut;

/// DE 22 of 1987, n3: how the card number was entered, and whether a PIN can be.
pub(super) fn of_element(value: &str) -> Option<String> {
    let [mode, capability] = cut(value, [2, 1])?;
    let mode = name(mode)?;
    let capability = match capability {
        "0" => "PIN entry unknown",
        "1" => "PIN can be entered",
        "2" => "no PIN can be entered",
        "8" => "PIN pad out of order",
        "9" => "PIN checked by the terminal",
        _ => return None,
    };
    Some(format!("{mode}, {capability}"))
}

/// Two digits: how the card number was entered.
pub(super) fn name(mode: &str) -> Option<&'static str> {
    Some(match mode {
        "00" => "entry mode unknown",
        "01" => "manual entry",
        "02" => "magnetic stripe, check value not reliable",
        "03" => "bar code",
        "04" => "optical reading",
        "05" => "chip",
        "06" => "key entry",
        "07" => "contactless chip",
        "10" => "credential on file",
        "79" => "manual entry after chip and stripe failed",
        "80" => "magnetic stripe after the chip failed",
        "81" => "manual entry, electronic commerce",
        "90" => "magnetic stripe read in full",
        "91" => "contactless magnetic stripe data",
        "95" => "chip, check value not reliable",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_modes() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_element(value).as_deref(), expect);
        check("010", Some("manual entry, PIN entry unknown"));
        check("051", Some("chip, PIN can be entered"));
        check("072", Some("contactless chip, no PIN can be entered"));
        check("801", Some("magnetic stripe after the chip failed, PIN can be entered"));
        check("901", Some("magnetic stripe read in full, PIN can be entered"));
        check("028", Some("magnetic stripe, check value not reliable, PIN pad out of order"));
        for bad in ["", "05", "0510", "993", "055", "é1"] {
            check(bad, None);
        }
    }
}
