//! Where a transfer goes: to another account of the card, or to another card of ours.

use crate::ledger_rules::Transfers;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::CardStatus;
use crate::request::Request;
use crate::state::{AccountFile, CardFile, State};
use crate::tables::{Product, Tables};
use crate::{Destination, accounts, funds};
use card::{Pan, ResponseCode};

/// The account that gets the money. One of a shard that has not both accounts cannot do it at once, so it refuses: a
/// debit here and a credit there would be two records that one crash can part.
pub(crate) fn destination<'a>(
    state: &'a State,
    tables: &Tables,
    product: &Product,
    file: &CardFile,
    from: &AccountFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let allowed = product.ledger.transfers;
    if allowed == Transfers::None {
        return Err(receipt.fail(Step::Transfer, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
    }
    let to = match &request.instruction.destination {
        None => accounts::of_type(state, file, request.instruction.to_account_type, receipt)?,
        Some(Destination::Account(id)) if file.card.accounts().any(|own| own == *id) => {
            let missing = |receipt: &mut Receipt| receipt.fail(Step::Transfer, ResponseCode::ROUTE, 0, 0);
            state.account(id).ok_or_else(|| missing(receipt))?
        }
        Some(_) if allowed != Transfers::Cards => {
            return Err(receipt.fail(Step::Transfer, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
        }
        Some(Destination::Account(id)) => {
            let missing = |receipt: &mut Receipt| receipt.fail(Step::Transfer, ResponseCode::ROUTE, 0, 0);
            state.account(id).ok_or_else(|| missing(receipt))?
        }
        Some(Destination::Card(pan)) => of_card(state, tables, pan, receipt)?,
    };
    // What goes from one to the other is not converted on the way.
    funds::same_currency(from, request, receipt)?;
    if to.account.id == from.account.id {
        return Err(receipt.fail(Step::Transfer, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    let (seen, own) = (to.account.currency.numeric(), from.account.currency.numeric());
    if seen != own {
        let code = ResponseCode::NOT_PERMITTED_TO_CARDHOLDER;
        return Err(receipt.fail(Step::Currency, code, i64::from(seen), i64::from(own)));
    }
    funds::takes(to, request.amount_minor, receipt)?;
    receipt.pass(Step::Transfer, 0, 0);
    Ok(to)
}

/// The account of another card. One that is not here may be in another shard, which is 92, or nowhere, which is 14.
fn of_card<'a>(
    state: &'a State,
    tables: &Tables,
    pan: &Pan,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let ours = tables.product(pan).is_some();
    let Some(file) = state.card(pan) else {
        let elsewhere = !ours || tables.shards > 1;
        let code = if elsewhere { ResponseCode::ROUTE } else { ResponseCode::INVALID_CARD };
        return Err(receipt.fail(Step::Transfer, code, 0, 0));
    };
    if file.card.status != CardStatus::Active {
        return Err(receipt.fail(Step::Transfer, ResponseCode::INVALID_CARD, 0, 0));
    }
    let account = state.account(&file.card.account);
    account.ok_or_else(|| receipt.fail(Step::Transfer, ResponseCode::INVALID_CARD, 0, 0))
}
