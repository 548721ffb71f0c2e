use card::{Cvv, Expiry, Pan, ServiceCode, Track2};
use hsm::{Account, Pvv};
use hsm_sim::{ClearKey, Pin};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A range of test cards whose numbers, PINs and check values follow from a serial number by rule, so
/// that one short file describes twenty cards or a million.
///
/// The card of serial number `s` (1 to `count`) has
/// - PAN: BIN, `s` with nine digits, Luhn check digit;
/// - PIN: the last four digits of `s × 7919 + 1234`;
/// - track 2: PAN, expiry, service code, PVKI, PVV, CVV; the chip's equivalent has the iCVV instead.
///
/// `turnout init` writes it as `test-cards.json` (see [`to_json`](TestIssuer::to_json)); load generators
/// and integrators' scripts read it. It holds clear keys, so such cards are for tests only. `Debug` masks
/// them.
#[derive(Clone, Debug)]
pub struct TestIssuer {
    /// Keys in clear.
    pub keys: TestKeys,
    /// Digits before the serial number: 6 to 9.
    pub bin: String,
    /// How many cards there are.
    pub count: u32,
    /// Last month of validity of every card.
    pub expiry: Expiry,
    /// Service code of every card.
    pub service_code: ServiceCode,
    /// PAN sequence number of every card.
    pub card_sequence: u8,
    /// PIN verification key index of every card, 0 to 9.
    pub pvki: u8,
    /// Derivation key index of the issuer master key, which the chip names in its IAD.
    pub derivation_key_index: u8,
}

/// The keys of test cards and of their terminals, double length.
#[derive(Clone, Debug)]
pub struct TestKeys {
    /// Zone PIN key: what a host encrypts PIN blocks under.
    pub zpk: ClearKey,
    /// Terminal PIN key: what a terminal or ATM encrypts PIN blocks under.
    pub tpk: ClearKey,
    /// PIN verification key pair.
    pub pvk: ClearKey,
    /// Card verification key pair.
    pub cvk: ClearKey,
    /// Issuer master key for application cryptograms.
    pub mk_ac: ClearKey,
}

/// Why text does not describe test cards. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestIssuerError {
    /// It is not JSON of the documented form.
    Form,
    /// A key is not 32 hexadecimal digits.
    Key,
    /// BIN, number of cards, expiry, service code or PVKI is out of its bounds.
    Range,
}

impl TestIssuer {
    /// The card number of a serial number.
    #[must_use]
    pub fn pan(&self, serial: u32) -> Pan {
        let digits = format!("{}{serial:09}", self.bin);
        Pan::with_check_digit(digits.as_bytes()).expect("a BIN of 6 to 9 digits leaves room for 10 more")
    }

    /// The PIN of a serial number.
    #[must_use]
    pub fn pin(&self, serial: u32) -> Pin {
        let number = (u64::from(serial) * 7919 + 1234) % 10_000;
        let digits = Zeroizing::new(format!("{number:04}"));
        Pin::parse(digits.as_bytes()).expect("four digits are a PIN")
    }

    /// The PIN verification value of a serial number.
    #[must_use]
    pub fn pvv(&self, serial: u32) -> Pvv {
        let account = Account::from(&self.pan(serial));
        hsm_sim::pvv::pvv(&self.keys.pvk, &account, self.pvki, &self.pin(serial))
    }

    /// The CVV on the stripe of a serial number.
    #[must_use]
    pub fn cvv(&self, serial: u32) -> Cvv {
        let ServiceCode(code) = self.service_code;
        hsm_sim::cvv::cvv(&self.keys.cvk, &self.pan(serial), &self.expiry.to_yymm(), &code)
    }

    /// The iCVV in the chip of a serial number: a CVV for service code 999.
    #[must_use]
    pub fn icvv(&self, serial: u32) -> Cvv {
        hsm_sim::cvv::cvv(&self.keys.cvk, &self.pan(serial), &self.expiry.to_yymm(), b"999")
    }

    /// Track 2 on the stripe of a serial number.
    #[must_use]
    pub fn stripe(&self, serial: u32) -> Track2 {
        self.track2(serial, &self.cvv(serial))
    }

    /// Track 2 equivalent data (tag 57) in the chip of a serial number.
    #[must_use]
    pub fn chip_track2(&self, serial: u32) -> Track2 {
        self.track2(serial, &self.icvv(serial))
    }

