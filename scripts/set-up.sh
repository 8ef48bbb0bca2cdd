#!/bin/sh
# Makes .venv and installs into it what is not there yet; quick when all is there.
#
#   sh scripts/set-up.sh main    what messa runs on
#   sh scripts/set-up.sh test    that, and what the tests and checks need
#   sh scripts/set-up.sh jasmin  the last part of that alone: Jasmin, in .venv-jasmin, since its pins are not ours
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

oldest='(3, 11)'

suits() {
    "$1" -c "import sys; sys.exit(sys.version_info < $oldest)" 2>/dev/null
}

# The first Python that is new enough; with an argument, the first that also has these modules.
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if suits "$python" && "$python" -c "import ${1:-sys}" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

# Debian's Python makes a venv only with a package more (it then has ensurepip), and a bare system may have no Python.
need_python() {
    if [ "$(uname)" = Darwin ]; then
        fail 'messa needs Python 3.11 or newer, and finds none. Run this and start again:' '' '    brew install python' ''
    elif python=$(find_python); then
        case $(command -v "$python") in
        /usr/bin/* | /bin/*) ;;
        *) fail "$(command -v "$python") cannot make a venv: it has no ensurepip. Put another Python, 3.11 or newer, first in PATH." ;;
        esac
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        sh scripts/need-packages.sh 'A venv for messa' "$package"
    else
        sh scripts/need-packages.sh 'messa needs Python 3.11 or newer' python3 python3-venv
    fi
    find_python venv,ensurepip >/dev/null || fail 'messa needs Python 3.11 or newer with venv, and finds none in PATH.'
}

# Whether $venv works, and was made for this folder: its programs name it in their first lines, so it cannot be moved.
venv_works() {
    suits "$venv/bin/python" && "$venv/bin/python" -c 'import pip' 2>/dev/null && grep -qF "$(pwd -P)/$venv/" "$venv/bin/pip"
}

make_venv() {
    find_python venv,ensurepip >/dev/null || need_python
    python=$(find_python venv,ensurepip)
    rm -rf "$venv"
    step "Making $venv with $("$python" -V)" "$python" -m venv "$venv"
}

# use_venv FOLDER: from here on things are installed there; it is made if it does not work.
use_venv() {
    venv=$1
    done_dir=$venv/set-up # a file for each thing installed, with the sum of what it was installed from
    venv_works || make_venv
}

# pip takes its indexes, mirrors and certificates from its own configuration and environment; none is named here.
pip_install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input install --progress-bar off "$@"
}

sum_of() {
    { "$venv/bin/python" -VV && cat "$@"; } | cksum
}

# install_once NAME FILES TEXT ARGUMENTS...: by pip, unless NAME was installed from the same FILES before.
install_once() {
    name=$1 files=$2 text=$3
    shift 3
    # shellcheck disable=SC2086  # a list of words
    sum=$(sum_of $files)
    [ "$sum" != "$(cat "$done_dir/$name" 2>/dev/null)" ] || return 0
    [ -w "$venv" ] || fail "$(pwd)/$venv belongs to somebody else. Have that user run it, or use a clone of your own."
    step "$text" pip_install "$@"
    mkdir -p "$done_dir"
    echo "$sum" >"$done_dir/$name"
}

# Some of it comes as source, which is built with what was installed before. All of it is named: no dependency is looked for,
# since pip does not see that treq's Twisted[tls] is the Twisted of the file.
set_up_jasmin() {
    use_venv .venv-jasmin
    install_once build requirements/build.txt 'Installing what Jasmin is built with' --require-hashes -r requirements/build.txt
    install_once jasmin requirements/jasmin.txt 'Installing Jasmin, a gateway that tests send through' \
        --no-deps --no-build-isolation --require-hashes -r requirements/jasmin.txt
}

level=${1:?main, test or jasmin}
if [ "$level" = jasmin ]; then
    set_up_jasmin
    exit
fi
use_venv .venv
case $level in
main) install_once main requirements/main.txt 'Installing what messa runs on' --require-hashes -r requirements/main.txt ;;
test)
    install_once test requirements/test.txt 'Installing what messa and its tests need' --require-hashes -r requirements/test.txt
    sum_of requirements/main.txt >"$done_dir/main" # test.txt has all of it
    ;;
*) fail "$0: main, test or jasmin, not $level" ;;
esac
install_once static requirements/static.txt 'Installing the files of Swagger UI' --no-deps --require-hashes -r requirements/static.txt
# setuptools is among the requirements: nothing is fetched for the build.
install_once project pyproject.toml 'Installing messa itself' --no-deps --no-build-isolation -e .
[ "$level" != test ] || set_up_jasmin
