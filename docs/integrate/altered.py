#!/usr/bin/env python3
"""What independent software makes is verified, and what is altered on its way is refused.

Cryptograms of CVN 10 and 18 come from pyemv, PIN blocks, PVV and CVV from psec. Each input of a cryptogram is
altered by itself after the card has signed it: amount, counter (ATC), unpredictable number, currency, key index,
and the cryptogram. Usage, as that of first_purchase.py beside this:

    .venv/bin/python docs/integrate/altered.py target/release/turnout
"""

import pathlib
import secrets
import sys
import tempfile

from first_purchase import EXPIRY, PAN, PIN, PSN, Lab, Terminal, check, odd_parity

from psec.cvv import generate_cvv
from pyemv.ac import PaddingType, generate_ac
from pyemv.kd import derive_common_sk, derive_icc_mk_a

SIGNED = ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37", "82", "9F36")


class StrictLab(Lab):
    """The same with a second issuer master key, and a key for the stripe's CVV."""

    def configure(self) -> None:
        self.cvk = odd_parity(secrets.token_bytes(16))
        super().configure()
        for name, kind, key in (("mk-ac-other", "MK-AC", secrets.token_bytes(16)), ("cvk-lab", "CVK", self.cvk)):
            self.run(
                "key", "import", "--config", str(self.config),
                "--name", name, "--type", kind, "--clear", stdin=odd_parity(key).hex(),
            )
        keys = 'issuer_master_keys = [{ index = 1, key = "mk-ac-lab" }'
        text = self.config.read_text()
        # The product of the lab is the last one.
        before, found, after = text.rpartition(keys)
        assert found, "the lab's product has one issuer master key"
        self.config.write_text(f'{before}cvk = "cvk-lab"\n{keys}, {{ index = 2, key = "mk-ac-other" }}{after}')
        self.run("check", "--config", str(self.config))


def objects_of(message: dict) -> dict:
    """The data objects of DE 55, by tag."""
    objects, data = {}, message["55"]
    while data:
        digits = 4 if int(data[:2], 16) & 0x1F == 0x1F else 2
        tag, length = data[:digits], 2 * int(data[digits:digits + 2], 16)
        objects[tag], data = data[digits + 2:digits + 2 + length], data[digits + 2 + length:]
    return objects


def with_objects(message: dict, objects: dict) -> dict:
    icc = "".join(f"{tag}{len(value) // 2:02X}{value}" for tag, value in objects.items())
    return {**message, "55": icc}


def chip_purchase(terminal: Terminal, cvn: int) -> dict:
    """A purchase whose cryptogram is of this version."""
    message, _ = terminal.purchase(100)
    if cvn == 10:
        return message
    objects = objects_of(message)
    objects["9F10"] = "06011203A0B800"
    data = bytes.fromhex("".join(objects[tag] for tag in SIGNED) + objects["9F10"])
    key = derive_icc_mk_a(terminal.lab.mk_ac, PAN, PSN)
    session_key = derive_common_sk(key, bytes.fromhex(objects["9F36"]) + bytes(6))
    objects["9F26"] = generate_ac(session_key, data, PaddingType.EMV).hex().upper()
    return with_objects(message, objects)


def altered(message: dict, tag: str, change) -> dict:
    objects = objects_of(message)
    objects[tag] = change(objects[tag])
    return with_objects(message, objects)


def flip(value: str) -> str:
    """The same with the lowest bit of the last byte turned over."""
    return f"{int(value, 16) ^ 1:0{len(value)}X}"


def stripe_purchase(terminal: Terminal, cvv: str) -> dict:
    message, _ = terminal.purchase(100)
    del message["55"], message["23"]
    return {**message, "22": "901", "35": f"{PAN}={EXPIRY}20100000{cvv}"}


ALTERATIONS = (
    ("amount", "9F02", lambda value: f"{int(value) + 1:012d}"),
    ("other amount", "9F03", lambda value: f"{int(value) + 1:012d}"),
    # Ahead of what was signed, so that nothing but the cryptogram refuses it.
    ("counter (ATC)", "9F36", lambda value: f"{int(value, 16) + 3:04X}"),
    ("unpredictable number", "9F37", flip),
    ("currency", "5F2A", lambda value: "0978"),
    ("country", "9F1A", lambda value: "0276"),
    ("terminal results", "95", flip),
    ("key index", "9F10", lambda value: value[:2] + "02" + value[4:]),
    ("cryptogram", "9F26", flip),
)


def play(lab: StrictLab) -> None:
    terminal = Terminal(lab)
    for cvn in (10, 18):
        check(f"CVN {cvn} as signed", terminal.exchange(chip_purchase(terminal, cvn))["39"], "00")
        for what, tag, change in ALTERATIONS:
            message = altered(chip_purchase(terminal, cvn), tag, change)
            check(f"CVN {cvn}, {what} altered", terminal.exchange(message)["39"], "82")
        check(f"CVN {cvn} as signed", terminal.exchange(chip_purchase(terminal, cvn))["39"], "00")
    without_key = altered(chip_purchase(terminal, 10), "9F10", lambda value: value[:2] + "03" + value[4:])
    check("key index that no key has", terminal.exchange(without_key)["39"], "88")

    wrong_pin, _ = terminal.purchase(100, pin="1235" if PIN == "1234" else "1234")
    check("PIN altered", terminal.exchange(wrong_pin)["39"], "55")
    check("PIN as it is", terminal.exchange(chip_purchase(terminal, 10))["39"], "00")

    cvv = generate_cvv(lab.cvk, PAN, EXPIRY, "201")
    check("CVV as it is", terminal.exchange(stripe_purchase(terminal, cvv))["39"], "00")
    wrong = f"{(int(cvv) + 1) % 1000:03d}"
    check("CVV altered", terminal.exchange(stripe_purchase(terminal, wrong))["39"], "05")


def main(turnout: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = StrictLab(turnout, pathlib.Path(folder) / "lab")
        lab.configure()
        lab.provision()
        process = lab.serve()
        try:
            play(lab)
        finally:
            process.terminate()
            process.wait(timeout=20)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(str(pathlib.Path(sys.argv[1]).resolve()))
