//! `[product.verification]`: what a product allows without a verification of the cardholder.

use super::section::Section;
use super::value::{amount, number, one_of, switch};
use auth::{DeviceProof, VerificationRules};
use card::{Currency, ResponseCode};

/// Without a valid currency the amounts cannot be read; that mistake has been noted already.
pub(super) fn rules(section: Option<Section<'_>>, currency: Option<Currency>) -> VerificationRules {
    let plain = VerificationRules::default();
    let (Some(mut section), Some(currency)) = (section, currency) else { return plain };
    let rules = VerificationRules {
        contactless_limit_minor: section.optional("contactless_limit", amount(currency)),
        contactless_total_minor: section.optional("contactless_total", amount(currency)),
        contactless_count: section
            .optional("contactless_count", number(0..=u64::from(u32::MAX)))
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        unattended_limit_minor: section.optional("unattended_limit", amount(currency)),
        signature: section.or("signature", plain.signature, switch),
        device: section.or("device", plain.device, one_of(&DEVICE)),
    };
    section.finish();
    rules
}

const DEVICE: [(&str, DeviceProof); 3] =
    [("proven", DeviceProof::Proven), ("claimed", DeviceProof::Claimed), ("never", DeviceProof::Never)];

const CODES: [(&str, ResponseCode); 2] =
    [("65", ResponseCode::OVER_COUNT_LIMIT), ("1A", ResponseCode::VERIFICATION_WANTED)];

/// `verification_code` of a listener: what its network takes for "verify the cardholder".
pub(super) fn code(section: &mut Section<'_>) -> ResponseCode {
    section.or("verification_code", ResponseCode::OVER_COUNT_LIMIT, one_of(&CODES))
}
