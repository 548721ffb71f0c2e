//! The circumstances of a transaction at the point of service: DE 25 of 1987 and DE 22 of 1993.

use std::fmt::Write;

/// Condition code, DE 25 of 1987, n2 (ISO 8583:1987). From 28 on the codes belong to
/// national and private use.
pub(super) fn of_condition(value: &str) -> Option<String> {
    let text = match value {
        "00" => "normal presentment",
        "01" => "customer not present",
        "02" => "unattended terminal that can keep the card",
        "03" => "merchant is suspicious",
        "04" => "electronic cash register",
        "05" => "customer present, card not present",
        "06" => "completion of a preauthorization",
        "07" => "telephone device",
        "08" => "mail or telephone order",
        "09" => "security alert",
        "10" => "customer identity verified",
        "11" => "suspected fraud",
        "12" => "security reasons",
        "13" => "presented again",
        "14" => "public utility terminal",
        "15" => "terminal of the customer",
        "16" => "administration terminal",
        "17" => "returned item",
        "18" => "no cheque in the envelope, returned",
        "19" => "deposit out of balance, returned",
        "20" => "payment out of balance, returned",
        "21" => "manual reversal",
        "22" => "terminal error, counted",
        "23" => "terminal error, not counted",
        "24" => "deposit out of balance, applied",
        "25" => "payment out of balance, applied",
        "26" => "withdrawal failed, reversed",
        "27" => "unattended terminal that cannot keep the card",
        _ => return None,
    };
    Some(text.to_string())
}

/// Point of service data code, DE 22 of 1993, an12: one character for each position
/// (ISO 8583:1993, A.8). Characters which the standard does not name are shown as they are.
pub(super) fn of_data_code(value: &str) -> Option<String> {
    let codes: &[u8; 12] = value.as_bytes().try_into().ok()?;
    let mut text = String::new();
    for (code, (position, names)) in codes.iter().zip(POSITIONS) {
        if !code.is_ascii_alphanumeric() {
            return None;
        }
        let separator = if text.is_empty() { "" } else { "; " };
        let known = names.iter().find(|(named, _)| named == code);
        let written = match known {
            Some((_, name)) => write!(text, "{separator}{position}: {name}"),
            None => write!(text, "{separator}{position}: code {}", char::from(*code)),
        };
        written.ok()?;
    }
    Some(text)
}

type Names = &'static [(u8, &'static str)];

const READING: Names = &[
    (b'0', "unknown"),
    (b'1', "manual, no terminal"),
    (b'2', "magnetic stripe"),
    (b'3', "bar code"),
    (b'4', "optical reading"),
    (b'5', "chip"),
    (b'6', "key entry"),
];

const POSITIONS: [(&str, Names); 12] = [
    ("terminal reads", READING),
    (
        "terminal authenticates by",
        &[
            (b'0', "nothing"),
            (b'1', "PIN"),
            (b'2', "signature analysis"),
            (b'3', "biometrics"),
            (b'4', "biographic data"),
            (b'5', "nothing, out of order"),
            (b'6', "other means"),
        ],
    ),
    ("card capture", &[(b'0', "no"), (b'1', "yes")]),
    (
        "place",
        &[
            (b'0', "no terminal"),
            (b'1', "on merchant premises, attended"),
            (b'2', "on merchant premises, unattended"),
            (b'3', "off merchant premises, attended"),
            (b'4', "off merchant premises, unattended"),
            (b'5', "on cardholder premises, unattended"),
        ],
    ),
    (
        "cardholder",
        &[
            (b'0', "present"),
            (b'1', "not present"),
            (b'2', "mail order"),
            (b'3', "telephone order"),
            (b'4', "standing authorization"),
        ],
    ),
    ("card", &[(b'0', "not present"), (b'1', "present")]),
    ("entered by", READING),
    (
        "authenticated by",
        &[
            (b'0', "nothing"),
            (b'1', "PIN"),
            (b'2', "signature analysis"),
            (b'3', "biometrics"),
            (b'4', "biographic data"),
            (b'5', "manual signature check"),
            (b'6', "other manual check"),
        ],
    ),
    (
        "checked at",
        &[
            (b'0', "nowhere"),
            (b'1', "card"),
            (b'2', "terminal"),
            (b'3', "authorizing agent"),
            (b'4', "merchant"),
            (b'5', "other"),
        ],
    ),
    ("writes to card", &[(b'0', "unknown"), (b'1', "nothing"), (b'2', "magnetic stripe"), (b'3', "chip")]),
    (
        "output",
        &[
            (b'0', "unknown"),
            (b'1', "none"),
            (b'2', "printing"),
            (b'3', "display"),
            (b'4', "printing and display"),
        ],
    ),
    (
        "PIN length",
        &[
            (b'0', "no PIN"),
            (b'1', "unknown"),
            (b'4', "4"),
            (b'5', "5"),
            (b'6', "6"),
            (b'7', "7"),
            (b'8', "8"),
            (b'9', "9"),
            (b'A', "10"),
            (b'B', "11"),
            (b'C', "12"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_condition(value).as_deref(), expect);
        check("00", Some("normal presentment"));
        check("05", Some("customer present, card not present"));
        check("27", Some("unattended terminal that cannot keep the card"));
        check("59", None);
        check("0", None);
        check("000", None);
    }

    #[test]
    fn data_codes() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_data_code(value).as_deref(), expect);
        check(
            "51010151334C",
            Some(
                "terminal reads: chip; terminal authenticates by: PIN; card capture: no; \
                 place: on merchant premises, attended; cardholder: present; card: present; \
                 entered by: chip; authenticated by: PIN; checked at: authorizing agent; \
                 writes to card: chip; output: printing and display; PIN length: 12",
            ),
        );
        check(
            "M00050S00000",
            Some(
                "terminal reads: code M; terminal authenticates by: nothing; card capture: no; \
                 place: no terminal; cardholder: code 5; card: not present; entered by: code S; \
                 authenticated by: nothing; checked at: nowhere; writes to card: unknown; \
                 output: unknown; PIN length: no PIN",
            ),
        );
        for bad in ["", "51010151334", "51010151334C0", "5101015133 C", "éééééé"] {
            check(bad, None);
        }
    }
}
