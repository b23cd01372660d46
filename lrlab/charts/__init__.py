"""Curves and run logs to Plotly figures: pure functions, one palette."""

from lrlab.charts.figure import PALETTE, Figure, colour, typed
from lrlab.charts.schedule import schedule_figure

__all__ = ["PALETTE", "Figure", "colour", "schedule_figure", "typed"]
