//! Who the cardholder was proven to be, and by what: found once from the message, told in the receipt, recorded
//! for liability, and held against what the product allows without it.

use crate::hsm_checks::ChecksReply;
use crate::receipt::{Decline, Receipt, Step};
use crate::recipe::{IadLayout, Recipe};
use crate::request::{Chip, EntryMode, Request};
use crate::state::CardFile;
use crate::tables::Product;
use crate::terminal;
use crate::velocity::Held;
use card::ResponseCode;
use serde::{Deserialize, Serialize};

/// How the cardholder was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderVerification {
    /// A PIN that we have verified (DE 52).
    OnlinePin,
    /// A PIN that the card has verified.
    OfflinePin,
    /// By the cardholder's own device: its passcode, a finger, a face.
    Device,
    /// A signature, which the merchant has looked at.
    Signature,
    /// Not at all.
    None,
    /// The message does not say, or nothing proves what it says.
    Unknown,
}

/// Whether the word of a device is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DeviceProof {
    /// When the card's own results say it (CVR), which the cryptogram covers.
    #[default]
    Proven,
    /// When the message says it, whether or not the cryptogram covers that: for cards whose results tell it in
    /// a place that is not public. Whoever stands between card and terminal can say it too.
    Claimed,
    /// Never.
    Never,
}

/// What a product allows without a verification. The default allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationRules {
    /// Most of one contactless transaction, minor units.
    pub contactless_limit_minor: Option<i64>,
    /// Most of all contactless transactions since the last verification together, minor units.
    pub contactless_total_minor: Option<i64>,
    /// How many contactless transactions since the last verification.
    pub contactless_count: Option<u32>,
    /// Most of one transaction at a terminal that nobody attends, however the card was read, minor units.
    pub unattended_limit_minor: Option<i64>,
    /// Whether a signature will do.
    pub signature: bool,
    /// Whether the word of a device is believed.
    pub device: DeviceProof,
}

impl Default for VerificationRules {
    fn default() -> VerificationRules {
        VerificationRules {
            contactless_limit_minor: None,
            contactless_total_minor: None,
            contactless_count: None,
            unattended_limit_minor: None,
            signature: true,
            device: DeviceProof::Proven,
        }
    }
}

/// What a card has bought without contact and without a verification since its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unverified {
    /// How many transactions.
    pub count: u32,
    /// Their amounts together, minor units.
    pub minor: i64,
}

/// What an approval does to the card's [`Unverified`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContactlessUse {
    /// One more, of this amount in minor units.
    Counts(i64),
    /// The holder was verified: they begin anew.
    Resets,
}

impl Unverified {
    pub(crate) fn apply(&mut self, contactless: ContactlessUse) {
        match contactless {
            ContactlessUse::Counts(minor) => {
                self.count = self.count.saturating_add(1);
                self.minor = self.minor.saturating_add(minor);
            }
            ContactlessUse::Resets => *self = Unverified::default(),
        }
    }
}

impl HolderVerification {
    /// Every method. The place of one here is its number in receipts, counted from 1.
    pub const ALL: [HolderVerification; 6] = [
        HolderVerification::OnlinePin,
        HolderVerification::OfflinePin,
        HolderVerification::Device,
        HolderVerification::Signature,
        HolderVerification::None,
        HolderVerification::Unknown,
    ];

    /// The word used in rules, searches and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HolderVerification::OnlinePin => "online_pin",
            HolderVerification::OfflinePin => "offline_pin",
            HolderVerification::Device => "device",
            HolderVerification::Signature => "signature",
            HolderVerification::None => "none",
            HolderVerification::Unknown => "unknown",
        }
    }

    /// Whether it proves the cardholder to us, and not to a merchant alone.
    #[must_use]
    pub fn proves_holder(self) -> bool {
        matches!(
            self,
            HolderVerification::OnlinePin | HolderVerification::OfflinePin | HolderVerification::Device
        )
    }

    pub(crate) fn number(self) -> i64 {
        self as i64 + 1
    }
}

/// How the holder was verified, after PIN and cryptogram have been found right. A PIN in a message about which the HSM
/// was not asked proves nothing.
pub(crate) fn found(product: &Product, request: &Request, reply: &ChecksReply) -> HolderVerification {
    if reply.pin.is_some() {
        return HolderVerification::OnlinePin;
    }
    let Some(chip) = request.chip.as_deref() else {
        return match request.entry {
            EntryMode::Manual | EntryMode::Ecommerce | EntryMode::CredentialOnFile | EntryMode::Recurring => {
                HolderVerification::None
            }
            _ => HolderVerification::Unknown,
        };
    };
    let data = &chip.issuer_application_data;
    let layout = Recipe::find(product.scheme, data).map(|version| version.recipe.layout);
    let proven = layout.is_some_and(|layout| layout.tells_holder_verified(data));
    match request.entry {
        EntryMode::Contactless => contactless(product.verification.device, chip, proven),
        _ => contact(chip, proven),
    }
}

/// Without contact no card verifies a PIN itself, so its own word is that of a device.
fn contactless(device: DeviceProof, chip: &Chip, proven: bool) -> HolderVerification {
    let claimed = claims_device(chip);
    match device {
        DeviceProof::Proven | DeviceProof::Claimed if proven => return HolderVerification::Device,
        DeviceProof::Claimed if claimed => return HolderVerification::Device,
        _ if claimed => return HolderVerification::Unknown,
        _ => {}
    }
    let asks_signature = chip.card_qualifiers.is_some_and(|qualifiers| qualifiers[0] & 0x40 != 0);
    match chip.cvm_results {
        Some([method, ..]) if method & 0x3F == 0x1E => HolderVerification::Signature,
        _ if asks_signature => HolderVerification::Signature,
        _ => HolderVerification::None,
    }
}

