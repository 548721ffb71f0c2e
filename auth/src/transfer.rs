//! Where a transfer goes: to another account of the card, or to another card of ours.

use crate::ledger_rules::Transfers;
use crate::limits::REMITTANCES;
use crate::names::AccountId;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::CardStatus;
use crate::request::Request;
use crate::state::{AccountFile, CardFile, State};
use crate::tables::{Product, Tables};
use crate::{Destination, accounts, funds};
use card::{Currency, ResponseCode};

/// The account that gets the money; `None` where that may be one of another shard, which has to be asked.
pub(crate) fn destination(
    state: &State,
    tables: &Tables,
    product: &Product,
    file: &CardFile,
    from: &AccountFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<AccountId>, Decline> {
    let allowed = product.ledger.transfers;
    if allowed == Transfers::None {
        return Err(receipt.fail(Step::Transfer, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
    }
    let to = match &request.instruction.destination {
        None => Some(accounts::of_type(state, file, request.instruction.to_account_type, receipt)?),
        Some(Destination::Account(id)) if file.card.accounts().any(|own| own == *id) => {
            let missing = |receipt: &mut Receipt| receipt.fail(Step::Transfer, ResponseCode::ROUTE, 0, 0);
            Some(state.account(id).ok_or_else(|| missing(receipt))?)
        }
        Some(_) if allowed != Transfers::Cards => {
            return Err(receipt.fail(Step::Transfer, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
        }
        Some(Destination::Refused(code)) => return Err(receipt.fail(Step::Transfer, *code, 0, 0)),
        Some(Destination::Elsewhere(id)) => {
            if state.open_remittances() >= REMITTANCES {
                return Err(receipt.fail(Step::Transfer, ResponseCode::MALFUNCTION, 0, 0));
            }
            receipt.pass(Step::Transfer, 0, 0);
            return Ok(Some(*id));
        }
        Some(named) => here(state, tables, named, receipt)?,
    };
    // What goes from one to the other is not converted on the way.
    funds::same_currency(from, request, receipt)?;
    let Some(to) = to else { return Ok(None) };
    if to.account.id == from.account.id {
        return Err(receipt.fail(Step::Transfer, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    takes(to, from.account.currency, request.amount_minor, receipt)?;
    receipt.pass(Step::Transfer, 0, 0);
    Ok(Some(to.account.id))
}

/// What a shard says that is asked for a transfer out of another one: the account, or why it does not take the money.
pub(crate) fn payee(
    state: &State,
    tables: &Tables,
    named: &Destination,
    currency: Currency,
    amount_minor: i64,
) -> Result<AccountId, ResponseCode> {
    let mut receipt = Receipt::default();
    let nowhere =
        if let Destination::Card(_) = named { ResponseCode::INVALID_CARD } else { ResponseCode::ROUTE };
    let to = here(state, tables, named, &mut receipt).map_err(|decline| decline.code)?.ok_or(nowhere)?;
    takes(to, currency, amount_minor, &mut receipt).map_err(|decline| decline.code)?;
    Ok(to.account.id)
}

/// The account that is named, as far as it is in this shard. `None` where another one may have it.
fn here<'a>(
    state: &'a State,
    tables: &Tables,
    named: &Destination,
    receipt: &mut Receipt,
) -> Result<Option<&'a AccountFile>, Decline> {
    let mut missing = |code| Err(receipt.fail(Step::Transfer, code, 0, 0));
    let account = match named {
        Destination::Account(id) => state.account(id).ok_or(ResponseCode::ROUTE),
        Destination::Card(pan) => match state.card(pan) {
            None if tables.product(pan).is_none() => return missing(ResponseCode::ROUTE),
            None => Err(ResponseCode::INVALID_CARD),
            Some(file) if file.card.status != CardStatus::Active => {
                return missing(ResponseCode::INVALID_CARD);
            }
            Some(file) => match state.account(&file.card.account) {
                None => return missing(ResponseCode::INVALID_CARD),
                Some(account) => Ok(account),
            },
        },
        Destination::Elsewhere(_) | Destination::Refused(_) => return missing(ResponseCode::ROUTE),
    };
    match account {
        Ok(account) => Ok(Some(account)),
        Err(_) if tables.shards > 1 => Ok(None),
        Err(code) => missing(code),
    }
}

/// Whether the account takes so much of a currency.
fn takes(
    to: &AccountFile,
    currency: Currency,
    amount_minor: i64,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let (seen, own) = (to.account.currency.numeric(), currency.numeric());
    if seen != own {
        let code = ResponseCode::NOT_PERMITTED_TO_CARDHOLDER;
        return Err(receipt.fail(Step::Currency, code, i64::from(seen), i64::from(own)));
    }
    funds::takes(to, amount_minor, receipt)
}
