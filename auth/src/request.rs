use crate::billing::Stated;
use crate::instruction::Instruction;
use crate::names::{LinkName, OriginalKey, ReplyTo, TransmissionTime};
use crate::online_pin::OnlinePin;
use crate::particulars::Particulars;
use arrayvec::ArrayVec;
use card::{Expiry, HolderSecret, MerchantId, Pan, Rrn, Stan, TerminalId, Track2};
use serde::{Deserialize, Serialize};

/// The protocol-neutral form of what an acquirer or ATM asked. Holds card data that never enters a
/// record: track 2, PIN block.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the response goes.
    pub reply_to: ReplyTo,
    /// The acquiring link.
    pub link: LinkName,
    /// Authorization (a hold) or financial (a posting).
    pub class: MessageClass,
    /// What is asked.
    pub transaction: TransactionType,
    /// Account type the money comes from (DE 3, positions 3 and 4).
    pub account_type: AccountType,
    /// The card; a token's number until the core has put its card here.
    pub pan: Pan,
    /// The token that came in the place of the card, once the core has found it. Whoever makes a request leaves
    /// it empty.
    pub token: Option<Pan>,
    /// Expiry as the terminal sent it (DE 14 or track 2).
    pub expiry: Option<Expiry>,
    /// PAN sequence number (DE 23 or tag 5F34).
    pub card_sequence: Option<u8>,
    /// Transaction amount (DE 4, up to 12 digits), minor units of `currency`.
    pub amount_minor: i64,
    /// ISO 4217 numeric code as sent (DE 49); not necessarily one that exists.
    pub currency: u16,
    /// System trace audit number (DE 11).
    pub stan: Stan,
    /// Retrieval reference number (DE 37).
    pub rrn: Option<Rrn>,
    /// Transmission date and time (DE 7).
    pub transmission: TransmissionTime,
    /// Terminal (DE 41), or the LUNO of an ATM.
    pub terminal: TerminalId,
    /// Merchant (DE 42).
    pub merchant: Option<MerchantId>,
    /// Merchant category code (DE 18), 0 when not sent.
    pub mcc: u16,
    /// Acquiring institution's country (DE 19), 0 when not sent.
    pub country: u16,
    /// How the card was read (DE 22).
    pub entry: EntryMode,
    /// The terminal and its surroundings, as far as the message tells.
    pub point_of_service: PointOfService,
    /// Track 2 (DE 35) or its chip equivalent.
    pub track2: Option<Track2>,
    /// Encrypted PIN (DE 52).
    pub pin_block: Option<OnlinePin>,
    /// The PIN that the holder chooses, under the same key.
    pub new_pin: Option<OnlinePin>,
    /// Chip data (DE 55).
    pub chip: Option<Box<Chip>>,
    /// What only an ATM adds.
    pub cash: Option<Cash>,
    /// Amounts beside DE 4: settlement, billing and surcharge.
    pub stated: Stated,
    /// What it says about accounts and amounts beyond that.
    pub instruction: Instruction,
    /// What else the message tells.
    pub particulars: Option<Box<Particulars>>,
    /// The code that a card in that mode wants beside the PIN, from the field that the listener names.
    pub one_time_code: Option<HolderSecret>,
}

impl Request {
    /// The number as it came, which stands on the track and under the cryptogram.
    pub(crate) fn presented(&self) -> Pan {
        self.token.unwrap_or(self.pan)
    }

    /// Which account of the card it is about: where it gives money, the one that the money goes to, as far as the
    /// message says.
    pub(crate) fn drawn_type(&self) -> AccountType {
        match self.instruction.to_account_type {
            AccountType::Default => self.account_type,
            to if self.transaction.gives_money() => to,
            _ => self.account_type,
        }
    }

    pub(crate) fn key(&self) -> OriginalKey {
        OriginalKey { link: self.link, terminal: self.terminal, stan: self.stan }
    }
}

/// Message class by its effect on the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageClass {
    /// 01xx: an approval holds the money.
    Authorization,
    /// 02xx: an approval posts it.
    Financial,
    /// 0220: what the chip decided without us; an approval has happened already.
    Advice,
    /// 0120: an authorization that somebody gave in our place.
    AuthorizationAdvice,
}

impl MessageClass {
    /// Whether it tells what has happened rather than asks.
    #[must_use]
    pub fn is_advice(self) -> bool {
        matches!(self, MessageClass::Advice | MessageClass::AuthorizationAdvice)
    }
}

