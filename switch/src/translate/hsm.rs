//! The core's checks as payShield commands, and the replies as findings.
//!
//! | Check | Command |
//! | --- | --- |
//! | PIN by PVV | DC under a terminal key, EC under a zone key, GQ under a key of DUKPT |
//! | PIN by IBM 3624 offset | DA, EA, GO |
//! | PIN change | CU by PVV, DU by offset |
//! | CVV, iCVV, CVV2 | CY |
//! | Value of a 3-D Secure authentication | CY over the digits that the product names |
//! | Code that signs an order | M8, algorithm 3, padding method 2 |
//! | Visa CVN 10 | KQ mode 1, scheme 0: ARQC, and the ARPC by method 1 |
//! | Visa CVN 18 and 22 | KW mode 3, scheme 2, or 3 for a PAN of more than 16 digits: the ARPC by method 2 |
//! | Mastercard CVN 16 and 17 | KQ mode 1, scheme 1: session key, ARPC by method 1 and the card's key |
//! | Mastercard CVN 20 and 21 | KW mode 1, scheme 2: ARPC by method 1 and the session key |
//! | UnionPay CVN 01 | JS mode 1, whose layout no real unit has confirmed |
//! | MAC of a script | KU mode 0, or JU of UnionPay; neither layout is confirmed by a real unit |
//! | ARPC of a decline | the same commands without verification: KQ mode 2, KW mode 2 or 4, JS mode 2 |

use arrayvec::ArrayVec;
use auth::{
    ArpcBy, Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramKeys, CryptogramResult,
    CvvCheck, CvvResult, EncryptedBlock, Key, OnlinePin, OrderCheck, PinCheck, PinKeyKind, PinReference,
    PinResult, PinVerification, Recipe, ScriptKeys, ValueCheck,
};
use hsm::{
    Account, ArpcMethod, ArqcScheme, ArqcTask, ChangeIbmPin, ChangePvvPin, Command, DecimalisationTable,
    DerivationOption, DukptForm, ErrorCode, IbmParameters, KeyField, KeyScheme, KeySerialNumber, KeyType,
    KsnNumber, Mac, MacAlgorithm, MacInput, MacMessage, MacPadding, MacPart, PanSequence, PinBlockField,
    PinBlockFormat, PinKeyCode, PinKeyType, PinOffset, PinWithKeys, Proprietary, Pvv, Reply, ReplyBody,
    Request, ScriptMac, ScriptMessage, ScriptScheme, TransactionData, UnionPayScriptMac, ValidationData,
    VerifyArqc, VerifyArqcSessionKey, VerifyCvv, VerifyDukptIbm, VerifyDukptPvv, VerifyIbm, VerifyMac,
    VerifyPvv, VerifyUnionPayArqc,
};

/// Longest PIN of ISO 9564-1, and so the longest that any command accepts.
const MAX_PIN_LENGTH: u8 = 12;

/// One of the checks that [`Checks`] can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// [`Checks::pin`].
    Pin,
    /// [`Checks::cvv`].
    Cvv,
    /// [`Checks::icvv`].
    Icvv,
    /// [`Checks::cryptogram`].
    Cryptogram,
    /// [`Checks::cvv2`].
    Cvv2,
    /// [`Checks::authentication_value`].
    AuthenticationValue,
    /// [`Checks::order`].
    Order,
    /// [`Checks::script`].
    Script,
}

/// The checks asked for.
#[must_use]
pub fn subjects(checks: &Checks) -> ArrayVec<Subject, 8> {
    let asked = [
        (Subject::Pin, checks.pin.is_some()),
        (Subject::Cvv, checks.cvv.is_some()),
        (Subject::Icvv, checks.icvv.is_some()),
        (Subject::Cryptogram, checks.cryptogram.is_some()),
        (Subject::Cvv2, checks.cvv2.is_some()),
        (Subject::AuthenticationValue, checks.authentication_value.is_some()),
        (Subject::Order, checks.order.is_some()),
        (Subject::Script, checks.script.is_some()),
    ];
    asked.into_iter().filter(|(_, asked)| *asked).map(|(subject, _)| subject).collect()
}

