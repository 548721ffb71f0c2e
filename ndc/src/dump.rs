use crate::token::{FS, GS, Token, Tokens};
use crate::{Mac, Tvn, tlv};
use card::Track2;
use std::fmt::Write;

/// A body as one line of text for logs and people: separators as `<FS>` and `<GS>`, other control codes
/// and bytes above ASCII in hexadecimal, and nothing that must not be seen. Of a track 2 the PAN is
/// shown masked; hidden are PIN blocks, other tracks, buffers, chip objects with card data, key loads,
/// journals, and long runs of digits in texts. Works on any bytes: what is not understood is hidden.
///
/// ```
/// assert_eq!(ndc::dump(b"22\x1c001\x1c\x1c9"), "22<FS>001<FS><FS>9");
/// let request = b"11\x1c001\x1c\x1c\x1c15\x1c;4000001234567899=28122010000000123?";
/// assert_eq!(ndc::dump(request), "11<FS>001<FS><FS><FS>15<FS>Track2(400000******7899=…)");
/// ```
#[must_use]
pub fn dump(body: &[u8]) -> String {
    let mut line = String::with_capacity(body.len() + 32);
    let maced = is_maced(body);
    let count = Tokens::new(body).count();
    let class = Tokens::new(body).field().bytes;
    let load = load_of(body);
    show_text(class, &mut line);
    for (index, token) in Tokens::new(body).enumerate().skip(1) {
        line.push_str("<FS>");
        let is_mac = maced && index > 3 && index + 1 == count && Mac::new(token.bytes).is_some();
        match load {
            _ if is_mac => show(token.bytes, &mut line),
            Some(load) => load_field(load, index, token.bytes, &mut line),
            None => field(class, index, token, &mut line),
        }
    }
    line
}

/// Whether the message carries a time variant number, which only MACed ones do.
fn is_maced(body: &[u8]) -> bool {
    let mut tokens = Tokens::new(body);
    let position = match tokens.field().bytes {
        b"11" | b"22" => 3,
        [b'4'] | [b'4', b' ' | b'0'] => 2,
        _ => return false,
    };
    tokens.nth(position - 1).is_some_and(|token| Tvn::new(token.bytes).is_some())
}

/// Identifier of a customisation message (class `3`), empty when it has none.
fn load_of(body: &[u8]) -> Option<&[u8]> {
    let mut tokens = Tokens::new(body);
    let ([b'3'] | [b'3', b' ' | b'0']) = tokens.field().bytes else { return None };
    Some(tokens.nth(2).map_or(&[], |token| token.bytes))
}

/// Screens, states, parameters and interactive responses are shown; keys are among the other loads, in
/// the FIT too.
fn load_field(load: &[u8], index: usize, bytes: &[u8], line: &mut String) {
    match load {
        _ if index < 3 => show_text(bytes, line),
        b"12" | b"16" | b"1A" | b"1C" | b"1E" => show(bytes, line),
        b"11" | [b'2', ..] => show_text(bytes, line),
        _ if index == 3 => show_head(2, bytes, line),
        _ => hide(bytes, line),
    }
}

fn field(class: &[u8], index: usize, token: Token, line: &mut String) {
    match class {
        b"11" => request_field(index, token, line),
        b"12" | b"22" => status_field(token.bytes, line),
        [b'4'] | [b'4', b' ' | b'0'] if index > 6 => reply_buffer(token.bytes, line),
        [b'4'] | [b'4', b' ' | b'0'] => show_text(token.bytes, line),
        [b'1'] | [b'1', b' ' | b'0'] => show_text(token.bytes, line),
        [b'8'] | [b'8', b' ' | b'0'] => show(token.bytes, line),
        _ => hide(token.bytes, line),
    }
}

fn request_field(index: usize, token: Token, line: &mut String) {
    match index {
        ..=4 | 7 | 8 => show_text(token.bytes, line),
        5 => track2(token.bytes, line),
        6 | 9..=11 => hide(token.bytes, line),
        _ => match token.bytes {
            // No shorter than a last-transaction status, so that it cannot be a PAN.
            [b'2', status @ ..] if status.len() >= 25 => status_field(token.bytes, line),
            // Counts of notes, coins and cheques.
            [b'c' | b'd' | b'f' | b'w', ..] => show(token.bytes, line),
            [b'5', b'C', b'A', b'M', a, b, c, d, objects @ ..] => {
                show(&[b'5', b'C', b'A', b'M', *a, *b, *c, *d], line);
                show_objects(objects, line);
            }
            bytes => show_head(1, bytes, line),
        },
    }
}

/// Counts and counters are long runs of digits, so they are shown as they are; only chip objects may
/// hold card data.
fn status_field(bytes: &[u8], line: &mut String) {
    let mut chip = false;
    for (index, group) in bytes.split(|byte| *byte == GS).enumerate() {
        if index > 0 {
            line.push_str("<GS>");
        }
        let write = if chip { show_objects } else { show };
        write(group, line);
        chip = group == b"CAM";
    }
}

fn reply_buffer(bytes: &[u8], line: &mut String) {
    match bytes {
        [b'5', b'C', b'A', b'M', objects @ ..] => {
            line.push_str("5CAM");
            show_objects(objects, line);
        }
        bytes => show_head(1, bytes, line),
    }
}

fn track2(bytes: &[u8], line: &mut String) {
    match Track2::parse(bytes) {
        Ok(track) => _ = write!(line, "{track:?}"),
        Err(_) => hide(bytes, line),
    }
}

