use crate::encoder::Encoder;
use crate::token::Tokens;
use crate::{EncodeError, Field, Notes, ParseError, ParseErrorKind};

/// Device identification graphics: which device a status is about (reference §6).
pub mod dig {
    /// Clock.
    pub const CLOCK: u8 = b'A';
    /// Power failure, that is start-up.
    pub const POWER_FAILURE: u8 = b'B';
    /// Card reader.
    pub const CARD_READER: u8 = b'D';
    /// Cash handler.
    pub const CASH_HANDLER: u8 = b'E';
    /// First of two cash handlers.
    pub const CASH_HANDLER_0: u8 = b'd';
    /// Second of two cash handlers.
    pub const CASH_HANDLER_1: u8 = b'e';
    /// Receipt printer.
    pub const RECEIPT_PRINTER: u8 = b'G';
    /// Journal printer.
    pub const JOURNAL_PRINTER: u8 = b'H';
    /// Encryptor.
    pub const ENCRYPTOR: u8 = b'L';
    /// Sensors, supervisor mode among them.
    pub const SENSORS: u8 = b'P';
    /// Statement printer.
    pub const STATEMENT_PRINTER: u8 = b'V';
    /// Note acceptor.
    pub const NOTE_ACCEPTOR: u8 = b'w';
}

/// Condition of one device, as in unsolicited statuses and in solicited ones that tell a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceStatus<'a> {
    /// Which device: see [`dig`]. One that NDC does not define is kept, not guessed.
    pub dig: u8,
    /// All that follows in the same field: a status character, then what that device adds.
    pub status: &'a [u8],
    /// Severity, one digit per part of the device: 0 none, 1 routine, 2 warning, 3 suspend, 4 fatal. For
    /// the cash handler: itself, then its cassette types.
    pub severity: &'a [u8],
    /// Diagnostic status of the maker: two digits and hexadecimal data.
    pub diagnostic: &'a [u8],
    /// Supplies, one digit per part: 0 not known, 1 good, 2 low, 3 out, 4 overfull. For the cash handler:
    /// reject bin, then cassette types.
    pub supplies: &'a [u8],
    /// Fields and groups behind the supplies, separators included, as sent: chip completion, site data.
    pub rest: &'a [u8],
}

impl<'a> DeviceStatus<'a> {
    /// Of this device, with a status and nothing else.
    #[must_use]
    pub fn new(dig: u8, status: &'a [u8]) -> DeviceStatus<'a> {
        DeviceStatus { dig, status, severity: &[], diagnostic: &[], supplies: &[], rest: &[] }
    }

    /// The status field of a cash handler: `code` and two digits per type; counts above 99 show as 99,
    /// which is as much as the field can say.
    #[must_use]
    pub fn cash_handler_status(code: u8, notes: &Notes) -> Vec<u8> {
        let mut status = vec![code];
        for count in notes.counts() {
            status.extend(format!("{:02}", count.min(&99)).into_bytes());
        }
        status
    }

    /// The status character, if one was sent.
    #[must_use]
    pub fn code(&self) -> Option<u8> {
        self.status.first().copied()
    }

    /// Whether this is a cash handler (`E`, or `d` and `e` where there are two).
    #[must_use]
    pub fn is_cash_handler(&self) -> bool {
        matches!(self.dig, dig::CASH_HANDLER | dig::CASH_HANDLER_0 | dig::CASH_HANDLER_1)
    }

    /// Whether this is a printer of receipts, journals or statements.
    #[must_use]
    pub fn is_printer(&self) -> bool {
        matches!(self.dig, dig::RECEIPT_PRINTER | dig::JOURNAL_PRINTER | dig::STATEMENT_PRINTER)
    }

    /// Note counts of a cash handler status; `None` when it has none. With status 3 they are those that
    /// were requested, not those that came out.
    ///
    /// # Errors
    /// When what follows the status character is no row of counts.
    pub fn dispensed(&self) -> Result<Option<Notes>, ParseErrorKind> {
        match self.status {
            [] | [_] => Ok(None),
            [_, counts @ ..] => Notes::parse(counts).map(Some),
        }
    }

    /// The configuration id with which a terminal starts up, when this is a power failure status.
    #[must_use]
    pub fn power_failure(&self) -> Option<&'a [u8]> {
        (self.dig == dig::POWER_FAILURE).then_some(self.status)
    }

    /// Entry into (`true`) or exit from supervisor mode: sensor status type 2 with its first flag. After
    /// an exit the cassettes may have changed.
    #[must_use]
    pub fn supervisor_mode(&self) -> Option<bool> {
        match (self.dig, self.status) {
            (dig::SENSORS, [b'2', b'0', ..]) => Some(false),
            (dig::SENSORS, [b'2', b'1', ..]) => Some(true),
            _ => None,
        }
    }

    pub(crate) fn parse(tokens: &mut Tokens<'a>) -> Result<DeviceStatus<'a>, ParseError> {
        let mut device = tokens.field();
        let [dig] = device.cut(Field::Device)?;
        Ok(DeviceStatus {
            dig,
            status: device.bytes,
            severity: tokens.field().bytes,
            diagnostic: tokens.field().bytes,
            supplies: tokens.field().bytes,
            rest: tokens.clone().remainder().bytes,
        })
    }

    /// Writes the fields up to the last that is not empty.
    pub(crate) fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.groups(Field::Device, &[self.dig])?;
        encoder.groups(Field::Device, self.status)?;
        let fields = [self.severity, self.diagnostic, self.supplies];
        let used = match fields.iter().rposition(|field| !field.is_empty()) {
            _ if !self.rest.is_empty() => fields.len(),
            last => last.map_or(0, |last| last + 1),
        };
        for field in &fields[..used] {
            encoder.fs();
            encoder.groups(Field::Device, field)?;
        }
        if !self.rest.is_empty() {
            encoder.fs();
            encoder.raw(self.rest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_cash_handler() {
        let check = |status: &str, expect: Result<Option<&[u32]>, ParseErrorKind>| {
            let found = DeviceStatus::new(dig::CASH_HANDLER, status.as_bytes()).dispensed();
            let found = found.as_ref().map(|notes| notes.as_ref().map(Notes::counts)).map_err(|kind| *kind);
            assert_eq!(found, expect, "{status}");
        };
        check("", Ok(None));
        check("2", Ok(None));
        check("104010000", Ok(Some(&[4, 1, 0, 0])));
        check("104010000000002", Ok(Some(&[4, 1, 0, 0, 0, 0, 2])));
        check("10401", Err(ParseErrorKind::Length));
        check("10x010000", Err(ParseErrorKind::Character));
    }

    #[test]
    fn a_written_status_tells_its_counts() {
        let check = |notes: Notes, expect: &str| {
            assert_eq!(DeviceStatus::cash_handler_status(b'1', &notes), expect.as_bytes());
        };
        check(Notes::from([4, 1, 0, 0]), "104010000");
        check(Notes::from([4, 1, 0, 0, 0, 0, 12]), "104010000000012");
        check(Notes::from([400, 0, 0, 0]), "199000000");
    }
}
