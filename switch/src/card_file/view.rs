//! Cards and changes as JSON and text.

use super::source::Column;
use auth::{
    AccountId, AccountKind, AccountTerms, Bound, Card, CardChange, CardMode, CardPut, CardView, CustomerId,
    Kept, LimitView, PinReference, QueuedScript, Tables,
};
use card::{Amount, Currency, Expiry};
use serde_json::{Map, Value, json};

/// Words of card files.
pub(crate) const ACCOUNT_TYPES: [(&str, AccountKind); 4] = [
    ("default", AccountKind::Default),
    ("savings", AccountKind::Savings),
    ("cheque", AccountKind::Cheque),
    ("credit", AccountKind::Credit),
];

pub(crate) fn account_type_word(kind: AccountKind) -> &'static str {
    ACCOUNT_TYPES.iter().find(|(_, known)| *known == kind).map_or("default", |(word, _)| word)
}

/// Major units without the currency's code.
pub(crate) fn major(minor: i64, currency: Currency) -> String {
    let mut shown = Amount::new(minor, currency).to_string();
    shown.truncate(shown.find(' ').unwrap_or(shown.len()));
    shown
}

/// A card, its number masked.
pub(crate) fn card_json(card: &Card) -> Value {
    json!({
        "pan": card.pan.to_string(),
        "expiry": yymm(card.expiry),
        "start": card.start.map(yymm),
        "status": card.status.as_str(),
        "card_sequence": card.card_sequence,
        "pin": card.pin.is_some(),
        "account": card.account.as_str(),
    })
}

/// All there is about a card, its number masked and its PIN's reference value left out.
pub(crate) fn view_json(view: &CardView, tables: &Tables) -> Value {
    let product = tables.product(&view.card.pan);
    let currency = view.account.as_ref().map(|(account, _)| account.currency);
    let used = |(minor, count): (i64, u32)| json!({ "amount": currency.map(|currency| major(minor, currency)), "count": count });
    let mut shown = card_json(&view.card);
    shown["product"] = json!(product.map(|product| &product.name));
    shown["pin_tries_used"] = json!(view.pin_tries_used);
    shown["pin_try_limit"] = json!(product.map(|product| product.pin_try_limit));
    shown["highest_atc"] = json!(view.highest_atc);
    shown["today"] = json!({ "purchases": used(view.today[0]), "withdrawals": used(view.today[1]) });
    let (count, minor) = (view.unverified.count, view.unverified.minor);
    shown["contactless_unverified"] = used((minor, count));
    shown["scripts"] = view.scripts.iter().map(script_json).collect();
    if let Some(currency) = currency {
        shown["limits"] = view.limits.iter().map(|limit| limit_json(limit, currency)).collect();
    }
    shown["mode"] = mode_json(&view.mode, currency);
    if let Some((account, balance)) = &view.account {
        shown["currency"] = json!(account.currency.code());
        shown["account_type"] = json!(account_type_word(account.kind));
        shown["ledger"] = json!(major(balance.ledger_minor, account.currency));
        shown["available"] = json!(major(balance.available_minor, account.currency));
        shown["credit_line"] = json!(major(account.credit_line_minor, account.currency));
        shown["customer"] = json!(account.customer.as_ref().map(CustomerId::as_str));
    }
    let further = view.further.iter().map(|(account, balance)| {
        json!({
            "account": account.id.as_str(),
            "account_type": account_type_word(account.kind),
            "currency": account.currency.code(),
            "ledger": major(balance.ledger_minor, account.currency),
            "available": major(balance.available_minor, account.currency),
            "credit_line": major(account.credit_line_minor, account.currency),
        })
    });
    shown["further_accounts"] = further.collect();
    shown
}

/// A command for a chip, and how it stands.
pub(crate) fn script_json(script: &QueuedScript) -> Value {
    let state = match script.sent {
        _ if script.given_up => "given_up",
        None => "queued",
        Some(sent) if sent.refused => "refused",
        Some(_) => "sent",
    };
    json!({
        "number": script.number,
        "command": script.command.as_str(),
        "state": state,
        "queued": script.queued.to_string(),
        "sent": script.sent.map(|sent| sent.time.to_string()),
        "times": script.sent.map_or(0, |sent| sent.times),
    })
}

/// A change as a line of a card file: clear, for the control socket and nobody else.
pub(crate) fn change_json(change: &CardChange) -> Value {
    let mut line = Map::new();
    match change {
        CardChange::Put(put) => put_cells(put, &mut line),
        CardChange::PutAccount(put) => {
            set(&mut line, Column::Account, Some(put.account.as_str().to_owned()));
            terms_cells(&put.terms, &mut line);
        }
        CardChange::RemoveCard { pan, .. } => {
            set(&mut line, Column::Pan, Some(pan.reveal().as_str().to_owned()));
        }
        CardChange::RemoveAccount(account) => {
            set(&mut line, Column::Account, Some(account.as_str().to_owned()));
        }
    }
    Value::Object(line)
}

