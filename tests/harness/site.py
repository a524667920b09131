"""A hub with its agents."""
import json

from .agent import Agent
from .hub import Hub


class Site:
    """A hub and its agents; everything is stopped at the end."""

    def __init__(self, bin_dir, folder, settings=None, env=None):
        self.hub = Hub(bin_dir, folder, settings, env).start()
        self.agents: list[Agent] = []

    def agent(self, name: str, settings=None, labels=None, start: bool = True, token=None, env=None) -> Agent:
        agent = Agent(self.hub, name, settings, env).enroll(token, labels)
        self.agents.append(agent)
        if start:
            agent.start()
            self.hub.wait_online(name)
        return agent

    def push(self, folder, version: str, package: str = "leaf", *more) -> str:
        return self.hub.cli("push", folder, "--package", package, "--version", version, *more)

    def deploy(self, release: str, *to: str, soak_ms: int = 300, timeout_s: int = 120, more=()) -> dict:
        """The finished deployment."""
        options = [word for target in to for word in ("--to", target)]
        text = self.hub.cli("--output", "json", "deploy", release, *options, "--soak", soak_ms, "--wait", "--timeout",
                            timeout_s, *more)
        return json.loads(text)

    def close(self) -> None:
        for agent in self.agents:
            if agent.process and agent.process.running():
                agent.stop()
        if self.hub.process and self.hub.process.running():
            self.hub.stop()
