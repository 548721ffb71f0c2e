use crate::chip::{ChipTransaction, CryptogramVersion, Made, Objects};
use crate::issuing::TestIssuer;
use card::{Cvv, Expiry, Pan, PinBlock, ServiceCode, Track2};
use hsm_sim::emv::{self, DeriveOption};
use hsm_sim::{ClearKey, Pin, cvv, pin};
use iso8583::emv::{self as tlv, tag};
use std::fmt;
use zeroize::Zeroizing;

/// One chip card with a stripe, and its holder's memory of the PIN. Keeps the transaction counter and
/// what it last signed.
#[derive(Clone)]
pub struct CardSimulator {
    pan: Pan,
    sequence: u8,
    expiry: Expiry,
    service_code: ServiceCode,
    derivation_key_index: u8,
    /// PVKI and PVV, as they stand on the track.
    pin_reference: [u8; 5],
    stripe_cvv: Cvv,
    chip_cvv: Cvv,
    printed_cvv: Cvv,
    master_key: ClearKey,
    pin: Pin,
    atc: u16,
    last: Option<Signed>,
    /// Scripts carried out since the last ARQC, and whether one was refused: the next one tells.
    scripts: (u8, bool),
}

/// What the card needs to remember of its last request to check the issuer's answer.
#[derive(Clone, Copy)]
struct Signed {
    version: CryptogramVersion,
    atc: u16,
    arqc: [u8; 8],
}

/// Where track 2 was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackSource {
    /// The magnetic stripe, with CVV.
    Stripe,
    /// The chip's track equivalent (tag 57), with iCVV: its copy on a stripe fails the CVV check.
    Chip,
}

impl CardSimulator {
    pub(crate) fn new(issuer: &TestIssuer, serial: u32) -> CardSimulator {
        let pan = issuer.pan(serial);
        let expiry = issuer.expiry.to_yymm();
        let [a, b, c, d] = issuer.pvv(serial);
        let sequence = issuer.card_sequence % 100;
        CardSimulator {
            pan,
            sequence,
            expiry: issuer.expiry,
            service_code: issuer.service_code,
            derivation_key_index: issuer.derivation_key_index,
            pin_reference: [b'0' + issuer.pvki % 10, a, b, c, d],
            stripe_cvv: cvv::cvv(&issuer.keys.cvk, &pan, &expiry, &issuer.service_code.0),
            chip_cvv: cvv::cvv(&issuer.keys.cvk, &pan, &expiry, ICVV_SERVICE_CODE),
            printed_cvv: cvv::cvv(&issuer.keys.cvk, &pan, &expiry, CVV2_SERVICE_CODE),
            master_key: emv::derive_master_key(&issuer.keys.mk_ac, &pan, sequence, DeriveOption::A),
            pin: issuer.pin(serial),
            atc: 0,
            last: None,
            scripts: (0, false),
        }
    }

    /// The card number.
    #[must_use]
    pub fn pan(&self) -> Pan {
        self.pan
    }

    /// PAN sequence number, 0 to 99.
    #[must_use]
    pub fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Last month of validity.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// The PIN that its holder knows.
    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// A PIN that is not this card's: the right one with its last digit counted up.
    #[must_use]
    pub fn wrong_pin(&self) -> Pin {
        let mut digits = Zeroizing::new(self.pin.reveal().to_vec());
        if let Some(last) = digits.last_mut() {
            *last = b'0' + (*last - b'0' + 1) % 10;
        }
        Pin::parse(&digits).expect("as many digits as a PIN has")
    }

    /// Counter of the last transaction; 0 before the first.
    #[must_use]
    pub fn atc(&self) -> u16 {
        self.atc
    }

    /// Sets the counter: back for a replay, forward for a card that was used elsewhere.
    pub fn set_atc(&mut self, atc: u16) {
        self.atc = atc;
    }

    /// Signs a transaction and gives the objects of DE 55, an ARQC among them. Each call counts the
    /// transaction counter up; at its end the counter begins anew, where a real card would stop.
    pub fn arqc(&mut self, transaction: &ChipTransaction, version: CryptogramVersion) -> Vec<u8> {
        self.make(transaction, version, Made::Question)
    }

    /// Approves a transaction without its issuer: the objects of DE 55 with a TC.
    pub fn approve(&mut self, transaction: &ChipTransaction, version: CryptogramVersion) -> Vec<u8> {
        self.make(transaction, version, Made::Approval)
    }

    /// Declines a transaction without its issuer: the objects of DE 55 with an AAC.
    pub fn decline(&mut self, transaction: &ChipTransaction, version: CryptogramVersion) -> Vec<u8> {
        self.make(transaction, version, Made::Decline)
    }

    fn make(&mut self, transaction: &ChipTransaction, version: CryptogramVersion, made: Made) -> Vec<u8> {
        self.atc = self.atc.wrapping_add(1);
        let mut issuer_application_data = version.issuer_application_data(self.derivation_key_index, made);
        for (byte, bits) in issuer_application_data[4..].iter_mut().zip(transaction.card_results) {
            *byte |= bits;
        }
        let (done, refused) = std::mem::take(&mut self.scripts);
        issuer_application_data[6] |= done << 4 | u8::from(refused) << 3;
        let objects = Objects::new(transaction, issuer_application_data, self.atc, made);
        let arqc = emv::application_cryptogram(&self.key(version, self.atc), &objects.signed_bytes(version));
        self.last = Some(Signed { version, atc: self.atc, arqc });
        objects.encode(self.sequence, arqc)
    }

