#!/bin/sh
# Puts the files of others that pages use into messa_platform/static/vendor, out of the wheels that requirements/static.txt
# pins; fetches nothing when they are there already. set-up.sh calls it.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

folder=messa_platform/static/vendor
stamp=$folder/.made-from # the sum of what the folder was made from

sum=$(cat requirements/static.txt scripts/vendor.sh | cksum)
[ "$sum" != "$(cat "$stamp" 2>/dev/null)" ] || exit 0

# pip takes its indexes, mirrors and certificates from its own configuration and environment; none is named here.
download() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input download --progress-bar off \
        --no-deps --only-binary :all: --require-hashes -r requirements/static.txt --dest "$1"
}

# take WHEEL MEMBER FILE: one file of a wheel, by Python's own zipfile, since a bare Debian has no unzip.
take() {
    .venv/bin/python -c '
import sys, zipfile
wheel, member, file = sys.argv[1:]
with zipfile.ZipFile(wheel) as opened, open(file, "wb") as copy:
    copy.write(opened.read(member))
' "$1" "$2" "$folder/$3"
}

wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
trap 'exit 1' HUP INT TERM

step 'Fetching htmx' download "$wheels"
rm -rf "$folder"
mkdir -p "$folder"
# htmx is under 0BSD, which asks for no copy of itself; the wheel's LICENSE is that of the Python code around it.
take "$wheels"/django_htmx-*.whl django_htmx/static/django_htmx/htmx-2.min.js htmx.min.js
echo "$sum" >"$stamp"