/// The command that makes a check, with the LMK that its key block stands under: the block names it. Other keys
/// stand under the unit's default. `None` as of [`command`].
#[must_use]
pub fn request(checks: &Checks, subject: Subject) -> Option<Request<'_>> {
    let key: &Key = match subject {
        Subject::Pin => &checks.pin.as_ref()?.key.key,
        Subject::Cvv => &checks.cvv.as_ref()?.cvk,
        Subject::Icvv => &checks.icvv.as_ref()?.cvk,
        Subject::Cvv2 => &checks.cvv2.as_ref()?.cvk,
        Subject::Cryptogram => &checks.cryptogram.as_ref()?.issuer_master_key,
        Subject::AuthenticationValue => &checks.authentication_value.as_ref()?.key,
        Subject::Order => &checks.order.as_ref()?.key,
        Subject::Script => &checks.script.as_ref()?.issuer_master_key,
    };
    let lmk = KeyField::parse(&key.cryptogram).ok()?.lmk_identifier();
    Some(Request { lmk, ..Request::new(command(checks, subject)?) })
}

/// The command that makes a check. `None` when it was not asked for, or when a key or method in the
/// tables cannot be written as a command; the finding is then `Failed`.
#[must_use]
pub fn command(checks: &Checks, subject: Subject) -> Option<Command<'_>> {
    match subject {
        Subject::Pin => pin(checks.pin.as_ref()?),
        Subject::Cvv => cvv(checks.cvv.as_ref()?),
        Subject::Icvv => cvv(checks.icvv.as_ref()?),
        Subject::Cryptogram => cryptogram(checks.cryptogram.as_ref()?),
        Subject::Cvv2 => cvv(checks.cvv2.as_ref()?),
        Subject::AuthenticationValue => authentication_value(checks.authentication_value.as_ref()?),
        Subject::Order => order(checks.order.as_ref()?),
        Subject::Script => script(checks.script.as_ref()?),
    }
}

/// Enters the finding of one check into `findings`. `answer` is the HSM's reply, or `None` when there
/// is none: no unit connected, deadline passed, reply unreadable.
pub fn note(findings: &mut ChecksReply, checks: &Checks, subject: Subject, answer: Option<&Reply<'_>>) {
    match subject {
        Subject::Pin => {
            let method = checks.pin.as_ref().map(|check| &check.method);
            findings.pin = Some(answer.map_or(PinResult::Failed, |reply| pin_result(method, reply)));
        }
        Subject::Cvv => findings.cvv = Some(answer.map_or(CvvResult::Failed, cvv_result)),
        Subject::Cvv2 => findings.cvv2 = Some(answer.map_or(CvvResult::Failed, cvv_result)),
        Subject::AuthenticationValue => {
            findings.authentication_value = Some(answer.map_or(CvvResult::Failed, cvv_result));
        }
        Subject::Order => findings.order = Some(answer.map_or(CvvResult::Failed, cvv_result)),
        Subject::Icvv => findings.icvv = Some(answer.map_or(CvvResult::Failed, cvv_result)),
        Subject::Cryptogram => {
            let recipe = checks.cryptogram.as_ref().map(|check| check.recipe);
            let result = recipe.zip(answer).map(|(recipe, reply)| cryptogram_result(recipe, reply));
            findings.cryptogram = Some(result.unwrap_or(CryptogramResult::Failed));
        }
        Subject::Script => findings.script = Some(answer.and_then(script_result)),
    }
}

/// The findings where the HSM could not be asked at all.
#[must_use]
pub fn all_failed(checks: &Checks) -> ChecksReply {
    let mut findings = ChecksReply::default();
    for subject in subjects(checks) {
        note(&mut findings, checks, subject, None);
    }
    findings
}

