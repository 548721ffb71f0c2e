//! One value for each variant of a record, with every optional field filled at least once. What stands here is in the
//! fixtures: it is added to at the end, and never changed.

use auth::{
    Account, AccountId, AccountKind, AccountRemoved, AddressDigits, AddressResult, Alarm, Balance, Billed,
    Billing, BlockCause, Booking, Bound, Card, CardAnswer, CardBlocked, CardMode, CardRemoved, CardStatus,
    Cash, Check, CodeKey, Completed, ConfirmationAsked, ConfirmationTicket, ContactlessUse, Count, Counted,
    Credited, CustomerId, Cvv2Result, Details, EntryMode, FeeName, Funds, HoldExpired, HoldReleased, Holder,
    HolderFacts, HolderName, HolderVerification, HotListChanged, HotNotice, HotReason, HotSpan,
    IssuerAuthentication, IssuerScript, Kept, KeyedHash, Life, Lift, LimitChange, LimitChanged, LimitHolder,
    LimitId, LinkName, MessageClass, ModeChange, ModeChanged, ModeUse, ModeUsed, OneTimeCode, OrderKey,
    Origin, Override, OwnTransfer, PinReference, PinTriesCleared, PostalCode, Rate, Receipt, Record,
    RememberedReversal, Reversed, RewardCode, Role, Rounding, Scope, ScriptCommand, ScriptConfirmed,
    ScriptOutcome, ScriptQueued, ScriptSent, Settlement, Shares, StatementLine, Step, StoredTransaction,
    Token, TokenNumber, TokenRemoved, TokenStatus, Told, Traces, Transaction, TransactionId,
    TransactionStatus, TransactionType, TransferCause, TransmissionTime, Tries, Unconfirmed, Verdict, Window,
};
use card::{
    CivilDay, Currency, Expiry, HolderSecret, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time,
};
use std::num::NonZeroU64;
use std::time::Duration;

/// In an order in which a state can apply them.
pub(super) fn records() -> Vec<Record> {
    let mut records = vec![
        Record::AccountStored(main_account()),
        Record::AccountStored(Account { id: account("SAVED"), kind: AccountKind::Savings, ..bare_account() }),
        Record::AccountStored(Account { id: account("CREDIT"), kind: AccountKind::Credit, ..bare_account() }),
        Record::AccountStored(Account { id: account("GONE"), opening_minor: 0, ..bare_account() }),
        Record::CardStored(full_card()),
    ];
    // A card for each status, and for each mode.
    for (number, status) in (2..).zip(CardStatus::ALL) {
        records.push(Record::CardStored(Card { pan: pan(number), status, ..bare_card() }));
    }
    let modes = modes().into_iter().zip((1..=8).cycle()).map(|(change, number)| {
        Record::ModeChanged(Box::new(ModeChanged { pan: pan(number), change, time: time(number.into()) }))
    });
    records.extend(modes);
    records.extend(holders_and_limits());
    records.push(Record::Decided(Box::new(full_transaction())));
    records.extend(decisions());
    records.extend(later_changes());
    records.extend(uses_of_modes());
    records.extend(scripts());
    records.extend(lists());
    records.extend(removals());
    records.extend(super::remittances::records());
    records
}

fn main_account() -> Account {
    Account {
        id: account("MAIN"),
        currency: usd(),
        kind: AccountKind::Cheque,
        opening_minor: -1_234_567,
        credit_line_minor: 9_000_000_000,
        customer: CustomerId::new("C-1"),
        home: Some(Box::new(account("HOME"))),
        customer_home: NonZeroU64::new(77),
    }
}

fn bare_account() -> Account {
    Account {
        id: account("BARE"),
        currency: usd(),
        kind: AccountKind::Default,
        opening_minor: 500_000,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    }
}

fn full_card() -> Card {
    Card {
        pan: pan(1),
        expiry: Expiry::parse_yymm(b"3112").unwrap(),
        start: Some(Expiry::parse_yymm(b"2601").unwrap()),
        status: CardStatus::Active,
        card_sequence: Some(1),
        account: account("MAIN"),
        pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
        further: [account("SAVED"), account("CREDIT")].into(),
    }
}

