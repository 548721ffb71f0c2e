//! The cardholder's proof: devices and PINs in several forms, changes of the PIN, and what an answer tells the
//! chip.

use crate::demo::site::{
    DUKPT_TERMINAL, KSN_FIELD, NEW_PIN_FIELD, PIN_CHANGE, PIN_UNBLOCK, UNATTENDED_TERMINAL,
};
use crate::demo::stage::{Played, PosLine, Stage, arpc};
use crate::edge::control::ControlClient;
use card::{PinBlock, ResponseCode, TerminalId};
use hsm_sim::{Pin, dukpt, pin};
use iso8583::field;
use serde_json::{Value, json};
use std::error::Error;
use std::thread;
use std::time::Duration;
use terminal::{CardSimulator, ChipTransaction, CryptogramVersion, PosResponse, Presentment};

/// CVR byte 2: a PIN, or what a device takes for one, was verified.
const VERIFIED: [u8; 3] = [0x04, 0, 0];

/// 9F34: a signature; nothing at all.
const SIGNATURE: [u8; 3] = [0x1E, 0x03, 0x00];
const NO_CVM: [u8; 3] = [0x1F, 0x03, 0x02];

/// 9F66 and 9F6C of a card that says that its device has verified the holder.
const DEVICE: ([u8; 4], [u8; 2]) = ([0x36, 0, 0x40, 0], [0x00, 0x80]);

/// 9F66 and 9F6C of a terminal and a card that stay together for the answer.
const STAYS: ([u8; 4], [u8; 2]) = ([0x36, 0, 0x80, 0], [0x00, 0x40]);

/// A contactless card at a terminal, and what is said of its holder.
struct Tap<'a> {
    line: &'a mut PosLine,
    card: &'a mut CardSimulator,
    qualifiers: Option<([u8; 4], [u8; 2])>,
    card_results: [u8; 3],
    with_pin: bool,
}

impl Tap<'_> {
    fn plain<'a>(line: &'a mut PosLine, card: &'a mut CardSimulator) -> Tap<'a> {
        Tap { line, card, qualifiers: None, card_results: [0; 3], with_pin: false }
    }

    fn buy(self, stage: &mut Stage, minor: u32) -> Result<PosResponse, Box<dyn Error>> {
        let chip = ChipTransaction {
            qualifiers: self.qualifiers,
            card_results: self.card_results,
            ..stage.chip(minor.into(), ChipTransaction::PURCHASE)
        };
        let tapped = Presentment::contactless(self.card, &chip, CryptogramVersion::Visa18);
        let block = stage.pos_pin(self.card, self.card.pin());
        let tapped = if self.with_pin { tapped.with_pin(block) } else { tapped };
        stage.buy_with(self.line, minor, &tapped)
    }
}

/// The limit without verification, and what lifts it; the other listener's network has 1A.
pub(super) fn contactless_limit(stage: &mut Stage) -> Played {
    let (mut line, mut other, mut card) = (stage.pos()?, stage.pos_bcd()?, stage.card());
    let (line, card) = (&mut line, &mut card);
    let small = Tap::plain(line, card).buy(stage, 50_00)?.code;
    let large = Tap::plain(line, card).buy(stage, 60_00)?.code;
    let elsewhere = Tap::plain(&mut other, card).buy(stage, 60_00)?.code;
    let claimed = Tap { qualifiers: Some(DEVICE), ..Tap::plain(line, card) }.buy(stage, 60_00)?.code;
    let device = Tap { qualifiers: Some(DEVICE), card_results: VERIFIED, ..Tap::plain(line, card) };
    let device = device.buy(stage, 60_00)?.code;
    let with_pin = Tap { with_pin: true, ..Tap::plain(line, card) }.buy(stage, 60_00)?.code;
    Ok(format!(
        "50.00: {small}, 60.00: {large} and {elsewhere}, claimed {claimed}, by device {device}, with PIN {with_pin}"
    ))
}

