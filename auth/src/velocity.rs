//! Step 12: limits. What each let pass is counted with the transaction, and given back with it.

use crate::counters::{Count, Moment, Scope, Window};
use crate::limit::{Bound, Limit};
use crate::names::LimitId;
use crate::own_limits::OwnLimits;
use crate::particulars::Traces;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::state::{AccountFile, CardFile, Counters, State};
use crate::tables::{Product, Tables};
use arrayvec::ArrayVec;
use card::ResponseCode;

/// Which counters a transaction will move. The core has one for all decisions ([`Spare`](crate::spare::Spare)).
pub(crate) type Counting = Vec<Count>;

/// What a request is held against.
#[derive(Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) state: &'a State,
    pub(crate) product: &'a Product,
    pub(crate) file: &'a CardFile,
    pub(crate) account: &'a AccountFile,
    pub(crate) request: &'a Request,
    /// Now.
    pub(crate) moment: Moment,
    /// What it takes without the fee, minor units of the account's currency.
    pub(crate) amount_minor: i64,
}

/// Holds the request against every limit of its product that is about it. What to count is added to `counting`.
pub(crate) fn within_limits(
    held: &Held<'_>,
    counting: &mut Counting,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    against(held, &held.product.limits, counting, receipt)
}

/// The same against the limits for when the issuer of the card is silent and we decide in its place.
#[cfg_attr(not(test), expect(dead_code, reason = "stand-in asks it once there are issuers other than us"))]
pub(crate) fn within_stand_in_limits(
    held: &Held<'_>,
    counting: &mut Counting,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    against(held, &held.product.stand_in_limits, counting, receipt)
}

fn against(
    held: &Held<'_>,
    limits: &[Limit],
    counting: &mut Counting,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if held.request.transaction.takes_money() && held.request.transaction != TransactionType::Transfer {
        // For rules and those who look at the card, whatever limits there are.
        counting.push(Count {
            scope: Scope::Card,
            limit: of_type(held.request.transaction),
            window: Window::DAY,
        });
    }
    let about = |limit: &&Limit| {
        // Who is not named has no counters, and is not limited.
        let named = match limit.scope {
            Scope::Customer => held.account.account.customer.is_some(),
            Scope::Merchant => held.request.merchant.is_some(),
            Scope::Card | Scope::Account | Scope::Terminal | Scope::Product => true,
            Scope::Ip | Scope::Email | Scope::Address => traces(held.request).of(limit.scope).is_some(),
        };
        named && limit.filter.matches(held.request, held.tables)
    };
    let own = own_limits(held);
    for limit in limits.iter().filter(about) {
        let (minor, count) = match counters(held, limit) {
            Some(counters) if limit.window != Window::TRANSACTION => {
                counters.used(limit.counter, limit.window, held.moment)
            }
            _ => (0, 0),
        };
        let seen = Seen { minor: minor.saturating_add(held.amount_minor), count: count.saturating_add(1) };
        let (bound, used_up) = bound(held, limit, &own, seen);
        if !passes(bound, seen) {
            tell_whose(held, limit, &own, bound, seen, receipt);
        }
        check(limit, bound, seen, receipt)?;
        // A limit has counters of its own; that of the short form is the one that is always counted.
        let mut add = |count: Count| {
            if counting.first() != Some(&count) {
                counting.push(count);
            }
        };
        if limit.window != Window::TRANSACTION {
            add(Count { scope: limit.scope, limit: limit.counter, window: limit.window });
        }
        if let Some(scope) = used_up {
            add(Count { scope, limit: limit.id, window: Window::TRANSACTION });
        }
    }
    Ok(())
}

/// What card, account and customer have of their own, in the order in which overrides go before one another.
fn own_limits<'a>(held: &Held<'a>) -> ArrayVec<(Scope, &'a OwnLimits), 3> {
    let customer = held.account.account.customer.as_ref();
    let all = [
        (Scope::Card, held.file.seldom().own_limits.as_deref()),
        (Scope::Account, held.account.own_limits.as_deref()),
        (Scope::Customer, customer.and_then(|customer| held.state.own_limits_of_customer(customer))),
    ];
    all.into_iter().filter_map(|(scope, own)| Some((scope, own?))).collect()
}

/// What a limit sees: the transaction and what was counted before it.
#[derive(Clone, Copy)]
struct Seen {
    minor: i64,
    count: u32,
}

