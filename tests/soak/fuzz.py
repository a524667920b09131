#!/usr/bin/env python3
"""Every fuzz target for a while, several at a time; what they learn is kept under build/fuzz/corpus.

Writes docs/robustness/fuzzing.md: the last result of each target with its date and commit. A target that found something
is listed with its finding, and the campaign fails.

The last line: `fuzz: ok targets=N seconds=N executions=N findings=0`.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import fuzz  # noqa: E402

TABLE = ROOT / "docs" / "robustness" / "fuzzing.md"
HEAD = """# Fuzzing

Made by `./run soak fuzz`. libFuzzer with ASan and UBSan, Clang 16; each row is the last run of that target. The corpus grows
from run to run, so edges are of all runs together. Seeds: `fuzz/seeds`; what a target checks stands in `fuzz/TARGET_fuzz.cpp`.

| target | CPU seconds | executions/s | coverage edges | corpus | findings | date | commit |
|---|---|---|---|---|---|---|---|
"""


def row(outcome: fuzz.Outcome, commit: str) -> str:
    findings = ", ".join(f.name for f in outcome.findings) or "0"
    return (f"| `{outcome.target}` | {outcome.seconds} | {outcome.executions_per_s} | {outcome.edges} | {outcome.corpus} | "
            f"{findings} | {time.strftime('%Y-%m-%d')} | {commit} |")


def record(outcome: fuzz.Outcome) -> None:
    rows = {}
    if TABLE.exists():
        rows = {m[1]: m[0] for m in re.finditer(r"(?m)^\| `(\w+)` \|.*$", TABLE.read_text(encoding="utf-8"))}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    rows[outcome.target] = row(outcome, commit)
    TABLE.write_text(HEAD + "\n".join(rows[name] for name in fuzz.targets() if name in rows) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all of fuzz/")
    parser.add_argument("--seconds", type=int, default=1200, help="for each target (1200)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    options = parser.parse_args()
    unknown = set(options.targets) - set(fuzz.targets())
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are: {', '.join(fuzz.targets())}")
    names = options.targets or fuzz.targets()
    fuzz.build(names)
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in concurrent.futures.as_completed(pool.submit(fuzz.run, name, options.seconds) for name in names):
            outcomes.append(done.result())
            record(outcomes[-1])
            print(fuzz.describe(outcomes[-1]), flush=True)
    findings = sum(len(outcome.findings) for outcome in outcomes)
    executions = sum(outcome.executions_per_s * outcome.seconds for outcome in outcomes)
    good = all(outcome.good for outcome in outcomes)
    print(f"fuzz: {'ok' if good else 'FOUND'} targets={len(outcomes)} seconds={options.seconds} executions={executions} "
          f"findings={findings}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
