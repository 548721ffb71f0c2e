use auth::{Receipt, Step};

/// What to look at or change where a step has declined; `None` where the terminal or the cardholder has to do
/// something else.
pub(super) fn hint(receipt: &Receipt) -> Option<&'static str> {
    let step = receipt.decline_step()?;
    let noted = |step: Step| receipt.checks.iter().any(|check| check.step == step);
    Some(match step {
        Step::LimitPerTransaction
        | Step::LimitDailyAmount
        | Step::LimitDailyCount
        | Step::LimitAmount
        | Step::LimitCount
            if noted(Step::LimitOf) =>
        {
            "`turnout card show` tells what card, account and customer have of their own, `turnout card limit` changes it; docs/limits.md"
        }
        Step::LimitPerTransaction
        | Step::LimitDailyAmount
        | Step::LimitDailyCount
        | Step::LimitAmount
        | Step::LimitCount
            if noted(Step::LimitNumber) =>
        {
            "the [[limit]] of that number, from 1, in the order of the configuration; `turnout card limit` overrides it for a while"
        }
        Step::Terminal => "[[listener.terminal]] of the link names its terminals, and what each may do",
        Step::Currency => {
            "a [[rate]] says how much one currency is in another; `currency` of the [[product]] is that of its accounts"
        }
        Step::Issuer => "`bins` of a [[product]] are the beginnings of our card numbers",
        Step::CardOnFile => "`turnout card import` or `turnout card update` puts a card on file",
        Step::CardStatus => "`turnout card update` changes the status",
        Step::HotList => "`turnout card hot-list remove` takes a number off the list",
        Step::TokenOnFile => "`turnout card token add` puts a token on file",
        Step::TokenStatus => "`turnout card token resume` lets it be used again",
        Step::Cvv2 | Step::Cvv2Tries => {
            "`cvv2` and `cvv2_tries` in [product.remote]; a wrong value also comes of another `cvk` than the card was made with"
        }
        Step::HolderName
        | Step::ChipPan
        | Step::Address
        | Step::Authentication
        | Step::AuthenticationValue => "[product.remote] says what is done about it; docs/ecommerce.md",
        Step::OrderSignature => {
            "`turnout card holder load` gives the card its key; docs/ecommerce.md has what is signed"
        }
        Step::PanLength => {
            "`pan_lengths` of the [[product]]; without it `scheme` and `bins` say how long its numbers are"
        }
        Step::Domestic => "`domestic_only` of the [[product]]; `country` at the top of the file is ours",
        Step::OwnTerminals => "`own_terminals_only` of the [[product]], and `own` of the [[listener]]",
        Step::ProductCurrency => "`currencies` of the [[product]]",
        Step::EntryMode => "`entry_modes` of the [[product]]",
        Step::EcommerceOnly => "`ecommerce_only` of the [[product]]",
        Step::ElectronicOnly => "`electronic_only` of the [[product]]",
        Step::KeyedCash => "`keyed_cash` of the [[product]]",
        Step::Identify => {
            "`identify_above` of the [[product]], and `attended` of the [[listener.terminal]] or its messages"
        }
        Step::Validity | Step::ValidFrom | Step::ExpiryMatch => {
            "`turnout card export` shows the expiry on file, `turnout card update` changes it"
        }
        Step::Hsm => {
            "`turnout_hsm_commands_total` in /metrics says which command failed on which unit; `deadline` is in [hsm]"
        }
        Step::Cvv => {
            "`cvk` and `cvv_position` of the [[product]] must be those that the cards were made with"
        }
        Step::CryptogramVersion | Step::Cryptogram | Step::DerivationKey => {
            "`scheme` and `issuer_master_keys` of the [[product]] must be those that the cards were made with"
        }
        Step::Atc => {
            "`atc_max_jump` of the [[product]] is how far the counter may jump, `atc_window` how far a late one may be behind"
        }
        Step::CardSequence => {
            "`card_sequence` on file, which `turnout card update` changes; `card_sequence` in [product.chip_rules] says what is done about another"
        }
        Step::Verification => {
            "a stripe is proven under `cvk` of the [[product]]; `without_proof` in [product.remote] says what needs no proof; docs/ecommerce.md"
        }
        Step::PinBlockOpens | Step::PinBlock => {
            "`pin_key` and `pin_format` of the listener or its terminal must be those of the PIN pad"
        }
        Step::PinTries => "`pin_try_limit` of the [[product]] is how many wrong PINs lock the PIN",
        Step::Pin => {
            "`pin_method` and `pvk` of the [[product]], and `pin_key` of the listener, must be those of the cards and terminals"
        }
        Step::LimitPerTransaction => "`per_transaction` in [product.purchase] or [product.withdrawal]",
        Step::LimitDailyAmount => "`daily` in [product.purchase] or [product.withdrawal]",
        Step::LimitDailyCount => "`daily_count` in [product.purchase] or [product.withdrawal]",
        Step::Policy => "the [[rule]] of that number, from 1, in the order of the configuration",
        Step::BillingAmount | Step::SettlementAmount => {
            "`amount_tolerance` of the [[listener]] is how far its DE 5 and 6 may be from our own [[rate]]"
        }
        Step::Surcharge => "`surcharge` of the [[listener]] says whether DE 28 is part of the amount",
        Step::CardLocked => "`turnout card mode unlock --for` opens it for one transaction; docs/modes.md",
        Step::CardEmpty => "`turnout card mode top-up` fills it for a while; docs/modes.md",
        Step::SingleLimit => "`turnout card mode lift` allows more for a while; docs/modes.md",
        Step::CodeExpected | Step::OneTimeCode => {
            "`turnout card mode code` sets one; `one_time_code` of the [[listener]] is the field in which it comes"
        }
        Step::HolderConfirmation => {
            "`turnout card confirm` answers for the holder; `confirmation_deadline` is in [card_modes]"
        }
        Step::Funds => {
            "`turnout card export` shows balance and credit line, `turnout card update` changes the line"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{Check, Verdict};

    #[test]
    fn a_limit_is_changed_where_it_stands() {
        let check = |noted: &[Step], expect: &str| {
            let line = |step, verdict| Check { step, verdict, seen: 2, limit: 1 };
            let mut checks: Vec<Check> = noted.iter().map(|step| line(*step, Verdict::Noted)).collect();
            let code = card::ResponseCode::OVER_AMOUNT_LIMIT;
            checks.push(line(Step::LimitDailyAmount, Verdict::Failed(code)));
            let told = hint(&Receipt { checks }).unwrap();
            assert!(told.contains(expect), "{noted:?}: {told}");
        };
        check(&[], "`daily` in [product.purchase]");
        check(&[Step::LimitNumber], "[[limit]]");
        check(&[Step::LimitNumber, Step::LimitOf], "`turnout card limit`");
        check(&[Step::LimitOf], "`turnout card show`");
    }
}
