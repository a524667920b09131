#!/usr/bin/env python3
"""Long campaigns, too long for every change: each runs until it ends, its last line is kept.

usage: soak.py [NAME [OPTION...]]      (all of them by default; names are the files of tests/soak)

Results go to docs/robustness/results.md: one row per campaign, with date and commit. A campaign that
fails leaves its row alone, so that the table never claims more than was seen, and the exit code is 1.
"""
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
CAMPAIGNS = ROOT / "tests" / "soak"
RESULTS = ROOT / "docs" / "robustness" / "results.md"
HEAD = """# Last results of the long campaigns

Made by `./run soak`; each row is the last line of a campaign that ended well.

| campaign | last line | date | commit |
|---|---|---|---|
"""


def campaigns() -> dict[str, pathlib.Path]:
    return {file.stem: file for file in sorted(CAMPAIGNS.iterdir()) if file.suffix in (".py", ".sh")}


def run(name: str, file: pathlib.Path, options: list[str]) -> str | None:
    """The campaign's last line; None when it failed. What it prints is shown as it comes."""
    print(f"\n== {name} ({time.strftime('%H:%M:%S')})", flush=True)
    program = ["/usr/bin/python3", "-u"] if file.suffix == ".py" else ["sh"]
    last = ""
    with subprocess.Popen([*program, str(file), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return last if child.returncode == 0 else None


def record(name: str, last: str) -> None:
    rows = {}
    if RESULTS.exists():
        rows = {m[1]: m[0] for m in re.finditer(r"(?m)^\| `([\w-]+)` \|.*$", RESULTS.read_text(encoding="utf-8"))}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    rows[name] = f"| `{name}` | {last.replace('|', '/')} | {time.strftime('%Y-%m-%d')} | {commit} |"
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(HEAD + "\n".join(rows[key] for key in sorted(rows)) + "\n", encoding="utf-8")


def main() -> int:
    known = campaigns()
    name, options = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else (None, [])
    if name is not None and name not in known:
        print(f"soak: no campaign {name}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = []
    for each in [name] if name else known:
        last = run(each, known[each], options)
        if last is None:
            failed.append(each)
        else:
            record(each, last)
    print(f"soak: {'failed: ' + ', '.join(failed) if failed else 'ok'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
