//! Shows that no chip data makes its readers panic, that they agree with each other, and that objects
//! written are read back.
//!
//! Input: the chip data.
#![no_main]

use iso8583::composite::{self, Content};
use iso8583::emv::{self, TlvError, TlvErrorKind};
use iso8583::{Composite, Dialect, FieldSpec, PartKey};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use turnout_fuzz::seeds;

static DE_55: LazyLock<&'static FieldSpec> = LazyLock::new(|| {
    Dialect::by_name("iso87_bcd").and_then(|dialect| dialect.field(55)).expect("it has chip data")
});

fuzz_target!(init: seeds::write(seeds::emv), |data: &[u8]| {
    let objects: Vec<_> = emv::tlv(data).collect();
    let sound = objects.iter().all(Result::is_ok);
    assert!(objects.iter().rev().skip(1).all(Result::is_ok), "there is more after an error");
    assert!(objects.len() <= data.len() / 2 + 1, "an object takes two bytes at least");
    let mut written = Vec::new();
    let mut end = 0;
    for object in objects.iter().flatten() {
        assert!(object.offset >= end + 2);
        end = object.offset + object.value.len();
        assert_eq!(&data[object.offset..end], object.value);
        assert!(!object.value.is_empty() || !format!("{object:?}").is_empty());
        emv::write_tlv(object.tag, object.value, &mut written);
    }
    let again: Vec<_> = emv::tlv(&written).map(|object| object.map(|it| (it.tag, it.value))).collect();
    let first: Vec<_> = objects.iter().flatten().map(|object| Ok((object.tag, object.value))).collect();
    assert_eq!(again, first);
    find(data, &objects, sound);
    parts(data, &objects);
    if sound {
        content(data, &objects);
    }
});

type Objects<'a> = [Result<emv::Tlv<'a>, TlvError>];

/// What is found is the one object with that tag.
fn find(data: &[u8], objects: &Objects<'_>, sound: bool) {
    for tag in objects.iter().flatten().map(|object| object.tag).take(4).chain([emv::tag::CRYPTOGRAM, 0]) {
        let with_tag: Vec<_> = objects.iter().flatten().filter(|object| object.tag == tag).collect();
        match (emv::find(data, tag), &with_tag[..]) {
            (Ok(None), []) => assert!(sound),
            (Ok(Some(value)), [one]) => assert!(sound && value == one.value),
            (Err(TlvError { kind: TlvErrorKind::Duplicate, .. }), [_, _, ..]) => {}
            (Err(error), _) => assert_eq!(Some(&Err(error)), objects.last()),
            (found, _) => panic!("{found:?}"),
        }
        let _ = (emv::is_constructed(tag), emv::tag_name(tag), emv::tag::is_sensitive(tag));
    }
}

/// The parts of a value are its objects.
fn parts(data: &[u8], objects: &Objects<'_>) {
    let parts: Vec<_> = composite::parts(&Composite::BerTlv, data).collect();
    assert_eq!(parts.len(), objects.len());
    for (part, object) in parts.iter().zip(objects) {
        match (part, object) {
            (Ok(part), Ok(object)) => {
                assert_eq!(
                    (part.offset, part.wire(), part.emv_tag()),
                    (object.offset, object.value, Some(object.tag))
                );
            }
            (Err(part), Err(object)) => assert_eq!(part.offset, object.offset),
            _ => panic!("one reads it, the other does not"),
        }
    }
}

/// Written from its parts, chip data holds the same objects.
fn content(data: &[u8], objects: &Objects<'_>) {
    let key = |tag: u32| {
        let bytes = tag.to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
        bytes[first..].iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    let hex = |value: &[u8]| value.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let parts = objects.iter().flatten().map(|object| (key(object.tag), Content::Text(hex(object.value))));
    let written = composite::write(&DE_55, &Content::Parts(parts.collect())).unwrap();
    let again: Vec<_> = emv::tlv(&written).flatten().map(|object| (object.tag, object.value)).collect();
    let first: Vec<_> = emv::tlv(data).flatten().map(|object| (object.tag, object.value)).collect();
    assert_eq!(again, first);
    for part in composite::parts(&Composite::BerTlv, data).flatten() {
        assert!(matches!(part.key, PartKey::Hex { tag, .. } if part.key.to_string() == key(tag)));
    }
}
