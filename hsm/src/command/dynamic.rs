use crate::reader::Reader;
use crate::{DerivationOption, ErrorCode, KeyField, writer};
use card::Pan;
use std::fmt;

/// `PM` scheme 1 version 2, verify a Mastercard CVC3: scheme 1N, version 1N, MK-CVC3, `A` or `B`, PAN,
/// `;`, PSN 2N, track length 3N, static track data, UN 8N, ATC 5N, CVC3 5 characters. The reply is 00, or
/// 01, in authorised state with the value that would have been right.
///
/// **Unconfirmed**: one simulator, no capture. Other schemes and versions, Visa's dCVV among them, have
/// no known layout.
#[derive(Clone, Debug)]
pub struct VerifyCvc3<'a> {
    /// Issuer master key for CVC3, under the LMK.
    pub mk_cvc3: KeyField<'a>,
    /// How the card's master key comes from the issuer's.
    pub option: DerivationOption,
    /// The card.
    pub pan: Pan,
    /// PAN sequence number, 0 to 99.
    pub psn: u8,
    /// The track as personalised, with zeros where the terminal puts dynamic digits.
    pub track: TrackBytes<'a>,
    /// Unpredictable number: eight decimal digits.
    pub unpredictable_number: [u8; 8],
    /// Application transaction counter, sent in decimal.
    pub atc: u16,
    /// The value received.
    pub cvc3: Cvc3,
}

/// The bytes of a track, at most 999. `Debug` shows their number only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrackBytes<'a>(&'a [u8]);

/// A CVC3 of up to five digits, filled with `X` in front where the card sent fewer. Masked in `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cvc3([u8; 5]);

impl<'a> TrackBytes<'a> {
    /// `None` when longer than 999 bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<TrackBytes<'a>> {
        (bytes.len() <= 999).then_some(TrackBytes(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn reveal(&self) -> &'a [u8] {
        self.0
    }
}

impl Cvc3 {
    /// Reads `X`es and digits: at least one digit, and no `X` after a digit.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Cvc3> {
        let text: [u8; 5] = text.try_into().ok()?;
        let unsent = text.iter().take_while(|character| **character == b'X').count();
        let digits = &text[unsent..];
        (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(Cvc3(text))
    }

    /// The digits that were sent.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        let unsent = self.0.iter().take_while(|character| **character == b'X').count();
        &self.0[unsent..]
    }
}

impl<'a> VerifyCvc3<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"12");
        writer::key(out, &self.mk_cvc3);
        out.push(match self.option {
            DerivationOption::A => b'A',
            DerivationOption::B => b'B',
        });
        out.extend_from_slice(&self.pan.reveal());
        out.push(b';');
        writer::decimal(out, self.psn.into(), 2);
        writer::decimal(out, self.track.0.len() as u16, 3);
        out.extend_from_slice(self.track.0);
        out.extend_from_slice(&self.unpredictable_number);
        // Five digits are more than the writer takes at once.
        writer::decimal(out, self.atc / 1000, 2);
        writer::decimal(out, self.atc % 1000, 3);
        out.extend_from_slice(&self.cvc3.0);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyCvc3<'a>, ErrorCode> {
        match reader.array()? {
            [b'1', b'2'] => {}
            [b'0'..=b'9', b'0'..=b'9'] => return Err(ErrorCode::COMMAND_DISABLED),
            _ => return Err(ErrorCode::INPUT),
        }
        let mk_cvc3 = reader.key(32)?;
        let option = match reader.array()? {
            [b'A'] => DerivationOption::A,
            [b'B'] => DerivationOption::B,
            _ => return Err(ErrorCode::INPUT),
        };
        let pan = Pan::parse(reader.until(b';')?).map_err(|_| ErrorCode::ACCOUNT)?;
        let psn = reader.small_decimal::<2>()?;
        let length = reader.decimal::<3>()?;
        let track = reader.take(length.into()).map_err(|_| ErrorCode::LENGTH)?;
        let track = TrackBytes::new(track).ok_or(ErrorCode::LENGTH)?;
        let unpredictable_number = reader.digits()?;
        let thousands = u32::from(reader.decimal::<2>()?);
        let atc = thousands * 1000 + u32::from(reader.decimal::<3>()?);
        let atc = u16::try_from(atc).map_err(|_| ErrorCode::INPUT)?;
        let cvc3 = Cvc3::parse(reader.take(5)?).ok_or(ErrorCode::INPUT)?;
        Ok(VerifyCvc3 { mk_cvc3, option, pan, psn, track, unpredictable_number, atc, cvc3 })
    }
}

impl fmt::Debug for TrackBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrackBytes({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Cvc3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cvc3(****)")
    }
}
