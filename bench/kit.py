"""What the benchmarks that start real programs share: reports, CPU time, memory."""
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
BIN = ROOT / "build" / "release" / "bin"
sys.path.insert(0, str(ROOT / "tests"))


def heading(title: str) -> str:
    """First lines of a report: what, where, when, and of which commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return (f"# {title}\n\n{os.cpu_count()} cores, {platform.machine()}, {time.strftime('%Y-%m-%d')}, commit {commit}. "
            f"Made by `./run bench`.\n\n")


def table(columns, rows) -> str:
    """Markdown; every cell is text already."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def require(programs) -> None:
    """Ends the benchmark when a program is missing. `programs` is {name: Debian package}."""
    missing = {name: package for name, package in programs.items() if not shutil.which(name)}
    if missing:
        raise SystemExit(f"bench: {', '.join(missing)} is not installed; apt-get install {' '.join(sorted(set(missing.values())))}")


def cpu_seconds(pids) -> float:
    """User and system time so far of whole processes, threads that ended included."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, int]:
    """{"rss", "anonymous", "file"} in bytes."""
    keys = {"VmRSS": "rss", "RssAnon": "anonymous", "RssFile": "file"}
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name in keys:
            found[keys[name]] = int(value.split()[0]) * 1024
    return found
