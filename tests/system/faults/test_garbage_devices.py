"""Devices that publish garbage to the hub: huge, nested, wrong-typed, a hundred thousand a second. Nobody else notices."""
import json
import os
import socket
import ssl
import threading

import pytest

from harness import mqtt_wire as wire
from harness.leaf import LEAF_SHAPE
from harness.memory import SMALL_QUARANTINE, MemoryWatch
from harness.site import Site
from harness.wait import wait_until

ROOT = "strandline/v1"
MAX_GROWTH = 160 << 20  # the queue's 64 MiB, twice for what the sanitizer adds to each piece, and a batch under way


class Mad:
    """A device's certificate in other hands, on the real broker."""

    def __init__(self, site, agent):
        context = ssl.create_default_context(cafile=str(site.hub.ca_file))
        context.load_cert_chain(*map(str, agent.certificate))
        raw = socket.create_connection(("127.0.0.1", int(site.hub.info["mqtt_port"])), timeout=60)
        self.connection = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self.reader = wire.Reader(self.connection)
        self.topic = f"{ROOT}/d/{agent.name}/up/"
        self.connection.sendall(wire.connect(f"mad-{agent.name}"))
        answer = self.reader.packet()
        assert answer.kind == wire.CONNACK and answer.body[1] == 0, answer

    def publish(self, name: str, payload: bytes) -> bool:
        """Resolves when the broker has it, or says that it may not be."""
        self.connection.sendall(wire.publish(self.topic + name, payload, qos=1, packet_id=1))
        while True:
            answer = self.reader.packet()
            if answer.kind == wire.PUBACK:
                return len(answer.body) < 3 or answer.body[2] < 0x80

    def close(self) -> None:
        self.connection.close()


def nested(depth: int) -> bytes:
    return b'{"device":"mad","slots":' + b"[" * depth + b"]" * depth + b"}"


def report(**changes) -> bytes:
    good = {"format": 1, "device": "mad", "boot": 1, "sequence": 1, "generation": 0, "agent_version": "1", "slots": [], "resources": {}}
    return json.dumps({**good, **changes}).encode()


def slot(**changes) -> dict:
    return {"slot": "leaf", "state": "idle", **changes}


def release(version: str, files: dict) -> dict:
    return {"package": "leaf", "version": version, "variant": "default", "manifest": "0" * 64, "files": files}


GARBAGE = [
    ("noise", os.urandom(5000)), ("nothing of JSON", b"x"), ("an array", b"[]"), ("a number", b"1e999"),
    ("nesting of 100,000", nested(100_000)), ("a megabyte of text", json.dumps({"device": "m" * 900_000}).encode()),
    ("another device's name", report(device="good")), ("a negative boot", report(boot=-1)),
    ("a boot beyond all bounds", report(boot=2 ** 70)), ("slots of the wrong type", report(slots={"a": 1})),
    ("a slot of the wrong type", report(slots=[7, None, "x"])),
    ("ten thousand slots", report(slots=[{"slot": f"s{n}", "state": "idle"} for n in range(10_000)])),
    ("a slot's name that is a path", report(slots=[{"slot": "../../etc", "state": "idle"}])),
    ("the same key a thousand times", b"{" + b",".join([b'"device":"mad"'] * 1000) + b"}"),
    ("NUL and bad UTF-8", b'{"device":"\x00\xff\xfe"}'),
    ("a version with NUL", report(agent_version="1\0")), ("an architecture with NUL", report(resources={"arch": "\0"})),
    ("an error with NUL", report(slots=[slot(error={"stage": "fetch", "reason": "a\0b", "message": "\0"})])),
    ("a release with NUL", report(slots=[slot(active=release("1\0", {"a": "0" * 64}))])),
    ("a file's name with NUL", report(slots=[slot(active=release("1", {"a\0b": "0" * 64}))])),
]


@pytest.fixture(scope="module")
def crowd(fresh_module_site, leaf):
    site = fresh_module_site
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    # A report that gets lost would not come again before the test ends.
    good = site.agent("good", {"hub.report_interval_s": 3600})
    site.deploy("leaf@1.0.0", "device:good")
    mad = site.agent("mad", start=False)
    return site, good, mad


@pytest.fixture(scope="module")
def fresh_module_site(bin_dir, tmp_path_factory):
    made = Site(bin_dir, tmp_path_factory.mktemp("crowd"), {"mqtt.mute_s": 2}, env=SMALL_QUARANTINE)
    yield made
    made.close()


def metric(site, name: str) -> float:
    text = site.hub.api("GET", "/metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("payload", [
    pytest.param(payload, id=what.replace(" ", "-"), marks=pytest.mark.case(
        f"a device reports {what}", "counted as rejected or taken for what it is; the hub and the other devices go on"))
    for what, payload in GARBAGE])
@pytest.mark.parametrize("topic", ["reported", "state"])
def test_garbage(crowd, topic, payload):
    site, good, agent = crowd
    mad = Mad(site, agent)
    taken = metric(site, "strandline_ingest_messages_total")
    mad.publish(topic, payload)
    wait_until(lambda: metric(site, "strandline_ingest_messages_total") > taken, "the hub has met it", 30)
    mad.close()
    assert site.hub.device("good")["online"] is True
    assert good.running_version("leaf") == "1.0.0"


@pytest.mark.case("a device floods its topics as fast as the broker takes it, small and large messages in turn",
                  "it is muted for a while; flat memory, a bounded log; another device is updated meanwhile, no report lost")
def test_flood(crowd, rusty_leaf):
    site, good, agent = crowd
    end = threading.Event()
    sent = [0]
    small = b"".join(wire.publish(f"{ROOT}/d/mad/up/reported", b'{"device":"mad"}') for _ in range(1000))
    large = b"".join(wire.publish(f"{ROOT}/d/mad/up/{name}", bytes(200_000)) for name in ("reported", "state"))

    def flood() -> None:
        while not end.is_set():
            try:
                mad = Mad(site, agent)
            except (OSError, EOFError, AssertionError):
                continue  # the other thread has the same name
            try:
                while not end.is_set():
                    mad.connection.sendall(small)
                    mad.connection.sendall(large)
                    sent[0] += 1002
            except OSError:
                pass  # the broker has enough of us
            finally:
                mad.close()

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
    log_size = site.hub.process.log.stat().st_size
    watch = MemoryWatch(site.hub)
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: sent[0] > 20_000, "the flood", 60)
        assert site.deploy("leaf@1.1.0", "device:good")["state"] == "succeeded"
        version, outputs = good.client().infer("leaf", "image", LEAF_SHAPE, rusty_leaf)
        assert version == "1.1.0" and outputs["probs"][2] > 0.5
    finally:
        end.set()
        for thread in threads:
            thread.join(30)
    grown = watch.stop()
    print(f"{sent[0]} messages; hub memory grew by {grown / 1e6:.1f} MB")
    assert grown < MAX_GROWTH, f"{grown >> 20} MiB"
    assert site.hub.process.log.stat().st_size - log_size < 1 << 20
    assert metric(site, "strandline_mqtt_floods_total") > 0
    events = site.hub.api("GET", "/v1/events?since=0")[2]["items"]
    assert {"device": "mad", "seconds": 2} in [event["data"] for event in events if event["type"] == "device.muted"]
    mad = Mad(site, agent)
    wait_until(lambda: mad.publish("reported", report()), "it may speak again", 120)
    mad.close()
