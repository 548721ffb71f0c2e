//! Processing code (DE 3): transaction type and two account types, two digits each
//! (ISO 8583:1987, 4.3.8; ISO 8583:1993, A.9).

use super::digits::cut;
use std::fmt::Write;

/// `cash withdrawal from savings account`. Account type 00 says nothing and is left out.
pub(super) fn of(value: &str) -> Option<String> {
    let [kind, from, to] = cut(value, [2, 2, 2])?;
    let mut text = transaction_type(kind)?.to_string();
    for (word, account) in [("from", from), ("to", to)] {
        let written = match account_type(account) {
            _ if account == "00" => Ok(()),
            Some(name) => write!(text, " {word} {name}"),
            None if account.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                write!(text, " {word} account type {account}")
            }
            None => return None,
        };
        written.ok()?;
    }
    Some(text)
}

/// The first two digits of DE 3, and tag 9C. Types that each network uses in its own way (10, 26,
/// 28, the 9x of PIN changes) are left out.
pub(super) fn transaction_type(code: &str) -> Option<&'static str> {
    Some(match code {
        "00" => "purchase",
        "01" => "cash withdrawal",
        "02" => "debit adjustment",
        "03" => "cheque guarantee",
        "04" => "cheque verification",
        "05" => "eurocheque",
        "06" => "traveller cheque",
        "07" => "letter of credit",
        "08" => "giro",
        "09" => "purchase with cashback",
        "11" => "quasi-cash",
        "17" => "cash advance",
        "20" => "refund",
        "21" => "deposit",
        "22" => "credit adjustment",
        "23" => "cheque deposit guarantee",
        "24" => "cheque deposit",
        "30" => "available funds inquiry",
        "31" => "balance inquiry",
        "38" => "mini statement",
        "40" => "transfer",
        "50" => "payment",
        _ => return None,
    })
}

/// An account type of DE 3 or DE 54.
pub(super) fn account_type(code: &str) -> Option<&'static str> {
    Some(match code {
        "00" => "default account",
        "10" => "savings account",
        "20" => "cheque account",
        "30" => "credit account",
        "40" => "universal account",
        "50" => "investment account",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_accounts() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of(value).as_deref(), expect, "{value}");
        check("000000", Some("purchase"));
        check("003000", Some("purchase from credit account"));
        check("011000", Some("cash withdrawal from savings account"));
        check("092000", Some("purchase with cashback from cheque account"));
        check("200030", Some("refund to credit account"));
        check("210010", Some("deposit to savings account"));
        check("312000", Some("balance inquiry from cheque account"));
        check("401020", Some("transfer from savings account to cheque account"));
        check("509800", Some("payment from account type 98"));
        check("990000", None);
        check("00000", None);
        check("0000000", None);
        check("00--00", None);
        check("aéaéa", None);
    }
}
