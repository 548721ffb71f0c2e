//! Every fault of a dialect file: its line, its place, the reason and what to do.

use super::check;

/// The first that the TOML reader stumbles over, and nothing else.
#[test]
fn text_that_is_no_dialect_file() {
    check("field.2.type = ", &["line 3: string values must be quoted, expected literal string"]);
    check(
        "fields.2.type = 'n6'",
        &[
            "line 3: unknown field `fields`, expected one of `name`, `title`, `edition`, `based_on`, `inherit_rules`, `max_frame`, `remove`, `header`, `framing`, `encoding`, `bitmap`, `field`, `rule`",
        ],
    );
    check(
        "field.2.typ = 'n6'",
        &[
            "line 3: unknown field `typ`, expected one of `name`, `type`, `encoding`, `length_encoding`, `length_bytes`, `length_counts`, `pad`, `filler`, `separator`, `sensitive`, `format`, `tag_bytes`, `value_length_bytes`, `value_length_encoding`, `inner_bitmap`, `inner_bitmap_bytes`, `part`, `optional`",
        ],
    );
    check("field.2.type = 6", &["line 3: invalid type: integer `6`, expected a string"]);
    check("max_frame = 'long'", &["line 4: invalid type: string \"long\", expected u32"]);
    check(
        "field.2 = { type = 'n6' }\nfield.2.type = 'n6'",
        &["line 4: cannot extend value of type inline table with a dotted key"],
    );
    check(
        "field.2 = { type = 'n6', encoding = 'ebcidic' }",
        &[
            "line 3: unknown variant `ebcidic`, expected one of `ascii`, `latin1`, `cp1251`, `gbk`, `cp037`, `cp500`, `cp1047`, `ebcdic`, `bcd`, `raw`, `hex`, `hex_ebcdic`",
        ],
    );
    check(
        "field.2 = { type = 'n6', encoding = 'bcd', filler = 'E' }",
        &["line 3: unknown variant `E`, expected `0` or `F`"],
    );
    check(
        "field.2 = { type = 'n6', pad = 'both' }",
        &["line 3: unknown variant `both`, expected `left` or `right`"],
    );
    check(
        "field.2 = { type = 'n6', length_counts = 'bits' }",
        &["line 3: unknown variant `bits`, expected one of `units`, `bytes`, `nibbles`, `value`"],
    );
    check("remove = [256]", &["line 4: invalid value: integer `256`, expected u8"]);
    check("[header]\nstarts_with = '60'", &["line 4: missing field `length`"]);
    check("[[rule]]\nmandatory = [2]", &["line 4: missing field `mti`"]);
    check(
        "[framing]\nprefix = 'ascii'\nlength = 4",
        &[
            "line 6: unknown field `length`, expected one of `prefix`, `prefix_bytes`, `inclusive`, `reserved_bytes`, `header_counted`, `trailer`, `trailer_counted`, `keep_alive`",
        ],
    );
    check(
        "bitmap.tertiary = 'de_66'",
        &[
            "line 4: unknown variant `de_66`, expected one of `none`, `after_secondary`, `de_65`, `de_65_wide`",
        ],
    );
    check("[framing]\nprefix_bytes = -1", &["line 5: invalid value: integer `-1`, expected usize"]);
}

