#!/usr/bin/env python3
"""Speed of a rollout: 50 real agents that serve the model, and 1,000 light agents that verify it.

usage: rollout.py [--agents N] [--light N] [--runs N] [--bin DIR]

Every run pushes the next version of a 1 MB classifier, trained further, to a real hub with its own
broker. The clock starts when the deploy call is made, with the upload complete; no delta is built
yet. It stops

- for real agents (one process each, ONNX Runtime, self-test in a child) when the last one serves
  the new version; each is then asked for an inference, which must come from that version;
- for light agents (the real agent's state machine without an engine, many in one process) when the
  last one has patched its file, proved the signed hash and switched.

Beside it, in the same run: curl fetches the whole file from the same hub over TLS and sha256sum
checks it, as many times, as many at once as the agents are: no delta, no signature, no test.
"""
import argparse
import datetime
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import kit  # noqa: E402
import better_models  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.hub import Hub  # noqa: E402
from harness.wait import wait_until  # noqa: E402

HUB_SETTINGS = {"log.level": "warn", "http.max_queued_work": 10_000, "enrolment.attempts_per_minute": 1_000_000, "mqtt.poll_interval_ms": 300_000}
STAGES = ("hub", "broker", "devices")


class Bench:
    def __init__(self, arguments, folder: pathlib.Path, name: str):
        self.arguments = arguments
        self.hub = Hub(arguments.bin, folder / name, HUB_SETTINGS).start()
        self.devices = pathlib.Path(tempfile.mkdtemp(prefix="strandline-devices-", dir="/dev/shm"))
        (self.hub.folder / "agents").symlink_to(self.devices)
        self.versions = better_models.make_versions(folder / f"models-{name}", arguments.runs + 1)
        self.pids: list[int] = []
        self.latest = ""
        self.running = [self.hub]

    def stop(self) -> None:
        for started in reversed(self.running):
            started.stop()
        shutil.rmtree(self.devices, ignore_errors=True)

    def push(self, version: pathlib.Path) -> None:
        self.latest = version.name
        self.hub.cli("push", version, "--package", "pattern", "--version", version.name)

    def deploy(self) -> tuple[float, str]:
        """(unix time of the call, deployment id)"""
        body = {"package": "pattern", "version": self.latest, "to": {"all": True}, "soak": {"duration_ms": 0}}
        start = time.time()
        status, _, answer = self.hub.api("POST", "/v1/deployments", body)
        if status != 201:
            raise SystemExit(f"rollout: the hub refused the deployment: {answer}")
        return start, answer["id"]

    def finished(self, deployment: str) -> float:
        """Unix time at which the hub knew that all succeeded."""
        def over():
            state = self.hub.deployment(deployment + "?limit=1")["state"]
            if state not in ("running", "succeeded"):
                raise SystemExit(f"rollout: deployment {deployment} is {state}")
            return state == "succeeded"
        wait_until(over, "the deployment to succeed", 300)
        return time.time()

    def cpu(self) -> dict[str, float]:
        return {"hub": kit.cpu_seconds([self.hub.process.pid]), "broker": kit.cpu_seconds([self.hub.broker_pid()]),
                "devices": sum(cpu_with_children(pid) for pid in self.pids)}

    def curl_seconds(self, count: int) -> float:
        """Wall time of `count` full downloads and hash checks, as many at once as the agents."""
        file = self.hub.api("GET", f"/v1/releases/pattern@{self.latest}:default")[2]["files"]
        model = next(f for f in file if f["path"] == "model.onnx")
        target = self.hub.folder / "curl"
        target.mkdir(exist_ok=True)
        script = (f"curl -sSf --retry 5 --cacert {self.hub.ca_file} -H @{target}/header -o {target}/$1 {self.hub.url}/v1/blobs/{model['sha256']}"
                  f' && echo "{model["sha256"]}  {target}/$1" | sha256sum -c --quiet')
        (target / "header").write_text(f"Authorization: Bearer {self.hub.token}\n", encoding="utf-8")
        start = time.monotonic()
        subprocess.run(["xargs", "-P", str(min(count, 50)), "-n", "1", "sh", "-c", script, "sh"], check=True,
                       input="\n".join(map(str, range(count))), text=True)
        return time.monotonic() - start

    def run(self, count: int, wait_last) -> dict:
        """`wait_last(version)` answers the unix time at which the last device had it."""
        self.push(self.versions.pop(0))
        before = self.cpu()
        start, deployment = self.deploy()
        last = wait_last(self.latest)
        known = self.finished(deployment)
        after = self.cpu()
        row = {"last": last - start, "known": known - start, "curl": self.curl_seconds(count)}
        row.update({name: after[name] - before[name] for name in STAGES})
        totals = self.hub.deployment(deployment + "?limit=1")["totals"]
        row["share"] = totals["bytes_received"] / max(totals["bytes_full"], 1)
        return row


