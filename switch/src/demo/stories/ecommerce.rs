//! Cards that are listed, tokens in the place of cards, and purchases without the card.

use crate::demo::site::serial;
use crate::demo::stage::{Played, PosLine, Stage, arpc, money};
use card::{Expiry, Pan};
use hsm::{KeyScheme, KeyType, MacAlgorithm, MacPadding};
use hsm_sim::{ClearKey, Lmk, cvv, mac};
use iso8583::{Mti, field, parse};
use std::error::Error;
use terminal::{CardSimulator, ChipTransaction, CryptogramVersion, Intent, Presentment};

/// Of the demo's tokens: a device's number, whose chip is that of the card with this serial.
const DEVICE: u32 = 900_000_007;

/// What a message was answered: DE 39 and 44.
struct Answer {
    code: String,
    told: String,
}

/// The number is on the list and not on file; then a card on file comes onto it and goes off again.
pub(super) fn hot_list(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let unknown = stage.card_of(serial::NOT_ON_FILE);
    let entry =
        format!("{{\"pan\":\"{}\",\"reason\":\"stolen\",\"reward\":\"R50\"}}\n", clear(&unknown.pan()));
    stage.site().control("/v1/hot-list", &entry)?;
    let listed = ask(stage, &mut line, 10_00, &Presentment::stripe(&unknown))?;
    stage.site().control("/v1/hot-list/remove", &entry)?;
    let gone = ask(stage, &mut line, 10_00, &Presentment::stripe(&unknown))?;

    let entry = format!("{{\"pan\":\"{}\",\"reason\":\"counterfeit\"}}\n", clear(&card.pan()));
    stage.site().control("/v1/hot-list", &entry)?;
    let kept = stage.buy(&mut line, &mut card, 10_00)?.code;
    stage.site().control("/v1/hot-list/remove", &entry)?;
    let back = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(format!(
        "not on file and listed: {}, reward {}; off the list: {}; a card on file: {kept}, off again: {back}",
        listed.code, listed.told, gone.code
    ))
}

/// A telephone pays for its card: the number under the cryptogram is the device's, the money is the card's.
pub(super) fn token(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut device = stage.card_of(DEVICE);
    let expiry = device.expiry().to_yymm();
    let number = clear(&device.pan());
    let text = format!(
        "{{\"token\":\"{number}\",\"pan\":\"{}\",\"expiry\":\"{}\"}}\n",
        clear(&card.pan()),
        expiry.escape_ascii()
    );
    stage.site().control("/v1/tokens", &text)?;
    let before = stage.balance(&mut line, &mut card)?;
    let presentment = tap(stage, &mut device, 12_50);
    let trace = stage.trace();
    let message = line.pos.purchase(Intent::Post, 12_50, &presentment, &trace)?;
    let paid = line.ask(&message)?;
    let answer = arpc(&device, paid.issuer_authentication.as_deref()).replace("card", "device");
    let debited = before.ledger_minor - stage.balance(&mut line, &mut card)?.ledger_minor;

    let status = format!("{{\"token\":\"{number}\",\"status\":\"suspended\"}}\n");
    stage.site().control("/v1/tokens/status", &status)?;
    let presentment = tap(stage, &mut device, 12_50);
    let suspended = stage.buy_with(&mut line, 12_50, &presentment)?.code;
    let reversal = line.pos.reversal(Mti::REVERSAL_REQUEST, &message, None, &stage.trace())?;
    let reversed = line.ask(&reversal)?.code;
    Ok(format!(
        "{}, {answer}, debited {}, suspended {suspended}, reversed {reversed}",
        paid.code,
        money(debited)
    ))
}

fn tap(stage: &Stage, device: &mut CardSimulator, amount_minor: i64) -> Presentment {
    // Terminal and device stay together for the answer: 9F66 byte 3 bit 8, 9F6C byte 2 bit 7.
    let qualifiers = Some(([0x36, 0, 0x80, 0], [0x00, 0x40]));
    let chip = ChipTransaction { qualifiers, ..stage.chip(amount_minor, ChipTransaction::PURCHASE) };
    Presentment::contactless(device, &chip, CryptogramVersion::Visa18)
}

/// CVV2.
pub(super) fn printed_value(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let right = order(stage, &mut line, &card, &secured(&card))?;
    let wrong =
        [card.printed_cvv().reveal().map(|digit| b'0' + (digit - b'0' + 1) % 10).as_slice(), b"06"].concat();
    let wrong = order(stage, &mut line, &card, &[(48, wrong)])?;
    let keyed = ask(stage, &mut line, 10_00, &Presentment::keyed(card.pan(), card.expiry()))?;
    Ok(format!(
        "right {} {}, wrong {} {}, without proof {}",
        right.code, right.told, wrong.code, wrong.told, keyed.code
    ))
}

