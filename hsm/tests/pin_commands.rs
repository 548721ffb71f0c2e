//! The commands around PINs and DUKPT: what is written can be read back, each mistake has its error, and nothing
//! read makes the codec panic.

use card::{AesPinBlock, Pan, PinBlock};
use hsm::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

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
    fn a_request_keeps_lmk_and_trailer(parts in any_parts(), lmk in 0u8..100, trailer in vec(any::<u8>(), 1..=32)) {
        let request = Request { command: parts.command(), lmk: Some(LmkIdentifier(lmk)), trailer: Some(&trailer) };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let parsed = Request::parse(&wire).unwrap();
        prop_assert_eq!(parsed.lmk, request.lmk);
        prop_assert_eq!(parsed.trailer, Some(&trailer[..]));
        prop_assert_eq!(encode(&parsed.command), encode(&request.command));
    }

    #[test]
    fn a_command_cut_short_is_refused(parts in any_parts(), keep in any::<prop::sample::Index>()) {
        let code = CODES[parts.command];
        // A PIN under the LMK may be shorter, so these may be whole as well.
        prop_assume!(!matches!(code, b"JG" | b"BC" | b"BE" | b"DE" | b"DG" | b"QK" | b"BA" | b"JA"));
        // What comes after `;` is optional at the end of this one.
        prop_assume!(code != b"G0");
        let wire = encode(&parts.command());
        prop_assert!(Command::parse(&wire[..keep.index(wire.len())]).is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        parts in any_parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut wire = encode(&parts.command());
        for (at, byte) in changes {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        let _ = Request::parse(&wire[..keep.index(wire.len())]);
        if let Ok(request) = Request::parse(&wire) {
            prop_assert_eq!(encode(&request.command)[..2].to_vec(), wire[..2].to_vec());
        }
    }

    #[test]
    fn random_bytes_never_panic(code in 0..CODES.len(), bytes in vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&[&CODES[code][..], &bytes].concat());
        let code = CommandCode::new(*CODES[code]);
        let _ = Reply::parse(code, &[&code.reply().as_bytes()[..], b"00", &bytes].concat());
    }

    #[test]
    fn a_reply_comes_back_as_it_was_written(parts in any_parts()) {
        let code = CommandCode::new(*CODES[parts.command]);
        let reply = Reply::success(parts.reply());
        let mut wire = Vec::new();
        reply.encode(code, &mut wire);
        let parsed = Reply::parse(code, &wire).unwrap();
        prop_assert_eq!(format!("{:?}", parsed.body), format!("{:?}", reply.body));
        let mut again = Vec::new();
        parsed.encode(code, &mut again);
        prop_assert_eq!(again, wire);
    }

    #[test]
    fn debug_shows_no_key_pin_or_pan(parts in any_parts()) {
        let shown = format!("{:?}{:?}", parts.command(), parts.reply());
        for secret in [&parts.key[1..], &parts.pan, &parts.digits[..13], &hex::encode_upper(parts.block)] {
            prop_assert!(!shown.contains(secret), "{}", shown);
        }
        for secret in [&parts.block[..], parts.pan.as_bytes(), &parts.digits.as_bytes()[..13]] {
            let listed = format!("{secret:?}");
            prop_assert!(!shown.contains(&listed[1..listed.len() - 1]), "{}", shown);
        }
    }
}

