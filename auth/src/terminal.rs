//! Step 3: the terminal and merchant are known, active, and allowed this transaction.

use crate::names::LinkName;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::tables::{Link, Tables, Terminal};
use card::{ResponseCode, TerminalId};

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) link: &'a Link,
    pub(crate) terminal: &'a Terminal,
}

pub(crate) fn allowed<'a>(
    tables: &'a Tables,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Place<'a>, Decline> {
    let Some(place) = place(tables, request.link, request.terminal) else {
        return Err(receipt.fail(Step::Terminal, ResponseCode::INVALID_MERCHANT, 0, 0));
    };
    let terminal = place.terminal;
    if terminal.merchant.is_some_and(|merchant| request.merchant != Some(merchant)) {
        return Err(receipt.fail(Step::Terminal, ResponseCode::INVALID_MERCHANT, 0, 0));
    }
    let served = request.transaction != TransactionType::Unsupported;
    if served && !terminal.allowed.contains(&request.transaction) {
        return Err(receipt.fail(Step::Terminal, ResponseCode::NOT_PERMITTED_TO_TERMINAL, 0, 0));
    }
    receipt.pass(Step::Terminal, 0, 0);
    Ok(place)
}

/// The terminal, if it is known on this link and may work at all.
pub(crate) fn active(tables: &Tables, link: LinkName, terminal: TerminalId) -> Option<&Terminal> {
    place(tables, link, terminal).map(|place| place.terminal)
}

fn place(tables: &Tables, link: LinkName, terminal: TerminalId) -> Option<Place<'_>> {
    let link = tables.links.get(&link)?;
    let terminal = link.terminals.find(&terminal)?;
    terminal.active.then_some(Place { link, terminal })
}
