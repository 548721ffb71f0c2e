//! How scenarios speak of tokens.

use crate::effects::shown;
use crate::institution::Institution;
use crate::script::Words;
use crate::values::expiry;
use auth::{ProvisionTask, State, TokenChange, TokenStatus, TokenTask};
use card::Pan;

/// `token NUMBER of=CARD [expiry=] [suspended] | suspend | resume | remove, [check]`
pub(crate) fn change(words: &mut Words<'_>, institution: &Institution) -> Result<ProvisionTask, String> {
    let number = number(words)?;
    let check = words.has("check");
    let set = [("suspend", TokenStatus::Suspended), ("resume", TokenStatus::Active)];
    let task = if words.has("remove") {
        TokenTask::Remove
    } else if let Some(status) = words.one_of(&set) {
        TokenTask::Set(status)
    } else {
        let card = institution.pan(words.option("of").ok_or("of which card?")?)?;
        let expiry = words.required("expiry", expiry)?;
        TokenTask::Put { card, expiry, status: words.has("suspended").then_some(TokenStatus::Suspended) }
    };
    Ok(ProvisionTask::ChangeTokens { changes: vec![TokenChange { number, task }], check })
}

/// `token-atc NUMBER`: the highest counter of a token.
pub(crate) fn question(words: &mut Words<'_>, state: &State) -> Result<String, String> {
    let number = number(words)?;
    let atc = state.token_atc(&number).map_or("none".to_owned(), |atc| atc.to_string());
    Ok(shown("token-atc", &atc))
}

fn number(words: &mut Words<'_>) -> Result<Pan, String> {
    Pan::parse(words.next("a number")?.as_bytes()).map_err(|error| error.to_string())
}
