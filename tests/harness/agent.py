"""A real agent: enrolled by a join token, running in its own state folder."""
import json
import os
import pathlib
import subprocess

from .config import write_toml
from .hub import Hub
from .memory import rss_bytes
from .oip import OipClient
from .process import Process


class Agent:
    """`settings` is {"table.key": value}, written to agent.toml."""

    def __init__(self, hub: Hub, name: str, settings=None, env=None):
        self.hub = hub
        self.name = name
        self.folder = hub.folder / "agents" / name
        self.state = self.folder / "state"
        self.settings = {"serve.port": 0, **(settings or {})}
        self.env = env or {}
        self.process: Process | None = None
        self.folder.mkdir(parents=True, exist_ok=True)

    def enroll(self, token: str | None = None, labels=None) -> "Agent":
        token = token or self.hub.cli("token", "create").strip()
        arguments = [self.hub.bin / "strandline-agent", "enroll", "--hub", self.hub.url, "--token", "-",
                     "--state", self.state, "--name", self.name]
        for key, value in (labels or {}).items():
            arguments += ["--label", f"{key}={value}"]
        result = subprocess.run([str(a) for a in arguments], input=token + "\n", capture_output=True, text=True,
                                timeout=60, env={**os.environ, **self.env})
        if result.returncode != 0:
            raise RuntimeError(f"enroll {self.name} -> exit {result.returncode}: {result.stderr}")
        return self

    def start(self, wait: bool = True) -> "Agent":
        config = write_toml(self.folder / "agent.toml", self.settings)
        self.process = Process([self.hub.bin / "strandline-agent", "run", "--state", self.state, "--config", config],
                               self.folder / "agent.log", self.env)
        if wait:
            self.process.line_with("ready serve=", 60)
        return self

    @property
    def serve_url(self) -> str:
        return self.process.line_with("ready serve=").split("serve=", 1)[1].split()[0]

    @property
    def certificate(self):
        """(certificate file, key file)"""
        return self.state / "identity" / "cert.pem", self.state / "identity" / "key.pem"

    def client(self) -> OipClient:
        return OipClient(self.serve_url)

    def slot(self, slot: str) -> dict:
        """The slot as the hub knows it from reports; {} before the first."""
        for entry in self.hub.device(self.name).get("slots", []):
            if entry["slot"] == slot:
                return entry.get("reported") or {}
        return {}

    def running_version(self, slot: str) -> str:
        return ((self.slot(slot).get("active") or {}).get("version")) or ""

    def go_through(self, hub_url: str = "", mqtt_port: int = 0) -> "Agent":
        """Has the enrolled agent talk to something that stands before the hub or the broker. Before start()."""
        file = self.state / "identity" / "hub.json"
        address = json.loads(file.read_text(encoding="utf-8"))
        address["hub"] = hub_url or address["hub"]
        address["mqtt"]["port"] = mqtt_port or address["mqtt"]["port"]
        file.write_text(json.dumps(address), encoding="utf-8")
        return self

    def rss_bytes(self) -> int:
        return rss_bytes(self.process.pid)

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()
