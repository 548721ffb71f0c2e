//! The program itself: LMK files, faults, the admin port, and what it says.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PASSPHRASE: &str = "a passphrase of this test";

#[test]
fn refuses_to_start_without_being_told_which_lmk() {
    let output = run(&["--listen", "127.0.0.1:0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("--test-lmk") && said.contains("--lmk-file FILE") && said.contains("lmk generate"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
    let both = run(&["--test-lmk", "--lmk-file", "x"], &[]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn says_loudly_that_it_is_a_simulator() {
    let program = Program::start(&["--test-lmk"]);
    let (request, response) = sample("nc-diagnostics");
    let mut stream = program.connect();
    assert_eq!(ask(&mut stream, &request, response.len()), response);
    let said = program.end();
    assert!(said.contains("THIS IS A SIMULATOR") && said.contains("PUBLIC TEST LMK"), "{said}");
}

#[test]
fn an_lmk_file_is_made_shown_and_served() {
    let folder = Folder::new("served");
    let (lmk, passphrase) = (folder.path("unit.lmk"), folder.passphrase());
    let made = run(&["lmk", "generate", "--out", &lmk, "--passphrase-file", &passphrase], &[]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(fs::metadata(&lmk).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = text(&made.stdout);
    assert!(listed.starts_with("00 variant        check value "), "{listed}");
    assert!(listed.contains("\n01 3des-key-block check value "), "{listed}");

    // Shown again, by each way to a passphrase.
    let credentials = folder.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(format!("{credentials}/hsm-sim.passphrase"), PASSPHRASE).unwrap();
    for variable in [("HSM_SIM_PASSPHRASE", PASSPHRASE), ("CREDENTIALS_DIRECTORY", &credentials)] {
        let shown = run(&["lmk", "show", &lmk], &[variable]);
        assert_eq!(text(&shown.stdout), listed, "{}", text(&shown.stderr));
    }

    // The unit serves them: NC answers the check value of 00, and a key of the test LMK is none here.
    let program = Program::start(&["--lmk-file", &lmk, "--passphrase-file", &passphrase]);
    let mut stream = program.connect();
    let (request, response) = sample("nc-diagnostics");
    let reply = ask(&mut stream, &request, response.len());
    let check_value = listed.lines().next().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(text(&reply[10..26]), format!("{check_value}0000000000"));
    let (request, _) = sample("cy-verify-cvv");
    assert_eq!(&ask(&mut stream, &request, 10)[8..], b"10");
    let said = program.end();
    assert!(said.contains("THIS IS A SIMULATOR") && !said.contains("PUBLIC TEST LMK"), "{said}");

    // No secret anywhere: not the passphrase, not a key.
    for said in [&said, &listed, &text(&made.stderr)] {
        assert!(!said.contains(PASSPHRASE));
    }
    let stored = hsm_sim::lmk_file::open(Path::new(&lmk), PASSPHRASE.as_bytes()).unwrap();
    for lmk in &stored {
        for part in lmk.reveal().chunks(8) {
            for said in [&said, &listed] {
                assert!(!said.to_uppercase().contains(&hex::encode_upper(part)));
            }
        }
    }
}

#[test]
fn lmk_files_are_refused_for_a_reason() {
    let folder = Folder::new("refused");
    let (lmk, passphrase) = (folder.path("unit.lmk"), folder.passphrase());
    let right = [("HSM_SIM_PASSPHRASE", PASSPHRASE)];
    let fails = |arguments: &[&str], environment: &[(&str, &str)], expect: &str| {
        let output = run(arguments, environment);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expect), "{said}");
        assert!(!said.contains(PASSPHRASE) && !said.contains("wrong one, wrong one"), "{said}");
    };
    fails(&["lmk", "generate", "--out", &lmk], &[], "no passphrase: name a file with --passphrase-file");
    fails(&["lmk", "generate", "--out", &lmk], &[("HSM_SIM_PASSPHRASE", "short")], "at least 12 characters");
    fails(&["lmk", "generate", "--out", &lmk], &[("HSM_SIM_PASSPHRASE", "")], "is empty");
    let twice = [
        "lmk", "generate", "--out", &lmk, "--kind", "variant", "--id", "3", "--kind", "variant", "--id", "3",
    ];
    fails(&twice, &right, "two LMKs have the identifier 03");
    let too_few = ["lmk", "generate", "--out", &lmk, "--kind", "variant", "--kind", "variant", "--id", "3"];
    fails(&too_few, &right, "2 kinds but 1 identifiers");
    assert!(!Path::new(&lmk).exists());

    let aes = ["lmk", "generate", "--out", &lmk, "--kind", "aes-key-block", "--id", "7"];
    let made = run(&aes, &right);
    assert!(text(&made.stdout).starts_with("07 aes-key-block  check value "));
    let before = fs::read(&lmk).unwrap();
    fails(&aes, &right, "never overwritten");
    assert_eq!(fs::read(&lmk).unwrap(), before);
    let wrong = [("HSM_SIM_PASSPHRASE", "wrong one, wrong one")];
    fails(&["lmk", "show", &lmk], &wrong, "wrong passphrase, or the file was changed");
    fails(&["--listen", "127.0.0.1:0", "--lmk-file", &lmk], &wrong, "wrong passphrase");
    fails(&["lmk", "show", &passphrase], &right, "no LMK file");
    fails(&["lmk", "show", "/nowhere/unit.lmk"], &right, "/nowhere/unit.lmk: No such file");
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o644)).unwrap();
    fails(&["lmk", "show", &lmk, "--passphrase-file", &passphrase], &[], "others may use it (mode 644)");
}

#[test]
fn nothing_goes_wrong_unless_asked_for() {
    let program = Program::start(&["--test-lmk", "--admin", "127.0.0.1:0"]);
    assert_eq!(program.admin("faults"), "ok\n");
    assert_eq!(program.admin("rate"), "rate off\nok\n");
    let (request, response) = sample("cy-verify-cvv");
    let mut stream = program.connect();
    stream.write_all(&request.repeat(200)).unwrap();
    assert_eq!(read(&mut stream, response.len() * 200), response.repeat(200));
    let stats = program.admin("stats");
    let line: Vec<_> = stats.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..5], ["CY", "200", "0", "0", "0"]);
}

