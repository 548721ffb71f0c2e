//! A step asks for no memory once its tables have their size, with ten limits as without, and whatever the holder of the
//! card has chosen that moves no money of its own.

#[path = "support/bank.rs"]
mod bank;
#[expect(dead_code, reason = "its full request is not needed here")]
#[path = "support/one_card.rs"]
mod one_card;

use allocation_counter::measure;
use auth::{
    Bound, CardMode, ChecksReply, Effect, EntryMode, Filter, Input, Limit, LimitId, MessageClass, ModeOrder,
    PinReference, Product, Provision, ProvisionTask, ProvisionTicket, Request, Scope, Window,
};
use card::Time;
use one_card::{LINK, TERMINAL, all_right, core, pan};
use std::time::Duration;

#[test]
fn a_step_allocates_nothing() {
    let (most_minor, lift) = (1_000_000, None);
    let modes = [
        CardMode::Standard,
        CardMode::SingleLimit { most_minor, lift },
        CardMode::Locked { open_until: None },
    ];
    for (limits, mode) in
        [Vec::new(), limits()].into_iter().flat_map(|limits| modes.clone().map(|mode| (limits.clone(), mode)))
    {
        assert_rare(&allocations(Product { limits, ..bank::product("classic", "400000") }, 1, mode));
    }
}

#[test]
fn neither_does_a_decline_whose_answer_waits_for_its_arpc() {
    let product = Product { decline_csu: Some([0; 4]), ..bank::product("classic", "400000") };
    assert_rare(&allocations(product, 1_000_000_000, CardMode::Standard));
}

/// Tables double now and then; in between nobody asks for memory.
fn assert_rare(steps: &[u64]) {
    let growing = steps.iter().filter(|count| **count > 0).count();
    assert!(growing <= STEPS / 4, "{steps:?}");
}

/// Steps that are looked at, and those before them, in which tables get their first size.
const STEPS: usize = 64;
const WARM_UP: usize = 16;

/// Of each authorization from request to answer, the HSM's answers between.
fn allocations(product: Product, amount_minor: i64, mode: CardMode) -> Vec<u64> {
    let pin = PinReference::Pvv { pvki: 1, pvv: *b"1234" };
    let declined = product.decline_csu.is_some();
    let mut core = core(product, pin);
    let mut effects = Vec::with_capacity(8);
    let mut counts = Vec::with_capacity(STEPS);
    let is_locked = matches!(mode, CardMode::Locked { .. });
    let order = |order| {
        let task = ProvisionTask::ChangeMode { pan: pan(), order };
        Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
    };
    core.step(Time::from_unix_ms(1_781_524_800_000), order(ModeOrder::Set(mode)), &mut effects);
    for number in 1..=(WARM_UP + STEPS) as u32 {
        let request = Request {
            class: MessageClass::Financial,
            entry: EntryMode::Chip,
            chip: Some(bank::chip(18, number as u16, amount_minor)),
            merchant: card::MerchantId::new(b"CORNERSHOP"),
            ..bank::purchase(LINK, TERMINAL, pan(), number, amount_minor)
        };
        // A minute apart, so that days stay and parts of sliding windows come and go.
        let now = Time::from_unix_ms(1_781_524_800_000 + i64::from(number) * 60_000);
        if is_locked {
            core.step(
                now,
                order(ModeOrder::Unlock { until: now.plus(Duration::from_secs(1)) }),
                &mut effects,
            );
        }
        let input = Input::Request(Box::new(request));
        effects.clear();
        let counted = measure(|| {
            core.step(now, input, &mut effects);
            let Some(Effect::AskHsm { ticket, .. }) = effects.pop() else { panic!("not asked") };
            core.step(now, Input::HsmReply { ticket, reply: all_right() }, &mut effects);
            if declined {
                let Some(Effect::AskHsm { ticket, .. }) = effects.pop() else { panic!("no ARPC") };
                let reply = ChecksReply { cryptogram: all_right().cryptogram, ..ChecksReply::default() };
                core.step(now, Input::HsmReply { ticket, reply }, &mut effects);
            }
        });
        let Some(Effect::Record(auth::Record::Decided(made))) = effects.first() else {
            panic!("{effects:?}")
        };
        assert_eq!(made.code.is_approval(), !declined, "{:?}", made.receipt);
        if number as usize > WARM_UP {
            counts.push(counted.count_total);
        }
        // As the shard does once the record is written down.
        for effect in effects.drain(..) {
            if let Effect::Record(record) = effect {
                core.reuse(record);
            }
        }
    }
    counts
}

fn limits() -> Vec<Limit> {
    let sliding = |minutes| Window::sliding(Duration::from_mins(minutes)).expect("minutes");
    let all = [
        (Scope::Card, Window::TRANSACTION),
        (Scope::Card, Window::DAY),
        (Scope::Card, Window::WEEK),
        (Scope::Card, Window::MONTH),
        (Scope::Account, Window::YEAR),
        (Scope::Account, sliding(12)),
        (Scope::Terminal, sliding(60)),
        (Scope::Merchant, Window::DAY),
        (Scope::Product, Window::DAY),
        (Scope::Card, sliding(24)),
    ];
    let limit = |(place, (scope, window)): (usize, (Scope, Window))| {
        let name = format!("limit-{place}");
        let id = LimitId::of(&name);
        let bound =
            Bound { amount_minor: Some(1_000_000), count: (window != Window::TRANSACTION).then_some(1_000) };
        Limit { name, id, counter: id, number: 1, scope, window, bound, filter: Filter::default() }
    };
    all.into_iter().enumerate().map(limit).collect()
}
