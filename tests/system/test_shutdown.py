"""What the programs do at SIGTERM and SIGHUP, and what they tell a service manager."""
import hashlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import tempfile

import pytest
from harness.config import write_toml
from harness.notify import NotifySocket
from harness.wait import wait_until

BLOB_BYTES = 48 << 20  # more than every buffer between two sockets


@pytest.fixture(scope="module")
def big_blob() -> bytes:
    return os.urandom(1 << 20) * (BLOB_BYTES >> 20)


def connect(hub) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(hub.ca_file))
    host, _, port = hub.url.removeprefix("https://").partition(":")
    return http.client.HTTPSConnection(host, int(port), timeout=60, context=context)


def upload(hub, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    status = hub.api("POST", f"/v1/blobs?sha256={digest}", content)[0]
    assert status == 201
    return digest


def begin_download(hub, digest: str):
    """An answer of which nothing but the head was read."""
    connection = connect(hub)
    connection.request("GET", f"/v1/blobs/{digest}", headers={"Authorization": f"Bearer {hub.token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    return connection, answer


def terminate(hub) -> None:
    hub.process.signal(signal.SIGTERM)
    hub.process.line_with("stopping requests=")


def test_a_download_ends_whole_and_new_requests_are_sent_away(fresh_site, big_blob):
    hub = fresh_site({"http.drain_ms": 120_000, "log.level": "debug"}).hub
    broker = hub.broker_pid()
    digest = upload(hub, big_blob)
    connection, answer = begin_download(hub, digest)
    terminate(hub)

    for path in ("/readyz", "/v1/status"):
        status, headers, _ = hub.api("GET", path)
        assert status == 503, path
        assert int(headers["Retry-After"]) >= 1
        assert headers["Connection"] == "close"

    assert hashlib.sha256(answer.read()).hexdigest() == digest
    connection.close()
    assert hub.process.wait() == 0
    log = hub.process.output()
    assert "Client hub disconnected." in log, "no MQTT DISCONNECT"
    assert not (hub.state / "hub.json").exists()
    assert not pathlib.Path(f"/proc/{broker}").exists()


def test_an_upload_under_way_is_taken_in(fresh_site):
    site = fresh_site({"http.drain_ms": 120_000})
    hub = site.hub
    content = os.urandom(2 << 20)
    digest = hashlib.sha256(content).hexdigest()
    connection = connect(hub)
    connection.putrequest("POST", f"/v1/blobs?sha256={digest}")
    connection.putheader("Authorization", f"Bearer {hub.token}")
    connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content[: 1 << 20])
    # The hub is sure to have this request once it has stored a piece of it.
    wait_until(lambda: any((hub.state / "blobs" / "tmp").iterdir()), "the upload has begun")
    terminate(hub)
    connection.send(content[1 << 20:])
    answer = connection.getresponse()
    assert answer.status == 201
    assert json.loads(answer.read())["sha256"] == digest
    connection.close()
    assert hub.process.wait() == 0
    hub.start()
    status, _, body = hub.api("GET", f"/v1/blobs/{digest}")
    assert (status, body) == (200, content)


def test_what_does_not_end_is_cut_at_the_deadline(fresh_site, big_blob):
    hub = fresh_site({"http.drain_ms": 200}).hub
    connection, answer = begin_download(hub, upload(hub, big_blob))
    hub.process.signal(signal.SIGTERM)
    assert hub.process.wait() == 0
    with pytest.raises((http.client.IncompleteRead, OSError)):
        answer.read()
    connection.close()


def test_a_second_sigterm_does_not_wait(fresh_site, big_blob):
    hub = fresh_site({"http.drain_ms": 600_000}).hub
    broker = hub.broker_pid()
    connection, _ = begin_download(hub, upload(hub, big_blob))
    terminate(hub)
    hub.process.signal(signal.SIGTERM)
    assert hub.process.wait(30) == -signal.SIGTERM
    connection.close()
    wait_until(lambda: not pathlib.Path(f"/proc/{broker}/exe").exists(), "the broker is gone")
    hub.start()  # what was left behind is no obstacle
    assert hub.api("GET", "/readyz")[0] in (200, 503)


def test_sighup_rotates_the_log_and_names_what_needs_a_restart(fresh_site, tmp_path):
    log = tmp_path / "hub.log"
    hub = fresh_site({"log.file": str(log)}).hub
    config = hub.folder / "strandline.toml"
    wait_until(lambda: log.exists() and log.read_text(), "the log file is used")
    log.rename(tmp_path / "hub.log.1")
    write_toml(config, {"hub.state": str(hub.state), **hub.settings, "http.max_connections": 77, "log.level": "debug"})
    hub.process.signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "before a restart" in log.read_text(), "the new log file tells of the change")
    told = next(line for line in log.read_text().splitlines() if "before a restart" in line)
    assert "http.max_connections" in told
    assert "log.level" not in told and "hub.state" not in told
    hub.api("GET", "/v1/status")
    wait_until(lambda: "path=/v1/status" in log.read_text(), "the new level is in force")

    config.write_text("[http]\nport = \"none\"\n", encoding="utf-8")
    hub.process.signal(signal.SIGHUP)
    wait_until(lambda: "going on as before" in log.read_text(), "the fault is told")
    assert hub.api("GET", "/v1/status")[0] == 200
    assert "configuration changed" not in (tmp_path / "hub.log.1").read_text()


@pytest.fixture
def manager():
    with tempfile.TemporaryDirectory() as folder:  # a short path: sun_path has 108 bytes
        made = NotifySocket(pathlib.Path(folder) / "notify", watchdog_ms=300)
        yield made
        made.close()


def test_the_hub_tells_its_service_manager(fresh_site, manager):
    hub = fresh_site(env=manager.env).hub
    manager.expect("READY=1")
    manager.expect("WATCHDOG=1")
    hub.process.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in manager.expect("RELOADING=1")
    manager.expect("READY=1")
    hub.process.signal(signal.SIGTERM)
    manager.expect("STOPPING=1")
    assert hub.process.wait() == 0


def test_the_agent_tells_its_service_manager_and_survives_sighup(fresh_site, manager, tmp_path):
    log = tmp_path / "agent.log"
    site = fresh_site()
    agent = site.agent("told", {"log.file": str(log)}, env=manager.env)
    manager.expect("READY=1")
    assert "EXTEND_TIMEOUT_USEC=60000000" in manager.seen
    manager.expect("WATCHDOG=1")
    log.rename(tmp_path / "agent.log.1")
    agent.process.signal(signal.SIGHUP)
    manager.expect("RELOADING=1")
    manager.expect("READY=1")
    assert "configuration read again" in log.read_text()
    agent.process.signal(signal.SIGTERM)
    manager.expect("STOPPING=1")
    assert agent.process.wait() == 0
    wait_until(lambda: site.hub.device("told")["online"] is False, "it said goodbye")
