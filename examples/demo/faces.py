"""The face detector on a real photograph: preparing, decoding, non-maximum suppression.

Model: UltraFace RFB, input RGB stretched, (x - 127) / 128; outputs scores [1, N, 2] and boxes
[1, N, 4] as x1, y1, x2, y2 relative to the picture.
"""
import numpy as np

SCORE = 0.7
OVERLAP = 0.3


def prepare(path, width: int, height: int) -> tuple[bytes, tuple[int, int]]:
    """(float32 [1, 3, height, width] as bytes, (picture width, picture height))"""
    from PIL import Image  # only the face chapter needs it

    with Image.open(path) as picture:
        size = picture.size
        pixels = np.asarray(picture.convert("RGB").resize((width, height), Image.BILINEAR), dtype=np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)[None].astype("<f4").tobytes(), size


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with others, xyxy."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])  # noqa: E731
    return common / (area(box) + area(others) - common)


def decode(outputs: dict, size: tuple[int, int]) -> list[tuple[float, list[int]]]:
    """[(score, [x1, y1, x2, y2] in pixels)], best first."""
    scores = np.array(outputs["scores"], dtype=np.float32).reshape(-1, 2)[:, 1]
    boxes = np.array(outputs["boxes"], dtype=np.float32).reshape(-1, 4)
    order = [i for i in np.argsort(-scores) if scores[i] > SCORE]
    kept: list[int] = []
    for index in order:
        if not kept or overlap(boxes[index], boxes[kept]).max() < OVERLAP:
            kept.append(index)
    scale = np.array([*size, *size])
    return [(float(scores[i]), [round(float(v)) for v in boxes[i] * scale]) for i in kept]
