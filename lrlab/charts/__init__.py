"""Curves and run logs to Plotly figures: pure functions, one palette."""

from lrlab.charts.figure import PALETTE, Figure, colour, typed
from lrlab.charts.preview import MAX_KEPT, Kept, PreviewState, preview
from lrlab.charts.schedule import schedule_figure

__all__ = ["MAX_KEPT", "PALETTE", "Figure", "Kept", "PreviewState", "colour", "preview", "schedule_figure", "typed"]
