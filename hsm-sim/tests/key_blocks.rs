//! Key blocks against `fixtures/crypto/tr31.json`, made by psec, and `fixtures/crypto/key_blocks.json`, made
//! by generate_key_frames.py: each is unwrapped, and wrapped again with the filling it has.

use hsm::{KeyAlgorithm, KeyBlockHeader, OptionalBlocks};
use hsm_sim::{KeyError, WorkingKey, key_block, tr31};
use serde_json::Value;

#[test]
fn published_blocks_are_unwrapped() {
    let blocks = cases("tr31", "published");
    assert_eq!(blocks.len(), 5);
    for case in blocks {
        let found = tr31::unwrap(&case.protection_key(), case.text("block")).unwrap();
        assert_eq!(hex::encode_upper(found.reveal()), case.text("key"), "{}", case.text("block"));
    }
}

#[test]
fn blocks_of_psec_are_unwrapped_and_wrapped_alike() {
    let blocks = cases("tr31", "psec");
    assert_eq!(blocks.len(), 144);
    let mut wrapped_alike = 0;
    for case in blocks {
        let text = case.text("block");
        let (header, _) = KeyBlockHeader::parse(text).unwrap();
        let attributes = header.attributes;
        assert_eq!(attributes.usage.to_string(), case.text("usage"));
        assert_eq!([attributes.mode.letter()], case.text("mode").as_bytes());
        assert_eq!(attributes.key_version, case.text("version_number").as_bytes());
        assert_eq!([attributes.exportability.letter()], case.text("exportability").as_bytes());
        assert_eq!(attributes.optional_blocks.as_str(), case.text("optional"));
        let wrapping = case.protection_key();
        let key = tr31::unwrap(&wrapping, text).unwrap();
        assert_eq!(hex::encode_upper(key.reveal()), case.text("key"), "{text}");
        // The older versions are not made, nor blocks that hide the length of their key.
        if matches!(header.version, b'B' | b'D') && !case.flag("masked") {
            assert_eq!(tr31::wrap(&wrapping, attributes, &key, case.filling()).unwrap(), text);
            wrapped_alike += 1;
        }
    }
    assert!(wrapped_alike >= 60, "{wrapped_alike}");
}

#[test]
fn a_changed_block_is_refused_wherever_it_was_changed() {
    for case in cases("tr31", "psec").into_iter().step_by(5) {
        let text = case.text("block");
        let wrapping = case.protection_key();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(tr31::unwrap(&wrapping, &changed).is_err(), "{text} at {at}");
            assert!(tr31::unwrap(&wrapping, &text[..at]).is_err(), "{text} cut at {at}");
        }
        let other = match &wrapping {
            WorkingKey::Tdes(_) => WorkingKey::new(KeyAlgorithm::Tdes, &[0x31; 16]),
            WorkingKey::Aes(_) => WorkingKey::new(KeyAlgorithm::Aes, &[0x31; 16]),
        };
        let found = tr31::unwrap(&other.unwrap(), text);
        assert_eq!(found.unwrap_err(), KeyError::Authentication);
    }
}

#[test]
fn thales_blocks_are_unwrapped_and_wrapped_alike() {
    let blocks = cases("key_blocks", "thales");
    assert_eq!(blocks.len(), 72);
    for case in blocks {
        let text = case.text("block");
        let wrapping = case.protection_key();
        let (header, _) = KeyBlockHeader::parse(text).unwrap();
        let optional = OptionalBlocks::parse(case.number("count"), case.text("optional")).unwrap();
        assert_eq!(header.attributes.optional_blocks, optional);
        let key = key_block::unwrap(&wrapping, key_block::UNDER_ZMK, text).unwrap();
        assert_eq!(hex::encode_upper(key.reveal()), case.text("key"), "{text}");
        assert_eq!([key.algorithm().letter()], case.text("algorithm").as_bytes());
        let again = key_block::wrap(&wrapping, key_block::UNDER_ZMK, header.attributes, &key, case.filling());
        assert_eq!(again.unwrap(), text);
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(key_block::unwrap(&wrapping, key_block::UNDER_ZMK, &changed).is_err(), "{text} at {at}");
        }
    }
}

struct Case(Value);

impl Case {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn flag(&self, name: &str) -> bool {
        self.0[name].as_bool().unwrap()
    }

    fn number(&self, name: &str) -> u8 {
        self.0[name].as_u64().unwrap().try_into().unwrap()
    }

    fn filling(&self) -> [u8; 16] {
        hex::decode(self.text("filling")).unwrap().try_into().unwrap()
    }

    /// AES for blocks of version 1 and D, TDES for the others.
    fn protection_key(&self) -> WorkingKey {
        let name = if self.0["kbpk"].is_string() { "kbpk" } else { "wrapping" };
        let algorithm = match self.text("block").as_bytes()[0] {
            b'1' | b'D' => KeyAlgorithm::Aes,
            _ => KeyAlgorithm::Tdes,
        };
        WorkingKey::new(algorithm, &hex::decode(self.text(name)).unwrap()).unwrap()
    }
}

fn cases(file: &str, kind: &str) -> Vec<Case> {
    let path = format!("{}/../fixtures/crypto/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    vectors[kind].as_array().unwrap().iter().cloned().map(Case).collect()
}
