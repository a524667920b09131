#!/usr/bin/env python3
"""Runs libFuzzer targets with ASan and UBSan on their committed seeds.

usage: fuzz.py [TARGET|all] [SECONDS]      (default: all, 60 seconds each)

What is learnt stays in build/fuzz/corpus, inputs that break something go to build/fuzz/findings. A seed that a
finding becomes belongs in fuzz/seeds/TARGET; words of a format in fuzz/dictionaries/TARGET.dict.
"""
import dataclasses
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "fuzz"
FINDINGS = BUILD / "findings"


@dataclasses.dataclass
class Outcome:
    target: str
    seconds: int  # of processor time
    executions_per_s: int
    edges: int
    corpus: int
    findings: list[pathlib.Path]
    log: pathlib.Path

    @property
    def good(self) -> bool:
        return not self.findings and self.executions_per_s > 0


def targets() -> list[str]:
    return sorted(file.name.removesuffix("_fuzz.cpp") for file in (ROOT / "fuzz").glob("*_fuzz.cpp"))


def build(names: list[str]) -> None:
    if not shutil.which("clang++-16"):
        sys.exit("fuzz: clang++-16 is missing; install the packages clang-16 and libclang-rt-16-dev")
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wanted = [f"{name}_fuzz" for name in names]
    subprocess.run(["cmake", "--build", "--preset", "fuzz", "--target", *wanted, "--", "--quiet"], cwd=ROOT, check=True)


def run(target: str, seconds: int) -> Outcome:
    """Fuzzes one target until it has had so many seconds of a processor, or something broke.

    A busy machine gives less than one processor, so libFuzzer, which counts time on the wall, is started as often as needed.
    """
    corpus = BUILD / "corpus" / target
    for folder in (corpus, FINDINGS):
        folder.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{target}.log"
    before = set(FINDINGS.glob(f"{target}-*"))
    options = ["-timeout=20", "-report_slow_units=20", "-rss_limit_mb=2048", f"-artifact_prefix={FINDINGS}/{target}-"]
    dictionary = ROOT / "fuzz" / "dictionaries" / f"{target}.dict"
    if dictionary.exists():
        options.append(f"-dict={dictionary}")
    seeds = ROOT / "fuzz" / "seeds" / target
    folders = [str(corpus), *([str(seeds)] if seeds.exists() else [])]
    code, used = 0, 0.0
    with open(log, "w", encoding="utf-8") as out:
        while code == 0 and used < seconds:
            child = subprocess.Popen([str(BUILD / "bin" / f"{target}_fuzz"), f"-max_total_time={math.ceil(seconds - used)}",
                                      *options, *folders], stdout=out, stderr=out, env={**os.environ, "TMPDIR": "/dev/shm"})
            _, status, usage = os.wait4(child.pid, 0)
            code = child.returncode = os.waitstatus_to_exitcode(status)
            used += usage.ru_utime + usage.ru_stime
    found = sorted(set(FINDINGS.glob(f"{target}-*")) - before)
    if code != 0 and not found:
        found = [log]
    return outcome_of(target, round(used), log, found)


def outcome_of(target: str, seconds: int, log: pathlib.Path, found: list[pathlib.Path]) -> Outcome:
    text = log.read_text(encoding="utf-8", errors="replace")
    edges = re.findall(r"\bcov: (\d+)", text)
    corpus = re.findall(r"\bcorp: (\d+)", text)
    rate = sum(map(int, re.findall(r"Done (\d+) runs in", text))) // max(1, seconds)
    return Outcome(target, seconds, rate, int(edges[-1]) if edges else 0, int(corpus[-1]) if corpus else 0, found, log)


def describe(outcome: Outcome) -> str:
    if outcome.findings:
        return (f"fuzz: {outcome.target} FOUND {', '.join(str(f.relative_to(ROOT)) for f in outcome.findings)}; "
                f"log: {outcome.log.relative_to(ROOT)}")
    return f"fuzz: {outcome.target} {outcome.executions_per_s} executions/s, {outcome.edges} edges, no finding"


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "all"
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    if name != "all" and name not in targets():
        print(f"fuzz: no target {name}; there are: {', '.join(targets())}", file=sys.stderr)
        return 2
    names = targets() if name == "all" else [name]
    build(names)
    good = True
    for each in names:
        outcome = run(each, seconds)
        print(describe(outcome), flush=True)
        good = good and outcome.good
    print("fuzz: ok" if good else "fuzz: something was found")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
