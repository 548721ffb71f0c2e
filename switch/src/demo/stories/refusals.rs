//! What is declined, and for which reason.

use crate::demo::site::{GAMBLING_MCC, LIMITED_MCC, REFERRED_MCC, SCORED_MCC, SHADOW_MCC, serial};
use crate::demo::stage::{Played, Stage, arpc};
use card::{Currency, Cvv, MerchantId, Pan, ResponseCode, ServiceCode, TerminalId, Track2};
use iso8583::field;
use serde_json::json;
use std::error::Error;
use terminal::{
    CardSimulator, ChipTransaction, CryptogramVersion, Pos, Presentment, TrackSource, corrupt_cryptogram,
};

pub(super) fn wrong_cvv(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let track2 = card.track2_with(&card.wrong_cvv());
    let presentment = Presentment { track2: Some(track2), ..Presentment::stripe(&card) };
    Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code.to_string())
}

/// Counterfeits: what was skimmed from the chip, on a stripe, where its iCVV gives it away; the same with the service
/// code under which that value is right, and likewise the printed value.
pub(super) fn chip_track_on_a_stripe(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let mut swipe = |stage: &mut Stage, track2: Track2| -> Result<_, Box<dyn Error>> {
        let presentment = Presentment { track2: Some(track2), ..Presentment::stripe(&card) };
        Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code)
    };
    let skimmed = swipe(stage, card.track2(TrackSource::Chip))?;
    let digits = card.track2(TrackSource::Chip);
    let icvv = Cvv::parse(&digits.reveal_discretionary()[5..8]).map_err(|_| "three digits")?;
    let relabelled = swipe(stage, card.track2_of(ServiceCode(*b"999"), &icvv))?;
    let printed = swipe(stage, card.track2_of(ServiceCode(*b"000"), card.printed_cvv()))?;
    Ok(format!("{skimmed}, under the code of its value {relabelled}, printed value {printed}"))
}

pub(super) fn wrong_pin(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let code = buy_with_wrong_pin(stage, &mut card)?;
    let unchanged = stage.balance(&mut line, &mut card)? == before;
    Ok(format!("{code}, balance {}", if unchanged { "unchanged" } else { "changed" }))
}

pub(super) fn pin_tries_exceeded(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(buy_with_wrong_pin(stage, &mut card)?.to_string());
    }
    let right = stage.buy(&mut line, &mut card, 10_00)?;
    Ok(format!("{}, then with the right PIN {}", codes.join(" "), right.code))
}

fn buy_with_wrong_pin(stage: &mut Stage, card: &mut CardSimulator) -> Result<ResponseCode, Box<dyn Error>> {
    let mut line = stage.pos()?;
    let block = stage.pos_pin(card, &card.wrong_pin());
    let presentment = stage.chip_and_pin(card, 10_00).with_pin(block);
    Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code)
}

pub(super) fn wrong_arqc(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut presentment = stage.chip_and_pin(&mut card, 10_00);
    if !presentment.icc.as_mut().is_some_and(|icc| corrupt_cryptogram(icc)) {
        return Err("the card signed nothing that could be altered".into());
    }
    let response = stage.buy_with(&mut line, 10_00, &presentment)?;
    Ok(format!("{}, {}", response.code, arpc(&card, response.issuer_authentication.as_deref())))
}

/// The second cryptogram is as good as the first, and its counter is not fresh.
pub(super) fn replayed_atc(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let first = stage.buy(&mut line, &mut card, 10_00)?;
    card.set_atc(card.atc() - 1);
    let second = stage.buy(&mut line, &mut card, 10_00)?;
    Ok(format!("{}, then {}", first.code, second.code))
}

pub(super) fn expired(stage: &mut Stage) -> Played {
    let card = stage.expired_card();
    refused(stage, card)
}

pub(super) fn lost(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::LOST);
    refused(stage, card)
}

pub(super) fn stolen(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::STOLEN);
    refused(stage, card)
}

pub(super) fn pick_up(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::PICK_UP);
    refused(stage, card)
}

pub(super) fn restricted(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::RESTRICTED);
    refused(stage, card)
}

pub(super) fn inactive(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::INACTIVE);
    refused(stage, card)
}

pub(super) fn unknown_card(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::NOT_ON_FILE);
    refused(stage, card)
}

pub(super) fn foreign_bin(stage: &mut Stage) -> Played {
    let card = stage.foreign_card()?;
    refused(stage, card)
}

/// The code of a purchase with everything right about it but the card, and whether the terminal keeps
/// the card.
fn refused(stage: &mut Stage, mut card: CardSimulator) -> Played {
    let mut line = stage.pos()?;
    let code = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(if code.is_capture() { format!("{code}, card kept") } else { code.to_string() })
}

pub(super) fn wrong_check_digit(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let presentment = Presentment::keyed(stage.mistyped_pan()?, card.expiry());
    Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code.to_string())
}

pub(super) fn unknown_terminal(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos.terminal = TerminalId::new(b"STRANGER").ok_or("eight letters are an identification")?;
    Ok(stage.buy(&mut line, &mut card, 10_00)?.code.to_string())
}

