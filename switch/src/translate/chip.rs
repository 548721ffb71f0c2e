//! Chip data as BER-TLV (DE 55, NDC smart card data): the objects that say which card it is and those
//! that a cryptogram covers.

use arrayvec::ArrayVec;
use auth::{Chip, PointOfService};
use card::{Pan, Track2};
use iso8583::emv::{self, Tlv, TlvErrorKind, tag};
use zeroize::Zeroize;

/// Most objects of one DE 55. Terminals send 20 to 40.
const OBJECTS: usize = 64;

/// Most bytes of tag 57: 37 characters of track 2 and a filler, two in a byte.
const TRACK_2_BYTES: usize = 19;

/// 9F27 of an ARQC, which is what a request without this object is taken to carry.
const ARQC: u8 = 0x80;

/// Why chip data cannot be taken. Names the tag, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChipError {
    pub(crate) reason: &'static str,
}

/// The objects of one chip, each tag once.
pub(crate) struct Objects<'a>(ArrayVec<Tlv<'a>, OBJECTS>);

impl<'a> Objects<'a> {
    /// Reads all of the data, so that nothing is taken out of data that does not hold together. A tag that
    /// occurs twice refuses the message even where nobody asks for it: two readers of the same bytes
    /// could take different ones for the card's word.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Objects<'a>, ChipError> {
        let mut objects = ArrayVec::<Tlv<'a>, OBJECTS>::new();
        for object in emv::tlv(bytes) {
            let object = object.map_err(|error| illegal(fault(error.kind)))?;
            if objects.iter().any(|earlier| earlier.tag == object.tag) {
                return Err(illegal(fault(TlvErrorKind::Duplicate)));
            }
            objects.try_push(object).map_err(|_| illegal("more than 64 objects"))?;
        }
        Ok(Objects(objects))
    }

    fn find(&self, tag: u32) -> Option<&'a [u8]> {
        self.0.iter().find(|object| object.tag == tag).map(|object| object.value)
    }

    /// An object of fixed length that may be absent.
    fn optional<const N: usize>(&self, tag: u32, reason: &'static str) -> Result<Option<[u8; N]>, ChipError> {
        self.find(tag).map(|value| value.try_into().map_err(|_| illegal(reason))).transpose()
    }

    /// An object of fixed length that must be there.
    fn required<const N: usize>(&self, tag: u32, reason: &'static str) -> Result<[u8; N], ChipError> {
        self.optional(tag, reason)?.ok_or(illegal(reason))
    }

    /// What a cryptogram covers, as received: nothing of it is ever rebuilt from other elements (EMV
    /// Book 2, section 8.1.1). 9F03 is zero where absent, as a card without cashback signs it.
    pub(crate) fn chip(&self) -> Result<Chip, ChipError> {
        let [transaction_type] = self.required(tag::TRANSACTION_TYPE, "tag 9C must have 1 byte")?;
        let cryptogram_information =
            self.optional(tag::CRYPTOGRAM_INFORMATION, "tag 9F27 must have 1 byte")?.unwrap_or([ARQC])[0];
        Ok(Chip {
            amount_authorised: self.required(tag::AMOUNT, "tag 9F02 must have 6 bytes")?,
            amount_other: self.optional(tag::AMOUNT_OTHER, "tag 9F03 must have 6 bytes")?.unwrap_or_default(),
            terminal_country: self.required(tag::TERMINAL_COUNTRY, "tag 9F1A must have 2 bytes")?,
            tvr: self.required(tag::TVR, "tag 95 must have 5 bytes")?,
            currency: self.required(tag::CURRENCY, "tag 5F2A must have 2 bytes")?,
            date: self.required(tag::DATE, "tag 9A must have 3 bytes")?,
            transaction_type,
            unpredictable_number: self.required(tag::UNPREDICTABLE_NUMBER, "tag 9F37 must have 4 bytes")?,
            aip: self.required(tag::AIP, "tag 82 must have 2 bytes")?,
            atc: u16::from_be_bytes(self.required(tag::ATC, "tag 9F36 must have 2 bytes")?),
            issuer_application_data: self.issuer_application_data()?,
            cryptogram: self.required(tag::CRYPTOGRAM, "tag 9F26 must have 8 bytes")?,
            cryptogram_information,
            cvm_results: self.optional(tag::CVM_RESULTS, "tag 9F34 must have 3 bytes")?,
            terminal_qualifiers: self.optional(tag::TERMINAL_QUALIFIERS, "tag 9F66 must have 4 bytes")?,
            script_results: self.script_results()?,
            card_qualifiers: self.optional(tag::CARD_QUALIFIERS, "tag 9F6C must have 2 bytes")?,
        })
    }

    /// Tag 9F5B, five bytes for each script; results of more than four are nobody's proof and left aside.
    fn script_results(&self) -> Result<ArrayVec<u8, 20>, ChipError> {
        let value = self.find(tag::SCRIPT_RESULTS).unwrap_or_default();
        if !value.len().is_multiple_of(5) {
            return Err(illegal("tag 9F5B must have 5 bytes for each script"));
        }
        Ok(value.iter().copied().take(20).collect())
    }

    fn issuer_application_data(&self) -> Result<ArrayVec<u8, 32>, ChipError> {
        let value = self.find(tag::ISSUER_APPLICATION_DATA).filter(|value| !value.is_empty());
        let value = value.and_then(|value| ArrayVec::try_from(value).ok());
        value.ok_or(illegal("tag 9F10 must have 1 to 32 bytes"))
    }

    /// Tag 5F20, as it stands there.
    pub(crate) fn holder_name(&self) -> Option<&'a [u8]> {
        self.find(tag::CARDHOLDER_NAME)
    }

    /// Tag 9F39: two packed digits; what is none of that is nobody's proof and left aside.
    pub(crate) fn entry_mode(&self) -> Option<u64> {
        match self.find(tag::ENTRY_MODE) {
            Some([packed]) if packed >> 4 <= 9 && packed & 0x0F <= 9 => {
                Some(u64::from(packed >> 4) * 10 + u64::from(packed & 0x0F))
            }
            _ => None,
        }
    }

    /// What the terminal says of itself: tags 9F33 and 9F35 (EMV Book 4, annexes A1 and A2).
    pub(crate) fn point_of_service(&self) -> PointOfService {
        let mut place = PointOfService::default();
        if let Some([reads, verifies, _]) = self.find(tag::TERMINAL_CAPABILITIES) {
            place.reads_chip = Some(reads & 0x20 != 0);
            place.takes_pin = Some(verifies & 0x40 != 0);
        }
        if let Some([kind]) = self.find(tag::TERMINAL_TYPE) {
            place.attended = match kind & 0x0F {
                1..=3 => Some(true),
                4..=6 => Some(false),
                _ => None,
            };
        }
        place
    }

    /// Tag 5F34: two packed digits.
    pub(crate) fn card_sequence(&self) -> Result<Option<u8>, ChipError> {
        const REASON: &str = "tag 5F34 must have two digits";
        let Some([packed]) = self.optional(tag::PAN_SEQUENCE, REASON)? else { return Ok(None) };
        let (tens, units) = (packed >> 4, packed & 0x0F);
        if tens > 9 || units > 9 {
            return Err(illegal(REASON));
        }
        Ok(Some(tens * 10 + units))
    }

    /// Tag 57: track 2 packed, its separator the nibble D, filled with F.
    pub(crate) fn track2(&self) -> Result<Option<Track2>, ChipError> {
        const REASON: &str = "tag 57 is not in the layout of track 2";
        let Some(packed) = self.find(tag::TRACK_2_EQUIVALENT) else { return Ok(None) };
        let mut characters = [0; 2 * TRACK_2_BYTES];
        let text = unpack(packed, &mut characters).ok_or(illegal(REASON))?;
        let track = Track2::parse(text).map_err(|_| illegal(REASON));
        characters.zeroize();
        track.map(Some)
    }

    /// Tag 5A: the PAN packed, filled with F.
    pub(crate) fn pan(&self) -> Result<Option<Pan>, ChipError> {
        const REASON: &str = "tag 5A is not a PAN";
        let Some(packed) = self.find(tag::PAN) else { return Ok(None) };
        let mut characters = [0; 2 * Pan::MAX_DIGITS.div_ceil(2)];
        let text = unpack(packed, &mut characters).ok_or(illegal(REASON))?;
        let pan = Pan::parse(text.strip_suffix(b"F").unwrap_or(text)).map_err(|_| illegal(REASON));
        characters.zeroize();
        pan.map(Some)
    }
}

