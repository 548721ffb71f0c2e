//! Chip, MAC and data commands: what is written can be read back, what is cut short is refused, and no
//! secret shows.

use card::Pan;
use hsm::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_command_comes_back_as_it_was_written(parts in any_parts()) {
        let command = parts.command();
        let wire = encode(&command);
        let parsed = Command::parse(&wire).unwrap();
        // Debug masks secrets, the wire does not: together they show every field in its place.
        prop_assert_eq!(format!("{parsed:?}"), format!("{command:?}"));
        prop_assert_eq!(encode(&parsed), wire);
    }

    #[test]
    fn a_command_takes_an_lmk_and_a_trailer(parts in any_parts(), lmk in 0u8..100) {
        let command = parts.command();
        // These take the rest of the message for their data, or look for their end there.
        prop_assume!(!matches!(command.code().as_bytes(), b"MA" | b"MC" | b"ME"));
        let counted = !matches!(
            &command,
            Command::ScriptMac(ScriptMac { scheme: ScriptScheme::Visa | ScriptScheme::Mastercard, .. })
        );
        let trailer = counted.then_some(&b";tail"[..]);
        let request = Request { command, lmk: Some(LmkIdentifier(lmk)), trailer };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let parsed = Request::parse(&wire).unwrap();
        prop_assert_eq!((parsed.lmk, parsed.trailer), (request.lmk, trailer));
        prop_assert_eq!(encode(&parsed.command), encode(&request.command));
    }

    #[test]
    fn a_command_cut_short_is_refused(parts in any_parts(), keep in any::<prop::sample::Index>()) {
        let command = parts.command();
        let wire = encode(&command);
        let cut = &wire[..keep.index(wire.len())];
        match command {
            // Of an open end any beginning is whole, as long as something is there.
            Command::GenerateTerminalMac(_) | Command::VerifyTerminalMac(_) | Command::TranslateTerminalMac(_) => {}
            // A message that holds its delimiter ends there when cut.
            Command::ScriptMac(_) => {
                if let Ok(parsed) = Command::parse(cut) {
                    prop_assert_eq!(encode(&parsed), cut);
                    prop_assert_eq!(cut.last(), Some(&b';'));
                }
            }
            _ => prop_assert!(Command::parse(cut).is_err()),
        }
    }

    #[test]
    fn changed_bytes_never_panic(
        parts in any_parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut wire = encode(&parts.command());
        for (at, byte) in changes {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        if let Ok(request) = Request::parse(&wire) {
            prop_assert_eq!(encode(&request.command)[..2].to_vec(), wire[..2].to_vec());
        }
    }

    #[test]
    fn random_bytes_never_panic(code in 0..CODES.len(), bytes in vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&[&CODES[code][..], &bytes].concat());
        let code = CommandCode::new(*CODES[code]);
        for error in [b"00", b"01"] {
            let _ = Reply::parse(code, &[&code.reply().as_bytes()[..], error, &bytes].concat());
        }
        let iv = Iv::new(&[0; 8]).unwrap();
        let _ = DataReply::parse(&bytes, &[(CipherMode::Cbc(iv), true), (CipherMode::Cfb8(iv), false)]);
    }

    #[test]
    fn debug_shows_no_key_pan_track_or_message(parts in any_parts()) {
        let shown = format!("{:?}", parts.command());
        prop_assert!(!shown.contains(&parts.key[1..]), "{}", shown);
        prop_assert!(!shown.contains(&parts.pan), "{}", shown);
        prop_assert!(!shown.contains(&format!("{:?}", parts.bytes)), "{}", shown);
        prop_assert!(!shown.contains(&format!("{:?}", parts.pan.as_bytes())), "{}", shown);
    }

    #[test]
    fn a_data_reply_is_cut_as_it_was_made(
        modes in (0u8..4, 0u8..4), aes in any::<(bool, bool)>(), block: [u8; 16], sent in vec(any::<u8>(), 0..300),
    ) {
        let mode = |code, aes: bool| cipher_mode(code, Iv::new(&block[..if aes { 16 } else { 8 }]).unwrap());
        let modes = [(mode(modes.0, aes.0), aes.0), (mode(modes.1, aes.1), aes.1)];
        let made = DataReply { ivs: modes.map(|(mode, _)| mode.iv()), sent: &sent };
        let wire = made.to_bytes();
        let cut = DataReply::parse(&wire, &modes).unwrap();
        prop_assert_eq!((cut.ivs, cut.sent), (made.ivs, made.sent));
        prop_assert!(DataReply::parse(&wire[..wire.len() - 1], &modes).is_err());
        let code = CommandCode::new(*b"M4");
        let reply = Reply::success(ReplyBody::Data(wire.clone().into()));
        let mut frame = Vec::new();
        reply.encode(code, &mut frame);
        let ReplyBody::Data(back) = Reply::parse(code, &frame).unwrap().body else { panic!() };
        prop_assert_eq!(back.as_ref(), &wire[..]);
    }
}

