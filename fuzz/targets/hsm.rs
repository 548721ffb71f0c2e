//! Shows that no bytes make the readers of HSM commands and replies or the simulator panic, that a command
//! which was read can be written and means the same, and that every answer can be read.
//!
//! Input: a host command, everything after the message header. The same bytes are also read as a reply,
//! to the command that it would answer.
#![no_main]

use hsm::{Command, CommandCode, CommandError, Reply, ReplyErrorKind, Request};
use hsm_sim::{Engine, Lmk, Settings};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use turnout_fuzz::seeds;

// Without a cache of keys, so that an input does the same whatever came before it.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::new(Lmk::public_test(), Settings { key_cache_capacity: 0, ..Settings::default() })
});

fuzz_target!(init: seeds::write(seeds::hsm), |data: &[u8]| {
    let code = data.first_chunk().copied().map_or(CommandCode::MISSING, CommandCode::new);
    match Request::parse(data) {
        Ok(request) => written_again(&request, code),
        Err(CommandError { code: named, .. }) => assert_eq!(named, code),
    }
    let _ = Command::parse(data).map(|command| format!("{command:?}"));
    answered(data, code);
    replies(data);
});

/// What was read, written and read again, is written the same.
fn written_again(request: &Request<'_>, code: CommandCode) {
    assert_eq!(request.command.code(), code);
    assert!(!format!("{request:?}").is_empty());
    let mut written = Vec::new();
    request.encode(&mut written);
    let again = Request::parse(&written).expect("what we write can be read");
    assert_eq!((again.lmk, again.trailer), (request.lmk, request.trailer));
    let mut twice = Vec::new();
    again.encode(&mut twice);
    assert_eq!(written, twice);
}

/// The answer has the code that belongs to the question, and can be read.
fn answered(data: &[u8], code: CommandCode) {
    let mut answer = b"before".to_vec();
    ENGINE.execute(data, &mut answer);
    let answer = answer.strip_prefix(b"before").expect("an answer is appended");
    assert!(answer.len() >= 4, "a reply has a code and an error code");
    assert_eq!(&answer[..2], code.reply().as_bytes());
    let trailer = Request::parse(data).ok().and_then(|request| request.trailer);
    let answer = match trailer {
        None => answer,
        Some(trailer) => answer
            .strip_suffix(trailer)
            .and_then(|answer| answer.strip_suffix(&[Request::END_OF_MEDIUM]))
            .expect("the trailer comes back"),
    };
    let reply = Reply::parse(code, answer);
    assert!(reply.is_ok() || reply.is_err_and(|error| error.kind == ReplyErrorKind::UnknownCommand));
}

/// Replies are taken as they come.
fn replies(data: &[u8]) {
    let Some(reply_code) = data.first_chunk::<2>() else { return };
    let asked = CommandCode::new([reply_code[0], reply_code[1].wrapping_sub(1)]);
    assert_eq!(asked.reply().as_bytes(), reply_code);
    if let Ok(reply) = Reply::parse(asked, data) {
        let mut written = Vec::new();
        reply.encode(asked, &mut written);
        let _ = (format!("{reply:?}"), Reply::parse(asked, &written));
    }
}
