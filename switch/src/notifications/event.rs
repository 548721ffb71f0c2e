use super::event_kind::EventKind;
use super::mode_part;
use auth::{Funds, Origin, Record, Role, Transaction};
use card::{CivilDay, Currency, Pan, Time};
use serde::Serialize;
use store::{DataKeys, Sequence, Stream};

/// Something that happened, as a receiver gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it tells.
    pub kind: EventKind,
    /// When it happened; `None` for a card that was put on file.
    pub time: Option<Time>,
    /// Equal for events of one card: the first half of its keyed hash.
    pub card: u64,
    /// The event as JSON. The card number in it is masked.
    pub json: Vec<u8>,
}

/// Makes events of records.
pub struct Events {
    keys: DataKeys,
    currency_of: CurrencyOf,
    wanted: Vec<EventKind>,
}

/// The currency of the account behind a card, as far as its product is configured.
type CurrencyOf = Box<dyn Fn(&Pan) -> Option<Currency> + Send + Sync>;

impl Events {
    /// Of these kinds. `currency_of` gives the currency of the account behind a card, as far as it is known.
    #[must_use]
    pub fn new(
        keys: DataKeys,
        currency_of: impl Fn(&Pan) -> Option<Currency> + Send + Sync + 'static,
        wanted: Vec<EventKind>,
    ) -> Events {
        Events { keys, currency_of: Box::new(currency_of), wanted }
    }

    /// The event of a record; `None` when it tells nothing that is wanted. The same record at the same place
    /// gives the same event.
    #[must_use]
    pub fn of(&self, stream: Stream, sequence: Sequence, record: &Record) -> Option<Event> {
        let kind = kind(record).filter(|kind| self.wanted.contains(kind))?;
        let pan = record.pan()?;
        let hash = self.keys.pan_lookup(&pan);
        let event = Framed {
            id: format!("{}-{}", stream.0, sequence.0),
            event: kind,
            time: record.time().map(|time| time.to_string()),
            card: CardPart { pan: pan.to_string(), hash: hex::encode(hash), ..self.card(record) },
            transaction: self.transaction(&pan, record),
            of_mode: mode_part::of(record, (self.currency_of)(&pan)),
        };
        let json = serde_json::to_vec(&event).expect("text and numbers are JSON");
        let card = u64::from_be_bytes(*hash.first_chunk().expect("the hash has 16 bytes"));
        Some(Event { kind, time: record.time(), card, json })
    }

