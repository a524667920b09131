"""Coder 4, blocks of numbers; predictions of them, and views (format.md, sections 3.3, 4.5 and 4.6)."""
import math
import struct
from array import array
from collections import defaultdict
from itertools import accumulate

from fields import Fields, need, unzigzag
from header import PREDICTIONS, Header
from numbers_coder import ABSOLUTE, DIRECT, EXACT, FORMS, RELATIVE, SPARSE, Form, Memory, Model, Numbers, Symbols, integers, rescaled

SCALE, LOW_RANK, RESCALE, FOLDED, SCALE_COLUMNS = 1, 2, 3, 4, 5


class NumberBlocks:
    """Decodes the blocks of numbers of one segment, whose models it keeps."""

    def __init__(self, header: Header):
        self._header, self._models, self._right = header, defaultdict(Model), (0, 0, [])

    def decode(self, fields: Fields, size: int, reference: bytes) -> bytes:
        what, how = fields.integer(1), fields.integer(1)
        kind, number, is_predicted, method, skip = what & 15, what >> 4 & 3, what >> 7, how & 7, how >> 4
        need(kind < len(FORMS) and method <= EXACT, f"numbers: unknown type {kind} or method {method}")
        need(skip < FORMS[kind].width and not (method == SPARSE and is_predicted), "numbers: a long skip, or sparse and predicted")
        form, skip = FORMS[kind], min(skip, size)
        count, tail = divmod(size - skip, form.width)
        head, end = fields.take(skip), fields.take(tail)
        model = self._models[number] = Model() if what & 64 else self._models[number]
        memory = self._memory(fields, kind, method) if how & 8 else None
        fits = len(reference) == size or (len(reference) > size if is_predicted else not reference and method != EXACT)
        need(fits, "numbers: reference of another length")
        code, factors = f"<{count}{form.code}", None
        old = list(struct.unpack_from(code, reference or bytes(size), skip))
        if is_predicted:
            self._header.allows(PREDICTIONS, "a prediction")
            old, factors = self._predicted(fields, kind, old, reference[size:])
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
        gaps = integers(fields, FORMS[5], changed, self._models["gaps"])
        places = [i + at for i, at in enumerate(accumulate(gap & 0xffffffff for gap in gaps))]
        new = dict(zip(places, Numbers(form, ABSOLUTE, model).read(fields, [old[at] for at in places])))
        return [new.get(at, number) for at, number in enumerate(old)]

    def _predicted(self, fields: Fields, kind: int, old: list[int], extra: bytes) -> tuple[list[int], list[int] | None]:
        """What the old numbers become, and the factors of a rescale."""
        predictor, columns, form = fields.integer(1), fields.varint(1, 2**32, "columns"), FORMS[kind]
        phase = fields.varint(0, columns - 1, "phase")
        rows = (phase + len(old) + columns - 1) // columns
        types = {SCALE: (1, 2, 3), LOW_RANK: (1, 2, 3), RESCALE: (7,), FOLDED: (1,), SCALE_COLUMNS: (1, 2, 3)}
        need(kind in types.get(predictor, ()), f"prediction: unknown predictor {predictor}, or not for type {kind}")
        need({SCALE: rows, RESCALE: rows, SCALE_COLUMNS: columns}.get(predictor, 0) <= 65536, "prediction: too many factors")
        need(not extra or predictor == FOLDED, "prediction: reference of another length")
        if predictor == RESCALE:
            ratios = integers(fields, FORMS[6], rows, Model())
            return old, [4096 + ratios[(phase + i) // columns] for i in range(len(old))]
        prepare = {SCALE: lambda: _scale(fields, rows, 0), SCALE_COLUMNS: lambda: _scale(fields, columns, 1),
                   LOW_RANK: lambda: self._low_rank(fields, rows, columns), FOLDED: lambda: _folded(fields, extra)}
        change = prepare[predictor]()
        return [rounded(change(value_of(o, form), *divmod(phase + i, columns)), form) for i, o in enumerate(old)], None

    def _low_rank(self, fields: Fields, rows: int, columns: int):
        what, shift = fields.integer(1), fields.integer(1)
        rank = what & 127
        need(1 <= rank <= 32 and shift <= 200 and (rows + columns) * rank <= 65536, "prediction: factors out of range")
        if what & 128:
            self._right = (rank, columns, integers(fields, FORMS[5], rank * columns, Model()))
        need(self._right[:2] == (rank, columns), "prediction: no right factors of this shape")
        left, right = integers(fields, FORMS[5], rows * rank, Model()), self._right[2]
        need(max(map(abs, left + right)) <= 2**27, "prediction: a factor out of range")
        by_row, by_column = [left[rank * r:][:rank] for r in range(rows)], [right[c::columns] for c in range(columns)]
        return lambda o, r, c: o + math.ldexp(sum(a * b for a, b in zip(by_row[r], by_column[c])), -shift)


def _scale(fields: Fields, count: int, by: int):
    scales = struct.unpack(f"<{count}f", fields.take(4 * count))
    return lambda o, *place: o * scales[place[by]]


def _folded(fields: Fields, extra: bytes):
    what, epsilon, channels = fields.integer(1), struct.unpack("<f", fields.take(4))[0], fields.varint(1)
    reciprocal, biases, had_biases, first = what & 1, what >> 1 & 1, what >> 2, fields.varint(0, channels - 1, "first")
    need(had_biases <= biases and math.isfinite(epsilon), f"prediction: unknown fold {what}, {epsilon}")
    need(len(extra) == 4 * channels * (2 + biases + had_biases), "prediction: reference of another length")
    gamma, variance, mean, old_biases = [*struct.iter_unpack(f"<{channels}f", extra), (), ()][:4]
    deviations = array("f", [math.sqrt(v) if v >= 0 else math.nan for v in array("f", [v + epsilon for v in variance])])
    roots = array("f", [_divided(1.0, d) for d in deviations])
    scales = array("f", [g * r if reciprocal else _divided(g, d) for g, r, d in zip(gamma, roots, deviations)])

    def change(old: float, row: int, _: int) -> float:
        c = (first + row) % channels
        if not biases:
            return old * scales[c]
        centred = _single((old_biases[c] if had_biases else 0.0) - mean[c])
        return _single(_single(centred * roots[c]) * gamma[c] if reciprocal else centred * scales[c]) + old
    return change


def value_of(number: int, form: Form) -> float:
    code, width = ("<e", 2) if form.fraction == 10 else ("<f", 4)
    return struct.unpack(code, (number << 8 * (width - form.width)).to_bytes(width, "little"))[0]


def _single(value: float) -> float:
    """Rounded to binary32."""
    return array("f", [value])[0]


def _divided(value: float, by: float) -> float:
    return value / by if by else value * math.inf


def rounded(value: float, form: Form) -> int:
    """Bits of the nearest number of the type, ties to even."""
    fraction, infinite = form.fraction, form.ones << form.fraction
    sign = 1 << 8 * form.width - 1 if math.copysign(1, value) < 0 else 0
    if not math.isfinite(value):
        return sign | infinite if value == value else 0x7fc00000 if form.width == 4 else infinite + 1
    exponent = max(math.frexp(value)[1] + form.ones // 2 - 1, 1) if value else 1
    steps = round(math.ldexp(abs(value), fraction + form.ones // 2 - exponent))
    return sign | min((exponent - 1 << fraction) + steps, infinite)


def view(body: Fields, size: int, offset_of, old_bytes) -> bytes:
    """A block's reference. Where a zigzag offset leads and the old bytes there come from functions."""
    types, axes = body.integer(1), [(body.varint(1), body.varint()) for _ in range(body.varint(1, 4, "axes", 1))]
    offset, first, kinds, old, new = offset_of(body.varint()), body.varint(), divmod(types, 16)[::-1], FORMS[types & 15], FORMS[types >> 4]
    need(kinds[0] == kinds[1] or kinds[0] in (1, 2, 3) and kinds[1] in (1, 2, 3, 7, 8), f"view: unknown types {kinds}")
    count = size // new.width
    need(size % new.width == 0 and first + count <= math.prod(n for n, _ in axes), "view: its tensor has fewer numbers")
    quantised = _quantiser(body, old, kinds[1]) if kinds[0] != kinds[1] and kinds[1] > 3 else None
    reach = 1 + sum((n - 1) * stride for n, stride in axes)
    numbers, made = struct.unpack(f"<{reach}{old.code}", old_bytes(offset, reach * old.width)), []
    for j in range(first, first + count):
        at, rest = 0, j
        for n, stride in reversed(axes):
            rest, index = divmod(rest, n)
            at += index * stride
        made.append(quantised(numbers[at], j) if quantised else numbers[at] if old == new else _cast(numbers[at], old, new))
    return struct.pack(f"<{count}{new.code}", *made)


def _cast(number: int, old: Form, new: Form) -> int:
    value = value_of(number, old)
    if value == value:
        return rounded(value, new)
    sign, fraction = number >> 8 * old.width - 1, (number & (1 << old.fraction) - 1) << 23 - old.fraction >> 23 - new.fraction
    return sign << 8 * new.width - 1 | new.ones << new.fraction | fraction | (1 << new.fraction - 1 if new.width == 2 else 0)


def _quantiser(body: Fields, old: Form, kind: int):
    zero, columns, period, lead = unzigzag(body.varint(0, 510)), body.varint(1), body.varint(1), body.varint()
    scales, least = [scale for scale, in struct.iter_unpack("<f", body.take(4 * body.varint(0, 8192, "scales")))], -128 if kind == 7 else 0
    need(all(0 < scale < math.inf for scale in scales), "view: an impossible scale")

    def quantised(number: int, j: int) -> int:
        place = j // columns % period - lead
        need(0 <= place < len(scales), "view: a scale is missing")
        x = _single(value_of(number, old) / scales[place])
        return min(max((round(min(max(x, -1024), 1024)) if x == x else 0) + zero, least), least + 255) & 255
    return quantised
