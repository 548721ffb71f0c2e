//! Frames of `fixtures/hsm_keys`: of real units and of the Thales simulator, for commands that draw
//! something at random. What comes back must have the same headers, and the same keys inside where those are
//! not random themselves.

use hsm::{
    Command, ErrorCode, GenerateKey, KeyBlockHeader, KeyField, KeyScheme, KeyType, LmkIdentifier, Reply,
    ReplyBody, Request, framing,
};
use hsm_sim::{AesKey, ClearKey, Engine, KeyError, Lmk, Settings, WorkingKey, key_block, tr31};

#[test]
fn a_key_is_made_in_a_key_block() {
    let (ours, theirs) = answers("a0-key-block", lmk);
    for reply in [&ours, &theirs] {
        let ReplyBody::Key { key, kcv } = &reply.body else { panic!("{}", reply.error) };
        let clear = lmk().unwrap_key_block(Lmk::KEY_BLOCK, key).unwrap();
        assert_eq!((clear.reveal().len(), clear.kcv()), (16, *kcv));
    }
    assert_eq!(headers(&ours), headers(&theirs));
}

#[test]
fn a_key_is_made_and_leaves_in_key_blocks() {
    let (ours, theirs) = answers("a0-key-block-export", lmk);
    let zmk = KeyField::parse("S00072K0TB00E00017CECF0FB9210B3CC93B9FFB304963C39CFFF94B837D318E1A6F1F058");
    let zmk = lmk().unwrap_key_block(Lmk::KEY_BLOCK, &zmk.unwrap()).unwrap();
    for reply in [&ours, &theirs] {
        let ReplyBody::KeyForTwo { key, exported, kcv } = &reply.body else { panic!("{}", reply.error) };
        let clear = lmk().unwrap_key_block(Lmk::KEY_BLOCK, key).unwrap();
        let left = key_block::unwrap(&zmk, key_block::UNDER_ZMK, exported.reveal()).unwrap();
        assert_eq!(clear.reveal(), left.reveal());
        assert_eq!(clear.kcv(), *kcv);
    }
    assert_eq!(headers(&ours), headers(&theirs));
}

#[test]
fn a_key_block_comes_in() {
    let (ours, theirs) = answers("a6-key-block", lmk);
    let clear = same_key(&ours, &theirs, |key| lmk().unwrap_key_block(Lmk::KEY_BLOCK, key));
    assert_eq!(clear, "98519E45CBB9291F49EFAD4AFEFDDC79");
}

#[test]
fn a_key_block_leaves_with_another_exportability() {
    let (ours, theirs) = answers("a8-key-block", lmk);
    let zmk = KeyField::parse("S00072K0TB00E0001DB045F29C053EEFF7B9425B3A88C7258EB7EA7E40E2C47878647072A");
    let zmk = lmk().unwrap_key_block(Lmk::KEY_BLOCK, &zmk.unwrap()).unwrap();
    let unwrap = |key: &KeyField<'_>| key_block::unwrap(&zmk, key_block::UNDER_ZMK, key.reveal());
    assert_eq!(same_key(&ours, &theirs, unwrap), "98519E45CBB9291F49EFAD4AFEFDDC79");
}

#[test]
fn components_in_key_blocks_become_a_key() {
    let (ours, theirs) = answers("a4-key-block", lmk);
    same_key(&ours, &theirs, |key| lmk().unwrap_key_block(Lmk::KEY_BLOCK, key));
}

#[test]
fn components_become_a_key() {
    let (ours, theirs) = answers("a4-single-length", lmk);
    same_key(&ours, &theirs, |key| lmk().decrypt_key(KeyType::TMK, key).map(WorkingKey::from));
    assert_eq!(encoded(&ours), encoded(&theirs), "nothing is random here");
}

#[test]
fn a_zpk_leaves_in_authorised_state() {
    let (ours, theirs) = answers("gc-authorised", lmk);
    assert_eq!(encoded(&ours), encoded(&theirs), "nothing is random here");
}

