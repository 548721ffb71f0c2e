use crate::{keys, open};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use store::{Committer, FileJournal, Journal, Sequence, Settings, Stream};

const DIR: &str = "TURNOUT_TEST_JOURNAL";

/// The other process of the test below: commits until it is killed, and says on standard output
/// what is durable.
#[test]
#[ignore = "runs as the child of nothing_acknowledged_is_lost_when_the_writer_is_killed"]
fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let settings = Settings { segment_bytes: 1 << 16 };
    let (journal, _) =
        FileJournal::open(Path::new(&dir), &keys(Path::new(&dir)), settings, &mut |_, _, _| Ok(())).unwrap();
    let mut next = journal.position(Stream(0));
    let (wake, awake) = mpsc::channel();
    let on_durable = Arc::new(move |_, position: Sequence| {
        // No line is ever torn: one write each.
        let line = format!("durable {}\n", position.0);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        wake.send(()).unwrap();
    });
    let committer =
        Committer::start(Box::new(journal), 1, 64, on_durable, |failure| panic!("{failure}")).unwrap();
    let handle = committer.handle();
    // Bounded, in case nobody comes to kill us.
    for _ in 0..100_000 {
        let mut batch = handle.batch();
        for index in 0..5 {
            batch.push(&next.after(index).0.to_le_bytes());
        }
        next = next.after(5);
        handle.submit(Stream(0), Sequence(next.0 - 5), batch).unwrap();
        // A few batches under way at any time, never more than the queue takes.
        while handle.durable().position(Stream(0)).0 + 50 < next.0 {
            awake.recv().unwrap();
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut least = 0;
    for lines_before_kill in [1, 2, 17, 40, 63] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writer", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let durable = output.lines().map_while(Result::ok);
        let mut durable = durable.filter_map(|line| line.split("durable ").nth(1)?.parse::<u64>().ok());
        let mut acknowledged = durable.by_ref().take(lines_before_kill).last();
        child.kill().unwrap();
        // What it had still acknowledged counts as well.
        acknowledged = durable.last().or(acknowledged);
        child.wait().unwrap();
        let acknowledged = acknowledged.expect("the writer commits");
        assert!(acknowledged > least, "the writer went on where the last one was killed");
        let (journal, replay, seen) = open(dir.path()).unwrap();
        assert!(replay.records >= acknowledged);
        assert_eq!(journal.position(Stream(0)), Sequence(replay.records));
        for ((_, sequence, record), index) in seen.iter().zip(0u64..) {
            assert_eq!((sequence.0, &record[..]), (index, &index.to_le_bytes()[..]));
        }
        least = acknowledged;
    }
}
