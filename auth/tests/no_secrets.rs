//! What the core is told and what it wants done can be logged: no card data shows, in any form.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/one_card.rs"]
mod one_card;

use auth::{
    AccountTerms, AddressDigits, CardChange, CardPut, CardStatus, Effect, HolderChange, HolderFacts,
    HolderName, HotChange, HotNotice, HotReason, HotSpan, IbmMethod, Input, LinkName, OrderKey, PinMethod,
    PinReference, PostalCode, Product, Provision, ProvisionTask, ProvisionTicket, Record, ReplyTo, Reversal,
    TokenChange, TokenTask, TransmissionTime,
};
use card::{Pan, ResponseCode, Stan, TerminalId};
use one_card::{CVV, LINK, PAN, TERMINAL, all_right, full_request, pan, step};
use std::fmt::Debug;
use std::sync::Arc;

const PVV: &[u8; 4] = b"5309";
const OFFSET: &[u8; 12] = b"7402FFFFFFFF";

#[test]
fn debug_of_requests_effects_and_records_shows_no_card_data() {
    for pin in PIN_REFERENCES {
        let mut core = one_card::core(product(pin), pin);
        let request = full_request(1);
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
    for pin in PIN_REFERENCES {
        assert_hidden(&Record::CardStored(one_card::card_on_file(pin)), &secrets());
        assert_hidden(&one_card::tables(product(pin)), &secrets());
    }
}

#[test]
fn debug_of_changes_of_the_card_base_shows_no_card_data() {
    for pin in PIN_REFERENCES {
        let mut core = one_card::core(product(pin), pin);
        let on_file = one_card::card_on_file(pin);
        let put = CardPut {
            pan: on_file.pan,
            expiry: Some(on_file.expiry),
            start: None,
            status: Some(CardStatus::Lost),
            card_sequence: None,
            pin: Some(pin),
            account: Some(on_file.account),
            terms: AccountTerms::default(),
            further: None,
            update: true,
        };
        let remove = CardChange::RemoveCard { pan: on_file.pan, with_account: false };
        let refused = CardChange::Put(Box::new(CardPut { update: false, ..put.clone() }));
        let changes = vec![refused, CardChange::Put(Box::new(put)), remove];
        let tasks = [
            ProvisionTask::Check(changes.clone()),
            ProvisionTask::Show(on_file.pan),
            ProvisionTask::Apply(changes),
        ];
        let mut effects = Vec::new();
        for task in tasks {
            let input = Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }));
            assert_hidden(&input, &secrets());
            effects.extend(step(&mut core, input));
        }
        assert_hidden(&effects, &secrets());
        let records = effects.iter().filter(|effect| matches!(effect, Effect::Record(_))).count();
        assert_eq!((records, effects.len()), (2, 5), "{effects:?}");
    }
}

/// Listed numbers, tokens and what is known of holders, as tasks, answers, records and pieces of a snapshot.
#[test]
fn debug_of_what_is_kept_beside_cards_shows_nothing_of_it() {
    let [pin, _] = PIN_REFERENCES;
    let mut core = one_card::core(product(pin), pin);
    let on_file = one_card::card_on_file(pin);
    let notice = HotNotice { reason: HotReason::Lost, code: ResponseCode::LOST, reward: None, until: None };
    let listed = HotChange { span: HotSpan::one(on_file.pan), notice: Some(notice) };
    let number = Pan::parse(b"4899001111111112").expect("16 digits");
    let put = TokenTask::Put { card: on_file.pan, expiry: on_file.expiry, status: None };
    let facts = HolderFacts {
        name: HolderName::read("Erika Muster"),
        address: AddressDigits::read("73155829 Long Road"),
        postal_code: PostalCode::read("SW1A 1AA"),
        order_key: OrderKey::new("U0123456789ABCDEF0123456789ABCDEF"),
    };
    let holder = HolderChange { pan: on_file.pan, facts: Some(facts) };
    let tasks = [
        ProvisionTask::ChangeTokens { changes: vec![TokenChange { number, task: put }], check: false },
        ProvisionTask::ChangeHolders { changes: vec![holder], check: false },
        ProvisionTask::ChangeHotList { changes: vec![listed], check: false },
    ];
    let hidden = |value: &dyn Debug| {
        assert_hidden(value, &secrets());
        let text = format!("{value:?}");
        for secret in ["4899001111111112", "ERIKA", "73155829", "SW1A1AA", "0123456789ABCDEF"] {
            assert!(!text.contains(secret), "{text}");
        }
    };
    let mut effects = Vec::new();
    for task in tasks {
        let input = Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }));
        hidden(&input);
        effects.extend(step(&mut core, input));
    }
    assert_eq!(effects.len(), 6, "{effects:?}");
    hidden(&effects);
    hidden(core.state());
    core.state().freeze().into_each(|element| hidden(element));
}

/// A record is sealed before it reaches a disk, and holds the PAN. The rest must not get that far.
#[test]
fn stored_form_of_a_decision_holds_no_track_pin_block_or_cvv() {
    let [pin, _] = PIN_REFERENCES;
    let mut core = one_card::core(product(pin), pin);
    let effects = step(&mut core, Input::Request(Box::new(full_request(1))));
    let [Effect::AskHsm { ticket, .. }] = effects[..] else { panic!("{effects:?}") };
    let mut checked = 0;
    for effect in step(&mut core, Input::HsmReply { ticket, reply: all_right() }) {
        let Effect::Record(record) = effect else { continue };
        let stored = serde_json::to_string(&record).expect("records have a stored form");
        let pan = std::str::from_utf8(PAN).expect("ASCII");
        assert!(stored.contains(pan), "the number is needed to find the card again");
        let block: [u8; 8] = bank::pin_block().reveal().try_into().expect("a block under TDES");
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
    let block: [u8; 8] = bank::pin_block().reveal().try_into().expect("a block under TDES");
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

fn reversal() -> Reversal {
    Reversal {
        reply_to: ReplyTo { connection: 1, slot: 1 },
        link: LinkName::new(LINK).expect("a link name"),
        terminal: TerminalId::new(TERMINAL).expect("a terminal identification"),
        pan: pan(),
        original_stan: Stan::new(1).expect("six digits"),
        original_transmission: TransmissionTime::default(),
        replacement_minor: None,
    }
}

/// The product that verifies PINs in the way of this reference value.
fn product(pin: PinReference) -> Product {
    let product = bank::product("classic", "400000");
    let PinReference::IbmOffset { .. } = pin else { return product };
    let method = IbmMethod {
        pvk: bank::key("pvk"),
        decimalisation_table: *b"0123456789012345",
        validation: *b"1234567N0000",
        check_length: 4,
    };
    Product { pin: Some(PinMethod::Ibm(Arc::new(method))), ..product }
}

const PIN_REFERENCES: [PinReference; 2] =
    [PinReference::Pvv { pvki: 1, pvv: *PVV }, PinReference::IbmOffset { offset: *OFFSET }];