#[test]
fn lost_replies_and_wrong_ones() {
    let program = Program::start(&[
        "--test-lmk",
        "--fault",
        "B2 drop=1",
        "--fault",
        "CW error=41",
        "--fault",
        "CY flip=1",
    ]);
    let mut stream = program.connect();
    let (echo, generate, right, wrong) =
        (sample("b2-echo"), sample("cw-generate-cvv"), sample("cy-verify-cvv"), sample("cy-wrong-cvv"));
    stream.write_all(&[&echo.0[..], &generate.0, &right.0, &wrong.0].concat()).unwrap();
    // The echo is lost; the others follow.
    let replies = read(&mut stream, 30);
    let (first, rest) = replies.split_at(10);
    assert_eq!((&first[2..6], &first[6..]), (&generate.0[2..6], &b"CX41"[..]));
    assert_eq!((&rest[6..10], &rest[16..]), (&b"CZ01"[..], &b"CZ00"[..]));
    // The trailer still comes back.
    let request = frame(&[&generate.0[2..], b"\x19mine"].concat());
    assert_eq!(&ask(&mut stream, &request, 15)[6..], b"CX41\x19mine");
}

#[test]
fn a_seed_repeats_what_was_lost() {
    let lost = |seed| {
        let program = Program::start(&["--test-lmk", "--seed", seed, "--fault", "B2 drop=0.3"]);
        let mut stream = program.connect();
        let mut requests = Vec::new();
        for number in 0..100 {
            requests.extend(frame(format!("{number:04}B20001x").as_bytes()));
        }
        // What comes last is never lost, so that all before it has been answered.
        requests.extend(frame(b"lastNC"));
        stream.write_all(&requests).unwrap();
        let mut answered = Vec::new();
        loop {
            let header = next_header(&mut stream);
            if header == "last" {
                return answered;
            }
            answered.push(header);
        }
    };
    let first = lost("7");
    assert!((50..90).contains(&first.len()), "{}", first.len());
    assert_eq!(first, lost("7"));
    assert_ne!(first, lost("8"));
}

