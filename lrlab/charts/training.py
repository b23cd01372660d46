"""The figure of runs in training or finished: loss, accuracy and learning rate, stacked on one x axis.

Colour means run, dashes mean validation, thin lines mean training. A row lies at the end of what it tells about: update
u at (u + 1) / steps_per_epoch epochs, or u + 1 updates, or when it was written; an epoch at the end of its last update.
So losses, accuracies and the LR of one moment lie below each other whatever the x axis counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrlab.charts.figure import FONT_SIZE, Figure, axis, layout
from lrlab.charts.ranges import linear_ticks, log_range, log_ticks, loss_range, percent_range, seconds_end
from lrlab.charts.series import Axis, Series
from lrlab.charts.traces import MEASURES, RunTraces
from lrlab.schedules import number

DOMAINS = {"loss": (0.69, 1.0), "accuracy": (0.3, 0.595), "LR": (0.0, 0.205)}
"""The heights of the three charts as parts of the whole."""

TITLES = {"loss": "loss", "accuracy": "accuracy, %", "LR": "learning rate"}
X_TITLES = {"epoch": "epoch", "step": "optimiser update", "seconds": "seconds since the first update"}
HOVER_TITLES = {"epoch": "epoch %{x:.2~f}", "step": "update %{x:,.0f}", "seconds": "%{x:,.1f} s"}

FRAMES = tuple(
    {"type": "scatter", "xaxis": "x", "yaxis": y, "x": [None], "y": [None], "hoverinfo": "skip"} for y in MEASURES
)
"""A trace of nothing on each axis: Plotly leaves out axes without any, and all three charts stand from the start."""

MOST_POINTS = 1600
MOST_HAIR_LINES = 24


def training_figure(runs: Sequence[Series], *, x: Axis = "epoch", log_lr: bool = False) -> Figure:
    """The three charts of `runs`. A single run also shows each update's own loss, faint behind the smoothed one.

    About 1,600 points a trace at most, fewer where there are many runs. `layout.uirevision` stays the same while rows
    arrive, so that a zoom stays too; another x axis starts unzoomed.
    """
    most = max(300, MOST_POINTS * 2 // max(len(runs), 2))
    drawn = [RunTraces(run, x, most, of=len(runs)) for run in runs]
    first = max((run.first_loss for run in drawn), default=math.nan)
    live = any(run.live for run in runs)
    losses = loss_range((curve for run in drawn for curve in run.losses), first, from_zero=live)
    accuracies = percent_range((curve for run in drawn for curve in run.accuracies), least=20 if live else 10)
    hair_lines = [line for run in drawn for line in run.hair_lines()]
    return {
        "data": [*FRAMES, *(trace for run in drawn for trace in run.traces(highest_loss=losses[1]))],
        "layout": layout(
            xaxis=_x_axis(runs, x),
            yaxis=_y_axis("loss", range=list(losses)),
            yaxis2=_y_axis("accuracy", range=list(accuracies)),
            yaxis3=_y_axis("LR", **_lr_scale(drawn, log=log_lr)),
            annotations=[_title(part) for part in DOMAINS],
            shapes=hair_lines if len(hair_lines) <= MOST_HAIR_LINES else [],
            hovermode="x unified",
            # One run tells all three charts at once; several would fill the screen.
            hoversubplots="axis" if len(runs) == 1 else "overlaying",
            hoverdistance=30,
            uirevision="runs",
            margin={"l": 58, "r": 12, "t": 30, "b": 46},
        ),
    }


def _x_axis(runs: Sequence[Series], x: Axis) -> dict[str, Any]:
    longest = max((run.length(x) for run in runs), default=0.0) or 1.0
    growing = x == "seconds" and any(run.live for run in runs)
    return axis("") | {
        "title": {"text": X_TITLES[x], "font": {"size": FONT_SIZE}, "standoff": 8},
        # A little room, so that the last point is seen whole.
        "range": [0, seconds_end(longest) if growing else 1.015 * longest],
        "anchor": "y3",
        "automargin": False,
        "tickformat": "" if x == "epoch" else ",~r",
        "unifiedhovertitle": {"text": HOVER_TITLES[x]},
        "spikethickness": 1,
        "spikedash": "solid",
        "uirevision": x,
    }


def _y_axis(part: str, **more: Any) -> dict[str, Any]:
    return {**axis("", anchor="x", domain=list(DOMAINS[part]), automargin=False, nticks=6, showspikes=False), **more}


def _title(part: str) -> dict[str, Any]:
    """The chart's title lies flat above its axis, where it is read without turning the head and takes no width."""
    return {
        "text": f"<b>{TITLES[part]}</b>",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": DOMAINS[part][1],
        "xanchor": "left",
        "yanchor": "bottom",
        "xshift": -6,
        "yshift": 5,
        "font": {"size": FONT_SIZE},
    }


def _lr_scale(drawn: Sequence[RunTraces], *, log: bool) -> dict[str, Any]:
    """The LR's scale, ticks written as a person writes them; zooming moves the x axis only, so the ticks always fit."""
    if log:
        bottom, top = log_range(run.all_lr for run in drawn)
        ticks = log_ticks(bottom, top)
        scale = {"type": "log", "range": [bottom, top]}
    else:
        highest = max((float(np.nanmax(run.all_lr, initial=0)) for run in drawn), default=0.0) or 1.0
        ticks = linear_ticks(highest)
        scale = {"range": [0, 1.08 * highest]}
    return {**scale, "fixedrange": True, "tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}
