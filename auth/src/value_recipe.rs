//! Step 11: the value of a 3-D Secure authentication (CAVV, AAV), of an issuer who makes it as a card verification
//! value over other digits than expiry and service code. Which digits these are is in no public document, so the
//! product says it.

use crate::hsm_checks::{ChecksReply, CvvResult};
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{EntryMode, Request};
use crate::tables::{Key, Product};
use card::{AuthenticationValue, Cvv, Pan, ResponseCode};
use std::fmt;
use std::sync::Arc;

/// Which digits of an authentication value its check is made of. Places count from 1 to
/// [`AuthenticationValue::DIGITS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRecipe {
    /// Card verification key pair.
    pub key: Arc<Key>,
    /// The four digits in the place of the expiry.
    pub expiry: [u8; 4],
    /// The three in the place of the service code.
    pub service_code: [u8; 3],
    /// The three that come of it.
    pub result: [u8; 3],
}

/// Verify an authentication value (payShield CY). `Debug` masks what is of the value.
#[derive(Clone)]
pub struct ValueCheck {
    /// Card verification key pair.
    pub key: Arc<Key>,
    /// The card.
    pub pan: Pan,
    /// Four ASCII digits in the place of the expiry.
    pub expiry: [u8; 4],
    /// Three in the place of the service code.
    pub service_code: [u8; 3],
    /// What is to come of it.
    pub result: Cvv,
}

impl fmt::Debug for ValueCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueCheck({:?}, {:?}, ****)", self.key, self.pan)
    }
}

impl ValueRecipe {
    /// `None` where the value has other than decimal digits at a place.
    fn check(&self, pan: Pan, value: &AuthenticationValue) -> Option<ValueCheck> {
        Some(ValueCheck {
            key: Arc::clone(&self.key),
            pan,
            expiry: value.reveal_decimal(self.expiry)?,
            service_code: value.reveal_decimal(self.service_code)?,
            result: Cvv::parse(&value.reveal_decimal(self.result)?).ok()?,
        })
    }
}

/// The check of a value by which an order claims that its holder was authenticated, or that it was tried.
pub(crate) fn check(
    product: &Product,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<Box<ValueCheck>>, Decline> {
    let rules = &product.remote;
    let (EntryMode::Ecommerce, Some(recipe)) = (request.entry, rules.authentication_value.as_deref()) else {
        return Ok(None);
    };
    let Some(told) = request.particulars.as_deref() else { return Ok(None) };
    let claims = told
        .authentication
        .as_ref()
        .is_some_and(|sent| (sent.has_value || sent.malformed) && rules.claims(sent));
    if !claims {
        return Ok(None);
    }
    let check = told.authentication_value.as_ref().and_then(|value| recipe.check(request.presented(), value));
    match check {
        Some(check) => Ok(Some(Box::new(check))),
        // No value of this issuer has another form, or other digits there.
        None => Err(receipt.fail(Step::AuthenticationValue, rules.authentication_code, 0, 0)),
    }
}

/// The HSM's finding about the value.
pub(crate) fn found(product: &Product, reply: &ChecksReply, receipt: &mut Receipt) -> Result<(), Decline> {
    match reply.authentication_value {
        None => Ok(()),
        Some(CvvResult::Right) => {
            receipt.pass(Step::AuthenticationValue, 0, 0);
            Ok(())
        }
        Some(CvvResult::Wrong) => {
            Err(receipt.fail(Step::AuthenticationValue, product.remote.authentication_code, 0, 0))
        }
        Some(CvvResult::Failed) => Err(receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0)),
    }
}
