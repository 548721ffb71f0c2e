//! Units are asked who they are, and taken out and back in by what they say.

use crate::bench::{Bench, PATIENCE, RIGHT_CVV, as_asked, ask_many, cvv_check, findings, settings};
use crate::unit::{Manner, OTHER_DIAGNOSIS, Unit, unit, unit_that_says};
use auth::CvvResult;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};
use switch::settings::PayShieldSettings;

fn watchful(units: Vec<SocketAddr>) -> PayShieldSettings {
    PayShieldSettings { health_interval: Duration::from_millis(50), ..settings(units) }
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_idle_connection_is_asked_again_and_again() {
    let unit = unit(&[Manner::Prompt]);
    let bench = Bench::pay_shield(watchful(vec![unit.address]));
    bench.wait_until_connected(1);
    wait_for("health checks of an idle unit", || unit.health_checks() >= 5);
    assert_eq!(unit.connections(), 1);
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Right));
    assert!(bench.counted("NC", "00"));
}

fn comes_back(unit: &Unit) {
    let bench = Bench::pay_shield(watchful(vec![unit.address]));
    wait_for("the unhealthy connection is given up", || unit.connections() == 2);
    bench.wait_until_connected(1);
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}

#[test]
fn a_unit_that_reports_an_error_is_taken_out_and_comes_back() {
    comes_back(&unit(&[Manner::Sick, Manner::Prompt]));
}

#[test]
fn a_unit_that_does_not_say_anything_is_taken_out_and_comes_back() {
    comes_back(&unit(&[Manner::Mute, Manner::Prompt]));
}

#[test]
fn a_unit_that_was_away_comes_by_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Accepts and answers nothing, as a unit that is starting.
    let bench = Bench::pay_shield(PayShieldSettings {
        deadline: Duration::from_millis(100),
        ..settings(vec![address])
    });
    let (first, _) = listener.accept().unwrap();
    let (second, _) = listener.accept().unwrap();
    drop((first, second));
    assert_eq!(bench.port.as_ref().unwrap().connected(), 0);
    let mut engine = listener.accept().unwrap().0;
    thread::spawn(move || {
        let mut request = [0; 8];
        std::io::Read::read_exact(&mut engine, &mut request).unwrap();
        std::io::Write::write_all(&mut engine, b"\x00\x210000ND0026860400000000009999-1234").unwrap();
        thread::sleep(PATIENCE);
    });
    bench.wait_until_connected(1);
}

#[test]
fn units_under_different_lmks_are_told() {
    let one = unit(&[Manner::Prompt]);
    let same = Bench::over_tcp(vec![one.address, unit(&[Manner::Prompt]).address], 1);
    same.wait_until_connected(2);
    assert_eq!(same.metric("turnout_hsm_lmk_differs"), Some(0));
    let other = unit_that_says(OTHER_DIAGNOSIS, &[Manner::Prompt]);
    let different = Bench::over_tcp(vec![one.address, other.address], 1);
    different.wait_until_connected(2);
    assert_eq!(different.metric("turnout_hsm_lmk_differs"), Some(1));
}
