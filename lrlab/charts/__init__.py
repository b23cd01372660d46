"""Curves and run logs to Plotly figures: pure functions, one palette."""

from lrlab.charts.dataset import class_figure
from lrlab.charts.figure import PALETTE, Figure, colour, distinct_colours, typed
from lrlab.charts.preview import MAX_KEPT, Kept, PreviewState, preview
from lrlab.charts.schedule import schedule_figure
from lrlab.charts.series import Series, series
from lrlab.charts.traces import smoothing_window
from lrlab.charts.training import training_figure

__all__ = [
    "MAX_KEPT",
    "PALETTE",
    "Figure",
    "Kept",
    "PreviewState",
    "Series",
    "class_figure",
    "colour",
    "distinct_colours",
    "preview",
    "schedule_figure",
    "series",
    "smoothing_window",
    "training_figure",
    "typed",
]
