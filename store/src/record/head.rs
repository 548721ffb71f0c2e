//! What every version of a stored transaction begins with, and all of it but the receipt.

use auth::{
    AccountId, Balance, Cash, Counted, Details, EntryMode, Funds, IssuerAuthentication, LinkName,
    MessageClass, Receipt, Transaction, TransactionId, TransactionType, TransmissionTime,
};
use card::{CivilDay, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::{Deserialize, Serialize, Serializer};

/// A transaction up to its flags.
#[derive(Deserialize)]
pub(super) struct Head {
    id: TransactionId,
    time: Time,
    business_day: CivilDay,
    link: LinkName,
    terminal: TerminalId,
    merchant: Option<MerchantId>,
    mcc: u16,
    class: MessageClass,
    transaction: TransactionType,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    stan: Stan,
    rrn: Option<Rrn>,
    transmission: TransmissionTime,
    amount_minor: i64,
    currency: u16,
    entry: EntryMode,
    code: ResponseCode,
    authorization_id: Option<[u8; 6]>,
    issuer_authentication: Option<IssuerAuthentication>,
    balance: Option<Balance>,
    account: Option<AccountId>,
    funds: Funds,
    pin_tries_used: Option<u8>,
    atc: Option<u16>,
    cash: Option<Cash>,
    flags: u64,
}

/// A transaction without its receipt, to write: read where it lies, since a copy takes as long as the writing.
pub(super) struct WithoutReceipt<'a>(pub(super) &'a Transaction);

impl Serialize for WithoutReceipt<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AllButReceipt::serialize(self.0, serializer)
    }
}

#[derive(Serialize)]
#[serde(remote = "Transaction")]
struct AllButReceipt {
    id: TransactionId,
    time: Time,
    business_day: CivilDay,
    link: LinkName,
    terminal: TerminalId,
    merchant: Option<MerchantId>,
    mcc: u16,
    class: MessageClass,
    transaction: TransactionType,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    stan: Stan,
    rrn: Option<Rrn>,
    transmission: TransmissionTime,
    amount_minor: i64,
    currency: u16,
    entry: EntryMode,
    code: ResponseCode,
    authorization_id: Option<[u8; 6]>,
    issuer_authentication: Option<IssuerAuthentication>,
    balance: Option<Balance>,
    account: Option<AccountId>,
    funds: Funds,
    pin_tries_used: Option<u8>,
    atc: Option<u16>,
    cash: Option<Cash>,
    flags: u64,
    details: Details,
    tables_version: u32,
}

impl Head {
    /// A transaction as versions 1 and 2 had it, which counted the card's business day and nothing else.
    pub(super) fn with_day(self, tables_version: u32, receipt: Receipt) -> Transaction {
        let counted = match self.funds {
            Funds::None => Counted::default(),
            Funds::Held { .. } | Funds::Posted { .. } => Counted::of_day(self.transaction),
        };
        self.with(Details { counted, ..Details::default() }, tables_version, receipt)
    }

    pub(super) fn with(self, details: Details, tables_version: u32, receipt: Receipt) -> Transaction {
        let old = self;
        Transaction {
            id: old.id,
            time: old.time,
            business_day: old.business_day,
            link: old.link,
            terminal: old.terminal,
            merchant: old.merchant,
            mcc: old.mcc,
            class: old.class,
            transaction: old.transaction,
            pan: old.pan,
            stan: old.stan,
            rrn: old.rrn,
            transmission: old.transmission,
            amount_minor: old.amount_minor,
            currency: old.currency,
            entry: old.entry,
            code: old.code,
            authorization_id: old.authorization_id,
            issuer_authentication: old.issuer_authentication,
            balance: old.balance,
            account: old.account,
            funds: old.funds,
            pin_tries_used: old.pin_tries_used,
            atc: old.atc,
            cash: old.cash,
            flags: old.flags,
            details,
            tables_version,
            receipt,
        }
    }
}
