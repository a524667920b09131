"""Numbers, from streams of symbols that adaptive frequencies tell apart (format.md, sections 4.5 and 4.6)."""
import struct
from bisect import bisect_right
from collections import namedtuple

from fields import Fields, as_signed, need

ABSOLUTE, RELATIVE, DIRECT, SPARSE, EXACT = range(5)
_ENTRIES = [1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 19, 22, 26, 31, 37, 44, 53, 62, 74, 88, 105, 125, 148, 175,
            205, 238, 273, 311, 351, 394, 439, 485, 534, 584, 635, 688, 742, 798, 854, 911, 969, 1028, 1088, 1149, 1210,
            1272, 1334, 1396, 1459, *(1522 + 64 * i for i in range(122))]
_LEVELS = [32 * n for n in (24, 48, 80, 112, 152, 200, 264, 360, 512, 720, 1024, 1448, 2048, 4096)]
_TARGETS = [[i if i <= v else 2**15 - 16 + i for i in range(16)] for v in range(16)]
_RATES = [(rate, 1 << rate >> 1) for rate in [2] * 2 + [3] * 4 + [4] * 10 + [5] * 28 + [6] * 76 + [7] * 130 + [8]]
# A type of numbers; integers have no fraction and no exponent, of which `ones` is the largest.
Form = namedtuple("Form", "code width fraction ones", defaults=(0, 0))
FORMS = [Form("Q", 8, 52, 2047), Form("I", 4, 23, 255), Form("H", 2, 10, 31), Form("H", 2, 7, 255), Form("Q", 8), Form("I", 4),
         Form("H", 2), Form("B", 1), Form("B", 1)]


class Model:
    """Contexts: 16 starts, the end of the last range, and how often it has learned."""

    def __init__(self) -> None:
        self.size, self.large, self.detail = ([[*range(0, 2**15 + 1, 2048), 0] for _ in range(n)] for n in (528, 16, 112))


def learn(context: list[int], symbol: int) -> None:
    rate, half = _RATES[context[17]]
    if context[symbol + 1] >= 128:  # nothing can reach 32767 then
        context[:16] = [s + (t - s + half >> rate) for s, t in zip(context, _TARGETS[symbol])]
    else:
        context[:16] = [s + (min(t - s + half, 32767) >> rate) for s, t in zip(context, _TARGETS[symbol])]
    context[17] = min(context[17] + 1, 250)


class Symbols:
    """States, words and bits of streams, which follow their start."""

    def __init__(self, fields: Fields, count: int):
        words = fields.varint()
        self._states = [fields.integer(4) for _ in range(8 if count >= 512 else 1)]
        self._words = struct.unpack(f"<{words}H", fields.take(2 * words))
        self._bits, self._word, self._bit = fields.take(fields.left), 0, 0

    def read(self, context: list[int], lane: int) -> int:
        lane %= len(self._states)
        place = self._states[lane] & 0x7fff
        symbol = bisect_right(context, place, 0, 16) - 1
        x = (context[symbol + 1] - context[symbol]) * (self._states[lane] >> 15) + place - context[symbol]
        if x < 65536:
            x = x << 16 | self._words[self._word]
            self._word += 1
        self._states[lane] = x
        return symbol

    def round(self, contexts: list[list[int]], lanes: list[int] | range = range(8)) -> list[int]:
        """A symbol of each lane's context; they are learned when all are read."""
        found = [self.read(context, lane) for context, lane in zip(contexts, lanes)]
        for context, symbol in zip(contexts, found):
            learn(context, symbol)
        return found

    def raw(self, count: int) -> int:
        at, self._bit = self._bit, self._bit + count
        return int.from_bytes(self._bits[at >> 3:at + count + 7 >> 3], "little") >> (at & 7) & (1 << count) - 1

    def end(self) -> None:
        need(self._word == len(self._words) and self._bit + 7 >> 3 == len(self._bits) and set(self._states) == {65536}, "numbers: a bad end")


