//! Tokens with their chip counters. A token lives in the shard of its card.

use super::snapshot::Element;
use super::{CardFile, ChipCounter, State};
use crate::card_change::Did;
use crate::indexed::Entry;
use crate::limits::TRANSACTION_REACH;
use crate::record::Record;
use crate::request::Request;
use crate::token::{Token, TokenChange, TokenNumber, TokenRefusal, TokenRemoved, TokenStatus, TokenTask};
use card::{Pan, Time};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Tokens that are off the file, and the cards that they stood for: what was decided about them may still be told of,
/// repeated and reversed by their numbers.
#[derive(Debug, Default)]
pub(super) struct GoneTokens {
    cards: HashMap<Pan, TokenRemoved>,
    /// In the order of their going.
    order: VecDeque<(Time, Pan)>,
}

impl GoneTokens {
    /// Takes one in, and lets those go whose transactions nobody reaches any more.
    fn insert(&mut self, removed: TokenRemoved) {
        let reached = removed.time.minus(TRANSACTION_REACH);
        while let Some((time, number)) = self.order.front().copied().filter(|(time, _)| *time < reached) {
            self.order.pop_front();
            if self.cards.get(&number).is_some_and(|gone| gone.time == time) {
                self.cards.remove(&number);
            }
        }
        self.order.push_back((removed.time, removed.number.0));
        self.cards.insert(removed.number.0, removed);
    }

    pub(super) fn freeze(&self) -> Vec<Element> {
        let known = |(time, number): &(Time, Pan)| self.cards.get(number).filter(|gone| gone.time == *time);
        self.order.iter().filter_map(known).map(|gone| Element::TokenGone(*gone)).collect()
    }
}

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
        self.gone_tokens.cards.remove(&token.number.0);
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
            self.gone_tokens.insert(*removed);
        }
    }

    /// Puts back what is known of a token that is off the file.
    pub(super) fn restore_gone(&mut self, removed: TokenRemoved) {
        self.gone_tokens.insert(removed);
    }

    /// The card that a token stands for, or stood for lately.
    pub(crate) fn card_of_token(&self, number: &Pan) -> Option<Pan> {
        let on_file = self.token(number).map(|file| file.token.card);
        on_file.or_else(|| {
            // Most have lost none.
            if self.gone_tokens.cards.is_empty() {
                return None;
            }
            self.gone_tokens.cards.get(number).map(|gone| gone.card)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use card::Expiry;

    #[test]
    fn what_a_token_stood_for_is_known_as_long_as_its_transactions() {
        let pan = |number: u64| Pan::from_number(4_899_000_000_000_000 + number, 16).unwrap();
        let card = pan(999);
        let at = |minutes: i64| Time::from_unix_ms(minutes * 60_000);
        let put = |state: &mut State, number: u64| {
            let expiry = Expiry::parse_yymm(b"2912").unwrap();
            let token = Token { number: TokenNumber(pan(number)), card, expiry, status: TokenStatus::Active };
            state.apply(&Record::TokenStored(token));
        };
        let remove = |state: &mut State, number: u64, time: Time| {
            let number = TokenNumber(pan(number));
            state.apply(&Record::TokenRemoved(TokenRemoved { number, card, time }));
        };
        let mut state = State::default();
        [1, 2, 3].into_iter().for_each(|number| put(&mut state, number));
        remove(&mut state, 1, at(0));
        remove(&mut state, 2, at(10));
        let mut restored = State::default();
        state.freeze().into_each(|element| restored.restore(element.clone()));
        let known = |state: &State| [1, 2, 3, 4].map(|number| state.card_of_token(&pan(number)).is_some());
        assert_eq!((known(&state), known(&restored)), ([true, true, true, false], [true, true, true, false]));
        // One that comes back and goes again is known from then on.
        put(&mut state, 1);
        remove(&mut state, 1, at(20));
        let later = at(10).plus(TRANSACTION_REACH).plus(std::time::Duration::from_mins(5));
        remove(&mut state, 3, later);
        assert_eq!(known(&state), [true, false, true, false]);
    }
}
