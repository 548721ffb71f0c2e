#!/usr/bin/env python3
"""Writes fixtures/pyiso8583.jsonl: messages encoded by pyiso8583, which shares no code with us.

    python3 -m pip install pyiso8583==4.0.1
    python3 iso8583/tests/pyiso8583_vectors.py > fixtures/pyiso8583.jsonl

Each line: dialect, mti, header (hex), fields (text, binary as upper-case hex), frame (hex).
The same seed gives the same file. Card numbers are of the test range 400000 only.

iso87_ascii and iso87_ascii_binary are specifications of pyiso8583 itself, iso87_bcd is one of them
packed here. The others are made from our dialect files, read by nothing of ours: that shows what
we write from such a file, not that the file is right about a network.
"""

import copy
import json
import pathlib
import random
import re
import tomllib

import iso8583
from iso8583.specs import default, default_ascii

DIALECTS = pathlib.Path(__file__).parent.parent / "dialects"
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
ALPHABETS = {"n": "0123456789", "an": ALPHANUMERIC, "ans": PRINTABLE}
ICC = (
    "820239009F3602002A9F2608A1B2C3D4E5F607189F2701809F10120110A00003220000000000000000000000FF"
    "9F3704DEADBEEF950500000080009A032611239C01005F2A0208409F02060000000012505F3401019F1A020840"
    "9F03060000000000009F3303E0F8C89F34030203009F1E0854455354303030318407A0000000031010"
)
TYPE = re.compile(r"(x\+n|ans|an|n|z|b)(\.*)(\d+)")


def dialect_file(name):
    """A dialect file with those it stands on, as far as bytes depend on it."""
    file = tomllib.loads((DIALECTS / f"{name}.toml").read_text())
    base = dialect_file(file["based_on"]) if "based_on" in file else {"encoding": {}, "field": {}}
    fields = {
        number: {**base["field"].get(number, {}), **field} for number, field in file.get("field", {}).items()
    }
    return {
        "header": file.get("header", base.get("header", {"length": 0})),
        "encoding": {**base["encoding"], **file.get("encoding", {})},
        "field": {**base["field"], **fields},
    }


def notation(field):
    """Class, digits of the length prefix, length."""
    kind, dots, length = TYPE.fullmatch(field["type"]).groups()
    return kind, len(dots), int(length)


def made(name):
    """A dialect file as a specification of pyiso8583."""
    file = dialect_file(name)
    ways = file["encoding"]
    charsets = {"ascii": "ascii", "ebcdic": "cp500"}
    mti = {"bcd": ("b", 2)}.get(ways["mti"]) or (charsets[ways["mti"]], 4)
    bitmap = {"binary": ("b", 8), "hex": ("ascii", 16)}[ways["bitmap"]]
    header = ("b", file["header"]["length"])
    spec = {
        key: {"data_enc": way, "len_enc": "ascii", "len_type": 0, "max_len": width, "desc": ""}
        for key, (way, width) in {"h": header, "t": mti, "p": bitmap, "1": bitmap}.items()
    }
    for number, field in file["field"].items():
        spec[number] = element(field, ways)
    return spec


