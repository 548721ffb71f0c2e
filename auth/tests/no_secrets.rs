//! What the core is told and what it wants done can be logged: no card data shows, in any form.

#[path = "support/bank.rs"]
mod bank;

use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, ChecksReply, Core, CryptogramResult, CvvResult,
    Effect, EntryMode, IbmMethod, Input, Link, LinkName, PinMethod, PinReference, PinResult, Product, Record,
    Request, Reversal, ShardIndex, Tables, TerminalSet, TransactionType, TransmissionTime,
};
use card::{Currency, Expiry, Pan, Stan, TerminalId, Time};
use std::fmt::Debug;
use std::sync::Arc;

/// No group of its digits occurs anywhere else in this test.
const PAN: &[u8] = b"4000003141592655";
const CVV: &str = "867";
const PVV: &[u8; 4] = b"5309";
const OFFSET: &[u8; 12] = b"7402FFFFFFFF";
const TERMINAL: &[u8] = b"POS00001";

#[test]
fn debug_of_requests_effects_and_records_shows_no_card_data() {
    for pin in [pvv(), ibm_offset()] {
        let mut core = core(&pin);
        let request = full_request();
        let secrets = secrets();
        let show = |what: &dyn Debug| assert_hidden(what, &secrets);
        show(&request);
        let input = Input::Request(Box::new(request));
        show(&input);
        let effects = step(&mut core, input);
        let [Effect::AskHsm { ticket, checks }] = &effects[..] else { panic!("{effects:?}") };
        assert!(checks.pin.is_some() && checks.cvv.is_some() && checks.cryptogram.is_some(), "{checks:?}");
        show(checks);
        show(&effects);
        // Everything that waits is inside.
        show(&core);

        let answered = step(&mut core, Input::HsmReply { ticket: *ticket, reply: all_right() });
        let [Effect::Record(record), Effect::Respond { response, .. }] = &answered[..] else {
            panic!("{answered:?}")
        };
        assert!(response.code.is_approval(), "{answered:?}");
        show(&answered);
        show(record);
        show(&core);

        let reversal = Input::Reversal(Box::new(reversal()));
        show(&reversal);
        let reversed = step(&mut core, reversal);
        assert!(matches!(reversed[..], [Effect::Record(Record::Reversed(_)), Effect::Respond { .. }]));
        show(&reversed);
    }
}

#[test]
fn debug_of_what_is_on_file_shows_no_card_data() {
    for pin in [pvv(), ibm_offset()] {
        assert_hidden(&Record::CardStored(card_on_file(&pin)), &secrets());
        assert_hidden(&tables(&pin), &secrets());
    }
}

/// A record is sealed before it reaches a disk, and holds the PAN. The rest must not get that far.
#[test]
fn stored_form_of_a_decision_holds_no_track_pin_block_or_cvv() {
    let mut core = core(&pvv());
    let effects = step(&mut core, Input::Request(Box::new(full_request())));
    let [Effect::AskHsm { ticket, .. }] = effects[..] else { panic!("{effects:?}") };
    let mut checked = 0;
    for effect in step(&mut core, Input::HsmReply { ticket, reply: all_right() }) {
        let Effect::Record(record) = effect else { continue };
        let stored = serde_json::to_string(&record).expect("records have a stored form");
        let pan = std::str::from_utf8(PAN).expect("ASCII");
        assert!(stored.contains(pan), "the number is needed to find the card again");
        let block = *bank::pin_block().reveal();
        for form in [written(&block), vec![CVV.to_owned(), format!("{pan}=")]].concat() {
            assert!(!stored.contains(&form), "`{form}` is stored");
        }
        checked += 1;
    }
    assert_eq!(checked, 1);
}

/// The test itself: each secret is found where it is not hidden.
#[test]
fn the_search_finds_what_is_shown() {
    let block = *bank::pin_block().reveal();
    let clear: [&dyn Debug; 5] =
        [&std::str::from_utf8(PAN).expect("ASCII"), &PAN, &block, &format!("{block:02X?}"), &CVV.as_bytes()];
    for shown in clear {
        let text = format!("{shown:?}");
        assert!(secrets().iter().any(|(_, form)| text.contains(form)), "{text} is not found");
    }
}

fn assert_hidden(what: &dyn Debug, secrets: &[(&str, String)]) {
    for text in [format!("{what:?}"), format!("{what:#?}"), format!("{what:x?}"), format!("{what:X?}")] {
        // Pretty printing puts each byte on a line of its own.
        let joined: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(", ]", "]");
        for (name, form) in secrets {
            assert!(!text.contains(form) && !joined.contains(form), "{name} shows as `{form}`");
        }
    }
}

