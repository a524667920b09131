"""The agent on a disk that fails it: full, broken or read-only from one call on, or for one call."""
import dataclasses
import functools
import pathlib

from harness.oip import OipClient
from harness.process import Process
from harness.wait import wait_until

from .agent_campaign import CONVERGE_S, AgentCampaign, Lane, Watch, is_reached
from .agent_scenarios import Scenario, agent_command, journal, must
from .crashpoint import DISK_WORDS, FAULTS, Outcome, Point, points_of, spread, try_points

#: The agent has noticed, and goes on.
NOTICED = ("release refused", "update waits", "cannot be written", "desired state not taken", "poll failed",
           "certificate not renewed", "clean-up failed", "not recovered")
SCENARIOS = ("install", "update", "roll back")


class FaultCampaign(AgentCampaign):
    """At each call of a scenario, in each way."""

    def settle(self, lane: Lane, scenario: Scenario) -> None:
        super().settle(lane, self._order_again(lane, scenario))

    def check_fault(self, lane: Lane, scenario: Scenario, point: Point) -> bool:
        scenario = self._order_again(lane, scenario)
        state = lane.fresh(scenario)
        process = self.tool.start(state, agent_command(lane.agent, state, lane.config), lane.folder / "faulty.log",
                                  *FAULTS[point.phase], "--at", point.call)
        try:
            met = self._live_through(lane, scenario, state, process)
        finally:
            text = process.output()
            code = process.stop()
        must(code == 0 or any(word in text for word in DISK_WORDS), f"ended with {code} and no word of the disk:\n{text[-2000:]}")
        scenario.check_disk(state)
        self._recover(lane, scenario, state)
        return met

    def _live_through(self, lane: Lane, scenario: Scenario, state: pathlib.Path, process: Process) -> bool:
        """Until the agent has noticed or the order is carried out; what it serves meanwhile is right."""
        def settled() -> bool:
            text = process.output()
            at = text.find("crashpoint: at ")
            if at >= 0 and any(word in text[at:] for word in NOTICED):
                return True
            return not process.running() or is_reached(scenario, state)

        wait_until(settled, "the agent to notice the fault", CONVERGE_S)
        text = process.output()
        if process.running() and scenario.slot == "leaf" and "ready serve=" in text:
            client = OipClient(text.split("ready serve=", 1)[1].split()[0])
            scenario.check_answer(client, self.image, strict=scenario.before is not None)
        return "crashpoint: at " in text

    def _order_again(self, lane: Lane, scenario: Scenario) -> Scenario:
        """A device that refused its order takes it up again when it is ordered anew."""
        made = self._order(lane, f"{scenario.slot}@{self._version(scenario)}", 5000 if scenario.refused else 50)
        return dataclasses.replace(scenario, deployment=made)

    @staticmethod
    def _version(scenario: Scenario) -> str:
        version = scenario.ordered.version
        return version if "." in version else f"{version}.0.0"

    def _recover(self, lane: Lane, scenario: Scenario, state: pathlib.Path) -> None:
        """The disk is good again. An order that was refused for it is given once more."""
        refusal = journal(state, scenario.slot).get("refusal") or {}
        if refusal and refusal["error"]["reason"] == "no_space":
            scenario = self._order_again(lane, scenario)
        self.converge(lane, scenario, state, Watch(self, lane, scenario))
        scenario.check_disk(state)

    def _run_scenario(self, steps, share) -> Outcome:
        if steps[0].name not in SCENARIOS:
            return Outcome(steps[0].name, 0)
        points = points_of(self.trace(self.lanes[0], steps[0]), tuple(FAULTS))
        outcome = Outcome(f"{steps[0].name} (faults)", len(points))
        lanes = [functools.partial(self.check_fault, lane, scenario)
                 for lane, scenario in zip(self.lanes, steps, strict=True)]
        try_points(outcome, points if share is None else spread(points, share), lanes,
                   [lane.folder / "state" for lane in self.lanes], self.folder / "broken")
        return outcome
