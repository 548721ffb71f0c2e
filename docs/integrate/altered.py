#!/usr/bin/env python3
"""What independent software makes is verified, and what is altered on its way is refused.

Cryptograms of every version that the switch verifies of Visa and Mastercard cards come from pyemv, PIN blocks, PVV,
CVV, iCVV and CVV2 from psec. Each input of a cryptogram is altered by itself after the card has signed it: amount,
counter (ATC), unpredictable number, currency, key index, and the cryptogram. Usage, as that of first_purchase.py
beside this:

    .venv/bin/python docs/integrate/altered.py target/release/turnout
"""

import sys
from dataclasses import dataclass
from typing import Callable

from lab import EXPIRY, PIN, Card, Lab, Terminal, check, icc_data, new_key, objects_of, run

from psec.cvv import generate_cvv
from pyemv import cvn


@dataclass
class Version:
    """A cryptogram version: how pyemv knows it, and the issuer application data (9F10) of its cards."""

    name: str
    kind: type
    issuer_data: str
    # Which byte of 9F10 is the index of the issuer master key.
    key_index_at: int
    # What of 9F10 the card signs, as pyemv wants it.
    signs: Callable[[bytes], dict]
    # What the issuer's answer (tag 91) ends with, and whether its key is of this transaction.
    answer: bytes
    by_session_key: bool

    def chip(self, card: Card, mk_ac: bytes):
        # No script is made here, so its two keys do not matter.
        return self.kind(mk_ac, bytes(16), bytes(16), card.pan, card.sequence)

    def authentication(self, card: Card, mk_ac: bytes, objects: dict) -> str:
        """Tag 91 of an approval."""
        arqc, atc = bytes.fromhex(objects["9F26"]), bytes.fromhex(objects["9F36"])
        given = (arqc, atc, self.answer) if self.by_session_key else (arqc, self.answer)
        return (self.chip(card, mk_ac).generate_arpc(*given) + self.answer).hex().upper()


def results(data: bytes) -> dict:
    return {"cvr": data[2:8]}


def results_and_counters(data: bytes) -> dict:
    return {"cvr": data[2:8], "counters": data[10:18]}


def everything(data: bytes) -> dict:
    return {"tag_9f10": data}


CSU = bytes.fromhex("00820000")
MCHIP = "A00000000000" "0000" "00000000125001FF"  # results (CVR), two bytes, counters
VISA = (
    Version("Visa CVN 10", cvn.VisaCVN10, "06010A03A00000", 1, lambda data: {"cvr": data[3:7]}, b"00", False),
    Version("Visa CVN 18", cvn.VisaCVN18, "06011203A0B800", 1, everything, CSU, True),
    Version("Visa CVN 22", cvn.VisaCVN22, "1F2201A000000000" + "00" * 24, 2, everything, CSU, True),
)
# Common core definitions of EMV, of a card whose scheme has no version of its own here. pyemv has no class of that name:
# it covers and answers as CVN 22 does, and the card's key by option A is that by option B up to sixteen digits.
CORE = (
    Version(
        "Common core", cvn.VisaCVN22, "0FA501A000000000" + "00" * 8 + "0F" + "00" * 15, 2, everything, CSU, True
    ),
)
MASTERCARD = (
    Version("Mastercard CVN 16", cvn.MasterCardCVN16, "0110" + MCHIP, 0, results, b"00", False),
    Version("Mastercard CVN 17", cvn.MasterCardCVN17, "0111" + MCHIP, 0, results_and_counters, b"00", False),
    Version("Mastercard CVN 20", cvn.MasterCardCVN20, "0114" + MCHIP, 0, results, b"00", True),
    Version("Mastercard CVN 21", cvn.MasterCardCVN21, "0115" + MCHIP, 0, results_and_counters, b"00", True),
)


