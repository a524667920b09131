"""Blocks of coded records: which coder, and those without a model (format.md, sections 4.1 to 4.4 and 4.7)."""
import ctypes.util
from itertools import accumulate

from fields import Fields, need, unzigzag
from header import LZMA, MIXED, NUMBERS, Header
from lzma_stream import LzmaDecoder
from mixed_coder import mixed_block
from number_block import NumberBlocks

_zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
_zstd.ZSTD_createDCtx.restype, _zstd.ZSTD_decompressDCtx.restype = ctypes.c_void_p, ctypes.c_size_t


def decode_block(header: Header, numbers: NumberBlocks, coder: int, payload: Fields, size: int, reference: bytes) -> bytes:
    need(1 <= coder <= 6, f"record: unknown coder {coder}")
    header.allows({4: NUMBERS, 5: LZMA, 6: MIXED}.get(coder, 0), f"coder {coder}")
    return {1: lambda: unzstd(payload.take(payload.left), size, reference), 2: lambda: _planes(payload, size, reference, False),
            3: lambda: _planes(payload, size, reference, True), 4: lambda: numbers.decode(payload, size, reference),
            5: lambda: LzmaDecoder(payload.take(payload.left), reference).run(size),
            6: lambda: mixed_block(payload, size, reference)}[coder]()


def unzstd(frame: bytes, size: int, prefix: bytes = b"") -> bytes:
    """The `size` bytes that a zstd frame (RFC 8878) holds; `prefix` is what its matches may reach into before the first."""
    length, out = ctypes.c_size_t(len(frame)), ctypes.create_string_buffer(max(size, 1))
    whole = frame[:4] == b"\x28\xb5\x2f\xfd" and _zstd.ZSTD_findFrameCompressedSize(frame, length) == len(frame)
    context = ctypes.c_void_p(_zstd.ZSTD_createDCtx())
    _zstd.ZSTD_DCtx_refPrefix(context, prefix, ctypes.c_size_t(len(prefix)))
    got = _zstd.ZSTD_decompressDCtx(context, out, ctypes.c_size_t(size), frame, length)
    _zstd.ZSTD_freeDCtx(context)
    need(whole and got == size, "zstd frame: damaged, not exactly one, or of another length")
    return out.raw[:size]


def _stream(fields: Fields, size: int) -> bytes:
    """Section 4.2."""
    form = fields.integer(1) if size else 0
    need(form < 3, f"stream: unknown form {form}")
    if form == 1:
        return unzstd(fields.take(fields.varint()), size)
    return fields.take(1) * size if form == 2 else fields.take(size)


def _planes(fields: Fields, size: int, reference: bytes, is_sparse: bool) -> bytes:
    mode = fields.integer(1)
    width, transform, skip = 1 << (mode & 3), mode >> 2 & 3, mode >> 4
    need(is_sparse <= transform < 3 and skip < width, f"planes: unknown mode {mode:#x}")
    skip = min(skip, size)
    count, tail = divmod(size - skip, width)
    need(len(reference) == (size if transform else 0), "planes: reference of another length")
    places = _changed(fields, count, width, size) if is_sparse else range(count)
    coded = dict(zip(places, zip(*[_stream(fields, len(places)) for _ in range(width)])))
    words = []
    for i in range(count):
        at, c = skip + width * i, int.from_bytes(coded.get(i, b""), "little")
        o = int.from_bytes(reference[at:at + width], "little")
        words.append(((c, c ^ o, o + unzigzag(c))[transform] % (1 << 8 * width)).to_bytes(width, "little"))
    result = fields.take(skip) + b"".join(words) + fields.take(tail)
    fields.end()
    return result


def _changed(fields: Fields, count: int, width: int, size: int) -> list[int]:
    """Which words a sparse block changes."""
    changes, gap_bytes = fields.varint(0, size), fields.varint(0, size)
    need(gap_bytes + 2 * changes * width <= size, "sparse: more changes than the block has room for")
    gaps = _stream(fields, gap_bytes)
    places = [at - 1 for gap, at in zip(gaps, accumulate(gap + (gap < 255) for gap in gaps)) if gap < 255]
    need(len(places) == changes and sum(gaps) + changes <= count, "sparse: gaps name other words than the block has")
    return places
