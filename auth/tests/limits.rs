//! Queues of the core are full at their capacity, and say so; a tick does so much and no more.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/one_card.rs"]
mod one_card;

use auth::limits::{HOLDS_PER_TICK, SUSPENDED_CAPACITY};
use auth::{
    Account, AccountId, AccountKind, Core, Effect, HoldExpired, Input, PinReference, Record, Request, State,
    Ticket,
};
use card::{Currency, ResponseCode, Time};
use one_card::{all_right, full_request, step};

#[test]
fn one_request_more_than_may_wait_for_the_hsm_is_answered_96() {
    let mut core = core();
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

#[test]
fn holds_that_end_together_expire_over_several_ticks() {
    let mut core = core();
    for stan in 0..1_500 {
        hold(&mut core, stan);
    }
    let mut tick = || {
        let mut effects = Vec::new();
        core.step(Time::from_unix_ms(i64::MAX), Input::Tick, &mut effects);
        let expired = effects.iter().map(|effect| match effect {
            Effect::Record(Record::HoldExpired(HoldExpired { transaction, .. })) => transaction.number(),
            other => panic!("{other:?}"),
        });
        expired.collect::<Vec<u64>>()
    };

    let (first, second) = (tick(), tick());
    assert_eq!((first.len(), second.len()), (HOLDS_PER_TICK, 1_500 - HOLDS_PER_TICK));
    assert!([first, second].concat().is_sorted_by(|earlier, later| earlier < later));
    assert!(tick().is_empty());
    let balance = core.state().balance(&one_card::account()).expect("on file");
    assert_eq!(balance.available_minor, 10_000);
}

/// 15 digits on each of so many accounts are more than 64 bits hold.
#[test]
fn books_of_many_large_accounts_balance() {
    let mut state = State::default();
    let currency = Currency::parse("EUR").expect("ISO 4217");
    for index in 0..10_000 {
        state.apply(&Record::AccountStored(Account {
            id: AccountId::new(&format!("account-{index}")).expect("an account"),
            currency,
            kind: AccountKind::Default,
            opening_minor: 999_999_999_999_999,
            credit_line_minor: 0,
            customer: None,
            home: None,
            customer_home: None,
        }));
    }
    assert_eq!(state.trial_balance(currency), 0);
}

/// An authorization of 0.01 is approved.
fn hold(core: &mut Core, stan: u32) {
    let atc = u16::try_from(stan).expect("a small number") + 1;
    let request = Request { amount_minor: 1, chip: Some(bank::chip(18, atc, 1)), ..full_request(stan) };
    let ticket = asked(&step(core, Input::Request(Box::new(request))));
    let effects = step(core, Input::HsmReply { ticket, reply: all_right() });
    let [_, Effect::Respond { response, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(response.code, ResponseCode::APPROVED);
}

fn core() -> Core {
    let pin = PinReference::Pvv { pvki: 1, pvv: *b"4321" };
    one_card::core(bank::product("classic", "400000"), pin)
}

fn request(stan: u32) -> Input {
    Input::Request(Box::new(full_request(stan)))
}

fn asked(effects: &[Effect]) -> Ticket {
    let [Effect::AskHsm { ticket, .. }] = effects else { panic!("{effects:?}") };
    *ticket
}
