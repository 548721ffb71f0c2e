//! Step 11: what to ask the HSM, and what its findings about CVV and PIN mean.

use crate::chip;
use crate::chip_rules::{self, ChipFinding, Reaction};
use crate::decision::CardCounters;
use crate::hsm_checks::{Checks, ChecksReply, CvvCheck, CvvResult, PinCheck, PinResult, PinVerification};
use crate::online_pin::OnlinePin;
use crate::pin_tries;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::PinReference;
use crate::remote;
use crate::request::{Request, TransactionType};
use crate::state::{CardFile, State};
use crate::tables::{PinMethod, Product, Tables};
use crate::terminal::Place;
use crate::value_recipe;
use card::{CivilDay, Cvv, ResponseCode, ServiceCode, Time};
use std::sync::Arc;

/// A request that has come so far, and the card it is about.
#[derive(Clone, Copy)]
pub(crate) struct Screened<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) state: &'a State,
    pub(crate) place: Place<'a>,
    pub(crate) product: &'a Product,
    pub(crate) file: &'a CardFile,
    pub(crate) request: &'a Request,
    pub(crate) now: Time,
    pub(crate) today: CivilDay,
}

/// Writes down everything the HSM can verify about this request, in one question. Something has to prove that
/// the card or its holder was there; a request that proves nothing is refused.
pub(crate) fn ask(held: Screened<'_>, checks: &mut Checks, receipt: &mut Receipt) -> Result<(), Decline> {
    let Screened { tables, state, place, product, file, request, now, today } = held;
    checks.cryptogram = chip::check(product, file, request, receipt)?;
    if request.class.is_advice() {
        return match checks.cryptogram {
            Some(_) => Ok(()),
            None => Err(receipt.fail(Step::Verification, ResponseCode::INVALID_TRANSACTION, 0, 0)),
        };
    }
    checks.cvv = cvv_check(product, request, receipt)?;
    if looks_for_icvv(product, request) {
        checks.icvv = checks.cvv.clone().map(as_icvv);
    }
    checks.pin = pin_check(tables, place, product, file, request, now, receipt)?;
    checks.cvv2 = remote::cvv2_check(state, product, file, request, today, receipt)?;
    checks.order = remote::order_check(product, file, request, receipt)?;
    if checks.is_empty() && !remote::needs_no_proof(product, request) {
        return Err(receipt.fail(Step::Verification, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
    }
    receipt.pass(Step::Verification, 0, 0);
    // It says that the holder was authenticated elsewhere; whether that is a proof, the product has decided above.
    checks.authentication_value = value_recipe::check(product, request, receipt)?;
    Ok(())
}

/// Service codes that stand on no stripe: the value printed on a card and the value of its chip's track are made
/// with them, so that a stripe which carries one was written by whoever knows such a value.
const NO_STRIPES: [[u8; 3]; 2] = [*b"000", *b"999"];

/// The stripe's CVV. A chip read is proven by its cryptogram instead. Stripe entry without a track,
/// and a track that lacks the digits, are refused: leaving the check out would let a stripped track
/// pass.
fn cvv_check(
    product: &Product,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<CvvCheck>, Decline> {
    let (true, Some(cvk)) = (request.entry.is_striped(), &product.cvk) else { return Ok(None) };
    let Some(track) = &request.track2 else {
        return Err(receipt.fail(Step::Cvv, ResponseCode::FORMAT_ERROR, 0, 0));
    };
    let digits = track.reveal_discretionary().get(product.cvv_position..product.cvv_position + 3);
    let (Some(expiry), Some(Ok(cvv))) = (track.expiry(), digits.map(Cvv::parse)) else {
        return Err(receipt.fail(Step::Cvv, ResponseCode::DO_NOT_HONOUR, 0, 0));
    };
    let service_code = track.service_code();
    if NO_STRIPES.contains(&service_code.0) {
        let seen = service_code.0.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        return Err(receipt.fail(Step::ServiceCode, ResponseCode::SUSPECTED_FRAUD, seen, 0));
    }
    Ok(Some(CvvCheck { cvk: Arc::clone(cvk), pan: request.presented(), expiry, service_code, cvv }))
}

/// Only a card with a chip has a second value, and only a product that does something about it wants to
/// know.
fn looks_for_icvv(product: &Product, request: &Request) -> bool {
    product.chip_rules.reaction(ChipFinding::ChipTrackOnStripe) != Reaction::Ignore
        && chip_rules::says_chip(request)
}

/// The same digits as the value of the chip's track, which takes another service code.
fn as_icvv(check: CvvCheck) -> CvvCheck {
    CvvCheck { service_code: ServiceCode(*b"999"), ..check }
}

fn pin_check(
    tables: &Tables,
    place: Place<'_>,
    product: &Product,
    file: &CardFile,
    request: &Request,
    now: Time,
    receipt: &mut Receipt,
) -> Result<Option<PinCheck>, Decline> {
    if request.transaction == TransactionType::PinChange && request.new_pin.is_none() {
        return Err(receipt.fail(Step::NewPin, ResponseCode::FORMAT_ERROR, 0, 0));
    }
    let Some(block) = &request.pin_block else {
        // Cash, balances and the PIN itself are for the cardholder alone.
        if request.transaction.is_for_holder() {
            return Err(receipt.fail(Step::PinWanted, ResponseCode::WRONG_PIN, 0, 0));
        }
        receipt.skip(Step::Pin);
        return Ok(None);
    };
    tries_left(product, pin_tries::used(product, file, tables, now), receipt)?;
    let Some(check) = pin_verification(place, product, file, request, block) else {
        return Err(receipt.fail(Step::Pin, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
    };
    // A block that its key cannot have made is no guess of the cardholder, so it is not counted.
    let suits = block.suits(&check.key) && check.new_block.as_ref().is_none_or(|new| new.suits(&check.key));
    if !suits {
        return Err(receipt.fail(Step::PinBlock, ResponseCode::CRYPTOGRAPHIC_FAILURE, 0, 0));
    }
    Ok(Some(check))
}

/// `None` when the terminal has no PIN key, or the product or card no PIN.
fn pin_verification(
    place: Place<'_>,
    product: &Product,
    file: &CardFile,
    request: &Request,
    block: &OnlinePin,
) -> Option<PinCheck> {
    let key = place.terminal.pin_key.as_ref().or(place.link.pin_key.as_ref())?;
    let method = match (product.pin.as_ref()?, file.card.pin?) {
        (PinMethod::Pvv(pvk), PinReference::Pvv { pvki, pvv }) => {
            PinVerification::Pvv { pvk: Arc::clone(pvk), pvki, pvv }
        }
        (PinMethod::Ibm(method), PinReference::IbmOffset { offset }) => {
            PinVerification::Ibm { method: Arc::clone(method), offset }
        }
        _ => return None,
    };
    let new_block = request.new_pin.clone().filter(|_| request.transaction == TransactionType::PinChange);
    // No command makes a reference value of a PIN under a key of DUKPT.
    if new_block.is_some() && key.kind.is_dukpt() {
        return None;
    }
    Some(PinCheck { key: key.clone(), block: block.clone(), pan: request.pan, method, new_block })
}

fn tries_left(product: &Product, used: u8, receipt: &mut Receipt) -> Result<(), Decline> {
    let (seen, limit) = (i64::from(used), i64::from(product.pin_try_limit));
    if used < product.pin_try_limit {
        receipt.pass(Step::PinTries, seen, limit);
        return Ok(());
    }
    let code = if product.capture_on_pin_tries {
        ResponseCode::PIN_TRIES_PICK_UP
    } else {
        ResponseCode::PIN_TRIES_EXCEEDED
    };
    Err(receipt.fail(Step::PinTries, code, seen, limit))
}

/// The HSM's finding about the CVV. A wrong one that would be right in the chip was copied from there.
pub(crate) fn cvv(product: &Product, reply: &ChecksReply, receipt: &mut Receipt) -> Result<(), Decline> {
    match reply.cvv {
        None => Ok(()),
        Some(CvvResult::Right) => {
            receipt.pass(Step::Cvv, 0, 0);
            Ok(())
        }
        Some(CvvResult::Wrong) => {
            if reply.icvv == Some(CvvResult::Right) {
                product.chip_rules.found(ChipFinding::ChipTrackOnStripe, 0, 0, receipt)?;
            }
            Err(receipt.fail(Step::Cvv, ResponseCode::DO_NOT_HONOUR, 0, 0))
        }
        Some(CvvResult::Failed) => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    }
}

/// The HSM's finding about the PIN, and the try counter. The counter is looked at again: other
/// guesses may have been judged while this one was with the HSM, and a right guess after too many
/// wrong ones must not count.
pub(crate) fn pin(
    used: u8,
    product: &Product,
    file: &CardFile,
    request: &Request,
    reply: &ChecksReply,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<(), Decline> {
    let Some(result) = reply.pin else { return Ok(()) };
    if used >= product.pin_try_limit {
        return tries_left(product, used, receipt);
    }
    let changes = request.transaction == TransactionType::PinChange;
    match result {
        PinResult::Changed(reference) if changes => {
            counters.pin_tries_used = (file.pin_tries_used > 0).then_some(0);
            counters.new_pin = Some(reference);
            receipt.pass(Step::Pin, 0, 0);
            Ok(())
        }
        // Right, but the HSM has made nothing of the new one, or was not asked to.
        PinResult::Right if changes => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
        PinResult::Changed(_) => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
        PinResult::Right => {
            if file.pin_tries_used > 0 {
                counters.pin_tries_used = Some(0);
            }
            receipt.pass(Step::Pin, 0, 0);
            Ok(())
        }
        PinResult::Wrong => {
            counters.pin_tries_used = Some(used + 1);
            Err(receipt.fail(Step::Pin, ResponseCode::WRONG_PIN, 0, 0))
        }
        PinResult::BadBlock => {
            Err(receipt.fail(Step::PinBlockOpens, ResponseCode::CRYPTOGRAPHIC_FAILURE, 0, 0))
        }
        PinResult::Failed => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    }
}
