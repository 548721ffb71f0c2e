mod response;

pub use response::{PosError, PosResponse};

use crate::presentment::Presentment;
use card::{Currency, MerchantId, Rrn, Stan, TerminalId, Time, UtcOffset};
use iso8583::{Dialect, EncodeError, Message, MessageWriter, Mti, field, parse};

/// A point-of-sale terminal: builds ISO 8583:1987 messages, without their length header, and reads the
/// answers ([`PosResponse::parse`]). It keeps no counters; each message is given its [`Trace`].
#[derive(Clone, Debug)]
pub struct Pos {
    /// How messages are written.
    pub dialect: &'static Dialect,
    /// DE 41.
    pub terminal: TerminalId,
    /// DE 42, unless absent.
    pub merchant: Option<MerchantId>,
    /// DE 49.
    pub currency: Currency,
    /// DE 18: what the merchant sells.
    pub mcc: u16,
    /// DE 19: ISO 3166 numeric code of the acquirer's country.
    pub country: u16,
}

/// What makes one message another than the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// DE 11.
    pub stan: Stan,
    /// DE 37.
    pub rrn: Rrn,
    /// DE 7, 12 and 13, all in UTC.
    pub time: Time,
}

/// Whether money is held or posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// 0100: hold it.
    Authorize,
    /// 0200: post it.
    Post,
}

/// What a message says beyond amount and card; what is `None` it leaves out.
#[derive(Clone, Debug, Default)]
pub struct Particulars {
    /// DE 38: approval code of an earlier message.
    pub authorization_id: Option<[u8; 6]>,
    /// DE 54: amounts of 20 characters each.
    pub additional_amounts: Option<String>,
    /// DE 60.
    pub private_60: Option<String>,
    /// The earlier message that DE 90 names.
    pub original: Option<Vec<u8>>,
    /// DE 103.
    pub account_to: Option<String>,
}

impl Particulars {
    /// A purchase of which so much is cash (minor units), by DE 54.
    #[must_use]
    pub fn cash(minor: u64, currency: Currency) -> Particulars {
        let amounts = format!("0040{:03}D{minor:012}", currency.numeric());
        Particulars { additional_amounts: Some(amounts), ..Particulars::default() }
    }

    /// A message about an earlier one, by DE 90.
    #[must_use]
    pub fn about(original: &[u8]) -> Particulars {
        Particulars { original: Some(original.to_vec()), ..Particulars::default() }
    }

    /// A message about an earlier one, by its approval code.
    #[must_use]
    pub fn about_approval(id: Option<[u8; 6]>) -> Particulars {
        Particulars { authorization_id: id, ..Particulars::default() }
    }
}

impl Pos {
    /// A terminal of a supermarket in the United States, without a merchant number; the fields may be
    /// changed. An identification of more than eight characters, or one that cannot be printed, becomes
    /// eight spaces.
    #[must_use]
    pub fn new(dialect: &'static Dialect, terminal: &[u8], currency: Currency) -> Pos {
        let terminal = TerminalId::new(terminal).or_else(|| TerminalId::new(b""));
        let terminal = terminal.expect("eight spaces are an identification");
        Pos { dialect, terminal, merchant: None, currency, mcc: 5411, country: 840 }
    }

    /// 0100 or 0200: goods and services.
    ///
    /// # Errors
    /// When a value does not fit the dialect; so with all messages.
    pub fn purchase(
        &self,
        intent: Intent,
        amount_minor: u64,
        presentment: &Presentment,
        trace: &Trace,
    ) -> Result<Vec<u8>, EncodeError> {
        self.request(intent.mti(), b"000000", Some(amount_minor), presentment, trace)
    }

    /// 0220: goods that the chip has let go without its issuer.
    ///
    /// # Errors
    /// As [`Pos::purchase`].
    pub fn advice(
        &self,
        amount_minor: u64,
        presentment: &Presentment,
        trace: &Trace,
    ) -> Result<Vec<u8>, EncodeError> {
        self.request(Mti::FINANCIAL_ADVICE, b"000000", Some(amount_minor), presentment, trace)
    }

