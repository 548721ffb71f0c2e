//! Numbers of the data elements of ISO 8583:1987 that carry a meaning of their own here. The names
//! of all others are in the dialect's table: [`FieldSpec::name`](crate::FieldSpec).

/// DE 2, n..19: primary account number.
pub const PAN: u8 = 2;
/// DE 3, n6: transaction type, account from, account to, two digits each.
pub const PROCESSING_CODE: u8 = 3;
/// DE 4, n12: transaction amount in minor units of DE 49.
pub const AMOUNT: u8 = 4;
/// DE 5, n12: amount in minor units of the settlement currency, DE 50.
pub const AMOUNT_SETTLEMENT: u8 = 5;
/// DE 6, n12: amount in minor units of the cardholder's currency, DE 51.
pub const AMOUNT_BILLING: u8 = 6;
/// DE 7, n10: MMDDhhmmss in UTC at which the sender sent the message.
pub const TRANSMISSION_TIME: u8 = 7;
/// DE 9, n8: conversion rate to the settlement currency; the first digit counts decimals.
pub const CONVERSION_RATE_SETTLEMENT: u8 = 9;
/// DE 10, n8: conversion rate to the cardholder's currency; the first digit counts decimals.
pub const CONVERSION_RATE_BILLING: u8 = 10;
/// DE 11, n6: system trace audit number.
pub const STAN: u8 = 11;
/// DE 12, n6: hhmmss at the terminal.
pub const LOCAL_TIME: u8 = 12;
/// DE 13, n4: MMDD at the terminal.
pub const LOCAL_DATE: u8 = 13;
/// DE 14, n4: card expiry, YYMM.
pub const EXPIRY: u8 = 14;
/// DE 15, n4: settlement date, MMDD.
pub const SETTLEMENT_DATE: u8 = 15;
/// DE 17, n4: capture date, MMDD.
pub const CAPTURE_DATE: u8 = 17;
/// DE 18, n4: merchant category code.
pub const MCC: u8 = 18;
/// DE 19, n3: country of the acquirer, ISO 3166 numeric.
pub const ACQUIRER_COUNTRY: u8 = 19;
/// DE 22, n3: point-of-service entry mode: PAN entry (two digits) and PIN entry capability.
pub const POS_ENTRY_MODE: u8 = 22;
/// DE 23, n3: card sequence number.
pub const CARD_SEQUENCE: u8 = 23;
/// DE 24, n3: network international identifier, or function code.
pub const NETWORK_ID: u8 = 24;
/// DE 25, n2: point-of-service condition code.
pub const POS_CONDITION: u8 = 25;
/// DE 26, n2: largest number of PIN digits the terminal takes.
pub const PIN_CAPTURE: u8 = 26;
/// DE 28, x+n8: fee on the transaction.
pub const FEE: u8 = 28;
/// DE 32, n..11: identification of the acquirer.
pub const ACQUIRER_ID: u8 = 32;
/// DE 33, n..11: identification of the institution that forwards.
pub const FORWARDING_ID: u8 = 33;
/// DE 34, ns..28: extended PAN.
pub const EXTENDED_PAN: u8 = 34;
/// DE 35, z..37: track 2.
pub const TRACK_2: u8 = 35;
/// DE 36, z...104: track 3.
pub const TRACK_3: u8 = 36;
/// DE 37, an12: retrieval reference number.
pub const RRN: u8 = 37;
/// DE 38, an6: authorization identification.
pub const AUTHORIZATION_ID: u8 = 38;
/// DE 39, an2: response code.
pub const RESPONSE_CODE: u8 = 39;
/// DE 41, ans8: terminal identification.
pub const TERMINAL_ID: u8 = 41;
/// DE 42, ans15: card acceptor (merchant) identification.
pub const MERCHANT_ID: u8 = 42;
/// DE 43, ans40: card acceptor name and location.
pub const MERCHANT_NAME: u8 = 43;
/// DE 44, an..25: additional response data.
pub const ADDITIONAL_RESPONSE: u8 = 44;
/// DE 45, ans..76: track 1.
pub const TRACK_1: u8 = 45;
/// DE 48, ans...999: additional private data.
pub const ADDITIONAL_PRIVATE: u8 = 48;
/// DE 49, a3 or n3: currency of the transaction.
pub const CURRENCY: u8 = 49;
/// DE 50, a3 or n3: currency of settlement.
pub const CURRENCY_SETTLEMENT: u8 = 50;
/// DE 51, a3 or n3: currency of the cardholder's account.
pub const CURRENCY_BILLING: u8 = 51;
/// DE 52, b64: encrypted PIN block.
pub const PIN_BLOCK: u8 = 52;
/// DE 53, n16: security related control information.
pub const SECURITY_CONTROL: u8 = 53;
/// DE 54, an...120: additional amounts (balances), 20 characters each.
pub const ADDITIONAL_AMOUNTS: u8 = 54;
/// DE 55: chip data, BER-TLV; see [`crate::emv`].
pub const ICC: u8 = 55;
/// DE 60 to 63, ans...999: private.
pub const PRIVATE_60: u8 = 60;
/// DE 61: private.
pub const PRIVATE_61: u8 = 61;
/// DE 62: private.
pub const PRIVATE_62: u8 = 62;
/// DE 63: private.
pub const PRIVATE_63: u8 = 63;
/// DE 64, b64: message authentication code, when no data element above 64 is present.
pub const MAC: u8 = 64;
/// DE 70, n3: 001 sign-on, 002 sign-off, 101 or 161 key exchange, 201 cutover, 301 echo.
pub const NETWORK_MANAGEMENT_CODE: u8 = 70;
/// DE 90, n42: MTI, STAN, transmission time, acquirer and forwarder of the original message.
pub const ORIGINAL_DATA: u8 = 90;
/// DE 95, an42: replacement amounts of a partial reversal.
pub const REPLACEMENT_AMOUNTS: u8 = 95;
/// DE 96, b64: message security code.
pub const MESSAGE_SECURITY: u8 = 96;
/// DE 100, n..11: identification of the receiving institution.
pub const RECEIVING_ID: u8 = 100;
/// DE 102, ans..28: account from.
pub const ACCOUNT_FROM: u8 = 102;
/// DE 103, ans..28: account to.
pub const ACCOUNT_TO: u8 = 103;
/// DE 128, b64: message authentication code, when a data element above 64 is present.
pub const MAC_SECONDARY: u8 = 128;
