"""What clients do while the hub is stopped: steps that can be taken again, and what each acknowledgement promises."""
import base64
import dataclasses
import hashlib
import json
import pathlib
import subprocess
from typing import Callable

from harness.hub import Hub
from harness.wait import wait_until

from .agent_scenarios import must
from .crashpoint import DISK_WORDS

PATCH = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Refused(Exception):
    """The hub could not do it now, and said so."""


class Client:
    """One client of the hub, with what it was told so far. A second try of a step goes on from there."""

    def __init__(self, hub: Hub, inputs: "Inputs"):
        self.hub = hub
        self.inputs = inputs
        self.told: dict = {}
        self.promises: list[tuple[str, Callable[[], bool]]] = []
        self.gives_up: Callable[[], bool] = lambda: False  #: whether waiting has no more sense

    def api(self, method: str, path: str, body=None, expect=(200, 201, 204), **more):
        status, headers, answer = self.hub.api(method, path, body, **more)
        full = status == 429 and any(word in str(answer) for word in DISK_WORDS)
        if status in (500, 503) or full:
            raise Refused(f"{method} {path} -> {status}: {answer}")
        must(status in expect, f"{method} {path} -> {status}: {answer}")
        return status, headers, answer

    def promise(self, what: str, holds: Callable[[], bool]) -> None:
        """Something the hub has acknowledged: it must hold after any restart."""
        self.promises.append((what, holds))

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(lambda: condition() or self._unless_given_up(what), what, 60)

    def _unless_given_up(self, what: str) -> bool:
        if self.gives_up():
            raise Refused(f"{what}: not while the disk fails")
        return False

    def check_promises(self) -> None:
        for what, holds in self.promises:
            must(bool(holds()), f"acknowledged and lost: {what}")

    def has(self, path: str) -> bool:
        return self.hub.api("GET", path)[0] == 200


@dataclasses.dataclass
class Inputs:
    """What the steps need, made once."""
    files: dict[str, bytes]  #: of the release that is uploaded
    csr: str
    device: str  #: one that runs 1.0.0 and has the certificate below
    certificate: tuple
    boot: int  #: above the agent's own


# Steps. Each may have been carried out already when the hub was stopped before it could say so.


