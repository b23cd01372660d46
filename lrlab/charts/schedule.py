"""The figure of one schedule being composed, over the thin lines of its groups and of the schedules that were kept."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import Figure, axis, layout, typed
from lrlab.charts.panels import Panel
from lrlab.charts.sampling import MOST, drawn_rows
from lrlab.schedules import Curve

Axis = Literal["epoch", "step"]

DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
"""The groups' lines, in order; they repeat after the last."""

BESIDE = 500
"""So many updates are drawn of a curve that stands beside the one being composed."""

MOST_TICKS = 60
"""Above so many calls of step() their ticks would run together."""

LR_TITLE = "learning rate"
NAME_LENGTH = 44

SPIKE = {
    "showspikes": True, "spikethickness": 1, "spikedash": "solid", "spikemode": "across", "spikesnap": "cursor",
}  # fmt: skip
"""The line at the pointer, through both charts where there are two."""


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a curve: some of its updates and their LRs, and what the axes need to know."""

    rows: NDArray[np.int64]
    lr: NDArray[np.float64]
    updates: int
    steps_per_epoch: int

    @classmethod
    def of(cls, curve: Curve, most: int = MOST) -> Drawn:
        rows = drawn_rows(curve.lr, most)
        return cls(rows, curve.lr[rows], len(curve.lr), curve.steps_per_epoch)

    def length(self, x: Axis) -> float:
        return self.updates / self.steps_per_epoch if x == "epoch" else self.updates


def schedule_figure(
    curves: Sequence[tuple[str, str, Curve | Drawn]],
    *,
    x: Axis = "epoch",
    log: bool = False,
    groups: Sequence[tuple[str, Curve | Drawn]] = (),
    borders: Sequence[float] = (),
    points: Sequence[tuple[float, float]] = (),
    calls: Literal["epoch", "step"] | None = None,
    panel: Panel | None = None,
) -> Figure:
    """(label, colour, curve) each as one line; the first is the one being composed and is drawn strong.

    A line is a staircase: update u holds its LR from u to u + 1. `groups`: parameter groups of the first, dashed in its
    colour. `borders`: the updates with which the phases of the first begin. `points`: those by which it was drawn, each
    an update and the LR there. `calls`: where its `step()` is called, marked on the x axis; None where there is none.
    `panel`: what is drawn below, on the same x axis.
    """
    drawn = [(name, colour, _drawn(curve)) for name, colour, curve in curves]
    several = len(curves) + len(groups) > 1
    first = drawn[0][2]
    traces = [_trace(*line, x, width=1.5, told=True) for line in drawn[1:]]
    members = [_drawn(curve, BESIDE) for _, curve in groups]
    for index, ((name, _), member) in enumerate(zip(groups, members, strict=True)):
        dash = DASHES[index % len(DASHES)]
        traces.append(_trace(name, drawn[0][1], member, x, width=1.75, dash=dash, told=True, legend=True))
    # The line being composed lies above the others.
    base = _trace(*drawn[0], x, width=3, told=False, legend=bool(groups))
    traces.append(base | {"name": "base LR"} if groups else base)
    lines = [line for _, _, line in drawn] + members
    if points:
        traces.append(_marks(points, drawn[0][1], 1 / first.steps_per_epoch if x == "epoch" else 1))
    y = _log() if log else _linear(lines)
    bottom = 0.0 if panel is None else panel.height + 0.09
    own = layout(
        xaxis=_x_axis(x, max(line.length(x) for line in lines), calls, first),
        yaxis={**y, "domain": [bottom, 1]},
        hovermode="x",
        uirevision=f"{x} {log}",
        shapes=[_border(update / first.steps_per_epoch if x == "epoch" else update) for update in borders],
        margin={"l": 64, "r": 16, "t": 34 if groups else 16, "b": 48},
    )
    if groups:
        own |= {"showlegend": True, "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}}
    if several:
        own["hoverdistance"] = 30
    if panel is not None:
        own["xaxis"]["anchor"] = "y2"
        own |= {
            "yaxis2": {**panel.axis, "showspikes": False, "domain": [0, panel.height], "anchor": "x"},
            "hoversubplots": "axis",
        }
        own["shapes"] += panel.shapes
        traces += panel.traces
    return {"data": traces, "layout": own}


def _drawn(curve: Curve | Drawn, most: int = MOST) -> Drawn:
    return curve if isinstance(curve, Drawn) else Drawn.of(curve, most)


def _linear(lines: Sequence[Drawn]) -> dict[str, Any]:
    top = max(float(line.lr.max()) for line in lines)
    return axis(LR_TITLE, range=[0, top * 1.06 or 1.0], exponentformat="e", tickformat=".3~g", showspikes=False)


def _log() -> dict[str, Any]:
    return axis(LR_TITLE, type="log", exponentformat="power", dtick=1, showspikes=False)


def _x_axis(x: Axis, longest: float, calls: Literal["epoch", "step"] | None, first: Drawn) -> dict[str, Any]:
    title = "epoch" if x == "epoch" else "optimiser update"
    own = axis(title, range=[0, longest], hoverformat=".2~f", **SPIKE)
    if calls == "step":
        own["title"]["text"] = f"{title} · scheduler.step() after every update"
    elif calls == "epoch":
        own["title"]["text"] = f"{title} · scheduler.step() once an epoch"
        if first.updates / first.steps_per_epoch <= MOST_TICKS:
            each = 1 if x == "epoch" else first.steps_per_epoch
            own["minor"] = {"ticks": "outside", "ticklen": 5, "tick0": 0, "dtick": each, "showgrid": False}
    return own


def _marks(points: Sequence[tuple[float, float]], colour: str, unit: float) -> dict[str, Any]:
    places, lr = np.array(points, dtype=float).T
    return {
        "type": "scatter", "mode": "markers", "name": "points", "x": typed(places * unit), "y": typed(lr),
        "marker": {"size": 9, "color": colour}, "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
    }  # fmt: skip


def _border(place: float) -> dict[str, Any]:
    """A hair line where a phase begins; the page gives it the colour of its grid."""
    return {
        "type": "line", "name": "border", "layer": "below", "xref": "x", "yref": "y domain",
        "x0": place, "x1": place, "y0": 0, "y1": 1, "line": {"width": 1, "dash": "dot"},
    }  # fmt: skip


def _trace(
    name: str, colour: str, line: Drawn, x: Axis, *, width: float, dash: str = "solid", told: bool, legend: bool = False
) -> dict[str, Any]:
    """`told`: whether the box at the pointer says which line it is."""
    # One point more, at the end of the last update, so that the last value is seen for as long as it holds.
    updates = np.append(line.rows, line.updates)
    lr = np.append(line.lr, line.lr[-1])
    shown = np.minimum(updates, line.updates - 1)
    # Plotly reads markup in names, and a group's name or a formula is only text.
    text = html.escape(name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…", quote=False)
    place = "update %{customdata} · epoch %{x:.2~f}" if x == "epoch" else "update %{x} · epoch %{customdata}"
    # Plotly also fills in %{...} where it stands in a name.
    extra = text.replace("%", "&#37;") if told else ""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text,
        "x": typed(np.asarray(updates / line.steps_per_epoch if x == "epoch" else updates)),
        "y": typed(lr),
        "customdata": typed(shown if x == "epoch" else shown // line.steps_per_epoch),
        "line": {"shape": "hv", "color": colour, "width": width, "dash": dash},
        "opacity": 0.85 if told else 1,
        "showlegend": legend,
        "hovertemplate": f"{'' if told else f'{place} · '}LR %{{y:.4~g}}<extra>{extra}</extra>",
    }