#[test]
fn replies() {
    let check = |code: &[u8; 2], wire: &[u8], expect: Option<&str>| {
        let code = CommandCode::new(*code);
        let parsed = Reply::parse(code, wire).ok();
        assert_eq!(parsed.as_ref().map(|reply| format!("{:?}", reply.body)).as_deref(), expect, "{code}");
        if let Some(parsed) = parsed {
            let mut again = Vec::new();
            parsed.encode(code, &mut again);
            assert_eq!(again, wire, "{code}");
        }
    };
    check(b"KQ", b"KR01expected", Some("Expected"));
    check(b"KW", b"KX01expected", Some("Expected"));
    check(b"KW", b"KX01expecte", None);
    check(b"JS", b"JT01expected", Some("Expected"));
    check(b"JS", b"JT00arpcarpc", Some("Arpc"));
    check(b"PM", b"PN0112345", Some("Expected"));
    check(b"PM", b"PN00", Some("Empty"));
    check(b"KU", b"KV008 bytes.", Some("ScriptMac"));
    check(b"JU", b"JV008 bytes", None);
    check(b"M8", b"M900", Some("Empty"));
    check(b"M8", b"M9000123456789ABCDEF", Some("Mac"));
    check(b"MA", b"MB0001234567", Some("Mac"));
    check(b"MC", b"MD00", Some("Empty"));
    check(b"MS", b"MT000123456789ABCDEG", None);
}

#[test]
fn refusals() {
    let check = |wire: &[u8], expect| {
        let error = Request::parse(wire).unwrap_err().error;
        assert_eq!(error, expect, "{}", wire.escape_ascii());
    };
    let key = "U22222222222222222222222222222222";
    let with = |code: &str, rest: &str| [code, key, rest].concat().into_bytes();
    check(b"KW50", ErrorCode::KEY_TYPE_CODE);
    check(b"KW04U", ErrorCode::KEY_LENGTH_FLAG);
    check(&with("KQ33", ""), ErrorCode::KEY_LENGTH_FLAG);
    // A tree of shape 2.
    check(&with("KW00", "................\x12\x34\x12\x34\x12\x34\x12\x342"), ErrorCode::INPUT);
    // A PAN with a letter.
    check(&with("KU00", "\x1A.......^^^^^^^^message;"), ErrorCode::COMPONENTS);
    check(&with("KU00", "\x12\x12\x12\x12\x12\x12\x12\x12^^^^^^^^message"), ErrorCode::INPUT);
    check(&with("KU00", "\x12\x12\x12\x12\x12\x12\x12\x12^^^^^^^^;"), ErrorCode::EMPTY);
    check(b"KU1", ErrorCode::COMMAND_DISABLED);
    check(b"KU03", ErrorCode::COMMAND_DISABLED);
    check(b"KU9", ErrorCode::KEY_TYPE_CODE);
    check(b"JU02", ErrorCode::KEY_LENGTH_FLAG);
    check(b"PM00", ErrorCode::COMMAND_DISABLED);
    check(&with("PM12", "A400000123456;01000"), ErrorCode::INPUT);
    check(&with("PM12", "A40000012345A;01000"), ErrorCode::ACCOUNT);
    // The counter goes to 65535.
    check(&with("PM12", "A4000001234567;010000000012365536XXX12"), ErrorCode::INPUT);
    check(&with("PM12", "A4000001234567;010000000012365535X1X12"), ErrorCode::INPUT);
    check(&with("M00400", ""), ErrorCode::KEY_TYPE_CODE);
    check(&with("M0040000B", "0001."), ErrorCode::INPUT);
    check(&with("M0000300B", "0001."), ErrorCode::INPUT);
    check(&with("M0000000B", "0002."), ErrorCode::LENGTH);
    check(&with("M641031008", "0001."), ErrorCode::INPUT);
    check(&with("M600041008", "0001."), ErrorCode::INPUT);
    check(b"MS0200", ErrorCode::INPUT);
    check(b"MA1111111111111111", ErrorCode::INPUT);
}

