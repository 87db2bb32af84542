#!/usr/bin/env bash
# Speed beside other libraries, in one run. Makes its own Python environment under bench/out.
#
#     just bench                       everything
#     just bench implicit --help       factor models beside `implicit`, with arguments of its own
#     just bench torch --help          neural models beside PyTorch, the same
#     just bench lightgcn --help       the victim of that name beside PyTorch, the same
#     just bench rev-adv --help        an iteration of RevAdv beside its formulation in PyTorch, the same
#     just bench recbole --help        next-item recommenders beside RecBole, the same
set -euo pipefail
cd "$(dirname "$0")/.."
venv=bench/out/venv
want() { "$venv/bin/python" -c "import $1" 2>/dev/null || "$venv/bin/pip" install --quiet "${@:2}"; }
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
want numpy numpy scipy

implicit() {
    want implicit implicit==0.7.3 threadpoolctl
    cargo build --release -p shillproof-victims --example beside_implicit
    "$venv/bin/python" bench/compare_implicit.py "$@"
}
torch() {
    want torch torch==2.15.0
    cargo build --release -p shillproof-victims --example beside_torch
    "$venv/bin/python" bench/compare_torch.py "$@"
}
lightgcn() {
    want implicit implicit==0.7.3 threadpoolctl
    want torch torch==2.15.0
    case " $* " in *" --recbole "*) want_recbole ;; esac
    cargo build --release -p shillproof-victims --example beside_lightgcn
    "$venv/bin/python" bench/compare_lightgcn.py "$@"
}
rev-adv() {
    want torch torch==2.15.0
    cargo build --release -p shillproof-attacks --example beside_rev_adv
    "$venv/bin/python" bench/compare_rev_adv.py "$@"
}

# Without what it names and does not need here, such as ray.
want_recbole() {
    want recbole --no-deps recbole==1.2.1
    want colorlog colorlog colorama texttable thop --no-deps
    want sklearn scikit-learn
    want pandas pandas pyyaml tqdm tensorboard
}
recbole() {
    want torch torch==2.15.0
    want_recbole
    cargo build --release -p shillproof
    "$venv/bin/python" bench/compare_recbole.py "$@"
}

case "${1:-all}" in
    all) implicit && torch && lightgcn && rev-adv && recbole ;;
    implicit | torch | lightgcn | rev-adv | recbole) "$@" ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
