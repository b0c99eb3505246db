# Every recipe is a script that CI runs too; `just` is a convenience.

_default:
    @just --list --unsorted

# everything a change must pass
ci:
    bash .ci/run

# format the code (`just fmt --check` only looks)
fmt *args:
    cargo fmt --all {{ args }}

# clippy, unused and forbidden dependencies, typos
lint:
    scripts/tools
    scripts/lint

# install what the tests need, build, run them all
test *args:
    scripts/test {{ args }}

# each feature alone, and none
features:
    scripts/features

# API docs, private items included
docs:
    scripts/docs

# start cost beside other wrappers (`just bench --write` puts the table into docs/performance.md)
bench *args:
    scripts/bench {{ args }}

# system calls between our execve and the child's
syscalls *args:
    benches/syscalls {{ args }}

# the static binary, its size and sha256
release:
    scripts/release

# fuzz every target for its share of MINUTES
fuzz minutes:
    scripts/fuzz {{ minutes }}
