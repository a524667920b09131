"""The tool `crashpoint` from Python: traces, points, and runs that end at a point."""
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import queue
import re
import shutil
import subprocess
import time
from typing import Callable

from harness.process import Process

STOPPED = 99
PHASES = ("before", "after", "cut", "cut-data")
#: ways in which a disk fails, with the tool's options; the program goes on
FAULTS = {
    "full": ("--do", "fail", "--error", "ENOSPC", "--lasting"),
    "read-only": ("--do", "fail", "--error", "EROFS", "--lasting"),
    "broken": ("--do", "fail", "--error", "EIO"),
    "short": ("--do", "short"),
}
DISK_WORDS = ("No space left", "Read-only file system", "Input/output error", "free some space", "disk is full",
              "disk I/O error", "readonly database", "check the disk of")
# Leaks are of no interest in a process that is killed, and their check does not work under ptrace.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")}


@dataclasses.dataclass(frozen=True)
class Point:
    """One place to stop at: the k-th call with one label, and how to stop."""
    call: str
    phase: str

    def __str__(self) -> str:
        return f"{self.phase} {self.call}"


@dataclasses.dataclass
class Outcome:
    """What became of the points of one scenario."""
    scenario: str
    known: int  #: points that the trace shows
    asked: int = 0
    held: int = 0
    missed: int = 0  #: the run ended well before it came to the point
    broken: list = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        return (f"{self.scenario}: {self.held} of {self.asked} points held, {len(self.broken)} broken, "
                f"{self.missed} not met, {self.known} known")


class Tool:
    def __init__(self, program: pathlib.Path):
        self.program = program

    def command(self, root: pathlib.Path, command, *options) -> list:
        return [self.program, "--root", root, *options, "--", *command]

    def start(self, root: pathlib.Path, command, log: pathlib.Path, *options, env=None) -> Process:
        root.mkdir(parents=True, exist_ok=True)
        return Process(self.command(root, command, *options), log, {**ENVIRONMENT, **(env or {})})

    def run(self, root: pathlib.Path, command, *options, text: str = "", seconds: float = 60, env=None):
        """Runs a command that ends by itself."""
        root.mkdir(parents=True, exist_ok=True)
        return subprocess.run([str(word) for word in self.command(root, command, *options)], input=text,
                              capture_output=True, text=True, timeout=seconds,
                              env={**os.environ, **ENVIRONMENT, **(env or {})})


def points_of(trace: pathlib.Path, phases=PHASES, most_of_one: int = 3) -> list[Point]:
    """Every call of a trace in each phase; of calls that repeat themselves (pieces of a download) the first few."""
    calls = [line for line in trace.read_text(encoding="utf-8").splitlines()
             if int(line.rsplit("#", 1)[1]) <= most_of_one]
    return [Point(call, phase) for call in calls for phase in phases
            if phase != "short" or call.startswith("write ")]


def spread(points: list[Point], count: int) -> list[Point]:
    """`count` of the points, evenly over calls, and over the phases in turn: the same ones each time."""
    if count >= len(points):
        return points
    of_call: dict[str, list[Point]] = {}
    for point in points:
        of_call.setdefault(point.call, []).append(point)
    calls = list(of_call.values())
    chosen = (calls[index * len(calls) // count] for index in range(count))
    return [ways[index % len(ways)] for index, ways in enumerate(chosen)]


def try_points(outcome: Outcome, points: list[Point], lanes: list[Callable[[Point], bool]],
               states: list[pathlib.Path] = (), broken: pathlib.Path | None = None) -> None:
    """Tries each point in the lane that is free; a lane says whether the run came to the point, and raises when a
    promise did not hold. What a broken point left in its lane's state is copied to the folder `broken`."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for point in points:
        waiting.put(point)
    outcome.asked = len(points)

    def work(number: int) -> None:
        while True:
            try:
                point = waiting.get_nowait()
            except queue.Empty:
                return
            begun = time.monotonic()
            try:
                met = lanes[number](point)
                outcome.held += met
                outcome.missed += not met
                word = "held" if met else "not met"
            except Exception as error:  # noqa: BLE001  (whatever it is, the point is broken)
                outcome.broken.append(f"{outcome.scenario}: {point}: {type(error).__name__}: {error}")
                word = f"BROKEN: {error}"
                if broken:
                    copy_state(states[number], broken / f"{len(outcome.broken)}-{outcome.scenario.replace(' ', '-')}")
            print(f"{outcome.scenario}: {point}: {word} ({time.monotonic() - begun:.1f} s)", flush=True)

    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        for worker in [pool.submit(work, number) for number in range(len(lanes))]:
            worker.result()


def copy_state(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """A copy in which hard links to blobs stay hard links."""
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", source, target], check=True)
    return target


def names_in(folder: pathlib.Path) -> collections.Counter:
    """What lies in a state folder, without what differs between runs: to find leftovers."""
    found = collections.Counter()
    for path in folder.rglob("*"):
        if path.is_dir() and path.parent.name == "blobs":
            continue  # which of them there are, and how many, depends on the digests
        name = "/".join(stable(part) for part in path.relative_to(folder).parts)
        found[name] += 1
    return found


def stable(name: str) -> str:
    words = []
    for word in name.split("."):
        if re.fullmatch(r"[0-9a-f]{62}|[0-9a-f]{64}", word):
            word = "#"
        words.append(re.sub(r"(.*-)[0-9a-v]{20}$", r"\1*", word))
    return ".".join(words)
