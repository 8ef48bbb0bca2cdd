#!/bin/sh
# Pins what requirements/*.in ask for, with hashes, into the .txt beside each. Versions that are pinned and still fit stay;
# arguments go to uv, for example --upgrade, or --upgrade-package pyramid.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

uv=$(command -v uv || command -v .venv/bin/uv) || fail 'make lock needs uv:' '' '    .venv/bin/python -m pip install uv' ''
for name in main test static build jasmin; do
    # of files alone no code runs, so nothing that it would need is wanted
    needs=
    [ "$name" != static ] || needs=--no-deps
    say "requirements/$name.txt"
    # No index address in the file, so that it works with any mirror.
    # shellcheck disable=SC2086  # a word or none
    "$uv" pip compile $needs --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
        --python-version 3.11 "requirements/$name.in" -o "requirements/$name.txt" "$@"
done
