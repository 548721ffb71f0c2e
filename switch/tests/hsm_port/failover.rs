//! Connections that die or fall silent under load: what they have not answered is asked of another unit,
//! once, in time, and only if it may be.

use crate::bench::{Bench, DEADLINE, RIGHT_CVV, as_asked, ask_many, cvv_check, findings, settings};
use crate::unit::{Manner, Unit, unit};
use auth::{CvvResult, Ticket};
use hsm::{Command, GenerateKey, KeyScheme, KeyType};
use std::thread;
use std::time::{Duration, Instant};
use switch::edge::hsm::{CallError, HsmJob};
use switch::settings::PayShieldSettings;

#[test]
fn commands_of_a_dying_connection_go_to_another() {
    let (dying, prompt) = (unit(&[Manner::Dying]), unit(&[Manner::Prompt]));
    let bench = Bench::over_tcp(vec![dying.address, prompt.address], 1);
    bench.wait_until_connected(2);
    ask_many(&bench, 40);
    assert_eq!(findings(&bench, 40), as_asked(40));
    assert!(dying.commands() > 0);
    assert_eq!(prompt.commands(), 40);
}

#[test]
fn a_command_goes_to_another_connection_once() {
    let units = [unit(&[Manner::Dying]), unit(&[Manner::Dying]), unit(&[Manner::Dying])];
    let bench = Bench::over_tcp(units.iter().map(|unit| unit.address).collect(), 1);
    bench.wait_until_connected(3);
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    let sent: usize = units.iter().map(Unit::commands).sum();
    assert_eq!(sent, 2);
    assert!(bench.counted("CY", "disconnected"));
}

/// Both connections of the dying unit die; neither may be asked again.
#[test]
fn another_unit_is_asked_rather_than_another_connection() {
    let (dying, prompt) = (unit(&[Manner::Dying]), unit(&[Manner::Prompt]));
    let bench = Bench::over_tcp(vec![dying.address, prompt.address], 2);
    bench.wait_until_connected(4);
    ask_many(&bench, 40);
    assert_eq!(findings(&bench, 40), as_asked(40));
    assert!(dying.commands() > 0);
    assert_eq!(prompt.commands(), 40);
    let failovers = bench.metric(&format!("turnout_hsm_failovers_total{{unit=\"{}\"}}", dying.address));
    assert!(failovers.unwrap() > 0);
}

#[test]
fn silence_costs_half_the_deadline_while_another_unit_is_well() {
    let (silent, prompt) = (unit(&[Manner::Silent]), unit(&[Manner::Prompt]));
    let deadline = DEADLINE * 2;
    let units = vec![silent.address, prompt.address];
    let bench = Bench::pay_shield(PayShieldSettings { connections: 2, deadline, ..settings(units) });
    bench.wait_until_connected(4);
    let begun = Instant::now();
    ask_many(&bench, 40);
    // Slow after a quarter of the deadline, whereupon it gets nothing more.
    thread::sleep(deadline * 3 / 8);
    let before = silent.commands();
    assert!(before > 0);
    for ticket in 40..80 {
        bench.ask(ticket, cvv_check(if ticket % 2 == 0 { RIGHT_CVV } else { b"999" }));
    }
    assert_eq!(findings(&bench, 80), as_asked(80));
    let elapsed = begun.elapsed();
    assert!(elapsed >= deadline / 2 && elapsed < deadline, "{elapsed:?}");
    assert_eq!(silent.commands(), before, "a slow unit was given more");
}

#[test]
fn a_key_is_not_made_twice() {
    let units = [unit(&[Manner::Dying]), unit(&[Manner::Dying])];
    let bench = Bench::over_tcp(units.iter().map(|unit| unit.address).collect(), 1);
    bench.wait_until_connected(2);
    let command = Command::GenerateKey(GenerateKey::new(KeyType::ZPK, KeyScheme::U));
    let call = bench.port.as_ref().unwrap().call(&command).unwrap();
    let answer = bench.runtime.block_on(call.answer());
    assert_eq!(answer.err(), Some(CallError::Unanswered("disconnected")));
    let sent: usize = units.iter().map(Unit::commands).sum();
    assert_eq!(sent, 1);
}

