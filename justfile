# The front door: `just` lists what there is.

_default:
    @just --list

# The main job on the embedded data set
demo:
    cargo run --release -- audit --out results/demo

# Everything that a change must pass
check:
    bash .ci/run

# The tests alone
test:
    cargo test --workspace --all-features

# The browser that the tests of the pages run in (Debian and its kin, as root)
browser:
    bash .ci/browser

# The API documentation, opened in a browser
docs:
    cargo doc --workspace --all-features --no-deps --open

# The book, into target/book, with its links, commands, lists and worked example checked
book:
    cargo test -p shillproof --all-features --test book

# The lists of victims, attacks, detectors and defenses in README and the book, from the catalogue
lists:
    SHILLPROOF_WRITE_LISTS=1 cargo test -p shillproof --all-features --test book lists

# What docs/start.md tells somebody new, from a fresh clone
newcomer:
    .ci/newcomer

# Speed beside other libraries, in one run: seconds, memory and accuracy (makes its own Python environment)
bench *ARGS:
    bash bench/run.sh {{ARGS}}

# Long random reading of the file formats; N inputs
fuzz N="2000000":
    SHILLPROOF_FUZZ_INPUTS={{N}} cargo test --release -p shillproof-data --all-features --test fuzz -- --nocapture