#[test]
fn fields_stand_where_the_sources_put_them() {
    let check = |command: Command<'_>, expect: &str| {
        assert_eq!(String::from_utf8(encode(&command)).unwrap(), expect);
        assert_eq!(format!("{:?}", Command::parse(expect.as_bytes()).unwrap()), format!("{command:?}"));
    };
    let key = |digit: &str| KeyField::from_text(&format!("U{}", digit.repeat(32))).unwrap();
    let aes = |usage: &str, digit: &str| {
        KeyField::from_text(&format!("S10096{usage}AB00E0002{}", digit.repeat(80))).unwrap()
    };
    let pan = Pan::parse(b"4000001234567899").unwrap();
    let ksn = KeySerialNumber { descriptor: *b"A05", number: KsnNumber::Tdes([0xEE; 10]) };
    // Format 4: a block of 32 digits under an AES key, and the whole PAN.
    check(
        Command::VerifyPvv(VerifyPvv {
            source: PinKeyType::Zpk,
            pin_key: aes("P0", "1"),
            pvk: key("2"),
            pin_block: AesPinBlock::new([0xAB; 16]).into(),
            format: PinBlockFormat::Iso4,
            account: Account::from(&pan),
            verification_account: Account::parse(b"111122223333"),
            pvki: 1,
            pvv: Pvv::parse(b"7654").unwrap(),
        }),
        &format!(
            "EC{}{}{}484000001234567899;;11112222333317654",
            aes("P0", "1").to_text(),
            key("2").to_text(),
            "AB".repeat(16)
        ),
    );
    // From TDES to AES DUKPT, whose number is longer.
    check(
        Command::TranslateDukptPin(TranslateDukptPin {
            source_type: BdkType::Two,
            source_key: key("1"),
            source_ksn: ksn,
            destination_key: aes("B0", "2"),
            destination_bdk: Some(DukptDestination {
                bdk_type: BdkType::One,
                ksn: KeySerialNumber { descriptor: *b"A05", number: KsnNumber::Aes([0xDD; 12]) },
            }),
            pin_block: PinBlock::new([0xAB; 8]).into(),
            source_format: PinBlockFormat::Iso0,
            destination_format: PinBlockFormat::Iso4,
            account: Account::from(&pan),
            destination_account: None,
        }),
        &format!(
            "G0~{}{}A05{}A05{}{}01484000001234567899;",
            key("1").to_text(),
            aes("B0", "2").to_text(),
            "EE".repeat(10),
            "DD".repeat(12),
            "AB".repeat(8)
        ),
    );
    // Under an AES LMK a PIN is `J` and 32 digits, and JA takes the PAN.
    check(
        Command::PinFromLmk(PinFromLmk {
            zpk: key("1"),
            format: PinBlockFormat::Iso3,
            account: Account::parse(b"000123456789").unwrap(),
            pin: LmkPin::parse(format!("J{}", "C".repeat(32)).as_bytes()).unwrap(),
        }),
        &format!("JG{}47000123456789J{}", key("1").to_text(), "C".repeat(32)),
    );
    check(
        Command::GeneratePin(GeneratePin { account: Account::from(&pan), whole_pan: true, length: 6 }),
        "JA4000001234567899;06",
    );
    check(
        Command::GeneratePin(GeneratePin {
            account: Account::parse(b"000123456789").unwrap(),
            whole_pan: false,
            length: 12,
        }),
        "JA00012345678912",
    );
}

