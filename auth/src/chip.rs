//! Step 11, the chip: which recipe made the cryptogram, and what the HSM's finding means.

use crate::chip_rules::{self, ChipFinding};
use crate::decision::CardCounters;
use crate::effect::IssuerAuthentication;
use crate::hsm_checks::{ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult};
use crate::limits::ATC_WINDOW;
use crate::receipt::{Decline, Receipt, Step};
use crate::recipe::{ArpcBy, Recipe};
use crate::request::{Chip, CryptogramKind, Request};
use crate::state::{CardFile, ChipCounter};
use crate::tables::{Key, Product};
use card::ResponseCode;
use std::sync::Arc;

/// The question for the HSM, or nothing when the card was not read by its chip.
pub(crate) fn check(
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<CryptogramCheck>, Decline> {
    let Some(chip) = &request.chip else {
        // Chip entry without chip data is a message error, not a card without a chip.
        if request.entry.has_chip_data() {
            return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::FORMAT_ERROR, 0, 0));
        }
        receipt.skip(Step::Cryptogram);
        return Ok(None);
    };
    // A request asks, so the card must have; only an advice may tell that the card has approved. No
    // cryptogram covers 9F27: what the card signed stands in its CVR, else a question could be passed off as
    // an approval.
    let signed = |recipe: &Recipe| recipe.layout.kind(&chip.issuer_application_data);
    let legal = match chip.kind() {
        Some(CryptogramKind::Arqc) => !request.class.is_advice(),
        Some(CryptogramKind::Tc) => request.class.is_advice(),
        Some(CryptogramKind::Aac) => true,
        None => false,
    };
    let approved = chip.kind() == Some(CryptogramKind::Tc);
    let Some(version) = Recipe::find(product.scheme, &chip.issuer_application_data) else {
        let seen = Recipe::version_byte(product.scheme, &chip.issuer_application_data).map_or(-1, i64::from);
        return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0));
    };
    if !legal || (approved && signed(version.recipe) != Some(CryptogramKind::Tc)) {
        let seen = i64::from(chip.cryptogram_information & 0xC0);
        return Err(receipt.fail(Step::CryptogramKind, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0));
    }
    let key = product.issuer_master_keys.iter().find(|(index, _)| *index == version.derivation_key_index);
    let Some((_, issuer_master_key)) = key else {
        let seen = i64::from(version.derivation_key_index);
        return Err(receipt.fail(Step::DerivationKey, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0));
    };
    receipt.pass(Step::CryptogramVersion, i64::from(version.recipe.version), 0);
    chip_rules::sequence(product, file, request, receipt)?;
    check_amount(chip, request, receipt)?;
    let answer = match version.recipe.answer {
        ArpcBy::Arc => CryptogramAnswer::Arc(product.approve_arc),
        ArpcBy::Csu => CryptogramAnswer::Csu(product.approve_csu),
    };
    let key = Arc::clone(issuer_master_key);
    Ok(Some(question(version.recipe, key, file, request, chip, answer)))
}

/// What the HSM needs to know of a cryptogram.
fn question(
    recipe: &'static Recipe,
    issuer_master_key: Arc<Key>,
    file: &CardFile,
    request: &Request,
    chip: &Chip,
    answer: CryptogramAnswer,
) -> CryptogramCheck {
    CryptogramCheck {
        recipe,
        issuer_master_key,
        pan: request.presented(),
        card_sequence: card_sequence(file, request),
        atc: chip.atc,
        unpredictable_number: chip.unpredictable_number,
        transaction_bytes: recipe.transaction_bytes(chip),
        cryptogram: chip.cryptogram,
        answer,
        verified: false,
    }
}

/// Sequence number of the card that the cryptogram is of. What is on file is the card's own, and a token is another
/// number.
pub(crate) fn card_sequence(file: &CardFile, request: &Request) -> u8 {
    request.card_sequence.or(file.card.card_sequence.filter(|_| request.token.is_none())).unwrap_or(0)
}

/// The ARPC of a decline: `None` where the product gives none.
pub(crate) fn decline_answer(
    product: &Product,
    file: &CardFile,
    request: &Request,
    chip: &Chip,
) -> Option<CryptogramCheck> {
    let version = Recipe::find(product.scheme, &chip.issuer_application_data)?;
    let answer = match version.recipe.answer {
        ArpcBy::Arc => CryptogramAnswer::Arc(product.decline_arc?),
        ArpcBy::Csu => CryptogramAnswer::Csu(product.decline_csu?),
    };
    let keys = &product.issuer_master_keys;
    let (_, key) = keys.iter().find(|(index, _)| *index == version.derivation_key_index)?;
    let question = question(version.recipe, Arc::clone(key), file, request, chip, answer);
    Some(CryptogramCheck { verified: true, ..question })
}

