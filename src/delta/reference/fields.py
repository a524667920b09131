"""Bytes of a delta, read field by field."""
from functools import reduce

_CRC = [reduce(lambda crc, _: crc >> 1 ^ (0x82f63b78 if crc & 1 else 0), range(8), byte) for byte in range(256)]


def need(good: bool, message: str) -> None:
    """Else the delta is not one that this reader may read, or is damaged."""
    if not good:
        raise ValueError(message)


class Fields:
    """Reads `data` from start to end; refuses to go past it."""

    def __init__(self, data: bytes, what: str):
        self._data, self._what, self.left = data, what, len(data)

    def take(self, count: int) -> bytes:
        need(count <= self.left, f"{self._what}: cut short")
        at = len(self._data) - self.left
        self.left -= count
        return self._data[at:at + count]

    def end(self) -> None:
        need(self.left == 0, f"{self._what}: {self.left} bytes too many")

    def integer(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def varint(self, least: int = 0, most: int = 2**64 - 1, what: str = "number", width: int = 10) -> int:
        value = 0
        for shift in range(0, 7 * width, 7):
            byte = self.integer(1)
            value |= (byte & 127) << shift
            if byte < 128:
                break
        need(byte < 128 and least <= value <= most, f"{self._what}: {what} {value} is not within {least} .. {most}")
        return value


def unzigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def as_signed(value: int, bits: int) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def crc32c(data: bytes) -> int:
    return reduce(lambda crc, byte: _CRC[(crc ^ byte) & 255] ^ crc >> 8, data, 0xffffffff) ^ 0xffffffff
