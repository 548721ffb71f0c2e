//! What stories play with: cards, terminals, connections, and numbers that never repeat.

use super::connection::{Connection, Credentials};
use super::site::{AES_DIALECT, AES_LISTENER, Site, expired, serial};
use super::wire_log::WireLog;
use crate::clock;
use card::{Currency, Pan, PinBlock, Rrn, Stan};
use hsm_sim::Pin;
use iso8583::Dialect;
use ndc::Luno;
use std::error::Error;
use std::fmt;
use std::sync::LazyLock;
use terminal::{
    Atm, AtmAsk, AtmReply, CardSimulator, ChipTransaction, CryptogramVersion, Intent, Pos, PosResponse,
    Presentment, TestIssuer, Trace, TrackSource,
};

/// What a story came to, in words; an error is one that a terminal would show as a fault.
pub(super) type Played = Result<String, Box<dyn Error>>;

/// The dialect of [`AES_LISTENER`].
static AES: LazyLock<Dialect> =
    LazyLock::new(|| Dialect::from_toml(AES_DIALECT).expect("the demo's own file is a dialect"));

/// The demo's switch and everything around it.
pub(super) struct Stage {
    site: Site,
    wire_log: WireLog,
    next_card: u32,
    next_stan: u32,
}

/// A POS terminal with an open connection.
pub(super) struct PosLine {
    pub(super) pos: Pos,
    pub(super) connection: Connection,
}

/// An ATM with an open connection.
pub(super) struct AtmLine {
    pub(super) atm: Atm,
    pub(super) connection: Connection,
}

