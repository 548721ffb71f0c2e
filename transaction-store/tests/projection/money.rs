//! Conversion, fee and settlement as rows: the books of the store are those of the state, currency by currency.

use crate::traffic::{START, account, keys, link, merchant, pan, terminal};
use crate::{all, stored};
use auth::{
    Account, AccountKind, Billing, Card, CardStatus, Cash, Charge, Completed, Details, EntryMode, FeeName,
    Funds, InternalAccount, MessageClass, Origin, PartialFee, Rate, Recall, Receipt, Record, Reversed,
    Rounding, Settlement, Shares, State, StoredTransaction, Transaction, TransactionId, TransactionType,
    TransmissionTime,
};
use card::{Currency, Expiry, ResponseCode, Stan, Time, UtcOffset};
use rusqlite::Connection;
use std::collections::BTreeMap;
use transaction_store::Reader;

/// 10.00 USD posted at 0.92 with a fee of 0.50 EUR, owed in USD; 4.00 stand after all. Then the same as cash, owed in
/// EUR at another rate, of which the machine dispensed 5.00. And a deposit.
#[test]
fn billed_transactions_have_rows_for_every_currency() {
    let records = records();
    let (_folder, file) = stored(&records, 2);
    let mut state = State::default();
    records.iter().for_each(|record| state.apply(record));
    let connection = Connection::open(&file).unwrap();

    let mut select = connection
        .prepare("SELECT side, currency, sum(amount_minor) FROM postings GROUP BY 1, 2 HAVING sum(amount_minor) <> 0")
        .unwrap();
    let rows = select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    let sides: BTreeMap<(String, u16), i64> = rows.map(Result::unwrap).collect();
    let (eur, usd) = (currency("EUR"), currency("USD"));
    let of = |side: &str, currency: Currency| {
        i128::from(sides.get(&(side.to_owned(), currency.numeric())).copied().unwrap_or(0))
    };
    for currency in [eur, usd] {
        let sum: i128 =
            ["account", "settlement", "fee_income", "position"].map(|side| of(side, currency)).iter().sum();
        assert_eq!(sum, 0, "{currency}");
        assert_eq!(of("settlement", currency), state.owed_to(link(0), currency));
        assert_eq!(of("position", currency), state.internal_balance(InternalAccount::Position, currency));
        assert_eq!(of("fee_income", currency), state.internal_balance(InternalAccount::FeeIncome, currency));
    }
    let ledger = state.balance(&account(0)).unwrap().ledger_minor;
    assert_eq!(of("account", eur), i128::from(ledger - 10_000));
    assert_eq!((of("settlement", usd), of("fee_income", eur)), (400 - 1_000, 100));

    let row = connection
        .query_row(
            "SELECT billing_minor, billing_currency, rate, fee_minor, fee, settlement_minor, settlement_currency,
                    standing_minor, standing_amount_minor, standing_fee_minor, standing_settlement_minor
             FROM transactions WHERE id = 64",
            [],
            |row| {
                let number = |place| row.get::<_, i64>(place);
                let text = |place| row.get::<_, String>(place);
                let first = [number(0)?, number(1)?, number(3)?, number(5)?, number(6)?];
                Ok((first, [text(2)?, text(4)?], [number(7)?, number(8)?, number(9)?, number(10)?]))
            },
        )
        .unwrap();
    let expect_text = ["0.92".to_owned(), "abroad".to_owned()];
    assert_eq!(row, ([920, 978, 50, 1_000, 840], expect_text, [418, 400, 50, 400]));

    let entries = all(&file);
    assert_eq!(entries[0].account_amount(418), "4.18 EUR");
    assert_eq!(entries[0].amount(400), "4.00 USD");
    assert_eq!(entries[0].to_json()["billing"]["rate"], "0.92");
}

#[test]
fn what_is_billed_is_recalled_as_memory_had_it() {
    let records = records();
    let (_folder, file) = stored(&records, 3);
    let mut state = State::default();
    records.iter().for_each(|record| state.apply(record));
    let mut kept = Vec::new();
    state.freeze().into_each(|element| {
        if let auth::Element::Transaction(stored) = element {
            kept.push((**stored).clone());
        }
    });
    assert_eq!(kept.len(), 3);
    let reader = Reader::open(&file).unwrap().unwrap();
    for memory in kept {
        let StoredTransaction { link, terminal, stan, .. } = memory;
        let found = reader.recall(&Recall { link, terminal, stan }, &keys()).unwrap();
        let same = StoredTransaction { funds: memory.funds, reported: memory.reported, ..found[0].clone() };
        assert_eq!(same, memory);
        assert!(same.billed.is_some());
    }
}