/// What holds here and now, and whose override for one transaction it takes. An override stands in the place of
/// everything else, the card's before the account's and that before the customer's; without one, the strictest of
/// product, card, account and customer holds.
fn bound(held: &Held<'_>, limit: &Limit, own: &[(Scope, &OwnLimits)], seen: Seen) -> (Bound, Option<Scope>) {
    let product = match limit.scope {
        Scope::Card | Scope::Account | Scope::Customer => limit.bound,
        // Cards of other shards come there, too, of which this one knows nothing.
        Scope::Terminal | Scope::Merchant | Scope::Product | Scope::Ip | Scope::Email | Scope::Address => {
            limit.bound.share(held.tables.shards)
        }
    };
    let usual = own.iter().filter_map(|(_, own)| own.bound(limit.id)).fold(product, Bound::strictest);
    for (scope, own) in own {
        if let Some(replaced) = own.replaced(limit.id, held.moment.time) {
            let needed = replaced.once && !passes(usual, seen);
            return (replaced.bound, needed.then_some(*scope));
        }
    }
    (usual, None)
}

fn passes(bound: Bound, seen: Seen) -> bool {
    bound.amount_minor.is_none_or(|minor| seen.minor <= minor)
        && bound.count.is_none_or(|count| seen.count <= count)
}

/// Before a refusal: which limit it is, and whose value that is where it is not the product's.
fn tell_whose(
    held: &Held<'_>,
    limit: &Limit,
    own: &[(Scope, &OwnLimits)],
    bound: Bound,
    seen: Seen,
    receipt: &mut Receipt,
) {
    if limit.number != 0 {
        receipt.note(Step::LimitNumber, i64::from(limit.number), 0);
    }
    let number = |scope: &Scope| match scope {
        Scope::Card => 1,
        Scope::Account => 2,
        _ => 3,
    };
    let replaced = |(_, own): &&(Scope, &OwnLimits)| own.replaced(limit.id, held.moment.time).is_some();
    if let Some((scope, _)) = own.iter().find(replaced) {
        return receipt.note(Step::LimitOf, number(scope), 1);
    }
    let over = bound.amount_minor.filter(|most| seen.minor > *most);
    let says = |other: Bound| match over {
        Some(most) => other.amount_minor == Some(most),
        None => other.count == bound.count,
    };
    let of_own = own.iter().find(|(_, own)| own.bound(limit.id).is_some_and(says));
    if let Some((scope, _)) = of_own.filter(|_| !says(limit.bound)) {
        receipt.note(Step::LimitOf, number(scope), 0);
    }
}

fn check(limit: &Limit, bound: Bound, seen: Seen, receipt: &mut Receipt) -> Result<(), Decline> {
    let (amount, number) = match limit.window {
        Window::TRANSACTION => (Step::LimitPerTransaction, Step::LimitCount),
        Window::DAY => (Step::LimitDailyAmount, Step::LimitDailyCount),
        _ => (Step::LimitAmount, Step::LimitCount),
    };
    if let Some(most) = bound.amount_minor {
        at_most(amount, ResponseCode::OVER_AMOUNT_LIMIT, seen.minor, most, receipt)?;
    }
    if let Some(most) = bound.count {
        at_most(number, ResponseCode::OVER_COUNT_LIMIT, i64::from(seen.count), i64::from(most), receipt)?;
    }
    Ok(())
}

#[inline]
fn at_most(
    step: Step,
    code: ResponseCode,
    seen: i64,
    limit: i64,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if seen > limit {
        return Err(receipt.fail(step, code, seen, limit));
    }
    receipt.pass(step, seen, limit);
    Ok(())
}

/// Whose counters a limit asks.
fn counters<'a>(held: &Held<'a>, limit: &Limit) -> Option<&'a Counters> {
    let request = held.request;
    match limit.scope {
        Scope::Card => Some(&held.file.counters),
        Scope::Account => held.account.counters.as_deref(),
        Scope::Customer => held.state.counters_of_customer(held.account.account.customer.as_ref()?),
        Scope::Terminal => held.state.counters_at_terminal(request.link, request.terminal),
        Scope::Merchant => held.state.counters_at_merchant(&request.merchant?),
        Scope::Product => held.state.counters_of_product(),
        scope @ (Scope::Ip | Scope::Email | Scope::Address) => {
            held.state.counters_of_trace(scope, traces(request).of(scope)?)
        }
    }
}

