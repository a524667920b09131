"""A crowd of agents keeps the limits that the hub sets, and wastes nothing of what they allow."""
import collections
import os
import pathlib
import random
import signal
import socket
import threading
import time

import pytest

from harness.fleet import Fleet
from harness.wait import wait_until

AGENTS = 60
MODEL_BYTES = 200_000
RATE = 2_000_000
CONCURRENT = 8
# On a busy machine a stalled proxy reads late what came in time; without the limit it would be a hundred times the rate.
WINDOW_SLACK = 2.0


class CountingProxy:
    """A TCP proxy that notes when how many bytes came from the hub: what leaves the origin, seen from outside."""

    def __init__(self, target: tuple[str, int]):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.seen: list[tuple[float, int]] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            hub = socket.create_connection(self.target)
            threading.Thread(target=self.copy, args=(client, hub, False), daemon=True).start()
            threading.Thread(target=self.copy, args=(hub, client, True), daemon=True).start()

    def copy(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(65536):
                if counted:
                    with self.lock:
                        self.seen.append((time.monotonic(), len(data)))
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def busiest(self, window_s: float, since: float) -> int:
        """The most bytes within any window of that length."""
        with self.lock:
            seen = [entry for entry in self.seen if entry[0] >= since]
        window: collections.deque = collections.deque()
        most = total = 0
        for at, size in seen:
            window.append((at, size))
            total += size
            while window[0][0] <= at - window_s:
                total -= window.popleft()[1]
            most = max(most, total)
        return most

    def close(self) -> None:
        self.listener.close()


def gauge(hub, name: str) -> float:
    for line in hub.api("GET", "/metrics")[2].decode().splitlines():
        if line.split(" ")[0] == name:
            return float(line.split(" ")[1])
    return 0.0


class Sampler:
    """Reads one of the hub's gauges again and again."""

    def __init__(self, hub, name: str):
        self.hub, self.name = hub, name
        self.most = 0.0
        self.samples = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.stopping.is_set():
            self.most = max(self.most, gauge(self.hub, self.name))
            self.samples += 1

    def stop(self) -> float:
        self.stopping.set()
        self.thread.join()
        return self.most


@pytest.fixture()
def limited(fresh_site):
    return fresh_site({"transfers.bytes_per_second": RATE, "transfers.max_concurrent": CONCURRENT, "log.level": "warn"})


def program(folder: pathlib.Path, version: int) -> pathlib.Path:
    """A bundle that no delta makes smaller."""
    target = folder / f"v{version}"
    target.mkdir()
    body = b"#!/bin/sh\nexit 0\n#" + random.Random(version).randbytes(MODEL_BYTES)
    (target / "model.bin").write_bytes(body)
    (target / "model.bin").chmod(0o755)
    return target


def push(hub, folder, version: int) -> None:
    hub.cli("push", program(folder, version), "--package", "crowd", "--version", f"{version}.0.0", "--kind", "process",
            "--entry", "model.bin")


def through_proxy(fleet: Fleet, proxy: CountingProxy) -> None:
    """Agents that are enrolled call the proxy instead of the hub."""
    for name in fleet.names():
        file = fleet.folder / name / "identity" / "hub.json"
        file.write_text(file.read_text(encoding="utf-8").replace(f":{port_of(fleet.hub)}", f":{proxy.port}"), encoding="utf-8")


def port_of(hub) -> str:
    return hub.url.rsplit(":", 1)[1]


def test_downloads_keep_rate_and_number_and_finish_in_time(limited, tmp_path):
    hub = limited.hub
    fleet = Fleet(hub, AGENTS).start()
    fleet.stop()
    proxy = CountingProxy(("127.0.0.1", int(port_of(hub))))
    through_proxy(fleet, proxy)
    fleet.start()
    try:
        push(hub, tmp_path, 1)
        sent_before = gauge(hub, "strandline_download_bytes_total")
        sampler = Sampler(hub, "strandline_downloads_running")
        start = time.monotonic()
        hub.cli("deploy", "crowd@1.0.0", "--to", "all", "--soak", 0)
        fleet.wait_active("crowd@1.0.0", 120)
        span = time.monotonic() - start
        most_running = sampler.stop()
    finally:
        summary = fleet.stop()
        proxy.close()
    sent = gauge(hub, "strandline_download_bytes_total") - sent_before
    assert summary["releases"] == {"crowd@1.0.0": AGENTS}
    # Each file went out once: nobody was cut off or had to start over.
    assert AGENTS * MODEL_BYTES <= sent <= AGENTS * (MODEL_BYTES + 100)
    assert sampler.samples >= 20
    assert 1 <= most_running <= CONCURRENT
    # Exact, however busy the machine: all of it may not take less time than the rate allows.
    assert span >= sent / RATE - 0.2, "faster than the rate allows"
    assert proxy.busiest(1.0, start) <= RATE * WINDOW_SLACK


def test_who_waits_is_told_when_and_asks_no_more_than_that(limited, tmp_path):
    hub = limited.hub
    fleet = Fleet(hub, AGENTS).start()
    try:
        push(hub, tmp_path, 1)
        hub.cli("deploy", "crowd@1.0.0", "--to", "all", "--soak", 0)
        fleet.wait_active("crowd@1.0.0", 120)
    finally:
        fleet.stop()
    # 12 MB at 2 MB/s are 6 s: most wait with an open request, a few are sent away once.
    assert gauge(hub, "strandline_downloads_deferred_total") <= AGENTS


def test_a_spread_window_is_used_and_kept(limited, tmp_path):
    hub = limited.hub
    fleet = Fleet(hub, AGENTS).start()
    try:
        push(hub, tmp_path, 1)
        hub.cli("deploy", "crowd@1.0.0", "--to", "all", "--soak", 0, "--spread", 4000)
        line = fleet.wait_active("crowd@1.0.0", 120)
    finally:
        fleet.stop()
    # From the first to the last start of sixty uniform ones.
    assert float(line["spread_s"]) >= 2.0


def test_every_agent_comes_back_after_the_broker_is_killed(fresh_site):
    site = fresh_site({"mqtt.reconnect_window_ms": 3000, "log.level": "warn"})
    fleet = Fleet(site.hub, AGENTS, options=["--mqtt-only"]).start()
    try:
        os.kill(site.hub.broker_pid(), signal.SIGKILL)
        line = fleet.wait_line("^reconnected ", 60)
        wait_until(lambda: site.hub.api("GET", "/v1/status")[2]["devices"]["online"] == AGENTS, "all online again", 30)
    finally:
        summary = fleet.stop()
    assert summary["losses"] == AGENTS
    assert int(line["connections"]) == AGENTS
    # Spread over the window that the hub announced: sixty uniform waits up to 3 s.
    assert float(line["last_s"]) >= 1.5
