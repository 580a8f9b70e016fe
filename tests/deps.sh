#!/bin/sh
# deps.sh PACKAGE... - makes sure that these Debian packages are installed.
#
# Silent, and without touching the network, when they are. Installs the missing ones as root
# or through sudo; where neither is possible, prints the line to run and fails. On a system
# without dpkg the compiler will say what is missing.
command -v dpkg-query >/dev/null || exit 0

missing=
for package; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "packages are missing; run:  sudo $install" >&2
    exit 1
fi
echo "installing:$missing"
wait_for_lock='-o DPkg::Lock::Timeout=300'
export DEBIAN_FRONTEND=noninteractive
# A package list is often absent or stale on a fresh machine: try, refresh, try again.
# shellcheck disable=SC2086
$as_root apt-get -q $wait_for_lock install -y --no-install-recommends $missing \
    >/dev/null 2>&1 ||
    { $as_root apt-get -q $wait_for_lock update &&
        $as_root apt-get -q $wait_for_lock install -y --no-install-recommends $missing; } ||
    { echo "could not install; run:  sudo apt-get update && sudo $install" >&2; exit 1; }
