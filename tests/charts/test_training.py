"""The three stacked charts: where rows lie, and what is drawn of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lrlab.charts import series, training_figure

from .made_runs import NAN, STEP, drawn, made, numbers, validation

COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 10}, "interval": "step"}
LONG_COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 20}}
WARM = {**STEP, "warmup": {"length": 1}}


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
