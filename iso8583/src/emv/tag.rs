//! Tags of EMV data objects that occur in payment messages (EMV Book 3, annex A; contactless
//! kernel books for 9F6B, 9F6E, 9F7C), with their names.

/// Declares each tag once: constant, documentation and name.
macro_rules! tags {
    ($($constant:ident = $tag:literal, $name:literal;)*) => {
        $(#[doc = $name] pub const $constant: u32 = $tag;)*

        /// The name of a tag, or `None` of one not listed here.
        #[must_use]
        pub fn tag_name(tag: u32) -> Option<&'static str> {
            match tag {
                $($tag => Some($name),)*
                _ => None,
            }
        }
    };
}

tags! {
    ISSUER_IDENTIFICATION_NUMBER = 0x42, "Issuer identification number";
    AID_CARD = 0x4F, "Application identifier, card";
    APPLICATION_LABEL = 0x50, "Application label";
    TRACK_1_CARD = 0x56, "Track 1 data";
    TRACK_2_EQUIVALENT = 0x57, "Track 2 equivalent data";
    PAN = 0x5A, "Application PAN";
    CARDHOLDER_NAME = 0x5F20, "Cardholder name";
    EXPIRY = 0x5F24, "Application expiration date";
    EFFECTIVE_DATE = 0x5F25, "Application effective date";
    ISSUER_COUNTRY = 0x5F28, "Issuer country code";
    CURRENCY = 0x5F2A, "Transaction currency code";
    LANGUAGE_PREFERENCE = 0x5F2D, "Language preference";
    SERVICE_CODE = 0x5F30, "Service code";
    PAN_SEQUENCE = 0x5F34, "Application PAN sequence number";
    CURRENCY_EXPONENT = 0x5F36, "Transaction currency exponent";
    ISSUER_URL = 0x5F50, "Issuer URL";
    IBAN = 0x5F53, "International bank account number";
    BANK_IDENTIFIER = 0x5F54, "Bank identifier code";
    ISSUER_COUNTRY_ALPHA_2 = 0x5F55, "Issuer country code, two letters";
    ISSUER_COUNTRY_ALPHA_3 = 0x5F56, "Issuer country code, three letters";
    ACCOUNT_TYPE = 0x5F57, "Account type";
    APPLICATION_TEMPLATE = 0x61, "Application template";
    FCI_TEMPLATE = 0x6F, "File control information template";
    RECORD_TEMPLATE = 0x70, "Record template";
    SCRIPT_1 = 0x71, "Issuer script template 1";
    SCRIPT_2 = 0x72, "Issuer script template 2";
    DIRECTORY_TEMPLATE = 0x73, "Directory discretionary template";
    RESPONSE_TEMPLATE_2 = 0x77, "Response message template format 2";
    RESPONSE_TEMPLATE_1 = 0x80, "Response message template format 1";
    AMOUNT_BINARY = 0x81, "Amount, authorised, binary";
    AIP = 0x82, "Application interchange profile";
    COMMAND_TEMPLATE = 0x83, "Command template";
    DF_NAME = 0x84, "Dedicated file name";
    SCRIPT_COMMAND = 0x86, "Issuer script command";
    APPLICATION_PRIORITY = 0x87, "Application priority indicator";
    SHORT_FILE_IDENTIFIER = 0x88, "Short file identifier";
    AUTHORIZATION_CODE = 0x89, "Authorization code";
    RESPONSE_CODE = 0x8A, "Authorization response code";
    CDOL_1 = 0x8C, "Card risk management data object list 1";
    CDOL_2 = 0x8D, "Card risk management data object list 2";
    CVM_LIST = 0x8E, "Cardholder verification method list";
    CA_KEY_INDEX_CARD = 0x8F, "Certification authority public key index, card";
    ISSUER_KEY_CERTIFICATE = 0x90, "Issuer public key certificate";
    ISSUER_AUTHENTICATION = 0x91, "Issuer authentication data";
    ISSUER_KEY_REMAINDER = 0x92, "Issuer public key remainder";
    SIGNED_STATIC_DATA = 0x93, "Signed static application data";
    FILE_LOCATOR = 0x94, "Application file locator";
    TVR = 0x95, "Terminal verification results";
    TDOL = 0x97, "Transaction certificate data object list";
    TC_HASH = 0x98, "Transaction certificate hash value";
    PIN_DATA = 0x99, "Transaction PIN data";
    DATE = 0x9A, "Transaction date";
    TSI = 0x9B, "Transaction status information";
    TRANSACTION_TYPE = 0x9C, "Transaction type";
    DDF_NAME = 0x9D, "Directory definition file name";
    FCI_PROPRIETARY_TEMPLATE = 0xA5, "File control information proprietary template";
    ACQUIRER_IDENTIFIER = 0x9F01, "Acquirer identifier";
    AMOUNT = 0x9F02, "Amount, authorised";
    AMOUNT_OTHER = 0x9F03, "Amount, other";
    AMOUNT_OTHER_BINARY = 0x9F04, "Amount, other, binary";
    APPLICATION_DISCRETIONARY = 0x9F05, "Application discretionary data";
    AID_TERMINAL = 0x9F06, "Application identifier, terminal";
    APPLICATION_USAGE_CONTROL = 0x9F07, "Application usage control";
    VERSION_CARD = 0x9F08, "Application version number, card";
    VERSION_TERMINAL = 0x9F09, "Application version number, terminal";
    CARDHOLDER_NAME_EXTENDED = 0x9F0B, "Cardholder name, extended";
    IAC_DEFAULT = 0x9F0D, "Issuer action code, default";
    IAC_DENIAL = 0x9F0E, "Issuer action code, denial";
    IAC_ONLINE = 0x9F0F, "Issuer action code, online";
    ISSUER_APPLICATION_DATA = 0x9F10, "Issuer application data";
    CODE_TABLE_INDEX = 0x9F11, "Issuer code table index";
    PREFERRED_NAME = 0x9F12, "Application preferred name";
    LAST_ONLINE_ATC = 0x9F13, "Last online ATC register";
    LOWER_OFFLINE_LIMIT = 0x9F14, "Lower consecutive offline limit";
    MERCHANT_CATEGORY = 0x9F15, "Merchant category code";
    MERCHANT_IDENTIFIER = 0x9F16, "Merchant identifier";
    PIN_TRY_COUNTER = 0x9F17, "PIN try counter";
    SCRIPT_IDENTIFIER = 0x9F18, "Issuer script identifier";
    TERMINAL_COUNTRY = 0x9F1A, "Terminal country code";
    FLOOR_LIMIT = 0x9F1B, "Terminal floor limit";
    TERMINAL_IDENTIFICATION = 0x9F1C, "Terminal identification";
    TERMINAL_RISK_MANAGEMENT = 0x9F1D, "Terminal risk management data";
    INTERFACE_DEVICE_SERIAL = 0x9F1E, "Interface device serial number";
    TRACK_1_DISCRETIONARY = 0x9F1F, "Track 1 discretionary data";
    TRACK_2_DISCRETIONARY = 0x9F20, "Track 2 discretionary data";
    TIME = 0x9F21, "Transaction time";
    CA_KEY_INDEX_TERMINAL = 0x9F22, "Certification authority public key index, terminal";
    UPPER_OFFLINE_LIMIT = 0x9F23, "Upper consecutive offline limit";
    PAYMENT_ACCOUNT_REFERENCE = 0x9F24, "Payment account reference";
    LAST_4_DIGITS = 0x9F25, "Last four digits of PAN";
    CRYPTOGRAM = 0x9F26, "Application cryptogram";
    CRYPTOGRAM_INFORMATION = 0x9F27, "Cryptogram information data";
    PIN_KEY_CERTIFICATE = 0x9F2D, "ICC PIN encipherment public key certificate";
    PIN_KEY_EXPONENT = 0x9F2E, "ICC PIN encipherment public key exponent";
    PIN_KEY_REMAINDER = 0x9F2F, "ICC PIN encipherment public key remainder";
    ISSUER_KEY_EXPONENT = 0x9F32, "Issuer public key exponent";
    TERMINAL_CAPABILITIES = 0x9F33, "Terminal capabilities";
    CVM_RESULTS = 0x9F34, "Cardholder verification method results";
    TERMINAL_TYPE = 0x9F35, "Terminal type";
    ATC = 0x9F36, "Application transaction counter";
    UNPREDICTABLE_NUMBER = 0x9F37, "Unpredictable number";
    PDOL = 0x9F38, "Processing options data object list";
    ENTRY_MODE = 0x9F39, "Point-of-service entry mode";
    AMOUNT_REFERENCE_CURRENCY = 0x9F3A, "Amount, reference currency";
    APPLICATION_REFERENCE_CURRENCY = 0x9F3B, "Application reference currency";
    REFERENCE_CURRENCY = 0x9F3C, "Transaction reference currency code";
    REFERENCE_CURRENCY_EXPONENT = 0x9F3D, "Transaction reference currency exponent";
    ADDITIONAL_TERMINAL_CAPABILITIES = 0x9F40, "Additional terminal capabilities";
    SEQUENCE_COUNTER = 0x9F41, "Transaction sequence counter";
    APPLICATION_CURRENCY = 0x9F42, "Application currency code";
    APPLICATION_REFERENCE_EXPONENT = 0x9F43, "Application reference currency exponent";
    APPLICATION_CURRENCY_EXPONENT = 0x9F44, "Application currency exponent";
    DATA_AUTHENTICATION_CODE = 0x9F45, "Data authentication code";
    CARD_KEY_CERTIFICATE = 0x9F46, "ICC public key certificate";
    CARD_KEY_EXPONENT = 0x9F47, "ICC public key exponent";
    CARD_KEY_REMAINDER = 0x9F48, "ICC public key remainder";
    DDOL = 0x9F49, "Dynamic data authentication data object list";
    SDA_TAG_LIST = 0x9F4A, "Static data authentication tag list";
    SIGNED_DYNAMIC_DATA = 0x9F4B, "Signed dynamic application data";
    CARD_DYNAMIC_NUMBER = 0x9F4C, "ICC dynamic number";
    LOG_ENTRY = 0x9F4D, "Log entry";
    MERCHANT_NAME = 0x9F4E, "Merchant name and location";
    LOG_FORMAT = 0x9F4F, "Log format";
    TRANSACTION_CATEGORY = 0x9F53, "Transaction category code";
    SCRIPT_RESULTS = 0x9F5B, "Issuer script results";
    CVC3_TRACK_1 = 0x9F60, "CVC3, track 1";
    CVC3_TRACK_2 = 0x9F61, "CVC3, track 2";
    TERMINAL_QUALIFIERS = 0x9F66, "Terminal transaction qualifiers";
    TRACK_2_CONTACTLESS = 0x9F6B, "Track 2 data, contactless";
    CARD_QUALIFIERS = 0x9F6C, "Card transaction qualifiers";
    FORM_FACTOR = 0x9F6E, "Form factor indicator";
    CUSTOMER_EXCLUSIVE = 0x9F7C, "Customer exclusive data";
    FCI_ISSUER_DISCRETIONARY = 0xBF0C, "File control information issuer discretionary data";
}

