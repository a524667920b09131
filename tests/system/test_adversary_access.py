"""Every route with every role, from the declared access in api/openapi.yaml; devices and what is not theirs."""
import hashlib

import pytest

from harness import pki
from harness.bare_device import BareDevice
from openapi import ApiDescription

case = pytest.mark.case
API = ApiDescription()
ALLOWED = {"open": {"nobody", "garbage", "device", "viewer", "operator", "admin"}, "device": {"device"},
           "device-or-viewer": {"device", "viewer", "operator", "admin"}, "viewer": {"viewer", "operator", "admin"},
           "operator": {"operator", "admin"}, "admin": {"admin"}}
NOTHING = {"sha256": "0" * 64, "base": "0" * 64, "target": "1" * 64, "digest": "0" * 64}


@pytest.fixture(scope="module")
def callers(site):
    """{who: options of Hub.api}"""
    hub = site.hub
    made = {role: hub.api("POST", "/v1/tokens", {"name": f"{role}-of-test", "role": role})[2]["token"]
            for role in ("viewer", "operator")}
    flipped = hub.token[:40] + ("0" if hub.token[40] != "0" else "1") + hub.token[41:]
    device = BareDevice(hub, "matrix")
    return {"nobody": {"token": ""}, "garbage": {"token": flipped}, "viewer": {"token": made["viewer"]},
            "operator": {"token": made["operator"]}, "admin": {"token": hub.token},
            "device": {"token": "", "certificate": device.certificate}}


def target_of(path: str) -> str:
    for name, value in NOTHING.items():
        path = path.replace("{" + name + "}", value)
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = path[:start] + "nothing-here" + path[end + 1:]
    return path


@case("every route is called as nobody, with a false token, as device, viewer, operator and admin",
      "exactly those that api/openapi.yaml declares get past the guard")
@pytest.mark.parametrize(("method", "path"), sorted(API.operations))
def test_every_route_with_every_role(site, callers, method, path):
    access = API.operations[(method, path)]["x-access"]
    for who, options in callers.items():
        status = site.hub.api(method, target_of(path), **options)[0]
        if who in ALLOWED[access]:
            assert status not in (401, 403), f"{who} was kept from {method} {path}: {status}"
        else:
            wanted = 401 if who in ("nobody", "garbage") else 403
            assert status == wanted, f"{who} got {status} from {method} {path}"


@case("a route is called by a method that it has not, or a path that is nobody's", "405 with Allow, or 404; never a handler")
def test_methods_and_paths_beside_the_routes(site):
    status, headers, _ = site.hub.api("DELETE", "/v1/status", token="")
    assert status == 405 and "GET" in headers["Allow"]
    for path in ("/v1/status/", "/v1//status", "/V1/status", "/v1/status/../tokens", "/v1/./status", "/v1/%2e%2e/etc", "/"):
        assert site.hub.api("GET", path)[0] == 404, path


@case("a viewer deploys, pushes and reads the audit; an operator mints tokens and revokes",
      "403 by name of the role that it takes; refused acts stand in the audit")
def test_denied_acts_are_audited(site, callers):
    hub = site.hub
    denied = [("viewer", "POST", "/v1/deployments"), ("viewer", "POST", "/v1/releases"), ("viewer", "GET", "/v1/audit"),
              ("operator", "POST", "/v1/tokens"), ("operator", "POST", "/v1/devices/matrix/revoke")]
    for who, method, path in denied:
        status, _, answer = hub.api(method, path, {}, **callers[who])
        assert status == 403 and "needs role" in answer["error"]["message"]
    entries = hub.api("GET", "/v1/audit?limit=200")[2]["items"]
    seen = {(e["actor"], e["action"]) for e in entries if e["outcome"] == "forbidden"}
    assert {("viewer-of-test", "deployment.create"), ("viewer-of-test", "release.create"),
            ("operator-of-test", "token.create"), ("operator-of-test", "device.revoke")} <= seen
    assert hub.device("matrix")["revoked"] is False


@case("a bearer token comes with a device's certificate", "the token alone counts, a false one is not healed by the certificate")
def test_token_and_certificate_together(site, callers):
    certificate = callers["device"]["certificate"]
    assert site.hub.api("GET", "/v1/whoami", token=callers["viewer"]["token"], certificate=certificate)[2]["role"] == "viewer"
    assert site.hub.api("GET", "/v1/whoami", token=callers["garbage"]["token"], certificate=certificate)[0] == 401


