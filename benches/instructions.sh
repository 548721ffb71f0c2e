#!/usr/bin/env bash
# Instructions that each operation of the codec takes, counted by callgrind: the same on a busy machine as on
# an idle one. Needs valgrind. Usage: benches/instructions.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet -p benches --bin instructions
program="${CARGO_TARGET_DIR:-target}/release/instructions"
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" "$3" 2>&1 |
        sed -n 's/.*Collected : //p'
}
for name in "hex bitmap" "binary bitmap" iso87_ascii iso87_bcd; do
    for operation in parse decode encode respond; do
        few=$(count "$operation" 1000 "$name")
        many=$(count "$operation" 3000 "$name")
        echo "$name, $operation: $(((many - few) / 2000)) instructions"
    done
done