#[test]
fn the_older_commands_make_keys() {
    for (name, transport_type, key_type) in [
        ("make-hc", KeyType::TMK, KeyType::TMK),
        ("make-ha", KeyType::TMK, KeyType::TAK),
        ("make-ia", KeyType::ZMK, KeyType::ZPK),
        ("make-fi-zek", KeyType::ZMK, KeyType::ZEK),
        ("make-fi-zak", KeyType::ZMK, KeyType::ZAK),
    ] {
        let text = text(name);
        let request = body(&text, "request");
        let Command::MakeKey(command) = Request::parse(&request).unwrap().command else { panic!("{name}") };
        let transport = lmk().decrypt_key(transport_type, &command.transport).unwrap();
        let mut answered = Vec::new();
        engine(lmk()).execute(&request, &mut answered);
        let recorded = body(&text, "response");
        assert_eq!(answered.len(), recorded.len());
        let code = Command::MakeKey(command).code();
        for reply in [Reply::parse(code, &answered).unwrap(), Reply::parse(code, &recorded).unwrap()] {
            let ReplyBody::MadeKey { exported, key, kcv } = &reply.body else { panic!("{}", reply.error) };
            let clear = WorkingKey::from(lmk().decrypt_key(key_type, key).unwrap());
            let mut left = hex::decode(exported.reveal()).unwrap();
            transport.decrypt_ecb(&mut left);
            assert_eq!((exported.scheme(), clear.reveal()), (KeyScheme::X, &left[..]));
            assert_eq!(kcv.is_none(), name == "make-hc");
            assert!(kcv.is_none_or(|kcv| kcv == clear.kcv()));
        }
    }
}

#[test]
fn keys_leave_in_tr31_blocks_and_come_back() {
    let zmk_of = |name: &str, identifier| {
        let request = body(&text(name), "request");
        let Command::ExportKey(command) = Request::parse(&request).unwrap().command else { panic!("{name}") };
        lmk().unwrap_key_block(identifier, &command.zmk).unwrap()
    };
    for (name, identifier) in
        [("a8-tr31-version-b", Lmk::KEY_BLOCK), ("a8-tr31-version-d", Lmk::AES_KEY_BLOCK)]
    {
        let (ours, theirs) = answers(name, lmk);
        let zmk = zmk_of(name, identifier);
        same_key(&ours, &theirs, |key| tr31::unwrap(&zmk, key.reveal()));
    }
    let (ours, theirs) = answers("a6-tr31-version-d", lmk);
    same_key(&ours, &theirs, |key| lmk().unwrap_key_block(Lmk::AES_KEY_BLOCK, key));
    let (ours, theirs) = answers("a6-key-block-attributes", lmk);
    same_key(&ours, &theirs, |key| lmk().unwrap_key_block(Lmk::KEY_BLOCK, key));
}

#[test]
fn keys_move_from_the_old_lmk() {
    let mut pairs = [[0x31; 16]; 20];
    hex::decode_to_slice("313131313131313145454545454545A8", &mut pairs[7]).unwrap();
    for name in ["bw-migrate", "bw-migrate-by-pair"] {
        let engine = engine(lmk().with_old_variant(Lmk::VARIANT, &pairs));
        let text = text(name);
        let mut answered = Vec::new();
        engine.execute(&body(&text, "request"), &mut answered);
        let recorded = body(&text, "response");
        assert_eq!(answered.escape_ascii().to_string(), recorded.escape_ascii().to_string());
    }
}

