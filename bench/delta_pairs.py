#!/usr/bin/env python3
"""Deltas of model files beside general tools, in the same run: size, processor time and memory.

usage: delta_pairs.py [--corpus DIR] [--mb N] [--only TEXT] [--repeat N] [--no-report]

Beside bsdiff, xdelta3, zstd --patch-from and hdiffz, as far as they are installed, and xz of the whole new file. The
corpus holds pairs of real model files (DIR/NAME/old and new) and, next to it, the generator of controlled pairs
make_finetunes.py; without it only the project's own models are measured. Every delta is applied and compared. Sizes are
exact. Speeds are new bytes by processor time, medians; memory is the peak of the process that applies, as seen every 2 ms.

Writes bench/delta-pairs.md and its picture bench/delta-pairs.svg.
"""
import argparse
import dataclasses
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import chart
import kit

LEAF = kit.ROOT / "build" / "models" / "leaf"
CORPUS = kit.ROOT.parent / "shared" / "corpus" / "delta"
# Below, a delta is all metadata, and a mean of ratios would say how large a header is.
LEAST_MEAN_BYTES = 10_000
OWN = "strandline"
# Memory is looked at so often: what grows only in the last moments is missed.
LOOK_EVERY_S = 0.002


@dataclasses.dataclass(frozen=True)
class Tool:
    name: str
    make: list  # of the command, with OLD, NEW, PATCH and OUT to be put in
    apply: list