/// Street and postal code against what is on file.
pub(super) fn address(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let text = format!(
        "{{\"pan\":\"{}\",\"address\":\"Flat 3, 12 High St\",\"postal_code\":\"SW1A 1AA\"}}\n",
        clear(&card.pan())
    );
    stage.site().control("/v1/holders", &text)?;
    let mut told = Vec::new();
    for (street, postal_code) in
        [("312 HIGH STREET", "sw1a1aa"), ("312", "94105"), ("99 LOW ROAD", "SW1A 1AA"), ("99", "94105")]
    {
        let mut further = secured(&card);
        further.push((60, format!("{street:<20}{postal_code}").into_bytes()));
        let answer = order(stage, &mut line, &card, &further)?;
        told.push(format!("{} {}", answer.code, answer.told.trim_end_matches('M')));
    }
    Ok(told.join(", "))
}

/// The demo's product wants an attempt at least, and verifies the value of an authentication: in its first ten digits
/// stand four in the place of the expiry, three in that of the service code, and what comes of them.
pub(super) fn three_d_secure(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let made = cvv::cvv(&stage.site().keys().cvk_3ds, &card.pan(), b"8731", b"500");
    let value = |digits: &str| format!("{digits}{}{:0>30}", made.reveal().escape_ascii(), 1);
    let (right, altered) = (value("8731500"), value("8732500"));
    let mut codes = Vec::new();
    for told in ["07".to_owned(), "06".to_owned(), format!("05{right}"), format!("05{altered}")] {
        let value = [card.printed_cvv().reveal().as_slice(), told.as_bytes()].concat();
        codes.push(order(stage, &mut line, &card, &[(48, value)])?.code);
    }
    Ok(format!(
        "not authenticated {}, attempted {}, authenticated {}, value altered {}",
        codes[0], codes[1], codes[2], codes[3]
    ))
}

/// PIN-2: a code for one order, under a key of the card that the switch holds as the HSM gave it out.
pub(super) fn signed_order(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let key = ClearKey::double(b"one cardholder's").with_odd_parity();
    let under_lmk = Lmk::public_test().encrypt_key(KeyType::TAK, KeyScheme::U, &key)?.to_text();
    let text = format!("{{\"pan\":\"{}\",\"order_key\":\"{under_lmk}\"}}\n", clear(&card.pan()));
    stage.site().control("/v1/holders", &text)?;
    let signed = |amount_minor: u32, text: &str, line: &PosLine| -> Result<String, Box<dyn Error>> {
        let merchant = line.pos.merchant.map(|merchant| merchant.as_str().trim_end().to_owned());
        let terminal = line.pos.terminal.as_str().trim_end().to_owned();
        let message = format!("{amount_minor}|840|{}|{terminal}|{text}", merchant.unwrap_or_default());
        let code = mac::mac(&key, MacAlgorithm::Three, MacPadding::Marked, message.as_bytes())?;
        Ok(hex::encode_upper(code))
    };
    let code = signed(10_00, "2 books", &line)?;
    let mut codes = Vec::new();
    for (amount_minor, text) in [(10_00, "2 books"), (10_00, "3 books"), (11_00, "2 books")] {
        let further = vec![(48, b"   06".to_vec()), (62, format!("{code}{text}").into_bytes())];
        let presentment = Presentment::ordered(card.pan(), card.expiry(), further);
        codes.push(ask(stage, &mut line, amount_minor, &presentment)?.code);
    }
    Ok(format!("{}, another order {}, another amount {}", codes[0], codes[1], codes[2]))
}

/// One order an hour from one address of the net.
pub(super) fn order_velocity(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let mut codes = Vec::new();
    for address in ["192.0.2.7", "192.0.2.7", "2001:db8::7"] {
        let mut further = secured(&card);
        further.push((61, address.as_bytes().to_vec()));
        codes.push(order(stage, &mut line, &card, &further)?.code);
    }
    Ok(format!("{}, again from there {}, from elsewhere {}", codes[0], codes[1], codes[2]))
}

/// The right printed value, and a holder whose authentication was tried.
fn secured(card: &CardSimulator) -> Vec<(u8, Vec<u8>)> {
    vec![(48, [card.printed_cvv().reveal().as_slice(), b"06"].concat())]
}

fn order(
    stage: &mut Stage,
    line: &mut PosLine,
    card: &CardSimulator,
    further: &[(u8, Vec<u8>)],
) -> Result<Answer, Box<dyn Error>> {
    let expiry: Expiry = card.expiry();
    ask(stage, line, 10_00, &Presentment::ordered(card.pan(), expiry, further.to_vec()))
}

fn ask(
    stage: &mut Stage,
    line: &mut PosLine,
    amount_minor: u32,
    presentment: &Presentment,
) -> Result<Answer, Box<dyn Error>> {
    let trace = stage.trace();
    let message = line.pos.purchase(Intent::Post, u64::from(amount_minor), presentment, &trace)?;
    let frame = line.connection.ask(&message)?;
    let answer = parse(&frame, line.pos.dialect)?;
    let text = |number: u8| {
        let value = answer.value(number);
        value.map_or_else(String::new, |value| String::from_utf8_lossy(&value).into_owned())
    };
    Ok(Answer { code: text(field::RESPONSE_CODE), told: text(44).trim().to_owned() })
}

fn clear(pan: &Pan) -> String {
    pan.reveal().as_str().to_owned()
}
