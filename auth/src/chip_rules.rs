//! What chip and terminal tell about a transaction, and what a product does about it. The facts are in a
//! table; each that was found and is not ignored is a line of the receipt.

use crate::receipt::{Decline, Receipt, Step};
use crate::recipe::IadLayout;
use crate::request::{Chip, CryptogramKind, EntryMode, MessageClass, Request};
use crate::state::CardFile;
use crate::tables::{Product, Terminal};
use card::ResponseCode;

/// What a product does about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing, and the receipt does not tell it.
    Ignore,
    /// The receipt tells it.
    Flag,
    /// The transaction is declined with this code.
    Decline(ResponseCode),
}

/// What a product does about each finding. The default is what suits most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipRules([Reaction; ChipFinding::ALL.len()]);

macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $step:ident, $reaction:expr;)*) => {
        /// Something that chip or terminal tells, or that follows from how the card was read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ChipFinding {
            $($(#[$doc])* $name,)*
        }

        impl ChipFinding {
            /// Every finding, in the order in which they are looked for.
            pub const ALL: &[ChipFinding] = &[$(ChipFinding::$name,)*];

            /// The word used in the configuration.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(ChipFinding::$name => $word,)* }
            }

            /// Its line of the receipt.
            #[must_use]
            pub fn step(self) -> Step {
                match self { $(ChipFinding::$name => Step::$step,)* }
            }
        }

        impl Default for ChipRules {
            fn default() -> ChipRules {
                ChipRules([$($reaction,)*])
            }
        }
    };
}

use Reaction::{Decline as DeclineWith, Flag, Ignore};

findings! {
    /// The stripe was read because the chip failed.
    Fallback = "fallback", Fallback, Flag;
    /// The same, for cash.
    FallbackCash = "fallback_cash", FallbackCash, DeclineWith(ResponseCode::DO_NOT_HONOUR);
    /// The stripe of a card that says it has a chip, at a terminal that reads chips, without fallback.
    StripeAtChipTerminal = "stripe_at_chip_terminal", StripeAtChipTerminal, DeclineWith(ResponseCode::DO_NOT_HONOUR);
    /// Nobody attends the terminal.
    Unattended = "unattended", Unattended, Ignore;
    /// The verification value on the stripe is that of the chip's track.
    ChipTrackOnStripe = "chip_track_on_stripe", ChipTrackOnStripe, DeclineWith(ResponseCode::SUSPECTED_FRAUD);
    /// The chip is not the card on file: another one of the same number.
    CardSequence = "card_sequence", CardSequence, DeclineWith(ResponseCode::INVALID_CARD);
    /// The ATC has jumped further than the product allows.
    AtcGap = "atc_gap", Atc, DeclineWith(ResponseCode::CRYPTOGRAM_WRONG);
    /// SDA, DDA or CDA failed.
    DataAuthenticationFailed = "data_authentication_failed", DataAuthentication, Flag;
    /// Usual at terminals that are always online.
    DataAuthenticationNotPerformed = "data_authentication_not_performed", NoDataAuthentication, Ignore;
    /// The terminal had the card on its own list.
    ExceptionFile = "exception_file", ExceptionFile, Flag;
    /// By the dates in the chip.
    ApplicationDates = "application_dates", ApplicationDates, Flag;
    /// By the usage control in the chip.
    ServiceNotAllowed = "service_not_allowed", ServiceNotAllowed, Flag;
    /// The chip has never been online.
    NewCard = "new_card", NewCard, Ignore;
    /// No method was successful.
    HolderVerificationFailed = "holder_verification_failed", HolderVerification, Flag;
    /// A PIN was required, and there was none or no working keypad.
    PinNotEntered = "pin_not_entered", PinNotEntered, Flag;
    /// The chip has locked its PIN.
    OfflinePinTriesExceeded = "offline_pin_tries_exceeded", OfflinePinTries, Flag;
    /// The chip has refused the PIN.
    OfflinePinFailed = "offline_pin_failed", OfflinePin, DeclineWith(ResponseCode::WRONG_PIN);
    /// Every online-only terminal has a floor limit of zero.
    FloorLimitExceeded = "floor_limit_exceeded", FloorLimit, Ignore;
    /// The card has been offline too often.
    OfflineLimitsExceeded = "offline_limits_exceeded", OfflineLimits, Ignore;
    /// Somebody at the till pressed the key.
    MerchantForcedOnline = "merchant_forced_online", ForcedOnline, Flag;
    /// The card did not accept the answer to an earlier request.
    IssuerAuthenticationFailed = "issuer_authentication_failed", IssuerAuthentication, Flag;
    /// The card did not carry out a command of the issuer.
    IssuerScriptFailed = "issuer_script_failed", IssuerScript, Flag;
    /// The answer to the request before did not reach the card.
    LastOnlineNotCompleted = "last_online_not_completed", LastOnline, Ignore;
    /// The card decided alone because nobody could be asked.
    UnableToGoOnline = "unable_to_go_online", UnableOnline, Ignore;
}

