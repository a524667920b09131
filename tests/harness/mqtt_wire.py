"""MQTT 5 packets as bytes, right and wrong ones. Source: OASIS MQTT 5.0, sections 2 and 3."""
import dataclasses
import struct

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = 8, 9, 12, 13, 14, 15


@dataclasses.dataclass(frozen=True)
class Packet:
    kind: int
    flags: int
    body: bytes


def variable(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def packet(kind: int, flags: int, body: bytes) -> bytes:
    return bytes([kind << 4 | flags]) + variable(len(body)) + body


def connect(client_id: str, keepalive: int = 60) -> bytes:
    clean_start = 2
    return packet(CONNECT, 0, text("MQTT") + bytes([5, clean_start]) + struct.pack("!H", keepalive) + b"\0" + text(client_id))


def connack(reason: int = 0, properties: bytes = b"") -> bytes:
    return packet(CONNACK, 0, bytes([0, reason]) + variable(len(properties)) + properties)


def suback(packet_id: int, reasons) -> bytes:
    return packet(SUBACK, 0, struct.pack("!H", packet_id) + b"\0" + bytes(reasons))


def publish(topic: str | bytes, payload: bytes, qos: int = 0, packet_id: int = 1, retain: bool = False,
            properties: bytes = b"") -> bytes:
    number = struct.pack("!H", packet_id) if qos else b""
    return packet(PUBLISH, qos << 1 | int(retain), text(topic) + number + variable(len(properties)) + properties + payload)


def puback(packet_id: int) -> bytes:
    return packet(PUBACK, 0, struct.pack("!H", packet_id))


class Reader:
    """Takes packets off a socket."""

    def __init__(self, connection):
        self._connection, self._buffer = connection, bytearray()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._connection.recv(64 * 1024)
            if not more:
                raise EOFError("the other side closed")
            self._buffer += more
        out = bytes(self._buffer[:size])
        del self._buffer[:size]
        return out

    def packet(self) -> Packet:
        first = self._take(1)[0]
        length = shift = 0
        while True:
            byte = self._take(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return Packet(first >> 4, first & 15, self._take(length))


def _skip_properties(body: bytes, at: int) -> int:
    length = shift = 0
    while True:
        byte = body[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return at + length


def read_publish(of: Packet) -> tuple[str, bytes, int]:
    """Topic, payload, packet id (0 at QoS 0)."""
    size = struct.unpack_from("!H", of.body)[0]
    topic, at, number = of.body[2:2 + size].decode(), 2 + size, 0
    if of.flags >> 1 & 3:
        number = struct.unpack_from("!H", of.body, at)[0]
        at += 2
    return topic, of.body[_skip_properties(of.body, at):], number


def packet_id(of: Packet) -> int:
    """Of a packet that begins with it, as PUBACK does."""
    return struct.unpack_from("!H", of.body)[0]


def read_subscribe(of: Packet) -> tuple[int, list[str]]:
    """Packet id and filters."""
    at, filters = _skip_properties(of.body, 2), []
    while at < len(of.body):
        size = struct.unpack_from("!H", of.body, at)[0]
        filters.append(of.body[at + 2:at + 2 + size].decode())
        at += 3 + size
    return packet_id(of), filters