TOOLS = [
    Tool(OWN, [kit.BIN / "strandline", "delta", "make", "OLD", "NEW", "PATCH"],
         [kit.BIN / "strandline", "delta", "apply", "OLD", "PATCH", "OUT"]),
    Tool("bsdiff", ["bsdiff", "OLD", "NEW", "PATCH"], ["bspatch", "OLD", "OUT", "PATCH"]),
    Tool("xdelta3 -9 lzma", ["xdelta3", "-q", "-f", "-e", "-9", "-S", "lzma", "-B", "1073741824", "-s", "OLD", "NEW", "PATCH"],
         ["xdelta3", "-q", "-f", "-d", "-B", "1073741824", "-s", "OLD", "PATCH", "OUT"]),
    Tool("zstd -19 --patch-from", ["zstd", "-q", "-f", "-19", "--long=30", "--patch-from=OLD", "NEW", "-o", "PATCH"],
         ["zstd", "-q", "-f", "-d", "--long=30", "--patch-from=OLD", "PATCH", "-o", "OUT"]),
    Tool("hdiffz lzma2", ["hdiffz", "-f", "-m-6", "-SD", "-c-lzma2-9-16m", "OLD", "NEW", "PATCH"],
         ["hpatchz", "-f", "OLD", "PATCH", "OUT"]),
    Tool("xz -9, whole file", ["sh", "-c", "xz -9 -k -c \"$1\" > \"$2\"", "sh", "NEW", "PATCH"],
         ["sh", "-c", "xz -d -c \"$1\" > \"$2\"", "sh", "PATCH", "OUT"]),
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one tool made of one pair."""
    size: int
    make_mb_s: float
    apply_mb_s: float
    apply_rss: int


@dataclasses.dataclass
class Row:
    name: str
    new_bytes: int
    real: bool
    outcomes: dict  # of tools by name

    def ratio(self, tool: str) -> float:
        return self.outcomes[tool].size / self.new_bytes

    def best_peer(self) -> str:
        return min((name for name in self.outcomes if name != OWN), key=lambda name: self.outcomes[name].size)


def run(command, **files) -> tuple[float, int]:
    """Processor seconds and peak memory in bytes of a command that must succeed."""
    words = [str(word) for word in command]
    for name, path in files.items():
        words = [word.replace(name, str(path)) if word in (name, f"--patch-from={name}") else word for word in words]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
        peak = 0
        while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            peak = max(peak, peak_bytes(child.pid))
            time.sleep(LOOK_EVERY_S)
        child.returncode = os.waitstatus_to_exitcode(ended[1])
        if child.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"delta: {' '.join(words)} failed: {errors.read().decode(errors='replace').strip()}")
    return ended[2].ru_utime + ended[2].ru_stime, peak


def peak_bytes(process: int) -> int:
    """Largest memory of a process so far. Its rusage would be that of the process that started it, if that had more."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def measure(tool: Tool, old: pathlib.Path, new: pathlib.Path, folder: pathlib.Path, repeat: int) -> Outcome:
    patch, out = folder / "patch", folder / "out"
    size = new.stat().st_size
    making, applying, memory = [], [], 0
    for _ in range(repeat):
        making.append(run(tool.make, OLD=old, NEW=new, PATCH=patch)[0])
        seconds, rss = run(tool.apply, OLD=old, PATCH=patch, OUT=out)
        applying.append(seconds)
        memory = max(memory, rss)
    if subprocess.run(["cmp", "-s", new, out]).returncode != 0:
        raise SystemExit(f"delta: {tool.name} does not give {new} again")
    out.unlink()

    def speed(times):
        return size / 1e6 / max(statistics.median(times), 1e-3)

    return Outcome(patch.stat().st_size, speed(making), speed(applying), memory)


def pairs(corpus: pathlib.Path, generated: pathlib.Path, megabytes: float):
    """(name, old file, new file, whether somebody really trained it) of what is here."""
    yield "leaf, trained further", LEAF / "leaf-1.0.0" / "model.onnx", LEAF / "leaf-1.1.0" / "model.onnx", True
    yield "leaf, exported again", LEAF / "leaf-1.1.0" / "model.onnx", LEAF / "leaf-1.1.1" / "model.onnx", True
    if not corpus.exists():
        print(f"delta: no corpus in {corpus}, so only the project's own models are measured (--corpus DIR)")
        return
    for folder in sorted(p for p in corpus.iterdir() if (p / "old").exists()):
        yield folder.name, folder / "old", folder / "new", True
    if megabytes == 0:
        return
    generator = corpus.parent / "make_finetunes.py"
    if not generator.exists():
        print(f"delta: no {generator}, so controlled pairs are left out")
        return
    print(f"delta: making controlled pairs of {megabytes} MB", flush=True)
    subprocess.run([sys.executable, generator, "--corpus", corpus, "--out", generated, "--mb", str(megabytes)],
                   check=True, stderr=subprocess.DEVNULL)
    for folder in sorted(generated.iterdir()):
        yield f"made: {folder.name}", folder / "old.safetensors", folder / "new.safetensors", False


def geometric_gain(rows, peer_of) -> float:
    """How many times larger the peers' deltas are, as a geometric mean."""
    gains = [row.outcomes[peer_of(row)].size / row.outcomes[OWN].size for row in rows]
    return math.exp(statistics.fmean(map(math.log, gains))) if gains else math.nan


def summary(rows) -> str:
    large = [row for row in rows if row.real and row.outcomes[row.best_peer()].size > LEAST_MEAN_BYTES]
    lines = [f"Geometric mean over the {len(large)} real pairs whose deltas are above {LEAST_MEAN_BYTES // 1000} KB: "
             f"{geometric_gain(large, Row.best_peer):.2f} times smaller than the best other tool of each pair"]
    if large and all("bsdiff" in row.outcomes for row in large):
        lines[0] += f", {geometric_gain(large, lambda row: 'bsdiff'):.2f} times smaller than bsdiff"
    return lines[0] + ".\n\n"


def report(rows, names) -> str:
    sizes = [[row.name, str(row.new_bytes), *(f"{row.ratio(name):.4f}" if row.ratio(name) >= 0.001
                                              else f"{row.outcomes[name].size} B" for name in names),
              f"{row.outcomes[row.best_peer()].size / row.outcomes[OWN].size:.2f}"] for row in rows]
    speeds = []
    for row in rows:
        best = row.outcomes
        speeds.append([row.name, *(f"{best[name].make_mb_s:.1f} / {best[name].apply_mb_s:.0f} / {best[name].apply_rss >> 20}"
                                   for name in names)])
    text = kit.heading("Deltas of model files") + summary(rows)
    text += "![sizes and speeds](delta-pairs.svg)\n\nSize of the delta by that of the new file; last, the best other tool by ours:\n\n"
    text += kit.table(["pair", "new bytes", *names, "gain"], sizes)
    text += "\nMaking in MB/s / applying in MB/s / peak memory of applying in MiB:\n\n"
    return text + kit.table(["pair", *names], speeds) + "\n" + __doc__.split("\n\n")[2] + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, default=CORPUS)
    parser.add_argument("--mb", type=float, default=32, help="size of controlled pairs (32); 0: none, only real models")
    parser.add_argument("--only", default="", help="pairs whose name holds this")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-report", action="store_true", help="leave bench/delta-pairs.md as it is")
    options = parser.parse_args()
    tools = [tool for tool in TOOLS if shutil.which(str(tool.make[0]))]
    absent = [tool.name for tool in TOOLS if tool not in tools]
    names = [tool.name for tool in tools]
    if absent:
        print(f"delta: not installed, so left out: {', '.join(absent)}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="strandline-delta-") as scratch:
        folder = pathlib.Path(scratch)
        for name, old, new, real in pairs(options.corpus, folder / "made", options.mb):
            if options.only not in name:
                continue
            rows.append(Row(name, new.stat().st_size, real,
                            {tool.name: measure(tool, old, new, folder, options.repeat) for tool in tools}))
            own, peer = rows[-1].outcomes[OWN], rows[-1].best_peer()
            print(f"  {name:32} {rows[-1].ratio(OWN):.4f}  best other {rows[-1].ratio(peer):.4f} ({peer})  "
                  f"{own.make_mb_s:.1f} / {own.apply_mb_s:.0f} MB/s  {own.apply_rss >> 20} MiB", flush=True)
    if not rows:
        raise SystemExit(f"delta: no pair's name holds {options.only!r}")
    print(summary(rows).strip())
    if not options.no_report:
        (kit.ROOT / "bench" / "delta-pairs.md").write_text(report(rows, names), encoding="utf-8")
        (kit.ROOT / "bench" / "delta-pairs.svg").write_text(chart.of_deltas(rows, OWN), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
