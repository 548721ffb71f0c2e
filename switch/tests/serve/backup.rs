//! Backups of a switch under load, and what comes of them: judged by the terminals' own lists.

use crate::disk_full::SmallDisk;
use crate::recovery::Moment;
use crate::town::{self, Rng, Town};
use crate::{Running, turnout};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use switch::{config, history};
use transaction_store::Filter;

#[test]
fn a_backup_under_load_restores_to_a_moment_of_its_making() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(town::seed());
    let mut town = Town::new(folder.path(), &mut rng);
    let backup = folder.path().join("backup");
    let mut server = Running::start(&town.site.config);
    town.check(&server);
    let config = town.site.config.clone();
    let mut made = None;
    let (address, atm) = (server.address, server.atm);
    town.load(address, atm, |answered| {
        more(answered, 200);
        let begun = Instant::now();
        let created = run(&["create", "--config"], &[&config, &backup]);
        made = Some((begun, Instant::now(), created));
        more(answered, 200);
        server.kill();
    });
    let (begun, ended, created) = made.unwrap();
    succeeded(&created);
    assert!(!backup.join("master.key").exists(), "the master key is not copied");

    succeeded(&run(&["verify", "--config"], &[&config, &backup]));
    let restored = folder.path().join("site/restored");
    succeeded(&run(&["restore", "--config"], &[&config, &backup, Path::new("--to"), &restored]));
    town.configure("data", "\"restored\"");
    let there = town.check_past(begun, ended);
    println!("{there} transactions in the backup");

    // While a restore goes on, or when it was killed, it does not serve.
    let restoring = restored.join("restoring");
    fs::create_dir(&restoring).unwrap();
    let refused = crate::serve(&town.site.config).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("is being restored from a backup"), "{}", told(&refused));
    fs::remove_dir(&restoring).unwrap();

    // It serves, and knows what it knew.
    let server = Running::start(&town.site.config);
    town.check_answers_before(server.address, begun);
}

#[test]
fn a_backup_restores_to_a_point_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(town::seed());
    let mut town = Town::new(folder.path(), &mut rng);
    let config = town.site.config.clone();
    let day = |town: &mut Town, rng: &mut Rng| {
        let mut server = Running::start(&config);
        town.check(&server);
        let (address, atm, data) = (server.address, server.atm, town.data.clone());
        town.load(address, atm, |answered| {
            Moment::Answers.wait(rng, &data, answered);
            server.kill();
        });
        let server = Running::start(&config);
        town.check(&server);
    };
    day(&mut town, &mut rng);
    // The clocks of terminals and switch are one here; records are of whole milliseconds.
    thread::sleep(Duration::from_millis(3));
    let (moment, until) = (Instant::now(), switch::clock::now().to_string());
    thread::sleep(Duration::from_millis(3));
    day(&mut town, &mut rng);

    // Nothing runs now; a backup needs no running switch.
    let backup = folder.path().join("backup");
    succeeded(&run(&["create", "--config"], &[&config, &backup]));
    let restored = folder.path().join("site/restored");
    let options = ["restore", "--until", &until, "--config"];
    succeeded(&run(&options, &[&config, &backup, Path::new("--to"), &restored]));
    town.configure("data", "\"restored\"");
    let there = town.check_past(moment, moment);
    println!("{there} transactions up to {until}");
    let server = Running::start(&town.site.config);
    town.check_answers_before(server.address, moment);
    drop(server);

    // Nothing is overwritten.
    let refused = run(&["restore", "--config"], &[&config, &backup, Path::new("--to"), &restored]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("is not empty"), "{}", told(&refused));
    // And before everything there is nothing.
    let options = ["restore", "--until", "2020-01-01T00:00:00Z", "--config"];
    let elsewhere = folder.path().join("elsewhere");
    let early = run(&options, &[&config, &backup, Path::new("--to"), &elsewhere]);
    assert_eq!(early.status.code(), Some(1));
    assert!(told(&early).contains("after the moment asked for"), "{}", told(&early));
    assert!(!elsewhere.exists());
}

#[test]
fn a_damaged_backup_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    let config = &town.site.config;
    let backup = folder.path().join("backup");
    succeeded(&run(&["create", "--config"], &[config, &backup]));
    let again = run(&["create", "--config"], &[config, &backup]);
    assert_eq!(again.status.code(), Some(1), "a backup is not overwritten");

    let segment = backup.join("journal/00000000000000000001.journal");
    let whole = fs::read(&segment).unwrap();
    let check = |file: &Path, content: Option<&[u8]>, expect: &str| {
        let before = fs::read(file).unwrap();
        match content {
            Some(content) => fs::write(file, content).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        let found = run(&["verify", "--config"], &[config, &backup]);
        assert_eq!(found.status.code(), Some(65), "{}", told(&found));
        assert!(told(&found).contains(expect), "{}", told(&found));
        let to = folder.path().join("nowhere");
        let refused = run(&["restore", "--config"], &[config, &backup, Path::new("--to"), &to]);
        assert_eq!(refused.status.code(), Some(65), "what is damaged is not restored");
        assert!(!to.exists());
        fs::write(file, before).unwrap();
    };
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    check(&segment, Some(&flipped), "SHA-256 differs");
    check(&segment, Some(&whole[..whole.len() - 8]), "bytes");
    check(&segment, None, "is missing");
    check(&backup.join("backup.json"), None, "has no backup.json");
    check(&backup.join("backup.json"), Some(b"{}"), "is no list of a backup");

    let other = folder.path().join("other.key");
    store::MasterKey::generate().unwrap().create_file(&other).unwrap();
    let wrong = run(&["verify", "--master-key"], &[&other, &backup]);
    assert_eq!(wrong.status.code(), Some(1), "{}", told(&wrong));
    assert!(told(&wrong).contains("another master key"), "{}", told(&wrong));
    succeeded(&run(&["verify", "--config"], &[config, &backup]));
}

