//! The wire form of key commands, with everything that key blocks add to it.

use hsm::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_command_comes_back_as_it_was_written(parts in any_parts(), lmk in proptest::option::of(0u8..100)) {
        let command = parts.command();
        let request = Request { command: command.clone(), lmk: lmk.map(LmkIdentifier), trailer: None };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let parsed = Request::parse(&wire).unwrap();
        prop_assert_eq!(format!("{:?}", parsed.command), format!("{command:?}"));
        prop_assert_eq!(parsed.lmk, request.lmk);
        let mut again = Vec::new();
        parsed.encode(&mut again);
        prop_assert_eq!(again, wire);
    }

    #[test]
    fn changed_bytes_never_panic(
        parts in any_parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut wire = Vec::new();
        parts.command().encode(&mut wire);
        for (at, byte) in changes {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        let _ = Request::parse(&wire);
        let _ = Request::parse(&wire[..keep.index(wire.len())]);
        for code in [b"A0", b"A4", b"B0", b"BW", b"KA", b"FA", b"AW", b"HC", b"IA"] {
            let code = CommandCode::new(*code);
            let _ = Reply::parse(code, &[&code.reply().as_bytes()[..], b"00", &wire].concat());
        }
    }

    #[test]
    fn random_headers_never_panic(text in "[ -~]{0,60}", count in 0u8..100) {
        let _ = KeyBlockHeader::parse(&text);
        let _ = OptionalBlocks::parse(count, &text);
        let long = format!("D{:04}{text}", text.len() + 5);
        if let Ok((header, rest)) = KeyBlockHeader::parse(&long) {
            prop_assert_eq!(header.to_text(rest.len()).unwrap() + rest, long);
        }
    }

    #[test]
    fn debug_shows_no_key(parts in any_parts()) {
        let shown = format!("{:?}", parts.command());
        prop_assert!(!shown.contains(&parts.key[1..]), "{}", shown);
        prop_assert!(!shown.contains(&parts.block[17..]), "{}", shown);
    }
}

#[test]
fn recorded_requests_are_read() {
    let read = |wire: &'static str| Request::parse(wire.as_bytes()).unwrap();
    // A flag without a semicolon, as one client sends it.
    let request = read("A01FFFS0S00020K0TB00E0001ABCDS%01#K0T2B00E00");
    let Command::GenerateKey(GenerateKey { export: Some(export), options, .. }) = request.command else {
        panic!()
    };
    assert_eq!(export.kind, Some(TransportKey::Zmk));
    assert_eq!(export.key.to_text(), "S00020K0TB00E0001ABCD");
    assert_eq!(options.attributes.unwrap().algorithm, Some(AskedAlgorithm::TdesDouble));
    // Neither, as another does.
    let request = read("A0BFFFS02S00020B0AN00S0001ABCDFFFFFFFFFFFFFF42S00020K0AN00S0001ABCDR%01#B1A1N00S00");
    let Command::GenerateKey(GenerateKey { export: Some(export), derivation: Some(from), .. }) =
        request.command
    else {
        panic!()
    };
    assert_eq!((export.kind, export.scheme), (None, KeyScheme::R));
    assert_eq!((from.bdk_number, from.ksn), (2, InitialKsn::Aes(*b"FFFFFFFFFFFFFF42")));
    // A key without a letter that begins with a digit is no flag.
    let request = read("A01001U0123456789ABCDEFX");
    let Command::GenerateKey(GenerateKey { export: Some(export), .. }) = request.command else { panic!() };
    assert_eq!((export.kind, export.key.to_text().as_str()), (None, "0123456789ABCDEF"));
    // BW as it was recorded, but for what follows an exclamation mark, whose meaning is not known.
    let request = read("BWFF1U7148EB5D14DF3F6ED393B227C2D6B35E;000;0U0");
    let Command::MigrateKey(MigrateKey { key_type, scheme, .. }) = request.command else { panic!() };
    assert_eq!((key_type, scheme), (KeyType::ZMK, Some(KeyScheme::U)));
}

