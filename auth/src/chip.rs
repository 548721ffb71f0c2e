//! Step 11, the chip: which recipe made the cryptogram, what it covers, and what the HSM's finding
//! means. Recipes: EMV Book 2 section 8, Visa VIS cryptogram versions 10 and 18.

use crate::effect::IssuerAuthentication;
use crate::hsm_checks::{ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult, Recipe};
use crate::pipeline::CardCounters;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Chip, Request};
use crate::state::CardFile;
use crate::tables::Product;
use arrayvec::ArrayVec;
use card::{ResponseCode, Scheme};
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
    let version = Version::of(product.scheme, chip).filter(|_| !not_arqc);
    let Some(version) = version else {
        let seen = i64::from(chip.cryptogram_information);
        return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0x80));
    };
    let key = product.issuer_master_keys.iter().find(|(index, _)| *index == version.derivation_key_index);
    let Some((_, issuer_master_key)) = key else {
        let seen = i64::from(version.derivation_key_index);
        return Err(receipt.fail(Step::CryptogramVersion, ResponseCode::CRYPTOGRAPHIC_FAILURE, seen, 0));
    };
    receipt.pass(Step::CryptogramVersion, version.number(), 0);
    check_amount(chip, request, receipt);
    Ok(Some(Box::new(CryptogramCheck {
        recipe: version.recipe,
        issuer_master_key: Arc::clone(issuer_master_key),
        pan: request.pan,
        card_sequence: request.card_sequence.or(file.card.card_sequence).unwrap_or(0),
        atc: chip.atc,
        unpredictable_number: chip.unpredictable_number,
        transaction_bytes: version.transaction_bytes(chip),
        cryptogram: chip.cryptogram,
        answer: match version.recipe {
            Recipe::VisaCvn10 => CryptogramAnswer::Arc(product.approve_arc),
            Recipe::VisaCvn18 => CryptogramAnswer::Csu(product.approve_csu),
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
    Ok(Version::of(product.scheme, chip).map(|version| version.issuer_authentication(product, arpc)))
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

fn from_bcd(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |number, byte| number * 100 + i64::from(byte >> 4) * 10 + i64::from(byte & 15))
}

/// Cryptogram version and derivation key index, read from the issuer application data.
struct Version {
    recipe: Recipe,
    derivation_key_index: u8,
}

impl Version {
    /// Visa formats 0, 1 and 3: `06 DKI CVN 03 CVR(3)`. Anything unknown is not guessed at.
    fn of(scheme: Scheme, chip: &Chip) -> Option<Version> {
        match (scheme, chip.issuer_application_data.as_slice()) {
            (Scheme::Visa, [0x06, index, version, 0x03, _, _, _, ..]) => {
                let recipe = match version {
                    0x0A => Recipe::VisaCvn10,
                    0x12 => Recipe::VisaCvn18,
                    _ => return None,
                };
                Some(Version { recipe, derivation_key_index: *index })
            }
            _ => None,
        }
    }

    fn number(&self) -> i64 {
        match self.recipe {
            Recipe::VisaCvn10 => 10,
            Recipe::VisaCvn18 => 18,
        }
    }

    /// The base list, then the tail and padding of the recipe. The HSM fills up with zeros.
    fn transaction_bytes(&self, chip: &Chip) -> ArrayVec<u8, 96> {
        let mut bytes = ArrayVec::new();
        let mut add = |part: &[u8]| bytes.try_extend_from_slice(part).expect("33 + 32 + 1 bytes fit in 96");
        add(&chip.amount_authorised);
        add(&chip.amount_other);
        add(&chip.terminal_country);
        add(&chip.tvr);
        add(&chip.currency);
        add(&chip.date);
        add(&[chip.transaction_type]);
        add(&chip.unpredictable_number);
        add(&chip.aip);
        add(&chip.atc.to_be_bytes());
        match self.recipe {
            // The CVR with its length byte.
            Recipe::VisaCvn10 => add(&chip.issuer_application_data[3..7]),
            Recipe::VisaCvn18 => {
                add(&chip.issuer_application_data);
                add(&[0x80]);
            }
        }
        bytes
    }

    fn issuer_authentication(&self, product: &Product, arpc: [u8; 8]) -> IssuerAuthentication {
        let mut value = IssuerAuthentication::new();
        let (arpc, answer) = match self.recipe {
            Recipe::VisaCvn10 => (&arpc[..], &product.approve_arc[..]),
            Recipe::VisaCvn18 => (&arpc[..4], &product.approve_csu[..]),
        };
        value.try_extend_from_slice(arpc).expect("8 of 16 bytes");
        value.try_extend_from_slice(answer).expect("4 of the other 8");
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(issuer_application_data: &[u8]) -> Chip {
        Chip {
            amount_authorised: [0, 0, 0, 0, 0x99, 0x99],
            amount_other: [0; 6],
            terminal_country: [0x08, 0x40],
            tvr: [0x80, 0, 0x04, 0x80, 0],
            currency: [0x08, 0x40],
            date: [0x99, 0x12, 0x31],
            transaction_type: 1,
            unpredictable_number: [0x52, 0xBF, 0x45, 0x85],
            aip: [0x18, 0],
            atc: 0x0FFF,
            issuer_application_data: issuer_application_data.iter().copied().collect(),
            cryptogram: [0; 8],
            cryptogram_information: 0x80,
        }
    }

    #[test]
    fn cryptogram_covers_what_the_recipe_says() {
        let check = |iad: &[u8], recipe, tail: &[u8]| {
            let chip = chip(iad);
            let version = Version::of(Scheme::Visa, &chip).unwrap();
            assert_eq!(version.recipe, recipe);
            let bytes = version.transaction_bytes(&chip);
            assert_eq!(&bytes[33..], tail);
            assert_eq!(&bytes[29..33], &[0x18, 0, 0x0F, 0xFF]);
        };
        check(&[6, 1, 0x0A, 3, 0xA0, 0xB8, 0], Recipe::VisaCvn10, &[3, 0xA0, 0xB8, 0]);
        check(&[6, 1, 0x12, 3, 0xA0, 0xB8, 0], Recipe::VisaCvn18, &[6, 1, 0x12, 3, 0xA0, 0xB8, 0, 0x80]);
    }

    #[test]
    fn unknown_versions_are_not_guessed() {
        for iad in [&[6, 1, 0x11, 3, 0, 0, 0][..], &[6, 1, 0x0A, 3, 0, 0], &[], &[7, 1, 1, 3, 0, 0, 0]] {
            assert!(Version::of(Scheme::Visa, &chip(iad)).is_none());
        }
        assert!(Version::of(Scheme::Mastercard, &chip(&[6, 1, 0x0A, 3, 0, 0, 0])).is_none());
    }
}
