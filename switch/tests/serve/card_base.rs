//! The card base changes while the switch runs: by the command and by the control socket, from the next
//! authorization on, and for good.

use crate::{Connection, LoadTerminal, Running, Site, turnout};
use card::ResponseCode;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use terminal::PosResponse;

const RESTRICTED: &str = "62";
const UNKNOWN: &str = "14";
const NEW_CARD: &str = "4000009999999991";

struct Bank {
    folder: tempfile::TempDir,
    site: Site,
    terminal: LoadTerminal,
}

impl Bank {
    /// With more than one shard, so that changes have to find the right one.
    fn new() -> Bank {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(&folder.path().join("site"));
        let text = fs::read_to_string(&site.config).unwrap();
        fs::write(&site.config, text.replacen("shards = 1 ", "shards = 3 ", 1)).unwrap();
        let mut terminal = LoadTerminal::new(0, &site.issuer);
        terminal.cards = vec![site.issuer.card(7)];
        Bank { folder, site, terminal }
    }

    fn pan(&self) -> String {
        self.site.issuer.pan(7).reveal().as_str().to_owned()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn serve(&self) -> Running {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        Running::start_logging(&self.site.config, "debug", Stdio::from(log))
    }

    /// What the card's purchase is answered.
    fn purchase(&mut self, server: &Running) -> ResponseCode {
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&self.terminal.purchase()).unwrap();
        let response = connection.receive().unwrap();
        PosResponse::parse(&response, self.terminal.pos.dialect).unwrap().code
    }

    /// `turnout card COMMAND - …` with this input: exit code, standard output, standard error.
    fn card(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
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
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("site/turnout-data/control.sock")
    }

