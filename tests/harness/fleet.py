"""Many light agents in one process: the load tool strandline-fleet (bench/fleet)."""
import json
import re

from .hub import Hub
from .process import Process
from .wait import wait_until


class Fleet:
    """`count` agents named PREFIX-00001 and so on; `options` are further command-line words."""

    def __init__(self, hub: Hub, count: int, prefix: str = "light", options=(), folder=None):
        self.hub = hub
        self.count = count
        self.prefix = prefix
        self.options = list(options)
        self.folder = folder or hub.folder / f"fleet-{prefix}"
        self.process: Process | None = None
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, seconds: float = 120) -> "Fleet":
        """Enrols those that are not yet, starts all, and waits until the broker knows each."""
        token = self.folder / "join.token"
        if not token.exists():
            token.write_text(self.hub.cli("token", "create", "--uses", self.count), encoding="utf-8")
        self.process = Process([self.hub.bin / "strandline-fleet", "--hub", self.hub.url, "--token", f"@{token}",
                                "--state", self.folder, "--count", self.count, "--prefix", self.prefix, *self.options],
                               self.folder / "fleet.log")
        self.wait_line(r"ready agents=", seconds)
        return self

    def names(self) -> list[str]:
        return [f"{self.prefix}-{i + 1:05}" for i in range(self.count)]

    def lines(self, pattern: str) -> list[dict]:
        """The key=value words of each whole line that matches."""
        found = [line for line in self.process.output().splitlines() if re.search(pattern, line)]
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in found]

    def wait_line(self, pattern: str, seconds: float, number: int = 1) -> dict:
        """The words of the line that is the `number`-th to match."""
        def enough():
            if not self.process.running():
                raise RuntimeError(f"the fleet ended:\n{self.process.output()[-4000:]}")
            lines = self.lines(pattern)
            return lines[number - 1] if len(lines) >= number else None
        return wait_until(enough, f"a line of the fleet like {pattern!r}", seconds)

    def wait_active(self, release: str, seconds: float) -> dict:
        """Waits until every agent runs PACKAGE@VERSION, verified; the words of that line."""
        return self.wait_line(rf"^active release={re.escape(release)} ", seconds)

    def stop(self) -> dict:
        """The summary."""
        self.process.stop(60)
        return json.loads(self.process.output().strip().splitlines()[-1])
