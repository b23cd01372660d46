"""Draws coffee beans of four roasts: a picture-sized learning task that a person recognises at a glance.

A batch of B pictures is drawn at once with NumPy: light on arrays of shape (B, SIDE, SIDE), then colours. Every edge
is a soft step, so nothing needs smoothing. The constants under "How hard" decide how far a network can get.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROASTS: Final = ("Green", "Light", "Medium", "Dark")
"""In the order of roasting; a level between 0 and 3 lies between two of them."""

SIDE: Final = 48
"""Pixels of a picture."""

# --- How hard -------------------------------------------------------------------------------------------------
ROAST_SPREAD: Final = 0.30
"""Standard deviation of a bean's roast around its class, in classes: neighbours overlap."""
EXPOSURE_SPREAD: Final = 0.16
"""Standard deviation of the logarithm of the brightness."""
WHITE_BALANCE_SPREAD: Final = 0.07
"""Standard deviation of the logarithm of the red and of the blue gain."""
SENSOR_NOISE: Final = 0.03
"""Standard deviation of the noise of each pixel; white is 1."""

# --- How it looks ---------------------------------------------------------------------------------------------
_CREASE_SHOWS = 0.8  # share of the beans that show their flat side
_COLOURS = np.array([[0.58, 0.60, 0.42], [0.66, 0.47, 0.28], [0.43, 0.26, 0.15], [0.21, 0.13, 0.10]], np.float32)
_CREASES = np.array([[0.36, 0.38, 0.26], [0.78, 0.64, 0.44], [0.55, 0.40, 0.26], [0.10, 0.06, 0.05]], np.float32)
_TABLES = np.array(
    [
        [0.93, 0.92, 0.90],
        [0.78, 0.66, 0.50],
        [0.55, 0.40, 0.27],
        [0.36, 0.38, 0.41],
        [0.72, 0.76, 0.78],
        [0.84, 0.78, 0.66],
    ],
    np.float32,
)
_SHEEN = np.array([0.05, 0.08, 0.16, 0.42], np.float32)
_LENGTHS = np.array([0.60, 0.63, 0.67, 0.70], np.float32)


