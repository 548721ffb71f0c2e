//! Steps 6 and 10: what the card's product allows, whatever the card's own state says.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::{EntryMode, Request, TransactionType};
use crate::tables::{Product, Tables};
use crate::velocity::Held;
use crate::verification::{self, HolderVerification};
use card::ResponseCode;

/// What a product allows. The default allows everything.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProductRules {
    /// Only in the country of [`Tables::country`](crate::Tables::country).
    pub domestic_only: bool,
    /// Only at terminals of links that are our own.
    pub own_terminals_only: bool,
    /// ISO 4217 numbers it may be used in; empty for any.
    pub currencies: Vec<u16>,
    /// How the card may be read; empty for any.
    pub entry_modes: Vec<EntryMode>,
    /// Only for orders from the net, and for numbers that a merchant keeps of them.
    pub ecommerce_only: bool,
    /// Only where a machine reads the card, or the holder orders from the net: nobody keys the number in.
    pub electronic_only: bool,
    /// Whether cash may be had for a number that was keyed. Refused unless a product allows it.
    pub keyed_cash: bool,
    /// Above this amount (minor units of the account's currency) the merchant has to look at an identity document:
    /// such an approval without a proof of the holder is answered 08. Nobody looks at a terminal without attendant.
    pub identify_above_minor: Option<i64>,
}

impl ProductRules {
    /// Whether a card may be read like this.
    #[must_use]
    pub fn lets_in(&self, entry: EntryMode) -> bool {
        let known = self.entry_modes.is_empty() || self.entry_modes.contains(&entry);
        known
            && (!self.ecommerce_only || from_the_net(entry))
            && (!self.electronic_only || is_electronic(entry))
    }
}

fn from_the_net(entry: EntryMode) -> bool {
    matches!(entry, EntryMode::Ecommerce | EntryMode::CredentialOnFile | EntryMode::Recurring)
}

fn is_electronic(entry: EntryMode) -> bool {
    !matches!(entry, EntryMode::Manual | EntryMode::Unknown)
}

/// Step 6: whether numbers of the product are that long.
pub(crate) fn length(product: &Product, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let length = request.pan.len();
    if product.pan_lengths.iter().any(|allowed| usize::from(*allowed) == length) {
        return Ok(());
    }
    Err(receipt.fail(Step::PanLength, ResponseCode::INVALID_CARD, length as i64, 0))
}

/// Step 10, in the order of its refusals: country, terminal, currency, entry.
pub(crate) fn allowed(
    tables: &Tables,
    product: &Product,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let rules = &product.rules;
    if rules.domestic_only {
        domestic(tables, request, receipt)?;
    }
    if rules.own_terminals_only {
        let own = tables.links.get(&request.link).is_some_and(|link| link.own);
        let code = ResponseCode::NOT_PERMITTED_TO_TERMINAL;
        hold(own, Step::OwnTerminals, code, [0, 0], receipt)?;
    }
    if !rules.currencies.is_empty() {
        let known = rules.currencies.contains(&request.currency);
        let code = ResponseCode::NOT_PERMITTED_TO_CARDHOLDER;
        hold(known, Step::ProductCurrency, code, [i64::from(request.currency), 0], receipt)?;
    }
    if !rules.entry_modes.is_empty() {
        let known = rules.entry_modes.contains(&request.entry);
        hold(known, Step::EntryMode, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, [0, 0], receipt)?;
    }
    if rules.ecommerce_only {
        let net = from_the_net(request.entry);
        hold(net, Step::EcommerceOnly, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, [0, 0], receipt)?;
    }
    if rules.electronic_only {
        let read = is_electronic(request.entry);
        hold(read, Step::ElectronicOnly, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, [0, 0], receipt)?;
    }
    let number_alone = !request.entry.has_chip_data() && !request.entry.is_striped();
    let keyed_cash = request.transaction.draws_cash() && number_alone;
    if keyed_cash && !rules.keyed_cash {
        return Err(receipt.fail(Step::KeyedCash, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, 0, 0));
    }
    Ok(())
}

/// Where the acquirer is. One that does not say its country (DE 19) is taken to be abroad (0), unless it is our own.
pub(crate) fn country(tables: &Tables, request: &Request) -> u16 {
    let own = tables.links.get(&request.link).is_some_and(|link| link.own);
    if request.country == 0 && own { tables.country } else { request.country }
}

fn domestic(tables: &Tables, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let (home, seen) = (i64::from(tables.country), i64::from(country(tables, request)));
    let at_home = home != 0 && seen == home;
    hold(at_home, Step::Domestic, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, [seen, home], receipt)
}

fn hold(
    holds: bool,
    step: Step,
    code: ResponseCode,
    [seen, limit]: [i64; 2],
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if !holds {
        return Err(receipt.fail(step, code, seen, limit));
    }
    receipt.pass(step, seen, limit);
    Ok(())
}

/// The code of an approval. Who has proven to be the holder needs no document, and an order without the card could not
/// show one. Where nobody attends the terminal, the holder has to be verified.
pub(crate) fn approval(
    held: &Held<'_>,
    verified: Option<HolderVerification>,
    receipt: &mut Receipt,
) -> Result<ResponseCode, Decline> {
    let Held { tables, product, request, amount_minor: amount, .. } = *held;
    let Some(limit) = product.rules.identify_above_minor.filter(|limit| amount > *limit) else {
        return Ok(ResponseCode::APPROVED);
    };
    let hands_out = matches!(
        request.transaction,
        TransactionType::Purchase | TransactionType::Cashback | TransactionType::CashAdvance
    );
    let ordered = from_the_net(request.entry) || request.point_of_service.holder_present == Some(false);
    if !hands_out || ordered || verified.is_some_and(HolderVerification::proves_holder) {
        return Ok(ResponseCode::APPROVED);
    }
    if verification::unattended(tables, request) {
        return Err(receipt.fail(Step::Identify, verification::wanted(tables, request), amount, limit));
    }
    receipt.note(Step::Identify, amount, limit);
    Ok(ResponseCode::HONOUR_WITH_IDENTIFICATION)
}
