//! What does the HSM in process cost per check?
//!
//! A PIN verified by PVV, and an ARQC verified and answered with its ARPC, for cryptogram versions 10 and
//! 18. Each call is for another of 1,000 cards, so a card's key is derived every time; the issuer's keys
//! stand in the engine's cache, as they do in a running switch.
//!
//! And what is left of that over TCP? The same PINs, 1,000 commands sent at once over one loopback connection to a
//! server in this process; counted until the last reply is here. Client and server have a core each if there
//! are two.

use card::{Pan, PinBlock};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hsm::{
    Account, ArpcMethod, ArqcScheme, ArqcTask, Command, DerivationOption, KeyField, KeyScheme, KeyType,
    PanSequence, PinBlockFormat, PinKeyType, Proprietary, TransactionData, VerifyArqc, VerifyArqcSessionKey,
    VerifyPvv, framing,
};
use hsm_sim::{ClearKey, Engine, Lmk, Pin, Settings, emv, pin, pvv, server};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

fn verify(criterion: &mut Criterion) {
    let institution = Institution::new();
    let mut group = criterion.benchmark_group("hsm");
    group.throughput(Throughput::Elements(1));
    for (name, commands) in [
        ("PIN by PVV (EC)", institution.pins()),
        ("ARQC and ARPC, CVN 10 (KQ)", institution.cryptograms_10()),
        ("ARQC and ARPC, CVN 18 (KW)", institution.cryptograms_18()),
    ] {
        for command in &commands {
            let error = institution.engine.run(command).error;
            assert_eq!(error, hsm::ErrorCode::NONE, "{name}");
        }
        group.bench_function(name, |bencher| {
            let mut next = commands.iter().cycle();
            bencher.iter(|| institution.engine.run(black_box(next.next().expect("a cycle has no end"))));
        });
    }
    group.finish();
}

fn over_tcp(criterion: &mut Criterion) {
    let institution = Institution::new();
    let commands = institution.pins();
    let mut requests = Vec::new();
    for command in &commands {
        framing::write_frame(&mut requests, b"0001", |out| command.encode(out)).expect("a short message");
    }
    let expected = b"\x00\x080001ED00".repeat(commands.len());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let engine = Arc::new(Engine::new(Lmk::public_test(), Settings::default()));
    thread::spawn(move || server::serve(&listener, &engine, server::Limits::default()));
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let mut replies = vec![0; expected.len()];
    let mut group = criterion.benchmark_group("hsm");
    group.throughput(Throughput::Elements(CARDS.into()));
    group.bench_function("1,000 PINs by PVV (EC) over TCP", |bencher| {
        bencher.iter(|| {
            // The replies are short enough to wait in the socket until all is written.
            stream.write_all(&requests).expect("the server reads");
            stream.read_exact(&mut replies).expect("the server answers");
        });
    });
    group.finish();
    assert!(replies == expected, "a PIN was not verified");
}

const CARDS: u32 = 1000;

/// What a card of CVN 10 signs: the fields of the terminal and the CVR.
const SIGNED_10: [u8; 37] = [0x31; 37];

/// What a card of CVN 18 signs: the same with the whole issuer application data, and the padding byte.
const SIGNED_18: [u8; 41] = {
    let mut bytes = [0x31; 41];
    bytes[40] = 0x80;
    bytes
};

const UNPREDICTABLE_NUMBER: [u8; 4] = [0x5E, 0xED, 0xF0, 0x0D];

/// An engine, and its keys in clear and under its LMK.
struct Institution {
    engine: Engine,
    zpk: (ClearKey, KeyField<'static>),
    pvk: (ClearKey, KeyField<'static>),
    mk_ac: (ClearKey, KeyField<'static>),
}

impl Institution {
    fn new() -> Institution {
        let lmk = Lmk::public_test();
        let key = |byte, key_type| {
            let clear = ClearKey::double(&std::array::from_fn(|index| byte + index as u8)).with_odd_parity();
            let wrapped = lmk.encrypt_key(key_type, KeyScheme::U, &clear).expect("a key of odd parity");
            (clear, wrapped)
        };
        let (zpk, pvk, mk_ac) = (key(0x10, KeyType::ZPK), key(0x40, KeyType::PVK), key(0x70, KeyType::MK_AC));
        Institution { engine: Engine::new(lmk, Settings::default()), zpk, pvk, mk_ac }
    }

    fn pins(&self) -> Vec<Command<'_>> {
        let command = |card: u32| {
            let pan = pan(card);
            let pin = Pin::parse(format!("{:04}", card * 7919 % 10_000).as_bytes()).expect("four digits");
            Command::VerifyPvv(VerifyPvv {
                source: PinKeyType::Zpk,
                pin_key: self.zpk.1.borrowed(),
                pvk: self.pvk.1.borrowed(),
                pin_block: PinBlock::new(self.zpk.0.encrypt(pin::iso0_block(&pin, &pan))),
                format: PinBlockFormat::Iso0,
                account: Account::from(&pan),
                pvki: 1,
                pvv: pvv::pvv(&self.pvk.0, &Account::from(&pan), 1, &pin),
            })
        };
        (0..CARDS).map(command).collect()
    }

    fn cryptograms_10(&self) -> Vec<Command<'_>> {
        let command = |card: u32| {
            let (pan, atc) = (pan(card), (card as u16).to_be_bytes());
            let master = emv::derive_master_key(&self.mk_ac.0, &pan, 1, emv::DeriveOption::A);
            Command::VerifyArqc(VerifyArqc {
                scheme: ArqcScheme::Visa,
                mk_ac: self.mk_ac.1.borrowed(),
                pan_sequence: PanSequence::option_a(&pan, 1),
                atc,
                unpredictable_number: UNPREDICTABLE_NUMBER,
                arqc: emv::application_cryptogram(&master, &SIGNED_10),
                task: ArqcTask::VerifyAndRespond { transaction: transaction(&SIGNED_10), arpc: *b"00" },
            })
        };
        (0..CARDS).map(command).collect()
    }

    fn cryptograms_18(&self) -> Vec<Command<'_>> {
        let command = |card: u32| {
            let (pan, atc) = (pan(card), (card as u16).to_be_bytes());
            let master = emv::derive_master_key(&self.mk_ac.0, &pan, 1, emv::DeriveOption::A);
            let session = emv::common_session_key(&master, atc);
            let arpc = ArpcMethod::Two { csu: [0, 0x82, 0, 0], proprietary: Proprietary::EMPTY };
            Command::VerifyArqcSessionKey(VerifyArqcSessionKey {
                option: DerivationOption::A,
                mk_ac: self.mk_ac.1.borrowed(),
                pan_sequence: PanSequence::option_a(&pan, 1),
                atc,
                arqc: emv::application_cryptogram(&session, &SIGNED_18),
                task: ArqcTask::VerifyAndRespond { transaction: transaction(&SIGNED_18), arpc },
            })
        };
        (0..CARDS).map(command).collect()
    }
}

fn transaction(bytes: &'static [u8]) -> TransactionData<'static> {
    TransactionData::new(bytes).expect("1 to 255 bytes")
}

fn pan(card: u32) -> Pan {
    Pan::with_check_digit(format!("400000{card:09}").as_bytes()).expect("16 digits")
}

criterion_group!(benches, verify, over_tcp);
criterion_main!(benches);