/// The AES initial key of a terminal is no random one, so it is the same in both blocks.
#[test]
fn an_aes_initial_key_is_derived_and_leaves_in_a_tr31_block() {
    let aes = AesKey::new(
        &hex::decode("9B71333A13F9FAE72F9D0E2DAB4AD6784718012F9244033F3F26A2DE0C8AA11A").unwrap(),
    );
    let aes = aes.unwrap();
    let lmk = || Lmk::new().with_key_block(LmkIdentifier(1), aes.clone());
    let (ours, theirs) = answers("a0-derive-aes", lmk);
    let zmk = "S10128K0AN00S00014992CC54DBFA719AB7A7737F6A5DEE252384B03176F5A08BB75EAF35F37C4CD86A0D7BD\
               141A9BC6F77C9D81191A5F3E639AFC53C26D5325F";
    let zmk = lmk().unwrap_key_block(LmkIdentifier(1), &KeyField::parse(zmk).unwrap()).unwrap();
    let mut keys = Vec::new();
    for reply in [&ours, &theirs] {
        let ReplyBody::KeyForTwo { key, exported, kcv } = &reply.body else { panic!("{}", reply.error) };
        assert_eq!(kcv.to_string(), "DD3ABE");
        keys.push(lmk().unwrap_key_block(LmkIdentifier(1), key).unwrap().reveal().to_vec());
        keys.push(tr31::unwrap(&zmk, exported.reveal()).unwrap().reveal().to_vec());
    }
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(headers(&ours), headers(&theirs));
}

#[test]
fn a_key_is_made_under_the_variant_lmk() {
    let (ours, theirs) = answers("a0-variant", lmk);
    let (exporting, exported) = answers("a0-variant-export", lmk);
    for reply in [&ours, &theirs] {
        let ReplyBody::Key { key, kcv } = &reply.body else { panic!("{}", reply.error) };
        let clear = WorkingKey::from(lmk().decrypt_key(KeyType::ZPK, key).unwrap());
        assert_eq!(clear.kcv(), *kcv);
    }
    let zmk = KeyField::parse("U4C94ED3CBF0597C848000A85A55C2E54").unwrap();
    let zmk = lmk().decrypt_key(KeyType::ZMK, &zmk).unwrap();
    for reply in [&exporting, &exported] {
        let ReplyBody::KeyForTwo { key, exported, kcv } = &reply.body else { panic!("{}", reply.error) };
        let clear = lmk().decrypt_key(KeyType::ZPK, key).unwrap();
        // Under a ZMK, X is plain ECB.
        let mut left = hex::decode(exported.reveal()).unwrap();
        zmk.decrypt_ecb(&mut left);
        assert_eq!((exported.scheme(), clear.reveal()), (KeyScheme::X, &left[..]));
        assert_eq!(WorkingKey::from(clear).kcv(), *kcv);
    }
}

/// Every request with each of its bytes changed in turn, and cut at each place: always one reply that its
/// reader understands.
#[test]
fn whatever_is_asked_is_answered() {
    let engine = engine(lmk());
    let folder = format!("{}/../fixtures/hsm_keys", env!("CARGO_MANIFEST_DIR"));
    let mut frames = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let request = body(&text, "request");
        for at in 0..request.len() {
            for byte in [b'0', b'F', b';', b'%', b'#', 0x19, 0xFF, request[at] ^ 1] {
                let mut changed = request.clone();
                changed[at] = byte;
                check_answered(&engine, &changed);
            }
            check_answered(&engine, &request[..at]);
        }
        frames += 1;
    }
    assert!(frames >= 20, "{frames}");
}

fn check_answered(engine: &Engine, request: &[u8]) {
    let mut reply = Vec::new();
    engine.execute(request, &mut reply);
    match Request::parse(request) {
        Ok(Request { command, trailer, .. }) => {
            let end = reply.len() - trailer.map_or(0, |trailer| trailer.len() + 1);
            Reply::parse(command.code(), &reply[..end]).unwrap();
        }
        Err(error) => assert_eq!(reply[2..], *error.error.as_bytes()),
    }
}

#[test]
fn no_two_keys_are_alike() {
    let made = || {
        let command = Command::GenerateKey(GenerateKey::new(KeyType::ZPK, KeyScheme::U));
        let ReplyBody::Key { key, .. } = engine(lmk()).run(&command).body else { panic!() };
        key.to_text()
    };
    assert_ne!(made(), made());
}

