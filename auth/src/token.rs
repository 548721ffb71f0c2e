//! Tokens: numbers that stand for a card on a device or with a merchant. What comes with one is decided as of
//! the card behind it; the number under a cryptogram or a verification value is the token's own.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
use crate::state::State;
use crate::tables::Tables;
use card::{CivilDay, Expiry, Pan, ResponseCode, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A token on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its number.
    pub number: TokenNumber,
    /// The card that it stands for.
    #[serde(with = "card::sealed_pan")]
    pub card: Pan,
    /// Its own last month of validity.
    pub expiry: Expiry,
    /// Its own status.
    pub status: TokenStatus,
}

/// The number of a token: as long as a card number, and as secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenNumber(#[serde(with = "card::sealed_pan")] pub Pan);

/// Whether a token may be used. One that is gone is off the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenStatus {
    /// In use.
    Active,
    /// For the time being not: 62.
    Suspended,
}

impl TokenStatus {
    /// Every status.
    pub const ALL: [TokenStatus; 2] = [TokenStatus::Active, TokenStatus::Suspended];

    /// The word used in files and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenStatus::Active => "active",
            TokenStatus::Suspended => "suspended",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<TokenStatus> {
        TokenStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A token that is off the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRemoved {
    /// Its number.
    pub number: TokenNumber,
    /// The card that it stood for, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub card: Pan,
    /// When.
    pub time: Time,
}

/// A change of a token, asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenChange {
    /// Which token.
    pub number: Pan,
    /// What to do with it.
    pub task: TokenTask,
}

/// What to do with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTask {
    /// Put it on file for this card, or change what is there.
    Put {
        /// The card.
        card: Pan,
        /// Last month of validity.
        expiry: Expiry,
        /// Status; `None` leaves it as it is, and makes a new one active.
        status: Option<TokenStatus>,
    },
    /// Give it this status.
    Set(TokenStatus),
    /// Take it off the file.
    Remove,
}

/// Why a token may not be changed. Holds no card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The card is not on file.
    NoCard,
    /// The number is that of a card on file.
    IsCard,
    /// It stands for another card.
    OtherCard,
    /// The token is not on file.
    NotOnFile,
    /// The card has too many.
    Full,
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenRefusal::NoCard => "pan: the card is not on file",
            TokenRefusal::IsCard => "token: is the number of a card on file",
            TokenRefusal::OtherCard => {
                "token: stands for another card; remove it first (where that card was of another shard, the number \
                 is not free again for eleven days)"
            }
            TokenRefusal::NotOnFile => "token: is not on file",
            TokenRefusal::Full => "pan: the card has 255 tokens already; remove some first",
        })
    }
}

/// Puts the card in the place of its token, before anything else looks at the request.
pub(crate) fn resolve(state: &State, request: &mut Request) {
    if let Some(card) = state.card_of_token(&request.pan) {
        request.token = Some(request.pan);
        request.pan = card;
    }
}

/// Step 7: a token that is not on file, in a range that has no cards. What was decided while it was may be completed.
pub(crate) fn known(
    state: &State,
    tables: &Tables,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let unknown = match request.token {
        None => tables.issues_token(&request.pan),
        Some(number) => request.instruction.original.is_none() && state.token(&number).is_none(),
    };
    if unknown {
        return Err(receipt.fail(Step::TokenOnFile, ResponseCode::INVALID_CARD, 0, 0));
    }
    Ok(())
}

/// Steps 7 and 8: status and validity of the token itself.
pub(crate) fn usable(
    state: &State,
    request: &Request,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let Some(number) = request.token else { return Ok(()) };
    let file = state.token(&number).map(|file| file.token);
    let token = file.ok_or_else(|| receipt.fail(Step::TokenOnFile, ResponseCode::INVALID_CARD, 0, 0))?;
    receipt.pass(Step::TokenOnFile, 0, 0);
    if token.status == TokenStatus::Suspended {
        return Err(receipt.fail(Step::TokenStatus, ResponseCode::RESTRICTED, 0, 0));
    }
    let this_month = i64::from(today.year % 100) * 100 + i64::from(today.month);
    let expiry = token.expiry.to_yymm().iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    if token.expiry.is_before(today) {
        return Err(receipt.fail(Step::TokenValidity, ResponseCode::EXPIRED, expiry, this_month));
    }
    receipt.pass(Step::TokenValidity, expiry, this_month);
    Ok(())
}
