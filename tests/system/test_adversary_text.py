"""Control characters, escape sequences and secrets: what reaches logs, lists and terminals."""
import json
import os
import pty
import re
import subprocess

import pytest

from harness.bare_device import BareDevice
from harness.raw_http import RawConnection
from harness.wait import wait_until

case = pytest.mark.case
EVIL = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202egpj\r\nERROR forged line\n\x7f"
# What may stand in a terminal's or log's bytes: printable characters, tabs and line ends.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def evil_report(device: BareDevice) -> dict:
    error = {"stage": EVIL[:60], "reason": EVIL[:60], "message": EVIL}
    slot = {"slot": "cam", "state": "idle", "self_test": EVIL[:60], "not_serving_reason": EVIL, "error": error,
            "active": {"package": "p", "version": EVIL[:40], "variant": "v", "manifest": "0" * 64, "files": {}}}
    return device.report(agent_version=EVIL[:60], slots=[slot], resources={"arch": EVIL[:60], "engine": EVIL})


@pytest.fixture(scope="module", params=["text", "json"])
def logged(request, bin_dir, tmp_path_factory):
    """A hub that logs everything, and a device that says what it should not."""
    from conftest import Site

    site = Site(bin_dir, tmp_path_factory.mktemp("texts"), {"log.level": "debug", "log.format": request.param,
                                                            "mqtt.reconnect_window_ms": 0})
    device = BareDevice(site.hub, "loud")
    assert device.api("POST", "/v1/device/reports", evil_report(device))[0] in (204, 400)
    yield site, request.param, device
    site.close()


def log_lines(site) -> list[str]:
    return site.hub.process.log.read_bytes().decode("utf-8").splitlines()


@case("names, labels, paths, queries, headers, tokens and reports full of line ends and escapes are sent, with the log at debug",
      "every log line is one line of printable text, and in JSON format one JSON object")
def test_nothing_forges_a_log_line(logged):
    site, kind, device = logged
    hub = site.hub
    token = hub.cli("token", "create").strip()
    hub.api("POST", "/v1/enroll", {"token": token, "name": EVIL, "csr": EVIL, "labels": {EVIL: EVIL}}, token="")
    hub.api("PATCH", "/v1/devices/loud", {"name": EVIL, "labels": {"a": EVIL}})
    hub.api("POST", "/v1/packages", {"name": EVIL, "description": EVIL})
    for data in (b"GET /%0aERROR%20forged%1b[2J HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1/devices?label=%0aforged:1 HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \x1b[2J\r\n\r\n", b"\x1b[2J\r\nforged\r\n\r\n"):
        with RawConnection(hub.url, hub.ca_file) as connection:
            connection.send(data)
            answer = connection.answer()
            assert answer is None or not FORBIDDEN.search(answer.body.decode("utf-8").replace("\n", ""))
    session = device.broker()
    assert session.connect()
    session.publish("strandline/v1/d/loud/up/reported", evil_report(device))
    session.publish("strandline/v1/d/loud/up/state", "\x1b[2J\nforged")
    session.publish("strandline/v1/d/loud/up/state", {"state": "online", "boot": 1})
    hub.wait_online("loud")
    session.close()
    lines = log_lines(site)
    assert len(lines) > 10
    for line in lines:
        assert not FORBIDDEN.search(line), ascii(line)
        assert not line.startswith("ERROR forged") and not line.startswith("forged")
    if kind == "json":
        for line in (one for one in lines if one.startswith("{")):
            assert {"time", "level", "message"} <= json.loads(line).keys()