fn bare_card() -> Card {
    Card {
        pan: pan(2),
        expiry: Expiry::parse_yymm(b"3011").unwrap(),
        start: None,
        status: CardStatus::Active,
        card_sequence: None,
        account: account("SAVED"),
        pin: Some(PinReference::IbmOffset { offset: *b"1234FFFFFFFF" }),
        further: Box::default(),
    }
}

fn modes() -> Vec<ModeChange> {
    let source = account("CREDIT");
    let lift = Lift { most_minor: Some(70_000), until: time(9_000) };
    vec![
        ModeChange::Set(CardMode::SingleLimit { most_minor: 5_000, lift: Some(lift) }),
        ModeChange::Set(CardMode::Locked { open_until: Some(time(9_001)) }),
        ModeChange::Set(CardMode::Empty { source, open_until: Some(time(9_002)) }),
        ModeChange::Set(CardMode::Kept(Kept {
            source,
            minimum_minor: 1,
            maximum_minor: 2_000,
            automatic: true,
        })),
        ModeChange::Set(CardMode::SingleLimit { most_minor: 6_000, lift: Some(lift) }),
        ModeChange::Set(CardMode::OneTimeCode {
            code: Some(OneTimeCode { hash: hash(), until: time(9_003), wrong: 2 }),
        }),
        ModeChange::Set(CardMode::Confirm { password: Some(hash()) }),
        ModeChange::Set(CardMode::Locked { open_until: None }),
        ModeChange::Lift(lift),
        ModeChange::Open { until: time(9_004) },
        ModeChange::Open { until: time(9_005) },
        ModeChange::End,
        ModeChange::Set(CardMode::Standard),
        ModeChange::Code { hash: hash(), until: time(9_006) },
    ]
}

fn holders_and_limits() -> Vec<Record> {
    let bound = |amount_minor, count| Bound { amount_minor, count };
    let once = Override { bound: bound(Some(900_000), Some(30)), until: time(8_000), once: true };
    let changed = |holder, change| {
        Record::LimitChanged(LimitChanged { holder, limit: LimitId(7), change, time: time(7_000) })
    };
    let holders = [
        LimitHolder::Card(pan(1)),
        LimitHolder::Account(account("MAIN")),
        LimitHolder::Customer(CustomerId::new("C-1").unwrap()),
    ];
    let mut records = vec![Record::HolderStored(Box::new(Holder {
        pan: pan(1),
        facts: HolderFacts {
            name: HolderName::read("MUSTER/ERIKA"),
            address: AddressDigits::read("Flat 3, 12 High St"),
            postal_code: PostalCode::read("SW1A 1AA"),
            order_key: OrderKey::new("U0123456789ABCDEF0123456789ABCDEF"),
        },
    }))];
    for holder in holders {
        records.push(changed(holder, LimitChange::Own(bound(Some(100), Some(3)))));
        records.push(changed(holder, LimitChange::Override(Some(once))));
    }
    records.push(Record::LimitChanged(LimitChanged {
        holder: holders[0],
        limit: LimitId(8),
        change: LimitChange::Override(None),
        time: time(7_001),
    }));
    records
}