/// One key in both replies, with the same header and check value. Its digits.
fn same_key(
    ours: &Reply<'_>,
    theirs: &Reply<'_>,
    unwrap: impl Fn(&KeyField<'_>) -> Result<WorkingKey, KeyError>,
) -> String {
    let keys = [ours, theirs].map(|reply| {
        let ReplyBody::Key { key, kcv } = &reply.body else { panic!("{}", reply.error) };
        let clear = unwrap(key).unwrap();
        assert_eq!(clear.kcv(), *kcv);
        hex::encode_upper(clear.reveal())
    });
    assert_eq!(keys[0], keys[1]);
    assert_eq!(headers(ours), headers(theirs));
    keys[0].clone()
}

/// The headers of the key blocks in a reply; of other keys, the scheme.
fn headers(reply: &Reply<'_>) -> Vec<String> {
    assert_eq!(reply.error, ErrorCode::NONE);
    let header = |key: &KeyField<'_>| match key.scheme() {
        KeyScheme::S | KeyScheme::R => {
            let (_, rest) = KeyBlockHeader::parse(key.reveal()).unwrap();
            key.reveal()[..key.reveal().len() - rest.len()].to_string()
        }
        scheme => scheme.letter().to_string(),
    };
    match &reply.body {
        ReplyBody::Key { key, .. } => vec![header(key)],
        ReplyBody::KeyForTwo { key, exported, .. } => vec![header(key), header(exported)],
        body => panic!("{body:?}"),
    }
}

fn encoded(reply: &Reply<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    reply.encode(hsm::CommandCode::new(*b"A4"), &mut bytes);
    bytes
}

/// What our engine and who recorded the frame answer to its request.
fn answers(name: &str, lmk: impl Fn() -> Lmk) -> (Reply<'static>, Reply<'static>) {
    let text = text(name);
    let request = body(&text, "request");
    let code = Request::parse(&request).unwrap().command.code();
    let mut answered = Vec::new();
    engine(lmk()).execute(&request, &mut answered);
    let owned = |bytes: &[u8]| match Reply::parse(code, bytes).unwrap() {
        Reply { error, body: ReplyBody::Key { key, kcv } } => {
            Reply { error, body: ReplyBody::Key { key: key.into_owned(), kcv } }
        }
        Reply { error, body: ReplyBody::KeyForTwo { key, exported, kcv } } => {
            let (key, exported) = (key.into_owned(), exported.into_owned());
            Reply { error, body: ReplyBody::KeyForTwo { key, exported, kcv } }
        }
        Reply { error, .. } => panic!("{name}: {error}"),
    };
    (owned(&answered), owned(&body(&text, "response")))
}

fn text(name: &str) -> String {
    let path = format!("{}/../fixtures/hsm_keys/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn body(text: &str, word: &str) -> Vec<u8> {
    let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap();
    let wire = hex::decode(line.trim()).unwrap();
    let frame = framing::next_frame(&wire, framing::MAX_MESSAGE).unwrap().unwrap();
    assert_eq!(frame.consumed, wire.len());
    framing::split_header(&wire[frame.body], 4).unwrap().1.to_vec()
}

fn lmk() -> Lmk {
    Lmk::public_test()
}

fn engine(lmk: Lmk) -> Engine {
    Engine::new(lmk, Settings { authorised: true, ..Settings::default() })
}

/// The clear key of this test is in the fact sheet, as that of sample P6.
#[test]
fn the_key_of_the_recorded_blocks_is_the_published_one() {
    let zpk = ClearKey::new(&hex::decode("98519E45CBB9291F49EFAD4AFEFDDC79").unwrap()).unwrap();
    assert_eq!(WorkingKey::from(zpk).kcv().to_string(), "4FE9FD");
}