fn pin(check: &PinCheck) -> Option<Command<'_>> {
    let source = match check.key.kind {
        PinKeyKind::Tpk => PinKeyType::Tpk,
        PinKeyKind::Zpk => PinKeyType::Zpk,
        PinKeyKind::Bdk { descriptor } => return dukpt_pin(check, descriptor),
    };
    let pin_key = KeyField::parse(&check.key.key.cryptogram).ok()?;
    let format = PinBlockFormat::from_code(check.key.format).ok()?;
    if let Some(new) = &check.new_block {
        return pin_change(check, new);
    }
    let pin_block = block(&check.block);
    let account = Account::from(&check.pan);
    Some(match &check.method {
        PinVerification::Pvv { pvk, pvki, pvv } => Command::VerifyPvv(VerifyPvv {
            source,
            pin_key,
            pvk: KeyField::parse(&pvk.cryptogram).ok()?,
            pin_block,
            format,
            account,
            verification_account: None,
            pvki: *pvki,
            pvv: Pvv::parse(pvv)?,
        }),
        PinVerification::Ibm { method, offset } => Command::VerifyIbm(VerifyIbm {
            source,
            pin_key,
            pvk: KeyField::parse(&method.pvk.cryptogram).ok()?,
            max_pin_length: MAX_PIN_LENGTH,
            pin_block,
            format,
            check_length: method.check_length,
            account,
            decimalisation_table: DecimalisationTable::parse(&method.decimalisation_table)?,
            validation_data: ValidationData::parse(&method.validation)?,
            offset: PinOffset::parse(offset)?,
        }),
    })
}

/// The old PIN verified and a reference value of the new one made, in one command.
fn pin_change<'a>(check: &'a PinCheck, new: &OnlinePin) -> Option<Command<'a>> {
    let pin_key = KeyField::parse(&check.key.key.cryptogram).ok()?;
    let key_type = match check.key.kind {
        _ if matches!(pin_key.scheme(), KeyScheme::S | KeyScheme::R) => PinKeyCode::KeyBlock,
        PinKeyKind::Zpk => PinKeyCode::Zpk,
        PinKeyKind::Tpk => PinKeyCode::Tpk,
        PinKeyKind::Bdk { .. } => return None,
    };
    let pvk = match &check.method {
        PinVerification::Pvv { pvk, .. } => pvk,
        PinVerification::Ibm { method, .. } => &method.pvk,
    };
    let pin = PinWithKeys {
        key_type,
        pin_key,
        pvk: KeyField::parse(&pvk.cryptogram).ok()?,
        pin_block: block(&check.block),
        format: PinBlockFormat::from_code(check.key.format).ok()?,
        account: Account::from(&check.pan),
    };
    let new_pin_block = block(new);
    Some(match &check.method {
        PinVerification::Pvv { pvki, pvv, .. } => {
            Command::ChangePvvPin(ChangePvvPin { pin, pvki: *pvki, pvv: Pvv::parse(pvv)?, new_pin_block })
        }
        PinVerification::Ibm { method, offset } => Command::ChangeIbmPin(ChangeIbmPin {
            pin,
            ibm: IbmParameters {
                check_length: method.check_length,
                decimalisation_table: DecimalisationTable::parse(&method.decimalisation_table)?,
                validation_data: ValidationData::parse(&method.validation)?,
            },
            offset: PinOffset::parse(offset)?,
            new_pin_block,
        }),
    })
}

fn block(pin: &OnlinePin) -> PinBlockField {
    match &pin.block {
        EncryptedBlock::Tdes(block) => block.clone().into(),
        EncryptedBlock::Aes(block) => block.clone().into(),
    }
}

