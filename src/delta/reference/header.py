"""The prologue of a delta: header and segment index, long or short (format.md, section 2)."""
import struct
from collections import namedtuple

from fields import Fields, crc32c, need, unzigzag

KIB, MIB, MOST_FILE = 2**10, 2**20, 2**48
NUMBERS, PREDICTIONS, LZMA, MIXED, SCRIPTS, IN_PLACE, DOWNWARDS = (1 << bit for bit in range(7))  # `features`


class Header(namedtuple("Header", "body_kind features segment_bytes old_size old_sha new_size new_sha record_bytes"
                                  " block_bytes reference_bytes")):
    """Fields of a prologue. Its `index` has (length in the delta, CRC of the output) of each segment."""

    def allows(self, feature: int, what: str) -> None:
        need(self.features & feature == feature, f"{what} without its feature bit")

    def segments(self) -> int:
        return 0 if self.body_kind == 1 else -(-self.new_size // self.segment_bytes)

    def least_memory(self) -> int:
        block, both = self.block_bytes, self.block_bytes + self.reference_bytes
        extra = (128 * KIB, 896 * KIB, 64 * KIB + both, 192 * KIB, 64 * KIB + block)
        return (256 * KIB + 8 * self.segments() + self.record_bytes + block + both + 320 * KIB * self.body_kind
                + sum(size for bit, size in enumerate(extra) if self.features >> bit & 1))

    def check(self) -> None:
        need(self.body_kind < 2, f"header: unknown body kind {self.body_kind}")
        in_place = self.features & (IN_PLACE | DOWNWARDS)
        need(self.features < 128 and in_place != DOWNWARDS and (not in_place or self.body_kind == 0),
             f"header: unknown or contradicting features {self.features:#x}")
        need(64 * KIB <= self.segment_bytes <= 64 * MIB and self.old_size <= MOST_FILE and 0 <= self.new_size <= MOST_FILE, "header: sizes")
        need(self.record_bytes <= 16 * MIB + 512 and max(self.block_bytes, self.reference_bytes) <= 16 * MIB, "header: limits")


def read_header(patch: bytes) -> Header:
    """Header of a whole delta, checked."""
    need(patch[:4] == b"SLD\x1a", "header: this is no delta")
    header = _read_short(patch) if patch[4] == 0x81 else _read_long(patch)
    need(header.body_kind == 1 or header.prologue_bytes + sum(length for length, _ in header.index) == len(patch),
         "index: the segments do not end with the delta")
    return header


def _read_long(patch: bytes) -> Header:
    need(patch[4:6] == b"\x01\x00", f"header: unknown major version {int.from_bytes(patch[4:6], 'little')}")
    *start, zero, segment_bytes, old_size, old_sha, new_size, new_sha, patch_size, memory = struct.unpack_from(
        "<2BHIQ32sQ32sQI", patch, 8)
    *sizes, index_crc, crc = struct.unpack_from("<5I", patch, 108)
    need(crc == crc32c(patch[:124]), "header: checksum does not fit")
    header = Header(*start, segment_bytes, old_size, old_sha, new_size, new_sha, *sizes)
    header.check()
    need(zero == 0 and patch_size == len(patch), f"header: the delta has {len(patch)} bytes, not {patch_size}, or unknown fields")
    need(memory >= header.least_memory(), "header: less memory than the delta needs is declared")
    header.prologue_bytes = 128 + 8 * header.segments()
    need(crc32c(patch[128:header.prologue_bytes]) == index_crc, "index: checksum does not fit")
    header.index = list(struct.iter_unpack("<2I", patch[128:header.prologue_bytes]))
    return header


def _read_short(patch: bytes) -> Header:
    length = int.from_bytes(patch[5:7], "little")
    need(12 <= length <= min(8192, len(patch)), "header: length of the prologue out of range")
    need(patch[length - 4:length] == crc32c(patch[:length - 4]).to_bytes(4, "little"), "header: checksum does not fit")
    fields = Fields(patch[7:length - 4], "header")
    features, units, old_size, change = fields.integer(1), fields.integer(1), fields.varint(), unzigzag(fields.varint())
    header = Header(0, features, (units or 1024) * 64 * KIB, old_size, fields.take(16), old_size + change, fields.take(16),
                    fields.varint(), fields.varint(), fields.varint())
    header.check()
    header.index = [(fields.varint(), fields.integer(4)) for _ in range(header.segments())]
    header.prologue_bytes = length
    fields.end()
    return header
