#!/usr/bin/python3
"""Second decoder of Strandline's deltas, written from format.md: plain and slow, of the standard library and libzstd.

usage: apply.py OLD PATCH NEW
"""
import hashlib
import pathlib
import struct
import sys

from block import unzstd
from fields import crc32c, need
from header import read_header
from segment import Segment


def apply(old: bytes, patch: bytes) -> bytes:
    """The new file."""
    header = read_header(patch)
    need(len(old) == header.old_size, "old file: not that of the delta, by its size")
    at = header.prologue_bytes
    new = unzstd(patch[at:], header.new_size) if header.body_kind == 1 else b""
    for length, crc in header.index:
        made = Segment(header, old, len(new)).decode(patch[at:at + length])
        need(crc32c(made) == crc, f"segment at {len(new)}: checksum does not fit")
        new, at = new + made, at + length
    need(hashlib.sha256(new).digest().startswith(header.new_sha), "new file: checksum does not fit")
    return new


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        pathlib.Path(sys.argv[3]).write_bytes(apply(*(pathlib.Path(path).read_bytes() for path in sys.argv[1:3])))
    except (OSError, LookupError, ValueError, OverflowError, struct.error) as error:
        sys.exit(f"apply: {error}")