#[test]
fn types() {
    check(
        "[field.2]\nname = 'Card'",
        &["line 3: field.2.type: is missing; class and length: n6, n..19, ans...999, b8"],
    );
    check(
        "[field.2]\ntype = 'm..19'",
        &[
            "line 4: field.2.type: \"m..19\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check(
        "[field.2]\ntype = 'N6'",
        &[
            "line 4: field.2.type: \"N6\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check(
        "[field.2]\ntype = 'n'",
        &[
            "line 4: field.2.type: \"n\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check(
        "[field.2]\ntype = 'n.......9999999'",
        &[
            "line 4: field.2.type: \"n.......9999999\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check(
        "[field.2]\ntype = 'n99999999999'",
        &[
            "line 4: field.2.type: \"n99999999999\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check("[field.2]\ntype = 'n0'", &["line 4: field.2.type: this length makes no sense; 1 to 9999"]);
    check("[field.2]\ntype = 'n10000'", &["line 4: field.2.type: this length makes no sense; 1 to 9999"]);
    check("[field.2]\ntype = 'b5000'", &["line 4: field.2.type: this length makes no sense; 1 to 9999"]);
    check(
        "[field.2]\ntype = 'b4294967295'",
        &["line 4: field.2.type: this length makes no sense; 1 to 9999"],
    );
    check(
        "[field.2]\ntype = 'x+n4294967295'",
        &["line 4: field.2.type: this length makes no sense; 1 to 9999"],
    );
    check(
        "[field.2]\ntype = 'n..0'",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; a 2-digit length says 1 to 99",
        ],
    );
    check(
        "[field.2]\ntype = 'n..100'",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; a 2-digit length says 1 to 99",
        ],
    );
    check(
        "[field.2]\ntype = 'ans...1000'",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; a 3-digit length says 1 to 999",
        ],
    );
    check(
        "[field.2]\ntype = 'b...256'\nlength_encoding = 'binary'\nlength_bytes = 1",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; a 1-byte length says 1 to 255",
        ],
    );
    check(
        "[field.2]\ntype = 'b......4294967295'",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; a 6-digit length says 1 to 999999",
        ],
    );
    check("[field.2]\ntype = 'x+n..8'", &["line 4: field.2.type: x+n has a fixed length; x+n8"]);
    check(
        "[field.2]\ntype = 'ans*'",
        &["line 4: field.2.type: `*` is for parts only; a data element has a length"],
    );
}

#[test]
fn encodings() {
    check(
        "[field.2]\ntype = 'ans9'\nencoding = 'bcd'",
        &[
            "line 5: field.2.encoding: bcd cannot write class ans; a character set: ascii, cp500, latin1 and the like",
        ],
    );
    check(
        "[field.2]\ntype = 'an9'\nencoding = 'hex'",
        &[
            "line 5: field.2.encoding: hex cannot write class an; a character set: ascii, cp500, latin1 and the like",
        ],
    );
    check(
        "[field.2]\ntype = 'n6'\nencoding = 'raw'",
        &["line 5: field.2.encoding: raw cannot write class n; bcd or a character set"],
    );
    check(
        "[field.2]\ntype = 'n6'\nencoding = 'hex_ebcdic'",
        &["line 5: field.2.encoding: hex_ebcdic cannot write class n; bcd or a character set"],
    );
    check(
        "[field.2]\ntype = 'b8'\nencoding = 'ascii'",
        &["line 5: field.2.encoding: ascii cannot write class b; raw, hex or hex_ebcdic"],
    );
    check(
        "[field.2]\ntype = 'b8'\nencoding = 'bcd'",
        &["line 5: field.2.encoding: bcd cannot write class b; raw, hex or hex_ebcdic"],
    );
    check(
        "encoding.number = 'raw'",
        &["line 4: encoding.number: is for binary only; bcd or a character set"],
    );
    check("encoding.track = 'hex'", &["line 4: encoding.track: is for binary only; bcd or a character set"]);
    check(
        "encoding.text = 'bcd'",
        &["line 4: encoding.text: is no character set; ascii, cp500, latin1 and the like"],
    );
    check(
        "encoding.binary = 'cp500'",
        &["line 4: encoding.binary: is no form of binary; raw, hex or hex_ebcdic"],
    );
    check("[field.2]\ntype = 'n6'\nseparator = 'D'", &["line 5: field.2.separator: is for class z only"]);
}

#[test]
fn length_prefixes() {
    check(
        "[field.2]\ntype = 'n6'\nlength_encoding = 'bcd'",
        &[
            "line 5: field.2.length_encoding: has no meaning without a length prefix; write the type with dots",
        ],
    );
    check(
        "[field.2]\ntype = 'n6'\nlength_bytes = 1",
        &["line 5: field.2.length_bytes: has no meaning without a length prefix; write the type with dots"],
    );
    check(
        "[field.2]\ntype = 'n6'\nlength_counts = 'bytes'",
        &["line 5: field.2.length_counts: has no meaning without a length prefix; write the type with dots"],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_bytes = 2",
        &["line 5: field.2.length_bytes: is for binary length prefixes of 1 to 4 bytes"],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_encoding = 'binary'\nlength_bytes = 5",
        &["line 6: field.2.length_bytes: is for binary length prefixes of 1 to 4 bytes"],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_encoding = 'binary'\nlength_bytes = 0",
        &["line 6: field.2.length_bytes: is for binary length prefixes of 1 to 4 bytes"],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_counts = 'nibbles'",
        &["line 5: field.2.length_counts: only bcd has nibbles; units, bytes or value"],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_counts = 'value'",
        &[
            "line 5: field.2.length_counts: `value` is for hex only; use units, which is the same for raw, and characters for text",
        ],
    );
    check(
        "[field.2]\ntype = 'b..19'\nencoding = 'raw'\nlength_counts = 'value'",
        &[
            "line 6: field.2.length_counts: `value` is for hex only; use units, which is the same for raw, and characters for text",
        ],
    );
    check(
        "[field.2]\ntype = 'n..99'\nencoding = 'bcd'\nfiller = 'F'\nlength_counts = 'nibbles'",
        &[
            "line 4: field.2.type: the largest length cannot be said by its prefix; nibbles come in pairs, so one less",
        ],
    );
    check(
        "[field.2]\ntype = 'n..19'\nlength_counts = 'bytes'\nlength_bytes = 1",
        &["line 6: field.2.length_bytes: is for binary length prefixes of 1 to 4 bytes"],
    );
}

#[test]
fn numbers_of_data_elements() {
    check(
        "field.0.type = 'n6'",
        &["line 3: field.0: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.1.type = 'b8'",
        &["line 3: field.1: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.193.type = 'n6'",
        &["line 3: field.193: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.300.type = 'n6'",
        &["line 3: field.300: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.02.type = 'n6'",
        &["line 3: field.02: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.pan.type = 'n6'",
        &["line 3: field.pan: is no data element; 2 to 192; bit 1 stands for the second bitmap"],
    );
    check(
        "field.129.type = 'n6'",
        &[
            "line 3: field.129: is beyond the second bitmap; say in [bitmap] where the third bitmap stands: `tertiary = \"after_secondary\"`",
        ],
    );
    check(
        "bitmap.tertiary = 'after_secondary'\nfield.65.type = 'n6'",
        &[
            "line 4: field.65: bit 65 stands for the third bitmap; write `remove = [65]`, or `tertiary = \"none\"` in [bitmap]",
        ],
    );
    check(
        "field.65.type = 'n6'\nbitmap.tertiary = 'de_65'",
        &[
            "line 3: field.65: bit 65 stands for the third bitmap; write `remove = [65]`, or `tertiary = \"none\"` in [bitmap]",
        ],
    );
    check(
        "[field.65]\ntype = 'n6'\n[bitmap]\ntertiary = 'de_65_wide'",
        &[
            "line 3: field.65: bit 65 stands for the third bitmap; write `remove = [65]`, or `tertiary = \"none\"` in [bitmap]",
        ],
    );
    check(
        "[field]",
        &[
            "line 3: field: there is no data element; write [field.2] and so on, or `based_on` another dialect",
        ],
    );
    check(
        "field.2 = { type = 'n6', optional = true }",
        &["line 3: field.2.optional: is for parts only; a bitmap says which data elements there are"],
    );
    check(
        "field.2 = { type = 'n6', part.1.type = 'n2' }",
        &["line 3: field.2.part: has no meaning with this format; say which with `format`"],
    );
}

#[test]
fn parts_by_position() {
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\npart.1.type = 'n2'\npart.3.type = 'n2'",
        &["line 6: field.48.part: the parts are not numbered 1, 2, 3 and so on"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part]\n2.type = 'n2'",
        &["line 6: field.48.part: the parts are not numbered 1, 2, 3 and so on"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part]\n1.type = 'ans*'\n2.type = 'n2'",
        &["line 7: field.48.part.1.type: only the last part can be all that is left"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part]\n1.type = 'q2'\n2.type = 'n2'",
        &[
            "line 7: field.48.part.1.type: \"q2\" is no type; write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8",
        ],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part]\n1.type = 'n2'\nx.type = 'n2'",
        &["line 8: field.48.part.x: is no number of a part; count from 1"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part]\n1.name = 'Indicator'",
        &["line 7: field.48.part.1.type: is missing; class and length: n6, n..19, ans...999, b8"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\n[field.48.part.1]\nname = 'Indicator'\ntype = 'n2'\nencoding = 'raw'",
        &["line 9: field.48.part.1.encoding: raw cannot write class n; bcd or a character set"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\n[field.48.part.1]\ntype = 'n2'",
        &["line 5: field.48.part: has no meaning with this format; say which with `format`"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nencoding = 'raw'\nformat = 'positional'\npart.1 = { type = 'x+n*', encoding = 'bcd' }",
        &["line 7: field.48.part.1.type: x+n has a fixed length; x+n8"],
    );
}

#[test]
fn parts_by_a_bitmap() {
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\ninner_bitmap_bytes = 17",
        &["line 6: field.48.inner_bitmap_bytes: is out of range; 1 to 16"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\ninner_bitmap_bytes = 0",
        &["line 6: field.48.inner_bitmap_bytes: is out of range; 1 to 16"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\ninner_bitmap_bytes = 70000",
        &["line 6: field.48.inner_bitmap_bytes: is out of range; 1 to 16"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\npart.65.type = 'n2'",
        &["line 6: field.48.part.65: is beyond the bitmap; parts are bits 1 to 64"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\npart.0.type = 'n2'",
        &["line 6: field.48.part.0: is no number of a part; count from 1"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\ntag_bytes = 2",
        &["line 6: field.48.tag_bytes: has no meaning with this format; say which with `format`"],
    );
    check(
        "[field.48]\ntype = 'b...999'\ninner_bitmap = 'hex'",
        &["line 5: field.48.inner_bitmap: has no meaning with this format; say which with `format`"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'bitmapped'\ninner_bitmap_bytes = 1\n[field.48.part]\n8.type = 'n2'\n9.type = 'n2'",
        &["line 9: field.48.part.9: is beyond the bitmap; parts are bits 1 to 8"],
    );
}

#[test]
fn parts_by_tags() {
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'",
        &["line 5: field.48.format: tlv needs `tag_bytes` and `value_length_bytes`"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 4",
        &["line 5: field.48.format: tlv needs `tag_bytes` and `value_length_bytes`"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 9\nvalue_length_bytes = 3",
        &["line 6: field.48.tag_bytes: is out of range; 1 to 8 characters, or 1 to 4 bytes of binary"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'tlv'\ntag_bytes = 5\nvalue_length_bytes = 2",
        &["line 6: field.48.tag_bytes: is out of range; 1 to 8 characters, or 1 to 4 bytes of binary"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 0\nvalue_length_bytes = 3",
        &["line 6: field.48.tag_bytes: is out of range; 1 to 8 characters, or 1 to 4 bytes of binary"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 7",
        &["line 7: field.48.value_length_bytes: is out of range; 1 to 6"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 5",
        &["line 7: field.48.value_length_bytes: is out of range; 1 to 4"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 4\nvalue_length_bytes = 3\n[field.48.part.1]\nname = 'Short'",
        &["line 8: field.48.part.1: is no tag here; as many characters as `tag_bytes`"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'tlv'\ntag_bytes = 1\nvalue_length_bytes = 1\n[field.48.part.0G]\nname = 'No hex'",
        &["line 8: field.48.part.0G: is no tag here; two hexadecimal digits a byte"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 2\n[field.48.part]\n01.type = 'n..6'",
        &[
            "line 9: field.48.part.01.type: the value has its length in front already; write the type as ans* or n6",
        ],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'ber_tlv'",
        &["line 5: field.48.format: ber_tlv is binary; write the type as b...999"],
    );
    check(
        "[field.48]\ntype = 'b...999'\nformat = 'ber_tlv'\n[field.48.part]\n9F26.type = 'b8'",
        &["line 6: field.48.part: has no meaning with this format; say which with `format`"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\ntag_bytes = 4",
        &["line 5: field.48.tag_bytes: has no meaning with this format; say which with `format`"],
    );
    check(
        "[field.48]\ntype = 'ans...999'\nformat = 'positional'\npart.1 = { type = 'ans*', format = 'positional', part.1 = { type = 'ans*', format = 'positional', part.1 = { type = 'ans*', format = 'positional', part.1 = { type = 'ans*', format = 'positional', part.1.type = 'ans*' } } } }",
        &["line 6: field.48.part.1.part.1.part.1.part.1.format: parts are too deep; four levels at most"],
    );
}

#[test]
fn rules() {
    check(
        "[[rule]]\nmti = ['0200']\nmandatory = [2, 3]",
        &[
            "line 6: rule.0.mandatory: the dialect has no data element 3; remove it here, or write its [field]",
        ],
    );
    check(
        "[[rule]]\nmti = ['0200']\nforbidden = [3]\necho = [4]",
        &[
            "line 6: rule.0.forbidden: the dialect has no data element 3; remove it here, or write its [field]",
            "line 7: rule.0.echo: the dialect has no data element 4; remove it here, or write its [field]",
        ],
    );
    check(
        "[[rule]]\nmti = ['0200', '200']",
        &["line 5: rule.0.mti: \"200\" is no message type; four digits, x for any"],
    );
    check(
        "[[rule]]\nmti = ['0X00']",
        &["line 5: rule.0.mti: \"0X00\" is no message type; four digits, x for any"],
    );
    check(
        "[[rule]]\nmti = ['02001']",
        &["line 5: rule.0.mti: \"02001\" is no message type; four digits, x for any"],
    );
    check(
        "[[rule]]\nmti = ['0200']\nvalues = { '3' = ['00*'] }",
        &["line 6: rule.0.values: the dialect has no data element 3; remove it here, or write its [field]"],
    );
    check(
        "[[rule]]\nmti = ['0200']\nvalues = { three = ['00*'] }",
        &["line 6: rule.0.values: \"three\" is no data element; 2 to 192"],
    );
    check(
        "[[rule]]\nmti = ['0200']\nvalues = { '2' = ['4*0'] }",
        &["line 6: rule.0.values: `*` stands for a rest, so nothing follows it"],
    );
    check(
        "[[rule]]\nmti = ['0200']\nmandatory = [1, 193]",
        &[
            "line 6: rule.0.mandatory: the dialect has no data element 1; remove it here, or write its [field]",
            "line 6: rule.0.mandatory: the dialect has no data element 193; remove it here, or write its [field]",
        ],
    );
    check(
        "[[rule]]\nmti = ['0100']\n\n[[rule]]\nmti = ['0200']\n[[rule.when]]\npresent = [2]\nmandatory = [2]\n[[rule.when]]\npresent = [3]\nabsent = [4]\nmandatory = [5]\nforbidden = [6]\nvalue = { '7' = ['1'] }",
        &[
            "line 13: rule.1.when.1.present: the dialect has no data element 3; remove it here, or write its [field]",
            "line 14: rule.1.when.1.absent: the dialect has no data element 4; remove it here, or write its [field]",
            "line 15: rule.1.when.1.mandatory: the dialect has no data element 5; remove it here, or write its [field]",
            "line 16: rule.1.when.1.forbidden: the dialect has no data element 6; remove it here, or write its [field]",
            "line 17: rule.1.when.1.value: the dialect has no data element 7; remove it here, or write its [field]",
        ],
    );
}

#[test]
fn headers() {
    check("header = { length = 256 }", &["line 4: header.length: is too long; 255 bytes at most"]);
    check(
        "header = { length = 2, starts_with = '600000' }",
        &["line 4: header.starts_with: is longer than the header"],
    );
    check(
        "header = { length = 2, starts_with = '6' }",
        &["line 4: header.starts_with: is not hexadecimal; two digits a byte: \"6000010000\""],
    );
    check(
        "header = { length = 2, starts_with = 'ISO' }",
        &["line 4: header.starts_with: is not hexadecimal; two digits a byte: \"6000010000\""],
    );
    check(
        "header = { length = 2, own_length_at = 2 }",
        &["line 4: header.own_length_at: lies outside the header; count from 0"],
    );
    check(
        "header = { length = 2, total_length_at = 1 }",
        &["line 4: header.total_length_at: lies outside the header; count from 0"],
    );
    check(
        "header = { length = 5, swap = { left = 3, right = 1, width = 2 } }",
        &["line 4: header.swap: is no two places one after the other; left below right, from 0"],
    );
    check(
        "header = { length = 5, swap = { left = 1, right = 2, width = 2 } }",
        &["line 4: header.swap: is no two places one after the other; left below right, from 0"],
    );
    check(
        "header = { length = 4, swap = { left = 1, right = 3, width = 2 } }",
        &["line 4: header.swap: is no two places one after the other; left below right, from 0"],
    );
    check(
        "header = { length = 2, default = '60' }",
        &["line 4: header.default: does not keep to `length`, `own_length_at` or `starts_with`"],
    );
    check(
        "header = { length = 2, starts_with = '60', default = '6100' }",
        &["line 4: header.default: does not keep to `length`, `own_length_at` or `starts_with`"],
    );
    check(
        "header = { length = 2, default = '600000' }",
        &["line 4: header.default: does not keep to `length`, `own_length_at` or `starts_with`"],
    );
    check(
        "header = { length = 2, own_length_at = 0, default = '0300' }",
        &["line 4: header.default: does not keep to `length`, `own_length_at` or `starts_with`"],
    );
    check(
        "[header]\nlength = 2\ndefault = '6G00'",
        &["line 6: header.default: is not hexadecimal; two digits a byte: \"6000010000\""],
    );
}

#[test]
fn framings() {
    check("framing.prefix_bytes = 0", &["line 4: framing.prefix_bytes: is out of range; 1 to 4"]);
    check("framing.prefix_bytes = 5", &["line 4: framing.prefix_bytes: is out of range; 1 to 4"]);
    check(
        "framing.prefix = 'none'",
        &[
            "line 4: framing.prefix: nothing says where a message ends; give a `trailer` that ends each message, or a length in front",
        ],
    );
    check(
        "framing.trailer = '3'",
        &["line 4: framing.trailer: is not hexadecimal; two digits a byte: \"6000010000\""],
    );
    check(
        "framing.trailer = '010203040506070809'",
        &["line 4: framing.trailer: is too long; 8 bytes at most"],
    );
    check("framing.reserved_bytes = 17", &["line 4: framing.reserved_bytes: is too long; 16 bytes at most"]);
    check(
        "header = { length = 4, own_length_at = 0 }\nframing.header_counted = false",
        &[
            "line 5: framing.header_counted: the header says its own length; only a header of one length can be left out",
        ],
    );
}

#[test]
fn names_and_sizes() {
    check("max_frame = 31", &["line 4: max_frame: is out of range; 32 to 65535 bytes"]);
    check("max_frame = 65536", &["line 4: max_frame: is out of range; 32 to 65535 bytes"]);
    check("remove = [65]", &["line 4: remove: has no meaning without `based_on`"]);
    check("inherit_rules = false", &["line 4: inherit_rules: has no meaning without `based_on`"]);
}
