#!/usr/bin/env python3
"""Reconnect storm: thousands of clients lose their broker at the same moment.

usage: reconnect.py [--clients N] [--window MS] [--runs N] [--bin DIR] [--dry]

A real hub with its own mosquitto, and the broker connections of that many light agents, each over
TLS 1.3 with its own certificate, from a few processes. The broker is killed with SIGKILL; the hub
starts it again. Reported are the time from the kill to the last client's return, how many came in
the busiest second, and the CPU of the hub while it happens, in cores, once a second.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import kit  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.hub import Hub  # noqa: E402
from harness.wait import wait_until  # noqa: E402


def online(hub: Hub) -> int:
    return hub.api("GET", "/v1/status")[2]["devices"]["online"]


def storm(hub: Hub, fleets: list[Fleet], clients: int, number: int) -> dict:
    """One kill of the broker, until everybody is back and the hub knows it."""
    os.kill(hub.broker_pid(), signal.SIGKILL)
    killed = time.time()
    cores: list[float] = []
    before, since = kit.cpu_seconds([hub.process.pid]), time.monotonic()
    while any(len(fleet.lines("^reconnected ")) < number for fleet in fleets):
        if time.time() - killed > 300:
            last = "\n".join(fleet.process.output()[-300:] for fleet in fleets)
            raise SystemExit(f"reconnect: not everybody came back:\n{last}")
        time.sleep(1)
        now, at = kit.cpu_seconds([hub.process.pid]), time.monotonic()
        cores.append((now - before) / (at - since))
        before, since = now, at
    lines = [fleet.lines("^reconnected ")[number - 1] for fleet in fleets]
    wait_until(lambda: online(hub) == clients, "the hub to know all of them", 120)
    return {"last": max(int(line["unix_ms"]) for line in lines) / 1000 - killed, "median": max(float(line["median_s"]) for line in lines),
            "busiest": sum(int(line["busiest_second"]) for line in lines), "tries": sum(int(line["connections"]) for line in lines), "median_cores": statistics.median(cores), "most_cores": max(cores),
            "rss": kit.memory(hub.process.pid)["rss"], "broker_rss": kit.memory(hub.broker_pid())["rss"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--window", type=int, default=30_000, help="announced reconnect window, ms")
    parser.add_argument("--processes", type=int, default=2, help="that share the clients")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bin", type=pathlib.Path, default=kit.BIN)
    parser.add_argument("--dry", action="store_true", help="write no report")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-reconnect-", dir="/dev/shm"))
    hub = Hub(arguments.bin, folder, {"mqtt.reconnect_window_ms": arguments.window, "log.level": "warn",
                                      "enrolment.attempts_per_minute": 1_000_000}).start()
    each = arguments.clients // arguments.processes
    clients = each * arguments.processes
    fleets = [Fleet(hub, each, f"light{i}", options=["--mqtt-only", "--parallel", 64]) for i in range(arguments.processes)]
    rows = []
    summaries = []
    try:
        print(f"reconnect: enrolling {clients} clients", flush=True)
        for fleet in fleets:
            fleet.start(1200)
        for number in range(1, arguments.runs + 1):
            rows.append(storm(hub, fleets, clients, number))
            print("  " + "  ".join(f"{key}={value:.2f}" for key, value in rows[-1].items()), flush=True)
    finally:
        summaries = [fleet.stop() for fleet in fleets if fleet.process]
        hub.stop()
        shutil.rmtree(folder, ignore_errors=True)
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    text = kit.table(["clients", "window s", "lost", "last back s", "half back s", "most in one second", "even share",
                      "hub cores, median", "most", "hub RSS MB", "broker RSS MB", "memory of a client kB"],
                     [[str(clients), f"{arguments.window / 1000:g}", str(clients - sum(s["online"] for s in summaries)),
                       f"{middle['last']:.1f}", f"{middle['median']:.1f}", f"{middle['busiest']:.0f}",
                       f"{clients * 1000 / arguments.window:.0f}", f"{middle['median_cores']:.2f}",
                       f"{middle['most_cores']:.2f}", f"{middle['rss'] / 1e6:.0f}", f"{middle['broker_rss'] / 1e6:.0f}",
                       f"{sum(s['peak_memory_bytes'] for s in summaries) / clients / 1000:.0f}"]])
    print(text)
    if not arguments.dry:
        note = f"Median of {arguments.runs} kills. {__doc__.split(chr(10) * 2, 2)[2].strip()}\n\n"
        (kit.ROOT / "bench" / "reconnect.md").write_text(kit.heading("Reconnect storm") + note + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