/// What is asked (DE 3, positions 1 and 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionType {
    /// 00: goods and services.
    Purchase,
    /// 01: cash from an ATM.
    Withdrawal,
    /// 30 or 31: balance inquiry.
    BalanceInquiry,
    /// A processing code that this switch does not serve; declined with 12.
    Unsupported,
    /// 09: goods, and cash with them.
    Cashback,
    /// 17: cash at a counter.
    CashAdvance,
    /// 20: the price of goods that were returned.
    Refund,
    /// 21: cash paid in.
    Deposit,
    /// 50: a bill.
    Payment,
    /// Whether card and account are in order; no amount.
    Verification,
    /// 40: to another account.
    Transfer,
    /// 38 or 39: the newest postings and holds of an account.
    MiniStatement,
    /// The holder chooses a new PIN; each network has its own code in the nineties.
    PinChange,
    /// The card's own PIN may be tried again, once the holder has keyed the right one online; likewise.
    PinUnblock,
}

impl TransactionType {
    /// The word used in rules, searches and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TransactionType::Purchase => "purchase",
            TransactionType::Withdrawal => "withdrawal",
            TransactionType::BalanceInquiry => "balance_inquiry",
            TransactionType::Unsupported => "unsupported",
            TransactionType::Cashback => "cashback",
            TransactionType::CashAdvance => "cash_advance",
            TransactionType::Refund => "refund",
            TransactionType::Deposit => "deposit",
            TransactionType::Payment => "payment",
            TransactionType::Verification => "verification",
            TransactionType::Transfer => "transfer",
            TransactionType::MiniStatement => "mini_statement",
            TransactionType::PinChange => "pin_change",
            TransactionType::PinUnblock => "pin_unblock",
        }
    }

    /// What a terminal may be allowed.
    pub const SERVED: [TransactionType; 13] = [
        TransactionType::Purchase,
        TransactionType::Withdrawal,
        TransactionType::BalanceInquiry,
        TransactionType::Cashback,
        TransactionType::CashAdvance,
        TransactionType::Refund,
        TransactionType::Deposit,
        TransactionType::Payment,
        TransactionType::Verification,
        TransactionType::Transfer,
        TransactionType::MiniStatement,
        TransactionType::PinChange,
        TransactionType::PinUnblock,
    ];

    /// Whether it is about the PIN alone, and about no money and no account.
    pub(crate) fn keeps_pin(self) -> bool {
        matches!(self, TransactionType::PinChange | TransactionType::PinUnblock)
    }

    pub(crate) fn moves_money(self) -> bool {
        self.takes_money() || self.gives_money()
    }

    /// Whether it takes from the account.
    pub(crate) fn takes_money(self) -> bool {
        matches!(
            self,
            TransactionType::Purchase
                | TransactionType::Withdrawal
                | TransactionType::Cashback
                | TransactionType::CashAdvance
                | TransactionType::Payment
                | TransactionType::Transfer
        )
    }

    /// Whether it gives to the account.
    pub(crate) fn gives_money(self) -> bool {
        matches!(self, TransactionType::Refund | TransactionType::Deposit)
    }

    /// Whether cash leaves a till or a machine.
    pub(crate) fn draws_cash(self) -> bool {
        matches!(self, TransactionType::Withdrawal | TransactionType::Cashback | TransactionType::CashAdvance)
    }

    /// Whether nobody but the cardholder may ask for it, so that a PIN is needed. Who gives cash at a counter looks at
    /// the holder instead.
    pub(crate) fn is_for_holder(self) -> bool {
        matches!(
            self,
            TransactionType::Withdrawal
                | TransactionType::Cashback
                | TransactionType::BalanceInquiry
                | TransactionType::MiniStatement
                | TransactionType::Transfer
                | TransactionType::PinChange
                | TransactionType::PinUnblock
        )
    }

    /// Whether its answer tells the balance.
    pub(crate) fn shows_balance(self) -> bool {
        matches!(
            self,
            TransactionType::Withdrawal
                | TransactionType::BalanceInquiry
                | TransactionType::Deposit
                | TransactionType::Transfer
                | TransactionType::MiniStatement
        )
    }
}

/// Account type of DE 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// 00: whichever the card has.
    Default,
    /// 10.
    Savings,
    /// 20: cheque or debit.
    Cheque,
    /// 30.
    Credit,
    /// Anything else; declined with 12.
    Unknown,
}

/// How the card's data entered the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryMode {
    /// Contact chip (05, 95).
    Chip,
    /// Contactless chip (07).
    Contactless,
    /// Magnetic stripe (02, 90).
    Stripe,
    /// Stripe after the chip failed (80).
    Fallback,
    /// Keyed (01, 06, 79).
    Manual,
    /// Stripe data over the air (91).
    ContactlessStripe,
    /// Keyed by the cardholder in a shop of the net (81).
    Ecommerce,
    /// A number that the merchant keeps (10).
    CredentialOnFile,
    /// A number that the merchant keeps, charged again and again.
    Recurring,
    /// Not stated, and nothing in the message tells.
    Unknown,
}