class Memory:
    """What each column, or the row at hand, differs by from the rest, in 1/256 bit."""

    def __init__(self, columns: int, first: int, by_rows: int):
        self._columns, self._first, self._at, self._by_rows = columns, first, first, by_rows
        self._offsets, self._steps = [0] * columns, (1, 4, 8, 16) if by_rows else (1, 4)

    def _known(self) -> int:
        """Numbers of the row at hand; rows."""
        return min(self._at % self._columns, self._at - self._first) if self._by_rows else self._at // self._columns

    def group(self, left: int) -> list[int]:
        """The offsets of the numbers of the next group."""
        if self._by_rows:
            return self._offsets[:1] * min(8, left, self._columns - self._at % self._columns, max(self._known(), 1))
        return [self._offsets[(self._at + i) % self._columns] for i in range(min(8, left))]

    def learn(self, surprises: list[int]) -> None:
        known = self._known()
        for surprise in surprises:
            place, known = (0, known) if self._by_rows else (self._at % self._columns, self._known())
            shift = 1 + sum(known >= step for step in self._steps)
            self._offsets[place] = min(max(self._offsets[place] + (surprise + (1 << shift >> 1) >> shift), -16384), 16384)
            self._at += 1
        if self._by_rows and self._at % self._columns == 0:
            self._offsets[0] = 0


def _held(average: int) -> int:
    return min(max(average, -2**28), 2**28)


class Numbers:
    """Streams of methods 0 to 2."""

    def __init__(self, form: Form, method: int, model: Model, memory: Memory | None = None):
        self._form, self._model, self._memory, self._usual = form, model, memory, 0
        self._is_absolute, self._sign = method == ABSOLUTE and form.fraction > 0, 1 << 8 * form.width - 1
        self._most = 256 * min(form.fraction + 1, 35) if form.fraction else 256 * 35
        self._entries = [min(entry, self._most) for entry in _ENTRIES]
        self._group = self._direct if method == DIRECT else self._by_difference

    def read(self, fields: Fields, old: list[int]) -> list[int]:
        slow = fast = 4096 * as_signed(fields.integer(2), 16)
        self._symbols, new = Symbols(fields, len(old)), []
        while len(new) < len(old):
            left = len(old) - len(new)
            offsets = self._memory.group(left) if self._memory else [0] * min(8, left)
            drift, olds = 1 + (fast - slow > 160 * 256) - (fast - slow < -160 * 256), old[len(new):len(new) + len(offsets)]
            group, surprises, slow_move, fast_move = self._group(olds, offsets, slow >> 8, fast >> 8, drift)
            if self._memory:
                self._memory.learn(surprises)
            slow, fast = _held(slow + slow_move), _held(fast + 8 * fast_move)
            new += group
        self._symbols.end()
        return new

    def _by_difference(self, olds: list[int], offsets: list[int], slow: int, fast: int, drift: int):
        """Methods 0 and 1: a group's numbers, their surprises, how much the averages move."""
        mixed, entries, fraction, ones = 3 * slow + fast >> 2, self._entries, self._form.fraction, self._form.ones
        scales = [256 * max(o >> fraction & ones, 1) for o in olds] if self._is_absolute else [0] * len(olds)
        xs = [mixed - scale + c for scale, c in zip(scales, offsets)]
        places = [min(max(x + 2048 >> 6, 0), 175) for x in xs]
        distances, steps = self._distances(places, drift), [entries[q + 1] - entries[q] for q in places]
        surprises, total = [min(256 * d.bit_length(), self._most) - entries[q] for d, q in zip(distances, places)], sum(steps)
        if self._memory:
            surprises = [s - (step * (x & 63) >> 6) for s, step, x in zip(surprises, steps, xs)]
        surprise = sum(surprises) - (0 if self._memory else total * (mixed & 63) >> 6)
        return ([self._new(o, d) for o, d in zip(olds, distances)], surprises,
                surprise + (total * (mixed - slow) >> 6), surprise + (total * (mixed - fast) >> 6))

    def _new(self, old: int, distance: int) -> int:
        is_float, sign = self._form.fraction > 0, self._sign
        value = sign - 1 - old - distance if is_float and old >= sign else old + distance
        return (-1 - value | sign if is_float and value < 0 else value) & 2 * sign - 1

    def _distances(self, places: list[int], drift: int) -> list[int]:
        symbols, model, coded, distances = self._symbols, self._model, [], [0] * len(places)
        for lane, (q, symbol) in enumerate(zip(places, symbols.round([model.size[drift * 176 + q] for q in places]))):
            if q < 39 and symbol < 15:
                distances[lane] = symbol - 7
            elif q < 39:
                more = symbols.read(model.large[0], lane)
                learn(model.large[0], more)
                coded.append((lane, more + 4 if more < 15 else symbols.raw(7), 3))
            elif symbol != 14:
                length = symbol + (q >> 2) - 16 if symbol < 15 else symbols.raw(7)
                coded.append((lane, length, length if length < 4 else 4 + 4 * symbol + (q & 3)))
        need(all(0 < length <= max(8 * self._form.width, 32) for _, length, _ in coded), "numbers: an impossible difference")
        details = symbols.round([model.detail[context] for _, _, context in coded], [lane for lane, _, _ in coded])
        for (lane, length, _), detail in zip(coded, details):
            size = (8 | detail & 7) << length >> 4 | symbols.raw(max(length - 4, 0))
            distances[lane] = -size if detail & 8 else size
        return distances

    def _direct(self, olds: list[int], offsets: list[int], slow: int, fast: int, drift: int):
        """Method 2."""
        fraction, ones, usual, symbols = self._form.fraction, self._form.ones, self._usual >> 8, self._symbols
        xs, exponents = [(3 * slow + fast >> 2) + c for c in offsets], [o >> fraction & ones for o in olds]
        self._usual = _held(self._usual + sum(256 * e - usual for e in exponents))
        places = [min(max(256 * e - usual + 896 >> 8, 0), 6) for e in exponents]
        found = symbols.round([self._model.size[drift * 176 + 4 * p + (x >> 6 & 3)] for p, x in zip(places, xs)])
        made = {lane: symbol + (x >> 8) - 9 if symbol < 15 else symbols.raw(11)
                for lane, (symbol, x) in enumerate(zip(found, xs)) if symbol != 14}
        need(all(0 <= e <= ones for e in made.values()), "numbers: an exponent that the type cannot have")
        details = symbols.round([self._model.detail[16 * places[lane] + found[lane]] for lane in made], list(made))
        new, surprises = [0] * len(olds), [0] * len(olds)
        for (lane, e), detail in zip(made.items(), details):
            bits = e << fraction | (detail & 7) << fraction - 3 | symbols.raw(fraction - 3)
            new[lane] = bits | (self._sign * (detail >> 3) ^ olds[lane] & self._sign)
            surprises[lane] = 256 * e - xs[lane]
        moves = [256 * e - offsets[lane] for lane, e in made.items()]
        return new, surprises, sum(m - slow for m in moves), sum(m - fast for m in moves)


