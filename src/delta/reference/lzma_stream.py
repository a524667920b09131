"""Raw LZMA streams with bytes before the first one, which Python's own module does not offer (format.md, section 4.7)."""
from collections import defaultdict

from fields import need

_AFTER_LITERAL = (0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5)


class LzmaDecoder:
    """Of a stream of section 4.7; its matches may reach into `reference`."""

    def __init__(self, coded: bytes, reference: bytes):
        properties, data = coded[0], coded[1:]
        self._lc, self._lp, self._pb = properties % 9, properties // 9 % 5, properties // 45
        need(self._pb < 5 and self._lc + self._lp <= 4 and data[0] == 0, f"LZMA: unknown properties {properties}, or no stream")
        self._range, self._code, self._rest = 0xffffffff, int.from_bytes(data[1:5], "big"), list(data[:4:-1])
        self._chances: dict[tuple, int] = defaultdict(lambda: 1024)  # of a bit 0, in 1/2048, for everything with a name
        self._out, self._state, self._distances = bytearray(reference), 0, [0] * 4

    def run(self, size: int) -> bytes:
        start, end = len(self._out), len(self._out) + size
        while len(self._out) < end:
            place = len(self._out) & (1 << self._pb) - 1
            if not self._bit("match", self._state, place):
                self._read_literal()
                continue
            length, distance = self._read_match(place), self._distances[0] + 1
            begin = len(self._out) - distance
            need(begin >= 0 and length <= end - len(self._out), "LZMA: a match out of range")
            self._out += (self._out[begin:begin + length] * (length // distance + 1))[:length]
        if self._range < 1 << 24:
            self._code = self._code << 8 | self._rest.pop()
        need(self._code == 0 and not self._rest, "LZMA: bytes behind the end")
        return bytes(self._out[start:])

    def _bit(self, *name) -> int:
        """The next bit; one without a name is as likely 0 as 1."""
        if self._range < 1 << 24:
            self._range, self._code = self._range << 8, self._code << 8 | self._rest.pop()
        chance = self._chances[name]
        bound = (self._range >> 11) * chance if name else self._range >> 1
        bit = int(self._code >= bound)
        self._range, self._code = self._range - bound if bit and name else bound, self._code - bit * bound
        if name:
            self._chances[name] -= chance >> 5 if bit else -(2048 - chance >> 5)
        return bit

    def _tree(self, width: int, *name) -> int:
        node = 1
        for _ in range(width):
            node = node * 2 + self._bit(*name, node)
        return node - (1 << width)

    def _reverse(self, width: int, *name) -> int:
        return int(f"{self._tree(width, *name):0{width}b}"[::-1], 2)

    def _read_literal(self) -> None:
        last, place, node = self._out[-1] if self._out else 0, len(self._out) & (1 << self._lp) - 1, 1
        context = (place << self._lc) + (last >> 8 - self._lc)
        matched = self._out[-self._distances[0] - 1] if self._state >= 7 else None
        for shift in range(7, -1, -1):
            like = None if matched is None else matched >> shift & 1
            bit = self._bit("literal", context, like, node)
            node = node * 2 + bit
            matched = matched if bit == like else None
        self._out.append(node & 255)
        self._state = _AFTER_LITERAL[self._state]

    def _read_match(self, place: int) -> int:
        """Length of a match; its distance becomes the first."""
        bit, state, late = self._bit, self._state, self._state >= 7
        if not bit("repeated", state):
            self._state, length = 10 if late else 7, self._read_length("length", place)
            self._distances = [self._read_distance(min(length - 2, 3)), *self._distances[:3]]
            return length
        if bit("not the first", state):
            which = 2 + bit("fourth", state) if bit("not the second", state) else 1
            self._distances.insert(0, self._distances.pop(which))
        elif not bit("long", state, place):
            self._state = 11 if late else 9
            return 1
        self._state = 11 if late else 8
        return self._read_length("repeated length", place)

    def _read_length(self, kind: str, place: int) -> int:
        if self._bit(kind, "not short"):
            return 18 + self._tree(8, kind) if self._bit(kind, "long") else 10 + self._tree(3, kind, "middle", place)
        return 2 + self._tree(3, kind, "short", place)

    def _read_distance(self, length_class: int) -> int:
        slot = self._tree(6, "slot", length_class)
        if slot < 4:
            return slot
        width = (slot >> 1) - 1
        distance = (2 | slot & 1) << width
        direct = sum(self._bit() << place for place in range(width - 1, 3, -1)) if slot >= 14 else 0
        return distance + direct + (self._reverse(4, "align") if slot >= 14 else self._reverse(width, "distance", slot))
