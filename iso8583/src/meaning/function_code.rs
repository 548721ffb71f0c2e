//! What kind of message within its type: function code (DE 24 of 1993 and 2003) and network
//! management code (DE 70 of 1987, whose place the function code has taken).

/// Function code, n3 (ISO 8583:1993, annex A). Only codes on which published lists agree.
pub(super) fn of_function(value: &str) -> Option<String> {
    let text = match value {
        "100" => "original authorization, exact amount",
        "101" => "original authorization, estimated amount",
        "200" => "original financial transaction",
        "201" => "approved before, same amount",
        "202" => "approved before, other amount",
        "400" => "full reversal",
        "401" => "partial reversal",
        "500" => "final reconciliation",
        "501" => "checkpoint reconciliation",
        "502" => "final reconciliation in one currency",
        "503" => "checkpoint reconciliation in one currency",
        "650" => "message could not be read",
        "801" => "sign-on",
        "802" => "sign-off",
        "811" => "key exchange",
        "821" => "cutover",
        "831" => "echo test",
        _ => return None,
    };
    Some(text.to_string())
}

/// Network management information code, n3. Beyond these the networks have their own.
pub(super) fn of_network_management(value: &str) -> Option<String> {
    let text = match value {
        "001" => "sign-on",
        "002" => "sign-off",
        "101" | "161" => "key exchange",
        "201" => "cutover",
        "301" => "echo test",
        _ => return None,
    };
    Some(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_function(value).as_deref(), expect);
        check("200", Some("original financial transaction"));
        check("401", Some("partial reversal"));
        check("801", Some("sign-on"));
        check("899", None);
        check("", None);
    }

    #[test]
    fn network_management() {
        let check =
            |value: &str, expect: Option<&str>| assert_eq!(of_network_management(value).as_deref(), expect);
        check("001", Some("sign-on"));
        check("002", Some("sign-off"));
        check("101", Some("key exchange"));
        check("161", Some("key exchange"));
        check("201", Some("cutover"));
        check("301", Some("echo test"));
        check("1", None);
        check("831", None);
    }
}
