"""A server in the place of the broker: polite until a rule misbehaves, and free to say anything to its clients."""
import ssl
import threading
import time

from . import mqtt_wire as wire
from .certificates import hub_server
from .listener import Listener
from .wait import wait_until


class Client:
    """One connection that has sent CONNECT."""

    def __init__(self, connection):
        self.connection = connection
        self.filters: list[str] = []
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        with self._lock:
            self.connection.sendall(data)


class HostileBroker:
    """`rule(client, packet)` returns True when it has dealt with a packet; else the polite answer is given."""

    def __init__(self, hub):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = hub_server(hub)
        self._context.load_cert_chain(pair.certificate, pair.key)
        self.rule = None
        self.deliver = None  # called with topic and payload of what is published
        self.clients: list[Client] = []
        self.received: list[tuple[str, bytes]] = []
        self.kinds: list[int] = []  # of packets, in the order they came
        self.acknowledged: list[int] = []  # packet ids
        self.connects: list[float] = []
        self._number = 10_000
        self.listener = Listener(self._serve)

    @property
    def port(self) -> int:
        return self.listener.port

    def close(self) -> None:
        self.listener.close()

    def calm(self) -> None:
        """Polite again, to a client that has just come."""
        self.rule = None
        for client in list(self.clients):
            client.filters.clear()  # is on its way out
        self.listener.cut_all()

    def client(self, filters: int = 3, seconds: float = 30) -> Client:
        """The newest client, once it has subscribed."""
        return wait_until(lambda: next((c for c in reversed(list(self.clients)) if len(c.filters) >= filters), None),
                          "a client that has subscribed", seconds)

    def next_id(self) -> int:
        """A packet id above those that tests write out."""
        self._number += 1
        return self._number

    def _serve(self, connection) -> None:
        connection.settimeout(120)
        tls = self.listener.secure(connection, self._context)
        client = Client(tls)
        reader = wire.Reader(tls)
        try:
            while True:
                packet = reader.packet()
                self.kinds.append(packet.kind)
                if packet.kind == wire.CONNECT:
                    self.connects.append(time.monotonic())
                rule = self.rule
                if rule is None or rule(client, packet) is not True:
                    self._answer(client, packet)
        finally:
            if client in self.clients:
                self.clients.remove(client)
            self.listener.release(tls)

    def _answer(self, client: Client, packet: wire.Packet) -> None:
        if packet.kind == wire.CONNECT:
            client.send(wire.connack())
            self.clients.append(client)
        elif packet.kind == wire.SUBSCRIBE:
            number, filters = wire.read_subscribe(packet)
            client.send(wire.suback(number, [1] * len(filters)))
            client.filters += filters
        elif packet.kind == wire.PUBLISH:
            topic, payload, number = wire.read_publish(packet)
            self.received.append((topic, payload))
            # Before the acknowledgement: what cannot be delivered is sent again.
            if self.deliver is not None:
                self.deliver(topic, payload)
            if number:
                client.send(wire.puback(number))
        elif packet.kind == wire.PUBACK:
            self.acknowledged.append(wire.packet_id(packet))
        elif packet.kind == wire.PINGREQ:
            client.send(wire.packet(wire.PINGRESP, 0, b""))