/// Chip objects in hexadecimal, with stars for the values that are card data.
fn show_objects(hex: &[u8], line: &mut String) {
    const CARD_DATA: [u32; 9] = [0x56, 0x57, 0x5A, 0x5F20, 0x5F24, 0x9F0B, 0x9F1F, 0x9F20, 0x9F6B];
    let Some(bytes) = tlv::from_hex(hex) else { return hide(hex, line) };
    let mut shown = hex.to_vec();
    for object in tlv::objects(&bytes) {
        let Ok(object) = object else { return hide(hex, line) };
        // Templates are not opened here, and could hold any of these.
        let is_template =
            object.tag.to_be_bytes().iter().find(|byte| **byte != 0).is_some_and(|byte| byte & 0x20 != 0);
        if CARD_DATA.contains(&object.tag) || is_template {
            shown[object.offset * 2..][..object.value.len() * 2].fill(b'*');
        }
    }
    show(&shown, line);
}

/// The first `count` bytes, which identify the field, without the rest.
fn show_head(count: usize, bytes: &[u8], line: &mut String) {
    let (head, rest) = bytes.split_at(count.min(bytes.len()));
    show(head, line);
    hide(rest, line);
}

fn hide(bytes: &[u8], line: &mut String) {
    if !bytes.is_empty() {
        _ = write!(line, "<{} hidden>", bytes.len());
    }
}

/// Text in which a PAN might stand: runs of as many digits as the shortest PAN are hidden.
fn show_text(bytes: &[u8], line: &mut String) {
    const SHORTEST_PAN: usize = 13;
    for run in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run.len() >= SHORTEST_PAN && run[0].is_ascii_digit() { hide(run, line) } else { show(run, line) }
    }
}

fn show(bytes: &[u8], line: &mut String) {
    for byte in bytes {
        match *byte {
            FS => line.push_str("<FS>"),
            GS => line.push_str("<GS>"),
            printable @ b' '..=b'~' => line.push(char::from(printable)),
            other => _ = write!(line, "<{other:02X}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: &str) {
        assert_eq!(dump(body.as_bytes()), expect);
    }

    #[test]
    fn requests_show_no_card_data() {
        check(
            "11\x1c001\x1c\x1c01A2E166\x1c12\x1c;4000001234567899=2812?\x1ctrack3\x1c DB   AD\x1c000000008000\
             \x1c0;60<78>44=77241\x1c1234\x1cC\x1c1%B4000001234567899^A/B^2812\x1c21642100005000000000000000\
             \x1dCAM\x1d9B026000\x1cU0;60<78>44=77241\x1c5CAM00005A08400000123456789982021800\x1cw0102\x1cx12\
             \x1c3FF7AA85",
            "11<FS>001<FS><FS>01A2E166<FS>12<FS><23 hidden><FS><6 hidden><FS> DB   AD<FS>000000008000\
             <FS><16 hidden><FS><4 hidden><FS><1 hidden><FS>1<27 hidden><FS>21642100005000000000000000\
             <GS>CAM<GS>9B026000<FS>U<16 hidden><FS>5CAM00005A08****************82021800<FS>w0102<FS>x<2 hidden>\
             <FS>3FF7AA85",
        );
        check("11\x1c4000001234567899", "11<FS><16 hidden>");
        check(
            "11\x1c001\x1c\x1c\x1c15\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c5CAM00005A0840",
            "11<FS>001<FS><FS><FS>15\
             <FS><FS><FS><FS><FS><FS><FS><FS><FS>5CAM0000<6 hidden>",
        );
    }

    #[test]
    fn loads_show_no_keys() {
        check(
            "30\x1c001\x1c000\x1c210110011000\x1c074\x1c\x0cCHOOSE",
            "30<FS>001<FS>000<FS>210110011000<FS>074<FS><0C>CHOOSE",
        );
        check(
            "3\x1c001\x1c\x1c12\x1c000A001041064002002002001041",
            "3<FS>001<FS><FS>12<FS>000A001041064002002002001041",
        );
        check("3\x1c001\x1c\x1c42\x1c030044136", "3<FS>001<FS><FS>42<FS><9 hidden>");
        check("3\x1c001\x1c\x1c31044136", "3<FS>001<FS><FS>31<6 hidden>");
        check("3\x1c001\x1c\x1c15\x1c001000", "3<FS>001<FS><FS>15<FS><6 hidden>");
        check("61\x1c\x1c\x1c\x1c4000001234567899", "61<FS><FS><FS><FS><16 hidden>");
        check("4000001234567899", "<16 hidden>");
    }

    #[test]
    fn statuses_and_replies() {
        check(
            "22\x1c001\x1c\x1c8\x1cE104000000\x1c04000\x1c0401120300000000000000\x1c13000",
            "22<FS>001<FS><FS>8<FS>E104000000<FS>04000<FS>0401120300000000000000<FS>13000",
        );
        check(
            "22\x1c001\x1c\x1c\x1cB\x1dCAM\x1d9B0260005A024000\x1d21",
            "22<FS>001<FS><FS><FS>B<GS>CAM<GS>9B0260005A02****<GS>21",
        );
        check(
            "4\x1c001\x1c01A468E4\x1c125\x1c00000100\x1c1642A068\x1c402CARD 4000001234567899\n\x1cK%B4\
             \x1c5CAM910402030405720470024000\x1c87B719E8",
            "4<FS>001<FS>01A468E4<FS>125<FS>00000100<FS>1642A068<FS>402CARD <16 hidden><0A><FS>K<3 hidden>\
             <FS>5CAM9104020304057204********<FS>87B719E8",
        );
    }
}
