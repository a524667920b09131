"""Fixtures: one hub per test module, agents on demand, everything in temporary folders."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.agent import Agent  # noqa: E402
from harness.hub import Hub  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--bin", default=str(ROOT / "build" / "dev" / "bin"), help="folder of the programs under test")
    parser.addoption("--models", default=str(ROOT / "build" / "models"), help="folder made by ./run models")
    parser.addoption("--samples", default=str(ROOT.parent / "shared" / "samples"), help="further models and pictures")


@pytest.fixture(scope="session")
def bin_dir(request) -> pathlib.Path:
    folder = pathlib.Path(request.config.getoption("--bin"))
    assert (folder / "strandlined").exists(), f"{folder}: no programs; run ./run build dev"
    return folder


@pytest.fixture(scope="session")
def leaf(request) -> pathlib.Path:
    """Folder with the leaf releases."""
    folder = pathlib.Path(request.config.getoption("--models")) / "leaf"
    assert folder.exists(), f"{folder}: no models; run ./run models"
    return folder


@pytest.fixture(scope="session")
def samples(request) -> pathlib.Path:
    folder = pathlib.Path(request.config.getoption("--samples"))
    if not folder.exists():
        pytest.skip(f"{folder}: no samples here")
    return folder


@pytest.fixture(scope="session")
def rusty_leaf(leaf) -> bytes:
    """A leaf with rust, as the classifier's input."""
    return (leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()


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
        import json

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


@pytest.fixture(scope="module")
def site(bin_dir, tmp_path_factory):
    made = Site(bin_dir, tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def fresh_site(bin_dir, tmp_path):
    """make(settings, env) -> Site, for tests that need their own hub."""
    made: list[Site] = []

    def make(settings=None, env=None) -> Site:
        made.append(Site(bin_dir, tmp_path / f"site{len(made)}", settings, env))
        return made[-1]

    yield make
    for one in made:
        one.close()
