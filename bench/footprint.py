#!/usr/bin/env python3
"""Memory and start-up time of the programs, idle and after many requests.

usage: footprint.py [--bin DIR] [--idle SECONDS] [--requests N] [--no-report] [PROGRAM...]

Memory is the resident set (VmRSS): it counts what is shared with other processes too, such as libraries. The hub's
includes its broker, a child process. PROGRAM is one of those in PROGRAMS below; all of them by default. With some,
the rows of the others stay in bench/footprint.md as they are.
"""
import argparse
import http.client
import os
import pathlib
import ssl
import statistics
import tempfile
import time

import kit
from harness.agent import Agent
from harness.config import write_toml
from harness.hub import Hub
from harness.process import Process
from harness.wait import wait_until

MIB = 1 << 20
REPORT = kit.ROOT / "bench" / "footprint.md"
STARTS = 5


def mebibytes(size: float) -> str:
    return f"{size / MIB:.1f} MiB"


class HubFigures:
    """The hub with its broker."""

    def __init__(self, arguments, folder: pathlib.Path):
        self.arguments = arguments
        self.folder = folder

    def new_hub(self, name: str):
        return Hub(self.arguments.bin, self.folder / name)

    @staticmethod
    def started(hub) -> float:
        """Seconds from the start of the process to its line "ready"."""
        begun = time.monotonic()
        config = hub.folder / "strandline.toml"
        process = Process([hub.bin / "strandlined", "--config", config], hub.folder / "timed.log")
        while "ready url=" not in process.output():
            if not process.running() or time.monotonic() > begun + 60:
                raise SystemExit(f"footprint: the hub did not start:\n{process.output()}")
            time.sleep(0.001)
        span = time.monotonic() - begun
        process.stop()
        return span

    def start_up(self):
        fresh = []
        for number in range(STARTS):
            hub = self.new_hub(f"fresh{number}")
            write_toml(hub.folder / "strandline.toml", {"hub.state": str(hub.state), **hub.settings})
            fresh.append(self.started(hub))
        again = [self.started(hub) for _ in range(STARTS)]
        return statistics.median(fresh), statistics.median(again)

    @staticmethod
    def memory(hub) -> int:
        return sum(kit.memory(pid)["rss"] for pid in (hub.process.pid, hub.broker_pid()))

    @staticmethod
    def send(hub, path: str, count: int) -> None:
        """Requests one after the other on one connection."""
        host, _, port = hub.url.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=str(hub.ca_file))
        connection = http.client.HTTPSConnection(host, int(port), timeout=60, context=context)
        for _ in range(count):
            connection.request("GET", path, headers={"Authorization": f"Bearer {hub.token}"})
            connection.getresponse().read()
        connection.close()

    def rows(self):
        fresh, again = self.start_up()
        yield "start-up, new state folder", f"{fresh * 1e3:.0f} ms", f"median of {STARTS}, to the line `ready`"
        yield "start-up, existing state folder", f"{again * 1e3:.0f} ms", f"median of {STARTS}"
        hub = self.new_hub("hub").start()
        try:
            time.sleep(self.arguments.idle)
            idle = self.memory(hub)
            broker = kit.memory(hub.broker_pid())["rss"]
            yield (f"memory, {self.arguments.idle} s idle", mebibytes(idle),
                   f"hub {mebibytes(idle - broker)}, mosquitto {mebibytes(broker)}; goal 60 MB together")
            blob = os.urandom(1_000_000)
            digest = hub.api("POST", "/v1/blobs", blob)[2]["sha256"]
            kinds = ["/healthz", "/v1/whoami", "/v1/status", "/v1/devices", "/v1/releases", "/v1/deployments", "/metrics",
                     "/v1/audit", "/v1/nothing", f"/v1/blobs/{digest}"]
            for path in kinds:
                self.send(hub, path, max(1, 1000 // len(kinds)))
            after = self.memory(hub)
            yield "memory, after 1,000 requests of 10 kinds", mebibytes(after), f"{mebibytes(after - idle)} more than idle"
            many = self.arguments.requests
            for path in kinds:
                before = self.memory(hub)
                self.send(hub, path, many)
                now = self.memory(hub)
                yield f"memory, after {many} x GET {path[:20]}", mebibytes(now), f"{mebibytes(now - before)} more than before"
        finally:
            hub.stop()


class AgentFigures:
    """An agent without engine, with a program in a slot and its broker connection, and one with ONNX Runtime and a model."""

    LEAF = kit.ROOT / "build" / "models" / "leaf" / "leaf-1.0.0"

    def __init__(self, arguments, folder: pathlib.Path):
        self.arguments = arguments
        self.folder = folder

    def program(self) -> pathlib.Path:
        bundle = self.folder / "keeper"
        bundle.mkdir()
        (bundle / "run.sh").write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 60 & wait $!; done\n", encoding="utf-8")
        (bundle / "run.sh").chmod(0o755)
        return bundle

    def idle(self, hub, name: str, package: str, settings) -> int:
        """Resident bytes after the release is in use and a while has passed."""
        agent = Agent(hub, name, settings).enroll().start()
        try:
            hub.wait_online(name)
            hub.cli("deploy", f"{package}@1.0.0", "--to", f"device:{name}", "--soak", 0, "--wait", "--timeout", 60)
            wait_until(lambda: agent.slot(package).get("state") == "idle", f"{name} is done", 60)
            time.sleep(self.arguments.idle)  # the figure is of that moment; nothing is waited for
            return kit.memory(agent.process.pid)["rss"]
        finally:
            agent.stop()

    def rows(self):
        hub = Hub(self.arguments.bin, self.folder / "hub").start()
        try:
            hub.cli("push", self.program(), "--package", "keeper", "--version", "1.0.0", "--kind", "process", "--entry", "run.sh")
            hub.cli("push", self.LEAF, "--package", "leaf", "--version", "1.0.0")
            bare = self.idle(hub, "bare", "keeper", {"engine.library": "/nonexistent"})
            yield (f"memory without engine, {self.arguments.idle} s idle after an update", mebibytes(bare),
                   "a program in its slot, broker connected; goal 12 MB, aim 8 MB")
            yield f"memory with ONNX Runtime and a 0.1 MB model, {self.arguments.idle} s idle", mebibytes(self.idle(hub, "full", "leaf", {})), ""
        finally:
            hub.stop()


PROGRAMS = {"hub": HubFigures, "agent": AgentFigures}


def former_rows() -> dict[str, list[list[str]]]:
    """Rows of the last report, by program."""
    found: dict[str, list[list[str]]] = {}
    if REPORT.exists():
        for line in REPORT.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| ") and cells[0] in PROGRAMS:
                found.setdefault(cells[0], []).append(cells)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="*", choices=[*PROGRAMS, []], metavar="PROGRAM")
    parser.add_argument("--bin", type=pathlib.Path, default=kit.BIN)
    parser.add_argument("--idle", type=int, default=60, help="seconds to wait before memory is read")
    parser.add_argument("--requests", type=int, default=10_000, help="of each kind")
    parser.add_argument("--no-report", action="store_true", help="leave bench/footprint.md as it is")
    arguments = parser.parse_args()
    rows = former_rows()
    for name in arguments.program or PROGRAMS:
        rows[name] = []
        with tempfile.TemporaryDirectory(prefix="strandline-footprint-") as folder:
            for what, figure, note in PROGRAMS[name](arguments, pathlib.Path(folder)).rows():
                rows[name].append([name, what, figure, note])
                print(f"footprint: {name}: {what}: {figure} ({note})", flush=True)
    if arguments.no_report:
        return
    text = kit.heading("Memory and start-up time") + "Release build; memory is the resident set. `bench/footprint.py` says how.\n\n"
    text += kit.table(["program", "what", "measured", "notes"], [row for name in PROGRAMS for row in rows.get(name, [])])
    REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
