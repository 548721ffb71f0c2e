use crate::error::{Fault, RulePart, Span};
use crate::limits::MAX_SCORE;
use crate::program::RuleSource;
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
    /// Add these points to the score, which later rules can ask for.
    Score(i64),
    /// Refuse with 61 above this amount, in minor units of the transaction's currency.
    Limit(i64),
}

impl Verdict {
    /// The response code (DE 39) this verdict answers with, a limit above its amount; `None` for a flag and
    /// a score.
    #[must_use]
    pub fn response_code(self) -> Option<ResponseCode> {
        match self {
            Verdict::Decline(code) | Verdict::Capture(code) => Some(code),
            Verdict::Refer => Some(ResponseCode::REFER),
            Verdict::Limit(_) => Some(ResponseCode::OVER_AMOUNT_LIMIT),
            Verdict::Flag | Verdict::Score(_) => None,
        }
    }

    /// Reads the action of a rule and what belongs to it.
    pub(crate) fn parse(source: &RuleSource<'_>) -> Result<Verdict, Vec<(RulePart, Fault)>> {
        let action = source.action;
        let verdict = match action {
            "decline" => decline(source.code).map(Verdict::Decline),
            "capture" => capture(source.code).map(Verdict::Capture),
            "refer" => Ok(Verdict::Refer),
            "flag" => Ok(Verdict::Flag),
            "score" => score(source).map(Verdict::Score),
            "limit" => limit(source).map(Verdict::Limit),
            _ => {
                let hint = "one of `decline`, `capture`, `refer`, `flag`, `score`, `limit`";
                let fault = Fault::hinted(Span::whole(action), "no such action", hint);
                return Err(vec![(RulePart::Action, fault)]);
            }
        };
        let mut faults = Vec::new();
        if let (Some(code), "refer" | "flag" | "score" | "limit") = (source.code, action) {
            let hint = "leave the code out: `refer` answers 01 and `limit` 61, and the others do not answer";
            faults
                .push((RulePart::Code, Fault::hinted(Span::whole(code), "this action takes no code", hint)));
        }
        for (number, owner, part) in
            [(source.score, "score", RulePart::Score), (source.limit, "limit", RulePart::Limit)]
        {
            if let Some(number) = number.filter(|_| action != owner) {
                let message = format!("only the action `{owner}` takes this");
                let span = Span::whole(&number.to_string());
                faults.push((part, Fault::hinted(span, message, format!("leave `{owner}` out"))));
            }
        }
        match verdict {
            Ok(verdict) if faults.is_empty() => Ok(verdict),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.insert(0, fault);
                Err(faults)
            }
        }
    }
}

fn score(source: &RuleSource<'_>) -> Result<i64, (RulePart, Fault)> {
    let Some(points) = source.score else {
        let hint = "add `score = 10`";
        return Err((
            RulePart::Action,
            Fault::hinted(Span::whole(source.action), "the points are missing", hint),
        ));
    };
    if points == 0 || points.checked_abs().is_none_or(|points| points > MAX_SCORE) {
        let message = "a score of nothing, or too large";
        let hint = format!("from 1 to {MAX_SCORE}, or below zero to take points away");
        return Err((RulePart::Score, Fault::hinted(Span::whole(&points.to_string()), message, hint)));
    }
    Ok(points)
}

fn limit(source: &RuleSource<'_>) -> Result<i64, (RulePart, Fault)> {
    match source.limit {
        None => {
            let hint = "add `limit = 50000`, in minor units of the transaction's currency";
            let fault = Fault::hinted(Span::whole(source.action), "the amount is missing", hint);
            Err((RulePart::Action, fault))
        }
        Some(most) if most < 0 => {
            let hint = "0 refuses any amount; minor units of the transaction's currency";
            let fault = Fault::hinted(Span::whole(&most.to_string()), "a limit below zero", hint);
            Err((RulePart::Limit, fault))
        }
        Some(most) => Ok(most),
    }
}

