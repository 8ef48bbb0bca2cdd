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

# The types take a core alone for a minute: they are looked at while the tests run, and told at the end.
types=$(mktemp)
.venv/bin/mypy >"$types" 2>&1 &
looking=$!
trap 'kill "$looking" 2>/dev/null || true; rm -f "$types"' EXIT

check lint .venv/bin/ruff check .
check format .venv/bin/ruff format --check .
check imports .venv/bin/lint-imports

printf '\n== tests\n'
[ -z "$failed" ] || say "Failed before the tests:$failed. They run all the same, but this will end with an error."
workers=$(getconf _NPROCESSORS_ONLN)
[ "$workers" -le 4 ] || workers=4
# A file's tests stay together, so that a platform or a browser that they share is started once; in the order of the names,
# by which the many small files of tests/unit come last and no worker is left alone with a long one.
check tests .venv/bin/pytest -n "$workers" --dist loadfile --no-loadscope-reorder "$@"

wait "$looking" || failed="$failed types"
printf '\n== types\n'
cat "$types"
[ -z "$failed" ] || { say "Failed:$failed."; exit 1; }
