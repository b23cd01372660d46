"""Curves and run logs to Plotly figures: pure functions, one palette."""

from lrlab.charts.composer.state import MAX_KEPT, Kept, PreviewState, RecipeChoice, resolved
from lrlab.charts.dataset import class_figure
from lrlab.charts.diagram import diagram
from lrlab.charts.evaluation import confusion_figure, least_width, leaves, shown_classes
from lrlab.charts.figure import PALETTE, Figure, colour, distinct_colours, typed
from lrlab.charts.finder import SHADES, finder_figure
from lrlab.charts.logged import limit_to, logged_metric
from lrlab.charts.preview import composer_data, preview, preview_of, preview_state
from lrlab.charts.schedule import schedule_figure
from lrlab.charts.series import Series, series
from lrlab.charts.thumbnail import outline
from lrlab.charts.traces import smoothing_window
from lrlab.charts.training import training_figure

__all__ = [
    "MAX_KEPT",
    "PALETTE",
    "SHADES",
    "Figure",
    "Kept",
    "PreviewState",
    "RecipeChoice",
    "Series",
    "class_figure",
    "colour",
    "composer_data",
    "confusion_figure",
    "diagram",
    "distinct_colours",
    "finder_figure",
    "least_width",
    "leaves",
    "limit_to",
    "logged_metric",
    "outline",
    "preview",
    "preview_of",
    "preview_state",
    "resolved",
    "schedule_figure",
    "series",
    "shown_classes",
    "smoothing_window",
    "training_figure",
    "typed",
]
