"""Deltas that every reader must refuse, made of good ones."""
import pathlib
import struct
from collections.abc import Callable, Iterator
from hashlib import sha256

from harness.crc32c import crc32c

GOLDEN = pathlib.Path(__file__).parents[2] / "src" / "delta" / "golden"
HEADER = 128
FEATURES, SEGMENT_BYTES, OLD_SIZE, NEW_SIZE, NEW_SHA, PATCH_SIZE, MEMORY, BLOCK_BYTES = 9, 12, 16, 56, 64, 96, 104, 112


def goldens() -> list[str]:
    return sorted(file.stem for file in GOLDEN.glob("*.sld"))


def golden(name: str) -> tuple[bytes, bytes, bytes]:
    """Old file, delta, new file."""
    old, patch, new = ((GOLDEN / f"{name}.{ending}").read_bytes() for ending in ("old", "sld", "new"))
    return old, patch, new


def sealed(patch: bytes) -> bytes:
    """The delta with the checksums of its prologue put right; the index only of deltas with one."""
    patch = bytearray(patch)
    if patch[4] == 0x81:
        length = int.from_bytes(patch[5:7], "little")
        patch[length - 4:length] = struct.pack("<I", crc32c(patch[:length - 4]))
        return bytes(patch)
    if patch[8] == 0:
        patch[120:124] = struct.pack("<I", crc32c(patch[HEADER:_segments_at(patch)]))
    patch[124:128] = struct.pack("<I", crc32c(patch[:124]))
    return bytes(patch)