fn put_cells(put: &CardPut, line: &mut Map<String, Value>) {
    set(line, Column::Pan, Some(put.pan.reveal().as_str().to_owned()));
    set(line, Column::Expiry, put.expiry.map(yymm));
    set(line, Column::Start, put.start.map(yymm));
    set(line, Column::Status, put.status.map(|status| status.as_str().to_owned()));
    set(line, Column::CardSequence, put.card_sequence.map(|number| number.to_string()));
    set(line, Column::Account, put.account.map(|account| account.as_str().to_owned()));
    terms_cells(&put.terms, line);
    let further = put.further.as_ref();
    let named = further.map(|further| further_cell(further.iter().map(|further| (further.kind, further.id))));
    set(line, Column::FurtherAccounts, named.map(|named| named.unwrap_or_else(|| "-".to_owned())));
    let [pvki, pvv, offset] = pin_cells(put.pin);
    set(line, Column::Pvki, pvki);
    set(line, Column::Pvv, pvv);
    set(line, Column::PinOffset, offset);
}

fn terms_cells(terms: &AccountTerms, line: &mut Map<String, Value>) {
    let amount =
        |minor: Option<i64>| terms.currency.zip(minor).map(|(currency, minor)| major(minor, currency));
    set(line, Column::Currency, terms.currency.map(|currency| currency.code().to_owned()));
    set(line, Column::AccountType, terms.kind.map(|kind| account_type_word(kind).to_owned()));
    set(line, Column::Balance, amount(terms.balance_minor));
    set(line, Column::CreditLine, amount(terms.credit_line_minor));
    set(line, Column::Customer, terms.customer.map(|customer| customer.as_str().to_owned()));
    set(line, Column::HomeAccount, terms.home.map(|home| home.as_str().to_owned()));
}

/// `savings:S-1 credit:C-1`; `None` where there are none.
pub(crate) fn further_cell(accounts: impl Iterator<Item = (AccountKind, AccountId)>) -> Option<String> {
    let named: Vec<String> =
        accounts.map(|(kind, id)| format!("{}:{}", account_type_word(kind), id.as_str())).collect();
    (!named.is_empty()).then(|| named.join(" "))
}

fn set(line: &mut Map<String, Value>, column: Column, cell: Option<String>) {
    if let Some(cell) = cell {
        line.insert(column.name().to_owned(), Value::String(cell));
    }
}

/// Cells `pvki`, `pvv` and `pin_offset` of a PIN's reference value.
pub(crate) fn pin_cells(pin: Option<PinReference>) -> [Option<String>; 3] {
    let digits = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match pin {
        None => [None, None, None],
        Some(PinReference::Pvv { pvki, pvv }) => [Some(pvki.to_string()), Some(digits(&pvv)), None],
        Some(PinReference::IbmOffset { offset }) => [None, None, Some(digits(&offset))],
    }
}

pub(crate) fn yymm(expiry: Expiry) -> String {
    expiry.to_yymm().escape_ascii().to_string()
}

/// The mode without what is kept of codes and passwords.
fn mode_json(mode: &CardMode, currency: Option<Currency>) -> Value {
    let amount = |minor: i64| currency.map(|currency| major(minor, currency));
    let mut shown = json!({ "name": mode.as_str() });
    match mode {
        CardMode::Standard => {}
        CardMode::Locked { open_until } => {
            shown["open_until"] = json!(open_until.map(|time| time.to_string()));
        }
        CardMode::Empty { source, open_until } => {
            shown["source"] = json!(source.as_str());
            shown["open_until"] = json!(open_until.map(|time| time.to_string()));
        }
        CardMode::Kept(Kept { source, minimum_minor, maximum_minor, automatic }) => {
            shown["source"] = json!(source.as_str());
            shown["minimum"] = json!(amount(*minimum_minor));
            shown["maximum"] = json!(amount(*maximum_minor));
            shown["automatic"] = json!(automatic);
        }
        CardMode::SingleLimit { most_minor, lift } => {
            shown["amount"] = json!(amount(*most_minor));
            if let Some(lift) = lift {
                shown["lift"] =
                    json!({ "amount": lift.most_minor.map(amount), "until": lift.until.to_string() });
            }
        }
        CardMode::OneTimeCode { code } => {
            shown["code_until"] = json!(code.map(|code| code.until.to_string()));
            shown["wrong_codes"] = json!(code.map(|code| code.wrong));
        }
        CardMode::Confirm { password } => shown["password"] = json!(password.is_some()),
    }
    shown
}

fn limit_json(limit: &LimitView, currency: Currency) -> Value {
    let bound = |bound: &Bound| {
        let amount = bound.amount_minor.map(|minor| major(minor, currency));
        json!({ "amount": amount, "count": bound.count })
    };
    let mut shown = bound(&limit.bound);
    shown["name"] = json!(limit.name);
    shown["scope"] = json!(limit.scope.as_str());
    shown["window"] = json!(limit.window.to_string());
    if let Some((minor, count)) = limit.used {
        shown["used"] = json!({ "amount": major(minor, currency), "count": count });
    }
    if let Some(own) = &limit.of_card {
        shown["of_card"] = bound(own);
    }
    if let Some(own) = &limit.of_account {
        shown["of_account"] = bound(own);
    }
    if let Some(own) = &limit.of_customer {
        shown["of_customer"] = bound(own);
    }
    if let Some(replaced) = &limit.replaced {
        shown["override"] = bound(&replaced.bound);
        shown["override"]["until"] = json!(replaced.until.to_string());
        shown["override"]["once"] = json!(replaced.once);
    }
    shown
}
