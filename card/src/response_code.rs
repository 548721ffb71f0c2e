use serde::{Deserialize, Serialize};
use std::fmt;

/// Response code (DE 39) of ISO 8583:1987: two characters. The core speaks in these; a dialect with
/// other codes maps them at its edge.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResponseCode([u8; 2]);

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        impl ResponseCode {
            $(#[doc = concat!("`", $code, "`: ", $meaning, ".")]
            pub const $name: ResponseCode = ResponseCode::literal($code);)*

            /// What the code means, in a few words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(ResponseCode::$name => $meaning,)*
                    _ => "not named in ISO 8583:1987",
                }
            }
        }
    };
}

codes! {
    APPROVED = "00", "approved";
    REFER = "01", "refer to card issuer";
    INVALID_MERCHANT = "03", "invalid merchant or terminal";
    PICK_UP = "04", "pick up card";
    DO_NOT_HONOUR = "05", "do not honour";
    PICK_UP_SPECIAL = "07", "pick up card, special condition";
    HONOUR_WITH_IDENTIFICATION = "08", "honour with identification";
    PARTIAL = "10", "approved for a partial amount";
    INVALID_TRANSACTION = "12", "invalid transaction";
    INVALID_AMOUNT = "13", "invalid amount";
    INVALID_CARD = "14", "invalid card number";
    NO_SUCH_ISSUER = "15", "no such issuer";
    ORIGINAL_NOT_FOUND = "25", "original transaction not found";
    FORMAT_ERROR = "30", "format error";
    EXPIRED_PICK_UP = "33", "expired card, pick up";
    PIN_TRIES_PICK_UP = "38", "PIN tries exceeded, pick up";
    NO_CREDIT_ACCOUNT = "39", "no credit account";
    NOT_SUPPORTED = "40", "requested function not supported";
    LOST = "41", "lost card, pick up";
    STOLEN = "43", "stolen card, pick up";
    INSUFFICIENT_FUNDS = "51", "insufficient funds";
    NO_CHEQUE_ACCOUNT = "52", "no cheque account";
    NO_SAVINGS_ACCOUNT = "53", "no savings account";
    EXPIRED = "54", "expired card";
    WRONG_PIN = "55", "incorrect PIN";
    NOT_PERMITTED_TO_CARDHOLDER = "57", "transaction not permitted to cardholder";
    NOT_PERMITTED_TO_TERMINAL = "58", "transaction not permitted to terminal";
    SUSPECTED_FRAUD = "59", "suspected fraud";
    OVER_AMOUNT_LIMIT = "61", "exceeds amount limit";
    RESTRICTED = "62", "restricted card";
    SECURITY_VIOLATION = "63", "security violation";
    OVER_COUNT_LIMIT = "65", "exceeds frequency limit";
    PIN_TRIES_EXCEEDED = "75", "PIN tries exceeded";
    INACTIVE = "78", "card not active";
    CRYPTOGRAM_WRONG = "82", "card verification or cryptogram wrong";
    CRYPTOGRAPHIC_FAILURE = "88", "cryptographic failure";
    ISSUER_UNAVAILABLE = "91", "issuer or switch inoperative";
    ROUTE = "92", "no route to the destination";
    DUPLICATE = "94", "duplicate transmission";
    MALFUNCTION = "96", "system malfunction";
    CVV2_WRONG = "N7", "CVV2 wrong";
    VERIFICATION_WANTED = "1A", "verification of the cardholder required";
}

impl ResponseCode {
    const fn literal(code: &str) -> ResponseCode {
        let bytes = code.as_bytes();
        assert!(bytes.len() == 2);
        ResponseCode([bytes[0], bytes[1]])
    }

    /// Reads two letters or digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<ResponseCode> {
        match text {
            [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => Some(ResponseCode([*a, *b])),
            _ => None,
        }
    }

    /// The two characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// The two characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// Whether the transaction may go ahead (00, 08, 10).
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(
            self,
            ResponseCode::APPROVED | ResponseCode::HONOUR_WITH_IDENTIFICATION | ResponseCode::PARTIAL
        )
    }

    /// Whether the terminal is asked to keep the card (04, 07, 33, 38, 41, 43).
    #[must_use]
    pub fn is_capture(self) -> bool {
        matches!(
            self,
            ResponseCode::PICK_UP
                | ResponseCode::PICK_UP_SPECIAL
                | ResponseCode::EXPIRED_PICK_UP
                | ResponseCode::PIN_TRIES_PICK_UP
                | ResponseCode::LOST
                | ResponseCode::STOLEN
        )
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseCode({self})")
    }
}
