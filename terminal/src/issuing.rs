//! The cards of a test issuer, by serial number: everything about a card follows from the number and
//! the keys, so a million cards need no list.

use crate::card_simulator::CardSimulator;
use card::{Expiry, Pan, ServiceCode};
use hsm_sim::{ClearKey, Pin, pvv};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use zeroize::Zeroizing;

/// A test issuer: its BIN, what its cards have in common, and its keys **in clear**. `init` writes it
/// as JSON beside the configuration whose switch knows the same keys as cryptograms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestIssuer {
    /// Tells whoever opens the file what it is: [`TestIssuer::WARNING`].
    pub warning: String,
    #[serde(deserialize_with = "six_digits")]
    bin: String,
    /// How many cards were put on file: serials 0 to `count` - 1.
    pub count: u32,
    /// Last month of validity of every card, `YYMM`.
    #[serde(serialize_with = "write_expiry", deserialize_with = "read_expiry")]
    pub expiry: Expiry,
    /// Service code on the track, three digits.
    #[serde(serialize_with = "write_service_code", deserialize_with = "read_service_code")]
    pub service_code: ServiceCode,
    /// PAN sequence number (tag 5F34), 0 to 99.
    pub card_sequence: u8,
    /// PIN verification key index, 0 to 9.
    pub pvki: u8,
    /// Derivation key index in the chip's issuer application data.
    pub derivation_key_index: u8,
    /// The keys.
    pub keys: TestKeys,
}

/// Keys of a test issuer in clear, as hexadecimal in JSON. Wiped on drop, masked in `Debug`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestKeys {
    /// Zone PIN key: PIN blocks of POS terminals and hosts.
    #[serde(with = "key_hex")]
    pub zpk: ClearKey,
    /// Terminal PIN key: PIN blocks of ATMs.
    #[serde(with = "key_hex")]
    pub tpk: ClearKey,
    /// PIN verification key pair.
    #[serde(with = "key_hex")]
    pub pvk: ClearKey,
    /// Card verification key pair.
    #[serde(with = "key_hex")]
    pub cvk: ClearKey,
    /// Issuer master key for application cryptograms.
    #[serde(with = "key_hex")]
    pub mk_ac: ClearKey,
}

/// The BIN is not six digits. Six and a serial of nine make a PAN of sixteen, for which the two ways of
/// deriving a card's master key (EMV options A and B) agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestIssuerError;

impl TestIssuer {
    /// What the JSON form says first.
    pub const WARNING: &str = "test keys only";

    /// An issuer of chip cards for international use (service code 201), card sequence 1, PVKI 1,
    /// derivation key index 1; the public fields may be changed.
    ///
    /// # Errors
    /// When the BIN is not six digits.
    pub fn new(bin: &str, count: u32, expiry: Expiry, keys: TestKeys) -> Result<TestIssuer, TestIssuerError> {
        if !is_bin(bin) {
            return Err(TestIssuerError);
        }
        Ok(TestIssuer {
            warning: Self::WARNING.to_owned(),
            bin: bin.to_owned(),
            count,
            expiry,
            service_code: ServiceCode(*b"201"),
            card_sequence: 1,
            pvki: 1,
            derivation_key_index: 1,
            keys,
        })
    }

    /// The six digits that its PANs begin with.
    #[must_use]
    pub fn bin(&self) -> &str {
        &self.bin
    }

    /// BIN, serial of nine digits, check digit. Of a serial with ten digits the last nine count.
    #[must_use]
    pub fn pan(&self, serial: u32) -> Pan {
        let payload = format!("{}{:09}", self.bin, serial % 1_000_000_000);
        Pan::with_check_digit(payload.as_bytes()).expect("six and nine digits and a check digit are a PAN")
    }

    /// The cardholder's PIN: four digits that differ from card to card.
    #[must_use]
    pub fn pin(&self, serial: u32) -> Pin {
        let number = (u64::from(serial) * 7919 + 1234) % 10_000;
        let digits = Zeroizing::new(format!("{number:04}"));
        Pin::parse(digits.as_bytes()).expect("four digits are a PIN")
    }

    /// The PIN verification value that goes on file: four ASCII digits.
    #[must_use]
    pub fn pvv(&self, serial: u32) -> [u8; 4] {
        let account = (&self.pan(serial)).into();
        *pvv::pvv(&self.keys.pvk, &account, self.pvki, &self.pin(serial)).reveal()
    }

