//! Key commands under every kind of LMK, through the engine: what a key block says is kept and enforced, and
//! a key keeps its bytes through every pair of schemes.

use hsm::{
    AskedAlgorithm, AskedAttributes, AtallaVariant, ChangeScheme, CheckValue, Command, ErrorCode, ExportKey,
    ExportUnder, Exportability, FormKey, FormedAttributes, GenerateKey, ImportKey, Kcv, KcvLength,
    KeyAlgorithm, KeyAttributes, KeyBlockHeader, KeyBlockOptions, KeyField, KeyScheme, KeyType, KeyUsage,
    LmkIdentifier, MigrateKey, ModeOfUse, OptionalBlocks, PairCheckValue, Reply, ReplyBody, Request,
    TransportKey,
};
use hsm::{KeyForms, MadeKey, MakeKey};
use hsm_sim::{AesKey, ClearKey, Engine, Lmk, Settings, WorkingKey, key_block, tr31};

/// A key is made and leaves in one command, comes back, and is the same by its check value and, under the
/// variant LMK, by its cryptogram. Every scheme that the ZMK allows.
#[test]
fn keys_leave_and_come_back_under_every_lmk_in_every_scheme() {
    let engine = engine();
    for (lmk, zmk) in zmks() {
        let variant = lmk == Lmk::VARIANT;
        let aes_zmk = zmk.is_aes();
        for scheme in
            [KeyScheme::Z, KeyScheme::U, KeyScheme::X, KeyScheme::T, KeyScheme::Y, KeyScheme::S, KeyScheme::R]
        {
            let in_block = matches!(scheme, KeyScheme::S | KeyScheme::R);
            if aes_zmk && !in_block {
                continue;
            }
            let (own, algorithm) = match scheme {
                KeyScheme::Z => (KeyScheme::Z, AskedAlgorithm::TdesSingle),
                KeyScheme::T | KeyScheme::Y => (KeyScheme::T, AskedAlgorithm::TdesTriple),
                _ => (KeyScheme::U, AskedAlgorithm::TdesDouble),
            };
            let key_type = if variant { KeyType::ZPK } else { KeyType::FROM_KEY_BLOCK };
            let attributes = asked(b"72", b'B', Exportability::Sensitive, (!variant).then_some(algorithm));
            let command = Command::GenerateKey(GenerateKey {
                key_type,
                scheme: if variant { own } else { KeyScheme::S },
                derivation: None,
                export: Some(ExportUnder {
                    kind: Some(TransportKey::Zmk),
                    key: zmk.borrowed(),
                    scheme,
                    atalla_variant: None,
                }),
                options: KeyBlockOptions { attributes: Some(attributes), ..KeyBlockOptions::NONE },
            });
            let made = engine.run_under(lmk, &command);
            let ReplyBody::KeyForTwo { key, exported, kcv } = made.body else { panic!("{}", made.error) };
            assert_eq!(exported.scheme(), scheme);
            if in_block {
                let (header, _) = KeyBlockHeader::parse(exported.reveal()).unwrap();
                let usage: &[u8; 2] = if scheme == KeyScheme::S { b"72" } else { b"P0" };
                assert_eq!(header.attributes.usage.as_bytes(), usage);
                assert_eq!(header.attributes.mode.letter(), b'B');
            }

            let options =
                if in_block { None } else { Some(AskedAttributes { algorithm: None, ..attributes }) };
            let import = ImportKey {
                options: KeyBlockOptions { attributes: options, ..KeyBlockOptions::NONE },
                ..ImportKey::new(
                    key_type,
                    zmk.borrowed(),
                    exported.borrowed(),
                    if variant { own } else { KeyScheme::S },
                )
            };
            let imported = engine.run_under(lmk, &Command::ImportKey(import));
            assert_eq!(imported.error, ErrorCode::NONE, "{lmk:?} {scheme:?}");
            let (back, back_kcv) = key_reply(&imported);
            assert_eq!(back_kcv, kcv);
            assert!(!variant || back == key, "{scheme:?}");
            assert_eq!(check_value(&engine, lmk, key_type, &back), kcv);

            let export = ExportKey::new(key_type, zmk.borrowed(), back.borrowed(), scheme);
            let again = engine.run_under(lmk, &Command::ExportKey(export));
            let (again, again_kcv) = key_reply(&again);
            assert_eq!((again.scheme(), again_kcv), (scheme, kcv));
            assert!(in_block || again == exported, "{scheme:?}");
        }
    }
}

