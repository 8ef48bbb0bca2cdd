#!/bin/sh
# Every check, then every test; fails if one of them does. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

failed=

check() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed="$failed $name"
}

check lint .venv/bin/ruff check .
check format .venv/bin/ruff format --check .
check types .venv/bin/mypy
check imports .venv/bin/lint-imports

printf '\n== tests\n'
[ -z "$failed" ] || say "Failed before the tests:$failed. They run all the same, but this will end with an error."
workers=$(getconf _NPROCESSORS_ONLN)
[ "$workers" -le 4 ] || workers=4
# A file's tests stay together, so that a platform or a browser that they share is started once; in the order of the names,
# by which the many small files of tests/unit come last and no worker is left alone with a long one.
.venv/bin/pytest -n "$workers" --dist loadfile --no-loadscope-reorder "$@"
[ -z "$failed" ]
