"""A schedule as a small picture, as large as a word."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lrlab.charts import PALETTE

WIDTH, HEIGHT = 120, 34
POINTS = 240


def sparkline(lr: NDArray[np.float64]) -> None:
    """Draws `lr`, one value an update, from 0 to its highest value."""
    st.image(svg(lr), width=WIDTH)


def svg(lr: NDArray[np.float64]) -> str:
    """`lr` as an SVG of WIDTH x HEIGHT pixels."""
    rows = np.unique(np.linspace(0, len(lr) - 1, min(len(lr), POINTS)).astype(np.int64))
    across = 1 + (WIDTH - 2) * (rows + 1) / len(lr)
    down = HEIGHT - 2 - (HEIGHT - 4) * lr[rows] / (lr.max() or 1.0)
    path = f"M1 {down[0]:.1f}" + "".join(f"V{y:.1f}H{x:.1f}" for x, y in zip(across, down, strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path d="{path}" fill="none" stroke="{PALETTE[0]}" stroke-width="2"/></svg>'
    )
