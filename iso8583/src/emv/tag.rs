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
    SERVICE_CODE = 0x5F30, "Service code";
    PAN_SEQUENCE = 0x5F34, "Application PAN sequence number";
    SCRIPT_1 = 0x71, "Issuer script template 1";
    SCRIPT_2 = 0x72, "Issuer script template 2";
    AIP = 0x82, "Application interchange profile";
    DF_NAME = 0x84, "Dedicated file name";
    SCRIPT_COMMAND = 0x86, "Issuer script command";
    RESPONSE_CODE = 0x8A, "Authorization response code";
    CVM_LIST = 0x8E, "Cardholder verification method list";
    ISSUER_AUTHENTICATION = 0x91, "Issuer authentication data";
    TVR = 0x95, "Terminal verification results";
    DATE = 0x9A, "Transaction date";
    TSI = 0x9B, "Transaction status information";
    TRANSACTION_TYPE = 0x9C, "Transaction type";
    ACQUIRER_IDENTIFIER = 0x9F01, "Acquirer identifier";
    AMOUNT = 0x9F02, "Amount, authorised";
    AMOUNT_OTHER = 0x9F03, "Amount, other";
    AID_TERMINAL = 0x9F06, "Application identifier, terminal";
    APPLICATION_USAGE_CONTROL = 0x9F07, "Application usage control";
    VERSION_CARD = 0x9F08, "Application version number, card";
    VERSION_TERMINAL = 0x9F09, "Application version number, terminal";
    IAC_DEFAULT = 0x9F0D, "Issuer action code, default";
    IAC_DENIAL = 0x9F0E, "Issuer action code, denial";
    IAC_ONLINE = 0x9F0F, "Issuer action code, online";
    ISSUER_APPLICATION_DATA = 0x9F10, "Issuer application data";
    PREFERRED_NAME = 0x9F12, "Application preferred name";
    LAST_ONLINE_ATC = 0x9F13, "Last online ATC register";
    MERCHANT_CATEGORY = 0x9F15, "Merchant category code";
    MERCHANT_IDENTIFIER = 0x9F16, "Merchant identifier";
    PIN_TRY_COUNTER = 0x9F17, "PIN try counter";
    SCRIPT_IDENTIFIER = 0x9F18, "Issuer script identifier";
    TERMINAL_COUNTRY = 0x9F1A, "Terminal country code";
    TERMINAL_IDENTIFICATION = 0x9F1C, "Terminal identification";
    INTERFACE_DEVICE_SERIAL = 0x9F1E, "Interface device serial number";
    TRACK_1_DISCRETIONARY = 0x9F1F, "Track 1 discretionary data";
    TRACK_2_DISCRETIONARY = 0x9F20, "Track 2 discretionary data";
    TIME = 0x9F21, "Transaction time";
    CRYPTOGRAM = 0x9F26, "Application cryptogram";
    CRYPTOGRAM_INFORMATION = 0x9F27, "Cryptogram information data";
    TERMINAL_CAPABILITIES = 0x9F33, "Terminal capabilities";
    CVM_RESULTS = 0x9F34, "Cardholder verification method results";
    TERMINAL_TYPE = 0x9F35, "Terminal type";
    ATC = 0x9F36, "Application transaction counter";
    UNPREDICTABLE_NUMBER = 0x9F37, "Unpredictable number";
    ENTRY_MODE = 0x9F39, "Point-of-service entry mode";
    ADDITIONAL_TERMINAL_CAPABILITIES = 0x9F40, "Additional terminal capabilities";
    SEQUENCE_COUNTER = 0x9F41, "Transaction sequence counter";
    MERCHANT_NAME = 0x9F4E, "Merchant name and location";
    TRANSACTION_CATEGORY = 0x9F53, "Transaction category code";
    SCRIPT_RESULTS = 0x9F5B, "Issuer script results";
    TERMINAL_QUALIFIERS = 0x9F66, "Terminal transaction qualifiers";
    TRACK_2_CONTACTLESS = 0x9F6B, "Track 2 data, contactless";
    FORM_FACTOR = 0x9F6E, "Form factor indicator";
    CUSTOMER_EXCLUSIVE = 0x9F7C, "Customer exclusive data";
}

/// Whether the value names the card or its holder: what a masked dump must star.
#[must_use]
pub fn is_sensitive(tag: u32) -> bool {
    matches!(
        tag,
        PAN | TRACK_1_CARD
            | TRACK_2_EQUIVALENT
            | TRACK_2_CONTACTLESS
            | CARDHOLDER_NAME
            | TRACK_1_DISCRETIONARY
            | TRACK_2_DISCRETIONARY
            | SCRIPT_COMMAND
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(tag_name(0x9F26), Some("Application cryptogram"));
        assert_eq!(tag_name(0x9F99), None);
        assert!(is_sensitive(0x57) && !is_sensitive(0x9F26));
    }
}
