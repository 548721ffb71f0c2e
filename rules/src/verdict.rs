use crate::error::{Fault, Span};
use card::ResponseCode;

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Refuse with this response code; 59 (suspected fraud) unless the rule names another.
    Decline(ResponseCode),
    /// Ask the acquirer to call the issuer: response code 01.
    Refer,
    /// Refuse and keep the card, with this response code; 07 (pick up, special condition) unless
    /// the rule names another.
    Capture(ResponseCode),
    /// Mark the transaction and decide nothing.
    Flag,
}

/// What is wrong with a verdict: with its action, or with its code.
pub(crate) enum VerdictFault {
    Action(Fault),
    Code(Fault),
}

impl Verdict {
    /// The response code (DE 39) this verdict answers with; `None` for a flag.
    #[must_use]
    pub fn response_code(self) -> Option<ResponseCode> {
        match self {
            Verdict::Decline(code) | Verdict::Capture(code) => Some(code),
            Verdict::Refer => Some(ResponseCode::REFER),
            Verdict::Flag => None,
        }
    }

    /// Reads the action and the optional response code of a rule.
    pub(crate) fn parse(action: &str, code: Option<&str>) -> Result<Verdict, VerdictFault> {
        match action {
            "decline" => decline(code).map(Verdict::Decline).map_err(VerdictFault::Code),
            "capture" => capture(code).map(Verdict::Capture).map_err(VerdictFault::Code),
            "refer" => without_code(code, Verdict::Refer),
            "flag" => without_code(code, Verdict::Flag),
            _ => Err(VerdictFault::Action(Fault::hinted(
                Span::whole(action),
                "no such action",
                "one of `decline`, `capture`, `refer`, `flag`",
            ))),
        }
    }
}

fn decline(text: Option<&str>) -> Result<ResponseCode, Fault> {
    let Some(text) = text else { return Ok(ResponseCode::SUSPECTED_FRAUD) };
    let code = response_code(text)?;
    // A terminal keeps the card by the code alone, so the action has to say so too.
    if code.is_capture() {
        let hint = "use the action `capture`";
        return Err(Fault::hinted(Span::whole(text), "this code captures the card", hint));
    }
    Ok(code)
}

fn capture(text: Option<&str>) -> Result<ResponseCode, Fault> {
    let Some(text) = text else { return Ok(ResponseCode::PICK_UP_SPECIAL) };
    let code = response_code(text)?;
    if !code.is_capture() {
        let hint = "one of 04, 07, 33, 38, 41, 43, or the action `decline`";
        return Err(Fault::hinted(Span::whole(text), "this code does not capture the card", hint));
    }
    Ok(code)
}

fn response_code(text: &str) -> Result<ResponseCode, Fault> {
    let Some(code) = ResponseCode::parse(text.as_bytes()) else {
        let hint = "two letters or digits, such as \"59\"";
        return Err(Fault::hinted(Span::whole(text), "not a response code", hint));
    };
    if code.is_approval() {
        let hint = "a rule can refuse or flag, never approve";
        return Err(Fault::hinted(Span::whole(text), "this code approves", hint));
    }
    Ok(code)
}

fn without_code(code: Option<&str>, verdict: Verdict) -> Result<Verdict, VerdictFault> {
    let Some(text) = code else { return Ok(verdict) };
    let hint = "leave the code out: `refer` always answers 01, and `flag` does not answer";
    Err(VerdictFault::Code(Fault::hinted(Span::whole(text), "this action takes no code", hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(action: &str, code: Option<&str>, expect: Result<Verdict, &str>) {
        let actual = Verdict::parse(action, code).map_err(|fault| match fault {
            VerdictFault::Action(fault) => format!("action: {}", fault.message),
            VerdictFault::Code(fault) => format!("code: {}", fault.message),
        });
        assert_eq!(actual, expect.map_err(str::to_owned), "{action} {code:?}");
    }

    #[test]
    fn actions_and_their_codes() {
        check("decline", None, Ok(Verdict::Decline(ResponseCode::SUSPECTED_FRAUD)));
        check("decline", Some("57"), Ok(Verdict::Decline(ResponseCode::NOT_PERMITTED_TO_CARDHOLDER)));
        check("capture", None, Ok(Verdict::Capture(ResponseCode::PICK_UP_SPECIAL)));
        check("capture", Some("43"), Ok(Verdict::Capture(ResponseCode::STOLEN)));
        check("refer", None, Ok(Verdict::Refer));
        check("flag", None, Ok(Verdict::Flag));

        check("deny", None, Err("action: no such action"));
        check("decline", Some("5"), Err("code: not a response code"));
        check("decline", Some("00"), Err("code: this code approves"));
        check("decline", Some("41"), Err("code: this code captures the card"));
        check("capture", Some("05"), Err("code: this code does not capture the card"));
        check("capture", Some("10"), Err("code: this code approves"));
        check("refer", Some("01"), Err("code: this action takes no code"));
        check("flag", Some("59"), Err("code: this action takes no code"));
    }

    #[test]
    fn only_a_flag_answers_nothing() {
        assert_eq!(Verdict::Refer.response_code(), Some(ResponseCode::REFER));
        assert_eq!(Verdict::Capture(ResponseCode::LOST).response_code(), Some(ResponseCode::LOST));
        assert_eq!(Verdict::Flag.response_code(), None);
    }
}