def element(field, ways):
    kind, digits, longest = notation(field)
    default_way = {"n": "number", "x+n": "number", "z": "track", "b": "binary"}.get(kind, "text")
    way = field.get("encoding", ways[default_way])
    prefix = field.get("length_encoding", ways["length"])
    binary = field.get("length_bytes", 1 if digits < 3 else 2)
    width = {"bcd": (digits + 1) // 2, "binary": binary}.get(prefix, digits)
    spec = {
        "len_enc": {"ascii": "ascii", "ebcdic": "cp500", "bcd": "bcd", "binary": "b"}[prefix],
        "len_type": width if digits else 0,
        "max_len": longest + (kind == "x+n"),
        "desc": "",
    }
    if way == "bcd":
        pad = ways["pad_variable" if digits else "pad_fixed"]
        return {**spec, "data_enc": "b", "len_count": "nibbles", f"{pad}_pad": ways["filler"]}
    if way == "raw":
        return {**spec, "data_enc": "b"}
    if way == "hex":
        return {**spec, "data_enc": "ascii", "max_len": min(2 * longest, 10**digits - 1) if digits else 2 * longest}
    return {**spec, "data_enc": way}


def packed():
    """The iso87_bcd dialect as a specification of pyiso8583."""
    spec = copy.deepcopy(default)
    spec["h"] = {"data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": 5}
    spec["t"].update(data_enc="b", max_len=2)
    for number, field in dialect_file("iso87_bcd")["field"].items():
        kind, digits, _ = notation(field)
        if digits:
            spec[number].update(len_enc="bcd", len_type=(digits + 1) // 2)
        if kind in ("n", "z"):
            spec[number].update(data_enc="b", len_count="nibbles")
            # Fixed fields are filled in front, variable ones behind.
            spec[number]["right_pad" if digits else "left_pad"] = "0"
    return spec


def length(rng, number, digits, longest):
    if not digits:
        return longest
    # The longest of the long ones in few fields only, to keep the file small.
    if longest > 40 and number not in (48, 126):
        longest = 40
    return rng.choice([0, 1, 2, 3, min(longest, 999), rng.randint(0, min(longest, 20))])


def value(rng, spec, field, number):
    kind, digits, longest = notation(field)
    if number == 2:
        return "400000" + "".join(rng.choices("0123456789", k=rng.randint(7, 13)))
    if kind == "z":
        separator = "D" if spec[str(number)]["data_enc"] == "b" else rng.choice("=D")
        rest = "".join(rng.choices("0123456789", k=rng.randint(0, 13)))
        return "4000001234567899" + separator + "2812201" + rest
    if number == 55:
        return ICC
    if kind == "b":
        return rng.randbytes(min(length(rng, number, digits, longest), 30 if digits else longest)).hex().upper()
    if kind == "x+n":
        return rng.choice("CD") + "".join(rng.choices("0123456789", k=longest))
    return "".join(rng.choices(ALPHABETS[kind], k=length(rng, number, digits, longest)))


def line(dialect, spec, mti, header, fields):
    decoded = {"t": mti, **{str(number): text for number, text in fields.items()}}
    if header:
        decoded["h"] = header
    frame, _ = iso8583.encode(dict(decoded), spec)
    at = dialect_file(dialect)["header"].get("total_length_at")
    if at is not None:
        header = header[: 2 * at] + f"{len(frame):04X}" + header[2 * at + 4 :]
        frame, _ = iso8583.encode({**decoded, "h": header}, spec)
    again, _ = iso8583.decode(bytes(frame), spec)
    expect = {key: text for key, text in again.items() if key.isdigit() and int(key) > 1}
    vector = {"dialect": dialect, "mti": mti, "header": header, "fields": expect, "frame": frame.hex().upper()}
    return json.dumps(vector, separators=(",", ":"))


def lines():
    for dialect, spec, header in [
        ("iso87_ascii", default_ascii, ""),
        ("iso87_ascii_binary", default, ""),
        ("iso87_bcd", packed(), "6000018001"),
        ("iso87_ebcdic", made("iso87_ebcdic"), ""),
        ("iso93_ascii", made("iso93_ascii"), ""),
        ("iso93_binary", made("iso93_binary"), ""),
        ("iso2003_ascii", made("iso2003_ascii"), ""),
        ("postilion", made("postilion"), ""),
        ("visa_base1", made("visa_base1"), "16010200001234567654321A00000000000000000000"),
        ("mastercard_cis", made("mastercard_cis"), ""),
        ("mastercard_ipm", made("mastercard_ipm"), ""),
        ("mastercard_ipm_ascii", made("mastercard_ipm_ascii"), ""),
    ]:
        rng = random.Random(8583)
        fields = {int(number): field for number, field in dialect_file(dialect)["field"].items()}
        # A sign before packed digits is not in the language of these specifications.
        packs = {"iso87_bcd", "iso93_binary"}
        known = sorted(n for n in fields if not (notation(fields[n])[0] == "x+n" and dialect in packs))
        # Every field alone, random selections, all of the first bitmap, all.
        selections = [[number] for number in known]
        selections += [sorted(rng.sample(known, k=rng.choice([3, 12, 21, 40]))) for _ in range(10)]
        selections += [[number for number in known if number <= 64], known]
        version = {"iso2003_ascii": "2"}.get(dialect, "1" if fields[12]["type"] == "n12" else "0")
        for selection in selections:
            mti = version + rng.choice(["100", "110", "200", "210", "400", "421", "800"])
            yield line(dialect, spec, mti, header, {n: value(rng, spec, fields[n], n) for n in selection})


if __name__ == "__main__":
    for text in lines():
        print(text)
