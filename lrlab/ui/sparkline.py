"""A schedule as a small picture, as large as a word."""

from __future__ import annotations

import base64
import html

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lrlab.charts import PALETTE, outline

WIDTH, HEIGHT = 120, 34
EDGE = 2
"""Room for the line's width."""


def sparkline(lr: NDArray[np.float64]) -> None:
    """Draws `lr`, one value an update, from 0 to its highest value."""
    st.image(svg(outline(lr, WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE), WIDTH, HEIGHT), width=WIDTH)


def picture(path: str, width: float, height: float, told: str) -> None:
    """Draws the outline `path`, made for `width` x `height` pixels; `told` says in words what it shows."""
    drawn = base64.b64encode(svg(path, width + 2 * EDGE, height + 2 * EDGE).encode()).decode()
    st.html(f'<img src="data:image/svg+xml;base64,{drawn}" alt="{html.escape(told)}">')


def svg(path: str, width: float, height: float) -> str:
    """An SVG of `width` x `height` pixels, the line's width included."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="{-EDGE} {-EDGE} {width:g} {height:g}">'
        f'<path d="{path}" fill="none" stroke="{PALETTE[0]}" stroke-width="2" stroke-linejoin="round"/></svg>'
    )
