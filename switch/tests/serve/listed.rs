//! The hot list, tokens and holders change while the switch runs, in every shard, and stay after `kill -9`.

use crate::{Connection, LoadTerminal, Running, Site, turnout};
use card::ResponseCode;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use terminal::{ChipTransaction, CryptogramVersion, Intent, PosResponse, Presentment, Trace};

struct Bank {
    _folder: tempfile::TempDir,
    site: Site,
    terminal: LoadTerminal,
    stan: u32,
}

impl Bank {
    /// With more than one shard, so that a token has to be found in that of its card.
    fn new() -> Bank {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(&folder.path().join("site"));
        let text = fs::read_to_string(&site.config).unwrap();
        let text = text.replacen("shards = 1 ", "shards = 3 ", 1);
        let text = text.replacen("bins = [", "token_bins = [\"4000009\"]\nbins = [", 1);
        fs::write(&site.config, text).unwrap();
        let terminal = LoadTerminal::new(0, &site.issuer);
        Bank { _folder: folder, site, terminal, stan: 0 }
    }

    /// What a purchase without contact by the card of this serial is answered.
    fn tap(&mut self, server: &Running, serial: u32, atc: u16) -> ResponseCode {
        let mut card = self.site.issuer.card(serial);
        card.set_atc(atc);
        self.stan += 1;
        let trace = Trace {
            stan: card::Stan::new(self.stan).unwrap(),
            rrn: card::Rrn::parse(format!("LISTED{:06}", self.stan).as_bytes()).unwrap(),
            time: switch::clock::now(),
        };
        let usd = card::Currency::parse("USD").unwrap();
        let chip = ChipTransaction::purchase(100, usd, 840, trace.time, self.stan.to_be_bytes());
        let presentment = Presentment::contactless(&mut card, &chip, CryptogramVersion::Visa18);
        let message = self.terminal.pos.purchase(Intent::Post, 100, &presentment, &trace).unwrap();
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&message).unwrap();
        PosResponse::parse(&connection.receive().unwrap(), self.terminal.pos.dialect).unwrap().code
    }

    fn pan(&self, serial: u32) -> String {
        self.site.issuer.pan(serial).reveal().as_str().to_owned()
    }

    /// `turnout card …` with this input: standard output and standard error, after the exit code it must have.
    fn card(&self, arguments: &[&str], input: &str, code: i32) -> (String, String) {
        let mut child = turnout()
            .arg("card")
            .args(arguments)
            .arg("--config")
            .arg(&self.site.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, errors) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{errors}");
        (out, errors)
    }
}

#[test]
fn a_list_counts_at_once_in_every_shard_and_survives_kill_9() {
    let mut bank = Bank::new();
    // Before the first start, straight into the journal.
    let range = "pan,last,reason\n4000008000000000,4000008999999999,counterfeit\n";
    let (out, _) = bank.card(&["hot-list", "load", "-"], range, 0);
    assert!(out.contains("1 added"), "{out}");
    let mut server = bank.serve();
    assert_eq!(bank.tap(&server, 800_000_001, 0), ResponseCode::PICK_UP_SPECIAL);
    // Numbers that are not on file, in whichever shard; and cards.
    let cards: Vec<u32> = (0..6).chain(500_000_000..500_000_006).collect();
    for serial in &cards[..6] {
        assert!(bank.tap(&server, *serial, 0).is_approval());
    }
    let numbers: String = cards.iter().map(|serial| format!("{},stolen\n", bank.pan(*serial))).collect();
    let (out, _) = bank.card(&["hot-list", "load", "-"], &format!("pan,reason\n{numbers}"), 0);
    assert!(out.contains("12 added"), "{out}");
    for serial in &cards {
        assert_eq!(bank.tap(&server, *serial, 1), ResponseCode::STOLEN);
    }
    server.kill();
    let server = bank.serve();
    for serial in &cards {
        assert_eq!(bank.tap(&server, *serial, 2), ResponseCode::STOLEN);
    }
    let (out, _) = bank.card(&["hot-list", "list"], "", 0);
    assert!(out.lines().count() == 13 && !out.contains(&bank.pan(0)), "{out}");

    // What comes out goes in again; and off the list.
    let (all, _) = bank.card(&["hot-list", "export", "--unmask"], "", 0);
    let (out, _) = bank.card(&["hot-list", "load", "-"], &all, 0);
    assert!(out.contains("0 added, 0 updated, 13 unchanged"), "{out}");
    let (out, _) = bank.card(&["hot-list", "remove", "-"], &all, 0);
    assert!(out.contains("13 removed"), "{out}");
    assert!(bank.tap(&server, 0, 3).is_approval());
    assert_eq!(bank.tap(&server, 500_000_000, 3), ResponseCode::INVALID_CARD);

    // Of a file with a bad line nothing is done.
    let bad = format!("pan,reason\n{},lost\n{},borrowed\n", bank.pan(0), bank.pan(1));
    let (_, errors) = bank.card(&["hot-list", "load", "-"], &bad, 65);
    assert!(errors.contains("-:3: 400000******") && errors.contains("reason: is none of"), "{errors}");
    assert!(!errors.contains(&bank.pan(1)), "{errors}");
    assert!(bank.tap(&server, 0, 4).is_approval());
    // Nor of one whose lines contradict each other, or what is on the list.
    let range = |first: u32, last: u32| format!("400000{first:010},400000{last:010},counterfeit\n");
    let both = format!("pan,last,reason\n{}{}", range(0, 200), range(100, 300));
    let (_, errors) = bank.card(&["hot-list", "load", "-"], &both, 65);
    assert!(errors.contains("-:3: ") && errors.contains("another one of the file"), "{errors}");
    assert!(errors.contains("nothing was done"), "{errors}");
    bank.card(&["hot-list", "load", "-"], &format!("pan,last,reason\n{}", range(500, 600)), 0);
    let both = format!("pan,last,reason\n{}{}", range(0, 200), range(550, 650));
    let (_, errors) = bank.card(&["hot-list", "load", "-"], &both, 65);
    assert!(errors.contains("nothing was done") && errors.contains("another one on the list"), "{errors}");
    let (out, _) = bank.card(&["hot-list", "list"], "", 0);
    assert_eq!(out.lines().count(), 1, "{out}");
    bank.card(&["hot-list", "remove", "-"], &format!("pan,last,reason\n{}", range(500, 600)), 0);
    let added = bank.card(&["hot-list", "add", "--reason", "lost", "--reward", "R1"], &bank.pan(0), 0);
    assert!(added.0.contains("1 added"), "{added:?}");
    assert_eq!(bank.tap(&server, 0, 5), ResponseCode::LOST);
    let old = format!("{{\"pan\":\"{}\",\"until\":\"2020-01-01\"}}\n", bank.pan(1));
    bank.card(&["hot-list", "load", "-"], &old, 0);
    assert!(bank.tap(&server, 1, 5).is_approval());
    let (out, _) = bank.card(&["hot-list", "remove", "--expired"], "", 0);
    assert!(out.contains("1 removed"), "{out}");
    drop(server);
}