fn full_transaction() -> Transaction {
    Transaction {
        id: TransactionId::new(1 << 40 | 128).unwrap(),
        time: time(10),
        business_day: day(26),
        link: link(),
        terminal: terminal(),
        merchant: merchant(),
        mcc: 5_411,
        class: MessageClass::Financial,
        transaction: TransactionType::Purchase,
        pan: pan(1),
        stan: Stan::new(777).unwrap(),
        rrn: rrn(),
        transmission: TransmissionTime(1_126_143_015),
        amount_minor: 12_345,
        currency: 978,
        entry: EntryMode::Chip,
        code: ResponseCode::APPROVED,
        authorization_id: Some(*b"000002"),
        issuer_authentication: Some(authentication()),
        balance: Some(balance()),
        account: Some(account("MAIN")),
        funds: Funds::Held { minor: 13_000, expires: Some(time(1_000_000)) },
        pin_tries_used: Some(2),
        atc: Some(300),
        cash: Some(Cash { tsn: 4_321, notes: Some([1, 2, 3, 4]) }),
        flags: u64::MAX - 5,
        details: Details {
            counted: counted(),
            customer: CustomerId::new("C-1"),
            billing: Some(Box::new(billing())),
            booking: Some(Box::new(Booking { counted_at: None, ..booking() })),
            told: told(),
            token: Some(token_number(1)),
            wrong_cvv2s: Some(2),
            traces: traces(),
            verification: Some(HolderVerification::Device),
            contactless: Some(ContactlessUse::Counts(4_990)),
            new_pin: Some(PinReference::Pvv { pvki: 2, pvv: *b"5678" }),
        },
        tables_version: 5,
        receipt: receipt(),
    }
}

fn bare_transaction(number: u64) -> Transaction {
    Transaction {
        id: TransactionId::new(number).unwrap(),
        time: time(number as i64),
        business_day: day(27),
        link: link(),
        terminal: terminal(),
        merchant: None,
        mcc: 6_011,
        class: MessageClass::Authorization,
        transaction: TransactionType::BalanceInquiry,
        pan: pan(2),
        stan: Stan::new(number as u32).unwrap(),
        rrn: None,
        transmission: TransmissionTime(1_126_143_016),
        amount_minor: 0,
        currency: 840,
        entry: EntryMode::Stripe,
        code: ResponseCode::DO_NOT_HONOUR,
        authorization_id: None,
        issuer_authentication: None,
        balance: None,
        account: None,
        funds: Funds::None,
        pin_tries_used: None,
        atc: None,
        cash: None,
        flags: 0,
        details: Details::default(),
        tables_version: 1,
        receipt: Receipt::default(),
    }
}

/// Each type of transaction, entry, class, verification and answer about an address.
fn decisions() -> Vec<Record> {
    use TransactionType as Type;
    let types = [
        Type::Purchase,
        Type::Withdrawal,
        Type::BalanceInquiry,
        Type::Unsupported,
        Type::Cashback,
        Type::CashAdvance,
        Type::Refund,
        Type::Deposit,
        Type::Payment,
        Type::Verification,
        Type::Transfer,
        Type::MiniStatement,
        Type::PinChange,
        Type::PinUnblock,
    ];
    let entries = [
        EntryMode::Chip,
        EntryMode::Contactless,
        EntryMode::Stripe,
        EntryMode::Fallback,
        EntryMode::Manual,
        EntryMode::ContactlessStripe,
        EntryMode::Ecommerce,
        EntryMode::CredentialOnFile,
        EntryMode::Recurring,
        EntryMode::Unknown,
    ];
    let classes = [
        MessageClass::Authorization,
        MessageClass::Financial,
        MessageClass::Advice,
        MessageClass::AuthorizationAdvice,
    ];
    let verifications = [
        HolderVerification::OnlinePin,
        HolderVerification::OfflinePin,
        HolderVerification::Device,
        HolderVerification::Signature,
        HolderVerification::None,
        HolderVerification::Unknown,
    ];
    let addresses = [
        AddressResult::Both,
        AddressResult::Address,
        AddressResult::PostalCode,
        AddressResult::Neither,
        AddressResult::Unavailable,
    ];
    let cvv2s = [Cvv2Result::Match, Cvv2Result::NoMatch, Cvv2Result::NotProcessed];
    let varied = types
        .into_iter()
        .zip(entries.into_iter().cycle())
        .zip(classes.into_iter().cycle())
        .zip(verifications.into_iter().cycle())
        .zip(addresses.into_iter().cycle())
        .zip(cvv2s.into_iter().cycle())
        .zip(20..);
    let mut records: Vec<Record> = varied
        .map(|((((((transaction, entry), class), verification), address), cvv2), number)| {
            let told = Told { reward: None, address: Some(address), cvv2: Some(cvv2) };
            let details = Details {
                verification: Some(verification),
                contactless: Some(ContactlessUse::Resets),
                told,
                ..Details::default()
            };
            let made = Transaction { transaction, entry, class, details, ..bare_transaction(number) };
            Record::Decided(Box::new(made))
        })
        .collect();
    // Money that is posted, and held without an end.
    let moved = |number, funds| Transaction {
        code: ResponseCode::APPROVED,
        account: Some(account("SAVED")),
        transaction: TransactionType::Withdrawal,
        amount_minor: 100,
        funds,
        ..bare_transaction(number)
    };
    records.push(Record::Decided(Box::new(moved(40, Funds::Posted { minor: -100 }))));
    records.push(Record::Decided(Box::new(moved(41, Funds::Held { minor: 100, expires: None }))));
    // What counted elsewhere, and the counter of a card.
    records.push(Record::Decided(Box::new(Transaction {
        pan: pan(1),
        atc: Some(299),
        details: Details { booking: Some(Box::new(booking())), ..Details::default() },
        ..moved(42, Funds::None)
    })));
    records
}

