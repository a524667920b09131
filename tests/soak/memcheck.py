#!/usr/bin/env python3
"""Enrolment, whole updates (full files, deltas, cut lines, refusals) and restarts of an agent under Valgrind's memcheck.

They are the agent's own unit tests, which talk HTTP to a hub in the same process. Models do not run here: a self-test is
a child that Valgrind cannot follow into its limits.

The last line: `memcheck: ok tests=N errors=0 seconds=N`.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
TESTS = "Update.*:Restart.*:Enrolment.*"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("memcheck: valgrind is missing; install the package valgrind")
        return 1
    start = time.monotonic()
    with tempfile.NamedTemporaryFile() as log:
        done = subprocess.run(["valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=99",
                               f"--suppressions={ROOT}/tests/soak/memcheck.supp", f"--log-file={log.name}",
                               options.bin / "agent_test", f"--gtest_filter={TESTS}", "--gtest_brief=1"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=1800)
        found = pathlib.Path(log.name).read_text(encoding="utf-8", errors="replace")
    passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
    if done.returncode != 0 or found or not passed:
        print(done.stdout[-3000:] + found[-10_000:])
        print(f"memcheck: failed, exit code {done.returncode}")
        return 1
    print(f"memcheck: ok tests={passed[1]} errors=0 seconds={time.monotonic() - start:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
