"""The confusion matrix as a figure: what the images of each class were taken for.

A row is a class as labelled, a column a class as predicted. The diagonal is blue, mistakes are orange, and the colour
is the stronger the larger the share of its row. No colour hides more than part of the page behind it, so the page's
own text colour is legible on every cell, light or dark.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.dataset import shortened
from lrlab.charts.figure import FONT_SIZE, PALETTE, Figure, axis, layout, typed

MOST_CLASSES = 40
"""More classes than this have no room for a readable row each."""

MOST_WRITTEN = 14
"""Up to so many classes the numbers stand in the cells; beyond, they show on hover."""

STRONGEST = 0.6
"""Opacity of a cell that holds its whole row."""

STOPS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares at which a colour scale is pinned. Opacity goes with the square root, so that one mistake in fifty shows."""

COLUMN_WIDTH = 16
"""Pixels that a name needs which stands upright."""

ROW_HEIGHTS = ((6, 56), (MOST_WRITTEN, 38), (MOST_CLASSES, 22))
"""Up to so many classes, a row has so many pixels."""


def leaves(classes: Sequence[str]) -> list[str]:
    """The shortest ends of the paths of classes that tell them apart: "Lime" for "Fruit/Lime" where no other is one."""
    left = dict.fromkeys(classes)
    found: dict[str, str] = {}
    deep = 0
    while left:
        deep += 1
        ends = {name: "/".join(name.split("/")[-deep:]) for name in classes}
        times = Counter(ends.values())
        for name in [name for name in left if times[ends[name]] == 1 or ends[name] == name]:
            found[name] = ends[name]
            del left[name]
    return [found[name] for name in classes]


def least_width(classes: int) -> int:
    """Pixels below which the columns of so many classes have no room for their names."""
    classes = min(classes, MOST_CLASSES)
    return 160 + COLUMN_WIDTH * classes if classes > MOST_WRITTEN else 0


def shown_classes(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the classes that the figure shows: all, or the MOST_CLASSES with the most mistakes, in their order."""
    if len(matrix) <= MOST_CLASSES:
        return np.arange(len(matrix))
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    return np.sort(np.argsort(-wrong, kind="stable")[:MOST_CLASSES])


def confusion_figure(matrix: NDArray[np.int64], classes: Sequence[str], *, shares: bool = False) -> Figure:
    """The confusion matrix (see `runs.Evaluation`) of `shown_classes`, in counts or in shares of each row.

    `layout.height` is in pixels. Names are escaped, since Plotly reads markup in every text.
    """
    images = matrix.sum(axis=1)
    places = shown_classes(matrix)
    part = np.divide(matrix, images[:, None], out=np.zeros(matrix.shape), where=images[:, None] > 0)
    matrix, part, images = matrix[np.ix_(places, places)], part[np.ix_(places, places)], images[places]
    names, ends = ([every[place] for place in places] for every in (classes, leaves(classes)))
    size = len(names)
    diagonal = np.eye(size, dtype=bool)
    hover = [[_hover(names, row, column, matrix, part, images) for column in range(size)] for row in range(size)]
    data = [
        _cells(np.where(keep & (matrix > 0), part, np.nan), hover, colour)
        for keep, colour in ((diagonal, PALETTE[0]), (~diagonal, PALETTE[4]))
    ]
    if size <= MOST_WRITTEN:
        data.append(_numbers(matrix, part, shares=shares))
    labels = [html.escape(shortened(name), quote=False) for name in ends]
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(size)),
        "ticktext": labels,
        "showgrid": False,
        "fixedrange": True,
        "ticks": "",
        "tickfont": {"size": FONT_SIZE if size <= MOST_WRITTEN else FONT_SIZE - 2},
    }
    height = next(height for most, height in ROW_HEIGHTS if size <= most)
    turn = {} if size <= MOST_WRITTEN else {"tickangle": -90}
    longest = max(len(shortened(name)) for name in ends)
    return {
        "data": data,
        "layout": layout(
            height=height * size + 60 + min(7 * longest, 170),
            margin={"l": 48, "r": 8, "t": 56, "b": 8},
            xaxis=axis("", side="top", range=[-0.5, size - 0.5], **turn, **ticks) | _title("predicted"),
            yaxis=axis("", range=[size - 0.5, -0.5], **ticks) | _title("label"),
            shapes=_frame(size),
        ),
    }


def _title(text: str) -> dict[str, Any]:
    # A distance of its own keeps the title clear of names that stand upright.
    return {"title": {"text": text, "standoff": 12, "font": {"size": FONT_SIZE}}}


def _hover(
    names: Sequence[str],
    row: int,
    column: int,
    matrix: NDArray[np.int64],
    part: NDArray[np.float64],
    images: NDArray[np.int64],
) -> str:
    count = int(matrix[row, column])
    if not count:
        return ""
    label, predicted = (html.escape(names[place], quote=False) for place in (row, column))
    said = "named right" if row == column else f"taken for<br>{predicted}"
    return f"{label}<br>{said}: {count:,} of {images[row]:,} ({100 * part[row, column]:.1f} %)"


def _cells(part: NDArray[np.float64], hover: list[list[str]], colour: str) -> dict[str, Any]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return {
        "type": "heatmap",
        "z": {**typed(part.ravel()), "shape": f"{part.shape[0]}, {part.shape[1]}"},
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[stop, f"rgba({red},{green},{blue},{STRONGEST * stop**0.5:.3f})"] for stop in STOPS],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": hover,
        "hoverinfo": "text",
        "hoverongaps": False,
    }


def _numbers(matrix: NDArray[np.int64], part: NDArray[np.float64], *, shares: bool) -> dict[str, Any]:
    rows, columns = np.nonzero(matrix)
    values = [
        f"{100 * part[cell]:.0f} %" if shares else f"{matrix[cell]:,}" for cell in zip(rows, columns, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "x": typed(columns),
        "y": typed(rows),
        "text": values,
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _frame(size: int) -> list[dict[str, Any]]:
    """A line around all cells, so that rows without an image are seen as empty; its colour is the page's."""
    corners = {"x0": -0.5, "x1": size - 0.5, "y0": -0.5, "y1": size - 0.5}
    return [{"type": "rect", "name": "border", "layer": "below", "line": {"width": 1}, **corners}]