#[test]
fn aes_keys_live_in_key_blocks_only() {
    let engine = engine();
    let (aes_lmk, tdes_lmk) = (Lmk::AES_KEY_BLOCK, Lmk::KEY_BLOCK);
    for (algorithm, length) in
        [(AskedAlgorithm::Aes128, 16), (AskedAlgorithm::Aes192, 24), (AskedAlgorithm::Aes256, 32)]
    {
        let attributes = asked(b"21", b'B', Exportability::Trusted, Some(algorithm));
        let generate = GenerateKey {
            options: KeyBlockOptions { attributes: Some(attributes), ..KeyBlockOptions::NONE },
            ..GenerateKey::new(KeyType::FROM_KEY_BLOCK, KeyScheme::S)
        };
        let made = engine.run_under(aes_lmk, &Command::GenerateKey(generate.clone()));
        let (key, kcv) = key_reply(&made);
        let clear = Lmk::public_test().unwrap_key_block(aes_lmk, &key).unwrap();
        let WorkingKey::Aes(aes) = &clear else { panic!("{clear:?}") };
        assert_eq!(aes.reveal().len(), length);
        assert_eq!(aes.cmac(&[0; 16])[..3], *kcv.as_bytes());
        assert_eq!(check_value(&engine, aes_lmk, KeyType::FROM_KEY_BLOCK, &key), kcv);

        let refused = engine.run_under(tdes_lmk, &Command::GenerateKey(generate));
        assert_eq!(refused.error, ErrorCode::NOT_UNDER_TDES_LMK);

        // It leaves under an AES ZMK, and under no other.
        for (zmk, expect) in [
            (block(aes_lmk, b"52", b'B', Exportability::Trusted, &aes_key()), ErrorCode::NONE),
            (
                block(aes_lmk, b"52", b'B', Exportability::Trusted, &tdes(0x4F)),
                ErrorCode::KEY_BLOCK_ALGORITHM,
            ),
        ] {
            for scheme in [KeyScheme::S, KeyScheme::R] {
                let export = ExportKey::new(KeyType::FROM_KEY_BLOCK, zmk.borrowed(), key.borrowed(), scheme);
                let reply = engine.run_under(aes_lmk, &Command::ExportKey(export));
                assert_eq!(reply.error, expect);
                if expect == ErrorCode::NONE {
                    let (left, _) = key_reply(&reply);
                    let found = match scheme {
                        KeyScheme::S => key_block::unwrap(&aes_key(), key_block::UNDER_ZMK, left.reveal()),
                        _ => tr31::unwrap(&aes_key(), left.reveal()),
                    };
                    assert_eq!(found.unwrap().reveal(), clear.reveal());
                    // There is no place for it under a variant LMK.
                    let variant_zmk = Lmk::public_test()
                        .encrypt_key(KeyType::ZMK, KeyScheme::U, &ClearKey::double(&[0x4F; 16]))
                        .unwrap();
                    let import = ImportKey::new(KeyType::DEK, variant_zmk, left, KeyScheme::U);
                    let reply = engine.run(&Command::ImportKey(import));
                    assert_ne!(reply.error, ErrorCode::NONE);
                }
            }
        }
    }
}