/// Where the card was used: what the message tells, and what it leaves open is `None`. The configuration
/// of the terminal may know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PointOfService {
    /// Whether the terminal reads chips by their contacts.
    pub reads_chip: Option<bool>,
    /// Whether a PIN can be entered.
    pub takes_pin: Option<bool>,
    /// Whether somebody attends the terminal.
    pub attended: Option<bool>,
    /// Whether the card was there.
    pub card_present: Option<bool>,
    /// Whether the cardholder was there.
    pub holder_present: Option<bool>,
}

impl EntryMode {
    /// Every way.
    pub const ALL: [EntryMode; 10] = [
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

    /// The word used in rules, searches and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EntryMode::Chip => "chip",
            EntryMode::Contactless => "contactless",
            EntryMode::Stripe => "stripe",
            EntryMode::Fallback => "fallback",
            EntryMode::Manual => "manual",
            EntryMode::ContactlessStripe => "contactless_stripe",
            EntryMode::Ecommerce => "ecommerce",
            EntryMode::CredentialOnFile => "credential_on_file",
            EntryMode::Recurring => "recurring",
            EntryMode::Unknown => "unknown",
        }
    }

    pub(crate) fn has_chip_data(self) -> bool {
        matches!(self, EntryMode::Chip | EntryMode::Contactless)
    }

    /// Whether what was read stands on a stripe, real or sent over the air.
    pub(crate) fn is_striped(self) -> bool {
        matches!(self, EntryMode::Stripe | EntryMode::Fallback | EntryMode::ContactlessStripe)
    }
}

/// The data objects of DE 55 that a cryptogram covers, as received: they are never rebuilt from
/// other fields (EMV Book 2, section 8.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// 9F02, BCD.
    pub amount_authorised: [u8; 6],
    /// 9F03, BCD; zeros when absent.
    pub amount_other: [u8; 6],
    /// 9F1A, BCD.
    pub terminal_country: [u8; 2],
    /// 95, terminal verification results.
    pub tvr: [u8; 5],
    /// 5F2A, BCD.
    pub currency: [u8; 2],
    /// 9A, YYMMDD in BCD.
    pub date: [u8; 3],
    /// 9C.
    pub transaction_type: u8,
    /// 9F37.
    pub unpredictable_number: [u8; 4],
    /// 82, application interchange profile.
    pub aip: [u8; 2],
    /// 9F36, application transaction counter.
    pub atc: u16,
    /// 9F10, issuer application data, as sent.
    pub issuer_application_data: ArrayVec<u8, 32>,
    /// 9F26.
    pub cryptogram: [u8; 8],
    /// 9F27: the two top bits say ARQC (80), TC (40) or AAC (00). ARQC when the tag is absent.
    pub cryptogram_information: u8,
    /// 9F34, cardholder verification method results: method, condition, result.
    pub cvm_results: Option<[u8; 3]>,
    /// 9F66, terminal transaction qualifiers of a contactless terminal.
    pub terminal_qualifiers: Option<[u8; 4]>,
    /// 9F6C, card transaction qualifiers of a contactless card.
    pub card_qualifiers: Option<[u8; 2]>,
    /// 9F5B, results of issuer scripts, five bytes each; empty when absent.
    pub script_results: ArrayVec<u8, 20>,
}

/// What a cryptogram asks or tells (9F27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptogramKind {
    /// The card asks the issuer.
    Arqc,
    /// The card has approved.
    Tc,
    /// The card has declined.
    Aac,
}

impl Chip {
    /// Whether the card can still be told something with the answer (tags 91, 71, 72). A card held to a terminal
    /// for a moment is gone by then, unless both have said that they go on: 9F66 byte 3 bit 8 and 9F6C byte 2 bit
    /// 7 (EMV contactless book C-3).
    #[must_use]
    pub fn takes_updates(&self, entry: EntryMode) -> bool {
        let terminal = self.terminal_qualifiers.is_some_and(|qualifiers| qualifiers[2] & 0x80 != 0);
        let card = self.card_qualifiers.is_some_and(|qualifiers| qualifiers[1] & 0x40 != 0);
        entry != EntryMode::Contactless || (terminal && card)
    }

    /// What the card's cryptogram asks or tells; `None` for a value that EMV keeps for the future.
    #[must_use]
    pub fn kind(&self) -> Option<CryptogramKind> {
        match self.cryptogram_information & 0xC0 {
            0x80 => Some(CryptogramKind::Arqc),
            0x40 => Some(CryptogramKind::Tc),
            0x00 => Some(CryptogramKind::Aac),
            _ => None,
        }
    }
}

/// The ATM's part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cash {
    /// Transaction serial number that the reply will carry, 0 to 9999.
    pub tsn: u16,
    /// Notes to dispense, by cassette type 1 to 4; `None` when no mix of the notes at hand makes up
    /// the amount.
    pub notes: Option<[u8; 4]>,
}
