"""Every route of api/openapi.yaml is called, and every answer fits its schema."""
import base64
import hashlib
import pathlib
import shutil
import subprocess

import pytest

from harness.wait import wait_until
from openapi import FILE, ApiDescription

ROOT = pathlib.Path(__file__).parents[2]


class Recorder:
    """Calls the hub, checks each answer against the description, remembers which routes answered well."""

    def __init__(self, site):
        self.hub = site.hub
        self.api = ApiDescription()
        self.succeeded: set = set()

    def __call__(self, method: str, target: str, body=None, expect=None, **options):
        status, headers, answer = self.hub.api(method, target, body, **options)
        key = self.api.operation_of(method, target)
        assert key, f"{method} {target} is not in {FILE.name}"
        self.api.check(key, status, headers, answer)
        if expect is not None:
            assert status == expect, f"{method} {target}: {status} {answer}"
        if status < 400 and key[0] == method:
            self.succeeded.add(key)
        return status, headers, answer


@pytest.fixture(scope="module")
def call(site):
    return Recorder(site)


def test_the_file_is_valid_openapi():
    work = ROOT / "build" / "openapi"
    work.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "validate.mjs"):
        shutil.copy(ROOT / "tests" / "openapi" / name, work / name)
    installed = subprocess.run(["npm", "ci", "--silent"], cwd=work, capture_output=True, text=True, timeout=300)
    assert installed.returncode == 0, installed.stderr
    done = subprocess.run(["node", "validate.mjs", str(FILE)], cwd=work, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "openapi 3.1: ok" in done.stdout


def tus(length, sha256=None, extra=None):
    headers = {"Tus-Resumable": "1.0.0", **(extra or {})}
    if length is not None:
        headers["Upload-Length"] = str(length)
    if sha256:
        headers["Upload-Metadata"] = "sha256 " + base64.b64encode(sha256.encode()).decode()
    return headers


def upload(call, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    _, headers, _ = call("POST", "/v1/uploads", expect=201, headers=tus(len(data), digest))
    location = headers["Location"]
    middle = len(data) // 2
    for start, piece in ((0, data[:middle]), (middle, data[middle:])):
        _, headers, _ = call("HEAD", location, expect=200, headers=tus(None))
        assert int(headers["Upload-Offset"]) == start
        _, headers, _ = call("PATCH", location, piece, expect=204, headers=tus(None, extra={
            "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}))
    assert headers["Strandline-Blob"] == digest
    return digest


def test_system_routes(call):
    for path in ("/healthz", "/readyz", "/v1/hub/ca"):
        call("GET", path, expect=200, token="")
    for path in ("/metrics", "/v1/status", "/v1/whoami"):
        call("GET", path, expect=200)
        assert call("GET", path, token="")[0] == 401


def test_uploads_blobs_and_releases(call, leaf):
    model = (leaf / "leaf-1.0.0" / "model.onnx").read_bytes()
    digest = upload(call, model)
    call("OPTIONS", "/v1/uploads", expect=204)
    _, headers, _ = call("POST", "/v1/uploads", expect=201, headers=tus(10))
    call("DELETE", headers["Location"], expect=204, headers=tus(None))
    other = (leaf / "leaf-1.1.0" / "model.onnx").read_bytes()
    other_digest = hashlib.sha256(other).hexdigest()
    call("POST", f"/v1/blobs?sha256={other_digest}", other, expect=201)
    assert call("POST", f"/v1/blobs?sha256={digest}", b"x" * 10)[0] == 422
    call("HEAD", f"/v1/blobs/{digest}", expect=200)
    assert call("GET", f"/v1/blobs/{digest}", expect=200)[2] == model
    status, headers, part = call("GET", f"/v1/blobs/{digest}", headers={"Range": "bytes=100-199"})
    assert status == 206 and part == model[100:200] and headers["Content-Range"] == f"bytes 100-199/{len(model)}"
    assert call("GET", f"/v1/blobs/{digest}", headers={"If-None-Match": headers["ETag"]})[0] == 304
    call("POST", "/v1/packages", {"name": "leaf", "description": "leaf classifier"}, expect=201)
    for version, sha in (("1.0.0", digest), ("1.1.0", other_digest)):
        _, _, release = call("POST", "/v1/releases", {"package": "leaf", "version": version, "channel": "canary",
                                                      "files": [{"path": "model.onnx", "sha256": sha}]}, expect=201)
    again = {"package": "leaf", "version": "1.0.0", "files": [{"path": "model.onnx", "sha256": digest}]}
    call("POST", "/v1/releases", again, expect=200)
    assert call("POST", "/v1/releases", {**again, "files": [{"path": "model.onnx", "sha256": other_digest}]})[0] == 409
    call("GET", "/v1/releases?package=leaf&limit=1", expect=200)
    call("GET", f"/v1/releases/{release['id']}", expect=200)
    call("GET", f"/v1/manifests/{release['manifest']}", expect=200)


def test_multipart_release(call, leaf):
    boundary = "frontier"
    model = (leaf / "leaf-1.0.0" / "model.onnx").read_bytes()
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="release"\r\nContent-Type: application/json\r\n\r\n'
            f'{{"package":"form","version":"1.0.0"}}\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="model.onnx"\r\n\r\n').encode() + model + f"\r\n--{boundary}--\r\n".encode()
    _, _, release = call("POST", "/v1/releases", body, expect=201,
                         headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert release["files"][0]["sha256"] == hashlib.sha256(model).hexdigest()
    call("DELETE", f"/v1/releases/{release['id']}", expect=204)


def test_packages_and_channels(call):
    call("GET", "/v1/packages", expect=200)
    call("GET", "/v1/packages/leaf", expect=200)
    call("PATCH", "/v1/packages/leaf", {"description": "leaves"}, expect=200)
    call("GET", "/v1/packages/leaf/variants", expect=200)
    call("PUT", "/v1/packages/leaf/channels/stable", {"version": "1.0.0"}, expect=200)
    _, _, channels = call("GET", "/v1/packages/leaf/channels", expect=200)
    assert len(channels["items"]) == 2
    call("DELETE", "/v1/packages/leaf/channels/canary", expect=204)
    call("POST", "/v1/packages", {"name": "empty"}, expect=201)
    call("DELETE", "/v1/packages/empty", expect=204)


def test_tokens(call):
    _, _, join = call("POST", "/v1/join-tokens", {"uses": 3, "labels": {"room": "a"}}, expect=201)
    assert join["token"].startswith("slj1.")
    call("GET", "/v1/join-tokens", expect=200)
    call("DELETE", f"/v1/join-tokens/{join['id']}", expect=204)
    _, _, viewer = call("POST", "/v1/tokens", {"name": "ci", "role": "viewer"}, expect=201)
    assert call("POST", "/v1/tokens", {"name": "x", "role": "admin"}, token=viewer["token"])[0] == 403
    call("GET", "/v1/tokens", expect=200)
    call("DELETE", f"/v1/tokens/{viewer['id']}", expect=204)


def make_request(folder: pathlib.Path, name: str) -> str:
    key = folder / f"{name}.key"
    done = subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                           str(key), "-subj", f"/CN={name}"], capture_output=True, text=True, check=True)
    return done.stdout


def test_device_routes(call, tmp_path, leaf):
    _, _, join = call("POST", "/v1/join-tokens", {}, expect=201)
    csr = make_request(tmp_path, "bare")
    _, _, enrolled = call("POST", "/v1/enroll", {"token": join["token"], "csr": csr, "name": "bare"}, expect=201, token="")
    assert enrolled["device"] == "bare"
    # The same key may ask again, since its answer may have been lost; nobody else may.
    assert call("POST", "/v1/enroll", {"token": join["token"], "csr": csr}, expect=201, token="")[2]["device"] == "bare"
    another = make_request(tmp_path, "another")
    assert call("POST", "/v1/enroll", {"token": join["token"], "csr": another}, token="")[0] in (401, 403)
    (tmp_path / "bare.pem").write_text(enrolled["certificate"])
    certificate = (tmp_path / "bare.pem", tmp_path / "bare.key")
    as_device = {"token": "", "certificate": certificate}
    assert call("GET", "/v1/device/desired", **as_device)[0] == 404
    call("GET", "/v1/device/keyset", expect=200, **as_device)
    _, _, renewed = call("POST", "/v1/device/renew", {"csr": csr}, expect=200, **as_device)
    assert "BEGIN CERTIFICATE" in renewed["certificate"]
    call("POST", "/v1/deployments", {"package": "leaf", "version": "1.0.0", "to": {"devices": ["bare"]}}, expect=201)
    _, headers, desired = call("GET", "/v1/device/desired", expect=200, **as_device)
    assert desired["payloadType"].endswith("desired+json")
    assert call("GET", "/v1/device/desired", headers={"If-None-Match": headers["ETag"]}, **as_device)[0] == 304
    report = {"format": 1, "device": "bare", "boot": 1, "sequence": 1, "generation": 0, "agent_version": "test", "slots": [],
              "resources": {}}
    call("POST", "/v1/device/reports", report, expect=204, **as_device)
    assert call("POST", "/v1/device/reports", {**report, "device": "other"}, **as_device)[0] in (400, 403)
    old = hashlib.sha256((leaf / "leaf-1.0.0" / "model.onnx").read_bytes()).hexdigest()
    new = hashlib.sha256((leaf / "leaf-1.1.0" / "model.onnx").read_bytes()).hexdigest()
    call("GET", f"/v1/blobs/{old}", expect=200, **as_device)
    assert call("GET", f"/v1/blobs/{new}", **as_device)[0] == 404, "not in its desired state"
    call("POST", "/v1/deployments", {"package": "leaf", "version": "1.1.0", "to": {"devices": ["bare"]}}, expect=201)
    status = wait_until(lambda: (s := call("GET", f"/v1/deltas/{old}/{new}", **as_device)[0]) != 202 and s, "delta built", 60)
    assert status == 200
    call("HEAD", f"/v1/deltas/{old}/{new}", expect=200, **as_device)
    call("GET", "/v1/deltas", expect=200)


def test_devices_and_clusters(call):
    call("GET", "/v1/devices?limit=1", expect=200)
    call("GET", "/v1/devices/bare", expect=200)
    call("POST", "/v1/devices/bare/commands/report", {})
    call("PATCH", "/v1/devices/bare", {"labels": {"room": "b"}}, expect=200)
    call("POST", "/v1/clusters", {"name": "north"}, expect=201)
    call("GET", "/v1/clusters", expect=200)
    call("PUT", "/v1/clusters/north/members/bare", {}, expect=204)
    _, _, cluster = call("GET", "/v1/clusters/north", expect=200)
    assert cluster["members"] == ["bare"]
    call("DELETE", "/v1/clusters/north/members/bare", expect=204)
    call("DELETE", "/v1/clusters/north", expect=204)


def test_deployments_events_and_audit(call):
    _, _, made = call("POST", "/v1/deployments", {"package": "leaf", "channel": "stable", "to": {"labels": {"room": "b"}}},
                      expect=201)
    call("GET", "/v1/deployments?state=running", expect=200)
    _, _, shown = call("GET", f"/v1/deployments/{made['id']}", expect=200)
    assert [d["device"] for d in shown["devices"]] == ["bare"]
    call("POST", f"/v1/deployments/{made['id']}/rollback", {}, expect=201)
    _, _, second = call("POST", "/v1/deployments", {"package": "leaf", "version": "1.1.0", "to": {"all": True}}, expect=201)
    call("POST", f"/v1/deployments/{second['id']}/cancel", {}, expect=200)
    _, _, events = call("GET", "/v1/events?since=0", expect=200)
    assert events["items"]
    _, _, audit = call("GET", "/v1/audit", expect=200)
    assert audit["items"][0]["action"]


def test_devices_can_be_shut_out(call):
    call("POST", "/v1/devices/bare/revoke", {}, expect=200)
    call("DELETE", "/v1/devices/bare", expect=204)


def test_every_route_was_called_with_success(call):
    missing = sorted(set(call.api.operations) - call.succeeded)
    assert not missing, f"never answered well: {missing}"
