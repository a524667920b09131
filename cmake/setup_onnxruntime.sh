#!/bin/sh
# Puts ONNX Runtime where the build and the programs look for it:
#   build/onnxruntime/include/onnxruntime_c_api.h ...   headers, needed to compile
#   build/onnxruntime/lib/libonnxruntime.so.1           library, loaded at run time
# The library comes from the npm package pinned in cmake/onnxruntime/package-lock.json; the headers
# from the system, or from Debian 13's libonnxruntime-dev, which apt fetches and verifies.
# STRANDLINE_ONNXRUNTIME_DIR=FOLDER takes both from an unpacked release of ONNX Runtime instead.
#
# usage: cmake/setup_onnxruntime.sh [TARGET_FOLDER]       (default: build/onnxruntime)
# Needs no root. Running it again does nothing when all is in place.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
lock_dir=$source_dir/cmake/onnxruntime
target=${1:-$source_dir/build/onnxruntime}
case $target in /*) ;; *) target=$PWD/$target ;; esac
library=libonnxruntime.so.1
header=onnxruntime_c_api.h
cxx_header=onnxruntime_cxx_api.h
work=

say() { printf 'onnxruntime: %s\n' "$*"; }

stop() {
    printf 'onnxruntime: %s\n' "$@" >&2
    exit 1
}

cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

# What is installed must be replaced when the lock file or the user's folder changes.
wanted_stamp() {
    printf '%s\n' "folder=${STRANDLINE_ONNXRUNTIME_DIR:-}"
    cksum <"$lock_dir/package-lock.json"
}

in_place() {
    [ -f "$target/lib/$library" ] && [ -f "$target/include/$header" ] &&
        [ -f "$target/include/$cxx_header" ] && [ -f "$target/stamp" ] &&
        [ "$(cat "$target/stamp")" = "$(wanted_stamp)" ]
}

# first_folder_with FILE FOLDER...
first_folder_with() {
    file=$1
    shift
    for folder in "$@"; do
        if [ -f "$folder/$file" ]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done
    return 1
}

# install_headers FOLDER: copies the headers of one folder.
install_headers() {
    [ -f "$1/$cxx_header" ] ||
        stop "$1 has $header but not $cxx_header; both are needed (package libonnxruntime-dev)"
    cp "$1"/onnxruntime_*.h "$work/new/include/"
    if [ -f "$1/onnxruntime_float16.h" ]; then cp "$1/onnxruntime_float16.h" "$work/new/include/"; fi
}

# install_library FILE: copies the library under the name the programs load.
install_library() { cp -L "$1" "$work/new/lib/$library"; }

from_users_folder() {
    root=$STRANDLINE_ONNXRUNTIME_DIR
    headers=$(first_folder_with "$header" "$root/include" "$root/include/onnxruntime" \
        "$root/include/onnxruntime/core/session" "$root") ||
        stop "no $header under STRANDLINE_ONNXRUNTIME_DIR=$root/include"
    if libs=$(first_folder_with "$library" "$root/lib" "$root/lib64" "$root"); then
        install_library "$libs/$library"
    elif libs=$(first_folder_with libonnxruntime.so "$root/lib" "$root/lib64" "$root"); then
        install_library "$libs/libonnxruntime.so"
    else
        stop "no $library under STRANDLINE_ONNXRUNTIME_DIR=$root/lib"
    fi
    install_headers "$headers"
    say "taken from $root"
}

npm_architecture() {
    case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x64 ;;
    Linux-aarch64) echo arm64 ;;
    *) return 1 ;;
    esac
}

library_from_npm() {
    architecture=$(npm_architecture) ||
        stop "no pinned library for $(uname -s) on $(uname -m)" \
            "unpack a release of ONNX Runtime and set STRANDLINE_ONNXRUNTIME_DIR to its folder"
    command -v npm >/dev/null 2>&1 ||
        stop "npm is missing, and the library comes from a pinned npm package" \
            "install npm (Debian: apt install npm), or set STRANDLINE_ONNXRUNTIME_DIR"
    mkdir "$work/npm"
    cp "$lock_dir/package.json" "$lock_dir/package-lock.json" "$work/npm/"
    say "fetching the library with npm (about 100 MB)"
    # npm ci verifies every package against the lock file's integrity; no script of a package runs.
    (cd "$work/npm" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$work/npm.log" 2>&1) || {
        cat "$work/npm.log" >&2
        stop "npm could not install the pinned packages (see above)"
    }
    found=$work/npm/node_modules/onnxruntime-node/bin/napi-v6/linux/$architecture/$library
    [ -f "$found" ] || stop "the npm package has no library for linux $architecture"
    install_library "$found"
}

# Prints "URI KEYRING" of the Debian mirror that this machine itself uses.
debian_mirror() {
    apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(REPO_URI)|$(SOURCESENTRY)' \
        'Created-By: Packages' 2>/dev/null |
        awk -F'|' '$2 == "main" && ($1 == "Debian" || $3 ~ /\/debian\/?$/) { print $3 "|" $4; exit }' |
        {
            IFS='|' read -r uri entry || return 1
            keyring=$(sed -n 's/^[Ss]igned-[Bb]y: *\(\/[^ ]*\).*/\1/p; s/.*signed-by=\(\/[^] ,]*\).*/\1/p' \
                "${entry%:*}" 2>/dev/null | head -n 1)
            printf '%s %s\n' "$uri" "${keyring:-/usr/share/keyrings/debian-archive-keyring.gpg}"
        }
}