/// Three contactless purchases, and then a PIN.
pub(super) fn contactless_count(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(Tap::plain(&mut line, &mut card).buy(stage, 10_00)?.code.to_string());
    }
    let with_pin = stage.buy(&mut line, &mut card, 10_00)?.code;
    let again = Tap::plain(&mut line, &mut card).buy(stage, 10_00)?.code;
    Ok(format!("{}, with PIN {with_pin}, again {again}", codes.join(" ")))
}

/// A contactless card is told something only where both sides stay.
pub(super) fn contactless_update(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let gone = Tap::plain(&mut line, &mut card).buy(stage, 8_00)?;
    let gone = arpc(&card, gone.issuer_authentication.as_deref());
    let stays = Tap { qualifiers: Some(STAYS), ..Tap::plain(&mut line, &mut card) }.buy(stage, 8_00)?;
    Ok(format!("{gone}, staying: {}", arpc(&card, stays.issuer_authentication.as_deref())))
}

/// The chip of a purchase over the limit is told so under the issuer's cryptogram, by both methods.
pub(super) fn declined_with_arpc(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut told = Vec::new();
    for version in [CryptogramVersion::Visa10, CryptogramVersion::Visa18] {
        let chip = stage.chip(50_001, ChipTransaction::PURCHASE);
        let block = stage.pos_pin(&card, card.pin());
        let presentment = Presentment::chip(&mut card, &chip, version).with_pin(block);
        let response = stage.buy_with(&mut line, 50_001, &presentment)?;
        let arpc = arpc(&card, response.issuer_authentication.as_deref());
        told.push(format!("{}, {arpc}", response.code));
    }
    Ok(told.join("; "))
}

/// A terminal whose PIN blocks come under DUKPT.
pub(super) fn dukpt_pin(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos.terminal = TerminalId::new(DUKPT_TERMINAL.as_bytes()).ok_or("eight letters")?;
    let ksn = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x05];
    let key = dukpt::pin_key(&stage.site().keys().bdk, ksn);
    let serial = vec![(KSN_FIELD, hex::encode_upper(ksn).into_bytes())];
    let (right, wrong) = (card.pin().clone(), card.wrong_pin());
    let mut ask = |stage: &mut Stage, pin: &Pin, others: &[(u8, Vec<u8>)]| -> Result<_, Box<dyn Error>> {
        let block = card.pin_block(pin, &key);
        let presentment = stage.chip_and_pin(&mut card, 10_00).with_pin(block);
        let presentment = Presentment { further: others.to_vec(), ..presentment };
        Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code)
    };
    let wrong = ask(stage, &wrong, &serial)?;
    let without = ask(stage, &right, &[])?;
    let right = ask(stage, &right, &serial)?;
    Ok(format!("wrong {wrong}, without serial number {without}, right {right}"))
}

/// Three wrong PINs lock it, whoever keeps the card base lets the count begin anew.
pub(super) fn pin_tries_reset(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let locked = lock_by_wrong_pins(stage, &mut line, &mut card)?;
    post(stage, "/v1/pin-tries", &json!({ "pan": card.pan().reveal().as_str() }))?;
    let reset = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(format!("{locked}; reset, right {reset}"))
}

/// Three wrong PINs lock it until the product's time after the last one has passed.
pub(super) fn pin_tries_forgotten(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let locked = lock_by_wrong_pins(stage, &mut line, &mut card)?;
    // Nobody waits for a day here.
    stage.site().change_tables("pin_tries_reset = \"24h\"", "pin_tries_reset = \"1s\"")?;
    thread::sleep(Duration::from_millis(1100));
    let forgotten = stage.buy(&mut line, &mut card, 10_00)?.code;
    stage.site().change_tables("pin_tries_reset = \"1s\"", "pin_tries_reset = \"24h\"")?;
    Ok(format!("{locked}; later, right {forgotten}"))
}