    fn track2(&self, serial: u32, cvv: &Cvv) -> Track2 {
        let mut text = Zeroizing::new(Vec::with_capacity(Track2::MAX_LENGTH));
        text.extend_from_slice(&self.pan(serial).reveal());
        text.push(b'=');
        text.extend_from_slice(&self.expiry.to_yymm());
        text.extend_from_slice(&self.service_code.0);
        text.push(b'0' + self.pvki % 10);
        text.extend_from_slice(self.pvv(serial).reveal());
        text.extend_from_slice(cvv.reveal());
        Track2::parse(&text).expect("a PAN of 19 digits leaves room for the rest")
    }

    /// The text of `test-cards.json`.
    ///
    /// # Panics
    /// When a key is not of double length; [`TestKeys`] asks for such.
    #[must_use]
    pub fn to_json(&self) -> String {
        let TestKeys { zpk, tpk, pvk, cvk, mk_ac } = &self.keys;
        let [zpk, tpk, pvk, cvk, mk_ac] = [zpk, tpk, pvk, cvk, mk_ac].map(written_key);
        let ServiceCode(code) = self.service_code;
        let written = Written {
            warning: "TEST ONLY: clear keys. Never use these keys, PINs or cards for live money.".into(),
            keys: WrittenKeys { zpk, tpk, pvk, cvk, mk_ac },
            cards: WrittenCards {
                bin: self.bin.clone(),
                count: self.count,
                first_serial: 1,
                pan: "bin, serial with nine digits, Luhn check digit".into(),
                pin: "last four digits of serial * 7919 + 1234".into(),
                track2: "PAN = expiry service_code pvki PVV CVV; in the chip iCVV for CVV".into(),
                expiry: ascii(&self.expiry.to_yymm()),
                service_code: ascii(&code),
                card_sequence: self.card_sequence,
                pvki: self.pvki,
            },
            derivation_key_index: self.derivation_key_index,
        };
        serde_json::to_string_pretty(&written).expect("text and numbers are JSON") + "\n"
    }

    /// Reads what [`to_json`](TestIssuer::to_json) wrote.
    ///
    /// # Errors
    /// When the text is not of that form, or a value is out of its bounds.
    pub fn from_json(text: &str) -> Result<TestIssuer, TestIssuerError> {
        let written: Written = serde_json::from_str(text).map_err(|_| TestIssuerError::Form)?;
        let Written { keys, cards, derivation_key_index, .. } = written;
        let range = TestIssuerError::Range;
        let bin_is_right = (6..=9).contains(&cards.bin.len()) && only_digits(&cards.bin);
        if !bin_is_right || cards.count > TestIssuer::MAX_COUNT || cards.pvki > 9 {
            return Err(range);
        }
        let code = cards.service_code.as_bytes().try_into().map_err(|_| range)?;
        if !only_digits(&cards.service_code) {
            return Err(range);
        }
        Ok(TestIssuer {
            keys: TestKeys {
                zpk: read_key(&keys.zpk)?,
                tpk: read_key(&keys.tpk)?,
                pvk: read_key(&keys.pvk)?,
                cvk: read_key(&keys.cvk)?,
                mk_ac: read_key(&keys.mk_ac)?,
            },
            expiry: Expiry::parse_yymm(cards.expiry.as_bytes()).map_err(|_| range)?,
            service_code: ServiceCode(code),
            bin: cards.bin,
            count: cards.count,
            card_sequence: cards.card_sequence,
            pvki: cards.pvki,
            derivation_key_index,
        })
    }

    /// Most cards: nine digits of serial number.
    pub const MAX_COUNT: u32 = 999_999_999;
}

impl TestKeys {
    /// Keys from random bytes, with their parity made odd: ZPK, TPK, PVK, CVK, MK-AC.
    #[must_use]
    pub fn from_random(bytes: &[[u8; 16]; 5]) -> TestKeys {
        let [zpk, tpk, pvk, cvk, mk_ac] = bytes.each_ref().map(|key| ClearKey::double(key).with_odd_parity());
        TestKeys { zpk, tpk, pvk, cvk, mk_ac }
    }
}

/// The documented form of `test-cards.json`.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default)]
    warning: String,
    keys: WrittenKeys,
    cards: WrittenCards,
    derivation_key_index: u8,
}

/// Keys as 32 hexadecimal digits.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct WrittenKeys {
    zpk: String,
    tpk: String,
    pvk: String,
    cvk: String,
    mk_ac: String,
}

