"""A bad line: a TCP relay that delays, throttles, stalls, cuts and goes dead. What it does is the same with and without root."""
import collections
import dataclasses
import random
import socket
import threading
import time

from .listener import Listener, cut

PIECE = 1400  # about a segment, so that delays and stalls fall as they would on a wire
QUEUE = 128  # segments under way each way; a full line makes the sender wait


@dataclasses.dataclass
class Quality:
    """Of each direction. The default is a perfect line."""
    delay_s: float = 0.0
    bytes_per_second: float = 0.0  # 0 is unlimited
    # Share of the segments that are lost: TCP hides a loss behind the wait for its retransmission.
    loss: float = 0.0
    retransmission_s: float = 0.2
    cut_after: int = 0  # bytes towards the client on one connection; 0 is never
    dead: bool = False  # open, and nothing comes through


class Direction:
    """Carries the bytes of one direction of one connection."""

    def __init__(self, line: "BadLine", source, sink, downward: bool):
        self.line, self.source, self.sink, self.downward = line, source, sink, downward
        self._queue: collections.deque[tuple[float, bytes]] = collections.deque()
        self._change = threading.Condition()
        self._random = random.Random(line.seed)
        self._last = 0.0  # nothing overtakes what went before
        self._carried = 0
        threading.Thread(target=self._deliver, daemon=True).start()

    def run(self) -> None:
        while True:
            data = self.source.recv(PIECE)
            self._put(time.monotonic(), data)
            if not data:
                return

    def _put(self, now: float, data: bytes) -> None:
        quality = self.line.quality
        due = max(now, self._last - quality.delay_s)
        if quality.bytes_per_second:
            due += len(data) / quality.bytes_per_second
        while data and self._random.random() < quality.loss:
            due += quality.retransmission_s
        with self._change:
            while len(self._queue) >= QUEUE and not self.line.closed:
                self._change.wait(1)
            self._last = due + quality.delay_s
            self._queue.append((self._last, data))
            self._change.notify_all()

    def _deliver(self) -> None:
        while not self.line.closed:
            with self._change:
                while not self._queue and not self.line.closed:
                    self._change.wait(1)
                if not self._queue:
                    return
                due, data = self._queue.popleft()
                self._change.notify_all()
            time.sleep(max(0.0, due - time.monotonic()))
            if not self._pass_on(data):
                return

    def _pass_on(self, data: bytes) -> bool:
        while self.line.quality.dead and not self.line.closed:
            time.sleep(0.05)
        limit = self.line.quality.cut_after
        try:
            if not data:
                self.sink.shutdown(socket.SHUT_WR)
                return False
            self.sink.sendall(data)
            self._carried += len(data)
            if self.downward and limit and self._carried >= limit:
                self.line.cuts += 1
                cut(self.source)
                cut(self.sink)
                return False
        except OSError:
            return False
        return True


class BadLine:
    """Relays to a loopback port. `quality` may be changed at any time."""

    def __init__(self, target: int, quality: Quality | None = None, port: int = 0, seed: int = 1):
        self.target, self.quality, self.seed = target, quality or Quality(), seed
        self.closed = False
        self.cuts = 0
        self.listener = Listener(self._serve, port)

    @property
    def port(self) -> int:
        return self.listener.port

    def cut_all(self) -> None:
        self.listener.cut_all()

    def close(self) -> None:
        self.closed = True
        self.listener.close()

    def _serve(self, connection) -> None:
        with socket.create_connection(("127.0.0.1", self.target), timeout=10) as upstream:
            upstream.settimeout(None)
            up = threading.Thread(target=self._carry, args=(Direction(self, connection, upstream, False),), daemon=True)
            up.start()
            self._carry(Direction(self, upstream, connection, True))
            up.join(30)

    @staticmethod
    def _carry(direction: Direction) -> None:
        try:
            direction.run()
        except OSError:
            direction._put(time.monotonic(), b"")
