"""Coder 6: bytes of quantised weights, bit by bit, by mixed probabilities (format.md, section 4.8)."""
from bisect import bisect_left

from fields import Fields, need

_T = (22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581,
      57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514)
_SQUASH = [_T[x >> 7] * (128 - (x & 127)) + _T[(x >> 7) + 1] * (x & 127) >> 7 for x in range(1, 4096)]  # x = -2047 .. 2047
_STRETCH = [min(bisect_left(_SQUASH, 16 * v) - 2047, 2047) for v in range(4096)]
_LEVEL = [min(2 * y.bit_length() - 12 + (y >> y.bit_length() - 2 & 1), 15) for y in range(32, 2**13 + 33)]
_RATE = [131072 // (2 * count + 5) for count in range(256)]


class _Bits:
    """Arithmetic decoder of bits whose probability is mixed from seven contexts."""

    def __init__(self, stream: bytes):
        self._low, self._high, self._code, self.rest = 0, 2**32 - 1, int.from_bytes(stream[:4], "big"), list(stream[:3:-1])
        self._tables = [[[(32768, 0)] * 256 for _ in range(16)] for _ in range(7)]  # probability, count
        self._weights, self._read = [[10922] * 7 for _ in range(8)], 0

    def value(self, contexts: list[int]) -> int:
        """The next value."""
        tables, node = [table[context] for table, context in zip(self._tables, contexts)], 1
        for weights in self._weights:
            states = [table[node] if table[node][1] else (tables[0][node][0], 0) for table in tables]
            inputs = [_STRETCH[p >> 4] for p, _ in states]
            e = _SQUASH[min(max(sum([w * x for w, x in zip(weights, inputs)]) >> 16, -2047), 2047) + 2047]
            bit = self._bit(e)
            error, top, (half, shift) = 65536 * bit - e, 65535 * bit, (2**14, 15) if self._read < 8192 else (2**15, 16)
            weights[:] = [min(max(w + (x * error + half >> shift), -2**20), 2**20) for w, x in zip(weights, inputs)]
            for table, (p, n) in zip(tables, states):
                table[node] = (p + ((top - p) * _RATE[n] >> 16), n + 1 if n < 255 else 255)
            self._read += 1
            node = node * 2 + bit
        return node & 255

    def _bit(self, e: int) -> int:
        middle = self._low + ((self._high - self._low) * e >> 16)
        bit = int(self._code <= middle)
        self._low, self._high = (self._low, middle) if bit else (middle + 1, self._high)
        while self._low >> 24 == self._high >> 24:
            self._low, self._high = self._low << 8 & 0xffffffff, (self._high << 8 | 255) & 0xffffffff
            self._code = (self._code << 8 | self.rest.pop()) & 0xffffffff
        return bit


def mixed_block(fields: Fields, size: int, reference: bytes) -> bytes:
    columns, centre = fields.varint(1, 16384, "columns"), fields.integer(1)
    need(len(reference) in (0, size), "mixed: reference of another length")
    bits, values = _Bits(fields.take(fields.left)), [128, 128]  # two that are not there
    near, far, column_means = 1024, 1024, [1024] * columns
    for i in range(size):
        left, place = values[-1], i % columns
        up = values[i + 2 - columns] if i >= columns else 128
        old = (reference[i] + 128 - centre) % 256 if reference else values[-2]
        values.append(bits.value([0, left >> 4, up >> 4, old >> 4, _LEVEL[(near + far) // 2],
                                  _LEVEL[(column_means[place] + far) // 2], min(max((left + up + 1) // 2 - 64, 0) // 8, 15)]))
        distance = 64 * abs(values[-1] - 128)
        near, far = near + (distance - near >> 3), far + (distance - far >> 6)
        column_means[place] += distance - column_means[place] >> 2
    need(not bits.rest, "mixed: bytes behind the end")
    return bytes((value - 128 + centre) % 256 for value in values[2:])
