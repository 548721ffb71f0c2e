//! Step 4: a repeat of an answered request gets the same answer and has no second effect.

use crate::effect::Response;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
use crate::state::State;
use crate::stored::StoredTransaction;
use card::{ResponseCode, Time};

/// What is known under a request's key.
pub(crate) enum Found {
    Nothing,
    Answered(Response),
    OtherContent,
}

/// Looks in memory for an answered request with the same link, terminal, STAN and transmission time.
pub(crate) fn find(state: &State, now: Time, request: &Request) -> Found {
    among(state.same_stan(&request.key(), now), request)
}

/// The same among transactions of one link, terminal and STAN.
pub(crate) fn among<'a>(
    mut transactions: impl Iterator<Item = &'a StoredTransaction>,
    request: &Request,
) -> Found {
    match transactions.find(|earlier| earlier.transmission == request.transmission) {
        None => Found::Nothing,
        Some(earlier) if is_repeat(earlier, request) => Found::Answered(earlier.response()),
        Some(_) => Found::OtherContent,
    }
}

fn is_repeat(earlier: &StoredTransaction, request: &Request) -> bool {
    earlier.pan == request.pan
        && earlier.transaction == request.transaction
        && earlier.class == request.class
        && earlier.amount_minor == request.amount_minor
        && earlier.currency == request.currency
        && earlier.rrn == request.rrn
}

/// Whether a request that came while another with its key waits for the HSM is a repeat of it.
pub(crate) fn same_content(waiting: &Request, request: &Request) -> bool {
    waiting.pan == request.pan
        && waiting.transmission == request.transmission
        && waiting.transaction == request.transaction
        && waiting.class == request.class
        && waiting.amount_minor == request.amount_minor
        && waiting.currency == request.currency
        && waiting.rrn == request.rrn
}

/// A request whose reversal came first is refused: its acquirer has given it up.
pub(crate) fn not_reversed(state: &State, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    if state.remembers_reversal(request.key(), request.transmission, request.pan) {
        return Err(receipt.fail(Step::AlreadyReversed, ResponseCode::DO_NOT_HONOUR, 0, 0));
    }
    Ok(())
}
