//! Faults as a tester writes them.

use super::{Chance, Delay, Distribution, Fault, Faults, LONGEST_DELAY, Target};
use hsm::{CommandCode, ErrorCode};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with a fault, and how it would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultTextError(String);

impl FromStr for Fault {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Fault, FaultTextError> {
        let mut words = text.split_ascii_whitespace();
        let Some(target) = words.next() else {
            return fail("a fault is a command code or *, then what happens: CA drop=0.01");
        };
        let target = target.parse()?;
        let mut faults = Faults::default();
        let mut cap = None;
        let mut seen = Vec::new();
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                return fail(format!("`{}` has no value; write name=value, such as drop=0.01", shown(word)));
            };
            if seen.contains(&name) {
                return fail(format!("{} stands there twice", shown(name)));
            }
            seen.push(name);
            match name {
                "delay" => {
                    faults.delay = Some(Delay { distribution: distribution(value)?, cap: LONGEST_DELAY });
                }
                "cap" => cap = Some(parse_duration(value)?),
                "drop" => faults.drop = value.parse()?,
                "disconnect" => faults.disconnect = value.parse()?,
                "flip" => faults.flip = value.parse()?,
                "error" => faults.error = Some(error(value)?),
                _ => {
                    return fail(format!(
                        "there is no fault `{}`; there are delay, cap, drop, error, flip, disconnect",
                        shown(name)
                    ));
                }
            }
        }
        match (&mut faults.delay, cap) {
            (Some(delay), Some(cap)) => delay.cap = cap,
            (None, Some(_)) => return fail("cap is for a delay: CA delay=exponential:5ms cap=50ms"),
            _ => {}
        }
        if let (Target::Code(code), true) = (target, faults.flip != Chance::default())
            && !super::is_verification(code)
        {
            return fail(format!("flip is for commands that verify, such as CY; {code} is none"));
        }
        if seen.is_empty() {
            return fail(format!("what shall happen to {target}? For example: {target} delay=5ms drop=0.01"));
        }
        Ok(Fault { target, faults })
    }
}

impl FromStr for Target {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Target, FaultTextError> {
        if text == "*" {
            return Ok(Target::Any);
        }
        match <[u8; 2]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()) => {
                Ok(Target::Code(CommandCode::new(code)))
            }
            _ => fail(format!(
                "`{}` is no command code; write two capital letters or digits, such as CA, or * for all",
                shown(text)
            )),
        }
    }
}

impl FromStr for Chance {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Chance, FaultTextError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let millionths = if digits(whole) && digits(part) && part.len() <= 6 && whole.len() <= 3 {
            let part = part.parse::<u32>().ok().map(|it| it * 10_u32.pow(6 - part.len() as u32));
            whole.parse::<u32>().ok().zip(part).map(|(whole, part)| whole * 1_000_000 + part)
        } else {
            None
        };
        match millionths.and_then(Chance::millionths) {
            Some(chance) => Ok(chance),
            None => fail(format!(
                "`{}` is no probability; write 0 to 1 with at most six decimals, such as 0.01",
                shown(text)
            )),
        }
    }
}

fn distribution(text: &str) -> Result<Distribution, FaultTextError> {
    let (name, value) = text.split_once(':').unwrap_or(("fixed", text));
    let two = |separator: &str, example: &str| match value.split_once(separator) {
        Some((first, second)) => Ok((parse_duration(first)?, parse_duration(second)?)),
        None => fail(format!("delay={name} takes two durations: delay={example}")),
    };
    match name {
        "fixed" => parse_duration(value).map(Distribution::Fixed),
        "uniform" => {
            let (from, to) = two("..", "uniform:2ms..9ms")?;
            if from > to {
                return fail("delay=uniform goes from the shorter to the longer: delay=uniform:2ms..9ms");
            }
            Ok(Distribution::Uniform(from, to))
        }
        "exponential" => parse_duration(value).map(Distribution::Exponential),
        "normal" => {
            let (mean, deviation) = two(",", "normal:5ms,1ms")?;
            Ok(Distribution::Normal(mean, deviation))
        }
        _ => fail(format!(
            "there is no delay `{}`; there are fixed:5ms, uniform:2ms..9ms, exponential:5ms (mean), normal:5ms,1ms \
             (mean, deviation)",
            shown(name)
        )),
    }
}