/// Half bytes as hexadecimal characters; `None` when they do not fit.
fn unpack<'a>(packed: &[u8], characters: &'a mut [u8]) -> Option<&'a [u8]> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let text = characters.get_mut(..2 * packed.len())?;
    for (pair, byte) in text.chunks_exact_mut(2).zip(packed) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0F)];
    }
    Some(text)
}

fn illegal(reason: &'static str) -> ChipError {
    ChipError { reason }
}

fn fault(kind: TlvErrorKind) -> &'static str {
    match kind {
        TlvErrorKind::Truncated => "the data ends inside an object",
        TlvErrorKind::TagTooLong => "a tag of more than three bytes",
        TlvErrorKind::LengthForm => "a length in a form that is not allowed",
        TlvErrorKind::Duplicate => "a tag occurs twice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(hex: &str) -> Result<(), ChipError> {
        Objects::read(&hex::decode(hex).unwrap()).map(|_| ())
    }

    #[test]
    fn every_tag_once() {
        assert!(objects("9F3602002A00950580000000009F37040102030400").is_ok());
        let check = |hex: &str, reason| assert_eq!(objects(hex), Err(illegal(reason)), "{hex}");
        check("9F3602002A9F3602002A", "a tag occurs twice");
        check("DF01009500DF0100", "a tag occurs twice");
        check("9F360200", "the data ends inside an object");
        check("9580", "a length in a form that is not allowed");
        let many: String = (0..65).map(|number| format!("DF{:02X}00", number + 0x20)).collect();
        assert_eq!(objects(&many), Err(illegal("more than 64 objects")));
        assert!(objects(&many[..64 * 6]).is_ok());
    }

    #[test]
    fn packed_card_numbers() {
        let check = |hex: &str, track: Option<&str>, pan: Option<&str>| {
            let bytes = hex::decode(hex).unwrap();
            let objects = Objects::read(&bytes).unwrap();
            let found = objects.track2().unwrap();
            assert_eq!(found.as_ref().map(Track2::reveal), track.map(str::as_bytes));
            assert_eq!(objects.pan().unwrap(), pan.map(|pan| Pan::parse(pan.as_bytes()).unwrap()));
        };
        check("", None, None);
        check("57114000001234567899D28122011000012345", Some("4000001234567899=28122011000012345"), None);
        check("5A084000001234567899", None, Some("4000001234567899"));
        check("5A0A4000001234567890123F", None, Some("4000001234567890123"));
        let refused = |hex: &str| {
            let bytes = hex::decode(hex).unwrap();
            let objects = Objects::read(&bytes).unwrap();
            assert!(objects.track2().is_err() || objects.pan().is_err(), "{hex}");
        };
        refused("57084000001234567899");
        refused("5700");
        refused(&format!("5714{}", "1".repeat(40)));
        refused("5A00");
        refused("5A0A4000001234567890FFFF");
        refused(&format!("5A0B{}", "1".repeat(22)));
    }
}
