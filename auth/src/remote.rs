//! Steps 6, 10 and 11: what a message tells of the holder and of a purchase without the card, held against the card's
//! file and the rules of its product.

use crate::chip_rules::Reaction;
use crate::decision::CardCounters;
use crate::holder::HolderFacts;
use crate::hsm_checks::{ChecksReply, CvvCheck, CvvResult, OrderCheck};
use crate::particulars::{Authentication, Cvv2, Particulars};
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{EntryMode, Request, TransactionType};
use crate::state::{CardFile, State};
use crate::tables::{Key, Product};
use crate::value_recipe::ValueRecipe;
use arrayvec::ArrayVec;
use card::{CivilDay, ResponseCode, Scheme, ServiceCode};
use std::sync::Arc;

/// What a product asks of a purchase without the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRules {
    /// The value printed on the card.
    pub cvv2: Demand,
    /// Wrong printed values of a card on a business day, from which on none is tried any more.
    pub cvv2_tries: u8,
    /// The code that signs the order (PIN-2).
    pub order: Demand,
    /// What is done about a holder's name that is not the one on file.
    pub holder_name: Reaction,
    /// What is done about a chip whose number is not the one of the message.
    pub chip_pan: Reaction,
    /// What is done about each result of the address.
    pub address: [Reaction; AddressResult::ALL.len()],
    /// Which authentication of the holder an order from the net needs.
    pub authentication: AuthenticationDemand,
    /// What is answered without it.
    pub authentication_code: ResponseCode,
    /// How the value of an authentication is verified; `None` where it is not.
    pub authentication_value: Option<Box<ValueRecipe>>,
    /// Indicators that say the holder was authenticated.
    pub authenticated: ArrayVec<u8, 8>,
    /// Indicators that say it was tried, and that holder or issuer take no part.
    pub attempted: ArrayVec<u8, 8>,
    /// What needs no proof that the card or its holder was there.
    pub without_proof: ArrayVec<WithoutProof, 4>,
}

/// Whether something has to come with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Not looked at.
    Ignored,
    /// Checked where it comes.
    Optional,
    /// Declined without it.
    Required,
}

/// Which authentication an order from the net needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationDemand {
    /// None; what comes is told.
    None,
    /// One that was tried will do.
    Attempted,
    /// The holder was authenticated.
    Required,
}

/// What a product decides without a proof that the card or its holder was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutProof {
    /// An order from the net whose holder was authenticated.
    Authenticated,
    /// A number that the merchant keeps.
    CredentialOnFile,
    /// One that is charged again and again.
    Recurring,
    /// Whether card and account are in order, which moves nothing.
    Verification,
}

/// What came of the comparison of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AddressResult {
    /// Address and postal code agree.
    Both,
    /// The address agrees.
    Address,
    /// The postal code agrees.
    PostalCode,
    /// Neither agrees.
    Neither,
    /// Nothing could be compared.
    Unavailable,
}

impl AddressResult {
    /// Every result. The place of a result here is part of receipts.
    pub const ALL: [AddressResult; 5] = [
        AddressResult::Both,
        AddressResult::Address,
        AddressResult::PostalCode,
        AddressResult::Neither,
        AddressResult::Unavailable,
    ];

    /// The letter that messages carry: `Y`, `A`, `Z`, `N`, `U`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            AddressResult::Both => 'Y',
            AddressResult::Address => 'A',
            AddressResult::PostalCode => 'Z',
            AddressResult::Neither => 'N',
            AddressResult::Unavailable => 'U',
        }
    }

    /// The letter as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AddressResult::Both => "Y",
            AddressResult::Address => "A",
            AddressResult::PostalCode => "Z",
            AddressResult::Neither => "N",
            AddressResult::Unavailable => "U",
        }
    }

    /// The result of a letter.
    #[must_use]
    pub fn parse(letter: &str) -> Option<AddressResult> {
        AddressResult::ALL.into_iter().find(|result| result.as_str() == letter)
    }
}

