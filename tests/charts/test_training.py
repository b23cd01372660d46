"""The three stacked charts: where rows lie, what is drawn of them, and axes that stand still while rows arrive."""

from __future__ import annotations

import base64
import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from lrlab.charts import Series, series, smoothing_window, training_figure
from lrlab.charts.traces import smooth
from lrlab.runs import LRChange
from lrlab.schedules import ScheduleSpec, curve

NAN, INF = math.nan, math.inf
STEP = {"scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}
COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 10}, "interval": "step"}
LONG_COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 20}}
WARM = {**STEP, "warmup": {"length": 1}}


def numbers(packed: Any) -> np.ndarray:
    """What a trace holds, whether it came as a typed array or as a list."""
    if isinstance(packed, dict):
        return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).astype(float)
    return np.array(packed, float)


def made(
    schedule: dict[str, Any] | None = None,
    *,
    epochs: int = 6,
    spe: int = 5,
    done: int | None = None,
    loss: Any = None,
    accuracy: Any = None,
    live: bool = False,
    name: str = "run",
    lr: float = 0.1,
    seconds: float = 0.5,
    resumed_at: tuple[int, ...] = (),
    pause: float = 0.0,
) -> Series:
    """A run of `epochs` x `spe` updates of which `done` are logged; an update takes `seconds`."""
    planned = curve(ScheduleSpec.model_validate(schedule or {}), lr, epochs, spe).lr
    n = epochs * spe if done is None else done
    step = np.arange(n)
    time = 1e9 + seconds * step + pause * sum((step >= first for first in resumed_at), start=np.zeros(n))
    losses = np.full(n, 1.0) if loss is None else np.resize(np.asarray(loss, float), n)
    ended = np.arange(n // spe)
    last = (ended + 1) * spe - 1
    accuracies = np.full(len(ended), 0.5) if accuracy is None else np.asarray(accuracy, float)[: len(ended)]
    return Series(
        name=name,
        colour="#0072B2",
        steps=pd.DataFrame({"step": step, "epoch": step // spe, "time": time, "lr": planned[:n], "loss": losses}),
        epochs=pd.DataFrame(
            {
                "epoch": ended,
                "step": last,
                "time": time[last] + 0.25,
                "lr": planned[last],
                "train_loss": losses[last],
                "train_accuracy": accuracies,
                "val_loss": losses[last],
                "val_accuracy": accuracies,
            }
        ),
        steps_per_epoch=spe,
        planned_epochs=epochs,
        planned=planned,
        resumed_at=resumed_at,
        live=live,
    )


def drawn(figure: dict[str, Any], y: str, **wanted: Any) -> list[dict[str, Any]]:
    """The traces on axis `y` ("y": loss, "y2": accuracy, "y3": LR) whose attributes are `wanted`."""
    found = [trace for trace in figure["data"] if trace["yaxis"] == y and trace["x"] != [None]]
    return [trace for trace in found if all(trace.get(key) == value for key, value in wanted.items())]


def validation(figure: dict[str, Any], y: str) -> dict[str, Any]:
    (trace,) = [trace for trace in drawn(figure, y) if trace["name"].startswith("validation")]
    return trace


# ---- where rows lie -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "updates", "validations"),
    [
        # 2 epochs of 4 updates, half a second each, a validation a quarter of a second after the epoch's last update
        ("epoch", [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2], [1, 2]),
        ("step", [1, 2, 3, 4, 5, 6, 7, 8], [4, 8]),
        ("seconds", [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], [1.75, 3.75]),
    ],
)
def test_a_row_lies_at_the_end_of_what_it_tells_about(x, updates, validations):
    figure = training_figure([made(epochs=2, spe=4)], x=x)
    (loss,) = drawn(figure, "y", name="training loss")
    assert numbers(loss["x"]).tolist() == updates
    for y in ("y", "y2"):
        assert numbers(validation(figure, y)["x"]).tolist() == validations


def test_a_pause_between_two_attempts_takes_no_room():
    resumed = made(epochs=2, spe=4, resumed_at=(5,), pause=3600.0)
    assert resumed.elapsed.tolist() == [0, 0.5, 1, 1.5, 2, 2, 2.5, 3]
    assert resumed.epoch_places("seconds").tolist() == [1.75, 3.25]


def test_a_clock_that_was_set_back_does_not_fold_the_curve():
    run = made(epochs=1, spe=4)
    run.steps.loc[2:, "time"] -= 100
    assert run.elapsed.tolist() == [0, 0.5, 0.5, 1.0]


# ---- smoothing ------------------------------------------------------------------------------------------------------


def running_mean(loss: list[float], window: int) -> list[float]:
    """The bias-corrected mean, written as its definition."""
    mean = []
    for now in range(len(loss)):
        known = [age for age in range(now + 1) if math.isfinite(loss[now - age])]
        weights = [(1 - 1 / window) ** age for age in known]
        total = sum(weight * loss[now - age] for weight, age in zip(weights, known, strict=True))
        mean.append(total / sum(weights) if math.isfinite(loss[now]) else NAN)
    return mean


@pytest.mark.parametrize(
    "loss", [[1.0, 3.0, 2.0, 8.0], [2.0] * 6, [5.0, NAN, 1.0, 1.0], [NAN, 4.0, INF, 2.0, -INF, 3.0], [NAN, NAN], []]
)
@pytest.mark.parametrize("window", [5, 12])
def test_smoothing_is_the_bias_corrected_mean_of_what_is_finite(loss, window):
    assert smooth(np.array(loss, float), window) == pytest.approx(running_mean(loss, window), nan_ok=True)


@pytest.mark.parametrize(("spe", "window"), [(1, 5), (12, 5), (30, 10), (300, 100), (6000, 200)])
def test_the_window_is_a_third_of_an_epoch_within_bounds(spe, window):
    assert smoothing_window(spe) == window


# ---- what is drawn --------------------------------------------------------------------------------------------------


def test_a_single_run_shows_each_update_behind_the_smoothed_loss_and_several_do_not():
    loss = [1.0, 2.0, 4.0, 3.0]
    (raw,) = drawn(training_figure([made(loss=loss, spe=2, epochs=2)]), "y", opacity=0.22)
    assert numbers(raw["y"]).tolist() == loss
    assert not drawn(training_figure([made(), made()]), "y", opacity=0.22)


def test_dashes_are_validation_and_colour_is_the_run():
    figure = training_figure([made()])
    for y in ("y", "y2"):
        solid = drawn(figure, y, mode="lines")
        assert {trace["line"]["dash"] for trace in solid} == {"solid"}
        assert validation(figure, y)["line"]["dash"] not in ("solid", None)
    assert {trace["line"]["color"] for trace in figure["data"] if trace["x"] != [None]} == {"#0072B2"}


@pytest.mark.parametrize(
    ("accuracy", "place"),
    [([0.5, 0.9, 0.9, 0.8], 2), ([0.1, 0.2, 0.3, 0.4], 4), ([NAN, 0.2, NAN, 0.1], 2), ([NAN] * 4, None)],
)
def test_the_best_epoch_is_ringed_the_first_of_equals(accuracy, place):
    figure = training_figure([made(epochs=4, accuracy=accuracy)])
    rings = [t for t in drawn(figure, "y2", mode="markers") if t["marker"]["symbol"] == "circle-open"]
    if place is None:
        assert rings == []
    else:
        assert rings[0]["x"] == [place]
        assert rings[0]["y"] == pytest.approx([100 * max(a for a in accuracy if a == a)])


@pytest.mark.parametrize("spec", [{}, STEP, COSINE, WARM], ids=["fixed", "steps", "cosine", "warm-up"])
def test_the_lr_is_the_curve_of_the_plan_used_until_the_end_of_each_update(spec):
    run = made(spec)
    (used,) = drawn(training_figure([run], x="step"), "y3")
    x, y = numbers(used["x"]), numbers(used["y"])
    assert used["line"]["shape"] == "vh"  # each point ends the stretch that holds its value
    at_middle_of_updates = y[np.searchsorted(x, np.arange(30) + 0.5)]
    assert at_middle_of_updates == pytest.approx(run.planned, rel=1e-6)


def test_the_lr_to_come_continues_where_the_log_ends():
    run = made(STEP, done=11, live=True)
    figure = training_figure([run], x="step")
    ahead, used = drawn(figure, "y3")
    assert numbers(ahead["x"])[0] == numbers(used["x"])[-1] == 11
    x, y = numbers(ahead["x"]), numbers(ahead["y"])
    assert y[np.searchsorted(x, np.arange(11, 30) + 0.5)] == pytest.approx(run.planned[11:], rel=1e-6)


def test_the_lr_to_come_begins_after_the_last_update_where_damaged_rows_were_left_out():
    run = made(STEP, done=11, live=True)
    run = replace(run, steps=run.steps.drop([3, 4, 7]).reset_index(drop=True))
    ahead, used = drawn(training_figure([run], x="step"), "y3")
    assert numbers(ahead["x"])[0] == numbers(used["x"])[-1] == 11
    assert numbers(ahead["x"])[-1] == len(run.planned) == 30
    # The LR halves after every second epoch of 5 updates.
    x, y = numbers(ahead["x"]), numbers(ahead["y"])
    assert y[np.searchsorted(x, [11.5, 19.5, 20.5, 29.5])] == pytest.approx([0.05, 0.05, 0.025, 0.025])


@pytest.mark.parametrize(
    ("live", "x", "traces"), [(True, "epoch", 2), (True, "step", 2), (True, "seconds", 1), (False, "epoch", 1)]
)
def test_only_a_living_run_has_an_lr_to_come_and_nobody_knows_when_in_seconds(live, x, traces):
    assert len(drawn(training_figure([made(STEP, done=11, live=live)], x=x), "y3")) == traces


@pytest.mark.parametrize(
    ("spec", "done", "places"),
    [
        (STEP, 30, [2, 4]),
        (STEP, 12, [2]),  # only what has happened
        (STEP, 5, []),
        ({}, 30, []),
        (COSINE, 30, []),  # a ramp is not made of jumps
        (WARM, 30, [3, 5]),  # the jumps after the ramp of a warm-up are
    ],
)
def test_lines_stand_through_all_charts_where_the_lr_jumped(spec, done, places):
    lines = training_figure([made(spec, done=done, live=done < 30)])["layout"]["shapes"]
    assert [line["x0"] for line in lines] == places
    assert all(line["x0"] == line["x1"] and (line["y0"], line["y1"]) == (0, 1) for line in lines)
    assert all(line["yref"] == "paper" for line in lines)


@pytest.mark.parametrize("done", [40, 100])
def test_a_run_that_will_jump_often_gets_no_lines_from_its_beginning_on(done):
    run = made(LONG_COSINE, epochs=20, done=done, live=done < 100)
    assert training_figure([run])["layout"]["shapes"] == []


# ---- a person's hand, the gradient, groups ---------------------------------------------------------------------------


def changed(step: int, factor: float, lr: float) -> LRChange:
    return LRChange(step=step, factor=factor, time=1e9, lr=lr)


def with_columns(run: Series, **columns: Any) -> Series:
    return replace(run, steps=run.steps.assign(**columns))


def test_a_change_by_hand_is_marked_through_all_charts_where_its_first_update_begins():
    run = replace(made(STEP, done=20), by_hand=(changed(0, 2.0, 0.2), changed(7, 0.5, 0.05), changed(25, 1.0, 0.1)))
    figure = training_figure([run], x="step")
    lines = [line for line in figure["layout"]["shapes"] if line["name"] == "hand"]
    assert [line["x0"] for line in lines] == [0, 7]  # the third has not been made yet
    assert all((line["yref"], line["y0"], line["y1"]) == ("paper", 0, 1) for line in lines)
    notes = [note["text"] for note in figure["layout"]["annotations"] if note["text"].startswith("by hand")]
    assert notes == ["by hand: 0.2", "by hand: 0.05"]
    go.Figure(figure)


def test_a_change_by_hand_is_not_taken_for_a_jump_of_the_schedule():
    lr = np.where(np.arange(30) < 12, 0.1, 0.05)
    run = replace(made(), planned=lr, steps=made().steps.assign(lr=lr), by_hand=(changed(12, 0.5, 0.05),))
    assert [line["name"] for line in training_figure([run])["layout"]["shapes"]] == ["hand"]


@pytest.mark.parametrize("x", ["epoch", "step", "seconds"])
def test_the_gradients_norm_has_a_chart_of_its_own_with_clipped_updates_below(x):
    norm = np.geomspace(0.5, 40, 30)
    run = with_columns(made(), grad_norm=norm, clipped=(norm > 10).astype(float))
    run = replace(run, gradient=True, clip_norm=10.0)
    figure = training_figure([run], x=x)
    go.Figure(figure)
    (raw,) = drawn(figure, "y4", opacity=0.3)
    assert numbers(raw["y"]) == pytest.approx(norm, rel=1e-6)
    (ticks,) = drawn(figure, "y4", mode="markers")
    places = numbers(raw["x"])
    assert numbers(ticks["x"]) == pytest.approx(places[norm > 10])
    assert set(np.log10(numbers(ticks["y"])).round(5)) == {figure["layout"]["yaxis4"]["range"][0]}
    (limit,) = [line for line in figure["layout"]["shapes"] if line["name"] == "limit"]
    assert (limit["y0"], limit["yref"]) == (10.0, "y4")
    domains = sorted(figure["layout"][axis]["domain"] for axis in ("yaxis", "yaxis2", "yaxis3", "yaxis4"))
    assert all(below[1] < above[0] for below, above in itertools.pairwise(domains))


@pytest.mark.parametrize("norm", [[NAN], [INF], [0.0], [NAN, 1.0, INF], [1e-30, 1e30]])
def test_any_gradient_makes_a_figure_that_plotly_takes(norm):
    run = with_columns(made(), grad_norm=np.resize(norm, 30), clipped=np.resize([0.0, 1.0], 30))
    figure = training_figure([replace(run, gradient=True), made()])
    go.Figure(json.loads(json.dumps(figure, allow_nan=False)))
    low, high = figure["layout"]["yaxis4"]["range"]
    assert math.isfinite(low) and math.isfinite(high) and low < high


def test_without_a_gradient_there_are_three_charts():
    assert "yaxis4" not in training_figure([made()])["layout"]


def test_a_run_that_will_log_its_gradient_has_the_chart_from_its_first_row():
    layout = training_figure([replace(made(done=0, live=True), gradient=True)])["layout"]
    assert layout["yaxis4"]["range"] == [-1.0, 1.0]


def test_every_groups_lr_is_drawn_thin_and_lies_within_the_axis():
    run = made(STEP)
    run = with_columns(run, lr_backbone=run.planned * 3, lr_head=run.planned)
    figure = training_figure([run], x="step")
    thin = [trace for trace in drawn(figure, "y3") if trace["line"]["width"] == 1]
    assert [trace["name"] for trace in thin] == ["backbone's LR", "head's LR"]
    assert numbers(thin[0]["y"]).max() == pytest.approx(0.3)
    assert figure["layout"]["yaxis3"]["range"][1] > 0.3


# ---- what must not break a figure -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [
        [NAN],
        [INF, -INF],
        [1.0, 2.0, NAN],
        [1.0] * 20 + [1e30, 1e300, INF, NAN],
        [0.0],
        [-3.0, -2.0],
        [1e-12],
        [NAN, 1.0],
    ],
)
@pytest.mark.parametrize("x", ["epoch", "step", "seconds"])
def test_any_loss_makes_a_figure_that_plotly_takes(loss, x):
    figure = training_figure([made(loss=loss), made(loss=loss[::-1])], x=x, log_lr=True)
    text = json.dumps(figure, allow_nan=False)
    go.Figure(json.loads(text))
    for name in ("xaxis", "yaxis", "yaxis2", "yaxis3"):
        low, high = figure["layout"][name]["range"]
        assert math.isfinite(low) and math.isfinite(high) and low < high
    assert not any(np.isinf(numbers(trace["y"])).any() for trace in figure["data"])


