//! What is written can be read back, and nothing read makes the codec panic.

use card::{Cvv, Pan, PinBlock};
use hsm::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_command_comes_back_as_it_was_written(owned in any_command()) {
        let command = owned.command();
        let wire = encode(&command);
        let parsed = Command::parse(&wire).unwrap();
        // Debug masks secrets, the wire does not: together they show every field in its place.
        prop_assert_eq!(format!("{parsed:?}"), format!("{command:?}"));
        prop_assert_eq!(encode(&parsed), wire);
    }

    #[test]
    fn a_request_keeps_lmk_and_trailer(owned in any_command(), lmk in 0u8..100, trailer in vec(any::<u8>(), 0..=32)) {
        let request = Request { command: owned.command(), lmk: Some(LmkIdentifier(lmk)), trailer: Some(&trailer) };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let parsed = Request::parse(&wire).unwrap();
        prop_assert_eq!(parsed.lmk, request.lmk);
        prop_assert_eq!(parsed.trailer, Some(&trailer[..]));
        prop_assert_eq!(encode(&parsed.command), encode(&request.command));
        // What may follow a command is no part of it.
        prop_assert_eq!(Command::parse(&wire).unwrap_err().error, ErrorCode::INPUT);
    }

    #[test]
    fn a_command_cut_short_is_refused(owned in any_command(), keep in any::<prop::sample::Index>()) {
        // The end of a check value command is optional, so a shorter one may be whole as well.
        prop_assume!(CODES[owned.command] != b"BU");
        let wire = encode(&owned.command());
        prop_assert!(Command::parse(&wire[..keep.index(wire.len())]).is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        owned in any_command(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut wire = encode(&owned.command());
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
        let _ = Request::parse(&bytes);
        let _ = Request::parse(&[&CODES[code][..], &bytes].concat());
        let _ = framing::next_frame(&bytes, framing::MAX_MESSAGE);
        let code = CommandCode::new(*CODES[code]);
        let _ = Reply::parse(code, &bytes);
        let _ = Reply::parse(code, &[&code.reply().as_bytes()[..], b"00", &bytes].concat());
        let _ = std::str::from_utf8(&bytes).map(KeyField::parse);
    }

    #[test]
    fn a_reply_comes_back_as_it_was_written((code, reply) in any_reply()) {
        let mut wire = Vec::new();
        reply.encode(code, &mut wire);
        let parsed = Reply::parse(code, &wire).unwrap();
        prop_assert_eq!(parsed.error, reply.error);
        prop_assert_eq!(format!("{:?}", parsed.body), format!("{:?}", reply.body));
        let mut again = Vec::new();
        parsed.encode(code, &mut again);
        prop_assert_eq!(again, wire);
    }

    #[test]
    fn debug_shows_no_key_pin_block_or_pan(owned in any_command()) {
        let shown = format!("{:?}", owned.command());
        prop_assert!(!shown.contains(&owned.key[1..]), "{}", shown);
        prop_assert!(!shown.contains(&owned.pan), "{}", shown);
        prop_assert!(!shown.contains(&hex::encode_upper(owned.block)), "{}", shown);
        prop_assert!(!shown.contains(&format!("{:?}", owned.block)), "{}", shown);
        prop_assert!(!shown.contains(&format!("{:?}", owned.pan.as_bytes())), "{}", shown);
    }
}

const CODES: [&[u8; 2]; 20] = [
    b"NC", b"NO", b"B2", b"N0", b"BU", b"A0", b"A6", b"A8", b"CA", b"CC", b"DC", b"EC", b"DA", b"EA", b"CW",
    b"CY", b"KQ", b"KW", b"M6", b"M8",
];

/// Everything that a command may be made of, so that one strategy serves them all.
#[derive(Debug)]
struct Parts {
    command: usize,
    key: String,
    plain: String,
    pan: String,
    block: [u8; 8],
    digits: String,
    bytes: Vec<u8>,
    number: u8,
}

prop_compose! {
    fn any_command()(
        command in 0..CODES.len(),
        key in string_regex("U[0-9A-F]{32}|T[0-9A-F]{48}|X[0-9A-F]{32}|S00072P0TB00E0001[0-9A-F]{56}").unwrap(),
        plain in string_regex("[0-9A-F]{16}").unwrap(),
        pan in string_regex("[0-9]{13,19}").unwrap(),
        block: [u8; 8],
        digits in string_regex("[0-9]{40}").unwrap(),
        bytes in vec(any::<u8>(), 1..=255),
        number: u8,
    ) -> Parts {
        Parts { command, key, plain, pan, block, digits, bytes, number }
    }
}

impl Parts {
    fn command(&self) -> Command<'_> {
        let key = || KeyField::parse(&self.key).unwrap();
        let plain = || KeyField::parse(&self.plain).unwrap();
        let scheme = *self.pick(&[KeyScheme::Z, KeyScheme::U, KeyScheme::T]);
        match CODES[self.command] {
            b"NC" => Command::Diagnostics,
            b"NO" => Command::Status,
            b"B2" => Command::Echo(Echo { message: &self.bytes }),
            b"N0" => Command::Random(Random { length: u16::from(self.number) * 3 + 1 }),
            b"BU" => Command::CheckValue(CheckValue::new(
                self.key_type(),
                if self.number.is_multiple_of(3) { plain() } else { key() },
                *self.pick(&[KcvLength::Six, KcvLength::Sixteen]),
            )),
            b"A0" => Command::GenerateKey(GenerateKey::new(self.key_type(), scheme)),
            b"A6" => Command::ImportKey(ImportKey::new(self.key_type(), key(), plain(), scheme)),
            b"A8" => Command::ExportKey(ExportKey::new(self.key_type(), plain(), key(), scheme)),
            b"CA" => Command::TranslatePin(self.translate_pin(PinKeyType::Tpk)),
            b"CC" => Command::TranslatePin(self.translate_pin(PinKeyType::Zpk)),
            b"DC" => Command::VerifyPvv(self.verify_pvv(PinKeyType::Tpk)),
            b"EC" => Command::VerifyPvv(self.verify_pvv(PinKeyType::Zpk)),
            b"DA" => Command::VerifyIbm(self.verify_ibm(PinKeyType::Tpk)),
            b"EA" => Command::VerifyIbm(self.verify_ibm(PinKeyType::Zpk)),
            b"CW" => Command::GenerateCvv(GenerateCvv {
                cvk: key(),
                pan: self.pan(),
                expiry: self.digits(3),
                service_code: self.digits(7),
            }),
            b"CY" => Command::VerifyCvv(VerifyCvv {
                cvk: key(),
                cvv: Cvv::parse(&self.digits::<3>(0)).unwrap(),
                pan: self.pan(),
                expiry: self.digits(3),
                service_code: self.digits(7),
            }),
            b"KQ" => Command::VerifyArqc(self.verify_arqc()),
            b"KW" => Command::VerifyArqcSessionKey(self.verify_arqc_session_key()),
            b"M6" => Command::GenerateMac(GenerateMac {
                input: self.mac_input(),
                size: *self.pick(&[MacSize::Four, MacSize::Eight]),
            }),
            _ => Command::VerifyMac(VerifyMac {
                input: self.mac_input(),
                mac: Mac::new(&self.digits::<8>(8)[..*self.pick(&[4, 8])]),
            }),
        }
    }

    fn translate_pin(&self, source: PinKeyType) -> TranslatePin<'_> {
        TranslatePin {
            source,
            source_key: KeyField::parse(&self.plain).unwrap(),
            destination_key: KeyField::parse(&self.key).unwrap(),
            destination_bdk: None,
            max_pin_length: 4 + self.number % 9,
            pin_block: PinBlock::new(self.block).into(),
            source_format: self.format(),
            destination_format: PinBlockFormat::Iso3,
            account: self.account(),
        }
    }

    fn verify_pvv(&self, source: PinKeyType) -> VerifyPvv<'_> {
        VerifyPvv {
            source,
            pin_key: KeyField::parse(&self.key).unwrap(),
            pvk: KeyField::parse(&self.key).unwrap(),
            pin_block: PinBlock::new(self.block).into(),
            format: self.format(),
            account: self.account(),
            verification_account: None,
            pvki: self.number % 10,
            pvv: Pvv::parse(&self.digits::<4>(20)).unwrap(),
        }
    }

    fn verify_ibm(&self, source: PinKeyType) -> VerifyIbm<'_> {
        VerifyIbm {
            source,
            pin_key: KeyField::parse(&self.key).unwrap(),
            pvk: KeyField::parse(&self.plain).unwrap(),
            max_pin_length: 4 + self.number % 9,
            pin_block: PinBlock::new(self.block).into(),
            format: self.format(),
            check_length: 12 - self.number % 9,
            account: self.account(),
            decimalisation_table: DecimalisationTable::parse(&self.digits::<16>(12)).unwrap(),
            validation_data: ValidationData::parse(b"4000000N0011").unwrap(),
            offset: PinOffset::from_digits(&self.digits::<6>(30)).unwrap(),
        }
    }

    fn verify_arqc(&self) -> VerifyArqc<'_> {
        let transaction = TransactionData::new(&self.bytes).unwrap();
        let arpc = [self.block[1], self.number];
        VerifyArqc {
            scheme: *self.pick(&[ArqcScheme::Visa, ArqcScheme::Mastercard]),
            mk_ac: KeyField::parse(&self.key).unwrap(),
            pan_sequence: PanSequence::option_a(&self.pan(), self.number),
            atc: [self.number, 7],
            unpredictable_number: [1, 2, self.number, 4],
            arqc: self.digits(8),
            task: match self.number % 3 {
                0 => ArqcTask::Verify { transaction },
                1 => ArqcTask::VerifyAndRespond { transaction, arpc },
                _ => ArqcTask::Respond { arpc },
            },
        }
    }

    fn verify_arqc_session_key(&self) -> VerifyArqcSessionKey<'_> {
        let transaction = TransactionData::new(&self.bytes).unwrap();
        let one = ArpcMethod::One { arc: [self.block[2], self.number] };
        let proprietary = Proprietary::new(&self.digits.as_bytes()[..usize::from(self.number % 9)]).unwrap();
        let two = ArpcMethod::Two { csu: [0, 0x82, self.number, 0], proprietary };
        let option = *self.pick(&[DerivationOption::A, DerivationOption::B]);
        VerifyArqcSessionKey {
            option,
            mk_ac: KeyField::parse(&self.key).unwrap(),
            pan_sequence: match option {
                DerivationOption::A => PanSequence::option_a(&self.pan(), self.number),
                DerivationOption::B => PanSequence::option_b(&self.pan(), self.number),
            },
            atc: [self.number, 9],
            arqc: self.digits(8),
            task: match self.number % 5 {
                0 => ArqcTask::Verify { transaction },
                1 => ArqcTask::VerifyAndRespond { transaction, arpc: one },
                2 => ArqcTask::Respond { arpc: one },
                3 => ArqcTask::VerifyAndRespond { transaction, arpc: two },
                _ => ArqcTask::Respond { arpc: two },
            },
        }
    }

    fn mac_input(&self) -> MacInput<'_> {
        MacInput {
            part: MacPart::Only,
            algorithm: *self.pick(&[MacAlgorithm::One, MacAlgorithm::Three]),
            padding: *self.pick(&[MacPadding::None, MacPadding::Zeros, MacPadding::Marked]),
            key_type: Some(self.key_type()),
            key: KeyField::parse(&self.key).unwrap(),
            message: match self.number % 3 {
                0 => MacMessage::Binary(&self.bytes),
                1 => MacMessage::Hex(self.plain.as_bytes()),
                _ => MacMessage::Text(self.digits.as_bytes()),
            },
        }
    }

    fn pick<'p, T>(&self, of: &'p [T]) -> &'p T {
        &of[usize::from(self.number) % of.len()]
    }

    fn key_type(&self) -> KeyType {
        *self.pick(&[KeyType::ZMK, KeyType::ZPK, KeyType::CVK, KeyType::MK_AC, KeyType::TAK])
    }

    fn format(&self) -> PinBlockFormat {
        *self.pick(&[
            PinBlockFormat::Iso0,
            PinBlockFormat::Diebold,
            PinBlockFormat::Iso1,
            PinBlockFormat::Iso3,
        ])
    }

    fn pan(&self) -> Pan {
        Pan::parse(self.pan.as_bytes()).unwrap()
    }

    fn account(&self) -> Account {
        Account::from(&self.pan())
    }

    fn digits<const N: usize>(&self, from: usize) -> [u8; N] {
        self.digits.as_bytes()[from..from + N].try_into().unwrap()
    }
}