/// What an indicator says of the holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authenticated {
    Yes,
    Attempted,
    No,
}

impl Authenticated {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Authenticated::Yes => "authenticated",
            Authenticated::Attempted => "attempted",
            Authenticated::No => "none",
        }
    }
}

impl Default for RemoteRules {
    fn default() -> RemoteRules {
        RemoteRules {
            cvv2: Demand::Optional,
            cvv2_tries: 5,
            order: Demand::Optional,
            holder_name: Reaction::Flag,
            chip_pan: Reaction::Decline(ResponseCode::INVALID_CARD),
            address: [Reaction::Ignore; AddressResult::ALL.len()],
            authentication: AuthenticationDemand::None,
            authentication_code: ResponseCode::OVER_COUNT_LIMIT,
            authentication_value: None,
            authenticated: [5, 2].into_iter().collect(),
            attempted: [6, 1].into_iter().collect(),
            without_proof: ArrayVec::new(),
        }
    }
}

impl RemoteRules {
    /// Whether its indicator says that the holder was authenticated, or that it was tried.
    pub(crate) fn claims(&self, authentication: &Authentication) -> bool {
        let among = |known: &[u8]| authentication.indicator.is_some_and(|said| known.contains(&said));
        among(&self.authenticated) || among(&self.attempted)
    }

    /// What came of the authentication. Without its value an indicator proves nothing.
    pub(crate) fn says(&self, authentication: &Authentication) -> Authenticated {
        match authentication.indicator {
            Some(indicator) if self.authenticated.contains(&indicator) && authentication.has_value => {
                Authenticated::Yes
            }
            Some(indicator) if self.attempted.contains(&indicator) => Authenticated::Attempted,
            _ => Authenticated::No,
        }
    }
}

/// Whether a card is used without being there.
fn is_remote(entry: EntryMode) -> bool {
    !entry.has_chip_data() && !entry.is_striped()
}

/// Step 6 and 10, as far as they need the card's file: whose chip and name it is, where the holder lives, and what an
/// authentication has said.
pub(crate) fn holder(
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let rules = &product.remote;
    let told = request.particulars.as_deref();
    if told.and_then(|told| told.chip_pan).is_some_and(|pan| pan != request.presented()) {
        react(rules.chip_pan, Step::ChipPan, [0, 0], receipt)?;
    }
    let names = told.and_then(|told| told.holder_name).zip(facts(file).and_then(|facts| facts.name));
    match names {
        Some((sent, on_file)) if sent != on_file => {
            react(rules.holder_name, Step::HolderName, [0, 0], receipt)?;
        }
        Some(_) => receipt.pass(Step::HolderName, 0, 0),
        None => {}
    }
    if let Some(result) = address_result(file, told) {
        let number = result as i64 + 1;
        match rules.address[result as usize] {
            Reaction::Ignore => receipt.pass(Step::Address, number, 0),
            reaction => react(reaction, Step::Address, [number, 0], receipt)?,
        }
    }
    authentication(product, request, receipt)
}

fn react(
    reaction: Reaction,
    step: Step,
    [seen, limit]: [i64; 2],
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    match reaction {
        Reaction::Ignore => Ok(()),
        Reaction::Flag => {
            receipt.note(step, seen, limit);
            Ok(())
        }
        Reaction::Decline(code) => Err(receipt.fail(step, code, seen, limit)),
    }
}

fn facts(file: &CardFile) -> Option<&HolderFacts> {
    file.seldom().holder.as_deref()
}

