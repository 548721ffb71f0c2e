use crate::online_pin::OnlinePin;
use crate::recipe::Recipe;
use crate::record::PinReference;
use crate::script::ScriptMac;
use crate::tables::{IbmMethod, Key, PinKey};
use crate::value_recipe::ValueCheck;
use arrayvec::ArrayVec;
use card::{Cvv, Expiry, Pan, ServiceCode};
use std::fmt;
use std::sync::Arc;

/// What the HSM is asked about one request. All of it goes out together and comes back together.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// The online PIN.
    pub pin: Option<PinCheck>,
    /// CVV of the stripe.
    pub cvv: Option<CvvCheck>,
    /// Whether the same digits are the verification value of the chip's track (service code 999).
    pub icvv: Option<CvvCheck>,
    /// The chip's cryptogram.
    pub cryptogram: Option<CryptogramCheck>,
    /// The value printed on the card (service code 000).
    pub cvv2: Option<CvvCheck>,
    /// The value of a 3-D Secure authentication.
    pub authentication_value: Option<Box<ValueCheck>>,
    /// The code that signs an order.
    pub order: Option<Box<OrderCheck>>,
    /// The MAC of a script. Asked after the decision, alone or with the ARPC of a decline.
    pub script: Option<Box<ScriptMac>>,
}

impl Checks {
    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pin.is_none()
            && self.cvv.is_none()
            && self.cryptogram.is_none()
            && self.cvv2.is_none()
            && self.authentication_value.is_none()
            && self.order.is_none()
            && self.script.is_none()
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked {
            pin: self.pin.is_some(),
            cvv: self.cvv.is_some(),
            icvv: self.icvv.is_some(),
            cryptogram: self.cryptogram.is_some(),
            cvv2: self.cvv2.is_some(),
            authentication_value: self.authentication_value.is_some(),
            order: self.order.is_some(),
        }
    }
}

/// Which checks a request waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pin: bool,
    cvv: bool,
    icvv: bool,
    cryptogram: bool,
    cvv2: bool,
    authentication_value: bool,
    order: bool,
}

/// Verify an encrypted PIN block against the card's reference.
#[derive(Clone, Debug)]
pub struct PinCheck {
    /// The key the block is under.
    pub key: PinKey,
    /// The block.
    pub block: OnlinePin,
    /// The card.
    pub pan: Pan,
    /// How to verify it.
    pub method: PinVerification,
    /// The PIN that takes its place, if this one is right, under the same key: what is to be verified from now on
    /// is wanted (payShield CU, DU).
    pub new_block: Option<OnlinePin>,
}

/// Method and reference value of a PIN verification. `Debug` masks the value, as that of
/// [`PinReference`](crate::PinReference) does.
#[derive(Clone)]
pub enum PinVerification {
    /// Visa PVV (payShield DC, EC).
    Pvv {
        /// PIN verification key pair.
        pvk: Arc<Key>,
        /// PIN verification key index, 0 to 9.
        pvki: u8,
        /// The four digits on file, ASCII.
        pvv: [u8; 4],
    },
    /// IBM 3624 with offset (payShield DA, EA).
    Ibm {
        /// PIN verification key, decimalisation and validation data.
        method: Arc<IbmMethod>,
        /// Offset on file, left-justified, filled with `F`, ASCII.
        offset: [u8; 12],
    },
}

impl fmt::Debug for PinVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinVerification::Pvv { pvk, pvki, .. } => write!(f, "Pvv({pvk:?}, index {pvki}, ****)"),
            PinVerification::Ibm { method, .. } => write!(f, "Ibm({:?}, ****)", method.pvk),
        }
    }
}

/// Verify a card verification value (payShield CY).
#[derive(Clone, Debug)]
pub struct CvvCheck {
    /// Card verification key pair.
    pub cvk: Arc<Key>,
    /// The card.
    pub pan: Pan,
    /// Expiry as encoded on the track.
    pub expiry: Expiry,
    /// Service code as encoded on the track.
    pub service_code: ServiceCode,
    /// The value to verify.
    pub cvv: Cvv,
}

/// Verify the code that signs an order (payShield M8: ISO 9797-1 algorithm 3, padding method 2, all eight bytes).
#[derive(Clone)]
pub struct OrderCheck {
    /// The card's own key, of MAC keys of a terminal (TAK).
    pub key: Key,
    /// What is signed.
    pub message: Vec<u8>,
    /// The code.
    pub code: [u8; 8],
}

