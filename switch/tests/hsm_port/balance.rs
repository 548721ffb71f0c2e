//! Who gets how much.

use crate::bench::{Bench, DEADLINE, RIGHT_CVV, as_asked, ask_many, cvv_check, findings, settings};
use crate::unit::{Manner, unit};
use switch::settings::PayShieldSettings;

#[test]
fn idle_units_take_turns_by_weight() {
    let units = [unit(&[Manner::Prompt]), unit(&[Manner::Prompt])];
    let mut settings = settings(units.iter().map(|unit| unit.address).collect());
    settings.units[0].weight = 3;
    settings.connections = 2;
    let bench = Bench::pay_shield(settings);
    bench.wait_until_connected(4);
    // One at a time, so that neither ever has anything to do.
    for ticket in 0..40 {
        bench.ask(ticket, cvv_check(RIGHT_CVV));
        bench.next();
    }
    assert_eq!((units[0].commands(), units[1].commands()), (30, 10));
}

#[test]
fn busy_units_have_as_much_under_way_as_their_weight_says() {
    let units = [unit(&[Manner::Silent]), unit(&[Manner::Silent])];
    let mut settings = settings(units.iter().map(|unit| unit.address).collect());
    settings.units[0].weight = 4;
    let bench = Bench::pay_shield(settings);
    bench.wait_until_connected(2);
    ask_many(&bench, 100);
    let outstanding = |unit: usize| {
        bench.metric(&format!("turnout_hsm_outstanding{{unit=\"{}\"}}", units[unit].address)).unwrap()
    };
    assert_eq!((outstanding(0), outstanding(1)), (80, 20));
}

#[test]
fn a_unit_that_takes_its_time_gets_less() {
    let (late, prompt) = (unit(&[Manner::Late(10)]), unit(&[Manner::Prompt]));
    let bench = Bench::pay_shield(PayShieldSettings {
        deadline: DEADLINE * 5,
        ..settings(vec![late.address, prompt.address])
    });
    bench.wait_until_connected(2);
    // Six under way at any time.
    ask_many(&bench, 6);
    for ticket in 6..300 {
        bench.next();
        bench.ask(ticket, cvv_check(RIGHT_CVV));
    }
    for _ in 0..6 {
        bench.next();
    }
    assert_eq!(late.commands() + prompt.commands(), 300);
    assert!(late.commands() * 3 < prompt.commands(), "{} {}", late.commands(), prompt.commands());
}

#[test]
fn the_rate_is_measured_against_the_licence() {
    let unit = unit(&[Manner::Prompt]);
    let mut settings = settings(vec![unit.address]);
    settings.units[0].licence_rate = 1000;
    let bench = Bench::pay_shield(settings);
    bench.wait_until_connected(1);
    ask_many(&bench, 50);
    assert_eq!(findings(&bench, 50), as_asked(50));
    let label = format!("{{unit=\"{}\"}}", unit.address);
    assert_eq!(bench.metric(&format!("turnout_hsm_licence_rate{label}")), Some(1000));
    bench
        .wait_for_metric(&format!("turnout_hsm_headroom{label}"), |headroom| (900..=970).contains(&headroom));
    // And back, once nothing is asked any more.
    bench.wait_for_metric(&format!("turnout_hsm_headroom{label}"), |headroom| headroom == 1000);
}
