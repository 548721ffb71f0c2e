mod faults;

use super::*;
use crate::{Encoding, Length, Mti, PartKey};

/// What is wrong with a file, a line for each fault. The first two lines are its name and edition; where
/// no data element is written there is one on the third.
fn check(text: &str, expect: &[&str]) {
    let element = if text.contains("field") { "" } else { "field.2.type = 'n..19'\n" };
    faults(&format!("name = 'made'\nedition = 1987\n{element}{text}"), expect);
}

fn faults(text: &str, expect: &[&str]) {
    let error = Dialect::from_toml_with(text, other).map(|_| "no fault").unwrap_err();
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expect, "{text}");
}

fn loaded(text: &str) -> Dialect {
    Dialect::from_toml_with(text, other).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// Files of one's own that another may stand on.
fn other(name: &str) -> Option<String> {
    let text = match name {
        "base" => BASE,
        "middle" => "name = 'middle'\nbased_on = 'base'\nfield.3.name = 'Of the middle'",
        "circle" => "name = 'circle'\n\nbased_on = 'round'",
        "round" => "name = 'round'\nbased_on = 'circle'",
        "nameless" => "based_on = 'nameless'",
        "no_toml" => "name = 'no_toml'\nfield = ",
        "wrong" => {
            "name = 'wrong'\nedition = 1987\n[field.2]\ntype = 'm6'\n[[rule]]\nmti = ['0200']\nmandatory = [9]"
        }
        deep => return deep_base(deep),
    };
    Some(text.to_owned())
}

/// `deep_5` stands on `deep_4`, and so on down to `base`.
fn deep_base(name: &str) -> Option<String> {
    let depth: u8 = name.strip_prefix("deep_")?.parse().ok()?;
    let below = if depth == 0 { "base".to_owned() } else { format!("deep_{}", depth - 1) };
    Some(format!("name = '{name}'\nbased_on = '{below}'"))
}

const BASE: &str = "
name = 'base'
title = 'A base'
edition = 1993
max_frame = 1000
header = { length = 2, default = '6001' }
framing = { prefix = 'ascii', prefix_bytes = 4, trailer = '03' }
encoding = { mti = 'bcd', number = 'bcd', pad_fixed = 'right' }
bitmap = { secondary = 'always', bit_1 = 'clear' }

[field]
2 = { name = 'Card', type = 'n..19', sensitive = 'pan' }
3 = { name = 'Code', type = 'n6', format = 'positional', part.1 = { name = 'Front', type = 'n2' }, part.2.type = 'n4' }
4 = { name = 'Amount', type = 'n12' }
11 = { name = 'Number', type = 'n6' }
39 = { name = 'Answer', type = 'an2' }
52 = { name = 'PIN', type = 'b8' }

[[rule]]
mti = ['0200']
mandatory = [3, 4, 11]
values = { '4' = ['0*'] }
echo = [3, 4, 11]
when = [{ present = [52], mandatory = [2] }, { absent = [52], mandatory = [39] }]
";

#[test]
fn name_and_edition() {
    let element = "field.2.type = 'n..19'";
    faults(&format!("edition = 1987\n{element}"), &["name: is missing; letters, digits, _ and -"]);
    faults(&format!("name = 'made'\n{element}"), &["edition: is missing; 1987, 1993 or 2003"]);
    for name in ["", "my bank", "bank/1", "bänk"] {
        let text = format!("name = '{name}'\nedition = 1987\n{element}");
        faults(&text, &["line 1: name: is no name; letters, digits, _ and -"]);
    }
    let text = format!("name = 'made'\nedition = 1986\n{element}");
    faults(&text, &["line 2: edition: there is no such edition; 1987, 1993 or 2003"]);
    for (year, edition) in [(1987, Edition::Iso1987), (1993, Edition::Iso1993), (2003, Edition::Iso2003)] {
        let dialect = loaded(&format!("name = 'My-bank_1'\nedition = {year}\n{element}"));
        assert_eq!((dialect.name(), dialect.edition()), ("My-bank_1", edition));
    }
    faults(
        "",
        &[
            "name: is missing; letters, digits, _ and -",
            "edition: is missing; 1987, 1993 or 2003",
            "field: there is no data element; write [field.2] and so on, or `based_on` another dialect",
        ],
    );
}

/// All that can be found is told at once, by line; what is missing comes last.
#[test]
fn all_faults_at_once() {
    let text = "
edition = 1986
max_frame = 9

[[rule]]
mti = ['02']
mandatory = [2, 4]

[field.3]
type = 'n6'
separator = 'D'

[field.2]
type = 'q'

[header]
length = 1
own_length_at = 1
";
    faults(
        text,
        &[
            "line 2: edition: there is no such edition; 1987, 1993 or 2003",
            "line 3: max_frame: is out of range; 32 to 65535 bytes",
            "line 6: rule.0.mti: \"02\" is no message type; four digits, x for any",
            "line 7: rule.0.mandatory: the dialect has no data element 4; remove it here, or write its [field]",
            "line 11: field.3.separator: is for class z only",
            "line 14: field.2.type: \"q\" is no type; write class and length, one dot for each digit of the prefix: \
             n6, n..19, ans...999, b8, x+n8",
            "line 18: header.own_length_at: lies outside the header; count from 0",
            "name: is missing; letters, digits, _ and -",
        ],
    );
}

#[test]
fn bases_that_cannot_be_stood_on() {
    let known = Dialect::names().collect::<Vec<_>>().join(", ");
    faults(
        "name = 'made'\nbased_on = 'iso87'",
        &[&format!("line 2: based_on: no dialect is named \"iso87\"; there are {known}")],
    );
    faults(
        "name = 'made'\nbased_on = 'no_toml'",
        &[
            "line 2: based_on: \"no_toml\" has a fault itself: line 2: string values must be quoted, expected literal string",
        ],
    );
    faults(
        "name = 'made'\nbased_on = 'circle'",
        &[
            "line 2: based_on: \"circle\" has a fault itself: line 3: based_on: \"round\" has a fault itself: \
           line 2: based_on: the files go in circles: made, circle, round, circle",
        ],
    );
    faults("name = 'made'\nbased_on = 'made'", &["line 2: based_on: the files go in circles: made, made"]);
    faults(
        "based_on = 'nameless'",
        &["line 1: based_on: \"nameless\" has a fault itself: line 1: based_on: \
           the files go in circles: nameless, nameless"],
    );
    assert_eq!(loaded("name = 'made'\nbased_on = 'deep_5'").title(), "A base");
    let error = Dialect::from_toml_with("name = 'made'\nbased_on = 'deep_9'", other).unwrap_err().to_string();
    assert!(error.ends_with("the files stand too deep on one another; eight at most"), "{error}");
    // The faults of a base have no line here, even where this file has the same tables.
    let text = "name = 'made'\nbased_on = 'wrong'\n[field.3]\ntype = 'n6'\n[[rule]]\nmti = ['0200']\nmandatory = [3]";
    faults(
        text,
        &[
            "field.2.type: \"m6\" is no type; write class and length, one dot for each digit of the prefix: \
             n6, n..19, ans...999, b8, x+n8",
            "rule.of the base.mandatory: the dialect has no data element 9; remove it here, or write its [field]",
        ],
    );
}

#[test]
fn what_a_file_does_not_say_is_said_by_its_base() {
    let dialect = loaded("name = 'made'\nbased_on = 'base'");
    assert_eq!((dialect.name(), dialect.title(), dialect.edition()), ("made", "A base", Edition::Iso1993));
    assert_eq!((dialect.max_frame(), dialect.header().length), (1000, 2));
    assert_eq!((dialect.mti(), dialect.framing().trailer.as_slice()), (NumberEncoding::Bcd, &[0x03][..]));
    assert_eq!(dialect.bitmap().secondary, Secondary::Always { set_bit_1: false });
    assert_eq!(dialect.fields().map(|(number, _)| number).collect::<Vec<_>>(), [2, 3, 4, 11, 39, 52]);
    assert_eq!(dialect.rules().echo(Mti::FINANCIAL_REQUEST), Bitmap::of(&[3, 4, 11]));
}

#[test]
fn what_a_file_says_stands_over_its_base_key_by_key() {
    let dialect = loaded(
        "name = 'made'
         based_on = 'middle'
         title = 'Made'
         edition = 1987
         framing.prefix_bytes = 2
         header = { length = 0 }
         encoding.number = 'ascii'
         bitmap.bit_1 = 'set'
         field.2.type = 'n..16'
         field.3.part.1.type = 'n1'
         field.3.part.3.type = 'n1'
         field.5.type = 'n12'",
    );
    assert_eq!((dialect.title(), dialect.edition(), dialect.max_frame()), ("Made", Edition::Iso1987, 1000));
    let framing = dialect.framing();
    assert_eq!((framing.prefix_width, framing.trailer.as_slice()), (2, &[0x03][..]));
    assert_eq!(framing.prefix, Some(crate::framing::LengthPrefix::Ascii));
    assert_eq!(dialect.header(), &crate::HeaderSpec::default());
    assert_eq!(dialect.bitmap().secondary, Secondary::Always { set_bit_1: true });
    let card = dialect.field(2).unwrap();
    assert_eq!((card.name.as_str(), card.length), ("Card", Length::Variable { max: 16 }));
    assert_eq!(
        (card.sensitivity, card.encoding),
        (crate::Sensitivity::Pan, Encoding::Text(crate::Charset::Ascii))
    );
    assert_eq!(dialect.field(5).unwrap().name, "");
    let code = dialect.field(3).unwrap();
    assert_eq!(code.name, "Of the middle");
    let Some(crate::Composite::Positional(parts)) = code.composite.as_deref() else { panic!("positional") };
    let parts: Vec<_> =
        parts.iter().map(|part| (part.key, part.spec.name.as_str(), part.spec.length)).collect();
    assert_eq!(
        parts,
        [
            (PartKey::Number(1), "Front", Length::Fixed(1)),
            (PartKey::Number(2), "", Length::Fixed(4)),
            (PartKey::Number(3), "", Length::Fixed(1)),
        ]
    );
}

#[test]
fn an_inherited_structure_is_replaced_or_switched_off() {
    let check = |keys: &str, expect: &str| {
        let dialect = loaded(&format!("name = 'made'\nbased_on = 'base'\n[field.3]\n{keys}"));
        let composite = dialect.field(3).unwrap().composite.as_deref();
        assert!(format!("{composite:?}").starts_with(expect), "{keys}: {composite:?}");
    };
    check("name = 'Code'", "Some(Positional");
    check("format = 'positional'", "Some(Positional");
    check("format = 'none'", "None");
    check("type = 'b6'\nformat = 'ber_tlv'", "Some(BerTlv");
    check("format = 'tlv'\ntag_bytes = 1\nvalue_length_bytes = 1", "Some(Tlv");
}

#[test]
fn elements_are_removed_and_their_rules_with_them() {
    let dialect = loaded("name = 'made'\nbased_on = 'base'\nremove = [4, 52, 65]");
    assert_eq!(dialect.fields().map(|(number, _)| number).collect::<Vec<_>>(), [2, 3, 11, 39]);
    assert_eq!(dialect.rules().echo(Mti::FINANCIAL_REQUEST), Bitmap::of(&[3, 11]));
    // What hung on DE 52 being there is gone, what hung on it being absent always holds.
    assert_eq!(missing(&dialect), [3, 11, 39]);
    let again = loaded("name = 'made'\nbased_on = 'base'\nremove = [4]\nfield.4.type = 'n6'");
    assert_eq!((again.field(4).unwrap().name.as_str(), missing(&again)), ("", vec![3, 4, 11, 39]));
}

#[test]
fn rules_are_added_to_those_of_the_base_or_stand_alone() {
    let rule = "[[rule]]\nmti = ['0200']\nmandatory = [2]\necho = [2]";
    let added = loaded(&format!("name = 'made'\nbased_on = 'base'\n{rule}"));
    assert_eq!(added.rules().echo(Mti::FINANCIAL_REQUEST), Bitmap::of(&[2, 3, 4, 11]));
    assert_eq!(missing(&added), [2, 3, 4, 11, 39]);
    let alone = loaded(&format!("name = 'made'\nbased_on = 'base'\ninherit_rules = false\n{rule}"));
    assert_eq!(alone.rules().echo(Mti::FINANCIAL_REQUEST), Bitmap::of(&[2]));
    assert_eq!(missing(&alone), [2]);
    let none = loaded("name = 'made'\nbased_on = 'base'\ninherit_rules = false");
    assert!(missing(&none).is_empty());
    // Rules of this file are counted without those of the base.
    faults(
        "name = 'made'\nbased_on = 'base'\n[[rule]]\nmti = ['0200']\n[[rule]]\nmti = ['0200']\necho = [9]",
        &["line 7: rule.1.echo: the dialect has no data element 9; remove it here, or write its [field]"],
    );
}

/// What a financial request without any element lacks.
fn missing(dialect: &Dialect) -> Vec<u8> {
    let mut frame = Vec::new();
    let writer = crate::MessageWriter::begin(&mut frame, dialect, &[], Mti::FINANCIAL_REQUEST).unwrap();
    writer.finish().unwrap();
    let message = crate::parse(&frame, dialect).unwrap();
    dialect.rules().check_all(&message).iter().map(|violation| violation.field).collect()
}

#[test]
fn lengths_of_frames() {
    let check = |keys: &str, prefix, width| {
        let dialect = loaded(&format!("name = 'made'\nedition = 1987\nfield.2.type = 'n6'\n{keys}"));
        let framing = dialect.framing();
        assert_eq!((framing.prefix, framing.prefix_width), (prefix, width), "{keys}");
    };
    use crate::framing::LengthPrefix;
    check("", Some(LengthPrefix::Binary), 2);
    check("framing.prefix = 'bcd'", Some(LengthPrefix::Bcd), 2);
    check("framing.prefix = 'ascii'", Some(LengthPrefix::Ascii), 4);
    check("framing.prefix = 'ebcdic'", Some(LengthPrefix::Ebcdic), 4);
    check("framing.prefix_bytes = 4", Some(LengthPrefix::Binary), 4);
    check("framing = { prefix = 'none', trailer = '03' }", None, 0);
    let text =
        "name = 'made'\nbased_on = 'iso87_bcd'\nframing = { header_counted = false, keep_alive = 'echo' }";
    let dialect = loaded(text);
    assert_eq!(dialect.framing().uncounted_header, 5);
    assert_eq!(dialect.framing().keep_alive, crate::framing::KeepAlive::Echo);
}