fn later_changes() -> Vec<Record> {
    let shares = Some(shares());
    let told = |number: u64| (TransactionId::new(number).unwrap(), pan(2), time(3_000 + number as i64));
    let (transaction, pan, time) = told(900);
    let mut records = vec![
        Record::Recalled(Box::new(stored(800, TransactionStatus::PartlyReversed, Role::Completion))),
        Record::Reversed(Reversed {
            transaction,
            pan,
            time,
            remaining_minor: 20,
            origin: Some(Origin { shares: None, refunds: None, ..origin() }),
            shares: None,
        }),
        Record::Reversed(Reversed {
            transaction,
            pan,
            time,
            remaining_minor: -20,
            origin: Some(origin()),
            shares,
        }),
        Record::ReversalRemembered(RememberedReversal {
            link: link(),
            terminal: terminal(),
            stan: Stan::new(999_999).unwrap(),
            transmission: TransmissionTime(1_231_235_959),
            pan,
            time,
        }),
        Record::Completed(Completed {
            transaction,
            pan,
            time,
            dispensed_minor: Some(60),
            origin: Some(origin()),
            shares,
        }),
        Record::Completed(Completed {
            transaction,
            pan,
            time,
            dispensed_minor: None,
            origin: Some(origin()),
            shares: None,
        }),
        Record::HoldExpired(HoldExpired {
            transaction,
            pan,
            time,
            origin: Some(Origin { posted: false, ..origin() }),
        }),
        Record::HoldReleased(HoldReleased {
            transaction,
            pan,
            time,
            by: told(901).0,
            kept_minor: 0,
            origin: Some(Origin { posted: false, ..origin() }),
        }),
        Record::Credited(Credited {
            transaction,
            pan,
            time,
            link: link(),
            account: account("CREDIT"),
            minor: -5,
        }),
        Record::CardAnswered(CardAnswer {
            transaction,
            pan,
            time,
            issuer_authentication: Some(authentication()),
        }),
        Record::PinTriesCleared(PinTriesCleared { pan, time }),
    ];
    let statuses = [
        (TransactionStatus::Declined, Role::Own),
        (TransactionStatus::Approved, Role::Increment),
        (TransactionStatus::Reversed, Role::Completion),
        (TransactionStatus::Completed, Role::Refund),
        (TransactionStatus::Suspect, Role::Own),
        (TransactionStatus::Expired, Role::Own),
    ];
    let recalled = statuses
        .into_iter()
        .zip(801..)
        .map(|((status, role), number)| Record::Recalled(Box::new(stored(number, status, role))));
    records.extend(recalled);
    records
}