/// What the product allows, whatever the card's own state says.
pub(super) fn product_rules(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let dollars = line.pos.clone();
    line.pos.currency = Currency::parse("EUR")?;
    let euros = stage.buy(&mut line, &mut card, 10_00)?;
    line.pos = dollars;
    let keyed = Presentment::keyed(card.pan(), card.expiry()).with_pin(stage.pos_pin(&card, card.pin()));
    let message = line.pos.withdrawal(10_00, &keyed, &stage.trace())?;
    let cash = line.ask(&message)?;
    let chip = stage.chip(45_000, ChipTransaction::PURCHASE);
    let unsigned = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa10);
    let identified = stage.buy_with(&mut line, 45_000, &unsigned)?;
    let by_pin = stage.buy(&mut line, &mut card, 45_000)?;
    Ok(format!(
        "euros {}, keyed cash {}, 450.00 by chip {}, with PIN {}",
        euros.code, cash.code, identified.code, by_pin.code
    ))
}

/// What does not belong to the card: a number as no card of the scheme has, another number in the chip or on track 1,
/// and a month before the first one.
pub(super) fn card_data(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let number = card.pan().reveal();
    let mut longer = (0..10).filter_map(|digit| {
        let digits = format!("{}{digit}", number.as_str());
        Pan::parse(digits.as_bytes()).ok()
    });
    let longer = longer.find(Pan::has_valid_check_digit).ok_or("one of ten digits checks")?;
    let too_long = stage.buy_with(&mut line, 10_00, &Presentment::keyed(longer, card.expiry()))?.code;

    let other = stage.card().pan().reveal();
    let chip = stage.chip(10_00, ChipTransaction::PURCHASE);
    let mut presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa10);
    let tag = [[0x5A, 0x08].to_vec(), hex::decode(other.as_str())?].concat();
    presentment.icc = presentment.icc.map(|icc| [icc, tag].concat());
    let in_chip = stage.buy_with(&mut line, 10_00, &presentment)?.code;
    let track1 = format!("B{}^DEMO/CARD^49122010000000000000", other.as_str()).into_bytes();
    let further = vec![(field::TRACK_1, track1)];
    let stripe = Presentment { further, ..Presentment::stripe(&card) };
    let on_track = stage.buy_with(&mut line, 10_00, &stripe)?.code;

    let mut valid_from = |stage: &mut Stage, month: &str| {
        let change = json!({ "pan": number.as_str(), "start": month });
        let (status, answer) = stage.site().order("/v1/cards?update=true", &change)?;
        if status != 200 {
            return Err(format!("the switch refused the change: {answer}").into());
        }
        Ok::<_, Box<dyn Error>>(stage.buy(&mut line, &mut card, 10_00)?.code)
    };
    let (next, this) = (valid_from(stage, "4812")?, valid_from(stage, "2001")?);
    Ok(format!(
        "too long {too_long}; another number in the chip {in_chip}, on track 1 {on_track}; not valid yet {next}, \
         valid {this}"
    ))
}

pub(super) fn policy_rule(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { mcc: GAMBLING_MCC, merchant: MerchantId::new(b"LUCKY STRIKES"), ..line.pos };
    Ok(stage.buy(&mut line, &mut card, 10_00)?.code.to_string())
}

/// Every kind of rule that is not a plain decline: points that add up, an amount, a referral, and a decline
/// in shadow mode, which is counted.
pub(super) fn rules(stage: &mut Stage) -> Played {
    let played = [
        bought_at(stage, SCORED_MCC, 9_999)?,
        bought_at(stage, SCORED_MCC, 10_000)?,
        bought_at(stage, LIMITED_MCC, 50_00)?,
        bought_at(stage, LIMITED_MCC, 50_01)?,
        bought_at(stage, REFERRED_MCC, 10_00)?,
        bought_at(stage, SHADOW_MCC, 10_00)?,
    ];
    let [score_40, score_80, at_limit, over_limit, referred, shadow] = played;
    let counter = "turnout_rule_matches_total{rule=\"pawn-shops\",mode=\"shadow\"} ";
    let metrics = stage.site().metrics();
    let counted = metrics.lines().find_map(|line| line.strip_prefix(counter)).unwrap_or("0");
    Ok(format!(
        "score 40: {score_40}, 80: {score_80}; 50.00: {at_limit}, 50.01: {over_limit}; \
         referred {referred}; shadow {shadow}, counted {counted}"
    ))
}

/// The code of a purchase with a new card at a merchant of this category.
fn bought_at(stage: &mut Stage, mcc: u16, amount_minor: u32) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { mcc, ..line.pos };
    Ok(stage.buy(&mut line, &mut card, amount_minor)?.code.to_string())
}

pub(super) fn over_limit(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let over = stage.buy(&mut line, &mut card, 50_001)?;
    let at_limit = stage.buy(&mut line, &mut card, 50_000)?;
    Ok(format!("500.01: {}, 500.00: {}", over.code, at_limit.code))
}

pub(super) fn over_daily_count(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let mut codes = Vec::new();
    for _ in 0..11 {
        let block = stage.pos_pin(&card, card.pin());
        let chip = stage.chip(10_00, ChipTransaction::WITHDRAWAL);
        let presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa10).with_pin(block);
        let message = line.pos.withdrawal(10_00, &presentment, &stage.trace())?;
        codes.push(line.ask(&message)?.code);
    }
    let all_approved = codes[..10].iter().all(|code| code.is_approval());
    let ten = if all_approved { "00 ten times".to_owned() } else { format!("{:?}", &codes[..10]) };
    Ok(format!("{ten}, then {}", codes[10]))
}

pub(super) fn insufficient_funds(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card_of(serial::POOR));
    let over = stage.buy(&mut line, &mut card, 20_01)?;
    let all_there_is = stage.buy(&mut line, &mut card, 20_00)?;
    Ok(format!("20.01: {}, 20.00: {}", over.code, all_there_is.code))
}