#[test]
fn a_connection_is_closed_in_place_of_a_reply() {
    let program = Program::start(&["--test-lmk", "--fault", "CY disconnect=1"]);
    let (echo, verify) = (sample("b2-echo"), sample("cy-verify-cvv"));
    let mut stream = program.connect();
    stream.write_all(&[&echo.0[..], &verify.0, &echo.0].concat()).unwrap();
    assert_eq!(read(&mut stream, echo.1.len()), echo.1);
    assert_closed(&mut stream);
    // Others are served.
    assert_eq!(ask(&mut program.connect(), &echo.0, echo.1.len()), echo.1);

    // Behind a reply that waits, it waits too.
    let program = Program::start(&["--test-lmk", "--fault", "CY disconnect=1", "--fault", "B2 delay=50ms"]);
    let mut stream = program.connect();
    stream.write_all(&[&echo.0[..], &verify.0].concat()).unwrap();
    assert_eq!(read(&mut stream, echo.1.len()), echo.1);
    assert_closed(&mut stream);
}

#[test]
fn delayed_replies_come_late_together_and_in_order() {
    let program = Program::start(&["--test-lmk", "--fault", "B2 delay=1s"]);
    let (echo, verify) = (sample("b2-echo"), sample("cy-verify-cvv"));
    let mut stream = program.connect();
    let begun = Instant::now();
    assert_eq!(ask(&mut stream, &verify.0, verify.1.len()), verify.1);
    assert!(begun.elapsed() < Duration::from_millis(900));
    let begun = Instant::now();
    let requests = [echo.0.repeat(20), verify.0.clone()].concat();
    let responses = [echo.1.repeat(20), verify.1.clone()].concat();
    stream.write_all(&requests).unwrap();
    assert_eq!(read(&mut stream, responses.len()), responses);
    let elapsed = begun.elapsed();
    // Twenty delays one after the other would take twenty seconds: those of a connection pass side by side.
    assert!(elapsed >= Duration::from_millis(999) && elapsed < Duration::from_secs(10), "{elapsed:?}");
    // What was asked before the peer closed its side is answered.
    stream.write_all(&echo.0).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream, echo.1.len()), echo.1);
    assert_closed(&mut stream);
}

/// More than may wait: the connection is read more slowly, and nothing is lost.
#[test]
fn a_queue_that_is_full_holds_the_peer_back() {
    let program = Program::start(&["--test-lmk", "--fault", "B2 delay=uniform:1ms..20ms", "--seed", "5"]);
    let mut stream = program.connect();
    let mut sender = stream.try_clone().unwrap();
    const COUNT: usize = 10_000;
    let sending = thread::spawn(move || {
        let requests = (0..COUNT).flat_map(|number| frame(format!("{number:04}B20001x").as_bytes()));
        sender.write_all(&requests.collect::<Vec<_>>()).unwrap();
    });
    for number in 0..COUNT {
        assert_eq!(next_header(&mut stream), format!("{number:04}"));
    }
    sending.join().unwrap();
}

#[test]
fn replies_may_overtake_when_allowed() {
    let program = Program::start(&["--test-lmk", "--out-of-order", "--fault", "B2 delay=1s"]);
    let (echo, verify) = (sample("b2-echo"), sample("cy-verify-cvv"));
    let mut stream = program.connect();
    stream.write_all(&[&echo.0[..], &verify.0].concat()).unwrap();
    assert_eq!(read(&mut stream, verify.1.len()), verify.1);
    assert_eq!(read(&mut stream, echo.1.len()), echo.1);
}