#[test]
fn what_a_key_block_says_is_enforced() {
    use Exportability::{Never, Sensitive, Trusted};
    let engine = engine();
    let lmk = Lmk::KEY_BLOCK;
    let zmk = block(lmk, b"K0", b'B', Trusted, &tdes(0x4F));
    let export = |zmk: &KeyField<'_>, key: &KeyField<'_>, scheme, options| {
        let type_ = KeyType::FROM_KEY_BLOCK;
        let export = ExportKey { options, ..ExportKey::new(type_, zmk.borrowed(), key.borrowed(), scheme) };
        engine.run_under(lmk, &Command::ExportKey(export)).error
    };
    let none = KeyBlockOptions::NONE;
    let key = |exportability| block(lmk, b"72", b'B', exportability, &tdes(0x57));
    for (exportability, scheme, expect) in [
        (Never, KeyScheme::S, ErrorCode::KEY_BLOCK_EXPORTABILITY),
        (Never, KeyScheme::X, ErrorCode::KEY_BLOCK_EXPORTABILITY),
        (Trusted, KeyScheme::R, ErrorCode::NONE),
        (Trusted, KeyScheme::U, ErrorCode::KEY_BLOCK_EXPORTABILITY),
        (Sensitive, KeyScheme::U, ErrorCode::NONE),
        (Sensitive, KeyScheme::T, ErrorCode::KEY_LENGTH),
    ] {
        assert_eq!(export(&zmk, &key(exportability), scheme, none), expect, "{exportability:?} {scheme:?}");
    }
    // Narrower is allowed, wider is not; a version other than the one that is made is refused.
    let to = |exportability| KeyBlockOptions { exportability: Some(exportability), ..none };
    assert_eq!(export(&zmk, &key(Trusted), KeyScheme::R, to(Never)), ErrorCode::NONE);
    assert_eq!(export(&zmk, &key(Trusted), KeyScheme::R, to(Sensitive)), ErrorCode::KEY_BLOCK_EXPORTABILITY);
    let version = |version| KeyBlockOptions { version: Some(version), ..none };
    assert_eq!(export(&zmk, &key(Trusted), KeyScheme::R, version(b'B')), ErrorCode::NONE);
    assert_eq!(export(&zmk, &key(Trusted), KeyScheme::R, version(b'D')), ErrorCode::KEY_BLOCK_FORMAT);
    assert_eq!(export(&zmk, &key(Trusted), KeyScheme::S, version(b'0')), ErrorCode::NONE);
    // What another key sends out.
    let pin_key = block(lmk, b"P0", b'B', Trusted, &tdes(0x4F));
    assert_eq!(export(&pin_key, &key(Trusted), KeyScheme::S, none), ErrorCode::KEY_BLOCK_USAGE);
    let verifying = block(lmk, b"52", b'D', Trusted, &tdes(0x4F));
    assert_eq!(export(&verifying, &key(Trusted), KeyScheme::S, none), ErrorCode::KEY_BLOCK_MODE);
    // A type, when one is given, must be that of the block.
    let by_type = ExportKey::new(KeyType::CVK, zmk.borrowed(), key(Trusted), KeyScheme::S);
    let reply = engine.run_under(lmk, &Command::ExportKey(by_type));
    assert_eq!(reply.error, ErrorCode::KEY_BLOCK_USAGE);
}

