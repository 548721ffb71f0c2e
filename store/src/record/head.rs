//! What every version of a stored transaction begins with, and all of it but the receipt.

use crate::stored_form::{self, option, text, varint, zigzag};
use auth::{
    AccountId, Balance, Cash, ContactlessUse, Count, Counted, Details, EntryMode, Funds,
    IssuerAuthentication, LimitId, LinkName, MessageClass, Receipt, Told, Traces, Transaction, TransactionId,
    TransactionType, TransmissionTime,
};
use card::{CivilDay, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::Deserialize;

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

/// Appends a transaction without its receipt in the form that [`Head`], [`Details`] and the version of the tables are
/// read from. What is in every transaction is written here and not by way of serde, which takes most of its time over
/// texts of fixed width, byte by byte; the form is the same.
pub(super) fn append(transaction: &Transaction, out: &mut Vec<u8>) {
    let Transaction {
        id,
        time: Time { unix_ms },
        business_day,
        link,
        terminal,
        merchant,
        mcc,
        class,
        transaction: kind,
        pan,
        stan,
        rrn,
        transmission: TransmissionTime(transmission),
        amount_minor,
        currency,
        entry,
        code,
        authorization_id,
        issuer_authentication,
        balance,
        account,
        funds,
        pin_tries_used,
        atc,
        cash,
        flags,
        details,
        tables_version,
        receipt: _,
    } = transaction;
    out.reserve(ROOM);
    varint(id.number(), out);
    varint(zigzag(*unix_ms), out);
    varint(business_day.year.into(), out);
    out.extend_from_slice(&[business_day.month, business_day.day]);
    text(link.as_str(), out);
    out.extend_from_slice(terminal.as_bytes());
    option(merchant, out, |merchant, out| out.extend_from_slice(merchant.as_bytes()));
    varint((*mcc).into(), out);
    out.extend_from_slice(&[*class as u8, *kind as u8]);
    varint(pan.reveal_number(), out);
    out.push(pan.len() as u8);
    varint(stan.number().into(), out);
    option(rrn, out, |rrn, out| out.extend_from_slice(rrn.as_bytes()));
    varint((*transmission).into(), out);
    varint(zigzag(*amount_minor), out);
    varint((*currency).into(), out);
    out.push(*entry as u8);
    out.extend_from_slice(code.as_bytes());
    option(authorization_id, out, |id, out| out.extend_from_slice(id));
    option(issuer_authentication, out, |data, out| {
        varint(data.len() as u64, out);
        out.extend_from_slice(data);
    });
    option(balance, out, stored_form::append);
    option(account, out, |account, out| text(account.as_str(), out));
    moved(funds, out);
    option(pin_tries_used, out, |tries, out| out.push(*tries));
    option(atc, out, |atc, out| varint((*atc).into(), out));
    option(cash, out, stored_form::append);
    varint(*flags, out);
    further(details, out);
    varint((*tables_version).into(), out);
}

fn moved(funds: &Funds, out: &mut Vec<u8>) {
    match funds {
        Funds::None => out.push(0),
        Funds::Held { minor, expires } => {
            out.push(1);
            varint(zigzag(*minor), out);
            option(expires, out, |time, out| varint(zigzag(time.unix_ms), out));
        }
        Funds::Posted { minor } => {
            out.push(2);
            varint(zigzag(*minor), out);
        }
    }
}

fn further(details: &Details, out: &mut Vec<u8>) {
    let Details {
        counted,
        customer,
        billing,
        booking,
        told,
        token,
        wrong_cvv2s,
        traces,
        verification,
        contactless,
        new_pin,
    } = details;
    varint(counted.counts().len() as u64, out);
    for Count { scope, limit: LimitId(limit), window } in counted.counts() {
        out.push(*scope as u8);
        varint((*limit).into(), out);
        varint(window.number().into(), out);
    }
    option(customer, out, |customer, out| text(customer.as_str(), out));
    option(billing, out, stored_form::append);
    option(booking, out, stored_form::append);
    let Told { reward, address, cvv2 } = told;
    option(reward, out, stored_form::append);
    option(address, out, stored_form::append);
    option(cvv2, out, stored_form::append);
    option(token, out, stored_form::append);
    option(wrong_cvv2s, out, |number, out| out.push(*number));
    let Traces { ip, email, address } = traces;
    for trace in [ip, email, address] {
        option(trace, out, |trace, out| varint(*trace, out));
    }
    option(verification, out, |verification, out| out.push(*verification as u8));
    option(contactless, out, |contactless, out| match contactless {
        ContactlessUse::Counts(minor) => {
            out.push(0);
            varint(zigzag(*minor), out);
        }
        ContactlessUse::Resets => out.push(1),
    });
    option(new_pin, out, stored_form::append);
}

/// What most transactions take without their receipt.
const ROOM: usize = 256;

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
