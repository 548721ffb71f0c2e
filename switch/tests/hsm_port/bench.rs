//! A port with a shard behind it, and checks to hand in.

use auth::{
    Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CvvCheck, CvvResult, Input, Key, PinCheck,
    PinKey, PinKeyKind, PinVerification, Recipe, Ticket,
};
use card::{Cvv, Expiry, Pan, PinBlock, ServiceCode};
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Lmk, cvv};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use switch::directory::Directory;
use switch::edge::hsm::{HsmJob, HsmPort};
use switch::inbox::{Inbox, Message};
use switch::metrics::Metrics;
use switch::settings::{HsmSettings, PayShieldSettings, UnitSettings};
use switch::shards::Shards;
use tokio::runtime::Runtime;

pub(crate) const PAN: &[u8] = b"4000001234567899";
pub(crate) const DEADLINE: Duration = Duration::from_secs(1);
/// Far more than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A port with one shard behind it.
pub(crate) struct Bench {
    pub(crate) port: Option<HsmPort>,
    inbox: Arc<Inbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) runtime: Runtime,
}

impl Bench {
    pub(crate) fn new(settings: &HsmSettings) -> Bench {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let inbox = Arc::new(Inbox::default());
        let shards = Arc::new(Shards::new(vec![Arc::clone(&inbox)], Arc::new(Directory::new(1))));
        let metrics = Arc::new(Metrics::new());
        let port = HsmPort::start(settings, shards, Arc::clone(&metrics)).unwrap();
        drop(guard);
        Bench { port: Some(port), inbox, metrics, runtime }
    }

    pub(crate) fn over_tcp(units: Vec<SocketAddr>, connections: usize) -> Bench {
        Bench::pay_shield(PayShieldSettings { connections, ..settings(units) })
    }

    pub(crate) fn pay_shield(settings: PayShieldSettings) -> Bench {
        Bench::new(&HsmSettings::PayShield(settings))
    }

    pub(crate) fn ask(&self, ticket: u64, checks: Checks) {
        let job = HsmJob { shard: 0, ticket: Ticket(ticket), checks };
        assert!(self.port.as_ref().unwrap().ask(job).is_ok());
    }

    /// The next findings, with their ticket.
    pub(crate) fn next(&self) -> (u64, ChecksReply) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.poll() {
                Some(findings) => return findings,
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("no findings came");
    }

    /// The next findings, if they are there.
    pub(crate) fn poll(&self) -> Option<(u64, ChecksReply)> {
        match self.inbox.pop()? {
            Message::Input(Input::HsmReply { ticket: Ticket(ticket), reply }, _) => Some((ticket, reply)),
            _ => panic!("only HSM replies are expected"),
        }
    }

    pub(crate) fn wait_until_connected(&self, connections: usize) {
        let until = Instant::now() + PATIENCE;
        while self.port.as_ref().unwrap().connected() != connections {
            assert!(Instant::now() < until, "no unit connected");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the metrics hold this line; its end, a number, is judged by `is`.
    pub(crate) fn wait_for_metric(&self, line: &str, is: impl Fn(i64) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.metric(line).is_some_and(&is) {
            assert!(Instant::now() < until, "{line}\n{}", self.metrics.render());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The number behind this beginning of a line of the metrics.
    pub(crate) fn metric(&self, beginning: &str) -> Option<i64> {
        let text = self.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(beginning))?;
        value.trim().parse().ok()
    }

    pub(crate) fn counted(&self, command: &str, error: &str) -> bool {
        let text = self.metrics.render();
        text.lines()
            .any(|line| line.contains(&format!("\"{command}\"")) && line.contains(&format!("\"{error}\"")))
    }
}

pub(crate) fn settings(units: Vec<SocketAddr>) -> PayShieldSettings {
    let units = units.into_iter().map(UnitSettings::new).collect();
    PayShieldSettings { connections: 1, deadline: DEADLINE, ..PayShieldSettings::new(units) }
}

/// The value that our own units call right; everything else is wrong.
pub(crate) const RIGHT_CVV: &[u8; 3] = b"561";

pub(crate) fn key(kind: KeyType, byte: u8) -> Arc<Key> {
    let clear = ClearKey::double(&[byte; 16]);
    let cryptogram = Lmk::public_test().encrypt_key(kind, KeyScheme::U, &clear).unwrap().to_text();
    Arc::new(Key { name: "test".into(), cryptogram })
}

pub(crate) fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

pub(crate) fn cvv_check(value: &[u8; 3]) -> Checks {
    let check = CvvCheck {
        cvk: key(KeyType::CVK, 0x31),
        pan: pan(),
        expiry: Expiry::parse_yymm(b"3012").unwrap(),
        service_code: ServiceCode(*b"201"),
        cvv: Cvv::parse(value).unwrap(),
    };
    Checks { cvv: Some(check), ..Checks::default() }
}

pub(crate) fn pin_check(pvv: [u8; 4]) -> PinCheck {
    PinCheck {
        key: PinKey { key: key(KeyType::TPK, 0x32), kind: PinKeyKind::Tpk, format: *b"01" },
        block: PinBlock::new([0xA5; 8]).into(),
        pan: pan(),
        method: PinVerification::Pvv { pvk: key(KeyType::PVK, 0x34), pvki: 1, pvv },
        new_block: None,
    }
}

/// The example that pyemv documents for CVN 18, whose clear key is sixteen bytes AA. With odd
/// parity, which DES ignores and an HSM insists on, these are AB.
pub(crate) fn cryptogram_check(last: u8) -> CryptogramCheck {
    let bytes = "00000000999900000000000008408000048000084099123101\
                 52BF458518000FFF06011203A0B80080";
    CryptogramCheck {
        recipe: Recipe::named("Visa CVN 18").unwrap(),
        issuer_master_key: key(KeyType::MK_AC, 0xAB),
        pan: Pan::parse(b"1234567890123456").unwrap(),
        card_sequence: 0,
        atc: 0x0FFF,
        unpredictable_number: [0x52, 0xBF, 0x45, 0x85],
        transaction_bytes: hex::decode(bytes).unwrap().into_iter().collect(),
        cryptogram: [0x76, 0x95, 0x77, 0xB5, 0xAB, 0xE9, 0xFE, last],
        answer: CryptogramAnswer::Csu([0; 4]),
        verified: false,
    }
}

pub(crate) fn all_checks(cvv: &[u8; 3], arqc_last: u8) -> Checks {
    Checks { pin: Some(pin_check(*b"0000")), cryptogram: Some(cryptogram_check(arqc_last)), ..cvv_check(cvv) }
}

/// The CVV by the simulator's own function, without any command.
pub(crate) fn right_cvv() -> [u8; 3] {
    *cvv::cvv(&ClearKey::double(&[0x31; 16]), &pan(), b"3012", b"201").reveal()
}

/// Odd tickets ask for a wrong value.
pub(crate) fn ask_many(bench: &Bench, count: u64) {
    for ticket in 0..count {
        bench.ask(ticket, cvv_check(if ticket % 2 == 0 { RIGHT_CVV } else { b"999" }));
    }
}

pub(crate) fn findings(bench: &Bench, count: u64) -> BTreeMap<u64, CvvResult> {
    (0..count).map(|_| bench.next()).map(|(ticket, findings)| (ticket, findings.cvv.unwrap())).collect()
}

pub(crate) fn as_asked(count: u64) -> BTreeMap<u64, CvvResult> {
    (0..count)
        .map(|ticket| (ticket, if ticket % 2 == 0 { CvvResult::Right } else { CvvResult::Wrong }))
        .collect()
}