/// The same under a key of DUKPT, which has commands of its own.
fn dukpt_pin(check: &PinCheck, descriptor: [u8; 3]) -> Option<Command<'_>> {
    let bdk = KeyField::parse(&check.key.key.cryptogram).ok()?;
    let serial = check.block.serial.as_deref()?;
    let number = match serial.len() {
        10 => KsnNumber::Tdes(serial.try_into().ok()?),
        _ => KsnNumber::Aes(serial.try_into().ok()?),
    };
    let ksn = KeySerialNumber { descriptor, number };
    let format = PinBlockFormat::from_code(check.key.format).ok()?;
    let (pin_block, account) = (block(&check.block), Account::from(&check.pan));
    let form = DukptForm::Current;
    Some(match &check.method {
        PinVerification::Pvv { pvk, pvki, pvv } => Command::VerifyDukptPvv(VerifyDukptPvv {
            form,
            bdk,
            pvk: KeyField::parse(&pvk.cryptogram).ok()?,
            ksn,
            pin_block,
            format,
            account,
            verification_account: None,
            pvki: *pvki,
            pvv: Pvv::parse(pvv)?,
        }),
        PinVerification::Ibm { method, offset } => Command::VerifyDukptIbm(VerifyDukptIbm {
            form,
            bdk,
            pvk: KeyField::parse(&method.pvk.cryptogram).ok()?,
            ksn,
            pin_block,
            format,
            check_length: method.check_length,
            account,
            decimalisation_table: DecimalisationTable::parse(&method.decimalisation_table)?,
            validation_data: ValidationData::parse(&method.validation)?,
            offset: PinOffset::parse(offset)?,
        }),
    })
}

fn cvv(check: &CvvCheck) -> Option<Command<'_>> {
    Some(Command::VerifyCvv(VerifyCvv {
        cvk: KeyField::parse(&check.cvk.cryptogram).ok()?,
        cvv: check.cvv.clone(),
        pan: check.pan,
        expiry: check.expiry.to_yymm(),
        service_code: check.service_code.0,
    }))
}

/// A card verification value over digits of the authentication value.
fn authentication_value(check: &ValueCheck) -> Option<Command<'_>> {
    Some(Command::VerifyCvv(VerifyCvv {
        cvk: KeyField::parse(&check.key.cryptogram).ok()?,
        cvv: check.result.clone(),
        pan: check.pan,
        expiry: check.expiry,
        service_code: check.service_code,
    }))
}

/// ISO 9797-1 algorithm 3, padding method 2, over the message as it is. A key block says itself what kind of key it is.
fn order(check: &OrderCheck) -> Option<Command<'_>> {
    let key = KeyField::parse(&check.key.cryptogram).ok()?;
    let block = check.key.cryptogram.starts_with('S');
    Some(Command::VerifyMac(VerifyMac {
        input: MacInput {
            part: MacPart::Only,
            algorithm: MacAlgorithm::Three,
            padding: MacPadding::Marked,
            key_type: (!block).then_some(KeyType::TAK),
            key,
            message: MacMessage::Binary(&check.message),
        },
        mac: Mac::new(&check.code),
    }))
}

/// What is wanted of a cryptogram.
#[derive(Clone, Copy)]
enum Task {
    /// To be verified, with an ARPC if it is right.
    Verify,
    /// It was verified; only an ARPC.
    Answer,
}