@case("a device reads desired state, manifests, blobs and deltas of another one", "its own state only; 404 for all the rest")
def test_a_device_reads_only_what_is_ordered_for_it(site, leaf):
    hub = site.hub
    owner, other = BareDevice(hub, "owner"), BareDevice(hub, "other")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    hub.cli("deploy", "leaf@1.0.0", "--to", "device:owner")
    hub.cli("deploy", "leaf@1.1.0", "--to", "device:owner")
    old, new = (hub.api("GET", f"/v1/releases/leaf@{v}:default")[2] for v in ("1.0.0", "1.1.0"))
    model = {r["version"]: next(f["sha256"] for f in r["files"] if f["path"] == "model.onnx") for r in (old, new)}
    paths = [f"/v1/manifests/{new['manifest']}", f"/v1/blobs/{model['1.1.0']}", f"/v1/deltas/{model['1.0.0']}/{model['1.1.0']}"]
    for path in paths:
        assert owner.api("GET", path)[0] in (200, 202), path
        assert other.api("GET", path)[0] == 404, path
        assert other.api("HEAD", path)[0] == 404, path
        assert other.api("GET", path, headers={"Range": "bytes=0-9"})[0] == 404, path
    assert owner.api("GET", f"/v1/manifests/{old['manifest']}")[0] == 404, "an order that was replaced"
    assert other.api("GET", "/v1/device/desired")[0] == 404
    for path in ("/v1/device/desired?device=owner", "/v1/device/desired/../owner"):
        assert other.api("GET", path)[0] == 404
    assert hashlib.sha256(owner.api("GET", f"/v1/blobs/{model['1.1.0']}")[2]).hexdigest() == model["1.1.0"]


@case("a viewer asks for deltas that nobody has ordered", "404 and no job; what an operator asked for it may read")
def test_a_viewer_orders_no_deltas(site, callers, leaf):
    hub = site.hub
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    shown = [hub.api("GET", f"/v1/releases/leaf@{v}:default")[2] for v in ("1.1.0", "1.0.0")]
    back = [next(f["sha256"] for f in release["files"] if f["path"] == "model.onnx") for release in shown]
    path = "/v1/deltas/" + "/".join(back)

    def known() -> bool:
        return back in [[job["base"], job["target"]] for job in hub.api("GET", "/v1/deltas?limit=200")[2]["items"]]

    assert hub.api("GET", path, **callers["viewer"])[0] == 404
    assert not known()
    assert hub.api("GET", path, **callers["operator"])[0] in (200, 202)
    assert known()
    assert hub.api("GET", path, **callers["viewer"])[0] in (200, 202)


@case("an operator's token is deleted while its connection and its event stream stand",
      "the next request is refused; the stream ends")
def test_a_deleted_token_ends_its_stream(site):
    import ssl

    from harness.raw_http import RawConnection

    hub = site.hub
    made = hub.api("POST", "/v1/tokens", {"name": "short-lived", "role": "viewer"})[2]
    request = (f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
               f"Authorization: Bearer {made['token']}\r\n\r\n").encode()
    with RawConnection(hub.url, hub.ca_file) as stream:
        assert isinstance(stream.socket, ssl.SSLSocket) and stream.send(request)
        assert b"200 OK" in stream.socket.recv(4096)
        assert hub.api("DELETE", f"/v1/tokens/{made['id']}")[0] == 204
        assert hub.api("GET", "/v1/whoami", token=made["token"])[0] == 401
        assert stream.ends(), "the stream of a deleted token goes on"


@case("a renewal by a device that was revoked meanwhile", "refused; no certificate is made")
def test_no_renewal_after_revocation(site):
    gone = BareDevice(site.hub, "renewer")
    assert gone.api("POST", "/v1/device/renew", {"csr": pki.request_pem(gone.key, "hub")})[0] == 200
    site.hub.cli("devices", "revoke", "renewer")
    try:
        status = gone.api("POST", "/v1/device/renew", {"csr": pki.request_pem(gone.key, "x")})[0]
    except OSError:
        status = 401
    assert status in (401, 403)
