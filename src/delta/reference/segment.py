"""A segment: its records, one after the other, and the steps of its scripts (format.md, section 3)."""
from collections import namedtuple

from block import decode_block
from fields import Fields, need, unzigzag
from header import KIB, LZMA, SCRIPTS, Header
from lzma_stream import LzmaDecoder
from number_block import NumberBlocks


# Of a script: literals, the offset in the old file expected of their first, then a copy, or what records make (offset None).
Step = namedtuple("Step", "literals expected length old_offset")


class Segment:
    """Makes the new bytes from `start` up to the next segment."""

    def __init__(self, header: Header, old: bytes, start: int):
        self._header, self._old, self._start = header, old, start
        self._size = min(header.segment_bytes, header.new_size - start)
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
        need(offset + length <= len(self._old), "record: not within the old file")
        return self._old[offset:offset + length]

    def _coded(self, body: Fields) -> bytes:
        coder, size = body.integer(1), body.varint(1, self._header.block_bytes, "length of the block")
        end, reference = len(self._out) + self._shift, b""
        for _ in range(body.varint(0, 16, "number of windows", 1)):
            offset = self._offset(end, body.varint())
            length = body.varint(0, self._header.reference_bytes - len(reference), "length of a window")
            reference, end = reference + self._old_bytes(offset, length), offset + length - self._start
        return decode_block(self._header, self._numbers, coder, body, size, reference)

    def _play(self, script: Fields, records: Fields) -> None:
        count, control_bytes = script.varint(0, self._header.block_bytes, "literals"), script.varint(0, 64 * KIB, "control bytes")
        forms = script.integer(1)
        coded = script.take(script.varint() if forms & 3 else control_bytes)
        steps = self._steps(Fields(self._unpacked(forms & 3, coded, control_bytes, b""), "script"), count)
        reference = self._reference(forms >> 4, steps, count)
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

    def _steps(self, control: Fields, count: int) -> list[Step]:
        """All steps, and one for the literals that are left at the end."""
        at, shift, steps = len(self._out), self._shift, []
        while control.left:
            literals, what, third = control.varint(), control.varint(), control.varint()
            expected, count, at = self._offset(at + shift, 0), count - literals, at + literals
            length, offset = (third, None) if what == 0 else (what - 1, self._offset(at + shift, third))
            steps.append(Step(literals, expected, length if what != 1 else self._size - at, offset))
            shift = shift if offset is None else offset - self._start - at
            at += steps[-1].length
            need(steps[-1].length > 0 and at <= self._size, "script: a step of nothing, or past the segment")
        return [*steps, Step(count, self._offset(at + shift, 0), 0, None)]

    def _reference(self, number: int, steps: list[Step], count: int) -> bytes:
        limit = self._header.reference_bytes
        need(number < 3 and (number < 2 or len(self._old) <= limit), f"script: unknown or too long reference {number}")
        ranges = [part for step in steps if step.literals for part in _left_out(step)]
        left_out = b"".join(self._old[begin:max(begin, end)] for begin, end in ranges)
        return (b"", left_out[:min(limit, 4096 + 64 * count)], self._old)[number]


def _left_out(step: Step) -> list[tuple[int, int]]:
    """Where copies leave something out of the old file at a step."""
    gap, expected, offset = step.literals, step.expected, step.old_offset
    begin = max(expected - 256, 0)
    if offset is None or (offset - expected) % 2**64 <= 4 * gap + 4096:
        return [(begin, expected + gap + gap // 2 + 64 if offset is None else offset)]
    return [(begin, expected + gap), (max(offset - gap, 0), offset)]