fn stored(number: u64, status: TransactionStatus, role: Role) -> StoredTransaction {
    StoredTransaction {
        id: TransactionId::new(number).unwrap(),
        time: time(number as i64),
        business_day: day(25),
        link: link(),
        terminal: terminal(),
        merchant: merchant(),
        class: MessageClass::Financial,
        transaction: TransactionType::Purchase,
        pan: pan(3),
        stan: Stan::new(number as u32).unwrap(),
        rrn: rrn(),
        transmission: TransmissionTime(1_125_143_015),
        amount_minor: 300,
        currency: 978,
        code: ResponseCode::APPROVED,
        authorization_id: Some(*b"000800"),
        issuer_authentication: Some(authentication()),
        balance: Some(balance()),
        account: Some(account("SAVED")),
        funds: Funds::Held { minor: 300, expires: Some(time(2_000_000)) },
        cash: Some(Cash { tsn: 1, notes: Some([0, 1, 0, 2]) }),
        status,
        standing_minor: 250,
        reported: true,
        customer: CustomerId::new("C-1"),
        counted: counted(),
        booking: Some(Box::new(Booking { role, ..booking() })),
        life: Some(Box::new(Life {
            increments: vec![TransactionId::new(3).unwrap(), TransactionId::new(4).unwrap()],
            completed_by: TransactionId::new(5),
            refunded_minor: 6,
        })),
        billed: Some(Box::new(Billed { billing: billing(), shares: shares() })),
        told: told(),
        traces: Some(Box::new(traces())),
        script: Some(Box::new(template())),
    }
}

fn uses_of_modes() -> Vec<Record> {
    let tries = Tries { since: time(4_000), count: 300 };
    let uses = [
        ModeUse::Unlocked,
        ModeUse::Filled,
        ModeUse::ToppedUp(1_000),
        ModeUse::BelowMinimum,
        ModeUse::Lifted,
        ModeUse::CodeRight,
        ModeUse::Confirmed,
        ModeUse::Refused(tries),
        ModeUse::OverLimit,
        ModeUse::CodeMissing,
        ModeUse::CodeWrong { wrong: 2, void: true },
        ModeUse::NotConfirmed(Unconfirmed::Late),
        ModeUse::NotConfirmed(Unconfirmed::Cancelled),
        ModeUse::NotConfirmed(Unconfirmed::Blocked),
        ModeUse::NotConfirmed(Unconfirmed::Password),
        ModeUse::NotConfirmed(Unconfirmed::Busy),
    ];
    // Of a card whose mode no use changes but for its tries.
    let used = uses.into_iter().zip(4_100..).map(|(used, number)| {
        let transaction = TransactionId::new(number).unwrap();
        Record::ModeUsed(ModeUsed { pan: pan(4), time: time(number as i64), transaction, used })
    });
    let mut records: Vec<Record> = used.collect();
    let transfers = [(TransferCause::TopUp, 10), (TransferCause::Sweep, 20)];
    records.extend(transfers.map(|(cause, minor)| {
        let (from, to) = (account("CREDIT"), account("SAVED"));
        Record::OwnTransfer(OwnTransfer { pan: pan(4), time: time(4_200), from, to, minor, cause })
    }));
    records.push(Record::ConfirmationAsked(Box::new(ConfirmationAsked {
        ticket: ConfirmationTicket(u64::MAX),
        pan: pan(7),
        time: time(4_300),
        deadline: time(4_330),
        link: link(),
        terminal: terminal(),
        merchant: merchant(),
        mcc: 5_999,
        transaction: TransactionType::Cashback,
        stan: Stan::new(4_300).unwrap(),
        rrn: rrn(),
        amount_minor: 99,
        currency: 392,
    })));
    records.push(Record::Alarm(Alarm { pan: pan(3), time: time(4_400), tries, empty: true }));
    records.extend([BlockCause::Alarm, BlockCause::Holder].map(|cause| {
        let status = CardStatus::Restricted;
        Record::CardBlocked(CardBlocked { pan: pan(3), time: time(4_500), status, cause, reissue: true })
    }));
    records
}

