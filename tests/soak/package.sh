#!/bin/sh
# Installs the Debian packages into an empty Debian 12 root and runs hub, agent and command line from them.
#
# usage: tests/soak/package.sh [--packages FOLDER] [--mirror URL] [--keep]
#
# Needs root, debootstrap and a Debian mirror (the one in /etc/apt by default). Makes the packages from build/release when
# FOLDER, build/packages by default, has none. The last line is a summary: `package: ok ...` or `package: FAILED ...`.
set -eu
cd "$(dirname "$0")/../.."

packages=build/packages keep=
mirror=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -E '/debian/?$' | head -n 1 || true)
while [ $# -gt 0 ]; do
    case $1 in
    --help) sed -n '/^# Installs/,/^set -eu/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --packages) packages=$2 && shift 2 ;;
    --mirror) mirror=$2 && shift 2 ;;
    --keep) keep=yes && shift ;;
    *) echo "package: unknown option $1; see --help" >&2 && exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { echo "package: FAILED needs root for chroot"; exit 1; }
[ -n "$mirror" ] || { echo "package: FAILED no mirror; give --mirror URL"; exit 1; }
ls "$packages"/*.deb >/dev/null 2>&1 || sh scripts/package.sh build/release "$packages"

root=$(mktemp -d)
step=debootstrap
hub= agent=
# The programs say who they are.
pid_in() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$1" 2>/dev/null || true; }
finish() {
    code=$?
    for pid in $(pid_in "$root/var/lib/strandline-agent/agent.json") $(pid_in "$root/var/lib/strandline/hub.json"); do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    [ "$code" = 0 ] || { tail -n 30 "$root/tmp/"*.log 2>/dev/null || true; echo "package: FAILED at: $step"; }
    [ -n "$keep" ] || rm -rf --one-file-system "$root"
    exit "$code"
}
trap finish EXIT

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# Waits up to a minute for a text in a file.
await() {
    for _ in $(seq 600); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

mkdir "$root/tmp"
# Users other than root live in it too.
chmod 755 "$root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root/tmp/debootstrap.log" 2>&1
# It was there before debootstrap, which then leaves it as it is.
chmod 1777 "$root/tmp"
# The caller's way to the mirror, such as a proxy or a certificate of its own.
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
mount -t proc proc "$root/proc"
# No service may be started in here.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"

step="install"
mkdir "$root/packages" && cp "$packages"/*.deb "$root/packages/"
inside apt-get update -qq
inside sh -c 'apt-get install -y -qq --no-install-recommends /packages/*.deb' >"$root/tmp/install.log" 2>&1
inside sh -c 'dpkg --audit' | grep . && exit 1
[ "$(stat -c '%a' "$root/etc/strandline/strandline.toml")" = 640 ]

step="hub"
sed -i -e '/^\[http\]/,/^\[/s/^port = .*/port = 0/' -e '/^\[mqtt\]/,/^\[/s/^port = .*/port = 0/' "$root/etc/strandline/strandline.toml"
inside install -d -m 0700 -o strandline -g strandline /var/lib/strandline
inside runuser -u strandline -- strandlined --config /etc/strandline/strandline.toml >"$root/tmp/hub.log" 2>&1 &
hub=$!
await "$root/tmp/hub.log" '^ready url='
url=$(sed -n 's/^ready url=\([^ ]*\).*/\1/p' "$root/tmp/hub.log")
sed -n 's/^operator token (shown once): //p' "$root/tmp/hub.log" >"$root/root/token" && chmod 600 "$root/root/token"

step="command line"
inside strandline --profile /root/profile.json login "$url" --token @/root/token >/dev/null
inside strandline --profile /root/profile.json token create >"$root/root/join"

step="agent"
sed -i -e '/^\[serve\]/,/^\[/s/^port = [0-9]*/port = 0/' "$root/etc/strandline-agent/agent.toml"
inside install -d -m 0700 -o strandline-agent -g strandline-agent /var/lib/strandline-agent
inside runuser -u strandline-agent -- strandline-agent enroll --hub "$url" --token - --name boxed <"$root/root/join" >/dev/null
inside runuser -u strandline-agent -- strandline-agent run --config /etc/strandline-agent/agent.toml >"$root/tmp/agent.log" 2>&1 &
agent=$!
await "$root/tmp/agent.log" '^ready serve='

step="deploy"
cp -r build/models/leaf/leaf-1.0.0 "$root/root/leaf"
inside strandline --profile /root/profile.json push /root/leaf --package leaf --version 1.0.0 >/dev/null
inside strandline --profile /root/profile.json deploy leaf@1.0.0 --to all --soak 300 --wait --timeout 120 >"$root/tmp/deploy.log"
step="doctor"
code=0
inside runuser -u strandline -- strandlined doctor --config /etc/strandline/strandline.toml >"$root/tmp/doctor.log" || code=$?
[ "$code" -le 1 ]

step="stop"
# What started them waits for their exit code.
kill "$(pid_in "$root/var/lib/strandline-agent/agent.json")" && wait "$agent"
agent=
kill "$(pid_in "$root/var/lib/strandline/hub.json")" && wait "$hub"
hub=

step="remove"
inside apt-get purge -y -qq strandline-hub strandline-agent strandline strandline-onnxruntime >"$root/tmp/purge.log" 2>&1
[ -d "$root/var/lib/strandline/keys" ]
[ ! -e "$root/usr/bin/strandlined" ] && [ ! -e "$root/etc/strandline/strandline.toml" ]
size=$(du -ch "$packages"/*.deb | tail -n 1 | cut -f 1)
echo "package: ok 4 packages ($size) installed, hub, agent and command line ran, removed; the state folders stayed"