/// The transactions of segments that are gone are in the transaction store only, and come back with it.
#[test]
fn a_backup_has_what_the_journal_has_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    town.configure("keep", "\"1s\"");
    let config = town.site.config.clone();
    let journal = town.data.join("journal");
    let backups = ["a", "b", "c"].map(|name| folder.path().join(name));
    let mut meanwhile = None;
    let mut server = Running::start(&config);
    town.check(&server);
    town.load(server.address, server.atm, |_| {
        let retired = || matches!(store::oldest_segment(&journal), Ok(Some(segment)) if segment > 2);
        crate::wait_until(retired, "old segments go");
        // And go on going.
        meanwhile = Some(backups.map(|backup| (run(&["create", "--config"], &[&config, &backup]), backup)));
        server.kill();
    });
    for (created, backup) in &meanwhile.unwrap() {
        succeeded(created);
        succeeded(&run(&["verify", "--config"], &[&config, backup]));
    }
    let server = Running::start(&config);
    town.check(&server);
    drop(server);
    let settings = config::load(&config).unwrap();
    let before = history::read(&settings, &Filter::default()).unwrap();

    let backup = folder.path().join("backup");
    let created = run(&["create", "--config"], &[&config, &backup]);
    succeeded(&created);
    let said = String::from_utf8_lossy(&created.stdout);
    assert!(said.contains("store         transactions.db"), "{said}");
    let lost = folder.path().join("lost");
    fs::rename(&town.data, &lost).unwrap();
    let key = lost.join("master.key");
    succeeded(&run(&["restore", "--master-key"], &[&key, &backup, Path::new("--to"), &town.data]));
    fs::copy(&key, town.data.join("master.key")).unwrap();
    assert_eq!(history::read(&settings, &Filter::default()).unwrap(), before);

    let server = Running::start(&config);
    town.check(&server);
    town.check_every_answer(server.address);
    drop(server);
    println!("{} transactions, all there", town.check_books());
}

/// A limit on the size of files stands for the full disk, since anybody may set it.
#[test]
fn a_disk_that_takes_no_more_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    let config = &town.site.config;
    fs::write(town.data.join("large"), vec![7; 1 << 20]).unwrap();
    let (backup, to) = (folder.path().join("backup"), folder.path().join("to"));
    let limited = |words: &[&str], paths: &[&Path]| {
        let mut command = Command::new("sh");
        // Without the trap the system would end the process, which could not say why.
        command.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]);
        command.arg(turnout().get_program()).arg("backup").args(words).args(paths);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        assert!(told(&output).contains("/large: File too large"), "names the file: {}", told(&output));
        assert!(told(&output).contains("LimitFSIZE"), "says what to do: {}", told(&output));
    };
    limited(&["create", "--config"], &[config, &backup]);
    assert!(!backup.exists());
    succeeded(&run(&["create", "--config"], &[config, &backup]));
    limited(&["restore", "--config"], &[config, &backup, Path::new("--to"), &to]);
    assert!(!to.exists());
    succeeded(&run(&["restore", "--config"], &[config, &backup, Path::new("--to"), &to]));
}

/// The same with a file system that has no block left.
#[test]
#[ignore = "mounts a tmpfs, which takes root: cargo test -p switch --test serve -- --ignored room_for_a_backup"]
fn a_file_system_without_room_for_a_backup_is_left_empty() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::new(folder.path(), &mut Rng::new(town::seed()));
    let config = &town.site.config;
    fs::write(town.data.join("large"), vec![7; 6 << 20]).unwrap();
    let place = folder.path().join("small");
    let _disk = SmallDisk::mount(&place);
    let backup = folder.path().join("backup");
    let full = |words: &[&str], paths: &[&Path]| {
        let output = run(words, paths);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        assert!(told(&output).contains("make room"), "says what to do: {}", told(&output));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "nothing is left");
    };
    full(&["create", "--config"], &[config, &place]);
    succeeded(&run(&["create", "--config"], &[config, &backup]));
    full(&["restore", "--config"], &[config, &backup, Path::new("--to"), &place]);
}

/// Waits for so many answers more.
fn more(answered: &AtomicUsize, count: usize) {
    let wanted = answered.load(Ordering::Relaxed) + count;
    crate::wait_until(|| answered.load(Ordering::Relaxed) >= wanted, "the switch answers");
}

/// `turnout backup` with words and then paths.
fn run(words: &[&str], paths: &[&Path]) -> Output {
    turnout().arg("backup").args(words).args(paths).output().unwrap()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", told(output));
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