fn encode(command: &Command<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    command.encode(&mut wire);
    wire
}

fn any_reply() -> impl Strategy<Value = (CommandCode, Reply<'static>)> {
    any_command().prop_map(|parts| {
        let key = KeyField::from_text(&parts.key).unwrap();
        let code = CommandCode::new(*CODES[parts.command]);
        if parts.number.is_multiple_of(8) {
            return (code, Reply::failure(ErrorCode::PIN_BLOCK));
        }
        let body = match CODES[parts.command] {
            b"NC" => ReplyBody::Diagnostics { lmk_check_value: parts.digits(3), firmware: parts.digits(20) },
            b"NO" => ReplyBody::Status {
                buffer: parts.number % 4,
                tcp: parts.number % 2 == 1,
                sockets: parts.number % 100,
                firmware: parts.digits(20),
            },
            b"B2" => ReplyBody::Echo(parts.bytes.into()),
            b"N0" => ReplyBody::Random(parts.bytes.into()),
            b"BU" => ReplyBody::CheckValue(Kcv::new(
                parts.block,
                *parts.pick(&[KcvLength::Six, KcvLength::Sixteen]),
            )),
            b"A0" | b"A6" | b"A8" => ReplyBody::Key { key, kcv: Kcv::new(parts.block, KcvLength::Six) },
            b"CA" | b"CC" => ReplyBody::TranslatedPin {
                pin_length: 4 + parts.number % 9,
                pin_block: PinBlock::new(parts.block).into(),
                format: parts.format(),
            },
            b"CW" => ReplyBody::Cvv(Cvv::parse(&parts.digits::<3>(0)).unwrap()),
            b"KQ" | b"KW" => ReplyBody::Arpc(Arpc::new(&parts.block[..*parts.pick(&[4, 8])]).unwrap()),
            b"M6" => ReplyBody::Mac(Mac::new(&parts.block[..*parts.pick(&[4, 8])]).unwrap()),
            _ => ReplyBody::Empty,
        };
        (code, Reply::success(body))
    })
}
