"""The figure of an LR finder: loss against the LR as it grows, what each method suggests, and how far seeds differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import FONT_SIZE, PALETTE, Figure, axis, layout, thin, typed
from lrlab.charts.ranges import linear_ticks, log_ticks, steady
from lrlab.experiments import Finder
from lrlab.runs.finder import TITLES, Findings, Method, Suggestion, Sweep
from lrlab.schedules import number

Floats = NDArray[np.float64]

CURVE = PALETTE[0]
QUIET = "#8a94a0"
"""Of single batches: faint on a light page and on a dark one."""

SHADES: dict[Method, str] = dict(zip(TITLES, (PALETTE[4], PALETTE[2], PALETTE[3], PALETTE[1]), strict=True))
"""The colour of each method's mark."""

TOP = 0.79
"""The height of the chart as a part of the whole; above it each suggestion has a line of its own for its name."""

ROW = (1.0 - TOP) / len(TITLES)
HOVER = "%{y:.4~g} "


def finder_figure(found: Findings) -> Figure:
    """`found` as losses over the LR: each batch's faint, smoothed ones bold, with several seeds their mean and band.

    The LR's axis reaches over all that was asked for from the start. The loss's shows the way down and as much again of
    the way up; what diverges leaves it.
    """
    bottom, top = _loss_range(found)
    data = [*_batches(found.sweeps), *_curves(found), *_ends(found, top), *_marks(found)]
    return {
        "data": data or [{"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}],
        "layout": layout(
            xaxis=_lr_axis(found.finder),
            yaxis=axis("", domain=[0, TOP], range=[bottom, top], automargin=False, nticks=6),
            annotations=[_title(), *_names(found)],
            shapes=_lines(found),
            hovermode="x unified",
            hoverdistance=30,
            margin={"l": 54, "r": 14, "t": 10, "b": 52},
            uirevision="finder",
        ),
    }


# ---- curves ----------------------------------------------------------------------------------------------------------


def _batches(sweeps: Sequence[Sweep]) -> list[dict[str, Any]]:
    """The losses of single batches."""
    dots = {"mode": "markers", "marker": {"size": 4, "color": QUIET}, "opacity": 0.6 if len(sweeps) == 1 else 0.35}
    return [_trace(sweep.lr, sweep.loss, "single batch", **dots) for sweep in sweeps]


def _curves(found: Findings) -> list[dict[str, Any]]:
    sweeps = found.sweeps
    if len(sweeps) == 1:
        return [_line(sweeps[0].lr, sweeps[0].smoothed, "smoothed", 2.8)]
    lr, low, mean, high = found.band
    each = [
        _line(sweep.lr, sweep.smoothed, f"seed {sweep.number + 1}, smoothed", 1.0, opacity=0.55) for sweep in sweeps
    ]
    if not len(lr):
        return each
    band = [
        _line(lr, low, "", 0, hoverinfo="skip"),
        _line(lr, high, "", 0, hoverinfo="skip", fill="tonexty", fillcolor=_pale(CURVE)),
    ]
    return [*band, *each, _line(lr, mean, f"mean of {len(sweeps)} seeds", 2.8)]


def _ends(found: Findings, top: float) -> list[dict[str, Any]]:
    """A cross where a sweep was stopped because its loss had diverged."""
    stopped = [sweep for sweep in found.sweeps if sweep.diverged]
    if not stopped:
        return []
    places = np.array([sweep.lr[-1] for sweep in stopped])
    return [
        {
            "type": "scatter", "mode": "markers", "x": typed(places), "y": typed(np.full(len(places), top)),
            "marker": {"symbol": "x", "size": 10, "color": PALETTE[4]}, "cliponaxis": False,
            "hoverinfo": "skip",
        }
    ]  # fmt: skip


def _line(lr: Floats, loss: Floats, name: str, width: float, **more: Any) -> dict[str, Any]:
    return _trace(lr, loss, name, mode="lines", line={"width": width, "color": CURVE}, **more)


def _trace(lr: Floats, loss: Floats, name: str, **more: Any) -> dict[str, Any]:
    finite = np.where(np.isfinite(loss), loss, np.nan)
    rows = thin(finite)
    hover = {} if "hoverinfo" in more else {"hovertemplate": f"{HOVER}{name}<extra></extra>"}
    return {"type": "scatter", "x": typed(lr[rows]), "y": typed(finite[rows]), **hover, **more}


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


# ---- suggestions -----------------------------------------------------------------------------------------------------


def _marks(found: Findings) -> list[dict[str, Any]]:
    """A point on the curve for each suggestion."""
    given = _given(found)
    if not given:
        return []
    lr, _, mean, _ = found.band
    rates = np.array([one.lr for one in given])
    heights = np.interp(np.log(rates), np.log(lr), mean)
    return [
        {
            "type": "scatter", "mode": "markers", "x": typed(rates), "y": typed(heights),
            "marker": {"size": 11, "color": [SHADES[one.method] for one in given]},
            "hoverinfo": "skip",
        }
    ]  # fmt: skip


def _lines(found: Findings) -> list[dict[str, Any]]:
    """A line from each suggestion's name down to the LR's axis."""
    _, heights = _places(found)
    return [
        {
            "type": "line", "xref": "x", "yref": "paper", "x0": one.lr, "x1": one.lr, "y0": 0,
            "y1": heights[one.method] - ROW / 2, "layer": "below",
            "line": {"width": 1.5, "dash": "dot", "color": SHADES[one.method]},
        }
        for one in _given(found)
    ]  # fmt: skip


def _names(found: Findings) -> list[dict[str, Any]]:
    """Each suggestion's name and LR beside the head of its line."""
    leftward, heights = _places(found)
    return [
        {
            "text": f"<b>{one.title}</b> {number(one.lr)}", "name": one.method, "x": _along(found.finder, one.lr),
            "xref": "x", "y": heights[one.method], "yref": "paper", "xanchor": "right" if leftward else "left",
            "yanchor": "top", "xshift": -3 if leftward else 3, "showarrow": False, "font": {"size": FONT_SIZE},
        }
        for one in _given(found)
        if one.lr is not None
    ]  # fmt: skip


def _places(found: Findings) -> tuple[bool, dict[Method, float]]:
    """Whether names stand to the left of their lines, and the upper edge of each name as a part of the whole height.

    They stand where there is room, all on one side, and ordered by their LRs so that no line crosses a name.
    """
    given = sorted(_given(found), key=lambda one: one.lr or 0.0)
    low, high = _ends_of(found.finder)
    leftward = sum(_along(found.finder, one.lr or low) for one in given) > len(given) * (low + high) / 2
    downward = given[::-1] if leftward else given
    return leftward, {one.method: 1.0 - ROW * row for row, one in enumerate(downward)}


def _along(finder: Finder, lr: float) -> float:
    """Where `lr` is on its axis: Plotly counts a logarithmic one in powers of ten."""
    return math.log10(lr) if finder.growth == "exponential" else lr


def _given(found: Findings) -> list[Suggestion]:
    return [one for one in found.suggestions if one.lr is not None]


# ---- axes ------------------------------------------------------------------------------------------------------------


def _lr_axis(finder: Finder) -> dict[str, Any]:
    low, high = _ends_of(finder)
    room = 0.015 * (high - low)
    log = finder.growth == "exponential"
    ticks = log_ticks(low - room, high + room) if log else linear_ticks(high)
    return axis(
        "learning rate", type="log" if log else "linear", range=[low - room, high + room], automargin=False,
        tickvals=ticks, ticktext=[number(tick) for tick in ticks], unifiedhovertitle={"text": "LR %{x:.3~g}"},
    )  # fmt: skip


def _ends_of(finder: Finder) -> tuple[float, float]:
    """Where the LR's axis begins and ends."""
    return _along(finder, finder.lowest), _along(finder, finder.highest)


def _loss_range(found: Findings) -> tuple[float, float]:
    """The smoothed losses, up to as far above the beginning as the lowest is below it, a quarter at least.

    An eighth of the beginning is shown to both sides whatever the losses do, so that noise does not look like a fall.
    """
    curves = [sweep.smoothed[np.isfinite(sweep.smoothed)] for sweep in found.sweeps]
    curves = [curve for curve in curves if len(curve)]
    if not curves:
        return 0.0, 1.0
    begin = max(float(curve[0]) for curve in curves)
    low = min(begin * 7 / 8, *(float(curve.min()) for curve in curves))
    high = max(begin * 9 / 8, *(float(curve.max()) for curve in curves))
    return steady(low, min(high, begin + max(begin - low, begin / 4)))


def _title() -> dict[str, Any]:
    """The chart's title lies flat above its axis, where it is read without turning the head and takes no width."""
    return {
        "text": "<b>loss</b>", "showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "y": TOP,
        "xanchor": "left", "yanchor": "bottom", "xshift": -6, "yshift": 5, "font": {"size": FONT_SIZE},
    }  # fmt: skip