class StrictLab(Lab):
    """The same with a card of Mastercard, a second issuer master key, and a key for card verification values."""

    listener_lines = 'fields = { cvv2 = "48:1-3", eci = "48:4-5", authentication_value = "48:6-45" }'
    # Which digits of an authentication value are which is in no scheme's public document; these are our own.
    product_lines = """cvk = "cvk-lab"
[product.remote]
without_proof = ["authenticated"]
authentication_value = { key = "cvk-3ds", expiry = "1-4", service_code = "5-7", result = "8-10" }
"""
    master_keys = '{ index = 1, key = "mk-ac-lab" }, { index = 2, key = "mk-ac-other" }'

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cvk, self.cvk_3ds = new_key(), new_key()
        self.mastercard = Card("222300")
        self.private = Card("990001")

    def keys(self):
        return super().keys() + [
            ("mk-ac-other", "MK-AC", new_key()), ("cvk-lab", "CVK", self.cvk), ("cvk-3ds", "CVK", self.cvk_3ds)
        ]

    def products(self):
        return super().products() + [
            ("lab-mastercard", "mastercard", self.mastercard), ("lab-private", "private", self.private)
        ]


class StrictTerminal(Terminal):
    def signed(self, card: Card, version: Version) -> dict:
        """A purchase without a PIN, whose cryptogram is of this version."""
        objects = self.chip_objects(card, 100)
        signed = {f"tag_{tag.lower()}": bytes.fromhex(value) for tag, value in objects.items()}
        of_issuer_data = version.signs(bytes.fromhex(version.issuer_data))
        arqc = version.chip(card, self.lab.mk_ac).generate_ac(**signed, **of_issuer_data)
        objects |= {"9F10": version.issuer_data, "9F26": arqc.hex().upper(), "9F27": "80"}
        return self.by_chip(card, 100, objects)

    def stripe(self, cvv: str, service_code: str = "201") -> dict:
        message = self.message(self.lab.card, 100, "901")
        return message | {"35": f"{self.lab.card.pan}={EXPIRY}{service_code}00000{cvv}"}

    def order(self, cvv2: str = "   ", authentication: str = "") -> dict:
        """A purchase from the net, by the printed value or an authentication of the holder."""
        return self.message(self.lab.card, 100, "810") | {"48": cvv2 + authentication}


def altered(message: dict, tag: str, change) -> dict:
    objects = objects_of(message)
    objects[tag] = change(objects[tag])
    return message | {"55": icc_data(objects)}


def flip(value: str) -> str:
    """The same with the lowest bit of the last byte turned over."""
    return f"{int(value, 16) ^ 1:0{len(value)}X}"


def with_key_index(version: Version, index: str):
    place = 2 * version.key_index_at
    return lambda value: value[:place] + index + value[place + 2:]


ALTERATIONS = (
    ("amount", "9F02", lambda value: f"{int(value) + 1:012d}"),
    ("other amount", "9F03", lambda value: f"{int(value) + 1:012d}"),
    # Ahead of what was signed, so that nothing but the cryptogram refuses it.
    ("counter (ATC)", "9F36", lambda value: f"{int(value, 16) + 3:04X}"),
    ("unpredictable number", "9F37", flip),
    ("currency", "5F2A", lambda value: "0978"),
    ("country", "9F1A", lambda value: "0276"),
    ("date", "9A", lambda value: value[:-1] + ("8" if value[-1] == "9" else "9")),
    ("transaction type", "9C", lambda value: "01"),
    ("terminal results", "95", flip),
    ("profile (AIP)", "82", flip),
    ("cryptogram", "9F26", flip),
)


def cryptograms(lab: StrictLab, terminal: StrictTerminal, card: Card, version: Version) -> None:
    def answered(message: dict) -> str:
        return terminal.exchange(message)["39"]

    def approved() -> None:
        message = terminal.signed(card, version)
        answer = terminal.exchange(message)
        check(f"{version.name} as signed", answer["39"], "00")
        expected = version.authentication(card, lab.mk_ac, objects_of(message))
        check(f"{version.name}, ARPC verifies", objects_of(answer)["91"] == expected, True)

    approved()
    for what, tag, change in ALTERATIONS:
        message = altered(terminal.signed(card, version), tag, change)
        check(f"{version.name}, {what} altered", answered(message), "82")
    other_key = altered(terminal.signed(card, version), "9F10", with_key_index(version, "02"))
    check(f"{version.name}, key index altered", answered(other_key), "82")
    no_key = altered(terminal.signed(card, version), "9F10", with_key_index(version, "03"))
    check(f"{version.name}, key index that no key has", answered(no_key), "88")
    replayed = terminal.signed(card, version)
    check(f"{version.name} as signed", answered(replayed), "00")
    again = replayed | {"11": terminal.next_stan()}
    check(f"{version.name}, the same once more", answered(again), "82")
    approved()