def upload_in_pieces(client: Client) -> None:
    data = client.inputs.files["model.onnx"]
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)),
               "Upload-Metadata": f"sha256 {encoded(sha256(data))},filename {encoded('model.onnx')}"}
    place = client.told.get("upload")
    offset = 0
    if place:
        status, answer, _ = client.hub.api("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
        must(status in (200, 204, 404), f"HEAD of an interrupted upload -> {status}")
        # Unknown: it had become a blob, of which the client was not told.
        place = None if status == 404 else place
        offset = 0 if status == 404 else int(answer["Upload-Offset"])
        must(status == 404 or offset >= client.told.get("offset", 0), "the upload lost bytes that were acknowledged")
    if not place:
        place = client.api("POST", "/v1/uploads", headers=headers)[1]["Location"].removeprefix(client.hub.url)
        client.told["upload"] = place
    half = len(data) // 2
    if offset < half:
        client.api("PATCH", place, data[offset:half], headers={**PATCH, "Upload-Offset": str(offset)})
        offset = client.told["offset"] = half
    answer = client.api("PATCH", place, data[offset:], headers={**PATCH, "Upload-Offset": str(offset)})[1]
    must(answer["Strandline-Blob"] == sha256(data), "the upload became another blob")
    client.told["upload"] = None
    promise_blob(client, data)


def promise_blob(client: Client, data: bytes) -> None:
    digest = sha256(data)
    file = client.hub.state / "blobs" / digest[:2] / digest[2:]
    client.promise(f"blob {digest}", lambda: file.exists() and sha256(file.read_bytes()) == digest)


def upload_at_once(client: Client) -> None:
    for path, data in client.inputs.files.items():
        if path != "model.onnx":
            client.api("POST", f"/v1/blobs?sha256={sha256(data)}", data)
            promise_blob(client, data)


def create_release(client: Client) -> None:
    files = [{"path": path, "sha256": sha256(data)} for path, data in client.inputs.files.items()]
    client.api("POST", "/v1/releases", {"package": "leaf", "version": "2.0.0", "entry": "model.onnx", "files": files,
                                        "golden": {"file": "golden.json"}, "channel": "stable"})
    client.promise("release leaf@2.0.0", lambda: client.has("/v1/releases/leaf@2.0.0:default"))
    client.promise("channel stable", lambda: any(
        c["name"] == "stable" and c["version"] == "2.0.0"
        for c in client.api("GET", "/v1/packages/leaf/channels")[2]["items"]))
    client.promise("followers of stable", lambda: any(
        d["channel"] == "stable" and d["follow"] and d["version"] == "2.0.0"
        for d in client.api("GET", "/v1/deployments")[2]["items"]))


def create_token(client: Client) -> None:
    made = client.api("POST", "/v1/join-tokens", {"uses": 5})[2]
    client.told["join"] = made["token"]
    client.promise("join token", lambda: made["id"] in
                   [t["id"] for t in client.api("GET", "/v1/join-tokens")[2]["items"]])


def enrol(client: Client) -> None:
    name = "newcomer"
    status, _, made = client.api("POST", "/v1/enroll", {"token": client.told["join"], "csr": client.inputs.csr, "name": name},
                                 expect=(201, 409), token="")
    # Enrolled already, and the answer was lost: the operator removes the name for another try.
    if status == 409:
        client.api("DELETE", f"/v1/devices/{name}")
        made = client.api("POST", "/v1/enroll", {"token": client.told["join"], "csr": client.inputs.csr, "name": name},
                          expect=(201,), token="")[2]
    must("BEGIN CERTIFICATE" in made["certificate"], "enrolment without a certificate")
    client.promise("device", lambda: client.has(f"/v1/devices/{name}"))


def label_device(client: Client) -> None:
    name = client.inputs.device
    client.api("PATCH", f"/v1/devices/{name}", {"labels": {"site": "north"}})
    client.promise("label", lambda: client.hub.device(name)["labels"].get("site") == "north")


def deploy(client: Client) -> None:
    made = client.api("POST", "/v1/deployments", {"package": "leaf", "version": "1.1.0",
                                                  "to": {"devices": [client.inputs.device]}})[2]
    client.told["deployment"] = made["id"]
    client.promise("deployment", lambda: client.has(f"/v1/deployments/{made['id']}"))


def as_device(client: Client, method: str, path: str, body=None, expect=(200, 204)):
    return client.api(method, path, body, expect, token="", certificate=client.inputs.certificate)


def read_desired(client: Client) -> dict:
    answer = as_device(client, "GET", "/v1/device/desired")[2]
    return json.loads(base64.b64decode(answer["payload"]))


def desired_changes(client: Client) -> None:
    wanted = read_desired(client)
    slot = next(slot for slot in wanted["slots"] if slot["slot"] == "leaf")
    must(slot["version"] == "1.1.0", "the desired state does not follow the deployment")
    generation = wanted["generation"]
    client.promise("generation", lambda: read_desired(client)["generation"] >= generation)


def delta_is_built(client: Client) -> None:
    def model(version: str) -> str:
        shown = client.api("GET", f"/v1/releases/leaf@{version}:default")[2]
        return next(f["sha256"] for f in shown["files"] if f["path"] == "model.onnx")

    path = f"/v1/deltas/{model('1.0.0')}/{model('1.1.0')}"

    def built() -> bool:
        status, headers, body = as_device(client, "GET", path, expect=(200, 202))
        if status == 202:
            return False
        must(headers["ETag"].strip('"') == sha256(body), "the delta is not what its ETag says")
        return True

    client.wait(built, "the delta")
    client.promise("delta", built)


def report_active(client: Client) -> None:
    shown = client.api("GET", "/v1/releases/leaf@1.1.0:default")[2]
    active = {"package": "leaf", "version": "1.1.0", "variant": "default", "manifest": shown["manifest"],
              "files": {f["path"]: f["sha256"] for f in shown["files"]}}
    slot = {"slot": "leaf", "state": "idle", "deployment": client.told["deployment"], "active": active, "serving": True,
            "self_test": "passed"}
    client.told["sequence"] = client.told.get("sequence", 0) + 1
    as_device(client, "POST", "/v1/device/reports",
              {"format": 1, "device": client.inputs.device, "boot": client.inputs.boot,
               "sequence": client.told["sequence"],
               "generation": read_desired(client)["generation"], "agent_version": "1", "slots": [slot], "resources": {}})
    place = client.told["deployment"]
    client.wait(lambda: client.hub.deployment(place)["state"] == "succeeded", "the deployment")
    client.promise("deployment succeeded", lambda: client.hub.deployment(place)["state"] == "succeeded")


def revoke(client: Client) -> None:
    name = client.inputs.device
    client.api("POST", f"/v1/devices/{name}/revoke")

    def refused() -> bool:
        try:
            status, _, _ = client.hub.api("GET", "/v1/device/keyset", token="", certificate=client.inputs.certificate)
            return status in (401, 403)
        except OSError:
            return True

    must(refused(), "a revoked device is served")
    client.promise("revocation", lambda: client.hub.device(name)["revoked"] and refused())


def rotate_keys(client: Client) -> None:
    """Not a call of the API: the command for a hub that is stopped."""
    command = [client.hub.bin / "strandlined", "keys", "rotate", "--config", client.hub.folder / "strandline.toml"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60)
    must(done.returncode == 0, f"keys rotate: {done.stderr}")


def check_signatures(client: Client) -> None:
    """What the hub hands out is signed by keys of the set that it hands out."""
    keys = json.loads(base64.b64decode(as_device(client, "GET", "/v1/device/keyset")[2]["payload"]))
    desired = as_device(client, "GET", "/v1/device/desired")[2]
    known = {sha256(base64.b64decode(key))[:16] for key in keys["desired"]}
    signers = {signature["keyid"] for signature in desired["signatures"]}
    must(bool(signers & known), f"the desired state is signed by {signers}, the key set has {known}")


@dataclasses.dataclass
class HubScenario:
    name: str
    steps: list[Callable[[Client], None]]


SCENARIOS = [
    HubScenario("first start", []),
    HubScenario("upload and release", [upload_in_pieces, upload_at_once, create_release]),
    HubScenario("deployment and delta", [deploy, desired_changes, delta_is_built, report_active]),
    HubScenario("enrolment", [create_token, enrol, label_device, revoke]),
    HubScenario("key rotation", []),
]


def write_csr(folder: pathlib.Path) -> str:
    key, csr = folder / "new.key", folder / "new.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=newcomer", "-keyout", key, "-out", csr], check=True, capture_output=True)
    return csr.read_text(encoding="utf-8")
