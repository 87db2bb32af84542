#!/usr/bin/env bash
# Speed beside the library `implicit`, in one run. Makes its own Python environment under bench/out.
# All arguments go to compare_implicit.py; `just bench --help` lists them.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=bench/out/venv
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet implicit==0.7.3 numpy scipy threadpoolctl
fi
cargo build --release -p shillproof-victims --example beside_implicit
exec "$venv/bin/python" bench/compare_implicit.py "$@"
