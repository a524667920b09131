#!/usr/bin/env python3
"""Every fuzz target for a while, several at a time; what they learn is kept under build/fuzz/corpus.

Works in turns of a few minutes until each target has had its time of a processor, and writes docs/robustness/fuzzing.md
after each: how long each target has run in all, and what it found. A campaign that was cut off goes on where it was;
--anew begins again, as after a change of what is fuzzed. It fails when a target found something.

The last line: `fuzz: ok targets=N seconds=N findings=0`.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import fuzz  # noqa: E402

TABLE = ROOT / "docs" / "robustness" / "fuzzing.md"
HEAD = """# Fuzzing

Made by `./run soak fuzz`. libFuzzer with ASan and UBSan, Clang 16. Seeds: `fuzz/seeds`; what a target checks stands in
`fuzz/TARGET_fuzz.cpp`. Seconds are of a processor, in all turns together; the rest is of the last turn.

| target | CPU seconds | executions/s | coverage edges | corpus | findings | date | commit |
|---|---|---|---|---|---|---|---|
"""


class Table:
    """The written results, and how long each target has run."""

    def __init__(self):
        text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
        self._rows = {m[1]: m[0] for m in re.finditer(r"(?m)^\| `(\w+)` \|.*$", text)}
        self._lock = threading.Lock()

    def seconds(self, target: str) -> int:
        return int(self._rows[target].split("|")[2]) if target in self._rows else 0

    def forget(self, targets) -> None:
        for target in targets:
            self._rows.pop(target, None)

    def add(self, outcome: fuzz.Outcome) -> None:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        # Those of earlier turns too, until somebody has mended and removed them.
        kept = {*outcome.findings, *fuzz.FINDINGS.glob(f"{outcome.target}-*")}
        findings = ", ".join(sorted(f.name for f in kept)) or "0"
        with self._lock:
            self._rows[outcome.target] = (
                f"| `{outcome.target}` | {self.seconds(outcome.target) + outcome.seconds} | {outcome.executions_per_s} | "
                f"{outcome.edges} | {outcome.corpus} | {findings} | {time.strftime('%Y-%m-%d')} | {commit} |")
            TABLE.write_text(HEAD + "\n".join(self._rows[name] for name in fuzz.targets() if name in self._rows) + "\n",
                             encoding="utf-8")


def work(target: str, table: Table, wanted: int, turn: int) -> bool:
    """One turn of a target; false when it found something."""
    outcome = fuzz.run(target, min(turn, wanted - table.seconds(target)))
    table.add(outcome)
    print(f"{fuzz.describe(outcome)} ({table.seconds(target)} s in all)", flush=True)
    return outcome.good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all of fuzz/")
    parser.add_argument("--seconds", type=int, default=1200, help="of a processor for each target, in all (1200)")
    parser.add_argument("--turn", type=int, default=240, help="seconds at a time (240)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--anew", action="store_true", help="count from zero")
    options = parser.parse_args()
    unknown = set(options.targets) - set(fuzz.targets())
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are: {', '.join(fuzz.targets())}")
    names = options.targets or fuzz.targets()
    fuzz.build(names)
    table = Table()
    if options.anew:
        table.forget(names)
    broken: set[str] = set()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        while waiting := [n for n in names if n not in broken and table.seconds(n) < options.seconds]:
            turns = {n: pool.submit(work, n, table, options.seconds, options.turn) for n in waiting}
            broken |= {name for name, turn in turns.items() if not turn.result()}
    print(f"fuzz: {'FOUND in ' + ', '.join(sorted(broken)) if broken else 'ok'} targets={len(names)} "
          f"seconds={options.seconds} findings={len(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
