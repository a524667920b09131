"""Enrolment of a device, stopped at each of its changes to disk: trying again must make it a member."""
import pathlib
import shutil

from harness.hub import Hub
from harness.process import Process
from harness.wait import wait_until

from .agent_scenarios import must
from .crashpoint import ENVIRONMENT, STOPPED, Outcome, Point, Tool, names_in, points_of, spread, try_points


class EnrolmentCampaign:
    """Devices of one kept hub; a point is a device."""

    def __init__(self, hub: Hub, tool: Tool, folder: pathlib.Path):
        self.hub = hub
        self.tool = tool
        self.folder = folder
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def _enrol(self, name: str, token: str, *options):
        command = [self.hub.bin / "strandline-agent", "enroll", "--hub", self.hub.url, "--token", "-", "--state",
                   self.folder / name, "--name", name]
        return self.tool.run(self.folder / name, command, *options, text=token + "\n")

    def _new(self) -> tuple[str, str]:
        """A name and a token for one device only, as operators make them."""
        self.count += 1
        name = f"new-{self.count}"
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return name, self.hub.cli("token", "create").strip()

    def trace(self) -> tuple[pathlib.Path, object]:
        name, token = self._new()
        file = self.folder / "enrolment.trace"
        done = self._enrol(name, token, "--trace", file)
        must(done.returncode == 0, f"enroll -> {done.returncode}: {done.stderr}")
        self._serve(name)
        return file, names_in(self.folder / name)

    def check_point(self, point: Point, reference) -> bool:
        name, token = self._new()
        stopped = self._enrol(name, token, "--do", point.phase, "--at", point.call)
        must(stopped.returncode in (0, STOPPED), f"enroll -> {stopped.returncode}: {stopped.stderr}")
        again = self._enrol(name, token)
        complete = "enrolled already" in again.stderr
        must(again.returncode == 0 or complete, f"enroll again -> {again.returncode}: {again.stderr}")
        self._serve(name)
        left = names_in(self.folder / name) - reference
        must(not left, f"left behind: {dict(left)}")
        return stopped.returncode == STOPPED

    def _serve(self, name: str) -> None:
        """The identity works: the device is seen at the hub."""
        process = Process([self.hub.bin / "strandline-agent", "run", "--state", self.folder / name, "--config",
                           self._config()], self.folder / f"{name}.log", ENVIRONMENT)
        try:
            process.line_with("ready serve=", 60)
            wait_until(lambda: self.hub.device(name).get("online"), f"{name} online", 30)
        finally:
            process.stop()

    def _config(self) -> pathlib.Path:
        file = self.folder / "agent.toml"
        file.write_text("[serve]\nport = 0\n", encoding="utf-8")
        return file

    def run(self, share: int | None = None) -> list[Outcome]:
        """At `share` points (all of them by default)."""
        trace, reference = self.trace()
        points = points_of(trace)
        outcome = Outcome("enrolment", len(points), 0)
        try_points(outcome, points if share is None else spread(points, share),
                   [lambda point: self.check_point(point, reference)])
        return [outcome]