def cpu_with_children(pid: int) -> float:
    """The same as kit.cpu_seconds with the children that have ended: self-tests."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / 100


def real_agents(bench: Bench, count: int) -> list[dict]:
    token = bench.hub.cli("token", "create", "--uses", count).strip()
    agents = [Agent(bench.hub, f"edge-{i + 1}") for i in range(count)]

    def join(part) -> None:
        for agent in part:
            bench.running.append(agent.enroll(token).start())

    threads = [threading.Thread(target=join, args=(agents[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.hub.wait_online(*(a.name for a in agents))
    bench.pids = [a.process.pid for a in agents]

    def wait_last(version: str) -> float:
        times = [serving_since(agent, version) for agent in agents]
        signal = (bench.hub.folder.parent / f"models-{bench.hub.folder.name}" / version / "signal.bin").read_bytes()
        for agent in agents:
            answered, _ = agent.client().infer("pattern", "signal", better_models.SHAPE, signal)
            if answered != version:
                raise SystemExit(f"rollout: {agent.name} answers with {answered} instead of {version}")
        return max(times)

    return measure(bench, count, wait_last)


def serving_since(agent: Agent, version: str) -> float:
    """Unix time of the log line that says that the version serves."""
    line = agent.process.line_with(f"version={version} serving=true", 120)
    stamp = line.split()[0].removesuffix("Z")
    return datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.timezone.utc).timestamp()


def light_agents(bench: Bench, count: int) -> list[dict]:
    fleet = Fleet(bench.hub, count, options=["--threads", bench.arguments.threads, "--parallel", 32],
                  folder=bench.devices)
    bench.running.append(fleet)
    fleet.start(600)
    bench.pids = [fleet.process.pid]

    def wait_last(version: str) -> float:
        return int(fleet.wait_active(f"pattern@{version}", 300)["unix_ms"]) / 1000

    return measure(bench, count, wait_last)


def measure(bench: Bench, count: int, wait_last) -> list[dict]:
    bench.run(count, wait_last)  # the first model comes whole
    rows = []
    while bench.versions:
        rows.append(bench.run(count, wait_last))
        print("  " + "  ".join(f"{key}={value:.3f}" for key, value in rows[-1].items()), flush=True)
    return rows


def cells(name: str, count: int, target: float, rows: list[dict]) -> list[str]:
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    worst = max(row["last"] for row in rows)
    return [name, str(count), f"{middle['last']:.2f} ({worst:.2f})", f"{target:g}", f"{middle['known']:.2f}", f"{middle['curl']:.2f}",
            f"{middle['last'] / middle['curl']:.2f}", f"{middle['share']:.3f}",
            *(f"{middle[stage] * 1000 / count:.1f}" for stage in STAGES)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--light", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="event loops of the light agents")
    parser.add_argument("--bin", type=pathlib.Path, default=kit.BIN)
    parser.add_argument("--dry", action="store_true", help="write no report")
    arguments = parser.parse_args()
    kit.require({"curl": "curl"})
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-rollout-"))
    table_rows = []
    kinds = [("real agents, serving", arguments.agents, 3, real_agents), ("light agents, verified", arguments.light, 20, light_agents)]
    try:
        for name, count, target, measured in kinds:
            if count == 0:
                continue
            print(f"rollout: {count} {name}", flush=True)
            bench = Bench(arguments, folder, name.split()[0])
            try:
                table_rows.append(cells(name, count, target, measured(bench, count)))
            finally:
                bench.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    columns = ["devices", "number", "last device s, median (worst)", "aim s", "hub knows s", "curl + sha256sum s", "ratio",
               "bytes / full", "CPU ms a device: hub", "broker", "device"]
    text = kit.table(columns, table_rows)
    print(text)
    if not arguments.dry:
        note = (f"Median of {arguments.runs}. {__doc__.split(chr(10) * 2, 2)[2].strip()}\n\n"
                "The hub is on the machine's disk. The devices' folders are in memory, since in the field they share no disk; "
                "\"device\" includes the self-test's child.\n\n")
        (kit.ROOT / "bench" / "rollout.md").write_text(kit.heading("Speed of a rollout") + note + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