/// Whether the value names the card or its holder, or proves that one has the card or knows its
/// PIN: what a masked dump must star.
#[must_use]
pub fn is_sensitive(tag: u32) -> bool {
    matches!(
        tag,
        PAN | LAST_4_DIGITS
            | IBAN
            | TRACK_1_CARD
            | TRACK_2_EQUIVALENT
            | TRACK_2_CONTACTLESS
            | TRACK_1_DISCRETIONARY
            | TRACK_2_DISCRETIONARY
            | CARDHOLDER_NAME
            | CARDHOLDER_NAME_EXTENDED
            | CVC3_TRACK_1
            | CVC3_TRACK_2
            | PIN_DATA
            // A script may set a new PIN.
            | SCRIPT_COMMAND
            // Whoever has the issuer's public key reads the PAN out of the card's certificates
            // (EMV Book 2, 6.4 and 7.1).
            | CARD_KEY_CERTIFICATE
            | PIN_KEY_CERTIFICATE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |tag, expect: Option<&str>| assert_eq!(tag_name(tag), expect);
        check(0x9F26, Some("Application cryptogram"));
        check(0x99, Some("Transaction PIN data"));
        check(0xBF0C, Some("File control information issuer discretionary data"));
        check(0x9F99, None);
    }

    #[test]
    fn card_data_is_sensitive() {
        for tag in [
            0x56, 0x57, 0x5A, 0x86, 0x99, 0x5F20, 0x5F53, 0x9F0B, 0x9F1F, 0x9F20, 0x9F25, 0x9F2D, 0x9F46,
            0x9F60, 0x9F61, 0x9F6B,
        ] {
            assert!(is_sensitive(tag), "{tag:X}");
        }
        for tag in [0x82, 0x95, 0x9F02, 0x9F10, 0x9F26, 0x9F36, 0x5F24, 0x5F34] {
            assert!(!is_sensitive(tag), "{tag:X}");
        }
    }
}
