#!/usr/bin/env python3
"""A hub, a broker and a line that go wrong at random while releases roll out to a device; it must never serve anything bad.

Each round orders a release while some share of all answers is wrong, connections are cut, and the line is bad; then the
faults end, and the device must run the release, byte for byte. All the time it must answer inference.

The last line: `faults: ok rounds=N faults=N cuts=N inferences=N rss_growth_mb=N seed=N seconds=N`. The same seed makes
the same faults, though not at the same moments.
"""
import argparse
import pathlib
import random
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.bad_line import BadLine, Quality  # noqa: E402
from harness.http_faults import FAULTS  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.victim import Victim  # noqa: E402

MAX_GROWTH = 64 << 20
ENDLESS = {"endless_body", "endless_error", "endless_head"}  # they would only measure this machine


class Broken(Exception):
    """A promise that did not hold."""


class Chaos:
    """A rule that answers a share of all requests wrongly."""

    def __init__(self, source: random.Random, share: float):
        self.source, self.share, self.count = source, share, 0
        self.faults = [fault for _, fault, _ in FAULTS if fault.__name__ not in ENDLESS]

    def __call__(self, exchange):
        if self.source.random() > self.share:
            return None
        self.count += 1
        fault = self.source.choice(self.faults)
        # Faults bend the real answer, and only downloads have one that they can bend.
        is_download = exchange.target.startswith(("/v1/blobs/", "/v1/deltas/"))
        return fault(exchange) if is_download else exchange.reset()


def bad_quality(source: random.Random) -> Quality:
    return Quality(delay_s=source.choice((0, 0.02, 0.1)), loss=source.choice((0, 0.02, 0.1)),
                   bytes_per_second=source.choice((0, 100_000, 400_000)), cut_after=source.choice((0, 0, 30_000)))


class Campaign:
    def __init__(self, options, folder: pathlib.Path):
        self.options, self.source = options, random.Random(options.seed)
        self.image = (options.models / "leaf" / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()
        self.site = Site(options.bin, folder / "site")
        self.victim = Victim(self.site, options.models / "leaf", folder / "bundles",
                             settings={"transfer.low_speed_bytes_per_second": 1000})
        self.line = BadLine(self.victim.hub.listener.port, seed=options.seed)
        self.broker = BadLine(int(self.site.hub.info["mqtt_port"]), seed=options.seed)
        self.faults = self.inferences = 0

    def close(self) -> None:
        for part in (self.line, self.broker, self.victim, self.site):
            part.close()

    def start(self) -> None:
        self.victim.agent.stop()
        self.victim.agent.go_through(hub_url=f"https://127.0.0.1:{self.line.port}", mqtt_port=self.broker.port).start()

    def round(self) -> str:
        """The release that was rolled out, and how many answers were wrong."""
        chaos = Chaos(self.source, self.source.uniform(0.1, 0.9))
        self.victim.hub.misbehave(chaos)
        self.line.quality = self.broker.quality = bad_quality(self.source)
        old = self.victim.version
        new = self.victim.order()
        until = time.monotonic() + self.options.hold
        while time.monotonic() < until:
            self.ask(old, new)
        self.victim.hub.calm()
        self.line.quality = self.broker.quality = Quality()
        self.victim.converges(120)
        self.faults += chaos.count
        return f"{new} with {chaos.count} faults"

    def ask(self, *allowed: str) -> None:
        answered = self.victim.serves(self.image)
        if answered not in allowed:
            raise Broken(f"{answered} serves, and none of {', '.join(allowed)}")
        self.inferences += 1
        if self.source.random() < 0.1:
            self.line.cut_all()
            self.broker.cut_all()


def run(options) -> str:
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        campaign = Campaign(options, pathlib.Path(name))
        try:
            campaign.start()
            before = campaign.victim.agent.rss_bytes()
            for number in range(options.rounds):
                print(f"round {number + 1}: {campaign.round()}", flush=True)
            grown = campaign.victim.agent.rss_bytes() - before
            if grown > MAX_GROWTH:
                raise Broken(f"memory grew by {grown >> 20} MiB")
            return (f"faults: ok rounds={options.rounds} faults={campaign.faults} cuts={campaign.line.cuts} "
                    f"inferences={campaign.inferences} rss_growth_mb={grown / 1e6:.1f} seed={options.seed} "
                    f"seconds={time.monotonic() - start:.0f}")
        finally:
            campaign.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "dev" / "bin")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "models")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--hold", type=float, default=3.0, help="seconds of faults in each round")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        print(run(options))
    except (Broken, AssertionError, TimeoutError, RuntimeError) as broken:
        print(f"faults: failed seed={options.seed}: {broken}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
