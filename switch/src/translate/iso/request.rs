//! 01xx and 02xx to [`auth::Request`].

use super::{Origin, Refusal, amounts, conventions, elements, extras, icc, point_of_service};
use crate::settings::PinElements;
use crate::translate::chip::Objects;
use auth::{AccountType, Instruction, KeySerial, MessageClass, OnlinePin, Request, TransactionType};
use card::{Currency, Expiry, MerchantId, ResponseCode, Rrn, Track2};
use iso8583::{Message, field};
use zeroize::Zeroizing;

/// Reads a request; the first thing missing or illegal refuses it.
pub(super) fn read(
    message: &Message<'_>,
    class: MessageClass,
    origin: Origin<'_>,
) -> Result<Request, Refusal> {
    let icc = message.value(field::ICC);
    let icc = icc.as_deref().map_or(Ok(None), |value| icc::objects(message, value))?;
    let objects = icc.map(Objects::read).transpose()?;
    let conventions = origin.conventions;
    let (transaction, account_type, to_account_type) = processing_code(message, origin)?;
    let amount_minor = amount_minor(message, transaction)?;
    let verifies = conventions.zero_amount_verifies && amount_minor == 0;
    let transaction = match (transaction, class) {
        (TransactionType::Purchase, MessageClass::Authorization) if verifies => TransactionType::Verification,
        _ => transaction,
    };
    let track2 = elements::track2(message, objects.as_ref())?;
    let pan = elements::pan(message, track2.as_ref(), objects.as_ref())?;
    let currency = currency(message)?;
    let particulars = extras::usual(message, objects.as_ref(), &pan);
    Ok(Request {
        reply_to: origin.reply_to,
        link: origin.link,
        class,
        transaction,
        account_type,
        pan,
        expiry: expiry(message, track2.as_ref())?,
        card_sequence: card_sequence(message, objects.as_ref())?,
        amount_minor,
        currency,
        stan: elements::stan(message)?,
        rrn: rrn(message)?,
        transmission: elements::transmission(message)?,
        terminal: elements::terminal(message)?,
        merchant: merchant(message)?,
        mcc: small_number(message, field::MCC),
        country: small_number(message, field::ACQUIRER_COUNTRY),
        entry: point_of_service::entry(message, objects.as_ref(), conventions),
        point_of_service: point_of_service::place(message, objects.as_ref()),
        token: None,
        particulars,
        pin_block: online_pin(message, &origin.pins)?,
        new_pin: new_pin(message, transaction, &origin.pins)?,
        chip: objects.map(|objects| objects.chip()).transpose()?.map(Box::new),
        track2,
        cash: None,
        stated: amounts::stated(message)?,
        instruction: Instruction {
            to_account_type,
            cash_minor: match transaction {
                TransactionType::Cashback => conventions::cash_minor(message, currency)?,
                _ => 0,
            },
            original: conventions.reference(message)?,
            destination: match transaction {
                TransactionType::Transfer => conventions::destination(message)?,
                _ => None,
            },
            takes_partial: conventions.takes_partial(message),
        },
        // Which field has it is the listener's to say.
        one_time_code: None,
    })
}

/// DE 3: transaction type, the account that the money comes from, and the one it goes to.
fn processing_code(
    message: &Message<'_>,
    origin: Origin<'_>,
) -> Result<(TransactionType, AccountType, AccountType), Refusal> {
    let code = message.value(field::PROCESSING_CODE).ok_or(Refusal::missing(field::PROCESSING_CODE))?;
    let [type_1, type_2, from_1, from_2, to_1, to_2] = *code else {
        return Err(Refusal::illegal(field::PROCESSING_CODE, "not six digits"));
    };
    let Origin { conventions, pins, .. } = origin;
    let transaction = match Some([type_1, type_2]) {
        code if code == pins.change_code => TransactionType::PinChange,
        code if code == pins.unblock_code => TransactionType::PinUnblock,
        _ => conventions.transaction_type([type_1, type_2]),
    };
    let from = conventions.account_type([from_1, from_2]);
    Ok((transaction, from, conventions.account_type([to_1, to_2])))
}

/// DE 4; 0 where nothing is moved and there is none.
fn amount_minor(message: &Message<'_>, transaction: TransactionType) -> Result<i64, Refusal> {
    let Some(minor) = message.number(field::AMOUNT) else {
        let moves_none = matches!(
            transaction,
            TransactionType::BalanceInquiry
                | TransactionType::MiniStatement
                | TransactionType::Verification
                | TransactionType::PinChange
                | TransactionType::PinUnblock
        );
        return if moves_none { Ok(0) } else { Err(Refusal::missing(field::AMOUNT)) };
    };
    i64::try_from(minor).map_err(|_| Refusal::illegal(field::AMOUNT, "too large"))
}

/// DE 49, numeric or alphabetic. A number that no currency has is the core's to decline; letters that
/// none has cannot be put to it, so they are declined here, with its code.
fn currency(message: &Message<'_>) -> Result<u16, Refusal> {
    let text = message.value(field::CURRENCY).ok_or(Refusal::missing(field::CURRENCY))?;
    if let Some(number) = text.number() {
        return u16::try_from(number).map_err(|_| Refusal::illegal(field::CURRENCY, "too large"));
    }
    if !text.iter().all(u8::is_ascii_uppercase) {
        return Err(Refusal::illegal(field::CURRENCY, "neither three digits nor three capital letters"));
    }
    let known = text.as_str().and_then(|code| Currency::parse(code).ok());
    known.map(Currency::numeric).ok_or(Refusal {
        code: ResponseCode::INVALID_TRANSACTION,
        field: field::CURRENCY,
        reason: "no such currency",
    })
}

