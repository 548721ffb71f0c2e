//! What every version of a stored transaction begins with.

use auth::{
    AccountId, Balance, Cash, Counted, Details, EntryMode, Funds, IssuerAuthentication, LinkName,
    MessageClass, Receipt, Transaction, TransactionId, TransactionType, TransmissionTime,
};
use card::{CivilDay, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::{Deserialize, Serialize};

/// A transaction up to its flags.
#[derive(Deserialize, Serialize)]
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

impl Head {
    pub(super) fn of(transaction: &Transaction) -> Head {
        Head {
            id: transaction.id,
            time: transaction.time,
            business_day: transaction.business_day,
            link: transaction.link,
            terminal: transaction.terminal,
            merchant: transaction.merchant,
            mcc: transaction.mcc,
            class: transaction.class,
            transaction: transaction.transaction,
            pan: transaction.pan,
            stan: transaction.stan,
            rrn: transaction.rrn,
            transmission: transaction.transmission,
            amount_minor: transaction.amount_minor,
            currency: transaction.currency,
            entry: transaction.entry,
            code: transaction.code,
            authorization_id: transaction.authorization_id,
            issuer_authentication: transaction.issuer_authentication.clone(),
            balance: transaction.balance,
            account: transaction.account,
            funds: transaction.funds,
            pin_tries_used: transaction.pin_tries_used,
            atc: transaction.atc,
            cash: transaction.cash,
            flags: transaction.flags,
        }
    }

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
