"""Draws leaves: endless labelled pictures for training and testing, without a data set.

A leaf is a lens shape with a wavy edge, veins and light from one side, on a blurred ground. Each
class has its own damage: brown spots with a yellow ring, fine orange dots, or a pale film.
"""
import numpy as np

CLASSES = ("healthy", "leaf_spot", "rust", "powdery_mildew")
CANVAS = 128  # pixels, drawn
SIZE = 64  # pixels, as the network sees it


def _smooth_noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """CANVAS x CANVAS noise in 0..1, bilinear between cells x cells random values."""
    grid = rng.random((cells + 1, cells + 1))
    at = np.linspace(0, cells, CANVAS, endpoint=False)
    low = at.astype(int)
    part = at - low
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def _blend(picture: np.ndarray, colour, mask: np.ndarray) -> None:
    picture += (np.asarray(colour, dtype=np.float64) - picture) * mask[..., None]


class _Frame:
    """Coordinates along (u) and across (v) the leaf, in units of its length."""

    def __init__(self, rng: np.random.Generator):
        angle = rng.uniform(0, 2 * np.pi)
        self.length = rng.uniform(82, 104)
        centre = CANVAS / 2 + rng.uniform(-8, 8, 2)
        y, x = np.mgrid[0:CANVAS, 0:CANVAS]
        dx, dy = x - centre[0], y - centre[1]
        self.u = (dx * np.cos(angle) + dy * np.sin(angle)) / self.length + 0.5
        self.v = (-dx * np.sin(angle) + dy * np.cos(angle)) / self.length
        inside = np.clip(self.u, 0, 1)
        width = rng.uniform(0.26, 0.36) * np.sin(np.pi * inside) ** rng.uniform(0.7, 1.0)
        waves = 1 + 0.06 * np.sin(inside * rng.uniform(30, 50) + rng.uniform(0, 6))
        self.edge = width * waves
        distance = (self.edge - np.abs(self.v)) * self.length
        self.mask = np.clip(distance, 0, 1) * ((self.u > 0) & (self.u < 1))


def _veins(frame: _Frame) -> np.ndarray:
    middle = np.exp(-((frame.v * frame.length / 1.3) ** 2))
    slope = frame.u * 8 - np.abs(frame.v) * 10
    side = np.exp(-(((slope - np.round(slope)) * 7) ** 2)) * (np.abs(frame.v) < frame.edge * 0.9)
    return np.clip(middle + 0.35 * side, 0, 1)


def _discs(rng, frame: _Frame, count: int, radius_range):
    """Yields (window, distance from the centre, radius) of spots on the leaf."""
    points = np.argwhere(frame.mask > 0.9)
    for _ in range(count):
        cy, cx = points[rng.integers(len(points))]
        radius = rng.uniform(*radius_range)
        reach = int(radius) + 3
        rows = slice(max(cy - reach, 0), min(cy + reach + 1, CANVAS))
        columns = slice(max(cx - reach, 0), min(cx + reach + 1, CANVAS))
        y, x = np.mgrid[rows, columns]
        yield (rows, columns), np.hypot(x - cx, y - cy), radius


def _disc(distance: np.ndarray, radius: float, softness: float) -> np.ndarray:
    return np.clip((radius - distance) / softness + 0.5, 0, 1)


def _leaf_spot(rng, frame, picture) -> None:
    for window, distance, radius in _discs(rng, frame, rng.integers(4, 14), (4, 9)):
        ground, mask = picture[window], frame.mask[window]
        _blend(ground, (0.72, 0.66, 0.16), _disc(distance, radius, 1.5) * mask)
        _blend(ground, (0.32, 0.17, 0.07), _disc(distance, radius * 0.55, 1.5) * mask)


def _rust(rng, frame, picture, fine: bool) -> None:
    radius_range = (0.8, 1.9) if fine else (1.6, 3.4)
    for window, distance, radius in _discs(rng, frame, rng.integers(35, 110), radius_range):
        _blend(picture[window], (0.82, 0.36, 0.07), _disc(distance, radius, 1.0) * frame.mask[window])


def _powdery_mildew(rng, frame, picture) -> None:
    film = np.clip((_smooth_noise(rng, 5) - rng.uniform(0.35, 0.5)) * 8, 0, 1)
    _blend(picture, (0.86, 0.89, 0.84), film * frame.mask * rng.uniform(0.7, 0.95))


def draw(rng: np.random.Generator, label: int, fine: bool = False, shade: float = 1.0) -> np.ndarray:
    """One leaf as float32 [3, SIZE, SIZE], RGB in 0..1.

    label indexes CLASSES; fine draws rust as smaller dots (harder); shade below 1 darkens.
    """
    grey = rng.uniform(0.3, 0.6)
    tint = np.array((1.0, rng.uniform(0.8, 1.0), rng.uniform(0.65, 1.0)))
    picture = (grey + 0.25 * (_smooth_noise(rng, 6) - 0.5))[..., None] * tint
    frame = _Frame(rng)
    green = np.array((rng.uniform(0.12, 0.3), rng.uniform(0.42, 0.62), rng.uniform(0.08, 0.2)))
    _blend(picture, green, frame.mask)
    picture *= 1 + 0.15 * (_smooth_noise(rng, 8) - 0.5)[..., None] * frame.mask[..., None]
    _blend(picture, green * 1.25 + 0.12, _veins(frame) * frame.mask * 0.7)
    if label == 1:
        _leaf_spot(rng, frame, picture)
    elif label == 2:
        _rust(rng, frame, picture, fine)
    elif label == 3:
        _powdery_mildew(rng, frame, picture)
    light = 1 + 0.25 * frame.v * rng.choice((-1, 1)) * 2
    picture = np.clip(picture * light[..., None] * shade, 0, 1)
    picture += rng.normal(0, 0.015, picture.shape)
    small = picture.reshape(SIZE, 2, SIZE, 2, 3).mean(axis=(1, 3))
    return np.clip(small, 0, 1).astype(np.float32).transpose(2, 0, 1)


def make_set(seed: int, count: int, fine_share: float = 0.0, shade=(1.0, 1.0)):
    """`count` leaves, classes in turn: float32 [count, 3, SIZE, SIZE] and int labels [count]."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    pictures = [draw(rng, int(label), rng.random() < fine_share, rng.uniform(*shade)) for label in labels]
    return np.stack(pictures), labels
