"""The drawn line must be the curve: decoded from the figure, it is compared with the curve it was made from."""

import base64

import numpy as np
import plotly.graph_objects as go
import pytest

from lrlab.charts import schedule_figure
from lrlab.charts.figure import thin, typed
from lrlab.charts.schedule import drawn_rows
from lrlab.schedules import Composition, ScheduleSpec, curve


def decoded(array):
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])


def held(figure, update):
    """The LR that the drawn staircase shows in the middle of `update` (x in steps)."""
    trace = figure["data"][-1]
    x, y = decoded(trace["x"]), decoded(trace["y"])
    return y[np.searchsorted(x, update + 0.5, side="right") - 1]


@pytest.mark.parametrize(
    ("scheduler", "interval", "epochs", "steps"),
    [
        ({"name": "Fixed"}, "epoch", 1, 1),
        ({"name": "StepLR", "step_size": 5, "gamma": 0.5}, "epoch", 20, 30),
        ({"name": "StepLR", "step_size": 7, "gamma": 0.9}, "step", 20, 300),
        ({"name": "MultiStepLR", "milestones": [3, 9000]}, "step", 100, 100),
        ({"name": "ExponentialLR", "gamma": 0.9}, "epoch", 500, 400),
    ],
)
def test_every_update_of_a_staircase_is_drawn_at_its_height(scheduler, interval, epochs, steps):
    spec = ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler})
    values = curve(spec, lr=0.1, epochs=epochs, steps_per_epoch=steps)
    figure = schedule_figure([("one", "#000000", values)], x="step")
    for update in np.linspace(0, epochs * steps - 1, 97).astype(int):
        assert held(figure, update) == pytest.approx(values.lr[update], rel=1e-6)


def test_a_long_smooth_curve_is_drawn_with_few_points_and_keeps_its_ends():
    spec = ScheduleSpec.model_validate({"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": 10**6}})
    values = curve(spec, lr=0.1, epochs=1000, steps_per_epoch=1000)
    rows = drawn_rows(values.lr)
    assert len(rows) <= 1700
    assert (rows[0], rows[-1]) == (0, 10**6 - 1)
    between = np.interp(np.arange(10**6), rows, values.lr[rows])
    assert np.abs(between - values.lr).max() < 0.1 * 0.002  # two thousandths of the height: below a pixel


def test_plotly_accepts_the_figure_and_the_composed_curve_lies_on_top():
    kept = curve(ScheduleSpec(), lr=0.01, epochs=3, steps_per_epoch=4)
    composed = Composition().curve()
    raw = schedule_figure([("composed", "#0072B2", composed), ("kept", "#E69F00", kept)], x="epoch", log=True)
    figure = go.Figure(raw)
    assert [trace.name for trace in figure.data] == ["kept", "composed"]
    assert figure.layout.yaxis.type == "log"
    assert tuple(figure.layout.xaxis.range) == (0, 20)


def test_thin_keeps_the_single_spike_and_the_nan():
    values = np.zeros(100_000)
    values[31_415], values[70_000] = 7.0, np.nan
    rows = thin(values, most=1000)
    assert len(rows) <= 1002
    assert 31_415 in rows
    assert {0, 99_999} <= set(rows.tolist())


def test_typed_arrays_keep_whole_numbers_exact():
    numbers = np.array([0, 2**24 + 1, 2**31 - 1])
    assert decoded(typed(numbers)).tolist() == numbers.tolist()
    assert decoded(typed(np.array([2**40 + 1]))).tolist() == [2**40 + 1]