impl ChipFinding {
    /// The finding of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<ChipFinding> {
        ChipFinding::ALL.iter().copied().find(|finding| finding.as_str() == word)
    }
}

impl ChipRules {
    /// What is done about a finding.
    #[must_use]
    pub fn reaction(&self, finding: ChipFinding) -> Reaction {
        self.0[finding as usize]
    }

    /// The same with another reaction to one finding.
    #[must_use]
    pub fn with(mut self, finding: ChipFinding, reaction: Reaction) -> ChipRules {
        self.0[finding as usize] = reaction;
        self
    }

    /// The same for what is not decided any more: it only gets told.
    fn telling(self) -> ChipRules {
        ChipRules(self.0.map(|reaction| match reaction {
            DeclineWith(_) => Flag,
            other => other,
        }))
    }

    /// What the product says to something that was found.
    pub(crate) fn found(
        &self,
        finding: ChipFinding,
        seen: i64,
        limit: i64,
        receipt: &mut Receipt,
    ) -> Result<(), Decline> {
        match self.reaction(finding) {
            Ignore => {}
            Flag => receipt.note(finding.step(), seen, limit),
            DeclineWith(code) => return Err(receipt.fail(finding.step(), code, seen, limit)),
        }
        Ok(())
    }
}

/// Step 9: how and where the card was read.
pub(crate) fn reading(
    product: &Product,
    terminal: &Terminal,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let rules = &product.chip_rules;
    let place = request.point_of_service;
    if request.entry == EntryMode::Fallback {
        if request.transaction.draws_cash() {
            rules.found(ChipFinding::FallbackCash, 0, 0, receipt)?;
        }
        rules.found(ChipFinding::Fallback, 0, 0, receipt)?;
    }
    let reads_chip = place.reads_chip.or(terminal.reads_chip);
    if request.entry == EntryMode::Stripe && reads_chip == Some(true) && says_chip(request) {
        rules.found(ChipFinding::StripeAtChipTerminal, 0, 0, receipt)?;
    }
    let attended = place.attended.or(terminal.attended);
    if attended == Some(false) {
        rules.found(ChipFinding::Unattended, 0, 0, receipt)?;
    }
    Ok(())
}

/// Step 11: the chip's sequence number is the one on file, where both are known. A new card may have the number and
/// the expiry of the one before, whose chip makes right cryptograms as long as nobody breaks it. A device has a
/// sequence number of its own.
pub(crate) fn sequence(
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let (Some(sent), Some(on_file), None) = (request.card_sequence, file.card.card_sequence, request.token)
    else {
        return Ok(());
    };
    if sent == on_file {
        return Ok(());
    }
    let rules = rules(product, request.class);
    rules.found(ChipFinding::CardSequence, sent.into(), on_file.into(), receipt)
}

/// In an advice nothing declines any more.
fn rules(product: &Product, class: MessageClass) -> ChipRules {
    if class.is_advice() { product.chip_rules.telling() } else { product.chip_rules }
}

/// Whether the track's service code says that the card has a chip.
pub(crate) fn says_chip(request: &Request) -> bool {
    let track = request.track2.as_ref();
    track.is_some_and(|track| matches!(track.service_code().0, [b'2' | b'6', ..]))
}

/// Step 11: what terminal and card say of the transaction. Asked after the cryptogram, which covers the
/// TVR and the CVR; nothing covers the CVM results.
pub(crate) fn results(
    product: &Product,
    layout: IadLayout,
    class: MessageClass,
    chip: &Chip,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let rules = rules(product, class);
    let card = layout.says(&chip.issuer_application_data);
    for finding in ChipFinding::ALL {
        if tells(*finding, chip, card) {
            rules.found(*finding, 0, 0, receipt)?;
        }
    }
    Ok(())
}