fn scripts() -> Vec<Record> {
    let commands = [
        ScriptCommand::BlockApplication,
        ScriptCommand::UnblockApplication,
        ScriptCommand::BlockCard,
        ScriptCommand::UnblockPin,
        ScriptCommand::PutData { tag: 0x9f58, value: (&[1, 2, 3][..]).try_into().unwrap() },
        ScriptCommand::Command { header: [0x84, 0x24, 0, 2], data: (&[9; 24][..]).try_into().unwrap() },
    ];
    let mut records = Vec::new();
    for (command, number) in commands.into_iter().zip(1..) {
        let queued = ScriptQueued { pan: pan(1), time: time(5_000), number, command };
        records.push(Record::ScriptQueued(queued));
    }
    for number in 1..=5 {
        records.push(Record::ScriptSent(Box::new(ScriptSent {
            pan: pan(1),
            time: time(5_001),
            number,
            transaction: TransactionId::new(40).unwrap(),
            atc: 301,
            template: template(),
        })));
    }
    let outcomes =
        [ScriptOutcome::Done, ScriptOutcome::Refused, ScriptOutcome::GivenUp, ScriptOutcome::Cancelled];
    records.extend(outcomes.into_iter().zip(1..).map(|(outcome, number)| {
        Record::ScriptConfirmed(ScriptConfirmed { pan: pan(1), time: time(5_002), number, outcome })
    }));
    records
}

fn lists() -> Vec<Record> {
    let reasons = [
        HotReason::Lost,
        HotReason::Stolen,
        HotReason::NotReceived,
        HotReason::Counterfeit,
        HotReason::Fraud,
        HotReason::Restricted,
        HotReason::Other,
    ];
    let mut records: Vec<Record> = reasons
        .into_iter()
        .zip(100..)
        .map(|(reason, number)| {
            let notice = HotNotice {
                reason,
                code: ResponseCode::LOST,
                reward: RewardCode::parse("R123"),
                until: Some(day(30)),
            };
            let span = HotSpan::one(pan(number));
            Record::HotListChanged(HotListChanged { span, notice: Some(notice), time: time(6_000) })
        })
        .collect();
    let notice =
        HotNotice { reason: HotReason::Other, code: ResponseCode::DO_NOT_HONOUR, reward: None, until: None };
    let span = HotSpan::range(pan(200), pan(299)).unwrap();
    records.push(Record::HotListChanged(HotListChanged { span, notice: Some(notice), time: time(6_001) }));
    let span = HotSpan::one(pan(100));
    records.push(Record::HotListChanged(HotListChanged { span, notice: None, time: time(6_002) }));
    let token = |number, status| Token {
        number: token_number(number),
        card: pan(1),
        expiry: Expiry::parse_yymm(b"2910").unwrap(),
        status,
    };
    records.push(Record::TokenStored(token(1, TokenStatus::Active)));
    records.push(Record::TokenStored(token(2, TokenStatus::Suspended)));
    // A second transaction, so that the token has a counter.
    records.push(Record::Decided(Box::new(Transaction {
        atc: Some(7),
        details: Details { token: Some(token_number(1)), ..Details::default() },
        pan: pan(1),
        ..bare_transaction(6_003)
    })));
    records
}

fn removals() -> Vec<Record> {
    vec![
        Record::TokenRemoved(TokenRemoved { number: token_number(2), card: pan(1), time: time(6_100) }),
        Record::CardRemoved(CardRemoved { pan: pan(8), time: time(6_101) }),
        Record::AccountRemoved(AccountRemoved { account: account("GONE"), time: time(6_102) }),
    ]
}

pub(super) fn origin() -> Origin {
    Origin {
        link: link(),
        account: account("SAVED"),
        transaction: TransactionType::Purchase,
        business_day: day(20),
        standing_minor: 80,
        posted: true,
        time: time(-1),
        terminal: terminal(),
        merchant: merchant(),
        customer: CustomerId::new("C-1"),
        counted: counted(),
        shares: Some(shares()),
        refunds: TransactionId::new(12),
        traces: traces(),
    }
}

/// Each scope, and each kind of window.
fn counted() -> Counted {
    let windows = [
        Window::DAY,
        Window::WEEK,
        Window::MONTH,
        Window::YEAR,
        Window::sliding(Duration::from_mins(90)).unwrap(),
    ];
    let counts: Vec<Count> = Scope::ALL
        .into_iter()
        .zip(windows.into_iter().cycle())
        .map(|(scope, window)| Count { scope, limit: LimitId(7), window })
        .collect();
    Counted::new(&counts)
}

