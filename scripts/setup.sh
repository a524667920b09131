#!/bin/sh
# Installs what is missing to build, run and test. Safe to repeat.
#
# usage: scripts/setup.sh [--check]      --check only says what is missing
set -eu
cd "$(dirname "$0")/.."

missing=
for package in $(sed -e 's/#.*//' scripts/packages.txt); do
    case $package in
    # A node from elsewhere brings its own npm, which the Debian package would fight with.
    npm) command -v npm >/dev/null 2>&1 && continue ;;
    esac
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
        missing="$missing $package"
done

if [ -n "$missing" ]; then
    echo "setup: missing Debian packages:$missing"
    [ "${1:-}" != --check ] || exit 1
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1; then
        as_root=sudo
    else
        echo "setup: not root and no sudo; ask an administrator to run:" >&2
        echo "  apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "setup: installing them with apt-get ${as_root:+(by sudo)}"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086  # a list of words on purpose
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=600 $missing >/dev/null
fi
[ "${1:-}" != --check ] || exit 0

# promtool judges /metrics in tests. Only unpacked: installing its package starts a server.
if ! command -v promtool >/dev/null 2>&1 && [ ! -x build/tools/promtool ]; then
    echo "setup: unpacking promtool of the Debian package prometheus into build/tools"
    mkdir -p build/tools/unpacked
    (cd build/tools/unpacked && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .)
    mv build/tools/unpacked/usr/bin/promtool build/tools/promtool
    rm -r build/tools/unpacked
fi
sh cmake/setup_onnxruntime.sh
echo "setup: ok"
