#!/bin/sh
# Installs Debian packages, as root. Asks nothing, and starts none of the services that come with them: the tests start
# their own, with their own settings and ports. What was installed before stays as it is.
#
#   sh scripts/install-packages.sh PACKAGE...
set -eu

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# invoke-rc.d and deb-systemd-invoke ask this file before they start a service (101: they may not; invoke-rc.d(8)). It
# takes itself away if this script was killed before it could.
hold_services() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    cat >"$policy" <<END
#!/bin/sh
# Put here by $0 for as long as it installs packages.
kill -0 $$ 2>/dev/null && exit 101
rm -f "$policy"
exit 0
END
    chmod 755 "$policy"
}

[ "$(id -u)" -eq 0 ] || { echo "$0: only root can install packages" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive

new=
for package in "$@"; do
    installed "$package" || new="$new $package"
done
[ -n "$new" ] || exit 0

hold_services
apt-get -q update || echo 'apt-get update failed; going on with the package lists that are here.'
case " $new " in
*' postfix '*) echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections ;;
esac
# shellcheck disable=SC2086  # a list of words
apt-get -q -y --no-install-recommends install $new </dev/null

for package in $new; do
    [ ! -e "/etc/init.d/$package" ] || update-rc.d "$package" disable
done
