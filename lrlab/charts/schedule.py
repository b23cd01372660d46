"""The figure of one schedule being composed, over the thin lines of those that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import Figure, axis, layout, thin, typed
from lrlab.schedules import Curve

CORNERS = 1000
"""Up to so many jumps a curve is drawn by its exact corners; above, by its lowest and highest values."""


def schedule_figure(
    curves: Sequence[tuple[str, str, Curve]], *, x: Literal["epoch", "step"] = "epoch", log: bool = False
) -> Figure:
    """(label, colour, curve) each as one line; the first is the one being composed and is drawn strong.

    The line is a staircase: update u holds its LR from u to u + 1.
    """
    traces = [_trace(name, colour, values, x, strong=index == 0) for index, (name, colour, values) in enumerate(curves)]
    longest = max((values.epochs if x == "epoch" else len(values.lr)) for _, _, values in curves)
    title = "epoch" if x == "epoch" else "optimiser update"
    y = axis("learning rate", type="log", exponentformat="power", dtick=1) if log else _linear(curves)
    return {
        # The line being composed lies above the others.
        "data": traces[::-1],
        "layout": layout(
            xaxis=axis(title, range=[0, longest], hoverformat=".2~f"),
            yaxis=y,
            hovermode="x",
            uirevision=f"{x} {log}",
        ),
    }


def _linear(curves: Sequence[tuple[str, str, Curve]]) -> dict[str, Any]:
    top = max(float(values.lr.max()) for _, _, values in curves)
    return axis("learning rate", range=[0, top * 1.06 or 1.0], exponentformat="e", tickformat=".3~g")


def _trace(name: str, colour: str, values: Curve, x: str, *, strong: bool) -> dict[str, Any]:
    rows = drawn_rows(values.lr)
    # One point more, at the end of the last update, so that the last value is seen for as long as it holds.
    updates = np.append(rows, len(values.lr))
    lr = np.append(values.lr[rows], values.lr[-1])
    places = updates / values.steps_per_epoch if x == "epoch" else updates
    shown = np.minimum(updates, len(values.lr) - 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": typed(np.asarray(places)),
        "y": typed(lr),
        "customdata": typed(shown if x == "epoch" else shown // values.steps_per_epoch),
        "line": {"shape": "hv", "color": colour, "width": 3 if strong else 1.5},
        "opacity": 1 if strong else 0.85,
        "hovertemplate": (
            "update %{customdata} · epoch %{x:.2~f} · LR %{y:.4~g}"
            if x == "epoch"
            else "update %{x} · epoch %{customdata} · LR %{y:.4~g}"
        )
        + "<extra></extra>",
    }


def drawn_rows(lr: NDArray[np.float64]) -> NDArray[np.int64]:
    """The updates to draw: every corner where there are few, joined by evenly spread ones to hover over."""
    n = len(lr)
    corners = np.flatnonzero(np.diff(lr)) + 1
    if len(corners) > CORNERS:
        return thin(lr)
    spread = np.linspace(0, n - 1, min(n, 600)).astype(np.int64)
    return np.unique(np.concatenate([spread, corners]))
