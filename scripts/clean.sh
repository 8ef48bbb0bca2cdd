#!/bin/sh
# Removes what set-up and tests made; with CONFIRM=yes also var/, which holds the demo's database.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

rm -rf .venv .venv-jasmin build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
find . -name __pycache__ -type d -prune -exec rm -rf {} +

if [ "${CONFIRM:-}" != yes ]; then
    [ ! -d var ] || say 'var/ stays, with the data of make run; make clean CONFIRM=yes removes it too.'
    exit 0
fi
# As root, the database may lie elsewhere (messa_platform/core/embedded/place.py); this file says where.
moved=$(cat var/postgresql/moved-to 2>/dev/null || true)
case $moved in
*..*) ;;
/var/lib/messa-embedded/?* | /var/tmp/messa-embedded/?*) rm -rf "$moved" ;;
esac
rm -rf var
