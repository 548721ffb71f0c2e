"""What first_purchase.py and altered.py share: keys and cards, the switch, and a terminal.

Nothing here comes from Turnout's own code: messages are made by pyiso8583, PIN block and PVV by psec, cryptograms
by pyemv.
"""

import json
import pathlib
import secrets
import socket
import subprocess
import tempfile
import time
import warnings

warnings.filterwarnings("ignore", message=".*TripleDES.*")  # two-key TDES is what PIN blocks use

import iso8583
import iso8583.specs
from psec.des import encrypt_tdes_ecb
from psec.pin import generate_visa_pvv
from psec.pinblock import encode_pinblock_iso_0
from pyemv.cvn import VisaCVN10

PIN = "1234"
EXPIRY = "4912"


def luhn(payload: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(payload)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return payload + str(-total % 10)


def odd_parity(key: bytes) -> bytes:
    return bytes(b if bin(b).count("1") % 2 else b ^ 1 for b in key)


def new_key() -> bytes:
    """A double-length TDES key, as an HSM wants it."""
    return odd_parity(secrets.token_bytes(16))


class Card:
    """A card by its number, with the counter of its chip."""

    def __init__(self, bin_digits: str):
        self.pan = luhn(f"{bin_digits:0<14}1"[:15])
        self.sequence = "01"
        self.atc = 0


class Lab:
    """The folder, the clear test keys, the cards, and the switch."""

    # What another run says beside this, in TOML.
    listener_lines = ""
    product_lines = ""
    master_keys = '{ index = 1, key = "mk-ac-lab" }'

    def __init__(self, turnout: str, folder: pathlib.Path):
        self.turnout = turnout
        self.folder = folder
        self.config = folder / "turnout.toml"
        self.port = free_port()
        self.zpk, self.pvk, self.mk_ac = new_key(), new_key(), new_key()
        self.card = Card("400001")

    def keys(self) -> list[tuple[str, str, bytes]]:
        """Name, type and clear value of the keys that are brought in."""
        return [("zpk-lab", "ZPK", self.zpk), ("pvk-lab", "PVK", self.pvk), ("mk-ac-lab", "MK-AC", self.mk_ac)]

    def products(self) -> list[tuple[str, str, Card]]:
        """Name and scheme of a product, and its card."""
        return [("lab", "visa", self.card)]

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
        for name, kind, key in self.keys():
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
{self.listener_lines}
[[listener.terminal]]
id = "LAB*"
""")
            for name, scheme, card in self.products():
                config.write(f"""
[[product]]
name = "{name}"
bins = ["{card.pan[:6]}"]
scheme = "{scheme}"
currency = "USD"
pin_method = "pvv"
pvk = "pvk-lab"
issuer_master_keys = [{self.master_keys}]
{self.product_lines}""")
        self.run("check", "--config", str(self.config))

    def provision(self) -> None:
        file = self.folder / "lab-cards.csv"
        lines = ["pan,expiry,card_sequence,account,currency,balance,pvki,pvv"]
        for number, (_, _, card) in enumerate(self.products(), start=1):
            pvv = generate_visa_pvv(self.pvk, "1", PIN, card.pan)
            lines.append(f"{card.pan},{EXPIRY},{int(card.sequence)},LAB-{number},USD,100.00,1,{pvv}")
        file.write_text("\n".join(lines) + "\n")
        self.run("card", "import", "--config", str(self.config), str(file))

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
        """What the card's account can spend, in major units."""
        out = self.run("card", "show", "--config", str(self.config), "--format", "json", self.card.pan)
        return json.loads(out)["available"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Terminal:
    """A chip terminal with one connection."""

    def __init__(self, lab: Lab):
        self.lab = lab
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

    def message(self, card: Card, amount_minor: int, entry_mode: str) -> dict:
        """A purchase, by what it tells of the card: nothing but its number and expiry so far."""
        stan = self.next_stan()
        return {
            "t": "0200", "2": card.pan, "3": "000000", "4": f"{amount_minor:012d}",
            "7": time.strftime("%m%d%H%M%S", time.gmtime()), "11": stan, "14": EXPIRY, "22": entry_mode,
            "37": f"LAB{stan:>09}", "41": "LAB00001", "42": "LABMERCHANT".ljust(15), "49": "840",
        }

    def purchase(self, amount_minor: int, pin: str = PIN) -> dict:
        """By chip and PIN, with an ARQC of Visa's cryptogram version 10."""
        card = self.lab.card
        objects = self.chip_objects(card, amount_minor)
        signed = {f"tag_{tag.lower()}": bytes.fromhex(value) for tag, value in objects.items()}
        cvr = "03A00000"
        arqc = self.chip(card).generate_ac(**signed, cvr=bytes.fromhex(cvr))
        objects |= {"9F10": f"06010A{cvr}", "9F26": arqc.hex().upper(), "9F27": "80"}
        return self.by_chip(card, amount_minor, objects) | {"52": self.pin_block(card, pin)}

    def chip_objects(self, card: Card, amount_minor: int) -> dict:
        """The data objects that every cryptogram covers, in its order."""
        card.atc += 1
        return {
            "9F02": f"{amount_minor:012d}", "9F03": "0" * 12, "9F1A": "0840", "95": "0000000000",
            "5F2A": "0840", "9A": time.strftime("%y%m%d", time.gmtime()), "9C": "00",
            "9F37": secrets.token_hex(4).upper(), "82": "1800", "9F36": f"{card.atc:04X}",
        }

    def by_chip(self, card: Card, amount_minor: int, objects: dict) -> dict:
        message = self.message(card, amount_minor, "051")
        return message | {"23": f"{int(card.sequence):03d}", "55": icc_data(objects)}

    def pin_block(self, card: Card, pin: str) -> str:
        """ISO 9564-1 format 0 under the zone PIN key."""
        return encrypt_tdes_ecb(self.lab.zpk, encode_pinblock_iso_0(pin, card.pan)).hex().upper()

    def chip(self, card: Card) -> VisaCVN10:
        # No script is made here, so its two keys do not matter.
        return VisaCVN10(self.lab.mk_ac, bytes(16), bytes(16), card.pan, card.sequence)

    def arpc_is_valid(self, answer: dict, request: dict) -> bool:
        arqc = bytes.fromhex(objects_of(request)["9F26"])
        return objects_of(answer)["91"] == (self.chip(self.lab.card).generate_arpc(arqc, b"00") + b"00").hex().upper()

    def reversal_of(self, request: dict) -> dict:
        original = request["t"] + request["11"] + request["7"] + "0" * 22
        return {
            "t": "0400", "2": request["2"], "3": "000000", "4": request["4"],
            "7": time.strftime("%m%d%H%M%S", time.gmtime()), "11": self.next_stan(), "37": request["37"],
            "41": request["41"], "42": request["42"], "49": "840", "90": original,
        }


def icc_data(objects: dict) -> str:
    """DE 55 of data objects by tag, all in hexadecimal."""
    return "".join(f"{tag}{len(value) // 2:02X}{value}" for tag, value in objects.items())


def objects_of(message: dict) -> dict:
    """The data objects of DE 55, by tag."""
    objects, data = {}, message["55"]
    while data:
        digits = 4 if int(data[:2], 16) & 0x1F == 0x1F else 2
        tag, length = data[:digits], 2 * int(data[digits:digits + 2], 16)
        objects[tag], data = data[digits + 2:digits + 2 + length], data[digits + 2 + length:]
    return objects


def check(what: str, actual, expected) -> None:
    print(f"{'ok' if actual == expected else 'NOT OK':6}  {what}: {actual}", flush=True)
    if actual != expected:
        raise SystemExit(f"{what}: expected {expected}")


def run(lab_class: type[Lab], turnout: str, play) -> None:
    """A clean folder, the switch serving from it, and what is played with it."""
    with tempfile.TemporaryDirectory() as folder:
        lab = lab_class(str(pathlib.Path(turnout).resolve()), pathlib.Path(folder) / "lab")
        lab.configure()
        lab.provision()
        process = lab.serve()
        try:
            play(lab)
        finally:
            process.terminate()
            process.wait(timeout=20)