    /// Whether this value of tag 91 comes from the card's issuer, in answer to the last request that the
    /// card signed. The cryptogram is computed anew from the response code (CVN 10) or card status update
    /// (CVN 18) that the value carries.
    #[must_use]
    pub fn verify_issuer_authentication(&self, tag_91: &[u8]) -> bool {
        let Some(signed) = self.last else { return false };
        let key = self.key(signed.version, signed.atc);
        match (signed.version, tag_91) {
            (CryptogramVersion::Visa10, [arpc @ .., a, b]) => {
                arpc == emv::arpc_method_1(&key, signed.arqc, [*a, *b])
            }
            (CryptogramVersion::Visa18, [a1, a2, a3, a4, c1, c2, c3, c4, proprietary @ ..]) => {
                let expect = emv::arpc_method_2(&key, signed.arqc, [*c1, *c2, *c3, *c4], proprietary);
                [*a1, *a2, *a3, *a4] == expect && proprietary.len() <= 8
            }
            _ => false,
        }
    }

    /// Carries out an issuer script (the value of tag 71 or 72) in answer to the last request, if its MAC is right
    /// under the issuer's master key for secure messaging. Gives its command without the MAC, which has eight bytes
    /// here; the card's next results tell of it.
    pub fn carry_out(&mut self, template: &[u8], mk_smi: &ClearKey) -> Option<Vec<u8>> {
        let done = self.obey(template, mk_smi);
        match &done {
            Some(_) => self.scripts.0 = (self.scripts.0 + 1).min(15),
            None => self.scripts.1 = true,
        }
        done
    }

    fn obey(&self, template: &[u8], mk_smi: &ClearKey) -> Option<Vec<u8>> {
        let signed = self.last?;
        let command = tlv::find(template, tag::SCRIPT_COMMAND).ok().flatten()?;
        let (header, rest) = command.split_first_chunk::<5>()?;
        let (data, mac) = rest.split_last_chunk::<8>()?;
        let master = emv::derive_master_key(mk_smi, &self.pan, self.sequence, DeriveOption::A);
        let session = emv::visa_messaging_key(&master, signed.atc.to_be_bytes());
        let message = emv::script_message(*header, Some((signed.atc.to_be_bytes(), signed.arqc)), data);
        let right = usize::from(header[4]) == rest.len() && emv::script_mac(&session, &message) == *mac;
        right.then(|| [&header[..4], data].concat())
    }

    /// Track 2 with the verification value that belongs to its source.
    #[must_use]
    pub fn track2(&self, source: TrackSource) -> Track2 {
        self.track2_with(match source {
            TrackSource::Stripe => &self.stripe_cvv,
            TrackSource::Chip => &self.chip_cvv,
        })
    }

    /// Track 2 with a verification value of the caller's: of a counterfeit, say.
    #[must_use]
    pub fn track2_with(&self, cvv: &Cvv) -> Track2 {
        self.track2_of(self.service_code, cvv)
    }

    /// The same with a service code of the caller's.
    #[must_use]
    pub fn track2_of(&self, service_code: ServiceCode, cvv: &Cvv) -> Track2 {
        let mut text = Zeroizing::new(Vec::with_capacity(Track2::MAX_LENGTH));
        text.extend_from_slice(&self.pan.reveal());
        text.push(b'=');
        text.extend(self.expiry.to_yymm());
        text.extend(service_code.0);
        text.extend(self.pin_reference);
        text.extend_from_slice(cvv.reveal());
        text.extend(b"00000");
        Track2::parse(&text).expect("16 digits, separator and 20 digits are a track 2")
    }

    /// The value printed on the card (CVV2).
    #[must_use]
    pub fn printed_cvv(&self) -> &Cvv {
        &self.printed_cvv
    }

    /// Another verification value than the stripe's: each digit counted up.
    #[must_use]
    pub fn wrong_cvv(&self) -> Cvv {
        let digits = self.stripe_cvv.reveal().map(|digit| b'0' + (digit - b'0' + 1) % 10);
        Cvv::parse(&digits).expect("three digits are a CVV")
    }

    /// A PIN as the keypad sends it: ISO 9564-1 format 0 under the terminal's key.
    #[must_use]
    pub fn pin_block(&self, pin: &Pin, key: &ClearKey) -> PinBlock {
        PinBlock::new(key.encrypt(pin::iso0_block(pin, &self.pan)))
    }

    fn key(&self, version: CryptogramVersion, atc: u16) -> ClearKey {
        match version {
            CryptogramVersion::Visa10 => self.master_key.clone(),
            CryptogramVersion::Visa18 => emv::common_session_key(&self.master_key, atc.to_be_bytes()),
        }
    }
}

/// Stands for the track's service code in the iCVV.
const ICVV_SERVICE_CODE: &[u8; 3] = b"999";

/// Stands for it in the value printed on the card.
const CVV2_SERVICE_CODE: &[u8; 3] = b"000";

impl fmt::Debug for CardSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardSimulator({}, ATC {})", self.pan, self.atc)
    }
}

#[cfg(test)]
mod tests;
