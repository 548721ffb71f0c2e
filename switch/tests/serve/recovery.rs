//! `kill -9` under load, several times over: everything that was acknowledged is there afterwards,
//! nothing twice, and every balance is the sum of its records.

use crate::{Acknowledged, CARDS, Connection, LoadTerminal, Running, Site, TERMINALS, wait_until};
use card::{Currency, ResponseCode};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use switch::{config, history, recovery};

/// Rounds of serving and killing. The switch is killed after so many answers of a round, a different
/// number each time, so that the blow falls at different moments of a batch.
const KILL_AFTER: [usize; 5] = [37, 150, 1, 301, 88];

/// What `init` opens each account with.
const OPENING_MINOR: i64 = 100_000;

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&folder.path().join("site"));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let terminals: Vec<Arc<Mutex<LoadTerminal>>> =
        (0..TERMINALS).map(|number| Arc::new(Mutex::new(LoadTerminal::new(number, &site.issuer)))).collect();

    for kill_after in KILL_AFTER {
        let mut server = Running::start(&site.config);
        let answered = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = terminals
            .iter()
            .map(|terminal| {
                let (terminal, answered) = (Arc::clone(terminal), Arc::clone(&answered));
                let (acknowledged, address) = (Arc::clone(&acknowledged), server.address);
                std::thread::spawn(move || terminal.lock().unwrap().load(address, &answered, &acknowledged))
            })
            .collect();
        wait_until(|| answered.load(Ordering::Relaxed) >= kill_after, "the switch answers");
        server.kill();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() >= KILL_AFTER.iter().sum(), "the load was real: {}", acknowledged.len());
    check_books(&site, &acknowledged);
    a_repeat_after_the_kill_is_answered_alike(&site, &acknowledged[acknowledged.len() - 1]);
}

/// Every acknowledged answer has its record, and money follows from the records alone.
fn check_books(site: &Site, acknowledged: &[Acknowledged]) {
    let settings = config::load(&site.config).unwrap();
    let entries = history::read(&settings, &transaction_store::Filter::default()).unwrap();
    let mut by_rrn: HashMap<String, ResponseCode> = HashMap::new();
    let mut debited: BTreeMap<String, i64> = BTreeMap::new();
    for entry in &entries {
        let rrn = entry.rrn.clone().unwrap();
        assert!(by_rrn.insert(rrn.clone(), entry.code).is_none(), "{rrn} was recorded twice");
        if let Some(account) = &entry.account {
            *debited.entry(account.clone()).or_default() += entry.standing_minor;
        }
    }
    for answer in acknowledged {
        let recorded = by_rrn.get(&answer.rrn);
        assert_eq!(recorded, Some(&answer.code), "{} was acknowledged", answer.rrn);
    }
    let state = recovery::load_state(&settings).unwrap();
    let mut seen = 0;
    for card in state.cards_in_order() {
        let balance = state.balance(&card.account).unwrap();
        let debit = debited.get(card.account.as_str()).copied().unwrap_or(0);
        assert_eq!(balance.ledger_minor, OPENING_MINOR - debit, "account {}", card.account);
        assert_eq!(balance.available_minor, balance.ledger_minor, "purchases hold nothing");
        seen += 1;
    }
    assert_eq!(seen, CARDS);
    assert!(debited.values().sum::<i64>() > 0, "money has moved");
    assert_eq!(state.trial_balance(Currency::parse("USD").unwrap()), 0);
    println!("{} acknowledged, {} recorded, all there", acknowledged.len(), entries.len());
}

fn a_repeat_after_the_kill_is_answered_alike(site: &Site, answer: &Acknowledged) {
    let settings = config::load(&site.config).unwrap();
    let before = history::read(&settings, &transaction_store::Filter::default()).unwrap().len();
    let server = Running::start(&site.config);
    let mut connection = Connection::open(server.address).unwrap();
    connection.send(&answer.request).unwrap();
    assert_eq!(connection.receive().unwrap(), answer.response);
    drop(server);
    assert_eq!(
        history::read(&settings, &transaction_store::Filter::default()).unwrap().len(),
        before,
        "a repeat records nothing"
    );
}
