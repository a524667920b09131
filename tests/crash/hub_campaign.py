"""The hub, stopped at each of its changes to disk, and what must hold after it is started again."""
import contextlib
import functools
import hashlib
import http.client
import os
import pathlib
import shutil
import sqlite3
import subprocess

from harness.agent import Agent
from harness.hub import Hub

from .agent_scenarios import must
from .crashpoint import (DISK_WORDS, ENVIRONMENT, FAULTS, PHASES, STOPPED, Outcome, Point, Tool, copy_state, points_of, spread,
                         try_points)
from .hub_scenarios import SCENARIOS, Client, HubScenario, Inputs, Refused, check_signatures, write_csr

SETTINGS = {"enrolment.attempts_per_minute": 100_000, "deltas.workers": 1, "deltas.lease_s": 10}
LOST = (OSError, http.client.HTTPException)


class HubCampaign:
    """One prepared state, copied for each point; lanes with folders and ports of their own."""

    def __init__(self, bin_dir: pathlib.Path, tool: Tool, folder: pathlib.Path, leaf: pathlib.Path, lanes: int = 2):
        self.bin = bin_dir
        self.tool = tool
        self.folder = folder
        self.lanes = lanes
        base = Hub(bin_dir, folder / "base", SETTINGS).start()
        for version in ("1.0.0", "1.1.0"):
            base.cli("push", leaf / f"leaf-{version}", "--package", "leaf", "--version", version)
        agent = Agent(base, "runner", {"hub.report_interval_s": 1}).enroll().start()
        base.cli("deploy", "leaf@1.0.0", "--to", "device:runner", "--soak", "0", "--wait", "--timeout", 60)
        agent.stop()
        base.api("PUT", "/v1/packages/leaf/channels/stable", {"version": "1.1.0"})
        base.api("POST", "/v1/deployments", {"package": "leaf", "channel": "stable", "to": {"labels": {"follows": "stable"}}})
        base.stop()
        self.base = base
        identity = pathlib.Path(shutil.copytree(agent.state / "identity", folder / "identity"))
        release = {path: (leaf / "leaf-1.1.1" / path).read_bytes() for path in
                   ("model.onnx", "golden.json", "golden/rust.bin", "golden/healthy.bin")}
        self.inputs = Inputs(release, write_csr(folder), "runner", (identity / "cert.pem", identity / "key.pem"), 2 ** 52)

    def close(self) -> None:
        """Nothing runs between points."""

    def _hub(self, lane: int, scenario: HubScenario) -> Hub:
        """A hub in a fresh copy of the prepared state, not started."""
        folder = self.folder / f"lane-{lane}"
        shutil.rmtree(folder, ignore_errors=True)
        hub = Hub(self.bin, folder, SETTINGS, ENVIRONMENT)
        hub.state.mkdir()
        if scenario.name != "first start":
            copy_state(self.base.state, hub.state)
            (hub.state / "broker" / "port").unlink()  # each lane has a port of its own
            shutil.copy(self.base.folder / "profile.json", folder / "profile.json")
            hub.token = self.base.token
        return hub

    def _under_tool(self, hub: Hub, *options) -> None:
        hub.prefix = [self.tool.program, "--root", hub.state, *options, "--"]

    # Carrying a scenario out.

    def play(self, hub: Hub, client: Client, scenario: HubScenario) -> None:
        """Starts the hub and takes all steps; raises what a client sees when the hub is stopped meanwhile."""
        if scenario.name == "key rotation":
            self._rotate(hub)
            return
        start(hub)
        for step in scenario.steps:
            step(client)
        code = hub.stop()
        must(code in (0, STOPPED), f"the hub ended with {code}")

    def _rotate(self, hub: Hub) -> None:
        hub.write_config()
        command = [*hub.prefix, hub.bin / "strandlined", "keys", "rotate", "--config", hub.folder / "strandline.toml"]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **ENVIRONMENT})
        must(done.returncode in (0, STOPPED), f"keys rotate -> {done.returncode}: {done.stderr}")
        if done.returncode == STOPPED:
            raise ConnectionError("stopped")

    def trace(self, scenario: HubScenario) -> pathlib.Path:
        hub = self._hub(0, scenario)
        file = self.folder / f"{scenario.name}.trace"
        self._under_tool(hub, "--trace", file)
        self.play(hub, Client(hub, self.inputs), scenario)
        return file

    def check_fault(self, lane: int, scenario: HubScenario, point: Point) -> bool:
        """On a disk that fails it the hub refuses, and says why; nothing that it acknowledged is lost."""
        hub = self._hub(lane, scenario)
        client = Client(hub, self.inputs)
        log = hub.folder / "hub.log"
        client.gives_up = lambda: any(word in log.read_text(encoding="utf-8", errors="replace") for word in DISK_WORDS)
        self._under_tool(hub, *FAULTS[point.phase], "--at", point.call)
        try:
            self.play(hub, client, scenario)
        except Refused:
            hub.stop()
        except (*LOST, RuntimeError) as error:
            text = log.read_text(encoding="utf-8", errors="replace")
            must(not hub.process.running(), f"the hub is up and does not answer ({error}):\n{text[-2000:]}")
            must(any(word in text for word in DISK_WORDS), f"no word of the disk ({error}):\n{text[-2000:]}")
        met = "crashpoint: at " in log.read_text(encoding="utf-8", errors="replace")
        client.gives_up = lambda: False
        self._check_and_stop(hub, client, scenario)
        return met

    def check_point(self, lane: int, scenario: HubScenario, point: Point) -> bool:
        hub = self._hub(lane, scenario)
        client = Client(hub, self.inputs)
        self._under_tool(hub, "--do", point.phase, "--at", point.call)
        met = False
        try:
            self.play(hub, client, scenario)
        except (*LOST, RuntimeError) as error:
            met = self._was_stopped(hub, scenario, error)
        else:
            met = hub.process is not None and hub.process.child.returncode == STOPPED
        self._check_and_stop(hub, client, scenario)
        return met

    def _check_and_stop(self, hub: Hub, client: Client, scenario: HubScenario) -> None:
        hub.prefix = []
        try:
            self.check_after(hub, client, scenario)
        finally:
            if hub.process and hub.process.running():
                hub.stop()
        check_disk(hub.state)

    def _was_stopped(self, hub: Hub, scenario: HubScenario, error: Exception) -> bool:
        if scenario.name == "key rotation":
            return True
        code = hub.process.child.wait(30)
        must(code == STOPPED, f"the hub ended with {code} ({error}):\n{hub.process.output()[-3000:]}")
        return True

    def check_after(self, hub: Hub, client: Client, scenario: HubScenario) -> None:
        """As an operator and the clients would go on after a power cut."""
        before = hub.token
        start(hub)
        if scenario.name == "first start":
            self._check_first(hub, before)
            return
        client.check_promises()
        if scenario.name == "key rotation":
            hub.stop()
            self._rotate(hub)
            start(hub)
            check_signatures(client)
            return
        for step in scenario.steps:
            step(client)
        client.check_promises()

    def _check_first(self, hub: Hub, token: str) -> None:
        """Somebody can log in: with the token that was shown, or with one made by the command for that."""
        if not hub.token:
            hub.stop()
            made = subprocess.run([hub.bin / "strandlined", "tokens", "create", "late", "admin", "--config",
                                   hub.folder / "strandline.toml"], capture_output=True, text=True, timeout=60)
            must(made.returncode == 0, f"tokens create: {made.stderr}")
            hub.token = next(word for word in made.stdout.split() if word.startswith("slo1."))
            hub.start()
            hub.login()
        must(hub.api("GET", "/v1/whoami")[2]["role"] == "admin", "the token does not work")
        must(not token or token == hub.token, "the first token changed")

    def run(self, share: int | None = None, only: str = "", faults: bool = False) -> list[Outcome]:
        """Each scenario at `share` points (all of them by default)."""
        wanted = [scenario for scenario in SCENARIOS if only in ("", scenario.name)]
        return [self._run_scenario(scenario, share, faults) for scenario in wanted
                if not faults or scenario.name != "key rotation"]

    def _run_scenario(self, scenario: HubScenario, share, faults: bool) -> Outcome:
        points = points_of(self.trace(scenario), tuple(FAULTS) if faults else PHASES)
        chosen = points if share is None else spread(points, share)
        outcome = Outcome(f"{scenario.name}{' (faults)' if faults else ''}", len(points))
        lanes = range(self.lanes)
        check = self.check_fault if faults else self.check_point
        try_points(outcome, chosen, [functools.partial(check, lane, scenario) for lane in lanes],
                   [self.folder / f"lane-{lane}" for lane in lanes], self.folder / "broken")
        return outcome