#[test]
fn a_licensed_rate_makes_replies_slower_and_loses_none() {
    let program = Program::start(&["--test-lmk", "--rate", "100"]);
    let (echo, response) = sample("b2-echo");
    let begun = Instant::now();
    // Two connections share the rate.
    let mut streams = [program.connect(), program.connect()];
    for stream in &mut streams {
        stream.write_all(&echo.repeat(15)).unwrap();
    }
    for stream in &mut streams {
        assert_eq!(read(stream, response.len() * 15), response.repeat(15));
    }
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(299), "{elapsed:?}");
}

#[test]
fn the_admin_port_changes_a_running_unit() {
    let program = Program::start(&["--test-lmk", "--admin", "127.0.0.1:0"]);
    let (verify, yes) = sample("cy-verify-cvv");
    let mut stream = program.connect();
    assert_eq!(ask(&mut stream, &verify, yes.len()), yes);
    assert_eq!(program.admin("fault CY flip=1\nfault * delay=uniform:1ms..2ms"), "ok\nok\n");
    assert_eq!(program.admin("faults"), "* delay=uniform:1ms..2ms\nCY flip=1\nok\n");
    assert_eq!(&ask(&mut stream, &verify, yes.len())[8..], b"01");
    assert_eq!(program.admin("clear"), "ok\n");
    assert_eq!(ask(&mut stream, &verify, yes.len()), yes);
    let stats = program.admin("stats");
    let line: Vec<_> = stats.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..5], ["CY", "3", "1", "0", "0"]);
    assert_eq!(program.admin("stats reset\nstats").lines().count(), 3);
    assert!(program.admin("help").contains("fault CA delay=5ms"));
    assert!(program.admin("fault CA drop=2").starts_with("error: `2` is no probability; write 0 to 1"));
    assert!(program.admin(&"x".repeat(2000)).starts_with("error: a line has at most 1024 bytes"));
    // A page in a browser cannot reach it.
    assert!(
        program.admin("POST / HTTP/1.1\nHost: x\n\nfault * drop=1").starts_with("error: this is no HTTP")
    );
    assert_eq!(program.admin("faults"), "ok\n");
}

#[test]
fn the_authorised_state_is_a_flag() {
    for (flag, frame) in [
        (&["--test-lmk", "--authorised"][..], "../hsm_keys/gc-authorised"),
        (&["--test-lmk"], "legacy-gc-not-authorised"),
    ] {
        let program = Program::start(flag);
        let (request, response) = sample(frame);
        assert_eq!(text(&ask(&mut program.connect(), &request, response.len())), text(&response));
    }
}

#[test]
fn the_longest_pin_is_a_flag() {
    // Digits of a PIN under the LMK: one more than the longest PIN, however long it is itself.
    for (flag, digits) in [(&["--test-lmk", "--pin-length", "6"][..], 7), (&["--test-lmk"], 13)] {
        let program = Program::start(flag);
        let reply = ask(&mut program.connect(), &frame(b"0001JA00012345678905"), 2 + 8 + digits);
        assert_eq!(usize::from(reply[1]), 8 + digits);
        assert_eq!(text(&reply[2..10]), "0001JB00");
        assert!(reply[10..].iter().all(u8::is_ascii_digit));
    }
    let program = Program::start(&["--test-lmk", "--pin-length", "6"]);
    let refused = ask(&mut program.connect(), &frame(b"0001JA00012345678907"), 2 + 8);
    assert_eq!(text(&refused[2..]), "0001JB24");
    for length in ["3", "13"] {
        let output = run(&["--test-lmk", "--listen", "127.0.0.1:0", "--pin-length", length], &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("4..=12"), "{}", text(&output.stderr));
    }
}