#[test]
fn mistakes_have_their_error_codes() {
    let check = |wire: &str, expect: ErrorCode| {
        assert_eq!(Request::parse(wire.as_bytes()).unwrap_err().error, expect, "{wire}");
    };
    let key = "U".to_string() + &"0".repeat(32);
    check("A00FFFS#72T4B00E00", ErrorCode::KEY_BLOCK_ALGORITHM);
    check("A00FFFS#7-T2B00E00", ErrorCode::KEY_BLOCK_USAGE);
    check("A00FFFS#72T2Q00E00", ErrorCode::KEY_BLOCK_MODE);
    check("A00FFFS#72T2B-0E00", ErrorCode::KEY_BLOCK_VERSION);
    check("A00FFFS#72T2B00Q00", ErrorCode::KEY_BLOCK_EXPORTABILITY);
    check("A00FFFS#72T2B00E01", ErrorCode::OPTIONAL_BLOCK);
    check("A00FFFS#72T2B00E", ErrorCode::INPUT);
    check("A00FFFS&", ErrorCode::INPUT);
    check("A00FFFS&Q", ErrorCode::KEY_BLOCK_EXPORTABILITY);
    check("A00FFFS!", ErrorCode::INPUT);
    // Nothing of this belongs to other commands.
    check("NC#72B00E00", ErrorCode::INPUT);
    check(&format!("A01001U;2{key}X"), ErrorCode::INPUT);
    check(&format!("A41001U{key}"), ErrorCode::COMPONENTS);
    check(&format!("A42001U{key}"), ErrorCode::INPUT);
    check(&format!("A6001{key}{key}Q"), ErrorCode::KEY_SCHEME);
    check(&format!("A0A302U11{key}FFFF9876543210E"), ErrorCode::INPUT);
    check(&format!("A0A302U01{key}FFFF9876543210"), ErrorCode::INPUT);
    check(&format!("KA{key}0F"), ErrorCode::KEY_TYPE_CODE);
    check(&format!("KA{key}00;ZZ2"), ErrorCode::INPUT);
    check(&format!("BW000{key}"), ErrorCode::KEY_LENGTH_FLAG);
}

#[derive(Debug)]
struct Parts {
    command: usize,
    key: String,
    plain: String,
    block: String,
    usage: String,
    optional: Vec<String>,
    number: u8,
}

prop_compose! {
    fn any_parts()(
        command in 0usize..9,
        key in string_regex("U[0-9A-F]{32}|T[0-9A-F]{48}|X[0-9A-F]{32}").unwrap(),
        plain in string_regex("[0-9A-F]{16}").unwrap(),
        block in string_regex("S00072P0[TA]B00E0001[0-9A-F]{56}|RB0080P0TE00E0000[0-9A-F]{64}").unwrap(),
        usage in string_regex("[0-9A-Z]{2}").unwrap(),
        optional in vec(string_regex("[ -~]{0,20}").unwrap(), 0..3),
        number: u8,
    ) -> Parts {
        Parts { command, key, plain, block, usage, optional: laid_out(&optional), number }
    }
}

/// As optional blocks, with identifier and length.
fn laid_out(texts: &[String]) -> Vec<String> {
    let all: String = texts.iter().map(|text| format!("03{:02X}{text}", text.len() + 4)).collect();
    vec![texts.len().to_string(), all]
}

