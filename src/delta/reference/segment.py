"""A segment: its records, one after the other, and the steps of its scripts (format.md, section 3)."""
from collections import namedtuple

from block import decode_block
from fields import Fields, need, unzigzag
from header import DOWNWARDS, IN_PLACE, KIB, LZMA, SCRIPTS, Header
from lzma_stream import LzmaDecoder
from number_block import NumberBlocks, view


# Of a script: literals, then a copy, or what records make (offset None).
Step = namedtuple("Step", "literals length old_offset")


class Segment:
    """Makes the new bytes from `start` up to the next segment."""

    def __init__(self, header: Header, old: bytes, start: int):
        self._header, self._old, self._start = header, old, start
        self._size = min(header.segment_bytes, header.new_size - start)
        self._begin = min(start, len(old)) if header.features & (IN_PLACE | DOWNWARDS) == IN_PLACE else 0  # of old bytes at hand
        self._end = min(start + header.segment_bytes, len(old)) if header.features & DOWNWARDS else len(old)
        self._out, self._shift, self._numbers = bytearray(), 0, NumberBlocks(header)

    def decode(self, data: bytes) -> bytes:
        records = Fields(data, "segment")
        while records.left:
            self._record(records, True)
        need(len(self._out) == self._size, "segment: ends before its output is complete")
        return bytes(self._out)

    def _record(self, records: Fields, may_be_script: bool) -> None:
        kind = records.integer(1)
        body = Fields(records.take(records.varint(1, self._header.record_bytes, "length", 5)), "record")
        if kind == 5:
            self._header.allows(SCRIPTS, "script")
            need(may_be_script, "script: a script inside")
            self._play(body, records)
        elif kind == 1:
            self._copy(self._offset(len(self._out) + self._shift, body.varint()), body.varint())
        elif kind == 2:
            self._put(body.take(1) * body.varint(1, self._size, "length"))
        else:
            need(kind in (3, 4), f"record: unknown kind {kind}")
            self._put(body.take(body.left) if kind == 3 else self._coded(body))
        body.end()

    def _put(self, made: bytes, least: int = 1) -> None:
        need(least <= len(made) <= self._size - len(self._out), "segment: a record makes nothing or too much")
        self._out += made

    def _offset(self, expected: int, zigzag: int) -> int:
        return (self._start + expected + unzigzag(zigzag)) % 2**64

    def _copy(self, offset: int, length: int) -> None:
        self._shift = offset - self._start - len(self._out)
        self._put(self._old_bytes(offset, length))

    def _old_bytes(self, offset: int, length: int) -> bytes:
        need(self._begin <= offset and offset + length <= self._end, "record: not within the old bytes at hand")
        return self._old[offset:offset + length]

    def _coded(self, body: Fields) -> bytes:
        coder, size = body.integer(1), body.varint(1, self._header.block_bytes, "length of the block")
        end, reference, windows = len(self._out) + self._shift, b"", body.integer(1)
        need(windows <= 16 or windows == 32 and size <= self._header.reference_bytes, f"record: {windows} windows, or too long a view")
        if windows == 32:
            reference = view(body, size, lambda zigzag: self._offset(end, zigzag), self._old_bytes)
        for _ in range(windows % 32):
            offset = self._offset(end, body.varint())
            length = body.varint(0, self._header.reference_bytes - len(reference), "length of a window")
            reference, end = reference + self._old_bytes(offset, length), offset + length - self._start
        return decode_block(self._header, self._numbers, coder, body, size, reference)

    def _play(self, script: Fields, records: Fields) -> None:
        count, control_bytes = script.varint(0, self._header.block_bytes, "literals"), script.varint(0, 64 * KIB, "control bytes")
        need((forms := script.integer(1)) < 48 and count + control_bytes > 0, "script: of nothing, or an unknown reference")
        coded = script.take(script.varint() if forms & 3 else control_bytes)
        steps, left_out = self._steps(Fields(self._unpacked(forms & 3, coded, control_bytes, b""), "script"), count)
        limit = self._header.reference_bytes
        need(forms < 32 or self._end - self._begin <= limit, "script: too long a reference")
        reference = (b"", left_out[:min(limit, 4096 + 64 * count)], self._old[self._begin:self._end])[forms >> 4]
        literals = Fields(self._unpacked(forms >> 2 & 3, script.take(script.left), count, reference), "script")
        for step in steps:
            self._put(literals.take(step.literals), 0)
            end = len(self._out) + step.length
            if step.old_offset is not None:
                self._copy(step.old_offset, step.length)
            while len(self._out) < end:
                self._record(records, False)
            need(len(self._out) == end, "script: records make more than it says")

    def _unpacked(self, form: int, coded: bytes, size: int, reference: bytes) -> bytes:
        need(form == 1 or form == 0 and len(coded) == size, f"script: unknown form {form}, or of another length")
        self._header.allows(LZMA * form, "LZMA in a script")
        return LzmaDecoder(coded, reference).run(size) if form == 1 else coded

    def _steps(self, control: Fields, count: int) -> tuple[list[Step], bytes]:
        """All steps, with one for the literals that are left at the end; what the copies leave out of the old file."""
        at, shift, steps, left_out = len(self._out), self._shift, [], b""
        while control.left:
            literals, what, third = control.varint(), control.varint(), control.varint()
            expected, count, at = self._offset(at + shift, 0), count - literals, at + literals
            length, offset = (third, None) if what == 0 else (what - 1, self._offset(at + shift, third))
            steps.append(Step(literals, length if what != 1 else self._size - at, offset))
            left_out += self._left_out(literals, expected, offset)
            shift = shift if offset is None else offset - self._start - at
            at += steps[-1].length
            need(steps[-1].length > 0 and at <= self._size, "script: a step of nothing, or past the segment")
        return [*steps, Step(count, 0, None)], left_out + self._left_out(count, self._offset(at + shift, 0), None)

    def _left_out(self, gap: int, expected: int, offset: int | None) -> bytes:
        """Old bytes at a step with so many literals, of which the first is expected there."""
        ranges = [(max(expected - 256, 0), expected + gap + gap // 2 + 64 if offset is None else offset)]
        if offset is not None and (offset - expected) % 2**64 > 4 * gap + 4096:
            ranges = [(ranges[0][0], expected + gap), (max(offset - gap, 0), offset)]
        return b"".join(self._old[max(begin, self._begin):min(end, self._end)] for begin, end in ranges if gap > 0)