def start(hub: Hub) -> None:
    """A first start shows a token once; when nobody saw it, there is none to log in with."""
    hub.start(log_in=False)
    if not hub.token:
        hub.token = hub.shown_token()
        if hub.token:
            hub.login()


def check_disk(state: pathlib.Path) -> None:
    """The database is whole, every blob is what its name says, and nothing half-written is left."""
    with contextlib.closing(sqlite3.connect(state / "hub.db")) as database:
        found = database.execute("PRAGMA integrity_check").fetchall()
        must(found == [("ok",)], f"integrity_check: {found}")
        must(not database.execute("PRAGMA foreign_key_check").fetchall(), "foreign keys do not hold")
        named = {row[0] for row in database.execute("SELECT sha256 FROM release_files UNION SELECT delta "
                                                    "FROM delta_jobs WHERE state = 'built'")}
    stored = {path.parent.name + path.name: path for path in (state / "blobs").glob("[0-9a-f][0-9a-f]/*")}
    for digest, path in stored.items():
        must(hashlib.sha256(path.read_bytes()).hexdigest() == digest, f"blob {digest} is damaged")
    must(named <= set(stored), f"the database names blobs that are gone: {named - set(stored)}")
    left = [str(path.relative_to(state)) for path in state.rglob("*") if "tmp-" in path.name or "cut-" in path.name]
    must(not left, f"left behind: {left}")
