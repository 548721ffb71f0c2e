use crate::{Seen, open, read};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fs;
use store::{Batch, Journal, Stream};

/// Something that happens to a journal.
#[derive(Clone, Debug)]
enum Step {
    Append(Stream, Vec<Vec<u8>>),
    Sync,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let record = || prop_oneof![8 => vec(any::<u8>(), 0..200), 1 => vec(any::<u8>(), 5_000..20_000)];
    prop_oneof![
        6 => (0u16..4, vec(record(), 0..6)).prop_map(|(stream, records)| Step::Append(Stream(stream), records)),
        3 => Just(Step::Sync),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn replay_gives_back_what_was_appended(steps in vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, ..) = open(dir.path()).unwrap();
        let mut expected: Vec<Seen> = Vec::new();
        for step in steps {
            match step {
                Step::Append(stream, records) => {
                    let mut batch = Batch::new();
                    let first = journal.position(stream);
                    for (record, index) in records.iter().zip(0..) {
                        batch.push(record);
                        expected.push((stream, first.after(index), record.clone()));
                    }
                    journal.append(stream, first, &batch).unwrap();
                }
                Step::Sync => journal.sync().unwrap(),
                Step::Reopen => {
                    journal.sync().unwrap();
                    drop(journal);
                    let (reopened, replay, seen) = open(dir.path()).unwrap();
                    prop_assert!(replay.torn.is_none());
                    prop_assert_eq!(&seen, &expected);
                    journal = reopened;
                }
            }
        }
        journal.sync().unwrap();
        let (replay, seen) = read(dir.path()).unwrap();
        prop_assert_eq!(replay.records, expected.len() as u64);
        for stream in (0..4).map(Stream) {
            prop_assert_eq!(replay.position(stream), journal.position(stream));
        }
        prop_assert_eq!(seen, expected);
    }

    /// Whatever happens to the bytes of a file, opening it does not panic, and shows records of
    /// the journal in their order or none.
    #[test]
    fn random_damage_never_yields_a_record_that_was_not_written(
        edits in vec((0usize..12_000, any::<u8>()), 1..6),
        length in prop_oneof![3 => Just(usize::MAX), 1 => 0usize..9_000],
    ) {
        let texts: Vec<String> = (0..6).map(|number| format!("record {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (dir, expected) = crate::written(&texts);
        crate::change(dir.path(), 1, |content| {
            content.truncate(length);
            for (place, byte) in edits {
                // Half of the edits fall on the frames, the rest on header and free space.
                let place = if place % 2 == 0 { 4096 + place % 700 } else { place };
                if let Some(target) = content.get_mut(place) {
                    *target = byte;
                }
            }
        });
        let before = fs::read(crate::segment(dir.path(), 1)).unwrap();
        if let Ok((_, seen)) = read(dir.path()) {
            prop_assert_eq!(&seen[..], &expected[..seen.len()]);
        }
        prop_assert_eq!(before, fs::read(crate::segment(dir.path(), 1)).unwrap());
        if let Ok((_, _, seen)) = open(dir.path()) {
            prop_assert_eq!(&seen[..], &expected[..seen.len()]);
        }
    }
}
