#!/usr/bin/env python3
"""Releases roll out over a bad network of the kernel's own: packets lost, a thin and slow line, a line that is down.

Runs in a network namespace of its own (unshare), so that only its loopback device suffers: nftables drops packets at
random, the token bucket of tc makes it slow. Hub, broker, agents and command line all talk over it. Each condition
begins in the middle of a transfer; the devices must answer inference all the time, and end up with the release.

The last line: `network: ok conditions=N devices=N dropped=N inferences=N seconds=N`.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.leaf import LEAF_SHAPE  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.wait import wait_until  # noqa: E402

PATIENT = {"transfer.retry_cap_ms": 1000, "transfer.low_speed_bytes_per_second": 0, "hub.poll_interval_s": 5,
           "hub.report_interval_s": 5}
INSIDE = "STRANDLINE_BAD_NETWORK"


@dataclasses.dataclass
class Condition:
    name: str
    loss_percent: int = 0
    kbit: int = 0  # 0 is no limit
    down_s: float = 0


CONDITIONS = (
    Condition("5 % loss", loss_percent=5),
    Condition("20 % loss", loss_percent=20),
    Condition("1 Mbit/s with a queue of 400 ms", kbit=1000),
    Condition("down for 5 s", kbit=4000, down_s=5),
    Condition("10 % loss at 2 Mbit/s, down for 2 s", loss_percent=10, kbit=2000, down_s=2),
)


def run(*command) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


class Network:
    """The loopback device of this namespace."""

    def __init__(self):
        run("ip", "link", "set", "lo", "up")
        run("nft", "add", "table", "inet", "faults")
        run("nft", "add", "chain", "inet", "faults", "in", "{ type filter hook input priority 0; }")
        self.dropped = 0

    def become(self, condition: Condition) -> None:
        if condition.kbit:
            run("tc", "qdisc", "replace", "dev", "lo", "root", "tbf", "rate", f"{condition.kbit}kbit", "burst", "70kb",
                "latency", "400ms")
        if condition.loss_percent:
            run("nft", "add", "rule", "inet", "faults", "in", "numgen", "random", "mod", "100", "<",
                condition.loss_percent, "counter", "drop")

    def mend(self) -> None:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], capture_output=True, check=False)
        counted = re.findall(r"packets (\d+)", run("nft", "list", "chain", "inet", "faults", "in"))
        self.dropped += sum(map(int, counted))
        run("nft", "flush", "chain", "inet", "faults", "in")

    def cut(self, seconds: float) -> None:
        """Nothing passes for that long; connections stay open, as when a cable is out."""
        run("nft", "insert", "rule", "inet", "faults", "in", "drop")
        time.sleep(seconds)
        run("nft", "delete", "rule", "inet", "faults", "in", "handle", self._newest_handle())

    @staticmethod
    def _newest_handle() -> str:
        rules = json.loads(run("nft", "--json", "list", "chain", "inet", "faults", "in"))["nftables"]
        return str(max(entry["rule"]["handle"] for entry in rules if "rule" in entry))


class Campaign:
    def __init__(self, options, folder: pathlib.Path):
        self.options, self.folder = options, folder
        self.leaf = options.models / "leaf"
        self.image = (self.leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()
        self.network = Network()
        self.site = Site(options.bin, folder / "site")
        self.inferences = self.number = 0

    def push(self) -> str:
        self.number += 1
        bundle = self.folder / f"bundle{self.number}"
        shutil.copytree(self.leaf / "leaf-1.0.0", bundle)
        (bundle / f"payload{self.number}.bin").write_bytes(os.urandom(self.options.payload))
        version = f"1.0.{self.number}"
        self.site.push(bundle, version)
        return version

    def infer(self, agent) -> str:
        self.inferences += 1
        version, outputs = agent.client().infer("leaf", "image", LEAF_SHAPE, self.image)
        assert outputs["probs"][2] > 0.5, "the leaf has rust"
        return version

    def converge(self, version: str, seconds: float) -> None:
        for agent in self.site.agents:
            wait_until(lambda a=agent: self.infer(a) == version, f"{agent.name} serves {version}", seconds)

    def begin(self) -> None:
        for number in range(self.options.devices):
            self.site.agent(f"far-{number}", PATIENT)
        self.site.deploy(f"leaf@{self.push()}", "all")

    def order(self, version: str) -> str:
        """The deployment's id."""
        return self.site.hub.cli_json("deploy", f"leaf@{version}", "--to", "all", "--soak", 0)["id"]

    def suffer(self, condition: Condition) -> None:
        version = self.push()
        if not condition.down_s:
            order = self.order(version)
            self.network.become(condition)
        else:
            # The line must be slow before the transfer begins, to go down in the middle of it.
            self.network.become(condition)
            order = self.order(version)
            wait_until(lambda: any(f.stat().st_size > 0 for a in self.site.agents for f in (a.state / "staging").iterdir()),
                       "a transfer has begun", 60)
            self.network.cut(condition.down_s)
        self.converge(version, 180)
        self.network.mend()
        wait_until(lambda: self.site.hub.deployment(order)["state"] == "succeeded", "the hub knows", 60)


def campaign(options) -> str:
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        work = Campaign(options, pathlib.Path(name))
        try:
            work.begin()
            for condition in CONDITIONS[:options.conditions]:
                since = time.monotonic()
                work.suffer(condition)
                print(f"{condition.name}: {time.monotonic() - since:.0f} s", flush=True)
            if work.network.dropped == 0:
                raise RuntimeError("no packet was dropped, so nothing was tested")
            return (f"network: ok conditions={options.conditions} devices={options.devices} dropped={work.network.dropped} "
                    f"inferences={work.inferences} seconds={time.monotonic() - start:.0f}")
        finally:
            work.network.mend()
            work.site.close()


def in_own_namespace() -> int:
    """Runs this program again where it may break the network; in a user namespace unless it is root already."""
    kind = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]
    return subprocess.run(["unshare", *kind, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"}).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "dev" / "bin")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "models")
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--payload", type=int, default=1_000_000, help="bytes that each release adds")
    parser.add_argument("--conditions", type=int, default=len(CONDITIONS))
    options = parser.parse_args()
    if INSIDE not in os.environ:
        return in_own_namespace()
    try:
        print(campaign(options))
    except (AssertionError, TimeoutError, RuntimeError) as broken:
        print(f"network: failed: {broken}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
