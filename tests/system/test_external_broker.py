"""A hub at a mosquitto that somebody else runs, with the configuration that the hub prints."""
import os
import pathlib
import pwd
import socket
import subprocess

import pytest
from harness.process import Process
from harness.wait import wait_until

ROOT = "strandline/v1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.process: Process | None = None

    def start(self, more: str = "") -> None:
        user = pwd.getpwuid(os.getuid()).pw_name
        main = self.folder / "mosquitto.conf"
        main.write_text(f"user {user}\nlog_dest stderr\n{more}include_dir {self.folder / 'conf.d'}\n")
        self.process = Process(["mosquitto", "-c", main], self.folder / "mosquitto.log")

    def stop(self) -> None:
        if self.process and self.process.running():
            self.process.stop()


@pytest.fixture
def far_site(fresh_site, tmp_path):
    """(site, broker): a hub with mode = "external", and its broker, started after it."""
    port = free_port()
    site = fresh_site({"mqtt.mode": "external", "mqtt.host": "127.0.0.1", "mqtt.port": port})
    broker = Broker(tmp_path)
    done = site.hub.strandlined("print-broker-config", "--to", tmp_path / "conf.d")
    assert done.returncode == 0, done.stderr
    # mosquitto reads *.conf of the folder; the rules lie beside it.
    assert {path.name for path in (tmp_path / "conf.d").iterdir()} == {"strandline.conf", "acl"}
    assert site.hub.api("GET", "/readyz")[0] == 503
    broker.start()
    wait_until(lambda: site.hub.api("GET", "/readyz")[0] == 200, "the hub found the broker", 60)
    yield site, broker
    broker.stop()


def client(site, *arguments, certificate=None):
    tls = ["-h", "127.0.0.1", "-p", str(site.hub.settings["mqtt.port"]), "--cafile", str(site.hub.ca_file), "-V", "mqttv5"]
    if certificate:
        tls += ["--cert", str(certificate[0]), "--key", str(certificate[1])]
    return subprocess.run([arguments[0], *tls, *arguments[1:]], capture_output=True, text=True, timeout=30)


def test_a_fleet_works_and_strangers_do_not(far_site, leaf):
    site, broker = far_site
    one = site.agent("one")
    site.agent("two")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    assert site.deploy("leaf@1.0.0", "all")["state"] == "succeeded"

    assert client(site, "mosquitto_sub", "-t", "#", "-C", "1", "-W", "5").returncode != 0
    spied = client(site, "mosquitto_sub", "-i", "one", "-t", "#", "-v", "-W", "2", certificate=one.certificate)
    assert f"{ROOT}/d/one/down/desired" in spied.stdout
    assert "/d/two/" not in spied.stdout
    forged = client(site, "mosquitto_pub", "-q", "1", "-t", f"{ROOT}/d/two/up/state", "-m", "{}", certificate=one.certificate)
    assert "uthorized" in forged.stderr

    site.hub.cli("devices", "revoke", "one")
    broker.process.signal(1)  # the broker's operator makes it read the revocation list again
    wait_until(lambda: client(site, "mosquitto_sub", "-i", "one", "-t", "#", "-W", "1", certificate=one.certificate)
               .returncode not in (0, 27), "a revoked device stays out", 30)


def test_the_doctor_tells_a_closed_broker_from_an_open_one(far_site):
    site, broker = far_site

    def findings() -> dict[str, str]:
        import json

        done = site.hub.strandlined("doctor", "--json")
        report = json.loads(done.stdout)
        assert done.returncode == report["exit_code"]
        return {found["check"]: found["verdict"] for found in report["findings"]}

    good = findings()
    assert (good["broker"], good["broker rules"], good["broker access"]) == ("ok", "ok", "ok")

    broker.stop()
    snippet = broker.folder / "conf.d" / "strandline.conf"
    text = snippet.read_text()
    snippet.write_text(text.replace("require_certificate true", "require_certificate false")
                       .replace("allow_anonymous false", "allow_anonymous true").replace("acl_file", "# acl_file")
                       .replace("use_identity_as_username true", "").replace("use_username_as_clientid true", ""))
    broker.start()
    wait_until(lambda: site.hub.api("GET", "/readyz")[0] == 200, "the hub found the broker", 60)
    bad = findings()
    assert (bad["broker rules"], bad["broker access"]) == ("fail", "fail")

    broker.stop()
    assert findings()["broker"] == "fail"


def test_the_printed_text_is_the_same_as_the_files(far_site):
    site, broker = far_site
    printed = site.hub.strandlined("print-broker-config").stdout
    assert (broker.folder / "conf.d" / "acl").read_text().strip() in printed
    assert "require_certificate true" in printed
