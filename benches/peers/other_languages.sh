#!/usr/bin/env bash
# Decodes the same message with pyiso8583 (CPython) and iso_8583 (Node.js), each in its own runtime.
# Needs python3 with venv, node and npm; fetches both packages into benches/peers/target.
#
#     benches/peers/other_languages.sh
set -euo pipefail
cd "$(dirname "$0")"
fixture=$PWD/../fixtures/0200-21-fields-binary-bitmap.hex
place=${CARGO_TARGET_DIR:-$PWD/target}/other_languages
mkdir -p "$place"
cd "$place"

[ -d venv ] || python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyiso8583==4.0.1
[ -f package.json ] || echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts iso_8583@2.6.7

echo "| Decoder | Runtime | Reads | Decode ns | Truncations refused / accepted |"
echo "| --- | --- | --- | --- | --- |"

venv/bin/python - "$fixture" <<'PYTHON'
import platform, sys, timeit

import iso8583
from iso8583.specs import default

frame = bytes.fromhex("".join(open(sys.argv[1]).read().split()))
decoded, _ = iso8583.decode(frame, default)
assert len(decoded) == 21 + 2 and decoded["2"] == "4000001234567899" and len(decoded["55"]) == 302
best = min(timeit.repeat(lambda: iso8583.decode(frame, default), number=500, repeat=40)) / 500


def refused(part):
    try:
        iso8583.decode(part, default)
    except iso8583.DecodeError:
        return True
    return False


cut = sum(refused(frame[:size]) for size in range(len(frame)))
runtime = f"CPython {platform.python_version()}"
print(f"| pyiso8583 4.0.1 | {runtime} | {len(frame)} bytes, binary bitmap | {best * 1e9:.0f} | {cut} / {len(frame) - cut} |")
PYTHON

node - "$fixture" <<'JAVASCRIPT'
const Iso8583 = require("iso_8583");
const text = require("fs").readFileSync(process.argv[2], "utf8").replace(/\s/g, "");
const frame = Buffer.from(text, "hex");
// Without the two bytes of length that it expects otherwise.
const decode = (bytes) => new Iso8583().getIsoJSON(bytes, { lenHeader: false });
const decoded = decode(frame);
if (decoded[2] !== "4000001234567899" || decoded[52] !== "7d2a91c45e08b36f") throw new Error("read something else");
let best = Infinity;
for (let round = 0; round < 40; round++) {
  const start = process.hrtime.bigint();
  for (let call = 0; call < 500; call++) decode(frame);
  best = Math.min(best, Number(process.hrtime.bigint() - start) / 500);
}
let refused = 0;
for (let size = 0; size < frame.length; size++) {
  try {
    if (decode(frame.subarray(0, size)).error) refused++;
  } catch {
    refused++;
  }
}
const accepted = frame.length - refused;
console.log(`| iso_8583 2.6.7 | Node.js ${process.version.slice(1)} | ${frame.length} bytes, binary bitmap, DE 55 spoilt as UTF-8 | ${best.toFixed(0)} | ${refused} / ${accepted} |`);
JAVASCRIPT
