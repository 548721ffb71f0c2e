//! What chip and terminal tell each other for one transaction, and the objects that come of it.

use card::{Currency, Time, UtcOffset};
use iso8583::emv::{self, tag};

/// What the terminal puts to the chip (CDOL1): one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipTransaction {
    /// 9F02, minor units; negative ones count as zero.
    pub amount_minor: i64,
    /// 5F2A.
    pub currency: Currency,
    /// 9F1A, ISO 3166 numeric code of the terminal's country.
    pub country: u16,
    /// 9A is the day of this moment in UTC.
    pub time: Time,
    /// 9C: the first two digits of the processing code, in BCD.
    pub transaction_type: u8,
    /// 9F37; random in a real terminal.
    pub unpredictable_number: [u8; 4],
    /// 9F34: how the terminal says that the cardholder was verified.
    pub cvm_results: [u8; 3],
    /// Bits that the card sets in its own results (CVR) beside those that say what it made.
    pub card_results: [u8; 3],
    /// 9F66 and 9F6C, of a contactless transaction.
    pub qualifiers: Option<([u8; 4], [u8; 2])>,
}

/// Which recipe the card's application uses (Visa VIS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptogramVersion {
    /// CVN 10: under the card's master key itself, ARPC method 1.
    Visa10,
    /// CVN 18: under the common session key, ARPC method 2.
    Visa18,
}

impl ChipTransaction {
    /// 9C of a purchase.
    pub const PURCHASE: u8 = 0x00;
    /// 9C of a cash withdrawal.
    pub const WITHDRAWAL: u8 = 0x01;
    /// 9C of a balance inquiry.
    pub const BALANCE_INQUIRY: u8 = 0x31;

    /// A purchase; change `transaction_type` for anything else.
    #[must_use]
    pub fn purchase(
        amount_minor: i64,
        currency: Currency,
        country: u16,
        time: Time,
        unpredictable_number: [u8; 4],
    ) -> ChipTransaction {
        let transaction_type = ChipTransaction::PURCHASE;
        ChipTransaction {
            amount_minor,
            currency,
            country,
            time,
            transaction_type,
            unpredictable_number,
            cvm_results: ONLINE_PIN,
            card_results: [0; 3],
            qualifiers: None,
        }
    }

    /// The objects that a cryptogram covers, in the order in which the recipes of Visa take them.
    fn signed_objects(&self, atc: u16) -> [(u32, Vec<u8>); 10] {
        let day = self.time.day(UtcOffset::default());
        [
            (tag::AMOUNT, bcd(u64::try_from(self.amount_minor).unwrap_or(0), 6)),
            (tag::AMOUNT_OTHER, vec![0; 6]),
            (tag::TERMINAL_COUNTRY, bcd(u64::from(self.country), 2)),
            (tag::TVR, TVR.to_vec()),
            (tag::CURRENCY, bcd(u64::from(self.currency.numeric()), 2)),
            (
                tag::DATE,
                [day.year % 100, u16::from(day.month), u16::from(day.day)]
                    .map(|part| bcd(u64::from(part), 1))
                    .concat(),
            ),
            (tag::TRANSACTION_TYPE, vec![self.transaction_type]),
            (tag::UNPREDICTABLE_NUMBER, self.unpredictable_number.to_vec()),
            (tag::AIP, AIP.to_vec()),
            (tag::ATC, atc.to_be_bytes().to_vec()),
        ]
    }
}

impl CryptogramVersion {
    /// 9F10 of Visa format 0: `06`, derivation key index, version, then the card's verification results,
    /// which say what it made in the first GENERATE AC, and that there was no second yet.
    pub(crate) fn issuer_application_data(self, derivation_key_index: u8, made: Made) -> [u8; 7] {
        let version = match self {
            CryptogramVersion::Visa10 => 0x0A,
            CryptogramVersion::Visa18 => 0x12,
        };
        [0x06, derivation_key_index, version, 0x03, made.results(), 0x00, 0x00]
    }
}

/// What the card made of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// ARQC: it asks.
    Question,
    /// TC: it approves by itself.
    Approval,
    /// AAC: it declines by itself.
    Decline,
}

impl Made {
    /// 9F27.
    fn information(self) -> u8 {
        match self {
            Made::Question => 0x80,
            Made::Approval => 0x40,
            Made::Decline => 0x00,
        }
    }

    /// First byte of the verification results: second GENERATE AC not requested, and this one.
    fn results(self) -> u8 {
        0x80 | self.information() >> 2
    }
}

/// The objects of one request, before the cryptogram is known.
pub(crate) struct Objects {
    signed: [(u32, Vec<u8>); 10],
    issuer_application_data: [u8; 7],
    made: Made,
    cvm_results: [u8; 3],
    qualifiers: Option<([u8; 4], [u8; 2])>,
}

