//! `POST /v1/modes` and `POST /v1/confirmations`: the mode of a card changes, a cardholder answers.

use crate::clock;
use crate::config::parse_duration;
use auth::{
    AccountId, CardMode, CodeKey, ConfirmationTicket, HolderAnswer, Kept, KeyedHash, Lift, ModeOrder,
    ProvisionTask,
};
use card::{Amount, Currency, HolderSecret, Pan, Time};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use std::time::Duration;

/// Longest window.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// The body of an order. Which of the others belong to `do` says [`order`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    pan: String,
    r#do: String,
    source: Option<String>,
    /// Major units of the account's currency, as `minimum` and `maximum`.
    amount: Option<String>,
    minimum: Option<String>,
    maximum: Option<String>,
    automatic: Option<bool>,
    /// How long, such as `10m`.
    r#for: Option<String>,
    code: Option<String>,
    password: Option<String>,
}

/// The body of an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    ticket: u64,
    /// `confirm`, `block`, `cancel`, or 1, 2, 3.
    answer: String,
    password: Option<String>,
}

/// Whose mode, and what is ordered about it.
pub(super) type Ordered = (Pan, ModeOrder);

/// The currency of the account behind a card, as its product has it.
type CurrencyOf<'a> = &'a dyn Fn(&Pan) -> Option<Currency>;

/// Reads an order.
///
/// # Errors
/// What is wrong with it, without card data.
pub(super) fn order(body: &[u8], codes: &CodeKey, currency_of: CurrencyOf<'_>) -> Result<Ordered, String> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|_| {
        "the body must be {\"pan\":\"…\",\"do\":\"…\"} with source, amount, minimum, maximum, automatic, for, \
         code or password"
            .to_owned()
    })?;
    let pan = Pan::parse(wanted.pan.as_bytes()).map_err(|error| format!("pan: {error}"))?;
    let order = match wanted.r#do.as_str() {
        "standard" => wanted.only(&[]).map(|()| ModeOrder::Set(CardMode::Standard))?,
        "locked" => wanted.only(&[]).map(|()| ModeOrder::Set(CardMode::Locked { open_until: None }))?,
        "empty" => {
            wanted.only(&["source"])?;
            ModeOrder::Set(CardMode::Empty { source: wanted.source()?, open_until: None })
        }
        "kept" => {
            wanted.only(&["source", "minimum", "maximum", "automatic"])?;
            let currency = currency(&pan, currency_of)?;
            ModeOrder::Set(CardMode::Kept(Kept {
                source: wanted.source()?,
                minimum_minor: minor("minimum", wanted.minimum.as_deref(), currency)?,
                maximum_minor: minor("maximum", wanted.maximum.as_deref(), currency)?,
                automatic: wanted.automatic.unwrap_or(false),
            }))
        }
        "single-limit" => {
            wanted.only(&["amount"])?;
            let most_minor = minor("amount", wanted.amount.as_deref(), currency(&pan, currency_of)?)?;
            ModeOrder::Set(CardMode::SingleLimit { most_minor, lift: None })
        }
        "one-time-code" => wanted.only(&[]).map(|()| ModeOrder::Set(CardMode::OneTimeCode { code: None }))?,
        "confirm" => {
            wanted.only(&["password"])?;
            let password = wanted.password.as_deref().map(|text| hash("password", text, &pan, codes));
            ModeOrder::Set(CardMode::Confirm { password: password.transpose()? })
        }
        "unlock" => wanted.only(&["for"]).and_then(|()| Ok(ModeOrder::Unlock { until: wanted.until()? }))?,
        "top-up" => {
            wanted.only(&["amount", "for"])?;
            let minor = minor("amount", wanted.amount.as_deref(), currency(&pan, currency_of)?)?;
            let until = wanted.r#for.is_some().then(|| wanted.until()).transpose()?;
            ModeOrder::TopUp { minor, until }
        }
        "lift" => {
            wanted.only(&["amount", "for"])?;
            let amount = wanted.amount.as_deref();
            let currency = currency(&pan, currency_of)?;
            let most_minor = amount.map(|text| minor("amount", Some(text), currency)).transpose()?;
            ModeOrder::Lift(Lift { most_minor, until: wanted.until()? })
        }
        "code" => {
            wanted.only(&["code", "for"])?;
            let code = wanted.code.as_deref().ok_or("code: is missing")?;
            ModeOrder::Code { hash: hash("code", code, &pan, codes)?, until: wanted.until()? }
        }
        "end" => wanted.only(&[]).map(|()| ModeOrder::End)?,
        _ => {
            return Err(
                "do: is one of standard, locked, empty, kept, single-limit, one-time-code, confirm, \
                        unlock, top-up, lift, code, end"
                    .to_owned(),
            );
        }
    };
    Ok((pan, order))
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it.
pub(super) fn answer(body: &[u8]) -> Result<(ConfirmationTicket, ProvisionTask), String> {
    let answered: Answered = serde_json::from_slice(body).map_err(|_| {
        "the body must be {\"ticket\":…,\"answer\":\"confirm\"}, block or cancel, with password where the mode \
         has one"
            .to_owned()
    })?;
    let answer = match answered.answer.as_str() {
        "confirm" | "1" => HolderAnswer::Confirm,
        "block" | "2" => HolderAnswer::Block,
        "cancel" | "3" => HolderAnswer::Cancel,
        _ => return Err("answer: is one of confirm, block, cancel (1, 2, 3)".to_owned()),
    };
    let ticket = ConfirmationTicket(answered.ticket);
    let password = answered.password.as_deref().map(|text| secret("password", text)).transpose()?;
    Ok((ticket, ProvisionTask::Answer { ticket, answer, password }))
}

