"""The finder's figure: every curve and suggestion in its place, axes that stand still, nothing that JSON refuses."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from lrlab.charts import finder_figure
from lrlab.charts.finder import SHADES, TOP
from lrlab.experiments import Finder
from lrlab.runs.finder import Findings, Smoother, findings


def found(finder: Finder, *, upto: int | None = None, infinite: bool = False) -> Findings:
    rows = []
    for sweep in range(finder.seeds):
        smooth = Smoother()
        for step in range(finder.steps if upto is None else upto):
            lr = finder.lr(step)
            loss = 1.8 + 0.02 * sweep - 1.2 / (1 + (1e-3 / lr) ** 1.2) + 3 * max(0.0, math.log10(lr / 0.5))
            if infinite and step == finder.steps - 1:
                loss = math.inf
            rows.append((sweep * finder.steps + step, sweep, lr, loss, smooth(loss)))
    steps = pd.DataFrame(rows, columns=["step", "epoch", "lr", "loss", "smoothed"])
    return findings(finder, steps)


def values(trace: dict, axis: str) -> np.ndarray:
    packed = trace[axis]
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


@pytest.mark.parametrize("growth", ["exponential", "linear"])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("upto", [None, 1, 40, 0])
def test_plotly_takes_the_figure_and_json_too(growth: str, seeds: int, upto: int | None) -> None:
    figure = finder_figure(found(Finder(growth=growth, seeds=seeds, lowest=1e-6, highest=2), upto=upto))
    go.Figure(figure)
    json.dumps(figure, allow_nan=False)


def test_one_seed_is_its_batches_faint_and_its_running_mean_bold() -> None:
    one = found(Finder())
    batches, smoothed, *_ = finder_figure(one)["data"]
    assert batches["mode"] == "markers"
    assert batches["opacity"] < 1
    np.testing.assert_allclose(values(batches, "y"), one.sweeps[0].loss, rtol=1e-6)
    assert smoothed["mode"] == "lines"
    np.testing.assert_allclose(values(smoothed, "x"), one.sweeps[0].lr, rtol=1e-6)
    np.testing.assert_allclose(values(smoothed, "y"), one.sweeps[0].smoothed, rtol=1e-6)


def test_several_seeds_have_a_band_around_their_mean() -> None:
    three = found(Finder(seeds=3))
    data = finder_figure(three)["data"]
    (upper,) = [trace for trace in data if trace.get("fill") == "tonexty"]
    lower = data[data.index(upper) - 1]
    np.testing.assert_allclose(values(lower, "y"), three.band[1], rtol=1e-6)
    np.testing.assert_allclose(values(upper, "y"), three.band[3], rtol=1e-6)
    (mean,) = [trace for trace in data if "mean of 3 seeds" in trace.get("hovertemplate", "")]
    np.testing.assert_allclose(values(mean, "y"), three.band[2], rtol=1e-6)


def test_each_suggestion_has_a_line_a_name_and_a_point_on_the_curve() -> None:
    one = found(Finder())
    given = [suggestion for suggestion in one.suggestions if suggestion.lr]
    layout, data = (finder_figure(one)[part] for part in ("layout", "data"))
    assert len(given) >= 3
    assert [shape["x0"] for shape in layout["shapes"]] == [suggestion.lr for suggestion in given]
    names = {note["name"]: note for note in layout["annotations"] if "name" in note}
    assert list(names) == [suggestion.method for suggestion in given]
    for suggestion in given:
        note = names[suggestion.method]
        assert note["text"].startswith(f"<b>{suggestion.title}</b> ")
        assert note["x"] == pytest.approx(math.log10(suggestion.lr))  # Plotly wants logarithms there, and only there
        assert note["y"] > TOP
    assert len({note["y"] for note in names.values()}) == len(names)
    marks = data[-1]
    assert marks["marker"]["color"] == [SHADES[suggestion.method] for suggestion in given]
    at = np.interp(np.log(values(marks, "x")), np.log(one.sweeps[0].lr), one.sweeps[0].smoothed)
    np.testing.assert_allclose(values(marks, "y"), at, rtol=1e-5)


@pytest.mark.parametrize(("lowest", "highest", "side"), [(1e-7, 10.0, "right"), (1e-5, 1000.0, "left")])
def test_no_line_crosses_a_name(lowest: float, highest: float, side: str) -> None:
    """Names to the left of their lines stand higher the higher their LR, so lower LRs' lines end below them."""
    notes = finder_figure(found(Finder(lowest=lowest, highest=highest)))["layout"]["annotations"]
    named = sorted((note["x"], note["y"]) for note in notes if "name" in note)
    heights = [height for _, height in named]
    assert {note["xanchor"] for note in notes if "name" in note} == {side}
    assert heights == sorted(heights, reverse=side == "left")


def test_the_axis_reaches_over_what_was_asked_for_from_the_first_update() -> None:
    ranges = [finder_figure(found(Finder(), upto=upto))["layout"]["xaxis"]["range"] for upto in (0, 1, 30, None)]
    assert all(one == ranges[0] for one in ranges)
    assert ranges[0][0] < -7 < 1 < ranges[0][1]


def test_what_diverges_does_not_flatten_the_valley() -> None:
    one = found(Finder(highest=1000))
    low, high = finder_figure(one)["layout"]["yaxis"]["range"]
    smoothed = one.sweeps[0].smoothed
    assert smoothed.max() > high
    assert low <= smoothed.min()
    assert (smoothed[0] - smoothed.min()) / (high - low) > 0.3


def test_an_infinite_loss_is_a_gap_and_a_cross() -> None:
    one = found(Finder(), infinite=True)
    assert one.sweeps[0].diverged
    data = finder_figure(one)["data"]
    assert np.isnan(values(data[0], "y")[-1])
    (cross,) = [trace for trace in data if trace.get("marker", {}).get("symbol") == "x"]
    assert values(cross, "x") == pytest.approx([10.0])


def test_the_first_updates_are_not_blown_up() -> None:
    one = found(Finder(), upto=5)
    low, high = finder_figure(one)["layout"]["yaxis"]["range"]
    begin = one.sweeps[0].smoothed[0]
    assert low <= 7 / 8 * begin
    assert high >= 9 / 8 * begin
