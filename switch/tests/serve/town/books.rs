//! The switch's books against those of its terminals, once all is over: from its own journal.

use super::cash_machine::{CashMachine, Replied};
use super::till::{Standing, Till};
use super::{CARDS, OPENING_MINOR};
use crate::Site;
use auth::TransactionStatus;
use card::{Currency, Pan};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;
use switch::{config, history, recovery};
use transaction_store::{Entry, Filter};

/// Every acknowledged answer has its record, once; nothing is recorded that nobody asked for; and money
/// follows from the records alone. Returns how many transactions there are.
pub(crate) fn check(site: &Site, tills: &[&Till], machines: &[CashMachine]) -> usize {
    let settings = config::load(&site.config).unwrap();
    let entries = history::read(&settings, &Filter::default()).unwrap();
    check_tills(&entries, tills);
    for machine in machines {
        check_machine(&entries, machine);
    }
    check_accounts(site, tills, machines);
    entries.len()
}

/// The books of a past moment: see [`super::Town::check_past`].
pub(crate) fn check_past(site: &Site, tills: &[&Till], begun: Instant, ended: Instant) -> usize {
    let settings = config::load(&site.config).unwrap();
    let entries = history::read(&settings, &Filter::default()).unwrap();
    let by_rrn: HashMap<String, &Entry> =
        entries.iter().filter_map(|entry| Some((entry.rrn.clone()?, entry))).collect();
    // Cards of which something was asked that is not there.
    let mut over: HashSet<u32> = HashSet::new();
    for asked in tills.iter().flat_map(|till| till.entries()) {
        let Some(answer) = asked.decided() else { continue };
        let rrn = asked.rrn;
        let Some(entry) = by_rrn.get(&rrn.to_string()) else {
            assert!(answer.came_at >= begun, "{rrn} was answered before and is not there");
            over.insert(asked.serial());
            continue;
        };
        assert!(asked.asked_at <= ended, "{rrn} was asked after, and is there");
        assert!(!over.contains(&asked.serial()), "{rrn} is there, and an earlier one of its card is not");
        assert_eq!(entry.code, answer.code, "{rrn}");
        let stands = [0, asked.amount_minor(), asked.standing_minor];
        assert!(stands.contains(&entry.standing_minor), "{rrn}: {} stands", entry.standing_minor);
    }
    let mut standing: BTreeMap<String, i64> = BTreeMap::new();
    for entry in &entries {
        if let Some(account) = &entry.account {
            *standing.entry(account.clone()).or_default() += entry.standing_minor;
        }
    }
    let state = recovery::load_state(&settings).unwrap();
    for card in state.cards_in_order() {
        // Posted or held, it is not to spend any more.
        let spent = standing.get(card.account.as_str()).copied().unwrap_or(0);
        let available_minor = state.balance(&card.account).unwrap().available_minor;
        assert_eq!(available_minor, OPENING_MINOR - spent, "account {}", card.account);
    }
    assert_eq!(state.trial_balance(Currency::parse("USD").unwrap()), 0, "every debit has its credit");
    entries.len()
}

fn check_tills(entries: &[Entry], tills: &[&Till]) {
    let mut by_rrn: HashMap<String, &Entry> = HashMap::new();
    for entry in entries {
        // Those of ATMs have none.
        let Some(rrn) = entry.rrn.clone() else { continue };
        assert!(by_rrn.insert(rrn.clone(), entry).is_none(), "{rrn} was recorded twice");
    }
    for asked in tills.iter().flat_map(|till| till.entries()) {
        let Some(answer) = asked.decided() else { continue };
        let rrn = asked.rrn.to_string();
        let entry = by_rrn.remove(&rrn).unwrap_or_else(|| panic!("{rrn} was answered and is not recorded"));
        assert_eq!(entry.code, answer.code, "{rrn}");
        assert_eq!(entry.standing_minor, asked.standing_minor, "{rrn} stands as its terminal has it");
    }
    assert!(by_rrn.is_empty(), "{} transactions that no terminal asked for", by_rrn.len());
}

/// An ATM does one thing at a time, so its replies are a part of its records, in order. A record whose
/// reply died with the switch stands for nothing.
fn check_machine(entries: &[Entry], machine: &CashMachine) {
    let luno = machine.luno();
    let recorded = entries.iter().filter(|entry| entry.terminal.trim_end() == luno);
    let mut replies = machine.replies().iter().peekable();
    for entry in recorded {
        let id = entry.id;
        assert_ne!(entry.status, TransactionStatus::Suspect, "{id}: the ATM always knew what it did");
        let expected_minor = match replies.next_if(|replied| answers(replied, entry)) {
            Some(replied) => replied.given_minor,
            None => 0,
        };
        assert_eq!(entry.standing_minor, expected_minor, "{id} at ATM {luno}");
    }
    assert_eq!(replies.next(), None, "a reply of ATM {luno} is not recorded");
}

fn answers(replied: &Replied, entry: &Entry) -> bool {
    replied.tsn == entry.stan.number() && replied.approved == entry.code.is_approval()
}

fn check_accounts(site: &Site, tills: &[&Till], machines: &[CashMachine]) {
    let settings = config::load(&site.config).unwrap();
    let state = recovery::load_state(&settings).unwrap();
    let mut standing: BTreeMap<u32, Standing> = tills.iter().flat_map(|till| till.standing()).collect();
    for machine in machines {
        for serial in machine.cards() {
            standing.entry(serial).or_default().posted_minor = OPENING_MINOR - machine.ledger_minor(serial);
        }
    }
    let serials: BTreeMap<Pan, u32> = (0..CARDS).map(|serial| (site.issuer.pan(serial), serial)).collect();
    let mut seen = 0;
    for card in state.cards_in_order() {
        let Standing { posted_minor, held_minor } =
            standing.get(&serials[&card.pan]).copied().unwrap_or_default();
        let balance = state.balance(&card.account).unwrap();
        assert_eq!(balance.ledger_minor, OPENING_MINOR - posted_minor, "account {}", card.account);
        assert_eq!(balance.ledger_minor - balance.available_minor, held_minor, "account {}", card.account);
        seen += 1;
    }
    assert_eq!(seen, CARDS);
    assert!(standing.values().map(|standing| standing.posted_minor).sum::<i64>() > 0, "money has moved");
    assert_eq!(state.trial_balance(Currency::parse("USD").unwrap()), 0, "every debit has its credit");
    for (serial, tries_used) in tills.iter().flat_map(|till| till.pin_tries()) {
        let (recorded, _) = state.card_counters(&site.issuer.pan(serial)).unwrap();
        assert_eq!(recorded, tries_used, "wrong PINs of account {serial:010}");
    }
}