/// 9F6C byte 2 bit 8 (Visa), or CVM results that tell of a PIN to a contactless card (Mastercard's `010002`).
fn claims_device(chip: &Chip) -> bool {
    let qualifiers = chip.card_qualifiers.is_some_and(|qualifiers| qualifiers[1] & 0x80 != 0);
    qualifiers || matches!(chip.cvm_results, Some([method, _, 2]) if method & 0x3F == 0x01)
}

/// CVM results by EMV Book 4, annex A4. Nothing covers them, so a PIN to the card is one only if the card says so.
fn contact(chip: &Chip, proven: bool) -> HolderVerification {
    match chip.cvm_results.map(|[method, _, result]| (method & 0x3F, result)) {
        Some((0x01 | 0x03..=0x05, _)) | None if proven => HolderVerification::OfflinePin,
        Some((0x1E, _)) => HolderVerification::Signature,
        Some((0x1F | 0x3F, _)) => HolderVerification::None,
        _ => HolderVerification::Unknown,
    }
}

impl IadLayout {
    /// Whether the card's own results say that a PIN, or whatever its device takes for one, was verified.
    fn tells_holder_verified(self, data: &[u8]) -> bool {
        let bits = |place: usize, mask: u8| data.get(place).map_or(0, |byte| byte & mask);
        match self {
            // Byte 2: bit 3 performed, bit 2 failed.
            IadLayout::Visa => bits(4, 0x06) == 0x04,
            // Byte 2 bit 3: verified by the device.
            IadLayout::VisaLong => bits(4, 0x04) == 0x04,
            // Byte 1: bit 3 performed, bit 1 successful.
            IadLayout::MChip => bits(2, 0x05) == 0x05,
            // Byte 2: bit 4 performed, bit 3 failed.
            IadLayout::CommonCore => bits(4, 0x0C) == 0x08,
            IadLayout::UnionPay => false,
        }
    }
}

/// Whether the product allows this verification for what the account is to pay with its fee, minor units of it.
pub(crate) fn allowed(
    held: &Held<'_>,
    verification: HolderVerification,
    minor: i64,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let Held { tables, product, file, request, .. } = *held;
    if verification.proves_holder() || !request.transaction.takes_money() {
        return Ok(());
    }
    let rules = &product.verification;
    let code = wanted(tables, request);
    let mut within = |step, seen: i64, limit: Option<i64>| match limit {
        Some(limit) if seen > limit => Err(receipt.fail(step, code, seen, limit)),
        Some(limit) => {
            receipt.pass(step, seen, limit);
            Ok(())
        }
        None => Ok(()),
    };
    if verification == HolderVerification::Signature && !rules.signature {
        within(Step::Signature, 1, Some(0))?;
    }
    if unattended(tables, request) {
        within(Step::UnattendedLimit, minor, rules.unattended_limit_minor)?;
    }
    if is_contactless(request) {
        let before = file.unverified;
        let (total, count) = (before.minor.saturating_add(minor), i64::from(before.count).saturating_add(1));
        within(Step::ContactlessLimit, minor, rules.contactless_limit_minor)?;
        within(Step::ContactlessTotal, total, rules.contactless_total_minor)?;
        within(Step::ContactlessCount, count, rules.contactless_count.map(i64::from))?;
    }
    Ok(())
}

/// The answer to who should have been verified.
pub(crate) fn wanted(tables: &crate::Tables, request: &Request) -> ResponseCode {
    let link = tables.links.get(&request.link);
    link.map_or(ResponseCode::OVER_COUNT_LIMIT, |link| link.verification_wanted)
}

/// Whether nobody attends the terminal, by the message or else by what is known of it.
pub(crate) fn unattended(tables: &crate::Tables, request: &Request) -> bool {
    let place = request.point_of_service.attended;
    let terminal = || terminal::active(tables, request.link, request.terminal);
    place.or_else(|| terminal().and_then(|terminal| terminal.attended)) == Some(false)
}

/// What an approval that takes so much of the account does to the card's counters.
pub(crate) fn contactless_use(
    held: &Held<'_>,
    verification: HolderVerification,
    minor: i64,
) -> Option<ContactlessUse> {
    let Held { product, file, request, .. } = *held;
    let counts =
        product.verification.counts() && is_contactless(request) && request.transaction.takes_money();
    if counts && !verification.proves_holder() {
        return Some(ContactlessUse::Counts(minor.max(0)));
    }
    restarts(file, Some(verification))
}

/// A device verifies its own owner, which is no reason to trust the plastic card again: only a PIN that we or the
/// chip have verified lets the counters begin anew.
pub(crate) fn restarts(file: &CardFile, verification: Option<HolderVerification>) -> Option<ContactlessUse> {
    let by_pin = matches!(verification, Some(HolderVerification::OnlinePin | HolderVerification::OfflinePin));
    (by_pin && file.unverified != Unverified::default()).then_some(ContactlessUse::Resets)
}

impl VerificationRules {
    fn counts(&self) -> bool {
        self.contactless_total_minor.is_some() || self.contactless_count.is_some()
    }
}

fn is_contactless(request: &Request) -> bool {
    matches!(request.entry, EntryMode::Contactless | EntryMode::ContactlessStripe)
}
