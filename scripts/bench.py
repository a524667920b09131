#!/usr/bin/env python3
"""Benchmarks against named alternatives, in the same run; results go to bench/.

usage: bench.py [delta] [micro] [http] [footprint] [rollout] [herd] [reconnect]      (all by default)

delta  size and CPU time of deltas for real model pairs, beside zstd --patch-from, xz of the whole
       file, and bsdiff and xdelta3 where they are installed
http   the hub's HTTP server beside nginx (bench/http_bench.py)
footprint  memory and start-up time of the programs (bench/footprint.py)
micro  the Google Benchmark programs beside the code: medians of 5
rollout, herd, reconnect  fleets of agents: bench/NAME.py --help
"""
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from kit import heading  # noqa: E402  (found by the line above)

BIN = ROOT / "build" / "release" / "bin"
CORPUS = ROOT.parent / "shared" / "corpus" / "delta"
LEAF = ROOT / "build" / "models" / "leaf"


def cpu_seconds(command) -> float:
    """CPU time of a finished child; its failure ends the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs():
    """(name, old file, new file) of what is here."""
    yield "leaf, trained further", LEAF / "leaf-1.0.0" / "model.onnx", LEAF / "leaf-1.1.0" / "model.onnx"
    yield "leaf, exported again", LEAF / "leaf-1.1.0" / "model.onnx", LEAF / "leaf-1.1.1" / "model.onnx"
    if CORPUS.exists():
        for folder in sorted(p for p in CORPUS.iterdir() if (p / "old").exists()):
            yield folder.name, folder / "old", folder / "new"
    else:
        print(f"skipped: {CORPUS} is not here, so only our own models are measured")


def tools(old, new, out):
    """{name: (command, result file)} of what is installed."""
    found = {"strandline": [BIN / "strandline", "delta", "make", old, new, out],
             "zstd -19 --patch-from": ["zstd", "-q", "-f", "-19", "--long=27", f"--patch-from={old}", new, "-o", out],
             "bsdiff": ["bsdiff", old, new, out],
             "xdelta3 -9": ["xdelta3", "-q", "-f", "-e", "-9", "-S", "lzma", "-s", old, new, out]}
    return {name: command for name, command in found.items() if name == "strandline" or shutil.which(str(command[0]))}


def bench_delta() -> None:
    rows = []
    names = list(tools("", "", ""))
    print(f"delta: measuring {', '.join(names)}")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "patch"
        for name, old, new in pairs():
            full = new.stat().st_size
            cells = [name, f"{full}"]
            for tool, command in tools(old, new, out).items():
                seconds = cpu_seconds(command)
                cells.append(f"{out.stat().st_size / full:.4f} ({seconds:.2f} s)")
                if tool == "strandline":
                    again = pathlib.Path(folder) / "again"
                    subprocess.run([BIN / "strandline", "delta", "apply", old, out, again], check=True,
                                   stdout=subprocess.DEVNULL)
                    if again.read_bytes() != new.read_bytes():
                        raise SystemExit(f"{name}: the delta does not give the new file")
                out.unlink()
            rows.append(cells)
            print("  " + "  ".join(cells), flush=True)
    table = "| pair | bytes | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 2) + "|\n"
    table += "".join("| " + " | ".join(cells) + " |\n" for cells in rows)
    note = "Each cell: size of the delta divided by the new file, and CPU seconds to make it.\n\n"
    (ROOT / "bench" / "delta-pairs.md").write_text(heading("Deltas of real model pairs") + note + table, encoding="utf-8")


def bench_micro() -> None:
    configured = subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, stdout=subprocess.DEVNULL)
    if configured.returncode != 0:
        raise SystemExit("bench: configuring failed; run ./run build")
    listed = subprocess.run(["ninja", "-C", "build/release", "-t", "targets", "all"], cwd=ROOT, capture_output=True, text=True)
    programs = sorted({line.split(":")[0].removeprefix("bin/") for line in listed.stdout.splitlines()
                       if line.startswith("bin/") and line.split(":")[0].endswith("_bench")})
    subprocess.run(["cmake", "--build", "build/release", "--target", *programs], cwd=ROOT, check=True)
    for program in programs:
        print(f"micro: {program}", flush=True)
        done = subprocess.run([BIN / program, "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true"],
                              capture_output=True, text=True, check=True)
        medians = "\n".join(line for line in done.stdout.splitlines() if "_median" in line or line.startswith("Benchmark"))
        name = program.removesuffix("_bench")
        (ROOT / "bench" / f"micro-{name}.md").write_text(heading(f"Microbenchmarks of {name}") + f"```\n{medians}\n```\n",
                                                         encoding="utf-8")


def build(*targets) -> None:
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cmake", "--build", "build/release", "--target", *targets], cwd=ROOT, check=True)


def bench_script(name: str, *targets: str) -> None:
    if targets:
        build(*targets)
    subprocess.run([sys.executable, ROOT / "bench" / f"{name}.py"], check=True)


def main() -> int:
    steps = {"delta": bench_delta, "micro": bench_micro,
             "http": lambda: bench_script("http_bench", "serve_folder"),
             "footprint": lambda: bench_script("footprint"),
             **{name: lambda name=name: bench_script(name, "strandline-fleet") for name in ("rollout", "herd", "reconnect")}}
    wanted = sys.argv[1:] or list(steps)
    unknown = [w for w in wanted if w not in steps]
    if unknown:
        print(f"bench: unknown benchmark {', '.join(unknown)}; there are {', '.join(steps)}", file=sys.stderr)
        return 2
    for name in wanted:
        steps[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