# Fetches Debian 13's header package into $work/apt without touching the system's package state.
headers_from_debian() {
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/unpacked"
    : >"$apt/status"
    printf 'deb [signed-by=%s] %s trixie main\n' "$2" "$1" >"$apt/sources.list"
    set -- -qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=none \
        -o Dir::Etc::preferences=none -o Dir::Etc::preferencesparts=none \
        -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" \
        -o "Dir::Cache=$apt/cache" -o APT::Update::Pre-Invoke=none -o APT::Update::Post-Invoke-Success=none
    # Root's apt would hand the download to a user that cannot see the temporary folder.
    [ "$(id -u)" -ne 0 ] || set -- "$@" -o APT::Sandbox::User=root
    say "fetching the headers from Debian 13's libonnxruntime-dev"
    (cd "$apt" && apt-get "$@" update && apt-get "$@" download libonnxruntime-dev) \
        >"$work/apt.log" 2>&1 || return 1
    dpkg-deb -x "$apt"/libonnxruntime-dev_*.deb "$apt/unpacked"
    install_headers "$apt/unpacked/usr/include/onnxruntime"
}

headers_from_anywhere() {
    if headers=$(first_folder_with "$header" /usr/include/onnxruntime /usr/local/include/onnxruntime \
        /usr/include/onnxruntime/core/session /usr/local/include/onnxruntime/core/session); then
        install_headers "$headers"
        say "headers taken from $headers"
        return 0
    fi
    fix="install libonnxruntime-dev, or set STRANDLINE_ONNXRUNTIME_DIR to an unpacked release"
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
        stop "the headers are missing and this machine has no apt to fetch them with" "$fix"
    mirror=$(debian_mirror) || mirror=
    [ -n "$mirror" ] || stop "the headers are missing and apt knows no Debian mirror" "$fix"
    keyring=${mirror#* }
    [ -r "$keyring" ] || stop "the keyring $keyring is missing (package debian-archive-keyring)" "$fix"
    headers_from_debian "${mirror%% *}" "$keyring" || {
        cat "$work/apt.log" >&2
        stop "apt could not fetch the headers (see above)" "$fix"
    }
}

if in_place; then
    say "already in $target"
    exit 0
fi
mkdir -p "$(dirname "$target")"
# Beside the target, so that putting it in place is one rename.
work=$(mktemp -d "$(dirname "$target")/.onnxruntime.XXXXXX")
mkdir -p "$work/new/include" "$work/new/lib"
if [ -n "${STRANDLINE_ONNXRUNTIME_DIR:-}" ]; then
    from_users_folder
else
    headers_from_anywhere
    library_from_npm
fi
wanted_stamp >"$work/new/stamp"
if [ -e "$target" ]; then mv "$target" "$work/old"; fi
mv "$work/new" "$target"
say "ready in $target"
