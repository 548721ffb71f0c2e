#!/usr/bin/env python3
"""Writes fixtures/pyiso8583.jsonl: messages encoded by pyiso8583, which shares no code with us.

    python3 -m pip install pyiso8583==4.0.1
    python3 iso8583/tests/pyiso8583_vectors.py > fixtures/pyiso8583.jsonl

Each line: dialect, mti, header (hex), fields (text, binary as upper-case hex), frame (hex).
The same seed gives the same file. Card numbers are of the test range 400000 only.
"""

import copy
import json
import random

import iso8583
from iso8583.specs import default, default_ascii

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
BINARY = {52, 55, 64, 96, 128}
SIGNED = {28, 29, 30, 31, 97}
ALPHANUMERICS = {37, 38, 39, 40, 49, 50, 51, 91, 92, 94, 95}
TEXT = {34, 36, 41, 42, 43, 44, 45, 46, 47, 48, 54, *range(56, 64), 98, *range(101, 128)}
# pyiso8583 allows 240 here, the standard 120.
SHORTER = {54: 120}
ICC = (
    "820239009F3602002A9F2608A1B2C3D4E5F607189F2701809F10120110A00003220000000000000000000000FF"
    "9F3704DEADBEEF950500000080009A032611239C01005F2A0208409F02060000000012505F3401019F1A020840"
    "9F03060000000000009F3303E0F8C89F34030203009F1E0854455354303030318407A0000000031010"
)


def packed():
    """The iso87_bcd dialect as a specification of pyiso8583."""
    spec = copy.deepcopy(default)
    spec["h"] = {"data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": 5}
    spec["t"].update(data_enc="b", max_len=2)
    for key, field in spec.items():
        if not key.isdigit() or int(key) < 2:
            continue
        number = int(key)
        if field["len_type"]:
            field["len_enc"] = "bcd"
            field["len_type"] = (field["len_type"] + 1) // 2
        if number not in BINARY | SIGNED | ALPHANUMERICS | TEXT:
            field.update(data_enc="b", len_count="nibbles")
            # Fixed fields are filled in front, variable ones behind.
            field["right_pad" if field["len_type"] else "left_pad"] = "0"
    return spec


def length(rng, spec, number):
    field = spec[str(number)]
    longest = min(field["max_len"], SHORTER.get(number, 999))
    if not field["len_type"]:
        return longest
    # The longest of the long ones in few fields only, to keep the file small.
    if longest > 60 and number not in (48, 63, 104, 126):
        longest = 60
    return rng.choice([0, 1, 2, 3, longest, rng.randint(0, min(longest, 20))])


def value(rng, spec, number):
    if number == 2:
        return "400000" + "".join(rng.choices("0123456789", k=rng.randint(7, 13)))
    if number == 35:
        separator = "D" if spec[str(number)]["data_enc"] == "b" else rng.choice("=D")
        rest = "".join(rng.choices("0123456789", k=rng.randint(0, 13)))
        return "4000001234567899" + separator + "2812201" + rest
    if number == 55:
        return ICC
    if number in BINARY:
        return rng.randbytes(8).hex().upper()
    if number in SIGNED:
        return rng.choice("CD") + "".join(rng.choices("0123456789", k=spec[str(number)]["max_len"] - 1))
    alphabet = "0123456789"
    if number in ALPHANUMERICS:
        alphabet = ALPHANUMERIC
    if number in TEXT:
        alphabet = PRINTABLE
    return "".join(rng.choices(alphabet, k=length(rng, spec, number)))


def line(dialect, spec, mti, header, fields):
    decoded = {"t": mti, **{str(number): text for number, text in fields.items()}}
    if header:
        decoded["h"] = header
    frame, _ = iso8583.encode(decoded, spec)
    again, _ = iso8583.decode(bytes(frame), spec)
    expect = {key: text for key, text in again.items() if key.isdigit() and int(key) > 1}
    return json.dumps(
        {"dialect": dialect, "mti": mti, "header": header, "fields": expect, "frame": frame.hex().upper()}
    )


def lines():
    for dialect, spec, header in [
        ("iso87_ascii", default_ascii, ""),
        ("iso87_ascii_binary", default, ""),
        ("iso87_bcd", packed(), "6000018001"),
    ]:
        rng = random.Random(8583)
        known = [number for number in range(2, 129) if number != 65]
        if dialect == "iso87_bcd":
            # A sign before packed digits is not in the language of these specifications.
            known = [number for number in known if number not in SIGNED]
        # Every field alone, random selections, all of the first bitmap, all.
        selections = [[number] for number in known]
        selections += [sorted(rng.sample(known, k=rng.choice([3, 12, 21, 40]))) for _ in range(12)]
        selections += [[number for number in known if number <= 64], known]
        for selection in selections:
            mti = rng.choice(["0100", "0110", "0200", "0210", "0400", "0421", "0800"])
            fields = {number: value(rng, spec, number) for number in selection}
            yield line(dialect, spec, mti, header, fields)


if __name__ == "__main__":
    for text in lines():
        print(text)
