//! Records of a small institution, of every kind, from a seed.

use auth::{
    Account, AccountId, AccountKind, AccountRemoved, AddressResult, Booking, Card, CardAnswer, CardRemoved,
    CardStatus, Cash, Check, Completed, Count, Counted, Credited, CustomerId, Cvv2Result, Details, EntryMode,
    Funds, HoldExpired, HoldReleased, HolderVerification, LimitId, LinkName, MessageClass, Origin,
    PinReference, Receipt, Record, RememberedReversal, Remittance, RemittanceNumber, RemittanceOutcome,
    Reversed, RewardCode, Scope, SentRemittance, Step, TokenNumber, Told, Traces, Transaction, TransactionId,
    TransactionType, TransmissionTime, Verdict, Window,
};
use card::{Currency, Expiry, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time, UtcOffset};
use std::sync::OnceLock;
use store::DataKeys;

/// 2026-11-23 22:00 UTC: two hours before a day ends.
pub(crate) const START: i64 = 1_795_471_200_000;

/// A source of records.
pub(crate) struct Traffic {
    random: u64,
    counter: u64,
    now: i64,
    /// What still holds or has posted money.
    open: Vec<Open>,
}

#[derive(Clone)]
struct Open {
    id: TransactionId,
    pan: Pan,
    origin: Origin,
    cash: bool,
    expires: bool,
}

impl Traffic {
    pub(crate) fn new(seed: u64) -> Traffic {
        Traffic { random: seed, counter: 0, now: START, open: Vec::new() }
    }