def other_digit(value: str) -> str:
    return f"{(int(value) + 1) % 10 ** len(value):0{len(value)}d}"


def play(lab: StrictLab) -> None:
    terminal = StrictTerminal(lab)
    for card, versions in ((lab.card, VISA), (lab.mastercard, MASTERCARD), (lab.private, CORE)):
        for version in versions:
            cryptograms(lab, terminal, card, version)

    check("PIN altered", terminal.exchange(terminal.purchase(100, pin=other_digit(PIN)))["39"], "55")
    check("PIN as it is", terminal.exchange(terminal.purchase(100))["39"], "00")
    message = terminal.purchase(100)
    of_another = message | {"52": terminal.pin_block(lab.mastercard, PIN)}
    check("PIN block of another card", terminal.exchange(of_another)["39"] in ("55", "88"), True)

    # The card before has the number of this one, and its chip makes cryptograms that are right.
    other = Card(lab.card.pan[:6])
    other.pan, other.sequence, other.atc = lab.card.pan, "02", lab.card.atc
    check("chip of another sequence number", terminal.exchange(terminal.signed(other, VISA[0]))["39"], "14")

    pan = lab.card.pan
    cvv, icvv, cvv2 = (generate_cvv(lab.cvk, pan, EXPIRY, code) for code in ("201", "999", "000"))
    check("CVV as it is", terminal.exchange(terminal.stripe(cvv))["39"], "00")
    check("CVV altered", terminal.exchange(terminal.stripe(other_digit(cvv)))["39"], "05")
    # Three digits of two values agree once in a thousand runs.
    expected = "00" if icvv == cvv else "59"
    check("iCVV of the chip on a stripe", terminal.exchange(terminal.stripe(icvv))["39"], expected)

    for what, value, service_code in (("iCVV", icvv, "999"), ("CVV2", cvv2, "000")):
        written = terminal.stripe(value, service_code)
        check(f"{what} on a stripe with the service code of its own", terminal.exchange(written)["39"], "59")

    check("CVV2 as it is", terminal.exchange(terminal.order(cvv2))["39"], "00")
    check("CVV2 altered", terminal.exchange(terminal.order(other_digit(cvv2)))["39"], "N7")
    for what, value in (
        ("CVV2 of another card", generate_cvv(lab.cvk, lab.mastercard.pan, EXPIRY, "000")),
        ("CVV2 of another expiry", generate_cvv(lab.cvk, pan, "5012", "000")),
        ("CVV2 under another key", generate_cvv(new_key(), pan, EXPIRY, "000")),
    ):
        expected = "00" if value == cvv2 else "N7"
        check(what, terminal.exchange(terminal.order(value))["39"], expected)

    def authenticated(inputs: str, key: bytes, of: Card) -> str:
        """Indicator 05 and a value of these seven digits; the rest of it is another matter."""
        return f"05{inputs}{generate_cvv(key, of.pan, inputs[:4], inputs[4:])}{'0' * 29}1"

    def answered(value: str) -> str:
        return terminal.exchange(terminal.order(authentication=value))["39"]

    check("3-D Secure value cut short", answered("05AB"), "57")
    right = authenticated("8731500", lab.cvk_3ds, lab.card)
    check("3-D Secure value as it is", answered(right), "00")
    for what, value in (
        ("digits", right.replace("058731500", "058732500")),
        ("result", right[:9] + other_digit(right[9:12]) + right[12:]),
        ("card", authenticated("8731500", lab.cvk_3ds, lab.mastercard)),
        ("key", authenticated("8731500", new_key(), lab.card)),
    ):
        agrees = generate_cvv(lab.cvk_3ds, pan, value[2:6], value[6:9]) == value[9:12]
        check(f"3-D Secure value, {what} altered", answered(value), "00" if agrees else "65")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    run(StrictLab, sys.argv[1], play)