#[test]
fn a_block_that_comes_in_may_be_narrowed_but_not_widened() {
    let engine = engine();
    let lmk = Lmk::KEY_BLOCK;
    let zmk_key = tdes(0x4F);
    let zmk = block(lmk, b"52", b'B', Exportability::Trusted, &zmk_key);
    let attributes = attributes(b"P0", b'B', Exportability::Trusted, KeyAlgorithm::Tdes);
    let optional = OptionalBlocks::parse(1, "030Esome text.").unwrap();
    let attributes = KeyAttributes { optional_blocks: optional, ..attributes };
    let sent = tr31::wrap(&zmk_key, attributes, &tdes(0x57), [9; 16]).unwrap();
    let sent = KeyField::from_text(&format!("R{sent}")).unwrap();
    let import = |asked: Option<AskedAttributes<'_>>| {
        let options = KeyBlockOptions { attributes: asked, ..KeyBlockOptions::NONE };
        let type_ = KeyType::FROM_KEY_BLOCK;
        let import = ImportKey::new(type_, zmk.borrowed(), sent.borrowed(), KeyScheme::S);
        let options = KeyBlockOptions { attributes: options.attributes, ..KeyBlockOptions::NONE };
        engine.run_under(lmk, &Command::ImportKey(ImportKey { options, ..import }))
    };
    // As it came, with its optional block and the padding of TR-31.
    let (key, _) = key_reply(&import(None));
    let (header, _) = KeyBlockHeader::parse(key.reveal()).unwrap();
    assert_eq!(header.attributes.optional_blocks.iter().next(), Some("030Esome text."));
    assert_eq!((header.version, header.context), (b'0', *b"01"));
    assert_eq!(header.attributes.exportability, Exportability::Trusted);

    let narrowed = import(Some(asked(b"72", b'E', Exportability::Never, None)));
    let (key, _) = key_reply(&narrowed);
    let (header, _) = KeyBlockHeader::parse(key.reveal()).unwrap();
    assert_eq!(header.attributes.usage.as_bytes(), b"72");
    assert_eq!(header.attributes.mode.letter(), b'E');
    assert_eq!(header.attributes.exportability, Exportability::Never);

    let refused = |usage, mode, exportability| import(Some(asked(usage, mode, exportability, None))).error;
    assert_eq!(refused(b"C0", b'C', Exportability::Never), ErrorCode::KEY_BLOCK_USAGE);
    assert_eq!(refused(b"72", b'N', Exportability::Never), ErrorCode::KEY_BLOCK_MODE);
    assert_eq!(refused(b"72", b'B', Exportability::Sensitive), ErrorCode::KEY_BLOCK_EXPORTABILITY);
}

#[test]
fn weak_keys_do_not_come_in() {
    let engine = engine();
    let zmk = ClearKey::double(&[0x4F; 16]);
    let zmk_field = wrapped(KeyType::ZMK, &zmk);
    for (part, expect) in [
        (0x0101010101010101u64, ErrorCode::INPUT),
        (0x1F1F1F1F0E0E0E0E, ErrorCode::INPUT),
        (0xE0FEE0FEF1FEF1FE, ErrorCode::INPUT),
        // Of even parity it is the same key.
        (0xFEFEFEFEFEFEFEFF, ErrorCode::INPUT),
        (0x3131313131313131, ErrorCode::NONE),
    ] {
        let mut sent = [&[0x57; 8][..], &part.to_be_bytes()].concat();
        zmk.encrypt_ecb(&mut sent);
        let sent = KeyField::from_text(&format!("X{}", hex::encode_upper(sent))).unwrap();
        let import = ImportKey::new(KeyType::ZPK, zmk_field.borrowed(), sent, KeyScheme::U);
        assert_eq!(engine.run(&Command::ImportKey(import)).error, expect, "{part:016X}");
    }
}

#[test]
fn components_become_a_key_in_authorised_state_only() {
    let components = [tdes(0x57), tdes(0x4F), tdes(0x31)];
    let lmk = Lmk::AES_KEY_BLOCK;
    let fields = |exportability| {
        components.iter().map(|key| block(lmk, b"B0", b'N', exportability, key)).collect::<Vec<_>>()
    };
    let form = |engine: &Engine, components: Vec<KeyField<'static>>| {
        let optional_blocks = OptionalBlocks::parse(1, "0407abc").unwrap();
        let attributes = Some(FormedAttributes { key_version: *b"05", optional_blocks });
        let key_type = KeyType::FROM_KEY_BLOCK;
        let command = FormKey { key_type, scheme: KeyScheme::S, components, attributes };
        engine.run_under(lmk, &Command::FormKey(command))
    };
    let locked = Engine::new(Lmk::public_test(), Settings::default());
    assert_eq!(form(&locked, fields(Exportability::Trusted)).error, ErrorCode::NOT_AUTHORISED);
    let engine = authorised();
    let made = form(&engine, fields(Exportability::Trusted));
    let (key, kcv) = key_reply(&made);
    let (header, _) = KeyBlockHeader::parse(key.reveal()).unwrap();
    assert_eq!(header.attributes.key_version, *b"05");
    assert_eq!(header.attributes.optional_blocks.as_str(), "0407abc");
    let clear = Lmk::public_test().unwrap_key_block(lmk, &key).unwrap();
    // 57 ^ 4F ^ 31 = 29, which has odd parity.
    assert_eq!((clear.reveal(), clear.kcv()), (&[0x29; 16][..], kcv));

    let mut others = fields(Exportability::Trusted);
    others[1] = block(lmk, b"B0", b'N', Exportability::Never, &components[1]);
    assert_eq!(form(&engine, others).error, ErrorCode::KEY_BLOCK_EXPORTABILITY);
    let twice = vec![fields(Exportability::Trusted)[0].clone(); 2];
    assert_eq!(form(&engine, twice).error, ErrorCode::DESTINATION_KEY_PARITY, "they sum to zero");
    let one = fields(Exportability::Trusted)[..1].to_vec();
    assert_eq!(form(&engine, one).error, ErrorCode::COMPONENTS);
}