    /// 0200 with processing code 01: cash.
    ///
    /// # Errors
    /// As [`Pos::purchase`].
    pub fn withdrawal(
        &self,
        amount_minor: u64,
        presentment: &Presentment,
        trace: &Trace,
    ) -> Result<Vec<u8>, EncodeError> {
        self.request(Mti::FINANCIAL_REQUEST, b"010000", Some(amount_minor), presentment, trace)
    }

    /// 0100 with processing code 31: how much is there? Carries no amount.
    ///
    /// # Errors
    /// As [`Pos::purchase`].
    pub fn balance_inquiry(&self, presentment: &Presentment, trace: &Trace) -> Result<Vec<u8>, EncodeError> {
        self.request(Mti::AUTHORIZATION_REQUEST, b"310000", None, presentment, trace)
    }

    /// 0100 with a processing code of a network's own, and no amount: a change of the PIN, say.
    ///
    /// # Errors
    /// As [`Pos::purchase`].
    pub fn service(
        &self,
        processing_code: &[u8; 6],
        presentment: &Presentment,
        trace: &Trace,
    ) -> Result<Vec<u8>, EncodeError> {
        self.request(Mti::AUTHORIZATION_REQUEST, processing_code, None, presentment, trace)
    }

    /// 0800: network management; DE 70 is 001 to sign on, 002 to sign off, 301 for an echo.
    ///
    /// # Errors
    /// As [`Pos::purchase`].
    pub fn network(&self, code: u16, trace: &Trace) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(64);
        let mut writer = self.begin(&mut out, Mti::NETWORK_REQUEST)?;
        writer.field(field::TRANSMISSION_TIME, &trace.transmission())?;
        writer.field(field::STAN, trace.stan.to_string().as_bytes())?;
        writer.number(field::NETWORK_MANAGEMENT_CODE, u64::from(code))?;
        writer.finish()?;
        Ok(out)
    }

    /// The same message marked as a repeat: 0201 for 0200. Nothing else changes.
    ///
    /// # Errors
    /// When `message` is none of this dialect.
    pub fn repeat(&self, message: &[u8]) -> Result<Vec<u8>, PosError> {
        let original = parse(message, self.dialect).map_err(PosError::Parse)?;
        let mut out = Vec::with_capacity(message.len());
        let mut writer = self.begin(&mut out, original.mti().repeat()).map_err(PosError::Encode)?;
        for number in original.bitmap().fields() {
            writer.copy(number, &original).map_err(PosError::Encode)?;
        }
        writer.finish().map_err(PosError::Encode)?;
        Ok(out)
    }

    /// Takes back what an earlier message asked for; its DE 90 names it. `mti` is
    /// [`Mti::REVERSAL_REQUEST`] (0400) or [`Mti::REVERSAL_ADVICE`] (0420). `replacement_minor` (DE 95) is
    /// what stands after all, when it is not nothing. The reversal carries the PAN, and neither track, PIN
    /// nor chip data.
    ///
    /// # Errors
    /// When `original` is none of this dialect.
    pub fn reversal(
        &self,
        mti: Mti,
        original: &[u8],
        replacement_minor: Option<u64>,
        trace: &Trace,
    ) -> Result<Vec<u8>, PosError> {
        let original = parse(original, self.dialect).map_err(PosError::Parse)?;
        let mut out = Vec::with_capacity(256);
        self.write_reversal(mti, &original, replacement_minor, trace, &mut out).map_err(PosError::Encode)?;
        Ok(out)
    }

    fn write_reversal(
        &self,
        mti: Mti,
        original: &Message<'_>,
        replacement_minor: Option<u64>,
        trace: &Trace,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut writer = self.begin(out, mti)?;
        match original.value(field::TRACK_2) {
            Some(track) => {
                let digits = track.iter().take_while(|byte| byte.is_ascii_digit()).count();
                writer.field(field::PAN, &track[..digits])?;
            }
            None => writer.copy(field::PAN, original)?,
        }
        writer.copy(field::PROCESSING_CODE, original)?;
        writer.copy(field::AMOUNT, original)?;
        trace.write(&mut writer)?;
        writer.copy(field::MCC, original)?;
        writer.field(field::RRN, trace.rrn.as_str().as_bytes())?;
        self.write_acceptor(&mut writer)?;
        writer.field(field::CURRENCY, &self.currency_digits())?;
        writer.field(field::ORIGINAL_DATA, &original_data(original))?;
        if let Some(minor) = replacement_minor {
            // What stands, then three amounts that this terminal does not use: 12, 12, x+8 and x+8.
            let amounts = format!("{minor:012}{:012}C{:08}C{:08}", 0, 0, 0);
            writer.field(field::REPLACEMENT_AMOUNTS, amounts.as_bytes())?;
        }
        writer.finish()
    }

    fn request(
        &self,
        mti: Mti,
        processing_code: &[u8; 6],
        amount_minor: Option<u64>,
        presentment: &Presentment,
        trace: &Trace,
    ) -> Result<Vec<u8>, EncodeError> {
        let particulars = Particulars::default();
        let sent = self.message(mti, processing_code, amount_minor, presentment, &particulars, trace);
        sent.map_err(|error| match error {
            PosError::Encode(error) => error,
            _ => unreachable!("no earlier message was to be read"),
        })
    }

    /// A message of any type and processing code.
    ///
    /// # Errors
    /// As [`Pos::purchase`], and when the earlier message is none of this dialect.
    pub fn message(
        &self,
        mti: Mti,
        processing_code: &[u8; 6],
        amount_minor: Option<u64>,
        presentment: &Presentment,
        particulars: &Particulars,
        trace: &Trace,
    ) -> Result<Vec<u8>, PosError> {
        let original = particulars.original.as_deref().map(|original| parse(original, self.dialect));
        let original = original.transpose().map_err(PosError::Parse)?.as_ref().map(original_data);
        let mut out = Vec::with_capacity(512);
        self.write_message(
            mti,
            processing_code,
            amount_minor,
            presentment,
            (particulars, original),
            trace,
            &mut out,
        )
        .map_err(PosError::Encode)?;
        Ok(out)
    }

    #[expect(clippy::too_many_arguments, reason = "each is an element, or some")]
    fn write_message(
        &self,
        mti: Mti,
        processing_code: &[u8; 6],
        amount_minor: Option<u64>,
        presentment: &Presentment,
        (particulars, original): (&Particulars, Option<[u8; 42]>),
        trace: &Trace,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut writer = self.begin(out, mti)?;
        let mut further = presentment.further.iter().peekable();
        let mut further_below = |field: u8, writer: &mut MessageWriter<'_>| {
            while let Some((field, value)) = further.next_if(|(number, _)| *number < field) {
                writer.field(*field, value)?;
            }
            Ok(())
        };
        if presentment.track2.is_none() {
            writer.field(field::PAN, &presentment.pan.reveal())?;
        }
        writer.field(field::PROCESSING_CODE, processing_code)?;
        if let Some(minor) = amount_minor {
            writer.number(field::AMOUNT, minor)?;
        }
        trace.write(&mut writer)?;
        if let Some(expiry) = presentment.expiry {
            writer.field(field::EXPIRY, &expiry.to_yymm())?;
        }
        writer.number(field::MCC, u64::from(self.mcc))?;
        writer.number(field::ACQUIRER_COUNTRY, u64::from(self.country))?;
        // The last digit says that the terminal can take PINs.
        writer.number(field::POS_ENTRY_MODE, u64::from(presentment.entry_mode) * 10 + 1)?;
        if let Some(sequence) = presentment.card_sequence {
            writer.number(field::CARD_SEQUENCE, u64::from(sequence))?;
        }
        writer.field(field::POS_CONDITION, b"00")?;
        if let Some(track) = &presentment.track2 {
            writer.field(field::TRACK_2, track.reveal())?;
        }
        writer.field(field::RRN, trace.rrn.as_str().as_bytes())?;
        if let Some(id) = &particulars.authorization_id {
            writer.field(field::AUTHORIZATION_ID, id)?;
        }
        self.write_acceptor(&mut writer)?;
        further_below(field::CURRENCY, &mut writer)?;
        writer.field(field::CURRENCY, &self.currency_digits())?;
        if let Some(block) = &presentment.pin_block {
            writer.field(field::PIN_BLOCK, block.reveal())?;
        }
        further_below(field::ADDITIONAL_AMOUNTS, &mut writer)?;
        if let Some(amounts) = &particulars.additional_amounts {
            writer.field(field::ADDITIONAL_AMOUNTS, amounts.as_bytes())?;
        }
        if let Some(icc) = &presentment.icc {
            writer.field(field::ICC, icc)?;
        }
        further_below(field::PRIVATE_60, &mut writer)?;
        if let Some(text) = &particulars.private_60 {
            writer.field(field::PRIVATE_60, text.as_bytes())?;
        }
        further_below(field::ORIGINAL_DATA, &mut writer)?;
        if let Some(original) = &original {
            writer.field(field::ORIGINAL_DATA, original)?;
        }
        if let Some(account) = &particulars.account_to {
            writer.field(field::ACCOUNT_TO, account.as_bytes())?;
        }
        further_below(u8::MAX, &mut writer)?;
        writer.finish()
    }

    fn begin<'a>(&self, out: &'a mut Vec<u8>, mti: Mti) -> Result<MessageWriter<'a>, EncodeError> {
        let header: &[u8] = if self.dialect.header().length == TPDU.len() { &TPDU } else { &[] };
        MessageWriter::begin(out, self.dialect, header, mti)
    }

    fn write_acceptor(&self, writer: &mut MessageWriter<'_>) -> Result<(), EncodeError> {
        writer.field(field::TERMINAL_ID, self.terminal.as_bytes())?;
        match &self.merchant {
            Some(merchant) => writer.field(field::MERCHANT_ID, merchant.as_bytes()),
            None => Ok(()),
        }
    }

    fn currency_digits(&self) -> [u8; 3] {
        let code = self.currency.numeric();
        [code / 100, code / 10, code].map(|digits| b'0' + (digits % 10) as u8)
    }
}

