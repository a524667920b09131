"""What the agent does while it is stopped: each scenario is a state to start from and a goal to reach."""
import dataclasses
import datetime
import hashlib
import json
import pathlib
from typing import Callable

from harness.agent import Agent
from harness.leaf import LEAF_SHAPE
from harness.oip import InferenceError, OipClient

SERVING = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 1 & wait $!; done\n"
# Passes its self-test by living through it, and ends as soon as it is in use.
ENDS_IN_USE = "#!/bin/sh\n[ -n \"$STRANDLINE_SELF_TEST\" ] && exit 0\nexit 3\n"


class Broken(AssertionError):
    """A promise that did not hold."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def pointer(state: pathlib.Path, slot: str) -> dict:
    file = state / "slots" / slot / "pointer.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def journal(state: pathlib.Path, slot: str) -> dict:
    file = state / "slots" / slot / "update.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def release_files(state: pathlib.Path, digest: str) -> dict[str, str]:
    folder = state / "releases" / digest / "files"
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


@dataclasses.dataclass
class Release:
    """A release as the hub signed it."""
    version: str
    manifest: str
    files: dict[str, str]
    answer: list[float]  #: to the picture of rust; [] for a program


@dataclasses.dataclass
class Scenario:
    """Ordered while the agent is off; it starts from `before` (None: no model)."""
    name: str
    slot: str
    before: Release | None
    ordered: Release
    after: Release | None  #: what must run in the end
    deployment: str
    refused: str = ""  #: reason in one word, when the order must not be kept
    prepare: Callable[[pathlib.Path], None] = lambda state: None
    reached: Callable[[pathlib.Path], bool] | None = None

    def is_reached(self, state: pathlib.Path) -> bool:
        """From what is on disk alone."""
        if self.reached:
            return self.reached(state)
        note = journal(state, self.slot)
        if note.get("state") != "idle" or note.get("order"):
            return False
        active = pointer(state, self.slot).get("active")
        if self.refused:
            refusal = note.get("refusal") or {}
            return (refusal.get("error", {}).get("reason") == self.refused and
                    refusal["order"]["deployment"] == self.deployment and
                    active == (self.after.manifest if self.after else None))
        return active == self.ordered.manifest and (note.get("completed") or {}).get("deployment") == self.deployment

    def allowed(self) -> list[Release]:
        """What may be active at some moment. A release that is refused in use was active before."""
        ordered = None if self.refused == "wrong_answer" else self.ordered
        return [release for release in (self.before, ordered, self.after) if release]

    def check_disk(self, state: pathlib.Path) -> None:
        """At any moment: what the pointer names is whole, and is one of the releases in question."""
        active = pointer(state, self.slot).get("active")
        if active is None:
            must(self.before is None or self.name == "recover", f"{self.slot}: no release is active any more")
            return
        known = {release.manifest: release for release in self.allowed()}
        must(active in known, f"{self.slot}: the active release {active} was never ordered")
        if self.name != "recover":
            must(release_files(state, active) == known[active].files, f"{self.slot}: the active release is damaged")

    def check_answer(self, client: OipClient, image: bytes, strict: bool) -> str:
        """The version that answers; '' when none does and that is right."""
        try:
            version, outputs = client.infer(self.slot, "image", LEAF_SHAPE, image)
        except InferenceError as error:
            must(not strict, f"{self.slot} does not answer: {error}")
            return ""
        known = {release.version: release for release in self.allowed()}
        must(version in known, f"{self.slot}: version {version} answers and was never ordered")
        probabilities = next(iter(outputs.values()))
        near = all(abs(a - b) < 1e-3 for a, b in zip(probabilities, known[version].answer, strict=True))
        must(near, f"{self.slot}: version {version} gives a wrong answer")
        return version


def damage_active(state: pathlib.Path, slot: str = "leaf") -> None:
    """The disk loses bytes of the active model, in the bundle and in the blob that shares them."""
    digest = pointer(state, slot)["active"]
    model = state / "releases" / digest / "files" / "model.onnx"
    model.chmod(0o600)
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 0xFF
    model.write_bytes(content)


def age_certificate(state: pathlib.Path) -> None:
    """Brings the device's time floor past two thirds of its certificate's life, where renewal is due."""
    file = state / "device.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=61)
    record["time_floor"] = later.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    file.write_text(json.dumps(record), encoding="utf-8")


def write_program(folder: pathlib.Path, text: str) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "serve.sh"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return folder


def agent_command(agent: Agent, state: pathlib.Path, config: pathlib.Path) -> list:
    return [agent.hub.bin / "strandline-agent", "run", "--state", state, "--config", config]