#[test]
fn sixteen_digits_asked_for_need_the_authorised_state() {
    let cvk = ClearKey::double(&[0x57; 16]);
    let ask = |engine: &Engine, length_stated| {
        let command = CheckValue {
            length_stated,
            ..CheckValue::new(KeyType::CVK, wrapped(KeyType::CVK, &cvk), KcvLength::Sixteen)
        };
        engine.run(&Command::CheckValue(command)).error
    };
    assert_eq!(ask(&engine(), false), ErrorCode::NONE);
    assert_eq!(ask(&engine(), true), ErrorCode::NOT_AUTHORISED);
    assert_eq!(ask(&authorised(), true), ErrorCode::NONE);
}

#[test]
fn keys_change_their_scheme_and_their_lmk() {
    let lmk = Lmk::public_test();
    let key = ClearKey::double(&[0x57; 16]);
    let x = lmk.encrypt_key(KeyType::CVK, KeyScheme::X, &key).unwrap();
    let change = ChangeScheme { key_type: KeyType::CVK, key: x, scheme: KeyScheme::U };
    let reply = engine().run(&Command::ChangeScheme(change));
    let ReplyBody::KeyAlone(changed) = reply.body else { panic!("{}", reply.error) };
    assert_eq!(changed, wrapped(KeyType::CVK, &key));

    let mut pairs = [[0x31; 16]; 20];
    pairs[7] = [0x57; 16];
    let before = Lmk::new().with_variant(Lmk::VARIANT, &pairs);
    let old = before.encrypt_key(KeyType::CVK, KeyScheme::U, &key).unwrap();
    let both = Lmk::public_test().with_old_variant(Lmk::VARIANT, &pairs);
    let migrate = |engine: &Engine, key: &KeyField<'_>| {
        let command = MigrateKey { key_type: KeyType::CVK, key: key.borrowed(), scheme: Some(KeyScheme::U) };
        engine.run(&Command::MigrateKey(command))
    };
    let reply = migrate(&Engine::new(both, Settings::default()), &old);
    let ReplyBody::KeyAlone(new) = reply.body else { panic!("{}", reply.error) };
    assert_eq!(new, wrapped(KeyType::CVK, &key));
    assert_eq!(migrate(&engine(), &old).error, ErrorCode::LMK_CHANGE_STORAGE);

    // From one key block LMK to another.
    let (one, two) = (tdes(0x31), aes_key());
    let old = Lmk::new().with_key_block(LmkIdentifier(5), one.clone());
    let stated = attributes(b"72", b'B', Exportability::Never, KeyAlgorithm::Tdes);
    let field = old.wrap_key_block(LmkIdentifier(5), stated, &tdes(0x57), [3; 16]).unwrap();
    let lmk = Lmk::new().with_key_block(LmkIdentifier(5), two).with_old_key_block(LmkIdentifier(5), one);
    let engine = Engine::new(lmk, Settings::default());
    let command = MigrateKey { key_type: KeyType::FROM_KEY_BLOCK, key: field, scheme: None };
    let reply = engine.run_under(LmkIdentifier(5), &Command::MigrateKey(command));
    let ReplyBody::KeyAlone(new) = reply.body else { panic!("{}", reply.error) };
    let (header, _) = KeyBlockHeader::parse(new.reveal()).unwrap();
    assert_eq!((header.version, header.attributes), (b'1', stated));
}