impl Trace {
    /// DE 7, 11, 12 and 13.
    fn write(&self, writer: &mut MessageWriter<'_>) -> Result<(), EncodeError> {
        let transmission = self.transmission();
        writer.field(field::TRANSMISSION_TIME, &transmission)?;
        writer.field(field::STAN, self.stan.to_string().as_bytes())?;
        writer.field(field::LOCAL_TIME, &transmission[4..])?;
        writer.field(field::LOCAL_DATE, &transmission[..4])
    }

    fn transmission(&self) -> [u8; 10] {
        self.time.month_day_time(UtcOffset::default())
    }
}

impl Intent {
    fn mti(self) -> Mti {
        match self {
            Intent::Authorize => Mti::AUTHORIZATION_REQUEST,
            Intent::Post => Mti::FINANCIAL_REQUEST,
        }
    }
}

/// Identifier 60, destination 0001, source 0002.
const TPDU: [u8; 5] = [0x60, 0x00, 0x01, 0x00, 0x02];

/// DE 90: type, STAN and transmission time; zeros for the institutions, which are not known to a
/// terminal.
fn original_data(original: &Message<'_>) -> [u8; 42] {
    let mut digits = [b'0'; 42];
    digits[..4].copy_from_slice(&original.mti().to_ascii());
    for (number, range) in [(field::STAN, 4..10), (field::TRANSMISSION_TIME, 10..20)] {
        if let Some(value) = original.value(number) {
            digits[range].copy_from_slice(&value);
        }
    }
    digits
}

#[cfg(test)]
mod tests;
