"""Coder 4: blocks of numbers (format.md, section 4.5)."""
import struct
from collections import defaultdict
from itertools import accumulate

from fields import Fields, need
from header import PREDICTIONS, Header
from numbers_coder import ABSOLUTE, DIRECT, EXACT, FORMS, RELATIVE, SPARSE, Memory, Model, Numbers, Symbols, integers, rescaled
from prediction import Predictions




class NumberBlocks:
    """Decodes the blocks of numbers of one segment, whose models it keeps."""

    def __init__(self, header: Header):
        self._header, self._models, self._predictions = header, defaultdict(Model), Predictions()

    def decode(self, fields: Fields, size: int, reference: bytes) -> bytes:
        what, how = fields.integer(1), fields.integer(1)
        kind, number, is_predicted, method, skip = what & 15, what >> 4 & 3, what >> 7, how & 7, how >> 4
        need(kind < len(FORMS) and method <= EXACT, f"numbers: unknown type {kind} or method {method}")
        need(method < SPARSE or is_predicted == (method == EXACT), "numbers: sparse with a prediction, or exact without one")
        need(skip < FORMS[kind].width, "numbers: skips a whole number")
        form, skip = FORMS[kind], min(skip, size)
        count, tail = divmod(size - skip, form.width)
        head, end = fields.take(skip), fields.take(tail)
        model = self._models[number] = Model() if what & 64 else self._models[number]
        memory = self._memory(fields, kind, method) if how & 8 else None
        need(len(reference) >= size if is_predicted else len(reference) in (0, size), "numbers: reference of another length")
        code, factors = f"<{count}{' BH I   Q'[form.width]}", None
        old = list(struct.unpack_from(code, reference or bytes(size), skip))
        if is_predicted:
            self._header.allows(PREDICTIONS, "a prediction")
            old, factors = self._predictions.read(fields, kind, old, reference[size:])
        if factors is not None:
            need(method != EXACT, "numbers: a rescale is not exact")
            new = rescaled(Symbols(fields, count), old, factors, model)
        elif method == EXACT:
            new = old
        elif method == SPARSE:
            new = self._sparse(fields, form, old, model)
        else:
            new = Numbers(form, method if form.fraction else RELATIVE, model, memory).read(fields, old)
        fields.end()
        return head + struct.pack(code, *new) + end

    def _memory(self, fields: Fields, kind: int, method: int) -> Memory:
        self._header.allows(PREDICTIONS, "numbers by columns")
        need(kind in (1, 2, 3) and method <= DIRECT, "numbers: not by columns")
        columns = fields.varint(2, 2 * 16384 + 1, "columns")
        return Memory(columns >> 1, fields.varint(0, (columns >> 1) - 1, "first column"), columns & 1)

    def _sparse(self, fields: Fields, form, old: list[int], model: Model) -> list[int]:
        changed = fields.varint(0, len(old), "changes")
        need(changed * (4 + 2 * form.width) <= len(old) * form.width, "numbers: more changes than there is room for")
        gaps, new = integers(fields, FORMS[5], changed, self._models["gaps"]), list(old)
        places = [i + at for i, at in enumerate(accumulate(gap & 0xffffffff for gap in gaps))]
        for at, number in zip(places, Numbers(form, ABSOLUTE, model).read(fields, [old[at] for at in places])):
            new[at] = number
        return new