/// Three wrong PINs and then the right one, with what each was answered.
fn lock_by_wrong_pins(stage: &mut Stage, line: &mut PosLine, card: &mut CardSimulator) -> Played {
    let mut codes = Vec::new();
    for _ in 0..3 {
        let block = stage.pos_pin(card, &card.wrong_pin());
        let presentment = stage.chip_and_pin(card, 10_00).with_pin(block);
        codes.push(stage.buy_with(line, 10_00, &presentment)?.code.to_string());
    }
    let locked = stage.buy(line, card, 10_00)?.code;
    Ok(format!("{}, right {locked}", codes.join(" ")))
}

/// What a chip is sold to who signs, or proves nothing: at a counter, and where nobody looks.
pub(super) fn signature_and_no_cvm(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut buy = |stage: &mut Stage, terminal: &str, minor: u32, cvm_results| -> Result<_, Box<dyn Error>> {
        line.pos.terminal = TerminalId::new(terminal.as_bytes()).ok_or("eight letters")?;
        let chip = ChipTransaction { cvm_results, ..stage.chip(minor.into(), ChipTransaction::PURCHASE) };
        let presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18);
        Ok(stage.buy_with(&mut line, minor, &presentment)?.code)
    };
    let signed = buy(stage, "DEMO0001", 60_00, SIGNATURE)?;
    let none = buy(stage, "DEMO0001", 60_00, NO_CVM)?;
    let small = buy(stage, UNATTENDED_TERMINAL, 25_00, NO_CVM)?;
    let large = buy(stage, UNATTENDED_TERMINAL, 25_01, NO_CVM)?;
    Ok(format!("signed {signed}, nothing {none}; unattended 25.00: {small}, 25.01: {large}"))
}

/// The holder chooses a new PIN.
pub(super) fn pin_change(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let (old, new) = (card.pin().clone(), Pin::parse(b"271828")?);
    let mut change = |stage: &mut Stage, from: &Pin, to: &Pin| -> Result<ResponseCode, Box<dyn Error>> {
        let block = stage.pos_pin(&card, to);
        let further = vec![(NEW_PIN_FIELD, hex::encode_upper(block.reveal()).into_bytes())];
        let presentment = stage.chip_and_pin(&mut card, 0).with_pin(stage.pos_pin(&card, from));
        let presentment = Presentment { further, ..presentment };
        let message = line.pos.service(PIN_CHANGE, &presentment, &stage.trace())?;
        Ok(line.ask(&message)?.code)
    };
    let wrong = change(stage, &new, &new)?;
    let right = change(stage, &old, &new)?;
    let buy = |stage: &mut Stage, line: &mut PosLine, card: &mut CardSimulator, pin: &Pin| {
        let presentment = stage.chip_and_pin(card, 10_00).with_pin(stage.pos_pin(card, pin));
        stage.buy_with(line, 10_00, &presentment).map(|response| response.code)
    };
    let by_old = buy(stage, &mut line, &mut card, &old)?;
    let by_new = buy(stage, &mut line, &mut card, &new)?;
    Ok(format!("from a wrong one {wrong}, changed {right}; by the old one {by_old}, by the new one {by_new}"))
}

/// The right PIN, keyed online, tells the chip to ask for it again; its next results confirm that.
pub(super) fn pin_unblock(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let presentment = stage.chip_and_pin(&mut card, 0);
    let message = line.pos.service(PIN_UNBLOCK, &presentment, &stage.trace())?;
    let response = line.ask(&message)?;
    let obeyed = obey(stage, &mut card, &response);
    let left = scripts(stage, &card)?;
    stage.buy(&mut line, &mut card, 10_00)?;
    Ok(format!(
        "{}, {obeyed}, then {left}; after the next purchase {}",
        response.code,
        scripts(stage, &card)?
    ))
}