/// Only a key block has a usage in its digits: those of other keys may look like one by chance.
#[test]
fn a_key_that_looks_like_a_base_derivation_key_has_no_serial_number() {
    let wire = b"M00000FFFU11111B022222222222222222222222220008message.";
    let Ok(Command::CipherData(command)) = Command::parse(wire) else { panic!() };
    assert_eq!((command.key.ksn, command.message.sent), (None, &b"message."[..]));
}

const CODES: [&[u8; 2]; 17] = [
    b"KQ", b"KW", b"KU", b"JU", b"JS", b"PM", b"M0", b"M2", b"M4", b"M6", b"M8", b"MS", b"MQ", b"MA", b"MC",
    b"ME", b"KY",
];

/// Everything that a command may be made of, so that one strategy serves them all.
#[derive(Debug)]
struct Parts {
    command: usize,
    key: String,
    plain: String,
    pan: String,
    block: [u8; 16],
    bytes: Vec<u8>,
    number: u8,
    choice: u8,
}

prop_compose! {
    fn any_parts()(
        command in 0..CODES.len() - 1,
        key in string_regex("U[0-9A-F]{32}|T[0-9A-F]{48}|S00072D0TB00E0001[0-9A-F]{56}").unwrap(),
        plain in string_regex("[0-9A-F]{16}").unwrap(),
        pan in string_regex("[0-9]{13,19}").unwrap(),
        block: [u8; 16],
        bytes in vec(any::<u8>(), 8..=255),
        number: u8,
        choice: u8,
    ) -> Parts {
        Parts { command, key, plain, pan, block, bytes, number, choice }
    }
}

