#!/usr/bin/env bash
# Instructions that each operation of the codec and each authorization by the core take, counted by callgrind: the same on a busy machine as on
# an idle one. Needs valgrind. Usage: benches/instructions.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet -p benches --bin instructions
program="${CARGO_TARGET_DIR:-target}/release/instructions"
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "${@:4}" "$program" "$1" "$2" "$3" 2>&1 |
        sed -n 's/.*Collected : //p'
}
for name in "hex bitmap" "binary bitmap" iso87_ascii iso87_bcd; do
    for operation in parse decode encode respond; do
        few=$(count "$operation" 1000 "$name")
        many=$(count "$operation" 3000 "$name")
        echo "$name, $operation: $(((many - few) / 2000)) instructions"
    done
done
# 100 authorizations a round; what the state of the cards takes in the first rounds is in both counts.
for bank in plain strict; do
    few=$(count authorize 30 "$bank" --toggle-collect='auth::core::Core::step*')
    many=$(count authorize 60 "$bank" --toggle-collect='auth::core::Core::step*')
    echo "core, $bank: $(((many - few) / 3000)) instructions an authorization"
done
