#!/bin/sh
# Sees to it that the real programs that the tests talk to are there: no test is skipped for want of one.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

parts='postfix swaks redis-server rabbitmq-server' # in Debian, program and package have one name
[ "$(id -u)" -eq 0 ] || parts="$parts fakeroot"     # without which Postfix's master starts for root only
missing=
for part in $parts; do
    command -v "$part" >/dev/null || missing="$missing $part"
done

[ "$(uname)" = Darwin ] || command -v bearerbox >/dev/null || missing="$missing kannel" # a gateway; macOS has none to install

# Chromium, or Chrome, as tests/support/browser.py finds it
has_browser() {
    [ -z "${MESSA_CHROMIUM:-}" ] || return 0
    for name in chromium chromium-browser google-chrome; do
        ! command -v "$name" >/dev/null || return 0
    done
    for app in '/Applications/Google Chrome.app' /Applications/Chromium.app; do
        [ ! -d "$app" ] || return 0
    done
    return 1
}
# the guide's clients of the API
command -v php >/dev/null || missing="$missing $([ "$(uname)" = Darwin ] && echo php || echo php-cli)"
if ! command -v mcs >/dev/null || ! command -v mono >/dev/null; then # C#: 27 MB in Debian without what it recommends
    missing="$missing $([ "$(uname)" = Darwin ] && echo mono || echo mono-mcs mono-runtime \
        libmono-system-net-http4.0-cil libmono-system-runtime-serialization4.0-cil)"
fi
has_browser || missing="$missing chromium fonts-liberation" # Debian only recommends that it has letters to show

# LibreOffice's Calc, as tests/support/office.py finds it; there may be a LibreOffice without it.
has_office() {
    [ ! -d /Applications/LibreOffice.app ] || return 0
    soffice=$(command -v soffice) || return 1
    [ -e "$(dirname "$(readlink -f "$soffice")")/libsclo.so" ]
}
has_office || missing="$missing libreoffice-calc-nogui"
[ -n "$missing" ] || exit 0

if [ "$(uname)" = Darwin ]; then # macOS brings postfix itself
    fail "The tests need:$missing" 'Run this and start again:' '' '    brew install swaks redis rabbitmq fakeroot php mono' \
        '    brew install --cask google-chrome libreoffice' ''
fi
# shellcheck disable=SC2086  # a list of words
sh scripts/need-packages.sh 'The tests need real mail servers, brokers, a browser and a spreadsheet' $missing
