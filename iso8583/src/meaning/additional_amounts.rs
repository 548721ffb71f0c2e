//! Additional amounts (DE 54 of 1987 and 1993): up to six amounts of 20 characters each, which are
//! account type 2, amount type 2, currency 3, sign 1, amount 12.

use super::digits::{cut, number};
use super::processing_code::account_type;
use card::{Amount, Currency};
use std::fmt::Write;

/// `available balance, savings account: 123.45 USD`, one after the other. A debit is negative.
pub(super) fn of(value: &str) -> Option<String> {
    if value.is_empty() || value.len() > 120 {
        return None;
    }
    let (mut text, mut rest) = (String::new(), value);
    while !rest.is_empty() {
        let (one, after) = rest.split_at_checked(20)?;
        append(one, &mut text)?;
        rest = after;
    }
    Some(text)
}

fn append(one: &str, text: &mut String) -> Option<()> {
    let [account, kind, currency, sign, minor] = cut(one, [2, 2, 3, 1, 12])?;
    let minor = i64::try_from(number(minor)?).ok()?;
    let minor = match sign {
        // Some send zero for a credit.
        "C" | "0" => minor,
        "D" => -minor,
        _ => return None,
    };
    let amount = Amount::new(minor, Currency::parse(currency).ok()?);
    let separator = if text.is_empty() { "" } else { "; " };
    let kind_known = amount_type(kind);
    let account_known = account_type(account);
    let written = match (kind_known, account_known) {
        (Some(kind), Some(account)) => write!(text, "{separator}{kind}, {account}: {amount}"),
        // The networks have types of their own; they are shown as the numbers they are.
        _ if number(kind).is_some() && number(account).is_some() => write!(
            text,
            "{separator}{}{}, {}{}: {amount}",
            if kind_known.is_none() { "amount type " } else { "" },
            kind_known.unwrap_or(kind),
            if account_known.is_none() { "account type " } else { "" },
            account_known.unwrap_or(account),
        ),
        _ => return None,
    };
    written.ok()
}

/// ISO 8583:1987: 00 to 19 speak of the account, 20 to 39 of the card, 40 to 59 of the
/// transaction.
fn amount_type(code: &str) -> Option<&'static str> {
    Some(match code {
        "01" => "ledger balance",
        "02" => "available balance",
        "03" => "amount owing",
        "04" => "amount due",
        "20" => "remaining this cycle",
        "40" => "cash part",
        "41" => "goods and services part",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of(value).as_deref(), expect, "{value}");
        check("1002840C000000012345", Some("available balance, savings account: 123.45 USD"));
        check("2001840D000000001250", Some("ledger balance, cheque account: -12.50 USD"));
        check("0040840D000000005000", Some("cash part, default account: -50.00 USD"));
        check("10028400000000012345", Some("available balance, savings account: 123.45 USD"));
        check("9957392C000000001250", Some("amount type 57, account type 99: 1250 JPY"));
        check("9902392C000000001250", Some("available balance, account type 99: 1250 JPY"));
        check(
            "2001860C0000000100002002860C000000009000",
            Some("ledger balance, cheque account: 100.00 UZS; available balance, cheque account: 90.00 UZS"),
        );
    }

    #[test]
    fn what_is_no_amount() {
        let check = |value: &str| assert_eq!(of(value), None, "{value}");
        check("");
        check("1002840C00000001234");
        check("10028401000000012345");
        check("1002840C0000000123451");
        check("1002840+000000012345");
        check("1002000C000000012345");
        check("AA02840C000000012345");
        check("1002840C00000001234é");
        check(&"1002840C000000012345".repeat(7));
    }
}