def draw(roasts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One picture for each of `roasts` (indices into ROASTS): uint8, shape (B, SIDE, SIDE, 3)."""
    batch = len(roasts)
    level = np.clip(roasts + rng.normal(0, ROAST_SPREAD, batch), 0, len(ROASTS) - 1)

    def between(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (batch, 1, 1)).astype(np.float32)

    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    x, y = line[None, None, :], line[None, :, None]
    light = between(0, 2 * np.pi)
    light_x, light_y = np.cos(light), np.sin(light)

    # The bean's own coordinates: u along it, v across it, u*u + v*v = 1 its outline.
    angle = between(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    length = _at(_LENGTHS, level)[:, None, None] * between(0.85, 1.15)
    width = length * between(0.64, 0.80)
    dx, dy = x - between(-0.16, 0.16), y - between(-0.16, 0.16)
    u = (dx * cos + dy * sin) / length
    v = (dy * cos - dx * sin) / width * (1 + between(-0.14, 0.14) * u)
    v += between(-0.10, 0.10) * (1 - u * u)
    radius2 = u * u + v * v
    bean = _step((1 - np.sqrt(radius2)) * length * (SIDE / 3))

    # Light on its shape: a dome, and on the flat side a crease whose walls catch light and shade.
    light_u, light_v = light_x * cos + light_y * sin, light_y * cos - light_x * sin
    front = (rng.random((batch, 1, 1)) < _CREASE_SHOWS).astype(np.float32)
    seam = v - between(0.04, 0.16) * np.sin(np.pi * between(0.7, 1.1) * u + between(-0.4, 0.4))
    seam /= between(0.07, 0.13)
    groove = np.exp(-seam * seam) * _step((0.93 - np.abs(u)) * 6) * front
    dome = np.sqrt(np.clip(1 - radius2, 0, 1))
    tilt = (u * light_u + v * light_v) * (0.42 + 0.14 * front) + seam * groove * light_v * 0.55
    diffuse = np.clip(0.40 + 0.57 * dome + 0.55 * tilt, 0.05, 1.6)
    mirror = (u - 0.42 * light_u) ** 2 + (v - 0.42 * light_v) ** 2
    sheen = np.exp(-mirror / between(0.03, 0.10)) * _at(_SHEEN, level)[:, None, None] * between(0.4, 1.4)
    mottle = 1 + 0.10 * _cloud(rng, batch, 7) + 0.09 * _cloud(rng, batch, 19)

    # The table, and the bean's shadow on it.
    grain_angle = between(0, np.pi)
    across = x * np.cos(grain_angle) + y * np.sin(grain_angle)
    grain = np.sin(across * between(8, 26) + 2.5 * _cloud(rng, batch, 4)) * between(0, 0.06)
    wear = 1 + grain + 0.05 * _cloud(rng, batch, 12) + 0.12 * (x * light_x + y * light_y)
    shadow_u, shadow_v = u + 0.16 * light_u, v + 0.22 * light_v
    shadow = 1 - 0.62 * _step((1.22 - np.sqrt(shadow_u * shadow_u + shadow_v * shadow_v)) * 2.2)

    # Each part is one colour times one map of light.
    table = _TABLES[rng.integers(0, len(_TABLES), batch)] * rng.uniform(0.85, 1.08, (batch, 1)).astype(np.float32)
    crease = 0.85 * groove
    parts = (
        (table, (1 - bean) * wear * shadow),
        (_at(_COLOURS, level), bean * (1 - crease) * mottle * diffuse),
        (_at(_CREASES, level), bean * crease * np.clip(diffuse, 0.3, 1.1)),
        (np.ones((batch, 3), np.float32), bean * (1 - crease) * sheen),
    )
    picture = np.zeros((batch, SIDE, SIDE, 3), np.float32)
    for colour, light_map in parts:
        picture += light_map[..., None] * colour[:, None, None, :]

    # The camera.
    gains = np.exp(rng.normal(0, 1, (batch, 3)) * [WHITE_BALANCE_SPREAD, 0, WHITE_BALANCE_SPREAD])
    gains *= np.exp(rng.normal(0, EXPOSURE_SPREAD, (batch, 1)))
    picture *= gains[:, None, None, :].astype(np.float32)
    picture += SENSOR_NOISE * rng.standard_normal(picture.shape, np.float32)
    pixels: NDArray[np.uint8] = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return pixels


def _at(table: Floats, level: NDArray[np.float64]) -> Floats:
    """`table`, one row a roast, at roast levels between its rows, linearly."""
    below = np.minimum(level.astype(np.int64), len(table) - 2)
    share = (level - below).astype(np.float32).reshape(-1, *[1] * (table.ndim - 1))
    mixed: Floats = table[below] * (1 - share) + table[below + 1] * share
    return mixed


def _step(value: Floats) -> Floats:
    """0 below 0, 1 above 1, smooth between."""
    clipped = np.clip(value, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


def _cloud(rng: np.random.Generator, batch: int, cells: int) -> Floats:
    """Soft random texture, mean 0 and about -1 to 1, with `cells` bumps along a side: shape (batch, SIDE, SIDE)."""
    knots = rng.uniform(-1, 1, (batch, cells + 1, cells + 1)).astype(np.float32)
    at = np.linspace(0, cells, SIDE, dtype=np.float32)
    below = np.minimum(at.astype(np.int64), cells - 1)
    share = _step(at - below.astype(np.float32))
    spread = np.zeros((SIDE, cells + 1), np.float32)
    spread[np.arange(SIDE), below] = 1 - share
    spread[np.arange(SIDE), below + 1] += share
    cloud: Floats = (spread @ knots @ spread.T).astype(np.float32)
    return cloud
