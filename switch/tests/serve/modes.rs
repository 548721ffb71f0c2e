//! What cardholders choose while the switch runs, in more than one shard: by the command, from the next authorization
//! on, and after `kill -9`.

use crate::{Connection, LoadTerminal, Running, Site, turnout};
use card::ResponseCode;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use terminal::PosResponse;

const RESTRICTED: &str = "62";
const NOT_CONFIRMED: &str = "57";
const WRONG_CODE: &str = "55";
const OVER_AMOUNT: &str = "61";
const SHORT: &str = "51";

/// What stands in a file where nobody looks: it must be in no log.
const PASSWORD: &str = "swordfish-99";
const CODE: &str = "472913";

/// How long what a mode does by itself may take.
const DEADLINE: Duration = Duration::from_secs(20);

struct Bank {
    folder: tempfile::TempDir,
    site: Site,
    terminal: LoadTerminal,
}

impl Bank {
    /// Each card belongs to a customer of its own, who has another account with 500.00.
    fn new() -> Bank {
        let folder = tempfile::tempdir().unwrap();
        let configuration = |text: String| {
            let text = text.replacen("shards = 1 ", "shards = 3 ", 1);
            format!(
                "{text}\n[[limit]]\nname = \"family\"\nscope = \"customer\"\nwindow = \"day\"\namount = \"900.00\"\n"
            )
        };
        let with_customers = |cards: String| {
            let mut lines = cards.lines();
            let mut text = format!("{},customer\n", lines.next().unwrap());
            for (serial, line) in lines.enumerate() {
                text.push_str(&format!("{line},C-{serial}\n,,,,L-{serial},USD,500.00,,,C-{serial}\n"));
            }
            text
        };
        let site = Site::with(&folder.path().join("site"), crate::CARDS, configuration, with_customers);
        let terminal = LoadTerminal::new(0, &site.issuer);
        Bank { folder, site, terminal }
    }

    fn serve(&self) -> Running {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        Running::start_logging(&self.site.config, "debug", Stdio::from(log))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn pan(&self, serial: u32) -> String {
        self.site.issuer.pan(serial).reveal().as_str().to_owned()
    }

    /// Has the card of this serial used from now on.
    fn use_card(&mut self, serial: u32) {
        self.terminal.cards = vec![self.site.issuer.card(serial)];
    }

    /// Sends a purchase of at most 0.07 with the PIN, and leaves its answer on the way.
    fn begin(&mut self, server: &Running) -> Connection {
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&self.terminal.purchase()).unwrap();
        connection
    }

    fn end(&self, mut connection: Connection) -> ResponseCode {
        PosResponse::parse(&connection.receive().unwrap(), self.terminal.pos.dialect).unwrap().code
    }

    fn purchase(&mut self, server: &Running) -> String {
        let connection = self.begin(server);
        self.end(connection).to_string()
    }

    /// `turnout card …` with this input: standard output and standard error, after the exit code it must have.
    fn card(&self, arguments: &[&str], input: &str, code: i32) -> (String, String) {
        self.turnout("card", arguments, input, code)
    }

    fn turnout(&self, command: &str, arguments: &[&str], input: &str, code: i32) -> (String, String) {
        let mut child = turnout()
            .arg(command)
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
        assert_eq!(output.status.code(), Some(code), "{command} {arguments:?}: {out}{errors}");
        (out, errors)
    }

    /// `turnout card mode …` of the card of this serial; what it says.
    fn mode(&self, serial: u32, arguments: &[&str], behind: &str, code: i32) -> String {
        let input = format!("{}\n{behind}", self.pan(serial));
        self.card(&[&["mode"], arguments].concat(), &input, code).1
    }

    fn show(&self, serial: u32) -> serde_json::Value {
        let (out, _) = self.card(&["show", "--format", "json"], &self.pan(serial), 0);
        serde_json::from_str(&out).unwrap()
    }