#[test]
fn wrong_options_are_explained() {
    let fails = |arguments: &[&str], code, expect: &str| {
        let output = run(&[&["--test-lmk", "--listen", "127.0.0.1:0"], arguments].concat(), &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expect), "{said}");
    };
    fails(&["--fault", "CA drop=7"], 2, "no probability");
    fails(&["--fault", "CA drop=1", "--fault", "CA flip=1"], 2, "commands that verify");
    fails(&["--fault", "CA drop=1", "--fault", "CA delay=1ms"], 1, "two --fault for CA");
    fails(&["--rate", "0"], 2, "1 to 1000000");
    fails(&["--admin", "0.0.0.0:0"], 1, "--admin-anywhere");
    fails(&["--admin-anywhere"], 2, "--admin");
    fails(&["--passphrase", "x"], 2, "unexpected argument");
}

/// With everything logged: command codes, and nothing of what is in the commands and replies.
#[test]
fn no_contents_in_any_output() {
    let arguments =
        ["--test-lmk", "--admin", "127.0.0.1:0", "--fault", "* delay=1ms error=41:0.2", "--seed", "1"];
    let program = Program::start_logging(&arguments);
    let mut stream = program.connect();
    let mut secrets = Vec::new();
    for name in ["cy-verify-cvv", "cw-generate-cvv", "cc-translate-pin", "da-verify-ibm", "truncated-command"]
    {
        let (request, _) = sample(name);
        stream.write_all(&request).unwrap();
        next_header(&mut stream);
        let body = text(&request[8..]);
        secrets.extend(body.as_bytes().windows(8).map(text));
    }
    let answers = program.admin("stats\nfaults\nhelp");
    let said = program.end();
    assert!(said.contains("code=CY") && said.contains("code=CC"), "{said}");
    // The time of a log line may look like any digits; what follows it is what counts.
    let said: String = said.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest)).collect();
    for secret in secrets {
        assert!(!said.contains(&secret) && !answers.contains(&secret), "{secret} in {said}");
    }
}

/// The program while it runs; ended when dropped.
struct Program {
    child: Child,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        Program::spawn(arguments, "info")
    }

    fn start_logging(arguments: &[&str]) -> Program {
        Program::spawn(arguments, "trace")
    }

    fn spawn(arguments: &[&str], log: &str) -> Program {
        let mut child = command()
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let reader = {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut bytes = Vec::new();
                stderr.read_to_end(&mut bytes).unwrap();
                *said.lock().unwrap() = text(&bytes);
            })
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |word| {
            let line = lines.next().expect("it says where it listens").unwrap();
            line.strip_prefix(word).unwrap_or_else(|| panic!("{line}")).parse().unwrap()
        };
        let listening = address("listening ");
        let admin = arguments.contains(&"--admin").then(|| address("admin "));
        Program { child, address: listening, admin, said, reader: Some(reader) }
    }

    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends lines to the admin port and reads until it closes.
    fn admin(&self, lines: &str) -> String {
        let mut stream = connect(self.admin.unwrap());
        stream.write_all(format!("{lines}\n").as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // It closed while bytes of ours were on their way.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
        text(&answer)
    }

    /// Ends it, and returns what it has said on standard error.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of one test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("hsm-sim-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn passphrase(&self) -> String {
        let path = self.path("passphrase");
        fs::write(&path, format!("{PASSPHRASE}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hsm-sim"));
    command.env_remove("HSM_SIM_PASSPHRASE").env_remove("CREDENTIALS_DIRECTORY").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, request: &[u8], length: usize) -> Vec<u8> {
    stream.write_all(request).unwrap();
    read(stream, length)
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Reads one reply and returns its header of four characters.
fn next_header(stream: &mut TcpStream) -> String {
    let length = read(stream, 2);
    let reply = read(stream, usize::from(u16::from_be_bytes([length[0], length[1]])));
    text(&reply[..4])
}

fn assert_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("still open: {other:?}"),
    }
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

fn sample(name: &str) -> (Vec<u8>, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/hsm/{name}.hex"));
    let text = fs::read_to_string(path).unwrap();
    let line =
        |word| hex::decode(text.lines().find_map(|line| line.strip_prefix(word)).unwrap().trim()).unwrap();
    (line("request"), line("response"))
}