impl Task {
    fn of<A>(self, transaction: TransactionData<'_>, arpc: A) -> ArqcTask<'_, A> {
        match self {
            Task::Verify => ArqcTask::VerifyAndRespond { transaction, arpc },
            Task::Answer => ArqcTask::Respond { arpc },
        }
    }
}

fn cryptogram(check: &CryptogramCheck) -> Option<Command<'_>> {
    let task = if check.verified { Task::Answer } else { Task::Verify };
    let mk_ac = KeyField::parse(&check.issuer_master_key.cryptogram).ok()?;
    let transaction = TransactionData::new(&check.transaction_bytes)?;
    let atc = check.atc.to_be_bytes();
    let arqc = check.cryptogram;
    // A method 1 answer to a method 2 recipe, or the other way round: the tables are wrong.
    match (check.recipe.answer, check.answer) {
        (ArpcBy::Arc, CryptogramAnswer::Arc(_)) | (ArpcBy::Csu, CryptogramAnswer::Csu(_)) => {}
        _ => return None,
    }
    let option_a = || PanSequence::option_a(&check.pan, check.card_sequence);
    let (scheme, arc) = match (check.recipe.keys, check.answer) {
        (CryptogramKeys::Card, CryptogramAnswer::Arc(arc)) => (ArqcScheme::Visa, arc),
        (CryptogramKeys::MastercardSession, CryptogramAnswer::Arc(arc)) => (ArqcScheme::Mastercard, arc),
        (CryptogramKeys::CommonSession | CryptogramKeys::CommonSessionOptionB, answer) => {
            let (option, pan_sequence) = match check.recipe.keys {
                CryptogramKeys::CommonSessionOptionB => option_b(check),
                _ => (DerivationOption::A, option_a()),
            };
            let arpc = match answer {
                CryptogramAnswer::Arc(arc) => ArpcMethod::One { arc },
                CryptogramAnswer::Csu(csu) => ArpcMethod::Two { csu, proprietary: Proprietary::EMPTY },
            };
            let task = task.of(transaction, arpc);
            let command = VerifyArqcSessionKey { option, mk_ac, pan_sequence, atc, arqc, task };
            return Some(Command::VerifyArqcSessionKey(command));
        }
        (CryptogramKeys::UnionPaySession, CryptogramAnswer::Arc(arc)) => {
            let task = task.of(transaction, arc);
            let pan_sequence = option_a();
            let command = VerifyUnionPayArqc { mk_ac, pan_sequence, atc, padded: false, arqc, task };
            return Some(Command::VerifyUnionPayArqc(command));
        }
        // Only common session keys have method 2.
        (_, CryptogramAnswer::Csu(_)) => return None,
    };
    Some(Command::VerifyArqc(VerifyArqc {
        scheme,
        mk_ac,
        pan_sequence: option_a(),
        atc,
        unpredictable_number: check.unpredictable_number,
        arqc,
        task: task.of(transaction, arc),
    }))
}

fn script(mac: &auth::ScriptMac) -> Option<Command<'_>> {
    let mk_smi = KeyField::parse(&mac.issuer_master_key.cryptogram).ok()?;
    let pan_sequence = PanSequence::option_a(&mac.pan, mac.card_sequence);
    let message = ScriptMessage::new(&mac.message)?;
    let [high, low] = mac.atc.to_be_bytes();
    let (scheme, session_data) = match mac.keys {
        ScriptKeys::Visa => (ScriptScheme::Visa, [0, 0, 0, 0, 0, 0, high, low]),
        ScriptKeys::Mastercard => (ScriptScheme::Mastercard, mac.cryptogram),
        ScriptKeys::Common => (ScriptScheme::Common, mac.cryptogram),
        ScriptKeys::UnionPay => {
            let atc = [high, low];
            let command = UnionPayScriptMac { mk_smi, pan_sequence, atc, padded: false, message };
            return Some(Command::UnionPayScriptMac(command));
        }
    };
    Some(Command::ScriptMac(ScriptMac { scheme, mk_smi, pan_sequence, session_data, message }))
}

/// Options A and B agree up to 16 digits (EMV Book 2 annex A1.4), so the command that more units know
/// is sent where it will do.
fn option_b(check: &CryptogramCheck) -> (DerivationOption, PanSequence) {
    if check.pan.len() <= 16 {
        (DerivationOption::A, PanSequence::option_a(&check.pan, check.card_sequence))
    } else {
        (DerivationOption::B, PanSequence::option_b(&check.pan, check.card_sequence))
    }
}