    /// The newest ticket above this one, once the transaction waits.
    fn ticket(&self, last: u64) -> u64 {
        let asked = Instant::now();
        while asked.elapsed() < DEADLINE {
            let (out, _) = self.turnout("journal", &["dump"], "", 0);
            let records = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let tickets = records.filter_map(|record| record["record"]["ticket"].as_u64());
            if let Some(ticket) = tickets.max().filter(|ticket| *ticket > last) {
                return ticket;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("nobody was asked");
    }
}

#[test]
fn modes_hold_from_the_next_authorization_on_and_survive_kill_9() {
    let mut bank = Bank::new();
    let errors = bank.mode(0, &["locked"], "", 69);
    assert!(errors.contains("is `turnout serve` running?"), "{errors}");
    let mut server = bank.serve();

    bank.use_card(0);
    assert_eq!(bank.purchase(&server), "00");
    bank.mode(0, &["locked"], "", 0);
    assert_eq!(bank.purchase(&server), RESTRICTED);
    bank.mode(0, &["unlock", "--for", "30m"], "", 0);
    server.kill();
    let mut server = bank.serve();
    assert_eq!(bank.purchase(&server), "00");
    assert_eq!(bank.purchase(&server), RESTRICTED);
    server.kill();
    let mut server = bank.serve();
    assert_eq!(bank.purchase(&server), RESTRICTED);
    assert_eq!(bank.show(0)["mode"]["name"], "locked");
    bank.mode(0, &["standard"], "", 0);
    assert_eq!(bank.purchase(&server), "00");

    // Whatever shard the card is in, the other account of its customer is there, too.
    for serial in 1..7 {
        let linked = format!("L-{serial}");
        bank.mode(
            serial,
            &["kept", "--source", &linked, "--minimum", "20.00", "--maximum", "60.00", "--automatic"],
            "",
            0,
        );
        let shown = bank.show(serial);
        assert_eq!(
            (&shown["mode"]["source"], &shown["ledger"]),
            (&linked.into(), &"60.00".into()),
            "{shown}"
        );
    }
    let errors = bank.mode(1, &["kept", "--source", "L-2", "--minimum", "1.00", "--maximum", "2.00"], "", 1);
    assert!(errors.contains("source: "), "{errors}");

    bank.use_card(8);
    bank.mode(8, &["empty", "--source", "L-8"], "", 0);
    assert_eq!(bank.purchase(&server), SHORT);
    bank.mode(8, &["top-up", "--amount", "50.00", "--for", "2h"], "", 0);
    server.kill();
    let server = bank.serve();
    assert_eq!(bank.purchase(&server), "00");
    bank.mode(8, &["end"], "", 0);
    let shown = bank.show(8);
    assert_eq!((&shown["ledger"], &shown["mode"]["name"]), (&"0.00".into(), &"empty".into()), "{shown}");
    assert_eq!(bank.purchase(&server), SHORT);

    bank.use_card(12);
    bank.mode(12, &["single-limit", "--amount", "0.01"], "", 0);
    let told: Vec<String> = (0..4).map(|_| bank.purchase(&server)).collect();
    assert!(told.iter().any(|code| code == OVER_AMOUNT), "{told:?}");
    bank.mode(12, &["lift", "--for", "1h"], "", 0);
    let told: Vec<String> = (0..4).map(|_| bank.purchase(&server)).collect();
    assert!(told.iter().all(|code| code == "00"), "{told:?}");

    bank.use_card(16);
    bank.mode(16, &["one-time-code"], "", 0);
    bank.mode(16, &["code", "--for", "10m"], &format!("{CODE}\n"), 0);
    // This listener has no field for it.
    assert_eq!(bank.purchase(&server), WRONG_CODE);
    assert!(bank.show(16)["mode"]["code_until"].is_string());

    // What makes no sense is told, and changes nothing.
    let errors = bank.mode(16, &["unlock", "--for", "1h"], "", 1);
    assert!(errors.contains("another mode"), "{errors}");
    let errors = bank.mode(16, &["code", "--for", "10m"], "", 65);
    assert!(errors.contains("a code is expected on standard input"), "{errors}");
    let (_, errors) = bank.card(&["mode", "locked"], "4000009999999991\n", 1);
    assert!(errors.contains("not on file"), "{errors}");
    assert_eq!(bank.show(16)["mode"]["name"], "one-time-code");
    drop(server);

    let settings = switch::config::load(&bank.site.config).unwrap();
    let state = switch::recovery::load_state(&settings).unwrap();
    assert_eq!(state.trial_balance(card::Currency::parse("USD").unwrap()), 0);
    let log = fs::read_to_string(bank.log()).unwrap();
    assert!(log.contains("mode of a card changed"), "{log}");
    for secret in [CODE, &bank.pan(0), &bank.pan(16)] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[test]
fn a_holder_is_asked_and_answers() {
    let mut bank = Bank::new();
    let server = bank.serve();
    bank.use_card(4);
    bank.mode(4, &["confirm", "--password"], &format!("{PASSWORD}\n"), 0);
    assert_eq!(bank.show(4)["mode"], serde_json::json!({ "name": "confirm", "password": true }));

    let waiting = bank.begin(&server);
    let first = bank.ticket(0);
    let ticket = first.to_string();
    let (_, errors) = bank.card(&["confirm", &ticket, "confirm"], "", 1);
    assert!(errors.contains("password: is wrong or missing; 2 left"), "{errors}");
    bank.card(&["confirm", &ticket, "1", "--password"], &format!("{PASSWORD}\n"), 0);
    assert!(bank.end(waiting).is_approval());
    let (_, errors) = bank.card(&["confirm", &ticket, "confirm", "--password"], &format!("{PASSWORD}\n"), 1);
    assert!(errors.contains("no transaction waits"), "{errors}");

    let waiting = bank.begin(&server);
    let second = bank.ticket(first);
    bank.card(&["confirm", &second.to_string(), "cancel", "--password"], &format!("{PASSWORD}\n"), 0);
    assert_eq!(bank.end(waiting).to_string(), NOT_CONFIRMED);

    let waiting = bank.begin(&server);
    let third = bank.ticket(second);
    bank.card(&["confirm", &third.to_string(), "block"], "", 0);
    assert_eq!(bank.end(waiting).to_string(), RESTRICTED);
    assert_eq!(bank.purchase(&server), RESTRICTED);
    assert_eq!(bank.show(4)["status"], "restricted");
    drop(server);
    assert!(!fs::read_to_string(bank.log()).unwrap().contains(PASSWORD));
}

#[test]
fn a_customer_has_a_limit_of_their_own() {
    let mut bank = Bank::new();
    let mut server = bank.serve();
    bank.use_card(20);
    assert_eq!(bank.purchase(&server), "00");
    bank.card(&["limit", "family", "--customer", "C-20", "--count", "2"], "", 0);
    assert_eq!(bank.purchase(&server), "00");
    assert_eq!(bank.purchase(&server), "65");
    bank.use_card(24);
    assert_eq!(bank.purchase(&server), "00");
    server.kill();

    // With another number of shards it holds as before.
    let text = fs::read_to_string(&bank.site.config).unwrap();
    fs::write(&bank.site.config, text.replacen("shards = 3 ", "shards = 5 ", 1)).unwrap();
    let server = bank.serve();
    bank.use_card(20);
    bank.terminal.cards[0].set_atc(10);
    assert_eq!(bank.purchase(&server), "65");
    bank.card(
        &["limit", "family", "--customer", "C-20", "--amount", "900.00", "--for", "1h", "--once"],
        "",
        0,
    );
    assert_eq!(bank.purchase(&server), "00");
    assert_eq!(bank.purchase(&server), "65");
    let (_, errors) = bank.card(&["limit", "none", "--customer", "C-20", "--count", "2"], "", 1);
    assert!(errors.contains("limit"), "{errors}");
    drop(server);
}

#[test]
fn accounts_that_belong_together_live_together_whatever_the_shards() {
    let bank = Bank::new();
    let mut server = bank.serve();
    let pan = |number: u32| {
        let pan = card::Pan::with_check_digit(format!("400000{number:09}").as_bytes()).unwrap();
        pan.reveal().as_str().to_owned()
    };
    let numbers = 900_000_000..900_000_008;
    let header = "pan,expiry,account,account_type,currency,balance,further_accounts,home_account,customer\n";
    let mut text = header.to_owned();
    for number in numbers.clone() {
        // The savings account comes first: the card's line would open it with nothing. Odd ones do not say whose it is.
        let customer = format!("N-{number}");
        let of_savings = if number % 2 == 0 { customer.as_str() } else { "" };
        let pan = pan(number);
        text.push_str(&format!(",,S-{number},savings,USD,500.00,,P-{number},{of_savings}\n"));
        text.push_str(&format!("{pan},4912,P-{number},cheque,USD,100.00,savings:S-{number},,{customer}\n"));
        text.push_str(&format!(",,Q-{number},,USD,70.00,,,{customer}\n"));
    }
    let (out, errors) = bank.card(&["import", "-"], &text, 0);
    assert!(out.contains("8 added") && out.contains("24 opened"), "{out}{errors}");

    let keep = |number: u32| {
        let source = format!("Q-{number}");
        let levels = [
            "mode",
            "kept",
            "--source",
            &source,
            "--minimum",
            "150.00",
            "--maximum",
            "160.00",
            "--automatic",
        ];
        bank.card(&levels, &pan(number), 0);
        let (out, _) = bank.card(&["show", "--format", "json"], &pan(number), 0);
        let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(shown["ledger"], "160.00", "{shown}");
    };
    keep(900_000_000);
    keep(900_000_002);
    // The same lines change nothing, and a customer that comes later moves nothing.
    let (out, errors) = bank.card(&["import", "-"], &text.replace("100.00,", ",").replace("70.00", ""), 0);
    assert!(out.contains("8 unchanged"), "{out}{errors}");
    bank.card(&["update", "-"], "account,customer\nS-900000001,N-900000001\n", 0);
    for shards in ["shards = 3 ", "shards = 5 "] {
        server.kill();
        let text = fs::read_to_string(&bank.site.config).unwrap();
        fs::write(&bank.site.config, text.replacen("shards = 3 ", shards, 1)).unwrap();
        server = bank.serve();
        for number in numbers.clone() {
            let (out, _) = bank.card(&["show", "--format", "json"], &pan(number), 0);
            assert!(out.contains(&format!("S-{number}")) && out.contains("500.00"), "{out}");
        }
    }
    keep(900_000_004);
    keep(900_000_006);
    drop(server);
    let settings = switch::config::load(&bank.site.config).unwrap();
    let state = switch::recovery::load_state(&settings).unwrap();
    assert_eq!(state.trial_balance(card::Currency::parse("USD").unwrap()), 0);
}
