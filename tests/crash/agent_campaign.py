"""The agent, stopped at each of its changes to disk, and what must hold after it is started again."""
import dataclasses
import functools
import json
import pathlib
import shutil

from harness.agent import Agent
from harness.config import write_toml
from harness.hub import Hub
from harness.oip import OipClient
from harness.process import Process
from harness.wait import wait_until

from .agent_scenarios import (ENDS_IN_USE, SERVING, Broken, Release, Scenario, age_certificate, agent_command,
                              damage_active, must, release_files, write_program)
from .crashpoint import ENVIRONMENT, STOPPED, Outcome, Point, Tool, copy_state, names_in, points_of, spread, try_points

CONVERGE_S = 90
SETTINGS = {"serve.port": 0, "transfer.retry_base_ms": 50, "transfer.retry_cap_ms": 500, "self_test.process_settle_ms": 100}
HUB_SETTINGS = {"enrolment.attempts_per_minute": 100_000, "mqtt.poll_interval_ms": 1000}


class Lane:
    """One device of the campaign; lanes work side by side."""

    def __init__(self, hub: Hub, number: int, env=None):
        self.agent = Agent(hub, f"lane-{number}", SETTINGS, env).enroll()
        self.folder = self.agent.folder
        self.config = write_toml(self.folder / "agent.toml", SETTINGS)
        self.base = self.folder / "base"  #: the state that the scenario at hand starts from
        shutil.move(self.agent.state, self.base)

    def fresh(self, scenario: Scenario, prepared: bool = True) -> pathlib.Path:
        state = copy_state(self.base, self.folder / "state")
        if prepared:
            scenario.prepare(state)
        return state