fn error(text: &str) -> Result<(ErrorCode, Chance), FaultTextError> {
    let (code, chance) = text.split_once(':').unwrap_or((text, "1"));
    match <[u8; 2]>::try_from(code.as_bytes()) {
        Ok(bytes)
            if bytes != *b"00" && bytes.iter().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()) =>
        {
            Ok((ErrorCode::new(bytes), chance.parse()?))
        }
        _ => fail(format!(
            "`{}` is no error code; write two capital letters or digits other than 00, and a probability: error=41:0.01",
            shown(code)
        )),
    }
}

fn parse_duration(text: &str) -> Result<Duration, FaultTextError> {
    let wrong = || {
        FaultTextError(format!(
            "`{}` is no duration up to 60s; write a whole number and us, ms or s, such as 5ms",
            shown(text)
        ))
    };
    let unit = text.find(|it: char| !it.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let microseconds = match unit {
        "us" => Some(number),
        "ms" => number.checked_mul(1000),
        "s" => number.checked_mul(1_000_000),
        _ => None,
    };
    let duration = Duration::from_micros(microseconds.ok_or_else(wrong)?);
    if duration > LONGEST_DELAY { Err(wrong()) } else { Ok(duration) }
}

/// A duration in the largest unit that loses nothing.
pub(super) fn duration(duration: Duration) -> String {
    let microseconds = duration.as_micros();
    if microseconds.is_multiple_of(1_000_000) {
        format!("{}s", microseconds / 1_000_000)
    } else if microseconds.is_multiple_of(1000) {
        format!("{}ms", microseconds / 1000)
    } else {
        format!("{microseconds}us")
    }
}

/// The beginning of what was written, fit for a terminal.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

fn fail<T>(message: impl Into<String>) -> Result<T, FaultTextError> {
    Err(FaultTextError(message.into()))
}

impl fmt::Display for FaultTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultTextError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shown_again() {
        let check = |text: &str, expect: &str| {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), expect);
            assert_eq!(expect.parse::<Fault>().unwrap(), fault);
        };
        check("CA delay=uniform:2ms..9ms drop=0.01", "CA delay=uniform:2ms..9ms drop=0.01");
        check(" *  delay=fixed:1500us cap=1ms", "* delay=1500us cap=1ms");
        check("KQ error=41", "KQ error=41:1");
        check("CY flip=0.5 error=A6:0.000001", "CY error=A6:0.000001 flip=0.5");
        check("M8 disconnect=1.0 delay=normal:5ms,1ms", "M8 delay=normal:5ms,1ms disconnect=1");
        check("B2 delay=exponential:60s", "B2 delay=exponential:60s");
    }

    #[test]
    fn what_is_wrong_is_taught() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("", "a command code or *");
        check("CA", "what shall happen to CA?");
        check("ca drop=1", "no command code");
        check("CAX drop=1", "no command code");
        check("CA lose=1", "there is no fault `lose`");
        check("CA drop", "has no value");
        check("CA drop=1 drop=0", "twice");
        for chance in ["1.1", "-1", "0.0000001", "", ".", "1e3", "0.", "99999999999", "1000", "NaN"] {
            check(&format!("CA drop={chance}"), "no probability");
        }
        for duration in
            ["5", "5m", "ms", "-5ms", "61s", "1.5s", "99999999999999999999ms", "18446744073709551615s", ""]
        {
            check(&format!("CA delay={duration}"), "no duration up to 60s");
        }
        check("CA delay=gamma:5ms", "there is no delay `gamma`");
        check("CA delay=uniform:5ms", "two durations");
        check("CA delay=uniform:9ms..2ms", "from the shorter to the longer");
        check("CA delay=normal:5ms", "two durations");
        check("CA cap=5ms", "cap is for a delay");
        check("CA error=00", "no error code");
        check("CA error=4", "no error code");
        check("CA error=41:2", "no probability");
        check("CA flip=1", "commands that verify");
        check("CA \u{1b}[2J=1", "\\u{1b}[2J");
    }
}
