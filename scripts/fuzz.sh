#!/bin/sh
# Runs libFuzzer targets with ASan and UBSan on their committed seeds.
#
# usage: scripts/fuzz.sh [TARGET|all] [SECONDS]      (default: all, 60 seconds each)
set -eu
cd "$(dirname "$0")/.."
target=${1:-all}
seconds=${2:-60}
for tool in clang++-16; do
    command -v $tool >/dev/null || {
        echo "fuzz: $tool is missing; install the packages clang-16 and libclang-rt-16-dev" >&2
        exit 1
    }
done
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- --quiet
found=0
for program in build/fuzz/bin/*_fuzz; do
    name=$(basename "$program" _fuzz)
    [ "$target" = all ] || [ "$target" = "$name" ] || continue
    found=1
    mkdir -p "build/fuzz/corpus/$name" "build/fuzz/findings"
    echo "fuzz: $name for $seconds s"
    seeds=
    [ ! -d "fuzz/seeds/$name" ] || seeds=fuzz/seeds/$name
    # shellcheck disable=SC2086  # no word when there are no seeds
    "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "build/fuzz/corpus/$name" $seeds \
        2>"build/fuzz/$name.log" || {
        tail -40 "build/fuzz/$name.log" >&2
        echo "fuzz: $name found something; the input is in build/fuzz/findings" >&2
        exit 1
    }
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "build/fuzz/$name.log"
done
[ $found = 1 ] || {
    echo "fuzz: no target \"$target\"; there are:" >&2
    ls build/fuzz/bin >&2
    exit 2
}
echo "fuzz: ok"
