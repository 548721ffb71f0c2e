//! A card with all there is about it, for whoever keeps the card base.

use crate::card_mode::CardMode;
use crate::counters::{Moment, Scope, Window};
use crate::effect::Balance;
use crate::limit::{Bound, Limit};
use crate::own_limits::Override;
use crate::record::{Account, Card};
use crate::script::QueuedScript;
use crate::state::{Counters, State};
use crate::tables::Tables;
use crate::verification::Unverified;
use card::{Pan, Time};

/// A limit as a card stands to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitView {
    /// Its name.
    pub name: String,
    /// Whose transactions it adds up.
    pub scope: Scope,
    /// Over which time.
    pub window: Window,
    /// What the product says.
    pub bound: Bound,
    /// What the card says.
    pub of_card: Option<Bound>,
    /// What the account says.
    pub of_account: Option<Bound>,
    /// What the customer says.
    pub of_customer: Option<Bound>,
    /// What stands in the place of all of them now.
    pub replaced: Option<Override>,
    /// What is counted: minor units and number. `None` for a limit of single transactions, and for those whose counters
    /// do not follow from the card.
    pub used: Option<(i64, u32)>,
}

/// A card with all there is about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardView {
    /// The card.
    pub card: Card,
    /// Wrong PINs counted.
    pub pin_tries_used: u8,
    /// Highest ATC accepted.
    pub highest_atc: Option<u16>,
    /// Used of today's limits, minor units and number: purchases, then withdrawals.
    pub today: [(i64, u32); 2],
    /// Its account with the balance; `None` for a card whose account is not on file.
    pub account: Option<(Account, Balance)>,
    /// Its further accounts, likewise.
    pub further: Vec<(Account, Balance)>,
    /// Its limits.
    pub limits: Vec<LimitView>,
    /// Its mode.
    pub mode: CardMode,
    /// Contactless transactions since the last verification.
    pub unverified: Unverified,
    /// Commands for its chip that are not done.
    pub scripts: Vec<QueuedScript>,
}

impl CardView {
    /// The card as this state has it at this moment, with the limits of these tables.
    #[must_use]
    pub fn of(state: &State, tables: &Tables, pan: &Pan, now: Time) -> Option<CardView> {
        let card = state.card_on_file(pan)?.clone();
        let today = now.day(tables.business_offset);
        let limits = LimitView::all(state, tables, pan, now);
        let (pin_tries_used, highest_atc) = state.card_counters(pan)?;
        let today = state.card_usage(pan, today)?;
        let account = state.account_on_file(&card.account).cloned();
        let account = account.zip(state.balance(&card.account));
        let further = card.further.iter();
        let further = further.filter_map(|id| state.account_on_file(id).cloned().zip(state.balance(id)));
        let further = further.collect();
        let mode = state.card_mode(pan).cloned().unwrap_or_default();
        let unverified = state.card_unverified(pan)?;
        let scripts = state.card_scripts(pan).to_vec();
        Some(CardView {
            card,
            pin_tries_used,
            highest_atc,
            today,
            account,
            further,
            limits,
            mode,
            unverified,
            scripts,
        })
    }
}

impl LimitView {
    /// The limits of a card, in the order in which they are asked.
    fn all(state: &State, tables: &Tables, pan: &Pan, now: Time) -> Vec<LimitView> {
        let Some((file, product)) = state.card(pan).zip(tables.product(pan)) else { return Vec::new() };
        let account = state.account(&file.card.account);
        let customer = account.and_then(|account| account.account.customer);
        let own = [
            file.seldom().own_limits.as_deref(),
            account.and_then(|account| account.own_limits.as_deref()),
            customer.and_then(|customer| state.own_limits_of_customer(&customer)),
        ];
        let moment = Moment::new(now.day(tables.business_offset), now);
        let view = |limit: &Limit| {
            // Who has counted nothing has no counters.
            let counters = match limit.scope {
                Scope::Card => Some(Some(&file.counters)),
                Scope::Account => account.map(|account| account.counters.as_deref()),
                Scope::Customer => customer.map(|customer| state.counters_of_customer(&customer)),
                Scope::Terminal
                | Scope::Merchant
                | Scope::Product
                | Scope::Ip
                | Scope::Email
                | Scope::Address => None,
            };
            let counters = counters.filter(|_| limit.window != Window::TRANSACTION);
            let counted = |counters: &Counters| counters.used(limit.counter, limit.window, moment);
            LimitView {
                name: limit.name.clone(),
                scope: limit.scope,
                window: limit.window,
                bound: limit.bound,
                of_card: own[0].and_then(|own| own.bound(limit.id)),
                of_account: own[1].and_then(|own| own.bound(limit.id)),
                of_customer: own[2].and_then(|own| own.bound(limit.id)),
                replaced: own.iter().flatten().find_map(|own| own.replaced(limit.id, now)),
                used: counters.map(|counters| counters.map_or((0, 0), counted)),
            }
        };
        product.limits.iter().map(view).collect()
    }
}
