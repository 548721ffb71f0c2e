//! What became of a request: response code (DE 39 of 1987, tag 8A) and action code (DE 39 of 1993
//! and 2003).

use super::digits::number;
use card::ResponseCode;

/// Response code of 1987, an2: the words of [`card::ResponseCode`] first, then those codes of
/// ISO 8583:1987 which the switch itself never gives.
pub(super) fn of_1987(value: &str) -> Option<String> {
    let code = ResponseCode::parse(value.as_bytes())?;
    // `card` has words for unknown codes too. No list has a code 0x, so its words are those.
    let unknown = ResponseCode::parse(b"0x").map(ResponseCode::meaning);
    let named = Some(code.meaning()).filter(|meaning| Some(*meaning) != unknown);
    named.or_else(|| rare(value)).map(str::to_string)
}

fn rare(code: &str) -> Option<&'static str> {
    Some(match code {
        "02" => "refer to card issuer, special condition",
        "06" => "error",
        "08" => "honour with identification",
        "09" => "request in progress",
        "11" => "approved, VIP",
        "16" => "approved, update track 3",
        "17" => "customer cancellation",
        "18" => "customer dispute",
        "19" => "re-enter transaction",
        "20" => "invalid response",
        "21" => "no action taken",
        "22" => "suspected malfunction",
        "23" => "unacceptable fee",
        "24" => "file update not supported by receiver",
        "26" => "duplicate file record, old one replaced",
        "27" => "file update field error",
        "28" => "file locked",
        "29" => "file update failed, contact acquirer",
        "31" => "bank not supported by switch",
        "32" => "completed in part",
        "34" => "suspected fraud, pick up",
        "35" => "contact acquirer, pick up",
        "36" => "restricted card, pick up",
        "37" => "call acquirer security, pick up",
        "42" => "no universal account",
        "44" => "no investment account",
        "56" => "no card record",
        "60" => "contact acquirer",
        "64" => "original amount incorrect",
        "66" => "call acquirer security",
        "67" => "pick up at the ATM",
        "68" => "response received too late",
        "90" => "cutoff in process",
        "92" => "no route to the destination",
        "93" => "violation of law",
        "95" => "reconciliation error",
        _ => return None,
    })
}

/// Action code of 1993, n3 (ISO 8583:1993, annex A).
pub(super) fn of_1993(value: &str) -> Option<String> {
    let text = match value {
        "000" => "approved",
        "001" => "honour with identification",
        "002" => "approved for a partial amount",
        "003" => "approved, VIP",
        "004" => "approved, update track 3",
        "005" => "approved, account type chosen by issuer",
        "006" => "approved for a partial amount, account type chosen by issuer",
        "007" => "approved, update chip",
        "100" => "do not honour",
        "101" => "expired card",
        "102" => "suspected fraud",
        "103" => "contact acquirer",
        "104" => "restricted card",
        "105" => "call acquirer security",
        "106" => "PIN tries exceeded",
        "107" => "refer to card issuer",
        "108" => "refer to card issuer, special condition",
        "109" => "invalid merchant",
        "110" => "invalid amount",
        "111" => "invalid card number",
        "112" => "PIN required",
        "113" => "unacceptable fee",
        "114" => "no account of the requested type",
        "115" => "requested function not supported",
        "116" => "insufficient funds",
        "117" => "incorrect PIN",
        "118" => "no card record",
        "119" => "transaction not permitted to cardholder",
        "120" => "transaction not permitted to terminal",
        "121" => "exceeds amount limit",
        "122" => "security violation",
        "123" => "exceeds frequency limit",
        "124" => "violation of law",
        "125" => "card not yet effective",
        "126" => "invalid PIN block",
        "127" => "PIN length error",
        "128" => "PIN key out of step",
        "129" => "suspected counterfeit card",
        "200" => "pick up, do not honour",
        "201" => "pick up, expired card",
        "202" => "pick up, suspected fraud",
        "203" => "pick up, contact acquirer",
        "204" => "pick up, restricted card",
        "205" => "pick up, call acquirer security",
        "206" => "pick up, PIN tries exceeded",
        "207" => "pick up, special condition",
        "208" => "pick up, lost card",
        "209" => "pick up, stolen card",
        "210" => "pick up, suspected counterfeit card",
        "300" => "file action done",
        "301" => "file action not supported by receiver",
        "302" => "no such record on file",
        "303" => "duplicate record, old one replaced",
        "304" => "file record field error",
        "305" => "file locked",
        "306" => "file action failed",
        "307" => "file format error",
        "308" => "duplicate record, new one rejected",
        "309" => "unknown file",
        "400" => "reversal accepted",
        "500" => "reconciled, in balance",
        "501" => "reconciled, out of balance",
        "502" => "amount not reconciled, totals given",
        "503" => "totals not available",
        "504" => "not reconciled, totals given",
        "600" => "administrative message accepted",
        "700" => "fee collection accepted",
        "800" => "network management accepted",
        "900" => "advice acknowledged, no liability accepted",
        "901" => "advice acknowledged, liability accepted",
        "902" => "invalid transaction",
        "903" => "re-enter transaction",
        "904" => "format error",
        "905" => "acquirer not supported by switch",
        "906" => "cutover in process",
        "907" => "issuer or switch inoperative",
        "908" => "no route to the destination",
        "909" => "system malfunction",
        "910" => "issuer signed off",
        "911" => "issuer timed out",
        "912" => "issuer unavailable",
        "913" => "duplicate transmission",
        "914" => "original transaction not found",
        "915" => "reconciliation cutover or checkpoint error",
        "916" => "MAC incorrect",
        "917" => "MAC key out of step",
        "918" => "no communication keys available",
        "919" => "encryption key out of step",
        "920" => "security module error, try again",
        "921" => "security module error, no action",
        "922" => "message number out of sequence",
        "923" => "request in progress",
        _ => return None,
    };
    Some(text.to_string())
}