#[test]
fn each_mistake_has_its_error_code() {
    let check = |body: &str, expect: ErrorCode| {
        assert_eq!(Command::parse(body.as_bytes()).unwrap_err().error, expect, "{body}");
    };
    let tdes = format!("U{}", "1".repeat(32));
    let aes = format!("S10096P0AB00E0002{}", "1".repeat(80));
    let (block, long) = ("AB".repeat(8), "AB".repeat(16));
    // Format 4 is of AES keys, and the others are not.
    check(&format!("JE{tdes}{block}484000001234567899;"), ErrorCode::PIN_BLOCK_FORMAT);
    check(&format!("JE{aes}{long}01000123456789"), ErrorCode::PIN_BLOCK_FORMAT);
    // Half a block takes what follows it for the other half.
    check(&format!("JE{aes}{block}484000001234567899;"), ErrorCode::PIN_BLOCK_FORMAT);
    check(&format!("JE{aes}{long}4840000012345;"), ErrorCode::ACCOUNT);
    check(&format!("JE{aes}{long}4840000012345678901234;"), ErrorCode::ACCOUNT);
    check(&format!("JE{aes}{long}484000001234567899"), ErrorCode::INPUT);
    assert!(Command::parse(format!("JE{aes}{long}484000001234567899;").as_bytes()).is_ok());
    check(&format!("JE{tdes}{block}0200012345678X"), ErrorCode::PIN_BLOCK_FORMAT_DISABLED);
    check(&format!("JE{tdes}{block}0100012345678X"), ErrorCode::ACCOUNT);
    check(&format!("JE{tdes}{block}010001234567891"), ErrorCode::INPUT);
    // PINs under the LMK.
    check(&format!("JG{tdes}010001234567891234"), ErrorCode::LMK_PIN);
    check(&format!("JG{tdes}0100012345678912345678901234"), ErrorCode::LMK_PIN);
    check(&format!("JG{tdes}0100012345678912345A7"), ErrorCode::LMK_PIN);
    check(&format!("JG{tdes}01000123456789J{}", "0".repeat(31)), ErrorCode::LMK_PIN);
    check(&format!("JG{tdes}01000123456789"), ErrorCode::LMK_PIN);
    check("QK000123456789", ErrorCode::INPUT);
    check("BA1234567000123456789", ErrorCode::INPUT);
    check("BA12F4567000123456789", ErrorCode::INPUT);
    check("JA00012345678903", ErrorCode::PIN_LENGTH);
    check("JA00012345678913", ErrorCode::PIN_LENGTH);
    check("JA000123456789", ErrorCode::INPUT);
    check("JA4000001234567899:06", ErrorCode::INPUT);
    // Key types.
    check(&format!("FW003{tdes}{tdes}{block}010001234567891"), ErrorCode::KEY_TYPE_CODE);
    // DUKPT.
    check(&format!("G0{tdes}{tdes}A0X"), ErrorCode::INPUT);
    check(&format!("GQ1{tdes}"), ErrorCode::COMMAND_DISABLED);
    check(&format!("GW42{tdes}"), ErrorCode::COMMAND_DISABLED);
    check(&format!("GWA1{tdes}"), ErrorCode::COMMAND_DISABLED);
    check(&format!("GW41{tdes}A05{}000aabc", "E".repeat(20)), ErrorCode::INPUT);
    check("GM03", ErrorCode::KEY_LENGTH_FLAG);
    check("GM060000x2", ErrorCode::INPUT);
    check("CE", ErrorCode::COMMAND_DISABLED);
    check("NG", ErrorCode::COMMAND_DISABLED);
    check("BG", ErrorCode::COMMAND_DISABLED);
}

const CODES: [&[u8; 2]; 25] = [
    b"CA", b"CC", b"EC", b"EA", b"JA", b"JC", b"JE", b"JG", b"BA", b"BC", b"BE", b"DE", b"DG", b"EE", b"QK",
    b"BK", b"DU", b"FW", b"CU", b"G0", b"CI", b"GO", b"GQ", b"GW", b"GM",
];

#[derive(Debug)]
struct Parts {
    command: usize,
    key: String,
    pan: String,
    block: [u8; 16],
    digits: String,
    bytes: Vec<u8>,
    number: u8,
    aes: bool,
    another: bool,
}

prop_compose! {
    fn any_parts()(
        command in 0..CODES.len(),
        key in string_regex("U[0-9A-F]{32}|T[0-9A-F]{48}|X[0-9A-F]{32}|S00072P0TB00E0001[0-9A-F]{56}").unwrap(),
        pan in string_regex("[1-9][0-9]{12,18}").unwrap(),
        block: [u8; 16],
        digits in string_regex("[0-9]{40}").unwrap(),
        bytes in vec(any::<u8>(), 16..=255),
        number: u8,
        aes: bool,
        another: bool,
    ) -> Parts {
        Parts { command, key, pan, block, digits, bytes, number, aes, another }
    }
}

