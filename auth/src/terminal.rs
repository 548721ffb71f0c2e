//! Step 3: the terminal and merchant are known, active, and allowed this transaction.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::tables::Tables;
use card::ResponseCode;

pub(crate) fn allowed(tables: &Tables, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let known = tables.links.get(&request.link).and_then(|link| link.terminals.find(&request.terminal));
    let Some(terminal) = known.filter(|terminal| terminal.active) else {
        return Err(receipt.fail(Step::Terminal, ResponseCode::INVALID_MERCHANT, 0, 0));
    };
    if terminal.merchant.is_some_and(|merchant| request.merchant != Some(merchant)) {
        return Err(receipt.fail(Step::Terminal, ResponseCode::INVALID_MERCHANT, 0, 0));
    }
    let served = request.transaction != TransactionType::Unsupported;
    if served && !terminal.allowed.contains(&request.transaction) {
        return Err(receipt.fail(Step::Terminal, ResponseCode::NOT_PERMITTED_TO_TERMINAL, 0, 0));
    }
    receipt.pass(Step::Terminal, 0, 0);
    Ok(())
}
