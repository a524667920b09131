"""Small made-up pairs of model files, old and new, of every kind that deltas tell apart."""
import io
import json
import random
import struct
import zipfile


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    head, data = {}, b""
    for name, (kind, shape, content) in tensors.items():
        head[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data


def _floats(code: str, values: list[float]) -> bytes:
    if code == "bfloat16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{code}", *values)


FLOATS = {"F64": "d", "F32": "f", "F16": "e", "BF16": "bfloat16"}
ROWS, COLUMNS = 48, 40


def _weights(rng: random.Random) -> list[float]:
    return [rng.gauss(0, 0.05) for _ in range(ROWS * COLUMNS)]


def _changes(rng: random.Random) -> dict:
    """Ways to change a matrix, each a function of the number and its place."""
    left, right = [rng.gauss(0, 1e-2) for _ in range(ROWS)], [rng.gauss(0, 1e-1) for _ in range(COLUMNS)]
    return {
        "tuned": lambda old, i: old + rng.gauss(0, 5e-5),
        "relative": lambda old, i: old * (1 + rng.gauss(0, 1e-3)),
        "sparse": lambda old, i: old + 0.01 if i % 97 == 5 else old,
        "scaled": lambda old, i: old * (1 + i // COLUMNS / 7),
        "low-rank": lambda old, i: old + left[i // COLUMNS] * right[i % COLUMNS],
        "unrelated": lambda old, i: rng.gauss(0, 0.05),
        "rows": lambda old, i: rng.gauss(0, 0.05) * 2.0 ** -(i // COLUMNS * 7 % 11),
        "columns": lambda old, i: rng.gauss(0, 0.05) * 2.0 ** -(i % COLUMNS * 7 % 11),
    }


def _float_pairs(rng: random.Random):
    for kind, code in FLOATS.items():
        for name, change in _changes(rng).items():
            old = _weights(rng)
            new = [change(value, i) for i, value in enumerate(old)]
            yield f"{kind} {name}", *(safetensors({"w": (kind, [ROWS, COLUMNS], _floats(code, v))}) for v in (old, new))


def _integer_pairs(rng: random.Random):
    for kind, code, most in (("I8", "b", 127), ("U8", "B", 255), ("I16", "h", 2000), ("I32", "i", 10**6), ("I64", "q", 10**9)):
        least = 0 if kind == "U8" else -most
        old = [min(max(int(rng.gauss(0, most / 4)), least), most) for _ in range(ROWS * COLUMNS)]
        for name, change in (("moved", lambda v: v + rng.randint(-2, 2)), ("requantised", lambda v: round(v * 1.03))):
            new = [min(max(change(v), least), most) for v in old]
            yield f"{kind} {name}", *(safetensors({"q": (kind, [ROWS, COLUMNS], struct.pack(f"<{len(v)}{code}", *v))})
                                      for v in (old, new))


def _byte_pairs(rng: random.Random):
    noise, other = rng.randbytes(40_000), rng.randbytes(20_000)
    text = "".join(f"layer.{i}.weight shape=[{i}, 3] offset={i * 4096}\n" for i in range(300)).encode()
    yield "nothing", b"", b""
    yield "from nothing", b"", text
    yield "to nothing", noise, b""
    yield "the same", noise, noise
    yield "one byte", noise, noise[:777] + b"\0" + noise[778:]
    yield "moved", noise, noise[25_000:] + other + noise[:20_000]
    yield "unrelated", noise, other
    yield "text", text, text.replace(b"layer.7", b"block.7") + b"end"
    yield "text in noise", noise + text + other, other + text.replace(b"4096", b"4160") + noise
    yield "fills", noise, bytes(9000) + noise[:100] + b"\xff" * 70_000
    yield "many segments", noise * 3, b"".join(bytes([i]) * 400_000 + noise[i * 10:i * 10 + 30_000] for i in range(6))
    yield "packed", *(_zipped({"a": noise[:9000], "b.txt": text + more}) for more in (b"", b"more"))


def _zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def model_pairs(seed: int):
    """(name, old, new) of each kind; other numbers for another seed."""
    rng = random.Random(seed)
    yield from _byte_pairs(rng)
    yield from _float_pairs(rng)
    yield from _integer_pairs(rng)