/// The listeners of the demo speak of a terminal that cannot exist.
#[derive(Debug)]
struct NoListener(&'static str);

impl Stage {
    pub(super) fn new(site: Site, wire_log: WireLog) -> Stage {
        Stage { site, wire_log, next_card: 0, next_stan: 1 }
    }

    pub(super) fn into_site(self) -> Site {
        self.site
    }

    pub(super) fn site(&mut self) -> &mut Site {
        &mut self.site
    }

    /// A card in order that no story has used, with 1000.00 USD.
    pub(super) fn card(&mut self) -> CardSimulator {
        let serial = self.next_card;
        assert!(serial < serial::IN_ORDER, "more stories than cards; raise IN_ORDER");
        self.next_card += 1;
        self.site.issuer().card(serial)
    }

    /// One of the cards that something is wrong with.
    pub(super) fn card_of(&self, serial: u32) -> CardSimulator {
        self.site.issuer().card(serial)
    }

    /// A card whose expiry, on file and on its track, has passed.
    pub(super) fn expired_card(&self) -> CardSimulator {
        let mut issuer = self.site.issuer().clone();
        issuer.expiry = expired();
        issuer.card(serial::EXPIRED)
    }

    /// A card of a BIN that nobody here issues.
    pub(super) fn foreign_card(&self) -> Result<CardSimulator, Box<dyn Error>> {
        let own = self.site.issuer();
        Ok(TestIssuer::new("510000", 1, own.expiry, own.keys.clone())?.card(0))
    }

    /// A number of our BIN that fails its check digit.
    pub(super) fn mistyped_pan(&self) -> Result<Pan, Box<dyn Error>> {
        let mut digits = self.site.issuer().pan(0).reveal().to_vec();
        if let Some(last) = digits.last_mut() {
            *last = b'0' + (*last - b'0' + 1) % 10;
        }
        Ok(Pan::parse(&digits)?)
    }

    /// A terminal at the ASCII listener.
    pub(super) fn pos(&mut self) -> Result<PosLine, Box<dyn Error>> {
        self.pos_at("pos", "iso87_ascii")
    }

    /// A terminal at the packed listener.
    pub(super) fn pos_bcd(&mut self) -> Result<PosLine, Box<dyn Error>> {
        self.pos_at("pos-bcd", "iso87_bcd")
    }

    /// A terminal whose PIN blocks come under an AES key.
    pub(super) fn pos_aes(&mut self) -> Result<PosLine, Box<dyn Error>> {
        let connection = self.connect(AES_LISTENER, Some("pos"))?;
        Ok(PosLine { pos: Pos::new(&AES, b"DEMO0001", usd()), connection })
    }

    fn pos_at(&mut self, listener: &'static str, dialect: &str) -> Result<PosLine, Box<dyn Error>> {
        let connection = self.connect(listener, Some("pos"))?;
        let dialect = Dialect::by_name(dialect).ok_or(NoListener(listener))?;
        Ok(PosLine { pos: Pos::new(dialect, b"DEMO0001", usd()), connection })
    }

    /// An ATM that shows the certificate of this name.
    pub(super) fn atm(&mut self, luno: &str, certificate: &str) -> Result<AtmLine, Box<dyn Error>> {
        let connection = self.connect("atm", Some(certificate))?;
        Ok(AtmLine { atm: Atm::new(Luno::new(luno.as_bytes()).ok_or(NoListener("atm"))?), connection })
    }

    /// A connection with the certificate of this name, or with none.
    pub(super) fn connect(
        &mut self,
        listener: &'static str,
        certificate: Option<&str>,
    ) -> Result<Connection, Box<dyn Error>> {
        let credentials = self.site.credentials(certificate)?;
        self.connect_with(listener, &credentials)
    }

    /// A connection with credentials of the story's own.
    pub(super) fn connect_with(
        &mut self,
        listener: &'static str,
        credentials: &Credentials,
    ) -> Result<Connection, Box<dyn Error>> {
        let address = self.site.address(listener).ok_or(NoListener(listener))?;
        Ok(Connection::open(address, listener, credentials, self.wire_log.clone())?)
    }

    /// Numbers and time of the next message.
    pub(super) fn trace(&mut self) -> Trace {
        let number = self.next_stan;
        self.next_stan += 1;
        let rrn = format!("DEMO{number:08}");
        Trace {
            stan: Stan::new(number % 1_000_000).expect("six digits are a STAN"),
            rrn: Rrn::parse(rrn.as_bytes()).expect("12 letters and digits are an RRN"),
            time: clock::now(),
        }
    }

    /// What the terminal puts to a chip. Its number only has to differ from the last one here.
    pub(super) fn chip(&self, amount_minor: i64, transaction_type: u8) -> ChipTransaction {
        let number = self.next_stan.wrapping_mul(0x9E37_79B9).to_be_bytes();
        let transaction = ChipTransaction::purchase(amount_minor, usd(), 840, clock::now(), number);
        ChipTransaction { transaction_type, ..transaction }
    }

    /// The card read by its chip, with its PIN.
    pub(super) fn chip_and_pin(&self, card: &mut CardSimulator, amount_minor: i64) -> Presentment {
        let block = self.pos_pin(card, card.pin());
        let chip = self.chip(amount_minor, ChipTransaction::PURCHASE);
        Presentment::chip(card, &chip, CryptogramVersion::Visa10).with_pin(block)
    }

    /// A PIN as a POS terminal encrypts it.
    pub(super) fn pos_pin(&self, card: &CardSimulator, pin: &Pin) -> PinBlock {
        card.pin_block(pin, &self.site.issuer().keys.zpk)
    }

    /// A chip-and-PIN purchase, posted, and its answer.
    pub(super) fn buy(
        &mut self,
        line: &mut PosLine,
        card: &mut CardSimulator,
        amount_minor: u32,
    ) -> Result<PosResponse, Box<dyn Error>> {
        let presentment = self.chip_and_pin(card, i64::from(amount_minor));
        self.buy_with(line, amount_minor, &presentment)
    }

    /// A purchase, posted, with the card as it was read.
    pub(super) fn buy_with(
        &mut self,
        line: &mut PosLine,
        amount_minor: u32,
        presentment: &Presentment,
    ) -> Result<PosResponse, Box<dyn Error>> {
        let trace = self.trace();
        line.ask(&line.pos.purchase(Intent::Post, u64::from(amount_minor), presentment, &trace)?)
    }

    /// What the account of a card holds and has free, in minor units: an inquiry at a POS terminal.
    pub(super) fn balance(
        &mut self,
        line: &mut PosLine,
        card: &mut CardSimulator,
    ) -> Result<Balance, Box<dyn Error>> {
        let block = self.pos_pin(card, card.pin());
        let chip = self.chip(0, ChipTransaction::BALANCE_INQUIRY);
        let presentment = Presentment::chip(card, &chip, CryptogramVersion::Visa10).with_pin(block);
        let trace = self.trace();
        let response = line.ask(&line.pos.balance_inquiry(&presentment, &trace)?)?;
        match (response.ledger_minor, response.available_minor) {
            (Some(ledger_minor), Some(available_minor)) => Ok(Balance { ledger_minor, available_minor }),
            _ => Err(format!("a balance inquiry was answered {} without a balance", response.code).into()),
        }
    }

    /// A withdrawal or inquiry at an ATM by chip and PIN, and its reply.
    pub(super) fn at_atm(
        &mut self,
        line: &mut AtmLine,
        card: &mut CardSimulator,
        amount_minor: Option<u32>,
    ) -> Result<AtmReply, Box<dyn Error>> {
        let (operation_code, transaction_type) = match amount_minor {
            Some(_) => (b"A      A", ChipTransaction::WITHDRAWAL),
            None => (b"B      B", ChipTransaction::BALANCE_INQUIRY),
        };
        self.next_stan += 1;
        let chip = self.chip(i64::from(amount_minor.unwrap_or(0)), transaction_type);
        let icc = card.arqc(&chip, CryptogramVersion::Visa18);
        let block = card.pin_block(card.pin(), &self.site.issuer().keys.tpk);
        let track2 = card.track2(TrackSource::Chip);
        let request = line.atm.request(&AtmAsk {
            operation_code,
            amount_minor: amount_minor.map(u64::from),
            track2: &track2,
            pin_block: Some(&block),
            icc: Some(&icc),
        })?;
        let reply = line.connection.ask(&request)?;
        Ok(line.atm.take_reply(&reply)?)
    }
}

impl PosLine {
    /// Sends a message and reads the answer.
    pub(super) fn ask(&mut self, message: &[u8]) -> Result<PosResponse, Box<dyn Error>> {
        let answer = self.connection.ask(message)?;
        Ok(PosResponse::parse(&answer, self.pos.dialect)?)
    }
}

/// An account's balance, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Balance {
    /// Posted.
    pub(super) ledger_minor: i64,
    /// Posted less holds.
    pub(super) available_minor: i64,
}

/// The currency of the demo.
pub(super) fn usd() -> Currency {
    Currency::parse("USD").expect("ISO 4217 has the dollar")
}

/// What the card says to an answer.
pub(super) fn arpc(card: &CardSimulator, issuer_authentication: Option<&[u8]>) -> &'static str {
    match issuer_authentication {
        Some(value) if card.verify_issuer_authentication(value) => "ARPC verified by the card",
        Some(_) => "ARPC refused by the card",
        None => "no ARPC",
    }
}

/// Minor units as people write them.
pub(super) fn money(minor: i64) -> String {
    format!("{}{}.{:02}", if minor < 0 { "-" } else { "" }, minor.abs() / 100, minor.abs() % 100)
}

impl fmt::Display for NoListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the listener {} is not there, or has no such terminal", self.0)
    }
}

impl Error for NoListener {}