    /// This many records, oldest first.
    pub(crate) fn records(&mut self, count: usize) -> Vec<Record> {
        (0..count).map(|_| self.record()).collect()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn record(&mut self) -> Record {
        self.now += self.below(60_000) as i64;
        let time = Time::from_unix_ms(self.now);
        let number = self.below(40);
        let pan = pan(number);
        match self.below(20) {
            0 => Record::CardStored(Card {
                pan,
                expiry: Expiry::parse_yymm(b"3012").unwrap(),
                start: None,
                status: CardStatus::ALL[self.below(7) as usize],
                card_sequence: Some(1),
                account: account(number),
                pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"4321" }),
                further: Box::default(),
            }),
            1 => Record::AccountStored(Account {
                id: account(number),
                currency: usd(),
                kind: AccountKind::Default,
                opening_minor: 5_000,
                credit_line_minor: 0,
                customer: None,
                home: None,
                customer_home: None,
            }),
            2 => Record::CardRemoved(CardRemoved { pan, time }),
            3 => Record::AccountRemoved(AccountRemoved { account: account(number), time }),
            4 => Record::ReversalRemembered(RememberedReversal {
                link: link(number),
                terminal: terminal(number),
                stan: Stan::new(number as u32).unwrap(),
                transmission: TransmissionTime(0),
                pan,
                time,
            }),
            5..=9 if !self.open.is_empty() => self.later(time),
            _ => self.decided(number, time),
        }
    }

    fn later(&mut self, time: Time) -> Record {
        let place = self.below(self.open.len() as u64) as usize;
        let Open { id, pan, origin, cash, expires } = self.open[place].clone();
        // Records of format 1 have no origin.
        let told = (self.below(2) == 0).then(|| origin.clone());
        let standing_minor = origin.standing_minor;
        if cash && !origin.posted {
            let dispensed_minor = match self.below(4) {
                0 => None,
                1 => Some(0),
                2 => Some(standing_minor / 2),
                _ => Some(standing_minor),
            };
            match dispensed_minor {
                None | Some(0) => drop(self.open.swap_remove(place)),
                Some(minor) => {
                    self.open[place].origin = Origin { standing_minor: minor, posted: true, ..origin };
                }
            }
            return Record::Completed(Completed {
                transaction: id,
                pan,
                time,
                dispensed_minor,
                origin: told,
                shares: None,
            });
        }
        if origin.posted && self.below(5) == 0 {
            // What the chip was told with the answer, which a repeat is told again.
            let issuer_authentication = Some([0xA1; 8].into_iter().collect());
            return Record::CardAnswered(CardAnswer { transaction: id, pan, time, issuer_authentication });
        }
        if origin.posted && self.below(4) == 0 {
            // The other side of a transfer, which leaves the transaction as it is.
            let (link, minor) = (origin.link, self.below(1_000) as i64 - 1_000);
            let account = account(self.below(7));
            return Record::Credited(Credited { transaction: id, pan, time, link, account, minor });
        }
        if origin.posted && self.below(3) == 0 {
            // The same of an account in another shard.
            return self.remittance(id, pan, time, &origin);
        }
        if expires && self.below(3) == 0 {
            self.open.swap_remove(place);
            let (by, kept_minor) = (TransactionId::new(1).unwrap(), standing_minor / 2);
            return Record::HoldReleased(HoldReleased {
                transaction: id,
                pan,
                time,
                by,
                kept_minor,
                origin: told,
            });
        }
        if expires && self.below(2) == 0 {
            self.open.swap_remove(place);
            return Record::HoldExpired(HoldExpired { transaction: id, pan, time, origin: told });
        }
        let remaining_minor = if self.below(2) == 0 { 0 } else { standing_minor / 2 };
        if remaining_minor == 0 {
            self.open.swap_remove(place);
        } else {
            self.open[place].origin.standing_minor = remaining_minor;
        }
        Record::Reversed(Reversed { transaction: id, pan, time, remaining_minor, origin: told, shares: None })
    }

    fn remittance(&mut self, transaction: TransactionId, pan: Pan, time: Time, origin: &Origin) -> Record {
        let remittance = Remittance {
            number: RemittanceNumber(transaction.number()),
            transaction,
            pan,
            time,
            link: origin.link,
            payer: origin.account,
            account: account(self.below(7)),
            currency: Currency::parse("EUR").unwrap(),
            minor: self.below(1_000) as i64 - 500,
            forced: false,
        };
        let outcome = |code| Box::new(RemittanceOutcome { remittance, time, code });
        match self.below(4) {
            0 => {
                let (remaining_minor, shares) = (0, None);
                let origin = Some(origin.clone());
                let reversal = Reversed { transaction, pan, time, remaining_minor, origin, shares };
                Record::RemittanceSent(Box::new(SentRemittance { remittance, reversal }))
            }
            1 => Record::RemittanceTaken(outcome(ResponseCode::APPROVED)),
            2 => Record::RemittanceTaken(outcome(ResponseCode::INSUFFICIENT_FUNDS)),
            _ => Record::RemittanceSettled(outcome(ResponseCode::APPROVED)),
        }
    }

    fn decided(&mut self, number: u64, time: Time) -> Record {
        self.counter += 1;
        // Two shards, whose counters are far apart.
        let shard = self.below(2);
        let id = TransactionId::new((self.counter + shard * 1_000) * 64 + shard).unwrap();
        let amount_minor = self.below(100_000) as i64 + 2;
        let kind = self.below(6);
        let (funds, code, transaction) = match kind {
            0 => (Funds::None, ResponseCode::INSUFFICIENT_FUNDS, TransactionType::Purchase),
            1 => (Funds::None, ResponseCode::WRONG_PIN, TransactionType::Withdrawal),
            2 => (Funds::None, ResponseCode::APPROVED, TransactionType::BalanceInquiry),
            3 => (
                Funds::Held { minor: amount_minor, expires: None },
                ResponseCode::APPROVED,
                TransactionType::Withdrawal,
            ),
            4 => {
                let expires = Some(Time::from_unix_ms(time.unix_ms + 1_000));
                (
                    Funds::Held { minor: amount_minor, expires },
                    ResponseCode::APPROVED,
                    TransactionType::Purchase,
                )
            }
            _ => (Funds::Posted { minor: amount_minor }, ResponseCode::APPROVED, TransactionType::Purchase),
        };
        let posted = matches!(funds, Funds::Posted { .. });
        let business_day = time.day(UtcOffset::default());
        let (link, pan) = (link(number), pan(number));
        let counted = if funds == Funds::None { Counted::default() } else { counted(number) };
        if funds != Funds::None {
            let origin = Origin {
                link,
                account: account(number),
                transaction,
                business_day,
                standing_minor: amount_minor,
                posted,
                time,
                terminal: terminal(number),
                merchant: merchant(number),
                customer: customer(number),
                counted: counted.clone(),
                shares: None,
                refunds: None,
                traces: Traces::default(),
            };
            self.open.push(Open { id, pan, origin, cash: kind == 3, expires: kind == 4 });
        }
        let failed =
            Check { step: Step::Funds, verdict: Verdict::Failed(code), seen: amount_minor, limit: 1 };
        let passed = Check { step: Step::Amount, verdict: Verdict::Passed, seen: amount_minor, limit: 0 };
        let skipped = Check { step: Step::Cvv, verdict: Verdict::Skipped, seen: 0, limit: 0 };
        let last = (!code.is_approval()).then_some(failed);
        let checks = [passed, skipped].into_iter().chain(last).collect();
        let rrn = format!("{:<12}", format!("R{:08}", self.counter));
        Record::Decided(Box::new(Transaction {
            id,
            time,
            business_day,
            link,
            terminal: terminal(number),
            merchant: merchant(number),
            mcc: 5411,
            class: if posted { MessageClass::Financial } else { MessageClass::Authorization },
            transaction,
            pan,
            stan: Stan::new((self.counter % 700) as u32).unwrap(),
            rrn: (kind != 1).then(|| Rrn::parse(rrn.as_bytes()).unwrap()),
            transmission: TransmissionTime(1_123_143_015),
            amount_minor,
            currency: 840,
            entry: EntryMode::Chip,
            code,
            authorization_id: code.is_approval().then_some(*b"000042"),
            issuer_authentication: None,
            balance: None,
            account: Some(account(number)),
            funds,
            pin_tries_used: (kind == 1).then_some(1),
            atc: Some(7),
            cash: (kind == 3).then_some(Cash { tsn: 1, notes: Some([1, 2, 0, 0]) }),
            flags: 1 << 63,
            details: Details {
                counted,
                customer: customer(number),
                booking: booking(number),
                verification: verification(number),
                told: told(number),
                token: number.is_multiple_of(4).then_some(TokenNumber(pan)),
                traces: traces(number),
                ..Details::default()
            },
            tables_version: 3,
            receipt: Receipt { checks },
        }))
    }
}