#[test]
fn the_older_check_value_is_that_of_the_newer() {
    let key = ClearKey::new(&[0x57; 8]).unwrap();
    let field = wrapped(KeyType::TAK, &key);
    let old = PairCheckValue { key: field.borrowed(), key_type: KeyType::TAK, length: KcvLength::Six };
    let reply = engine().run(&Command::PairCheckValue(old));
    let ReplyBody::CheckValue(kcv) = reply.body else { panic!("{}", reply.error) };
    assert_eq!(kcv, check_value(&engine(), Lmk::VARIANT, KeyType::TAK, &field));
}

/// `HC`, `HA`, `IA`, `FI`: the key under the ZMK or TMK and the one under the LMK are the same, and the older
/// and newer ways to bring it in agree.
#[test]
fn the_older_commands_make_keys_too() {
    let engine = engine();
    let transport = ClearKey::double(&[0x4F; 16]);
    let (zmk, tmk) = (wrapped(KeyType::ZMK, &transport), wrapped(KeyType::TMK, &transport));
    for (made, key_type, transport, has_check_value) in [
        (MadeKey::Tmk, KeyType::TMK, &tmk, false),
        (MadeKey::Tak, KeyType::TAK, &tmk, true),
        (MadeKey::Zpk, KeyType::ZPK, &zmk, true),
        (MadeKey::Zek { zak: false }, KeyType::ZEK, &zmk, true),
        (MadeKey::Zek { zak: true }, KeyType::ZAK, &zmk, true),
    ] {
        for scheme in [None, Some(KeyScheme::U), Some(KeyScheme::T)] {
            let forms = scheme.map(|scheme| KeyForms {
                outside: Some(scheme),
                inside: Some(scheme),
                kcv: KcvLength::Six,
            });
            let command = MakeKey { made, transport: transport.borrowed(), atalla_variant: None, forms };
            let reply = engine.run(&Command::MakeKey(command));
            let ReplyBody::MadeKey { exported, key, kcv } = reply.body else { panic!("{}", reply.error) };
            assert_eq!(kcv.is_some(), has_check_value);
            assert_eq!(key.scheme(), scheme.unwrap_or(KeyScheme::Z));
            let shown = check_value(&engine, Lmk::VARIANT, key_type, &key);
            assert!(kcv.is_none_or(|kcv| kcv.as_bytes()[..3] == *shown.as_bytes()));
            let import = ImportKey::new(key_type, zmk.borrowed(), exported, key.scheme());
            assert_eq!(key_reply(&engine.run(&Command::ImportKey(import))), (key, shown));
        }
    }
}

#[test]
fn an_atalla_variant_undoes_itself_and_no_other() {
    let engine = engine();
    let zmk = wrapped(KeyType::ZMK, &ClearKey::double(&[0x4F; 16]));
    let key = wrapped(KeyType::ZPK, &ClearKey::double(&[0x57; 16]));
    let export = ExportKey {
        atalla_variant: AtallaVariant::new(3),
        ..ExportKey::new(KeyType::ZPK, zmk.borrowed(), key.borrowed(), KeyScheme::X)
    };
    let (left, kcv) = key_reply(&engine.run(&Command::ExportKey(export)));
    let import = |number| {
        let import = ImportKey {
            atalla_variant: AtallaVariant::new(number),
            ..ImportKey::new(KeyType::ZPK, zmk.borrowed(), left.borrowed(), KeyScheme::U)
        };
        engine.run(&Command::ImportKey(import))
    };
    assert_eq!(key_reply(&import(3)), (key, kcv));
    assert_eq!(import(4).error, ErrorCode::VERIFICATION_FAILED, "its parity had to be mended");
    assert_eq!(import(32).error, ErrorCode::INPUT, "no byte holds eight times that");
}

