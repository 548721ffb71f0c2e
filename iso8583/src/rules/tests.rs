use super::*;
use crate::{Dialect, parse};
use RuleViolationKind::{Forbidden, ForbiddenHere, Missing, MissingHere, Value};

/// A dialect of small elements with these rules.
fn with(rules: &str) -> Dialect {
    let text = format!(
        "name = \"made\"\nedition = 1987\nbitmap.tertiary = \"after_secondary\"\n\
         field = {{ 2.type = \"an..9\", 3.type = \"n6\", 4.type = \"n3\", 11.type = \"n3\", 22.type = \"n3\", \
         39.type = \"an2\", 70.type = \"n3\", 130.type = \"n1\" }}\n{rules}"
    );
    Dialect::from_toml(&text).unwrap_or_else(|error| panic!("{rules}: {error}"))
}

/// What a message of these fields breaks, all of it; the first is what a single answer names.
fn broken(dialect: &Dialect, mti: &str, fields: &[(u8, &str)]) -> Vec<(u8, RuleViolationKind)> {
    let mut frame = Vec::new();
    let mti = Mti::parse(mti.as_bytes()).unwrap();
    let mut writer = crate::MessageWriter::begin(&mut frame, dialect, &[], mti).unwrap();
    for (field, value) in fields {
        writer.field(*field, value.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let message = parse(&frame, dialect).unwrap();
    let all = dialect.rules().check_all(&message);
    assert_eq!(
        dialect.rules().check(&message).map(|first| first.field),
        all.first().map(|first| first.field)
    );
    all.into_iter().map(|violation| (violation.field, violation.kind)).collect()
}

#[test]
fn mandatory_and_forbidden() {
    let dialect = with("[[rule]]\nmti = [\"0200\"]\nmandatory = [2, 11, 130]\nforbidden = [39, 70]");
    let check = |mti, fields: &[(u8, &str)], expect: &[(u8, RuleViolationKind)]| {
        assert_eq!(broken(&dialect, mti, fields), expect, "{mti} {fields:?}");
    };
    check("0200", &[(2, "40"), (11, "001"), (130, "1")], &[]);
    check("0200", &[(2, "40"), (4, "012"), (11, "001"), (130, "1")], &[]);
    check("0200", &[(2, ""), (11, "001"), (130, "1")], &[]);
    check("0200", &[(2, "40"), (130, "1")], &[(11, Missing)]);
    check("0200", &[], &[(2, Missing), (11, Missing), (130, Missing)]);
    check("0200", &[(2, "40"), (11, "001"), (39, "00"), (130, "1")], &[(39, Forbidden)]);
    check(
        "0200",
        &[(11, "001"), (39, "00"), (70, "301")],
        &[(2, Missing), (39, Forbidden), (70, Forbidden), (130, Missing)],
    );
    check("0201", &[(39, "00")], &[]);
    check("0100", &[], &[]);
}

#[test]
fn values() {
    let check = |patterns: &str, value: &str, allowed: bool| {
        let dialect = with(&format!("[[rule]]\nmti = [\"0200\"]\nvalues = {{ \"2\" = {patterns} }}"));
        let expect: &[_] = if allowed { &[] } else { &[(2, Value)] };
        assert_eq!(broken(&dialect, "0200", &[(2, value)]), expect, "{patterns} {value}");
        assert_eq!(broken(&dialect, "0200", &[(11, "001")]), []);
    };
    check(r#"["00"]"#, "00", true);
    check(r#"["00"]"#, "01", false);
    check(r#"["00"]"#, "000", false);
    check(r#"["00"]"#, "0", false);
    check(r#"["00*"]"#, "00", true);
    check(r#"["00*"]"#, "00123", true);
    check(r#"["00*"]"#, "0", false);
    check(r#"["00*"]"#, "10123", false);
    check(r#"["*"]"#, "", true);
    check(r#"["*"]"#, "xyz", true);
    check(r#"["05?"]"#, "051", true);
    check(r#"["05?"]"#, "05", false);
    check(r#"["05?"]"#, "0511", false);
    check(r#"["?1*"]"#, "01", true);
    check(r#"["?1*"]"#, "91xyz", true);
    check(r#"["?1*"]"#, "02", false);
    check(r#"["00*", "01*"]"#, "0123", true);
    check(r#"["00*", "01*"]"#, "0223", false);
    check("[]", "00", false);
}

/// Values are looked at decoded: the digits, however they are written.
#[test]
fn values_of_packed_digits() {
    let text = "name = \"made\"\nbased_on = \"iso87_bcd\"\n[[rule]]\nmti = [\"0200\"]\nvalues = { \"22\" = [\"05?\"] }";
    let dialect = Dialect::from_toml(text).unwrap();
    let broken = |entry_mode| {
        let fields = [(3, "000000"), (11, "000001"), (22, entry_mode), (41, "TERM 001"), (49, "978")];
        broken(&dialect, "0200", &fields)
    };
    assert_eq!(broken("051"), []);
    assert_eq!(broken("901"), [(22, Value)]);
}

#[test]
fn conditions() {
    let check = |condition: &str, fields: &[(u8, &str)], expect: &[(u8, RuleViolationKind)]| {
        let dialect = with(&format!("[[rule]]\nmti = [\"0200\"]\n[[rule.when]]\n{condition}"));
        assert_eq!(broken(&dialect, "0200", fields), expect, "{condition} {fields:?}");
        assert_eq!(broken(&dialect, "0100", fields), []);
    };
    let present = "present = [2]\nmandatory = [11]\nforbidden = [70]";
    check(present, &[], &[]);
    check(present, &[(70, "301")], &[]);
    check(present, &[(2, "40"), (11, "001")], &[]);
    check(present, &[(2, "40")], &[(11, MissingHere)]);
    check(present, &[(2, "40"), (70, "301")], &[(11, MissingHere), (70, ForbiddenHere)]);
    let absent = "absent = [2]\nmandatory = [11]";
    check(absent, &[], &[(11, MissingHere)]);
    check(absent, &[(2, "40")], &[]);
    let value = "value = { \"22\" = [\"05?\", \"07?\"] }\nmandatory = [11]";
    check(value, &[], &[]);
    check(value, &[(22, "901")], &[]);
    check(value, &[(22, "051")], &[(11, MissingHere)]);
    check(value, &[(22, "071")], &[(11, MissingHere)]);
    check(value, &[(11, "001"), (22, "071")], &[]);
    let all = "present = [2, 3]\nabsent = [39]\nvalue = { \"22\" = [\"05?\"] }\nmandatory = [11]";
    check(all, &[(2, "40"), (3, "000000"), (22, "051")], &[(11, MissingHere)]);
    check(all, &[(2, "40"), (22, "051")], &[]);
    check(all, &[(2, "40"), (3, "000000"), (22, "051"), (39, "00")], &[]);
    check(all, &[(2, "40"), (3, "000000"), (22, "901")], &[]);
    check("mandatory = [11]", &[], &[(11, MissingHere)]);
}

#[test]
fn types_that_a_rule_is_for() {
    let check = |types: &str, mti: &str, holds: bool| {
        let dialect = with(&format!("[[rule]]\nmti = [{types}]\nmandatory = [11]"));
        let expect: &[_] = if holds { &[(11, Missing)] } else { &[] };
        assert_eq!(broken(&dialect, mti, &[]), expect, "{types} {mti}");
    };
    check(r#""0200""#, "0200", true);
    check(r#""0200""#, "0210", false);
    check(r#""0x00""#, "0800", true);
    check(r#""0x00""#, "0810", false);
    check(r#""0x00""#, "1200", false);
    check(r#""xxxx""#, "9999", true);
    check(r#""02x1""#, "0221", true);
    check(r#""02x1""#, "0220", false);
    check(r#""0100", "0x20""#, "0420", true);
    check(r#""0100", "0x20""#, "0110", false);
    check("", "0200", false);
}

/// All rules for a type hold together: their violations in order of the data elements, each once.
#[test]
fn several_rules_for_one_type() {
    let rules = "[[rule]]\nmti = [\"02xx\"]\nmandatory = [70, 4]\nvalues = { \"3\" = [\"00*\"] }\n\
                 [[rule]]\nmti = [\"0200\"]\nmandatory = [4, 2]\n\
                 [[rule]]\nmti = [\"0800\"]\nmandatory = [11]";
    let check = |mti, fields: &[(u8, &str)], expect: &[(u8, RuleViolationKind)]| {
        assert_eq!(broken(&with(rules), mti, fields), expect, "{mti}");
    };
    check("0200", &[(3, "010000")], &[(2, Missing), (3, Value), (4, Missing), (70, Missing)]);
    check("0210", &[(3, "000000")], &[(4, Missing), (70, Missing)]);
    check("0800", &[(3, "010000")], &[(11, Missing)]);
}

#[test]
fn a_response_repeats_what_any_rule_names() {
    let dialect = with(
        "[[rule]]\nmti = [\"02xx\"]\necho = [2, 11]\n[[rule]]\nmti = [\"0200\"]\necho = [11, 70, 130]\n\
         [[rule]]\nmti = [\"0400\"]\nmandatory = [11]",
    );
    let check = |mti: &str, expect: &[u8]| {
        let mti = Mti::parse(mti.as_bytes()).unwrap();
        assert_eq!(dialect.rules().echo(mti), Bitmap::of(expect), "{mti}");
    };
    check("0200", &[2, 11, 70, 130]);
    check("0220", &[2, 11]);
    check("0400", &[]);
    check("0800", &[]);
}

#[test]
fn rules_of_the_built_in_dialects() {
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let check = |mti, fields: &[(u8, &str)], expect: &[(u8, RuleViolationKind)]| {
        assert_eq!(broken(dialect, mti, fields), expect, "{mti}");
    };
    check("0800", &[(11, "000001"), (70, "301")], &[]);
    check("0800", &[(11, "000001")], &[(70, Missing)]);
    check("0200", &[(3, "000000"), (11, "000001")], &[(41, Missing), (49, Missing)]);
    check("0210", &[(11, "000001")], &[(39, Missing)]);
    check("0430", &[(39, "00")], &[]);
}

#[test]
fn says_what_is_broken_without_its_value() {
    let check = |field, kind, expect: &str| {
        assert_eq!(RuleViolation { field, kind }.to_string(), expect);
    };
    check(41, Missing, "DE 41: missing");
    check(55, MissingHere, "DE 55: missing, which the other data elements ask for");
    check(39, Forbidden, "DE 39: not allowed in this message type");
    check(52, ForbiddenHere, "DE 52: not allowed beside the other data elements");
    check(3, Value, "DE 3: its value is none of those allowed here");
}