class AgentCampaign:
    """A hub that is kept, and lanes that go through the scenarios one after another."""

    def __init__(self, bin_dir: pathlib.Path, tool: Tool, folder: pathlib.Path, leaf: pathlib.Path, lanes: int = 2):
        self.bin = bin_dir
        self.tool = tool
        self.folder = folder
        self.image = (leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()
        self.hub = Hub(bin_dir, folder, HUB_SETTINGS).start()
        self.leaf = leaf
        self.lanes = [Lane(self.hub, number) for number in range(lanes)]
        self.releases = {version: self._push("leaf", version, leaf / source) for version, source in
                         (("1.0.0", "leaf-1.0.0"), ("1.1.0", "leaf-1.1.0"), ("1.2.0", "leaf-wrong"))}
        for version, text in (("1", SERVING), ("2", ENDS_IN_USE)):
            source = write_program(folder / f"program{version}", text)
            self.releases[f"program {version}"] = self._push("program", f"{version}.0.0", source, "--kind", "process",
                                                             "--entry", "serve.sh")

    def close(self) -> None:
        self.hub.stop()

    def _push(self, package: str, version: str, folder: pathlib.Path, *more) -> Release:
        self.hub.cli("push", folder, "--package", package, "--version", version, *more)
        known = self.hub.cli_json("releases", "show", f"{package}@{version}:default")
        return Release(version, known["manifest"], {f["path"]: f["sha256"] for f in known["files"]},
                       right_answer(folder, "golden/rust.bin"))

    def _order(self, lane: Lane, release: str, soak_ms: int = 50) -> str:
        made = self.hub.cli_json("deploy", release, "--to", f"device:{lane.agent.name}", "--soak", soak_ms)
        return made["id"]

    # The scenarios, in the order in which one leaves what the next one starts from.

    def scenarios(self, lane: Lane):
        """Yields each scenario once the lane's base state is its start."""
        old, new, wrong = (self.releases[v] for v in ("1.0.0", "1.1.0", "1.2.0"))
        first, ending = self.releases["program 1"], self.releases["program 2"]
        yield Scenario("install", "leaf", None, old, old, self._order(lane, "leaf@1.0.0"))
        yield Scenario("update", "leaf", old, new, new, self._order(lane, "leaf@1.1.0"))
        yield Scenario("refuse", "leaf", new, wrong, new, self._order(lane, "leaf@1.2.0"), refused="wrong_answer")
        again = Scenario("again", "leaf", new, new, new, self._order(lane, "leaf@1.1.0"))
        self.settle(lane, again)
        yield dataclasses.replace(again, name="recover", before=old, prepare=damage_active,
                                  reached=lambda state: again.is_reached(state) and
                                  release_files(state, new.manifest) == new.files)
        certificate = (lane.base / "identity" / "cert.pem").read_bytes()
        yield dataclasses.replace(
            again, name="renew", prepare=age_certificate,
            reached=lambda state: (state / "identity" / "cert.pem").read_bytes() != certificate)
        begin = Scenario("program", "program", None, first, first, self._order(lane, "program@1.0.0"))
        self.settle(lane, begin)
        yield Scenario("roll back", "program", first, ending, first, self._order(lane, "program@2.0.0", 5000),
                       refused="crashed")

    def settle(self, lane: Lane, scenario: Scenario) -> None:
        """Carries an order out undisturbed; its end becomes the lane's base."""
        state = lane.fresh(scenario)
        self.converge(lane, scenario, state, Watch(self, lane, scenario, checked=False))
        copy_state(state, lane.base)

    # One point.

    def trace(self, lane: Lane, scenario: Scenario, *options) -> pathlib.Path:
        """Runs the scenario undisturbed under the tool; its calls."""
        state = lane.fresh(scenario)
        file = lane.folder / f"{scenario.name}.trace"
        process = self.tool.start(state, agent_command(lane.agent, state, lane.config), lane.folder / "traced.log",
                                  "--trace", file, *options)
        wait_until(lambda: not process.running() or scenario.is_reached(state), f"{scenario.name} under the tool",
                   CONVERGE_S)
        process.stop()
        must(scenario.is_reached(state), f"{scenario.name}: ended early:\n{process.output()[-3000:]}")
        return file

    def run_to(self, lane: Lane, scenario: Scenario, point: Point) -> tuple[pathlib.Path, bool]:
        """A fresh state, run up to the point; whether the run came to it."""
        state = lane.fresh(scenario)
        process = self.tool.start(state, agent_command(lane.agent, state, lane.config), lane.folder / "stopped.log",
                                  "--do", point.phase, "--at", point.call)
        wait_until(lambda: not process.running() or is_reached(scenario, state), f"{scenario.name} up to {point}",
                   CONVERGE_S)
        return state, process.stop() == STOPPED

    def converge(self, lane: Lane, scenario: Scenario, state: pathlib.Path, watch: "Watch") -> None:
        """Starts the agent as after a power cut and waits until the order is carried out."""
        process = Process(agent_command(lane.agent, state, lane.config), lane.folder / "agent.log", ENVIRONMENT)
        try:
            line = process.line_with("ready serve=", 60)
            watch.begin(state, line.split("serve=", 1)[1].split()[0])

            def done() -> bool:
                must(process.running(), f"the agent ended by itself:\n{process.output()[-3000:]}")
                return watch.look()

            wait_until(done, f"{scenario.name} after the restart", CONVERGE_S)
        except TimeoutError as error:
            raise Broken(f"{error}\n{process.output()[-3000:]}") from error
        finally:
            process.stop()

    def check_point(self, lane: Lane, scenario: Scenario, reference, point: Point) -> bool:
        """Whether the run came to the point; Broken when a promise did not hold."""
        state, met = self.run_to(lane, scenario, point)
        if scenario.name != "recover":
            scenario.check_disk(state)
        self.converge(lane, scenario, state, Watch(self, lane, scenario))
        scenario.check_disk(state)
        left = names_in(state) - reference
        must(not left, f"left behind: {dict(left)}")
        return met

    def run(self, share: int | None = None, only: str = "") -> list[Outcome]:
        """Each scenario at `share` points (all of them by default)."""
        outcomes = []
        for steps in zip(*(self.scenarios(lane) for lane in self.lanes), strict=True):
            if only in ("", steps[0].name):
                outcomes.append(self._run_scenario(steps, share))
            for lane, scenario in zip(self.lanes, steps, strict=True):
                if scenario.name in ("install", "update", "refuse"):
                    self.settle(lane, scenario)
        return outcomes

    def _run_scenario(self, steps, share) -> Outcome:
        points = points_of(self.trace(self.lanes[0], steps[0]))
        chosen = points if share is None else spread(points, share)
        reference = self._reference(self.lanes[0], steps[0])
        outcome = Outcome(steps[0].name, len(points))

        try_points(outcome, chosen, [functools.partial(self.check_point, lane, scenario, reference)
                                     for lane, scenario in zip(self.lanes, steps, strict=True)],
                   [lane.folder / "state" for lane in self.lanes], self.folder / "broken")
        return outcome

    def _reference(self, lane: Lane, scenario: Scenario):
        """What lies there when nothing went wrong."""
        state = lane.folder / "state"  # as the trace left it
        self.converge(lane, scenario, state, Watch(self, lane, scenario))
        return names_in(state)


class Watch:
    """Looks at a running agent again and again until its order is carried out."""

    def __init__(self, campaign: AgentCampaign, lane: Lane, scenario: Scenario, checked: bool = True):
        self.campaign = campaign
        self.scenario = scenario
        self.checked = checked
        self.state = pathlib.Path()
        self.client: OipClient | None = None

    def begin(self, state: pathlib.Path, url: str) -> None:
        self.state = state
        self.client = OipClient(url)

    def look(self) -> bool:
        """Checks what is served now; whether the goal is reached."""
        scenario = self.scenario
        reached = scenario.is_reached(self.state)
        if scenario.slot == "program":
            return reached
        strict = self.checked and (scenario.before is not None or reached)
        version = scenario.check_answer(self.client, self.campaign.image, strict)
        return reached and version == scenario.after.version


def is_reached(scenario: Scenario, state: pathlib.Path) -> bool:
    """Also while the tool puts the state back to what a power cut leaves of it."""
    try:
        return scenario.is_reached(state)
    except FileNotFoundError:
        return False


def right_answer(folder: pathlib.Path, image: str) -> list[float]:
    """What the release itself says that it must answer; [] when it says nothing."""
    golden = folder / "golden.json"
    cases = json.loads(golden.read_text(encoding="utf-8"))["cases"] if golden.exists() else []
    return next((case["outputs"][0]["data"] for case in cases if case["inputs"][0]["file"] == image), [])
