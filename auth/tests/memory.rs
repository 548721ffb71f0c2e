//! What a state may take: bytes for each card, account and transaction with the tables that find them, and for a frozen
//! one, whose making is the pause of a snapshot. `docs/performance.md` states the same budgets.

use allocation_counter::{AllocationInfo, measure};
use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, Details, EntryMode, Funds, LinkName, Memory,
    MessageClass, PinReference, Receipt, Record, State, Transaction, TransactionId, TransactionType,
    TransmissionTime,
};
use card::{CivilDay, Currency, Expiry, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};

/// Bytes for a card on file.
const CARD: u64 = 200;

/// Bytes for an account on file.
const ACCOUNT: u64 = 175;

/// Bytes for a transaction in memory: an approved purchase.
const TRANSACTION: u64 = 480;

/// Bytes that one chunk of 512 entries takes in a frozen state: a reference.
const CHUNK: u64 = 16;

/// What a frozen state takes beyond that, however large it is: the books, and the one page of 4,096 fingerprints that
/// is still being filled.
const BESIDE: u64 = 4096 + 8 * 4096;

/// One more than fits into a table of 65,536 places, so that each table has just doubled.
const MANY: u64 = 65_536 / 8 * 7 + 1;

#[test]
fn cards_and_accounts_keep_to_their_budgets() {
    let mut state = State::default();
    let accounts = each(apply(&mut state, (0..MANY).map(account)));
    let cards = each(apply(&mut state, (0..MANY).map(card)));
    println!("{accounts} bytes for an account, {cards} for a card, tables just doubled");
    assert_eq!(state.size(), (MANY as usize, MANY as usize));
    assert!(accounts <= ACCOUNT, "{accounts} bytes for an account; the budget is {ACCOUNT}");
    assert!(cards <= CARD, "{cards} bytes for a card; the budget is {CARD}");
}

#[test]
fn transactions_keep_to_their_budget() {
    let mut state = State::new(Memory { transactions: MANY as usize, ..Memory::default() });
    apply(&mut state, (0..1_000).map(account));
    apply(&mut state, (0..1_000).map(card));
    let transactions = each(apply(&mut state, (0..MANY).map(purchase)));
    println!("{transactions} bytes for a transaction, tables just doubled");
    assert!(transactions <= TRANSACTION, "{transactions} bytes; the budget is {TRANSACTION}");
}

/// While a state is frozen its shard stands still: so it may take references, and copy nothing.
#[test]
fn freezing_takes_a_reference_for_each_chunk_and_copies_nothing() {
    // Half of the transactions have left memory, and their fingerprints stand for them.
    let mut state = State::new(Memory { transactions: MANY as usize / 2, ..Memory::default() });
    for number in 0..4 {
        let range = number * MANY / 4..(number + 1) * MANY / 4;
        apply(&mut state, range.clone().map(account));
        apply(&mut state, range.clone().map(card));
        apply(&mut state, range.map(purchase));
        let frozen = measure(|| drop(std::hint::black_box(state.freeze())));
        assert!(
            frozen.bytes_total >= 3 * number * (MANY / 4 / 512) * CHUNK / 2,
            "the measure sees what grows"
        );
        // Cards, accounts, transactions and terminals: each chunk begun counts, and pages of fingerprints.
        let chunks = 3 * ((number + 1) * MANY / 4).div_ceil(512) + 8;
        println!("{} bytes in {} pieces to freeze {chunks} chunks", frozen.bytes_total, frozen.count_total);
        assert!(frozen.bytes_total <= chunks * CHUNK + BESIDE, "{frozen:?} for {chunks} chunks");
        assert_eq!(frozen.count_current, 0, "{frozen:?}");
    }
    // And what is changed meanwhile is copied then, one chunk at a time.
    let frozen = state.freeze();
    let changed = apply(&mut state, std::iter::once(purchase(MANY)));
    assert!(changed.bytes_total < 4 * 512 * 512, "{changed:?}");
    drop(frozen);
}

fn apply(state: &mut State, records: impl Iterator<Item = Record>) -> AllocationInfo {
    measure(|| {
        for record in records {
            state.apply(&record);
        }
    })
}

/// Bytes for one of [`MANY`], rounded up.
fn each(allocated: AllocationInfo) -> u64 {
    allocated.bytes_current.unsigned_abs().div_ceil(MANY)
}

fn account_id(number: u64) -> AccountId {
    AccountId::new(&format!("{number:012}")).unwrap()
}

fn pan(number: u64) -> Pan {
    Pan::with_check_digit(format!("400000{number:09}").as_bytes()).unwrap()
}

fn account(number: u64) -> Record {
    Record::AccountStored(Account {
        id: account_id(number),
        currency: Currency::parse("USD").unwrap(),
        kind: AccountKind::Cheque,
        opening_minor: 1_000_000,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    })
}

fn card(number: u64) -> Record {
    Record::CardStored(Card {
        pan: pan(number),
        expiry: Expiry::parse_yymm(b"3112").unwrap(),
        start: None,
        status: CardStatus::Active,
        card_sequence: Some(1),
        account: account_id(number),
        pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
        further: Box::default(),
    })
}

/// Of a thousand cards, at a hundred terminals.
fn purchase(number: u64) -> Record {
    let pan = pan(number % 1_000);
    let terminal = format!("TERM{:04}", number % 100);
    Record::Decided(Box::new(Transaction {
        id: TransactionId::new((number + 1) * 256).unwrap(),
        time: Time::from_unix_ms(1_795_700_000_000 + number as i64),
        business_day: CivilDay { year: 2026, month: 11, day: 26 },
        link: LinkName::new("pos").unwrap(),
        terminal: TerminalId::new(terminal.as_bytes()).unwrap(),
        merchant: MerchantId::new(b"CORNERSHOP"),
        mcc: 5_411,
        class: MessageClass::Financial,
        transaction: TransactionType::Purchase,
        pan,
        stan: Stan::new((number / 100) as u32).unwrap(),
        rrn: Some(Rrn::parse(format!("{number:012}").as_bytes()).unwrap()),
        transmission: TransmissionTime(1_126_143_015),
        amount_minor: 10,
        currency: 840,
        entry: EntryMode::Chip,
        code: ResponseCode::APPROVED,
        authorization_id: Some(*b"000001"),
        issuer_authentication: None,
        balance: None,
        account: Some(account_id(number % 1_000)),
        funds: Funds::Posted { minor: 10 },
        pin_tries_used: None,
        atc: None,
        cash: None,
        flags: 0,
        details: Details::default(),
        tables_version: 1,
        receipt: Receipt::default(),
    }))
}
