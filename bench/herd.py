#!/usr/bin/env python3
"""Herd control: how well a crowd of downloads keeps the hub's limits, and how much it wastes.

usage: herd.py [--agents N] [--rate BYTES] [--concurrent N] [--size BYTES] [--bin DIR] [--dry]

Light agents get a bundle that no delta makes smaller, from a hub whose download rate and number of
concurrent downloads are limited. Measured are the time from the deploy call to the last device that
has verified it, beside the ideal bytes / rate; the hub's own count of bytes, second by second; and
the most downloads at once.
"""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import kit  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.hub import Hub  # noqa: E402


class Watch:
    """Reads the hub's metrics ten times a second."""

    def __init__(self, hub: Hub):
        self.hub = hub
        self.samples: list[tuple[float, dict]] = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.stopping.wait(0.1):
            text = self.hub.api("GET", "/metrics")[2].decode()
            pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("strandline_download"))
            self.samples.append((time.monotonic(), {name: float(value) for name, value in pairs}))

    def stop(self) -> list[tuple[float, dict]]:
        self.stopping.set()
        self.thread.join()
        return self.samples


def busiest_rate(samples, name: str) -> float:
    """The most bytes a second over any window of at least one second."""
    best = 0.0
    first = 0
    for at, values in samples:
        while first + 1 < len(samples) and samples[first + 1][0] <= at - 1.0:
            first += 1
        if at - samples[first][0] >= 1.0:
            best = max(best, (values.get(name, 0) - samples[first][1].get(name, 0)) / (at - samples[first][0]))
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=10_000_000)
    parser.add_argument("--concurrent", type=int, default=16)
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--bin", type=pathlib.Path, default=kit.BIN)
    parser.add_argument("--dry", action="store_true", help="write no report")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-herd-", dir="/dev/shm"))
    hub = Hub(arguments.bin, folder, {"transfers.bytes_per_second": arguments.rate, "transfers.max_concurrent": arguments.concurrent,
                                      "http.max_queued_work": 10_000, "log.level": "warn",
                                      "enrolment.attempts_per_minute": 1_000_000}).start()
    fleet = Fleet(hub, arguments.agents, options=["--parallel", 64])
    try:
        fleet.start(1200)
        bundle = folder / "bundle"
        bundle.mkdir()
        (bundle / "model.bin").write_bytes(b"#!/bin/sh\n#" + random.Random(1).randbytes(arguments.size))
        hub.cli("push", bundle, "--package", "crowd", "--version", "1.0.0", "--kind", "process", "--entry", "model.bin")
        watch = Watch(hub)
        cpu = kit.cpu_seconds([hub.process.pid])
        start = time.time()
        hub.cli("deploy", "crowd@1.0.0", "--to", "all", "--soak", 0)
        span = int(fleet.wait_active("crowd@1.0.0", 1200)["unix_ms"]) / 1000 - start
        cpu = kit.cpu_seconds([hub.process.pid]) - cpu
        samples = watch.stop()
    finally:
        if fleet.process:
            fleet.stop()
        hub.stop()
        shutil.rmtree(folder, ignore_errors=True)
    last = samples[-1][1]
    sent = last["strandline_download_bytes_total"]
    ideal = sent / arguments.rate
    most = max(values.get("strandline_downloads_running", 0) for _, values in samples)
    text = kit.table(["agents", "rate MB/s", "at once", "MB", "ideal s", "last device s", "ratio", "most at once", "busiest second / rate",
                      "sent away and back", "hub CPU s"],
                     [[str(arguments.agents), f"{arguments.rate / 1e6:g}", str(arguments.concurrent), f"{sent / 1e6:.1f}", f"{ideal:.1f}",
                       f"{span:.1f}", f"{span / ideal:.2f}", f"{most:.0f}",
                       f"{busiest_rate(samples, 'strandline_download_paced_bytes_total') / arguments.rate:.2f}",
                       f"{last.get('strandline_downloads_deferred_total', 0):.0f}", f"{cpu:.1f}"]])
    print(text)
    if not arguments.dry:
        note = (f"{__doc__.split(chr(10) * 2, 2)[2].strip()}\n\nAll state is in memory, so that no disk is in the way. "
                "`tests/system/test_herd.py` counts the bytes outside the hub, in a proxy.\n\n")
        (kit.ROOT / "bench" / "herd.md").write_text(kit.heading("Herd control") + note + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
