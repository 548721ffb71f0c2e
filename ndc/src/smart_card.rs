use crate::encoder::Encoder;
use crate::token::Token;
use crate::{Field, ParseError, ParseErrorKind, tlv};
use std::fmt;
use zeroize::Zeroizing;

/// Smart card data of a request (identifier `5`): flags of the card and terminal dialogue, and the
/// objects that the AID table asks for. Wiped on drop; `Debug` shows tags without values.
#[derive(Clone, PartialEq, Eq)]
pub struct SmartCard {
    /// How far the dialogue with the chip came.
    pub cam_flags: CamFlags,
    tlv: Zeroizing<Vec<u8>>,
}

/// The two flag bytes before the objects, first byte high (reference §4.2).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct CamFlags(pub u16);

impl CamFlags {
    /// Only part of the chip dialogue was done.
    pub const PARTIAL: CamFlags = CamFlags(0x2000);
    /// The chip declined offline.
    pub const DECLINED_OFFLINE: CamFlags = CamFlags(0x1000);
    /// Reading the application data failed.
    pub const DATA_RETRIEVAL_FAILED: CamFlags = CamFlags(0x0800);
    /// Get processing options failed.
    pub const GPO_FAILED: CamFlags = CamFlags(0x0400);
    /// Selecting an application failed.
    pub const SELECTION_FAILED: CamFlags = CamFlags(0x0200);
    /// The PDOL was invalid.
    pub const PDOL_INVALID: CamFlags = CamFlags(0x0080);
    /// The CDOL1 was invalid.
    pub const CDOL1_INVALID: CamFlags = CamFlags(0x0040);
    /// The chip gave no application cryptogram.
    pub const CRYPTOGRAM_FAILED: CamFlags = CamFlags(0x0020);
    /// The previous chip data was processed.
    pub const PREVIOUS_PROCESSED: CamFlags = CamFlags(0x0008);
    /// Chip processing was initiated.
    pub const INITIATED: CamFlags = CamFlags(0x0004);
    /// Contactless in EMV mode.
    pub const CONTACTLESS_EMV: CamFlags = CamFlags(0x0002);
    /// Contactless.
    pub const CONTACTLESS: CamFlags = CamFlags(0x0001);

    /// Whether all of these flags are set.
    #[must_use]
    pub fn contains(self, flags: CamFlags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl SmartCard {
    /// For a terminal that sends these objects.
    ///
    /// # Errors
    /// When they are no sequence of BER-TLV objects.
    pub fn new(cam_flags: CamFlags, tlv: Vec<u8>) -> Result<SmartCard, tlv::TlvError> {
        let tlv = Zeroizing::new(tlv);
        tlv::objects(&tlv).try_for_each(|object| object.map(drop))?;
        Ok(SmartCard { cam_flags, tlv })
    }

    /// All objects in clear, as one BER-TLV sequence: what DE 55 carries. Empty when the chip failed and
    /// the terminal fell back to the stripe.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.tlv
    }

    /// The value of one object in clear, for example tag `0x9F26`.
    #[must_use]
    pub fn reveal_tag(&self, tag: u32) -> Option<&[u8]> {
        tlv::find(&self.tlv, tag)
    }

    /// Reads what stands behind the identifier `5`: `CAM`, four hexadecimal flags, objects in
    /// hexadecimal.
    pub(crate) fn parse(mut token: Token) -> Result<SmartCard, ParseError> {
        const FIELD: Field = Field::SmartCard;
        let start = token;
        if token.cut(FIELD)? != *b"CAM" {
            return Err(start.error(FIELD, ParseErrorKind::Unknown));
        }
        let flags: [u8; 4] = token.cut(FIELD)?;
        let flags = tlv::from_hex(&flags).ok_or(token.error(FIELD, ParseErrorKind::Character))?;
        let invalid = token.error(FIELD, ParseErrorKind::Tlv);
        let tlv = tlv::from_hex(token.bytes).ok_or(invalid)?;
        tlv::objects(&tlv).try_for_each(|object| object.map(drop)).map_err(|_| invalid)?;
        Ok(SmartCard { cam_flags: CamFlags(u16::from_be_bytes([flags[0], flags[1]])), tlv })
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.raw(b"5CAM");
        encoder.hex(&self.cam_flags.0.to_be_bytes());
        encoder.hex(&self.tlv);
    }
}

impl fmt::Debug for CamFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CamFlags({:04X})", self.0)
    }
}

impl fmt::Debug for SmartCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmartCard({:?}, tags", self.cam_flags)?;
        for object in tlv::objects(&self.tlv).map_while(Result::ok) {
            write!(f, " {:02X}", object.tag)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flags_and_objects() {
        let parse = |bytes: &'static str| SmartCard::parse(Token { bytes: bytes.as_bytes(), offset: 0 });
        let card = parse("CAM10088202180057084000001234567899").unwrap();
        assert!(card.cam_flags.contains(CamFlags::DECLINED_OFFLINE));
        assert!(!card.cam_flags.contains(CamFlags::CONTACTLESS));
        assert_eq!(card.reveal_tag(0x82), Some(&[0x18, 0][..]));
        assert_eq!(format!("{card:?}"), "SmartCard(CamFlags(1008), tags 82 57)");
        assert_eq!(parse("CAM0000").unwrap().reveal(), []);

        let check = |text, kind| assert_eq!(parse(text).unwrap_err().kind, kind, "{text}");
        check("", ParseErrorKind::Missing);
        check("CA", ParseErrorKind::Length);
        check("MAC0000", ParseErrorKind::Unknown);
        check("CAM000", ParseErrorKind::Length);
        check("CAM00x0", ParseErrorKind::Character);
        check("CAM0000820218", ParseErrorKind::Tlv);
        check("CAM00008", ParseErrorKind::Tlv);
        assert!(SmartCard::new(CamFlags(0), vec![0x9F]).is_err());
    }
}
