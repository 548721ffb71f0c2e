#!/usr/bin/env python3
"""Everything that docs/integrate.md says, as one run from a clean folder.

Nothing here comes from Turnout's own code: messages are made by pyiso8583, PIN block and PVV by
psec, cryptograms by pyemv. Usage:

    python3 -m venv .venv && .venv/bin/pip install -r docs/integrate/requirements.txt
    .venv/bin/python docs/integrate/first_purchase.py target/release/turnout

Makes a temporary folder, configures a listener and keys there, provisions a card, serves, and ends
with exit code 0 when a chip-and-PIN purchase was approved with a valid ARPC, reversed, and a
decline was explained.
"""

import json
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time

import warnings

warnings.filterwarnings("ignore", message=".*TripleDES.*")  # two-key TDES is what PIN blocks use

import iso8583
import iso8583.specs
from psec.des import encrypt_tdes_ecb
from psec.pin import generate_visa_pvv
from psec.pinblock import encode_pinblock_iso_0
from pyemv.ac import generate_ac, generate_arpc_1, PaddingType
from pyemv.kd import derive_icc_mk_a

PAN = "4000010000000005"
PSN = "01"
PIN = "1234"
EXPIRY = "4912"


def luhn(payload: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(payload)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return payload + str(-total % 10)


PAN = luhn(PAN[:-1])


def odd_parity(key: bytes) -> bytes:
    return bytes(b if bin(b).count("1") % 2 else b ^ 1 for b in key)


class Lab:
    """The folder, the clear test keys, and the switch."""

    def __init__(self, turnout: str, folder: pathlib.Path):
        self.turnout = turnout
        self.folder = folder
        self.config = folder / "turnout.toml"
        self.port = free_port()
        self.zpk = odd_parity(secrets.token_bytes(16))
        self.pvk = odd_parity(secrets.token_bytes(16))
        self.mk_ac = odd_parity(secrets.token_bytes(16))

    def run(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [self.turnout, *arguments], input=stdin, capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            raise SystemExit(f"turnout {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def configure(self) -> None:
        self.run("init", "--folder", str(self.folder), "--cards", "1")
        # The listeners of `init` have fixed ports, which this machine may use already.
        text = self.config.read_text()
        for port in (8443, 8582, 8583, 8584, 8585, 8590):
            text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
        self.config.write_text(text)
        for name, kind, key in (
            ("zpk-lab", "ZPK", self.zpk),
            ("pvk-lab", "PVK", self.pvk),
            ("mk-ac-lab", "MK-AC", self.mk_ac),
        ):
            self.run(
                "key", "import", "--config", str(self.config),
                "--name", name, "--type", kind, "--clear", stdin=key.hex(),
            )
        with self.config.open("a") as config:
            config.write(f"""
[[listener]]
name = "lab"
address = "127.0.0.1:{self.port}"
protocol = "iso8583"
dialect = "iso87_ascii"
tls = "off"
pin_key = "zpk-lab"

[[listener.terminal]]
id = "LAB*"

[[product]]
name = "lab"
bins = ["400001"]
scheme = "visa"
currency = "USD"
pin_method = "pvv"
pvk = "pvk-lab"
issuer_master_keys = [{{ index = 1, key = "mk-ac-lab" }}]
""")
        self.run("check", "--config", str(self.config))

    def provision(self) -> None:
        pvv = generate_visa_pvv(self.pvk, "1", PIN, PAN)
        cards = self.folder / "lab-cards.csv"
        cards.write_text(
            "pan,expiry,card_sequence,account,currency,balance,pvki,pvv\n"
            f"{PAN},{EXPIRY},{int(PSN)},LAB-1,USD,100.00,1,{pvv}\n"
        )
        self.run("card", "import", "--config", str(self.config), str(cards))

    def serve(self) -> subprocess.Popen:
        log = (self.folder / "serve.log").open("w")
        process = subprocess.Popen(
            [self.turnout, "serve", "--config", str(self.config)],
            stdout=subprocess.PIPE, stderr=log, text=True,
        )
        for line in process.stdout:
            if line.startswith("listening admin"):
                return process
        raise SystemExit(f"turnout serve ended: {(self.folder / 'serve.log').read_text()}")

    def available(self) -> str:
        """What the account can spend, in major units."""
        out = self.run("card", "show", "--config", str(self.config), "--format", "json", PAN)
        return json.loads(out)["available"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Terminal:
    """A chip terminal and its card, over one connection."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.atc = 0
        self.stan = 0
        self.socket = socket.create_connection(("127.0.0.1", lab.port), timeout=10)

    def exchange(self, message: dict) -> dict:
        frame, _ = iso8583.encode(message, iso8583.specs.default_ascii)
        self.socket.sendall(len(frame).to_bytes(2, "big") + frame)
        length = int.from_bytes(self.read(2), "big")
        answer, _ = iso8583.decode(self.read(length), iso8583.specs.default_ascii)
        return answer

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise SystemExit("the switch closed the connection")
            data += part
        return data

    def next_stan(self) -> str:
        self.stan += 1
        return f"{self.stan:06d}"

    def purchase(self, amount_minor: int, pin: str = PIN) -> tuple[dict, bytes]:
        """The message and its ARQC (Visa CVN 10)."""
        self.atc += 1
        now = time.gmtime()
        stan = self.next_stan()
        objects = {
            "9F02": f"{amount_minor:012d}", "9F03": "0" * 12, "9F1A": "0840", "95": "0000000000",
            "5F2A": "0840", "9A": time.strftime("%y%m%d", now), "9C": "00",
            "9F37": secrets.token_hex(4).upper(), "82": "1800", "9F36": f"{self.atc:04X}",
        }
        cvr = "03A00000"
        data = bytes.fromhex("".join(objects.values()) + cvr)
        key = derive_icc_mk_a(self.lab.mk_ac, PAN, PSN)
        arqc = generate_ac(key, data, PaddingType.VISA)
        objects |= {"9F10": f"06010A{cvr}", "9F26": arqc.hex().upper(), "9F27": "80"}
        icc = "".join(f"{tag}{len(value) // 2:02X}{value}" for tag, value in objects.items())
        clear_block = encode_pinblock_iso_0(pin, PAN)
        message = {
            "t": "0200", "2": PAN, "3": "000000", "4": f"{amount_minor:012d}",
            "7": time.strftime("%m%d%H%M%S", now), "11": stan, "14": EXPIRY, "22": "051", "23": f"{int(PSN):03d}",
            "37": f"LAB{stan:>09}", "41": "LAB00001", "42": "LABMERCHANT".ljust(15), "49": "840",
            "52": encrypt_tdes_ecb(self.lab.zpk, clear_block).hex().upper(), "55": icc,
        }
        return message, arqc

    def arpc_is_valid(self, answer: dict, arqc: bytes) -> bool:
        icc = bytes.fromhex(answer["55"])
        assert icc[0] == 0x91, "tag 91 comes first"
        authentication = icc[2:2 + icc[1]]
        key = derive_icc_mk_a(self.lab.mk_ac, PAN, PSN)
        return authentication == generate_arpc_1(key, arqc, b"00") + b"00"

    def reversal_of(self, request: dict) -> dict:
        original = request["t"] + request["11"] + request["7"] + "0" * 22
        return {
            "t": "0400", "2": PAN, "3": "000000", "4": request["4"], "7": time.strftime("%m%d%H%M%S", time.gmtime()),
            "11": self.next_stan(), "37": request["37"], "41": request["41"], "42": request["42"], "49": "840",
            "90": original,
        }


def main(turnout: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(turnout, pathlib.Path(folder) / "lab")
        lab.configure()
        lab.provision()
        process = lab.serve()
        try:
            play(lab)
        finally:
            process.terminate()
            process.wait(timeout=20)


def play(lab: Lab) -> None:
    terminal = Terminal(lab)
    check("balance before", lab.available(), "100.00")

    purchase, arqc = terminal.purchase(2_500)
    answer = terminal.exchange(purchase)
    check("purchase of 25.00", answer["39"], "00")
    check("ARPC verifies", terminal.arpc_is_valid(answer, arqc), True)
    check("balance after it", lab.available(), "75.00")

    answer = terminal.exchange(terminal.reversal_of(purchase))
    check("reversal", (answer["t"], answer["39"]), ("0410", "00"))
    check("balance restored", lab.available(), "100.00")

    refused, _ = terminal.purchase(999_900)
    answer = terminal.exchange(refused)
    check("purchase of 9999.00", answer["39"], "51")
    why = json.loads(lab.run("tran", "why", "--config", str(lab.config), "--format", "json", refused["37"]))
    check("declined by", why["declined_by"]["step"], "funds")
    print(lab.run("tran", "why", "--config", str(lab.config), refused["37"]))

    wrong_pin, _ = terminal.purchase(100, pin="9999")
    check("wrong PIN", terminal.exchange(wrong_pin)["39"], "55")


def check(what: str, actual, expected) -> None:
    print(f"{'ok' if actual == expected else 'NOT OK':6}  {what}: {actual}", flush=True)
    if actual != expected:
        raise SystemExit(f"{what}: expected {expected}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(str(pathlib.Path(sys.argv[1]).resolve()))