def integers(fields: Fields, form: Form, count: int, model: Model) -> list[int]:
    """A length, and streams of `count` integers without old ones."""
    part = Fields(fields.take(fields.varint()), "integers")
    return [as_signed(number, 8 * form.width) for number in Numbers(form, RELATIVE, model).read(part, [0] * count)]


def rescaled(symbols: Symbols, olds: list[int], factors: list[int], model: Model) -> list[int]:
    """Bytes that were quantised anew, by a factor in 1/4096 for each."""
    new, mean = [], 4096
    for at in range(0, len(olds), 8):
        values = [as_signed(o, 8) * f + 2048 for o, f in zip(olds[at:at + 8], factors[at:at + 8])]
        level, places = sum(mean >= reached for reached in _LEVELS), [v >> 8 & 15 for v in values]
        low, error = (0, 1, 1, 2, 2, 3, 4)[max(level - 8, 0)], 0
        found = symbols.round([model.size[8 * level + min(p, 15 - p)] for p in places])
        for value, place, symbol in zip(values, places, found):
            coded = (symbol - 7 << low) + symbols.raw(low) if symbol < 15 else symbols.raw(8)
            number = as_signed(coded if symbol == 15 else (value >> 12) + (coded if place < 8 else -coded), 8)
            error += 8192 * min(abs(number - (value >> 12)), 64)
            new.append(number & 255)
        mean += error - len(values) * mean >> 5
    symbols.end()
    return new