fn pin_result(method: Option<&PinVerification>, reply: &Reply<'_>) -> PinResult {
    match reply.error {
        ErrorCode::NONE => match (&reply.body, method) {
            (ReplyBody::Pvv(pvv), Some(PinVerification::Pvv { pvki, .. })) => {
                PinResult::Changed(PinReference::Pvv { pvki: *pvki, pvv: *pvv.reveal() })
            }
            (ReplyBody::PinOffset(offset), Some(PinVerification::Ibm { .. })) => {
                PinResult::Changed(PinReference::IbmOffset { offset: *offset.reveal() })
            }
            _ => PinResult::Right,
        },
        ErrorCode::VERIFICATION_FAILED => PinResult::Wrong,
        ErrorCode::PIN_BLOCK | ErrorCode::PIN_LENGTH => PinResult::BadBlock,
        _ => PinResult::Failed,
    }
}

fn cvv_result(reply: &Reply<'_>) -> CvvResult {
    match reply.error {
        ErrorCode::NONE => CvvResult::Right,
        ErrorCode::VERIFICATION_FAILED => CvvResult::Wrong,
        _ => CvvResult::Failed,
    }
}

fn script_result(reply: &Reply<'_>) -> Option<[u8; 8]> {
    match (reply.error, &reply.body) {
        (ErrorCode::NONE, ReplyBody::ScriptMac(mac)) => Some(*mac),
        _ => None,
    }
}

