//! Queues of the core are full at their capacity, and say so.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/one_card.rs"]
mod one_card;

use auth::limits::SUSPENDED_CAPACITY;
use auth::{Effect, Input, PinReference, Record, Ticket};
use card::ResponseCode;
use one_card::{all_right, full_request, step};

#[test]
fn one_request_more_than_may_wait_for_the_hsm_is_answered_96() {
    let pin = PinReference::Pvv { pvki: 1, pvv: *b"4321" };
    let mut core = one_card::core(bank::product("classic", "400000"), pin);
    let capacity = u32::try_from(SUSPENDED_CAPACITY).expect("a small number");
    let tickets: Vec<Ticket> = (0..capacity).map(|stan| asked(&step(&mut core, request(stan)))).collect();

    // Nothing is decided, so nothing is recorded, and the acquirer may try again.
    let effects = step(&mut core, request(capacity));
    let [Effect::Respond { response, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(response.code, ResponseCode::MALFUNCTION);
    assert_eq!(response.transaction, None);

    let answered = step(&mut core, Input::HsmReply { ticket: tickets[0], reply: all_right() });
    assert!(matches!(answered[..], [Effect::Record(Record::Decided(_)), Effect::Respond { .. }]));
    asked(&step(&mut core, request(capacity)));
}

fn request(stan: u32) -> Input {
    Input::Request(Box::new(full_request(stan)))
}

fn asked(effects: &[Effect]) -> Ticket {
    let [Effect::AskHsm { ticket, .. }] = effects else { panic!("{effects:?}") };
    *ticket
}
