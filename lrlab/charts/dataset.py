"""The figure of a data set: how many images each class has, and in which part of the split they are."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from lrlab.charts.figure import PALETTE, Figure, axis, layout, typed

PARTS = (("train", "training", PALETTE[0]), ("val", "validation", PALETTE[5]), ("test", "test", "#8D99A6"))
"""Column, name in the legend and colour. What no model ever learns from or is chosen by is grey."""

MOST_UPRIGHT = 12
"""More classes than this lie in rows, where each has room for its name."""

WIDEST_NAMES = 40
"""Characters that the names of all upright bars together have room for on a phone."""

LONGEST_NAME = 24
"""Characters of a name beside its bar, so that a phone has room for the bar; the whole name shows on hover."""

UPRIGHT_HEIGHT = 340
ROW_HEIGHT = 28


def class_figure(counts: pd.DataFrame) -> Figure:
    """Bars of the images per class, their parts stacked, the sum at each bar's end.

    `counts`: one row per class in the order of the labels, the columns train, val and test; see `datasets.counts`.
    Few classes of short names stand upright, others lie in rows, the first on top. `layout.height` is in pixels.
    """
    names = [str(name) for name in counts.index]
    upright = len(names) <= MOST_UPRIGHT and len(names) * max(map(len, names)) <= WIDEST_NAMES
    places = np.arange(len(names))
    totals = counts.sum(axis=1).to_numpy()
    # Plotly reads markup in every text it draws, so names reach it escaped.
    shown = [html.escape(name, quote=False) for name in names]
    traces = [
        _bars(places, counts[column].to_numpy(), shown, name, colour, upright=upright)
        for column, name, colour in PARTS
        if counts[column].any()
    ]
    along = {
        "tickmode": "array",
        "tickvals": places.tolist(),
        "ticktext": [html.escape(shortened(name), quote=False) for name in names],
        "showgrid": False,
        "fixedrange": True,
        "range": [-0.6, len(names) - 0.4] if upright else [len(names) - 0.4, -0.6],
    }
    across = {"range": [0, float(totals.max()) * 1.12], "fixedrange": True, "tickformat": ",d", "nticks": 6}
    x, y = (axis("", **along), axis("", **across)) if upright else (axis("", **across), axis("", **along))
    if not upright:
        x["side"] = "top"  # in sight also where the rows are scrolled
    return {
        "data": [*traces, _sums(places, totals, upright=upright)],
        "layout": layout(
            barmode="stack",
            bargap=0.3,
            height=UPRIGHT_HEIGHT if upright else 68 + ROW_HEIGHT * len(names),
            showlegend=True,
            legend={
                "orientation": "h",
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "traceorder": "normal",
            },
            margin={"l": 48, "r": 16, "t": 40 if upright else 60, "b": 8},
            xaxis=x,
            yaxis=y,
        ),
    }


def shortened(name: str) -> str:
    """`name` in at most LONGEST_NAME characters. Of a path the end tells more than the start."""
    if len(name) <= LONGEST_NAME:
        return name
    tail = name[2 - LONGEST_NAME :]
    return "…/" + tail.split("/", 1)[1] if "/" in tail else "…" + name[1 - LONGEST_NAME :]


def _bars(places: Any, values: Any, names: list[str], part: str, colour: str, *, upright: bool) -> dict[str, Any]:
    along, across = ("x", "y") if upright else ("y", "x")
    return {
        "type": "bar",
        "orientation": "v" if upright else "h",
        "name": part,
        along: typed(places),
        across: typed(values),
        "customdata": names,
        "marker": {"color": colour},
        "hovertemplate": f"%{{customdata}}: %{{{across}:,}} {part}<extra></extra>",
    }


def _sums(places: Any, totals: Any, *, upright: bool) -> dict[str, Any]:
    along, across = ("x", "y") if upright else ("y", "x")
    return {
        "type": "scatter",
        "mode": "text",
        along: typed(places),
        across: typed(totals),
        "text": [f"\u00a0{total:,}\u00a0" for total in totals.tolist()],
        "textposition": "top center" if upright else "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }
