"""A broker, or somebody publishing through it, that is out of its mind: nothing bad is taken, nothing is flooded on."""
import json
import os
import random

import pytest

from harness import mqtt_wire as wire
from harness.hostile_broker import HostileBroker
from harness.memory import MemoryWatch
from harness.victim import Victim
from harness.wait import wait_until

ROOT = "strandline/v1"
DESIRED = f"{ROOT}/d/victim/down/desired"
ANNOUNCE = f"{ROOT}/b/announce"
COMMAND = f"{ROOT}/d/victim/down/cmd/"
MAX_GROWTH = 48 << 20


@pytest.fixture(scope="module")
def broker(site):
    made = HostileBroker(site.hub)
    yield made
    made.close()


@pytest.fixture(scope="module")
def victim(site, leaf, broker, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"), broker=broker, payload=20_000)
    made.older = [made.desired()]
    for _ in range(2):
        made.order()
        made.converges()
        made.older.append(made.desired())
    yield made
    made.close()


def converges_on_message(victim, broker) -> None:
    """A new order still comes by the broker, and is carried out."""
    client = broker.client()
    victim.order()
    client.send(wire.publish(DESIRED, victim.desired(), qos=1, packet_id=7, retain=True))
    victim.converges()


@pytest.mark.case("the same desired state a thousand times", "carried out once; nothing is fetched again")
def test_duplicates(victim, broker):
    client = broker.client()
    fetched = len(victim.hub.requests("/v1/manifests")) + len(victim.hub.requests("/v1/blobs"))
    for number in range(1000):
        client.send(wire.publish(DESIRED, victim.older[-1], qos=1, packet_id=number + 1, retain=True))
    wait_until(lambda: broker.kinds.count(wire.PUBACK) >= 1000, "all are acknowledged", 30)
    assert len(victim.hub.requests("/v1/manifests")) + len(victim.hub.requests("/v1/blobs")) == fetched
    converges_on_message(victim, broker)


@pytest.mark.case("retained desired states of older generations, shuffled", "each is refused as older; what runs goes on")
def test_older_generations(victim, broker, rusty_leaf):
    client = broker.client()
    before = victim.serves(rusty_leaf)
    victim.mark()
    stale = victim.older[:-1] * 5
    random.shuffle(stale)
    for payload in stale:
        client.send(wire.publish(DESIRED, payload, retain=True))
    wait_until(lambda: victim.said("desired state not taken .*is older than"), "refused as older", 30)
    assert victim.serves(rusty_leaf) == before
    converges_on_message(victim, broker)


def tampered(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    payload = bytearray(document["payload"].encode())
    payload[40] = payload[40] ^ 1
    document["payload"] = payload.decode()
    return json.dumps(document).encode()


def unsigned(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    document["signatures"] = []
    return json.dumps(document).encode()


def other_signer(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    for signature in document["signatures"]:
        signature["keyid"] = "0" * 64
    return json.dumps(document).encode()


BAD_DESIRED = [
    ("one bit of the signed payload is flipped", tampered),
    ("without a signature", unsigned),
    ("signed by a key nobody knows", other_signer),
    ("JSON nested ten thousand deep", lambda _: b"[" * 10_000),
    ("JSON of another shape", lambda _: b'{"payloadType":7,"payload":{},"signatures":"x"}'),
    ("numbers beyond all bounds", lambda _: b'{"payloadType":1e999,"payload":-1e999,"signatures":[]}'),
    ("not UTF-8", lambda _: b"\xff\xfe\x00" * 100),
    ("noise", lambda _: os.urandom(5000)),
    ("cut in the middle", lambda envelope: envelope[:len(envelope) // 2]),
]


@pytest.mark.parametrize("make", [
    pytest.param(make, id=what.replace(" ", "-"), marks=pytest.mark.case(
        f"a desired state: {what}", "refused with a reason; the next good one is carried out")) for what, make in BAD_DESIRED])
def test_bad_desired_states(victim, broker, rusty_leaf, make):
    client = broker.client()
    before = victim.serves(rusty_leaf)
    victim.mark()
    client.send(wire.publish(DESIRED, make(victim.older[-1]), qos=1))
    wait_until(lambda: victim.said("desired state not taken error="), "refused", 30)
    assert victim.serves(rusty_leaf) == before


@pytest.mark.case("a desired state that the hub signed for another device", "refused as not ours")
def test_desired_of_another_device(victim, broker, rusty_leaf):
    other = victim.site.agent("other", start=False)
    victim.site.hub.cli("deploy", f"victim@{victim.version}", "--to", "device:other")
    envelope = victim.site.hub.api("GET", "/v1/device/desired", token="", certificate=other.certificate)[2]
    victim.mark()
    broker.client().send(wire.publish(DESIRED, json.dumps(envelope).encode() if isinstance(envelope, dict) else envelope))
    wait_until(lambda: victim.said("desired state not taken .*for device other"), "refused", 30)
    assert victim.serves(rusty_leaf) == victim.version



def noise(kind: int) -> bytes:
    """A packet whose property list is random bytes; mqtt_guard_test tries many."""
    properties = random.randbytes(random.randrange(1, 60))
    front = wire.text("a") if kind == wire.PUBLISH else b"\x18"
    return wire.packet(kind, 0, front + wire.variable(len(properties)) + properties)


CONTENT_TYPE = b"\x03" + wire.text("text/plain")

MALFORMED = [
    ("noise in the properties of AUTH", lambda: noise(wire.AUTH)),
    ("noise in the properties of PUBLISH", lambda: noise(wire.PUBLISH)),
    ("an unknown property", lambda: wire.publish(DESIRED, b"x", properties=b"\x7e\0\0")),
    ("an unknown property in AUTH", lambda: wire.packet(wire.AUTH, 0, b"\x18\x02\x7e\0")),
    ("a property twice", lambda: wire.publish(DESIRED, b"x", properties=CONTENT_TYPE * 2)),
    ("a packet of 200 MB announced", lambda: b"\x30" + wire.variable(200_000_000) + wire.text(DESIRED) + b"\0" + bytes(1000)),
    ("a packet longer than agreed", lambda: wire.publish(DESIRED, bytes(8 << 20))),
    ("a topic that is not UTF-8", lambda: wire.publish(b"\xc3\x28/x", b"x")),
    ("a topic with NUL", lambda: wire.publish(b"a\0b", b"x")),
    ("a topic with wildcards", lambda: wire.publish("strandline/#", b"x")),
    ("a length of five bytes", lambda: b"\x30\xff\xff\xff\xff\x7f"),
    ("a packet type that does not exist", lambda: wire.packet(0, 0, b"abc")),
    ("a QoS that does not exist", lambda: wire.packet(wire.PUBLISH, 6, wire.text("a") + b"\0\1\0x")),
    ("a PUBLISH of QoS 2, which nobody asked for", lambda: wire.publish(ANNOUNCE, b"x", qos=2)),
    ("properties longer than the packet", lambda: wire.packet(wire.PUBLISH, 0, wire.text("a") + b"\xff\x7f")),
    ("a topic longer than the packet", lambda: wire.packet(wire.PUBLISH, 0, b"\xff\xffabc")),
    ("SUBACK of a packet never sent", lambda: wire.suback(4711, [1])),
    ("PUBACK of a packet never sent", lambda: wire.puback(4711)),
    ("CONNACK a second time", lambda: wire.connack()),
    ("CONNECT from the broker", lambda: wire.connect("broker")),
    ("an empty SUBACK", lambda: wire.packet(wire.SUBACK, 0, b"")),
    ("DISCONNECT: server is shutting down", lambda: wire.packet(wire.DISCONNECT, 0, b"\x8b\0")),
    ("DISCONNECT with a reason that does not exist", lambda: wire.packet(wire.DISCONNECT, 0, b"\xfe\0")),
]


@pytest.mark.parametrize("make", [
    pytest.param(make, id=what.replace(" ", "-"), marks=pytest.mark.case(
        f"the broker sends {what}", "ignored, or the connection is given up and made anew; flat memory")) for what, make in MALFORMED])
def test_malformed_packets(victim, broker, rusty_leaf, make):
    client = broker.client()
    watch = MemoryWatch(victim.agent)
    number, connects = broker.next_id(), len(broker.connects)
    try:
        client.send(make())
        client.send(wire.publish(ANNOUNCE, b'{"spread_ms":0,"reconnect_window_ms":0,"poll_interval_ms":1000}', qos=1, packet_id=number))
    except OSError:
        pass  # it was left at once
    # Either it went on and acknowledged what came after, or it comes again.
    wait_until(lambda: number in broker.acknowledged or (len(broker.connects) > connects and client not in broker.clients),
               "it goes on or comes again", 30)
    assert victim.serves(rusty_leaf) == victim.version
    assert watch.stop() < MAX_GROWTH


@pytest.mark.case("the broker sends an unknown property, a property twice, a packet of 200 MB", "the agent's log names each")
def test_malformed_packets_are_named(victim, broker):
    for make, name in ((lambda: wire.publish(DESIRED, b"x", properties=b"\x7e"), "a PUBLISH with an unknown property 0x7e"),
                       (lambda: wire.publish(DESIRED, b"x", properties=CONTENT_TYPE * 2), "a PUBLISH with property 0x03 twice"),
                       (lambda: b"\x30" + wire.variable(200_000_000), "a PUBLISH of 200000005 bytes, but")):
        client = broker.client(seconds=90)  # the agent waits longer each time
        victim.mark()
        client.send(make())
        wait_until(lambda name=name: victim.said("the broker sent " + name), name, 30)
        wait_until(lambda client=client: client not in broker.clients, "its connection has ended here too", 30)


@pytest.mark.case("after all malformed packets", "a good order by the same broker is carried out")
def test_good_order_after_malformed_packets(victim, broker):
    broker.calm()
    broker.client(seconds=90)
    converges_on_message(victim, broker)


REFUSALS = [0x80, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x95, 0x97, 0x9C, 0x9D, 0x9F, 0xFF]


@pytest.mark.case("CONNACK with each reason to refuse", "named; tried again with a growing wait; orders come by polling meanwhile")
def test_connack_refusals(victim, broker, rusty_leaf):
    reasons = []

    def refuse(client, packet):
        if packet.kind != wire.CONNECT:
            return None
        reasons.append(REFUSALS[len(reasons) % len(REFUSALS)])
        client.send(wire.connack(reasons[-1]))
        return True

    victim.mark()
    broker.rule = refuse
    broker.listener.cut_all()
    victim.order()
    victim.converges()
    wait_until(lambda: len(reasons) >= 4, "refused four times", 60)
    wait_until(lambda: victim.said("(?i)broker lost error=.*(refused|unspecified|malformed|protocol|authori)"), "named", 30)
    polls = len(victim.hub.requests("/v1/device/desired"))
    wait_until(lambda: len(victim.hub.requests("/v1/device/desired")) > polls, "it polls", 30)
    broker.calm()
    converges_on_message(victim, broker)


@pytest.mark.case("CONNECT or SUBSCRIBE is never answered", "left after the timeout and tried again; orders come by polling meanwhile")
@pytest.mark.parametrize("kind", [wire.CONNECT, wire.SUBSCRIBE], ids=["connect", "subscribe"])
def test_silence(victim, broker, kind):
    broker.rule = lambda client, packet: packet.kind == kind or None
    victim.mark()
    broker.listener.cut_all()
    victim.order()
    victim.converges()
    wait_until(lambda: victim.said("no answer to " + {1: "CONNECT", 8: "SUBSCRIBE"}[kind]), "named", 60)
    broker.calm()
    converges_on_message(victim, broker)


@pytest.mark.parametrize("kind", [
    pytest.param(kind, id=name, marks=pytest.mark.case(
        f"the connection is cut at each {name} of the agent", "comes again; orders and reports go over HTTPS meanwhile"))
    for kind, name in ((wire.CONNECT, "CONNECT"), (wire.SUBSCRIBE, "SUBSCRIBE"), (wire.PUBLISH, "PUBLISH"))])
def test_cut_at_each_packet(victim, broker, kind):
    def cut(client, packet):
        if packet.kind != kind:
            return None
        raise OSError("cut")

    connects = len(broker.connects)
    broker.rule = cut
    broker.listener.cut_all()
    victim.order()
    victim.converges()
    wait_until(lambda: len(broker.connects) >= connects + 3, "three more tries", 60)
    broker.calm()
    converges_on_message(victim, broker)


@pytest.mark.case("twenty thousand messages at once: garbage, pointers, commands, announcements",
                  "a few log lines, a few requests to the hub, flat memory, inference goes on, and the next order is carried out")
def test_flood(victim, broker, rusty_leaf):
    client = broker.client()
    pointer = json.dumps({"digest": "0" * 64, "url": "/v1/device/desired"}).encode()
    block = b"".join([wire.publish(DESIRED, b"garbage"), wire.publish(DESIRED, pointer), wire.publish(COMMAND + "report", b"{}"),
                      wire.publish(COMMAND + "keyset", b"{}"), wire.publish(ANNOUNCE, b"garbage")])
    victim.mark()
    asked = len(victim.hub.requests("/v1/device/"))
    watch = MemoryWatch(victim.agent)
    for _ in range(40):
        client.send(block * 100)
        assert victim.serves(rusty_leaf) == victim.version
    grown = watch.stop()
    keysets = len(victim.hub.requests("/v1/device/keyset"))
    converges_on_message(victim, broker)
    assert grown < MAX_GROWTH, f"{grown >> 20} MiB"
    assert len(victim.output().splitlines()) < 1000
    assert len(victim.hub.requests("/v1/device/")) - asked < 200
    assert keysets < 10


@pytest.mark.case("an announcement with absurd numbers", "refused with a reason; the old one counts")
def test_absurd_announcements(victim, broker):
    client = broker.client()
    for payload in (b'{"spread_ms":-1}', b'{"reconnect_window_ms":1e300}', b'{"poll_interval_ms":0}', b'{"spread_ms":"soon"}', b"[]"):
        victim.mark()
        client.send(wire.publish(ANNOUNCE, payload, qos=1))
        wait_until(lambda: victim.said("announcement refused error="), payload.decode(), 30)


@pytest.mark.case("the broker goes away after announcing a reconnect window of a day", "the agent comes back within that window, not at once; "
                  "orders come by polling meanwhile")
def test_reconnect_window(victim, broker):
    client = broker.client()
    victim.mark()

    def taken():
        client.send(wire.publish(ANNOUNCE, b'{"spread_ms":0,"reconnect_window_ms":86400000,"poll_interval_ms":1000}', qos=1))
        return victim.said("announcement taken .*reconnect_window_ms=86400000")

    wait_until(taken, "the announcement counts", 30)
    connects = len(broker.connects)
    broker.listener.cut_all()
    victim.order()
    victim.converges()
    assert len(broker.connects) == connects
    victim.agent.stop()
    victim.restart()
    broker.client()