/// A right ARQC comes with its ARPC; one without has not been answered as asked.
fn cryptogram_result(recipe: &Recipe, reply: &Reply<'_>) -> CryptogramResult {
    let arpc = match (reply.error, &reply.body) {
        (ErrorCode::VERIFICATION_FAILED, _) => return CryptogramResult::Wrong,
        (ErrorCode::NONE, ReplyBody::Arpc(arpc)) => arpc.as_bytes(),
        _ => return CryptogramResult::Failed,
    };
    match (recipe.answer, arpc) {
        (_, &[a, b, c, d, e, f, g, h]) => CryptogramResult::Right { arpc: [a, b, c, d, e, f, g, h] },
        (ArpcBy::Csu, &[a, b, c, d]) => CryptogramResult::Right { arpc: [a, b, c, d, 0, 0, 0, 0] },
        _ => CryptogramResult::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{IbmMethod, PinKey};
    use card::{Cvv, Expiry, Pan, PinBlock, ServiceCode};
    use hsm::Arpc;
    use std::sync::Arc;

    fn key(letter_and_digit: &str) -> Arc<Key> {
        let (scheme, digit) = letter_and_digit.split_at(1);
        Arc::new(Key { name: "test".into(), cryptogram: format!("{scheme}{}", digit.repeat(32)) })
    }

    fn pin_check(kind: PinKeyKind, method: PinVerification) -> Checks {
        Checks {
            pin: Some(PinCheck {
                key: PinKey { key: key("U1"), kind, format: *b"01" },
                block: PinBlock::new([0xA5; 8]).into(),
                pan: Pan::parse(b"4000001234567899").unwrap(),
                method,
                new_block: None,
            }),
            ..Checks::default()
        }
    }

    fn cryptogram_check(recipe: &str, pan: &str, answer: CryptogramAnswer) -> Checks {
        let cryptogram = CryptogramCheck {
            recipe: Recipe::named(recipe).unwrap(),
            issuer_master_key: key("U3"),
            pan: Pan::parse(pan.as_bytes()).unwrap(),
            card_sequence: 7,
            atc: 0x002A,
            unpredictable_number: [1, 2, 3, 4],
            transaction_bytes: [0x61; 37].into_iter().collect(),
            cryptogram: [0xC1; 8],
            answer,
            verified: false,
        };
        Checks { cryptogram: Some(cryptogram), ..Checks::default() }
    }

    fn written(checks: &Checks, subject: Subject) -> String {
        let mut out = Vec::new();
        command(checks, subject).unwrap().encode(&mut out);
        out.escape_ascii().to_string()
    }

    #[test]
    fn pin_commands() {
        let pvv = || PinVerification::Pvv { pvk: key("U2"), pvki: 1, pvv: *b"0123" };
        let keys = format!("U{}U{}", "1".repeat(32), "2".repeat(32));
        let tail = "A5A5A5A5A5A5A5A501000123456789";
        let check = |kind, expect| assert_eq!(written(&pin_check(kind, pvv()), Subject::Pin), expect);
        check(PinKeyKind::Tpk, format!("DC{keys}{tail}10123"));
        check(PinKeyKind::Zpk, format!("EC{keys}{tail}10123"));
        let ibm = PinVerification::Ibm {
            method: Arc::new(IbmMethod {
                pvk: key("U2"),
                decimalisation_table: *b"0123456789012345",
                validation: *b"4000001N1234",
                check_length: 4,
            }),
            offset: *b"8765FFFFFFFF",
        };
        let expect =
            format!("DA{keys}12A5A5A5A5A5A5A5A5010400012345678901234567890123454000001N12348765FFFFFFFF");
        assert_eq!(written(&pin_check(PinKeyKind::Tpk, ibm), Subject::Pin), expect);
    }

    #[test]
    fn pin_commands_under_dukpt() {
        let kind = PinKeyKind::Bdk { descriptor: *b"A05" };
        let pvv = PinVerification::Pvv { pvk: key("U2"), pvki: 1, pvv: *b"0123" };
        let mut checks = pin_check(kind, pvv);
        assert!(command(&checks, Subject::Pin).is_none(), "without a serial number");
        let serial = hex::decode("FFFF9876543210E00001").unwrap();
        checks.pin.as_mut().unwrap().block.serial = Some(serial.into_iter().collect());
        let keys = format!("U{}U{}", "1".repeat(32), "2".repeat(32));
        let tail = "A05FFFF9876543210E00001A5A5A5A5A5A5A5A501000123456789";
        assert_eq!(written(&checks, Subject::Pin), format!("GQ0{keys}{tail}10123"));
    }

    #[test]
    fn cvv_command() {
        let cvv = CvvCheck {
            cvk: key("U4"),
            pan: Pan::parse(b"4123456789012345").unwrap(),
            expiry: Expiry::parse_yymm(b"8701").unwrap(),
            service_code: ServiceCode(*b"101"),
            cvv: Cvv::parse(b"561").unwrap(),
        };
        let checks = Checks { cvv: Some(cvv), ..Checks::default() };
        let expect = format!("CYU{}5614123456789012345;8701101", "4".repeat(32));
        assert_eq!(written(&checks, Subject::Cvv), expect);
        let as_chip = checks.cvv.clone().map(|cvv| CvvCheck { service_code: ServiceCode(*b"999"), ..cvv });
        let both = Checks { icvv: as_chip, ..checks };
        assert_eq!(subjects(&both).as_slice(), &[Subject::Cvv, Subject::Icvv]);
        let expect = format!("CYU{}5614123456789012345;8701999", "4".repeat(32));
        assert_eq!(written(&both, Subject::Icvv), expect);
    }

    #[test]
    fn cryptogram_commands() {
        let key = format!("U{}", "3".repeat(32));
        let arqc = "\\xc1".repeat(8);
        let data = "a".repeat(37);
        let check = |recipe, pan: &str, answer, expect: &str| {
            assert_eq!(written(&cryptogram_check(recipe, pan, answer), Subject::Cryptogram), expect);
        };
        check(
            "Visa CVN 10",
            "4000001234567899",
            CryptogramAnswer::Arc(*b"00"),
            &format!("KQ10{key}\\x00\\x00\\x124Vx\\x99\\x07\\x00*\\x01\\x02\\x03\\x0425{data};{arqc}00"),
        );
        check(
            "Visa CVN 18",
            "4000001234567899",
            CryptogramAnswer::Csu([0, 0x82, 0, 0]),
            &format!("KW32{key}\\x00\\x00\\x124Vx\\x99\\x07\\x00*25{data};{arqc}\\x00\\x82\\x00\\x000"),
        );
        let long = written(
            &cryptogram_check("Visa CVN 18", "4000001234567890123", CryptogramAnswer::Csu([0; 4])),
            Subject::Cryptogram,
        );
        assert!(long.starts_with(&format!("KW33{key}11\\x04")), "{long}");
    }

    #[test]
    fn what_no_command_can_say_is_not_asked() {
        let arc = CryptogramAnswer::Arc(*b"00");
        let mixed = cryptogram_check("Visa CVN 18", "4000001234567899", arc);
        assert!(command(&mixed, Subject::Cryptogram).is_none());
        let bad_key = Arc::new(Key { name: "bad".into(), cryptogram: "U12".into() });
        let pvv = PinVerification::Pvv { pvk: bad_key, pvki: 1, pvv: *b"0123" };
        let checks = pin_check(PinKeyKind::Tpk, pvv);
        assert!(command(&checks, Subject::Pin).is_none());
        assert!(command(&checks, Subject::Cvv).is_none());
        assert_eq!(subjects(&checks).as_slice(), &[Subject::Pin]);
    }

    #[test]
    fn findings() {
        let checks = cryptogram_check("Visa CVN 10", "4000001234567899", CryptogramAnswer::Arc(*b"00"));
        let find = |error: &[u8; 2], body| {
            let mut findings = ChecksReply::default();
            let reply = Reply { error: ErrorCode::new(*error), body };
            for subject in [Subject::Pin, Subject::Cvv, Subject::Cryptogram] {
                note(&mut findings, &checks, subject, Some(&reply));
            }
            (findings.pin.unwrap(), findings.cvv.unwrap(), findings.cryptogram.unwrap())
        };
        let check = |error, pin, cvv, cryptogram| {
            assert_eq!(find(error, ReplyBody::Empty), (pin, cvv, cryptogram));
        };
        check(b"00", PinResult::Right, CvvResult::Right, CryptogramResult::Failed);
        check(b"01", PinResult::Wrong, CvvResult::Wrong, CryptogramResult::Wrong);
        check(b"20", PinResult::BadBlock, CvvResult::Failed, CryptogramResult::Failed);
        check(b"24", PinResult::BadBlock, CvvResult::Failed, CryptogramResult::Failed);
        check(b"10", PinResult::Failed, CvvResult::Failed, CryptogramResult::Failed);
        check(b"68", PinResult::Failed, CvvResult::Failed, CryptogramResult::Failed);
        let right = ReplyBody::Arpc(Arpc::new(&[9; 8]).unwrap());
        assert_eq!(find(b"00", right).2, CryptogramResult::Right { arpc: [9; 8] });
        // Method 1 makes eight bytes; four are another method's answer.
        let short = ReplyBody::Arpc(Arpc::new(&[9; 4]).unwrap());
        assert_eq!(find(b"00", short).2, CryptogramResult::Failed);
        let mut silence = ChecksReply::default();
        note(&mut silence, &checks, Subject::Cryptogram, None);
        assert_eq!(silence.cryptogram, Some(CryptogramResult::Failed));
    }

    #[test]
    fn four_bytes_of_arpc_by_method_2() {
        let checks = cryptogram_check("Visa CVN 18", "4000001234567899", CryptogramAnswer::Csu([0; 4]));
        let mut findings = ChecksReply::default();
        let reply = Reply::success(ReplyBody::Arpc(Arpc::new(&[9; 4]).unwrap()));
        note(&mut findings, &checks, Subject::Cryptogram, Some(&reply));
        let arpc = [9, 9, 9, 9, 0, 0, 0, 0];
        assert_eq!(findings.cryptogram, Some(CryptogramResult::Right { arpc }));
    }
}