#[test]
fn a_command_by_itself_is_answered() {
    let unit = unit(&[Manner::Prompt]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    let port = bench.port.as_ref().unwrap();
    let answer = bench.runtime.block_on(port.call(&Command::Diagnostics).unwrap().answer()).unwrap();
    assert!(answer.reply().unwrap().error.is_success());
    // This unit makes no keys, and says so.
    let command = Command::GenerateKey(GenerateKey::new(KeyType::ZPK, KeyScheme::U));
    let answer = bench.runtime.block_on(port.call(&command).unwrap().answer()).unwrap();
    assert_eq!(answer.reply().unwrap().error, hsm::ErrorCode::COMMAND_DISABLED);
}

#[test]
fn authorizations_go_before_housekeeping() {
    let unit = unit(&[Manner::Late(20)]);
    let bench = Bench::pay_shield(PayShieldSettings {
        in_flight: 1,
        deadline: DEADLINE * 5,
        ..settings(vec![unit.address])
    });
    bench.wait_until_connected(1);
    let port = bench.port.as_ref().unwrap();
    bench.ask(0, cvv_check(RIGHT_CVV));
    let command = Command::GenerateKey(GenerateKey::new(KeyType::ZPK, KeyScheme::U));
    let call = port.call(&command).unwrap();
    for ticket in 1..10 {
        bench.ask(ticket, cvv_check(RIGHT_CVV));
    }
    assert!(bench.runtime.block_on(call.answer()).is_ok());
    let mut expect = vec!["CY"; 10];
    expect.push("A0");
    assert_eq!(unit.codes(), expect);
}

/// Housekeeping has a queue of its own: full, it keeps no authorization out.
#[test]
fn housekeeping_is_bounded_by_itself() {
    let unit = unit(&[Manner::Silent]);
    let bench = Bench::pay_shield(PayShieldSettings { in_flight: 1, ..settings(vec![unit.address]) });
    bench.wait_until_connected(1);
    let port = bench.port.as_ref().unwrap();
    let command = Command::GenerateKey(GenerateKey::new(KeyType::ZPK, KeyScheme::U));
    let calls: Vec<_> = (0..1000).map_while(|_| port.call(&command).ok()).collect();
    assert_eq!(calls.len(), 65, "one under way and 64 waiting");
    assert_eq!(port.call(&command).err(), Some(CallError::QueueFull));
    assert!(port.ask(HsmJob { shard: 0, ticket: Ticket(1), checks: cvv_check(RIGHT_CVV) }).is_ok());
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    for call in calls {
        assert!(bench.runtime.block_on(call.answer()).is_err());
    }
}

/// What waits for room fails at its deadline even if the connection never has any.
#[test]
fn waiting_ends_at_the_deadline() {
    let unit = unit(&[Manner::Silent]);
    let bench = Bench::pay_shield(PayShieldSettings { in_flight: 2, ..settings(vec![unit.address]) });
    bench.wait_until_connected(1);
    let begun = Instant::now();
    for ticket in 0..50 {
        bench.ask(ticket, cvv_check(RIGHT_CVV));
    }
    for _ in 0..50 {
        assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    }
    let elapsed = begun.elapsed();
    assert!(elapsed >= DEADLINE && elapsed < DEADLINE + Duration::from_millis(500), "{elapsed:?}");
}

/// Some 200 commands a second for 1,000 that come at once: what cannot be answered in time fails in
/// time, and what is answered is right.
#[test]
fn overload_ends_at_the_deadline() {
    let unit = unit(&[Manner::Late(5)]);
    let bench = Bench::pay_shield(PayShieldSettings { in_flight: 8, ..settings(vec![unit.address]) });
    bench.wait_until_connected(1);
    let begun = Instant::now();
    ask_many(&bench, 1000);
    let answers = findings(&bench, 1000);
    let elapsed = begun.elapsed();
    assert_eq!(answers.len(), 1000);
    let right = as_asked(1000);
    let answered = answers.iter().filter(|(_, result)| **result != CvvResult::Failed);
    let answered = answered.inspect(|(ticket, result)| assert_eq!(right.get(ticket), Some(*result))).count();
    assert!((20..=300).contains(&answered), "{answered}");
    assert!(elapsed >= DEADLINE && elapsed < DEADLINE + Duration::from_millis(500), "{elapsed:?}");
    assert_eq!(unit.connections(), 1, "late is not dead");
    // And afterwards nothing is left of it.
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}
