#!/usr/bin/env python3
"""Benchmarks against named alternatives, in the same run; results go to bench/.

usage: bench.py [delta] [micro] [http] [footprint] [rollout] [herd] [reconnect]      (all by default)

delta  deltas of model files beside general tools (bench/delta_pairs.py)
http   the hub's HTTP server beside nginx (bench/http_bench.py)
footprint  memory and start-up time of the programs (bench/footprint.py)
micro  the Google Benchmark programs beside the code: medians of 5
rollout, herd, reconnect  fleets of agents: bench/NAME.py --help
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from kit import heading  # noqa: E402  (found by the line above)

BIN = ROOT / "build" / "release" / "bin"


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
    steps = {"delta": lambda: bench_script("delta_pairs", "strandline"), "micro": bench_micro,
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