pub(crate) fn records() -> Vec<Record> {
    let (eur, usd) = (currency("EUR"), currency("USD"));
    let account_stored = Record::AccountStored(Account {
        id: account(0),
        currency: eur,
        kind: AccountKind::Default,
        opening_minor: 10_000,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    });
    let card_stored = Record::CardStored(Card {
        pan: pan(0),
        expiry: Expiry::parse_yymm(b"3012").unwrap(),
        start: None,
        status: CardStatus::Active,
        card_sequence: None,
        account: account(0),
        pin: None,
        further: Box::default(),
    });
    let charge = Charge { fee: FeeName::new("abroad").unwrap(), minor: 50, partial: PartialFee::Kept };
    let billing = Billing {
        currency: eur,
        amount_minor: 920,
        rate: Rate::parse("0.92"),
        rounding: Rounding::HalfUp,
        by_network: false,
        surcharge_minor: 0,
        charge: Some(charge),
        settlement: Settlement { currency: usd, minor: 1_000, rate: None },
    };
    let euro = Settlement { currency: eur, minor: 900, rate: Rate::parse("0.9") };
    let cash = Billing { settlement: euro, ..billing.clone() };
    let deposited = billing.clone();
    let bought = decided(1, billing, false);
    let drawn = decided(2, cash, true);
    let shares = |fee_minor, amount_minor, settlement_minor, settlement_currency| {
        Some(Shares { amount_minor, fee_minor, settlement_minor, settlement_currency })
    };
    let time = Time::from_unix_ms(START + 10_000);
    let reversed = Record::Reversed(Reversed {
        transaction: bought.id,
        pan: pan(0),
        time,
        remaining_minor: 418,
        origin: Some(origin(&bought, shares(50, 1_000, 1_000, usd))),
        shares: shares(50, 400, 400, usd),
    });
    let completed = Record::Completed(Completed {
        transaction: drawn.id,
        pan: pan(0),
        time,
        dispensed_minor: Some(510),
        origin: Some(origin(&drawn, shares(50, 1_000, 900, eur))),
        shares: shares(50, 500, 450, eur),
    });
    // A deposit of 10.00 USD gives 9.00 EUR.
    let given = Settlement { currency: usd, minor: 1_000, rate: None };
    let rate = Rate::parse("0.9");
    let given = Billing { amount_minor: 900, rate, charge: None, settlement: given, ..deposited };
    let mut deposit = decided(3, given, false);
    deposit.transaction = TransactionType::Deposit;
    deposit.funds = Funds::Posted { minor: -900 };
    let [bought, drawn, deposit] =
        [bought, drawn, deposit].map(|transaction| Record::Decided(Box::new(transaction)));
    vec![account_stored, card_stored, bought, drawn, reversed, completed, deposit]
}

fn decided(number: u64, billing: Billing, cash: bool) -> Transaction {
    let time = Time::from_unix_ms(START + number as i64 * 1_000);
    let minor = 970;
    Transaction {
        id: TransactionId::new(number * 64).unwrap(),
        time,
        business_day: time.day(UtcOffset::default()),
        link: link(0),
        terminal: terminal(0),
        merchant: merchant(0),
        mcc: 5411,
        class: MessageClass::Financial,
        transaction: if cash { TransactionType::Withdrawal } else { TransactionType::Purchase },
        pan: pan(0),
        stan: Stan::new(number as u32).unwrap(),
        rrn: None,
        transmission: TransmissionTime(1_123_143_015),
        amount_minor: 1_000,
        currency: 840,
        entry: EntryMode::Chip,
        code: ResponseCode::APPROVED,
        authorization_id: Some(*b"000042"),
        issuer_authentication: None,
        balance: None,
        account: Some(account(0)),
        funds: if cash { Funds::Held { minor, expires: None } } else { Funds::Posted { minor } },
        pin_tries_used: None,
        atc: None,
        cash: cash.then_some(Cash { tsn: 1, notes: Some([1, 0, 0, 0]) }),
        flags: 0,
        details: Details { billing: Some(Box::new(billing)), ..Details::default() },
        tables_version: 1,
        receipt: Receipt::default(),
    }
}

fn origin(transaction: &Transaction, shares: Option<Shares>) -> Origin {
    Origin {
        traces: auth::Traces::default(),
        link: transaction.link,
        account: account(0),
        transaction: transaction.transaction,
        business_day: transaction.business_day,
        standing_minor: 970,
        posted: matches!(transaction.funds, Funds::Posted { .. }),
        time: transaction.time,
        terminal: transaction.terminal,
        merchant: transaction.merchant,
        customer: None,
        counted: auth::Counted::default(),
        refunds: None,
        shares,
    }
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}
