//! Step 3: the terminal and merchant are known, active, and allowed this transaction.

use crate::names::LinkName;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::tables::{Tables, Terminal};
use card::{ResponseCode, TerminalId};

pub(crate) fn allowed(tables: &Tables, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let Some(terminal) = active(tables, request.link, request.terminal) else {
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

/// The terminal, if it is known on this link and may work at all.
pub(crate) fn active(tables: &Tables, link: LinkName, terminal: TerminalId) -> Option<&Terminal> {
    let known = tables.links.get(&link)?.terminals.find(&terminal)?;
    known.active.then_some(known)
}
