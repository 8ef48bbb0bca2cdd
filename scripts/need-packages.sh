#!/bin/sh
# Installs Debian packages if that is allowed (as root, or by a sudo that asks for no password); else names the line to run.
#
#   sh scripts/need-packages.sh WHY PACKAGE...
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

why=$1
shift
install="sh '$(pwd)/scripts/install-packages.sh' $*"

if ! command -v apt-get >/dev/null; then
    fail "$why: missing: $*" 'Install that by your package manager and start again.'
elif [ "$(id -u)" -eq 0 ]; then
    step "Installing $* by apt" sh scripts/install-packages.sh "$@"
elif sudo -n true 2>/dev/null; then
    step "Installing $* by sudo and apt" sudo -n sh scripts/install-packages.sh "$@"
elif command -v sudo >/dev/null; then
    fail "$why: missing: $*" 'Run this and start again:' '' "    sudo $install" ''
else
    fail "$why: missing: $*" 'Have this run as root and start again:' '' "    $install" ''
fi