@pytest.mark.parametrize("done", [0, 1, 4])
@pytest.mark.parametrize("log_lr", [False, True])
def test_a_run_that_has_hardly_begun_makes_a_figure_with_all_three_charts(done, log_lr):
    figure = training_figure([made(done=done, live=True)], log_lr=log_lr)
    go.Figure(figure)
    assert {trace["yaxis"] for trace in figure["data"]} == {"y", "y2", "y3"}


def test_no_run_makes_an_empty_figure():
    go.Figure(training_figure([]))


def test_where_the_loss_stopped_being_a_number_stands_a_cross_inside_the_chart():
    figure = training_figure([made(loss=[2.0] * 8 + [1e9] * 2 + [NAN] * 20)], x="step")
    (cross,) = [trace for trace in drawn(figure, "y", mode="markers") if trace["marker"]["symbol"] == "x"]
    assert cross["x"] == [11]
    assert 0 < cross["y"][0] <= figure["layout"]["yaxis"]["range"][1]
    assert "update 11 on" in cross["hovertemplate"]


def test_a_run_that_diverges_does_not_flatten_the_others():
    diverging = [2.0] * 10 + [10.0**power for power in range(20)]
    figure = training_figure([made(loss=np.linspace(2, 1, 30)), made(loss=diverging)])
    assert figure["layout"]["yaxis"]["range"][1] <= 10


