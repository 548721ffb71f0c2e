//! What the engine answers to chip commands where no frame of `fixtures/hsm` says it: what it tells in
//! authorised state only, and that keeping card keys changes no answer.

use hsm::{ErrorCode, Reply, ReplyBody, Request};
use hsm_sim::{Engine, Lmk, Settings};
use std::path::Path;

#[test]
fn what_would_have_been_right_is_told_in_authorised_state_only() {
    let authorised = Engine::new(Lmk::public_test(), Settings { authorised: true, ..Settings::default() });
    let ordinary = Engine::new(Lmk::public_test(), Settings::default());
    // A wrong request, and the right one whose value is to be told.
    for (wrong, right, length) in [
        ("kq-scheme-0-wrong", "kq-scheme-0-mode-0", 8),
        ("kq-scheme-1-wrong", "kq-scheme-1-mode-0", 8),
        ("kw-scheme-0-branch-4-wrong", "kw-scheme-0-branch-4-mode-0", 8),
        ("kw-scheme-3-wrong", "kw-scheme-3-mode-0", 8),
        ("js-wrong", "js-mode-0", 8),
        ("pm-cvc3-wrong", "pm-cvc3", 5),
    ] {
        let (wrong, right) = (request(wrong), request(right));
        let expected = &right[right.len() - length..];
        let answered = execute(&authorised, &wrong);
        let code = Request::parse(&wrong).unwrap().command.code();
        let reply = Reply::parse(code, &answered).unwrap();
        assert_eq!(reply.error, ErrorCode::VERIFICATION_FAILED);
        let ReplyBody::Expected(told) = reply.body else { panic!("{:?}", reply.body) };
        assert_eq!(told.as_ref(), expected);
        assert_eq!(execute(&ordinary, &wrong).len(), 4, "code and 01, no more");
        assert_eq!(execute(&authorised, &right), execute(&ordinary, &right));
    }
}

#[test]
fn keeping_card_keys_changes_no_answer() {
    let settings = |card_key_cache_capacity, key_cache_capacity| Settings {
        card_key_cache_capacity,
        key_cache_capacity,
        ..Settings::default()
    };
    let engines = [(0, 0), (0, 64), (64, 0), (1, 64), (16_384, 4096)]
        .map(|(cards, keys)| Engine::new(Lmk::public_test(), settings(cards, keys)));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hsm");
    let mut names: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| {
            ["kq-", "kw-", "js-", "ju", "ku-", "pm-"].iter().any(|prefix| name.starts_with(prefix))
        })
        .collect();
    names.sort();
    assert!(names.len() > 60, "found {}", names.len());
    for _ in 0..3 {
        for name in &names {
            let request = request(name);
            let answers = engines.each_ref().map(|engine| execute(engine, &request));
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{name}");
        }
    }
}

fn execute(engine: &Engine, request: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    engine.execute(request, &mut reply);
    reply
}

/// A request of `fixtures/hsm`, without length and header.
fn request(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/hsm/{name}.hex"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix("request")).unwrap();
    hex::decode(line.trim()).unwrap()[6..].to_vec()
}