impl Parts {
    fn command(&self) -> Command<'_> {
        let key = || KeyField::parse(&self.key).unwrap();
        let plain = || KeyField::parse(&self.plain).unwrap();
        let transaction = TransactionData::new(&self.bytes).unwrap();
        let script = ScriptMessage::new(&self.bytes).unwrap();
        let pan_sequence = PanSequence::option_a(&self.pan(), self.number);
        let (atc, arqc) = ([self.block[0], b';'], self.eight());
        let padded = self.choice % 2 == 1;
        let arc = [self.block[1], self.number];
        match CODES[self.command] {
            b"KQ" => Command::VerifyArqcDiscretionary(VerifyArqcDiscretionary {
                scheme: *self.pick(&[ArqcScheme::Visa, ArqcScheme::Mastercard, ArqcScheme::Amex]),
                mk_ac: key(),
                mk_smi: key(),
                pan_sequence,
                atc,
                unpredictable_number: [1, b';', self.number, 4],
                transaction,
                arqc,
                arc: padded.then_some(arc),
                mac: [7, self.number, b'%', 1],
                discretionary: transaction,
            }),
            b"KW" => Command::VerifyArqcTree(self.tree(transaction, arc)),
            b"KU" => Command::ScriptMac(ScriptMac {
                scheme: *self.pick(&[ScriptScheme::Visa, ScriptScheme::Mastercard, ScriptScheme::Common]),
                mk_smi: key(),
                pan_sequence,
                session_data: arqc,
                message: script,
            }),
            b"JU" => Command::UnionPayScriptMac(UnionPayScriptMac {
                mk_smi: key(),
                pan_sequence,
                atc,
                padded,
                message: script,
            }),
            b"JS" => Command::VerifyUnionPayArqc(VerifyUnionPayArqc {
                mk_ac: key(),
                pan_sequence,
                atc,
                padded,
                arqc,
                task: match self.choice % 3 {
                    0 => ArqcTask::Verify { transaction },
                    1 => ArqcTask::VerifyAndRespond { transaction, arpc: arc },
                    _ => ArqcTask::Respond { arpc: arc },
                },
            }),
            b"PM" => Command::VerifyCvc3(VerifyCvc3 {
                mk_cvc3: key(),
                option: *self.pick(&[DerivationOption::A, DerivationOption::B]),
                pan: self.pan(),
                psn: self.number % 100,
                track: TrackBytes::new(&self.bytes).unwrap(),
                unpredictable_number: *b"00012345",
                atc: u16::from_be_bytes([self.block[2], self.block[3]]),
                cvc3: Cvc3::parse(&self.pick(&[*b"12345", *b"XX345", *b"XXXX9"])[..]).unwrap(),
            }),
            b"M0" => Command::CipherData(self.cipher_data(CipherDirection::Encrypt)),
            b"M2" => Command::CipherData(self.cipher_data(CipherDirection::Decrypt)),
            b"M4" => Command::TranslateData(TranslateData {
                source_mode: self.mode(self.number),
                destination_mode: self.mode(self.choice),
                source_key: self.data_key(self.number),
                destination_key: self.data_key(self.choice),
                output: self.data_format(self.number),
                message: DataMessage { format: self.data_format(self.choice), sent: &self.bytes },
            }),
            b"M6" => Command::GenerateMac(GenerateMac {
                input: self.mac_input(),
                size: *self.pick(&[MacSize::Four, MacSize::Eight]),
            }),
            b"M8" => {
                let input = self.mac_input();
                let mac = Mac::new(&self.block[..*self.pick(&[4, 8])]);
                Command::VerifyMac(VerifyMac { mac: mac.filter(|_| !input.part.goes_on()), input })
            }
            b"MS" => Command::MacBlock(MacBlock {
                part: self.part(),
                zone: padded,
                key: if self.choice.is_multiple_of(3) { plain() } else { key() },
                message: if self.number.is_multiple_of(2) {
                    MacMessage::Binary(&self.bytes)
                } else {
                    MacMessage::Hex(self.plain.as_bytes())
                },
            }),
            b"MQ" => {
                let message = MacMessage::Binary(&self.bytes);
                Command::MacBlockZone(MacBlockZone { part: self.part(), zak: key(), message })
            }
            b"MA" => Command::GenerateTerminalMac(GenerateTerminalMac { tak: plain(), message: self.text() }),
            b"MC" => Command::VerifyTerminalMac(VerifyTerminalMac {
                tak: plain(),
                mac: Mac::new(&self.block[..4]).unwrap(),
                message: self.text(),
            }),
            _ => Command::TranslateTerminalMac(TranslateTerminalMac {
                source_tak: plain(),
                destination_tak: plain(),
                mac: Mac::new(&self.block[..4]).unwrap(),
                message: self.text(),
            }),
        }
    }

    fn tree<'p>(&'p self, transaction: TransactionData<'p>, arc: [u8; 2]) -> VerifyArqcTree<'p> {
        let option = *self.pick(&[DerivationOption::A, DerivationOption::B]);
        let one = ArpcMethod::One { arc };
        let proprietary = Proprietary::new(&self.bytes[..usize::from(self.number % 9)]).unwrap();
        let two = ArpcMethod::Two { csu: [0, 0x82, self.number, b';'], proprietary };
        VerifyArqcTree {
            option,
            mk_ac: KeyField::parse(&self.key).unwrap(),
            iv: self.block,
            pan_sequence: match option {
                DerivationOption::A => PanSequence::option_a(&self.pan(), self.number),
                DerivationOption::B => PanSequence::option_b(&self.pan(), self.number),
            },
            shape: *self.pick(&[
                TreeShape::Branch2Height16,
                TreeShape::Branch4Height8,
                TreeShape::Branch4Height8,
            ]),
            atc: [self.number, 9],
            arqc: self.eight(),
            task: match self.choice % 5 {
                0 => ArqcTask::Verify { transaction },
                1 => ArqcTask::VerifyAndRespond { transaction, arpc: one },
                2 => ArqcTask::Respond { arpc: one },
                3 => ArqcTask::VerifyAndRespond { transaction, arpc: two },
                _ => ArqcTask::Respond { arpc: two },
            },
        }
    }

    fn cipher_data(&self, direction: CipherDirection) -> CipherData<'_> {
        CipherData {
            direction,
            mode: self.mode(self.number),
            key: self.data_key(self.choice),
            output: self.data_format(self.choice),
            message: DataMessage { format: self.data_format(self.number), sent: &self.bytes },
        }
    }

    fn data_key(&self, choice: u8) -> DataKey<'_> {
        let bdk = KeyType::parse([&b"009"[..], b"609", b"809"][usize::from(choice / 7) % 3]);
        let key_type = match choice % 5 {
            0 => Some(KeyType::ZEK),
            1 => Some(KeyType::DEK),
            2 => Some(KeyType::TEK),
            3 => None,
            _ => bdk,
        };
        let ksn = DataKsn { descriptor: *b"A05", ksn: [0x5A; 10] };
        let key = KeyField::parse(&self.key).unwrap();
        DataKey { key_type, key, ksn: (choice % 5 == 4).then_some(ksn) }
    }

    fn mode(&self, choice: u8) -> CipherMode {
        cipher_mode(choice, Iv::new(&self.block[..8]).unwrap())
    }

    fn data_format(&self, choice: u8) -> DataFormat {
        [DataFormat::Binary, DataFormat::Hex, DataFormat::Text][usize::from(choice) % 3]
    }

    fn mac_input(&self) -> MacInput<'_> {
        MacInput {
            part: self.part(),
            algorithm: *self.pick(&[MacAlgorithm::One, MacAlgorithm::Three, MacAlgorithm::Cmac]),
            padding: *self.pick(&[MacPadding::None, MacPadding::Zeros, MacPadding::Marked]),
            key_type: *self.pick(&[Some(KeyType::TAK), Some(KeyType::ZAK), None]),
            key: KeyField::parse(&self.key).unwrap(),
            message: MacMessage::Binary(&self.bytes),
        }
    }

    fn part(&self) -> MacPart {
        let iv = self.eight();
        [MacPart::Only, MacPart::First, MacPart::Middle { iv }, MacPart::Last { iv }]
            [usize::from(self.choice) % 4]
    }

    fn text(&self) -> MacMessage<'_> {
        MacMessage::Text(&self.bytes)
    }

    fn eight(&self) -> [u8; 8] {
        self.block[8..].try_into().unwrap()
    }

    fn pan(&self) -> Pan {
        Pan::parse(self.pan.as_bytes()).unwrap()
    }

    fn pick<'p, T>(&self, of: &'p [T]) -> &'p T {
        &of[usize::from(self.number) % of.len()]
    }
}

fn cipher_mode(choice: u8, iv: Iv) -> CipherMode {
    [CipherMode::Ecb, CipherMode::Cbc(iv), CipherMode::Cfb8(iv), CipherMode::Cfb64(iv)]
        [usize::from(choice) % 4]
}

fn encode(command: &Command<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    command.encode(&mut wire);
    wire
}
