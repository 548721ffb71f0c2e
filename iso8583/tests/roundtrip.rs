//! What is written is read back the same, in every dialect; and no bytes whatever make the parser
//! panic or accept what it would write differently.

use iso8583::dump::{Show, encode_text, fields_as_text};
use iso8583::{
    Class, Dialect, Encoding, FieldSpec, HeaderSpec, Length, MessageWriter, Mti, emv, framing, parse,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

type Fields = Vec<(u8, Vec<u8>)>;

proptest! {
    #[test]
    fn parse_after_encode_gives_back_the_message((dialect, mti, fields) in message()) {
        let frame = encode(dialect, mti, &fields);
        let message = parse(&frame, dialect).unwrap();
        prop_assert_eq!(message.mti(), mti);
        prop_assert_eq!(message.header(), header(dialect));
        let read: Fields = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
        prop_assert_eq!(&read, &fields);
        let texts = fields_as_text(&message, Show::Unmasked);
        prop_assert_eq!(encode_text(dialect, message.header(), mti, &texts).unwrap(), frame);
    }

    #[test]
    fn a_masked_dump_shows_no_card_number((dialect, mti, mut fields) in message()) {
        const PAN: &[u8] = b"4000001234567899";
        fields.retain(|(field, _)| ![2, 34, 35, 48, 102].contains(field));
        let track = [PAN, b"D28122010000000123"].concat();
        for (field, value) in [(2, PAN), (34, PAN), (35, &track), (48, &track), (102, PAN)] {
            fields.push((field, value.to_vec()));
        }
        fields.sort();
        let frame = encode(dialect, mti, &fields);
        let message = parse(&frame, dialect).unwrap();
        let shown = format!("{message} {message:?} {:?}", fields_as_text(&message, Show::Masked));
        prop_assert!(!shown.contains("400000123456"));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        read_everything(&bytes);
    }

    /// Mutated messages reach far deeper than random bytes. A message that is still accepted has
    /// one meaning: its values, written anew, are read back the same.
    #[test]
    fn mutations_never_panic((dialect, mti, fields) in message(), edits in vec(edit(), 1..4)) {
        let mut frame = encode(dialect, mti, &fields);
        for edit in &edits {
            apply(edit, &mut frame);
        }
        read_everything(&frame);
        if let Ok(message) = parse(&frame, dialect) {
            let values: Fields = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
            let again = encode(dialect, message.mti(), &values);
            let message = parse(&again, dialect).unwrap();
            let read: Fields = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
            prop_assert_eq!(read, values);
        }
    }

    #[test]
    fn every_truncation_is_refused((dialect, mti, fields) in message(), cut in any::<Index>()) {
        let frame = encode(dialect, mti, &fields);
        let cut = cut.index(frame.len());
        let error = parse(&frame[..cut], dialect).unwrap_err();
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

/// Everything a reader of foreign bytes may call, in every dialect.
fn read_everything(bytes: &[u8]) {
    for name in Dialect::names() {
        if let Ok(message) = parse(bytes, Dialect::by_name(name).unwrap()) {
            let _ = (message.to_string(), fields_as_text(&message, Show::Unmasked));
            let _ = message.bitmap().fields().filter_map(|field| message.number(field)).count();
        }
    }
    let _ = framing::next_frame(bytes, 1000);
    let _ = emv::find(bytes, emv::tag::CRYPTOGRAM);
    let _ = emv::tlv(bytes).count();
}

fn encode(dialect: &'static Dialect, mti: Mti, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = MessageWriter::begin(&mut out, dialect, header(dialect), mti).unwrap();
    for (field, value) in fields {
        writer.field(*field, value).unwrap();
    }
    writer.finish();
    out
}

fn header(dialect: &Dialect) -> &'static [u8] {
    match dialect.header {
        HeaderSpec::None => &[],
        HeaderSpec::Tpdu => &[0x60, 0x00, 0x01, 0x80, 0x02],
    }
}

fn message() -> impl Strategy<Value = (&'static Dialect, Mti, Fields)> {
    let dialects: Vec<_> = Dialect::names().filter_map(Dialect::by_name).collect();
    (select(dialects), "[0-9]{4}").prop_flat_map(|(dialect, mti)| {
        let mti = Mti::parse(mti.as_bytes()).unwrap();
        let known: Vec<u8> = dialect.fields().map(|(field, _)| field).collect();
        let fields = btree_set(select(known), 0..30).prop_flat_map(move |fields| {
            let of_field = |field| (Just(field), value(dialect.field(field).unwrap()));
            fields.into_iter().map(of_field).collect::<Vec<_>>()
        });
        (Just(dialect), Just(mti), fields)
    })
}

fn value(spec: &FieldSpec) -> BoxedStrategy<Vec<u8>> {
    // A value of a field in hexadecimal characters is half as long.
    let decoded = |units: u16| usize::from(if spec.encoding == Encoding::Hex { units / 2 } else { units });
    let lengths = match spec.length {
        Length::Fixed(units) => decoded(units)..=decoded(units),
        Length::Variable { max, .. } => 0..=decoded(max).min(120),
    };
    if spec.class == Class::Xn {
        let digits = vec(b'0'..=b'9', lengths.start() - 1..=lengths.end() - 1);
        return (select(b"CD0".to_vec()), digits)
            .prop_map(|(sign, digits)| [&[sign], &digits[..]].concat())
            .boxed();
    }
    let character = match spec.class {
        Class::N | Class::Xn => select(b"0123456789".to_vec()).boxed(),
        Class::Z => select(b"0123456789D".to_vec()).boxed(),
        Class::A => select(b"ABCXYZabcxyz ".to_vec()).boxed(),
        Class::An => select(b"ABCXYZabcxyz 0123456789".to_vec()).boxed(),
        Class::Ans => (0x20u8..=0x7E).boxed(),
        Class::B => any::<u8>().boxed(),
    };
    vec(character, lengths).boxed()
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
