//! Step 11, the chip: which recipe made the cryptogram, and what the HSM's finding means.

use crate::effect::IssuerAuthentication;
use crate::hsm_checks::{ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult};
use crate::pipeline::CardCounters;
use crate::receipt::{Decline, Receipt, Step};
use crate::recipe::{ArpcBy, Recipe};
use crate::request::{Chip, Request};
use crate::state::CardFile;
use crate::tables::Product;
use card::ResponseCode;
use std::sync::Arc;

/// The question for the HSM, or nothing when the card was not read by its chip.
pub(crate) fn check(
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<Box<CryptogramCheck>>, Decline> {
    let Some(chip) = &request.chip else {
        // Chip entry without chip data is a message error, not a card without a chip.
        if request.entry.has_chip_data() {
            return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::FORMAT_ERROR, 0, 0));
        }
        receipt.skip(Step::Cryptogram);
        return Ok(None);
    };
    let not_arqc = chip.cryptogram_information & 0xC0 != 0x80;
    let version = Recipe::find(product.scheme, &chip.issuer_application_data).filter(|_| !not_arqc);
    let Some(version) = version else {
        let seen = i64::from(chip.cryptogram_information);
        return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0x80));
    };
    let key = product.issuer_master_keys.iter().find(|(index, _)| *index == version.derivation_key_index);
    let Some((_, issuer_master_key)) = key else {
        let seen = i64::from(version.derivation_key_index);
        return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0));
    };
    receipt.pass(Step::CryptogramVersion, i64::from(version.recipe.version), 0);
    check_amount(chip, request, receipt);
    Ok(Some(Box::new(CryptogramCheck {
        recipe: version.recipe,
        issuer_master_key: Arc::clone(issuer_master_key),
        pan: request.pan,
        card_sequence: request.card_sequence.or(file.card.card_sequence).unwrap_or(0),
        atc: chip.atc,
        unpredictable_number: chip.unpredictable_number,
        transaction_bytes: version.recipe.transaction_bytes(chip),
        cryptogram: chip.cryptogram,
        answer: match version.recipe.answer {
            ArpcBy::Arc => CryptogramAnswer::Arc(product.approve_arc),
            ArpcBy::Csu => CryptogramAnswer::Csu(product.approve_csu),
        },
    })))
}

/// The HSM's finding, then the ATC. Gives back the value of tag 91 for an approval.
pub(crate) fn cryptogram(
    product: &Product,
    file: &CardFile,
    request: &Request,
    reply: &ChecksReply,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<Option<IssuerAuthentication>, Decline> {
    let (Some(chip), Some(result)) = (&request.chip, reply.cryptogram) else { return Ok(None) };
    let arpc = match result {
        CryptogramResult::Right { arpc } => arpc,
        CryptogramResult::Wrong => {
            return Err(receipt.fail(Step::Cryptogram, ResponseCode::CRYPTOGRAM_WRONG, 0, 0));
        }
        CryptogramResult::Failed => return Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    };
    receipt.pass(Step::Cryptogram, 0, 0);
    fresh_counter(product, file, chip, receipt, counters)?;
    let version = Recipe::find(product.scheme, &chip.issuer_application_data);
    Ok(version.map(|version| issuer_authentication(version.recipe, product, arpc)))
}

/// Only a good cryptogram moves the counter, else anybody could push it out of reach.
fn fresh_counter(
    product: &Product,
    file: &CardFile,
    chip: &Chip,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<(), Decline> {
    let seen = i64::from(chip.atc);
    let Some(highest) = file.highest_atc else {
        counters.atc = Some(chip.atc);
        receipt.pass(Step::Atc, seen, 0);
        return Ok(());
    };
    let limit = i64::from(highest);
    let jump = chip.atc.saturating_sub(highest);
    if jump == 0 || jump > product.atc_max_jump {
        return Err(receipt.fail(Step::Atc, ResponseCode::CRYPTOGRAM_WRONG, seen, limit));
    }
    counters.atc = Some(chip.atc);
    receipt.pass(Step::Atc, seen, limit);
    Ok(())
}

/// An acquirer may alter DE 4 after the card signed (tip, conversion), so a difference is noted and
/// not refused.
fn check_amount(chip: &Chip, request: &Request, receipt: &mut Receipt) {
    let signed = from_bcd(&chip.amount_authorised);
    if request.transaction.moves_money() && signed != request.amount_minor {
        receipt.note(Step::ChipAmount, signed, request.amount_minor);
    }
}

pub(crate) fn from_bcd(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |number, byte| number * 100 + i64::from(byte >> 4) * 10 + i64::from(byte & 15))
}

/// Tag 91 of an approval: the ARPC and what it was made from.
fn issuer_authentication(recipe: &Recipe, product: &Product, arpc: [u8; 8]) -> IssuerAuthentication {
    let mut value = IssuerAuthentication::new();
    let (arpc, answer) = match recipe.answer {
        ArpcBy::Arc => (&arpc[..], &product.approve_arc[..]),
        ArpcBy::Csu => (&arpc[..4], &product.approve_csu[..]),
    };
    value.try_extend_from_slice(arpc).expect("8 of 16 bytes");
    value.try_extend_from_slice(answer).expect("4 of the other 8");
    value
}
