//! Whatever stands in a configuration, the compiler answers with a program or with errors that can be
//! shown, and a program that compiles can be asked.

use proptest::prelude::*;
use rules::{FACTS, Facts, MAX_SOURCE_BYTES, Program, RuleSource};

const WORDS: &[&str] = &[
    "true",
    "false",
    "in",
    "and",
    "size",
    "has",
    "request",
    "endsWith",
    "contains",
    "startsWith",
    "0",
    "1",
    "9223372036854775808",
    "'a'",
    "\"é\"",
    "'\\x41'",
    "'",
    "\"",
    "\\",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    ".",
    ",",
    "(",
    ")",
    "[",
    "]",
    "=",
    "&",
    "\n",
    "\t",
    "// note",
    "é",
    "😀",
    "\u{1b}",
    "purchase",
];

const CONDITION: &str = r#"!(transaction == "withdrawal" && mcc in [6010, -6011]) || link.startsWith('\u00e9')
    && amount * 2 + daily_amount - 1 >= -5 && (has(request.mcc) ? request.mcc / 2 : 1) > 0 // note"#;

fn check(when: &str) -> Result<(), TestCaseError> {
    let rule = RuleSource { name: "rule", when, action: "decline", ..RuleSource::default() };
    match Program::compile(&[rule]) {
        Ok(program) => {
            let outcome = program.evaluate(&Facts::default());
            prop_assert!(outcome.decision.is_none() || outcome.errors == 0);
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(
                    error.source.get(error.span.start..error.span.end).is_some(),
                    "{:?}",
                    error.span
                );
                prop_assert!(error.to_string().contains(&error.message));
            }
        }
    }
    Ok(())
}

/// Facts and words of the language in any order: far more of it can be parsed than of random letters.
fn soup() -> impl Strategy<Value = String> {
    let words: Vec<&str> = WORDS.iter().copied().chain(FACTS.iter().map(|fact| fact.name)).collect();
    let spaced = (proptest::sample::select(words), any::<bool>());
    proptest::collection::vec(spaced, 0..40).prop_map(|words| {
        words.into_iter().map(|(word, space)| format!("{word}{}", if space { " " } else { "" })).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_characters(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_words(text in soup()) {
        check(&text)?;
    }

    #[test]
    fn a_good_condition_with_one_character_changed(place in 0..CONDITION.len(), new in any::<char>()) {
        let changed: String =
            CONDITION.chars().enumerate().map(|(index, c)| if index == place { new } else { c }).collect();
        check(&changed)?;
    }

    #[test]
    fn any_name_action_and_code(name in any::<String>(), action in any::<String>(), code in any::<Option<String>>()) {
        let rule = RuleSource { name: &name, when: "true", action: &action, code: code.as_deref(), ..RuleSource::default() };
        for error in Program::compile(&[rule]).err().unwrap_or_default() {
            prop_assert!(error.to_string().contains(&error.message));
        }
    }
}

#[test]
fn one_word_over_and_over_fills_the_longest_source() {
    for word in WORDS {
        let text = word.repeat(MAX_SOURCE_BYTES / word.len());
        check(&text).unwrap();
        check(&format!("{word} ").repeat(MAX_SOURCE_BYTES / (word.len() + 1))).unwrap();
    }
}
