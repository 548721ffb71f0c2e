//! The HSM port: the same checks through the simulator in process, the simulator over TCP, and units
//! of our own making that answer late, out of order, twice, wrongly or not at all.

mod balance;
mod bench;
mod connections;
mod failover;
mod gate;
mod health;
mod soak;
mod unit;

use auth::{Checks, CryptogramResult, CvvResult, Key, PinResult};
use bench::{Bench, all_checks, cvv_check, pin_check, right_cvv};
use hsm_sim::{Engine, Lmk};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use switch::settings::HsmSettings;

fn checks_real_cryptography(bench: &Bench) {
    let right = right_cvv();
    let mut wrong = right;
    wrong[0] = if wrong[0] == b'9' { b'0' } else { wrong[0] + 1 };
    bench.ask(1, all_checks(&right, 0x62));
    let (ticket, findings) = bench.next();
    assert_eq!(ticket, 1);
    assert_eq!(findings.cvv, Some(CvvResult::Right));
    // Random bytes under a key are no PIN block.
    assert_eq!(findings.pin, Some(PinResult::BadBlock));
    let arpc = [0x76, 0x50, 0x3F, 0x48, 0, 0, 0, 0];
    assert_eq!(findings.cryptogram, Some(CryptogramResult::Right { arpc }));

    bench.ask(2, all_checks(&wrong, 0x63));
    let (ticket, findings) = bench.next();
    assert_eq!(ticket, 2);
    assert_eq!(findings.cvv, Some(CvvResult::Wrong));
    assert_eq!(findings.cryptogram, Some(CryptogramResult::Wrong));

    bench.ask(3, cvv_check(&right));
    let (_, findings) = bench.next();
    assert!(findings.pin.is_none() && findings.cryptogram.is_none());
    bench.ask(4, Checks::default());
    let (ticket, findings) = bench.next();
    assert!(ticket == 4 && findings.cvv.is_none());
    assert!(bench.counted("CY", "00") && bench.counted("CY", "01") && bench.counted("KW", "00"));
}

#[test]
fn in_process() {
    checks_real_cryptography(&Bench::new(&HsmSettings::Embedded { workers: 2 }));
}

#[test]
fn over_tcp_to_the_simulator() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(Engine::new(Lmk::public_test(), hsm_sim::Settings::default()));
    thread::spawn(move || hsm_sim::server::serve(&listener, &engine, hsm_sim::server::Limits::default()));
    let bench = Bench::over_tcp(vec![address], 2);
    bench.wait_until_connected(2);
    checks_real_cryptography(&bench);
}

#[test]
fn dropping_the_port_answers_what_was_handed_in() {
    let mut bench = Bench::new(&HsmSettings::Embedded { workers: 2 });
    for ticket in 0..200 {
        bench.ask(ticket, cvv_check(&right_cvv()));
    }
    bench.port = None;
    let mut answered: Vec<u64> = (0..200).map(|_| bench.next().0).collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_key_that_is_none_fails_alone() {
    let bench = Bench::new(&HsmSettings::Embedded { workers: 1 });
    let mut checks = cvv_check(&right_cvv());
    let mut pin = pin_check(*b"0000");
    pin.key.key = Arc::new(Key { name: "bad".into(), cryptogram: "no key".into() });
    checks.pin = Some(pin);
    bench.ask(1, checks);
    let (_, findings) = bench.next();
    assert_eq!((findings.pin, findings.cvv), (Some(PinResult::Failed), Some(CvvResult::Right)));
}