    fn card<'a>(&self, record: &'a Record) -> CardPart<'a> {
        match record {
            Record::CardStored(card) => CardPart {
                status: Some(card.status.as_str()),
                account: Some(card.account.as_str()),
                ..CardPart::default()
            },
            Record::CardRemoved(_) => CardPart { status: Some("removed"), ..CardPart::default() },
            Record::CardBlocked(blocked) => {
                CardPart { status: Some(blocked.status.as_str()), ..CardPart::default() }
            }
            _ => CardPart::default(),
        }
    }

    fn transaction<'a>(&self, pan: &Pan, record: &'a Record) -> Option<TransactionPart<'a>> {
        match record {
            Record::Decided(transaction) => Some(TransactionPart::Decided(self.decided(transaction))),
            Record::Reversed(reversed) => {
                let change = self.change(pan, reversed.transaction.number(), reversed.origin.as_ref());
                let returned =
                    change.standing_minor.map(|standing| standing.saturating_sub(reversed.remaining_minor));
                Some(TransactionPart::Changed(Box::new(Changed {
                    reversed: returned.and_then(|minor| change.amount(minor)),
                    remaining: change.amount(reversed.remaining_minor),
                    ..change.base
                })))
            }
            Record::Completed(completed) => {
                let change = self.change(pan, completed.transaction.number(), completed.origin.as_ref());
                Some(TransactionPart::Changed(Box::new(Changed {
                    dispensed: completed.dispensed_minor.and_then(|minor| change.amount(minor)),
                    suspect: completed.dispensed_minor.is_none().then_some(true),
                    ..change.base
                })))
            }
            Record::HoldExpired(expired) => {
                let change = self.change(pan, expired.transaction.number(), expired.origin.as_ref());
                Some(TransactionPart::Changed(Box::new(Changed {
                    released: change.standing_minor.and_then(|minor| change.amount(minor)),
                    ..change.base
                })))
            }
            _ => None,
        }
    }

    fn decided<'a>(&self, transaction: &'a Transaction) -> Box<Decided<'a>> {
        let currency = Currency::from_numeric(transaction.currency).ok();
        let billing = transaction.details.billing.as_deref();
        let booking = transaction.details.booking.as_deref();
        Box::new(Decided {
            id: transaction.id.number(),
            link: transaction.link.as_str(),
            kind: transaction.transaction.as_str(),
            business_day: day(transaction.business_day),
            account: transaction.account.as_ref().map(auth::AccountId::as_str),
            terminal: transaction.terminal.as_str(),
            merchant: transaction.merchant.as_ref().map(card::MerchantId::as_str),
            mcc: (transaction.mcc != 0).then(|| format!("{:04}", transaction.mcc)),
            entry_mode: transaction.entry.as_str(),
            stan: transaction.stan.to_string(),
            rrn: transaction.rrn.map(|rrn| rrn.to_string()),
            amount: AmountPart {
                minor: transaction.amount_minor,
                currency: currency
                    .map_or_else(|| format!("{:03}", transaction.currency), |known| known.code().to_owned()),
                exponent: currency.map(Currency::exponent),
            },
            approved: booking.and_then(|booking| Some(AmountPart::of(booking.approved_minor?, currency?))),
            about: booking
                .and_then(|booking| Some(AboutPart { id: booking.original?.number(), role: booking.role })),
            billing: billing.map(|billing| AmountPart::of(billing.amount_minor, billing.currency)),
            fee: billing.and_then(|billing| {
                let charge = billing.charge.as_ref()?;
                Some(AmountPart::of(charge.minor, billing.currency))
            }),
            held: matches!(transaction.funds, Funds::Held { .. }),
            code: transaction.code.as_str().to_owned(),
            meaning: transaction.code.meaning(),
            token: transaction.details.token.map(|token| token.0.to_string()),
            reward: transaction.details.told.reward.map(|reward| reward.to_string()),
            authorization_id: transaction
                .authorization_id
                .map(|id| String::from_utf8_lossy(&id).into_owned()),
        })
    }

    /// What a later record knows of its transaction. Its amounts are in the currency of the account, which the
    /// card's product names.
    fn change<'a>(&self, pan: &Pan, id: u64, origin: Option<&'a Origin>) -> Change<'a> {
        let base = Changed {
            id,
            link: origin.map(|origin| origin.link.as_str()),
            kind: origin.map(|origin| origin.transaction.as_str()),
            business_day: origin.map(|origin| day(origin.business_day)),
            account: origin.map(|origin| origin.account.as_str()),
            ..Changed::default()
        };
        Change {
            base,
            currency: (self.currency_of)(pan),
            standing_minor: origin.map(|origin| origin.standing_minor),
        }
    }
}

fn kind(record: &Record) -> Option<EventKind> {
    match record {
        Record::Decided(transaction) if transaction.code.is_approval() => Some(EventKind::Approved),
        Record::Decided(_) => Some(EventKind::Declined),
        Record::Reversed(_) => Some(EventKind::Reversed),
        Record::Completed(_) => Some(EventKind::Completed),
        Record::HoldExpired(_) => Some(EventKind::HoldExpired),
        Record::CardStored(_) | Record::CardRemoved(_) => Some(EventKind::CardChanged),
        Record::ModeChanged(_) => Some(EventKind::ModeChanged),
        Record::ModeUsed(_) => Some(EventKind::ModeUsed),
        Record::OwnTransfer(_) => Some(EventKind::OwnTransfer),
        Record::ConfirmationAsked(_) => Some(EventKind::ConfirmRequested),
        Record::Alarm(_) => Some(EventKind::Alarm),
        Record::CardBlocked(_) => Some(EventKind::CardBlocked),
        // A new record is no event until somebody says which.
        _ => None,
    }
}

fn day(day: CivilDay) -> String {
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

struct Change<'a> {
    base: Changed<'a>,
    currency: Option<Currency>,
    standing_minor: Option<i64>,
}

impl Change<'_> {
    fn amount(&self, minor: i64) -> Option<AmountPart> {
        Some(AmountPart::of(minor, self.currency?))
    }
}

// The JSON, as `docs/notifications.md` describes it.

#[derive(Serialize)]
struct Framed<'a> {
    id: String,
    event: EventKind,
    time: Option<String>,
    card: CardPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<TransactionPart<'a>>,
    #[serde(flatten)]
    of_mode: serde_json::Map<String, serde_json::Value>,
}