impl Wanted {
    /// Nothing is said beside these.
    fn only(&self, allowed: &[&str]) -> Result<(), String> {
        let said = [
            ("source", self.source.is_some()),
            ("amount", self.amount.is_some()),
            ("minimum", self.minimum.is_some()),
            ("maximum", self.maximum.is_some()),
            ("automatic", self.automatic.is_some()),
            ("for", self.r#for.is_some()),
            ("code", self.code.is_some()),
            ("password", self.password.is_some()),
        ];
        match said.into_iter().find(|(name, said)| *said && !allowed.contains(name)) {
            Some((name, _)) => Err(format!("{name}: has no meaning for `{}`", self.r#do)),
            None => Ok(()),
        }
    }

    fn source(&self) -> Result<AccountId, String> {
        let source = self.source.as_deref().ok_or("source: is missing")?;
        AccountId::new(source).ok_or_else(|| "source: is no account number".to_owned())
    }

    fn until(&self) -> Result<Time, String> {
        let text = self.r#for.as_deref().ok_or("for: is missing")?;
        let length = parse_duration(text).filter(|length| !length.is_zero() && *length <= LONGEST);
        let length = length.ok_or("for: is a number and its unit, at most a year: 30m, 2h, 7d")?;
        Ok(clock::now().plus(length))
    }
}

fn currency(pan: &Pan, currency_of: CurrencyOf<'_>) -> Result<Currency, String> {
    currency_of(pan).ok_or_else(|| "pan: is in no range of ours".to_owned())
}

fn minor(field: &str, text: Option<&str>, currency: Currency) -> Result<i64, String> {
    let text = text.ok_or_else(|| format!("{field}: is missing"))?;
    let amount = Amount::parse_major(text, currency).ok().filter(|amount| amount.minor >= 0);
    let amount = amount.filter(|amount| amount.minor <= crate::config::LARGEST_MINOR);
    amount.map(|amount| amount.minor).ok_or_else(|| format!("{field}: is no amount of {currency}"))
}

fn hash(field: &str, text: &str, pan: &Pan, codes: &CodeKey) -> Result<KeyedHash, String> {
    let secret = secret(field, text)?;
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| "the system gives no random bytes".to_owned())?;
    Ok(KeyedHash::new(codes, pan, salt, &secret))
}

fn secret(field: &str, text: &str) -> Result<HolderSecret, String> {
    HolderSecret::parse(text.as_bytes()).map_err(|error| format!("{field}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let pan = "4000001234567899";
        let read = |pan: &str, body: &str| {
            let body = format!("{{\"pan\":\"{pan}\",{body}}}");
            let usd = |pan: &Pan| pan.starts_with("4").then(|| Currency::parse("USD").unwrap());
            order(body.as_bytes(), &CodeKey::new(&[1; 32]), &usd)
        };
        let check = |body: &str, expect: &str| assert_eq!(read(pan, body).unwrap_err(), expect);
        let set = |mode| Ok((Pan::parse(pan.as_bytes()).unwrap(), ModeOrder::Set(mode)));
        assert_eq!(read(pan, "\"do\":\"locked\""), set(CardMode::Locked { open_until: None }));
        let source = AccountId::new("ACC-2").unwrap();
        let kept = Kept { source, minimum_minor: 2000, maximum_minor: 20_000, automatic: true };
        let body = "\"do\":\"kept\",\"source\":\"ACC-2\",\"minimum\":\"20.00\",\"maximum\":\"200\",\"automatic\":true";
        assert_eq!(read(pan, body), set(CardMode::Kept(kept)));
        check(
            "\"do\":\"sleep\"",
            "do: is one of standard, locked, empty, kept, single-limit, one-time-code, confirm, unlock, top-up, lift, code, end",
        );
        check("\"do\":\"locked\",\"for\":\"1h\"", "for: has no meaning for `locked`");
        check("\"do\":\"unlock\"", "for: is missing");
        check(
            "\"do\":\"unlock\",\"for\":\"400d\"",
            "for: is a number and its unit, at most a year: 30m, 2h, 7d",
        );
        check("\"do\":\"empty\"", "source: is missing");
        check(
            "\"do\":\"code\",\"for\":\"1h\",\"code\":\"12\"",
            "code: a code or password has 4 to 32 letters, digits and signs without blanks between them",
        );
        check("\"do\":\"single-limit\",\"amount\":\"5.001\"", "amount: is no amount of USD");
        let elsewhere = read("5100000000000008", "\"do\":\"single-limit\",\"amount\":\"5\"");
        assert_eq!(elsewhere.unwrap_err(), "pan: is in no range of ours");
    }
}
