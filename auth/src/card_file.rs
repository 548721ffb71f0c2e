//! Steps 6 to 8: is the card ours and on file, may it be used, is it valid this month.

use crate::receipt::{Decline, Receipt, Step};
use crate::record::CardStatus;
use crate::request::Request;
use crate::state::{CardFile, State};
use crate::tables::{Product, Tables};
use card::{CivilDay, Expiry, ResponseCode};

/// Step 6: the product whose range holds the PAN.
pub(crate) fn product<'a>(
    tables: &'a Tables,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a Product, Decline> {
    let Some(product) = tables.product(&request.pan) else {
        return Err(receipt.fail(Step::Issuer, ResponseCode::NO_SUCH_ISSUER, 0, 0));
    };
    receipt.pass(Step::Issuer, 0, 0);
    Ok(product)
}

/// Step 7: the card's file.
pub(crate) fn on_file<'a>(
    state: &'a State,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a CardFile, Decline> {
    state.card(&request.pan).ok_or_else(|| receipt.fail(Step::CardOnFile, ResponseCode::INVALID_CARD, 0, 0))
}

/// Step 7: status and hot list.
pub(crate) fn status(file: &CardFile, receipt: &mut Receipt) -> Result<(), Decline> {
    let code = match file.card.status {
        CardStatus::Active => {
            receipt.pass(Step::CardStatus, 0, 0);
            return Ok(());
        }
        CardStatus::Inactive => ResponseCode::INACTIVE,
        CardStatus::Restricted => ResponseCode::RESTRICTED,
        CardStatus::Lost => ResponseCode::LOST,
        CardStatus::Stolen => ResponseCode::STOLEN,
        CardStatus::Capture => ResponseCode::PICK_UP,
        CardStatus::CaptureSpecial => ResponseCode::PICK_UP_SPECIAL,
    };
    Err(receipt.fail(Step::CardStatus, code, 0, 0))
}

/// Step 8: from the first day of the start month to the last day of the expiry month. The file
/// decides; an expiry in the message must agree with it.
pub(crate) fn validity(
    state: &State,
    file: &CardFile,
    product: &Product,
    request: &Request,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let card = &file.card;
    let this_month = i64::from(today.year % 100) * 100 + i64::from(today.month);
    if card.expiry.is_before(today) {
        let code =
            if product.capture_expired { ResponseCode::EXPIRED_PICK_UP } else { ResponseCode::EXPIRED };
        return Err(receipt.fail(Step::Validity, code, as_number(card.expiry), this_month));
    }
    if let Some(start) = card.start.filter(|start| start.is_after(today)) {
        return Err(receipt.fail(Step::ValidFrom, ResponseCode::EXPIRED, as_number(start), this_month));
    }
    receipt.pass(Step::Validity, as_number(card.expiry), this_month);
    // A token has a month of its own, and the number is what the message is about.
    let of_token = request.token.and_then(|number| state.token_on_file(&number)).map(|token| token.expiry);
    let on_file = of_token.unwrap_or(card.expiry);
    let on_track = request.track2.as_ref().and_then(card::Track2::expiry);
    for sent in [request.expiry, on_track].into_iter().flatten() {
        if sent != on_file {
            let (seen, on_file) = (as_number(sent), as_number(on_file));
            return Err(receipt.fail(Step::ExpiryMatch, ResponseCode::EXPIRED, seen, on_file));
        }
    }
    Ok(())
}

fn as_number(expiry: Expiry) -> i64 {
    expiry.to_yymm().iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}