fn traces(request: &Request) -> Traces {
    request.particulars.as_ref().map_or_else(Traces::default, |told| told.traces)
}

/// What today has counted of this type of transaction: minor units and number.
pub(crate) fn used(file: &CardFile, transaction: TransactionType, moment: Moment) -> (i64, u32) {
    file.counters.used(of_type(transaction), Window::DAY, moment)
}

fn of_type(transaction: TransactionType) -> LimitId {
    match transaction {
        TransactionType::Withdrawal | TransactionType::CashAdvance => LimitId::WITHDRAWALS,
        _ => LimitId::PURCHASES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Filter;
    use crate::record::{Account, AccountKind, Card, CardStatus, Record};
    use crate::request::{AccountType, EntryMode, MessageClass};
    use crate::{AccountId, LinkName, ReplyTo, TransmissionTime};
    use card::{Currency, Expiry, Pan, Scheme, Stan, TerminalId, Time, UtcOffset};

    /// Stand-in has a set of its own: neither refuses what the other one limits.
    #[test]
    fn stand_in_limits_are_apart() {
        let check = |usual: i64, stand_in: i64, expect: [Option<ResponseCode>; 2]| {
            let limit = |name: &str, minor| Limit {
                name: name.to_owned(),
                id: LimitId::of(name),
                counter: LimitId::of(name),
                number: 1,
                scope: Scope::Card,
                window: Window::DAY,
                bound: Bound { amount_minor: Some(minor), count: None },
                filter: Filter::default(),
            };
            let mut product = Product::plain("classic", vec!["4".to_owned()], Scheme::Visa);
            product.limits = vec![limit("usual", usual)];
            product.stand_in_limits = vec![limit("absent", stand_in)];
            let (state, request) = (state(), request());
            let now = Time::from_unix_ms(1_781_524_800_000);
            let held = Held {
                tables: &Tables::default(),
                state: &state,
                product: &product,
                file: state.card(&request.pan).unwrap(),
                account: state.account(&account()).unwrap(),
                request: &request,
                moment: Moment::new(now.day(UtcOffset::default()), now),
                amount_minor: request.amount_minor,
            };
            let code = |told: Result<(), Decline>| told.err().map(|decline| decline.code);
            let mut receipt = Receipt::default();
            let mut counting = Counting::new();
            let usual = code(within_limits(&held, &mut counting, &mut receipt));
            assert_eq!([usual, code(within_stand_in_limits(&held, &mut counting, &mut receipt))], expect);
        };
        let over = Some(ResponseCode::OVER_AMOUNT_LIMIT);
        check(100, 100, [None, None]);
        check(99, 100, [over, None]);
        check(100, 99, [None, over]);
    }

    fn account() -> AccountId {
        AccountId::new("main").unwrap()
    }

    fn state() -> State {
        let mut state = State::default();
        state.apply(&Record::AccountStored(Account {
            id: account(),
            currency: Currency::parse("EUR").unwrap(),
            kind: AccountKind::Default,
            opening_minor: 1_000,
            credit_line_minor: 0,
            customer: None,
            home: None,
            customer_home: None,
        }));
        state.apply(&Record::CardStored(Card {
            pan: request().pan,
            expiry: Expiry::parse_yymm(b"2912").unwrap(),
            start: None,
            status: CardStatus::Active,
            card_sequence: None,
            account: account(),
            pin: None,
            further: Box::default(),
        }));
        state
    }

    fn request() -> Request {
        Request {
            reply_to: ReplyTo { connection: 1, slot: 0 },
            link: LinkName::new("pos").unwrap(),
            class: MessageClass::Financial,
            transaction: TransactionType::Purchase,
            account_type: AccountType::Default,
            pan: Pan::parse(b"4000001234567899").unwrap(),
            expiry: None,
            card_sequence: None,
            amount_minor: 100,
            currency: 978,
            stan: Stan::new(1).unwrap(),
            rrn: None,
            transmission: TransmissionTime::default(),
            terminal: TerminalId::new(b"POS00001").unwrap(),
            merchant: None,
            mcc: 5999,
            country: 0,
            entry: EntryMode::Manual,
            point_of_service: crate::PointOfService::default(),
            stated: crate::Stated::default(),
            track2: None,
            token: None,
            pin_block: None,
            new_pin: None,
            chip: None,
            cash: None,
            instruction: crate::Instruction::default(),
            particulars: None,
            one_time_code: None,
        }
    }
}