#[test]
fn tokens_find_the_shard_of_their_card() {
    let mut bank = Bank::new();
    let mut server = bank.serve();
    // Enough of both that some tokens would be at home elsewhere.
    let pairs: Vec<(u32, u32)> = (0..8).map(|serial| (900_000_000 + serial, serial)).collect();
    let lines: String = pairs
        .iter()
        .map(|(token, card)| format!("{},{},4912\n", bank.pan(*token), bank.pan(*card)))
        .collect();
    assert_eq!(bank.tap(&server, pairs[0].0, 0), ResponseCode::INVALID_CARD);
    let (out, _) = bank.card(&["token", "add", "-"], &format!("token,pan,expiry\n{lines}"), 0);
    assert!(out.contains("8 added"), "{out}");
    for (token, _) in &pairs {
        assert!(bank.tap(&server, *token, 0).is_approval());
    }
    server.kill();
    let server = bank.serve();
    for (token, _) in &pairs {
        // Each counter was used, and is known.
        assert_eq!(bank.tap(&server, *token, 0), ResponseCode::CRYPTOGRAM_WRONG);
        assert!(bank.tap(&server, *token, 1).is_approval());
    }
    bank.card(&["token", "suspend", "-"], &bank.pan(pairs[3].0), 0);
    assert_eq!(bank.tap(&server, pairs[3].0, 2), ResponseCode::RESTRICTED);
    let (out, _) = bank.card(&["token", "list", "--format", "json"], "", 0);
    assert!(
        out.lines().count() == 8 && out.contains("\"suspended\"") && !out.contains(&bank.pan(3)),
        "{out}"
    );
    bank.card(&["token", "resume", "-"], &bank.pan(pairs[3].0), 0);
    assert!(bank.tap(&server, pairs[3].0, 3).is_approval());

    // A card whose token is on file stays; a token stands for one card, and is of its range.
    let (_, errors) = bank.card(&["remove", "-"], &bank.pan(3), 65);
    assert!(errors.contains("tokens stand for the card"), "{errors}");
    let other: String = pairs
        .iter()
        .map(|(token, card)| format!("{},{},4912\n", bank.pan(*token), bank.pan(card + 1)))
        .collect();
    let (_, errors) = bank.card(&["token", "add", "-"], &format!("token,pan,expiry\n{other}"), 65);
    assert_eq!(errors.matches("stands for another card").count(), 8, "{errors}");
    let line = format!("token,pan,expiry\n{},{},4912\n", bank.pan(500_000_000), bank.pan(0));
    let (_, errors) = bank.card(&["token", "add", "-"], &line, 65);
    assert!(errors.contains("in none of the token_bins"), "{errors}");
    bank.card(&["token", "remove", "-"], &bank.pan(pairs[0].0), 0);
    assert_eq!(bank.tap(&server, pairs[0].0, 4), ResponseCode::INVALID_CARD);
    drop(server);
    // Two of its shards' tokens remain with the switch stopped, too.
    let (out, _) = bank.card(&["token", "remove", "-"], &bank.pan(pairs[1].0), 0);
    assert!(out.contains("1 removed"), "{out}");
    let (out, _) = bank.card(&["token", "list"], "", 0);
    assert_eq!(out.lines().count(), 6, "{out}");
}

impl Bank {
    fn serve(&self) -> Running {
        Running::start(&self.site.config)
    }
}