def on_terminal(hub, *arguments) -> str:
    """What `strandline` writes to a terminal."""
    reader, writer = pty.openpty()
    child = subprocess.Popen([hub.bin / "strandline", *arguments], env=hub.cli_environment(), stdout=writer, stderr=writer,
                             stdin=subprocess.DEVNULL)
    os.close(writer)
    out = b""
    while True:
        try:
            data = os.read(reader, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    child.wait(60)
    os.close(reader)
    return out.decode("utf-8", errors="replace").replace("\r\n", "\n")


@case("a device reports escape sequences as its version, errors and engine; an operator looks at it on a terminal",
      "the sequences are shown as text, the terminal obeys none; JSON stays JSON")
def test_the_terminal_of_the_operator(logged):
    hub = logged[0].hub
    for arguments in (("devices",), ("devices", "show", "loud"), ("audit",), ("status",), ("releases",), ("devices", "show", EVIL[:20]),
                      ("releases", "show", "x@\x1b[2J:y")):
        shown = on_terminal(hub, *arguments)
        assert shown.strip(), arguments
        assert not FORBIDDEN.search(shown), (arguments, ascii(shown))
    text = on_terminal(hub, "--output", "json", "devices", "show", "loud")
    assert not FORBIDDEN.search(text)
    assert json.loads(text)["id"] == "loud"


@case("an operator sends a path with escapes to a route that is audited", "refused before it is written down; the audit stays readable")
def test_the_audit_holds_no_escapes(logged):
    hub = logged[0].hub
    for path in ("%1b%5b2J", "%ff", "%e2%80%ae", "a%0ab"):
        with RawConnection(hub.url, hub.ca_file) as connection:
            connection.send(f"DELETE /v1/packages/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n\r\n".encode())
            assert connection.answer().status == 400
    entries = hub.api("GET", "/v1/audit?limit=1000")[2]["items"]
    assert entries and not [e for e in entries for text in e.values() if isinstance(text, str) and FORBIDDEN.search(text)]


@case("CR and LF stand in what comes back in headers: file names, labels, ids, ranges", "no header of the answer is the sender's")
def test_no_header_is_injected(logged):
    hub = logged[0].hub
    for method, path in (("GET", "/v1/devices/x%0d%0aInjected:%20yes"), ("POST", "/v1/uploads"), ("HEAD", "/v1/blobs/%0d%0aInjected:1")):
        with RawConnection(hub.url, hub.ca_file) as connection:
            connection.send((f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\nUpload-Length: 5\r\n"
                             "Upload-Metadata: filename YQ0KSW5qZWN0ZWQ6IHllcw==\r\nContent-Length: 0\r\n\r\n").encode())
            answer = connection.answer(method)
            assert "Injected" not in answer.headers and answer.status in (400, 404)


@case("hub, agent and command line work for a while with the log at debug", "no token, key or secret stands in any log")
def test_no_secret_in_the_logs(fresh_site, leaf):
    site = fresh_site({"log.level": "debug"})
    hub = site.hub
    secrets = {hub.token, hub.token.split(".")[2]}
    join = hub.cli("token", "create").strip()
    secrets |= {join, join.split(".")[2]}
    agent = site.agent("quiet", {"log.level": "debug"}, token=join)
    viewer = hub.api("POST", "/v1/tokens", {"name": "v", "role": "viewer"})[2]["token"]
    secrets |= {viewer, viewer.split(".")[2]}
    hub.api("GET", f"/v1/devices?token={viewer}")
    hub.api("GET", "/v1/status", token=viewer)
    hub.api("POST", "/v1/enroll", {"token": join, "csr": "x"}, token="")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.deploy("leaf@1.0.0", "device:quiet")
    hub.cli("devices", "revoke", "quiet")
    wait_until(lambda: "revoc" in hub.process.output(), "the revocation in the log")
    pems = [*hub.state.rglob("*.key"), *(hub.state / "keys").rglob("*.pem"), *agent.state.rglob("key.pem")]
    assert len(pems) >= 4
    for file in pems:
        secrets |= {line for line in file.read_text().splitlines() if len(line) > 30 and not line.startswith("--")}
        assert file.stat().st_mode & 0o077 == 0, f"{file} is readable by others"
    for log in (hub.process.log, agent.process.log):
        # The first token is shown once on standard output, which the harness keeps in the same file.
        text = "\n".join(line for line in log.read_text(errors="replace").splitlines() if "operator token (shown once)" not in line)
        found = [secret[:12] for secret in secrets if secret in text]
        assert not found, f"{log} holds secrets that begin with {found}"
        assert "PRIVATE KEY" not in text