/// Action code of 2003, n4, as far as the jPOS common message format names them.
pub(super) fn of_2003(value: &str) -> Option<String> {
    let text = match value {
        "0000" => "approved",
        "0001" => "honour with identification",
        "0002" => "approved for a partial amount",
        "0003" => "approved, VIP",
        "0009" => "approved with overdraft",
        "0012" => "approved offline",
        "0085" => "no reason to decline",
        "1000" => "do not honour",
        "1001" => "expired card",
        "1002" => "suspected fraud",
        "1004" => "restricted card",
        "1006" => "PIN tries exceeded",
        "1007" => "refer to card issuer",
        "1009" => "invalid card acceptor",
        "1010" => "invalid amount",
        "1011" => "invalid card number",
        "1012" => "PIN required",
        "1014" => "no account of the requested type",
        "1015" => "requested function not supported",
        "1016" => "insufficient funds",
        "1017" => "incorrect PIN",
        "1018" => "no card record",
        "1019" => "transaction not permitted to cardholder",
        "1020" => "transaction not permitted to terminal",
        "1021" => "exceeds amount limit",
        "1022" => "security violation",
        "1023" => "exceeds frequency limit",
        "1025" => "card not yet effective",
        "1026" => "invalid PIN block",
        "1028" => "PIN key out of step",
        "1032" => "lost or stolen card",
        "1035" => "account closed",
        "1045" => "card verification failed",
        "1067" => "more authentication needed",
        "1802" => "field missing",
        "1803" => "field too many",
        "1806" => "card not active",
        "1816" => "original transaction not found",
        "1817" => "usage limit reached",
        "1819" => "invalid terminal",
        "1820" => "terminal not active",
        "1821" => "invalid merchant",
        "1824" => "already reversed",
        "1827" => "original was voided",
        "1830" => "field invalid",
        "1833" => "host unreachable",
        "2008" => "pick up, lost card",
        "2009" => "pick up, stolen card",
        "2010" => "pick up, suspected counterfeit card",
        "4000" => "reversal accepted",
        "4006" => "response too late",
        "4018" => "timeout, no cash dispensed",
        "4021" => "timeout waiting for the response",
        "5000" => "reconciled, in balance",
        "5001" => "reconciled, out of balance",
        "5002" => "amount not reconciled, totals given",
        "5003" => "totals not available",
        "5004" => "not reconciled, totals given",
        "8000" => "network management accepted",
        "8001" => "network management, try again",
        "8002" => "key verification failed",
        "9100" => "message error",
        "9102" => "invalid transaction",
        "9106" => "cutover in process",
        "9107" => "issuer not available",
        "9108" => "no route to the destination",
        "9109" => "system error",
        "9111" => "issuer timed out",
        "9113" => "duplicate transmission",
        "9116" => "MAC incorrect",
        "9117" => "MAC key out of step",
        "9119" => "cryptographic failure",
        "9122" => "message number out of sequence",
        "9123" => "request in progress",
        // The rest of these groups say one thing for many reasons.
        _ if value.len() == 4 => match number(value)? {
            2000..=2012 => "pick up card",
            8100..=8105 => "key exchange",
            _ => return None,
        },
        _ => return None,
    };
    Some(text.to_string())
}

/// Authorization response code, tag 8A: two characters as in DE 39, or what the terminal decided
/// by itself (EMV Book 4, annex A6).
pub(super) fn of_chip(value: &[u8]) -> Option<String> {
    let text = match value {
        b"Y1" => "approved offline",
        b"Z1" => "declined offline",
        b"Y3" => "unable to go online, approved offline",
        b"Z3" => "unable to go online, declined offline",
        _ => return of_1987(std::str::from_utf8(value).ok()?),
    };
    Some(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_codes() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_1987(value).as_deref(), expect);
        check("00", Some("approved"));
        check("05", Some("do not honour"));
        check("51", Some("insufficient funds"));
        check("02", Some("refer to card issuer, special condition"));
        check("68", Some("response received too late"));
        check("95", Some("reconciliation error"));
        for bad in ["", "0", "000", "ZZ", "4A", "é"] {
            check(bad, None);
        }
    }

    #[test]
    fn action_codes_of_1993() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_1993(value).as_deref(), expect);
        check("000", Some("approved"));
        check("117", Some("incorrect PIN"));
        check("208", Some("pick up, lost card"));
        check("400", Some("reversal accepted"));
        check("911", Some("issuer timed out"));
        for bad in ["", "00", "0000", "999"] {
            check(bad, None);
        }
    }

    #[test]
    fn action_codes_of_2003() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_2003(value).as_deref(), expect);
        check("0000", Some("approved"));
        check("1017", Some("incorrect PIN"));
        check("2001", Some("pick up card"));
        check("2009", Some("pick up, stolen card"));
        check("2013", None);
        check("8103", Some("key exchange"));
        check("9116", Some("MAC incorrect"));
        for bad in ["", "000", "20001", "200é", "200A", "9999"] {
            check(bad, None);
        }
    }

    #[test]
    fn chip_response_codes() {
        let check = |value: &[u8], expect: Option<&str>| assert_eq!(of_chip(value).as_deref(), expect);
        check(b"00", Some("approved"));
        check(b"05", Some("do not honour"));
        check(b"Y1", Some("approved offline"));
        check(b"Z3", Some("unable to go online, declined offline"));
        check(&[0x00, 0x12], None);
        check(&[0xFF, 0xFF], None);
        check(b"", None);
    }
}
