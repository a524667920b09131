#!/usr/bin/env python3
"""Every check of the project, in order: lint, unit tests, the second decoder of deltas, black-box tests (with the demo).

usage: test.py [lint] [unit] [reference] [system]      (all of them by default)

The build under test is `dev`: Debug with ASan and UBSan. The last line counts:
`N passed, N failed, N skipped`.
"""
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build" / "dev"
STEPS = ("lint", "unit", "reference", "system")


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.broken: list[str] = []

    def check(self, name: str, good: bool) -> bool:
        if good:
            self.passed += 1
        else:
            self.failed += 1
            self.broken.append(name)
        return good


def say(text: str) -> None:
    print(f"\n== {text} ({time.strftime('%H:%M:%S')})", flush=True)


def run(*command, **options) -> bool:
    return subprocess.run([str(c) for c in command], cwd=ROOT, **options).returncode == 0


def lint(count: Count) -> None:
    say("lint")
    for check in ("layers", "coroutines", "sizes"):
        count.check(f"lint {check}", run("/usr/bin/python3", f"tests/lint/check_{check}.py"))
    count.check("lint cases", run("/usr/bin/python3", "scripts/cases.py", "--check"))
    count.check("lint format", run("/usr/bin/python3", "scripts/lint.py", "--format"))
    count.check("lint self-test", run("/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/lint"))


def build(preset: str, count: Count) -> bool:
    say(f"build {preset}")
    return count.check(f"build {preset}", run("./run", "build", preset))


def unit(count: Count) -> None:
    if not build("dev", count):
        return
    say("unit tests")
    log = BUILD / "unit.log"
    with open(log, "w", encoding="utf-8") as file:
        run("ctest", "--preset", "dev", "-j2", "--verbose", stdout=file, stderr=subprocess.STDOUT,
            env={**os.environ, "CTEST_OUTPUT_ON_FAILURE": "1"})
    text = log.read_text(encoding="utf-8", errors="replace")
    passed = sum(map(int, re.findall(r"(?m)^\d+: \[  PASSED  \] (\d+) test", text)))
    # ctest repeats what failed without its line numbers; only numbered lines count.
    failed = sum(map(int, re.findall(r"(?m)^\d+: \[  FAILED  \] (\d+) test", text)))
    skipped = sum(map(int, re.findall(r"(?m)^\d+: \[  SKIPPED \] (\d+) test", text)))
    # A crashed or timed-out test program prints no summary; ctest knows.
    crashed = [name for name in re.findall(r"Test\s+#\d+: (\S+) .*\*\*\*", text)
               if f"{name}" not in count.broken and failed == 0]
    count.passed += passed
    count.failed += failed + len(crashed)
    count.skipped += skipped
    count.broken += sorted(set(re.findall(r"(?m)^\d+: \[  FAILED  \] ([^\s,]+\.[^\s,]+)$", text))) + crashed
    print(f"unit: {passed} passed, {failed + len(crashed)} failed, {skipped} skipped (log: {log.relative_to(ROOT)})")
    for line in re.findall(r"\d+: (\[  SKIPPED \].*|skipped: .*)", text)[:20]:
        print(f"  {line}")
    if failed or crashed or passed == 0:
        count.check("unit tests ran", passed > 0)
        print("\n".join(re.findall(r"(?m)^\d+: (?:.*(?:Failure|ERROR: AddressSanitizer|runtime error).*(?:\n\d+:.*){0,12})", text))[-6000:])


def pytest(count: Count, folder: str, report: pathlib.Path, *options: str) -> None:
    """All tests of a folder; what they print is shown and kept."""
    with subprocess.Popen(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs", folder, *options],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        text = ""
        for line in child.stdout:
            text += line
            print(line, end="", flush=True)
    report.write_text(text, encoding="utf-8")
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|errors|skipped)", text.splitlines()[-1])}
    count.passed += found.get("passed", 0)
    count.failed += found.get("failed", 0) + found.get("error", 0) + found.get("errors", 0)
    count.skipped += found.get("skipped", 0)
    count.broken += re.findall(r"(?m)^(?:FAILED|ERROR) (\S+)", text)
    if not found:
        count.check(f"{folder} ran", False)


def reference(count: Count) -> None:
    say("second decoder of deltas")
    BUILD.mkdir(parents=True, exist_ok=True)
    pytest(count, "tests/reference", BUILD / "reference.log")


def system(count: Count) -> None:
    if not build("dev", count) or not count.check("demo models", run("./run", "models")):
        return
    say("black-box tests")
    pytest(count, "tests/system", BUILD / "system.log", "--bin", str(BUILD / "bin"), "--durations=12", "--timeout=600", "-n", "3",
           "--dist", "loadfile")


def main() -> int:
    wanted = sys.argv[1:] or list(STEPS)
    unknown = set(wanted) - set(STEPS)
    if unknown:
        print(f"test: unknown step {', '.join(unknown)}; use {' '.join(STEPS)}", file=sys.stderr)
        return 2
    start = time.monotonic()
    count = Count()
    for step in STEPS:
        if step in wanted:
            globals()[step](count)
    say(f"done in {(time.monotonic() - start) / 60:.1f} min")
    for name in count.broken:
        print(f"failed: {name}")
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