/// A script of the administration: sent until the card tells that it was carried out.
pub(super) fn issuer_script(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let pan = card.pan().reveal().as_str().to_owned();
    post(stage, "/v1/scripts", &json!({ "pan": pan, "command": "block-application" }))?;
    // The first answer gets lost on its way to the card.
    let lost = stage.buy(&mut line, &mut card, 10_00)?;
    let again = stage.buy(&mut line, &mut card, 10_00)?;
    let mut altered = again.clone();
    if let Some(byte) = altered.script.as_mut().and_then(|script| script.last_mut()) {
        *byte ^= 1;
    }
    let forged = obey(stage, &mut card.clone(), &altered);
    let obeyed = obey(stage, &mut card, &again);
    let last = stage.buy(&mut line, &mut card, 10_00)?;
    let sent = [&lost, &again, &last].map(|answer| if answer.script.is_some() { "sent" } else { "not sent" });
    Ok(format!("{}; {obeyed}, altered {forged}; {}", sent.join(", "), scripts(stage, &card)?))
}

/// What the card says to a script.
fn obey(stage: &mut Stage, card: &mut CardSimulator, response: &PosResponse) -> String {
    let Some(template) = &response.script else { return "no script".to_owned() };
    match card.carry_out(template, &stage.site().keys().mk_smi) {
        Some(command) => format!("card obeys {}", hex::encode_upper(command)),
        None => "card refuses".to_owned(),
    }
}

/// How the card's scripts stand at the switch.
fn scripts(stage: &mut Stage, card: &CardSimulator) -> Result<String, Box<dyn Error>> {
    let shown = post(stage, "/v1/cards/show", &json!({ "pan": card.pan().reveal().as_str() }))?;
    let scripts = shown["scripts"].as_array().ok_or("a card without scripts")?;
    let states: Vec<&str> = scripts.iter().filter_map(|script| script["state"].as_str()).collect();
    Ok(if states.is_empty() { "none waits".to_owned() } else { states.join(" ") })
}

fn post(stage: &mut Stage, target: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
    let client = ControlClient::new(&stage.site().control_socket())?;
    let (status, answer) = client.post(target, body.to_string().into_bytes())?;
    if status == 200 {
        Ok(serde_json::from_slice(&answer)?)
    } else {
        Err(format!("{target}: {status}").into())
    }
}

/// ISO 9564-1 format 4: sixteen bytes under an AES key, in DE 52 as the listener's dialect has it.
pub(super) fn pin_format_4(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos_aes()?, stage.site().aes_issuer().card(0));
    let key = stage.site().keys().aes_zpk.clone();
    let block = |pin: &Pin| pin::encrypt_iso4(&key, pin, &card.pan(), [0x5A; 8]);
    let (right, wrong) = (block(card.pin()), block(&card.wrong_pin()));
    let mut altered = right;
    altered[15] ^= 1;
    let mut codes = Vec::new();
    for block in [right, wrong, altered, right] {
        let chip = stage.chip(10_00, ChipTransaction::PURCHASE);
        let presentment = Presentment {
            further: vec![(field::PIN_BLOCK, block.to_vec())],
            ..Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18)
        };
        codes.push(stage.buy_with(&mut line, 10_00, &presentment)?.code);
    }
    Ok(format!("right {}, wrong {}, altered {}, right {}", codes[0], codes[1], codes[2], codes[3]))
}

/// PIN blocks of formats 0, 1 and 3, each from a terminal of its own.
pub(super) fn pin_formats(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let filling = [0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0xAB, 0xCD];
    let blocks = [
        ("DEMO0072", pin::iso1_block(card.pin(), filling)),
        ("DEMO0073", pin::iso3_block(card.pin(), &card.pan(), filling)),
    ];
    let mut codes = vec![stage.buy(&mut line, &mut card, 10_00)?.code.to_string()];
    for (terminal, clear) in blocks {
        line.pos.terminal = TerminalId::new(terminal.as_bytes()).ok_or("eight letters")?;
        let block = PinBlock::new(stage.site().issuer().keys.zpk.encrypt(clear));
        let presentment = stage.chip_and_pin(&mut card, 10_00).with_pin(block);
        codes.push(stage.buy_with(&mut line, 10_00, &presentment)?.code.to_string());
    }
    Ok(format!("format 0 {}, format 1 {}, format 3 {}", codes[0], codes[1], codes[2]))
}