    /// The card itself, its transaction counter at zero.
    #[must_use]
    pub fn card(&self, serial: u32) -> CardSimulator {
        CardSimulator::new(self, serial)
    }
}

fn is_bin(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn six_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_bin(&text) { Ok(text) } else { Err(D::Error::custom(TestIssuerError)) }
}

fn write_expiry<S: Serializer>(expiry: &Expiry, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(&expiry.to_yymm()))
}

fn read_expiry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Expiry, D::Error> {
    let text = String::deserialize(deserializer)?;
    Expiry::parse_yymm(text.as_bytes()).map_err(D::Error::custom)
}

fn write_service_code<S: Serializer>(code: &ServiceCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(&code.0))
}

fn read_service_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ServiceCode, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_bytes() {
        [a, b, c] if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(ServiceCode([*a, *b, *c])),
        _ => Err(D::Error::custom("a service code has three digits")),
    }
}

/// Upper-case hexadecimal. Errors do not repeat the text, which may be most of a key.
mod key_hex {
    use super::{ClearKey, Deserialize, Deserializer, Error, Serializer, Zeroizing};

    pub(super) fn serialize<S: Serializer>(key: &ClearKey, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(hex::encode_upper(key.reveal()));
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClearKey, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = hex::decode(text.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| D::Error::custom("a key is written in hexadecimal"))?;
        ClearKey::new(&bytes).map_err(D::Error::custom)
    }
}

impl fmt::Display for TestIssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the BIN of a test issuer has six digits")
    }
}

impl std::error::Error for TestIssuerError {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn issuer() -> TestIssuer {
        let key = |text: &str| ClearKey::new(&hex::decode(text).unwrap()).unwrap();
        let keys = TestKeys {
            zpk: key("1C2F3B4C5D6E7F80919EA1B3C4D5E6F7"),
            tpk: key("2A3B4C5D6E7F8091A2B3C4D5E6F70819"),
            pvk: key("31323437383B3D3E40434546494A4C4F"),
            cvk: key("51525457585B5D5E61626467686B6D6E"),
            mk_ac: key("7073757679797A7C7F80838586898A8C"),
        };
        TestIssuer::new("400000", 100, Expiry::parse_yymm(b"3012").unwrap(), keys).unwrap()
    }

    #[test]
    fn cards_by_serial() {
        let issuer = issuer();
        let check = |serial: u32, pan: &[u8], pin: &[u8]| {
            assert_eq!(&*issuer.pan(serial).reveal(), pan);
            assert!(issuer.pan(serial).has_valid_check_digit());
            assert_eq!(issuer.pin(serial).reveal(), pin);
        };
        check(0, b"4000000000000002", b"1234");
        check(1, b"4000000000000010", b"9153");
        check(999_999_999, b"4000009999999991", b"3315");
    }

    #[test]
    fn json_round_trip() {
        let text = serde_json::to_string(&issuer()).unwrap();
        assert!(text.starts_with(r#"{"warning":"test keys only","bin":"400000","count":100,"expiry":"3012","service_code":"201","card_sequence":1,"pvki":1,"derivation_key_index":1,"keys":{"zpk":"1C2F"#), "{text}");
        let back: TestIssuer = serde_json::from_str(&text).unwrap();
        assert_eq!(back.pan(5), issuer().pan(5));
        assert_eq!(back.pvv(5), issuer().pvv(5));
        assert_eq!(back.keys.zpk.reveal(), issuer().keys.zpk.reveal());
    }

    #[test]
    fn wrong_json_is_named_without_its_keys() {
        let text = serde_json::to_string(&issuer()).unwrap();
        let fails = |from: &str, to: &str, expect: &str| {
            let error = serde_json::from_str::<TestIssuer>(&text.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        };
        fails("\"400000\"", "\"40000\"", "the BIN of a test issuer has six digits");
        fails("\"3012\"", "\"3013\"", "an expiry is YYMM");
        fails("\"201\"", "\"20\"", "a service code has three digits");
        fails("1C2F3B4C5D6E7F80919EA1B3C4D5E6F7", "1C2F3B4C5D6E7G", "a key is written in hexadecimal");
        fails("1C2F3B4C5D6E7F80919EA1B3C4D5E6F7", "1C2F", "a key has 8, 16 or 24 bytes");
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", issuer());
        assert!(shown.contains("zpk: ClearKey(Double, ****)"), "{shown}");
        assert!(!shown.contains("1C2F"));
    }
}
