#!/bin/sh
# Packs the programs of a build folder as Debian packages, and checks them with lintian where it is installed.
#
# usage: scripts/package.sh BUILD_FOLDER TARGET_FOLDER
set -eu
cd "$(dirname "$0")/.."
build=$1 target=$2

rm -rf "$target"
mkdir -p "$target"
cpack --config "$build/CPackConfig.cmake" -B "$target" >"$target/cpack.log" 2>&1 || {
    cat "$target/cpack.log" >&2
    exit 1
}
rm -rf "$target/_CPack_Packages"
if command -v lintian >/dev/null 2>&1; then
    # Ours is no package of the archive: nobody filed an intent to package it.
    lintian --suppress-tags initial-upload-closes-no-bugs --fail-on error "$target"/*.deb
else
    echo "package: lintian is not installed, the packages were not checked"
fi
ls -1 "$target"/*.deb