/// What comes after the LMK identifier is part of the command, wherever the identifier stands.
#[test]
fn options_come_after_the_lmk_identifier() {
    let wire = b"A00FFFS%02#72A1E00N00\x19end";
    let request = Request::parse(wire).unwrap();
    assert_eq!((request.lmk, request.trailer), (Some(LmkIdentifier(2)), Some(&b"end"[..])));
    let mut reply = Vec::new();
    engine().execute(wire, &mut reply);
    assert!(reply.starts_with(b"A100S10096") && reply.ends_with(b"\x19end"), "{}", reply.escape_ascii());
    assert_eq!(&reply[10..20], b"72AE00N000");
    let mut again = Vec::new();
    request.encode(&mut again);
    assert_eq!(again, wire);
}

fn zmks() -> [(LmkIdentifier, KeyField<'static>); 4] {
    let trusted = Exportability::Trusted;
    [
        (Lmk::VARIANT, wrapped(KeyType::ZMK, &ClearKey::double(&[0x4F; 16]))),
        (Lmk::KEY_BLOCK, block(Lmk::KEY_BLOCK, b"52", b'B', trusted, &tdes(0x4F))),
        (Lmk::AES_KEY_BLOCK, block(Lmk::AES_KEY_BLOCK, b"52", b'B', trusted, &tdes(0x4F))),
        (Lmk::AES_KEY_BLOCK, block(Lmk::AES_KEY_BLOCK, b"K0", b'N', trusted, &aes_key())),
    ]
}

fn block(
    lmk: LmkIdentifier,
    usage: &[u8; 2],
    mode: u8,
    exportability: Exportability,
    key: &WorkingKey,
) -> KeyField<'static> {
    let stated = attributes(usage, mode, exportability, key.algorithm());
    Lmk::public_test().wrap_key_block(lmk, stated, key, [0x6B; 16]).unwrap()
}

fn attributes(
    usage: &[u8; 2],
    mode: u8,
    exportability: Exportability,
    algorithm: KeyAlgorithm,
) -> KeyAttributes<'static> {
    asked(usage, mode, exportability, None).of(algorithm)
}

fn asked(
    usage: &[u8; 2],
    mode: u8,
    exportability: Exportability,
    algorithm: Option<AskedAlgorithm>,
) -> AskedAttributes<'static> {
    AskedAttributes {
        usage: KeyUsage::new(*usage).unwrap(),
        algorithm,
        mode: ModeOfUse::from_letter(mode).unwrap(),
        key_version: *b"00",
        exportability,
        optional_blocks: OptionalBlocks::NONE,
    }
}

fn tdes(byte: u8) -> WorkingKey {
    ClearKey::double(&[byte; 16]).into()
}

fn aes_key() -> WorkingKey {
    AesKey::new(&[0xA5; 32]).unwrap().into()
}

fn wrapped(key_type: KeyType, key: &ClearKey) -> KeyField<'static> {
    let scheme = if key.reveal().len() == 8 { KeyScheme::Z } else { KeyScheme::U };
    Lmk::public_test().encrypt_key(key_type, scheme, key).unwrap()
}

fn check_value(engine: &Engine, lmk: LmkIdentifier, key_type: KeyType, key: &KeyField<'_>) -> Kcv {
    let command = CheckValue::new(key_type, key.borrowed(), KcvLength::Six);
    let reply = engine.run_under(lmk, &Command::CheckValue(command));
    let ReplyBody::CheckValue(kcv) = reply.body else { panic!("{}", reply.error) };
    kcv
}

fn key_reply(reply: &Reply<'_>) -> (KeyField<'static>, Kcv) {
    let ReplyBody::Key { key, kcv } = &reply.body else { panic!("{}", reply.error) };
    (key.clone().into_owned(), *kcv)
}

fn engine() -> Engine {
    Engine::new(Lmk::public_test(), Settings::default())
}

fn authorised() -> Engine {
    Engine::new(Lmk::public_test(), Settings { authorised: true, ..Settings::default() })
}
