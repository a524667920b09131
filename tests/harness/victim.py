"""An agent between the hub and whatever a test puts in the hub's place."""
import hashlib
import json
import os
import pathlib
import re
import shutil

from .hostile_broker import HostileBroker
from .hostile_hub import HostileHub
from .memory import SMALL_QUARANTINE
from .wait import wait_until

# Short waits, so that many tries fit into a test.
IMPATIENT = {"transfer.retry_base_ms": 20, "transfer.retry_cap_ms": 200, "transfer.idle_timeout_ms": 3000,
             "transfer.low_speed_bytes_per_second": 20_000, "transfer.low_speed_window_ms": 1000,
             "transfer.refetch_after_ms": 1000, "hub.poll_interval_s": 1, "hub.report_interval_s": 2,
             "hub.broker_timeout_ms": 3000}


class Victim:
    """Serves release 1.0.0 of the leaf when made; `order()` gives it something new to fetch."""

    def __init__(self, site, leaf: pathlib.Path, folder: pathlib.Path, name: str = "victim", settings=None, payload=200_000,
                 broker: HostileBroker | None = None):
        self.site, self.leaf, self.folder, self.payload = site, leaf, folder, payload
        self.agent = site.agent(name, {**IMPATIENT, **(settings or {})}, start=False, env=SMALL_QUARANTINE)
        self.hub = HostileHub(site.hub, self.agent.certificate)
        if broker:
            broker.deliver = self._pass_on
        self.agent.go_through(hub_url=self.hub.url, mqtt_port=broker.port if broker else 0)
        self.agent.start()
        self.number = 0
        self._mark = 0
        self.version = self.order()
        self.converges()

    def close(self) -> None:
        self.hub.close()

    def _pass_on(self, topic: str, payload: bytes) -> None:
        """Reports reach the hub although its own broker never sees them."""
        if topic.endswith("/up/reported"):
            self.site.hub.api("POST", "/v1/device/reports", payload, token="", certificate=self.agent.certificate,
                              headers={"Content-Type": "application/json"})

    def release(self, payload: bytes | None = None) -> str:
        """Pushes the leaf with a file that no device has yet; its version."""
        self.number += 1
        version = f"1.0.{self.number}"
        bundle = self.folder / f"{self.agent.name}-{version}"
        shutil.copytree(self.leaf / "leaf-1.0.0", bundle)
        # A path of its own leaves nothing that a delta could start from.
        (bundle / f"payload-{self.number}.bin").write_bytes(os.urandom(self.payload) if payload is None else payload)
        self.site.push(bundle, version, self.agent.name)
        return version

    def order(self, payload: bytes | None = None) -> str:
        """Orders a new release and does not wait; its version."""
        version = self.release(payload)
        self.site.hub.cli("deploy", f"{self.agent.name}@{version}", "--to", f"device:{self.agent.name}", "--soak", 0)
        return version

    def desired(self) -> bytes:
        """The signed desired state as the hub gives it to this device now."""
        status, _, body = self.site.hub.api("GET", "/v1/device/desired", token="", certificate=self.agent.certificate)
        assert status == 200
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    def mark(self) -> None:
        """said() looks at what comes after this."""
        self._mark = len(self.agent.process.output())

    def restart(self) -> None:
        """Starts the stopped agent; said() looks at all that it says from then on."""
        self._mark = 0
        self.agent.start()

    def output(self) -> str:
        """What the agent wrote since mark()."""
        return self.agent.process.output()[self._mark:]

    def said(self, pattern: str):
        return re.search(pattern, self.output())

    def slot(self) -> dict:
        return self.agent.slot(self.agent.name)

    def serves(self, rusty_leaf: bytes) -> str:
        """The version that answers, rightly."""
        version, outputs = self.agent.client().infer(self.agent.name, "image", (1, 3, 64, 64), rusty_leaf)
        assert outputs["probs"][2] > 0.5, "the leaf has rust"
        return version

    def converges(self, seconds: float = 60) -> None:
        """Waits until the hub has proof of the last order, and looks at the bytes on disk."""
        version = f"1.0.{self.number}"

        def done() -> bool:
            slot = self.slot()
            return (slot.get("active") or {}).get("version") == version and slot["state"] == "idle" and slot["serving"]

        wait_until(done, f"{self.agent.name} runs {version}", seconds)
        release = self.site.hub.cli_json("releases", "show", f"{self.agent.name}@{version}:default")
        for file in release["files"]:
            held = (self.agent.state / "releases" / release["manifest"] / "files" / file["path"]).read_bytes()
            assert hashlib.sha256(held).hexdigest() == file["sha256"], file["path"]
        self.version = version