/// The code is as good as a signature, and what is ordered is nobody's business.
impl fmt::Debug for OrderCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderCheck({:?}, {} bytes, ****)", self.key, self.message.len())
    }
}

/// Verify an ARQC and compute the ARPC that answers it (payShield KQ, KW, JS).
#[derive(Clone, Debug)]
pub struct CryptogramCheck {
    /// Which keys and methods apply.
    pub recipe: &'static Recipe,
    /// Issuer master key for application cryptograms.
    pub issuer_master_key: Arc<Key>,
    /// The card.
    pub pan: Pan,
    /// PAN sequence number; 0 when the card has none.
    pub card_sequence: u8,
    /// 9F36.
    pub atc: u16,
    /// 9F37.
    pub unpredictable_number: [u8; 4],
    /// The bytes under the cryptogram, padding of the recipe included up to the zeros that the HSM
    /// adds.
    pub transaction_bytes: ArrayVec<u8, 96>,
    /// 9F26.
    pub cryptogram: [u8; 8],
    /// What the ARPC says.
    pub answer: CryptogramAnswer,
    /// It was verified before, and only the ARPC is wanted.
    pub verified: bool,
}

/// The issuer's word inside the ARPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptogramAnswer {
    /// Authorization response code, ARPC method 1.
    Arc([u8; 2]),
    /// Card status update, ARPC method 2.
    Csu([u8; 4]),
}

/// What the HSM found. A field is set where its check was asked; where it is not, the check counts as
/// failed.
#[derive(Clone, Debug, Default)]
pub struct ChecksReply {
    /// Result of [`Checks::pin`].
    pub pin: Option<PinResult>,
    /// Result of [`Checks::cvv`].
    pub cvv: Option<CvvResult>,
    /// Result of [`Checks::icvv`].
    pub icvv: Option<CvvResult>,
    /// Result of [`Checks::cryptogram`].
    pub cryptogram: Option<CryptogramResult>,
    /// Result of [`Checks::cvv2`].
    pub cvv2: Option<CvvResult>,
    /// Result of [`Checks::authentication_value`].
    pub authentication_value: Option<CvvResult>,
    /// Result of [`Checks::order`].
    pub order: Option<CvvResult>,
    /// Result of [`Checks::script`]: eight bytes, or nothing when the HSM could not say.
    pub script: Option<Option<[u8; 8]>>,
}

impl ChecksReply {
    /// The findings about what was asked, and no others. A check without a finding has failed:
    /// silence must not pass for a right PIN.
    pub(crate) fn about(&self, asked: Asked) -> ChecksReply {
        ChecksReply {
            pin: asked.pin.then(|| self.pin.unwrap_or(PinResult::Failed)),
            cvv: asked.cvv.then(|| self.cvv.unwrap_or(CvvResult::Failed)),
            icvv: asked.icvv.then(|| self.icvv.unwrap_or(CvvResult::Failed)),
            cryptogram: asked.cryptogram.then(|| self.cryptogram.unwrap_or(CryptogramResult::Failed)),
            cvv2: asked.cvv2.then(|| self.cvv2.unwrap_or(CvvResult::Failed)),
            authentication_value: asked
                .authentication_value
                .then(|| self.authentication_value.unwrap_or(CvvResult::Failed)),
            order: asked.order.then(|| self.order.unwrap_or(CvvResult::Failed)),
            script: None,
        }
    }
}

/// Outcome of a PIN verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinResult {
    /// The PIN is right.
    Right,
    /// The PIN is right, and this is the reference value of the new one.
    Changed(PinReference),
    /// The PIN is wrong: counted.
    Wrong,
    /// The block itself is bad (payShield error 20, 24): a wrong key or PAN at the terminal, not a
    /// guess of the cardholder, so it is not counted.
    BadBlock,
    /// The HSM could not say.
    Failed,
}

/// Outcome of a CVV verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CvvResult {
    /// The value is right.
    Right,
    /// The value is wrong.
    Wrong,
    /// The HSM could not say.
    Failed,
}

/// Outcome of a cryptogram verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptogramResult {
    /// The ARQC is right; the ARPC for approval, 8 bytes (method 1) or 4 bytes and 4 zeros (method 2).
    Right {
        /// Authorization response cryptogram.
        arpc: [u8; 8],
    },
    /// The ARQC is wrong.
    Wrong,
    /// The HSM could not say.
    Failed,
}
