//! What does the HSM cost per check, in process and over TCP?
//!
//! A PIN verified by PVV, an ARQC verified and answered with its ARPC for cryptogram versions 10 and
//! 18, a CVV verified, a MAC made. Each call is for another of 1,000 cards, whose keys the engine keeps;
//! cryptograms also for more cards than it keeps, so that a card's key is derived every time. The issuer's
//! keys stand in the engine's cache, as they do in a running switch. Over TCP, batches of requests are
//! written to one connection of a server on the loopback device, and all their replies read.

use card::{Pan, PinBlock};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hsm::{
    Account, ArpcMethod, ArqcScheme, ArqcTask, Command, DerivationOption, GenerateMac, KeyField, KeyScheme,
    KeyType, MacAlgorithm, MacInput, MacMessage, MacPadding, MacPart, MacSize, PanSequence, PinBlockFormat,
    PinKeyType, Proprietary, TransactionData, VerifyArqc, VerifyArqcSessionKey, VerifyCvv, VerifyPvv,
    framing,
};
use hsm_sim::server::{Limits, serve};
use hsm_sim::{ClearKey, Engine, Lmk, Pin, Settings, cvv, emv, pin, pvv};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

fn verify(criterion: &mut Criterion) {
    let institution = Institution::new();
    let mut group = criterion.benchmark_group("hsm in process");
    group.throughput(Throughput::Elements(1));
    let many = [
        ("ARQC and ARPC, CVN 10 (KQ), another card each time", institution.cryptograms_10(MANY_CARDS)),
        ("ARQC and ARPC, CVN 18 (KW), another card each time", institution.cryptograms_18(MANY_CARDS)),
    ];
    for (name, commands) in institution.everything().into_iter().chain(many) {
        // Twice, since the engine keeps the key of a card that comes again.
        for command in commands.iter().chain(&commands) {
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

/// Requests written together, as a switch under load does.
const BATCH: usize = 64;

/// Batches whose replies are outstanding.
const UNDER_WAY: usize = 4;

fn verify_over_tcp(criterion: &mut Criterion) {
    let institution = Institution::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let engine = Arc::new(Engine::new(Lmk::public_test(), Settings::default()));
    // Ends with the process.
    thread::spawn(move || serve(&listener, &engine, Limits::default()));
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("an option of every socket");
    let mut group = criterion.benchmark_group("hsm over TCP");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, commands) in institution.everything() {
        let batches: Vec<Vec<u8>> = commands.chunks_exact(BATCH).map(frames).collect();
        let mut next = batches.iter().cycle();
        let mut replies = Replies::default();
        let mut write = |stream: &mut TcpStream| {
            stream.write_all(next.next().expect("a cycle has no end")).expect("the server lives");
        };
        // Some batches are under way all the time, so that neither side waits for the other.
        for _ in 0..UNDER_WAY {
            write(&mut stream);
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                write(&mut stream);
                replies.read(&mut stream, BATCH);
            });
        });
        replies.read(&mut stream, UNDER_WAY * BATCH);
    }
    group.finish();
}

fn frames(commands: &[Command<'_>]) -> Vec<u8> {
    let mut frames = Vec::new();
    for command in commands {
        framing::write_frame(&mut frames, b"0000", |out| command.encode(out)).expect("a short message");
    }
    frames
}

/// Replies received and not counted yet.
#[derive(Default)]
struct Replies(Vec<u8>);

impl Replies {
    /// Takes so many, which must all say 00.
    fn read(&mut self, stream: &mut TcpStream, count: usize) {
        let mut chunk = [0; 16 * 1024];
        let (mut answered, mut at) = (0, 0);
        loop {
            while answered < count
                && let Some(frame) =
                    framing::next_frame(&self.0[at..], framing::MAX_MESSAGE).expect("a sound frame")
            {
                assert_eq!(self.0[at..][frame.body][6..8], *b"00");
                at += frame.consumed;
                answered += 1;
            }
            if answered == count {
                self.0.drain(..at);
                return;
            }
            let read = stream.read(&mut chunk).expect("the server lives");
            assert!(read > 0, "the server closed the connection");
            self.0.extend_from_slice(&chunk[..read]);
        }
    }
}

const CARDS: u32 = 1000;

/// Far more than the engine keeps the keys of.
const MANY_CARDS: u32 = 60_000;

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
    cvk: (ClearKey, KeyField<'static>),
    tak: (ClearKey, KeyField<'static>),
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
        let (cvk, tak) = (key(0xA0, KeyType::CVK), key(0xC0, KeyType::TAK));
        Institution { engine: Engine::new(lmk, Settings::default()), zpk, pvk, mk_ac, cvk, tak }
    }

    fn everything(&self) -> [(&'static str, Vec<Command<'_>>); 5] {
        [
            ("PIN by PVV (EC)", self.pins()),
            ("ARQC and ARPC, CVN 10 (KQ)", self.cryptograms_10(CARDS)),
            ("ARQC and ARPC, CVN 18 (KW)", self.cryptograms_18(CARDS)),
            ("CVV (CY)", self.cvvs()),
            ("MAC of 128 bytes, algorithm 3 (M6)", self.macs()),
        ]
    }

    fn cvvs(&self) -> Vec<Command<'_>> {
        let command = |card: u32| {
            let pan = pan(card);
            let cvv = cvv::cvv(&self.cvk.0, &pan, b"3012", b"201");
            let cvk = self.cvk.1.borrowed();
            Command::VerifyCvv(VerifyCvv { cvk, cvv, pan, expiry: *b"3012", service_code: *b"201" })
        };
        (0..CARDS).map(command).collect()
    }

    fn macs(&self) -> Vec<Command<'_>> {
        let command = |_| {
            Command::GenerateMac(GenerateMac {
                input: MacInput {
                    algorithm: MacAlgorithm::Three,
                    padding: MacPadding::Zeros,
                    key_type: Some(KeyType::TAK),
                    part: MacPart::Only,
                    key: self.tak.1.borrowed(),
                    message: MacMessage::Binary(&[0x31; 128]),
                },
                size: MacSize::Four,
            })
        };
        (0..CARDS).map(command).collect()
    }

    fn pins(&self) -> Vec<Command<'_>> {
        let command = |card: u32| {
            let pan = pan(card);
            let pin = Pin::parse(format!("{:04}", card * 7919 % 10_000).as_bytes()).expect("four digits");
            Command::VerifyPvv(VerifyPvv {
                source: PinKeyType::Zpk,
                pin_key: self.zpk.1.borrowed(),
                pvk: self.pvk.1.borrowed(),
                pin_block: PinBlock::new(self.zpk.0.encrypt(pin::iso0_block(&pin, &pan))).into(),
                format: PinBlockFormat::Iso0,
                account: Account::from(&pan),
                verification_account: None,
                pvki: 1,
                pvv: pvv::pvv(&self.pvk.0, &Account::from(&pan), 1, &pin),
            })
        };
        (0..CARDS).map(command).collect()
    }

    fn cryptograms_10(&self, cards: u32) -> Vec<Command<'_>> {
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
        (0..cards).map(command).collect()
    }

    fn cryptograms_18(&self, cards: u32) -> Vec<Command<'_>> {
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
        (0..cards).map(command).collect()
    }
}

fn transaction(bytes: &'static [u8]) -> TransactionData<'static> {
    TransactionData::new(bytes).expect("1 to 255 bytes")
}

fn pan(card: u32) -> Pan {
    Pan::with_check_digit(format!("400000{card:09}").as_bytes()).expect("16 digits")
}

criterion_group!(benches, verify, verify_over_tcp);
criterion_main!(benches);