@pytest.mark.parametrize("name", ["<b>bold</b>", '<a href="javascript:x">y</a>', "%{x}", "a & b", "烘焙"])
def test_a_name_is_shown_as_it_is(name):
    figure = training_figure([made(name=name), made()])
    shown = [trace["name"] for trace in figure["data"] if trace["x"] != [None]]
    assert any(part.startswith(name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for part in shown)
    assert not any(name in trace.get("hovertemplate", "") for trace in figure["data"])


# ---- size and stillness ---------------------------------------------------------------------------------------------


def test_long_runs_are_thinned_and_keep_their_peaks():
    loss = np.random.default_rng(0).random(60_000)
    loss[31_234] = 3.0
    run = made(STEP, epochs=100, spe=600, loss=loss, accuracy=np.linspace(0, 1, 100))
    figure = training_figure([run])
    assert max(len(numbers(trace["x"])) for trace in figure["data"]) <= 1605
    (raw,) = drawn(figure, "y", opacity=0.22)
    assert numbers(raw["y"]).max() == 3.0
    assert len(json.dumps(figure)) < 100_000


def test_many_runs_are_thinned_further():
    runs = [made(epochs=100, spe=600, loss=np.random.default_rng(seed).random(60_000)) for seed in range(8)]
    assert max(len(numbers(trace["x"])) for trace in training_figure(runs)["data"]) <= 405


@pytest.mark.parametrize("x", ["epoch", "step"])
def test_while_rows_arrive_the_axes_stand_still(x):
    loss = 2 * np.exp(-np.arange(600) / 200) + 0.2 + 0.05 * np.random.default_rng(0).standard_normal(600)
    accuracy = 0.9 - 0.6 * np.exp(-np.arange(20) / 5)
    looks = []
    for done in range(1, 600, 7):
        run = made(STEP, epochs=20, spe=30, done=done, loss=loss, accuracy=accuracy, live=True)
        layout = training_figure([run], x=x)["layout"]
        looks.append({name: tuple(layout[name]["range"]) for name in ("xaxis", "yaxis", "yaxis2", "yaxis3")})
    for name in ("xaxis", "yaxis", "yaxis3"):
        assert len({look[name] for look in looks}) == 1, name
    accuracies = [look["yaxis2"] for look in looks]
    moves = sum(before != after for before, after in itertools.pairwise(accuracies))
    assert moves <= 6
    assert moves == len(set(accuracies)) - 1  # never to and fro


def test_in_seconds_the_axis_grows_in_round_steps():
    ends = []
    for done in range(1, 600):
        run = made(epochs=20, spe=30, done=done, live=True)
        ends.append(training_figure([run], x="seconds")["layout"]["xaxis"]["range"][1])
    assert ends == sorted(ends)
    assert sorted(set(ends)) == [10, 20, 30, 45, 60, 90, 120, 180, 300]


def test_a_run_that_ended_early_is_shown_as_far_as_it_came():
    stopped = training_figure([made(epochs=100, spe=5, done=20)])
    assert stopped["layout"]["xaxis"]["range"] == [0, pytest.approx(4, rel=0.02)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"x": "epoch"}, {"x": "epoch", "log_lr": True}, True),
        ({"x": "epoch"}, {"x": "step"}, False),
        ({"x": "step"}, {"x": "seconds"}, False),
    ],
)
def test_a_zoom_stays_until_the_x_axis_counts_something_else(one, other, same):
    few, more = made(done=7, live=True), made(done=20, live=True)
    before, after = training_figure([few], **one)["layout"], training_figure([more], **other)["layout"]
    assert before["uirevision"] == after["uirevision"]
    assert (before["xaxis"]["uirevision"] == after["xaxis"]["uirevision"]) is same


# ---- from a run on disk ---------------------------------------------------------------------------------------------


def test_a_run_on_disk_becomes_a_series(start_run):
    worker = start_run(name="one", epochs=3, schedule=STEP).train(7)
    now = series(worker.run, "#123456")
    assert (now.name, now.live, now.planned_epochs, now.steps_per_epoch) == ("one", True, 3, 5)
    assert now.planned == pytest.approx(worker.lr)
    assert len(now.steps) == 7 and len(now.epochs) == 1
    worker.train().end()
    later = series(worker.run, "#123456", "called otherwise")
    assert (later.name, later.live, len(later.epochs)) == ("called otherwise", False, 3)
    go.Figure(training_figure([later]))
