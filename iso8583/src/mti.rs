use std::fmt;

/// Message type indicator: four decimal digits for version, class, function and origin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mti {
    /// One digit in each nibble: 0x0200.
    digits: u16,
}

/// The text is not four decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MtiError;

impl Mti {
    /// 0100: may this be spent? Nothing is posted.
    pub const AUTHORIZATION_REQUEST: Mti = Mti { digits: 0x0100 };
    /// 0110: answer to 0100.
    pub const AUTHORIZATION_RESPONSE: Mti = Mti { digits: 0x0110 };
    /// 0120: an authorization was given elsewhere.
    pub const AUTHORIZATION_ADVICE: Mti = Mti { digits: 0x0120 };
    /// 0130: answer to 0120.
    pub const AUTHORIZATION_ADVICE_RESPONSE: Mti = Mti { digits: 0x0130 };
    /// 0200: authorize and post.
    pub const FINANCIAL_REQUEST: Mti = Mti { digits: 0x0200 };
    /// 0210: answer to 0200.
    pub const FINANCIAL_RESPONSE: Mti = Mti { digits: 0x0210 };
    /// 0220: a transaction was completed elsewhere.
    pub const FINANCIAL_ADVICE: Mti = Mti { digits: 0x0220 };
    /// 0230: answer to 0220.
    pub const FINANCIAL_ADVICE_RESPONSE: Mti = Mti { digits: 0x0230 };
    /// 0400: undo an earlier transaction.
    pub const REVERSAL_REQUEST: Mti = Mti { digits: 0x0400 };
    /// 0410: answer to 0400.
    pub const REVERSAL_RESPONSE: Mti = Mti { digits: 0x0410 };
    /// 0420: an earlier transaction was undone.
    pub const REVERSAL_ADVICE: Mti = Mti { digits: 0x0420 };
    /// 0430: answer to 0420.
    pub const REVERSAL_ADVICE_RESPONSE: Mti = Mti { digits: 0x0430 };
    /// 0800: sign-on, echo, key exchange, cutover; DE 70 says which.
    pub const NETWORK_REQUEST: Mti = Mti { digits: 0x0800 };
    /// 0810: answer to 0800.
    pub const NETWORK_RESPONSE: Mti = Mti { digits: 0x0810 };

    /// Reads four ASCII digits.
    ///
    /// # Errors
    /// When there are not exactly four, or one is no digit.
    pub fn parse(text: &[u8]) -> Result<Mti, MtiError> {
        let Ok(text) = <[u8; 4]>::try_from(text) else { return Err(MtiError) };
        let digits = text.map(|digit| u16::from(digit.wrapping_sub(b'0')));
        if digits.iter().any(|digit| *digit > 9) {
            return Err(MtiError);
        }
        let [version, class, function, origin] = digits;
        Ok(Mti { digits: version << 12 | class << 8 | function << 4 | origin })
    }

    /// Reads two bytes of packed digits.
    pub(crate) fn from_bcd(bytes: [u8; 2]) -> Result<Mti, MtiError> {
        if bytes.iter().all(|byte| *byte <= 0x99 && byte & 0x0F <= 9) {
            Ok(Mti { digits: u16::from_be_bytes(bytes) })
        } else {
            Err(MtiError)
        }
    }

    /// Edition of the standard: 0 for 1987, 1 for 1993, 2 for 2003, 9 for private use.
    #[must_use]
    pub fn version(self) -> u8 {
        self.digit(0)
    }

    /// 1 authorization, 2 financial, 3 file action, 4 reversal, 5 reconciliation,
    /// 6 administrative, 7 fee collection, 8 network management.
    #[must_use]
    pub fn class(self) -> u8 {
        self.digit(1)
    }

    /// 0 request, 1 response, 2 advice, 3 advice response, 4 notification.
    #[must_use]
    pub fn function(self) -> u8 {
        self.digit(2)
    }

    /// 0 acquirer, 1 acquirer repeat, 2 issuer, 3 issuer repeat, 4 other, 5 other repeat.
    #[must_use]
    pub fn origin(self) -> u8 {
        self.digit(3)
    }

    /// The type that answers this one: 0200 and its repeat 0201 by 0210, 0420 and 0421 by 0430.
    /// A type that asks for no answer ([`Mti::expects_response`]) is given back as it is.
    #[must_use]
    pub fn response(self) -> Mti {
        if !self.expects_response() {
            return self;
        }
        let repeat = u16::from(self.is_repeat());
        Mti { digits: self.digits + 0x0010 - repeat }
    }

    /// Whether this is a request or an advice.
    #[must_use]
    pub fn expects_response(self) -> bool {
        matches!(self.function(), 0 | 2)
    }

    /// Whether the sender has sent the same message before.
    #[must_use]
    pub fn is_repeat(self) -> bool {
        matches!(self.origin(), 1 | 3 | 5)
    }

    /// The same type marked as a repeat: 0421 for 0420.
    #[must_use]
    pub fn repeat(self) -> Mti {
        if matches!(self.origin(), 0 | 2 | 4) { Mti { digits: self.digits + 1 } } else { self }
    }

    /// Four ASCII digits.
    #[must_use]
    #[inline]
    pub fn to_ascii(self) -> [u8; 4] {
        [self.digit(0) | b'0', self.digit(1) | b'0', self.digit(2) | b'0', self.digit(3) | b'0']
    }

    /// Two bytes of packed digits.
    pub(crate) fn to_bcd(self) -> [u8; 2] {
        self.digits.to_be_bytes()
    }

    fn digit(self, index: u32) -> u8 {
        (self.digits >> (12 - 4 * index)) as u8 & 0x0F
    }
}

/// Four digits: `0200`.
impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.digits)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mti({self})")
    }
}

impl fmt::Display for MtiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message type indicator has four digits")
    }
}

impl std::error::Error for MtiError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_clears_the_repeat() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Mti::parse(text.as_bytes()).unwrap().response().to_string(), expect);
        };
        check("0100", "0110");
        check("0200", "0210");
        check("0201", "0210");
        check("0420", "0430");
        check("0421", "0430");
        check("0203", "0212");
        check("0800", "0810");
        check("1804", "1814");
        check("0210", "0210");
        check("1144", "1144");
    }

    #[test]
    fn digits_by_position() {
        let mti = Mti::parse(b"1421").unwrap();
        assert_eq!((mti.version(), mti.class(), mti.function(), mti.origin()), (1, 4, 2, 1));
        assert!(mti.is_repeat() && mti.expects_response());
        assert_eq!(mti.to_ascii(), *b"1421");
        assert_eq!(mti.to_bcd(), [0x14, 0x21]);
        assert_eq!(Mti::from_bcd([0x14, 0x21]), Ok(mti));
        assert_eq!(mti.repeat(), mti);
        assert_eq!(Mti::REVERSAL_ADVICE.repeat().to_string(), "0421");
    }

    #[test]
    fn refuses_what_is_no_type() {
        for bad in ["", "020", "02000", "02A0", " 200", "+200"] {
            assert_eq!(Mti::parse(bad.as_bytes()), Err(MtiError), "{bad}");
        }
        assert_eq!(Mti::from_bcd([0x02, 0x0A]), Err(MtiError));
    }
}
