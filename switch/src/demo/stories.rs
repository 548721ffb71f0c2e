//! What is played, in this order.

mod atm;
mod chip;
mod currencies;
mod ecommerce;
mod events;
mod ledger;
mod links;
mod modes;
mod money;
mod purchases;
mod receipt;
mod refusals;
mod verification;

use super::stage::{Played, Stage};

/// One story. What it comes to is compared word by word with what is expected.
pub(super) struct Story {
    /// Its name in reports and for `--story`.
    pub(super) name: &'static str,
    /// What it should come to.
    pub(super) expected: &'static str,
    /// Plays it.
    pub(super) play: fn(&mut Stage) -> Played,
}

const fn story(name: &'static str, expected: &'static str, play: fn(&mut Stage) -> Played) -> Story {
    Story { name, expected, play }
}

/// Every story; the one that restarts the switch comes last.
pub(super) const STORIES: &[Story] = &[
    story("network-echo", "0810 00", links::echo),
    story(
        "chip-and-pin-purchase",
        "0110 00, authorization id, ARPC verified by the card",
        purchases::chip_and_pin,
    ),
    story("chip-and-pin-purchase-cvn-18", "00, ARPC verified by the card", purchases::chip_and_pin_cvn_18),
    story("contactless-purchase", "00, no ARPC", purchases::contactless),
    story("stripe-purchase", "00", purchases::stripe),
    story("bcd-terminal-purchase", "0210 00, ARPC verified by the card", purchases::bcd),
    story("authorization-holds", "00, 30.00 held, 0.00 posted", purchases::authorization_holds),
    story("wrong-cvv", "05", refusals::wrong_cvv),
    story("chip-fallback", "goods 00, cash 05", chip::fallback),
    story("stripe-at-chip-terminal", "stripe 05, chip 00", chip::stripe_at_chip_terminal),
    story("declined-by-chip", "05", chip::declined_by_chip),
    story("approved-by-chip", "0230 00, 0230 00, debited once: 7.50", chip::approved_by_chip),
    story(
        "chip-track-on-a-stripe",
        "59, under the code of its value 59, printed value 59",
        refusals::chip_track_on_a_stripe,
    ),
    story("wrong-pin", "55, balance unchanged", refusals::wrong_pin),
    story("pin-tries-exceeded", "55 55 55, then with the right PIN 75", refusals::pin_tries_exceeded),
    story("wrong-arqc", "82, no ARPC", refusals::wrong_arqc),
    story("replayed-atc", "00, then 82", refusals::replayed_atc),
    story("expired-card", "54", refusals::expired),
    story("lost-card", "41, card kept", refusals::lost),
    story("stolen-card", "43, card kept", refusals::stolen),
    story("pick-up-card", "04, card kept", refusals::pick_up),
    story("restricted-card", "62", refusals::restricted),
    story("inactive-card", "78", refusals::inactive),
    story("unknown-card", "14", refusals::unknown_card),
    story("foreign-bin", "15", refusals::foreign_bin),
    story("wrong-check-digit", "14", refusals::wrong_check_digit),
    story("unknown-terminal", "03", refusals::unknown_terminal),
    story(
        "card-data",
        "too long 14; another number in the chip 14, on track 1 14; not valid yet 54, valid 00",
        refusals::card_data,
    ),
    story(
        "product-rules",
        "euros 57, keyed cash 57, 450.00 by chip 08, with PIN 00",
        refusals::product_rules,
    ),
    story(
        "hot-list",
        "not on file and listed: 43, reward R50; off the list: 14; a card on file: 07, off again: 00",
        ecommerce::hot_list,
    ),
    story(
        "token",
        "00, ARPC verified by the device, debited 12.50, suspended 62, reversed 00",
        ecommerce::token,
    ),
    story("printed-value", "right 00 M, wrong N7 N, without proof 57", ecommerce::printed_value),
    story("address-verification", "00 Y, 00 A, 00 Z, 00 N", ecommerce::address),
    story(
        "three-d-secure",
        "not authenticated 65, attempted 00, authenticated 00, value altered 65",
        ecommerce::three_d_secure,
    ),
    story("signed-order", "00, another order 63, another amount 63", ecommerce::signed_order),
    story("order-velocity", "00, again from there 65, from elsewhere 00", ecommerce::order_velocity),
    story("policy-rule", "59", refusals::policy_rule),
    story(
        "rules",
        "score 40: 00, 80: 59; 50.00: 00, 50.01: 61; referred 01; shadow 00, counted 1",
        refusals::rules,
    ),
    story("over-limit", "500.01: 61, 500.00: 00", refusals::over_limit),
    story(
        "why-declined",
        "61: Declined 61 exceeds amount limit: step 12, amount per transaction: 500.01 USD against 500.00 USD. \
         PIN asked, 3 times taken, tables named",
        receipt::why_declined,
    ),
    story("over-daily-count", "00 ten times, then 65", refusals::over_daily_count),
    story("limits", "100.00: 00, 60.00: 61, reversed 00, 60.00: 00", money::limits),
    story("limit-override", "100.00: 00, 60.00: 61, for a while 00, afterwards 61", money::limit_override),
    story("insufficient-funds", "20.01: 51, 20.00: 00", refusals::insufficient_funds),
    story("duplicate-request", "same answer to all three, debited once: 25.00", money::duplicate),
    story("same-key-other-content", "00, then 94, debited 25.00", money::same_key_other_content),
    story("reversal", "0410 00, debited 40.00, then 0.00", money::reversal),
    story("reversal-doubled", "00 00, debited 0.00", money::reversal_doubled),
    story("reversal-partial", "0430 00, debited 15.00", money::reversal_partial),
    story("reversal-before-original", "25, original 05, debited 0.00", money::reversal_before_original),
    story(
        "foreign-currency",
        "billed 129.03 of 840 at 40012903, debited 129.03, 40.00 stand 00: 51.61; yen 12",
        currencies::foreign_currency,
    ),
    story("fees", "10.00 debited 11.00, reversed 00: 0.00; 200.00 00 debited 203.00", currencies::fees),
    story(
        "rates-change",
        "billed 12.90, then at the new rate 13.26; what stands of the first 6.45",
        currencies::rates_change,
    ),
    story(
        "accounts-of-a-card",
        "savings 00, 10.00 less; credit 39; transfer 00, 900.00 and 590.00; statement of 2 lines, the newest 40 C 100.00",
        ledger::accounts,
    ),
    story("cashback", "30.00 with 20.00 cash 00, with 100.01 61", ledger::cashback),
    story(
        "refund",
        "bill 00, refund 15.00 00, 25.01 13, 25.00 00, without a bill 58, debited 0.00",
        ledger::refund,
    ),
    story("deposit-and-verification", "deposit 00, verified 00, debited -50.00", ledger::deposit),
    story(
        "preauthorization",
        "00, raised 00, 150.00 held; completed 0230 00, posted 160.00, held 0.00; again 25; reversed 00, posted 0.00",
        ledger::preauthorization,
    ),
    story("cash-completed", "00, completed 00, again 25, refund 25, debited 50.00", ledger::cash_completed),
    story("partial-approval", "30.00: 51, where a part will do 10 with 20.00, then 51", ledger::partial),
    story("malformed-message", "30, echo on the same connection 00", links::malformed),
    story("unknown-client-certificate", "refused by TLS", links::unknown_certificate),
    story("no-client-certificate", "refused by TLS", links::no_certificate),
    story("certificate-of-another", "63, with its own 00", links::certificate_of_another),
    story(
        "atm-withdrawal",
        "notes 1-1-1-1, card returned, ARPC verified by the card, posted 180.00",
        atm::withdrawal,
    ),
    story("atm-failed-dispense", "notes 0-0-1-1, none came out, debited 0.00", atm::failed_dispense),
    story("atm-partial-dispense", "notes 1-1-1-1, two came out, posted 30.00", atm::partial_dispense),
    story("atm-rejected-reply", "notes 0-1-0-0, refused by the ATM, debited 0.00", atm::rejected_reply),
    story("atm-odd-amount", "DECLINED 13, card returned", atm::odd_amount),
    story("atm-over-limit", "DECLINED 61, card returned", atm::over_limit),
    story("atm-lost-card", "DECLINED 41, card kept", atm::lost),
    story("atm-foreign-certificate", "DECLINED 63, card returned", atm::foreign_certificate),
    story("card-locked", "62, unlocked 00, then 62", modes::locked),
    story("card-empty", "51, topped up 00, 0.00 left", modes::empty),
    story("card-kept", "60.00, 50.00: 00 00, 60.01: 51, 60.00 again", modes::kept),
    story("card-single-limit", "100.01: 61, lifted 00, 150.01: 61", modes::single_limit),
    story("card-one-time-code", "without 55, wrong 55, right 00, again 55", modes::one_time_code),
    story("card-confirm", "confirm 00, cancel 57, block 62, then 62", modes::confirm),
    story("card-alarm", "62 62 62, alarm after 3, restricted by alarm", modes::alarm),
    story(
        "customer-limit",
        "60.00 00, with the other card 61, lifted once 00, then 61, ended 00",
        modes::customer_limit,
    ),
    story(
        "contactless-limit",
        "50.00: 00, 60.00: 65 and 1A, claimed 65, by device 00, with PIN 00",
        verification::contactless_limit,
    ),
    story("contactless-count", "00 00 00 65, with PIN 00, again 00", verification::contactless_count),
    story(
        "contactless-update",
        "no ARPC, staying: ARPC verified by the card",
        verification::contactless_update,
    ),
    story(
        "declined-with-arpc",
        "61, ARPC verified by the card; 61, ARPC verified by the card",
        verification::declined_with_arpc,
    ),
    story("dukpt-pin", "wrong 55, without serial number 88, right 00", verification::dukpt_pin),
    story("pin-formats", "format 0 00, format 1 00, format 3 00", verification::pin_formats),
    story("pin-format-4", "right 00, wrong 55, altered 88, right 00", verification::pin_format_4),
    story("pin-tries-forgotten", "55 55 55, right 75; later, right 00", verification::pin_tries_forgotten),
    story("pin-tries-reset", "55 55 55, right 75; reset, right 00", verification::pin_tries_reset),
    story(
        "signature-and-no-cvm",
        "signed 00, nothing 00; unattended 25.00: 00, 25.01: 65",
        verification::signature_and_no_cvm,
    ),
    story(
        "pin-change",
        "from a wrong one 55, changed 00; by the old one 55, by the new one 00",
        verification::pin_change,
    ),
    story(
        "pin-unblock",
        "00, card obeys 84240000, then sent; after the next purchase none waits",
        verification::pin_unblock,
    ),
    story(
        "issuer-script",
        "sent, sent, not sent; card obeys 841E0000, altered card refuses; none waits",
        verification::issuer_script,
    ),
    story("webhook", "approved 2500 USD signed, reversed 2500 USD signed", events::webhook),
    story("restart", "same answer after the restart, debited once: 25.00", money::restart),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_words() {
        let names: BTreeSet<&str> = STORIES.iter().map(|story| story.name).collect();
        assert_eq!(names.len(), STORIES.len());
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(names.iter().all(|name| name.bytes().all(legal)));
    }
}
