//! `turnout message`: what is printed where, exit codes, and no card data unless asked for.

use crate::run;
use std::fs;
use std::path::Path;
use std::process::Command;

const ECHO: &str = "0800822000000000000004000000000000001123155959000123301";

/// A frame in hexadecimal from its ASCII.
fn hex_of(text: &str) -> String {
    hex::encode_upper(text)
}

/// A purchase with a card, in `iso87_ascii`.
fn purchase() -> String {
    let (code, out, errors) = message(
        &["encode", "--dialect", "iso87_ascii"],
        r#"{"mti":"0200","fields":{"2":"4000001234567899","3":"000000","4":"000000001250","11":"000123","41":"TERM0001","49":"840","52":"0123456789ABCDEF","55":{"5A":"4000001234567899","82":"3900","71":{"86":"8424"}}}}"#,
    );
    assert_eq!((code, errors.as_str()), (0, ""));
    out.trim().to_owned()
}

fn message(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_turnout"));
    run(program.arg("message").args(arguments), input)
}

/// The same with bytes on standard input.
fn message_of_bytes(arguments: &[&str], bytes: &[u8]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.bin");
    fs::write(&file, bytes).unwrap();
    message(&[arguments, &["--file", file.to_str().unwrap()]].concat(), "")
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn decode_in_every_form() {
    let echo = hex_of(ECHO);
    let (code, out, errors) = message(&["decode", "--dialect", "iso87_ascii", "--format", "json", &echo], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(
        out,
        "{\"mti\":\"0800\",\"fields\":{\"7\":\"1123155959\",\"11\":\"000123\",\"70\":\"301\"}}\n"
    );
    let (_, out, _) = message(&["decode", "--dialect", "iso87_ascii"], &format!("# an echo\n\n{echo}\n"));
    assert!(out.contains("   46  DE 11   System trace audit number: 000123\n"), "{out}");
    let (_, out, _) = message(&["decode", "--dialect", "iso87_ascii", "--view", "annotated", &echo], "");
    assert!(out.contains("DE 70   Network management information code: 301  (echo test)\n"), "{out}");
    let (code, _, errors) = message(
        &["decode", "--dialect", "iso87_ascii", "--view", "annotated", "--format", "json", &echo],
        "",
    );
    assert_eq!(code, 2, "{errors}");
}

#[test]
fn card_data_is_masked_unless_asked_for() {
    let purchase = purchase();
    for view in
        [&["--view", "annotated"][..], &["--format", "json"], &["--format", "json", "--parts"], &["--parts"]]
    {
        let arguments = [&["decode", "--dialect", "iso87_ascii"][..], view, &[&purchase]].concat();
        let (code, out, errors) = message(&arguments, "");
        assert_eq!((code, errors.as_str()), (0, ""));
        assert!(out.contains("400000******7899"), "{out}");
        assert!(!out.contains("4000001234567899") && !out.contains("0123456789ABCDEF"), "{view:?}: {out}");
        let (_, out, _) = message(&[&arguments[..], &["--unmask"]].concat(), "");
        assert!(out.contains("4000001234567899") && out.contains("0123456789ABCDEF"), "{view:?}: {out}");
    }
}

#[test]
fn json_comes_back_as_it_was() {
    let purchase = purchase();
    for parts in [&["--parts"][..], &[]] {
        let arguments =
            [&["decode", "--dialect", "iso87_ascii", "--unmask", "--format", "json"][..], parts].concat();
        let (_, json, _) = message(&arguments, &purchase);
        let object: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(object["fields"]["55"].is_object(), !parts.is_empty());
        let (code, out, errors) = message(&["encode", "--dialect", "iso87_ascii"], &json);
        assert_eq!((code, out.trim(), errors.as_str()), (0, purchase.as_str(), ""));
    }
    let (code, out, errors) = message(
        &["encode", "--dialect", "iso87_ascii"],
        "{\"mti\":\"0800\",\"fields\":{\"55\":{\"5A\":\"4\"}}}\n[]",
    );
    assert_eq!((code, out.as_str()), (65, ""));
    assert_eq!(errors, "message 1: DE 55.5A: not hexadecimal\nmessage 2: not a JSON object\n");
}

#[test]
fn a_bad_line_is_told_and_the_rest_goes_on() {
    let good = hex_of(ECHO);
    let bad = hex_of(&ECHO.replace("000123", "00x123"));
    let input = format!("{good}\n# comment\n{bad}\n080\n{good}\n");
    let (code, out, errors) = message(&["decode", "--dialect", "iso87_ascii", "--format", "json"], &input);
    assert_eq!((code, out.lines().count()), (65, 2));
    assert_eq!(
        errors,
        "message 3: MTI 0800, DE 11 at offset 48: a digit belongs here, found a letter\n\
         message 4: not hexadecimal: an odd number of digits\n"
    );
    // What can be read of it.
    let (code, out, _) = message(&["decode", "--dialect", "iso87_ascii", "--view", "annotated", &bad], "");
    assert_eq!(code, 65);
    assert!(out.contains("FAULT   DE 11 at offset 48") && out.contains("DE 7    Transmission"), "{out}");
}

#[test]
fn parts_that_cannot_be_read_are_a_warning() {
    let frame = hex_of("02000000000000000200006820239");
    let (code, out, errors) =
        message(&["decode", "--dialect", "iso87_ascii", "--format", "json", "--parts", &frame], "");
    assert_eq!(code, 0, "{errors}");
    assert_eq!(out, "{\"mti\":\"0200\",\"fields\":{\"55\":\"******\"}}\n");
    assert!(errors.starts_with("message 1: DE 55 at byte 0"), "{errors}");
    let (code, out, _) = message(&["decode", "--dialect", "iso87_ascii", "--strict", &frame], "");
    assert_eq!(code, 65);
    assert!(out.contains("DE 55   ICC data"), "{out}");
}

#[test]
fn bytes_and_frames() {
    let decode = ["decode", "--dialect", "iso87_ascii", "--format", "json"];
    let bytes = [ECHO.as_bytes(), b"\xFF"].concat();
    let (code, _, errors) = message_of_bytes(&decode, &bytes);
    assert_eq!(code, 65);
    assert!(errors.contains("trace.bin: message 1: MTI 0800, at offset 55: 1 byte is left over"), "{errors}");

    let framed = [&decode[..], &["--framed"]].concat();
    let frame = [&[0, 55][..], ECHO.as_bytes()].concat();
    // A keep-alive between two messages, and a message that is cut short.
    let stream = [&frame[..], &[0, 0], &frame, &frame[..9]].concat();
    let (code, out, errors) = message_of_bytes(&framed, &stream);
    assert_eq!((code, out.lines().count()), (65, 2));
    assert!(errors.contains("message 3: at byte 116 of all: the frame is shorter"), "{errors}");
    let (code, out, _) = message(&framed, &hex::encode(&frame));
    assert_eq!((code, out.lines().count()), (0, 1));
    let (code, out, _) = message(&["redact", "--dialect", "iso87_ascii", "--framed"], &hex::encode(&frame));
    assert_eq!((code, out.trim()), (0, hex::encode_upper(&frame).as_str()));

    // Digits alone may be either.
    let raw = [&decode[..], &["--input", "raw"]].concat();
    assert_eq!(message_of_bytes(&raw, ECHO.as_bytes()).0, 0);
    let (code, _, errors) = message(&[&decode[..], &["--file", "/no/such/file"]].concat(), "");
    assert_eq!(code, 1);
    assert!(errors.starts_with("/no/such/file: "), "{errors}");
}

#[test]
fn from_one_dialect_to_another() {
    let purchase = purchase();
    let (code, out, errors) =
        message(&["convert", "--from", "iso87_ascii", "--to", "iso87_bcd", &purchase], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(out.starts_with("60000100000200"), "{out}");
    let (code, back, _) = message(&["convert", "--from", "iso87_bcd", "--to", "iso87_ascii"], &out);
    assert_eq!((code, back.trim()), (0, purchase.as_str()));
    let (code, out, _) = message(
        &["diff", "--dialect", "iso87_ascii", "--dialect-right", "iso87_bcd", &purchase, out.trim()],
        "",
    );
    assert_eq!((code, out.as_str()), (3, "header: empty | 6000010000\n"));

    let folder = tempfile::tempdir().unwrap();
    let small = write(
        folder.path(),
        "small.toml",
        "name = \"small\"\nbased_on = \"iso87_ascii\"\nremove = [52, 55]\n",
    );
    let convert = ["convert", "--from", "iso87_ascii", "--to", &small, &purchase];
    let (code, out, errors) = message(&convert, "");
    assert_eq!((code, out.as_str()), (65, ""));
    let reason = "not a data element of this dialect";
    assert_eq!(errors, format!("message 1: DE 52: {reason}; DE 55: {reason}\n"));
    let (code, out, errors) = message(&[&convert[..], &["--drop"]].concat(), "");
    assert_eq!((code, out.lines().count()), (0, 1));
    assert_eq!(errors, format!("message 1: left out DE 52: {reason}\nmessage 1: left out DE 55: {reason}\n"));
}

#[test]
fn differences() {
    let (left, right) = (hex_of(ECHO), hex_of(&ECHO.replace("000123", "000124")));
    let (code, out, errors) = message(&["diff", "--dialect", "iso87_ascii", &left, &left], "");
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", ""));
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "right.hex", &format!("# the other\n{right}\n"));
    let (code, out, _) = message(&["diff", "--dialect", "iso87_ascii", &left, &file], "");
    assert_eq!((code, out.as_str()), (3, "DE 11  System trace audit number: 000123 | 000124\n"));
    let (_, out, _) = message(&["diff", "--dialect", "iso87_ascii", "--format", "json", &left, &file], "");
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&object["place"], &object["right"]), (&"DE 11".into(), &"000124".into()));
    let (code, _, errors) = message(&["diff", "--dialect", "iso87_ascii", &left, "0800"], "");
    assert_eq!(code, 65);
    assert!(errors.starts_with("right: at offset 0: "), "{errors}");
}