    /// A request of the control socket as any client may write it: status and body.
    fn request(&self, method: &str, target: &str, body: &str) -> (u16, serde_json::Value) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        self.send(&mut stream, method, target, body.len(), body)
    }

    fn send(
        &self,
        stream: &mut UnixStream,
        method: &str,
        target: &str,
        length: usize,
        body: &str,
    ) -> (u16, serde_json::Value) {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

#[test]
fn a_change_counts_from_the_next_authorization_on_and_survives_kill_9() {
    let mut bank = Bank::new();
    let pan = bank.pan();
    let mut server = bank.serve();
    assert_eq!(fs::metadata(bank.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(bank.purchase(&server).is_approval());

    // Blocked by the command.
    let (code, out, errors) = bank.card(&["update", "-"], &format!("pan,status\n{pan},restricted\n"));
    assert_eq!(code, 0, "{errors}");
    assert!(out.starts_with("cards: 0 added, 1 updated"), "{out}");
    assert_eq!(bank.purchase(&server).to_string(), RESTRICTED);
    server.kill();
    let mut server = bank.serve();
    assert_eq!(bank.purchase(&server).to_string(), RESTRICTED);

    // Unblocked by the socket.
    let body = format!("{{\"pan\":\"{pan}\",\"status\":\"active\"}}");
    let (status, answer) = bank.request("POST", "/v1/cards/status", &body);
    assert_eq!((status, &answer["cards_updated"]), (200, &1.into()), "{answer}");
    assert!(bank.purchase(&server).is_approval());
    server.kill();
    let mut server = bank.serve();
    assert!(bank.purchase(&server).is_approval());

    // Its counters and balance as they are now: three purchases.
    let (status, shown) = bank.request("POST", "/v1/cards/show", &format!("{{\"pan\":\"{pan}\"}}"));
    assert_eq!(status, 200);
    assert_eq!(
        (&shown["status"], &shown["today"]["purchases"]["count"]),
        (&"active".into(), &3.into()),
        "{shown}"
    );
    assert!(shown["highest_atc"].as_u64() > Some(0) && shown["ledger"] != "1000.00", "{shown}");

    // Removed, and put back.
    let (code, out, errors) = bank.card(&["remove", "-"], &format!("{pan}\n"));
    assert_eq!((code, out.lines().next()), (0, Some("cards: 1 removed, 0 not on file")), "{errors}");
    assert_eq!(bank.purchase(&server).to_string(), UNKNOWN);
    server.kill();
    let server = bank.serve();
    assert_eq!(bank.purchase(&server).to_string(), UNKNOWN);
    assert_eq!(bank.request("POST", "/v1/cards/show", &format!("{{\"pan\":\"{pan}\"}}")).0, 404);
    let account = "0000000007";
    let (code, _, errors) =
        bank.card(&["import", "-"], &format!("pan,expiry,account\n{pan},4912,{account}\n"));
    assert_eq!(code, 0, "{errors}");
    // The card has no PIN reference value now, so the purchase with PIN is declined, but no longer unknown.
    assert_ne!(bank.purchase(&server).to_string(), UNKNOWN);
    drop(server);

    let log = fs::read_to_string(bank.log()).unwrap();
    assert!(log.contains("card base changed"), "{log}");
    assert!(!log.contains(&pan), "a card number is in the log");
}

#[test]
fn many_lines_go_to_the_running_switch_all_or_none() {
    let bank = Bank::new();
    let server = bank.serve();
    let mut text = "pan,expiry,account,balance\n".to_owned();
    for serial in 0..3_000 {
        let pan = card::Pan::with_check_digit(format!("400000555{serial:06}").as_bytes()).unwrap();
        // Three cards share an account, and only the first line opens it.
        let (account, balance) = (serial / 3, if serial % 3 == 0 { "5.00" } else { "" });
        text += &format!("{},4912,LIVE-{account},{balance}\n", pan.reveal().as_str());
    }
    let bad = format!("{text}{NEW_CARD},4912,LIVE-0,6.00\n{},4912,0000000001,\n", bank.pan());
    let (code, out, errors) = bank.card(&["import", "-"], &bad);
    assert_eq!((code, out.as_str()), (65, ""));
    assert!(errors.contains("-:3002: 400000******9991: account: disagrees with line 2"), "{errors}");
    let (_, cards, _) = bank.card(&["list", "--format", "json"], "");
    assert!(!cards.contains("LIVE-"), "{cards}");
    // What only the switch can know is found before anything is done, too.
    let bad = format!("{text}{},4912,0000000001,\n", bank.pan());
    let (code, _, errors) = bank.card(&["import", "-"], &bad);
    assert_eq!(code, 65);
    assert!(
        errors.contains("-:3002: 400000") && errors.contains("account: a card on file stays"),
        "{errors}"
    );
    assert!(errors.contains("nothing was done: 1 line is bad") && !errors.contains(&bank.pan()), "{errors}");
    let (_, cards, _) = bank.card(&["list", "--format", "json"], "");
    assert!(!cards.contains("LIVE-"), "{cards}");

    let (code, out, errors) = bank.card(&["import", "-"], &text);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("cards: 3000 added") && out.contains("accounts: 1000 opened"), "{out}");
    let (code, out, errors) = bank.card(&["import", "-"], &text);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("cards: 0 added, 0 updated, 3000 unchanged"), "{out}");

    // With money an account stays, and so does its card; without, both go.
    let first = text.lines().nth(1).unwrap().split(',').next().unwrap();
    let (status, answer) = bank.request("POST", "/v1/cards/remove?accounts=true", first);
    assert_eq!((status, &answer["cards_removed"]), (422, &0.into()), "{answer}");
    let put =
        format!("{{\"pan\":\"{NEW_CARD}\",\"expiry\":\"4912\",\"account\":\"EMPTY\",\"balance\":\"0\"}}");
    assert_eq!(bank.request("POST", "/v1/cards", &put).0, 200);
    let (status, answer) = bank.request("POST", "/v1/cards/remove?accounts=true", NEW_CARD);
    assert_eq!((status, &answer["accounts_removed"]), (200, &1.into()), "{answer}");
    drop(server);

    // What the switch has said is in the journal, and the books are even.
    let settings = switch::config::load(&bank.site.config).unwrap();
    let state = switch::recovery::load_state(&settings).unwrap();
    assert_eq!(state.size(), (3_000 + crate::CARDS as usize, 1_000 + crate::CARDS as usize));
    assert_eq!(state.trial_balance(card::Currency::parse("USD").unwrap()), 0);
}

#[test]
fn what_is_no_request_of_the_control_socket_is_told_so() {
    let bank = Bank::new();
    let server = bank.serve();
    let pan = bank.pan();
    let check = |method: &str, target: &str, body: &str, status: u16, expect: &str| {
        let (told, answer) = bank.request(method, target, body);
        assert_eq!(told, status, "{method} {target}: {answer}");
        let text = answer.to_string();
        assert!(text.contains(expect) && !text.contains(&pan), "{method} {target}: {text}");
    };
    check("GET", "/v1/cards", "", 405, "POST /v1/cards");
    check("POST", "/v1/card", "", 404, "POST /v1/cards");
    check("POST", "/v1/cards?force=true", "", 400, "update, check and accounts");
    check("POST", "/v1/cards/show", "{}", 422, "the body must be");
    check("POST", "/v1/cards", "{\"pan\":\"1\"}", 422, "must be 12 to 19 digits");
    check("POST", "/v1/cards/status", &format!("{{\"pan\":\"{pan}\"}}"), 422, "status: is missing");
    check(
        "POST",
        "/v1/cards/status",
        &format!("{{\"pan\":\"{pan}\",\"status\":\"gone\"}}"),
        422,
        "must be one of",
    );
    let expiry = format!("{{\"pan\":\"{pan}\",\"status\":\"lost\",\"expiry\":\"4911\"}}");
    check("POST", "/v1/cards/status", &expiry, 422, "has more than pan and status");
    check("POST", "/v1/cards", &format!("{{\"pan\":\"{pan}\",\"status\":\"lost\"}}"), 422, "on file already");
    // One that is announced too long is refused before it comes.
    let mut stream = UnixStream::connect(bank.socket()).unwrap();
    let (told, answer) = bank.send(&mut stream, "POST", "/v1/cards", (8 << 20) + 1, "");
    assert_eq!(told, 413, "{answer}");
    // A check says what would be done, and does nothing.
    let lost = format!("{{\"pan\":\"{pan}\",\"status\":\"lost\"}}");
    check("POST", "/v1/cards?update=true&check=true", &lost, 200, "\"cards_updated\":1");
    check("POST", "/v1/cards/show", &format!("{{\"pan\":\"{pan}\"}}"), 200, "\"status\":\"active\"");
    drop(server);

    // A socket that a killed process has left is in nobody's way.
    assert!(bank.socket().exists());
    let (code, _, errors) = bank.card(&["update", "-"], &format!("pan,status\n{pan},lost\n"));
    assert_eq!(code, 0, "{errors}");
    let server = bank.serve();
    check("POST", "/v1/cards/show", &format!("{{\"pan\":\"{pan}\"}}"), 200, "\"status\":\"lost\"");
    drop(server);
}
