use crate::card_simulator::{CardSimulator, TrackSource};
use crate::chip::{ChipTransaction, CryptogramVersion};
use card::{Expiry, Pan, PinBlock, Track2};
use std::fmt;

/// A card as one terminal read it, once, and what its holder keyed. The fields are open, so that a test
/// can alter whatever it wants refused.
#[derive(Clone)]
pub struct Presentment {
    /// PAN entry mode: the first two digits of DE 22. 05 chip, 07 contactless, 90 stripe, 01 keyed.
    pub entry_mode: u8,
    /// The number.
    pub pan: Pan,
    /// Expiry (DE 14).
    pub expiry: Option<Expiry>,
    /// Track 2 (DE 35). When it is there, DE 2 is left out.
    pub track2: Option<Track2>,
    /// PAN sequence number (DE 23).
    pub card_sequence: Option<u8>,
    /// Chip data (DE 55).
    pub icc: Option<Vec<u8>>,
    /// Encrypted PIN (DE 52).
    pub pin_block: Option<PinBlock>,
    /// Elements as one network has them, by their number: a key serial number, a new PIN.
    pub others: Vec<(u8, Vec<u8>)>,
}

impl Presentment {
    /// The chip by its contacts; the card signs the transaction.
    #[must_use]
    pub fn chip(
        card: &mut CardSimulator,
        transaction: &ChipTransaction,
        version: CryptogramVersion,
    ) -> Presentment {
        Presentment::signed(5, card, transaction, version)
    }

    /// The chip over the air; the card signs the transaction.
    #[must_use]
    pub fn contactless(
        card: &mut CardSimulator,
        transaction: &ChipTransaction,
        version: CryptogramVersion,
    ) -> Presentment {
        Presentment::signed(7, card, transaction, version)
    }

    /// The whole stripe.
    #[must_use]
    pub fn stripe(card: &CardSimulator) -> Presentment {
        Presentment {
            entry_mode: 90,
            pan: card.pan(),
            expiry: None,
            track2: Some(card.track2(TrackSource::Stripe)),
            card_sequence: None,
            icc: None,
            pin_block: None,
            others: Vec::new(),
        }
    }

    /// Number and expiry, typed in.
    #[must_use]
    pub fn keyed(pan: Pan, expiry: Expiry) -> Presentment {
        let (track2, card_sequence, icc, pin_block) = (None, None, None, None);
        let others = Vec::new();
        Presentment {
            entry_mode: 1,
            pan,
            expiry: Some(expiry),
            track2,
            card_sequence,
            icc,
            pin_block,
            others,
        }
    }

    /// The same with a PIN.
    #[must_use]
    pub fn with_pin(mut self, pin_block: PinBlock) -> Presentment {
        self.pin_block = Some(pin_block);
        self
    }

    fn signed(
        entry_mode: u8,
        card: &mut CardSimulator,
        transaction: &ChipTransaction,
        version: CryptogramVersion,
    ) -> Presentment {
        Presentment {
            entry_mode,
            pan: card.pan(),
            expiry: None,
            track2: Some(card.track2(TrackSource::Chip)),
            card_sequence: Some(card.sequence()),
            icc: Some(card.arqc(transaction, version)),
            pin_block: None,
            others: Vec::new(),
        }
    }
}

impl fmt::Debug for Presentment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = if self.icc.is_some() { ", chip data" } else { "" };
        let pin = if self.pin_block.is_some() { ", PIN" } else { "" };
        write!(f, "Presentment({:02}, {}{chip}{pin})", self.entry_mode, self.pan)
    }
}
