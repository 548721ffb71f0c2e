//! The card's arithmetic against the HSM's commands: what the simulator signs, an issuer must accept.

use super::*;
use crate::chip::corrupt_cryptogram;
use crate::issuing::tests::issuer;
use card::{Currency, Time};
use hsm::{
    Account, ArpcMethod, ArqcScheme, ArqcTask, Command, DerivationOption, ErrorCode, KeyField, KeyScheme,
    KeyType, PanSequence, PinBlockFormat, PinKeyType, Proprietary, Pvv, ReplyBody, TransactionData,
    VerifyArqc, VerifyArqcSessionKey, VerifyCvv, VerifyPvv,
};
use hsm_sim::{Engine, Lmk, OwnedReply, Settings};
use iso8583::emv::{find, tag};

fn run(command: &Command<'_>) -> OwnedReply {
    Engine::new(Lmk::public_test(), Settings::default()).run(command)
}

fn under_lmk(key_type: KeyType, key: &ClearKey) -> KeyField<'static> {
    Lmk::public_test().encrypt_key(key_type, KeyScheme::U, key).unwrap()
}

fn transaction() -> ChipTransaction {
    let usd = Currency::parse("USD").unwrap();
    ChipTransaction::purchase(
        12_50,
        usd,
        840,
        Time::from_unix_ms(1_795_471_199_123),
        [0xDE, 0xAD, 0xBE, 0xEF],
    )
}

fn object(icc: &[u8], tag: u32) -> Vec<u8> {
    find(icc, tag).unwrap().unwrap().to_vec()
}

/// What an issuer reads out of DE 55, independent of how the simulator keeps it.
fn covered(icc: &[u8]) -> Vec<u8> {
    const BASE: [u32; 10] = [0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36];
    BASE.iter().flat_map(|tag| object(icc, *tag)).collect()
}

/// Verifies by KQ or KW and gives the value of tag 91, or the HSM's error.
fn authorize(icc: &[u8], version: CryptogramVersion) -> Result<Vec<u8>, ErrorCode> {
    let issuer = issuer();
    let key = under_lmk(KeyType::MK_AC, &issuer.keys.mk_ac);
    let pan_sequence = PanSequence::option_a(&issuer.pan(7), issuer.card_sequence);
    let atc = object(icc, tag::ATC).try_into().unwrap();
    let arqc = object(icc, tag::CRYPTOGRAM).try_into().unwrap();
    let application_data = object(icc, tag::ISSUER_APPLICATION_DATA);
    let mut data = covered(icc);
    let (reply, tail) = match version {
        CryptogramVersion::Visa10 => {
            data.extend(&application_data[3..7]);
            let transaction = TransactionData::new(&data).unwrap();
            let unpredictable_number = object(icc, tag::UNPREDICTABLE_NUMBER).try_into().unwrap();
            let task = ArqcTask::VerifyAndRespond { transaction, arpc: *b"00" };
            let scheme = ArqcScheme::Visa;
            let command =
                VerifyArqc { scheme, mk_ac: key, pan_sequence, atc, unpredictable_number, arqc, task };
            (run(&Command::VerifyArqc(command)), b"00".to_vec())
        }
        CryptogramVersion::Visa18 => {
            data.extend(&application_data);
            data.push(0x80);
            let transaction = TransactionData::new(&data).unwrap();
            let csu = [0x00, 0x82, 0x00, 0x00];
            let arpc = ArpcMethod::Two { csu, proprietary: Proprietary::EMPTY };
            let task = ArqcTask::VerifyAndRespond { transaction, arpc };
            let option = DerivationOption::B;
            let pan_sequence = PanSequence::option_b(&issuer.pan(7), issuer.card_sequence);
            let command = VerifyArqcSessionKey { option, mk_ac: key, pan_sequence, atc, arqc, task };
            (run(&Command::VerifyArqcSessionKey(command)), csu.to_vec())
        }
    };
    match reply.body {
        ReplyBody::Arpc(arpc) => Ok([arpc.as_bytes(), &tail].concat()),
        _ => Err(reply.error),
    }
}

