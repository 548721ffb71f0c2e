//! Tokens with their chip counters. A token lives in the shard of its card.

use super::{CardFile, ChipCounter, State};
use crate::card_change::Did;
use crate::indexed::Entry;
use crate::record::Record;
use crate::request::Request;
use crate::token::{Token, TokenChange, TokenNumber, TokenRefusal, TokenRemoved, TokenStatus, TokenTask};
use card::{Pan, Time};
use serde::{Deserialize, Serialize};

/// A token with its counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenFile {
    pub(crate) token: Token,
    pub(crate) counter: ChipCounter,
}

impl Entry for TokenFile {
    type Key = Pan;

    fn key(&self) -> Pan {
        self.token.number.0
    }

    fn touch(&self) -> u64 {
        u64::from(self.counter.highest.unwrap_or(0)) ^ self.token.card.spread()
    }
}

impl State {
    pub(super) fn store_token(&mut self, token: &Token) {
        if let Some(file) = self.tokens.get_mut(&token.number.0) {
            file.token = *token;
            return;
        }
        self.insert_token(TokenFile { token: *token, counter: ChipCounter::default() });
        self.count_tokens(&token.card, 1);
    }

    /// The number of tokens is in the card's own element.
    pub(super) fn insert_token(&mut self, file: TokenFile) {
        self.tokens.insert(file);
    }

    pub(super) fn remove_token(&mut self, removed: &TokenRemoved) {
        if self.tokens.remove(&removed.number.0).is_some() {
            self.count_tokens(&removed.card, -1);
        }
    }

    fn count_tokens(&mut self, card: &Pan, change: i8) {
        if let Some(file) = self.card_mut(card) {
            file.tokens = file.tokens.saturating_add_signed(change);
        }
    }

    pub(super) fn take_token_atc(&mut self, number: TokenNumber, atc: u16) {
        if let Some(file) = self.tokens.get_mut(&number.0) {
            file.counter.take(atc);
        }
    }

    pub(crate) fn token(&self, number: &Pan) -> Option<&TokenFile> {
        if self.tokens.len() == 0 { None } else { self.tokens.get(number) }
    }

    /// The counter that a request's chip has to be above: the token's own, or the card's.
    pub(crate) fn chip_counter(&self, file: &CardFile, request: &Request) -> ChipCounter {
        match request.token.and_then(|number| self.token(&number)) {
            Some(token) => token.counter,
            None => file.chip_counter(),
        }
    }

    /// The token on file.
    #[must_use]
    pub fn token_on_file(&self, number: &Pan) -> Option<&Token> {
        self.token(number).map(|file| &file.token)
    }

    /// The highest chip counter of a token.
    #[must_use]
    pub fn token_atc(&self, number: &Pan) -> Option<u16> {
        self.token(number)?.counter.highest
    }

    /// All tokens, by the card that they stand for.
    #[must_use]
    pub fn tokens_in_order(&self) -> Vec<&Token> {
        let mut tokens: Vec<&Token> = self.tokens.iter().map(|file| &file.token).collect();
        tokens.sort_unstable_by_key(|token| (token.card, token.number.0));
        tokens
    }

    /// The record of a change, if there is anything to do, and what it does.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn plan_token(&self, change: &TokenChange, now: Time) -> Result<(Option<Record>, Did), TokenRefusal> {
        let on_file = self.token_on_file(&change.number).copied();
        let number = TokenNumber(change.number);
        let token = match change.task {
            TokenTask::Remove => {
                let Some(Token { card, .. }) = on_file else { return Ok((None, Did::Absent)) };
                let removed = TokenRemoved { number, card, time: now };
                return Ok((Some(Record::TokenRemoved(removed)), Did::Removed));
            }
            TokenTask::Set(status) => Token { status, ..on_file.ok_or(TokenRefusal::NotOnFile)? },
            TokenTask::Put { card, expiry, status } => {
                let file = self.card(&card).ok_or(TokenRefusal::NoCard)?;
                if self.card(&change.number).is_some() {
                    return Err(TokenRefusal::IsCard);
                }
                if on_file.is_some_and(|on_file| on_file.card != card) {
                    return Err(TokenRefusal::OtherCard);
                }
                if on_file.is_none() && file.tokens == u8::MAX {
                    return Err(TokenRefusal::Full);
                }
                let before = on_file.map_or(TokenStatus::Active, |on_file| on_file.status);
                Token { number, card, expiry, status: status.unwrap_or(before) }
            }
        };
        let did = match on_file {
            None => Did::Added,
            Some(on_file) if on_file == token => return Ok((None, Did::Same)),
            Some(_) => Did::Updated,
        };
        Ok((Some(Record::TokenStored(token)), did))
    }
}
