//! What is written is read back, and no bytes whatever make a reader panic.

use card::PinBlock;
use ndc::{
    CamFlags, CardFlag, DeviceStatus, FromHost, FromTerminal, Function, LastStatus, LastStatusCode, Luno,
    Mac, Notes, OperationCode, OptionalField, Options, Print, RejectCode, RequestHeader, Screen, Secret,
    SmartCard, SolicitedStatus, TransactionReply, TransactionRequest, Tsn, Tvn, TvnPosition,
    UnsolicitedStatus,
};
use proptest::prelude::*;

/// Requests, statuses, replies and commands from which mutations start.
const SEEDS: &[&str] = &[
    "11\x1c001\x1c\x1c01A2E166\x1c15\x1c;4000001234567899=28122010000000123?\x1c;3?\x1cA  B    \x1c00008000\
     \x1c13579;=?02468:<>\x1c1\x1c2\x1c1%B4?\x1c20016100002000000000000000\x1dCAM\x1d9B02E800\x1dx\x1cU\
     \x1c5CAM0000820218009F3602002A\x1cw0102\x1cC0FFEE42",
    "22\x1c001\x1c\x1c01A2E166\x1cF\x1c2001700003210009800200\x1cC0FFEE42",
    "22\x1c001\x1c\x1c8\x1cE104000000\x1c04000\x1c0401\x1c13000\x1dCAM\x1d9B02E800\x1cmore",
    "22\x1c001\x1c\x1c\x1cB\x1dCAM\x1d9B02E800\x1c0017\x1c101\x1d00105",
    "22\x1c001\x1c\x1cC\x1cB09",
    "12\x1c001\x1c\x1cP21\x1c0",
    "4\x1c001\x1c01A468E4\x1c125\x1c00000100\x1c1642A068\x0ctext\x1d0000069more\x1c402TEXT\n\x1d1J\x1cK%B\
     \x1c5CAM910A5F91BC42284BD48D30308A023030\x1c87B719E8",
    "10\x1c001\x1c000\x1c21",
    "3\x1c001\x1c\x1c42\x1c018001002003",
    "61\x1c\x1c\x1c\x1c000007",
];

/// Every reader on the same bytes; whatever is read must be written again without a panic.
fn read_all(bytes: &[u8], options: &Options) {
    let mut out = Vec::new();
    let ordered = Notes::from([5, 1, 0, 0]);
    match ndc::parse_from_terminal(bytes, options) {
        Ok(FromTerminal::TransactionRequest(request)) => {
            _ = request.read_track2();
            _ = request.encode(options, &mut out);
            if let Some(last_status) = &request.last_status {
                _ = ndc::DispenseOutcome::of_last_status(last_status, Tsn::ZERO, &ordered);
            }
            _ = format!("{request:?}");
        }
        Ok(FromTerminal::SolicitedStatus(status)) => {
            _ = ndc::DispenseOutcome::of(&status, &ordered);
            status.encode(&mut out).unwrap();
            assert_eq!(SolicitedStatus::parse(&out).unwrap(), status);
        }
        Ok(FromTerminal::UnsolicitedStatus(status)) => {
            status.encode(&mut out).unwrap();
            assert_eq!(UnsolicitedStatus::parse(&out).unwrap(), status);
        }
        Ok(FromTerminal::Other { .. }) => {}
        Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
    }
    out.clear();
    match ndc::parse_from_host(bytes) {
        Ok(FromHost::TransactionReply(reply)) => {
            reply.encode(&mut out).unwrap();
            assert_eq!(TransactionReply::parse(&out).unwrap(), reply);
        }
        Ok(FromHost::TerminalCommand(command)) => {
            command.encode(&mut out).unwrap();
            assert_eq!(ndc::TerminalCommand::parse(&out).unwrap(), command);
        }
        Ok(FromHost::Other { .. }) => {}
        Err(error) => assert!(!RejectCode::for_error(&error).as_bytes().is_empty()),
    }
    _ = RequestHeader::parse(bytes);
    _ = ndc::dump(bytes);
    _ = ndc::framing::next_frame(bytes, 600);
}

fn options() -> impl Strategy<Value = Options> {
    (any::<bool>(), 0usize..9, any::<bool>()).prop_map(|(macing, cassette_types, wide_acceptor_counts)| {
        Options { macing, cassette_types, amount_digits: None, wide_acceptor_counts }
    })
}

fn text(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        any::<u8>().prop_filter("no separator", |byte| !matches!(byte, 0x1C | 0x1D)),
        0..=longest,
    )
}

fn notes() -> impl Strategy<Value = Notes> {
    prop_oneof![
        prop::array::uniform4(0u32..100).prop_map(Notes::from),
        prop::array::uniform7(0u32..100).prop_map(Notes::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutated_messages_do_not_panic(
        seed in prop::sample::select(SEEDS),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6),
        options in options(),
    ) {
        let mut bytes = seed.as_bytes().to_vec();
        for (place, byte, kind) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => bytes.insert(place, 0x1C),
                _ if bytes.len() > 1 => _ = bytes.remove(place),
                _ => {}
            }
        }
        read_all(&bytes, &options);
    }

    #[test]
    fn cut_off_messages_do_not_panic(
        seed in prop::sample::select(SEEDS), end in any::<prop::sample::Index>(), options in options(),
    ) {
        read_all(&seed.as_bytes()[..end.index(seed.len())], &options);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), options in options()) {
        read_all(&bytes, &options);
    }
}