fn billing() -> Billing {
    Billing {
        currency: usd(),
        amount_minor: 12_900,
        rate: Rate::new(104_496, 5),
        rounding: Rounding::Up,
        by_network: true,
        surcharge_minor: 50,
        charge: Some(auth::Charge {
            fee: FeeName::new("abroad").unwrap(),
            minor: 100,
            partial: auth::PartialFee::Shared,
        }),
        settlement: Settlement {
            currency: Currency::parse("EUR").unwrap(),
            minor: 12_345,
            rate: Rate::new(9, 1),
        },
    }
}

pub(super) fn shares() -> Shares {
    Shares {
        amount_minor: 70,
        fee_minor: 10,
        settlement_minor: 65,
        settlement_currency: Currency::parse("EUR").unwrap(),
    }
}

fn booking() -> Booking {
    Booking {
        role: Role::Own,
        original: TransactionId::new(2),
        to: Some(account("CREDIT")),
        cash_minor: 500,
        approved_minor: Some(12_000),
        counted_at: Some((day(24), time(2))),
        statement: vec![StatementLine {
            day: day(23),
            transaction: TransactionType::Deposit,
            change_minor: -3,
            held: true,
        }],
    }
}

/// The steps that there were when the fixture was made; later ones come at the end.
const STEPS: usize = 58;

fn receipt() -> Receipt {
    let verdicts =
        [Verdict::Passed, Verdict::Failed(ResponseCode::EXPIRED), Verdict::Skipped, Verdict::Noted];
    let numbers = [(0, 0), (-1, 255), (1 << 40, -(1 << 20)), (i64::MIN, i64::MAX)];
    let checks = Step::ALL[..STEPS].iter().zip(verdicts.into_iter().cycle()).zip(numbers.into_iter().cycle());
    Receipt {
        checks: checks
            .map(|((step, verdict), (seen, limit))| Check { step: *step, verdict, seen, limit })
            .collect(),
    }
}

fn told() -> Told {
    Told {
        reward: RewardCode::parse("R1"),
        address: Some(AddressResult::PostalCode),
        cvv2: Some(Cvv2Result::NoMatch),
    }
}

fn traces() -> Traces {
    Traces { ip: Some(u64::MAX), email: Some(1), address: Some(0) }
}

fn balance() -> Balance {
    Balance { ledger_minor: -7, available_minor: 1 << 40, currency: usd() }
}

fn hash() -> KeyedHash {
    let secret = HolderSecret::parse(b"123456").unwrap();
    KeyedHash::new(&CodeKey::new(&[1; 32]), &pan(1), [7; 16], &secret)
}

fn authentication() -> IssuerAuthentication {
    IssuerAuthentication::try_from(&b"12345678ab"[..]).unwrap()
}

fn template() -> IssuerScript {
    IssuerScript::try_from(&[0x72, 3, 0x9f, 0x18, 0][..]).unwrap()
}

/// Test card `number`.
fn pan(number: u32) -> Pan {
    Pan::with_check_digit(format!("400000{number:09}").as_bytes()).unwrap()
}

fn token_number(number: u32) -> TokenNumber {
    TokenNumber(Pan::with_check_digit(format!("489900{number:09}").as_bytes()).unwrap())
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn link() -> LinkName {
    LinkName::new("pos").unwrap()
}

fn terminal() -> TerminalId {
    TerminalId::new(b"TERM0001").unwrap()
}

fn merchant() -> Option<MerchantId> {
    MerchantId::new(b"SHOP")
}

fn rrn() -> Option<Rrn> {
    Some(Rrn::parse(b"123456789012").unwrap())
}

fn day(day: u8) -> CivilDay {
    CivilDay { year: 2026, month: 11, day }
}

/// So many seconds after a moment of 2026.
fn time(seconds: i64) -> Time {
    Time::from_unix_ms(1_795_700_000_000 + seconds * 1_000 + 1)
}