/// DE 14, else the expiry of track 2.
fn expiry(message: &Message<'_>, track2: Option<&Track2>) -> Result<Option<Expiry>, Refusal> {
    let Some(digits) = message.value(field::EXPIRY) else { return Ok(track2.and_then(Track2::expiry)) };
    let expiry = Expiry::parse_yymm(&digits);
    expiry.map(Some).map_err(|_| Refusal::illegal(field::EXPIRY, "no such month"))
}

/// DE 23, else tag 5F34.
fn card_sequence(message: &Message<'_>, objects: Option<&Objects<'_>>) -> Result<Option<u8>, Refusal> {
    match message.number(field::CARD_SEQUENCE) {
        Some(number @ 0..=99) => Ok(Some(number as u8)),
        Some(_) => Err(Refusal::illegal(field::CARD_SEQUENCE, "more than two digits")),
        None => objects.map_or(Ok(None), |objects| Ok(objects.card_sequence()?)),
    }
}

fn rrn(message: &Message<'_>) -> Result<Option<Rrn>, Refusal> {
    let Some(text) = message.value(field::RRN) else { return Ok(None) };
    Rrn::parse(&text).map(Some).map_err(|_| Refusal::illegal(field::RRN, "not 12 letters or digits"))
}

fn merchant(message: &Message<'_>) -> Result<Option<MerchantId>, Refusal> {
    let Some(text) = message.value(field::MERCHANT_ID) else { return Ok(None) };
    MerchantId::new(&text).map(Some).ok_or(Refusal::illegal(field::MERCHANT_ID, "not printable"))
}

/// DE 18 and 19; 0 when absent.
fn small_number(message: &Message<'_>, field: u8) -> u16 {
    message.number(field).and_then(|number| u16::try_from(number).ok()).unwrap_or(0)
}

/// DE 52, eight bytes, or sixteen under an AES key; under DUKPT with the serial number of its key.
fn online_pin(message: &Message<'_>, pins: &PinElements) -> Result<Option<OnlinePin>, Refusal> {
    let Some(bytes) = message.value(field::PIN_BLOCK) else { return Ok(None) };
    let pin = OnlinePin::new(&bytes).ok_or(Refusal::illegal(field::PIN_BLOCK, "neither 8 nor 16 bytes"))?;
    let Some(field) = pins.ksn_field else { return Ok(Some(pin)) };
    let illegal = Refusal::illegal(field, "no key serial number of DUKPT");
    let serial = message.value(field).map(|value| key_serial(&value).ok_or(illegal)).transpose()?;
    Ok(Some(OnlinePin { serial, ..pin }))
}

/// The block of the PIN that the holder chooses: in binary, or as hexadecimal digits.
fn new_pin(
    message: &Message<'_>,
    transaction: TransactionType,
    pins: &PinElements,
) -> Result<Option<OnlinePin>, Refusal> {
    let field = pins.new_pin_field.filter(|_| transaction == TransactionType::PinChange);
    let Some((field, value)) = field.and_then(|field| Some((field, message.value(field)?))) else {
        return Ok(None);
    };
    let illegal = Refusal::illegal(field, "neither 8 nor 16 bytes of a PIN block");
    let mut bytes = Zeroizing::new([0; 16]);
    let binary = match value.len() {
        length @ (16 | 32) if value.iter().all(u8::is_ascii_hexdigit) => {
            hex::decode_to_slice(&*value, &mut bytes[..length / 2]).map_err(|_| illegal)?;
            &bytes[..length / 2]
        }
        _ => &*value,
    };
    OnlinePin::new(binary).map(Some).ok_or(illegal)
}

/// A serial number in binary or as hexadecimal digits. Of a TDES key, leading bytes FF may be left out down to
/// eight bytes, as some terminals do.
fn key_serial(value: &[u8]) -> Option<KeySerial> {
    const FILLING: [u8; 2] = [0xFF; 2];
    let mut bytes = [0; 12];
    let binary = match value.len() {
        8 | 10 | 12 => value,
        length @ (16 | 20 | 24) => {
            hex::decode_to_slice(value, &mut bytes[..length / 2]).ok()?;
            &bytes[..length / 2]
        }
        _ => return None,
    };
    let filling = if binary.len() == 8 { &FILLING[..] } else { &[] };
    Some(filling.iter().chain(binary).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers() {
        let check = |value: &[u8], expect: Option<&str>| {
            assert_eq!(key_serial(value).map(hex::encode_upper).as_deref(), expect);
        };
        check(b"FFFF9876543210E00001", Some("FFFF9876543210E00001"));
        check(b"9876543210E00001", Some("FFFF9876543210E00001"));
        check(&[0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1], Some("FFFF9876543210E00001"));
        check(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1], Some("FFFF9876543210E00001"));
        check(b"123456789012345600000001", Some("123456789012345600000001"));
        check(b"9876543210E0000", None);
        check(b"9876543210E0000G", None);
        check(b"", None);
    }
}