impl Objects {
    pub(crate) fn new(
        transaction: &ChipTransaction,
        issuer_application_data: [u8; 7],
        atc: u16,
        made: Made,
    ) -> Objects {
        let ChipTransaction { cvm_results, qualifiers, .. } = *transaction;
        let signed = transaction.signed_objects(atc);
        Objects { signed, issuer_application_data, made, cvm_results, qualifiers }
    }

    /// What the cryptogram is computed over, up to the zeros of the MAC's own padding: the base list,
    /// then the verification results (CVN 10) or all issuer application data and `80` (CVN 18).
    pub(crate) fn signed_bytes(&self, version: CryptogramVersion) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.signed.iter().flat_map(|(_, value)| value).copied().collect();
        match version {
            CryptogramVersion::Visa10 => bytes.extend(&self.issuer_application_data[3..]),
            CryptogramVersion::Visa18 => {
                bytes.extend(self.issuer_application_data);
                bytes.push(0x80);
            }
        }
        bytes
    }

    /// DE 55: what was signed, the cryptogram, and what terminals send along. Tag 57 is left out, since
    /// the track goes in DE 35.
    pub(crate) fn encode(&self, card_sequence: u8, arqc: [u8; 8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        for (tag, value) in &self.signed {
            emv::write_tlv(*tag, value, &mut out);
        }
        emv::write_tlv(tag::ISSUER_APPLICATION_DATA, &self.issuer_application_data, &mut out);
        emv::write_tlv(tag::CRYPTOGRAM, &arqc, &mut out);
        emv::write_tlv(tag::CRYPTOGRAM_INFORMATION, &[self.made.information()], &mut out);
        emv::write_tlv(tag::PAN_SEQUENCE, &bcd(u64::from(card_sequence), 1), &mut out);
        emv::write_tlv(tag::DF_NAME, &[0xA0, 0x00, 0x00, 0x00, 0x03, 0x10, 0x10], &mut out);
        emv::write_tlv(tag::TERMINAL_CAPABILITIES, &[0xE0, 0xF8, 0xC8], &mut out);
        emv::write_tlv(tag::CVM_RESULTS, &self.cvm_results, &mut out);
        if let Some((terminal, card)) = &self.qualifiers {
            emv::write_tlv(tag::TERMINAL_QUALIFIERS, terminal, &mut out);
            emv::write_tlv(tag::CARD_QUALIFIERS, card, &mut out);
        }
        out
    }
}

/// 9F34: the PIN goes to the issuer, and nothing is known of it yet.
const ONLINE_PIN: [u8; 3] = [0x02, 0x00, 0x00];

/// Alters one bit of the cryptogram (9F26) in a DE 55, as a counterfeit or a faulty line would. Gives
/// `false` when there is none.
pub fn corrupt_cryptogram(icc: &mut [u8]) -> bool {
    let object = emv::tlv(icc).filter_map(Result::ok).find(|object| object.tag == tag::CRYPTOGRAM);
    let Some(offset) = object.map(|object| object.offset) else { return false };
    icc.get_mut(offset).map(|byte| *byte ^= 0x01).is_some()
}

/// Offline data authentication was not performed; the PIN goes online; above the floor limit.
const TVR: [u8; 5] = [0x80, 0x00, 0x04, 0x80, 0x00];

/// Cardholder verification, terminal risk management and issuer authentication supported.
const AIP: [u8; 2] = [0x1C, 0x00];

/// The last `2 * width` digits of a number, packed.
fn bcd(number: u64, width: usize) -> Vec<u8> {
    let mut packed = vec![0; width];
    let mut rest = number;
    for byte in packed.iter_mut().rev() {
        *byte = (rest / 10 % 10 * 16 + rest % 10) as u8;
        rest /= 100;
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_digits() {
        assert_eq!(bcd(1250, 6), [0, 0, 0, 0, 0x12, 0x50]);
        assert_eq!(bcd(840, 2), [0x08, 0x40]);
        assert_eq!(bcd(12_345, 2), [0x23, 0x45]);
    }

    #[test]
    fn corrupts_the_cryptogram_alone() {
        let mut icc = vec![0x9F, 0x36, 2, 0, 1, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8];
        let before = icc.clone();
        assert!(corrupt_cryptogram(&mut icc));
        let changed: Vec<usize> = (0..icc.len()).filter(|index| icc[*index] != before[*index]).collect();
        assert_eq!(changed, [8]);
        assert!(!corrupt_cryptogram(&mut [0x9F, 0x36, 2, 0, 1]));
        assert!(!corrupt_cryptogram(&mut [0x9F]));
    }
}