/// Every secret in every form it could be written in.
fn secrets() -> Vec<(&'static str, String)> {
    let track = bank::track2(&pan(), CVV);
    let block = bank::pin_block();
    let cryptogram = bank::key("any").cryptogram.clone();
    let mut secrets = vec![("a key", cryptogram)];
    let parts: [(&str, &[u8]); 8] = [
        ("the PAN", PAN),
        // The middle digits, which a mask hides.
        ("the PAN's middle", &PAN[6..12]),
        ("the account number of the PIN block", &PAN[3..15]),
        ("the track", track.reveal()),
        ("the discretionary data", track.reveal_discretionary()),
        ("the PIN block", block.reveal()),
        ("the PVV", PVV),
        ("the IBM offset", &OFFSET[..4]),
    ];
    for (name, bytes) in parts {
        secrets.extend(written(bytes).into_iter().map(|form| (name, form)));
    }
    secrets.extend(written(CVV.as_bytes()).into_iter().map(|form| ("the CVV", form)));
    let number: String = String::from_utf8_lossy(PAN).trim_start_matches('0').to_owned();
    secrets.push(("the PAN as a number", format!("{:x}", number.parse::<u64>().expect("digits"))));
    secrets
}

/// Bytes as text (when they are text), as hexadecimal in both cases, and as lists the way `Debug`
/// writes a slice: `52, 48` in decimal, `34, 30` and `3C, 3c` in hexadecimal.
fn written(bytes: &[u8]) -> Vec<String> {
    let join = |format: fn(&u8) -> String, separator: &str| {
        bytes.iter().map(format).collect::<Vec<_>>().join(separator)
    };
    let upper: fn(&u8) -> String = |byte| format!("{byte:02X}");
    let lower: fn(&u8) -> String = |byte| format!("{byte:02x}");
    let mut forms = vec![
        join(upper, ""),
        join(lower, ""),
        join(ToString::to_string, ", "),
        join(|byte| format!("{byte:X}"), ", "),
        join(|byte| format!("{byte:x}"), ", "),
        join(upper, ", "),
        join(lower, ", "),
    ];
    if let Ok(text) = std::str::from_utf8(bytes) {
        forms.push(text.to_owned());
    }
    forms
}

/// Chip, track and PIN at once, so that the HSM is asked about everything.
fn full_request() -> Request {
    Request {
        entry: EntryMode::Fallback,
        expiry: Expiry::parse_yymm(bank::EXPIRY).ok(),
        transmission: TransmissionTime(615_120_000),
        track2: Some(bank::track2(&pan(), CVV)),
        pin_block: Some(bank::pin_block()),
        chip: Some(bank::chip(18, 1, 1200)),
        ..bank::purchase("pos", TERMINAL, pan(), 1, 1200)
    }
}

fn all_right() -> ChecksReply {
    ChecksReply {
        pin: Some(PinResult::Right),
        cvv: Some(CvvResult::Right),
        cryptogram: Some(CryptogramResult::Right { arpc: [0x11; 8] }),
    }
}

fn reversal() -> Reversal {
    Reversal {
        reply_to: auth::ReplyTo { connection: 1, slot: 1 },
        link: link(),
        terminal: TerminalId::new(TERMINAL).expect("a terminal identification"),
        pan: pan(),
        original_stan: Stan::new(1).expect("six digits"),
        original_transmission: TransmissionTime::default(),
        replacement_minor: None,
    }
}

fn core(pin: &PinReference) -> Core {
    let mut core = Core::new(ShardIndex(0), Arc::new(tables(pin)));
    core.replay(&Record::AccountStored(Account {
        id: account(),
        currency: Currency::parse("EUR").expect("ISO 4217"),
        kind: AccountKind::Default,
        opening_minor: 10_000,
        credit_line_minor: 0,
    }));
    core.replay(&Record::CardStored(card_on_file(pin)));
    core
}

fn tables(pin: &PinReference) -> Tables {
    let mut product: Product = bank::product("classic", "400000");
    if matches!(pin, PinReference::IbmOffset { .. }) {
        product.pin = Some(PinMethod::Ibm(Arc::new(IbmMethod {
            pvk: bank::key("pvk"),
            decimalisation_table: *b"0123456789012345",
            validation: *b"1234567N0000",
            check_length: 4,
        })));
    }
    let mut terminals = TerminalSet::default();
    let id = TerminalId::new(TERMINAL).expect("a terminal identification");
    terminals.listed.insert(id, bank::terminal(&[TransactionType::Purchase]));
    let mut tables = Tables { products: vec![product], ..Tables::default() };
    tables.links.insert(link(), Link { terminals, pin_key: None });
    tables
}

fn card_on_file(pin: &PinReference) -> Card {
    Card {
        pan: pan(),
        expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
        start: None,
        status: CardStatus::Active,
        card_sequence: None,
        account: account(),
        pin: Some(*pin),
    }
}

fn step(core: &mut Core, input: Input) -> Vec<Effect> {
    let mut effects = Vec::new();
    core.step(Time::from_unix_ms(1_781_524_800_000), input, &mut effects);
    effects
}

fn pvv() -> PinReference {
    PinReference::Pvv { pvki: 1, pvv: *PVV }
}

fn ibm_offset() -> PinReference {
    PinReference::IbmOffset { offset: *OFFSET }
}

fn pan() -> Pan {
    Pan::parse(PAN).expect("16 digits")
}

fn link() -> LinkName {
    LinkName::new("pos").expect("a link name")
}

fn account() -> AccountId {
    AccountId::new("main").expect("an account")
}