#[test]
fn findings() {
    let lint = ["lint", "--dialect", "iso87_ascii"];
    let (code, out, errors) = message(&lint, &hex_of(ECHO));
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", ""));
    let (code, out, _) = message(&lint, &purchase().replace(&hex_of("TERM0001840"), &hex_of("TERM0001998")));
    assert_eq!((code, out.as_str()), (0, "message 1: warning: DE 49: no currency of ISO 4217\n"));
    let impossible = hex_of(&ECHO.replace("1123155959", "1131155959"));
    let (code, out, _) = message(&lint, &impossible);
    assert_eq!((code, out.as_str()), (3, "message 1: error: DE 7: no such date and time\n"));
    let (_, out, _) = message(&[&lint[..], &["--format", "json"]].concat(), &impossible);
    let finding: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&finding["message"], &finding["severity"], &finding["field"]),
        (&1.into(), &"error".into(), &7.into())
    );
    let (code, _, _) = message(&lint, &format!("{impossible}\n0800\n"));
    assert_eq!(code, 65);
}

#[test]
fn messages_without_card_data() {
    let (code, out, errors) = message(&["redact", "--dialect", "iso87_ascii"], &purchase());
    assert_eq!((code, errors.as_str()), (0, ""));
    let text = String::from_utf8(hex::decode(out.trim()).unwrap()).unwrap();
    assert!(text.contains("164000000000007899") && !text.contains("123456"), "{text}");
    let (code, decoded, _) =
        message(&["decode", "--dialect", "iso87_ascii", "--unmask", "--format", "json"], &out);
    assert_eq!(code, 0);
    assert!(decoded.contains("\"52\":\"0000000000000000\""), "{decoded}");
}

