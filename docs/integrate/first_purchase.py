#!/usr/bin/env python3
"""Everything that docs/integrate.md says, as one run from a clean folder.

lab.py beside this has folder, switch and terminal; nothing there comes from Turnout's own code: messages are made by
pyiso8583, PIN block and PVV by psec, cryptograms by pyemv. Usage:

    python3 -m venv .venv && .venv/bin/pip install -r docs/integrate/requirements.txt
    .venv/bin/python docs/integrate/first_purchase.py target/release/turnout

Makes a temporary folder, configures a listener and keys there, provisions a card, serves, and ends
with exit code 0 when a chip-and-PIN purchase was approved with a valid ARPC, reversed, and a
decline was explained.
"""

import json
import sys

from lab import Lab, Terminal, check, run


def play(lab: Lab) -> None:
    terminal = Terminal(lab)
    check("balance before", lab.available(), "100.00")

    purchase = terminal.purchase(2_500)
    answer = terminal.exchange(purchase)
    check("purchase of 25.00", answer["39"], "00")
    check("ARPC verifies", terminal.arpc_is_valid(answer, purchase), True)
    check("balance after it", lab.available(), "75.00")

    answer = terminal.exchange(terminal.reversal_of(purchase))
    check("reversal", (answer["t"], answer["39"]), ("0410", "00"))
    check("balance restored", lab.available(), "100.00")

    refused = terminal.purchase(999_900)
    answer = terminal.exchange(refused)
    check("purchase of 9999.00", answer["39"], "51")
    why = json.loads(lab.run("tran", "why", "--config", str(lab.config), "--format", "json", refused["37"]))
    check("declined by", why["declined_by"]["step"], "funds")
    print(lab.run("tran", "why", "--config", str(lab.config), refused["37"]))

    wrong_pin = terminal.purchase(100, pin="9999")
    check("wrong PIN", terminal.exchange(wrong_pin)["39"], "55")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    run(Lab, sys.argv[1], play)
