//! No card number in clear in any file that a switch writes in its life: journal, old segments, snapshots, transaction
//! store, archive, webhooks, backup, log.

use crate::card_number_scan::CardNumberScan;
use crate::{CARDS, Connection, LoadTerminal, Running, Site, turnout, wait_until};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use switch::demo::receiver::Receiver;

/// Cards whose serial numbers are spread over all there are: what is mostly zeros is found where it is not.
const SERIALS: u32 = 24;

#[test]
fn no_file_shows_a_card_number() {
    let folder = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    // It takes some, refuses others for good, and is down in the end.
    let receiver = Receiver::start(0, move |body| match body.len() % 3 {
        _ if is_down.load(Ordering::Relaxed) => 503,
        0 => 422,
        _ => 200,
    })
    .unwrap();
    let root = folder.path().join("site");
    let site = Site::with(&root, CARDS, |text| configuration(&text, &root, &receiver), |cards| cards);
    let serials = || (0..SERIALS).map(|number| 123_456_789 + number * 31_415_926);
    let scan = CardNumberScan::new(&serials().map(|serial| site.issuer.pan(serial)).collect::<Vec<_>>());
    import(&site, serials());
    let mut terminal = LoadTerminal {
        cards: serials().map(|serial| site.issuer.card(serial)).collect(),
        ..LoadTerminal::new(0, &site.issuer)
    };
    let data = root.join("turnout-data");
    let log = folder.path().join("serve.log");

    // A day, under two data keys.
    let server = start(&site, &log);
    purchases(&mut terminal, &server, 40);
    run(&site, "key", &["rotate-data"], &[]);
    let aged = || {
        exists_in(&data.join("journal-archive"), ".journal")
            && exists_in(&data.join("snapshots"), ".snapshot")
    };
    let mut more = 0;
    while !aged() {
        purchases(&mut terminal, &server, 10);
        more += 1;
        assert!(more < 200, "no snapshot is taken, or the segments that it makes needless are not archived");
    }
    wait_until(
        || exists_in(&data, "quarantine") || exists_in(&data.join("webhooks"), "quarantine"),
        "refused",
    );
    drop(server);

    // A day later that one is over. The receiver is down, and the switch is killed with what waits for it.
    rewrite_offset(&site, "+23:59");
    down.store(true, Ordering::Relaxed);
    let server = start(&site, &log);
    purchases(&mut terminal, &server, 20);
    wait_until(|| exists_in(&data.join("archive"), ".parquet"), "the day is archived");
    let backup = folder.path().join("backup");
    run(&site, "backup", &["create"], &[&backup]);
    purchases(&mut terminal, &server, 5);

    // While it runs, so with the write-ahead log of the store, and as a crash leaves it.
    wait_until(|| exists_in(&data, ".db-wal"), "the store has a write-ahead log");
    let mut files = scan.finds_none_below(&data);
    drop(server);
    files.extend(scan.finds_none_below(&data));
    run(&site, "key", &["rewrap", "--file"], &[&root.join("new.key")]);
    files.extend(scan.finds_none_below(&data));
    files.extend(scan.finds_none_below(&backup));
    let said = fs::read(&log).unwrap();
    assert!(said.len() > 10_000 && scan.find(&said).is_none(), "the log of {} bytes", said.len());
    for delivery in receiver.stop() {
        assert!(scan.find(&delivery.body).is_none(), "an event shows a card number");
    }

    let seen = |folder: &Path, end: &str| {
        files.iter().any(|file| file.starts_with(folder) && file.to_string_lossy().ends_with(end))
    };
    for (place, end) in [
        ("journal", ".journal"),
        ("journal-archive", ".journal"),
        ("snapshots", ".snapshot"),
        ("archive", ".parquet"),
        ("", "transactions.db"),
        ("", "transactions.db-wal"),
        ("webhooks", ".place"),
        ("webhooks", ".quarantine.jsonl"),
        ("", "data-keys.json"),
    ] {
        assert!(seen(&data.join(place), end), "{place}/*{end} was looked at: {files:?}");
    }
    assert!(seen(&backup, ".journal") && seen(&backup, ".snapshot"), "{files:?}");
    // What the search is told to find, it finds: the card file is in clear.
    assert!(scan.find(&fs::read(root.join("more.csv")).unwrap()).is_some());
}

/// Small segments that go into the archive at once, snapshots as often as can be, little memory, a webhook, and a
/// business day that is far behind.
fn configuration(text: &str, root: &Path, receiver: &Receiver) -> String {
    let key = root.join("webhook.key");
    fs::write(&key, "0f1e2d3c4b5a69788796a5b4c3d2e1f0").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let changes = [
        ("segment = \"64MiB\"\n", "segment = \"64KiB\"\nkeep = \"1ms\"\n"),
        ("business_offset = \"+00:00\"", "business_offset = \"-23:59\""),
        (
            "\n[hsm]\n",
            "\n[snapshots]\njournal = \"64KiB\"\nkeep = 1\n\n[memory]\ntransactions = 20\n\n[hsm]\n",
        ),
    ];
    let text = changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} stands in the configuration");
        text.replacen(from, to, 1)
    });
    let address = receiver.address();
    format!(
        "{text}\n[[webhook]]\nname = \"bank\"\nurl = \"http://{address}/events\"\nsecret = \"webhook.key\"\n\
         timeout = \"2s\"\nbatch = 2\n"
    )
}

fn rewrite_offset(site: &Site, offset: &str) {
    crate::rewrite(&site.config, |text| text.replace("\"-23:59\"", &format!("\"{offset}\"")));
}

/// Puts these cards on file.
fn import(site: &Site, serials: impl Iterator<Item = u32>) {
    let issuer = &site.issuer;
    let mut lines = "pan,expiry,status,card_sequence,account,currency,balance,pvki,pvv\n".to_owned();
    for (serial, number) in serials.zip(1..) {
        let (pan, expiry, pvv) = (issuer.pan(serial), issuer.expiry.to_yymm(), issuer.pvv(serial));
        let (pan, expiry, pvv) = (pan.reveal(), expiry.escape_ascii(), pvv.escape_ascii());
        let pan = pan.as_str();
        lines += &format!("{pan},{expiry},active,1,SPREAD-{number},USD,100000.00,1,{pvv}\n");
    }
    let file = site.config.with_file_name("more.csv");
    fs::write(&file, lines).unwrap();
    run(site, "card", &["import"], &[&file]);
}

fn start(site: &Site, log: &Path) -> Running {
    let log = File::options().create(true).append(true).open(log).unwrap();
    Running::start_logging(&site.config, "debug", Stdio::from(log))
}

fn purchases(terminal: &mut LoadTerminal, server: &Running, rounds: usize) {
    let mut connection = Connection::open(server.address).unwrap();
    for _ in 0..rounds {
        let requests: Vec<Vec<u8>> = (0..10).map(|_| terminal.purchase()).collect();
        requests.iter().for_each(|request| connection.send(request).unwrap());
        requests.iter().for_each(|_| drop(connection.receive().expect("every purchase is answered")));
    }
}

fn run(site: &Site, command: &str, arguments: &[&str], paths: &[&Path]) {
    let mut started = turnout();
    started.args([command, arguments[0], "--config"]).arg(&site.config).args(&arguments[1..]).args(paths);
    let output = started.output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a file below a folder has such a part in its name.
fn exists_in(folder: &Path, part: &str) -> bool {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.iter().any(|path| path.to_string_lossy().contains(part) || path.is_dir() && exists_in(path, part))
}