#[test]
fn dialects_and_their_files() {
    let (_, out, _) = message(&["dialects"], "");
    assert!(
        out.starts_with("iso87_ascii           ISO 8583:1987 in ASCII\n") && out.contains("\nndc   "),
        "{out}"
    );
    let (_, out, _) = message(&["dialects", "--format", "json"], "");
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(first["name"], "iso87_ascii");
    let (_, schema, _) = message(&["dialect", "schema"], "");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["title"], "Turnout ISO 8583 dialect");

    // One's own begins with one that is there.
    let (code, text, _) = message(&["dialect", "show", "iso87_ascii"], "");
    assert_eq!(code, 0);
    let folder = tempfile::tempdir().unwrap();
    let base = write(folder.path(), "base.toml", &text);
    let (code, out, _) = message(&["dialect", "check", &base], "");
    assert_eq!(code, 0, "{out}");
    let own =
        write(folder.path(), "own.toml", "name = \"own\"\nbased_on = \"base\"\n[field.44]\ntype = \"n4\"\n");
    let frame = hex_of("080000000000001000001234");
    let (code, out, errors) = message(&["decode", "--dialect", &own, "--format", "json", &frame], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(out, "{\"mti\":\"0800\",\"fields\":{\"44\":\"1234\"}}\n");
    assert_eq!(message(&["dialect", "show", "nobody"], "").0, 2);
    assert_eq!(message(&["decode", "--dialect", "nobody", &frame], "").0, 2);
}

#[test]
fn a_dialect_file_with_faults() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = \"own\"\nedition = 1988\n[field.2]\ntype = \"m..19\"\n";
    let file = write(folder.path(), "own.toml", text);
    let (code, out, errors) = message(&["dialect", "check", &file], "");
    assert_eq!(code, 78);
    assert!(out.contains(&format!("{file}:2: edition: there is no such edition\n    mend: 1987")), "{out}");
    assert!(out.contains(&format!("{file}:4: field.2.type: \"m..19\" is no type\n    mend: ")), "{out}");
    assert_eq!(errors, "2 faults\n");
    let (code, out, _) = message(&["dialect", "check", "--format", "json", &file], "");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"], &report["faults"][0]["line"]), (78, &false.into(), &2.into()));
    let (code, out, errors) = message(&["decode", "--dialect", &file, &hex_of(ECHO)], "");
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(errors.contains(&format!("{file}: line 2: edition: there is no such edition")), "{errors}");
}

#[test]
fn atm_messages() {
    let request = "11\u{1c}001\u{1c}\u{1c}\u{1c}15\u{1c};4000001234567899=28122010000000123?\u{1c}\u{1c}A      A\u{1c}00008000";
    let (code, out, errors) = message(&["decode", "--dialect", "ndc", &hex_of(request)], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(out.contains("Track2(400000******7899") && !out.contains("123456"), "{out}");
    assert_eq!(message(&["decode", "--dialect", "ndc", "--unmask", "00"], "").0, 2);
}

#[test]
fn every_help_has_examples() {
    for command in ["decode", "encode", "convert", "diff", "lint", "redact", "dialects", "dialect"] {
        let (code, out, _) = message(&[command, "--help"], "");
        assert_eq!(code, 0);
        assert!(out.contains(&format!("turnout message {command}")), "{command}: {out}");
    }
}