#[derive(Default, Serialize)]
struct CardPart<'a> {
    pan: String,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TransactionPart<'a> {
    Decided(Box<Decided<'a>>),
    Changed(Box<Changed<'a>>),
}

#[derive(Serialize)]
struct Decided<'a> {
    id: u64,
    link: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    business_day: String,
    account: Option<&'a str>,
    terminal: &'a str,
    merchant: Option<&'a str>,
    mcc: Option<String>,
    entry_mode: &'static str,
    stan: String,
    rrn: Option<String>,
    amount: AmountPart,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<AmountPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<AboutPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing: Option<AmountPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<AmountPart>,
    held: bool,
    code: String,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    authorization_id: Option<String>,
}

/// The earlier transaction that one is about.
#[derive(Serialize)]
struct AboutPart {
    id: u64,
    role: Role,
}

#[derive(Default, Serialize)]
struct Changed<'a> {
    id: u64,
    link: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    business_day: Option<String>,
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed: Option<AmountPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<AmountPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispensed: Option<AmountPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<AmountPart>,
}

#[derive(Serialize)]
struct AmountPart {
    minor: i64,
    currency: String,
    exponent: Option<u8>,
}

impl AmountPart {
    fn of(minor: i64, currency: Currency) -> AmountPart {
        AmountPart { minor, currency: currency.code().to_owned(), exponent: Some(currency.exponent()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{
        AccountId, Card, CardRemoved, Completed, EntryMode, HoldExpired, LinkName, MessageClass, Receipt,
        Reversed, TransactionId, TransactionType, TransmissionTime,
    };
    use card::{Expiry, ResponseCode, Rrn, Stan, TerminalId};
    use serde_json::{Value, json};
    use store::MasterKey;

    const PAN: &[u8] = b"4000001234567899";

    struct Desk {
        events: Events,
        _folder: tempfile::TempDir,
    }

    impl Desk {
        fn new(wanted: &[EventKind]) -> Desk {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(DataKeys::FILE_NAME);
            let keys = DataKeys::create(&file, &MasterKey::generate().unwrap()).unwrap();
            let events = Events::new(keys, |_| Currency::parse("KWD").ok(), wanted.to_vec());
            Desk { events, _folder: folder }
        }

        fn all() -> Desk {
            Desk::new(&EventKind::WORDS.map(|(_, kind)| kind))
        }

        fn json(&self, record: &Record) -> Value {
            let event = self.events.of(Stream(2), Sequence(7), record).unwrap();
            let text = String::from_utf8(event.json).unwrap();
            assert!(!text.contains("4000001234567899"), "{text}");
            let json: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["id"], "2-7");
            assert_eq!(json["card"]["hash"].as_str().unwrap().len(), 32);
            assert_ne!(json["card"]["hash"], "00000000000000000000000000000000");
            json
        }
    }

    fn pan() -> Pan {
        Pan::parse(PAN).unwrap()
    }

    fn time() -> Time {
        Time::from_unix_ms(1_795_444_215_000)
    }

    fn origin() -> Option<Origin> {
        Some(Origin {
            link: LinkName::new("pos").unwrap(),
            account: AccountId::new("ACC-1").unwrap(),
            transaction: TransactionType::Purchase,
            business_day: CivilDay { year: 2026, month: 11, day: 23 },
            standing_minor: 5000,
            posted: true,
            time: time(),
            terminal: TerminalId::new(b"TERM0001").unwrap(),
            merchant: None,
            customer: None,
            counted: auth::Counted::default(),
            shares: None,
            refunds: None,
            traces: auth::Traces::default(),
        })
    }

    fn decided(code: ResponseCode, currency: u16) -> Record {
        Record::Decided(Box::new(Transaction {
            id: TransactionId::new(128).unwrap(),
            time: time(),
            business_day: CivilDay { year: 2026, month: 11, day: 23 },
            link: LinkName::new("pos").unwrap(),
            terminal: TerminalId::new(b"TERM0001").unwrap(),
            merchant: None,
            mcc: 742,
            class: MessageClass::Financial,
            transaction: TransactionType::Purchase,
            pan: pan(),
            stan: Stan::new(77).unwrap(),
            rrn: Rrn::parse(b"ABC000000001").ok(),
            transmission: TransmissionTime(1_123_143_015),
            amount_minor: 2500,
            currency,
            entry: EntryMode::Chip,
            code,
            authorization_id: Some(*b"000002"),
            issuer_authentication: None,
            balance: None,
            account: AccountId::new("ACC-1"),
            funds: Funds::Posted { minor: 2500 },
            pin_tries_used: None,
            atc: Some(9),
            cash: None,
            flags: 0,
            details: auth::Details::default(),
            tables_version: 1,
            receipt: Receipt::default(),
        }))
    }

    #[test]
    fn an_approval_says_what_a_receiver_needs() {
        let json = Desk::all().json(&decided(ResponseCode::APPROVED, 840));
        assert_eq!(json["event"], "approved");
        assert_eq!(json["time"], "2026-11-23T14:30:15.000Z");
        assert_eq!(json["card"]["pan"], "400000******7899");
        let expect = json!({
            "id": 128, "link": "pos", "type": "purchase", "business_day": "2026-11-23", "account": "ACC-1",
            "terminal": "TERM0001", "merchant": null, "mcc": "0742", "entry_mode": "chip", "stan": "000077",
            "rrn": "ABC000000001", "amount": { "minor": 2500, "currency": "USD", "exponent": 2 }, "held": false,
            "code": "00", "meaning": ResponseCode::APPROVED.meaning(), "authorization_id": "000002",
        });
        assert_eq!(json["transaction"], expect);
    }

    #[test]
    fn an_approval_in_part_and_a_completion_say_so() {
        let told = |booking: auth::Booking, mcc| {
            let Record::Decided(mut transaction) = decided(ResponseCode::PARTIAL, 840) else {
                unreachable!()
            };
            transaction.details.booking = Some(Box::new(booking));
            transaction.mcc = mcc;
            Desk::all().json(&Record::Decided(transaction))["transaction"].clone()
        };
        let part = told(auth::Booking { approved_minor: Some(2000), ..auth::Booking::default() }, 0);
        assert_eq!(part["approved"], json!({ "minor": 2000, "currency": "USD", "exponent": 2 }));
        assert_eq!((&part["about"], &part["mcc"]), (&Value::Null, &Value::Null));
        let (role, original) = (Role::Completion, TransactionId::new(64));
        let completion = told(auth::Booking { role, original, ..auth::Booking::default() }, 5411);
        assert_eq!(completion["about"], json!({ "id": 64, "role": "completion" }));
        assert_eq!((&completion["approved"], &completion["mcc"]), (&Value::Null, &json!("5411")));
    }

    #[test]
    fn a_currency_that_nobody_knows_stays_a_number() {
        let json = Desk::all().json(&decided(ResponseCode::DO_NOT_HONOUR, 7));
        assert_eq!(json["event"], "declined");
        assert_eq!(
            json["transaction"]["amount"],
            json!({ "minor": 2500, "currency": "007", "exponent": null })
        );
    }

    #[test]
    fn later_records_say_what_changed_in_the_account_s_currency() {
        let desk = Desk::all();
        let (transaction, pan, time) = (TransactionId::new(128).unwrap(), pan(), time());
        let kwd = |minor: i64| json!({ "minor": minor, "currency": "KWD", "exponent": 3 });
        let reversed =
            Reversed { transaction, pan, time, remaining_minor: 1500, origin: origin(), shares: None };
        let json = desk.json(&Record::Reversed(reversed));
        assert_eq!(json["event"], "reversed");
        assert_eq!(
            (&json["transaction"]["reversed"], &json["transaction"]["remaining"]),
            (&kwd(3500), &kwd(1500))
        );
        let json = desk.json(&Record::Completed(Completed {
            transaction,
            pan,
            time,
            dispensed_minor: Some(0),
            origin: origin(),
            shares: None,
        }));
        assert_eq!((&json["event"], &json["transaction"]["dispensed"]), (&json!("completed"), &kwd(0)));
        assert_eq!(json["transaction"]["suspect"], Value::Null);
        let json = desk.json(&Record::Completed(Completed {
            transaction,
            pan,
            time,
            dispensed_minor: None,
            origin: None,
            shares: None,
        }));
        assert_eq!(
            (&json["transaction"]["dispensed"], &json["transaction"]["suspect"]),
            (&Value::Null, &json!(true))
        );
        let json = desk.json(&Record::HoldExpired(HoldExpired { transaction, pan, time, origin: origin() }));
        assert_eq!((&json["event"], &json["transaction"]["released"]), (&json!("hold_expired"), &kwd(5000)));
    }

    #[test]
    fn cards_that_change() {
        let desk = Desk::all();
        let card = Card {
            pan: pan(),
            expiry: Expiry::parse_yymm(b"2812").unwrap(),
            start: None,
            status: auth::CardStatus::Lost,
            card_sequence: Some(1),
            account: AccountId::new("ACC-1").unwrap(),
            pin: None,
            further: Box::default(),
        };
        let json = desk.json(&Record::CardStored(card));
        assert_eq!((&json["event"], &json["card"]["status"]), (&json!("card_changed"), &json!("lost")));
        assert_eq!((&json["time"], &json["card"]["account"]), (&Value::Null, &json!("ACC-1")));
        let json = desk.json(&Record::CardRemoved(CardRemoved { pan: pan(), time: time() }));
        assert_eq!(json["card"]["status"], "removed");
    }

    #[test]
    fn modes_tell_what_their_holders_want_to_know() {
        let desk = Desk::all();
        let (pan, time) = (pan(), time());
        let kwd = |minor: i64| json!({ "minor": minor, "currency": "KWD", "exponent": 3 });
        let set = |mode| {
            Record::ModeChanged(Box::new(auth::ModeChanged {
                pan,
                change: auth::ModeChange::Set(mode),
                time,
            }))
        };
        let json = desk.json(&set(auth::CardMode::SingleLimit { most_minor: 5000, lift: None }));
        assert_eq!(json["event"], "mode_changed");
        assert_eq!(json["mode"], json!({ "name": "single-limit", "amount": kwd(5000) }));
        let used = auth::ModeUse::CodeWrong { wrong: 2, void: true };
        let used = auth::ModeUsed { pan, time, transaction: TransactionId::new(128).unwrap(), used };
        let json = desk.json(&Record::ModeUsed(used));
        assert_eq!(json["mode"], json!({ "used": "code_wrong", "wrong_codes": 2, "void": true }));
        assert_eq!((&json["event"], &json["transaction"]["id"]), (&json!("mode_used"), &json!(128)));
        let json = desk.json(&Record::OwnTransfer(auth::OwnTransfer {
            pan,
            time,
            from: AccountId::new("ACC-2").unwrap(),
            to: AccountId::new("ACC-1").unwrap(),
            minor: 700,
            cause: auth::TransferCause::TopUp,
        }));
        let expect = json!({ "from": "ACC-2", "to": "ACC-1", "amount": kwd(700), "cause": "top_up" });
        assert_eq!((&json["event"], &json["transfer"]), (&json!("own_transfer"), &expect));
        let json = desk.json(&Record::CardBlocked(auth::CardBlocked {
            pan,
            time,
            status: auth::CardStatus::Restricted,
            cause: auth::BlockCause::Alarm,
            reissue: true,
        }));
        assert_eq!((&json["event"], &json["card"]["status"]), (&json!("card_blocked"), &json!("restricted")));
        assert_eq!(json["blocked"], json!({ "by": "alarm", "reissue": true }));
        let tries = auth::Tries { since: time, count: 5 };
        let json = desk.json(&Record::Alarm(auth::Alarm { pan, time, tries, empty: false }));
        let expect = json!({ "mode": "locked", "tries": 5, "since": "2026-11-23T14:30:15.000Z" });
        assert_eq!((&json["event"], &json["alarm"]), (&json!("alarm"), &expect));
    }

    #[test]
    fn a_question_for_the_holder_says_what_to_show() {
        let json = Desk::all().json(&Record::ConfirmationAsked(Box::new(auth::ConfirmationAsked {
            ticket: auth::ConfirmationTicket(1472),
            pan: pan(),
            time: time(),
            deadline: Time::from_unix_ms(1_795_444_235_000),
            link: LinkName::new("pos").unwrap(),
            terminal: TerminalId::new(b"TERM0001").unwrap(),
            merchant: None,
            mcc: 5411,
            transaction: TransactionType::Purchase,
            stan: Stan::new(77).unwrap(),
            rrn: None,
            amount_minor: 2500,
            currency: 840,
        })));
        assert_eq!(json["event"], "confirm_requested");
        let expect = json!({ "ticket": 1472, "deadline": "2026-11-23T14:30:35.000Z" });
        assert_eq!(json["confirmation"], expect);
        let expect = json!({
            "link": "pos", "type": "purchase", "terminal": "TERM0001", "merchant": null, "mcc": "5411",
            "stan": "000077", "rrn": null, "amount": { "minor": 2500, "currency": "USD", "exponent": 2 },
        });
        assert_eq!(json["transaction"], expect);
    }

    #[test]
    fn what_is_not_wanted_is_no_event() {
        let desk = Desk::new(&[EventKind::Declined]);
        let event = |record: &Record| desk.events.of(Stream(0), Sequence(0), record);
        assert_eq!(event(&decided(ResponseCode::APPROVED, 840)), None);
        let declined = event(&decided(ResponseCode::DO_NOT_HONOUR, 840)).unwrap();
        assert_eq!((declined.kind, declined.time), (EventKind::Declined, Some(time())));
        assert_eq!(Some(declined), event(&decided(ResponseCode::DO_NOT_HONOUR, 840)), "the same again");
    }
}