/// What comes of comparing address and postal code; `None` when the message has neither.
pub(crate) fn address_result(file: &CardFile, told: Option<&Particulars>) -> Option<AddressResult> {
    let told = told?;
    let (address, postal_code) = (told.address, told.postal_code);
    if !told.asks_address && address.is_none() && postal_code.is_none() {
        return None;
    }
    let facts = facts(file);
    let address = address.zip(facts.and_then(|facts| facts.address)).map(|(sent, on_file)| sent == on_file);
    let postal_code =
        postal_code.zip(facts.and_then(|facts| facts.postal_code)).map(|(sent, on_file)| sent == on_file);
    Some(match (address, postal_code) {
        (Some(true), Some(true)) => AddressResult::Both,
        (Some(true), _) => AddressResult::Address,
        (_, Some(true)) => AddressResult::PostalCode,
        (None, None) => AddressResult::Unavailable,
        _ => AddressResult::Neither,
    })
}

/// Of orders from the net alone: nobody authenticates the holder anew for a number that is kept.
fn authentication(product: &Product, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let rules = &product.remote;
    let sent = request.particulars.as_ref().and_then(|told| told.authentication.as_ref());
    if request.entry != EntryMode::Ecommerce
        || (sent.is_none() && rules.authentication == AuthenticationDemand::None)
    {
        return Ok(());
    }
    if sent.is_some_and(|sent| sent.malformed) {
        receipt.note(Step::AuthenticationValue, 0, 0);
    }
    let said = sent.map_or(Authenticated::No, |sent| rules.says(sent));
    let indicator = sent.and_then(|sent| sent.indicator).map_or(-1, i64::from);
    let enough = match rules.authentication {
        AuthenticationDemand::None => true,
        AuthenticationDemand::Attempted => said != Authenticated::No,
        AuthenticationDemand::Required => said == Authenticated::Yes,
    };
    // Whoever authenticated the holder, or tried to, passes the loss by fraud on to the issuer.
    let liable = i64::from(said != Authenticated::No);
    if !enough {
        return Err(receipt.fail(Step::Authentication, rules.authentication_code, indicator, liable));
    }
    receipt.pass(Step::Authentication, indicator, liable);
    Ok(())
}

/// Whether the product decides such a request without proof that the card or its holder was there.
pub(crate) fn needs_no_proof(product: &Product, request: &Request) -> bool {
    let rules = &product.remote;
    let sent = request.particulars.as_ref().and_then(|told| told.authentication.as_ref());
    rules.without_proof.iter().any(|kind| match kind {
        WithoutProof::Authenticated => {
            request.entry == EntryMode::Ecommerce
                && sent.is_some_and(|sent| rules.says(sent) == Authenticated::Yes)
        }
        WithoutProof::CredentialOnFile => request.entry == EntryMode::CredentialOnFile,
        WithoutProof::Recurring => request.entry == EntryMode::Recurring,
        WithoutProof::Verification => request.transaction == TransactionType::Verification,
    })
}

