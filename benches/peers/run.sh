#!/usr/bin/env bash
# Prints the table: ours and the peers, then the peer that may not share a program with ours (Cargo.toml).
set -euo pipefail
cd "$(dirname "$0")"
cargo build --release --quiet
# One peer chats on standard output.
cargo run --release --quiet | grep '^|'
cargo run --release --quiet --no-default-features --features codec