#[test]
fn the_hsm_accepts_the_cryptogram_and_the_card_its_answer() {
    for version in [CryptogramVersion::Visa10, CryptogramVersion::Visa18] {
        let mut card = issuer().card(7);
        let icc = card.arqc(&transaction(), version);
        assert_eq!(object(&icc, tag::ATC), [0, 1]);
        let tag_91 = authorize(&icc, version).unwrap();
        assert!(card.verify_issuer_authentication(&tag_91), "{version:?}");
        for index in 0..tag_91.len() {
            let mut forged = tag_91.clone();
            forged[index] ^= 0x10;
            assert!(!card.verify_issuer_authentication(&forged), "{version:?} byte {index}");
        }
        for length in 0..tag_91.len() {
            assert!(!card.verify_issuer_authentication(&tag_91[..length]));
        }
        // The next transaction wants an answer of its own.
        card.arqc(&transaction(), version);
        assert!(!card.verify_issuer_authentication(&tag_91));
        assert_eq!(card.atc(), 2);
    }
}

#[test]
fn the_hsm_refuses_an_altered_cryptogram() {
    for version in [CryptogramVersion::Visa10, CryptogramVersion::Visa18] {
        let mut icc = issuer().card(7).arqc(&transaction(), version);
        assert!(corrupt_cryptogram(&mut icc));
        assert_eq!(authorize(&icc, version), Err(ErrorCode::VERIFICATION_FAILED));
    }
}

#[test]
fn a_card_that_signed_nothing_believes_nothing() {
    assert!(!issuer().card(7).verify_issuer_authentication(&[0; 8]));
}

#[test]
fn the_hsm_knows_the_pin_and_no_other() {
    let issuer = issuer();
    let card = issuer.card(7);
    let verify = |pin: &Pin, source, key: &ClearKey, key_type| {
        let command = VerifyPvv {
            source,
            pin_key: under_lmk(key_type, key),
            pvk: under_lmk(KeyType::PVK, &issuer.keys.pvk),
            pin_block: card.pin_block(pin, key).into(),
            format: PinBlockFormat::Iso0,
            account: Account::from(&card.pan()),
            verification_account: None,
            pvki: issuer.pvki,
            pvv: Pvv::parse(&issuer.pvv(7)).unwrap(),
        };
        run(&Command::VerifyPvv(command)).error
    };
    let keys = &issuer.keys;
    for (source, key, key_type) in
        [(PinKeyType::Tpk, &keys.tpk, KeyType::TPK), (PinKeyType::Zpk, &keys.zpk, KeyType::ZPK)]
    {
        assert_eq!(verify(card.pin(), source, key, key_type), ErrorCode::NONE);
        assert_eq!(verify(&card.wrong_pin(), source, key, key_type), ErrorCode::VERIFICATION_FAILED);
    }
}

#[test]
fn the_hsm_knows_the_cvv_of_stripe_and_chip() {
    let issuer = issuer();
    let card = issuer.card(7);
    let verify = |track: &Track2, service_code: [u8; 3]| {
        let command = VerifyCvv {
            cvk: under_lmk(KeyType::CVK, &issuer.keys.cvk),
            cvv: Cvv::parse(&track.reveal_discretionary()[5..8]).unwrap(),
            pan: track.pan(),
            expiry: track.expiry().unwrap().to_yymm(),
            service_code,
        };
        run(&Command::VerifyCvv(command)).error
    };
    let (stripe, chip) = (card.track2(TrackSource::Stripe), card.track2(TrackSource::Chip));
    assert_eq!(verify(&stripe, stripe.service_code().0), ErrorCode::NONE);
    assert_eq!(verify(&chip, *b"999"), ErrorCode::NONE);
    // A chip's track copied to a stripe.
    assert_eq!(verify(&chip, chip.service_code().0), ErrorCode::VERIFICATION_FAILED);
    let wrong = card.track2_with(&card.wrong_cvv());
    assert_eq!(verify(&wrong, wrong.service_code().0), ErrorCode::VERIFICATION_FAILED);
}

#[test]
fn debug_shows_no_number() {
    assert_eq!(format!("{:?}", issuer().card(7)), "CardSimulator(400000******0077, ATC 0)");
}
