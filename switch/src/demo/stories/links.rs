//! Connections, certificates, and messages that make no sense.

use crate::command::init::DevelopmentAuthority;
use crate::demo::connection::{Credentials, is_tls_alert};
use crate::demo::site::OTHER_TERMINAL;
use crate::demo::stage::{Played, PosLine, Stage};
use card::TerminalId;
use iso8583::{field, parse};
use std::error::Error;
use terminal::Intent;

pub(super) fn echo(stage: &mut Stage) -> Played {
    let mut line = stage.pos()?;
    let response = line.ask(&line.pos.network(301, &stage.trace())?)?;
    Ok(format!("{} {}", response.mti, response.code))
}

/// A letter in the amount. The sender learns of it, and may go on.
pub(super) fn malformed(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let presentment = stage.chip_and_pin(&mut card, 10_00);
    let mut message = line.pos.purchase(Intent::Post, 10_00, &presentment, &stage.trace())?;
    let amount =
        parse(&message, line.pos.dialect)?.offset(field::AMOUNT).ok_or("the purchase has no amount")?;
    message[amount] = b'X';
    let refused = line.ask(&message)?;
    let echo = line.ask(&line.pos.network(301, &stage.trace())?)?;
    Ok(format!("{}, echo on the same connection {}", refused.code, echo.code))
}

/// A certificate in the name of a terminal, signed by somebody else.
pub(super) fn unknown_certificate(stage: &mut Stage) -> Played {
    let stranger = DevelopmentAuthority::new("Somebody else")?.for_terminal("pos")?;
    let identity = (stranger.certificate.as_bytes(), stranger.key.as_bytes());
    let credentials = Credentials::new(&stage.site().authority()?, Some(identity))?;
    refused_by_tls(stage, &credentials)
}

pub(super) fn no_certificate(stage: &mut Stage) -> Played {
    let credentials = stage.site().credentials(None)?;
    refused_by_tls(stage, &credentials)
}

/// With TLS 1.3 the refusal comes after our side of the handshake is done, so it is read for. Nothing
/// is sent before: unread bytes would turn the refusal into a broken connection.
fn refused_by_tls(stage: &mut Stage, credentials: &Credentials) -> Played {
    let refusal = match stage.connect_with("pos", credentials) {
        Ok(mut connection) => match connection.receive() {
            Ok(_) => return Ok("answered".to_owned()),
            Err(error) => error,
        },
        Err(error) => *error.downcast::<std::io::Error>()?,
    };
    Ok(if is_tls_alert(&refusal) { "refused by TLS".to_owned() } else { format!("broken: {refusal}") })
}

/// A terminal that one certificate alone may speak for.
pub(super) fn certificate_of_another(stage: &mut Stage) -> Played {
    let line = stage.pos()?;
    let foreign = buy_as_other_terminal(stage, line)?;
    let PosLine { pos, .. } = stage.pos()?;
    let own = PosLine { pos, connection: stage.connect("pos", Some("host"))? };
    let own = buy_as_other_terminal(stage, own)?;
    Ok(format!("{foreign}, with its own {own}"))
}

fn buy_as_other_terminal(stage: &mut Stage, mut line: PosLine) -> Result<String, Box<dyn Error>> {
    let mut card = stage.card();
    line.pos.terminal = TerminalId::new(OTHER_TERMINAL.as_bytes()).ok_or("not an identification")?;
    Ok(stage.buy(&mut line, &mut card, 10_00)?.code.to_string())
}
