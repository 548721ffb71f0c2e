//! What is written is read back the same, in every compiled-in dialect and in dialects made up at
//! random; and no bytes whatever make the parser panic or accept what it would write differently.

mod support;

use iso8583::dump::{Show, contents, encode_contents, fields_as_text};
use iso8583::{Dialect, Message, MessageWriter, composite, emv, parse, parse_leading};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::Arc;
use support::{Draft, drafts, random_dialects};

proptest! {
    #[test]
    fn parse_after_encode_gives_back_the_message(draft in drafts(builtin())) {
        draft.check_round_trip();
    }

    #[test]
    fn so_it_does_in_dialects_made_up_at_random(draft in random_dialects().prop_flat_map(drafts_in)) {
        draft.check_round_trip();
    }

    #[test]
    fn a_masked_dump_shows_no_card_number(mut draft in drafts(builtin())) {
        const PAN: &[u8] = b"4000001234567899";
        let track = [PAN, b"D28122010000000123"].concat();
        draft.fields.retain(|(field, _)| ![2, 35].contains(field));
        draft.fields.extend([(2, PAN.to_vec()), (35, track)]);
        draft.fields.sort();
        let frame = draft.encode();
        let message = parse(&frame, &draft.dialect).unwrap();
        let shown = format!("{message} {message:?} {:?}", fields_as_text(&message, Show::Masked));
        prop_assert!(!shown.contains("400000123456"));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        for dialect in Dialect::names().filter_map(Dialect::by_name) {
            read_everything(&bytes, dialect);
        }
    }

    /// Mutated messages reach far deeper than random bytes. A message that is still accepted has
    /// one meaning: its values, written anew, are read back the same.
    #[test]
    fn mutations_never_panic(draft in drafts(builtin()), edits in vec(edit(), 1..4)) {
        check_mutation(&draft, &edits)?;
    }

    #[test]
    fn nor_in_dialects_made_up_at_random(
        draft in random_dialects().prop_flat_map(drafts_in), edits in vec(edit(), 1..4)
    ) {
        check_mutation(&draft, &edits)?;
    }

    #[test]
    fn every_truncation_is_refused(draft in drafts(builtin()), cut in any::<Index>()) {
        let frame = draft.encode();
        let cut = cut.index(frame.len());
        let error = parse(&frame[..cut], &draft.dialect).unwrap_err();
        prop_assert!(error.offset <= cut);
    }

    #[test]
    fn chip_data_is_read_back(objects in vec((tag(), vec(any::<u8>(), 0..300)), 0..8)) {
        let mut bytes = Vec::new();
        for (tag, value) in &objects {
            emv::write_tlv(*tag, value, &mut bytes);
            bytes.push(0);
        }
        let read: Result<Vec<_>, _> = emv::tlv(&bytes).map(|object| object.map(|it| (it.tag, it.value.to_vec()))).collect();
        prop_assert_eq!(read, Ok(objects));
    }
}

fn builtin() -> impl Strategy<Value = Arc<Dialect>> {
    select(Dialect::names().filter_map(Dialect::by_name).map(Arc::clone).collect::<Vec<_>>())
}

fn drafts_in(dialect: Arc<Dialect>) -> impl Strategy<Value = Draft> {
    drafts(Just(dialect))
}

fn check_mutation(draft: &Draft, edits: &[Edit]) -> Result<(), TestCaseError> {
    let mut frame = draft.encode();
    for edit in edits {
        apply(edit, &mut frame);
    }
    let dialect = &draft.dialect;
    read_everything(&frame, dialect);
    if let Ok(message) = parse(&frame, dialect) {
        let again = write_anew(&message);
        let second = parse(&again, dialect).unwrap();
        prop_assert_eq!(values(&second), values(&message));
        prop_assert_eq!(second.mti(), message.mti());
    }
    Ok(())
}

fn values(message: &Message<'_>) -> Vec<(u8, Vec<u8>)> {
    message.fields().map(|(field, value)| (field, value.to_vec())).collect()
}

fn write_anew(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer =
        MessageWriter::begin(&mut out, message.dialect(), message.header(), message.mti()).unwrap();
    for (field, value) in message.fields() {
        writer.field(field, &value).unwrap();
    }
    writer.finish().unwrap();
    out
}

/// Everything a reader of foreign bytes may call. The fast walk and the careful one agree.
fn read_everything(bytes: &[u8], dialect: &Dialect) {
    let (leading, error) = parse_leading(bytes, dialect);
    let _ = (leading.to_string(), fields_as_text(&leading, Show::Unmasked));
    match parse(bytes, dialect) {
        Ok(message) => {
            assert_eq!(error, None);
            assert_eq!(values(&message), values(&leading));
            let _ = (message.to_string(), composite::check(&message), dialect.rules().check_all(&message));
            let _ = message.bitmap().fields().filter_map(|field| message.number(field)).count();
            let whole = contents(&message, Show::Unmasked);
            let written = encode_contents(dialect, message.header(), message.mti(), &whole).unwrap();
            assert_eq!(values(&parse(&written, dialect).unwrap()), values(&message));
        }
        Err(fault) => assert_eq!(Some(fault), error),
    }
    let _ = dialect.framing().next_frame(bytes, 1000);
    let _ = emv::find(bytes, emv::tag::CRYPTOGRAM);
    let _ = emv::tlv(bytes).count();
}

fn tag() -> impl Strategy<Value = u32> {
    select(vec![0x5A, 0x82, 0x95, 0x9F26, 0x9F36, 0x5F2A, 0x71, 0xDF_8101, 0xBF_0C])
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let byte = prop_oneof![any::<u8>(), select(b"0129+- =DF".to_vec())];
    prop_oneof![
        (any::<Index>(), byte.clone()).prop_map(|(index, byte)| Edit::Set(index, byte)),
        (any::<Index>(), byte).prop_map(|(index, byte)| Edit::Insert(index, byte)),
        any::<Index>().prop_map(Edit::Remove),
    ]
}

fn apply(edit: &Edit, frame: &mut Vec<u8>) {
    if frame.is_empty() {
        return;
    }
    match edit {
        Edit::Set(index, byte) => *index.get_mut(frame) = *byte,
        Edit::Insert(index, byte) => frame.insert(index.index(frame.len()), *byte),
        Edit::Remove(index) => drop(frame.remove(index.index(frame.len()))),
    }
}
