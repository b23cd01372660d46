"""The figure of runs in training or finished: loss, accuracy and learning rate, stacked on one x axis. Between them the
gradient's norm, where a run's log has it.

Colour means run, dashes mean validation, thin lines mean training. A row lies at the end of what it tells about: update
u at (u + 1) / steps_per_epoch epochs, or u + 1 updates, or when it was written; an epoch at the end of its last update.
So losses, accuracies and the LR of one moment lie below each other whatever the x axis counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrlab.charts.figure import FONT_SIZE, Figure, axis, layout
from lrlab.charts.ranges import (
    decades_range,
    linear_ticks,
    log_range,
    log_ticks,
    loss_range,
    percent_range,
    seconds_end,
)
from lrlab.charts.series import Axis, Series
from lrlab.charts.traces import ACCURACY, GRADIENT, LOSS, LR, RunTraces
from lrlab.schedules import number

DOMAINS = {LOSS: (0.69, 1.0), ACCURACY: (0.3, 0.595), LR: (0.0, 0.205)}
"""The heights of the three charts as parts of the whole."""

DOMAINS_WITH_GRADIENT = {LOSS: (0.765, 1.0), ACCURACY: (0.505, 0.695), GRADIENT: (0.25, 0.435), LR: (0.0, 0.18)}

TITLES = {LOSS: "loss", ACCURACY: "accuracy, %", GRADIENT: "gradient norm", LR: "learning rate"}
X_TITLES = {"epoch": "epoch", "step": "optimiser update", "seconds": "seconds since the first update"}
HOVER_TITLES = {"epoch": "epoch %{x:.2~f}", "step": "update %{x:,.0f}", "seconds": "%{x:,.1f} s"}

Domains = Mapping[str, tuple[float, float]]

MOST_POINTS = 1600
MOST_HAIR_LINES = 24


def training_figure(runs: Sequence[Series], *, x: Axis = "epoch", log_lr: bool = False) -> Figure:
    """The charts of `runs`. A single run also shows each update's own loss, faint behind the smoothed one.

    About 1,600 points a trace at most, fewer where there are many runs. `layout.uirevision` stays the same while rows
    arrive, so that a zoom stays too; another x axis starts unzoomed.
    """
    most = max(300, MOST_POINTS * 2 // max(len(runs), 2))
    drawn = [RunTraces(run, x, most, of=len(runs)) for run in runs]
    first = max((run.first_loss for run in drawn), default=math.nan)
    live = any(run.live for run in runs)
    losses = loss_range((curve for run in drawn for curve in run.losses), first, from_zero=live)
    accuracies = percent_range((curve for run in drawn for curve in run.accuracies), least=20 if live else 10)
    gradient = any(run.gradient for run in runs)
    domains = DOMAINS_WITH_GRADIENT if gradient else DOMAINS
    norms = decades_range(run.norm for run in drawn)
    axes = {
        "yaxis": _y_axis(domains[LOSS], range=list(losses)),
        "yaxis2": _y_axis(domains[ACCURACY], range=list(accuracies)),
        "yaxis3": _y_axis(domains[LR], **_lr_scale(drawn, log=log_lr)),
    }
    if gradient:
        axes["yaxis4"] = _y_axis(domains[GRADIENT], **_norm_scale(norms))
    return {
        "data": [*_frames(domains), *(trace for run in drawn for trace in run.traces(losses[1], 10 ** norms[0]))],
        "layout": layout(
            xaxis=_x_axis(runs, x),
            **axes,
            annotations=[*(_title(TITLES[y], top) for y, (_, top) in domains.items()), *_notes(drawn)],
            shapes=_lines(drawn, gradient=gradient),
            hovermode="x unified",
            # One run tells all charts at once; several would fill the screen.
            hoversubplots="axis" if len(runs) == 1 else "overlaying",
            hoverdistance=30,
            uirevision="runs",
            margin={"l": 58, "r": 12, "t": 30, "b": 46},
        ),
    }


def _frames(domains: Domains) -> list[dict[str, Any]]:
    """A trace of nothing on each axis: Plotly leaves out axes without any, and all charts stand from the start."""
    return [
        {"type": "scatter", "xaxis": "x", "yaxis": y, "x": [None], "y": [None], "hoverinfo": "skip"} for y in domains
    ]


def _lines(drawn: Sequence[RunTraces], *, gradient: bool) -> list[dict[str, Any]]:
    """What stands through the charts: jumps of the LR where they are few, a person's changes, the limit of clipping."""
    jumps = [line for run in drawn for line in run.hair_lines()]
    by_hand = [line for run in drawn for line in run.hand_lines()]
    limits = [line for run in drawn if gradient and (line := run.clip_line())]
    return [*(jumps if len(jumps) <= MOST_HAIR_LINES else []), *by_hand, *limits]


def _notes(drawn: Sequence[RunTraces]) -> list[dict[str, Any]]:
    """What a person's changes came to; among several runs the lines alone say that there was one."""
    return drawn[0].hand_notes() if len(drawn) == 1 else []


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


def _y_axis(domain: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {**axis("", anchor="x", domain=list(domain), automargin=False, nticks=6, showspikes=False), **more}


def _title(text: str, top: float) -> dict[str, Any]:
    """The chart's title lies flat above its axis, where it is read without turning the head and takes no width."""
    return {
        "text": f"<b>{text}</b>",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
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


def _norm_scale(norms: tuple[float, float]) -> dict[str, Any]:
    """The scale of the gradient's norm, logarithmic: a norm that explodes and the ones before it are both seen."""
    ticks = log_ticks(*norms)
    return {
        "type": "log", "range": list(norms), "fixedrange": True,
        "tickvals": ticks, "ticktext": [number(tick) for tick in ticks],
    }  # fmt: skip
