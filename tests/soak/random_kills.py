#!/usr/bin/env python3
"""SIGKILL at random to hub, broker and agents while releases roll out; nothing accepted may be lost.

All the time: each agent that has once served answers inference with a release that was deployed, whenever it is up.
After each restart: what the hub had accepted is there (releases, deployments, reports). At the end: every device runs
the last release, byte for byte.

The last line: `kills: ok kills=N devices=N releases=N inferences=N seed=N seconds=N`. The same seed makes the same order.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.agent import Agent  # noqa: E402
from harness.hub import CliError, Hub  # noqa: E402
from harness.leaf import LEAF_SHAPE, leaf_of_its_own  # noqa: E402
from harness.oip import InferenceError, OipClient  # noqa: E402
from harness.wait import wait_until  # noqa: E402

SOURCES = ("1.0.0", "1.1.0", "1.1.1")
CONVERGE_S = 300


class Broken(Exception):
    """A promise that did not hold."""


def say(text: str) -> None:
    print(text, flush=True)


class Watcher:
    """Asks every agent that is up for an inference, again and again, and keeps what was wrong."""

    def __init__(self, agents: list[Agent], image: bytes):
        self.agents = agents
        self.image = image
        self.inferences = 0
        self.wrong: list[str] = []
        self.allowed: set[str] = set()
        self.pause = {agent.name: threading.Lock() for agent in agents}  # held while an agent is down
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _run(self) -> None:
        while not self._end.is_set():
            for agent in self.agents:
                with self.pause[agent.name]:
                    self._ask(agent)
            self._end.wait(0.05)

    def _ask(self, agent: Agent) -> None:
        client = OipClient(agent.serve_url)
        try:
            version, _ = client.infer("leaf", "image", LEAF_SHAPE, self.image)
            self.inferences += 1
            if version not in self.allowed:
                self.wrong.append(f"{agent.name} answers with {version}, which was never deployed")
        except (OSError, InferenceError, ValueError) as error:
            self.wrong.append(f"{agent.name} is up and does not infer: {error}")
        finally:
            client.close()


class Campaign:
    def __init__(self, options, folder: pathlib.Path):
        self.options = options
        self.random = random.Random(options.seed)
        self.folder = folder
        self.leaf = options.models / "leaf"
        self.hub = Hub(options.bin, folder / "site").start()
        self.releases: dict[str, str] = {}     # version -> manifest, as accepted
        self.deployments: set[str] = set()
        self.generations: dict[str, int] = {}  # the highest reported generation that the hub has shown
        token = self.hub.cli("token", "create", "--uses", options.devices).strip()
        self.agents = [Agent(self.hub, f"kill-{i:02}").enroll(token) for i in range(options.devices)]
        self.kills = 0
        self.hub_up = threading.Event()
        self.hub_up.set()
        self.trouble: list[Exception] = []     # of the thread that pushes
        self.watcher = Watcher(self.agents, (self.leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes())

    def prepare(self) -> None:
        """Every device serves a first release."""
        for agent in self.agents:
            agent.start(wait=False)
        self.hub.wait_online(*(agent.name for agent in self.agents), seconds=180)
        self.push()
        self.deploy()
        self.converge()
        self.watcher.start()

    def push(self) -> None:
        """A release of its own bytes, so that every step moves something."""
        number = len(self.releases)
        bundle = leaf_of_its_own(self.leaf / f"leaf-{SOURCES[number % len(SOURCES)]}", self.folder / f"bundle{number}",
                                 f"{number:064}".encode())
        version = f"{number + 1}.0.0"
        self.persist("push", bundle, "--package", "leaf", "--version", version)
        shown = self.persist("--output", "json", "releases", "show", f"leaf@{version}:default")
        self.releases[version] = json.loads(shown)["manifest"]

    def deploy(self) -> None:
        version = list(self.releases)[-1]
        self.watcher.allowed.add(version)  # before: an agent may be quick
        made = self.persist("--output", "json", "deploy", f"leaf@{version}", "--to", "all", "--soak", 200)
        self.deployments.add(json.loads(made)["id"])

    def persist(self, *arguments) -> str:
        """What a person does whose hub dies meanwhile: the same command again when it is back."""
        attempts = 10
        for attempt in range(attempts):
            self.hub_up.wait(60)
            try:
                return self.hub.cli(*arguments)
            except CliError:
                if attempt == attempts - 1:
                    raise
        raise AssertionError("unreachable")

    def roll_out(self) -> None:
        """Pushes and deploys one release after the other while the kills go on."""
        every = max(1, self.options.kills // self.options.releases)
        try:
            for number in range(self.options.releases):
                wait_until(lambda n=number: self.kills >= n * every or self.trouble, "the next kills", CONVERGE_S)
                self.push()
                self.deploy()
        except Exception as error:  # noqa: BLE001  (the main thread raises it)
            self.trouble.append(error)

    def kill_hub(self) -> None:
        self.remember()
        self.hub_up.clear()
        self.hub.kill()
        self.hub.start()
        self.hub_up.set()
        self.check_kept()

    def kill_broker(self) -> None:
        before = wait_until(self.broker, "a broker", 60)
        os.kill(before, 9)
        wait_until(lambda: self.broker() not in (None, before), "another broker", 60)

    def broker(self):
        try:
            return self.hub.broker_pid()
        except LookupError:
            return None

    def kill_agent(self) -> None:
        agent = self.random.choice(self.agents)
        with self.watcher.pause[agent.name]:
            agent.kill()
            agent.start()

    def remember(self) -> None:
        for agent in self.agents:
            seen = self.hub.device(agent.name)["reported_generation"] or 0
            if seen < self.generations.get(agent.name, 0):
                raise Broken(f"{agent.name}: the hub showed generation {self.generations[agent.name]}, now {seen}")
            self.generations[agent.name] = seen

    def check_kept(self) -> None:
        for version, manifest in list(self.releases.items()):
            kept = self.hub.cli_json("releases", "show", f"leaf@{version}:default")["manifest"]
            if kept != manifest:
                raise Broken(f"release {version}: accepted as {manifest}, now {kept}")
        for deployment in list(self.deployments):
            if "id" not in self.hub.deployment(deployment):
                raise Broken(f"deployment {deployment} was accepted and is gone")
        self.remember()

    def converge(self) -> None:
        version, manifest = list(self.releases.items())[-1]
        signed = hashlib.sha256((self.folder / f"bundle{len(self.releases) - 1}" / "model.onnx").read_bytes()).hexdigest()
        for agent in self.agents:
            wait_until(lambda a=agent: a.running_version("leaf") == version, f"{agent.name} on {version}", CONVERGE_S)
            held = agent.state / "releases" / manifest / "files" / "model.onnx"
            if hashlib.sha256(held.read_bytes()).hexdigest() != signed:
                raise Broken(f"{agent.name}: {held} is not what was signed")

    def run(self) -> None:
        self.prepare()
        victims = {"hub": self.kill_hub, "broker": self.kill_broker, "agent": self.kill_agent}
        rollout = threading.Thread(target=self.roll_out, daemon=True)
        rollout.start()
        while self.kills < self.options.kills:
            victim = self.random.choices(list(victims), weights=(2, 2, 6))[0]
            time.sleep(self.random.uniform(0, 0.5))  # the moment is the point of it
            victims[victim]()
            self.kills += 1
            self.check_watchers()
            say(f"kill {self.kills}/{self.options.kills}: {victim}, {len(self.releases)} releases")
        rollout.join(CONVERGE_S)
        self.check_watchers()
        self.converge()
        self.check_kept()
        self.watcher.stop()
        self.check_watchers()

    def check_watchers(self) -> None:
        if self.trouble:
            raise self.trouble[0]
        if self.watcher.wrong:
            raise Broken(self.watcher.wrong[0])

    def close(self) -> None:
        self.watcher.stop()
        for agent in self.agents:
            if agent.process and agent.process.running():
                agent.kill()
        if self.hub.process.running():
            self.hub.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "models")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--releases", type=int, default=10, help="rollouts spread over the kills")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    begin = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-kills-"))
    campaign = Campaign(options, folder)
    try:
        campaign.run()
    except (Broken, TimeoutError, CliError, RuntimeError) as error:
        say(f"kills: failed seed={options.seed} state={folder}: {error}")
        return 1
    finally:
        campaign.close()
    shutil.rmtree(folder)
    say(f"kills: ok kills={options.kills} devices={options.devices} releases={len(campaign.releases)} "
        f"inferences={campaign.watcher.inferences} seed={options.seed} seconds={time.monotonic() - begin:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
