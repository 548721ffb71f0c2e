//! `SIGHUP`: new tables while it runs, and none from a file with mistakes.

use crate::{Running, Site, rewrite};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_file_is_read_anew_at_a_hangup() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    let mut running = Running::start_logging(&site.config, "info", Stdio::piped());
    let log = lines(&mut running);
    let hang_up = || kill_process(Pid::from_child(&running.child), Signal::HUP).unwrap();

    rewrite(&site.config, |text| {
        format!("{text}\n[[rate]]\nfrom = \"GBP\"\nto = \"USD\"\nrate = \"1.265\"\n")
    });
    hang_up();
    assert!(wait_for(&log, "new tables").contains("version=2"));

    rewrite(&site.config, |text| text.replace("\"1.265\"", "\"-1.265\""));
    hang_up();
    assert!(wait_for(&log, "the configuration was not taken").contains("rate[0].rate: is no rate"));

    rewrite(&site.config, |text| text.replace("\"-1.265\"", "\"1.27\""));
    hang_up();
    assert!(wait_for(&log, "new tables").contains("version=3"));
    kill_process(Pid::from_child(&running.child), Signal::TERM).unwrap();
    assert!(running.child.wait().unwrap().success());
}

fn lines(running: &mut Running) -> Receiver<String> {
    let (send, receive) = channel();
    let log = BufReader::new(running.child.stderr.take().unwrap());
    std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    receive
}

fn wait_for(log: &Receiver<String>, text: &str) -> String {
    std::iter::from_fn(|| log.recv_timeout(PATIENCE).ok())
        .find(|line| line.contains(text))
        .unwrap_or_else(|| panic!("the log does not say {text:?}"))
}
