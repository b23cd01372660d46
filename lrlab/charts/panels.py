"""What stands below the curve on the same x axis: the momentum, or the metric that ReduceLROnPlateau follows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import axis, typed
from lrlab.charts.sampling import drawn_rows
from lrlab.schedules import Curve, Decision, number

Floats = NDArray[np.float64]

MOST_NUMBERS = 60
"""Above so many epochs the counts of bad ones would cover each other; the pointer still tells them."""

MOST_LINES = 100
"""Above so many cuts their lines would fill the chart; the LR's own steps still show them."""

QUIET = "#7f8a96"
"""For lines that only help to read another one; legible on light and on dark pages."""

THIN = {"width": 1.2, "color": QUIET}


@dataclass(frozen=True)
class Panel:
    """A second chart: its traces on y2, its axis, its part of the whole height, and lines through both charts."""

    traces: list[dict[str, Any]]
    axis: dict[str, Any]
    height: float
    shapes: list[dict[str, Any]] = field(default_factory=list)


def momentum_panel(curve: Curve, colour: str, x: Literal["epoch", "step"]) -> Panel | None:
    """The momentum of every update; None where the schedule does not move it."""
    if curve.momentum is None:
        return None
    rows = drawn_rows(curve.momentum)
    updates = np.append(rows, len(curve.momentum))
    values = np.append(curve.momentum[rows], curve.momentum[-1])
    trace = _trace(
        "momentum", updates / curve.steps_per_epoch if x == "epoch" else updates, values, "momentum %{y:.3~g}",
        line={"shape": "hv", "color": colour, "width": 2},
    )  # fmt: skip
    low, high = float(values.min()), float(values.max())
    room = 0.1 * (high - low) or 0.05
    return Panel([trace], axis("momentum", range=[low - room, high + room], nticks=4, tickformat=".2~f"), 0.2)


def metric_panel(curve: Curve, colour: str, x: Literal["epoch", "step"], called: str) -> Panel | None:
    """The metric at the end of each epoch, the best so far, what would have been better, and every cut.

    None where the curve follows no metric. `called`: what the metric is, such as "validation loss".
    """
    if not curve.decisions:
        return None
    unit = 1 if x == "epoch" else curve.steps_per_epoch
    decisions = curve.decisions
    places = (np.arange(len(decisions)) + curve.first_decision + 1.0) * unit  # an epoch is measured when it ends
    metric = np.array([decision.metric for decision in decisions])
    limit = np.array([decision.limit for decision in decisions])
    limit[~np.isfinite(limit)] = np.nan  # before the first value anything is better
    bad = np.array([decision.bad for decision in decisions])
    resting = np.array([decision.resting for decision in decisions])
    better = np.array([decision.better for decision in decisions])
    best = _best_so_far(metric, better)
    few = len(decisions) <= MOST_NUMBERS
    rows = drawn_rows(metric)
    traces = [
        _trace("limit", places[rows], limit[rows], "", line={"dash": "dash", **THIN}, hoverinfo="skip"),
        _trace("best", places[rows], best[rows], "", line={"shape": "hv", **THIN}, hoverinfo="skip"),
        _trace(
            called, places[rows], metric[rows], "%{customdata}", mode="lines+markers" if few else "lines",
            customdata=[_told(curve.first_decision + row, decisions[row], best[row]) for row in rows.tolist()],
            line={"width": 2, "color": colour}, marker={"size": 6, "color": colour},
        ),
    ]  # fmt: skip
    counted = few & (bad > 0) & ~resting
    if counted.any():
        traces.append(
            _trace(
                "bad", places[counted], metric[counted], "", mode="text", text=[str(count) for count in bad[counted]],
                textposition="top center", textfont={"size": 12}, hoverinfo="skip", cliponaxis=False,
            )
        )  # fmt: skip
    cuts = places[[decision.cut for decision in decisions]]
    edges = np.flatnonzero(np.diff(resting, prepend=False, append=False))
    rests = np.append(places, places[-1] + unit)[edges].reshape(-1, 2) - unit
    shapes = [_rest(start, end) for start, end in rests.tolist()] if len(rests) <= MOST_LINES else []
    shapes += [_cut(place) for place in cuts.tolist()] if len(cuts) <= MOST_LINES else []
    finite = metric[np.isfinite(metric)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    room = 0.14 * (high - low) or 0.1 * abs(high) or 0.1
    return Panel(traces, axis(called, range=[low - room, high + room], nticks=5, tickformat=".3~g"), 0.4, shapes)


def _told(epoch: int, decision: Decision, best: float) -> str:
    words = f"epoch {epoch}: {number(decision.metric)}"
    if math.isfinite(decision.limit):
        words += f" · had to pass {number(decision.limit)}"
    if not decision.better:
        words += " · cooldown" if decision.resting else f" · best {number(best)} · bad epochs in a row: {decision.bad}"
    return words


def _best_so_far(metric: Floats, better: NDArray[np.bool_]) -> Floats:
    """What was best at the end of each epoch; nan before the first value that counts."""
    last = np.maximum.accumulate(np.where(better, np.arange(len(metric)), -1))
    return np.where(last >= 0, metric[last], np.nan)


def _trace(name: str, x: Any, y: Any, told: str, *, line: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "yaxis": "y2", "name": name, "x": typed(np.asarray(x)),
        "y": typed(np.asarray(y)), "showlegend": False, "line": line or {},
        **({"hovertemplate": f"{told}<extra></extra>"} if told else {}), **more,
    }  # fmt: skip


def _cut(place: float) -> dict[str, Any]:
    return {
        "type": "line", "name": "cut", "layer": "below", "xref": "x", "yref": "paper", "x0": place, "x1": place,
        "y0": 0, "y1": 1, "line": {"width": 1.2, "dash": "dot"},
    }  # fmt: skip


def _rest(start: float, end: float) -> dict[str, Any]:
    """A cooldown, which counts no bad epochs."""
    return {
        "type": "rect", "name": "rest", "layer": "below", "xref": "x", "yref": "y2 domain", "x0": start, "x1": end,
        "y0": 0, "y1": 1, "line": {"width": 0}, "fillcolor": QUIET, "opacity": 0.16,
    }  # fmt: skip
