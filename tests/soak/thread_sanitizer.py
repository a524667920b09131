#!/usr/bin/env python3
"""The unit tests of the programs with many threads, built with ThreadSanitizer.

The last line: `thread sanitizer: ok programs=N tests=N races=0 seconds=N`.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
# A test forks a hub that starts threads, which the sanitizer permits only when asked.
OPTIONS = f"suppressions={ROOT}/tests/soak/tsan.supp die_after_fork=0 history_size=4"


def run(program: str) -> tuple[int, int]:
    """Numbers of tests that passed and of races; a test that fails ends the campaign."""
    done = subprocess.run([ROOT / "build" / "tsan" / "bin" / program, "--gtest_brief=1"], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800,
                          env={**os.environ, "TSAN_OPTIONS": OPTIONS})
    races = len(re.findall(r"WARNING: ThreadSanitizer", done.stdout))
    passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
    print(f"{program}: {passed[1] if passed else 0} tests, {races} races", flush=True)
    if done.returncode != 0:
        print(done.stdout[-20_000:])
        raise SystemExit(f"thread sanitizer: failed {program}, exit code {done.returncode}")
    return int(passed[1]), races


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", default=["hub_test", "agent_test", "net_test"])
    programs = parser.parse_args().programs
    start = time.monotonic()
    subprocess.run(["cmake", "--preset", "tsan"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "tsan", "--target", *programs, "--", "--quiet"], cwd=ROOT, check=True)
    counts = [run(program) for program in programs]
    tests, races = (sum(column) for column in zip(*counts))
    print(f"thread sanitizer: {'ok' if races == 0 else 'FOUND'} programs={len(programs)} tests={tests} races={races} "
          f"seconds={time.monotonic() - start:.0f}")
    return 0 if races == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