def _segments_at(patch: bytes) -> int:
    segment_bytes, = struct.unpack_from("<I", patch, SEGMENT_BYTES)
    new_size, = struct.unpack_from("<Q", patch, NEW_SIZE)
    return HEADER + 8 * (-(-new_size // max(segment_bytes, 1)) if new_size < 2**32 else 0)


def _with(patch: bytes, at: int, field: bytes) -> bytes:
    return patch[:at] + field + patch[at + len(field):]


def _field(at: int, layout: str, value: int) -> Callable[[bytes], bytes]:
    return lambda patch: sealed(_with(patch, at, struct.pack("<" + layout, value)))


def _less(at: int, layout: str) -> Callable[[bytes], bytes]:
    def change(patch: bytes) -> bytes:
        value, = struct.unpack_from("<" + layout, patch, at)
        return sealed(_with(patch, at, struct.pack("<" + layout, value - 1)))
    return change


# What is changed in the header of a delta with a long prologue, whose checksum is right all the same.
FIELDS = {
    "another magic": _field(0, "B", 0x54),
    "the next major version": _field(4, "H", 2),
    "major version 0": _field(4, "H", 0),
    "an unknown body kind": _field(8, "B", 2),
    "an unknown feature": _field(FEATURES, "B", 0x80 | 31),
    "reserved bytes": _field(10, "H", 1),
    "tiny segments": _field(SEGMENT_BYTES, "I", 1024),
    "huge segments": _field(SEGMENT_BYTES, "I", 2**31),
    "a huge old file": _field(OLD_SIZE, "Q", 2**60),
    "a huge new file": _field(NEW_SIZE, "Q", 2**60),
    "another new file": _field(NEW_SHA, "B", 0),
    "another size of the delta": _less(PATCH_SIZE, "Q"),
    "too little memory": _less(MEMORY, "I"),
    "huge blocks": _field(BLOCK_BYTES, "I", 2**31),
    "no features": _field(FEATURES, "B", 0),
}


def _first_record(patch: bytes, at: int, value: int) -> bytes:
    """A byte of the first record of the first segment."""
    start = _segments_at(patch) + at
    return _with(patch, start, bytes([value]))


def refused() -> Iterator[tuple[str, bytes, bytes]]:
    """What is wrong, the old file, the delta."""
    old, patch, _ = golden("every-number")  # its first record is a block of numbers
    for what, change in FIELDS.items():
        yield what, old, change(patch)
    for at in (5, 60, 126, 130):
        yield f"a damaged byte {at} of the prologue", old, _with(patch, at, bytes([patch[at] ^ 4]))
    yield "an unknown record", old, _first_record(patch, 0, 6)
    yield "record 0", old, _first_record(patch, 0, 0)
    start = _segments_at(patch)
    body = start + 2 if patch[start + 1] < 128 else start + 3
    for coder in (0, 7, 255):
        yield f"coder {coder}", old, _with(patch, body, bytes([coder]))
    yield "a damaged segment", old, _with(patch, len(patch) - 9, bytes([patch[-9] ^ 1]))
    yield "a delta cut short", old, patch[:-1]
    yield "half a header", old, patch[:100]
    yield "a byte behind the end", old, patch + b"\0"
    yield "nothing", old, b""
    yield "another old file", bytes(byte ^ 1 for byte in old), patch
    yield "a shorter old file", old[:-1], patch
    yield "a script of nothing", old, _of_records(old, old, _record(5, bytes(3)) + _record(1, b"\0" + _varint(len(old))))
    yield from _short_ones()
    yield from _frames()


def _short_ones() -> Iterator[tuple[str, bytes, bytes]]:
    old, patch, _ = golden("every-block")
    assert patch[4] == 0x81, "the golden delta has no short prologue"
    yield "short: another major version", old, _with(patch, 4, b"\x82")
    yield "short: an unknown feature", old, sealed(_with(patch, 7, b"\x20"))
    yield "short: no features", old, sealed(_with(patch, 7, b"\0"))
    yield "short: a damaged prologue", old, _with(patch, 20, bytes([patch[20] ^ 1]))
    yield "short: a prologue longer than the delta", old, _with(patch, 5, struct.pack("<H", 8192))
    yield "short: a huge prologue", old, _with(patch, 5, b"\xff\xff")
    yield "short: another new file", old, sealed(_with(patch, patch[5] + 256 * patch[6] - 30, b"\0\1"))


def _frames() -> Iterator[tuple[str, bytes, bytes]]:
    old, patch, new = golden("frame")
    yield "frame: damaged", old, _with(patch, len(patch) - 5, bytes([patch[-5] ^ 1]))
    yield "frame: none", old, sealed(_with(patch, HEADER, b"\0"))
    right, skippable = patch[HEADER:], struct.pack("<II", 0x184D2A50, 3) + bytes(3)
    assert len(new) < 2**16, "too long for one raw block"
    for what, frame in (("of zstd 0.7", struct.pack("<IBBBH", 0xFD2FB527, 0, 17 << 3, 0x40, 0)[:-2] + struct.pack(">H", len(new))
                         + new + b"\xc0\0\0"),
                        ("a second one", right + _raw_frame(b"")), ("two halves", _raw_frame(new[:9]) + _raw_frame(new[9:])),
                        ("a skippable one first", skippable + right), ("a skippable one last", right + skippable)):
        yield f"frame: {what}", old, sealed(_with(patch[:HEADER], PATCH_SIZE, struct.pack("<Q", HEADER + len(frame))) + frame)
        yield f"block: {what}", old, _of_block(old, new, frame)


def _raw_frame(data: bytes) -> bytes:
    """RFC 8878: no checksum, a window of 128 KiB, one raw block."""
    return b"\x28\xb5\x2f\xfd\0\x38" + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def _of_block(old: bytes, new: bytes, frame: bytes) -> bytes:
    """A delta of one block of coder 1."""
    return _of_records(old, new, _record(4, b"\1" + _varint(len(new)) + b"\0" + frame))


def _record(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _varint(len(body)) + body


def _of_records(old: bytes, new: bytes, records: bytes) -> bytes:
    """A delta of one segment, with feature bit 4."""
    size, room = HEADER + 8 + len(records), 2**16
    head = b"SLD\x1a" + struct.pack("<HHBBHI", 1, 0, 0, 16, 0, 2**20) + struct.pack("<Q", len(old)) + sha256(old).digest()
    head += struct.pack("<Q", len(new)) + sha256(new).digest() + struct.pack("<QIIII", size, 2**20, room, room, room)
    return sealed(head + bytes(8) + struct.pack("<II", len(records), crc32c(new)) + records)


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)