/// The printed value, which is a CVV with the service code 000. A missing one is only missed where somebody could
/// have read it off the card. The four digits of American Express cannot be verified, so they count as none.
pub(crate) fn cvv2_check(
    state: &State,
    product: &Product,
    file: &CardFile,
    request: &Request,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<Option<CvvCheck>, Decline> {
    let rules = &product.remote;
    if !is_remote(request.entry) || rules.cvv2 == Demand::Ignored {
        return Ok(None);
    }
    let kept = matches!(request.entry, EntryMode::CredentialOnFile | EntryMode::Recurring);
    let four_digits = product.scheme == Scheme::Amex;
    let sent = request.particulars.as_ref().and_then(|told| told.cvv2.as_ref());
    let cvv = match sent.filter(|sent| !(four_digits && matches!(sent, Cvv2::FourDigits))) {
        None if rules.cvv2 == Demand::Required && !kept => {
            return Err(receipt.fail(Step::Cvv2, ResponseCode::CVV2_WRONG, 0, 0));
        }
        None => return Ok(None),
        Some(Cvv2::Value(cvv)) if !four_digits => cvv.clone(),
        // No guess: no card of the scheme has as many digits.
        Some(_) => return Err(receipt.fail(Step::Cvv2, ResponseCode::CVV2_WRONG, 0, 0)),
    };
    let Some(cvk) = &product.cvk else { return Ok(None) };
    cvv2_tries_left(product, file, today, receipt)?;
    let of_token = request.token.and_then(|number| state.token_on_file(&number)).map(|token| token.expiry);
    Ok(Some(CvvCheck {
        cvk: Arc::clone(cvk),
        pan: request.presented(),
        expiry: of_token.unwrap_or(file.card.expiry),
        service_code: ServiceCode(*b"000"),
        cvv,
    }))
}

fn cvv2_tries_left(
    product: &Product,
    file: &CardFile,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let (used, limit) = (file.wrong_cvv2s(today), product.remote.cvv2_tries);
    if used >= limit {
        return Err(receipt.fail(Step::Cvv2Tries, ResponseCode::CVV2_WRONG, used.into(), limit.into()));
    }
    receipt.pass(Step::Cvv2Tries, used.into(), limit.into());
    Ok(())
}

/// The HSM's finding about the printed value, and its count. The count is looked at again: other guesses may have
/// been judged while this one was with the HSM.
pub(crate) fn cvv2(
    product: &Product,
    file: &CardFile,
    today: CivilDay,
    reply: &ChecksReply,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<(), Decline> {
    let Some(result) = reply.cvv2 else { return Ok(()) };
    let used = file.wrong_cvv2s(today);
    if used >= product.remote.cvv2_tries {
        return cvv2_tries_left(product, file, today, receipt);
    }
    match result {
        CvvResult::Right => {
            receipt.pass(Step::Cvv2, 0, 0);
            Ok(())
        }
        CvvResult::Wrong => {
            counters.wrong_cvv2s = Some(used.saturating_add(1));
            Err(receipt.fail(Step::Cvv2, ResponseCode::CVV2_WRONG, 0, 0))
        }
        CvvResult::Failed => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    }
}

/// The code that signs the order: a MAC of eight bytes under the card's own key. What is signed stands in
/// `docs/ecommerce.md`.
pub(crate) fn order_check(
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<Box<OrderCheck>>, Decline> {
    if !is_remote(request.entry) || product.remote.order == Demand::Ignored {
        return Ok(None);
    }
    let order = request.particulars.as_ref().and_then(|told| told.order.as_deref());
    let key = facts(file).and_then(|facts| facts.order_key);
    match (order, key) {
        (None, _) if product.remote.order == Demand::Required => {
            Err(receipt.fail(Step::OrderSignature, ResponseCode::SECURITY_VIOLATION, 0, 0))
        }
        (None, _) => Ok(None),
        // Nobody who has no key can have signed.
        (Some(_), None) => Err(receipt.fail(Step::OrderSignature, ResponseCode::SECURITY_VIOLATION, 0, 0)),
        (Some(order), Some(key)) => Ok(Some(Box::new(OrderCheck {
            key: Key { name: "order key of a card".to_owned(), cryptogram: key.as_str().to_owned() },
            message: signed(request, &order.text),
            code: order.code,
        }))),
    }
}

/// `amount|currency|merchant|terminal|order`: what the code covers, so that it is good for this order alone.
fn signed(request: &Request, text: &[u8]) -> Vec<u8> {
    let merchant = request.merchant.as_ref().map_or("", card::MerchantId::as_str);
    let (amount, currency) = (request.amount_minor, request.currency);
    let head =
        format!("{amount}|{currency:03}|{}|{}|", merchant.trim_end(), request.terminal.as_str().trim_end());
    [head.as_bytes(), text].concat()
}

/// The HSM's finding about the code.
pub(crate) fn order(reply: &ChecksReply, receipt: &mut Receipt) -> Result<(), Decline> {
    match reply.order {
        None => Ok(()),
        Some(CvvResult::Right) => {
            receipt.pass(Step::OrderSignature, 0, 0);
            Ok(())
        }
        Some(CvvResult::Wrong) => {
            Err(receipt.fail(Step::OrderSignature, ResponseCode::SECURITY_VIOLATION, 0, 0))
        }
        Some(CvvResult::Failed) => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    }
}
