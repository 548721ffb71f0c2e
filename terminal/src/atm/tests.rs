use super::*;
use crate::card_simulator::TrackSource;
use crate::issuing::tests::issuer;
use card::ResponseCode;
use ndc::{CardFlag, DispenseOutcome, FromTerminal, Function, Options, Print, Screen, parse_from_terminal};

fn atm() -> Atm {
    Atm::new(Luno::new(b"001").unwrap())
}

fn ask(atm: &mut Atm) -> Vec<u8> {
    let issuer = issuer();
    let card = issuer.card(7);
    let track2 = card.track2(TrackSource::Stripe);
    let block = card.pin_block(card.pin(), &issuer.keys.tpk);
    let icc = [0x9F, 0x36, 0x02, 0x00, 0x01];
    atm.request(&AtmAsk {
        operation_code: b"A       ",
        amount_minor: Some(80_00),
        track2: &track2,
        pin_block: Some(&block),
        icc: Some(&icc),
    })
    .unwrap()
}

fn reply(mcn: u8, tsn: u16, notes: [u32; 4]) -> Vec<u8> {
    let mut reply = TransactionReply::new(*b"125", Function::DISPENSE_AND_PRINT, mcn);
    reply.luno = Luno::new(b"001");
    reply.notes = Some(Notes::from(notes));
    reply.tsn = Tsn::new(tsn).unwrap();
    reply.screens = vec![Screen { number: *b"040", update: b"" }];
    reply.prints = vec![Print { printer: Print::RECEIPT, text: b"CASH 80.00" }];
    reply.chip = Some(tlv::issuer_response(&[1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0'], *b"00", &[]));
    let mut body = Vec::new();
    reply.encode(&mut body).unwrap();
    body
}

fn request(body: &[u8]) -> TransactionRequest<'_> {
    match parse_from_terminal(body, &Options::default()).unwrap() {
        FromTerminal::TransactionRequest(request) => request,
        other => panic!("{other:?}"),
    }
}

fn outcome(body: &[u8], ordered: [u32; 4]) -> DispenseOutcome {
    match parse_from_terminal(body, &Options::default()).unwrap() {
        FromTerminal::SolicitedStatus(status) => DispenseOutcome::of(&status, &Notes::from(ordered)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_host_reads_what_the_atm_asks() {
    let mut atm = atm();
    let body = ask(&mut atm);
    let read = request(&body);
    assert_eq!(read.luno.as_str(), "001");
    assert_eq!(read.mcn, b'1');
    assert_eq!(read.amount_minor, Some(80_00));
    assert_eq!(read.operation_code.unwrap().as_str(), "A       ");
    let card = issuer().card(7);
    assert_eq!(read.read_track2().unwrap().unwrap().reveal(), card.track2(TrackSource::Stripe).reveal());
    let block = card.pin_block(card.pin(), &issuer().keys.tpk);
    assert_eq!(read.pin_block.unwrap().reveal(), block.reveal());
    assert_eq!(read.smart_card.unwrap().reveal_tag(0x9F36), Some(&[0, 1][..]));
    assert!(read.last_status.is_none());
}

#[test]
fn a_reply_is_taken_once_and_by_its_own_atm() {
    let mut atm = atm();
    ask(&mut atm);
    assert_eq!(atm.take_reply(&reply(b'2', 1, [0; 4])), Err(AtmError::OtherRequest));
    let mut other = Atm::new(Luno::new(b"002").unwrap());
    assert_eq!(other.take_reply(&reply(b'1', 1, [0; 4])), Err(AtmError::OtherAtm));
    assert!(matches!(atm.take_reply(b"4\x1c001"), Err(AtmError::Parse(_))));
    assert_eq!(atm.ready(), Err(AtmError::NoOrder));
    let taken = atm.take_reply(&reply(b'1', 17, [0, 4, 0, 0])).unwrap();
    let expect = AtmReply {
        next_state: *b"125",
        screen: Some(*b"040"),
        function: b'2',
        notes: [0, 4, 0, 0],
        tsn: Tsn::new(17).unwrap(),
        retains_card: false,
        issuer_authentication: Some(vec![1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0']),
        chip_response_code: Some(ResponseCode::APPROVED),
        receipt: "CASH 80.00".to_owned(),
    };
    assert_eq!(taken, expect);
    assert!(taken.dispenses());
    assert_eq!(outcome(&atm.ready().unwrap(), [0, 4, 0, 0]), DispenseOutcome::Complete);
    assert_eq!(atm.ready(), Err(AtmError::NoOrder));
}

#[test]
fn a_decline_moves_no_notes_and_may_keep_the_card() {
    let mut atm = atm();
    ask(&mut atm);
    let mut decline = TransactionReply::new(*b"130", Function::NEXT_STATE_AND_PRINT, b'1');
    decline.notes = Some(Notes::from([9, 9, 9, 9]));
    decline.card = CardFlag::Retain;
    let mut body = Vec::new();
    decline.encode(&mut body).unwrap();
    let taken = atm.take_reply(&body).unwrap();
    assert!(taken.retains_card && !taken.dispenses());
}

#[test]
fn every_end_is_told_now_and_with_the_next_request() {
    let ordered = [0, 4, 0, 1];
    let check = |end: &dyn Fn(&mut Atm) -> Vec<u8>, expect: DispenseOutcome| {
        let mut atm = atm();
        ask(&mut atm);
        atm.take_reply(&reply(b'1', 17, ordered)).unwrap();
        assert_eq!(outcome(&end(&mut atm), ordered), expect);
        let next = ask(&mut atm);
        let next = request(&next);
        assert_eq!(next.mcn, b'2');
        let last = next.last_status.unwrap();
        let told = DispenseOutcome::of_last_status(&last, Tsn::new(17).unwrap(), &Notes::from(ordered));
        assert_eq!(told, expect);
    };
    check(&|atm| atm.ready().unwrap(), DispenseOutcome::Complete);
    check(&|atm| atm.cash_handler_fault(b'2', [0; 4]).unwrap(), DispenseOutcome::NothingDispensed);
    let dispensed = Notes::from([0, 3, 0, 0]);
    check(&|atm| atm.cash_handler_fault(b'1', [0, 3, 0, 0]).unwrap(), DispenseOutcome::Partial { dispensed });
    check(&|atm| atm.reject(None).unwrap(), DispenseOutcome::NothingDispensed);
    check(&|atm| atm.reject(RejectCode::new(b"B09")).unwrap(), DispenseOutcome::NothingDispensed);
}

#[test]
fn co_ordination_numbers_come_round() {
    let mut atm = atm();
    let mut seen: Vec<u8> = (0..64).map(|_| request(&ask(&mut atm)).mcn).collect();
    assert_eq!(seen.first(), seen.last());
    seen.pop();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 63);
}

#[test]
fn what_cannot_be_sent_is_named() {
    let card = issuer().card(7);
    let track2 = card.track2(TrackSource::Stripe);
    let ask = AtmAsk {
        operation_code: b"A      Z",
        amount_minor: None,
        track2: &track2,
        pin_block: None,
        icc: None,
    };
    assert_eq!(atm().request(&ask), Err(AtmError::OperationCode));
    let ask = AtmAsk { operation_code: b"A       ", icc: Some(&[0x9F]), ..ask };
    assert_eq!(atm().request(&ask), Err(AtmError::SmartCard));
    let ask = AtmAsk { amount_minor: Some(u64::MAX), icc: None, ..ask };
    assert!(matches!(atm().request(&ask), Err(AtmError::Encode(_))));
}

#[test]
fn no_mutation_of_a_reply_panics() {
    let body = reply(b'1', 17, [0, 4, 0, 0]);
    for at in 0..body.len() {
        for byte in [0x00, 0x1C, 0x1D, b'0', b'9', b'A', 0xFF] {
            let mut mutated = body.clone();
            mutated[at] = byte;
            let mut atm = atm();
            ask(&mut atm);
            let _ = atm.take_reply(&mutated);
            let _ = atm.reject(None);
        }
    }
}