#[derive(Serialize, Deserialize)]
struct WrittenCards {
    bin: String,
    count: u32,
    #[serde(default)]
    first_serial: u32,
    /// The rules, in words for whoever reads the file.
    #[serde(default)]
    pan: String,
    #[serde(default)]
    pin: String,
    #[serde(default)]
    track2: String,
    expiry: String,
    service_code: String,
    card_sequence: u8,
    pvki: u8,
}

fn written_key(key: &ClearKey) -> String {
    hex::encode_upper(key.reveal())
}

fn read_key(digits: &str) -> Result<ClearKey, TestIssuerError> {
    let mut bytes = Zeroizing::new([0; 16]);
    hex::decode_to_slice(digits, &mut bytes[..]).map_err(|_| TestIssuerError::Key)?;
    Ok(ClearKey::double(&bytes))
}

fn ascii(digits: &[u8]) -> String {
    digits.iter().copied().map(char::from).collect()
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for TestIssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TestIssuerError::Form => "this is not a file of test cards as `turnout init` writes it",
            TestIssuerError::Key => "a test key is not 32 hexadecimal digits",
            TestIssuerError::Range => "a property of the test cards is out of its bounds",
        })
    }
}

impl std::error::Error for TestIssuerError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> TestIssuer {
        let keys = [[0x11; 16], [0x22; 16], [0x33; 16], [0x44; 16], [0x55; 16]];
        TestIssuer {
            keys: TestKeys::from_random(&keys),
            bin: "400000".into(),
            count: 20,
            expiry: Expiry::parse_yymm(b"3012").unwrap(),
            service_code: ServiceCode(*b"201"),
            card_sequence: 1,
            pvki: 1,
            derivation_key_index: 1,
        }
    }

    #[test]
    fn cards_follow_from_their_serial_number() {
        let issuer = issuer();
        let check = |serial, pan: &str, pin: &str| {
            assert_eq!(issuer.pan(serial).reveal().as_str(), pan);
            assert!(issuer.pan(serial).has_valid_check_digit());
            assert_eq!(issuer.pin(serial).reveal(), pin.as_bytes());
        };
        check(1, "4000000000000010", "9153");
        check(2, "4000000000000028", "7072");
        check(1_000_000, "4000000010000000", "1234");
        check(TestIssuer::MAX_COUNT, "4000009999999991", "3315");
    }

    #[test]
    fn track_2_holds_what_the_issuer_verifies() {
        let issuer = issuer();
        let stripe = issuer.stripe(7);
        assert_eq!(stripe.pan(), issuer.pan(7));
        assert_eq!(stripe.expiry(), Some(issuer.expiry));
        let discretionary = stripe.reveal_discretionary();
        assert_eq!(discretionary[0], b'1');
        assert_eq!(discretionary[1..5], *issuer.pvv(7).reveal());
        assert_eq!(discretionary[5..], *issuer.cvv(7).reveal());
        assert_ne!(issuer.chip_track2(7).reveal_discretionary()[5..], *issuer.cvv(7).reveal());
    }

    #[test]
    fn the_file_is_read_back() {
        let issuer = issuer();
        let back = TestIssuer::from_json(&issuer.to_json()).unwrap();
        assert_eq!(back.to_json(), issuer.to_json());
        assert_eq!(back.pvv(5).reveal(), issuer.pvv(5).reveal());
    }

    #[test]
    fn refuses_what_is_out_of_bounds() {
        let text = issuer().to_json();
        let check = |from: &str, to: &str, expect| {
            assert!(text.contains(from), "{from}");
            assert_eq!(TestIssuer::from_json(&text.replace(from, to)).unwrap_err(), expect);
        };
        check("\"400000\"", "\"40000\"", TestIssuerError::Range);
        check("\"400000\"", "\"40000x\"", TestIssuerError::Range);
        check("\"3012\"", "\"3013\"", TestIssuerError::Range);
        check("\"201\"", "\"2011\"", TestIssuerError::Range);
        check("\"pvki\": 1", "\"pvki\": 10", TestIssuerError::Range);
        check("\"count\": 20", "\"count\": 1000000000", TestIssuerError::Range);
        check("\"count\": 20", "\"count\": -1", TestIssuerError::Form);
        check(&"10".repeat(16), &"10".repeat(15), TestIssuerError::Key);
        assert!(!format!("{:?}", issuer()).contains("10101010"));
    }
}