/// Bits of TVR by EMV Book 3, annex C5.
fn tells(finding: ChipFinding, chip: &Chip, card: CardSays) -> bool {
    let tvr = |byte: usize, bits: u8| chip.tvr[byte - 1] & bits != 0;
    match finding {
        ChipFinding::DataAuthenticationFailed => tvr(1, 0x4C),
        ChipFinding::DataAuthenticationNotPerformed => tvr(1, 0x80),
        ChipFinding::ExceptionFile => tvr(1, 0x10),
        ChipFinding::ApplicationDates => tvr(2, 0x60),
        ChipFinding::ServiceNotAllowed => tvr(2, 0x10),
        ChipFinding::NewCard => tvr(2, 0x08),
        ChipFinding::HolderVerificationFailed => tvr(3, 0x80),
        ChipFinding::PinNotEntered => tvr(3, 0x18),
        ChipFinding::OfflinePinTriesExceeded => tvr(3, 0x20) || card.pin_tries_exceeded,
        ChipFinding::OfflinePinFailed => card.pin_failed || offline_pin_failed(chip.cvm_results),
        ChipFinding::FloorLimitExceeded => tvr(4, 0x80),
        ChipFinding::OfflineLimitsExceeded => tvr(4, 0x60),
        ChipFinding::MerchantForcedOnline => tvr(4, 0x08),
        ChipFinding::IssuerAuthenticationFailed => tvr(5, 0x40) || card.issuer_authentication_failed,
        ChipFinding::IssuerScriptFailed => tvr(5, 0x30) || card.script_failed,
        ChipFinding::LastOnlineNotCompleted => card.last_online_not_completed,
        ChipFinding::UnableToGoOnline => card.unable_to_go_online,
        ChipFinding::Fallback
        | ChipFinding::FallbackCash
        | ChipFinding::StripeAtChipTerminal
        | ChipFinding::Unattended
        | ChipFinding::ChipTrackOnStripe
        | ChipFinding::CardSequence
        | ChipFinding::AtcGap => false,
    }
}

/// CVM results: a PIN to the card, plain (1, 3) or enciphered (4, 5), that failed (EMV Book 4, annex A4).
fn offline_pin_failed(cvm_results: Option<[u8; 3]>) -> bool {
    matches!(cvm_results, Some([method, _, 1]) if matches!(method & 0x3F, 1 | 3 | 4 | 5))
}

/// What the card says in its verification results (CVR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CardSays {
    pub(crate) pin_failed: bool,
    pub(crate) pin_tries_exceeded: bool,
    pub(crate) issuer_authentication_failed: bool,
    pub(crate) last_online_not_completed: bool,
    pub(crate) script_failed: bool,
    pub(crate) unable_to_go_online: bool,
}

impl IadLayout {
    /// Which cryptogram the card says that it made, last of two; `None` where the layout is not known to say.
    /// The upper bits tell of the second GENERATE AC, the next ones of the first.
    pub(crate) fn kind(self, data: &[u8]) -> Option<CryptogramKind> {
        let byte = match self {
            IadLayout::Visa => *data.get(4)?,
            IadLayout::MChip => *data.get(2)?,
            IadLayout::CommonCore => *data.get(3)?,
            IadLayout::VisaLong | IadLayout::UnionPay => return None,
        };
        match (byte >> 6, byte >> 4 & 3) {
            (0b00, _) | (0b10, 0b00) => Some(CryptogramKind::Aac),
            (0b01, _) | (0b10, 0b01) => Some(CryptogramKind::Tc),
            (0b10, 0b10) => Some(CryptogramKind::Arqc),
            _ => None,
        }
    }

    /// Reads the CVR; nothing is known of the bits of Visa formats 2 and 4 and of UnionPay.
    fn says(self, data: &[u8]) -> CardSays {
        let bit = |place: usize, bits: u8| data.get(place).is_some_and(|byte| byte & bits != 0);
        match self {
            // The length of the CVR is its byte 1, in place 3.
            IadLayout::Visa => CardSays {
                pin_failed: bit(4, 0x02),
                pin_tries_exceeded: bit(5, 0x40),
                issuer_authentication_failed: bit(4, 0x08) || bit(5, 0x08),
                last_online_not_completed: bit(5, 0x80),
                script_failed: bit(6, 0x08),
                unable_to_go_online: bit(4, 0x01),
            },
            IadLayout::MChip => CardSays {
                pin_failed: bit(5, 0x10),
                pin_tries_exceeded: bit(5, 0x08),
                issuer_authentication_failed: bit(6, 0x04),
                last_online_not_completed: bit(5, 0x80),
                script_failed: bit(6, 0x01),
                unable_to_go_online: bit(5, 0x40),
            },
            IadLayout::CommonCore => CardSays {
                pin_failed: bit(4, 0x04),
                pin_tries_exceeded: bit(4, 0x02),
                issuer_authentication_failed: bit(3, 0x01),
                last_online_not_completed: bit(4, 0x01),
                script_failed: bit(6, 0x08),
                unable_to_go_online: bit(6, 0x01),
            },
            IadLayout::VisaLong | IadLayout::UnionPay => CardSays::default(),
        }
    }
}
