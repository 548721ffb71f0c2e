//! Message reason code (DE 25 of 1993 and 2003, n4): why a message was sent at all
//! (ISO 8583:1993, annex A). Reasons of the 1000s for advices are left out: published lists disagree.

/// Why a request went online (15xx) or a transaction is reversed (40xx).
pub(super) fn of(value: &str) -> Option<String> {
    let text = match value {
        "1500" => "chip application unable to process",
        "1502" => "chosen at random by the chip",
        "1503" => "chosen at random by the terminal",
        "1504" => "terminal cannot process the chip",
        "1505" => "chip asks to go online",
        "1506" => "merchant asks to go online",
        "1507" => "card acceptor device asks to go online",
        "1508" => "terminal asks to go online",
        "1509" => "issuer asks to go online",
        "1510" => "over the floor limit",
        "1511" => "merchant is suspicious",
        "4000" => "customer cancelled",
        "4001" => "unspecified, no action taken",
        "4002" => "suspected malfunction",
        "4003" => "format error, no action taken",
        "4004" => "completed in part",
        "4005" => "original amount was wrong",
        "4006" => "response came too late",
        "4007" => "device could not complete the transaction",
        "4008" => "deposit out of balance",
        "4009" => "no cheque in the envelope",
        "4010" => "payment out of balance",
        "4011" => "deposit out of balance, applied",
        "4012" => "payment out of balance, applied",
        "4013" => "message could not be delivered to the terminal",
        "4014" => "suspected malfunction, card retained",
        "4015" => "suspected malfunction, card returned",
        "4016" => "suspected malfunction, track 3 not updated",
        "4017" => "suspected malfunction, no cash dispensed",
        "4018" => "timeout, no cash dispensed",
        "4019" => "timeout, card retained and no cash dispensed",
        "4020" => "invalid response, no action taken",
        "4021" => "timeout waiting for the response",
        _ => return None,
    };
    Some(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of(value).as_deref(), expect);
        check("1510", Some("over the floor limit"));
        check("4000", Some("customer cancelled"));
        check("4006", Some("response came too late"));
        check("4021", Some("timeout waiting for the response"));
        for bad in ["", "4022", "1000", "402", "04021"] {
            check(bad, None);
        }
    }
}