pub(crate) fn merchant(number: u64) -> Option<MerchantId> {
    number.is_multiple_of(2).then(|| MerchantId::new(b"CORNERSHOP00042").unwrap())
}

fn booking(number: u64) -> Option<Box<Booking>> {
    number.is_multiple_of(5).then(|| Box::new(Booking { cash_minor: 500, ..Booking::default() }))
}

fn told(number: u64) -> Told {
    Told {
        reward: number.is_multiple_of(6).then(|| RewardCode::parse("R1").unwrap()),
        address: number.is_multiple_of(3).then_some(AddressResult::PostalCode),
        cvv2: number.is_multiple_of(2).then_some(Cvv2Result::NoMatch),
    }
}

fn traces(number: u64) -> Traces {
    Traces { ip: number.is_multiple_of(3).then_some(number), ..Traces::default() }
}

fn verification(number: u64) -> Option<HolderVerification> {
    let place = usize::try_from(number % 7).unwrap();
    HolderVerification::ALL.get(place).copied()
}

fn customer(number: u64) -> Option<CustomerId> {
    number.is_multiple_of(3).then(|| CustomerId::new("CUSTOMER-3").unwrap())
}

fn counted(number: u64) -> Counted {
    let limit = if number == 1 { LimitId::of("evening") } else { LimitId::PURCHASES };
    let of_card = Count { scope: Scope::Card, limit, window: Window::DAY };
    Counted::new(&[of_card, Count { scope: Scope::Merchant, window: Window::MONTH, ..of_card }])
}

pub(crate) fn pan(number: u64) -> Pan {
    // Spread, so that no number is mostly zeros, which files are full of.
    let serial = (number + 1) * 7_654_321 % 1_000_000_000;
    Pan::with_check_digit(format!("400000{serial:09}").as_bytes()).unwrap()
}

/// The keys of every store here.
pub(crate) fn keys() -> DataKeys {
    static KEYS: OnceLock<DataKeys> = OnceLock::new();
    KEYS.get_or_init(|| DataKeys::in_memory().unwrap()).clone()
}

/// The keyed hash of a card number.
pub(crate) fn hash(pan: &Pan) -> [u8; 16] {
    keys().pan_lookup(pan)
}

pub(crate) fn account(number: u64) -> AccountId {
    AccountId::new(&format!("ACC{number:04}")).unwrap()
}

pub(crate) fn link(number: u64) -> LinkName {
    LinkName::new(if number.is_multiple_of(3) { "atm" } else { "pos" }).unwrap()
}

pub(crate) fn terminal(number: u64) -> TerminalId {
    TerminalId::new(format!("TERM{:04}", number % 5).as_bytes()).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}