/// The HSM's finding, then the ATC, then what the chip tells.
pub(crate) fn cryptogram(
    product: &Product,
    counter: ChipCounter,
    request: &Request,
    reply: &ChecksReply,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<Chipped, Decline> {
    let (Some(chip), Some(result)) = (&request.chip, reply.cryptogram) else { return Ok(Chipped::default()) };
    let arpc = match result {
        CryptogramResult::Right { arpc } => arpc,
        CryptogramResult::Wrong => {
            return Err(receipt.fail(Step::Cryptogram, ResponseCode::CRYPTOGRAM_WRONG, 0, 0));
        }
        CryptogramResult::Failed => return Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    };
    receipt.pass(Step::Cryptogram, 0, 0);
    counters.proven = true;
    if request.class.is_advice() && confirms(product, counter, chip) {
        receipt.pass(Step::Confirmation, chip.atc.into(), 0);
        return Ok(Chipped { confirms: true, issuer_authentication: None });
    }
    fresh_counter(product, counter, chip, receipt, counters)?;
    if chip.kind() == Some(CryptogramKind::Aac) {
        return Err(receipt.fail(Step::OfflineDecline, ResponseCode::DO_NOT_HONOUR, 0, 0));
    }
    let version = Recipe::find(product.scheme, &chip.issuer_application_data);
    let Some(recipe) = version.map(|version| version.recipe) else { return Ok(Chipped::default()) };
    chip_rules::results(product, recipe.layout, request.class, chip, receipt)?;
    if request.class.is_advice() {
        receipt.pass(Step::OfflineApproval, 0, 0);
        return Ok(Chipped::default());
    }
    // Whatever the AIP says: its bit is of EXTERNAL AUTHENTICATE, and cards that look at the ARPC in GENERATE AC have it off
    // (EMV Book 3, 10.9). Who has no use for tag 91 passes over it.
    let issuer_authentication = chip.takes_updates(request.entry).then(|| {
        let answer = match recipe.answer {
            ArpcBy::Arc => CryptogramAnswer::Arc(product.approve_arc),
            ArpcBy::Csu => CryptogramAnswer::Csu(product.approve_csu),
        };
        issuer_authentication(answer, arpc)
    });
    Ok(Chipped { confirms: false, issuer_authentication })
}

/// What came of a chip's cryptogram that is in order.
#[derive(Default)]
pub(crate) struct Chipped {
    /// It only confirms what was decided online.
    pub(crate) confirms: bool,
    /// Value of tag 91 for an approval.
    pub(crate) issuer_authentication: Option<IssuerAuthentication>,
}

/// Whether a card's approval has a counter under which it has asked before. What it asked then was answered
/// and posted or held.
fn confirms(product: &Product, counter: ChipCounter, chip: &Chip) -> bool {
    let behind = counter.highest.and_then(|highest| highest.checked_sub(chip.atc));
    let known = behind.filter(|behind| *behind <= product.atc_window && *behind <= ATC_WINDOW);
    chip.kind() == Some(CryptogramKind::Tc) && known.is_some_and(|behind| counter.has_taken(behind))
}

/// Only a good cryptogram moves the counter, else anybody could push it out of reach.
fn fresh_counter(
    product: &Product,
    counter: ChipCounter,
    chip: &Chip,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<(), Decline> {
    let seen = i64::from(chip.atc);
    let Some(highest) = counter.highest else {
        counters.atc = Some(chip.atc);
        receipt.pass(Step::Atc, seen, 0);
        return Ok(());
    };
    let limit = i64::from(highest);
    if chip.atc <= highest {
        // Offline transactions come late, and two terminals' messages may overtake each other.
        let behind = highest - chip.atc;
        if behind > product.atc_window || counter.has_taken(behind) {
            return Err(receipt.fail(Step::Atc, ResponseCode::CRYPTOGRAM_WRONG, seen, limit));
        }
        receipt.note(Step::AtcLate, behind.into(), product.atc_window.into());
    } else if chip.atc - highest > product.atc_max_jump {
        product.chip_rules.found(ChipFinding::AtcGap, seen, limit, receipt)?;
    } else {
        receipt.pass(Step::Atc, seen, limit);
    }
    counters.atc = Some(chip.atc);
    Ok(())
}

/// An acquirer may alter DE 4 and 49 after the card signed (tip, conversion), so a difference is noted and
/// not refused. Of an advice nothing else vouches for the amount: more than was signed, or another currency, is
/// refused.
fn check_amount(chip: &Chip, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let signed = from_bcd(&chip.amount_authorised);
    if request.transaction.moves_money() && signed != request.amount_minor {
        if request.class.is_advice() && request.amount_minor > signed {
            let code = ResponseCode::INVALID_AMOUNT;
            return Err(receipt.fail(Step::ChipAmount, code, signed, request.amount_minor));
        }
        receipt.note(Step::ChipAmount, signed, request.amount_minor);
    }
    let (signed, asked) = (from_bcd(&chip.currency), i64::from(request.currency));
    if signed != asked {
        if request.class.is_advice() {
            return Err(receipt.fail(Step::ChipCurrency, ResponseCode::INVALID_TRANSACTION, signed, asked));
        }
        if request.transaction.moves_money() {
            receipt.note(Step::ChipCurrency, signed, asked);
        }
    }
    Ok(())
}

pub(crate) fn from_bcd(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |number, byte| number * 100 + i64::from(byte >> 4) * 10 + i64::from(byte & 15))
}

/// Tag 91: the ARPC and what it was made from.
pub(crate) fn issuer_authentication(answer: CryptogramAnswer, arpc: [u8; 8]) -> IssuerAuthentication {
    let mut value = IssuerAuthentication::new();
    let (arpc, answer) = match &answer {
        CryptogramAnswer::Arc(arc) => (&arpc[..], &arc[..]),
        CryptogramAnswer::Csu(csu) => (&arpc[..4], &csu[..]),
    };
    value.try_extend_from_slice(arpc).expect("8 of 16 bytes");
    value.try_extend_from_slice(answer).expect("4 of the other 8");
    value
}
