//! One connection: replies find their commands, and what goes wrong costs no more than it must.

use crate::bench::{
    Bench, DEADLINE, PATIENCE, RIGHT_CVV, all_checks, as_asked, ask_many, cvv_check, findings, settings,
};
use crate::unit::{Manner, unit};
use auth::{CryptogramResult, CvvResult, PinResult, Ticket};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use switch::directory::Directory;
use switch::edge::hsm::{HsmJob, HsmPort};
use switch::metrics::Metrics;
use switch::settings::{HsmSettings, PayShieldSettings};
use switch::shards::Shards;
use tokio::runtime::Runtime;

#[test]
fn replies_out_of_order_find_their_commands() {
    let unit = unit(&[Manner::Backwards(50)]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 50);
    assert_eq!(findings(&bench, 50), as_asked(50));
}

#[test]
fn foreign_and_doubled_replies_are_passed_over() {
    let unit = unit(&[Manner::Mumbling]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 50);
    assert_eq!(findings(&bench, 50), as_asked(50));
    assert_eq!(unit.connections(), 1);
}

#[test]
fn a_broken_connection_is_made_again() {
    let unit = unit(&[Manner::Dying, Manner::Prompt]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(1, cvv_check(RIGHT_CVV));
    // The only unit there is has just died.
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    bench.wait_until_connected(1);
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}

#[test]
fn without_a_unit_nobody_waits() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for units in [vec![], vec![closed]] {
        let bench = Bench::over_tcp(units, 1);
        let begun = Instant::now();
        bench.ask(1, all_checks(RIGHT_CVV, 0));
        let (_, findings) = bench.next();
        assert!(begun.elapsed() < DEADLINE);
        assert_eq!((findings.pin, findings.cvv), (Some(PinResult::Failed), Some(CvvResult::Failed)));
        assert_eq!(findings.cryptogram, Some(CryptogramResult::Failed));
        assert!(bench.counted("DC", "unconnected"));
    }
}

#[test]
fn silence_ends_at_the_deadline_and_the_connection_with_it() {
    let unit = unit(&[Manner::Silent, Manner::Prompt]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    let begun = Instant::now();
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    assert!(begun.elapsed() >= DEADLINE);
    assert!(bench.counted("CY", "deadline"));
    let until = Instant::now() + PATIENCE;
    while unit.connections() < 2 {
        assert!(Instant::now() < until, "the silent connection was kept");
        thread::sleep(Duration::from_millis(1));
    }
    bench.wait_until_connected(1);
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}

#[test]
fn one_forgotten_command_does_not_cost_the_connection() {
    let unit = unit(&[Manner::Forgetful]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(0, cvv_check(RIGHT_CVV));
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!((bench.next().0, bench.next().0), (1, 0));
    bench.ask(2, cvv_check(RIGHT_CVV));
    bench.ask(3, cvv_check(RIGHT_CVV));
    assert_eq!((bench.next().0, bench.next().0), (3, 2));
    assert_eq!(unit.connections(), 1);
}

#[test]
fn room_that_a_forgotten_command_leaves_is_used() {
    let unit = unit(&[Manner::Forgetful]);
    let bench = Bench::pay_shield(PayShieldSettings { in_flight: 2, ..settings(vec![unit.address]) });
    bench.wait_until_connected(1);
    bench.ask(0, cvv_check(RIGHT_CVV));
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().0, 1);
    // The third is forgotten like the first, so the fourth has to wait until the first is given up.
    thread::sleep(DEADLINE / 2);
    bench.ask(2, cvv_check(RIGHT_CVV));
    bench.ask(3, cvv_check(RIGHT_CVV));
    let mut answers = findings(&bench, 3);
    assert_eq!(answers.remove(&3), Some(CvvResult::Right));
    assert_eq!(answers, [(0, CvvResult::Failed), (2, CvvResult::Failed)].into());
}

#[test]
fn a_reply_that_is_none_fails_its_command() {
    let unit = unit(&[Manner::Babbling]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    assert!(bench.counted("CY", "unreadable"));
}

#[test]
fn dropping_the_port_waits_for_the_units_answers() {
    let unit = unit(&[Manner::Backwards(25)]);
    let mut bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 100);
    bench.port = None;
    assert_eq!(findings(&bench, 100), as_asked(100));
}

#[test]
fn dropping_the_port_answers_what_waits_for_room() {
    let unit = unit(&[Manner::Late(1)]);
    let mut bench = Bench::pay_shield(PayShieldSettings {
        in_flight: 3,
        connections: 2,
        deadline: PATIENCE,
        ..settings(vec![unit.address])
    });
    bench.wait_until_connected(2);
    ask_many(&bench, 100);
    bench.port = None;
    assert_eq!(findings(&bench, 100), as_asked(100));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let unit = unit(&[Manner::Silent]);
    let bench = Bench::pay_shield(PayShieldSettings {
        in_flight: 20,
        queue: 100,
        deadline: PATIENCE,
        ..settings(vec![unit.address])
    });
    bench.wait_until_connected(1);
    let port = bench.port.as_ref().unwrap();
    let taken = || port.ask(HsmJob { shard: 0, ticket: Ticket(0), checks: cvv_check(RIGHT_CVV) }).is_ok();
    for number in 0..120 {
        assert!(taken(), "{number}");
    }
    assert!(!taken());
    let text = bench.metrics.render();
    assert!(text.contains("turnout_hsm_queue{lane=\"authorization\"} 100\n"), "{text}");
    assert!(text.contains(&format!("turnout_hsm_outstanding{{unit=\"{}\"}} 20\n", unit.address)), "{text}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let settings =
        |header_length| HsmSettings::PayShield(PayShieldSettings { header_length, ..settings(Vec::new()) });
    let start = |settings: &HsmSettings| {
        let shards = Arc::new(Shards::new(Vec::new(), Arc::new(Directory::new(1))));
        HsmPort::start(settings, shards, Arc::new(Metrics::new())).map(|_| ())
    };
    // Outside of a runtime, whatever the header.
    assert!(start(&settings(4)).is_err());
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    assert!(start(&settings(4)).is_ok());
    assert!(start(&settings(0)).is_err());
}
