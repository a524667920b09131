"""A server in the place of the hub: passes requests on to the real one until a rule misbehaves.

A rule is a function of an Exchange. It returns True when it has dealt with the request, and anything else to have it
passed on. A rule may leave the connection in any state; what it closes is closed.
"""
import dataclasses
import http.client
import socket
import ssl
import threading
import time

from .certificates import Pair, hub_server
from .listener import Listener, reset

MAX_HEAD = 64 * 1024


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the real hub said."""
    status: int
    headers: list
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request as it came, and when."""
    time: float
    method: str
    target: str
    headers: dict


class Exchange:
    """One request, and the ways to answer it."""

    def __init__(self, proxy: "HostileHub", connection, seen: Seen, body: bytes):
        self.proxy, self.connection, self.seen, self.body = proxy, connection, seen, body
        self.target = seen.target

    @property
    def range_start(self) -> int:
        """First byte asked for; 0 without a Range."""
        return int(self.seen.headers.get("range", "bytes=0-").split("=", 1)[1].split("-", 1)[0])

    def ask_hub(self, whole: bool = False) -> Answer:
        """The real answer; `whole` leaves out what asks for a part."""
        return self.proxy.ask_hub(self, whole)

    def send(self, data: bytes | str) -> None:
        self.connection.sendall(data.encode() if isinstance(data, str) else data)

    def head(self, status: int, *lines: str) -> None:
        self.send(f"HTTP/1.1 {status} X\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n")

    def reply(self, status: int, body: bytes = b"", *lines: str) -> bool:
        """A whole answer with an honest length."""
        self.head(status, *lines, f"Content-Length: {len(body)}")
        self.send(body)
        return True

    def drip(self, data: bytes, seconds: float, size: int = 1) -> None:
        """Sends a little at a time until all is gone, or the other side or the proxy has enough."""
        for start in range(0, len(data), size):
            self.send(data[start:start + size])
            if self.proxy.stopped.wait(seconds):
                return

    def hang(self) -> bool:
        """Says nothing more; ends when the other side leaves."""
        while not self.proxy.stopped.is_set():
            self.connection.settimeout(0.2)
            try:
                if not self.connection.recv(1):
                    return True
            except TimeoutError:
                continue
        return True

    def close(self) -> bool:
        """An end of the TCP connection without the farewell of TLS."""
        self.connection.shutdown(socket.SHUT_RDWR)
        return True

    def bye(self) -> bool:
        """The orderly end of TLS."""
        self.connection.unwrap()
        return True

    def reset(self) -> bool:
        reset(self.connection)
        return True


class HostileHub:
    """`certificate` is of the device whose requests are passed on."""

    def __init__(self, hub, certificate):
        self.hub, self._certificate = hub, certificate
        self.rule = None
        self.greet = None  # of the bare socket before TLS: True when it has dealt with the connection
        self.stopped = threading.Event()
        self.seen: list[Seen] = []
        self.hits = 0  # requests that met a fault
        self.present(hub_server(hub))
        self._upstream = ssl.create_default_context(cafile=str(hub.ca_file))
        self._upstream.load_cert_chain(*map(str, certificate))
        self.listener = Listener(self._serve)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.listener.port}"

    def present(self, pair: Pair) -> None:
        """Shows this certificate from the next connection on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._context = context

    def misbehave(self, rule=None, greet=None) -> None:
        """From now on only this; no request is dealt with honestly in between, and connections are made anew."""
        self.rule, self.greet = rule, greet
        self.hits = 0
        stopped, self.stopped = self.stopped, threading.Event()
        stopped.set()
        self.listener.cut_all()

    def calm(self) -> None:
        """Passes everything on from now on."""
        self.misbehave()

    def close(self) -> None:
        self.stopped.set()
        self.listener.close()

    def requests(self, prefix: str) -> list[Seen]:
        return [seen for seen in list(self.seen) if seen.target.startswith(prefix)]

    def ask_hub(self, exchange: Exchange, whole: bool) -> Answer:
        host, _, port = self.hub.url.removeprefix("https://").partition(":")
        upstream = http.client.HTTPSConnection(host, int(port), timeout=60, context=self._upstream)
        dropped = {"connection", "host", "content-length"} | ({"range", "if-range"} if whole else set())
        sent = {key: value for key, value in exchange.seen.headers.items() if key not in dropped}
        try:
            upstream.request(exchange.seen.method, exchange.target, exchange.body or None, sent)
            answer = upstream.getresponse()
            body = answer.read()
        finally:
            upstream.close()
        framing = {"connection", "transfer-encoding", "content-length"}
        return Answer(answer.status, [(k, v) for k, v in answer.getheaders() if k.lower() not in framing], body)

    def _serve(self, connection) -> None:
        if self.greet is not None and self.greet(connection):
            return
        connection.settimeout(60)
        tls = self.listener.secure(connection, self._context)
        try:
            buffered = b""
            while True:
                exchange, buffered = self._read_request(tls, buffered)
                if exchange is None:
                    return
                self._answer(exchange)
        finally:
            self.listener.release(tls)

    def _read_request(self, tls, buffered: bytes):
        while b"\r\n\r\n" not in buffered:
            more = tls.recv(16 * 1024)
            if not more or len(buffered) > MAX_HEAD:
                return None, b""
            buffered += more
        head, _, rest = buffered.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        while len(rest) < int(headers.get("content-length", "0")):
            more = tls.recv(64 * 1024)
            if not more:
                return None, b""
            rest += more
        length = int(headers.get("content-length", "0"))
        seen = Seen(time.monotonic(), method, target, headers)
        self.seen.append(seen)
        return Exchange(self, tls, seen, rest[:length]), rest[length:]

    def _answer(self, exchange: Exchange) -> None:
        rule = self.rule
        if rule is not None and rule(exchange) is True:
            return
        answer = exchange.ask_hub()
        exchange.head(answer.status, *(f"{key}: {value}" for key, value in answer.headers),
                      *([] if answer.status in (204, 304) else [f"Content-Length: {len(answer.body)}"]))
        if exchange.seen.method != "HEAD":
            exchange.send(answer.body)


def on(prefix: str, fault):
    """The fault, for requests of targets that start like this."""
    def rule(exchange: Exchange):
        if not exchange.target.startswith(prefix):
            return None
        exchange.proxy.hits += 1
        return fault(exchange)

    return rule