proptest! {
    #[test]
    fn replies_are_read_back(
        (luno, notes, tsn) in ("[0-9A-Z]{1,9}", prop::option::of(notes()), 0u16..10_000),
        function in prop::sample::select(&b"123456789ABCFPQ#%*-':bcef"[..]),
        (mcn, card) in (b'0'..=b'~', prop::sample::select(
            &[CardFlag::Return, CardFlag::Retain, CardFlag::ReturnDuringReply][..])),
        screens in prop::collection::vec(("[0-9]{3}", text(40)), 0..3),
        prints in prop::collection::vec((b'1'..=b'8', text(40)), 0..3),
        chip in prop::option::of(prop::collection::vec(any::<u8>(), 0..=16)),
        (maced, flag) in (any::<bool>(), any::<bool>()),
    ) {
        let mut reply = TransactionReply::new(*b"125", Function::new(function).unwrap(), mcn);
        reply.luno = Luno::new(luno.as_bytes());
        (reply.notes, reply.tsn, reply.card) = (notes, Tsn::new(tsn).unwrap(), card);
        reply.wide_notes = flag && notes.is_some();
        let screen = |(number, update): &(String, Vec<u8>)| (number.as_bytes().try_into().unwrap(), update.clone());
        let screens: Vec<([u8; 3], Vec<u8>)> = screens.iter().map(screen).collect();
        reply.screens = screens.iter().map(|(number, update)| Screen { number: *number, update }).collect();
        reply.prints = prints.iter().map(|(printer, text)| Print { printer: *printer, text }).collect();
        reply.chip = chip.map(|data| ndc::tlv::issuer_response(&data, *b"00", &[]));
        reply.buffers = vec![OptionalField { id: b'K', content: Secret::new(b"track") }];
        if maced {
            (reply.sequence, reply.mac) = (b"01A2E166", Some(Mac::from_bytes([1, 2, 3, 0xFF])));
        }
        let mut out = Vec::new();
        reply.encode(&mut out).unwrap();
        prop_assert_eq!(TransactionReply::parse(&out).unwrap(), reply);
    }

    #[test]
    fn requests_are_read_back(
        (mcn, top_of_receipt, maced) in (b'1'..=b'~', any::<bool>(), any::<bool>()),
        (track2, track3, buffer_b, buffer_c) in (text(39), text(106), text(32), text(32)),
        (operation_code, amount_minor) in (prop::option::of("[ABCDFGHI ]{8}"), prop::option::of(0u64..1_000_000_000_000)),
        (pin, new_pin) in (prop::option::of(any::<[u8; 8]>()), prop::option::of(any::<[u8; 8]>())),
        (tsn, notes, flags) in (0u16..10_000, prop::array::uniform4(0u32..100_000), any::<u16>()),
    ) {
        let mut request = TransactionRequest::new(Luno::new(b"001000007").unwrap(), mcn);
        request.top_of_receipt = top_of_receipt;
        (request.track2, request.track3) = (Secret::new(&track2), Secret::new(&track3));
        (request.buffer_b, request.buffer_c) = (Secret::new(&buffer_b), Secret::new(&buffer_c));
        request.operation_code = operation_code.and_then(|keys| OperationCode::new(keys.as_bytes()));
        request.amount_minor = amount_minor;
        request.pin_block = pin.map(PinBlock::new);
        request.new_pin_block = new_pin.map(PinBlock::new);
        request.last_status = Some(LastStatus {
            tsn: Tsn::new(tsn).unwrap(),
            status: LastStatusCode::Good,
            notes: Notes::from(notes),
            tail: b"00000",
            completion: None,
        });
        request.smart_card = SmartCard::new(CamFlags(flags), vec![0x9F, 0x36, 2, 0, 42]).ok();
        if maced {
            (request.tvn, request.mac) = (Tvn::new(b"01A2E166"), Some(Mac::from_bytes([1, 2, 3, 4])));
        }
        let options = Options { macing: maced, ..Options::default() };
        let mut out = Vec::new();
        request.encode(&options, &mut out).unwrap();
        let found = TransactionRequest::parse(&out, &options).unwrap();
        prop_assert_eq!((found.luno, found.tvn, found.mac), (request.luno, request.tvn, request.mac));
        prop_assert_eq!((found.mcn, found.top_of_receipt), (request.mcn, request.top_of_receipt));
        prop_assert_eq!((found.track2, found.track3), (request.track2, request.track3));
        prop_assert_eq!((found.buffer_b, found.buffer_c), (request.buffer_b, request.buffer_c));
        prop_assert_eq!((found.operation_code, found.amount_minor), (request.operation_code, request.amount_minor));
        prop_assert_eq!((found.last_status, &found.smart_card), (request.last_status, &request.smart_card));
        prop_assert_eq!(found.pin_block.as_ref().map(|block| *block.reveal()), pin);
        prop_assert_eq!(found.new_pin_block.as_ref().map(|block| *block.reveal()), new_pin);
    }

    #[test]
    fn fault_statuses_are_read_back(
        (code, notes) in (b'0'..=b'9', notes()),
        (severity, diagnostic, supplies) in (text(8), text(12), text(8)),
        tvn in prop::sample::select(&[TvnPosition::Absent, TvnPosition::Empty][..]),
    ) {
        let status = DeviceStatus::cash_handler_status(code, &notes);
        let device = DeviceStatus {
            severity: &severity,
            diagnostic: &diagnostic,
            supplies: &supplies,
            ..DeviceStatus::new(ndc::dig::CASH_HANDLER, &status)
        };
        prop_assert_eq!(device.dispensed(), Ok(Some(notes)));
        let luno = Luno::new(b"001").unwrap();
        let solicited = SolicitedStatus { tvn, ..SolicitedStatus::device_fault(luno, device) };
        let mut out = Vec::new();
        solicited.encode(&mut out).unwrap();
        let found = SolicitedStatus::parse(&out).unwrap();
        prop_assert_eq!(found, solicited);
    }
}
