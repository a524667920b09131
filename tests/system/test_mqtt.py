"""What a stranger's MQTT client sees with a device's certificate."""
import json
import subprocess
import time

from harness.process import Process
from harness.wait import wait_until

ROOT = "strandline/v1"


def tls(site, certificate=None):
    options = ["-h", "127.0.0.1", "-p", str(site.hub.info["mqtt_port"]), "--cafile", str(site.hub.ca_file), "-V", "mqttv5"]
    if certificate:
        options += ["--cert", str(certificate[0]), "--key", str(certificate[1])]
    return options


def subscribe(site, agent, folder, name):
    process = Process(["mosquitto_sub", *tls(site, agent.certificate), "-i", name, "-v", "-t", "#", "-t", "$SYS/#"],
                      folder / f"{name}.log")
    return process


def topics(process) -> set[str]:
    return {line.split(" ", 1)[0] for line in process.output().splitlines() if "/" in line}


def test_a_device_sees_its_own_topics_and_no_other(site, leaf, tmp_path):
    one, two = site.agent("one"), site.agent("two")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.deploy("leaf@1.0.0", "device:one", "device:two")
    spy = subscribe(site, one, tmp_path, "spy")
    try:
        wait_until(lambda: {f"{ROOT}/d/one/down/desired", f"{ROOT}/b/announce"} <= topics(spy), "own topics", 30)
        site.deploy("leaf@1.0.0", "device:two")  # traffic of the other device
        assert not [t for t in topics(spy) if "/d/two/" in t]
        assert not [t for t in topics(spy) if t.startswith("$SYS")]
        for line in spy.output().splitlines():
            topic, _, payload = line.partition(" ")
            document = json.loads(payload)
            if topic.endswith("/down/desired"):
                assert {"payloadType", "payload", "signatures"} <= document.keys()
            if topic.endswith("/b/announce"):
                assert {"spread_ms", "reconnect_window_ms", "poll_interval_ms"} <= document.keys()
    finally:
        spy.stop()
    assert two.slot("leaf")["active"]["version"] == "1.0.0"


def test_publishing_to_another_device_is_refused(site):
    one = next(a for a in site.agents if a.name == "one")
    before = site.hub.device("two")["last_seen"], site.hub.device("two")["online"]
    done = subprocess.run(["mosquitto_pub", *tls(site, one.certificate), "-q", "1", "-t", f"{ROOT}/d/two/up/state", "-m",
                           '{"state":"offline","boot":4503599627370496}', "-r"], capture_output=True, text=True, timeout=30)
    assert "uthorized" in done.stderr, done
    assert site.hub.device("two")["online"] is True and before[1] is True


def test_no_certificate_no_connection(site):
    done = subprocess.run(["mosquitto_sub", *tls(site), "-t", "#", "-C", "1", "-W", "5"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode != 0


def test_a_revoked_device_is_cut_and_stays_out(site, tmp_path):
    gone = site.agent("gone")
    spy = subscribe(site, gone, tmp_path, "gone-spy")
    wait_until(lambda: topics(spy), "topics of the device", 30)
    spy.stop()
    site.hub.cli("devices", "revoke", "gone")
    wait_until(lambda: site.hub.device("gone")["online"] is False, "revoked device offline", 90)

    def refused() -> bool:
        done = subprocess.run(["mosquitto_sub", *tls(site, gone.certificate), "-t", f"{ROOT}/d/gone/down/#", "-C", "1", "-W",
                               "3"], capture_output=True, text=True, timeout=30)
        return done.returncode != 0 and "{" not in done.stdout

    wait_until(refused, "broker refuses the revoked certificate", 30)
    try:
        status = site.hub.api("GET", "/v1/device/desired", token="", certificate=gone.certificate)[0]
    except OSError:
        status = 401  # refused in the handshake
    assert status in (401, 403)


def test_state_topic_is_retained_and_the_will_tells_of_death(site, tmp_path):
    mortal = site.agent("mortal")
    site.hub.wait_online("mortal")
    mortal.kill()
    start = time.monotonic()
    wait_until(lambda: site.hub.device("mortal")["online"] is False, "death is noticed by the will", 90)
    print(f"noticed after {time.monotonic() - start:.1f} s")
