"""Predictions: what becomes of the old numbers before new ones are compared with them (format.md, section 4.6)."""
import math
import struct
from array import array

from fields import Fields, need
from numbers_coder import FORMS, Form, Model, integers

SCALE, LOW_RANK, RESCALE, FOLDED, SCALE_COLUMNS = 1, 2, 3, 4, 5


class Predictions:
    """Reads the predictions of a segment, of which one may use factors of another.

    All but a rescale are functions of an old number, its row and its column.
    """

    def __init__(self) -> None:
        self._right: tuple[int, int, list[int]] = (0, 0, [])

    def read(self, fields: Fields, kind: int, old: list[int], extra: bytes) -> tuple[list[int], list[int] | None]:
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
        return [_rounded(change(_value(o, form), *divmod(phase + i, columns)), form) for i, o in enumerate(old)], None

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
    scales = array("f", fields.take(4 * count))
    return lambda o, *place: o * scales[place[by]]


def _folded(fields: Fields, extra: bytes):
    what, epsilon, channels = fields.integer(1), struct.unpack("<f", fields.take(4))[0], fields.varint(1)
    reciprocal, biases, had_biases, first = what & 1, what >> 1 & 1, what >> 2, fields.varint(0, channels - 1, "first")
    need(had_biases <= biases and math.isfinite(epsilon), f"prediction: unknown fold {what}, {epsilon}")
    need(len(extra) == 4 * channels * (2 + biases + had_biases), "prediction: reference of another length")
    gamma, variance, mean, old_biases = (array("f", extra[4 * channels * i:][:4 * channels]) for i in range(4))
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


def _value(number: int, form: Form) -> float:
    code, width = ("<e", 2) if form.fraction == 10 else ("<f", 4)
    return struct.unpack(code, (number << 8 * (width - form.width)).to_bytes(width, "little"))[0]


def _single(value: float) -> float:
    """Rounded to binary32."""
    return array("f", [value])[0]


def _divided(value: float, by: float) -> float:
    return value / by if by else value * math.inf


def _rounded(value: float, form: Form) -> int:
    """Bits of the nearest number of the type, ties to even."""
    fraction, infinite = form.fraction, form.ones << form.fraction
    if value != value:
        return 0x7fc00000 if form.width == 4 else infinite + 1
    sign = 1 << 8 * form.width - 1 if math.copysign(1, value) < 0 else 0
    if value == 0 or math.isinf(value):
        return sign | (infinite if value else 0)
    exponent = max(math.frexp(value)[1] + form.ones // 2 - 1, 1)
    steps = round(math.ldexp(abs(value), fraction + form.ones // 2 - exponent))
    return sign | min((exponent - 1 << fraction) + steps, infinite)
