//! How scenarios speak of limits.

use crate::effects::{money, shown};
use crate::institution::Institution;
use crate::script::Words;
use crate::values::{TRANSACTIONS, chosen, duration, minor};
use auth::{
    Bound, CardView, Channel, CustomerId, EntryMode, Filter, Limit, LimitChange, LimitHolder, LimitId,
    LimitView, Override, Place, ProvisionTask, Scope, State, TransactionType, Window,
};
use card::{Currency, Time};

/// `limit NAME SCOPE WINDOW [amount=] [count=] [types=] [channels=] [mcc=] [place=] [currencies=] [entries=]
/// [present|absent] [stand-in]`
pub(crate) fn limit(words: &mut Words<'_>, number: u16) -> Result<(Limit, bool), String> {
    let name = words.next("a name")?;
    let scope = Scope::parse(words.next("a scope")?).ok_or("no such scope")?;
    let window = window(words.next("a window")?).ok_or("no such window")?;
    let filter = filter(words)?;
    let id = LimitId::of(name);
    let bound = bound(words)?;
    let stand_in = words.has("stand-in");
    Ok((Limit { name: name.to_owned(), id, counter: id, number, scope, window, bound, filter }, stand_in))
}

/// `[types=] [channels=] [mcc=] [place=] [currencies=] [entries=] [present|absent]`
pub(crate) fn filter(words: &mut Words<'_>) -> Result<Filter, String> {
    Ok(Filter {
        types: words.value("types", |text| listed(text, transaction))?.unwrap_or_default(),
        channels: words.value("channels", |text| listed(text, channel))?.unwrap_or_default(),
        mcc: words.value("mcc", |text| listed(text, range))?.unwrap_or_default(),
        place: words.value("place", place)?,
        currencies: words.value("currencies", |text| listed(text, currency))?.unwrap_or_default(),
        entry_modes: words.value("entries", |text| listed(text, entry))?.unwrap_or_default(),
        card_present: words.one_of(&[("present", true), ("absent", false)]),
    })
}

/// `own-limit card|account|customer NAME LIMIT [amount=] [count=]`,
/// `override card|account|customer NAME LIMIT ends | [amount=] [count=] until= [once]`
pub(crate) fn change(
    words: &mut Words<'_>,
    institution: &Institution,
    start: Time,
) -> Result<ProvisionTask, String> {
    let holder = match words.next("card or account")? {
        "card" => LimitHolder::Card(institution.pan(words.next("a card")?)?),
        "account" => LimitHolder::Account(institution.account(words.next("an account")?)?),
        "customer" => {
            LimitHolder::Customer(CustomerId::new(words.next("a customer")?).ok_or("a bad customer")?)
        }
        other => return Err(format!("limits are of a card, an account or a customer, not of a `{other}`")),
    };
    let limit = words.next("a limit")?.to_owned();
    let change = if words.verb == "own-limit" {
        LimitChange::Own(bound(words)?)
    } else if words.has("ends") {
        LimitChange::Override(None)
    } else {
        let until = start.plus(words.required("until", duration)?);
        LimitChange::Override(Some(Override { bound: bound(words)?, until, once: words.has("once") }))
    };
    Ok(ProvisionTask::ChangeLimit { holder, limit, change })
}

/// `limits CARD`: what each has counted.
pub(crate) fn question(
    words: &mut Words<'_>,
    institution: &Institution,
    state: &State,
    now: Time,
) -> Result<String, String> {
    let pan = institution.pan(words.next("a card")?)?;
    let view = CardView::of(state, &institution.tables, &pan, now).ok_or("no such card")?;
    let used = |limit: &LimitView| match limit.used {
        Some((minor, count)) => format!("{}={count}x{}", limit.name, money(minor)),
        None => format!("{}=-", limit.name),
    };
    let of_windows = view.limits.iter().filter(|limit| limit.window != Window::TRANSACTION);
    let text: Vec<String> = of_windows.map(used).collect();
    Ok(shown("limits", &text.join(" ")))
}

/// `amount=50.00 count=3`, or `without bound`.
pub(crate) fn shown_bound(bound: &Bound) -> String {
    let amount = bound.amount_minor.map(|minor| format!("amount={}", money(minor)));
    let count = bound.count.map(|count| format!("count={count}"));
    let texts: Vec<String> = amount.into_iter().chain(count).collect();
    if texts.is_empty() { "without bound".to_owned() } else { texts.join(" ") }
}

fn bound(words: &mut Words<'_>) -> Result<Bound, String> {
    let amount_minor = words.value("amount", minor)?;
    Ok(Bound { amount_minor, count: words.value("count", |text| text.parse().ok())? })
}

fn window(text: &str) -> Option<Window> {
    match text {
        "transaction" => Some(Window::TRANSACTION),
        "day" => Some(Window::DAY),
        "week" => Some(Window::WEEK),
        "month" => Some(Window::MONTH),
        "year" => Some(Window::YEAR),
        _ => Window::sliding(duration(text)?),
    }
}

fn listed<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(read).collect()
}

fn transaction(text: &str) -> Option<TransactionType> {
    chosen(text, &TRANSACTIONS)
}

fn channel(text: &str) -> Option<Channel> {
    match text {
        "atm" => Some(Channel::Atm),
        "pos" => Some(Channel::Pos),
        "remote" => Some(Channel::Remote),
        _ => None,
    }
}

fn entry(text: &str) -> Option<EntryMode> {
    let all =
        [EntryMode::Chip, EntryMode::Contactless, EntryMode::Stripe, EntryMode::Fallback, EntryMode::Manual];
    all.into_iter().find(|mode| mode.as_str() == text)
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

fn place(text: &str) -> Option<Place> {
    match text {
        "domestic" => Some(Place::Domestic),
        "foreign" => Some(Place::Foreign),
        _ => listed(text, |country| country.parse().ok()).map(Place::Countries),
    }
}

fn currency(text: &str) -> Option<u16> {
    Currency::parse(text).ok().map(Currency::numeric)
}
