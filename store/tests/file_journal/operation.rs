use crate::{SMALL, append, change, frames, keys, open, read, segment, written};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{AppendError, Batch, FileJournal, Journal, JournalError, Rejected, Sequence, Stream};

#[test]
fn an_append_that_expects_another_sequence_changes_nothing() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    let mut batch = Batch::new();
    batch.push(b"stale");
    for stale in [0, 2, u64::MAX] {
        let result = journal.append(Stream(1), Sequence(stale), &batch);
        let Err(AppendError::Sequence { stream, expected, next }) = result else { panic!("{result:?}") };
        assert_eq!((stream, expected, next), (Stream(1), Sequence(stale), Sequence(1)));
    }
    append(&mut journal, Stream(1), &[b"second"]);
    journal.sync().unwrap();
    let records: Vec<_> = read(dir.path()).unwrap().1.into_iter().map(|(_, _, record)| record).collect();
    assert_eq!(records, [&b"first"[..], b"second"]);
}

#[test]
fn a_batch_over_the_limit_is_refused_and_the_journal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    let mut batch = Batch::new();
    batch.push_with(|out| out.resize(out.len() + Batch::MAX_BYTES, 0));
    assert!(matches!(
        journal.append(Stream(0), Sequence(0), &batch),
        Err(AppendError::TooLarge(bytes)) if bytes == batch.size()
    ));
    append(&mut journal, Stream(0), &[b"fits"]);
    journal.sync().unwrap();
    assert_eq!(journal.position(Stream(0)), Sequence(1));
}

#[test]
fn a_second_writer_is_refused_with_the_number_of_the_first_process() {
    let (dir, _) = written(&["first"]);
    let (first, ..) = open(dir.path()).unwrap();
    let Err(JournalError::InUse { dir: named, pid }) = open(dir.path()).map(|_| ()) else {
        panic!("two writers");
    };
    assert_eq!((named.as_path(), pid), (dir.path(), Some(std::process::id())));
    drop(first);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn a_reader_sees_what_is_synced_while_a_writer_goes_on() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    for count in 2..40 {
        append(&mut journal, Stream(1), &[&[0x55; 700]]);
        assert_eq!(read(dir.path()).unwrap().1.len(), count - 1, "not yet synced");
        journal.sync().unwrap();
        assert_eq!(read(dir.path()).unwrap().1.len(), count);
    }
    assert!(segment(dir.path(), 5).exists());
}

#[test]
fn readers_in_another_thread_only_ever_see_a_beginning_of_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let path = dir.path();
        let reader = scope.spawn(move || {
            let mut rounds = 0;
            while finished.try_recv() != Ok(()) || rounds == 0 {
                let (_, seen) = read(path).unwrap();
                for ((_, sequence, record), index) in seen.iter().zip(0u64..) {
                    assert_eq!((*sequence, &record[..8]), (Sequence(index), &index.to_le_bytes()[..]));
                }
                rounds += 1;
            }
        });
        for index in 0u64..400 {
            let mut record = [0; 300];
            record[..8].copy_from_slice(&index.to_le_bytes());
            append(&mut journal, Stream(0), &[&record]);
            if index % 3 == 0 {
                journal.sync().unwrap();
            }
        }
        // A reader that has already failed tells so itself.
        let _ = done.send(());
        reader.join().unwrap();
    });
}

#[test]
fn a_frame_that_does_not_fit_rolls_and_one_larger_than_a_segment_gets_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    let large = vec![7; 50_000];
    for record in [&[1; 3000][..], &[2; 3000], &large, &[3; 3500]] {
        append(&mut journal, Stream(2), &[record]);
    }
    journal.sync().unwrap();
    let size = |number| fs::metadata(segment(dir.path(), number)).unwrap().len();
    assert_eq!([size(1), size(2), size(4)], [SMALL.segment_bytes; 3]);
    assert_eq!(size(3), (4096u64 + 48 + 4 + 50_000 + 16).next_multiple_of(4096));
    let lengths: Vec<_> = read(dir.path()).unwrap().1.iter().map(|(_, _, record)| record.len()).collect();
    assert_eq!(lengths, [3000, 3000, 50_000, 3500]);
}

#[test]
fn an_empty_batch_writes_nothing() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    journal.append(Stream(1), Sequence(1), &Batch::new()).unwrap();
    journal.sync().unwrap();
    assert_eq!(frames(&fs::read(segment(dir.path(), 1)).unwrap()).len(), 1);
}

/// After a crash the number of a cut frame is used again, under the same segment key. The same
/// record in the same place would then look the same, were the nonce the same.
#[test]
fn a_frame_written_again_after_a_cut_is_sealed_under_another_nonce() {
    let (dir, _) = written(&["first", "second"]);
    let sealed = || {
        let content = fs::read(segment(dir.path(), 1)).unwrap();
        let frame = frames(&content)[1].clone();
        content[frame.start + 48..frame.end].to_vec()
    };
    let before = sealed();
    change(dir.path(), 1, |content| {
        let frame = frames(content)[1].clone();
        content[frame].fill(0);
    });
    let (mut journal, ..) = open(dir.path()).unwrap();
    append(&mut journal, Stream(1), &[b"second"]);
    journal.sync().unwrap();
    assert_eq!(before.len(), sealed().len());
    assert_ne!(before[..8], sealed()[..8]);
}

#[test]
fn a_rejected_record_ends_the_replay_and_is_named() {
    let (dir, _) = written(&["first", "second"]);
    let error =
        FileJournal::open(dir.path(), &keys(dir.path()), SMALL, &mut |_, sequence, _| match sequence {
            Sequence(1) => Err(Rejected("unknown kind")),
            _ => Ok(()),
        });
    let Err(JournalError::Rejected { stream, sequence, reason, offset, .. }) = error.map(|_| ()) else {
        panic!("not rejected");
    };
    let start = frames(&fs::read(segment(dir.path(), 1)).unwrap())[1].start;
    assert_eq!((stream, sequence, reason, offset), (Stream(1), Sequence(1), "unknown kind", start as u64));
}

#[test]
fn files_are_private_and_hold_no_record_in_clear() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new/journal");
    let (mut journal, ..) = open(&dir).unwrap();
    append(&mut journal, Stream(0), &[b"PAN 4000000000000002"]);
    journal.sync().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&segment(&dir, 1)), 0o600);
    assert_eq!(mode(&dir.join("lock")), 0o600);
    let content = fs::read(segment(&dir, 1)).unwrap();
    assert!(!content.windows(8).any(|window| window == b"40000000"));
}

#[test]
fn other_files_in_the_folder_are_left_alone() {
    let (dir, _) = written(&["first"]);
    for name in ["notes.txt", "1.journal", "00000000000000000007.journal.bak"] {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    let (_, _, seen) = open(dir.path()).unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(fs::read(dir.path().join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn errors_name_the_place_and_the_mend() {
    let (dir, _) = written(&["first"]);
    let _journal = open(dir.path()).unwrap();
    let error = open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()) && error.ends_with("stop it first"), "{error}");
    let missing = dir.path().join("missing");
    let error = read(&missing).unwrap_err().to_string();
    assert!(error.contains("missing"), "{error}");
}