fn decline(text: Option<&str>) -> Result<ResponseCode, (RulePart, Fault)> {
    let Some(text) = text else { return Ok(ResponseCode::SUSPECTED_FRAUD) };
    let code = response_code(text)?;
    // A terminal keeps the card by the code alone, so the action has to say so too.
    if code.is_capture() {
        let hint = "use the action `capture`";
        return Err((RulePart::Code, Fault::hinted(Span::whole(text), "this code captures the card", hint)));
    }
    Ok(code)
}

fn capture(text: Option<&str>) -> Result<ResponseCode, (RulePart, Fault)> {
    let Some(text) = text else { return Ok(ResponseCode::PICK_UP_SPECIAL) };
    let code = response_code(text)?;
    if !code.is_capture() {
        let hint = "one of 04, 07, 33, 38, 41, 43, or the action `decline`";
        return Err((
            RulePart::Code,
            Fault::hinted(Span::whole(text), "this code does not capture the card", hint),
        ));
    }
    Ok(code)
}

fn response_code(text: &str) -> Result<ResponseCode, (RulePart, Fault)> {
    let Some(code) = ResponseCode::parse(text.as_bytes()) else {
        let hint = "two letters or digits, such as \"59\"";
        return Err((RulePart::Code, Fault::hinted(Span::whole(text), "not a response code", hint)));
    };
    if code.is_approval() {
        let hint = "a rule can refuse or flag, never approve";
        return Err((RulePart::Code, Fault::hinted(Span::whole(text), "this code approves", hint)));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: RuleSource<'_>, expect: Result<Verdict, &[&str]>) {
        let actual = Verdict::parse(&source).map_err(|faults| {
            faults
                .iter()
                .map(|(part, fault)| format!("{}: {}", part.key(), fault.message))
                .collect::<Vec<_>>()
        });
        let expect = expect.map_err(|faults| faults.iter().map(ToString::to_string).collect());
        assert_eq!(actual, expect, "{source:?}");
    }

    fn check(action: &str, code: Option<&str>, expect: Result<Verdict, &str>) {
        let source = RuleSource { action, code, ..RuleSource::default() };
        match expect {
            Ok(verdict) => parse(source, Ok(verdict)),
            Err(fault) => parse(source, Err(&[fault])),
        }
    }

    #[test]
    fn points_and_amounts() {
        let rule = |action, score, limit| RuleSource { action, score, limit, ..RuleSource::default() };
        parse(rule("score", Some(20), None), Ok(Verdict::Score(20)));
        parse(rule("score", Some(-MAX_SCORE), None), Ok(Verdict::Score(-MAX_SCORE)));
        parse(rule("limit", None, Some(0)), Ok(Verdict::Limit(0)));

        parse(rule("score", None, None), Err(&["action: the points are missing"]));
        for points in [0, MAX_SCORE + 1, i64::MIN] {
            parse(rule("score", Some(points), None), Err(&["score: a score of nothing, or too large"]));
        }
        parse(rule("limit", None, None), Err(&["action: the amount is missing"]));
        parse(rule("limit", None, Some(-1)), Err(&["limit: a limit below zero"]));
        let only = ["score: only the action `score` takes this", "limit: only the action `limit` takes this"];
        parse(rule("decline", Some(1), Some(1)), Err(&only));
        parse(
            RuleSource { code: Some("59"), ..rule("score", Some(1), None) },
            Err(&["code: this action takes no code"]),
        );
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
    fn flags_and_scores_answer_nothing() {
        assert_eq!(Verdict::Score(5).response_code(), None);
        assert_eq!(Verdict::Limit(5).response_code(), Some(ResponseCode::OVER_AMOUNT_LIMIT));
        assert_eq!(Verdict::Refer.response_code(), Some(ResponseCode::REFER));
        assert_eq!(Verdict::Capture(ResponseCode::LOST).response_code(), Some(ResponseCode::LOST));
        assert_eq!(Verdict::Flag.response_code(), None);
    }
}