impl Parts {
    fn command(&self) -> Command<'_> {
        match CODES[self.command] {
            b"CA" => Command::TranslatePin(self.translate_pin(PinKeyType::Tpk)),
            b"CC" => Command::TranslatePin(self.translate_pin(PinKeyType::Zpk)),
            b"EC" => Command::VerifyPvv(VerifyPvv {
                source: PinKeyType::Zpk,
                pin_key: self.pin_key("P0"),
                pvk: self.tdes_key(),
                pin_block: self.block(),
                format: self.format(),
                account: self.account(),
                verification_account: self.another_account(),
                pvki: self.number % 10,
                pvv: self.pvv(),
            }),
            b"EA" => Command::VerifyIbm(VerifyIbm {
                source: PinKeyType::Zpk,
                pin_key: self.pin_key("72"),
                pvk: self.tdes_key(),
                max_pin_length: 12,
                pin_block: self.block(),
                format: self.format(),
                check_length: self.check_length(),
                account: self.account(),
                decimalisation_table: self.table(),
                validation_data: self.validation(),
                offset: self.offset(),
            }),
            b"JA" => Command::GeneratePin(GeneratePin {
                account: self.account(),
                whole_pan: self.aes,
                length: self.check_length(),
            }),
            b"JC" => Command::PinToLmk(self.pin_to_lmk(PinKeyType::Tpk)),
            b"JE" => Command::PinToLmk(self.pin_to_lmk(PinKeyType::Zpk)),
            b"JG" => Command::PinFromLmk(PinFromLmk {
                zpk: self.pin_key("P0"),
                format: self.format(),
                account: self.account(),
                pin: self.lmk_pin(),
            }),
            b"BA" => Command::EncryptClearPin(EncryptClearPin {
                pin: ClearPinField::parse(
                    format!("{}F", &self.digits[..self.check_length().into()]).as_bytes(),
                )
                .unwrap(),
                account: self.account(),
            }),
            b"BC" => Command::ComparePin(self.compare_pin(PinKeyType::Tpk)),
            b"BE" => Command::ComparePin(self.compare_pin(PinKeyType::Zpk)),
            b"DE" => Command::OffsetOfLmkPin(OffsetOfLmkPin {
                pvk: self.tdes_key(),
                pin: self.lmk_pin(),
                check_length: self.check_length(),
                account: self.account(),
                decimalisation_table: self.table(),
                validation_data: self.validation(),
            }),
            b"DG" => Command::PvvOfLmkPin(PvvOfLmkPin {
                pvk: self.tdes_key(),
                pin: self.lmk_pin(),
                account: self.account(),
                pvki: self.number % 10,
            }),
            b"EE" => Command::DeriveIbmPin(DeriveIbmPin {
                pvk: self.tdes_key(),
                offset: self.offset(),
                check_length: self.check_length(),
                account: self.account(),
                decimalisation_table: self.table(),
                validation_data: self.validation(),
            }),
            b"QK" => Command::MovePin(MovePin {
                pin: self.lmk_pin(),
                old_account: self.account(),
                new_account: Account::parse(&self.digits.as_bytes()[28..]).unwrap(),
            }),
            b"BK" => {
                Command::GenerateIbmOffset(GenerateIbmOffset { pin: self.pin_with_keys(), ibm: self.ibm() })
            }
            b"DU" => Command::ChangeIbmPin(ChangeIbmPin {
                pin: self.pin_with_keys(),
                ibm: self.ibm(),
                offset: self.offset(),
                new_pin_block: self.block(),
            }),
            b"FW" => Command::GeneratePvv(GeneratePvv { pin: self.pin_with_keys(), pvki: self.number % 10 }),
            b"CU" => Command::ChangePvvPin(ChangePvvPin {
                pin: self.pin_with_keys(),
                pvki: self.number % 10,
                pvv: self.pvv(),
                new_pin_block: self.block(),
            }),
            b"G0" => Command::TranslateDukptPin(TranslateDukptPin {
                source_type: if self.another && !self.bdk().is_bdk_block() {
                    BdkType::Two
                } else {
                    BdkType::One
                },
                source_key: self.bdk(),
                source_ksn: self.ksn(),
                destination_key: self.tdes_key(),
                destination_bdk: self.destination_bdk(),
                pin_block: self.block(),
                source_format: self.format(),
                destination_format: PinBlockFormat::Iso1,
                account: self.account(),
                destination_account: self.another_account(),
            }),
            b"CI" => Command::TranslateDukptPinToZpk(TranslateDukptPinToZpk {
                bdk: self.tdes_key(),
                zpk: self.tdes_key(),
                ksn: KeySerialNumber { descriptor: *b"609", number: KsnNumber::Tdes(self.first()) },
                pin_block: PinBlock::new(self.first()).into(),
                destination_format: PinBlockFormat::Iso3,
                account: self.account(),
            }),
            b"GO" => Command::VerifyDukptIbm(VerifyDukptIbm {
                form: DukptForm::Current,
                bdk: self.bdk(),
                pvk: self.tdes_key(),
                ksn: self.ksn(),
                pin_block: self.block(),
                format: self.format(),
                check_length: self.check_length(),
                account: self.account(),
                decimalisation_table: self.table(),
                validation_data: self.validation(),
                offset: self.offset(),
            }),
            b"GQ" => Command::VerifyDukptPvv(VerifyDukptPvv {
                form: DukptForm::Current,
                bdk: self.bdk(),
                pvk: self.tdes_key(),
                ksn: self.ksn(),
                pin_block: self.block(),
                format: self.format(),
                account: self.account(),
                verification_account: self.another_account(),
                pvki: self.number % 10,
                pvv: self.pvv(),
            }),
            b"GW" => Command::DukptMac(DukptMac {
                bdk: self.bdk(),
                ksn: self.ksn(),
                mac: self.another.then(|| Mac::new(&self.block[..8]).unwrap()),
                message: &self.bytes,
            }),
            _ => Command::HashMessage(HashMessage {
                algorithm: *self.pick(&[HashAlgorithm::Sha1, HashAlgorithm::Md5, HashAlgorithm::Sha384]),
                message: &self.bytes,
            }),
        }
    }

    fn reply(&self) -> ReplyBody<'_> {
        match CODES[self.command] {
            b"CA" | b"CC" | b"G0" | b"CI" => ReplyBody::TranslatedPin {
                pin_length: self.check_length(),
                pin_block: self.block(),
                format: self.format(),
            },
            b"JG" => ReplyBody::PinBlock(self.block()),
            b"JA" | b"JC" | b"JE" | b"BA" | b"EE" | b"QK" => ReplyBody::LmkPin(self.lmk_pin()),
            b"BK" | b"DU" | b"DE" => ReplyBody::PinOffset(self.offset()),
            b"FW" | b"CU" | b"DG" => ReplyBody::Pvv(self.pvv()),
            b"GW" if self.another => ReplyBody::Mac(Mac::new(&self.block[..8]).unwrap()),
            b"GM" => ReplyBody::Hash(self.bytes[..16].into()),
            _ => ReplyBody::Empty,
        }
    }

    fn translate_pin(&self, source: PinKeyType) -> TranslatePin<'_> {
        TranslatePin {
            source,
            source_key: self.pin_key("71"),
            destination_key: self.tdes_key(),
            destination_bdk: self.destination_bdk(),
            max_pin_length: self.check_length(),
            pin_block: self.block(),
            source_format: self.format(),
            destination_format: PinBlockFormat::Iso3,
            account: self.account(),
        }
    }

    fn pin_to_lmk(&self, source: PinKeyType) -> PinToLmk<'_> {
        PinToLmk {
            source,
            pin_key: self.pin_key("P0"),
            pin_block: self.block(),
            format: self.format(),
            account: self.account(),
        }
    }

    fn compare_pin(&self, source: PinKeyType) -> ComparePin<'_> {
        ComparePin {
            source,
            pin_key: self.pin_key("P0"),
            pin_block: self.block(),
            format: self.format(),
            account: self.account(),
            pin: self.lmk_pin(),
        }
    }

    fn pin_with_keys(&self) -> PinWithKeys<'_> {
        let codes = [PinKeyCode::Zpk, PinKeyCode::Tpk, PinKeyCode::TpkPci, PinKeyCode::KeyBlock];
        PinWithKeys {
            key_type: *self.pick(&codes),
            pin_key: self.pin_key("P0"),
            pvk: self.tdes_key(),
            pin_block: self.block(),
            format: self.format(),
            account: self.account(),
        }
    }

    fn ibm(&self) -> IbmParameters {
        IbmParameters {
            check_length: self.check_length(),
            decimalisation_table: self.table(),
            validation_data: self.validation(),
        }
    }

    fn destination_bdk(&self) -> Option<DukptDestination> {
        let ksn = KeySerialNumber { descriptor: *b"708", number: KsnNumber::Tdes(self.first()) };
        let bdk_type = *self.pick(&[BdkType::One, BdkType::Two]);
        (!self.another).then_some(DukptDestination { bdk_type, ksn })
    }

    fn tdes_key(&self) -> KeyField<'_> {
        KeyField::parse(&self.key).unwrap()
    }

    fn pin_key(&self, usage: &str) -> KeyField<'_> {
        if !self.aes {
            return self.tdes_key();
        }
        KeyField::from_text(&format!("S10096{usage}AB00E0002{}", "7".repeat(80))).unwrap()
    }

    fn bdk(&self) -> KeyField<'_> {
        self.pin_key("B0")
    }

    fn ksn(&self) -> KeySerialNumber {
        let number = if self.aes { KsnNumber::Aes(self.first()) } else { KsnNumber::Tdes(self.first()) };
        KeySerialNumber { descriptor: *b"A05", number }
    }

    fn block(&self) -> PinBlockField {
        if self.aes { AesPinBlock::new(self.block).into() } else { PinBlock::new(self.first()).into() }
    }

    fn format(&self) -> PinBlockFormat {
        let others = [
            PinBlockFormat::Iso0,
            PinBlockFormat::Diebold,
            PinBlockFormat::Iso1,
            PinBlockFormat::Iso2,
            PinBlockFormat::Iso3,
        ];
        if self.aes { PinBlockFormat::Iso4 } else { *self.pick(&others) }
    }

    fn lmk_pin(&self) -> LmkPin {
        let text = match self.aes {
            true => format!("J{}", hex::encode_upper(self.block)),
            false => self.digits[..usize::from(self.check_length()) + 1].into(),
        };
        LmkPin::parse(text.as_bytes()).unwrap()
    }

    fn first<const N: usize>(&self) -> [u8; N] {
        self.block[..N].try_into().unwrap()
    }

    fn pick<'p, T>(&self, of: &'p [T]) -> &'p T {
        &of[usize::from(self.number) % of.len()]
    }

    fn account(&self) -> Account {
        Account::from(&Pan::parse(self.pan.as_bytes()).unwrap())
    }

    fn another_account(&self) -> Option<Account> {
        if self.another { Account::parse(&self.digits.as_bytes()[28..]) } else { None }
    }

    fn check_length(&self) -> u8 {
        4 + self.number % 9
    }

    fn table(&self) -> DecimalisationTable {
        DecimalisationTable::parse(&self.digits.as_bytes()[12..28]).unwrap()
    }

    fn validation(&self) -> ValidationData {
        ValidationData::parse(b"4000000N0011").unwrap()
    }

    fn offset(&self) -> PinOffset {
        PinOffset::from_digits(&self.digits.as_bytes()[30..36]).unwrap()
    }

    fn pvv(&self) -> Pvv {
        Pvv::parse(&self.digits.as_bytes()[20..24]).unwrap()
    }
}

fn encode(command: &Command<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    command.encode(&mut wire);
    wire
}
