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
from header import Header, read_header
from segment import Segment


def pieces(header: Header, old: bytes, patch: bytes):
    """The new file, in order."""
    at = header.prologue_bytes
    if header.body_kind == 1:
        yield unzstd(patch[at:], header.new_size)
    for number, (length, crc) in enumerate(header.index):
        made = Segment(header, old, number * header.segment_bytes).decode(patch[at:at + length])
        need(crc32c(made) == crc, f"segment {number}: checksum does not fit")
        at += length
        yield made


def apply(old: bytes, patch: bytes, new_path: str) -> None:
    header, sha = read_header(patch), hashlib.sha256()
    need(len(old) == header.old_size and hashlib.sha256(old).digest() == header.old_sha, "old file: not that of the delta")
    with open(new_path, "wb") as out:
        for piece in pieces(header, old, patch):
            sha.update(piece)
            out.write(piece)
    need(sha.digest() == header.new_sha, "new file: checksum does not fit")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        apply(pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]).read_bytes(), sys.argv[3])
    except (OSError, LookupError, ValueError, OverflowError, struct.error) as error:
        sys.exit(f"apply: {error}")
