"""The three examinations: good programs pass, and each fault is named with what to do."""
import json
import shutil
import sqlite3
import subprocess

import pytest
from harness.config import write_toml
from harness.wait import wait_until


def read_report(done) -> dict[str, dict]:
    """Findings by check, the worst of each."""
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"], done.stderr
    order = ["ok", "warn", "fail"]
    worst: dict[str, dict] = {}
    for finding in report["findings"]:
        assert finding["verdict"] == "ok" or finding["remedy"], finding
        known = worst.get(finding["check"])
        if known is None or order.index(finding["verdict"]) > order.index(known["verdict"]):
            worst[finding["check"]] = finding
    assert report["exit_code"] == max(order.index(found["verdict"]) for found in worst.values())
    return worst


def faults(report: dict[str, dict]) -> dict[str, str]:
    return {check: found["detail"] for check, found in report.items() if found["verdict"] == "fail"}


def hub_report(hub, *more) -> dict[str, dict]:
    return read_report(hub.strandlined("doctor", "--json", *more))


def agent_report(agent) -> dict[str, dict]:
    done = subprocess.run([agent.hub.bin / "strandline-agent", "doctor", "--json", "--state", agent.state, "--config",
                           agent.folder / "agent.toml"], capture_output=True, text=True, timeout=120)
    return read_report(done)


def cli_report(hub) -> dict[str, dict]:
    done = subprocess.run([hub.bin / "strandline", "doctor", "--json"], env=hub.cli_environment(), capture_output=True,
                          text=True, timeout=120)
    return read_report(done)


@pytest.fixture(scope="module")
def fleet(site):
    agent = site.agent("edge")
    return site, agent


def test_running_programs_have_no_faults(fleet):
    site, agent = fleet
    of_hub = hub_report(site.hub)
    assert not faults(of_hub)
    for check in ("database", "schema", "file modes", "CA certificate", "server certificate", "hub ready", "clock", "broker",
                  "broker rules", "broker access", "writing", "mosquitto", "state folder", "certificate names"):
        assert of_hub[check]["verdict"] == "ok", of_hub[check]
    of_agent = agent_report(agent)
    assert not faults(of_agent)
    for check in ("ONNX Runtime", "membership", "versions", "device certificate", "broker access", "hub ready", "clock"):
        assert of_agent[check]["verdict"] == "ok", of_agent[check]
    of_cli = cli_report(site.hub)
    assert not faults(of_cli)
    for check in ("login", "versions", "devices", "agents", "deltas", "broker access", "clock"):
        assert of_cli[check]["verdict"] == "ok", of_cli[check]
    # The examination pushed nobody out.
    assert site.hub.device("edge")["online"] is True


def test_people_get_lines_that_say_what_to_do(fleet):
    site, agent = fleet
    key = agent.state / "identity" / "key.pem"
    key.chmod(0o644)
    done = subprocess.run([site.hub.bin / "strandline-agent", "doctor", "--state", agent.state], capture_output=True, text=True,
                          timeout=120)
    key.chmod(0o600)
    assert done.returncode == 2
    assert f"chmod 600 {key}" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("1 faults")


def test_offline_devices_and_failed_logins_show_from_afar(fleet):
    site, _ = fleet
    other = site.agent("sleeper")
    other.stop()
    wait_until(lambda: cli_report(site.hub)["devices"]["verdict"] == "warn", "the offline device shows", 30)
    env = {**site.hub.cli_environment(), "STRANDLINE_TOKEN": site.hub.token[:-70] + "0" * 6 + site.hub.token[-64:]}
    done = subprocess.run([site.hub.bin / "strandline", "doctor", "--json"], env=env, capture_output=True, text=True, timeout=120)
    assert "login" in faults(read_report(done))


@pytest.fixture
def broken(fleet, tmp_path):
    """A restored copy of the hub that nobody runs, and its examination."""
    site, _ = fleet
    backup = tmp_path / "backup"
    assert site.hub.strandlined("backup", "--to", backup).returncode == 0
    state = tmp_path / "state"
    config = write_toml(tmp_path / "hub.toml", {"hub.state": str(state), "http.port": 0, "mqtt.port": 0})

    def run(*words):
        return subprocess.run([site.hub.bin / "strandlined", *words, "--config", config], capture_output=True, text=True,
                              timeout=120)

    assert run("restore", "--from", backup).returncode == 0
    return state, lambda: read_report(run("doctor", "--json"))


def test_faults_of_a_stopped_hub_are_named(broken):
    state, examine = broken
    assert not faults(examine())
    (state / "keys" / "root.pem").chmod(0o640)
    assert "root.pem" in faults(examine())["file modes"]
    (state / "keys" / "root.pem").chmod(0o600)

    (state / "format.json").write_text('{"program":"strandlined","format":99,"version":"9"}')
    assert "format 99" in faults(examine())["state folder"]
    (state / "format.json").write_text('{"program":"strandlined","format":2,"version":"0"}')

    with sqlite3.connect(state / "hub.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("INSERT INTO device_labels VALUES ('nobody', 'a', 'b')")
    assert "device_labels" in faults(examine())["database"]
    with sqlite3.connect(state / "hub.db") as database:
        database.execute("DELETE FROM device_labels WHERE device_id = 'nobody'")
    assert not faults(examine())

    database = state / "hub.db"
    data = bytearray(database.read_bytes())
    data[4096 * 3:4096 * 4] = b"\xff" * 4096
    database.write_bytes(data)
    assert "database" in faults(examine())
    shutil.rmtree(state / "keys" / "ca")
    assert "CA certificate" in faults(examine())


def test_a_bad_configuration_is_a_fault(fleet, tmp_path):
    site, _ = fleet
    config = tmp_path / "bad.toml"
    config.write_text("[http]\nprot = 1\n")
    done = site.hub.strandlined("doctor", "--json", "--config", config, config=False)
    assert "prot" in faults(read_report(done))["configuration"]


def test_a_dead_hub_shows_at_its_devices(fresh_site):
    site = fresh_site()
    agent = site.agent("alone")
    site.hub.stop()
    report = agent_report(agent)
    assert {"hub", "broker"} <= faults(report).keys()
    assert "broker access" not in report, "what cannot be tried must not pass"