impl Parts {
    fn command(&self) -> Command<'_> {
        let key = || KeyField::parse(&self.key).unwrap();
        let block = || KeyField::parse(&self.block).unwrap();
        let plain = || KeyField::parse(&self.plain).unwrap();
        let key_type = *self.pick(&[KeyType::ZPK, KeyType::CVK, KeyType::FROM_KEY_BLOCK]);
        let schemes = [
            KeyScheme::Z,
            KeyScheme::U,
            KeyScheme::T,
            KeyScheme::X,
            KeyScheme::Y,
            KeyScheme::S,
            KeyScheme::R,
        ];
        let scheme = *self.pick(&schemes);
        let atalla = (self.number % 3 == 1).then(|| AtallaVariant::new(self.number % 100).unwrap());
        match self.command {
            0 => Command::GenerateKey(GenerateKey {
                key_type,
                scheme,
                derivation: (self.number & 1 == 1).then(|| DeriveInitialKey {
                    bdk_number: self.number % 10,
                    bdk: key(),
                    ksn: InitialKsn::Tdes(*b"FFFF9876543210E"),
                }),
                export: (self.number & 2 == 2).then(|| ExportUnder {
                    kind: *self.pick(&[None, Some(TransportKey::Zmk), Some(TransportKey::Tmk)]),
                    key: if self.number & 4 == 4 { block() } else { plain() },
                    scheme: KeyScheme::R,
                    atalla_variant: atalla,
                }),
                options: self.options(scheme == KeyScheme::S),
            }),
            1 => Command::ImportKey(ImportKey {
                atalla_variant: atalla,
                options: self.options(false),
                ..ImportKey::new(key_type, key(), block(), scheme)
            }),
            2 => Command::ExportKey(ExportKey {
                atalla_variant: atalla,
                options: self.options(false),
                ..ExportKey::new(key_type, block(), plain(), scheme)
            }),
            3 => Command::FormKey(FormKey {
                key_type,
                scheme,
                components: vec![key(); usize::from(2 + self.number % 8)],
                attributes: self.number.is_multiple_of(2).then(|| FormedAttributes {
                    key_version: *b"c1",
                    optional_blocks: self.optional_blocks(),
                }),
            }),
            4 => Command::ChangeScheme(ChangeScheme { key_type, key: key(), scheme }),
            5 => Command::PairCheckValue(PairCheckValue {
                key: plain(),
                key_type: KeyType::TAK,
                length: *self.pick(&[KcvLength::Six, KcvLength::Sixteen]),
            }),
            6 => Command::TranslateKey(self.translate_key()),
            7 => Command::MakeKey(MakeKey {
                made: *self.pick(&[MadeKey::Tmk, MadeKey::Tak, MadeKey::Zpk, MadeKey::Zek { zak: true }]),
                transport: key(),
                atalla_variant: atalla,
                forms: self.forms(),
            }),
            _ => Command::MigrateKey(MigrateKey {
                key_type,
                key: if self.number.is_multiple_of(2) { key() } else { block() },
                scheme: self.number.is_multiple_of(3).then_some(scheme),
            }),
        }
    }

    fn translate_key(&self) -> TranslateKey<'_> {
        let zak = self.number & 64 == 64;
        TranslateKey {
            translation: *self.pick(&[
                KeyTranslation::ZpkIn,
                KeyTranslation::ZpkOut,
                KeyTranslation::TmkIn,
                KeyTranslation::TmkOut,
                KeyTranslation::ZekIn { zak },
                KeyTranslation::ZekOut { zak },
                KeyTranslation::TakIn,
                KeyTranslation::TakOut,
                KeyTranslation::CvkIn,
                KeyTranslation::CvkOut,
                KeyTranslation::BdkIn,
                KeyTranslation::BdkOut,
            ]),
            zmk: KeyField::parse(&self.plain).unwrap(),
            key: KeyField::parse(&self.key).unwrap(),
            atalla_variant: (self.number & 8 == 8).then(|| AtallaVariant::new(self.number % 100).unwrap()),
            forms: self.forms(),
        }
    }

    fn forms(&self) -> Option<KeyForms> {
        (self.number & 1 == 1).then(|| KeyForms {
            outside: *self.pick(&[None, Some(KeyScheme::X), Some(KeyScheme::Z)]),
            inside: *self.pick(&[Some(KeyScheme::U), None]),
            kcv: *self.pick(&[KcvLength::Six, KcvLength::Sixteen]),
        })
    }

    fn options(&self, names_algorithm: bool) -> KeyBlockOptions<'_> {
        let attributes = AskedAttributes {
            usage: KeyUsage::new(self.usage.as_bytes().try_into().unwrap()).unwrap(),
            algorithm: names_algorithm.then_some(*self.pick(&[
                AskedAlgorithm::Des,
                AskedAlgorithm::TdesTriple,
                AskedAlgorithm::Aes192,
            ])),
            mode: ModeOfUse::from_letter(*self.pick(b"NBEDGVCXS")).unwrap(),
            key_version: *b"07",
            exportability: *self.pick(&[Exportability::Never, Exportability::Sensitive]),
            optional_blocks: self.optional_blocks(),
        };
        KeyBlockOptions {
            attributes: (self.number & 16 == 0).then_some(attributes),
            exportability: (self.number & 32 == 0).then_some(Exportability::Trusted),
            version: (self.number & 64 == 0).then_some(b'D'),
        }
    }

    fn optional_blocks(&self) -> OptionalBlocks<'_> {
        OptionalBlocks::parse(self.optional[0].parse().unwrap(), &self.optional[1]).unwrap()
    }

    fn pick<'p, T>(&self, of: &'p [T]) -> &'p T {
        &of[usize::from(self.number) % of.len()]
    }
}
